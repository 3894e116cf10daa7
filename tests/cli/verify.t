#!/bin/bash
# A sealed case: quis verify and checkers that are not ours agree that it is whole, and that it no longer is after each kind of tampering.
# Not ours: openssl (signatures), Go's sumdb packages (signatures, roots, inclusion, growth), 30 lines of Python (roots).
# shellcheck disable=SC2016,SC2094,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
cd "$T" || exit 1

# ---- the case ----
mkdir many && for i in $(seq 60); do echo "$i" >"many/$i"; done
cat >work <<'END'
for round in 1 2 3; do cat many/* >/dev/null; sleep 1.3; done
END
run "$QUIS" run -o case --segment-size 8K --heartbeat 1s -- sh work
is "a recording in several segments" "$RC" 0
segments=$(find case -name 'facts-*.ndjson' | wc -l)
ok "there are several ($segments)" test "$segments" -ge 3
ok "no private key is left" test ! -e case/signing.key -a ! -e case/signing.next
is "modes" "$(stat -c %a case case/checkpoints case/quis.pub case/checkpoint case/facts-000001.ndjson | tr '\n' ' ')" "700 700 600 600 600 "
cat case/facts-*.ndjson >all
last=$(wc -l <all)
is "the last fact of each segment names the next key; the last of all is the end" \
	"$(for file in case/facts-*.ndjson; do tail -n 1 "$file" | jq -r '."quis.fact"'; done | uniq -c | tr -s ' ' | tr '\n' ' ')" \
	" $((segments - 1)) key  1 capture-end "
is "each fact has its index, less one, as its number" "$(jq '."event.sequence"' all)" "$(seq "$last")"
ok "heartbeats" test "$(grep -c '"quis.fact":"heartbeat"' all)" -ge 2
ok "stats come with checkpoints" test "$(grep -c '"quis.fact":"stats"' all)" -ge 3

verified() { # OPTIONS...
	run "$QUIS" verify case "$@"
	[ "$RC" = 0 ] && grep -q ^intact out && grep -q "sealed .* $last lines in $segments segments" out
}
ok "verify: intact" verified
cp case/quis.pub kept.pub
cp case/checkpoints/000002 kept.checkpoint
ok "verify: by the key that left the host" verified --key kept.pub
ok "verify: since a checkpoint that left the host" verified --since kept.checkpoint
ok "verify: the words tell what is not shown without an anchor" \
	bash -c '"$QUIS" verify case | grep -q "No anchor outside of the case" && ! "$QUIS" verify case --since kept.checkpoint | grep -q "No anchor outside"'
ok "the report reads all segments" bash -c '"$QUIS" report case --format json | jq -e ".completeness.exact and ([.processes[].files[] | select(.path | test(\"/many/\"))] | length) == 180"'

# ---- checkers that are not ours ----
if command -v go >/dev/null && [ -d /usr/share/gocode/src/golang.org/x/mod/sumdb ]; then
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$T/gocache GOFLAGS='' go build -o check "$ROOT/tests/outside/check.go" >go.log 2>&1
	ok "Go's packages: the checker builds" test -x check
fi
outside() { [ -x check ]; }
go_refuses() { ! ./check "$1" kept.pub; }
python_refuses() { ! python3 "$ROOT/tests/outside/roots.py" "$1"; }
if outside; then
	ok "Go: signatures along the keys, roots, inclusion, growth" ./check case kept.pub
else
	skip "Go: signatures along the keys, roots, inclusion, growth" "no Go with golang.org/x/mod (scripts/setup --tests)"
fi
ok "Python: the roots" python3 "$ROOT/tests/outside/roots.py" case
# The note's text and signature, as openssl takes them; the key of the segment comes from the fact before it.
openssl_verifies() { # NOTE KEY
	local text signature
	text=$(sed '/^$/q' "$1" | sed '$d')
	signature=$(sed -n 's/^— [^ ]* //p' "$1" | base64 -d | tail -c +5 | base64 -w 0)
	printf '%s\n' "$text" >note.text
	base64 -d <<<"$signature" >note.signature
	{ printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'; cut -d+ -f3- <<<"$2" | base64 -d | tail -c +2; } >note.key
	openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey note.key -sigfile note.signature -in note.text
}
key_of() { # SEGMENT
	if [ "$1" = 1 ]; then cat case/quis.pub; else tail -n 1 "case/facts-$(printf %06d $(($1 - 1))).ndjson" | jq -r '."quis.key.public"'; fi
}
for i in $(seq "$segments"); do
	ok "openssl: the checkpoint of segment $i by its key" openssl_verifies "case/checkpoints/$(printf %06d "$i")" "$(key_of "$i")"
done
ok "openssl: the newest checkpoint" openssl_verifies case/checkpoint "$(key_of "$segments")"
ok "openssl: not by another key" bash -c '! "$@"' - openssl_verifies case/checkpoint "$(key_of 1)"
if command -v signify-openbsd >/dev/null; then
	openssl_verifies case/checkpoint "$(key_of "$segments")" >/dev/null
	{ echo "untrusted comment: quis"; { printf 'Ed12345678'; tail -c 32 note.key; } | base64 -w 0; echo; } >note.pub
	{ echo "untrusted comment: quis"; { printf 'Ed12345678'; cat note.signature; } | base64 -w 0; echo; } >note.sig
	ok "signify: the newest checkpoint" signify-openbsd -V -p note.pub -x note.sig -m note.text
else
	skip "signify: the newest checkpoint" "no signify-openbsd"
fi

# ---- proofs of one line ----
key_of "$segments" >now.pub
for number in 1 2 57 "$((last / 2))" "$last"; do
	run "$QUIS" verify case --proof "$number" -o "proof.$number"
	is "proof of line $number" "$RC" 0
	if outside; then
		ok "Go: proof of line $number" ./check case now.pub "proof.$number" "$(sed -n "${number}p" all)"
		ok "Go: it is no proof of another line" bash -c '! "$@"' - ./check case now.pub "proof.$number" "$(sed -n "$((number % last + 1))p" all)"
	fi
done
first=$(wc -l <case/facts-000001.ndjson)
for name in 2:3 facts-000002.ndjson:3; do
	run "$QUIS" verify case --proof "$name"
	ok "proof of $name, on stdout" cmp out <("$QUIS" verify case --proof $((first + 3)) 2>/dev/null)
done
fails "proof of a line that there is not" 2 "not sealed" "$QUIS" verify case --proof $((last + 1))
fails "proof of no line" 2 "number of a line" "$QUIS" verify case --proof 0
fails "proof of nonsense" 2 "number of a line" "$QUIS" verify case --proof 1:x

# ---- tampering ----
# Each is done to a copy; quis verify must refuse it and name the place, and so must the others.
tampered() { # NAME PATTERN COMMAND...
	local name=$1 pattern=$2
	shift 2
	rm -rf bad && cp -r case bad
	(cd bad && eval "$*")
	run "$QUIS" verify bad
	is "$name: status" "$RC" 1
	ok "$name: the place is named" grep -qE -e "^ALTERED: .*$pattern" out
	ok "$name: Python refuses" python_refuses bad
	if outside; then ok "$name: Go refuses" go_refuses bad; fi
}
tampered "one flipped bit" 'facts-000002.ndjson: line 7 was changed' 'sed -i "7s/2026/2027/" facts-000002.ndjson'
tampered "one flipped bit in the last line" "facts-0*$segments.ndjson: line [0-9]+ was changed" 'sed -i "\$s/2026/2027/" facts-'"$(printf %06d "$segments")".ndjson
tampered "a flipped bit in a key" 'facts-000001.ndjson: line '"$first"' was changed' 'sed -i "\$s/quis.key.public\":\"./&x/" facts-000001.ndjson'
tampered "a line taken out" 'facts-000001.ndjson: 1 line is missing before line 9' 'sed -i 9d facts-000001.ndjson'
tampered "two lines swapped" 'facts-000002.ndjson: lines 5 and 6 have changed places' 'sed -i "5{h;d};6{G}" facts-000002.ndjson'
tampered "a line added" 'facts-000001.ndjson: line 4 was added' 'sed -i "3{p;s/sequence\":3/sequence\":4/}" facts-000001.ndjson'
tampered "a line added at the end" "facts-0*$segments.ndjson: line [0-9]+ was added after" 'echo "{\"quis.fact\":\"x\"}" >>facts-'"$(printf %06d "$segments")".ndjson
tampered "the last line taken out" "facts-0*$segments.ndjson: .*missing.* from line [0-9]+" 'sed -i "\$d" facts-'"$(printf %06d "$segments")".ndjson
tampered "without .leaves: one flipped bit" "facts-000002.ndjson: one or more of lines 1 to [0-9]+" 'rm *.leaves; sed -i "7s/2026/2027/" facts-000002.ndjson'
tampered "without .leaves: a line taken out" "facts-000002.ndjson: line 7 does not have the number" 'rm *.leaves; sed -i 7d facts-000002.ndjson'
tampered "a segment taken out" 'facts-000002.ndjson is missing' 'rm facts-000002.ndjson'
tampered "the last segment taken out" "facts-0*$segments.ndjson is missing" "rm facts-$(printf %06d "$segments").ndjson"
tampered "two segments swapped" 'facts-000001.ndjson' 'mv facts-000001.ndjson x; mv facts-000002.ndjson facts-000001.ndjson; mv x facts-000002.ndjson'
"$QUIS" run -o other -- true
cp other/checkpoint other.checkpoint
tampered "the checkpoint of another case" 'checkpoint is (of another case|not signed by the key)' "cp ../other.checkpoint checkpoint"
rm -rf bad && cp -r case bad && cp case/checkpoints/000002 bad/checkpoint
run "$QUIS" verify bad
ok "an older checkpoint put back: refused, and named" grep -q '^ALTERED: checkpoint is older' out
rm bad/checkpoint
run "$QUIS" verify bad
ok "the checkpoint taken away: refused, and named" grep -q '^ALTERED: checkpoint is missing' out
rm -rf bad && cp -r case bad && rm bad/checkpoints/000001
run "$QUIS" verify bad
ok "a checkpoint of a segment taken away: refused, and named" grep -q '^ALTERED: checkpoints/000001 is missing' out

# The past, signed anew by who has taken the host. With the first key in place each signature fails; with another one in its place the case
# fits together, and only what left the host can tell.
if outside; then
	rm -rf forged && cp -r case forged && sed -i '7s/many/MANY/' forged/facts-000002.ndjson && rm -f forged/*.leaves
	./check forge forged "$(sed 's/+.*//' case/quis.pub)"
	run "$QUIS" verify forged
	is "signed anew, with all of its keys: it fits together" "$RC" 0
	ok "... and the words say that this shows nothing against who rules the host" grep -q 'can write a whole case anew' out
	run "$QUIS" verify forged --key kept.pub
	ok "signed anew: refused by the key that left the host" test "$RC" = 1
	run "$QUIS" verify forged --since kept.checkpoint
	ok "signed anew: refused by the checkpoint that left the host" test "$RC" = 1
	ok "signed anew: Go refuses it by the key that left the host" go_refuses forged
	cp case/quis.pub forged/quis.pub
	run "$QUIS" verify forged
	ok "signed anew, the first key left as it was: refused, and named" grep -q '^ALTERED: checkpoints/000001 is not signed' out
