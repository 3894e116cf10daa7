#!/bin/bash
# What goes wrong is said in one clear line, with CONTRACT.md's exit status, and never hurts the recorded COMMAND.
# shellcheck disable=SC2016,SC2094,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_root
cd "$T" || exit 1
echo text >text

# ---- wrong usage ----
fails "no command" 2 'see ' "$QUIS"
fails "an unknown command" 2 "unknown command.*bogus" "$QUIS" bogus
fails "an unknown option of quis" 2 "unknown option.*--bogus" "$QUIS" --bogus
fails "run: an unknown option" 2 "unknown option.*--bogus" "$QUIS" run --bogus -- touch started
fails "run: an unknown short option" 2 "unknown option.*-[^ ]*z" "$QUIS" run -z -- touch started
fails "run: an unknown short option in a group" 2 "unknown option.*-[^ ]*z" "$QUIS" run -vz -- touch started
fails "run: an unknown short option before others" 2 "unknown option.*-[^ ]*z" "$QUIS" run -zv -- touch started
fails "run: no COMMAND" 2 "COMMAND" "$QUIS" run -o case
fails "run: no COMMAND after --" 2 "COMMAND" "$QUIS" run -o case --
fails "record: an unknown option" 2 "unknown option.*--bogus" "$QUIS" record -o case --pid 1 --bogus
fails "record: no CASE" 2 "CASE" "$QUIS" record --pid 1
fails "record: no FLAG" 2 "FLAG" "$QUIS" record -o case
fails "record: a word too many" 2 "unexpected.*word" "$QUIS" record -o case --pid 1 word
for option in -o --output --path --pid --unit --cgroup --duration --hooks --btf --case-number --examiner --note; do
	fails "run: $option without a value" 2 "$option needs a value" "$QUIS" run "$option"
done
for option in -o --path --pid --unit --cgroup --duration --hooks; do
	fails "run: $option with an empty value" 2 "" "$QUIS" run "$option" '' -- touch started
done
for pid in abc 0 -1 1x ' ' 99999999999999999999; do
	fails "--pid '$pid'" 2 "not a process id" "$QUIS" record -o case --pid "$pid"
done
for time in 5x 0 -1 m 1mm 1.5s 99999999999999999999; do
	fails "--duration '$time'" 2 "not a time" "$QUIS" record -o case --pid 1 --duration "$time"
done
fails "--hooks of no known way" 2 "trampoline" "$QUIS" record -o case --pid 1 --hooks sideways
fails "--unit that is no unit's name" 2 "not the name of a unit" "$QUIS" record -o case --unit nodot
fails "--unit with a slash" 2 "not the name of a unit" "$QUIS" record -o case --unit ../x.service
fails "report: no CASE" 2 "no CASE" "$QUIS" report
fails "report: two of them" 2 "more than one" "$QUIS" report a b
fails "report: an unknown option" 2 "unknown option.*--bogus" "$QUIS" report a --bogus
fails "report: an unknown format" 2 "format" "$QUIS" report a --format bogus
ok "after wrong usage there is neither a case nor a COMMAND started" test ! -e case -a ! -e started

# ---- targets that do not exist ----
nobody=$(($(cat /proc/sys/kernel/pid_max) - 1))
[ ! -e "/proc/$nobody" ] || nobody=$((nobody - 1))
fails "no such pid" 1 "$nobody.*no such process" "$QUIS" record -o case --pid "$nobody"
fails "no such unit" 1 "no such unit" "$QUIS" record -o case --unit quis-has-no-such.service
fails "no such cgroup" 1 "no such control group" "$QUIS" record -o case --cgroup /quis-has-no-such
ok "then there is no case either" test ! -e case

# ---- not allowed ----
mkdir bin && cp "$QUIS" "${QUIS%/*}/quis-record" bin/ && chmod 755 "$T" bin bin/* && mkdir -m 777 open
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
fails "run: not root" 77 "root" "${nobody[@]}" bin/quis run -o open/case -- touch open/started
fails "record: not root" 77 "root" "${nobody[@]}" bin/quis record -o open/case --pid 1
fails "run: root without capabilities" 77 "root|CAP_" setpriv --bounding-set -all --inh-caps -all "$QUIS" run -o open/case -- touch open/started
ok "not root: no case, and the COMMAND was not started" test ! -e open/case -a ! -e open/started
head -c 100000 /dev/urandom >noise
: >empty
for file in text noise empty "$QUIS" missing .; do
	fails "--btf of ${file##*/}" 77 "BTF" "$QUIS" run -o case --btf "$file" -- touch started
