# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What kmemleak reports of the time of the tests; to be sourced.

# The kernel's clock, as kmemleak's reports have it
jiffies_now() {
	awk '/^jiffies: / { print $2; exit }' /proc/timer_list
}

# leaks_since JIFFIES: those of the reports on standard input that are not older; what the boot left behind is no test's fault.
leaks_since() {
	awk -v since="$1" '
		/^unreferenced object / { report = $0; next }
		report != "" {
			# comm "modprobe", pid 7, jiffies 4294894120: the name may hold anything
			at = $0
			young = !sub(/.*, jiffies /, "", at) || at + 0 >= since
			if (young)
				print report
			report = ""
		}
		young { print }'
}
