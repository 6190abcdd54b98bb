#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kit's callout in real mdevctl, on real mdevs: what cannot start is refused with the reason, attributes are set, read back, changed
# while the mdev lives and restored, and what is marked "auto" comes back with its parent's driver. Prints KTAP.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

uuid=6d646576-6b69-4701-8000-0000000000d1
other=6d646576-6b69-4701-8000-0000000000d2
parent=mtty
mdev=/sys/bus/mdev/devices/$uuid

clean_up() {
	local u
	for u in $uuid $other; do
		mdevctl stop -u "$u" >/dev/null 2>&1 || true
		mdevctl undefine -u "$u" >/dev/null 2>&1 || true
	done
	! [[ -e /run/udev/control && -n ${udev:-} ]] || udevadm control --exit || true
}

# definition ATTRS: a file for --jsonfile
definition() {
	printf '{"mdev_type":"mtty-1","start":"manual","attrs":%s}' "$1" >/tmp/definition
	echo /tmp/definition
}

defined() {
	mdevctl list --defined --dumpjson -u $uuid | jq -r '.attrs[] | to_entries[] | "\(.key)=\(.value)"' | paste -sd,
}

# comes UUID SECONDS
comes() {
	local end=$((SECONDS + $2))
	until [[ -e /sys/bus/mdev/devices/$1/mdev_type ]]; do
		((SECONDS < end)) || return 1
		sleep 0.2
	done
}

lab_plan 22
modprobe mtty || bail_out "module mtty cannot be loaded"
modprobe mdma || bail_out "module mdma cannot be loaded"
trap clean_up EXIT

refuse "an unknown attribute is refused" "colour" mdevctl define -u $uuid -p $parent --jsonfile "$(definition '[{"colour":"red"}]')"
refuse "a wrong value is refused" "perhaps" mdevctl define -u $uuid -p $parent --jsonfile "$(definition '[{"loopback":"perhaps"}]')"
refuse "an absolute name is refused" "/tmp/evil" mdevctl define -u $uuid -p $parent --jsonfile "$(definition '[{"/tmp/evil":"1"}]')"
expect "nothing was written where it led" test ! -e /tmp/evil
same "nothing was saved" "$(mdevctl list --defined)" ""

expect "a good definition is saved" mdevctl define -u $uuid -p $parent --jsonfile "$(definition '[{"loopback":"0"}]')"
expect "it starts" mdevctl start -u $uuid
same "its attribute is set" "$(<$mdev/loopback)" 0
same "and read back" "$(mdevctl list -u $uuid --dumpjson | jq -r '.attrs[].loopback')" 0
refuse "a second start is refused" "exists" mdevctl start -u $uuid
jq -n '{mdev_type: "mtty-1", start: "manual", attrs: [{loopback: "1"}]}' >/tmp/live
expect "it is changed while it lives" mdevctl modify -u $uuid --live --jsonfile /tmp/live
same "the mdev has it" "$(<$mdev/loopback)" 1
jq -n '{mdev_type: "mtty-1", start: "manual", attrs: [{loopback: "perhaps"}]}' >/tmp/live
refuse "a wrong value is refused while it lives" "perhaps" mdevctl modify -u $uuid --live --jsonfile /tmp/live
same "the mdev keeps what it had" "$(<$mdev/loopback)" 1
expect "it stops" mdevctl stop -u $uuid
expect "nothing is left of it" test ! -e $mdev
same "its definition has the attribute that it was defined with" "$(defined)" "loopback=0"

# No isolation, no start: the reason is the parent's.
blocked=$(grep -l . /sys/class/mdev_bus/*/mdevkit/pasid_blocked | cut -d/ -f5 | grep -m1 '^0000:0[1-9]' || true)
refuse "what cannot be isolated does not start, and the reason is the parent's" "$(<"/sys/class/mdev_bus/$blocked/mdevkit/pasid_blocked")" \
	mdevctl start -u $other -p "$blocked" --type mdma-1

# udev as on a host, with the kit's rule
expect "marked auto" mdevctl modify -u $uuid --auto
udev=
if [[ ! -e /run/udev/control ]]; then
	udev=1
	/usr/lib/systemd/systemd-udevd --daemon 2>/dev/null
fi
modprobe -r mtty
modprobe mtty
expect "it comes back with its parent's driver" comes $uuid 30
same "with its attribute" "$(<$mdev/loopback)" 0
expect "it stops again" mdevctl stop -u $uuid
lab_finish