done
ok "no BTF: no case, and the COMMAND was not started" test ! -e case -a ! -e started

can_record || [ "${CI:-}" = true ] || { skip "all the rest" "recording is not permitted here: $WHY"; finish; }

# ---- a CASE that cannot be ----
mkdir full && touch full/something
fails "CASE is not empty" 1 "full.*not empty" "$QUIS" run -o full -- touch started
fails "record: CASE is not empty" 1 "full.*not empty" "$QUIS" record -o full --pid 1
fails "CASE is a file" 1 "text" "$QUIS" run -o text -- touch started
fails "CASE is below a file" 1 "Not a directory" "$QUIS" run -o text/case -- touch started
fails "CASE is in no directory" 1 "No such file" "$QUIS" run -o no/such/case -- touch started
mkdir -p ro
read_only='mount --bind ro ro && mount -o remount,bind,ro ro && exec "$@"'
fails "CASE is on a read-only file system" 1 "Read-only file system" unshare -m bash -c "$read_only" - "$QUIS" run -o ro/case -- touch started
mkdir ro/case
fails "CASE is an empty read-only directory" 1 "Read-only file system" unshare -m bash -c "$read_only" - "$QUIS" run -o ro/case -- touch started
ok "the COMMAND was not started" test ! -e started
is "what was in CASE is still all" "$(ls full)" something
mkdir -m 700 waiting
run "$QUIS" run -o waiting -- touch started
ok "an empty directory may be the CASE" test "$RC" = 0 -a -e started -a -s waiting/facts-000001.ndjson

# ---- the COMMAND ----
fails "COMMAND does not exist" 127 "none-such.*No such file" "$QUIS" run -o 127 -- none-such
fails "COMMAND is in no directory" 127 "Not a directory|No such file" "$QUIS" run -o 127b -- text/none-such
fails "COMMAND is not executable" 126 "text.*Permission denied" "$QUIS" run -o 126 -- ./text
fails "COMMAND is a directory" 126 "Permission denied" "$QUIS" run -o 126b -- /
printf '#!/none/such/shell\n' >headless && chmod +x headless
fails "COMMAND's interpreter does not exist" 127 "headless" "$QUIS" run -o 127c -- ./headless
report 127
ok "a COMMAND that does not exist leaves a case that can be read" holds 127 '.completeness.exact and (.processes | length) <= 1'

printf 'exit 4\n' >plain && chmod +x plain
run "$QUIS" run -o plain.case -- ./plain
is "a script without #! is run as a shell would run it" "$RC" 4
for status in 0 1 2 3 77 126 127 255; do
	run "$QUIS" run -o "status$status" -- sh -c "exit $status"
	is "COMMAND's status $status" "$RC:$(wc -c <"$T/out"):$(wc -c <"$T/err")" "$status:0:0"
done
for signal in 2 6 9 11 15; do
	run "$QUIS" run -o "signal$signal" -- sh -c "kill -$signal \$\$"
	is "COMMAND ended by signal $signal" "$RC" $((128 + signal))
done
report status3
ok "the status is in the report" holds status3 '[.processes[] | select(.flagged_by == "command") | .exit_status] == [3]'

# ---- stdin, stdout and stderr are COMMAND's ----
"$QUIS" run -o bytes -- cat <noise >noise.out 2>err
is "a file through cat" "$?:$(wc -c <err)" 0:0
ok "each byte arrived" cmp noise noise.out
head -c 3000000 /dev/urandom | tee through >(cat >/dev/null) | "$QUIS" run -o pipes -- cat 2>err | cat >through.out
ok "each byte through pipes" cmp through through.out
is "nothing of ours on stderr" "$(cat err)" ''
(cd "$T" && "$QUIS" run -- sh -c 'echo out; echo err >&2') >out 2>err
is "without -o: stdout is COMMAND's alone" "$(cat out)" out
is "without -o: the name of the case and COMMAND's line on stderr" "$(wc -l <err):$(grep -c "$(echo quis-*)" err)" 2:1
"$QUIS" run -v -o verbose -- echo out >out 2>err
is "with -v all we say is on stderr" "$(cat out)" out
is "COMMAND gets no file descriptor of ours" "$("$QUIS" run -o fds -- bash -c 'ls /proc/$$/fd' 2>&1 | tr '\n' ' ')" \
	"$(bash -c 'ls /proc/$$/fd' 2>&1 | tr '\n' ' ')"
