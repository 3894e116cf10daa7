# shellcheck shell=bash
# Makes what a virtual machine boots: an initramfs that only loads modules and hands over, and a disk with the programs. Acts want
# a real disk file system below them. The scripts that run in there lie in scripts/guest/.

# What Debian builds as modules and the guest or the acts want; absent ones are built in, or not there.
MODULES=(virtio_pci virtio_blk crc32c_generic crc32c_intel ext4 xfs overlay fuse loop sctp vsock vsock_loopback
	af_packet tun veth dummy ipv6)
read -ra MORE_MODULES <<<"${QUIS_VM_MODULES:-}"

# busybox-static's own file: the like-named dynamic one would not start in a bare initramfs.
busybox_of_host() {
	local file
	for file in /bin/busybox /usr/bin/busybox; do
		if [ -x "$file" ] && ! ldd "$file" >/dev/null 2>&1; then echo "$file"; return; fi
	done
	die "busybox-static is not installed (scripts/setup --vm)"
}

put_busybox() { # DIR
	local busybox applet
	busybox=$(busybox_of_host)
	mkdir -p "$1/bin"
	cp -L "$busybox" "$1/bin/busybox"
	for applet in $("$busybox" --list); do
		[ "$applet" = busybox ] || ln -sf busybox "$1/bin/$applet"
	done
	ln -sfn bin "$1/sbin"
}

module_file() { # KERNELDIR NAME -> path below lib/modules/RELEASE, by either spelling of the name
	local pattern=${2//[-_]/[-_]}
	grep -oE "^[^:]*/$pattern\.ko(\.xz|\.zst|\.gz)?:" "$1/lib/modules/$(<"$1/release")/modules.dep" | tr -d : | sed -n 1p || true
}

modules_in_order() { # KERNELDIR -> files, each after those that it needs
	local name file dep base
	dep=$1/lib/modules/$(<"$1/release")/modules.dep
	for name in "${MODULES[@]}" "${MORE_MODULES[@]}"; do
		file=$(module_file "$1" "$name")
		[ -n "$file" ] || continue
		base=$(grep -F "$file:" "$dep" | sed -n 1p)
		printf '%s\n' "${base#*:}" | tr ' ' '\n' | tac
		echo "$file"
	done | awk 'NF && !seen[$0]++'
}

unpacked() { # FILE, whatever it was packed with
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -qdc "$1" ;;
	*.gz) gzip -dc "$1" ;;
	*) cat "$1" ;;
	esac
}

put_modules() { # KERNELDIR DIR
	local file name
	mkdir -p "$2/modules"
	while read -r file; do
		name=$(basename "$file")
		name=${name%%.ko*}.ko
		unpacked "$1/lib/modules/$(<"$1/release")/$file" >"$2/modules/$name"
		echo "$name" >>"$2/modules/order"
	done < <(modules_in_order "$1")
}

# The initramfs only loads modules and hands over to the disk: acts want a real disk file system below them.
make_initramfs() { # KERNELDIR FILE
	local dir=$WORK/initramfs
	rm -rf "$dir"
	mkdir -p "$dir"/{proc,sys,dev,root}
	put_busybox "$dir"
	put_modules "$1" "$dir"
	install -m 755 "$ROOT/scripts/guest/initramfs-init" "$dir/init"
	(cd "$dir" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$2"
	rm -rf "$dir"
}

put_programs() { # DIR
	local file
	mkdir -p "$1/quis/build/acts"
	for file in "$ROOT/$B"/static/quis "$ROOT/$B"/static/quis-record; do
		[ ! -e "$file" ] || strip -o "$1/quis/build/${file##*/}" "$file"
	done
	for file in "$ROOT/$B"/acts/*; do
		[ ! -f "$file" ] || [ ! -x "$file" ] || strip -o "$1/quis/build/acts/${file##*/}" "$file"
	done
}

# A file system whose files can share blocks: the acts mount it from a file. Without what 5.10 does not know.
put_image() { # DIR
	truncate -s 320M "$1/quis/xfs.img"
	/sbin/mkfs.xfs -q -m reflink=1,bigtime=0,inobtcount=0 -i nrext64=0 "$1/quis/xfs.img"
}

put_system() { # DIR; what programs expect of any system
	mkdir -p "$1"/{proc,sys,dev,run,tmp,scratch,etc,root,var/lib,results,mnt}
	chmod 1777 "$1/tmp" "$1/scratch"
	printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n' >"$1/etc/passwd"
	printf 'root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n' >"$1/etc/group"
	echo quis-vm >"$1/etc/hostname"
	echo '127.0.0.1 localhost' >"$1/etc/hosts"
	echo 0123456789abcdef0123456789abcdef >"$1/etc/machine-id"
}

put_jobs() { # DIR; what the guest is to do, beside the scripts that do it
	install -m 755 "$ROOT"/scripts/guest/* "$1/quis/"
	printf 'cd /quis\n%s\n' "${COMMAND[*]@Q}" >"$1/quis/job"
	printf '%s\n' "${ONLY[*]}" >"$1/quis/only"
	printf '%s\n' "${QUIS_ACT_SCALE:-10}" >"$1/quis/scale"
}

make_disk() { # FILE
	local dir=$WORK/disk
	rm -rf "$dir"
	mkdir -p "$dir"
	put_system "$dir"
	put_busybox "$dir"
	put_programs "$dir"
	put_image "$dir"
	[ "${#PUT[@]}" = 0 ] || cp -rL -- "${PUT[@]}" "$dir/scratch/"
	put_jobs "$dir"
	truncate -s 4G "$1"
	PATH=$PATH:/usr/sbin:/sbin mke2fs -q -F -t ext4 -L quis -E root_owner=0:0 -d "$dir" "$1"
	rm -rf "$dir"
}

# A whole Debian with systemd, with quis as `make install` puts it (the programs without libraries), that boots into scripts/guest/service.
make_service_disk() { # FILE
	local dir=$WORK/system base unit
	base=$(base_of bookworm systemd,systemd-sysv,jq)
	mkdir -p "$dir"
	tar -xf "$base" -C "$dir"
	make -s -C "$ROOT" B="$B" DESTDIR="$dir" install >&2
	strip -o "$dir/usr/local/bin/quis" "$ROOT/$B/static/quis"
	strip -o "$dir/usr/local/sbin/quis-record" "$ROOT/$B/static/quis-record"
	mkdir -p "$dir/quis" "$dir/etc/systemd/system/multi-user.target.wants" "$dir/var/log/journal"
	install -m 755 "$ROOT/scripts/guest/service" "$dir/quis/"
	printf '#!/bin/sh\nexec /lib/systemd/systemd\n' >"$dir/quis/init"
	chmod 755 "$dir/quis/init"
	echo quis-vm >"$dir/etc/hostname"
	echo '/dev/vda / ext4 defaults 0 1' >"$dir/etc/fstab"
	printf '[Unit]\nAfter=multi-user.target\n[Service]\nType=idle\nExecStart=/quis/service\n' >"$dir/etc/systemd/system/quis-test.service"
	ln -s ../quis-test.service "$dir/etc/systemd/system/multi-user.target.wants/"
	for unit in serial-getty@ttyS0.service proc-sys-fs-binfmt_misc.automount apt-daily.timer; do # no udev tells of devices here
		ln -sf /dev/null "$dir/etc/systemd/system/$unit"
	done
	truncate -s 4G "$1"
	PATH=$PATH:/usr/sbin:/sbin mke2fs -q -F -t ext4 -L quis -d "$dir" "$1"
	rm -rf --one-file-system "$dir"
}
