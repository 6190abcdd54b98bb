#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A test that does not end: its program says where it is and who has the device, and runs no other test.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

says() {
	grep -qE "$1" <<<"$told"
}

lab_plan 7
# One that takes 20 s, with six users who open a device again and again. On a slow kernel none may have it open at the moment of the limit.
for limit in 3 6 12; do
	status=0
	told=$(MDEVKIT_LIMIT=$limit /usr/lib/mdevkit/tests/mtty_race "type1v2: create, remove, open" 2>&1) || status=$?
	! says '^#   fd ' || break
	note "nobody had a device open after $limit s"
done
same "the program fails" "$status" 1
expect "it says that the test was not finished" says "^# not finished after $limit s"
expect "it says where the threads are" says '^#   .*\+0x[0-9a-f]+/0x[0-9a-f]+'
expect "it names processes that have a device" says "^#   mtty_race"
expect "and what they have open" says "^#   fd [0-9]+: (/dev/vfio/|anon_inode:\[vfio)"
expect "the failure is a test's" says "^not ok 1 type1v2: create, remove, open"
expect "no other test is run" says "^Bail out! a test hangs"
lab_finish
