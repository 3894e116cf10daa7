#!/bin/bash
# Timelines: each format read back by its consumer or by its consumer's rules, with the events and the times of the case; hostile names;
# filters; a clock that was set; file system times merged in.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
find_python || skip_all "no python3"
HERE=$(cd "$(dirname "$0")" && pwd)
FORMATS="timesketch bodyfile ecs ocsf csv plaso-jsonl"
export XDG_CACHE_HOME=$T/cache
mkdir "$XDG_CACHE_HOME"
cd "$T" || exit 1

# Facts by hand: names that try to be lines, cells, keys, formulas, escapes; times apart by a nanosecond; a clock that is set back.
cat >make.py <<'END'
import base64, json, os, sys
os.mkdir(sys.argv[1])
out = open(sys.argv[1] + '/facts-000001.ndjson', 'w', encoding='utf-8')
sequence = 0
def time(ns):
    import datetime
    return datetime.datetime.fromtimestamp(ns // 10**9, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S') + '.%09dZ' % (ns % 10**9)
def fact(kind, ns, **fields):
    global sequence
    sequence += 1
    line = {'@timestamp': time(ns), 'quis.fact': kind}
    line.update({k.replace('__', '.'): v for k, v in fields.items() if v is not None})
    line['event.sequence'] = sequence
    text = json.dumps(line, ensure_ascii=False)
    for code in [*range(0x7f, 0xa0)]:
        text = text.replace(chr(code), '\\u%04x' % code)
    out.write(text + '\n')
def who(pid, name='clamd'):
    return dict(event__kind='event', process__entity_id='%d-1f' % pid, process__pid=pid, process__name=name)
def printable(raw):
    return raw.decode('utf-8', 'backslashreplace')
def burst(pid, ns, path, first=None, inode='7', name='clamd', **counts):
    raw = path if isinstance(path, bytes) else path.encode()
    try:
        raw.decode('utf-8')
        raw_field = None
    except UnicodeDecodeError:
        raw_field = base64.b64encode(raw).decode()
    change = 'quis__writes' in counts
    fact('file-access', ns, **dict(who(pid, name), event__category=['file'], event__type=['change'] if change else ['access'],
        event__start=time(first or ns), event__end=time(ns), file__path=printable(raw), quis__file__path_raw=raw_field,
        quis__file__path_from='kernel', quis__file__device='254:0', file__inode=inode, quis__file__generation=0, file__type='file',
        quis__file__how=['opened'], **counts))
S = 10**9
T = 1795455600 * S
fact('capture-start', T, quis__format=1, ecs__version='9.0.0', quis__case__id='c0ffee', quis__tool__version='0.1.0', host__name='srv01',
    host__id='0123', quis__hooks='tracepoint', quis__flags=['command'], quis__unseen=[], quis__clock__realtime_ns=T,
    quis__clock__boottime_ns=100 * S)
fact('process-start', T + 1, **dict(who(4242), event__category=['process'], event__type=['start'], quis__process__event='exec',
    process__start=time(T + 1), process__executable='/usr/sbin/clamd', process__args=['clamd', '--config', 'a b'], process__user__id='0',
    process__group__id='0'))
burst(4242, T + 50123456, '/etc/shadow', first=T + 50123455, inode='941', quis__opens=1, quis__reads=3, quis__read_bytes=1203)
burst(4242, T + 2 * S, '/home/u/letter.odt', first=T + S, inode='942', quis__writes=2, quis__write_bytes=77)
HOSTILE = [b'/x/new\nline', b'/x/tab\tand\rreturn', b'/x/pipe|pipe', b'/x/percent%41%0a', b'/x/back\\slash\\x41', b'/x/esc\x1b[31m', b'/x/\x7f',
    '/x/c1 \u0085 \u009b31m'.encode(), b'/x/bad\xff\xfe|', b'/x/"},{"a":"b', b'=cmd|calc', b'/x/comma,"quote",\'', '/x/rtl\u202egnp.exe'.encode(),
    '/x/line\u2028separator'.encode(), '/x/smile\U0001f600'.encode(), b'/x/<script>alert(1)</script>', b'/x/' + b'n' * 255, b'/x/ ', b'/x/nul\\0',
    b'@SUM(1+1)', b'/' + b'd' * 4000, b'/x/#comment', b'/x/${jndi:x}', b"/x/'; DROP TABLE access; --"]
for number, name in enumerate(HOSTILE):
    burst(4242, T + 3 * S + number, name, inode=str(1000 + number), quis__opens=1)
    burst(4243, T + 3 * S + number, name, inode=str(1000 + number), name='=evil|\u202e"\n', quis__opens=1)
fact('file-access', T + 4 * S, **dict(who(4242), event__category=['file'], event__type=['access'], event__outcome='failure',
    event__start=time(T + 4 * S), event__end=time(T + 4 * S), file__path='/root/.ssh/id_rsa', quis__file__path_from='argument', quis__failed=2,
    quis__errno='EACCES'))
fact('flow', T + 5 * S, **dict(who(4242), event__category=['network'], event__type=['connection'], event__start=time(T + 4 * S),
    event__end=time(T + 5 * S), quis__flow__id='f1', quis__flow__family='inet', network__transport='tcp', network__type='ipv4',
    network__direction='egress', quis__flow__local='127.0.0.1:40000', quis__flow__remote='203.0.113.7:443', source__ip='127.0.0.1',
    source__port=40000, destination__ip='203.0.113.7', destination__port=443, quis__flow__sends=1, quis__flow__sent_bytes=5))
fact('flow', T + 5 * S, **dict(who(4242), event__category=['network'], event__type=['connection'], event__start=time(T + 5 * S),
    event__end=time(T + 5 * S), quis__flow__id='f2', quis__flow__family='unix', quis__flow__remote='@=abstract\n', quis__flow__sends=1))
fact('name', T + 5 * S, quis__name__address='203.0.113.7', quis__name__name='ksn.example.com', quis__name__source='dns', quis__flow__id='f0')
fact('name', T + 5 * S, quis__name__address='203.0.113.7', quis__name__name='sni.example.com', quis__name__source='sni', quis__flow__id='f1')
fact('action', T + 6 * S, **dict(who(4242), event__category=['file'], event__type=['change'], event__action='rename', event__outcome='success',
    event__start=time(T + 6 * S), event__end=time(T + 6 * S), file__path='/x/a|b', quis__action__to='/x/\nb', quis__path_from='kernel'))
fact('action', T + 6 * S, **dict(who(4242), event__category=['process'], event__type=['info'], event__action='ptrace', event__outcome='failure',
    event__start=time(T + 6 * S), event__end=time(T + 7 * S), quis__action__detail='{"pid":1,"count":2}', quis__errno='EPERM'))
fact('transfer', T + 7 * S, **dict(who(4242), event__category=['file'], event__type=['access'], event__start=time(T + 7 * S), event__end=time(T + 7 * S),
    file__path='/srv/handed', file__type='file', quis__file__device='254:0', file__inode='948', quis__transfer__to_flow='f1', quis__flow__remote='/run/s',
    quis__transfer__descriptors=1))
# the clock is set back by an hour: from here on the sensor stamps by the new pair
B = T - 3600 * S
fact('clock-change', B + 8 * S, event__start=time(B + 8 * S), event__end=time(B + 8 * S), quis__note='clock set', quis__clock__realtime_ns=B + 8 * S,
    quis__clock__boottime_ns=108 * S)
burst(4242, B + 9 * S, '/etc/passwd', inode='943', quis__opens=1, quis__reads=1, quis__read_bytes=9, quis__future__key=[1, {'a': 'b'}])
fact('heartbeat', B + 10 * S, event__start=time(B + 9 * S), event__end=time(B + 10 * S))
fact('process-end', B + 11 * S, **dict(who(4242), event__category=['process'], event__type=['end'], process__end=time(B + 11 * S), process__exit_code=0))
fact('stats', B + 12 * S, quis__lost__records=0, quis__lost__map_full=0, quis__lost__missed_runs=0)
fact('capture-end', B + 12 * S, quis__end__reason='signal', quis__end__exit_status=0)
END
"$PYTHON" make.py hand

export_all() { # CASE [OPTIONS...]
	local case=$1 format
	shift
	for format in $FORMATS; do "$QUIS" timeline "$case" --format "$format" -o "$case.$format.jsonl" "$@" 2>"$case.$format.err" || return 1; done
}
check() { # CASE FORMAT
	run "$PYTHON" "$HERE/timeline-check.py" "$1" "$2" "$1.$2.jsonl"
	result "$RC" "$1, $2: its reader's rules, and the events and times of the case ($(tail -n 1 "$T/out"))"
	[ "$RC" = 0 ] || note "$(cat "$T/out" "$T/err")"
}

ok "a case by hand: every format can be written" export_all hand
for format in $FORMATS; do CLOCK_SET=1 check hand "$format"; done

events() { jq -r 'select(.event_sequence) | .event_sequence' hand.timesketch.jsonl; }
is "a clock set back: the events keep their order" "$(events | uniq)" "$(events | sort -n | uniq | "$PYTHON" -c '
import sys
print("\n".join(line.strip() for line in sys.stdin))')"
ok "a clock set back: it shows" jq -es 'any(.[]; .timestamp_desc == "Clock Change" and (.message | test("THE CLOCK CHANGED: it says 2026-11-23T16:40:08")))' hand.timesketch.jsonl
ok "a clock set back: the text report says so" bash -c '"$0" report hand 2>/dev/null | grep -q "^  clock set, at 2026-11-23T16:40:08"' "$QUIS"
is "a clock set back: so does the JSON" "$("$QUIS" report hand --format json 2>/dev/null | jq -c '.session.clock_changes')" \
	'[{"from":"2026-11-23T16:40:08.000000000Z","to":"2026-11-23T16:40:08.000000000Z","what":"clock set"}]'
ok "a clock set back: so does the HTML" bash -c '"$0" report hand --format html 2>/dev/null | grep -A2 "Changes of the clock" | grep -q "clock set"' "$QUIS"
ok "timesketch: what was read, in words" jq -es 'any(.[]; .message == "clamd[4242] read /etc/shadow: 1 open, 3 reads, 1203 bytes" and
	.datetime == "2026-11-23T17:40:00.050123+00:00" and .timestamp == 1795455600050123 and .timestamp_desc == "File Read (first)" and
	.data_type == "quis:file:access" and .host_name == "srv01" and .process_pid == 4242 and .process_executable == "/usr/sbin/clamd" and
	.file_path == "/etc/shadow" and .bytes_read == 1203 and .tag == ["credentials"])' hand.timesketch.jsonl
