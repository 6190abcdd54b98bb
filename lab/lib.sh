# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Shared functions of the lab's scripts; to be sourced.
#
#   MDEVKIT_TOP    the repository          MDEVKIT_CACHE  what is costly, kept between clones
#   MDEVKIT_BUILD  what belongs to this clone
#
#   say TEXT             progress, to stderr
#   die TEXT             one line to stderr, exit 1
#   cache_path NAME ARG… prints $MDEVKIT_CACHE/NAME-HASH; a file's content or, when ARG is no file, the word itself is hashed
#   with_lock PATH CMD…  runs CMD while the lock file PATH is held; may be a function
#   need_space DIR MB    dies when the disk of DIR has less than MB megabytes free
#   need_root WHAT       dies when not root
set -euo pipefail

# What was given to make must not reach the kernel's make: its variables have the same names.
unset MAKEFLAGS MFLAGS GNUMAKEFLAGS MAKELEVEL CDPATH

MDEVKIT_TOP=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
MDEVKIT_CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mdevkit
# shellcheck disable=SC2034 # for those who source this file
MDEVKIT_BUILD=$MDEVKIT_TOP/build
# The tools of the administrator are not on every user's path.
PATH=$PATH:/usr/sbin:/sbin

say() {
	printf 'mdevkit: %s\n' "$*" >&2
}

die() {
	printf 'mdevkit: error: %s\n' "$*" >&2
	exit 1
}

cache_path() {
	local name=$1 arg
	shift
	for arg; do
		if [[ -f $arg ]]; then
			cat -- "$arg"
		else
			printf '%s\n' "$arg"
		fi
	done | sha256sum | { read -r arg _ && printf '%s/%s-%s\n' "$MDEVKIT_CACHE" "$name" "${arg:0:16}"; }
}

with_lock() {
	local path=$1 fd status=0
	shift
	mkdir -p "$(dirname "$path")"
	exec {fd}>"$path"
	flock "$fd"
	"$@" || status=$?
	exec {fd}>&-
	return $status
}

need_space() {
	local free
	mkdir -p "$1"
	free=$(df --output=avail -BM "$1" | tail -n 1 | tr -dc 0-9)
	((free >= $2)) || die "$1 has ${free} MB free, but this step needs $2 MB: free some space or set XDG_CACHE_HOME to a larger disk"
}

need_root() {
	((EUID == 0)) || die "$1 needs root: run the command as root (su -, or sudo)"
}
