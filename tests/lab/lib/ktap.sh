# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# KTAP from shell, in the lab's VM (with kernel-log.sh) and on the host; to be sourced.
#
#   plan N                how many results will come
#   plan_at_end           the same where that is not known: results are held back until finish; sets a trap on EXIT, and
#                         a script that sets its own calls ktap_release in it
#   expect TITLE CMD…     ok when CMD succeeds
#   refuse TITLE TEXT CMD…  ok when CMD fails and its output holds TEXT
#   same TITLE GOT WANT   ok when both strings are equal
#   result STATUS TITLE [DIAGNOSTICS]  ok when STATUS is 0
#   skip TITLE WHY        one result that could not be had
#   note TEXT             diagnostics
#   bail_out WHY          nothing more can be tested: ends the program
#   finish                the end, with the exit status
set -euo pipefail

ktap_n=0
ktap_bad=0
ktap_held=

plan() {
	echo "KTAP version 1"
	echo "1..$1"
}

plan_at_end() {
	echo "KTAP version 1"
	ktap_held=$(mktemp)
	exec {ktap_stdout}>&1 >"$ktap_held"
	trap ktap_release EXIT
}

# What was held back is shown in any case; without finish there is no plan, and so no success.
ktap_release() {
	[[ -n $ktap_held ]] || return 0
	exec >&"$ktap_stdout" {ktap_stdout}>&-
	[[ -z ${1:-} ]] || echo "1..$1"
	cat "$ktap_held"
	rm -f "$ktap_held"
	ktap_held=
}

note() {
	printf '# %s\n' "${1//$'\n'/$'\n'# }"
}

# KTAP has a use for the character # in a result.
result() {
	ktap_n=$((ktap_n + 1))
	[[ -z ${3:-} || $1 == 0 ]] || note "$3"
	if (($1 == 0)); then
		echo "ok $ktap_n ${2//#/nr. }"
	else
		echo "not ok $ktap_n ${2//#/nr. }"
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

bail_out() {
	echo "Bail out! $1"
	exit 1
}

finish() {
	ktap_release "$ktap_n"
	exit $((ktap_bad > 0))
}