ok "timesketch: nothing was left out, so nothing is said" test ! -s hand.timesketch.err
is "the exact bytes of a name are there" "$(jq -r 'select(.event_sequence == 21) | .file_path_raw' hand.timesketch.jsonl | base64 -d | od -An -tx1)" \
	"$(printf '/x/bad\xff\xfe|' | od -An -tx1)"
ok "ecs: a key that this version does not know is kept" jq -es 'any(.[]; .["quis.future.key"] == [1, {"a": "b"}])' hand.ecs.jsonl
ok "bodyfile: it says what it left out, first, and on stderr" sh -c 'head -n 1 hand.bodyfile.jsonl | grep -q "LEFT OUT" && grep -q "LEFT OUT" hand.bodyfile.err'
ok "bodyfile: the actor is in the name" grep -qF '|/etc/shadow (read by clamd pid=4242) [3 first]|941|r/---------|0|0|0|1795455600.050123|0|0|0' hand.bodyfile.jsonl
ok "bodyfile: names are escaped" sh -c 'grep -qF "/x/pipe\\x7cpipe (opened by" hand.bodyfile.jsonl && grep -qF "/x/percent\\x2541\\x250a (" hand.bodyfile.jsonl &&
	grep -qF "/x/back\\\\slash\\\\x41 (" hand.bodyfile.jsonl && grep -qF "/x/bad\\xff\\xfe\\x7c (" hand.bodyfile.jsonl && grep -qF "/x/c1 \\xc2\\x85 \\xc2\\x9b31m (" hand.bodyfile.jsonl'
