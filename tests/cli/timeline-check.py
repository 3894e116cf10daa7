"""timeline-check.py CASE FORMAT EXPORT [EVENTS]
Reads a timeline as its consumer would, checks it by the consumer's rules, and compares the events and their times with the facts of
the case, which it reads itself. EVENTS: what a consumer made of the export, one time a line (seconds with six digits), instead of it.
Prints how many events there were; each difference is a line, and the status is then 1."""
import collections
import csv
import datetime
import json
import os
import re
import sys

case, form, export = sys.argv[1:4]
consumed = sys.argv[4] if len(sys.argv) > 4 else None
bad = []


def complain(*words):
    if len(bad) < 20:
        print(*words)
    bad.append(words)


def micro(text):
    """RFC 3339 to whole microseconds, cut and not rounded."""
    match = re.fullmatch(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)', text)
    whole = datetime.datetime.strptime(match.group(1), '%Y-%m-%dT%H:%M:%S').replace(tzinfo=datetime.timezone.utc)
    return int(whole.timestamp()) * 1000000 + int((match.group(2) or '').ljust(9, '0')[:6])


def facts():
    for name in sorted(os.listdir(case)):
        if name.startswith('facts-') and name.endswith('.ndjson'):
            with open(os.path.join(case, name), encoding='utf-8') as lines:
                for line in lines:
                    yield json.loads(line)


def expected(by_fact):
    times = collections.Counter()
    for fact in facts():
        first, last = fact.get('event.start'), fact.get('event.end')
        if by_fact:
            times[fact['event.sequence'], micro(fact['@timestamp'])] += 1
        elif first and last and first != last:
            times[fact['event.sequence'], micro(first)] += 1
            times[fact['event.sequence'], micro(last)] += 1
        else:
            times[fact['event.sequence'], micro(last or fact['@timestamp'])] += 1
    return times


def objects():
    with open(export, 'rb') as lines:
        raw = lines.read()
    if raw and not raw.endswith(b'\n'):
        complain('the last line has no end')
    for number, line in enumerate(raw.split(b'\n')[:-1], 1):
        if re.search(rb'[\x00-\x1f\x7f]|\xc2[\x80-\x9f]', line):
            complain('line', number, 'has control characters')
        try:
            pairs = json.loads(line.decode('utf-8'), object_pairs_hook=Pairs)
        except ValueError as error:
            complain('line', number, 'is no JSON:', error)
            continue
        yield number, unpaired(number, pairs)


class Pairs(list):
    pass


def unpaired(number, value):
    """No key twice."""
    if isinstance(value, Pairs):
        if len({k for k, _ in value}) != len(value):
            complain('line', number, 'has a key twice')
        return {k: unpaired(number, v) for k, v in value}
    return [unpaired(number, v) for v in value] if isinstance(value, list) else value


# ---- Timesketch: what its importer and its server want (FORMATS: fewer than 150 keys, values below 32,766 bytes) ----
def timesketch():
    keys = set()
    for number, event in objects():
        for key in ('message', 'datetime', 'timestamp', 'timestamp_desc', 'data_type'):
            if not event.get(key):
                complain('line', number, 'has no', key)
        keys |= set(event)
        if any(key.startswith('_') or '.' in key for key in event):
            complain('line', number, 'has a key that begins with _ or has a dot')
        for key, value in event.items():
            if isinstance(value, dict):
                complain('line', number, 'is not flat:', key)
            if len(json.dumps(value, ensure_ascii=False).encode()) >= 32766:
                complain('line', number, 'has a value that is too long:', key)
        when = datetime.datetime.fromisoformat(event['datetime'])
        if when.utcoffset() is None:
            complain('line', number, 'has a datetime without an offset')
        if not isinstance(event['timestamp'], int) or event['timestamp'] != micro(event['datetime']):
            complain('line', number, 'has two times')
        if event['data_type'] not in ('quis:timeline:note', 'fs:stat'):
            yield event['event_sequence'], event['timestamp']
    if len(keys) >= 150:
        complain(len(keys), 'keys in all: Timesketch takes fewer than 150')


# ---- ECS ----
def flatten(value, prefix=''):
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flatten(inner, prefix + key + '.')
        else:
            yield prefix + key, inner


