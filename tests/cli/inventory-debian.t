#!/bin/bash
# The products that Debian has, as it has them: their packages are unpacked below a directory (no script of theirs is run), found, removed, and what
# is left is named. Needs the package archive; without it, nothing is tested.
# shellcheck disable=SC2016,SC2317
set -u
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || skip_all "no apt-get, or no dpkg-deb"
cd "$T" || exit 1
PRODUCTS=(clamav rkhunter chkrootkit aide samhain lynis fapolicyd auditd)
PACKAGES=(clamav clamav-base clamav-daemon clamav-freshclam rkhunter chkrootkit aide aide-common samhain lynis fapolicyd auditd)

fetch() { (cd debs && timeout 120 apt-get -o APT::Sandbox::User=root download "$@" >/dev/null 2>&1); }
mkdir debs
# one after the other only where a release lacks one of them
fetch "${PACKAGES[@]}" || for package in "${PACKAGES[@]}"; do fetch "$package"; done
[ -n "$(ls debs)" ] || skip_all "the package archive cannot be reached"

mkdir -p tree/var/lib/dpkg/info tree/etc
printf 'root:x:0:0::/root:/bin/sh\n' >tree/etc/passwd
declare -A present=()
for deb in debs/*.deb; do
	name=$(dpkg-deb -f "$deb" Package)
	present[$name]=1
	dpkg-deb -x "$deb" tree
	{ dpkg-deb -f "$deb" Package Version Depends Pre-Depends Provides; printf 'Status: install ok installed\n\n'; } >>tree/var/lib/dpkg/status
	dpkg-deb --fsys-tarfile "$deb" | tar t | sed 's|^\.||; s|/$||; s|^$|/.|' >"tree/var/lib/dpkg/info/$name.list"
done
"$QUIS" inventory --root tree --format json -o full.json
for product in "${PRODUCTS[@]}"; do
	package=$product
	if [ -z "${present[$package]:-}" ]; then
		skip "$product" "this release of Debian does not have it"
		continue
	fi
	ok "$product: found, certainly, by its package and its programs" jq -e --arg p "$product" '.products[] | select(.product == $p) | .state == "installed" and .confidence == "certain" and
		any(.evidence[]; .kind == "package") and any(.evidence[]; (.kind == "executable" or .kind == "script") and .package != null)' full.json
done
is "nothing else is found, and there is no hint" "$(jq -c '[.products[].product] - $ARGS.positional + [.hints[].product]' full.json --args "${PRODUCTS[@]}")" "[]"

# As a purge does that leaves what the programs wrote, and the accounts.
for list in tree/var/lib/dpkg/info/*.list; do
	while IFS= read -r path; do [ -d "tree$path" ] && [ ! -L "tree$path" ] || rm -f "tree$path"; done <"$list"
done
rm -r tree/var/lib/dpkg/info tree/var/lib/dpkg/status
find tree -depth -mindepth 1 -type d -empty -delete
mkdir -p tree/var/lib/aide tree/var/lib/clamav tree/etc tree/var/log/samhain
echo database >tree/var/lib/aide/aide.db
echo database >tree/var/lib/clamav/main.cvd
echo log >tree/var/log/samhain/samhain.log
printf 'root:x:0:0::/root:/bin/sh\n_aide:x:997:997::/var/lib/aide:/usr/sbin/nologin\n' >tree/etc/passwd
run "$QUIS" inventory --root tree --since full.json --format json
cp out since.json
is "after a purge: something is left" "$RC" 1
left() { jq -e --arg p "$1" --arg kind "$2" --arg what "$3" '.changes[] | select(.product == $p) | any((.left + .new)[]; .kind == $kind and .what == $what)' since.json; }
[ -z "${present[aide]:-}" ] || ok "after a purge: aide's database is named" left aide data /var/lib/aide
[ -z "${present[aide]:-}" ] || ok "after a purge: aide's account is named" left aide user _aide
[ -z "${present[clamav]:-}" ] || ok "after a purge: clamav's database is named" left clamav data /var/lib/clamav
[ -z "${present[samhain]:-}" ] || ok "after a purge: samhain's log is named" left samhain data /var/log/samhain
for product in rkhunter chkrootkit lynis auditd fapolicyd; do
	[ -z "${present[$product]:-}" ] || ok "after a purge: nothing is left of $product" jq -e --arg p "$product" '.changes[] | select(.product == $p) | .nothing_left' since.json
done
finish