fi
# Cut back to an earlier end, with everything that belongs to it.
rm -rf bad && cp -r case bad && (cd bad && for i in $(seq 3 "$segments"); do rm "facts-$(printf %06d "$i")".* "checkpoints/$(printf %06d "$i")"; done)
cp case/checkpoints/000002 bad/checkpoint
run "$QUIS" verify bad
is "cut back: it fits together" "$RC" 0
ok "... and the words say that no end is sealed" grep -q 'no end is sealed' out
run "$QUIS" verify bad --since case/checkpoint
ok "cut back: refused by a later checkpoint, and the place named" grep -q '^ALTERED: facts-000003.ndjson' out
run "$QUIS" verify other --since kept.checkpoint
ok "another case in its place: refused" grep -q 'not the same case' out

# ---- what cannot be told ----
mkdir empty && run "$QUIS" verify empty
is "an empty directory: cannot tell" "$RC" 2
fails "no directory: cannot tell" 2 "No such file" "$QUIS" verify none
fails "no CASE" 2 "no CASE" "$QUIS" verify
fails "a key that is none" 2 "no key" "$QUIS" verify case --key all
fails "a checkpoint that is none" 2 "no checkpoint" "$QUIS" verify case --since all
fails "no such key" 2 "No such file" "$QUIS" verify case --key none
rm -rf bad && mkdir bad && cp case/facts-* bad
run "$QUIS" verify bad
is "facts alone: cannot tell" "$RC" 2
chmod 755 "$T" && cp -r case open && chmod -R a+rX open && cp "$QUIS" q && chmod 755 q
ok "verify needs no privileges" setpriv --reuid 65534 --regid 65534 --clear-groups ./q verify open

