#!/bin/bash
# quis inventory: planted trees of every product of the catalogue, plain trees, what weak facts may decide, hostile trees, this host, who watches.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
find_python || skip_all "no python3"
cd "$T" || exit 1

# What is planted is what products/*.product says, read here by another reader.
cat >plant.py <<'END'
import json, os, re, sqlite3, struct, subprocess, sys
VERIFIED = ['measured', 'vendor-doc', 'vendor-code', 'project-code', 'project-doc', 'debian-package', 'third-party']
quis, products, work = sys.argv[1:4]

def read(path):
    facts, head = [], {}
    for line in open(path, encoding='utf-8'):
        line = line.rstrip('\n')
        if line.startswith('\t'):
            level, text = line[1:].split(': ', 1)
            if level != 'note':
                facts[-1][2].append(level)
        elif line and not line.startswith('#'):
            key, _, value = line.partition(' ')
            if key in ('product', 'name', 'ordinary'):
                head[key] = value
            else:
                facts.append((key, value, []))
    return head, facts

def put(root, path, text='x', mode=0o644):
    full = root + re.sub(r'[*]', '1234', path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if os.path.isdir(full):
        return
    with open(full, 'w') as f:
        f.write(text)
    os.chmod(full, mode)

def plant(root, facts, wanted):
    """Everything of the facts that a tree of files can hold; the best level of what decides."""
    status, passwd, levels = '', 'root:x:0:0::/root:/bin/sh\n', []
    # the longer paths first: what lies above them is a directory then
    for kind, value, found in sorted(facts, key=lambda f: -len(f[1])):
        level = min(found, key=lambda l: VERIFIED.index(l) if l in VERIFIED else 99)
        if not wanted(level):
            continue
        if kind in ('executable', 'script'):
            put(root, value, mode=0o755)
        elif kind == 'prefix':
            put(root, value + '/bin/thing', mode=0o755)
        elif kind in ('data', 'init', 'cron', 'shared', 'runtime'):
            put(root, value)
        elif kind == 'unit':
            put(root, '/usr/lib/systemd/system/' + (value if re.search(r'\.(service|socket|timer|target)$', value) else value + '.service'))
        elif kind in ('package', 'part'):
            status += 'Package: %s\nStatus: install ok installed\nVersion: 1.2-3\n\n' % value
        elif kind == 'user':
            passwd += value + ':x:999:999::/:/bin/false\n'
        elif kind == 'module':
            put(root, '/lib/modules/6.1.0/extra/' + value + '.ko')
        else:
            continue
        if kind not in ('shared', 'runtime'):
            levels.append(level)
    put(root, '/etc/passwd', passwd)
    put(root, '/var/lib/dpkg/status', status)
    return min(levels, key=VERIFIED.index) if levels and wanted('measured') else None

def inventory(root):
    done = subprocess.run([quis, 'inventory', '--format', 'json', '--io-limit', '0', '--root', root], capture_output=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

failed = 0
def check(good, name, why=''):
    global failed
    print('%s - %s' % ('ok' if good else 'not ok', name))
    if not good:
        print('#   %s' % why)

for name in sorted(os.listdir(products)):
    head, facts = read(os.path.join(products, name))
    if 'ordinary' in head:
        continue
    ident = head['product']
    root = os.path.join(work, 'verified-' + ident)
    level = plant(root, facts, lambda l: l in VERIFIED)
    got = inventory(root)
    found = [(p['product'], p['level'], p['confidence']) for p in got['products']]
    expected = [(ident, level, 'likely' if level == 'third-party' else 'certain')] if level else []
    check(found == expected, '%s: a tree of its verified facts is found%s' % (ident, '' if level else ' to prove nothing'), '%s, not %s' % (found, expected))
    bare = [e for p in got['products'] for e in p['evidence'] if not e.get('source') or not e.get('level')]
    check(not bare, '%s: each piece of evidence has its source and level' % ident, bare)

    root = os.path.join(work, 'weak-' + ident)
    better = [v for k, v, l in facts if v.startswith('/') and any(x in VERIFIED for x in l)]
    plant(root, [f for f in facts if not any(f[1].startswith(b) for b in better)], lambda l: l not in VERIFIED)
    got = inventory(root)
    check(got['products'] == [], '%s: facts of community lists decide nothing' % ident, [p['product'] for p in got['products']])
END
"$PYTHON" plant.py "$QUIS" "$ROOT/userspace/catalog/products" "$T" >planted 2>planted.err
while IFS= read -r line; do
	case $line in
	"ok - "*) result 0 "${line#ok - }" ;;
	"not ok - "*) result 1 "${line#not ok - }" ;;
	*) note "${line#\#   }" ;;
	esac
