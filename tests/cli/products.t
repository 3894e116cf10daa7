#!/bin/bash
# Real products: what clamscan reads is what strace says that it reads; clamd is seen to read what clamonacc was handed by the kernel;
# a clamd that ran before us is named with all that it holds.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
PATH=$PATH:/usr/sbin
find_python || skip_all "no python3"
cd "$T" || exit 1
chmod 755 "$T"
mkdir tree watched database
eicar() { printf '%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD' '-ANTIVIRUS-TEST-FILE!$H+H*'; }
echo '44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature' >database/one.hdb

# ---- clamscan and strace ----
make_tree() {
	local i
	for i in $(seq 80); do
		mkdir -p "tree/folder $((i % 7))"
		seq -f "line %g of letter $i" $((i * 3)) >"tree/folder $((i % 7))/letter-$i.txt"
	done
	for i in 1 4095 4096 4097 65536 131073 300000 1500000; do head -c "$i" /dev/urandom >"tree/noise-$i.bin"; done
	for i in 1 2 3 4 5; do seq -f "%g of $i" 5000 | gzip -n >"tree/packed-$i.gz"; done
	mkdir tree/deep && tar cf tree/deep/archive.tar "tree/folder 1"
	cp "$(readlink -f "$(command -v cat)")" tree/deep/program
	eicar >tree/eicar.com
	: >tree/empty
	printf '#!/bin/sh\necho\n' >tree/script.sh
	ln -s ../eicar.com tree/deep/link.com
	ln tree/noise-65536.bin tree/deep/hard-link.bin
	: >"tree/ünïcode"
}

# strace's sums as JSON: {path: [opens, reads, read_bytes, maps, mapped_bytes]}. What a mapping holds ends with the file.
cat >sums.py <<'END'
import collections, json, os, re, sys
sums = collections.defaultdict(lambda: [0] * 5)
begun = {}
def unescape(text):
    return text.encode('latin-1').decode('unicode_escape').encode('latin-1').decode('utf-8', 'surrogateescape')
for line in open(sys.argv[1], encoding='latin-1'):
    pid, line = line.rstrip('\n').split(None, 1)
    if line.endswith('<unfinished ...>'):
        begun[pid] = line[:-len('<unfinished ...>')]
        continue
    resumed = re.match(r'<\.\.\. \w+ resumed>', line)
    if resumed:
        line = begun.pop(pid) + line[resumed.end():]
    call = re.match(r'(\w+)\(', line)
    result = re.search(r'\) += (-?\w+)(?:<(.*?)>)?(?: .*)?$', line)
    if not call or not result or result.group(1).startswith('-') or result.group(1) == '?':
        continue
    call, value = call.group(1), int(result.group(1), 0)
    if call in ('open', 'openat', 'creat', 'openat2'):
        if result.group(2):
            sums[unescape(result.group(2))][0] += 1
    elif call in ('read', 'pread64', 'readv'):
        path = re.match(r'\w+\(\d+<(.*?)>', line)
        if path:
            row = sums[unescape(path.group(1))]
            row[1] += 1
            row[2] += value
    elif call == 'mmap':
        mapping = re.match(r'mmap\([^,]+, (\d+), [^,]+, [^,]+, \d+<(.*?)>, (\w+)\)', line)
        if mapping:
            path = unescape(mapping.group(2))
            row = sums[path]
            row[3] += 1
            row[4] += max(0, min(int(mapping.group(1)), os.stat(path).st_size - int(mapping.group(3), 0)))
json.dump(sums, sys.stdout, ensure_ascii=True)
END
# The rows in which report and sums differ, for the paths below what is given. A hard link may have either name: by inode.
cat >differ.py <<'END'
import json, os, sys
report, sums, places = json.load(open(sys.argv[1])), json.load(open(sys.argv[2])), sys.argv[3:]
def key(path):
    st = os.stat(path)
    return '%d:%d:%d' % (os.major(st.st_dev), os.minor(st.st_dev), st.st_ino)
def add(table, where, numbers):
    table[where] = [a + b for a, b in zip(table.get(where, [0] * 5), numbers)]
ours, theirs, name = {}, {}, {}
for process in report['processes']:
    for f in process['files']:
        path = f.get('path', '')
        if f.get('type') == 'file' and os.path.exists(path):
            name[key(path)] = path
            add(ours, '%s:%d' % (f['dev'], f['ino']), [f[k] for k in ('opens', 'reads', 'read_bytes', 'maps', 'mapped_bytes')])
for path, numbers in sums.items():
    if os.path.isfile(path):
        name[key(path)] = path
        add(theirs, key(path), numbers)
