#!/bin/bash
# scripts/coverage: what it makes of the acts' results, and that it names each cell that got worse.
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
command -v python3 >/dev/null || skip_all "no python3"
cd "$T" || exit 1
export QUIS_COVERAGE=$T/COVERAGE.md

line() { # ACT RESULT [MORE]; a line as acts/run writes it
	printf '{"act":"%s","result":"%s","detail":"","hooks":"tracepoint","kernel":"6.18.1-x","reason":"%s","missed_runs":false,"vm":false%s}\n' "$1" "$2" "$([ "$2" = exact ] || echo "why /tmp/quis-acts.AbCdEf/x/dir/a")" "${3-}"
}
coverage() { "$ROOT/scripts/coverage" "$@"; }
cell() { sed -n "s,^| \`$1\` [^|]*| \([^|]*[^ |]\) *|.*,\1,p" "${2:-COVERAGE.md}"; }

{ line file/read exact; line file/write exact; line race/dup-swap lower ',"may":"lower"'; line move/ficlone skip; line uring/open-direct wrong
	line race/replace-during misattributed ',"may":"misattributed"'; line storm/forks exact ',"scale":10,"seconds":1.2'; line storm/many-files exact ',"scale":1,"seconds":6'; } >first
coverage first
is "a cell: exact" "$(cell file/read)" exact
is "a cell: a lower bound, with its reason below" "$(cell race/dup-swap)" 'lower bound [^1]'
ok "reasons have nothing that differs from run to run" grep -qxF '[^1]: why DIR/a' COVERAGE.md
is "a cell: not on this kernel" "$(cell move/ficlone)" 'not on this kernel [^1]'
is "a cell: above the truth for one object has a word of its own" "$(cell race/replace-during)" 'misattributed, said [^1]'
is "a cell: a storm that was smaller says so" "$(cell storm/forks)" 'exact [^2]'
ok "... and by how much" grep -qxF '[^2]: a 10th of the size that it has natively' COVERAGE.md
is "a cell: one of full size has nothing to say" "$(cell storm/many-files)" exact
is "a cell: wrong is not hidden" "$(cell uring/open-direct)" '**wrong** [^1]'
ok "what an act is about stands beside it" grep -q '^| .file/write. write |' COVERAGE.md
ok "the kernel, and how many of what" grep -qxF '| 6.18 native tp | native tracepoint | 6.18 | 4 | 1 | 1 | 0 | 1 | 1 |' COVERAGE.md

cp COVERAGE.md before
coverage first && ok "the same results make the same table" cmp before COVERAGE.md
coverage /dev/null && ok "read and written again, it is the same" cmp before COVERAGE.md
sed 's/"vm":false/"vm":true/; s/6.18.1-x/6.12.3/; s/tracepoint/trampoline/' first >other
coverage other
is "another column beside the first, which stays" "$(grep -c '^| .file/read. read | exact | exact |$' COVERAGE.md)" 1

line file/read lower >worse
ok "--check: worse is a failure" bash -c '! "$ROOT/scripts/coverage" --check worse >said'
ok "... with its name" grep -q '^worse: file/read, native tracepoint: was exact, is lower bound' said
is "... and the table stays" "$(cell file/read)" exact
for one in misattributed unseen skip wrong; do
	line file/read "$one" >worse
	ok "--check: $one is worse than exact" bash -c '! "$ROOT/scripts/coverage" --check worse >/dev/null'
done
line race/dup-swap misattributed >worse
ok "--check: a number of another object's is worse than a lower bound" bash -c '! "$ROOT/scripts/coverage" --check worse >said && grep -q "was lower bound, is misattributed, said" said'
line file/read exact >same
ok "--check: what was not run is not worse" coverage --check same
line uring/open-direct exact >better
ok "--check: better is none" coverage --check better
line file/read lower ',"may":"lower"' >may
ok "--check: what the act's row permits is none" coverage --check may
line race/dup-swap exact ',"may":"lower"' >lucky
coverage lucky
is "a cell that may fall short keeps the worst" "$(cell race/dup-swap | cut -d' ' -f1-2)" "lower bound"
sed 's/6.18.1-x/6.99.1/; s/exact/lower/' same >moved
ok "--check: another kernel is not compared" bash -c '"$ROOT/scripts/coverage" --check moved | grep -q "seen on 6.18 before and on 6.99 now: not compared"'
line file/no-such-act exact >gone && coverage gone >said
ok "an act that there is no more is named" bash -c '[ ! -x "$ROOT/$B/acts/file" ] || grep -q "file/no-such-act: there is no such act" said'
unset QUIS_COVERAGE
cp "$ROOT/tests/COVERAGE.md" committed && QUIS_COVERAGE=$T/committed coverage /dev/null
# legend and titles are of the run that made it
cells() { sed -n 's/^| `\([^`]*\)`[^|]*|/\1 |/p; /^\[^/p' "$1"; }
is "the committed table is one that coverage wrote" "$(diff <(cells committed) <(cells "$ROOT/tests/COVERAGE.md"))" ''
ok "... and has cells" test "$(cells committed | wc -l)" -gt 300
cp committed again && QUIS_COVERAGE=$T/again coverage /dev/null
ok "... which stays as it is" cmp committed again
finish
