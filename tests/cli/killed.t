#!/bin/bash
# The sensor is killed again and again under load, and the next one goes on with the case: --pin. After each kill the case verifies, also
# against the checkpoint from before; in the end the counts are those of the load, or a gap says that they are not. QUIS_KILLS rounds (12).
# shellcheck disable=SC2016
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
[ -n "${QUIS_IN_MOUNTS:-}" ] || { clean_up; QUIS_IN_MOUNTS=1 exec unshare -m --propagation private "$0" "$@"; }
cd "$T" || exit 1
RECORD=${QUIS%/*}/quis-record
ROUNDS=${QUIS_KILLS:-12}
mkdir bpf && mount -t bpf none bpf || skip_all "no BPF file system can be mounted here"
at_end umount "$T/bpf"

# The load: reads files in its own process and in children, renames, and says in the end how often it did what.
cp "$(command -v perl)" load && mkdir files && for i in $(seq 40); do echo "text $i" >"files/$i"; done
cat >load.pl <<'END'
use strict; my ($seed, $dir) = @ARGV; srand $seed;
my ($opens, $reads, $bytes, $renames, $forks, $i) = (0, 0, 0, 0, 0, 0);
my $one = sub { my $b; my $n = 1 + int rand 40; open my $f, '<', "$dir/$n" or die; $opens++;
	for (1 .. 1 + int rand 4) { sysseek $f, 0, 0; $bytes += sysread $f, $b, 100; $reads++ } close $f; };
while (!-e 'stop') {
	$one->() for 1 .. 20;
	if (++$i % 10 == 0) { $forks++; my $pid = fork; if (!$pid) { exec '/proc/self/exe', '-e', 'exit 0' or die } waitpid $pid, 0 }
	if ($i % 7 == 0) { my @n = ("$dir/a$seed", "$dir/b$seed"); rename $n[$renames % 2], $n[1 - $renames % 2] or die; $renames++ }
	select undef, undef, undef, 0.005;
}
printf "%d %d %d %d %d\n", $opens, $reads, $bytes, $forks, $renames;
END
touch files/a1 files/a2

start() {
	"$RECORD" record -o case --path "$T/load" --pin "$T/bpf/quis" --segment-size 256K --segment-age 20s >>rec.out 2>rec.err </dev/null &
	RECORDER=$!
	PIDS+=("$RECORDER")
}
start
ok "it records" within 200 test -s case/checkpoint
for seed in 1 2; do ./load load.pl "$seed" files >"truth.$seed" & PIDS+=($!); LOADS="${LOADS:-} $!"; done
sleep 1.5

intact() { # what a case that is being written may be: 0, with no end
	"$QUIS" verify case ${1:+--since "$1"} >verify.out 2>&1 || { cat verify.out; return 1; }
}
broken=0 failed=0
for round in $(seq "$ROUNDS"); do
	# three of four once it records, the others wherever it is by then: also while it starts
	[ "$round" = 1 ] || [ $((round % 4)) = 0 ] || within 60 grep -q 'going on' rec.err || note "round $round: it does not go on: $(cat rec.err)"
	sleep "$(printf '%d.%03d' $((RANDOM % 2)) $((RANDOM % 1000)))"
	kill -9 "$RECORDER" 2>/dev/null || { failed=$((failed + 1)); note "round $round: it had ended: $(cat rec.err)"; }
	wait "$RECORDER" 2>/dev/null
	intact || { broken=$((broken + 1)); note "round $round: $(cat verify.out)"; }
	[ ! -e before ] || intact before || { broken=$((broken + 1)); note "round $round, since the one before: $(cat verify.out)"; }
	cp case/checkpoint before
	[ $((round % 3)) != 0 ] || sleep 0.7
	start
done
is "after each of $ROUNDS kills the case is intact, also since the kill before" "$broken" 0
is "each time another one had gone on" "$failed" 0
ok "the last one records" within 20 grep -q 'going on' rec.err
sleep 2
touch stop
for pid in $LOADS; do wait "$pid"; done
sleep 1
kill -TERM "$RECORDER"
wait "$RECORDER"
is "the recording ends" $? 0
is "there is one case" "$(echo case*)" case
is "nothing stays pinned" "$(find bpf/quis -type f)" ''
ok "the whole case is intact, and ended" bash -c '"$0" verify case | tee verify.out | grep -q "the recording ended"' "$QUIS"
report case
read -r opens reads bytes forks renames < <(awk '{ for (i = 1; i <= 5; i++) n[i] += $i } END { print n[1], n[2], n[3], n[4], n[5] }' truth.*)
seen() { jq -r --arg dir "$T/files/" '[.processes[].files[] | select((.path // "") | startswith($dir))] |
	"\(map(.opens) | add) \(map(.reads) | add) \(map(.read_bytes) | add)"' case.json; }
seen=$(seen) truth="$opens $reads $bytes"
gaps=$(cat case/facts-*.ndjson | jq -c 'select(."quis.fact" == "gap") | ."quis.gap.what"' | sort | uniq -c)
note "opens, reads, bytes: $truth; seen: $seen; gaps: ${gaps:-none}"
if jq -e .completeness.exact case.json >/dev/null; then is "exact: the counts are those of the load" "$seen" "$truth"
else ok "not exact, as a gap says: no count is above the truth" bash -c 'set -- $1 $2; [ "$1" -le "$4" ] && [ "$2" -le "$5" ] && [ "$3" -le "$6" ]' - "$seen" "$truth"; fi
ok "what was lost is below a tenth" bash -c 'set -- $1 $2; [ $(($1 * 10)) -ge $(($4 * 9)) ]' - "$seen" "$truth"
children=$(jq '[.processes[] | select(.flagged_by == "parent")] | length' case.json)
acts=$(jq '[.processes[].actions[] | select(.kind == "rename") | .detail.count // 1] | add' case.json)
if jq -e .completeness.exact case.json >/dev/null; then is "exact: so are children and renames" "$children" "$forks"; else
	ok "no more children ($children of $forks) and renames ($acts of $renames) than there were" test "$children" -le "$forks" -a "$acts" -le "$renames"; fi

# Killed at the first byte that it writes of an epoch: what it had merged, and not written, is there still.
if command -v strace >/dev/null; then
	cp "$(command -v cat)" reader
	sensor() {
		"$RECORD" record -o first --path "$T/reader" --pin "$T/bpf/first" >first.out 2>first.err </dev/null &
		RECORDER=$!
		PIDS+=("$RECORDER")
	}
	sensor
	ok "it records anew" within 60 test -s first/checkpoint
	background strace -qq -o calls -e trace=write -P "$T/first/facts-000001.ndjson" -e inject=write:error=EIO:signal=SIGKILL -p "$RECORDER"
	traced() { grep -q "^TracerPid:.$BG$" "/proc/$RECORDER/status"; }
	within 10 traced
	./reader files/* >/dev/null
	ok "it is killed as it begins to write" within 10 gone "$RECORDER"
	wait "$RECORDER" 2>/dev/null
	lines=$(cat first/facts-*.ndjson | wc -l)
	./reader files/1 >/dev/null
	sensor
	ok "another one goes on" within 20 grep -q "going on after the death of the sensor; $lines lines were there" first.err
	sleep 1.5
	kill -TERM "$RECORDER"
	wait "$RECORDER"
	report first
	seen() { jq -c --arg dir "$T/files/" '[.processes[].files[] | select((.path // "") | startswith($dir))] | [(map(.opens) | add), (map(.read_bytes) | add)]' first.json; }
	is "... and every count is there, exactly" "$(seen) $(jq .completeness.exact first.json)" "[$(echo files/* files/1 | wc -w),$(cat files/* files/1 | wc -c)] true"
else
	skip "killed at its first write" "no strace"
fi
finish
