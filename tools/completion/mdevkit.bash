# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Completion for bash: sourced from /usr/share/bash-completion/completions/mdevkit

_mdevkit_names() {
	local path
	for path in "$1"/*; do
		[[ -e $path || -L $path ]] && printf '%s\n' "${path##*/}"
	done
}

# Names may hold blanks: one for each line, quoted as bash would
_mdevkit_offer() {
	local name
	while IFS= read -r name; do
		[[ $name == "$cur"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
	done
}

_mdevkit_types() {
	local path
	for path in /sys/class/mdev_bus/*/mdev_supported_types/*; do
		[[ -e $path ]] && printf '%s\n' "${path##*/}"
	done | sort -u
}

_mdevkit() {
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
	COMPREPLY=()

	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "list show doctor graph policy group bind unbind lease gc export top \
			--help --version" -- "$cur")
		return
	fi
	case $command:$previous in
	group:--bind)
		_mdevkit_offer < <(_mdevkit_names /sys/bus/pci/drivers)
		return
		;;
	lease:--pid)
		mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && printf '%s\n' [0-9]*)" -- "$cur")
		return
		;;
	lease:--for | top:--interval | top:--count)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		local options="--help --json"
		case $command in
		graph) options+=" --svg --dot" ;;
		group) options+=" --bind" ;;
		bind) options+=" --host" ;;
		lease) options+=" --pid --for --drop" ;;
		gc) options+=" --yes" ;;
		top) options+=" --interval --count" ;;
		export) options+=" --libvirt --kubevirt --nova --dra" ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi
	case $command:$COMP_CWORD in
	show:2 | lease:2)
		_mdevkit_offer < <(_mdevkit_names /sys/bus/mdev/devices)
		;;
	policy:2)
		_mdevkit_offer < <(_mdevkit_names /sys/class/mdev_bus)
		;;
	policy:3)
		mapfile -t COMPREPLY < <(compgen -W "mdev parent slot" -- "$cur")
		;;
	group:2)
		_mdevkit_offer < <(_mdevkit_names /sys/kernel/iommu_groups)
		;;
	bind:2 | unbind:2)
		_mdevkit_offer < <(_mdevkit_names /sys/bus/pci/devices)
		;;
	bind:3)
		_mdevkit_offer < <(_mdevkit_names /sys/bus/pci/drivers)
		;;
	export:*)
		_mdevkit_offer < <(
			_mdevkit_names /sys/bus/mdev/devices
			_mdevkit_types
		)
		;;
	esac
}

complete -F _mdevkit mdevkit
