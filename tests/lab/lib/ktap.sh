# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# KTAP from shell, for tests of command lines; to be sourced.
#
#   plan N                how many results will come
#   expect TITLE CMD…     ok when CMD succeeds
#   refuse TITLE TEXT CMD…  ok when CMD fails and its output holds TEXT
#   same TITLE GOT WANT   ok when both strings are equal
#   skip TITLE WHY        one result that could not be had
#   finish                the kernel log's verdict as the last result, and the exit status
set -euo pipefail

ktap_n=0
ktap_bad=0
ktap_patterns=/usr/lib/mdevkit/tests/console-patterns
ktap_mark="mdevkit-test: ${0##*/} begins $$"

plan() {
	echo "KTAP version 1"
	echo "1..$(($1 + 1))"
	echo "$ktap_mark" >/dev/kmsg
}

# result STATUS TITLE [DIAGNOSTICS]
result() {
	ktap_n=$((ktap_n + 1))
	[[ -z ${3:-} || $1 == 0 ]] || echo "# ${3//$'\n'/$'\n'# }"
	if (($1 == 0)); then
		echo "ok $ktap_n $2"
	else
		echo "not ok $ktap_n $2"
		ktap_bad=$((ktap_bad + 1))
	fi
}

expect() {
	local title=$1 status=0 out
	shift
	out=$("$@" 2>&1) || status=$?
	result $status "$title" "$* ended with $status: $out"
}

refuse() {
	local title=$1 text=$2 status=0 out bad=1
	shift 2
	out=$("$@" 2>&1) || status=$?
	((status == 0)) || [[ $out != *"$text"* ]] || bad=0
	result $bad "$title" "$* ended with $status, not with \"$text\": $out"
}

same() {
	local bad=1
	[[ $2 != "$3" ]] || bad=0
	result $bad "$1" "got: $2"$'\n'"expected: $3"
}

skip() {
	ktap_n=$((ktap_n + 1))
	echo "ok $ktap_n $1 # SKIP $2"
}

finish() {
	local bad
	bad=$(dmesg | sed "1,/$ktap_mark/d" | grep -aE -f <(grep -vE '^(#|$)' "$ktap_patterns") || true)
	same "the kernel's log stays free of warnings" "$bad" ""
	exit $((ktap_bad > 0))
}
