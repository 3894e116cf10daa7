#!/bin/bash
# quis top in a terminal (tmux): a case that grows is shown as it grows, the window may change its size, and q leaves everything as it was.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
find_python || skip_all "no python3"
command -v tmux >/dev/null || skip_all "no tmux (scripts/setup --tests)"
cd "$T" || exit 1
export XDG_CONFIG_HOME=$T/config XDG_CACHE_HOME=$T/cache
"$PYTHON" "$ROOT/tests/cli/made-case.py" whole 40
mkdir case
lines=$(wc -l <whole/facts-000001.ndjson)
head -n 8 whole/facts-000001.ndjson >case/facts-000001.ndjson

# ---- as text ----
"$QUIS" top --once whole >text 2>err
is "--once: done, and quiet" "$?:$(cat err)" 0:
ok "--once: host, product, end" grep -q '^quis top  srv<b>01</b>  ClamAV .*ended: last process ended' text
ok "--once: sums are the report's" bash -c 'grep -q "^nothing lost" text && grep -qE "^credentials and keys +3\.7 KiB" text && grep -qE "^203\.0\.113\.7:443 +12\.1 KiB" text'
ok "--once: names are harmless" bash -c '! LC_ALL=C grep -qP "[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80\xae" text'
run "$QUIS" top whole </dev/null
is "without a terminal it says so" "$RC:$(wc -l <err)" 1:1
run "$QUIS" top nowhere --once
is "no case" "$RC" 1
run "$QUIS" top whole --interval 0
is "a wrong interval" "$RC" 2

# ---- in a terminal ----
tm() { tmux -L "quis-$$" -f /dev/null "$@"; }
screen() { tm capture-pane -p -t top; }
sees() { screen | grep -qE -- "$1"; }
LC_ALL=C.UTF-8 tm new-session -d -s top -x 110 -y 32 "PS1='ready> ' bash --norc -i"
within 10 sees '^ready>'
tm send-keys -t top "stty -g | md5sum; '$QUIS' top case --interval 0.2; echo status=\$?; stty -g | md5sum" Enter
ok "it comes up" within 10 sees '^quis top  srv<b>01</b>  ClamAV'
ok "what is there is shown" sees 'clamd .*libc\.so\.6|clamd +7[0-9]\.'
ok "it is being recorded" sees 'recording'
ok "what is not there yet is not" bash -c '! grep -q 203.0.113.7' <(screen)
sed -n "9,$((lines - 2))p" whole/facts-000001.ndjson >>case/facts-000001.ndjson
ok "what is appended comes: a destination" within 10 sees '^203\.0\.113\.7:443 +12\.1 KiB'
ok "... a process" sees '101 freshclam'
ok "... its latest files" sees '^configuration  /etc/conf'
# half a line is not a line, and is one when the rest comes; an open burst is shown, and not twice when it is told for good
burst='{"@timestamp":"2026-11-23T17:41:20.000000000Z","quis.fact":"file-access","process.entity_id":"101-b","process.pid":101,"file.path":"/srv/live","quis.reads":1,"quis.read_bytes":1073741824}'
printf '%s' "${burst:0:100}" >>case/facts-000001.ndjson
sleep 0.6
ok "half a line is none" bash -c '! grep -qE "not readable|GiB" ' <(screen)
printf '%s\n' "$burst" >case/open.ndjson
ok "an open burst is shown, with its rate" within 10 sees '101 freshclam +1\.0 GiB'
{ printf '%s\n' "${burst:100}" >>case/facts-000001.ndjson; rm case/open.ndjson; }
sleep 0.6
ok "... and counts once" sees '101 freshclam +1\.0 GiB'
# the next segment
cp case/facts-000001.ndjson sealed
printf '%s\n' "${burst/srv\/live/srv\/second}" >case/facts-000002.ndjson
ok "the next segment is gone on with" within 10 sees '101 freshclam +2\.0 GiB'
for _ in 1 2; do printf '%s\n' "${burst/srv\/live/srv\/second}" >>case/facts-000002.ndjson; done
ok "a file that is read again counts again" within 10 sees '101 freshclam +4\.0 GiB'
is "... and is among the latest once" "$(screen | grep -cE '^[a-z][a-z ]{14}/srv/second *$')" 1
printf '{"@timestamp":"2026-11-23T17:41:21.000000000Z","quis.fact":"gap","quis.gap.what":"x"}\n' >>case/facts-000002.ndjson
ok "a loss is shown" within 10 sees '^NOT EXACT: 0 lost, 1 gaps'
tm resize-window -t top -x 60 -y 14
ok "a smaller window: the title, and the hint in the last line" within 10 bash -c 'tmux -L "$1" capture-pane -p -t top >small; head -n 1 small | grep -q "^quis top" && sed -n 14p small | grep -q "^q quits"' - "quis-$$"
ok "... no line goes on to the next" test "$(screen | grep -c 'quis top')" = 1
tm resize-window -t top -x 200 -y 50
ok "a larger one: more is shown" within 10 bash -c 'tmux -L "$1" capture-pane -p -t top >large; sed -n 50p large | grep -q "^q quits" && grep -q "^LATEST FILES" large' - "quis-$$"
tail -n 2 whole/facts-000001.ndjson >>case/facts-000002.ndjson
ok "the end is told, and the view stays" within 10 sees 'ended: last process ended'
tm send-keys -t top q
ok "q ends it" within 10 sees '^status=0'
is "the terminal is as it was" "$(screen | grep -E '^[0-9a-f]{32}' | sort -u | wc -l)" 1
ok "... and its content" sees '^ready>'
tm send-keys -t top "clear; '$QUIS' top case --interval 0.2; echo status=\$?" Enter
within 10 sees '^quis top'
tm send-keys -t top C-c
ok "Ctrl-C ends it too" within 10 sees '^status=0'
tm kill-server

# ---- without a CASE, and a real recording ----
if [ "$(id -u)" != 0 ] || ! can_record; then
	skip "the recording that runs" "nothing can be recorded here"
	finish
fi
echo 'while [ ! -e over ]; do cat /etc/passwd; sleep 0.2; done' >work
background "$QUIS" run -o running -- sh work >/dev/null 2>&1
of_running() { "$QUIS" top "$@" --once >text 2>err && grep -qE '^configuration|^system configuration +[1-9]' text; }
ok "a running recording" within 30 of_running running
if [ "$(pgrep -xc quis-record)" = 1 ]; then
	ok "... is found without its name" within 15 of_running
else
	skip "... is found without its name" "other recordings run"
fi
: >over
within 10 gone "$BG"
finish
