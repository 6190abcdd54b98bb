#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A real guest with mtty mdevs: its own 8250 driver must find working ports. Prints KTAP; runs in the lab's VM.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

dual=6d747479-0000-0000-0000-000000000002
single=6d747479-0000-0000-0000-000000000001
pci=/sys/bus/pci/devices/0000:00:02.0
virtual=/sys/devices/virtual/mtty/mtty
logs=$(mktemp -d)

# guest TITLE lab-guest's arguments…: its output as remarks, its verdict as the result
guest() {
	local title=$1 status=0
	shift
	lab-guest --timeout $((120 * ${MDEVKIT_SLOWNESS:-1})) "$@" >"$logs/out" 2>&1 || status=$?
	note "$(<"$logs/out")"
	result $status "$title" "lab-guest ended with $status"
}

lab_plan 5
modprobe mtty || bail_out "module mtty cannot be loaded"
echo $dual >$pci/mdev_supported_types/mttypci-2/create || bail_out "no mdev below $pci"
echo $single >$virtual/mdev_supported_types/mtty-1/create || bail_out "no mdev below $virtual"

guest "a guest's own 8250 driver moves data through all three ports of two mdevs" --log "$logs/container" $dual $single

complaints='no available reset mechanism|Failed to set up UNMASK eventfd|Could not enable error recovery'
same "QEMU has no complaint about the mdevs" "$(grep -E "$complaints|vfio" "$logs/container/qemu" || true)" ""

# Where the kernel has iommufd, the next one uses that.
again=()
[[ ! -e /sys/class/misc/iommu ]] || again=(--iommufd)
guest "an mdev works in the next guest as it did in the last one" --log "$logs/again" --bytes 2000 "${again[@]}" $single

name="a guest has a working port by open files of VFIO and iommufd"
if [[ -e /sys/class/misc/iommu ]]; then
	guest "$name" --log "$logs/fd" --fd $single
else
	skip "$name" "this kernel has no iommufd (CONFIG_IOMMUFD is not set)"
fi

expect "the mdevs can be removed right after the guest has gone" \
	timeout 5 sh -c "echo 1 >/sys/bus/mdev/devices/$dual/remove && echo 1 >/sys/bus/mdev/devices/$single/remove"
rm -rf "$logs"
lab_finish
