# shellcheck shell=bash
# Shared by the scripts: progress lines, TAP counting, and where this machine gets its packages from.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT
CACHE=${QUIS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/quis}
export CACHE

say() { printf '%4ds  %s\n' "$SECONDS" "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
usage_error() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 2; }

# The comment block at the top of a script is its help.
help_of() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }

# "passed failed skipped" of the TAP files given. What a plan promised and did not come counts as failed, and so does a file
# without a plan or with a bail-out. Several plans in a file (cmocka: one a group) add up.
tap_count() {
	awk '
	function close_file() {
		if (!open) return
		seen = here
		if (bail || plan < 0) failed++
		else if (plan > seen) failed += plan - seen
	}
	FNR == 1 { close_file(); open = 1; plan = -1; bail = 0; here = 0 }
	{ sub(/\r$/, "") }
	/^1\.\.[0-9]+/ { plan = (plan > 0 ? plan : 0) + substr($1, 4); if (!plan) skipped++ }
	/^Bail out!/ { bail = 1 }
	/^(not )?ok( |$)/ {
		here++
		if (tolower($0) ~ /# *skip/) skipped++
		else if (tolower($0) ~ /# *todo/) skipped++
		else if (/^ok/) passed++
		else failed++
	}
	END { close_file(); print passed + 0, failed + 0, skipped + 0 }' "$@"
}

# The failed results with the diagnostics after each; of many, the first lines.
tap_failures() {
	awk -v most="${QUIS_FAILURE_LINES:-80}" '
	{ sub(/\r$/, "") }
	/^[^# \t]/ { show = /^not ok( |$)/ && tolower($0) !~ /# *(skip|todo)/ || /^Bail out!/ }
	show && ++lines <= most { print "      " $0 }
	END { if (lines > most) print "      ... and " lines - most " lines more" }' "$@"
}

tally() { # PASSED FAILED SKIPPED -> the closing line
	printf '%d passed, %d failed' "$1" "$2"
	if [ "$3" -gt 0 ]; then printf ', %d skipped' "$3"; fi
	printf '\n'
}

# The archive from which this machine installs its own release, as configured here; no name of one is written anywhere.
debian_mirror() {
	local suite
	# shellcheck disable=SC1091
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	apt-get update --print-uris -o Debug::NoLocking=1 2>/dev/null |
		sed -n "s,^'\(.*\)/dists/$suite/InRelease'.*,\1,p" | sed -n 1p
}

# The bare system is made once for each suite and day, and unpacked for each run.
base_of() { # SUITE [PACKAGE,PACKAGE...] -> tar file
	local name=$1${2:+-${2//,/-}} dir mirror
	local tar=$CACHE/rooms/$name.tar
	if [ -n "$(find "$tar" -mtime -1 2>/dev/null)" ]; then echo "$tar"; return; fi
	mirror=$(debian_mirror)
	[ -n "$mirror" ] || die "this machine's configuration names no Debian archive"
	dir=$(mktemp -d "$CACHE/rooms/base.XXXXXX")
	say "debootstrap $name"
	debootstrap --variant=minbase ${2:+--include="$2"} "$1" "$dir" "$mirror" >"$CACHE/rooms/$name.log" 2>&1 || { rm -rf "$dir"; die "debootstrap failed: $CACHE/rooms/$name.log"; }
	apt-config dump | sed -n '/^Acquire::.*[Pp]roxy/p' >"$dir/etc/apt/apt.conf.d/50proxy"
	printf '#!/bin/sh\nexit 101\n' >"$dir/usr/sbin/policy-rc.d" # no package starts a service from here
	chmod 755 "$dir/usr/sbin/policy-rc.d"
	tar -cf "$tar" -C "$dir" .
	rm -rf "$dir"
	echo "$tar"
}

# In a mount namespace of its own (unshare -m): nothing mounted here is ever seen outside.
open_room() { # ROOM
	mount --bind "$1" "$1" # a mount point of its own: unshare -m needs that of a root directory
	mount --rbind /proc "$1/proc"
	mount --rbind /sys "$1/sys"
	mount --rbind /dev "$1/dev"
}

in_room() { # ROOM DIRECTORY COMMAND...
	local room=$1 place=$2
	shift 2
	# shellcheck disable=SC2016 # for the shell inside
	exec chroot "$room" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		TERM="${TERM:-dumb}" LANG=C.UTF-8 CI="${CI:-}" sh -c 'cd "$1" && shift && exec "$@"' sh "$place" "$@"
}