def ecs():
    with open(os.path.join(os.path.dirname(__file__), 'ecs-fields.txt'), encoding='utf-8') as lines:
        types = dict(line.split() for line in lines if not line.startswith('#'))
    python = {'keyword': str, 'constant_keyword': str, 'match_only_text': str, 'wildcard': str, 'date': str, 'ip': str, 'long': int, 'boolean': bool}
    by_sequence = {fact['event.sequence']: fact for fact in facts()}
    for number, event in objects():
        flat = dict(flatten(event))
        for key, value in flat.items():
            if key.startswith('quis.'):
                continue
            if key not in types:
                complain('line', number, 'has a field that ECS does not have:', key)
                continue
            for item in value if isinstance(value, list) else [value]:
                if not isinstance(item, python.get(types[key], object)) or (types[key] == 'long' and isinstance(item, bool)):
                    complain('line', number, key, 'is no', types[key], repr(item))
        if not flat.get('ecs.version') or '@timestamp' not in flat:
            complain('line', number, 'has no ecs.version or no @timestamp')
        if flat.get('quis.timeline.note') or flat.get('event.dataset') == 'quis.merge':
            continue
        fact = by_sequence.get(flat.get('event.sequence'), {})
        for key, value in fact.items():
            if flat.get(key) != value:
                complain('line', number, key, 'is', flat.get(key), 'in the fact', value)
        for key in set(flat) - set(fact) - {'ecs.version', 'host.name', 'host.id', 'process.executable'}:
            if key == 'tags' and flat[key] == ['exposed']:
                continue
            if key.split('.')[1:2] in (['geo'], ['as']) or key == 'quis.flow.according_to':
                continue  # of a database on this machine
            if key not in ('file.type', 'quis.file.generation') or not fact.get('quis.file.device'):
                complain('line', number, key, 'is not in the fact')
        yield flat['event.sequence'], micro(flat['@timestamp'])


# ---- OCSF 1.8.0: required attributes and constraints of the classes, from the published schema (github.com/ocsf/ocsf-schema) ----
ACTIVITIES = {0: {0, 99}, 1001: {*range(0, 15), 99}, 1007: {0, 1, 2, 3, 4, 5, 99}, 4001: {*range(0, 8), 99}, 4003: {0, 1, 2, 6, 99}}
REQUIRED = {0: [], 1001: ['actor', 'device', 'file'], 1007: ['actor', 'device', 'process'], 4001: [], 4003: []}
OBJECTS = {
    'actor': ([], ['process', 'user', 'invoked_by', 'session', 'app_name', 'app_uid']),
    'device': (['type_id'], ['ip', 'uid', 'name', 'hostname', 'instance_uid', 'interface_uid', 'interface_name']),
    'file': (['name', 'type_id'], []), 'file_result': (['name', 'type_id'], []),
    'process': ([], ['pid', 'uid']), 'user': ([], ['account', 'name', 'uid']),
    'metadata': (['product', 'version'], []), 'product': ([], ['name', 'uid']),
    'src_endpoint': ([], ['ip', 'uid', 'name', 'hostname', 'svc_name', 'instance_uid', 'interface_uid', 'interface_name', 'domain']),
    'dst_endpoint': ([], ['ip', 'uid', 'name', 'hostname', 'svc_name', 'instance_uid', 'interface_uid', 'interface_name', 'domain']),
    'connection_info': (['direction_id'], []), 'query': (['hostname'], []), 'answers': (['rdata'], []), 'traffic': ([], []), 'location': ([], ['country']), 'autonomous_system': ([], ['number', 'name']), 'unmapped': ([], []),
}


def ocsf_object(number, name, value):
    if name not in OBJECTS:
        complain('line', number, 'has an object that is not checked:', name)
        return
    required, some = OBJECTS[name]
    for key in required:
        if key not in value:
            complain('line', number, name, 'lacks', key)
    if some and not set(some) & set(value):
        complain('line', number, name, 'has none of', *some)
    for key, inner in value.items():
        for item in inner if isinstance(inner, list) else [inner]:
            if isinstance(item, dict) and name != 'unmapped':
                ocsf_object(number, key, item)


