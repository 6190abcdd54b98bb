#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A real guest with mtty mdevs: its own 8250 driver must find working ports. Prints KTAP; runs in the lab's VM.
set -uo pipefail

dual=6d747479-0000-0000-0000-000000000002
single=6d747479-0000-0000-0000-000000000001
pci=/sys/bus/pci/devices/0000:00:02.0
virtual=/sys/devices/virtual/mtty/mtty
logs=$(mktemp -d)
number=0
failed=0

result() {
	local status=$1 name=$2
	number=$((number + 1))
	if ((status == 0)); then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failed=1
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number $1 # SKIP $2"
}

note() {
	sed 's/^/# /'
}

# lab-guest's output as KTAP remarks, its verdict as the status
guest() {
	lab-guest "$@" 2>&1 | note
	return "${PIPESTATUS[0]}"
}

echo "KTAP version 1"
echo "1..5"

modprobe mtty || { echo "Bail out! module mtty cannot be loaded"; exit 1; }
echo $dual >$pci/mdev_supported_types/mttypci-2/create || { echo "Bail out! no mdev below $pci"; exit 1; }
echo $single >$virtual/mdev_supported_types/mtty-1/create || { echo "Bail out! no mdev below $virtual"; exit 1; }

guest --log "$logs/container" $dual $single
result $? "a guest's own 8250 driver moves data through all three ports of two mdevs"

complaints='no available reset mechanism|Failed to set up UNMASK eventfd|Could not enable error recovery'
grep -E "$complaints|vfio" "$logs/container/qemu" | note
[[ ${PIPESTATUS[0]} == 1 ]]
result $? "QEMU has no complaint about the mdevs"

guest --log "$logs/again" --bytes 2000 $single
result $? "an mdev works in the next guest as it did in the last one"

name="a guest has a working port through iommufd"
if [[ -e /dev/iommu && -d /sys/bus/mdev/devices/$single/vfio-dev ]]; then
	guest --log "$logs/iommufd" --iommufd $single
	result $? "$name"
else
	skip "$name" "this kernel has no iommufd"
fi

timeout 5 sh -c "echo 1 >/sys/bus/mdev/devices/$dual/remove && echo 1 >/sys/bus/mdev/devices/$single/remove" 2>&1 | note
result "${PIPESTATUS[0]}" "the mdevs can be removed right after the guest has gone"
rm -rf "$logs"
exit $failed
