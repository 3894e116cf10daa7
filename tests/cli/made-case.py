#!/usr/bin/env python3
"""made-case.py CASE [FILES [VARIANT]]: a case of a made-up product, not sealed: its names are hostile, its numbers are known.
FILES more files are read by a second process; VARIANT 2 is another version of the product, which reaches other things."""
import json, os, sys

case, more, variant = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0, int(sys.argv[3]) if len(sys.argv) > 3 else 1
os.makedirs(case)
out = open(case + '/facts-000001.ndjson', 'w')
START = 1795455600
sequence = 0


def time(ms):
    return '2026-11-23T%02d:%02d:%02d.%03d000000Z' % (17 + (40 + ms // 60000) // 60, (40 + ms // 60000) % 60, ms // 1000 % 60, ms % 1000)


def fact(kind, ms, **keys):
    global sequence
    sequence += 1
    line = {'@timestamp': time(ms), 'quis.fact': kind}
    line.update({k.replace('__', '.'): v for k, v in keys.items()})
    line['event.sequence'] = sequence
    out.write(json.dumps(line) + '\n')


def process(entity, ms, exe, args, parent=None, by='command', **keys):
    fact('process-start', ms, process__entity_id=entity, process__pid=int(entity.split('-')[0]), process__name=exe.rsplit('/', 1)[-1][:15],
         process__start=time(ms), process__executable=exe, process__args=args, process__user__id='0', quis__process__event='exec',
         quis__process__flagged_by=by, **({'process.parent.entity_id': parent} if parent else {}), **keys)


inodes = {}


def access(entity, first, last, path, **keys):
    inode = inodes.setdefault(path, len(inodes) + 100)
    fact('file-access', last, event__start=time(first), event__end=time(last), process__entity_id=entity, process__pid=int(entity.split('-')[0]),
         file__path=path, quis__file__path_from='kernel', quis__file__device='254:0', file__inode=str(inode),
         file__type=keys.pop('type', 'file'), quis__file__how=keys.pop('how', ['opened']), **{'quis__' + k: v for k, v in keys.items()})


def flow(entity, ms, flow_id, remote, sent, received, direction='egress', family='inet', transport='tcp'):
    fact('flow', ms, event__start=time(ms), event__end=time(ms + 500), process__entity_id=entity, process__pid=int(entity.split('-')[0]),
         quis__flow__id=flow_id, quis__flow__family=family, network__transport=transport, network__direction=direction,
         quis__flow__local='192.0.2.1:40000', quis__flow__remote=remote, quis__flow__sends=1, quis__flow__sent_bytes=sent,
         quis__flow__receives=1, quis__flow__received_bytes=received)


def action(entity, ms, kind, path, **keys):
    fact('action', ms, process__entity_id=entity, process__pid=int(entity.split('-')[0]), event__action=kind, file__path=path,
         quis__path_from='kernel', **keys)


HOSTILE = '/srv/"><img src=x onerror=alert(1)><script>document.title=\'owned\'</script>&amp;\n\x1b[31m\u202etxt.docx'
fact('capture-start', 0, quis__format=1, quis__case__id='made%d' % variant, host__name='srv<b>01</b>', host__os__kernel='6.12.0', quis__hooks='trampoline',
     quis__flags=['command'], quis__tool__version='0.1.0', quis__unseen=['Which pages of a mapped file were touched </script><script>alert(2)</script>.'])
process('100-a', 10, '/usr/sbin/clamd', ['clamd', '--config', '</script><script>alert(3)</script>'])
process('101-b', 20, '/usr/bin/freshclam', ['freshclam'], parent='100-a', by='parent')
access('100-a', 100, 1100, '/etc/shadow', opens=1, reads=2, read_bytes=1203)
access('100-a', 2000, 2500, '/home/alice/.ssh/id_rsa', opens=1, reads=1, read_bytes=2602)
access('100-a', 3000, 3500, HOSTILE, opens=1, reads=4, read_bytes=70000)
access('100-a', 3600, 3700, '/usr/lib/x86_64-linux-gnu/libc.so.6', opens=1, reads=1, read_bytes=832, maps=4, mapped_bytes=2000000)
access('100-a', 3600, 3700, '/var/lib/clamav/daily.cvd', opens=1, maps=1, mapped_bytes=60000000)
access('100-a', 4000, 4000, '/home/bob/mail.eml', maps=1, mapped_bytes=4096, how=['received'], file__from=['4711'])
access('100-a', 4100, 4200, '/home', type='dir', opens=1, lists=2)
access('101-b', 5000, 5200, '/srv/app/settings', opens=1, reads=1, read_bytes=10, writes=3, write_bytes=300)
fact('file-access', 5300, event__start=time(5300), event__end=time(5300), process__entity_id='101-b', process__pid=101, file__path='/root/.aws/credentials',
     quis__file__path_from='argument', quis__failed=2, quis__errno='EACCES')
fact('name', 5400, process__entity_id='101-b', process__pid=101, quis__name__address='203.0.113.7', quis__name__name='ksn.example.com',
     quis__name__source='dns', quis__flow__id='f0')
flow('101-b', 5500, 'f1', '203.0.113.7:443', 12345, 678)
flow('101-b', 9500, 'f2', '203.0.113.7:443', 55, 5)
flow('101-b', 6000, 'f3', '127.0.0.1:53', 40, 100, transport='udp')
for i in range(12):
    action('101-b', 7000 + i, 'mkdir', '/var/tmp/dir-%d' % i, quis__action__detail='{"mode":"0700"}')
action('101-b', 8000, 'rename', '/srv/app/a', quis__action__to='/srv/app/b')
action('100-a', 8100, 'ptrace', None or '', quis__action__detail='{"pid":1,"target":"sensor","part":"process"}')
if variant == 2:
    access('100-a', 8200, 8300, '/var/lib/mysql/shop/orders.ibd', opens=1, reads=9, read_bytes=900000)
    flow('101-b', 8500, 'f4', '198.51.100.9:8443', 999, 1)
    action('101-b', 8600, 'init_module', '/lib/modules/x.ko')
else:
    access('100-a', 8200, 8300, '/home/alice/old.pdf', opens=1, reads=1, read_bytes=5)
KINDS = ['/home/user%d/Documents/letter-%d.docx', '/srv/data%d/blob-%d', '/home/user%d/src/file-%d.c', '/var/log/app%d/log-%d', '/etc/conf%d/part-%d']
for i in range(more):
    access('101-b', 10000 + i % 60000, 10001 + i % 60000, KINDS[i % 5] % (i % 97, i), opens=1, reads=2, read_bytes=100 + i % 5000)
fact('process-end', 70000, process__entity_id='101-b', process__pid=101, process__end=time(70000), process__exit_code=0)
if '--gap' in sys.argv:
    fact('gap', 30000, event__start=time(20000), event__end=time(30000), quis__gap__what='records lost <i>', quis__gap__count=7)
fact('stats', 71000, **{'quis__lost__records': 0, 'quis__lost__map_full': 0, 'quis__lost__missed_runs': 0})
fact('capture-end', 71000, quis__end__reason='last process ended', quis__end__exit_status=0,
     quis__unseen=['Which pages of a mapped file were touched </script><script>alert(2)</script>.'])
