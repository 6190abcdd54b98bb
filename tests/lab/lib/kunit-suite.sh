# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What a KUnit suite left in debugfs, as KTAP; to be sourced after ktap.sh.

# kunit_suite NAME CASES FILE: the results in FILE as a group of their own; there must be so many cases
kunit_suite() {
	local cases status=1
	! grep -qE '^ok [0-9]+ ' "$3" || status=0
	cases=$(grep -cE '^    (not )?ok [0-9]+ ' "$3" || true)
	sed -E '/^((not )?ok |KTAP version|1\.\.)/d' "$3"
	# What was skipped altogether is a skip of its cases, and so is good here.
	if ((cases < $2)); then
		result 1 "$1" "$cases cases were run, but the sources have $2"
	else
		result $status "$1" "the suite has failed, or has not run"
	fi
}