done <planted
is "planting went to its end" "$(cat planted.err)" ""
ok "every product of the catalogue was planted" test "$(grep -c 'decide nothing' planted)" = "$(grep -L '^ordinary' "$ROOT"/userspace/catalog/products/*.product | wc -l)"

inventory() { # NAME ROOT [OPTIONS...]
	run "$QUIS" inventory --format json --root "$2" "${@:3}"
	cp out "$1.json"
	[ "$RC" = 0 ]
}

# ---- plain trees: the packages that a minimal installation has ----
dpkg_tree() { # NAME PACKAGES...
	local name=$1 package
	shift
	mkdir -p "$name/var/lib/dpkg" "$name/etc" "$name/usr/bin" "$name/usr/lib/systemd/system"
	for package; do printf 'Package: %s\nStatus: install ok installed\nVersion: 1\n\n' "$package"; done >"$name/var/lib/dpkg/status"
	printf 'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n' >"$name/etc/passwd"
	echo "PRETTY_NAME=\"$name\"" >"$name/etc/os-release"
	mkdir -p "$name/opt" "$name/var/log" "$name/etc/systemd/system" "$name/lib/modules/6.1.0/kernel/fs"
	: >"$name/lib/modules/6.1.0/kernel/fs/ext4.ko.xz"
}
dpkg_tree debian adduser apt base-files base-passwd bash bsdutils coreutils cron dash debconf debianutils diffutils dpkg e2fsprogs findutils \
	grep gzip libaudit1 libaudit-common libapparmor1 libseccomp2 login logrotate mount openssh-server passwd perl-base procps sed systemd \
	systemd-sysv tar udev util-linux
dpkg_tree ubuntu apparmor apt apport base-files bash cloud-init coreutils dbus dpkg landscape-common libaudit1 libclamav-client-perl networkd-dispatcher \
	openssh-server polkitd python3 rsyslog snapd sudo systemd ubuntu-advantage-tools ubuntu-minimal ufw unattended-upgrades
mkdir -p ubuntu/var/lib/snapd/snaps
: >ubuntu/var/lib/snapd/snaps/core22_1122.snap
: >ubuntu/var/lib/snapd/snaps/lxd_24322.snap

# A database as rpm 4.16 and later write it; packages are NAME or NAME=FILE,FILE
cat >rpmdb.py <<'END'
import os, sqlite3, struct, sys
def header(name, files):
    strings = lambda items: b''.join(i.encode() + b'\0' for i in items)
    dirs = sorted({os.path.dirname(f) + '/' for f in files})
    tags = [(1000, 6, strings([name]), 1), (1001, 6, strings(['1.4']), 1), (1002, 6, strings(['2.fc40']), 1),
            (1047, 8, strings([name]), 1), (1049, 8, strings(['libc.so.6()(64bit)', 'bash']), 2)]
    if files:
        tags += [(1116, 4, b''.join(struct.pack('>I', dirs.index(os.path.dirname(f) + '/')) for f in files), len(files)),
                 (1117, 8, strings([os.path.basename(f) for f in files]), len(files)), (1118, 8, strings(dirs), len(dirs))]
    entries = data = b''
    for tag, kind, bytes_, count in tags:
        data += b'\0' * (-len(data) % 4)
        entries += struct.pack('>IIII', tag, kind, len(data), count)
        data += bytes_
    return struct.pack('>II', len(tags), len(data)) + entries + data
