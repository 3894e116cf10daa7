#!/bin/bash
# What is done to the sensor while it records: a full disk, a disk that fails, a stop of seconds, a product that fights it or replaces itself.
# shellcheck disable=SC2016
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
[ -n "${QUIS_IN_MOUNTS:-}" ] || { clean_up; QUIS_IN_MOUNTS=1 exec unshare -m --propagation private "$0" "$@"; }
cd "$T" || exit 1
RECORD=${QUIS%/*}/quis-record
mkdir many && for i in $(seq 12000); do echo "$i" >"many/a-name-that-is-long-enough-to-fill-a-small-disk-quickly-$i"; done
echo before >before && echo after >after

intact() { "$QUIS" verify "$1" >verify.out 2>&1 || { cat verify.out; return 1; }; }
read_of() { # CASE FILE BYTES
	holds "$1" 'files($path) | total(.read_bytes) == $n' --arg path "$T/$2" --argjson n "$3"
}

# ---- a full disk of 4 MiB, on which there is room again later ----
mkdir small && mount -t tmpfs -o size=4m none small
at_end umount -l "$T/small"
cat >busy <<'END'
cat before >/dev/null
sleep 2.5
head -c 10000000 /dev/zero >small/filler 2>/dev/null
cat many/* >busy.out
sleep 2
cat many/* >busy.out2
sleep 2
rm small/filler; mount -o remount,size=64m small
sleep 3
cat after >/dev/null
exit 5
END
"$QUIS" run --segment-size 1M -o small/case -- sh busy >out 2>err
is "full disk: COMMAND's own status" $? 5
is "full disk: COMMAND did all that it had to" "$(wc -l <busy.out):$(wc -l <busy.out2)" 12000:12000
ok "full disk: one line says so, at most" test "$(wc -l <err)" -le 1
cp -r small/case full && report full
ok "full disk: what was before is there" read_of full before 7
ok "full disk: the recording goes on when there is room" read_of full after 6
ok "full disk: it is not exact, and a gap says what could not be written, and how much" \
	holds full '.completeness.exact == false and any(.completeness.gaps[]; (.what | test("could not be written")) and .count > 0)'
ok "full disk: the case is intact" intact full

# ---- a disk that fails: ext4 that has gone read-only, in the middle ----
if truncate -s 16M disk.img && mkfs.ext4 -q -F disk.img 2>/dev/null && mkdir disk && mount -o loop disk.img disk 2>/dev/null; then
	at_end umount -l "$T/disk"
	printf 'cat before >/dev/null; sleep 2.5; touch ready; while [ ! -e failed ]; do sleep 0.1; done; cat many/* >busy.out; sleep 1.5; exit 6\n' >busy
	"$QUIS" run -o disk/case -- sh busy >out 2>err &
	pid=$!
	within 20 test -e ready
	mount -o remount,abort disk 2>/dev/null
	touch failed
	wait "$pid"
	is "read-only disk: COMMAND's own status, and its work" "$?:$(wc -l <busy.out)" 6:12000
	ok "read-only disk: it is said" grep -qE 'could not be written|not sealed' err
	cp -r disk/case failed-disk && report failed-disk
	ok "read-only disk: what was before is there, and it is not exact" bash -c 'jq -e ".completeness.exact == false" failed-disk.json'
	ok "read-only disk: what was before is there" read_of failed-disk before 7
	ok "read-only disk: what is there is intact" intact failed-disk
else
	skip "a disk that goes read-only" "no loop device or no mkfs.ext4 here"
fi

# ---- stopped for seconds ----
cp /bin/cat tool
record stopped --path "$T/tool"
for i in 1 2 3; do ./tool before >/dev/null; done
sleep 1.1
kill -STOP "$RECORDER"
for i in $(seq 50); do ./tool after >/dev/null; done
sleep 3
kill -CONT "$RECORDER"
./tool after >/dev/null
end_record stopped
ok "stopped for 3 s: exact, all the same" holds stopped '.completeness.exact'
is "stopped for 3 s: every process, every byte" \
	"$(jq -c --arg a "$T/before" --arg b "$T/after" "$JQ_WORDS"'[(.processes | length), (files($a) | total(.read_bytes)), (files($b) | total(.read_bytes))]' stopped.json)" '[54,21,306]'
ok "stopped for 3 s: the case is intact" intact stopped

# ---- a product that replaces its own executable ----
cat >rotate <<'END'
for i in 1 2 3; do
	cp /bin/bash tool.new; head -c "$i" /dev/zero >>tool.new
	mv tool.new product
	./product -c 'read x <before; (read y <after); sleep 1.2; exit 0'
done
END
cp /bin/bash product
record rotated --path "$T/product"
./product rotate
end_record rotated
ok "a product that replaces itself: exact" holds rotated '.completeness.exact'
ok "a product that replaces itself: each of its images has its own digest" \
	holds rotated '[.processes[] | select(.exe.path == $path) | .exe.sha256 | values] | unique | length >= 3' --arg path "$T/product"
ok "a product that replaces itself: it is followed all the time" read_of rotated before 21

# ---- a product that fights the sensor ----
mkdir bpf && mount -t bpf none bpf || { skip "a product that kills the sensor" "no BPF file system can be mounted here"; finish; }
at_end umount "$T/bpf"
fight() { "$RECORD" record -o fight --path "$T/product" --pin "$T/bpf/quis" >>fight.out 2>fight.err </dev/null & RECORDER=$!; PIDS+=("$RECORDER"); }
fight
within 20 test -s fight/checkpoint
first=$RECORDER
sleep 1.2
./product -c "kill -STOP $first; sleep 2; kill -CONT $first; read x <before"
timeout 5 ./product -c "strace -o /dev/null -p $first 2>/dev/null & sleep 1; kill \$!; wait"
sleep 1.5
./product -c "read x <before; kill -KILL $first; read x <after"
wait "$first" 2>/dev/null
is "a product that kills the sensor: it is dead" $? 137
./product -c 'read x <after'
fight
ok "another one goes on" within 20 grep -q 'going on' fight.err
./product -c 'read x <after'
sleep 1.2
kill -TERM "$RECORDER"
wait "$RECORDER"
is "the recording ends" $? 0
report fight
ok "what it did before, at, after the kill and while nothing ran is there" read_of fight after 18
attempts() { jq -r --arg kind "$1" '[.processes[].actions[] | select(.kind == $kind and .detail.target == "sensor" and .detail.part == "process")] | length' fight.json; }
ok "stopping, going on and killing are actions against quis" test "$(attempts kill)" -ge 3
if command -v strace >/dev/null; then ok "tracing is an action against quis" test "$(attempts ptrace)" -ge 1; else skip "tracing is an action against quis" "no strace"; fi
ok "the case is intact" intact fight
is "nothing stays pinned" "$(find bpf/quis -type f)" ''
finish
