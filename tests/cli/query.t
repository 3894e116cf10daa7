#!/bin/bash
# SQL over cases: several at once, queries with a name, read-only; the index that is kept; cases that are broken, half-written, not sealed or
# of a later format: a clear message, and with --force what can be read, marked.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
MAKE=$ROOT/$B/bench/make-case
[ -x "$MAKE" ] || skip_all "no $MAKE (make tests)"
find_python || skip_all "no python3"
export XDG_CACHE_HOME=$T/cache
mkdir "$XDG_CACHE_HOME"
cd "$T" || exit 1

"$MAKE" one 3000
"$MAKE" two 500
# another host, not sealed: by jq, as anybody could read and write facts
mkdir other
jq -c 'if .["host.name"] then .["host.name"] = "=srv|02" else . end' two/facts-000001.ndjson >other/facts-000001.ndjson
query() { "$QUIS" query "$@"; }

# ---- several cases ----
is "several cases: a column host tells them apart" "$(query one other 'SELECT host, count(*) AS n FROM access GROUP BY host ORDER BY 1' --json | jq -c 'map([.host, .n])')" \
	"$(for case in other one; do cat $case/*.ndjson | jq -sc '[(map(.["host.name"] // empty)[0]), (map(select(.["quis.fact"] == "file-access")) | length)]'; done | jq -sc .)"
is "several cases: joins stay within a case" "$(query one two other 'SELECT count(*) FROM access AS a JOIN process AS p ON p.id = a.process JOIN file AS f ON f.id = a.file' --csv | tail -n 1)" \
	"$(cat one/*.ndjson two/*.ndjson other/*.ndjson | grep -c '"quis.fact":"file-access"')"$'\r'
is "one case: the column is there too" "$(query two 'SELECT DISTINCT host FROM access' --csv | tail -n 1)" srv01$'\r'
is "several cases: no case was written to" "$(ls other)" facts-000001.ndjson
fails "too many cases" 2 'more than 10 cases' "$QUIS" query one one one one one one one one one one one 'SELECT 1'

# ---- queries with a name ----
ok "--list" sh -c '"$1" query --list | grep -q "^foreign-files  *files"' sh "$QUIS"
while read -r name _; do
	ok "$name: of one case" query one "$name"
	ok "$name: of several" query one other "$name"
done < <("$QUIS" query --list)
is "deeds: in order, of one process" "$(query one deeds --process 1000 --json | jq -c '[length > 100, (map(.time) == (map(.time) | sort)), (map(.pid) | unique)]')" '[true,true,[1000]]'
is "files-by-class: the sums are those of the facts" "$(query one files-by-class --json | jq 'map(.read_bytes) | add')" \
	"$(cat one/*.ndjson | jq -s 'map(.["quis.read_bytes"] // 0) | add')"
ok ".schema: tables with comments" sh -c '"$1" query one .schema | grep -q "CREATE TABLE access ( -- one row a burst"' sh "$QUIS"
ok ".schema: sqlite3 takes it" sh -c '"$1" query one .schema | sqlite3 x.db && sqlite3 x.db "SELECT count(*) FROM deeds"' sh "$QUIS"
is "--csv: no cell is a formula" "$(query other 'SELECT host FROM capture' --csv | tail -n 1)" "\"'=srv|02\""$'\r'
is "--format json" "$(query two 'SELECT 1 AS a' --format json | jq -c .)" '[{"a":1}]'
fails "writing is refused, over several cases too" 2 'only reading|cannot modify' "$QUIS" query one two 'DELETE FROM access'
fails "so is attaching" 2 'only reading' "$QUIS" query one two "ATTACH 'x' AS y"

# ---- the index that is kept ----
index=$(find "$XDG_CACHE_HOME/quis/index" -name '*.sqlite' | head -n 1)
ok "the index is a database that sqlite3 opens" sh -c 'sqlite3 -readonly "$1" "SELECT count(*) FROM access" | grep -q "^[1-9]"' sh "$index"
is "it is its owner's alone" "$(stat -c %a "$index" "$XDG_CACHE_HOME/quis/index" | xargs)" "600 700"
is "the columns hold all: no fact has a key without one" "$(sqlite3 -readonly "$index" 'SELECT count(*) FROM access WHERE extra IS NOT NULL')" 0
before=$(find "$XDG_CACHE_HOME" -name '*.sqlite' | wc -l)
query one two 'SELECT 1' >/dev/null
is "it is used again" "$(find "$XDG_CACHE_HOME" -name '*.sqlite' | wc -l)" "$before"
cp -r two changed
query changed two 'SELECT 1' >/dev/null
jq -c 'if .["quis.read_bytes"] then .["quis.read_bytes"] = 1 else . end' two/facts-000001.ndjson >changed/facts-000001.ndjson
rm -r changed/checkpoint* changed/quis.pub
is "a changed case is read again" "$(query changed two 'SELECT max(read_bytes) AS m FROM access WHERE case_no = 1' --json | jq '.[0].m')" 1
chmod 777 "$XDG_CACHE_HOME/quis/index"
is "a cache that others may write is not used" "$(query one two 'SELECT 1 AS a' --json 2>&1 | jq '.[0].a'):$(find "$XDG_CACHE_HOME" -name '*.made' | wc -l)" 1:0
chmod 700 "$XDG_CACHE_HOME/quis/index"
is "without a cache: nothing is left behind" "$(TMPDIR=$T XDG_CACHE_HOME=$T/one/checkpoint query one two 'SELECT 1 AS a' --json | jq '.[0].a'):$(find "$T" -name 'quis-index*' | wc -l)" 1:0