# ---- compressed, given keys ----
run "$QUIS" run -o packed --segment-size 8K --compress -- sh work
ok "compressed segments" test -e packed/facts-000001.ndjson.zst -a ! -e packed/facts-000001.ndjson
run "$QUIS" verify packed
is "compressed: intact" "$RC" 0
ok "compressed: Python: the roots" python3 "$ROOT/tests/outside/roots.py" packed
ok "compressed: the report is the same" bash -c '"$QUIS" report packed --format json | jq -e ".completeness.exact and ([.processes[].files[] | select(.path | test(\"/many/\"))] | length) == 180"'
(cd packed && zstd -dq --rm facts-000001.ndjson.zst)
run "$QUIS" verify packed
is "unpacked by hand: intact" "$RC" 0
truncate -s -5 packed/facts-000002.ndjson.zst
run "$QUIS" verify packed
ok "a damaged compressed segment: refused, and named" grep -q '^ALTERED: facts-000002.ndjson.zst: the compressed segment is damaged' out

run "$QUIS" make-key mine 2>/dev/null
"${QUIS%/*}/quis-record" make-key mine >made
ok "make-key: the key is secret, and its public part told" test "$(stat -c %a mine)" = 600 -a "$(cat made)" = "$(cat mine.pub)"
fails "make-key never writes over a key" 1 "File exists" "${QUIS%/*}/quis-record" make-key mine
fails "make-key: a name with a space" 2 "name of a key" "${QUIS%/*}/quis-record" make-key mine2 'a b'
run "$QUIS" run -o given --key mine -- true
run "$QUIS" verify given --key mine.pub
is "a given key signs" "$RC" 0
fails "another key than the one given" 1 "no signing key" "$QUIS" run -o given2 --key all -- touch started
ok "then the COMMAND was not started" test ! -e started
for wrong in '--segment-size 0' '--segment-size 5X' '--segment-age x' '--heartbeat 0' '--checkpoint-to paper' '--keep-size x' '--keep-age 0'; do
	# shellcheck disable=SC2086
	fails "run $wrong" 2 "${wrong%% *}" "$QUIS" run -o none $wrong -- true
