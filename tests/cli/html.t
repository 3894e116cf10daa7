#!/bin/bash
# The HTML report: one file that asks for nothing, in which hostile names are inert, in a real browser (Debian's chromium, headless) with 100,000
# files; and its steps with OpenSSL, done as they stand there.
# QUIS_AXE names axe.min.js of the accessibility checker axe-core (npm); without it that part is left out.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
find_python || skip_all "no python3"
cd "$T" || exit 1
export XDG_CONFIG_HOME=$T/config XDG_CACHE_HOME=$T/cache
"$PYTHON" "$ROOT/tests/cli/made-case.py" case 100000 1 --gap
"$QUIS" report case --format html -o page.html 2>err
is "report: done, and quiet" "$?:$(cat err)" 0:
ok "no address of anything outside, but in names" bash -c '! grep -oE "(src|href|action|data|poster)=[^ >]*|url\([^)]*\)|@import" page.html | grep -vE "^href=\"#[a-z]+\"$|^src=x$"'
ok "no markup in names" bash -c '! grep -E "<(img|i|b)[ >]|<script>(alert|document)" page.html'
ok "no control character, no change of direction" bash -c '! LC_ALL=C grep -qP "[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80[\xaa-\xae]|\xc2[\x80-\x9f]" page.html'
is "programs in it: the data and ours" "$(grep -c '<script' page.html):$(grep -c 'default-src .none.' page.html)" 2:1
ok "compact: less than 80 bytes a file" test "$(stat -c %s page.html)" -lt 8000000
ok "the rows of the data are those of the JSON report" bash -c '"$1" - <<"END"
import json, re, subprocess, os
page = open("page.html").read()
data = json.loads(re.search(r"id=\"data\">(.*?)</script>", page, re.S).group(1))
report = json.loads(subprocess.run([os.environ["QUIS"], "report", "case", "--format", "json"], capture_output=True).stdout)
files = [f for p in report["processes"] for f in p["files"]]
assert len(files) == len(data["rows"]), (len(files), len(data["rows"]))
assert sum(f["read_bytes"] for f in files) == sum(r[4] for r in data["rows"])
assert sum(f["mapped_bytes"] for f in files) == sum(r[7] for r in data["rows"])
count = lambda items: {k: items.count(k) for k in set(items)}
assert count([f["class"] for f in files]) == count([data["classes"][r[1]] for r in data["rows"]])
assert data["classes"][data["rows"][0][1]] == "credentials"
END' - "$PYTHON"
"$QUIS" report case --format html --process 100 -o one.html
is "--process: its rows only" "$(grep -c 'blob-' one.html):$(grep -c '/etc/shadow\|"shadow"' one.html)" "0:3"
"$QUIS" report case --format html -o /dev/full 2>err
is "a full disk is told" "$?:$(wc -l <err)" 1:1

if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
	mkdir shots
	seen() { jq -e "$1" seen.json >/dev/null; }
	if ! timeout 300 "$PYTHON" "$ROOT/tests/cli/browser.py" page.html shots ${QUIS_AXE:+"$QUIS_AXE"} >seen.json 2>err; then
		ok "chromium shows the page" false
		note "$(tail -n 3 err)"
		finish
	fi
	ok "chromium: nothing is asked for but the page" seen '(.requests | length == 1 and (.[0] | startswith("file://"))) and .resources == []'
	ok "chromium: hostile names do nothing" seen '.alert == false and .title == "ClamAV on srv<b>01</b>: quis report" and .images == 0 and .scripts == 2 and .body_scripts == 0'
	ok "chromium: no error, nothing refused" seen '.errors == []'
	ok "chromium: 100 rows of 100,010 at a time" seen '.rows == 100 and .status == "100010 rows" and .page == "page 2 of 1001" and .last == ["page 1001 of 1001", true]'
	ok "chromium: loaded within 10 s, searched and sorted within 3 s" seen '.load_seconds < 10 and .search_seconds < 3 and .sort_seconds < 3'
	ok "chromium: search" seen '.searched == "1 of 100010 rows" and .found == "/etc/shadow"'
	ok "chromium: filter by class" seen '.filtered == ["credentials (2)", "2 of 100010 rows"]'
	ok "chromium: sort" seen '.sorted[0] | contains("onerror=alert(1)")'
	ok "chromium: nothing stands over on a narrow screen" seen '.narrow_overflow <= 0'
	ok "chromium: without JavaScript the findings and the first rows are there" seen '.nojs_rows == 200 and .nojs_hidden == 3'
	ok "chromium: it prints" seen '.pdf == "%PDF-"'
	if [ -n "${QUIS_AXE:-}" ]; then
		ok "axe-core: no violation, light and dark" seen '.axe.violations == [] and .axe.passes > 20 and .axe_dark == []'
	else
		skip "axe-core: no violation" "QUIS_AXE names no axe.min.js"
	fi
else
	skip "chromium" "no chromium or chromedriver (scripts/setup --tests)"
fi

# ---- the steps with OpenSSL, of a case that is sealed ----
if [ "$(id -u)" != 0 ] || ! can_record; then
	skip "OpenSSL: the steps as they stand in the page" "nothing can be recorded here"
	finish
fi
"$QUIS" run -o sealed -- cat /etc/passwd >/dev/null 2>&1
"$QUIS" report sealed --format html -o sealed.html
element() { "$PYTHON" -c 'import html, re, sys; print(html.unescape(re.search(r"<pre id=\"%s\">(.*?)</pre>" % sys.argv[1], open("sealed.html").read(), re.S).group(1)), end="")' "$1"; }
mkdir away && element checkpoint >away/checkpoint && element key >away/note.pub
ok "the checkpoint is the case's" cmp away/checkpoint sealed/checkpoint
element repeat >away/steps
ok "OpenSSL: the steps as they stand in the page" bash -c 'cd away && bash steps | grep -q "Verified Successfully"'
sed -i '2s/.*/999/' away/checkpoint
ok "OpenSSL: not another checkpoint" bash -c 'cd away && ! bash steps | grep -q "Verified Successfully"'
finish
