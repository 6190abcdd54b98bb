#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mdevkit doctor alone says why a parent offers nothing, on machines that cannot isolate, each for another reason. Which one this is
# says lab.topology on the kernel's command line. Prints KTAP.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
topology=,$(sed -n 's/.*lab\.topology=\([^ ]*\).*/\1/p' /proc/cmdline),

# The parent that offers nothing, why, and what else the doctor finds on such a machine
parent=0000:00:03.0
also=
case $topology in
*,no-intremap,*) reason="interrupt remapping is off" also="interrupt remapping" ;;
*,no-pasid,*) reason="the IOMMU supports no PASIDs" ;;
*,no-iommu,*) reason="no IOMMU behind this device" also=iommu ;;
*)
	parent=$(basename "$(compgen -G '/sys/bus/pci/devices/0000:00:06.0/0000:??:??.?' | head -n 1)")
	reason="PASID is not enabled: no ACS"
	;;
esac

# check NAME FIELD: of the doctor's JSON
check() {
	jq -r --arg name "$1" ".checks[] | select(.name == \$name) | .$2" "$work/json"
}

lab_plan 7
modprobe mdma || bail_out "module mdma cannot be loaded"
status=0
mdevkit doctor >"$work/text" 2>"$work/err" || status=$?
note "$(<"$work/text")"
same "a problem is the exit status" "$status" 1
same "no complaint" "$(<"$work/err")" ""
expect "it says why $parent offers nothing" grep -qF "problem  parent $parent: offers nothing: $reason" "$work/text"
expect "and what to do" eval "grep -A1 -F 'parent $parent: offers nothing' '$work/text' | grep -q '→ .'"
mdevkit doctor --json >"$work/json" || true
same "so it does for programs" "$(check "parent $parent" verdict)" problem
same "with a remedy" "$(check "parent $parent" 'remedy != null')" true
same "the machine's own lack is a problem of its own" "$([[ -z $also ]] || check "$also" verdict)" "${also:+problem}"
lab_finish