inside = [k for k in name if any(name[k].startswith(p) for p in places)]
bad = [k for k in inside if ours.get(k, [0] * 5) != theirs.get(k, [0] * 5)]
print('%d files compared, %d bytes read, %d bytes mapped' % (len(inside), sum(theirs.get(k, [0] * 5)[2] for k in inside),
    sum(theirs.get(k, [0] * 5)[4] for k in inside)))
for k in bad:
    print('%s (opens, reads, read_bytes, maps, mapped_bytes): quis %s, strace %s' % (name[k], ours.get(k), theirs.get(k)))
sys.exit(bool(bad))
END

if ! command -v clamscan >/dev/null; then
	skip "clamscan and strace" "no clamscan (package clamav)"
elif ! command -v strace >/dev/null; then
	skip "clamscan and strace" "no strace"
else
	make_tree
	scan=(clamscan -r -d "$T/database/one.hdb" "$T/tree")
	# once before: what only a first run reads is read
	run "${scan[@]}"
	is "clamscan alone finds the test virus" "$RC" 1
	strace -f -y -s 0 -e trace=%file,read,pread64,readv,mmap -o strace.out "${scan[@]}" >strace.said 2>&1
	is "clamscan under strace" $? 1
	"$PYTHON" sums.py strace.out >sums.json
	"$QUIS" run -o scan -- "${scan[@]}" >scan.said 2>scan.err
	is "clamscan under quis" "$?:$(cat scan.err)" 1:
	is "what clamscan says is the same" "$(grep -E 'FOUND|OK|files|Infected' scan.said)" "$(grep -E 'FOUND|OK|files|Infected' strace.said)"
	report scan
	ok "clamscan: the numbers are exact" holds scan '.completeness.exact'
	run "$PYTHON" differ.py scan.json sums.json "$T/tree/" "$T/database/"
	result "$RC" "clamscan: opens, reads, bytes read and mapped of each file of the tree and of the signatures are strace's ($(head -n 1 "$T/out"))"
	[ "$RC" = 0 ] || note "$(cat "$T/out" "$T/err")"
	ok "clamscan: that is not an empty claim" test "$(sed -n 's/ files compared.*//p' "$T/out")" -ge 95
	run "$PYTHON" differ.py scan.json sums.json /usr/ /etc/ /lib
	result "$RC" "clamscan: so are those of the libraries and other files of the system ($(head -n 1 "$T/out"))"
	[ "$RC" = 0 ] || note "$(cat "$T/out" "$T/err")"
	ok "clamscan: the program is named" holds scan '.processes[0].exe.path == $exe and .processes[0].exit_status == 1' \
		--arg exe "$(readlink -f "$(command -v clamscan)")"
fi

# ---- clamd ----
if ! command -v clamd >/dev/null || ! command -v clamonacc >/dev/null; then
	skip "clamd and clamonacc" "no clamd or clamonacc (package clamav-daemon)"
	finish
