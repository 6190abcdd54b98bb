#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Nova's own driver for libvirt (Debian's python3-nova) as the judge of the kit's mdevs and of what "mdevkit export --nova" prints:
# it lists, allocates and gives back by way of libvirtd. The drive "nova" is the image of lab/nova-root. Prints KTAP.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

serial_parent=0000:00:02.0
dma_parent=0000:00:03.0
tree=/run/nova
work=$(mktemp -d)

cleanup() {
	local mdev
	virsh undefine instance-00000001 >/dev/null 2>&1 || true
	for mdev in /sys/bus/mdev/devices/*; do
		[[ ! -e $mdev ]] || echo 1 >"$mdev/remove"
	done
	mdevctl list --defined | while read -r mdev _; do
		mdevctl undefine --uuid "$mdev"
	done
	umount -R "$tree/tree" "$tree/layer" 2>/dev/null || true
	rm -rf "$work"
	# Other tests want all of its parents.
	rmmod mtty || true
}

# This machine's own root with Nova on top
make_root() {
	local disk dir
	disk=$(grep -lx nova /sys/block/vd*/serial | cut -d / -f 4)
	[[ -n $disk ]] || return 1
	mkdir -p "$tree"/{layer,tree}
	mount -t squashfs -o ro "/dev/$disk" "$tree/layer"
	mount -t overlay -o "lowerdir=$tree/layer:/" nova "$tree/tree"
	for dir in dev proc sys run tmp; do
		mount --rbind "/$dir" "$tree/tree/$dir"
	done
}

lab_plan 7
modprobe -a mtty mdma || bail_out "the samples cannot be loaded"
trap cleanup EXIT
make_root || bail_out "there is no drive with Nova, or it cannot be mounted"

refuse "a parent that is no PCI device is not exported for Nova" "PCI parents only" mdevkit export --nova mtty-1
refuse "nor are two types of one parent" "one type of a parent" mdevkit export --nova mdma-1 mdma-4
expect "of mtty's parent in software Nova's user is warned" eval "mdevkit export --nova mdma-1 2>&1 | grep software=n"
rmmod mtty
modprobe mtty software=n || bail_out "mtty cannot be loaded without that parent"
lab-libvirtd || bail_out "libvirtd does not start"
mdevkit export --nova mttypci-2 mdma-1 >"$work/nova.conf" 2>"$work/messages" || true
same "a type of each parent is exported, without a remark" "$(cat "$work/messages"; grep -c device_addresses "$work/nova.conf")" 2

status=0
name="Nova's driver lists, allocates and gives back mdevs"
printf '    KTAP version 1\n    # Subtest: %s\n' "$name"
HOME=$work chroot "$tree/tree" python3 /usr/lib/mdevkit/tests/nova_driver.py "$work/nova.conf" \
	"$serial_parent=mttypci-2" "$dma_parent=mdma-1" 2>"$work/messages" | sed 's/^/    /' || status=$?
result $status "$name" "$(tail -n 40 "$work/messages")"
same "no mdev is left" "$(ls /sys/bus/mdev/devices)" ""
same "no definition is left" "$(mdevctl list --defined)" ""
lab_finish
