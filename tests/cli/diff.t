#!/bin/bash
# quis diff: what is in one recording and not in the other, of made-up cases whose difference is known.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
find_python || skip_all "no python3"
cd "$T" || exit 1
export XDG_CONFIG_HOME=$T/config XDG_CACHE_HOME=$T/cache
made() { "$PYTHON" "$ROOT/tests/cli/made-case.py" "$@"; }
made one 5
made two 30 2
made lossy 5 1 --gap
# the same path of two processes of other numbers is no difference; a hostile name that is one
burst() { printf '{"@timestamp":"2026-11-23T17:41:20.000000000Z","quis.fact":"file-access","process.entity_id":"100-a","process.pid":100,"file.path":"%s","quis.file.device":"254:0","file.inode":"%s","file.type":"file","quis.reads":1,"quis.read_bytes":7}\n' "$@"; }
burst /proc/4242/maps 9001 >>one/facts-000001.ndjson
burst /proc/77/maps 9001 >>two/facts-000001.ndjson
burst '/srv/<script>alert(1)</script>\u001b\n' 9002 >>two/facts-000001.ndjson

# in the second one, a document is read a moment before something is sent
printf '{"@timestamp":"2026-11-23T17:40:08.490000000Z","event.start":"2026-11-23T17:40:08.400000000Z","event.end":"2026-11-23T17:40:08.490000000Z","quis.fact":"file-access","process.entity_id":"101-b","process.pid":101,"file.path":"/home/alice/plan.docx","quis.file.device":"254:0","file.inode":"9003","file.type":"file","quis.reads":1,"quis.read_bytes":900}\n' >>two/facts-000001.ndjson

"$QUIS" diff one two --format json >json 2>err
is "JSON: done" "$?:$(grep -c . err)" 0:0
has() { jq -e "$1" json >/dev/null; }
ok "JSON: the numbers of both, by class" has '.classes[] | select(.class == "databases") | .first.files == 0 and .second == {"files": 1, "read_bytes": 900000}'
ok "JSON: new files, those that tell most first" has '(.files.added | length) == 28 and .files.added[0].class == "documents" and
	any(.files.added[]; .path == "/var/lib/mysql/shop/orders.ibd" and .class == "databases" and .read_bytes == 900000)'
ok "JSON: files that are gone" has '.files.removed == [{"path": "/home/alice/old.pdf", "class": "documents", "read_bytes": 5, "count": 1}]'
ok "JSON: a process's number is no difference" has '[.files[][] | select(.path | contains("/proc"))] == []'
ok "JSON: destinations, by name where there is one" has '.destinations == {"added": [{"remote": "198.51.100.9:8443", "sent_bytes": 999, "count": 1}], "removed": []}'
ok "JSON: what was read, then sent" has '.exposure == {"added": [{"what": "read documents, then sent to 198.51.100.9:8443", "class": "documents", "sent_bytes_most": 999, "count": 1}], "removed": []}'
ok "JSON: actions" has '.actions.added == [{"action": "init_module /lib/modules/x.ko", "class": "libraries", "count": 1}] and .actions.removed == []'
ok "JSON: what was recorded" has '.first.products[0].name == "ClamAV" and .first.exact and .second.exact'
"$QUIS" diff two one --format json >back 2>err
ok "the other way about it is the reverse" bash -c '[ "$(jq -c "[.files, .destinations, .exposure, .actions] | map([.added, .removed])" json)" = "$(jq -c "[.files, .destinations, .exposure, .actions] | map([.removed, .added])" back)" ]'
"$QUIS" diff one one --format json >json 2>err
ok "with itself there is none" has '[.programs, .files, .refused, .destinations, .exposure, .actions] | all(. == {"added": [], "removed": []})'
"$QUIS" diff one two >text 2>err
is "text: done" "$?" 0
ok "text: a class that is new" grep -qE '^\+ databases +0 +0 B  -> +1 +878\.9 KiB$' text
ok "text: counts" grep -q '^Files: 28 only in the second (+), 1 only in the first (-)$' text
ok "text: the rest is said" grep -q '^+ ... and 8 more (--all)$' text
ok "text: what was read, then sent" grep -qE '^\+ documents +at most +999 B  read documents, then sent to 198\.51\.100\.9:8443$' text
ok "text: a file that is gone" grep -qE '^- documents +5 B  /home/alice/old\.pdf$' text
"$QUIS" diff one two --all >text 2>err
is "text: --all" "$(sed -n '/^Files/,/^Paths/p' text | grep -c '^+')" 28
ok "text: names are harmless" bash -c '! LC_ALL=C grep -qP "[\x00-\x09\x0b-\x1f\x7f]" text && grep -q "alert(1)</script>.x1b.n" text'
"$QUIS" diff one lossy >text 2>err
ok "text: a recording that is not exact" grep -q '^second: .*NOT EXACT: what is missing in it may have been there' text
"$QUIS" diff one two --format html -o page.html 2>err
is "HTML: done" "$?" 0
ok "HTML: no address outside, no program, no markup in names" bash -c '! grep -qE "<script|src=|href=|<img" page.html && grep -q "&lt;script&gt;alert(1)&lt;/script&gt;" page.html'
ok "HTML: it is there" bash -c 'grep -q "orders.ibd" page.html && grep -q "Files: 28 only in the second, 1 only in the first" page.html && grep -q "at most 999 B.*read documents, then sent to 198.51.100.9:8443" page.html'
run "$QUIS" diff one
is "one case is too few" "$RC" 2
run "$QUIS" diff one nowhere
is "a case that is not there" "$RC:$(wc -l <err)" 1:1
run "$QUIS" diff nowhere one
is "... as the first" "$RC:$(wc -l <err)" 1:1
run "$QUIS" diff one two --format xml
is "no such format" "$RC" 2
finish