# ---- whether it is as it was sealed ----
state() { "$QUIS" report "$1" --format json --force 2>/dev/null | jq -r .verification.state; }
is "a sealed case is verified" "$(state one)" verified
is "one without a seal says so" "$(state other)" unsealed
ok "the text report says it" sh -c '"$1" report one | grep -q "^verified: 3000 lines are as sealed" && "$1" report other | grep -q "^not verified: "' sh "$QUIS"
cp -r one altered
line=$(grep -n '"quis.opens":1' altered/facts-000001.ndjson | sed -n '1000s/:.*//p')
sed -i "${line}s/\"quis.opens\":1/\"quis.opens\":2/" altered/facts-000001.ndjson
for command in 'report' 'query' 'timeline'; do
	case $command in
	report) arguments=() ;;
	query) arguments=('SELECT count(*) FROM access') ;;
	timeline) arguments=(--format timesketch) ;;
	esac
	fails "an altered case, $command: refused, with the place" 1 'altered: the case is not as it was sealed: .*facts-000001.*line '"$line"'.*--force' "$QUIS" "$command" altered "${arguments[@]}"
	run "$QUIS" "$command" altered "${arguments[@]}" --force
	is "an altered case, $command --force: it can be read" "$RC" 0
	ok "an altered case, $command --force: marked on stderr" one_line err 'UNVERIFIED'
	ok "an altered case, $command --force: marked at its top" sh -c 'head -n 1 out | grep -q "UNVERIFIED: the case is not as it was sealed"'
done
is "an altered case, report --format json --force" "$(state altered)" altered
forced() { "$QUIS" "$@" --force 2>/dev/null; }
is "an altered case, report --format json --force: the first key says it" \
	"$(forced report altered --format json | jq -r 'keys_unsorted[0]')" UNVERIFIED
ok "an altered case, report --format html --force: first of all, and nothing is called exact" sh -c '"$1" report altered --format html --force 2>/dev/null >forced.html; sed "1,/<h1/d" forced.html | grep -m 1 "class=.verdict" | grep -q UNVERIFIED && ! grep -qE "Exact|yes: nothing was lost" forced.html' sh "$QUIS"
ok "an altered case, report --force: nothing is called exact" sh -c '! "$1" report altered --force 2>/dev/null | grep -q "numbers are exact"' sh "$QUIS"
is "an altered case, query --json --force: every row says it, first" \
	"$(forced query altered 'SELECT opens FROM access LIMIT 2' --json | jq -c '[.[] | keys_unsorted]')" '[["UNVERIFIED","opens"],["UNVERIFIED","opens"]]'
is "an altered case, query --csv --force: every row says it, first" \
	"$(forced query altered 'SELECT 7 AS n FROM access LIMIT 2' --csv | "$PYTHON" -c 'import csv, sys; print([[cell[:32] for cell in row] for row in csv.reader(sys.stdin)])')" \
	"[['UNVERIFIED', 'n'], ['the case is not as it was sealed', '7'], ['the case is not as it was sealed', '7']]"
ok "an altered case, diff --force: marked at its top" sh -c '"$1" diff one altered --force 2>/dev/null | head -n 1 | grep -q "^UNVERIFIED, the second: the case is not"' sh "$QUIS"
is "an altered case, diff --format json --force: first key of its side" \
	"$(forced diff one altered --format json | jq -r '[.first, .second] | map(keys_unsorted[0]) | join(" ")')" "case UNVERIFIED"
ok "an altered case, diff --format html --force" sh -c '"$1" diff one altered --format html --force 2>/dev/null | grep -q "UNVERIFIED, the second"' sh "$QUIS"
for format in bodyfile ecs ocsf csv plaso-jsonl; do
	ok "an altered case, timeline --format $format --force: its first event says it" \
		sh -c '"$1" timeline altered --format "$2" --force 2>/dev/null | head -n 2 | grep -q UNVERIFIED' sh "$QUIS" "$format"
done
is "a sealed case has no such mark" "$(query one 'SELECT opens FROM access LIMIT 1' --json | jq -c '.[0] | keys')$("$QUIS" report one --format json | jq -r 'keys_unsorted[0]')" '["opens"]format'
mkdir later
jq -c 'if .["quis.format"] then .["quis.format"] = 2 else . end' other/facts-000001.ndjson >later/facts-000001.ndjson
fails "a later format is refused" 1 'format 2.*--force' "$QUIS" report later
is "a later format, --force" "$(state later)" foreign
mkdir torn
head -c 60000 one/facts-000001.ndjson >torn/facts-000001.ndjson
run "$QUIS" timeline torn --format timesketch
is "half-written: it can be read" "$RC" 0
ok "half-written: the line is named" grep -q 'line [0-9]* of facts-000001.ndjson: the line has no end' err
ok "half-written: the first event says that it is not exact" sh -c 'head -n 1 out | jq -e ".data_type == \"quis:timeline:note\" and (.message | test(\"NOT EXACT\"))"'
is "half-written: every whole line is an event or two" "$(jq -s 'map(.event_sequence // empty) | unique | length' out)" "$(($(wc -l <torn/facts-000001.ndjson)))"
finish
