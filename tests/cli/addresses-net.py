#!/usr/bin/env python3
"""What addresses.t talks to, on the loopback of a network namespace: a name server (UDP and TCP, IPv4 and IPv6), which knows every name under
.test, and a proxy with CONNECT. With `mmdb FILE` or `libloc FILE` it writes a small database instead: 203.0.113.0/24 and 2001:db8::/32."""
import socket, struct, sys, threading

def answer(q):
    end = 12
    while q[end]:
        end += q[end] + 1
    kind, = struct.unpack('>H', q[end + 1:end + 3])
    alias = b'\x04real\x03cdn\x04test\x00'
    rr = b'\xc0\x0c' + struct.pack('>HHIH', 5, 1, 60, len(alias)) + alias
    where = {1: socket.inet_aton('203.0.113.7'), 28: socket.inet_pton(socket.AF_INET6, '2001:db8::7')}.get(kind)
    if where:
        rr += alias + struct.pack('>HHIH', kind, 1, 60, len(where)) + where
    return q[:2] + b'\x81\x80' + struct.pack('>HHHH', 1, 2 if where else 1, 0, 0) + q[12:end + 5] + rr

def datagrams(family, address):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((address, 53))
    while True:
        q, who = s.recvfrom(4096)
        s.sendto(answer(q), who)

def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    b.close()

def proxied(c):
    head = b''
    while b'\r\n\r\n' not in head:
        head += c.recv(4096)
    host, port = head.split()[1].decode().rsplit(':', 1)
    o = socket.create_connection(('203.0.113.7', int(port)))
    c.sendall(b'HTTP/1.1 200 OK\r\n\r\n')
    threading.Thread(target=pump, args=(o, c), daemon=True).start()
    pump(c, o)

def proxy():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('203.0.113.7', 3128))
    s.listen(8)
    while True:
        threading.Thread(target=proxied, args=(s.accept()[0],), daemon=True).start()

def bits(text):
    raw = socket.inet_pton(socket.AF_INET6, text.split('/')[0])
    return [raw[i // 8] >> (7 - i % 8) & 1 for i in range(int(text.split('/')[1]))]

def tree(networks):
    """A binary trie: nodes are [left, right, network]."""
    nodes = [[None, None, None]]
    for number, network in enumerate(networks):
        at = 0
        for bit in bits(network):
            if nodes[at][bit] is None:
                nodes.append([None, None, None])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        nodes[at][2] = number
    return nodes

def libloc(path):
    pool = b'\0made for a test\0EXAMPLE-NET\0'
    systems = struct.pack('>II', 64500, pool.index(b'EXAMPLE'))
    network = struct.pack('>2sxxIH2x', b'CH', 64500, 0)
    nodes = b''.join(struct.pack('>III', n[0] or 0, n[1] or 0, 0xffffffff if n[2] is None else n[2])
                     for n in tree(['::ffff:203.0.113.0/120', '2001:db8::/32']))
    parts = [systems, network * 2, nodes, b'', pool]
    at, table = 8 + 60 + 4 + 4096 + 32, b''
    body = b''
    for part in parts:
        table += struct.pack('>II', at + len(body), len(part))
        body += part
    head = b'LOCDBXX\x01' + struct.pack('>QIII', 1764000000, 1, 0, 0) + table + struct.pack('>HH', 0, 0)
    open(path, 'wb').write(head.ljust(at, b'\0') + body)

def mmdb(path):
    def text(s):
        return (bytes([0x40 | len(s)]) if len(s) < 29 else bytes([0x40 | 29, len(s) - 29])) + s.encode()
    def number(kind, value, size):
        raw = value.to_bytes(size, 'big').lstrip(b'\0')
        return (bytes([kind << 5 | len(raw)]) if kind < 8 else bytes([len(raw), kind - 7])) + raw
    def table(*pairs):
        return bytes([0xe0 | len(pairs)]) + b''.join(text(k) + v for k, v in pairs)
    record = table(('country', table(('iso_code', text('LI')))), ('autonomous_system_number', number(6, 64501, 4)),
                   ('autonomous_system_organization', text('Other <Net>')))
    nodes = tree(['::203.0.113.0/120', '2001:db8::/32'])
    count = len(nodes)
    def entry(child):
        if child is None:
            return count
        return count + 16 if nodes[child][2] is not None else child
    search = b''.join(struct.pack('>I', entry(n[0]))[1:] + struct.pack('>I', entry(n[1]))[1:] for n in nodes)
    meta = table(('binary_format_major_version', number(5, 2, 2)), ('binary_format_minor_version', number(5, 0, 2)),
                 ('build_epoch', number(9, 1764000000, 8)), ('database_type', text('Test-Country-ASN')), ('description', table()),
                 ('ip_version', number(5, 6, 2)), ('languages', bytes([0, 4])), ('node_count', number(6, count, 4)), ('record_size', number(5, 24, 2)))
    open(path, 'wb').write(search + bytes(16) + record + b'\xab\xcd\xefMaxMind.com' + meta)

if len(sys.argv) == 3:
    {'mmdb': mmdb, 'libloc': libloc}[sys.argv[1]](sys.argv[2])
else:
    for family, address in ((socket.AF_INET, '203.0.113.7'), (socket.AF_INET6, '2001:db8::7')):
        threading.Thread(target=datagrams, args=(family, address), daemon=True).start()
    proxy()
