#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A function that comes while its iommu group is in use by VFIO stays off the host's drivers; "mdevkit group" on the way. Function
# 07.2 of the machine (topology host-function) is a virtio-rng, with a driver that does DMA for the host. Prints KTAP.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

pci=/sys/bus/pci/devices
first=0000:00:07.0
second=0000:00:07.1
late=0000:00:07.2
held=

cleanup() {
	local bdf
	let_go
	[[ -e $pci/$late ]] || echo 1 >/sys/bus/pci/rescan
	for bdf in $first $second; do
		mdevkit bind "$bdf" mdma >/dev/null 2>&1 || true
	done
	[[ -e $pci/$late/driver ]] || echo "$late" >/sys/bus/pci/drivers_probe
}

# A user of the group, as QEMU is one: from when this returns until let_go
hold() {
	coproc HOLD { exec python3 /usr/lib/mdevkit/tests/hold_group.py "$1"; }
	held=$HOLD_PID
	read -r -t 60 line <&"${HOLD[0]}" && [[ $line == held ]]
}

let_go() {
	[[ -n $held ]] || return 0
	kill "$held" 2>/dev/null || true
	wait "$held" 2>/dev/null || true
	held=
}

driver_of() {
	basename "$(readlink "$pci/$1/driver" || echo none)"
}

group_of() {
	basename "$(readlink "$pci/$1/iommu_group")"
}

# What mdevkit says of a member, "DRIVER BLOCKS"
member() {
	{ mdevkit group "$group" --json || true; } | jq -r --arg name "$1" '.members[] | select(.name == $name) | "\(.driver) \(.blocks)"'
}

lab_plan 13
modprobe -a mdma vfio-pci || bail_out "mdma or vfio-pci cannot be loaded"
[[ -e $pci/$late ]] || bail_out "this machine has no function $late (topology host-function)"
trap cleanup EXIT
group=$(group_of $first)

same "three functions of one slot are one group" "$(group_of $second) $(group_of $late)" "$group $group"
same "the host's driver keeps VFIO from it" "$(member $late)" "virtio-pci true"
refuse "mdevkit group says so" "is not viable" mdevkit group "$group"
echo 1 >$pci/$late/remove
expect "without that function the group is bound to vfio-pci" mdevkit group "$group" --bind vfio-pci
# Not by expect: a child of a subshell would end with it.
status=0
hold "$group" || status=$?
result $status "and can be used"
expect "mdevkit group says by whom" grep -q "viable; .*python3" <(mdevkit group "$group")

echo 1 >/sys/bus/pci/rescan
same "the function comes back, into the group" "$(group_of $late)" "$group"
same "without a driver: it blocks nothing" "$(member $late)" "null false"
refuse "the kernel refuses it to the host's driver" "busy" bash -c "echo $late >/sys/bus/pci/drivers/virtio-pci/bind"
refuse "mdevkit bind does not try, and says who uses the group" "uses its iommu group" mdevkit bind $late virtio-pci
same "it still has none" "$(driver_of $late)" none
let_go
expect "when nobody uses the group, the host's driver takes it" sh -c "echo $late >/sys/bus/pci/drivers_probe"
same "and keeps VFIO from the group" "$(member $late)" "virtio-pci true"
lab_finish