ok "csv: no cell is a formula" sh -c 'grep -qF "\"'\''=cmd|calc\"" hand.csv.jsonl && grep -qF "\"'\''@SUM(1+1)\"" hand.csv.jsonl'
ok "csv: bidirectional overrides are escaped" sh -c '! grep -q "$(printf "\342\200\256")" hand.csv.jsonl'

# ---- mactime ----
mactime_check() { # CASE; every line of the body file is a line of mactime's, at its second, with its name
	mactime -b "$1.bodyfile.jsonl" -d -y -z UTC >"$1.mactime" 2>"$1.mactime.err" || return 1
	"$PYTHON" - "$1" <<'END'
import calendar, collections, csv, re, sys, time
case = sys.argv[1]
want = collections.Counter()
for line in open(case + '.bodyfile.jsonl', encoding='utf-8'):
    fields = line.rstrip('\n').split('|')
    when = max(fields[7:], key=len)
    want[int(when.split('.')[0]), fields[1], fields[2]] += 1
got = collections.Counter()
for row in csv.reader(open(case + '.mactime', encoding='utf-8', newline='')):
    if re.match(r'\d{4}-\d\d-\d\dT', row[0]) and not row[0].startswith('0000'):
        got[calendar.timegm(time.strptime(row[0], '%Y-%m-%dT%H:%M:%SZ')), row[7], row[6]] += 1
print(sum(want.values()), 'lines,', sum(got.values()), 'of mactime', list((want - got).items())[:3], list((got - want).items())[:3])
sys.exit(want != got)
END
}
if command -v mactime >/dev/null; then
	ok "a case by hand, mactime: every line is kept, with its time and name" mactime_check hand
