#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# lab-guest --any: a guest shows an mdev of which it knows nothing, and runs a program of its user's. Prints KTAP.
# shellcheck source=tests/lab/lib/kernel-log.sh
. "$(dirname "$(readlink -f "$0")")/kernel-log.sh"

uuid=6d646576-6b69-4701-8000-0000000000aa
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

said() {
	grep -qE "$1" "$logs/out"
}

lab_plan 5
modprobe hello || bail_out "module hello cannot be loaded"
echo $uuid >/sys/devices/virtual/hello/hello/mdev_supported_types/hello-die/create || bail_out "no mdev below hello"
refuse "without --any it is not known" "see --any" lab-guest $uuid

cat >"$logs/program" <<-'EOF'
	#!/bin/sh
	lspci -n -d 1af4:10f0 | grep -q . && echo "the die is there"
EOF
chmod +x "$logs/program"
status=0
lab-guest --any --run "$logs/program" --log "$logs" $uuid >"$logs/out" 2>&1 || status=$?
note "$(<"$logs/out")"
result $status "a guest boots with it" "lab-guest ended with $status"
expect "lspci -vv shows what hello declares" said '^guest: .*Capabilities: .*MSI: Enable- Count=1/1'
expect "the program runs, and sees the device" said '^guest: program: the die is there'
printf '#!/bin/sh\nexit 7\n' >"$logs/program"
refuse "a program that fails is the verdict" "FAIL the program ends with 7" lab-guest --any --run "$logs/program" --log "$logs" $uuid
echo 1 >/sys/bus/mdev/devices/$uuid/remove
lab_finish
