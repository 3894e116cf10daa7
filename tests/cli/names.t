#!/bin/bash
# --product and --package: what runs already, what is started later, whatever starts it, and nothing else.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
fails "a product that is not in the catalogue" 2 "not in the catalogue" "$QUIS" record -o "$T/c" --product nosuch
fails "a package that is not installed" 1 "not installed" "$QUIS" record -o "$T/c" --package quis-no-such-package
fails "a package's name that is none" 2 "not the name of a package" "$QUIS" record -o "$T/c" --package '../x'
fails "a package's name that is a pattern" 2 "not the name of a package" "$QUIS" record -o "$T/c" --package 'cl*'
need_recording
PATH=$PATH:/usr/sbin
cd "$T" || exit 1
chmod 755 "$T"

# ---- --product clamav: clamd runs before, the others later; what is neither is not followed ----
if command -v clamd >/dev/null && command -v clamscan >/dev/null && command -v freshclam >/dev/null && command -v clamonacc >/dev/null; then
	mkdir database
	echo '44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-Signature' >database/one.hdb
	printf 'LocalSocket %s/clamd.sock\nDatabaseDirectory %s/database\nForeground yes\nLogFile %s/clamd.log\nUser root\nOnAccessIncludePath %s/database\nOnAccessExcludeRootUID yes\n' \
		"$T" "$T" "$T" "$T" >clamd.conf
	background clamd -c clamd.conf >clamd.out 2>&1
	server=$BG
	within 60 test -S clamd.sock
	record product --product clamav
	clamscan -d database clamd.conf >/dev/null 2>&1
	# shellcheck disable=SC2094
	sh -c 'freshclam --version; exec clamonacc --version' >/dev/null 2>&1
	cat clamd.conf >/dev/null
	cp "$(command -v clamscan)" elsewhere
	./elsewhere --version >/dev/null
	python3 -c pass
	end_record product
	is "--product: the recording ends in order" "$RC:$(cat product.err)" 0:
	# a copy of a program is not the product's file: it lies elsewhere and is another inode
	is "--product: clamd, clamscan, freshclam and clamonacc are followed, and nothing else" \
		"$(jq -r '[.processes[].exe.path] | map(split("/") | last) | unique | join(" ")' product.json)" "clamd clamonacc clamscan freshclam"
	ok "--product: clamd was there before" holds product 'any(.processes[]; .pid == $pid and .flagged_by == "product:clamav")' --argjson pid "$server"
	ok "--product: all are flagged by it" holds product 'all(.processes[]; .flagged_by == "product:clamav" or .flagged_by == "parent")'
	ok "--product: what clamscan read is there" holds product 'any(.processes[]; .comm == "clamscan" and any(.files[]; .path == $f and .read_bytes > 0))' --arg f "$T/clamd.conf"
	kill "$server" 2>/dev/null
else
	skip "--product clamav" "clamav, clamav-daemon and clamav-freshclam are not all installed"
fi

# ---- a product that is not installed yet: its own directory, and a script. They lie in a mount namespace of their own: nothing of the host is touched ----
if unshare -m true 2>/dev/null; then
	record later --product "CrowdStrike Falcon sensor" --product maldet
	echo "a secret" >secret
	unshare -m --propagation private bash -e <<-END
		mount -t tmpfs none /opt
		mount -t tmpfs none /usr/local
		mkdir -p /opt/CrowdStrike /usr/local/maldetect
		cp "$(readlink -f "$(command -v head)")" /opt/CrowdStrike/falcon-sensor-bpf18202
		printf '#!/bin/bash\nread -r line <%s/secret\n' "$T" >/usr/local/maldetect/maldet
		chmod 755 /usr/local/maldetect/maldet
		/opt/CrowdStrike/falcon-sensor-bpf18202 -c 8 secret >/dev/null
		/usr/local/maldetect/maldet
	END
	end_record later
	is "a product that comes later: the recording ends in order" "$RC:$(cat later.err)" 0:
	ok "a product that comes later: a program with a number behind its name" holds later 'any(.processes[]; .exe.path == "/opt/CrowdStrike/falcon-sensor-bpf18202" and
		.flagged_by == "product:falcon" and any(.files[]; .path == $f and .read_bytes >= 8))' --arg f "$T/secret"
	ok "a product that comes later: a script" holds later 'any(.processes[]; .flagged_by == "product:maldet" and any(.files[]; .path == $f and .read_bytes > 0))' --arg f "$T/secret"
	is "a product that comes later: nothing else" "$(jq '.processes | length' later.json)" 2
else
	skip "a product that comes later" "no mount namespace of its own is to be had"
fi

# ---- --package: one whose programs nobody else is likely to run meanwhile, since `run` waits for all that is flagged ----
# (Its list says /bin, which is a link to /usr/bin.)
if command -v hostname >/dev/null && dpkg-query -L hostname >/dev/null 2>&1; then
	run timeout 60 "$QUIS" run -o package --package hostname -- sh -c 'hostname >/dev/null'
	report package
	ok "--package: with run, both are followed" holds package '[.processes[].comm] | index("sh") and index("hostname")'
	record packaged --package hostname
	hostname >/dev/null
	ls "$T" >/dev/null
	end_record packaged
	ok "--package: its program is followed" holds packaged 'any(.processes[]; .comm == "hostname" and .flagged_by == "package:hostname")'
	ok "--package: another's is not" holds packaged 'all(.processes[]; .comm != "ls")'
else
	skip "--package" "no dpkg, or no package hostname"
fi
run "$QUIS" record -o weak --product snort --duration 1s
ok "a product that only lists know: it is said" grep -q 'known from community lists only' err
finish
