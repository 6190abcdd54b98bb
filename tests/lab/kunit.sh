#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The KUnit suites of the kit and its samples, as modules that are loaded for it: on a real kernel and two CPUs, which the
# user-mode kernel (tests/kunit/run-uml) has not. Needs a kernel with KUnit.
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$here/kernel-log.sh"
# shellcheck source=tests/lab/lib/kunit-suite.sh
. "$here/kunit-suite.sh"

# The modules that hold suites have a section for them.
mapfile -t modules < <(find "/lib/modules/$(uname -r)/updates" -name '*.ko' -exec grep -la '\.kunit_test_suites' {} + |
	sed 's|.*/||; s|\.ko$||' | sort)
mapfile -t suites <"$here/kunit-suites"

lab_plan $((${#suites[@]} + 3))
# The alarms that the suites provoke on purpose
while read -r alarm; do
	allow "$alarm"
done < <(grep -vE '^(#|$)' "$here/kunit-alarms")
expect "the modules with suites load" modprobe -a "${modules[@]}"
for suite in "${suites[@]}"; do
	results=/sys/kernel/debug/kunit/${suite%=*}/results
	[[ -r $results ]] || results=/dev/null
	kunit_suite "${suite%=*}" "${suite#*=}" "$results"
done
# A suite that forgot something keeps its module. What the suites needed goes, too: other tests unload the kit.
expect "they can be unloaded" modprobe -r "${modules[@]}" mdevkit iommu_aux
same "nothing of them is left" "$(lsmod | grep -E '^(mdevkit|iommu_aux|mock_iommu)' || true)" ""
lab_finish
