#!/bin/bash
# quis doctor: what it says of each way to reach data, that a hook which is not there takes down only itself, and that reports
# speak of what was not seen only where it was used.
# shellcheck disable=SC2016
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
cd "$T" || exit 1
ACTS=$ROOT/$B/acts
echo text >text

doctor() { "$QUIS" doctor --hooks tracepoint --format json "$@"; }
ways() { jq -c '.modes[0].ways[]' "$1"; }

# ---- the table ----
doctor >plain || note "status $?"
ok "JSON: one document" jq -es 'length == 1' plain
said_of='(.modes[0].ways | length > 20 and all((.seen == "exactly" and (has("why") or has("mend") or has("missing") | not)) or
	((.seen == "lower bound" or .seen == "not seen") and ((.why // .missing // "") | length > 20) and ((.mend // "") | length > 10))))'
ok "JSON: each way is seen exactly, or it says why not and what would mend it, or that nothing does" jq -e "$said_of" plain
ok "JSON: what is seen is seen by a hook" jq -e '[.modes[0].ways[] | select(.seen == "exactly" and .hooks == [] and .family != "where paths lie") | .way] == []' plain
ok "JSON: every sentence of unseen is that of a way" jq -e '.modes[0] | .unseen - [.ways[] | .why, .missing] == []' plain
ok "JSON: nothing is missing here" jq -e '.modes[0].missing == []' plain
"$QUIS" doctor --hooks tracepoint >text.out
# As the text has it: family, what, how seen, missing or why, mend, with tabs between.
rows() {
	awk '
		function tell() { if (what) print family "\t" what "\t" seen "\t" missing "\t" why "\t" mend; what = "" }
		/^with / { table = 1; next }
		/^$/ { tell(); table = 0 }
		!table { next }
		/^  [^ ]/ { tell(); family = substr($0, 3); next }
		/^    (exactly|lower bound|not seen) / { tell(); seen = substr($0, 5, 12); sub(/ *$/, "", seen); what = substr($0, 18); missing = why = mend = ""; next }
		sub(/^ +missing: /, "") { missing = $0 }
		sub(/^ +why: /, "") { why = $0 }
		sub(/^ +would mend it: /, "") { mend = $0 }
		END { tell() }' "$1"
}
is "text: every way of every family, with the same words" "$(diff <(rows text.out) <(jq -r '.modes[0].ways[] | [.family, .way, .seen, .missing // "", .why // "", .mend // ""] | join("\t")' plain))" ''
ok "text: families, what, how, by what" bash -c 'grep -q "^  network$" text.out && grep -q "^    exactly      read, write" text.out && grep -q "by tp_btf/sys_exit" text.out'
ok "text: why, and what would mend it" bash -c 'grep -q "why: The kernel.s own paths of actions" text.out && grep -q "would mend it: hooks of the kind trampoline" text.out'
fails "an unknown format" 2 "format" "$QUIS" doctor --format bogus
fails "an unknown option" 2 "doctor" "$QUIS" doctor --bogus
fails "types that are none" 77 "" env B="$B" bash -c '"$QUIS" doctor --btf text >types.out; rc=$?; grep -m 1 "no: text holds no BTF" types.out >&2; exit $rc'

# ---- a hook that is not there ----
doctor --hide io_uring_complete >hidden || note "status $?"
ok "hidden: it is named" jq -e '.modes[0].missing | length == 1 and .[0].program == "uring_complete"' hidden
ok "hidden: so is what is lost" jq -e '.modes[0].unseen | any(test("^uring_complete: .*io_uring is not seen"))' hidden
ok "hidden: what falls short by it says why, and what would mend it" jq -e "$said_of"' and ([.modes[0].ways[] | select(.missing)] |
	length == 1 and (.[0].mend | test("io_uring_disabled")))' hidden
ok "hidden: one hook less, no more" jq -e --slurpfile plain plain '.modes[0].hook_count == $plain[0].modes[0].hook_count - 1' hidden
is "hidden: one way less, no more" "$(diff <(ways plain) <(ways hidden) | grep -c '^>')" 1
# Each hook of the tracepoint way beside that at the end of any call: without those of processes there is nothing to record, each other
# takes down its own ways alone.
while read -r symbol program; do
	jq -e --arg hook "tp_btf/$symbol" '[.modes[0].ways[].hooks[]] | any(. == $hook)' plain >/dev/null || { skip "hidden: $symbol" "not in this kernel"; continue; }
	doctor --hide "$symbol" >less
	ok "hidden: $symbol alone is missing, and named" jq -e --slurpfile plain plain --arg program "$program" '.modes[0] | .available and
		[.missing[].program] == [$program] and .hook_count == $plain[0].modes[0].hook_count - 1 and ([.ways[] | select(.missing)] | length) == 1' less
	is "hidden: $symbol takes down only its ways" "$(jq -n --slurpfile plain plain --slurpfile less less --arg program "$program" '[$plain[0], $less[0] | .modes[0].ways] |
		transpose | map(select(.[0] != .[1])) | map(.[1] | select(.missing | (. // "") | test("^" + $program + ":") | not)) | length')" 0
	ok "hidden: $symbol: why, and what would mend it" jq -e "$said_of" less
done <<-END
	cgroup_mkdir cgroup_mkdir
	cgroup_rmdir cgroup_rmdir
	cgroup_attach_task cgroup_attach_task
	io_uring_cqe_overflow uring_overflow
	mm_filemap_map_pages page_fault_around
END
for symbol in sys_exit sched_process_exec sched_process_fork sched_process_exit; do
	doctor --hide "$symbol" >less
	ok "hidden: without $symbol there is no recording, and it says so" jq -e --arg symbol "$symbol" '.modes[0] | .available == false and
		(.why | test($symbol)) and (.mend | length > 10)' less
done
fails "hidden: nor does a recording begin without" 77 "tp_btf/sched_process_fork" "$QUIS" run --hooks tracepoint --hide sched_process_fork -o none -- true
"$ACTS/run" --quis "$QUIS" --hooks tracepoint --options '--hide io_uring_complete' --json acts.jsonl \
	--only 'uring/read,file/pread,file/readv,net/tcp4,change/rename' --keep --work work >acts.tap
is "hidden: everything else counts exactly" "$(jq -r 'select(.act != "uring/read") | .result' acts.jsonl | sort | uniq -c | tr -s ' ')" " 4 exact"
is "hidden: what it saw is a lower bound, since it is said to be missing" "$(jq -r 'select(.act == "uring/read") | .result' acts.jsonl)" lower
ok "hidden: text reports name it too" bash -c '"$QUIS" report work/file-pread/case | grep -q "uring_complete: .*not seen"'

# ---- only what matters in that session ----
did() { # CASE COMMAND...
	local case=$1
	shift
	"$QUIS" run -o "$case" -- "$@" >/dev/null 2>&1 && report "$case"
}
says() { holds "$1" '.completeness.unseen | any(test($p))' --arg p "$2"; } # CASE PATTERN
silent() { ! says "$@"; }
did cat cat text
ok "cat maps its libraries: what of them was touched is told" says cat "mapped file"
for pattern in io_uring AIO 32-bit 'kernel module' 'BPF program' 'another process' 'another thread' 'block device' kexec; do
	ok "cat: no word of $pattern" silent cat "$pattern"
done
ok "the case says at its start what could have been" bash -c 'head -n 1 cat/facts-000001.ndjson | jq -e ".[\"quis.unseen\"] | any(test(\"kernel module\"))"'
mkdir act
did trace "$ACTS/watch" ptrace-seize act
ok "ptrace: who did it, to whom" says trace '^watch\[[0-9]+\] reached into the memory of another process \(ptrace, process [0-9]+\)'
did program "$ACTS/watch" bpf-program act
ok "a BPF program: who loaded it" says program '^watch\[[0-9]+\] loaded a BPF program'
did against "$ACTS/watch" signal-sensor act
ok "against the sensor: who did it, by what" says against '^watch\[[0-9]+\] acted against this sensor \(kill\).*: what is recorded after that may have been altered by it'
"$ACTS/watch" --prepare finit-module act && did refused_to "$ACTS/watch" finit-module act
ok "a module that was not loaded: no word of it" silent refused_to 'loaded a kernel module'
did written sh -c 'echo x >>written/note'
ok "the case was written to: by whom, which file" says written '^sh\[[0-9]+\] acted against this sensor \(.*/written/note\)'
"$ACTS/race" --prepare shared-table act && did threads "$ACTS/race" shared-table act
ok "a shared table of descriptors: races are told" says threads "another thread"
disk=$(stat -c %d .)
if mknod node b $((disk >> 8)) $((disk & 255)) && head -c 1 node >/dev/null 2>&1; then
	did disk head -c 512 node
	ok "a block device, by another name: who opened it" says disk '^head\[[0-9]+\] opened a block device \(.*/node\)'
else
	skip "a block device, by another name: who opened it" "none below here can be opened"
fi
mkdir proc
did memory unshare -m sh -c 'mount -t proc none proc && head -c 1 "proc/$$/mem"; true'
ok "a /proc elsewhere: whose memory was opened" says memory '^head\[[0-9]+\] reached into the memory of another process \(.*/proc/[0-9]+/mem\)'
finish