os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)
db = sqlite3.connect(sys.argv[1])
db.execute('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)')
for word in sys.argv[2:]:
    name, _, files = word.partition('=')
    db.execute('INSERT INTO Packages (blob) VALUES (?)', (header(name, [f for f in files.split(',') if f]),))
if os.environ.get('BROKEN'):
    for blob in (b'', b'\xff' * 64, struct.pack('>II', 0xffffffff, 0xffffffff), header('x', ['/a/b'])[:60],
                 struct.pack('>II', 1, 4) + struct.pack('>IIII', 1000, 6, 0, 1) + b'aaaa', struct.pack('>IIIIII', 1, 0, 1000, 6, 0xfffffff0, 1)):
        db.execute('INSERT INTO Packages (blob) VALUES (?)', (blob,))
db.commit()
END
"$PYTHON" rpmdb.py fedora/usr/lib/sysimage/rpm/rpmdb.sqlite audit-libs bash coreutils dnf5 fedora-release filesystem glibc gpg-pubkey kernel-core openssh-server \
	rpm selinux-policy-targeted=/etc/selinux/config setup sudo systemd
mkdir -p fedora/etc fedora/opt
for tree in debian ubuntu fedora; do
	inventory "$tree" "$tree"
	ok "a plain $tree: nothing is found, and no hint" jq -e '.products == [] and .hints == [] and .unknown == []' "$tree.json"
done
ok "a plain fedora: its packages were read" jq -e '.looked_at[] | select(.what == "packages (rpm)") | .state == "read" and .count == 14' fedora.json
ok "a plain ubuntu: snaps were read" jq -e '.looked_at[] | select(.what == "packages (snap)") | .state == "read" and .count == 2' ubuntu.json
run "$QUIS" inventory --root debian
ok "a plain debian: the text says that nothing was found" grep -q '^No product of the .* in the catalogue was found' out

# ---- rpm ----
BROKEN=1 "$PYTHON" rpmdb.py rpm/var/lib/rpm/rpmdb.sqlite falcon-sensor=/opt/CrowdStrike/falconctl,/opt/CrowdStrike/falcond7 other=/etc/clamav
mkdir -p rpm/opt/CrowdStrike rpm/etc/clamav
install -m 755 /dev/null rpm/opt/CrowdStrike/falcond7
inventory rpm rpm
ok "an rpm database, with broken rows in it: the package" jq -e '.products[0] | .product == "falcon" and .state == "installed" and
	any(.evidence[]; .kind == "package" and .what == "falcon-sensor" and .detail == "rpm 1.4-2.fc40")' rpm.json
ok "an rpm database: whose a file is" jq -e 'any(.products[0].evidence[]; .what == "/opt/CrowdStrike/falcond7" and .package == "falcon-sensor")' rpm.json
ok "a directory that belongs to another package proves nothing" jq -e '[.products[].product] == ["falcon"] and
	any(.hints[]; .product == "clamav" and (.evidence[0] | .what == "/etc/clamav" and .package == "other" and .decides == false))' rpm.json

# ---- the form ----
schema() { # FILE NAME
	ok "$2: in the form of inventory.schema.json" "$PYTHON" -c 'import json, sys, jsonschema
jsonschema.Draft7Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))' "$ROOT/userspace/inventory/inventory.schema.json" "$1"
}
if "$PYTHON" -c 'import jsonschema' 2>/dev/null; then
	schema rpm.json "an rpm tree"
	inventory hashed rpm --hash
	schema hashed.json "hashed programs"
	schema debian.json "nothing found"
	run "$QUIS" inventory --format json
	cp out here.json
	schema here.json "this host"
	sed 's/"decides":true/"decides":1/' rpm.json >wrong.json
	ok "the form is not any form" bash -c '! "$1" -c "import json, sys, jsonschema
jsonschema.Draft7Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))" "$2" wrong.json 2>/dev/null' - "$PYTHON" "$ROOT/userspace/inventory/inventory.schema.json"
else
	skip "the form of the JSON" "no python3-jsonschema"
