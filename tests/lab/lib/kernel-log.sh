# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# KTAP from shell for programs of the lab's VM: ktap.sh, and one more result, the kernel log's verdict; to be sourced.
#
#   lab_plan N, lab_finish  as plan and finish, for N results and the log's
#   allow REGEX             alarms of the kit that match will come, and are no failure
#   log_since_plan          prints what the kernel said since lab_plan
# shellcheck source=tests/lab/lib/ktap.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/ktap.sh"

ktap_lists=/usr/lib/mdevkit/tests
ktap_mark="mdevkit-test: ${0##*/} begins $$"
ktap_allowed=()

lab_plan() {
	plan $(($1 + 1))
	echo "$ktap_mark" >/dev/kmsg
}

allow() {
	ktap_allowed+=(-e "$1")
	# The judge of the whole boot reads it there.
	echo "mdevkit-test: allows $1" >/dev/kmsg
}

log_since_plan() {
	dmesg | sed "1,/$ktap_mark/d"
}

# ktap_matches FILE: the lines of the log that match a pattern of FILE
ktap_matches() {
	log_since_plan | grep -av 'mdevkit-test: allows ' | grep -aE -f <(grep -vE '^(#|$)' "$ktap_lists/$1") || true
}

lab_finish() {
	local bad alarms
	bad=$(ktap_matches console-patterns)
	alarms=$(ktap_matches kit-alarms)
	((${#ktap_allowed[@]} == 0)) || alarms=$(grep -avE "${ktap_allowed[@]}" <<<"$alarms" || true)
	same "the kernel's log stays free of warnings" "$bad$alarms" ""
	finish
}
