#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What platforms read in sysfs when they look for mdevs, each rule as its source has it, against the kit's own files. Prints KTAP.
#
#   KubeVirt   pkg/virt-handler/device-manager/mediated_device.go, common.go
#   Proxmox    pve-common, src/PVE/SysFSTools.pm
#   go-nvlib   pkg/nvmdev/nvmdev.go
#   Kata       src/runtime/pkg/device/drivers/utils.go
#   LXD        lxd/resources/gpu.go
#   Nova       runs itself: nova.sh
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

pci=0000:00:03.0
types=/sys/bus/pci/devices/$pci/mdev_supported_types
devices=/sys/bus/mdev/devices
one=6d646576-6b69-4701-8000-0000000000c1
two=6d646576-6b69-4701-8000-0000000000c2
# Proxmox: the number of the device in the machine, and the machine's
proxmox=00000001-0000-0000-0000-000000000100

cleanup() {
	local uuid
	for uuid in $one $two $proxmox; do
		[[ ! -e $devices/$uuid ]] || echo 1 >"$devices/$uuid/remove"
	done
	echo mdev >/sys/bus/pci/devices/$pci/mdevkit/placement
}

# KubeVirt: the resource's name, the parent and the device's ID
kubevirt_type() {
	tr ' ' _ <"$devices/$1/mdev_type/name"
}
kubevirt_parent() {
	readlink "$devices/$1" | awk -F/ '{ print $(NF - 1) }'
}
kubevirt_id() {
	basename "$(readlink "$devices/$1/iommu_group")"
}

# go-nvlib takes all that follows the first word of the name
nvlib_type() {
	sed -E 's/^[^ ]+ //' "$1/name"
}

# Kata: what it takes a device in a group for. The group's anchor, which is neither, it refuses (docs/administration.md).
kata_kind() {
	case $1 in
	*:*:*) echo pci ;;
	*-*-*-*-*) echo mdev ;;
	*) echo unknown ;;
	esac
}

unsigned() {
	[[ $(<"$1") =~ ^[0-9]+$ ]]
}

lab_plan 22
modprobe mdma || bail_out "module mdma cannot be loaded"
trap cleanup EXIT
cleanup
echo $one >$types/mdma-1/create
echo $two >$types/mdma-1/create

expect "KubeVirt: an mdev in /sys/bus/mdev/devices is a link" test -L $devices/$one
same "KubeVirt: its resource is called by the type's name" "$(kubevirt_type $one)" mdma_1_channel
same "KubeVirt: its parent is the last but one part of the link" "$(kubevirt_parent $one)" $pci
expect "KubeVirt: its ID is the group's number, and VFIO's file has it" test -c "/dev/vfio/$(kubevirt_id $one)"
expect "KubeVirt: two mdevs have two IDs" test "$(kubevirt_id $one)" != "$(kubevirt_id $two)"
expect "KubeVirt: the parent's NUMA node is to be had" test -r /sys/bus/pci/devices/$pci/numa_node

expect "Proxmox: a PCI device with mdev_supported_types" test -d $types
expect "Proxmox: available_instances is a number" unsigned $types/mdma-1/available_instances
expect "Proxmox: a type has a description" test -s $types/mdma-1/description
expect "Proxmox: an IOMMU is in /sys/class/iommu" test -n "$(ls /sys/class/iommu)"
expect "Proxmox: its UUIDs, which no RFC knows, are taken" eval "printf %s $proxmox >$types/mdma-1/create"
same "Proxmox: the mdev lies in the parent's folder, and its type is the link's last part" \
	"$(basename "$(readlink /sys/bus/pci/devices/$pci/$proxmox/mdev_type)")" mdma-1

same "go-nvlib: the type is what follows the name's first word" "$(nvlib_type $devices/$one/mdev_type)" "1 channel"
same "go-nvlib: so it is for each type of the parent" "$(for type in "$types"/*; do nvlib_type "$type"; done | sort | xargs)" \
	"1 channel 2 channels 4 channels"
same "go-nvlib: the driver is a link" "$(basename "$(readlink -f $devices/$one/driver)")" mdma

same "Kata: the mdev in the group is one by the five parts of its name" \
	"$(for name in /sys/kernel/iommu_groups/"$(kubevirt_id $one)"/devices/*; do kata_kind "${name##*/}"; done | sort | xargs)" "mdev unknown"
same "Kata: the file in the group leads to the parent's folder" \
	"$(readlink -f "/sys/kernel/iommu_groups/$(kubevirt_id $one)/devices/$one")" "$(readlink -f /sys/bus/pci/devices/$pci)/$one"

same "LXD: device_api, name and description are there for each type" \
	"$(for type in "$types"/*; do cat "$type"/{device_api,name,description} >/dev/null || echo "$type"; done)" ""
same "LXD: devices lists the type's mdevs" "$(find $types/mdma-1/devices/ -mindepth 1 -printf '%f\n' | sort | xargs)" "$proxmox $one $two"

echo 1 >$devices/$proxmox/remove
echo 1 >$devices/$one/remove
echo 1 >$devices/$two/remove
echo parent >/sys/bus/pci/devices/$pci/mdevkit/placement
echo $one >$types/mdma-1/create
echo $two >$types/mdma-1/create
same "KubeVirt: with the placement parent two mdevs have one ID" "$(kubevirt_id $one)" "$(kubevirt_id $two)"
expect "of which mdevkit doctor warns" eval "{ mdevkit doctor || true; } | grep -i kubevirt"
echo 1 >$devices/$one/remove
echo 1 >$devices/$two/remove
same "all that is left is what was there" "$(ls $devices)" ""
lab_finish