else
	skip "mactime" "no mactime (package sleuthkit)"
fi

# ---- filters ----
select_all() { "$QUIS" timeline hand --format timesketch "$@" >part.jsonl 2>part.err; }
some() { jq -es "map(select(.data_type != \"quis:timeline:note\")) | length > 0 and all(.[]; $1)" part.jsonl; }
noted() { [ "$(head -n 1 part.jsonl | jq -r .data_type)" = quis:timeline:note ] && head -n 1 part.jsonl | grep -q 'LEFT OUT' && grep -q 'left out' part.err; }
filtered() { # CONDITION OPTIONS...
	local condition=$1
	shift
	select_all "$@" && some "$condition" && noted
}
ok "--process" filtered '.process_pid == 4243' --process 4243
ok "--class" filtered '.tag == ["credentials"]' --class credentials
is "--class: refused opens too" "$(jq -s 'map(select(.file_path == "/root/.ssh/id_rsa")) | length' part.jsonl)" 1
ok "--path-glob" filtered '.file_path | startswith("/etc/")' --path-glob '/etc/*'
ok "--from and --to" filtered '.timestamp >= 1795455601000000 and .timestamp <= 1795455602000000' --from 2026-11-23T17:40:01Z --to '2026-11-23 18:40:02+01:00'
is "--from and --to: first and last of a burst" "$(jq -rs 'map(select(.event_sequence) | .timestamp_desc) | join(", ")' part.jsonl)" "File Write (first), File Write (last)"
ok "a filter that nothing passes" select_all --process 99
is "a filter that nothing passes: nothing" "$(wc -c <part.jsonl)" 0

