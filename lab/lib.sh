# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Shared functions of the lab's scripts; to be sourced.
#
#   MDEVKIT_TOP    the repository          MDEVKIT_CACHE  what is costly, kept between clones
#   MDEVKIT_BUILD  what belongs to this clone
#   MDEVKIT_EXTRA  drivers outside of the repository, as the user named them: absolute paths, with a space between
#
#   say TEXT             progress, to stderr
#   die TEXT             one line to stderr, exit 1
#   show_errors LOG      the first lines of a compiler, linker or modpost that say what is wrong, else the end of LOG, to stderr
#   cache_path NAME ARG… prints $MDEVKIT_CACHE/NAME-HASH; a file's content or, when ARG is no file, the word itself is hashed
#   with_lock PATH CMD…  runs CMD (may be a function) in a shell of its own while the lock file PATH is held; its first
#                        command that fails ends it. Not to be called where a failure is looked at (if, ||, &&, !)
#   use_entry ENTRY      until this script and all it has started have ended, nobody removes ENTRY from the cache
#   prune KIND [N]       removes entries KIND-HASH from the cache: not the N (2) newest, nor what was used within a day
#   need_space DIR MB    dies when the disk of DIR has less than MB megabytes free
#   need_root WHAT       dies when not root
#   pack_cpio ROOT DIR [NAME]
#                        prints the folder DIR, or NAME in it, as an archive for the kernel, made by the busybox of ROOT
set -euo pipefail

# What was given to make must not reach the kernel's make: its variables have the same names.
unset MAKEFLAGS MFLAGS GNUMAKEFLAGS MAKELEVEL CDPATH

MDEVKIT_TOP=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
MDEVKIT_CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mdevkit
# shellcheck disable=SC2034 # for those who source this file
MDEVKIT_BUILD=$MDEVKIT_TOP/build
# The tools of the administrator are not on every user's path.
PATH=$PATH:/usr/sbin:/sbin

# The kernel's make takes no space or colon in a path, QEMU's options no comma.
for path in "$MDEVKIT_TOP" "$MDEVKIT_CACHE"; do
	if [[ $path =~ [^A-Za-z0-9/._@~+=-] ]]; then
		echo "mdevkit: error: the path '$path' has a '${BASH_REMATCH[0]}' in it, which make or QEMU would not take: use another one (XDG_CACHE_HOME for the cache)" >&2
		exit 1
	fi
done
unset path

extra=()
for path in ${MDEVKIT_EXTRA:-}; do
	if [[ ! -f $path/Kbuild ]]; then
		echo "mdevkit: error: EXTRA: there is no driver in '$path' (no file Kbuild)" >&2
		exit 1
	fi
	path=$(readlink -f "$path")
	if [[ $path =~ [^A-Za-z0-9/._@~+=-] ]]; then
		echo "mdevkit: error: EXTRA: the kernel's make would not take the '${BASH_REMATCH[0]}' in the path '$path'" >&2
		exit 1
	fi
	extra+=("$path")
done
# shellcheck disable=SC2034 # for those who source this file
export MDEVKIT_EXTRA="${extra[*]}"
unset path extra

say() {
	printf 'mdevkit: %s\n' "$*" >&2
}

die() {
	printf 'mdevkit: error: %s\n' "$*" >&2
	exit 1
}

show_errors() {
	grep -aE 'error:|ERROR:|undefined reference' "$1" | head -n 10 >&2 || tail -n 10 "$1" >&2
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
	local path=$1 fd status options=$-
	shift
	set +e
	# In a context that ignores failures they are ignored in everything below, whatever it sets.
	(
		set -e
		false
		true
	)
	status=$?
	((status)) || die "with_lock is called where errexit does not work (for $1)"
	mkdir -p "$(dirname "$path")"
	exec {fd}>"$path"
	flock "$fd" || die "cannot lock $path"
	(
		set -e
		"$@"
	)
	status=$?
	exec {fd}>&-
	[[ $options != *e* ]] || set -e
	return $status
}

use_entry() {
	local fd
	# Held by the open folder itself, and so by whoever inherits it. The time stamp is that of the last use.
	exec {fd}<"$1"
	flock -s "$fd"
	[[ -d $1 ]] || die "$1 has just been removed from the cache: try again"
	touch -c "$1" 2>/dev/null || true
}

prune() {
	local kind=$1 keep=${2:-2} old fd
	find "$MDEVKIT_CACHE" -maxdepth 1 -type d -regextype posix-extended -regex ".*/$kind-[0-9a-f]{16}" -printf '%T@ %p\n' |
		sort -rn | sed -e "1,${keep}d" -e 's/^[^ ]* //' | while read -r old; do
		[[ -n $(find "$old" -maxdepth 0 -mmin +1440) ]] || continue
		exec {fd}<"$old"
		if flock -n "$fd" && { [[ ! -e $old.lock ]] || flock -n "$old.lock" true; }; then
			say "removing $(basename "$old") from the cache: it was last used on $(date -r "$old" '+%Y-%m-%d')"
			rm -rf --one-file-system "$old.old"
			mv "$old" "$old.old"
			rm -rf --one-file-system "$old.old" "$old.log"
		fi
		exec {fd}<&-
	done
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

pack_cpio() {
	# shellcheck disable=SC2016 # expanded in the chroot
	"$MDEVKIT_TOP/lab/chroot" "$1" -- sh -c 'cd "$1" && find "$2" | busybox cpio -o -H newc 2>/dev/null' sh "$2" "${3:-.}"
}

# How the programs that run in the lab's VM are compiled
# shellcheck disable=SC2034 # for those who source this
program_flags="-std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter -Wno-format-zero-length -Wno-format-truncation -D_GNU_SOURCE -pthread"