fi

# ---- what is left over ----
dpkg_tree left bash
printf 'Package: clamav-daemon\nStatus: deinstall ok config-files\nVersion: 1.4\n\n' >>left/var/lib/dpkg/status
mkdir -p left/var/log/clamav left/opt/sophos-spl/logs left/usr/local/share/ca-certificates left/etc/apt/sources.list.d left/lib/modules/6.1.0/extra
echo scan >left/var/log/clamav/clamav.log
echo log >left/opt/sophos-spl/logs/one.log
echo 'deb https://packages.microsoft.com/debian/12/prod bookworm main' >left/etc/apt/sources.list.d/prod.list
: >left/lib/modules/6.1.0/extra/eset_rtp.ko.xz
openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj '/O=AO Kaspersky Lab/CN=Kaspersky Web Anti-Virus Certification Authority' -days 9 \
	-out left/usr/local/share/ca-certificates/kl.crt 2>/dev/null
mkdir -p left/var/spool/cron/crontabs left/etc/systemd/system left/usr/lib/systemd/system left/var/lib/dpkg/info
echo '17 3 * * * nice /usr/bin/freshclam --quiet' >left/var/spool/cron/crontabs/root
printf '[Service]\n#ExecStart=/opt/traps/bin/pmd\nExecStart=-/opt/Tanium/TaniumClient/TaniumClient -d\n' >left/etc/systemd/system/renamed.service
printf '[Service]\nExecStart=/bin/true\nExecStartPost=/sbin/auditctl -R x\nEnvironment=X=/opt/traps/bin/pmd\n' >left/usr/lib/systemd/system/other.service
echo /usr/lib/systemd/system/other.service >left/var/lib/dpkg/info/bash.list
mkdir -p left/opt/acronis
echo text >left/opt/acronis/aakore
inventory left left
of() { jq -e --arg p "$1" "([.products[], .hints[]] | map(select(.product == \$p)) | .[0]) as \$x | $2" left.json; }
ok "left-overs: configuration and logs of a removed package" of clamav '$x.state == "left-over" and any($x.evidence[]; .kind == "package" and (.detail | contains("configuration left"))) and
	any($x.evidence[]; .what == "/var/log/clamav" and .files == 1)'
ok "left-overs: a directory without a program is no installed product" of sophos-spl '$x.state == "left-over"'
ok "left-overs: a program that may not be run is no installed product" of acronis '$x.state == "left-over" and any($x.evidence[]; .what == "/opt/acronis/aakore" and .kind == "data")'
ok "left-overs: a kernel module in /lib/modules" of eset-efs '$x.state == "left-over" and $x.evidence[0].kind == "module-file"'
ok "left-overs: a package source is a hint" of defender '$x.state == "hint" and $x.evidence[0].kind == "repository"'
ok "left-overs: a line in a crontab" of clamav 'any($x.evidence[]; .kind == "cron" and .what == "/var/spool/cron/crontabs/root" and (.detail | contains("freshclam --quiet")))'
ok "left-overs: a unit under another name" of tanium '$x.state == "left-over" and any($x.evidence[]; .kind == "unit" and .what == "/etc/systemd/system/renamed.service")'
ok "left-overs: another package's unit that uses a program is a hint" of auditd '$x.state == "hint" and $x.evidence[0].package == "bash"'
ok "left-overs: remarks and variables of units are no commands" jq -e 'all(.products[], .hints[]; .product != "cortex-xdr")' left.json
if command -v openssl >/dev/null; then
	ok "left-overs: a certificate authority in the trust store, by its name" jq -e \
		'any(.hints[].evidence[]; .kind == "trust-anchor" and .detail == "Kaspersky Web Anti-Virus Certification Authority" and .known_as == "Kaspersky")' left.json
fi

# ---- the plan of a removal: it names everything, and removes nothing ----
dpkg_tree plan bash
cat >>plan/var/lib/dpkg/status <<'END'
Package: clamav
Status: install ok installed
Version: 1.4.6
Provides: clamav-interface

