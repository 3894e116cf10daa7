#!/bin/bash
# --follow-ipc: who is handed data or a file by a flagged process is followed from then on, and nobody else; never a relay; within the bounds.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
find_python
[ -n "${PYTHON:-}" ] || skip_all "no python3"
cd "$T" || exit 1
echo "a secret" >secret
echo "a file" >passed

# Helpers that the product does not start. One waits at END for what comes, then reads the secret, then posts it (and hands something on to NEXT).
cat >helper.py <<'END'
import array, os, socket, sys, time
kind, end, following = sys.argv[1], sys.argv[2], sys.argv[3:]
open("secret").read()  # before it is handed anything: nobody's business
def said(what): os.rename(os.open(end + ".tmp", os.O_CREAT) and end + ".tmp", end + what)
if kind == "fifo":
    os.mkfifo(end); said(".ready"); os.read(os.open(end, os.O_RDONLY), 10)
elif kind in ("datagram", "abstract"):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("\0" * (kind == "abstract") + end); said(".ready"); s.recv(10); s.recv(10)
else:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET if kind == "passed" else socket.SOCK_STREAM)
    s.bind(end); s.listen(); said(".ready"); c, _ = s.accept()
    if kind == "passed":
        _, fds, _, _ = c.recvmsg(10, socket.CMSG_SPACE(4)); os.read(array.array("i", fds[0][2])[0], 100)
    elif kind == "quiet": pass
    else: c.recv(10)
os.close(os.open("secret", os.O_RDONLY))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b"posted", ("127.0.0.1", 9))
for n in following: h = socket.socket(socket.AF_UNIX); h.connect(n); h.send(b"x"); h.close()
said(".done")
time.sleep(60)
END
cat >product.py <<'END'
import os, socket, sys, time
for kind, end in zip(sys.argv[1::2], sys.argv[2::2]):
    if kind == "fifo": f = os.open(end, os.O_WRONLY); os.write(f, b"x"); os.close(f)
    elif kind in ("datagram", "abstract"):
        to = "\0" * (kind == "abstract") + end
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.sendto(b"x", to); time.sleep(.2); s.sendto(b"y", to)
    else:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET if kind == "passed" else socket.SOCK_STREAM); s.connect(end)
        if kind == "passed": socket.send_fds(s, [b"x"], [os.open("passed", os.O_RDONLY)])
        elif kind == "quiet": pass
        else: s.send(b"x")
        s.close()
    while not os.path.exists(end + ".done"): time.sleep(.02)
END

helper() { # KIND END [NEXT]; its pid is BG
	background "${INTERPRETER:-$PYTHON}" helper.py "$@"
	within 20 test -e "$2.ready"
}
# A recording of the product, which talks to the ends in turn.
product() { # CASE OPTIONS... -- KIND END...
	local case=$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	timeout -k 1 60 "$QUIS" run -o "$case" "${options[@]}" -- "$PYTHON" product.py "$@" 2>"$case.err" && report "$case"
}
# The helper is in the report, flagged by whom, with the secret read once after the hand-over and what it posted.
is_followed() { # CASE PID
	holds "$1" '[.processes[] | select(.pid == $p)] | length == 1 and (.[0] |
		(.flagged_by | startswith("ipc:")) and ([.files[] | select(.path == $secret) | .opens] == [1]) and
		any(.flows[]; .remote == "127.0.0.1:9" and .sent_bytes == 6))' --argjson p "$2" --arg secret "$T/secret" ||
		{ jq -c --argjson p "$2" '[.processes[] | {pid, flagged_by, files: [.files[] | {path, opens}], flows}] | .[] | select(.pid == $p or .flagged_by != "parent")' "$1.json"; false; }
}
not_followed() { holds "$1" 'all(.processes[]; .pid != $p)' --argjson p "$2"; } # CASE PID
exact() { holds "$1" '.completeness.exact' || { jq -c .completeness "$1.json"; false; }; }

for kind in stream datagram abstract passed fifo; do
	helper "$kind" "end-$kind"
	ok "$kind: the recording ends with the command, not with who is followed" product "case-$kind" --follow-ipc -- "$kind" "end-$kind"
	ok "$kind: the receiver is followed" is_followed "case-$kind" "$BG"
	ok "$kind: exact" exact "case-$kind"
	kill "$BG"
done
by=$(jq -r '.processes[] | select(.flagged_by | startswith("ipc:")) | .flagged_by' case-stream.json)
sender=$(jq -r --arg path "$T/end-stream" '.processes[] | select(any(.flows[]; .remote == $path)) | .pid' case-stream.json)
is "it is said by whom" "$by" "ipc:$sender"
ok "the file that was passed came over the socket" holds case-passed '[.processes[] | select(.flagged_by | startswith("ipc:")) | .files[] |
	select(.path == $f and (.how | index("received")) and .reads == 1)] | length == 1' --arg f "$T/passed"