done
run "$QUIS" run -o told --checkpoint-to stderr -- true
ok "--checkpoint-to stderr: the newest checkpoint is said at the end" cmp err told/checkpoint

# A journal of our own, in a /run of its own.
cat >journal.py <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
os.makedirs("/run/systemd/journal")
s.bind("/run/systemd/journal/socket")
s.settimeout(20)
open("journal.ready", "w").close()
with open("journal.got", "wb") as out:
    while True:
        message = s.recv(65536)
        head, rest = message.split(b"MESSAGE\n", 1)
        size = int.from_bytes(rest[:8], "little")
        assert rest[8 + size:] == b"\n" and b"SYSLOG_IDENTIFIER=quis-record\n" in head
        out.write(rest[8:8 + size])
        out.flush()
END
unshare -m --propagation private bash -c 'mount -t tmpfs none /run || exit; python3 journal.py & listener=$!
	until [ -e journal.ready ]; do sleep 0.1; done
	"$QUIS" run -o journaled --heartbeat 1s --checkpoint-to journal -- sh work
	for ((i = 0; i < 100; i++)); do tail -n 5 journal.got | cmp -s - journaled/checkpoint && break; sleep 0.1; done # it may be behind
	kill "$listener"' >journal.log 2>&1
ok "--checkpoint-to journal: the newest checkpoint comes last" cmp <(tail -n 5 journal.got) journaled/checkpoint
ok "... and others before, of which the case is a continuation" bash -c 'head -n 5 journal.got >journal.first && ! cmp -s journal.first journaled/checkpoint && "$QUIS" verify journaled --since journal.first'
# A syslog of our own, in a /dev of its own: a line for each, in which a space stands for what ended a line of the note.
cat >syslog.py <<'END'
import os, re, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
s.settimeout(20)
open("syslog.ready", "w").close()
with open("syslog.got", "wb") as out:
    while True:
        note = re.fullmatch(rb"<29>quis-record\[\d+\]: checkpoint (\S+) (\d+) (\S+)  (\S+) (\S+) (\S+)", s.recv(65536))
        out.write(b"%s\n%s\n%s\n\n%s %s %s\n" % note.groups())
        out.flush()