def ocsf():
    stamps = {fact['event.sequence']: fact['@timestamp'] for fact in facts()}
    for number, event in objects():
        uid = event.get('class_uid')
        for key in ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid'] + REQUIRED.get(uid, []):
            if key not in event:
                complain('line', number, 'lacks', key)
        if uid not in ACTIVITIES or event['activity_id'] not in ACTIVITIES[uid]:
            complain('line', number, 'has class', uid, 'with activity', event['activity_id'])
        if event['type_uid'] != uid * 100 + event['activity_id'] or event['category_uid'] != uid // 1000:
            complain('line', number, 'has a type_uid or category_uid that is none')
        if event['activity_id'] == 99 and not event.get('activity_name'):
            complain('line', number, 'does not name its activity')
        if uid // 1000 == 4 and not {'src_endpoint', 'dst_endpoint'} & set(event):
            complain('line', number, 'has neither end')
        for key, value in event.items():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    ocsf_object(number, key, item)
        for key in ('time', 'start_time', 'end_time', 'duration', 'count'):
            if not isinstance(event.get(key, 0), int):
                complain('line', number, key, 'is no integer')
        sequence = event['metadata'].get('sequence')
        if sequence is None:
            continue
        if event['time'] != micro(stamps.get(sequence, '1970-01-01T00:00:00Z')) // 1000:
            complain('line', number, 'has another time than the fact')
        yield sequence, micro(stamps[sequence])


def csv_rows():
    with open(export, newline='', encoding='utf-8') as rows:
        for number, row in enumerate(csv.DictReader(rows), 1):
            if None in row or None in row.values():
                complain('row', number, 'has another number of cells')
            for key, value in row.items():
                if re.search(r'[\x00-\x1f\x7f-\x9f]', value or '') or (value and value[0] in '=+-@'):
                    complain('row', number, key, 'is not harmless:', repr(value))
            if row['event_sequence']:
                yield int(row['event_sequence']), micro(row['datetime'])


def bodyfile():
    with open(export, 'rb') as lines:
        raw = lines.read()
    raw.decode('utf-8')
    for number, line in enumerate(raw.split(b'\n')[:-1], 1):
        fields = line.split(b'|')
        if len(fields) != 11:
            complain('line', number, 'has', len(fields), 'fields')
            continue
        if re.search(rb'[\x00-\x1f\x7f%]|\xc2[\x80-\x9f]', fields[1]) or re.sub(rb'\\\\|\\x[0-9a-f]{2}', b'', fields[1]).count(b'\\'):
            complain('line', number, 'has a name that is not escaped:', fields[1])
        for field in fields[7:]:
            if not re.fullmatch(rb'0|\d+\.\d{6}', field):
                complain('line', number, 'has a time that is none:', field)
        if sum(field != b'0' for field in fields[7:]) != 1 and not fields[1].endswith(b'(file system)'):
            complain('line', number, 'has not one time')
        sequence = re.search(rb' \[(\d+)(?: first| last)?\]$', fields[1])
        if sequence:
            when = max(fields[7:], key=len)
            yield int(sequence.group(1)), int(when.replace(b'.', b''))


def plaso():
    for number, event in objects():
        if set(event) != {'log', 'stream', 'time'} or event['stream'] != 'stdout':
            complain('line', number, 'is no line of a container log')
        sequence = re.search(r', sequence (\d+)\]$', event['log'])
        if sequence:
            yield int(sequence.group(1)), micro(event['time'])


FORMATS = {'timesketch': timesketch, 'ecs': ecs, 'ocsf': ocsf, 'csv': csv_rows, 'bodyfile': bodyfile, 'plaso-jsonl': plaso}
by_fact = form in ('ecs', 'ocsf')
want = expected(by_fact)
got = list(FORMATS[form]())
order = sorted(range(len(got)), key=lambda i: (got[i][1], i))
# A clock that was set keeps the order by boot time, which is another than that of the times.
if not os.environ.get('CLOCK_SET') and not by_fact and [got[i][1] for i in order] != [time for _, time in got]:
    complain('not in the order of time')
if consumed:
    with open(consumed, encoding='utf-8') as lines:
        times = collections.Counter(int(line.strip().replace('.', '')) for line in lines)
    wanted = collections.Counter()
    for (_, time), count in want.items():
        wanted[time] += count
    notes = 0 if by_fact else 1
    if sum((times - wanted).values()) > notes or wanted - times:
        complain('the consumer has', sum(times.values()), 'events, the case', sum(wanted.values()), list((wanted - times).items())[:3],
                 list((times - wanted).items())[:3])
elif collections.Counter(got) != want:
    complain('the export has', len(got), 'events, the case', sum(want.values()), list((want - collections.Counter(got)).items())[:3],
             list((collections.Counter(got) - want).items())[:3])
print(sum(want.values()), 'events')
sys.exit(bool(bad))
