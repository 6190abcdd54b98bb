#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# docs/abi against the live tree: each file that the kit shows is described there, and each that is described is shown.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

abi=/usr/lib/mdevkit/abi
uuid=6d646576-6b69-4701-8000-00000000000a
# What each device of the mdev bus has, whoever made it
cores="driver iommu iommu_group mdev_type msi_bus power remove subsystem uevent vfio-dev"

described() {
	awk '$1 == "What:" { print $2 }' "$abi"/* | sort
}

# The kit's files, named as docs/abi names them
shown() {
	local parent file
	for parent in /sys/class/mdev_bus/*; do
		find -H "$parent/mdevkit" -type f -printf '/sys/.../PARENT/mdevkit/%P\n'
	done
	for file in "/sys/bus/mdev/devices/$uuid"/*; do
		[[ " $cores " == *" ${file##*/} "* ]] || echo "/sys/bus/mdev/devices/UUID/${file##*/}"
	done
	find /sys/kernel/debug/iommu_aux -type f
	find /sys/kernel/debug/mdevkit -type f
}

# modes WHAT FILE…: the files' rights are those that the entry's text begins with
modes() {
	local what=$1 word file bad=0
	shift
	word=$(awk -v what="$what" '$1 == "What:" { here = $2 == what } here && match($0, /\((RO|RW|WO)\)/) { print substr($0, RSTART + 1, 2); exit }' "$abi"/*)
	for file; do
		case $word:$(stat -L -c %A "$file") in
		RO:*w*) bad=1 ;;
		RO:-r* | RW:-rw*) ;;
		*) bad=1 ;;
		esac
	done
	result $bad "$what is $word" "$(stat -L -c '%A %n' "$@")"
}

lab_plan 12
loaded=()
for module in mtty hello mdma; do
	[[ -d /sys/module/$module ]] || loaded+=("$module")
	expect "$module is there" modprobe "$module"
done
parents=(/sys/class/mdev_bus/*)
echo "$uuid" >"/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create"
same "each file is described, and each description has its file" "$(shown | sort -u)" "$(described)"
modes /sys/.../PARENT/mdevkit/placement "${parents[@]/%//mdevkit/placement}"
modes /sys/.../PARENT/mdevkit/peer_dma "${parents[@]/%//mdevkit/peer_dma}"
modes /sys/.../PARENT/mdevkit/pasid_blocked "${parents[@]/%//mdevkit/pasid_blocked}"
modes /sys/.../PARENT/mdevkit/attributes "${parents[@]/%//mdevkit/attributes}"
same "a parent says what its mdevs' attributes take" "$(cat /sys/class/mdev_bus/mtty/mdevkit/attributes)" "loopback bool"
modes /sys/kernel/debug/mdevkit/counters /sys/kernel/debug/mdevkit/counters
modes /sys/kernel/debug/iommu_aux/groups /sys/kernel/debug/iommu_aux/groups
modes /sys/kernel/debug/iommu_aux/domains /sys/kernel/debug/iommu_aux/domains
echo 1 >"/sys/bus/mdev/devices/$uuid/remove"
# Others want to unload the kit
((${#loaded[@]} == 0)) || rmmod "${loaded[@]}"
lab_finish