Package: amavis
Status: install ok installed
Version: 2
Depends: perl, clamav (>= 1.0) | another-scanner

Package: direct
Status: install ok installed
Version: 2
Pre-Depends: clamav-interface

Package: removed-user
Status: deinstall ok config-files
Version: 2
Depends: clamav

Package: bystander
Status: install ok installed
Version: 2
Depends: clamav-docs, libclamav

END
mkdir -p plan/var/lib/dpkg/info plan/etc/clamav plan/var/log/clamav plan/usr/lib/systemd/system plan/etc/systemd/system/multi-user.target.wants
printf '/.\n/usr\n/usr/bin\n/usr/bin/clamscan\n/etc/clamav\n/etc/clamav/packed.conf\n/usr/lib/systemd/system/clamav-daemon.service\n' >plan/var/lib/dpkg/info/clamav.list
install -m 755 /dev/null plan/usr/bin/clamscan
echo a >plan/etc/clamav/packed.conf
echo b >plan/etc/clamav/local.conf
echo c >plan/var/log/clamav/scan.log
: >plan/usr/lib/systemd/system/clamav-daemon.service
ln -s /usr/lib/systemd/system/clamav-daemon.service plan/etc/systemd/system/multi-user.target.wants/
echo 'clamav:x:102:105::/var/lib/clamav:/bin/false' >>plan/etc/passwd
find plan -printf '%p %y %s %m %T@\n' | sort >before
run "$QUIS" inventory --root plan --plan --product clamav
cp out plan.txt
is "a plan: it is made" "$RC:$(cat err)" 0:
section() { sed -n "/^$1.*:\$/,/^\$/p" plan.txt; }
ok "a plan: the package" grep -q '^  clamav 1.4.6 (dpkg)$' plan.txt
is "a plan: who depends on it, also by what it provides, and nobody else" "$(section 'Other packages' | tail -n +2 | tr '\n' '|')" \
	'  amavis (dpkg) needs it, or another-scanner|  direct (dpkg) needs it||'
ok "a plan: the unit, and that it is enabled" grep -q 'clamav-daemon.service  enabled' plan.txt
is "a plan: files that no package owns" "$(section 'Files and directories' | tail -n +2 | tr '\n' '|')" \
	'  /etc/clamav  1 of 2 files, 4 B in all|  /var/log/clamav  1 of 1 file, 2 B in all||'
ok "a plan: the account" grep -q '^  user  *clamav' plan.txt
find plan -printf '%p %y %s %m %T@\n' | sort >after
ok "a plan removes nothing" cmp before after
run "$QUIS" inventory --root debian --plan
ok "a plan of nothing says so" grep -q 'there is nothing to plan' out
fails "a plan of a product that is not in the catalogue" 2 "not in the catalogue" "$QUIS" inventory --plan --product nosuch
fails "a plan is a text" 2 "is a text" "$QUIS" inventory --plan --format json
fails "a case without a plan" 2 "goes with --plan" "$QUIS" inventory --case x