END
unshare -m --propagation private bash -c 'touch null; mount --bind /dev/null null && mount -t tmpfs none /dev && touch /dev/null && mount --bind null /dev/null || exit
	python3 syslog.py & listener=$!
	until [ -e syslog.ready ]; do sleep 0.1; done
	"$QUIS" run -o logged --heartbeat 1s --checkpoint-to syslog -- sh work
	for ((i = 0; i < 100; i++)); do tail -n 5 syslog.got | cmp -s - logged/checkpoint && break; sleep 0.1; done # it may be behind
	kill "$listener"' >syslog.log 2>&1
ok "--checkpoint-to syslog: the newest checkpoint comes last" cmp <(tail -n 5 syslog.got) logged/checkpoint
ok "... and others before, of which the case is a continuation" bash -c 'head -n 5 syslog.got >syslog.first && ! cmp -s syslog.first logged/checkpoint && "$QUIS" verify logged --since syslog.first'
fails "--checkpoint-to a journal that is not there" 1 "systemd/journal|No such file" \
	unshare -m --propagation private bash -c 'mount -t tmpfs none /run && exec "$@"' - "$QUIS" run -o journaled2 --checkpoint-to journal -- touch started
ok "then the COMMAND was not started" test ! -e started

# ---- old segments that are removed ----
run "$QUIS" run -o short --segment-size 8K --keep-size 120K --heartbeat 1s -- sh -c 'sh work; sh work'
ok "the oldest segments are gone" test ! -e short/facts-000001.ndjson -a -e short/checkpoints/000001
run "$QUIS" verify short
is "removed segments: intact" "$RC" 0
ok "... the words tell what was removed" grep -q 'removed .*segments 1 to [0-9]* were removed\|removed .*segments 1 to' out
ok "a fact tells it" grep -qh '"quis.fact":"retention".*"quis.retention.segment":[0-9]' short/facts-*.ndjson
first_left=$(find short -name 'facts-*.ndjson' | sort | head -n 1)
rm "$first_left"
run "$QUIS" verify short
ok "one more taken out: refused, and named" grep -q "^ALTERED: ${first_left#short/} is missing" out
fails "the report does not take it" 1 "is missing" "$QUIS" report short
"$QUIS" report short --force --format json >short.json 2>/dev/null
ok "... and with --force it says what is missing" test "$(jq -r '(.completeness.exact | not) and any(.completeness.gaps[].what; contains("is missing"))' short.json)" = true

