#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# mtty through the real mdevctl: what an administrator types, and what bad input gets.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

uuid=6d646576-6b69-4701-8000-000000000001
other=6d646576-6b69-4701-8000-000000000002
virtual=mtty
pci=0000:00:02.0

# available PARENT TYPE: as mdevctl prints it
available() {
	mdevctl types --parent "$1" | awk -v want="$2" '$1 == want { seen = 1 }
		seen && /Available instances:/ { print $3; exit }'
}

# The JSON of all devices, defined or active, in one line without blanks
dump() {
	mdevctl list "$@" --dumpjson | tr -d ' \n'
}

# shellcheck disable=SC2317 # called through expect
started() {
	[[ -e /sys/bus/mdev/devices/$1 ]]
}

# shellcheck disable=SC2317 # called through expect
gone() {
	! started "$1"
}

clean_up() {
	local u
	for u in "$uuid" "$other"; do
		mdevctl stop --uuid "$u" >/dev/null 2>&1 || true
		mdevctl undefine --uuid "$u" >/dev/null 2>&1 || true
	done
}

lab_plan 39
modprobe mtty || bail_out "module mtty cannot be loaded"
clean_up
trap clean_up EXIT

# types
same "types prints the virtual parent's types to the letter" "$(mdevctl types --parent $virtual)" "\
$virtual
  mtty-1
    Available instances: 24
    Device API: vfio-pci
    Name: Single port serial
    Description: $(cat /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/description)
  mtty-2
    Available instances: 12
    Device API: vfio-pci
    Name: Dual port serial
    Description: $(cat /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/description)"
same "types prints the PCI parent's types" \
	"$(mdevctl types --parent $pci | grep -oE '^  [^ ]+')" $'  mttypci-1\n  mttypci-2'
expect "types --dumpjson is JSON" bash -c 'mdevctl types --dumpjson | jq -e ". | length >= 1"'

# start and stop, without a definition
for parent in $virtual $pci; do
	type=mtty
	[[ $parent == "$virtual" ]] || type=mttypci
	expect "start makes an mdev on $parent" mdevctl start --uuid $uuid --parent "$parent" --type $type-2
	expect "it is on the bus" started $uuid
	same "types tells what is left" "$(available "$parent" $type-1) $(available "$parent" $type-2)" "22 11"
	same "list shows it" "$(mdevctl list)" "$uuid $parent $type-2 manual"
	refuse "start of the same UUID is refused" "exists" \
		mdevctl start --uuid $uuid --parent "$parent" --type $type-1
	expect "stop removes it" mdevctl stop --uuid $uuid
	expect "it has gone" gone $uuid
	same "its ports are free again" "$(available "$parent" $type-1)" "24"
done
same "start without a UUID prints the one that it made" \
	"$(u=$(mdevctl start --parent $virtual --type mtty-1) && mdevctl stop --uuid "$u" && tr -d '0-9a-f\n' <<<"$u")" \
	"----"

# definitions
expect "define keeps a definition without starting it" \
	mdevctl define --uuid $uuid --parent $pci --type mttypci-1
expect "nothing is on the bus yet" gone $uuid
expect "modify makes it start by itself" mdevctl modify --uuid $uuid --auto
expect "modify changes its type" mdevctl modify --uuid $uuid --type mttypci-2 --auto
expect "modify adds an attribute" \
	mdevctl modify --uuid $uuid --addattr loopback --value 0
same "list --dumpjson shows all of it" "$(dump --defined)" \
	"[{\"$pci\":[{\"$uuid\":{\"mdev_type\":\"mttypci-2\",\"start\":\"auto\",\"attrs\":[{\"loopback\":\"0\"}]}}]}]"
expect "start takes type and parent from the definition" mdevctl start --uuid $uuid
same "start writes the attribute" "$(cat /sys/bus/mdev/devices/$uuid/loopback)" "0"
same "list shows what is active and defined" "$(mdevctl list)" "$uuid $pci mttypci-2 auto (defined)"
expect "define of another device from the same parent" \
	mdevctl define --uuid $other --parent $pci --type mttypci-1 --auto
expect "stop of the defined device" mdevctl stop --uuid $uuid
expect "its definition stays" bash -c "mdevctl list --defined | grep -q $uuid"
expect "undefine forgets it" mdevctl undefine --uuid $uuid
expect "undefine forgets the other" mdevctl undefine --uuid $other
same "nothing is defined any more" "$(mdevctl list --defined)" ""

# bad input
refuse "a type that does not exist is refused" "" mdevctl start --uuid $uuid --parent $virtual --type mtty-3
refuse "a type of another parent is refused" "" mdevctl start --uuid $uuid --parent $pci --type mtty-1
refuse "a malformed UUID is refused" "" mdevctl start --uuid not-a-uuid --parent $virtual --type mtty-1
expect "nothing was left by what was refused" bash -c '! ls /sys/bus/mdev/devices | grep -q .'

lab_finish
