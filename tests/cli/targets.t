#!/bin/bash
# What --path, --pid, --cgroup and --unit name is followed, running or still to come, with its children, and nothing else is.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
cd "$T" || exit 1
mkdir data
cat=$(readlink -f "$(command -v cat)")

# A file of five bytes for each case: who read data/NAME was followed.
data() { for name in "$@"; do echo "1234" >"data/$name"; done; }

# In CASE, data/NAME was read whole, once, by processes that all are flagged as said.
seen() { # CASE NAME FLAGGED_BY
	holds "$1" '[.processes[] | select(any(.files[]; .path == $path and .read_bytes > 0))] as $who |
		(files($path) | total(.read_bytes)) == 5 and ($who | length) == 1 and ($who[0].flagged_by | test($by))' \
		--arg path "$T/data/$2" --arg by "$3" ||
		{ jq -c --arg path "$T/data/$2" '.processes[] | select(any(.files[]; .path == $path)) |
			{pid, comm, flagged_by, files: [.files[] | select(.path == $path) | {opens, reads, read_bytes}]}' "$1.json"; false; }
}
unseen() { holds "$1" 'files($path) == []' --arg path "$T/data/$2"; } # CASE NAME
exact() { holds "$1" '.completeness.exact' || { jq -c .completeness "$1.json"; false; }; }

# ---- --path ----
data later directory below below-later swap-before swap-after swap-again moved linked \
	outside sibling other-name interpreter came-from through running running-child running-script
mkdir -p dir/sub s swaps
ln -s s link
for program in dir/program dir-sibling dir/sub/program swaps/swap to-move other outside run-now; do cp "$cat" "$program"; done
printf '#!/bin/sh\nexec cat "$@"\n' >s/script && chmod +x s/script && cp s/script s/other && cp s/script s/linked
ln -s "$T/s/script" script-link
mkfifo go-running go-script
# two that run already: a copy of the shell, with a child, and a script
cp "$(readlink -f /bin/sh)" shell
background ./shell -c 'read x <go-running; read x <data/running; cat data/running-child; exit 0' >/dev/null
printf '#!/bin/sh\nread x <go-script; read x <data/running-script\n' >s/waits && chmod +x s/waits
background s/waits

record paths --path "$T/later" --path dir --path "$T/swaps/swap" --path to-move --path s/script --path "$T/link/linked" --path "$T/later-dir/" \
	--path "$T/shell" --path "$T/s/waits"
cp "$cat" later && ./later data/later >/dev/null
dir/program data/directory >/dev/null
dir/sub/program data/below >/dev/null
mkdir -p later-dir/deep && cp "$cat" later-dir/deep/program && later-dir/deep/program data/below-later >/dev/null
swaps/swap data/swap-before >/dev/null
cp "$cat" new && mv new swaps/swap && swaps/swap data/swap-after >/dev/null
rm swaps/swap && cp "$cat" swaps/swap && "$T/swaps/swap" data/swap-again >/dev/null
mv to-move has-moved && ./has-moved data/moved >/dev/null
link/linked data/linked >/dev/null
./outside data/outside >/dev/null
./dir-sibling data/sibling >/dev/null
s/other data/other-name >/dev/null
sh -c 'cat data/interpreter' >/dev/null

# one script by all the names that it has
ways=(absolute relative below-cwd path-lookup up-and-down slashes dots link-to-dir link-to-file)
data "${ways[@]}"
"$T/s/script" data/absolute >/dev/null
(cd s && ./script ../data/relative) >/dev/null
s/script data/below-cwd >/dev/null
PATH=$T/s:$PATH script data/path-lookup >/dev/null
(cd swaps && ../s/script ../data/up-and-down) >/dev/null
.//s//script data/slashes >/dev/null
s/./../s/script data/dots >/dev/null
link/script data/link-to-dir >/dev/null
./script-link data/link-to-file >/dev/null
(cd dir && ../s/other ../data/came-from) >/dev/null
dir/../s/other data/through >/dev/null
echo >go-running
echo >go-script
wait "${PIDS[0]}" "${PIDS[1]}"
end_record paths
is "--path: the recording ends in order" "$RC:$(cat paths.err)" 0:
ok "--path: the numbers are exact" exact paths
ok "--path: a file that is made later" seen paths later "^path:$T/later$"
ok "--path: a program in a directory" seen paths directory "^path:$T/dir$"
ok "--path: a program further below it" seen paths below "^path:$T/dir$"
ok "--path: a directory that is made later" seen paths below-later "^path:$T/later-dir$"
ok "--path: before it is replaced" seen paths swap-before "^path:$T/swaps/swap$"
ok "--path: replaced by rename" seen paths swap-after "^path:$T/swaps/swap$"
ok "--path: removed and made again" seen paths swap-again "^path:$T/swaps/swap$"
ok "--path: a program that got another name" seen paths moved "^path:$T/to-move$"
for way in "${ways[@]}"; do
	ok "--path: a #! script: $way" seen paths "$way" "^path:$T/s/script$"
done
ok "--path: a #! script that was named through a linked directory" seen paths linked "^path:($T/s|$T/link)/linked$"
ok "--path: a program that runs already" seen paths running "^path:$T/shell$"
ok "--path: and its child" seen paths running-child "^parent$"
ok "--path: a script that runs already" seen paths running-script "^path:$T/s/waits$"
for name in outside sibling other-name interpreter came-from through; do ok "--path: not flagged, not shown: $name" unseen paths "$name"; done
ok "--path: each process is there for a flag or a parent" \
	holds paths 'all(.processes[]; .flagged_by | test("^(parent$|path:" + $dir + ")")) and
		all(.processes[] | select(.flagged_by == "parent"); .parent)' --arg dir "$T/"
ok "--path: no process of somebody else" \
	holds paths 'all(.processes[]; any(.files[]; .read_bytes > 0 and (.path // "" | startswith($dir))))' --arg dir "$T/data/"

# /bin and /usr/bin are one where the system is merged
if [ -L /bin ] && [ -x /usr/bin/ldd ] && head -c 2 /usr/bin/ldd | grep -q '#!'; then
	record merged --path /usr/bin/ldd --path /usr/bin/true
	/bin/ldd --version >/dev/null
	/bin/true
	end_record merged
	ok "--path /usr/bin/X: a script run as /bin/X" holds merged 'any(.processes[]; .flagged_by == "path:/usr/bin/ldd")'
	ok "--path /usr/bin/X: a program run as /bin/X" holds merged 'any(.processes[]; .flagged_by == "path:/usr/bin/true")'
	record merged2 --path /bin/ldd --path /bin/true
	/usr/bin/ldd --version >/dev/null
	(cd /usr/bin && ./ldd --version) >/dev/null
	/usr/bin/true
	end_record merged2
	ok "--path /bin/X: a script run as /usr/bin/X, twice" holds merged2 '[.processes[] | select(.flagged_by | test("^path:(/usr)?/bin/ldd$"))] | length == 2'
	ok "--path /bin/X: a program run as /usr/bin/X" holds merged2 'any(.processes[]; .flagged_by | test("^path:(/usr)?/bin/true$"))'
else
	skip "/bin and /usr/bin" "they are not one here, or ldd is no script"
fi

# ---- kernel stacks that change hands ----
# Who calls is known by the kernel stack that it runs on (task_on(), bpf/common.h), and the kernel gives that of a process that has ended to the
# next one. So those that are followed and those that are not come in turn, twice at once.
data turn turn-beside
cp "$cat" in-turn
record turns --path "$T/in-turn"
for i in 1 2; do
	(for _ in $(seq 150); do
		./in-turn data/turn
		"$cat" data/turn-beside
	done) >/dev/null &
	turns[i]=$!
done
wait "${turns[@]}"
end_record turns
ok "300 processes in turn with others: each is known, its calls are its own" holds turns '[.processes[].files[] | select(.path == $path)] as $files |
	($files | length) == 300 and all($files[]; .opens == 1 and .read_bytes == 5)' --arg path "$T/data/turn"
ok "... and not those of the others" unseen turns turn-beside
ok "... exact" exact turns

# ---- --pid ----
if find_python; then
	head -c 100 /dev/zero | tee held idle thread-file child-held grandchild-held >/dev/null
	head -c 5000 /dev/zero >mapped
	cat >peer.py <<'END'
import os, socket, sys
listener = socket.create_server(('127.0.0.1', 0))
open('port.new', 'w').write(str(listener.getsockname()[1]))
os.rename('port.new', 'port')
there, _ = listener.accept()
open('remote', 'w').write('%s:%d' % there.getpeername())
got = 0
while got < 1077:
    got += len(there.recv(4096))
there.sendall(b'y' * 500)
there.recv(1)
END
	cat >daemon.py <<'END'
import mmap, os, socket, threading, time
def wait(name):
    while not os.path.exists(name):
        time.sleep(0.02)
def note(name):
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
wait('port')
def child():
    child_held = os.open('child-held', os.O_RDONLY)
    if os.fork() == 0:
        grandchild_held = os.open('grandchild-held', os.O_RDONLY)
        note('grandchild-ready')
        wait('go')
        os.read(grandchild_held, 8)
        os._exit(0)
    note('child-ready')
    wait('go')
    os.read(child_held, 6)
    os.read(child_held, 7)
    os.wait()
    os._exit(0)
if os.fork() == 0:
    child()
held = os.open('held', os.O_RDONLY)
os.read(held, 3)
idle = os.open('idle', os.O_RDONLY)
deleted = os.open('deleted', os.O_RDWR | os.O_CREAT)
os.unlink('deleted')
mapping = os.open('mapped', os.O_RDONLY)
memory = mmap.mmap(mapping, 5000, prot=mmap.PROT_READ)
os.close(mapping)
connection = socket.create_connection(('127.0.0.1', int(open('port').read())))
connection.sendall(b'x' * 77)
def thread():
    open('tid', 'w').write(str(threading.get_native_id()))
    wait('go')
    fd = os.open('thread-file', os.O_RDONLY)
    os.read(fd, 5)
    os.close(fd)
t = threading.Thread(target=thread)
t.start()
wait('tid')
note('ready')
wait('go')
os.read(held, 4)
os.write(deleted, b'12')
connection.sendall(b'x' * 1000)
got = 0
while got < 500:
    got += len(connection.recv(4096))
t.join()
os.wait()
END
	background "$PYTHON" peer.py
	peer=$BG
	background "$PYTHON" daemon.py
	daemon=$BG
	ready() { [ -e ready ] && [ -e child-ready ] && [ -e grandchild-ready ] && [ -s tid ] && [ -s remote ]; }
	within 20 ready || note "the daemon is not ready"
	record pid --pid "$daemon"
	touch go
	wait "$daemon"
	wait "$peer"
	end_record pid
	of_daemon() { holds pid "files_of(\$pid; \$dir + \"/$1\") | length == 1 and (.[0] | $2)" --argjson pid "$daemon" --arg dir "$T"; }
	is "--pid: the recording ends in order" "$RC:$(cat pid.err)" 0:
	ok "--pid: the numbers are exact" exact pid
	ok "--pid: the process, its child and its grandchild, and no other" holds pid '[.processes[] | .flagged_by] | sort == ["parent", "parent", "pid:" + $pid]' --arg pid "$daemon"
	ok "--pid: each with its parent" holds pid '. as $all | all(.processes[] | select(.flagged_by == "parent"); .parent as $p | .ppid as $pp | any($all.processes[]; .id == $p and .pid == $pp))'
	ok "--pid: what it is" holds pid '.processes[] | select(.pid == $pid) | .comm and .exe.path and .cwd == $dir and .started and .ended and .exit_status == 0' --argjson pid "$daemon" --arg dir "$T"
	ok "--pid: a file that was open is named, and only what was read after is counted" of_daemon held '.how == ["inherited"] and .opens == 0 and .reads == 1 and .read_bytes == 4'
	ok "--pid: a file that is open and never touched is named" of_daemon idle '.how == ["inherited"] and .opens == 0 and .reads == 0'
	ok "--pid: a deleted one too" of_daemon deleted '.how == ["inherited"] and .deleted and .writes == 1 and .write_bytes == 2'
	ok "--pid: a file that is mapped and closed is named" of_daemon mapped '.opens == 0 and .reads == 0 and .mapped_bytes <= 5000'
	ok "--pid: a thread that was there" of_daemon thread-file '.how == ["opened"] and .opens == 1 and .read_bytes == 5'
	ok "--pid: a child that was there" holds pid '[files($path)[] | select(.reads > 0)] | length == 1 and (.[0] | .how == ["inherited"] and .reads == 2 and .read_bytes == 13)' --arg path "$T/child-held"
	ok "--pid: a grandchild that was there" holds pid '[files($path)[] | select(.reads > 0)] | length == 1 and (.[0] | .how == ["inherited"] and .read_bytes == 8)' --arg path "$T/grandchild-held"
	ok "--pid: a connection that was there is shown with both ends, and what went over it after the start" \
		holds pid '[.processes[] | select(.pid == $pid) | .flows[] | select(.remote == $remote)] | length == 1 and (.[0] |
			.local == $local and .family == "inet" and .protocol == "tcp" and (.direction // "out") == "out" and .sent_bytes == 1000 and .received_bytes == 500)' \
		--argjson pid "$daemon" --arg remote "127.0.0.1:$(cat port)" --arg local "$(cat remote)"

	# a thread's id names its process
	mkfifo thread-go
	background "$PYTHON" -c 'import os, threading
def thread():
    open("tid2.new", "w").write(str(threading.get_native_id()))
    os.rename("tid2.new", "tid2")
    open("thread-go").read()
t = threading.Thread(target=thread); t.start(); t.join()
os.read(os.open("data/later", os.O_RDONLY), 100)'
	within 10 test -s tid2
	record thread --pid "$(cat tid2)"
	echo >thread-go
	wait "$BG"
	end_record thread
	ok "--pid of a thread: the whole process" seen thread later "^pid:"
else
	skip "--pid" "no python3"
fi

# ---- --cgroup and --unit ----
# A process that waits until something is written to the fifo NAME.go, then reads data/NAME itself, without another exec.
waiter() { # NAME [GROUP]
	mkfifo "$1.go"
	background sh -c '[ -z "$2" ] || echo $$ >"$2/cgroup.procs"; touch "$1.ready"; read x <"$1.go"; read x <"data/$1"' - "$1" "${2:-}"
	within 10 test -e "$1.ready"
}
released() { # NAME PID
	echo >"$1.go"
	wait "$2"
}
inside() { sh -c 'echo $$ >"$1/cgroup.procs" && exec "$2" "data/$3"' - "$1" "$cat" "$2" >/dev/null; } # GROUP NAME

groups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
top=$groups/quis-test-$$
if [ -n "$groups" ] && mkdir "$top" 2>/dev/null; then
	at_end 'find "$top" -depth -type d -exec rmdir {} + 2>/dev/null'
	group=$top/group
	mkdir "$group" "$group/old" "$top/group-sibling"
	data cg-before cg-below cg-moved cg-exec cg-later cg-deeper cg-moved-below cg-child cg-outside cg-sibling cg-parent
	waiter cg-before "$group"; before=$BG
	waiter cg-below "$group/old"; below=$BG
	waiter cg-moved; moved=$BG
	waiter cg-moved-below; moved_below=$BG
	waiter cg-outside; outside=$BG
	record cgroup --cgroup "$group"
	released cg-before "$before"
	released cg-below "$below"
	echo "$moved" >"$group/cgroup.procs"
	released cg-moved "$moved"
	inside "$group" cg-exec
	mkdir "$group/new" && inside "$group/new" cg-later
	mkdir "$group/new/deeper" && inside "$group/new/deeper" cg-deeper
	echo "$moved_below" >"$group/new/cgroup.procs"
	released cg-moved-below "$moved_below"
	sh -c 'echo $$ >"$1/cgroup.procs"; (cat data/cg-child); :' - "$group" >/dev/null
	released cg-outside "$outside"
	inside "$top/group-sibling" cg-sibling
	inside "$top" cg-parent
	end_record cgroup
	name=${group#"$groups"}
	is "--cgroup: the recording ends in order" "$RC:$(cat cgroup.err)" 0:
	ok "--cgroup: the numbers are exact" exact cgroup
	ok "--cgroup: a process that is in it" seen cgroup cg-before "^cgroup:$name$"
	ok "--cgroup: a process in a group below" seen cgroup cg-below "^cgroup:$name$"
	ok "--cgroup: a process that is moved into it" seen cgroup cg-moved "^cgroup:$name$"
	ok "--cgroup: a process that moves itself, then runs a program" seen cgroup cg-exec "^cgroup:$name$"
	ok "--cgroup: a group below that is made later" seen cgroup cg-later "^cgroup:$name$"
	ok "--cgroup: two levels below, made later" seen cgroup cg-deeper "^cgroup:$name$"
	ok "--cgroup: moved into a group that was made later" seen cgroup cg-moved-below "^cgroup:$name$"
	ok "--cgroup: a child of one that moved" seen cgroup cg-child "^parent$"
	for other in outside sibling parent; do ok "--cgroup: not in it, not shown: $other" unseen cgroup "cg-$other"; done
	ok "--cgroup: the group is told" holds cgroup '.processes[] | select(any(.files[]; .path == $path)) | .cgroup == $group' \
		--arg path "$T/data/cg-deeper" --arg group "$name/new/deeper"
	record cgroup2 --cgroup "$name/"
	inside "$group" cg-exec
	end_record cgroup2
	ok "--cgroup: named as /proc/PID/cgroup names it" seen cgroup2 cg-exec "^cgroup:$name$"

	# more groups come and go than the table has room for (flag_cgroups, bpf/process.h)
	if find_python; then
		data cg-after-many
		record cgroup-many --cgroup "$group"
		"$PYTHON" -c 'import os, sys
for _ in range(17000):
    os.mkdir(sys.argv[1])
    os.rmdir(sys.argv[1])' "$group/brief"
		mkdir "$group/after" && inside "$group/after" cg-after-many
		end_record cgroup-many
		ok "--cgroup: 17,000 groups later" seen cgroup-many cg-after-many "^cgroup:${group#"$groups"}$"
		ok "--cgroup: ... the numbers are exact" exact cgroup-many
	else
		skip "--cgroup: 17,000 groups later" "no python3"
	fi

	# a unit is a group of its name, wherever it is
	unit=quis-test-$$.service
	mkdir -p "$top/quis.slice/$unit/inner" "$top/not-$unit"
	data unit-before unit-inner unit-restarted unit-exec unit-outside
	waiter unit-before "$top/quis.slice/$unit"; before=$BG
	waiter unit-inner "$top/quis.slice/$unit/inner"; inner=$BG
	record unit --unit "$unit"
	released unit-before "$before"
	released unit-inner "$inner"
	inside "$top/quis.slice/$unit" unit-exec
	# as systemd does it: the group goes with the service and is made anew
	within 5 rmdir "$top/quis.slice/$unit/inner" "$top/quis.slice/$unit"
	mkdir -p "$top/quis.slice/$unit" && inside "$top/quis.slice/$unit" unit-restarted
	inside "$top/not-$unit" unit-outside
	end_record unit
	is "--unit: the recording ends in order" "$RC:$(cat unit.err)" 0:
	ok "--unit: the numbers are exact" exact unit
	for name in before inner exec restarted; do ok "--unit: seen: $name" seen unit "unit-$name" "^unit:$unit$"; done
	ok "--unit: another unit is not" unseen unit unit-outside

	# a unit that never ran: its file alone says that there is one
	data unit-later unit-instance
	late=quis-late-$$.service instance=quis-at-$$@one.service
	unshare -m bash -c 'mount -t tmpfs none /run && mkdir -p /run/systemd/system && touch "/run/systemd/system/$1" "/run/systemd/system/${2%%@*}@.service" &&
		shift 2 && exec "$@"' - "$late" "$instance" "$QUIS" record -o late --unit "$late" --unit "$instance" >late.out 2>late.err </dev/null &
	RECORDER=$!
	PIDS+=("$RECORDER")
	within 20 test -s late/facts-000001.ndjson
	mkdir -p "$top/quis.slice/$late/inner" "$top/at.slice/$instance"
	inside "$top/quis.slice/$late/inner" unit-later
	inside "$top/at.slice/$instance" unit-instance
	end_record late
	ok "--unit: one that starts later" seen late unit-later "^unit:$late$"
	ok "--unit: an instance of a template that starts later" seen late unit-instance "^unit:$instance$"
else
	skip "--cgroup and --unit" "no cgroup version 2 in which groups can be made"
fi

# ---- --duration ----
began=$(date +%s%N)
run "$QUIS" record -o short --path "$T/none" --duration 1s
ended=$(date +%s%N)
took=$(((ended - began) / 1000000))
# not of the start, which takes long on a busy machine
recorded=$(((ended - $(date -d "$(jq -r '."@timestamp"' short/facts-000001.ndjson | head -n 1)" +%s%N)) / 1000000))
is "--duration: it ends by itself" "$RC:$(cat "$T/out" "$T/err")" 0:
ok "--duration: neither before nor long after ($recorded ms of $took)" test "$took" -ge 1000 -a "$recorded" -lt 6000
report short
ok "--duration: nothing flagged, nothing shown, and that is exact" holds short '.completeness.exact and .processes == []'
run "$QUIS" run -o short-run --duration 1 -- sleep 3
report short-run
ok "--duration of run: the case is complete" holds short-run '.completeness.exact and (.processes | length) == 1 and .session.ended'

# ---- too little room ----
# All calls of a case; an object that is made anew in each run (memfd, pipe) has no row in the truth.
# Beside them what is lost in the same way and not the same in every run: metadata asked for, page faults, pairs of what the kernel moved. Of
# faults, which are a lower bound, only those are left that are not around others: a run may tell 2,000 of the 10,000 of another (of libc,
# mapped last by a child that has ended), and no truth could bound what was lost.
calls='def others: [.processes[] | (.files[] | .stats + 2 * (.faults // 0)), (.looked_at[]?.stats), (.transfers[]?.calls)] | add // 0;
	def calls: [.processes[].files[] | .opens + .reads + .writes + .maps + .lists] | add // 0;
def bytes: [.processes[].files[].read_bytes] | add // 0;
def rows: [.processes[].files[] | {key: "\(.dev) \(.ino)", value: [.opens, .reads, .read_bytes, .maps, .mapped_bytes]}] | group_by(.key) | map({key: .[0].key, value: (map(.value) | transpose | map(add))}) | from_entries;'
# Either all is exact, or exact is false, nothing exceeds the truth, and what is missing is what was counted as lost.
accounted() { # CASE TRUTH
	jq -en --slurpfile got "$1.json" --slurpfile truth "$2.json" "$calls"'
		$got[0] as $g | $truth[0] as $t | ($t | rows) as $most |
		if $g.completeness.exact then ($g | calls) == ($t | calls) and ($g | bytes) == ($t | bytes)
		else (($g | calls) + $g.completeness.lost.map_full) as $told | $told >= ($t | calls) and $told <= ($t | calls + others) and
			($g | bytes) <= ($t | bytes) and
			all($g | rows | to_entries[]; .value as $row | $most[.key] as $truth | $truth == null or all(range($row | length); $row[.] <= $truth[.])) end' >/dev/null ||
		{ for case in "$1" "$2"; do jq -c "$calls"'{calls: calls, bytes: bytes, completeness}' "$case.json"; done; false; }
}
# A child that has ended and was not waited for: the kernel takes no mark away from it, so the next process with its number would be followed.
perl -e 'if (!fork) { exit } sleep 60' &
PIDS+=($!)
zombie() { [ "$(ps -o state= --ppid "$1")" = Z ]; }
within 10 zombie $!
record zombies --pid $!
end_record zombies
ok "a zombie child is not followed" holds zombies '(.processes | length) == 1'
# ... nor of one that has passed the kernel's last look at it and is no zombie yet: to give back 32 MiB takes it a while
"${CC:-cc}" -O1 -o marks "$ROOT/tests/cli/marks.c" -lbpf || { echo "Bail out! no marks"; exit 1; }
cp "$(command -v perl)" forker
printf '[follow]\npath = %s/forker\n' "$T" >forker.ini
record leaving --config forker.ini
for i in 1 2; do
	background ./forker -e 'until (-e "forked-enough") { if (!fork) { my $n = 32 << 20; my $x = "x" x $n; kill 9, $$ } wait }'
	forkers[i]=$BG
done
for i in $(seq 80); do kill -HUP "$RECORDER"; sleep 0.1; done
touch forked-enough
wait "${forkers[@]}"
sleep 1
is "a child on its way out keeps no mark when what runs is looked through" "$(./marks "$RECORDER")" ''
end_record leaving
ok "... and children there were" holds leaving '[.processes[] | select(.flagged_by == "parent")] | length > 20'
storm=$ROOT/$B/acts/storm
mkdir children && for i in $(seq 600); do echo "$i" >"children/$i"; done
forks='for i in $(seq 600); do (read x <"children/$i"); done'
if [ -x "$storm" ]; then
	for act in files preads; do mkdir "$act" && "$storm" --prepare "$act" "$T/$act" >/dev/null 2>&1; done
	for act in files preads children; do
		command=("$storm" "$act" "$T/$act")
		[ "$act" != children ] || command=(sh -c "$forks")
		"$QUIS" run --hide mm_filemap_map_pages -o "$act-truth" -- "${command[@]}" >out 2>err
		is "$act: with room" "$?:$(cat err)" 0:
		report "$act-truth"
		ok "$act: with room: exact" exact "$act-truth"
		for options in "--map-entries 64" "--ring-bytes 4096" "--map-entries 64 --ring-bytes 4096" "--map-entries 1 --ring-bytes 4096 --epoch-ms 3000"; do
			case=$act-${options//[ -]/}
			# shellcheck disable=SC2086
			"$QUIS" run --hide mm_filemap_map_pages -o "$case" $options -- "${command[@]}" >out 2>err
			is "$act: $options: the command is unharmed" "$?:$(cat err)" 0:
			report "$case"
			ok "$act: $options: exact, or the loss that is told is the real one ($(jq -r "$calls"'"\(calls) calls seen, \(.completeness.lost | tostring)"' "$case.json" 2>&1))" \
				accounted "$case" "$act-truth"
		done
	done
	# What is told in the ring alone, call by call: actions, and opens that were refused. Each that is not in the report is one that was lost
	# (with trampolines the kernel's path of an action is a record of its own, which can be lost beside it).
	told='def renamed: [.processes[].actions[]? | select(.kind == "rename") | .detail.count // 1] | add // 0; def refused: [.processes[].files[].failed] | add // 0;
		def told: refused + ([.processes[].actions[]? | .detail.count // 1] | add // 0);'
	to_the_call() { # CASE TRUTH
		holds "$1" "$told"'told as $seen | ($truth[0] | told) as $calls | (.session.hooks == "trampoline") as $places | .completeness | .lost as $lost | .exact == ($lost.records + $lost.map_full == 0) and
			$seen <= $calls and ($seen + $lost.records == $calls or ($places and $seen + $lost.records > $calls)) and ([.gaps[].count] | add // 0) == $lost.records + $lost.map_full' --slurpfile truth "$2.json"
	}
	export QUIS_ACT_SCALE=2
	for act in renames probes; do
		overflowed=0
		mkdir "$act" && "$storm" --prepare "$act" "$T/$act" >/dev/null 2>&1
		"$QUIS" run -o "$act-flood" -- "$storm" "$act" "$T/$act" >out 2>err
		is "$act: with room: the command is unharmed" "$?:$(cat err)" 0:
		report "$act-flood"
		ok "$act: with room: exact" holds "$act-flood" "$told"'.completeness.exact and (if $act == "renames" then renamed == 25000 else refused == 5000 end)' --arg act "$act"
		for options in "--ring-bytes 4096" "--map-entries 64 --ring-bytes 4096" "--map-entries 1 --ring-bytes 4096 --epoch-ms 3000"; do
			case=$act-flood${options//[ -]/}
			# shellcheck disable=SC2086
			"$QUIS" run -o "$case" $options -- "$storm" "$act" "$T/$act" >out 2>err
			is "$act: $options: the command is unharmed" "$?:$(cat err)" 0:
			report "$case"
			ok "$act: $options: each call is seen or lost ($(jq -r "$told"'"\(told) seen, \(.completeness.lost | tostring)"' "$case.json" 2>&1))" to_the_call "$case" "$act-flood"
			holds "$case" .completeness.exact || overflowed=$((overflowed + 1))
		done
		ok "$act: the ring did overflow" test "$overflowed" -gt 0
	done
	unset QUIS_ACT_SCALE
	# A ring that fills many times in one epoch: one wake-up that does not come, and most of the rest is lost (here 440,000 of 600,000).
	# A host that stands still for a quarter of a second loses some too, and that is not what is asked here.
	mkdir often && "$storm" --prepare renames "$T/often" >/dev/null 2>&1
	"$QUIS" run --epoch-ms 5000 -o often-case -- sh -c "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do $storm renames $T/often >/dev/null || exit; done" >out 2>err
	is "600,000 renames in an epoch: the command is unharmed" "$?:$(cat err)" 0:
	report often-case
	ok "... and quis-record is woken for each ring full ($(jq -c .completeness.lost often-case.json 2>&1))" holds often-case "$told"'
		renamed as $seen | .completeness.lost.records as $lost | $lost < 60000 and ($seen + $lost == 600000 or (.session.hooks == "trampoline" and $seen + $lost > 600000))'
else
	skip "too little room" "no $storm"
fi
finish