# ---- a sensor that dies ----
background "$QUIS" run -o killed -- sh -c 'cat many/* >/dev/null; touch ready; exec sleep 6'
within 10 test -e ready
sleep 2.2
within 20 test -s killed/checkpoint
kill -9 "$BG"
wait "$BG" 2>/dev/null
cp killed/checkpoint killed.checkpoint
run "$QUIS" verify killed
is "killed: what was sealed is intact" "$RC" 0
ok "killed: the words say that no end is sealed" grep -q 'no end is sealed' out
ok "killed: its key is there for going on, and secret" test "$(stat -c %a killed/signing.key)" = 600
sealed=$(sed -n 2p killed/checkpoint)
printf '{"@timestamp":"2026-11-23T00:00:00.000000000Z","quis.fact":"x","event.sequence":%d}\n{"@times' $(($(cat killed/facts-*.ndjson | wc -l) + 1)) >>killed/facts-000001.ndjson
run "$QUIS" verify killed
is "a tail that is not sealed, and torn: intact up to there" "$RC" 0
ok "... it is said where it begins, and how long it is" bash -c 'grep -q "from line $((1 + $1)) of segment 1 on, newer than the last checkpoint" out && grep -q "torn .*8 bytes" out' - "$sealed"

# ---- time stamps, by a service of our own ----
if command -v openssl >/dev/null; then
	mkdir tsa && cat >tsa/cnf <<END
[tsa]
default_tsa = ours
[ours]
dir = $T/tsa
serial = $T/tsa/serial
signer_cert = $T/tsa/tsa.pem
signer_key = $T/tsa/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
[ext]
extendedKeyUsage = critical,timeStamping
END
	(cd tsa && echo 01 >serial && openssl req -x509 -newkey ed25519 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2 &&
		openssl req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /CN=tsa &&
		openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 2 -extfile cnf -extensions ext &&
		openssl req -x509 -newkey ed25519 -nodes -keyout other.key -out other.pem -subj /CN=other -days 2) >tsa.log 2>&1
	run "$QUIS" verify case --timestamp query
	is "a query is made" "$RC" 0
	openssl ts -reply -config tsa/cnf -queryfile query -out reply >>tsa.log 2>&1
	ok "the service answers it" test -s reply
	run "$QUIS" verify case --timestamp-reply reply --ca tsa/ca.pem
	is "the reply holds" "$RC" 0
	ok "the report states the anchor" grep -qE "anchor +the first $last lines were there at .* GMT, by a time-stamping service" out
	ok "the reply is kept in the case" test -s "case/anchors/$last.tsr" -a -s "case/anchors/$last.checkpoint"
	run "$QUIS" verify case
	ok "the newest anchor is known from then on" grep -qE "anchor +the first $last lines .*not checked" out
	run "$QUIS" verify case --ca tsa/ca.pem
	ok "and checked" grep -q "the time-stamping service saw them" out
	mkdir trap && cp -r case trap/case && rm trap/case/anchors/* && mkfifo "trap/case/anchors/$last.tsr" "trap/case/anchors/$last.checkpoint"
	run timeout 10 "$QUIS" verify trap/case --ca tsa/ca.pem
	is "FIFOs in the place of anchors do not hold it up" "$RC" 0
	rm trap/case/anchors/* && echo precious >trap/precious && ln -s ../../precious "trap/case/anchors/$last.tsr"
	run "$QUIS" verify trap/case --timestamp-reply reply --ca tsa/ca.pem
	is "a link in the place of an anchor is replaced, not followed" "$(cat trap/precious):$([ -L "trap/case/anchors/$last.tsr" ] || echo a file)" "precious:a file"
	rm -r trap/case/anchors && ln -s .. trap/case/anchors
	run "$QUIS" verify trap/case --timestamp-reply reply --ca tsa/ca.pem
	is "nor one in the place of their directory" "$(ls trap)" "case"$'\n'precious
	fails "certificates that do not vouch for the service" 1 "does not hold" "$QUIS" verify case --ca tsa/other.pem
	fails "a reply for another checkpoint" 1 "does not hold" "$QUIS" verify other --timestamp-reply reply --ca tsa/ca.pem
	fails "no such reply" 2 "No such file" "$QUIS" verify other --timestamp-reply none --ca tsa/ca.pem
	fails "a reply without certificates" 2 "needs --ca" "$QUIS" verify other --timestamp-reply reply
	if outside; then
		./check forge case "$(sed 's/+.*//' case/quis.pub)"
		run "$QUIS" verify case
		ok "signed anew: refused by the anchored checkpoint" test "$RC" = 1
	fi
fi
finish