fi
clamd=$(command -v clamd) clamonacc=$(command -v clamonacc)
port=$("$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >clamd.conf <<END
LocalSocket $T/clamd.sock
TCPSocket $port
TCPAddr 127.0.0.1
User root
Foreground yes
LogFile $T/clamd.log
DatabaseDirectory $T/database
OnAccessIncludePath $T/watched
OnAccessPrevention no
OnAccessExcludeUname clamav
OnAccessExcludeRootUID no
END
background "$clamd" -c clamd.conf >clamd.out 2>&1
server=$BG
if ! within 60 test -S clamd.sock; then
	note "$(cat clamd.out)"
	ok "clamd starts" false
	finish
fi

# A clamd that was there before us, with its log and a session; what it is asked to read after that is seen too.
eicar >asked.com
exec 5<>"/dev/tcp/127.0.0.1/$port"
printf 'zIDSESSION\0zPING\0' >&5
IFS= read -r -t 20 -d '' answer <&5
is "clamd answers" "$answer" "1: PONG"
client=$("$PYTHON" -c 'import socket; print("%s:%d" % socket.socket(fileno=5).getsockname())')
record daemon --pid "$server"
printf 'zPING\0' >&5
IFS= read -r -t 20 -d '' answer <&5
is "clamd answers the recorded ping" "$answer" "2: PONG"
printf 'zSCAN %s\0' "$T/asked.com" >&5
IFS= read -r -t 20 -d '' answer <&5
asked="zSCAN $T/asked.com0" answered="$answer"0
end_record daemon
of_clamd() { holds daemon '.processes[] | select(.pid == $pid) | '"$1" --argjson pid "$server" --arg dir "$T" "${@:2}"; }
is "a clamd that was there: the recording ends in order" "$RC:$(cat daemon.err)" 0:
ok "a clamd that was there: it is named" of_clamd '.exe.path == $exe and .flagged_by == "pid:" + ($pid | tostring)' --arg exe "$(readlink -f "$clamd")"
ok "a clamd that was there: the log that it holds" of_clamd 'any(.files[]; .path == $dir + "/clamd.log" and .how == ["inherited"] and .opens == 0)'
ok "a clamd that was there: a file that it is asked to scan" of_clamd 'any(.files[]; .path == $dir + "/asked.com" and .opens >= 1 and (.read_bytes >= 68 or .mapped_bytes >= 68))'
ok "a clamd that was there: the connection, both ends, and its bytes since then" \
	of_clamd '[.flows[] | select(.remote == $client)] | length == 1 and (.[0] | .local == $local and .family == "inet" and .protocol == "tcp" and
		(.direction // "in") == "in" and .received_bytes == ($in | tonumber) and .sent_bytes == ($out | tonumber))' \
	--arg client "$client" --arg local "127.0.0.1:$port" --arg in $((6 + ${#asked})) --arg out $((8 + ${#answered}))
ok "a clamd that was there: the numbers are exact" holds daemon '.completeness.exact'
exec 5>&-

# clamonacc is handed an open file by the kernel and passes it on: clamd reads it and never opened it.
chmod 755 watched
printf 'secret text' >watched/secret.txt
chmod 644 watched/secret.txt
record onacc --path "$clamd" --path "$clamonacc"
background "$clamonacc" -F -c clamd.conf --fdpass --log="$T/clamonacc.log" >clamonacc.out 2>&1
watcher=$BG
touch_secret() { setpriv --reuid 65534 --regid 65534 --clear-groups cat "$T/watched/secret.txt" >/dev/null; }
# whether clamd has read it is asked of the running recording
read_by_clamd='[.processes[] | select(.pid == $server) | .files[] | select(.path == $path and .read_bytes > 0)] | length > 0'
was_read() {
	touch_secret
	sleep 2.6 # what happened more than 2 s ago is in the case
	report onacc && holds onacc "$read_by_clamd" --argjson server "$server" --arg path "$T/watched/secret.txt"
}
if grep -qi fanotify clamonacc.out && gone "$watcher"; then
	skip "clamd and clamonacc" "fanotify is not permitted here: $(head -n 1 clamonacc.out)"
	finish
fi
within 20 was_read
saw=$?
kill -TERM "$watcher" 2>/dev/null
within 5 gone "$watcher"
end_record onacc
is "clamonacc: the recording ends in order" "$RC:$(cat onacc.err)" 0:
result "$saw" "clamonacc: clamd is seen reading the touched file within 20 s"
[ "$saw" = 0 ] || note "$(tail -n 2 clamonacc.out clamd.log)" "$(jq -c '.processes[] | {pid, comm, files: [.files[] | select(.path // "" | contains("secret"))]}' onacc.json)"
secret() { holds onacc '[.processes[] | select(.pid == $pid) | .files[] | select(.path == $path)] | length == 1 and (.[0] | '"$2"')' --argjson pid "$1" --arg path "$T/watched/secret.txt"; }
ok "clamonacc: clamd never opened it" secret "$server" '.opens == 0'
ok "clamonacc: it read its 11 bytes, each time" secret "$server" '.read_bytes >= 11 and .read_bytes % 11 == 0 and .type == "file"'
ok "clamonacc: it received it" secret "$server" '.how | index("received") and (index("opened") | not)'
ok "clamonacc: clamonacc itself got it by fanotify and did not open it" secret "$watcher" '(.how | index("fanotify")) and .opens == 0'
ok "clamonacc: clamd is flagged by its path, and was there before" holds onacc '.processes[] | select(.pid == $pid) | .flagged_by == "path:" + $exe' --argjson pid "$server" --arg exe "$clamd"
ok "clamonacc: who touched the file is not followed" holds onacc '[.processes[] | select(.uid == 65534 or .comm == "cat")] == []'
ok "clamonacc: who handed what to whom: the kernel to it, by fanotify" holds onacc '[.handovers[] | select(.way == "fanotify" and .receiver.pid == $pid)] | length == 1 and .[0].files >= 1' --argjson pid "$watcher"
ok "clamonacc: ... and it to clamd, as open files, of which clamd read 11 bytes each time" holds onacc '[.handovers[] | select(.way == "descriptor" and .giver.pid == $pid and .receiver.pid == $server)] | length == 1 and .[0].files >= 1 and .[0].taken_bytes >= 11' --argjson pid "$watcher" --argjson server "$server"
"$QUIS" report onacc --format html -o onacc.html
ok "clamonacc: the picture has it" bash -c 'grep -q "<td class=\"path\">clamonacc\[$1\]</td><td>descriptor</td><td class=\"path\">clamd\[$2\]" onacc.html && grep -q "<td class=\"path\">files that others touched</td><td>fanotify</td><td class=\"path\">clamonacc\[$1\]" onacc.html' - "$watcher" "$server"
ok "clamonacc: the numbers are exact" holds onacc '.completeness.exact'
finish
