#!/bin/bash
# Names beside addresses, told by real programs in a network namespace: DNS, TLS, HTTP, a proxy with CONNECT, QUIC. Country and owner, by databases
# made here. Nothing leaves the namespace.
# shellcheck disable=SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
need_recording
for program in curl openssl python3 ip unshare; do
	command -v "$program" >/dev/null || skip_all "no $program"
done
NET=$ROOT/tests/cli/addresses-net.py
[ "${1:-}" = inside ] || exec unshare --net --mount "$0" inside
PATH=$PATH:/usr/sbin
cd "$T" || exit 1

# ---- the namespace: one host with two addresses ----
ip link set lo up
ip address add 203.0.113.7/32 dev lo
ip -6 address add 2001:db8::7/128 dev lo nodad
mount -t tmpfs -o mode=755 none /run/netns 2>/dev/null || true
echo "nameserver 203.0.113.7" >resolv.conf
echo "hosts: dns" >nsswitch.conf
mount --bind resolv.conf /etc/resolv.conf && mount --bind nsswitch.conf /etc/nsswitch.conf || skip_all "no bind mounts here"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=test >/dev/null 2>&1
background python3 "$NET"
background openssl s_server -4 -accept 4433 -key key.pem -cert cert.pem -www -quiet
background openssl s_server -6 -accept 4433 -key key.pem -cert cert.pem -www -quiet
background python3 -m http.server 8080 --bind ::
listens() { [ "$(ss -Hltn "sport = :$1" | wc -l)" = "$2" ]; }
servers() { listens 3128 1 && listens 4433 2 && listens 8080 1; }
ok "the servers are there" within 90 servers

flows='[.processes[].flows[]]'
name_of() { # CASE REMOTE; what stands beside it
	jq -r --arg r "$2" "[${flows}[] | select(.remote == \$r and .protocol == \"tcp\" and .sent_bytes > 0)][0] | [.remote_name, .name_source, .name_through // \"\"] | join(\" \")" "$1.json"
}
take() { # CASE COMMAND...
	local case=$1
	shift
	"$QUIS" run -o "$case" -- "$@" >"$case.out" 2>&1
	"$QUIS" report "$case" --location none --format json -o "$case.json"
}

