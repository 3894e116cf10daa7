#!/bin/bash
# scripts/stack-depth: adds up frames along calls as old kernels do, and fails when a chain has more than they allow.
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
command -v python3 >/dev/null || skip_all "no python3"
command -v clang >/dev/null || skip_all "no clang"
cd "$T" || exit 1

# A program that calls two functions, each with so many bytes of a frame; the second is called by the first.
object() { # OUTER INNER
	cat >"$1-$2.c" <<-END
		static long (*helper)(void *, unsigned, const void *) = (void *)4;
		__attribute__((noinline)) int inner(int n) { char a[$2]; helper(a, $2, (void *)(long)n); return a[n & 7]; }
		__attribute__((noinline)) int outer(int n) { char a[$1]; helper(a, $1, (void *)(long)n); return inner(n) + a[n & 7]; }
		__attribute__((section("tp_btf/x"), used)) int program(void *ctx) { return outer((long)ctx & 255); }
	END
	clang -O2 -g -target bpf -c "$1-$2.c" -o "$1-$2.o" && echo "$1-$2.o"
}
depth() { "$ROOT/scripts/stack-depth" "$@"; }

object 200 200 >/dev/null && object 256 256 >/dev/null && object 224 256 >/dev/null && object 225 256 >/dev/null
is "frames are rounded up and added up along calls" "$(depth 200-200.o)" '480 of 512 bytes: program 32, outer 224, inner 224'
ok "512 are allowed" depth 224-256.o
is "... to the byte" "$(depth 224-256.o | cut -d: -f1)" '512 of 512 bytes'
is "more are not, and the chain is named" "$(depth 225-256.o; echo $?)" $'544 of 512 bytes: program 32, outer 256, inner 256\n1'
ok "a file without programs is no proof" bash -c '! "$ROOT/scripts/stack-depth" /bin/true 2>/dev/null'
finish
