# shellcheck shell=bash
# Fetches stock Debian kernels into $CACHE/kernels/NAME (vmlinuz, release, lib/modules), checked by Debian's own keys.
# Sets nothing outside $CACHE: every suite has an apt of its own there.

MIRROR=

suite_of() {
	case $1 in
	5.10) echo bullseye ;;
	6.1) echo bookworm ;;
	6.12) echo trixie ;;
	newest) echo sid ;;
	*) usage_error "no kernel $1: there are 5.10, 6.1, 6.12 and newest" ;;
	esac
}

# An apt of our own per suite: the machine's mirror and proxy, none of its sources, pins or state. Debian's own keyring
# checks what comes, as usual; only the age of the signature is not asked, for a mirror may stand still.
private_apt() { # SUITE TOOL ARG...
	local dir=$CACHE/apt/$1 tool=$2
	shift 2
	"$tool" -q -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o Dir::State="$dir" -o Dir::State::lists="$dir/lists" -o Dir::State::status="$dir/status" \
		-o Dir::Cache="$dir/cache" -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User="$(id -un)" -o APT::Architecture=amd64 "$@"
}

write_source() { # SUITE KEYRING
	echo "deb [arch=amd64 signed-by=$2] $MIRROR $1 main" >"$CACHE/apt/$1/sources.list"
}

update_lists() { # SUITE; at most once a day
	local dir=$CACHE/apt/$1 ring=/usr/share/keyrings/debian-archive-keyring.gpg
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	if [ -n "$(find "$dir/updated" -mmin -1440 2>/dev/null)" ]; then return 0; fi
	: "${MIRROR:=$(debian_mirror)}"
	[ -n "$MIRROR" ] || return 1
	write_source "$1" "$ring"
	if ! private_apt "$1" apt-get update >"$dir/log" 2>&1 || grep -q '^[WE]:' "$dir/log"; then
		# a release younger than this machine's keyring is signed with keys that only a newer keyring package has
		grep -q 'NO_PUBKEY' "$dir/log" && newer_keyring "$1" && write_source "$1" "$CACHE/apt/keyring.gpg" &&
			private_apt "$1" apt-get update >"$dir/log" 2>&1 || return 1
	fi
	touch "$dir/updated"
}

newer_keyring() { # SUITE; taken from the release before it, which the keyring at hand can check
	local deb dir
	[ "$1" != trixie ] || return 1
	update_lists trixie || return 1
	dir=$(mktemp -d)
	(cd "$dir" && private_apt trixie apt-get download debian-archive-keyring >/dev/null 2>&1) || return 1
	for deb in "$dir"/*.deb; do dpkg-deb -x "$deb" "$dir/x"; done
	cp -L "$dir/x/usr/share/keyrings/debian-archive-keyring.gpg" "$CACHE/apt/keyring.gpg"
	rm -rf "$dir"
}

depends_on() { # SUITE PACKAGE PREFIX -> its dependencies whose names start so
	private_apt "$1" apt-cache depends "$2" | sed -n "s/^ *Depends: \($3.*\)/\1/p"
}

# The packages that hold the kernel and its modules: linux-image-VERSION, and from 7.x on what that depends on.
kernel_packages() { # SUITE
	local image
	image=$(depends_on "$1" linux-image-amd64 'linux-image-' | sed -n 1p)
	[ -n "$image" ] || return 1
	echo "$image"
	depends_on "$1" "$image" 'linux-\(base\|binary\|modules\)-[0-9]'
}

unpack_kernel() { # DEB... DIR; the modules that no virtual machine has hardware for stay packed
	local deb dir=${*: -1}
	for deb in "${@:1:$#-1}"; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir" --exclude='*/drivers/gpu/*' --exclude='*/drivers/media/*' \
			--exclude='*/sound/*' --exclude='*/drivers/net/wireless/*' --exclude='*/drivers/net/ethernet/*' --exclude='*/doc/*' || return 1
	done
	[ -d "$dir/lib/modules" ] || ln -sfn usr/lib "$dir/lib"
}

settle_kernel() { # DIR -> vmlinuz, release, modules.dep
	local dir=$1 release
	release=$(basename "$(echo "$dir"/lib/modules/*)")
	echo "$release" >"$dir/release"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$dir" "$release" &&
		cp "$(find "$dir/boot" "$dir/lib/modules/" -name 'vmlinuz*' -type f 2>/dev/null | sed -n 1p)" "$dir/vmlinuz"
}

download_kernel() { # KERNEL SUITE DIR VERSION PACKAGE...
	local kernel=$1 suite=$2 dir=$3 version=$4 debs
	shift 4
	say "kernel $kernel: fetching $version from $suite"
	rm -rf "$dir.new"
	mkdir -p "$dir.new/debs" || return 1
	(cd "$dir.new/debs" && private_apt "$suite" apt-get download "$@" >"$CACHE/apt/$suite/log" 2>&1) || return 1
	debs=("$dir.new"/debs/*.deb)
	unpack_kernel "${debs[@]}" "$dir.new" && settle_kernel "$dir.new" && rm -rf "$dir.new/debs" "$dir" && mv "$dir.new" "$dir"
}

# Leaves the kernel in $CACHE/kernels/KERNEL (a link to its version). When the archive cannot be had, one of before does.
fetch_kernel() { # KERNEL; one fetch at a time
	local rc=0
	mkdir -p "$CACHE/kernels"
	{
		flock 9
		fetch_kernel_locked "$1" || rc=1
	} 9>"$CACHE/lock"
	return $rc
}

fetch_kernel_locked() { # KERNEL
	local kernel=$1 suite dir version packages
	suite=$(suite_of "$kernel")
	if ! update_lists "$suite"; then
		say "kernel $kernel: $suite cannot be had from this machine's mirror ($(sed -n '/^[WE]:/{p;q}' "$CACHE/apt/$suite/log" 2>/dev/null))"
		[ -e "$CACHE/kernels/$kernel/vmlinuz" ]
		return
	fi
	mapfile -t packages < <(kernel_packages "$suite")
	[ "${#packages[@]}" -gt 0 ] || { say "kernel $kernel: $suite has no linux-image-amd64"; return 1; }
	version=$(private_apt "$suite" apt-cache show "${packages[0]}" | sed -n 's/^Version: //p' | sed -n 1p)
	dir=$CACHE/kernels/$suite-$version
	if [ ! -e "$dir/vmlinuz" ] && ! download_kernel "$kernel" "$suite" "$dir" "$version" "${packages[@]}"; then
		say "kernel $kernel: download failed ($(tail -n 1 "$CACHE/apt/$suite/log"))"
		[ -e "$CACHE/kernels/$kernel/vmlinuz" ]
		return
	fi
	ln -sfn "$suite-$version" "$CACHE/kernels/$kernel"
}
