#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# media.sh SERVER CHECK [TYPE...]: media-check for each file system that this machine can make and mount.
# Images are made in $MEDIA_IMAGES (kept) or a directory of its own; what is found there is used as it is.
# Exit status: 0 all passed, 1 one failed, 77 nothing could be tried.
set -u
[ $# -ge 2 ] || { echo "usage: media.sh SERVER CHECK [TYPE...]" >&2; exit 2; }
server=$1 check=$2
shift 2
[ $# -gt 0 ] || set -- ext4 vfat exfat ntfs iso9660 udf
if [ "$(id -u)" != 0 ] || [ ! -e /dev/loop-control ]; then
	echo "needs root and loop devices"
	exit 77
fi
PATH=$PATH:/usr/sbin:/sbin

work=$(mktemp -d /tmp/sekisho-media-images.XXXXXX)
images=${MEDIA_IMAGES:-$work}
loop=
# A check that failed may have left mounts of the server behind.
clean() {
	grep -o '/tmp/sekisho-media-[A-Za-z0-9]*/[^ ]*' /proc/self/mountinfo | while read -r path; do
		umount -l "$(printf '%b' "$(echo "$path" | sed 's/\\\\\([0-7]\{3\}\)/\\\\0\1/g')")"
	done
	! mountpoint -q "$work/mnt" || umount "$work/mnt"
	[ -z "$loop" ] || losetup -d "$loop"
	rm -rf "$work"
}
trap clean EXIT
mkdir -p "$work/mnt" "$work/tree/sub"
printf 'clean\n' >"$work/tree/clean.txt"
printf 'EVIL\n' >"$work/tree/evil.txt"
printf 'clean\n' >"$work/tree/sub/日本語.txt"
chmod -R a+rX "$work/tree"

# fill IMAGE TYPE: what the file system's own tool cannot put in, the kernel does.
fill() {
	case $2 in
	vfat) options=loop,utf8 ;;
	*) options=loop ;;
	esac
	mount -t "$2" -o "$options" "$1" "$work/mnt" && cp -r "$work/tree/." "$work/mnt/" && umount "$work/mnt"
}

# make TYPE IMAGE
make_image() {
	case $1 in
	iso9660) genisoimage -quiet -R -J -input-charset utf-8 -o "$2" "$work/tree"; return ;;
	udf) genisoimage -quiet -udf -R -input-charset utf-8 -o "$2" "$work/tree"; return ;;
	esac
	truncate -s 48M "$2"
	case $1 in
	ext4) mkfs.ext4 -q -F -d "$work/tree" "$2" ;;
	vfat) mkfs.vfat "$2" && fill "$2" vfat ;;
	exfat) mkfs.exfat "$2" && fill "$2" exfat ;;
	ntfs) mkfs.ntfs -q -f -F "$2" && fill "$2" ntfs-3g ;;
	esac
}

# NTFS may be served by a program.
known() {
	name=$1
	[ "$1" = ntfs ] && name=fuse
	modprobe -q "$name" 2>/dev/null
	grep -qw "$name" /proc/filesystems
}

tried=0 failed=0
for type; do
	image=$images/$type.img
	known "$type" || { echo "$type: not known to this kernel, passed over"; continue; }
	[ -s "$image" ] || make_image "$type" "$image" >"$work/log" 2>&1 ||
		{ echo "$type: no image can be made, passed over"; cat "$work/log"; rm -f "$image"; continue; }
	loop=$(losetup --read-only --show --find "$image") || { echo "$type: no loop device, passed over"; continue; }
	tried=$((tried + 1))
	timeout 120 "$check" "$server" "$type" "$loop" || failed=$((failed + 1))
	losetup -d "$loop"
	loop=
done
echo "$tried tried, $failed failed"
[ "$failed" -eq 0 ] || exit 1
[ "$tried" -gt 0 ] || exit 77