# ---- file system times ----
cat >fls.body <<'END'
0|/etc/shadow|941|r/rrw-r-----|0|42|1203|1795455599|1795455601|1795455601|1790000000
0|/elsewhere|942-128-1|r/rrw-r-----|0|0|10|0|1795455602.5|0|0
0|/not/touched|77777|r/rrw-r--r--|0|0|10|1795455601|1795455601|1795455601|0
no line of a body file
END
"$QUIS" timeline hand --format timesketch --merge fls.body >merged.jsonl 2>merged.err
merged() { jq -es "$1" merged.jsonl >/dev/null; }
is "--merge: it ends in order" "$?" 0
ok "--merge: the times of the same inode, in their place" merged '[.[] | select(.file_path == "/etc/shadow") | [.data_type, .timestamp_desc]] ==
	[["fs:stat", "Creation Time"], ["fs:stat", "Last Access Time"], ["quis:file:access", "File Read (first)"], ["quis:file:access", "File Read (last)"], ["fs:stat", "File System Times"]]'
ok "--merge: letters, and how it is known to be the same" merged '[.[] | select(.file_times == "mc" and .file_match == "inode and path")] | length == 1'
ok "--merge: another path is said" merged '[.[] | select(.file_path == "/elsewhere" and .file_match == "inode number" and .timestamp == 1795455602500000)] | length == 1'
ok "--merge: other inodes are left out, and that is said" sh -c '! grep -q /not/touched merged.jsonl && head -n 1 merged.jsonl | grep -q "2 lines of the merged body file"'
for format in bodyfile ecs ocsf csv plaso-jsonl; do
	ok "--merge, $format" sh -c '"$1" timeline hand --format "$2" --merge fls.body 2>/dev/null | grep -q elsewhere' sh "$QUIS" "$format"
done
fails "--merge: no such file" 1 'nonexistent' "$QUIS" timeline hand --format csv --merge nonexistent
fails "--merge: no body file" 1 'no body file' "$QUIS" timeline hand --format csv --merge make.py

# ---- usage ----
fails "no format" 2 'no --format given' "$QUIS" timeline hand
fails "no such format" 2 "no format 'xml'" "$QUIS" timeline hand --format xml
fails "a bad time" 2 '--from needs a time' "$QUIS" timeline hand --format csv --from yesterday
fails "no such class" 2 "no class 'secret'" "$QUIS" timeline hand --format csv --class secret
ok "--help lists the formats, one a line" sh -c 'for f in '"$FORMATS"'; do "$1" timeline --help | grep -q "^$f " || exit 1; done' sh "$QUIS"
ok "quis help timeline too" sh -c '"$1" help timeline | grep -q "^ocsf "' sh "$QUIS"
fails "a full disk is told" 1 'No space' "$QUIS" timeline hand --format csv -o /dev/full

# ---- a recording: clamscan over hostile names ----
if [ "$(id -u)" != 0 ] || ! can_record; then
	skip "recordings" "recording is not permitted here"
	finish
fi
mkdir -p tree database
echo '44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature' >database/one.hdb
"$PYTHON" - <<'END'
for name in [b'new\nline', b'pipe|pipe', b'percent%41', b'back\\slash', b'esc\x1b[31m', b'bad\xff\xfe', '\u0085\u202e'.encode(), b'"},{"a":"b', b'=1+1', b'n' * 255, b'plain']:
    open(b'tree/' + name, 'w').write('content\n')
END
if command -v clamscan >/dev/null; then program=(clamscan --no-summary -r -d database tree); else program=(grep -r nothing tree); fi
"$QUIS" run -o scan -- "${program[@]}" >scan.said 2>scan.err
ok "a recording of ${program[0]}: every format can be written" export_all scan
for format in $FORMATS; do check scan "$format"; done
if command -v mactime >/dev/null; then ok "a recording of ${program[0]}, mactime: every line is kept" mactime_check scan; fi
ok "a recording of ${program[0]}: the bad name's bytes are there" jq -es --arg raw "$(printf '%s/tree/bad\xff\xfe' "$T" | base64 -w 0)" 'any(.[]; .file_path_raw == $raw)' scan.timesketch.jsonl
finish