take tls4 curl -4 -sk -o /dev/null https://www.shop.test:4433/
is "TLS over IPv4" "$(name_of tls4 203.0.113.7:4433)" "www.shop.test sni "
take tls6 curl -6 -sk -o /dev/null https://www.shop.test:4433/
is "TLS over IPv6" "$(name_of tls6 '[2001:db8::7]:4433')" "www.shop.test sni "
take http curl -4 -s -o /dev/null http://plain.test:8080/
is "HTTP" "$(name_of http 203.0.113.7:8080)" "plain.test http "
take dns6 python3 -c 'import socket; s = socket.create_connection(("only.test", 8080)); s.send(b"x\n"); s.recv(99)'
is "a name that was only looked up" "$(jq -r "[${flows}[] | select(.protocol == \"tcp\" and .sent_bytes > 0)][0] | [.remote_name, .name_source] | join(\" \")" dns6.json)" "only.test dns"
ok "the end of the CNAMEs is in the index" bash -c '[ "$("$1" query dns6 --csv "SELECT DISTINCT alias FROM name WHERE name = '"'only.test'"'" | tail -n 1 | tr -d "\r")" = real.cdn.test ]' _ "$QUIS"
take proxy curl -sk -o /dev/null -x http://203.0.113.7:3128 https://behind.test:4433/
is "CONNECT, and TLS behind it" "$(name_of proxy 203.0.113.7:3128)" "behind.test sni proxy"
take bare curl -4 -sk -o /dev/null --connect-timeout 3 https://203.0.113.7:4433/
is "an address without a name has none" "$(jq -c "[${flows}[] | select(.remote == \"203.0.113.7:4433\" and .received_bytes > 0) | has(\"remote_name\")]" bare.json)" "[false]"
ok "... and the text says so" bash -c '"$1" report bare --location none | grep -q "203.0.113.7:4433 (no name seen)"' _ "$QUIS"
ok "nothing was lost with all this" bash -c 'jq -es "all(.completeness.exact)" tls4.json tls6.json http.json proxy.json'
ok "nothing of what was sent is in the case but names" bash -c '! grep -rq "User-Agent\|GET /" tls4/facts* http/facts*'

# ---- QUIC, by a client of another make ----
if command -v gtlsclient >/dev/null && command -v gtlsserver >/dev/null; then
	mkdir site
	echo hello >site/index.html
	background gtlsserver -q -d site '*' 443 key.pem cert.pem
	within 20 bash -c '[ "$(ss -Hlun "sport = :443" | wc -l)" != 0 ]'
	quic() { # CASE VERSION NAME
		take "$1" timeout 20 gtlsclient -q --exit-on-all-streams-close -v "$2" "$3" 443 "https://$3/index.html"
		jq -r "[${flows}[] | select(.protocol == \"udp\" and (.remote | endswith(\":443\")) and .sent_bytes > 1000)][0] | [.remote_name, .name_source] | join(\" \")" "$1.json"
	}
	is "QUIC, version 1" "$(quic quic1 0x1 quic.test)" "quic.test sni"
	ok "... with the protocol that it offers" bash -c '[ "$("$1" query quic1 --csv "SELECT alpn FROM name WHERE source = '"'sni'"'" | tail -n 1 | tr -d "\r")" = h3 ]' _ "$QUIS"
else
	skip "QUIC" "no gtlsclient (ngtcp2-client, ngtcp2-server)"
fi

# ---- country and owner ----
python3 "$NET" libloc small.db
python3 "$NET" mmdb small.mmdb
where() { # DATABASE
	"$QUIS" report tls6 --location "$1" --format json | jq -c "[${flows}[] | select(.remote == \"[2001:db8::7]:4433\" and .sent_bytes > 0)][0] | [.country, .asn, .owner]"
}
is "libloc's database" "$(where small.db)" '["CH",64500,"EXAMPLE-NET"]'
is "an mmdb" "$(where small.mmdb)" '["LI",64501,"Other <Net>"]'
is "none" "$(where none)" '[null,null,null]'
sum=$(sha256sum small.db | cut -d ' ' -f 1)
ok "its name, date and hash stand in the report" bash -c '"$1" report tls6 --location small.db | grep -qF "according to libloc (made for a test) of 2025-11-24 (SHA-256 $2)"' _ "$QUIS" "$sum"
ok "... in the JSON" bash -c '"$1" report tls6 --location small.db --format json | jq -e --arg s "$2" ".according_to.sha256 == \$s and .owners[0].country == \"CH\" and .owners[0].sent_bytes > 0"' _ "$QUIS" "$sum"
ok "... which is as the schema says" bash -c '"$1" report tls6 --mmdb small.mmdb --format json -o j && python3 -c "import json, jsonschema; jsonschema.validate(json.load(open(\"j\")), json.load(open(\"$2/userspace/analyse/report.schema.json\")))"' _ "$QUIS" "$ROOT"
ok "... in HTML, where a name is no markup" bash -c '"$1" report tls6 --mmdb small.mmdb --format html >h && grep -q "Other &lt;Net&gt;" h && ! grep -q "Other <Net>" h' _ "$QUIS"
ok "... in a query" bash -c '"$1" query tls6 --location small.db --json "SELECT DISTINCT country, asn, owner, according_to FROM destinations WHERE remote LIKE '"'%4433'"' AND sent_bytes > 0" | jq -es --arg s "$2" "flatten | .[0].country == \"CH\" and (.[0].according_to | contains(\$s))"' _ "$QUIS" "$sum"
ok "... in ECS" bash -c '"$1" timeline tls6 --format ecs --location small.db | jq -es "any(.destination.geo.country_iso_code == \"CH\" and .destination.as.number == 64500)"' _ "$QUIS"
ok "without a database the report says so" bash -c '"$1" report tls6 --location none | grep -q "no database here"' _ "$QUIS"
head -c 300 small.db >cut.db
fails "a database that is none" 1 "neither libloc's format nor an mmdb" "$QUIS" report tls6 --location cert.pem
fails "half a database" 1 "neither libloc's format nor an mmdb" "$QUIS" report tls6 --location cut.db
fails "a database that is not there" 1 "No such file" "$QUIS" report tls6 --mmdb nosuch
finish
