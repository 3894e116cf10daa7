#!/bin/bash
# The text report as a reader sees it: its first screen, and what is below; of a made-up case whose numbers are known.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
find_python || skip_all "no python3"
cd "$T" || exit 1
export XDG_CONFIG_HOME=$T/config XDG_CACHE_HOME=$T/cache
made() { "$PYTHON" "$ROOT/tests/cli/made-case.py" "$@"; }
made case
"$QUIS" report case --location none >text 2>err
is "report: done, and quiet" "$?:$(cat err)" 0:
says() { ok "$1" grep -qE -- "$2" "${3:-text}"; }
top() { sed '/^clamd\[/,$d' text; }
top >top
ok "the findings are one screen" test "$(wc -l <top)" -le 36
says "top: the product, by the catalogue" '^product: ClamAV .*/usr/sbin/clamd; by the catalogue' top
says "top: credentials, how many, how much, which" '^  credentials and keys +2 files +3\.7 KiB  /home/alice/\.ssh/id_rsa, /etc/shadow$' top
says "top: what was only mapped is said" '^  mail and messages +1 file +0 B, 1 only mapped  /home/bob/mail\.eml$' top
says "top: the product's own and libraries are no finding" '^  ordinary: 1 of the product.s own files .*, 1 of programs and libraries' top
ok "top: the own files are in no other class" bash -c '! grep -q daily.cvd top'
says "top: where data went: name, sum over connections" '^  to   203\.0\.113\.7:443 \(ksn\.example\.com\) tcp: sent 12\.1 KiB, received 683 B, 2 connections$' top
says "top: this machine is said to be that" '^  to   127\.0\.0\.1:53 udp, this machine: sent 40 B' top
is "top: what left the machine comes first" "$(grep -nE '^  to ' top | head -n 1 | grep -c 203.0.113.7)" 1
says "top: refused secrets" 'was refused what holds secrets: 1, as /root/\.aws/credentials' top
says "top: acts on the recording" 'acted on the recording itself: 1' top
says "top: foreign files written" 'wrote to files that are neither its own.*: 1, as /srv/app/settings' top
says "top: files that came open" 'came to it already open.*: 1, as /home/bob/mail\.eml' top
says "below: who handed it over" 'received +mail +/home/bob/mail\.eml \(from 4711\)$'
says "top: exact, not verified" 'nothing was lost: the numbers are exact' top
says "below: like actions are one line" 'did 17:40:07\.000000 mkdir 12 times until 17:40:07\.011000: /var/tmp/dir-0 .*\.\.\. \(--all\)$'
says "below: the class of each file" 'opened +credentials +/etc/shadow$'
ok "names make no line of their own, and no control character" bash -c '! LC_ALL=C grep -qP "\x1b|\xe2\x80\xae" text && grep -q "amp;.n.x1b\[31m" text'

"$QUIS" report case --class credentials >text 2>err
is "--class: done" "$?:$(cat err)" 0:
below() { sed -n '/^clamd\[/,$p' text; }
is "--class: only its files, of all processes" "$(below | grep -c 'opened  ')" 2
ok "--class: a process without any is left out" bash -c '! grep -q "^ *freshclam\[" text'
"$QUIS" report case --class tokens >text 2>err
says "--class: a refused open has a class too" '/root/\.aws/credentials \(EACCES\)'
"$QUIS" report case --class mail --format json >json 2>err
ok "--class: JSON" jq -e '[.processes[].files[].path] == ["/home/bob/mail.eml"]' json
ok "query: who handed it over" sh -c '"$1" query case handed --csv | grep -q ",4711,.*mail\.eml"' sh "$QUIS"
ok "JSON: who handed it over" jq -e '[.processes[].files[].from] == [[4711]]' json
run "$QUIS" report case --class nonsense
is "--class: one that there is not" "$RC" 2
"$QUIS" report case --process 101 >text 2>err
is "--process: findings of this one only" "$(grep -c 'credentials and keys' text):$(grep -c '^  to ' text)" 0:2
"$QUIS" report case --all >text 2>err
is "--all: each action" "$(grep -c ' mkdir ' text)" 12
"$QUIS" report case --top 2 >text 2>err
says "--top" '\.\.\. and [0-9]+ more \(--all\)'
# a script is the product, not the shell that runs it, however it was called
mkdir script && printf '%s\n' '{"@timestamp":"2026-11-23T17:40:00Z","quis.fact":"capture-start","quis.format":1,"event.sequence":1}' \
	'{"@timestamp":"2026-11-23T17:40:01Z","quis.fact":"process-start","quis.process.event":"exec","process.entity_id":"5-a","process.pid":5,"process.executable":"/usr/bin/dash","quis.process.script":"./lynis","process.working_directory":"/usr/sbin","quis.process.flagged_by":"command","event.sequence":2}' >script/facts-000001.ndjson
"$QUIS" report script >text 2>err
says "top: a script product" '^product: Lynis .*\(/usr/sbin/lynis; by the catalogue\)'
made lossy 0 1 --gap
"$QUIS" report lossy >text 2>err
is "a loss is said first of all" "$(head -n 1 text | grep -c '^NOT EXACT.*records lost <i> (7)')" 1
says "a loss: the findings say so too" '^  NOT EXACT: the numbers are lower bounds'
mkdir -p config/quis
printf '[payroll]\ntitle = wages\npath /srv/app/** = wages\n' >config/quis/classes.ini
"$QUIS" report case >text 2>err
says "a user's own class" '^  wages +1 file +10 B  /srv/app/settings$'
printf '[payroll]\nnonsense\n' >config/quis/classes.ini
"$QUIS" report case >text 2>err
is "a user's file that is wrong is told, and the report is made" "$?:$(grep -c 'classes.ini: line 2' err):$(wc -l <err)" 0:1:1
finish