# ---- what is gone ----
echo 0123456789abcdef0123456789abcdef >plan/etc/machine-id
inventory earlier plan
since() { run "$QUIS" inventory --root plan --since earlier.json "$@"; }
since
is "since: all is left" "$RC:$(tail -n 1 out)" "1:Something is left."
sed -i '/^Package: clamav$/,/^$/d' plan/var/lib/dpkg/status
rm plan/usr/bin/clamscan plan/usr/lib/systemd/system/clamav-daemon.service plan/var/lib/dpkg/info/clamav.list plan/etc/clamav/*
since
is "since: a purge that left logs, directories and an account" "$RC:$(grep -cE '^left +data +/(etc|var/log)/clamav ' out):$(grep -cE '^left +user +clamav ' out)" 1:2:1
ok "since: a package that is gone is named" grep -qE '^gone +package +clamav$' out
ok "since: a program that is gone is named" grep -qE '^gone +executable +/usr/bin/clamscan$' out
ok "since: a unit that is gone is named" grep -qE '^gone +unit +/usr/lib/systemd/system/clamav-daemon.service' out
mkdir -p plan/var/lib/clamav
since
ok "since: what came is named" grep -qE '^new +data +/var/lib/clamav' out
rm -r plan/etc/clamav plan/var/log/clamav plan/var/lib/clamav
sed -i '/^clamav:/d' plan/etc/passwd
since
is "since: nothing is left" "$RC:$(tail -n 1 out)" "0:Nothing of it is left, as far as this host was looked at."
since --format json
ok "since: the same as JSON" jq -e '.nothing_left and .changes[0].product == "clamav" and .changes[0].left == [] and (.changes[0].gone | length) >= 5 and .proves_nothing == []' out
since --seal sealed
is "sealed: the status is that of the comparison" "$RC:$(cat err)" 0:
run "$QUIS" verify sealed
is "sealed: quis verify finds it intact, with its end" "$RC:$(grep -c "no end is sealed" out)" 0:0
ok "sealed: it says what was proved" jq -se --arg taken "$(jq -r .taken earlier.json)" 'map(select(."quis.fact" == "inventory-end")) | length == 1 and (.[0] | ."quis.inventory.nothing_left" and ."quis.inventory.since" == $taken)' sealed/facts-000001.ndjson
fails "sealed: not over another" 1 "not empty" "$QUIS" inventory --root debian -o other.txt --seal sealed
run "$QUIS" inventory --root rpm --seal sealed-rpm
ok "sealed: each piece of evidence is a fact" jq -se 'any(.[]; ."quis.fact" == "inventory-item" and ."quis.inventory.product" == "falcon" and ."quis.inventory.kind" == "package" and ."quis.inventory.level" == "vendor-code")' sealed-rpm/facts-000001.ndjson
sed -i 's/"quis.inventory.confidence":"certain"/"quis.inventory.confidence":"likely"/' sealed-rpm/facts-000001.ndjson
run "$QUIS" verify sealed-rpm
is "sealed: a change shows" "$RC" 1
echo ffffffffffffffffffffffffffffffff >plan/etc/machine-id
since
is "since: another machine proves nothing" "$RC:$(grep -c 'different machines' out)" 1:1
fails "since: a file that is no inventory" 1 "not what quis inventory" "$QUIS" inventory --since before
fails "since: a file that is not there" 1 "No such file" "$QUIS" inventory --since nowhere

# ---- hostile trees ----
mkdir -p hostile/opt/CrowdStrike hostile/var/lib/dpkg outside/CrowdStrike
ln -s "$T/outside" hostile/opt/sophos-spl
ln -s ../../../../../../../../../../etc hostile/opt/traps
mkfifo hostile/var/lib/dpkg/status
ln -s loop hostile/opt/loop
install -m 755 /dev/null $'hostile/opt/CrowdStrike/falcond\e[31m\n<b>&"\xff'
run timeout 20 "$QUIS" inventory --root hostile
is "a hostile tree: the inventory is taken" "$RC:$(cat err)" 0:
ok "a hostile tree: no control character reaches the text" bash -c '! grep -qP "[\x00-\x08\x0b-\x1f\x7f]" "$1"' - out
ok "a hostile tree: no name makes a line" bash -c '! grep -q "^<b>" "$1"' - out
inventory hostile hostile
ok "a hostile tree: links do not lead out of it" jq -e '[.products[].product] == ["falcon"]' hostile.json
ok "a hostile tree: the name is in the JSON, escaped" jq -e 'any(.products[0].evidence[]; .what == "/opt/CrowdStrike/falcond\u001b[31m\n<b>&\"\\xff")' hostile.json

# ---- usage ----
run "$QUIS" inventory --list
is "--list: every product of the catalogue, one a line" "$RC:$(wc -l <out)" "0:$(grep -L '^ordinary' "$ROOT"/userspace/catalog/products/*.product | wc -l)"
ok "--list: the name for --product, and what it is" grep -qx 'clamav  *ClamAV' out
fails "a root that is not there" 1 'No such file' "$QUIS" inventory --root "$T/none"
fails "an unknown form" 2 "no format 'xml': text or json" "$QUIS" inventory --format xml
fails "a word too many" 2 "unexpected word 'x'" "$QUIS" inventory x
fails "an I/O limit that is none" 2 'not a number' "$QUIS" inventory --io-limit fast
run "$QUIS" inventory --root rpm --hash
ok "--hash: the sum of a program" grep -q 'sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' out
head -c 3000000 /dev/zero >rpm/opt/CrowdStrike/falconctl
chmod 755 rpm/opt/CrowdStrike/falconctl
start=$(date +%s%N)
run "$QUIS" inventory --root rpm --hash --io-limit 1
ok "--io-limit: 3 MB at 1 MiB a second take more than 2 s" test $((($(date +%s%N) - start) / 1000000)) -gt 2000

# ---- this host ----
run "$QUIS" inventory --format json
cp out host.json
is "this host: the inventory is taken" "$RC" 0
if dpkg-query -W -f '${db:Status-Status}' clamav 2>/dev/null | grep -qx installed; then
	ok "this host: the installed ClamAV, by package and program" jq -e '.products[] | select(.product == "clamav") | (.state == "installed" or .state == "running") and .confidence == "certain" and
		any(.evidence[]; .kind == "package" and .what == "clamav") and any(.evidence[]; .kind == "executable" and .what == "/usr/bin/clamscan" and .package == "clamav")' host.json
else
	skip "this host: the installed ClamAV" "not installed"
fi

# A process is its executable, however it is called; a name alone is a hint.
mkdir -p "$T/bin"
cp "$(readlink -f "$(command -v sleep)")" "$T/bin/falcond"
background "$T/bin/falcond" 60
named=$BG
within 5 grep -qx falcond "/proc/$named/comm"
run "$QUIS" inventory --format json
ok "a process that only has a product's name is a hint" jq -e --argjson pid "$named" 'all(.products[]; .product != "falcon") and
	any(.hints[]; .product == "falcon" and any(.evidence[]; .pid == $pid and .kind == "process" and .decides == false))' out

[ "$(id -u)" = 0 ] || finish
if command -v setpriv >/dev/null; then
	chmod 755 "$T"
	cp "$QUIS" "$T/bin/quis"
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$T/bin/quis" inventory --format json
	is "not as root: the inventory is taken" "$RC:$(cat err)" 0:
	ok "not as root: it says what is not seen" jq -e '.privileged == false and any(.not_seen[]; contains("executables")) and any(.not_seen[]; contains("BPF programs"))' out
fi

# What others ask of a product, as a recording of it shows.
if can_record && [ ! -e /opt/CrowdStrike ]; then
	at_end 'rm -rf /opt/CrowdStrike'
	mkdir -p /opt/CrowdStrike
	cp "$(readlink -f "$PYTHON")" /opt/CrowdStrike/falcond
	cat >serve.py <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen()
		c = s.accept()[0]
		c.send(c.recv(100))
	END
	record asked --product falcon
	background /opt/CrowdStrike/falcond serve.py "$T/asked.sock"
	within 10 test -S asked.sock
	sleep 0.2
	run "$QUIS" inventory --format json
	ok "a running product: its process, by its executable, and where it listens" jq -e --arg sock "unix $T/asked.sock" '.products[] | select(.product == "falcon") |
		.state == "running" and .confidence != "hint" and any(.evidence[]; .kind == "process" and .what == "/opt/CrowdStrike/falcond" and .decides) and
		any(.evidence[]; .kind == "listener" and .what == $sock)' out
	"$PYTHON" -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.send(b"12345678"); s.recv(100)' "$T/asked.sock"
	end_record asked
	run "$QUIS" inventory --plan --product falcon --case asked
	ok "a plan with a case: who asked something of it" grep -qF "asked /opt/CrowdStrike/falcond at $T/asked.sock: 16 B on 1 connection" out
	rm -r /opt/CrowdStrike
else
	skip "a plan with a case" "it cannot be recorded here"
fi

# A watcher that no catalogue knows.
cat >watch.py <<'END'
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
group = libc.fanotify_init(0x4, os.O_RDONLY)  # FAN_CLASS_CONTENT
if group < 0:
    sys.exit('fanotify_init: ' + os.strerror(ctypes.get_errno()))
# FAN_MARK_ADD of the directory: opens of what is in it, with permission; and one file: what is written
for mask, path in ((0x10000 | 0x08000000, sys.argv[1]), (0x8, sys.argv[2])):
    if libc.fanotify_mark(group, 1, ctypes.c_uint64(mask), -100, path.encode()) < 0:
        sys.exit('fanotify_mark: ' + os.strerror(ctypes.get_errno()))
print('ready', flush=True)
time.sleep(60)
END
mkdir watched
: >written
"$PYTHON" watch.py "$T/watched" "$T/written" >watch.out 2>watch.err &
PIDS+=($!)
watcher=$!
if within 10 grep -q ready watch.out; then
	run "$QUIS" inventory --format json
	unknown() { jq -e --argjson pid "$watcher" --arg dir "$T" "[.unknown[] | select(.pid == \$pid)] | length == 1 and (.[0] | $1)" out; }
	"$PYTHON" -c 'import jsonschema' 2>/dev/null && cp out watched.json && schema watched.json "watchers"
	ok "an unknown fanotify listener is reported" unknown '.kind == "fanotify" and .permission and .exe != null and .mark_count == 2'
	ok "an unknown fanotify listener: its marks, by path" unknown '.marks | map(contains($dir + "/watched: open-permission")) | any'
	ok "an unknown fanotify listener: a mark of another kind" unknown '.marks | map(contains($dir + "/written: close-write")) | any'
	run "$QUIS" inventory
	ok "an unknown fanotify listener is in the text" grep -qF "$T/watched: open-permission" out
else
	skip "an unknown fanotify listener" "fanotify is not permitted here: $(head -n 1 watch.err)"
fi
kill "$watcher" 2>/dev/null

# Nothing seen is not nothing there.
if command -v setpriv >/dev/null; then
	"$QUIS" inventory --root rpm --format json -o rpm-then.json
	chmod 700 rpm/opt
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$T/bin/quis" inventory --root rpm --since rpm-then.json
	is "since: a place that may not be looked into proves nothing" "$RC:$(grep -c 'may not be looked into\.' out)" 1:1
fi

# Who reads the audit stream, and who holds BPF programs.
"$PYTHON" -c 'import socket, time
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
s.bind((0, 1))
print("bound", flush=True)
time.sleep(60)' >audit.out 2>audit.err &
PIDS+=($!)
reader=$!
if within 10 grep -q bound audit.out; then
	run "$QUIS" inventory --format json
	ok "an unknown reader of the audit stream is reported" jq -e --argjson pid "$reader" 'any(.unknown[]; .kind == "audit" and .pid == $pid and (.what | contains("receives the audit stream")))' out
else
	skip "an unknown reader of the audit stream" "the audit stream cannot be had here: $(tail -n 1 audit.err)"
fi
if can_record; then
	record own --path "$T/nothing"
	mkdir -p elsewhere
	run "$QUIS" inventory --format json
	ok "BPF programs: those of quis are told, and are not unknown" jq -e --argjson pid "$RECORDER" 'any(.watchers[]; .kind == "bpf" and .pid == $pid) and all(.unknown[]; .pid != $pid)' out
	# the same program at another place is anybody's
	cp "$QUIS" elsewhere/quis
	run elsewhere/quis inventory --format json
	ok "BPF programs: an unknown holder of tracing programs is reported" jq -e --argjson pid "$RECORDER" 'any(.unknown[]; .kind == "bpf" and .pid == $pid and (.what | contains("tracing")))' out
	end_record own
else
	skip "BPF programs" "$WHY"
fi
finish