states=(grep -E '^(Sig(Blk|Ign|Cgt)|Cap|Seccomp:|NoNewPrivs|Uid|Gid|Groups)' /proc/self/status)
is "COMMAND has the signals, the capabilities and the user that it would have had" \
	"$("$QUIS" run -o states -- "${states[@]}" 2>&1)" "$("${states[@]}")"
is "COMMAND has the limits that it would have had" "$("$QUIS" run -o limits -- bash -c 'ulimit -a' 2>&1)" "$(bash -c 'ulimit -a')"
is "COMMAND has the environment that it would have had" "$("$QUIS" run -o env -- env 2>&1 | grep -v ^_=)" "$(env | grep -v ^_=)"

# ---- a full disk ----
# COMMAND names 40 files, fills what the recording left of the disk, touches so much that it cannot all be written, and ends in its own way.
mkdir small many early
for i in $(seq 40); do echo "$i" >"early/$i"; done
for i in $(seq 4000); do echo "$i" >"many/a-name-that-is-long-enough-to-fill-a-small-disk-quickly-$i"; done
cat >busy <<'END'
cat early/* >early.out
sleep 3
cat many/* >busy.out
sleep 2
cat many/* >busy.out2
echo said
exit 5
END
unshare -m bash -c 'mount -t tmpfs -o size=256k none small && "$@"; rc=$?; cp -r small/case disk; exit "$rc"' - \
	"$QUIS" run -o small/case -- sh busy >out 2>err
is "full disk: COMMAND's own status" $? 5
is "full disk: COMMAND's own output" "$(cat out):$(wc -l <busy.out):$(wc -l <busy.out2)" said:4000:4000
ok "full disk: one line says so" one_line err "$T/small/case|small/case.*(No space|could not be written)"
run "$QUIS" report disk --format json -o disk.json
is "full disk: the case can be read" "$RC" 0
ok "full disk: not more than one line beside the report" test "$(wc -l <err)" -le 1
ok "full disk: the report says that it is not exact" holds disk '.completeness.exact == false and (.completeness.gaps | length) > 0'
ok "full disk: what was recorded before is there" \
	holds disk '[.processes[].files[] | select(.path | startswith($dir)) | select(.read_bytes > 0)] | length == 40' --arg dir "$T/early/"
run "$QUIS" report disk
ok "full disk: the text says so in its first line" grep -q 'NOT EXACT' <(head -n 1 out)

# ---- broken cases ----
"$QUIS" run -o good -- sh -c 'cat text text >/dev/null' 2>/dev/null
lines=$(wc -l <good/facts-000001.ndjson)
# Makes the case BROKEN out of the good one: what stdin says is its only segment.
broken() { # NAME
	mkdir -p "$1" && cat >"$1/facts-000001.ndjson"
}
mkdir nothing
broken garbage <noise
broken hollow </dev/null
seq 100 | broken numbers
head -n 1 good/facts-000001.ndjson | head -c 100 | broken stump
yes '{}' | head -n 10 | broken objects
mkdir -p folder/facts-000001.ndjson fifo && mkfifo fifo/facts-000001.ndjson
ln -s nowhere dangling
fails "report: no such directory" 1 "none-such.*(no case|No such)" "$QUIS" report none-such
fails "report: an empty directory" 1 "nothing.*no case" "$QUIS" report nothing
fails "report: a file" 1 "text.*no case" "$QUIS" report text
fails "report: a link to nowhere" 1 "dangling.*(no case|No such)" "$QUIS" report dangling
for case in garbage hollow numbers stump objects folder fifo; do
	fails "report: a case of $case" 1 "$case" "$QUIS" report "$case"
	fails "report: a case of $case, as JSON" 1 "$case" "$QUIS" report "$case" --format json
done

# A case of which a part can be used: the report says what is missing, in its first line, in JSON, and in not more than one line on stderr.
partly() { # CASE WHAT
	run "$QUIS" report "$1" --format text
	is "report: $1: status" "$RC" 0
	ok "report: $1: the first line says that it is not exact, and why" grep -qE "NOT EXACT.*($2)" <(head -n 1 out)
	ok "report: $1: at most one line on stderr" test "$(wc -l <err)" -le 1
	report "$1"
	ok "report: $1: so does the JSON" \
		holds "$1" '.completeness.exact == false and any(.completeness.gaps[]; .what | test($what))' --arg what "$2"
}
sed "${lines}d" good/facts-000001.ndjson | broken no-end
head -c -20 good/facts-000001.ndjson | broken torn
{ head -n 5 good/facts-000001.ndjson; cat noise; echo; sed 1,5d good/facts-000001.ndjson; } | broken noisy
{ head -n 5 good/facts-000001.ndjson; printf '%040960d\n' 0; sed 1,5d good/facts-000001.ndjson; } | broken long
{ head -n 5 good/facts-000001.ndjson; sed 1,6d good/facts-000001.ndjson; } | broken without-a-line
sed 1,5d good/facts-000001.ndjson | broken headless-case
broken gap <good/facts-000001.ndjson && mv gap/facts-000001.ndjson gap/facts-000002.ndjson
broken hole <good/facts-000001.ndjson && sed 1d good/facts-000001.ndjson >hole/facts-000003.ndjson
partly no-end "cut short"
partly torn "has no end"
partly noisy "could not be read"
partly long "too long"
partly without-a-line "missing|out of order|lost"
partly headless-case "missing|out of order|lost|start"
partly gap "facts-000001.ndjson is missing"
partly hole "facts-000002.ndjson is missing"
report long
ok "report: around a line that is too long everything is read" \
	holds long 'files($path) | total(.read_bytes) == 10' --arg path "$T/text"
fails "report: -o in no directory" 1 "No such file" "$QUIS" report good -o no/such/file
fails "report: -o on a full disk" 1 "No space" "$QUIS" report good --format json -o /dev/full

# ---- signals to the sensor ----
complete() { # CASE
	report "$1" && holds "$1" '.completeness.exact and .session.ended and any(.processes[].files[]; .path == $path and .read_bytes == 5)' \
		--arg path "$T/text" && [ "$(tail -n 1 "$1/facts-000001.ndjson" | jq -r '."quis.fact"')" = capture-end ]
}
started_reading() { [ -e ready ]; }
for signal in INT TERM HUP; do
	rm -f ready
	background env --default-signal=INT,TERM,HUP "$QUIS" run -o "on-$signal" -- \
		sh -c 'cat text >/dev/null; touch ready; exec sleep 60' >out 2>err
	within 10 started_reading
	kill "-$signal" "$BG"
	began=$SECONDS
	wait "$BG"
	is "SIG$signal ends quis run and its COMMAND, whose status it has" $? $((128 + $(kill -l "$signal")))
	ok "SIG$signal: soon" test $((SECONDS - began)) -le 4
	ok "SIG$signal: the case is complete" complete "on-$signal"
done
rm -f ready
background env --default-signal=TERM "$QUIS" run -o deaf -- sh -c 'trap "" TERM; cat text >/dev/null; touch ready; sleep 6; touch deaf.end' >out 2>err
within 10 started_reading
kill -TERM "$BG"
wait "$BG"
ok "a COMMAND that is deaf to SIGTERM does not hold us up" test ! -e deaf.end
ok "a COMMAND that is deaf to SIGTERM: the case is complete" complete deaf
ok "a COMMAND that is deaf to SIGTERM goes on unharmed" within 10 test -e deaf.end

# SIGKILL to the sensor: COMMAND goes on, and what happened more than 2 s before is there.
rm -f ready
background "$QUIS" run -o killed -- sh -c 'cat text >/dev/null; touch ready; sleep 6; cat text >killed.text; echo said; echo "$?" >killed.end' >out 2>err
within 10 started_reading
sleep 2.2
kill -9 "$BG"
wait "$BG" 2>/dev/null
is "SIGKILL: the status" $? 137
ok "SIGKILL: COMMAND goes on unharmed" within 10 test -s killed.end
is "SIGKILL: COMMAND did all that it had to" "$(cat killed.end out killed.text | tr '\n' ' ')" "0 said text "
report killed
ok "SIGKILL: what happened 2 s before is in the case" \
	holds killed 'files($path) | total(.read_bytes) == 5 and total(.opens) == 1' --arg path "$T/text"
ok "SIGKILL: the report says that the recording was cut short" holds killed '.completeness.exact == false and (.completeness.gaps | length) > 0'

# The same for something that goes on all the time, and so never comes to an end that could be written.
rm -f ready stop
background "$QUIS" run -o steady -- sh -c 'n=0; while [ ! -e stop ]; do read x <text; n=$((n + 1)); echo "$n" >count.new; mv count.new count; sleep 0.2; done' >out 2>err
sleep 4
count=$(cat count)
sleep 2.3
kill -9 "$BG"
wait "$BG" 2>/dev/null
touch stop
report steady
ok "SIGKILL: what goes on all the time is in the case up to 2 s before ($count times)" \
	holds steady 'files($path) | total(.opens) >= $count and total(.read_bytes) >= 5 * $count' --arg path "$T/text" --argjson count "$count"
finish