ok "the report says that it was asked for" grep -q "ipc (over up to 2 hand-overs, 16 processes)" <("$QUIS" report case-stream)
ok "... and of each who was followed" grep -q "flagged by: *$by\|flagged.*$by" <("$QUIS" report case-stream)

for kind in stream abstract passed; do
	path=$T/end-$kind
	[ "$kind" != abstract ] || path=@end-abstract
	ok "$kind: a flow names who is at its other end" holds "case-$kind" '[.processes[].flows[] | select(.remote == $path) | .peer_executable] == [$exe]' \
		--arg path "$path" --arg exe "$(readlink -f "$PYTHON")"
done

helper stream off
ok "without the option" product off-case -- stream off
ok "... nobody is followed" not_followed off-case "$BG"

helper quiet quiet
ok "who is connected to, and handed nothing" product quiet-case --follow-ipc -- quiet quiet
ok "... is not followed" not_followed quiet-case "$BG"

# ---- relays ----
cp "$(readlink -f "$PYTHON")" relay && ln -s relay relay-link
INTERPRETER=./relay helper stream relayed
if kill -0 "$BG" 2>/dev/null && [ -e relayed.ready ]; then
	ok "a relay of one's own list" product relay-case --follow-ipc --follow-ipc-not "$T/relay" -- stream relayed
	ok "... is never followed" not_followed relay-case "$BG"
	INTERPRETER=./relay helper stream below
	ok "a directory of relays" product below-case --follow-ipc --follow-ipc-not "$T" -- stream below
	ok "... none of it is followed" not_followed below-case "$BG"
	INTERPRETER=./relay helper stream other
	ok "another list" product other-case --follow-ipc --follow-ipc-not "$T/rela" --follow-ipc-not "$T/relay/x" -- stream other
	ok "... does not cover it" is_followed other-case "$BG"
else
	for name in 1 2 3 4 5 6; do skip "relay $name" "a copy of this interpreter does not run"; done
fi
for program in dbus-daemon dbus-broker rsyslogd nscd Xwayland; do
	ok "the list knows $program" grep -q "/$program\$" "$ROOT/userspace/catalog/relays.txt"
done

# ---- bounds ----
helper stream deep-3 && third=$BG
helper stream deep-2 deep-3 && second=$BG
helper stream deep-1 deep-2 && first=$BG
ok "one hand-over" product depth-1 --follow-ipc --follow-ipc-depth 1 -- stream deep-1
ok "... the first is followed" is_followed depth-1 "$first"
within 20 test -e deep-3.done
ok "... the second is not" not_followed depth-1 "$second"
helper stream far-3 && third=$BG
helper stream far-2 far-3 && second=$BG
helper stream far-1 far-2 && first=$BG
ok "two hand-overs" product depth-2 --follow-ipc -- stream far-1
within 20 test -e far-3.done
ok "... the first is followed" is_followed depth-2 "$first"
ok "... the third is not" not_followed depth-2 "$third"
helper stream few-1 && first=$BG
helper stream few-2 && second=$BG
ok "one process" product count-1 --follow-ipc --follow-ipc-count 1 -- stream few-1 stream few-2
ok "... the first is followed" is_followed count-1 "$first"
ok "... the second is not" not_followed count-1 "$second"
ok "... and that is said" holds count-1 'any(.completeness.unseen[]; test("--follow-ipc-count"))'
ok "nothing of the kind where the bounds were not reached" holds case-stream 'all(.completeness.unseen[]; test("--follow-ipc") | not)'

fails "depth 0" 2 "follow-ipc-depth" "$QUIS" run --follow-ipc --follow-ipc-depth 0 -- true
fails "depth 16" 2 "follow-ipc-depth" "$QUIS" run --follow-ipc --follow-ipc-depth 16 -- true
fails "a relative relay" 2 "follow-ipc-not" "$QUIS" run --follow-ipc --follow-ipc-not relay -- true
printf '[case]\noutput = %s/c\n[follow]\npath = /bin/true\nfollow-ipc = yes\nfollow-ipc-count = 3\nfollow-ipc-not = /opt/bus\n' "$T" >conf
ok "in a configuration" "$QUIS-record" --check-config conf
printf '[follow]\nfollow-ipc-count = many\n' >conf
fails "... and wrong there" 2 "conf:2" "$QUIS-record" --check-config conf
finish
