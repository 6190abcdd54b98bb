#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""memory.py SIDE KEY PARENT TYPE – runs in the lab's VM: how many bytes of kernel memory an mdev takes.

Counts what the creating task allocates from slabs and per CPU and has not freed when the mdev is there, by the kernel's own
trace events. Adds "SIDE KEY BYTES" to the file in BENCH_RESULTS, and to /share/memory who allocated it. Pages that are taken
without a slab are not counted: there are none before the device is opened.
"""
import collections
import os
import re
import sys
import uuid

EVENTS = ["kmem/kmalloc", "kmem/kmem_cache_alloc", "kmem/kfree", "kmem/kmem_cache_free", "percpu/percpu_alloc_percpu",
          "percpu/percpu_free_percpu"]
INSTANCE = "/sys/kernel/tracing/instances/bench"


def write(path, text):
    file = os.open(path, os.O_WRONLY)
    os.write(file, text.encode())
    os.close(file)


def remove(name):
    write(f"/sys/bus/mdev/devices/{name}/remove", "1")


def traced(name, create):
    """The lines of the trace of one creation."""
    write(INSTANCE + "/tracing_on", "1")
    os.write(create, name.encode())
    write(INSTANCE + "/tracing_on", "0")
    with open(INSTANCE + "/trace", encoding="ascii", errors="replace") as file:
        lines = file.readlines()
    # Opened with O_TRUNC it is empty again
    with open(INSTANCE + "/trace", "w", encoding="ascii"):
        pass
    return lines


def alive(lines):
    """{pointer: (bytes, who)} of what was allocated and not freed."""
    memory = {}
    for line in lines:
        fields = dict(re.findall(r"(\w+)=(\S+)", line))
        who = fields.get("call_site", "?").split("+")[0]
        if " kmalloc: " in line or " kmem_cache_alloc: " in line:
            memory[fields["ptr"]] = int(fields["bytes_alloc"]), who
        elif " percpu_alloc_percpu: " in line:
            memory[fields["ptr"]] = int(fields["bytes_alloc"]) * os.cpu_count(), who
        elif " kfree: " in line or " kmem_cache_free: " in line or " percpu_free_percpu: " in line:
            memory.pop(fields["ptr"], None)
    return memory


side, key, parent, mdev_type = sys.argv[1:]
os.makedirs(INSTANCE, exist_ok=True)
write(INSTANCE + "/tracing_on", "0")
write(INSTANCE + "/set_event_pid", str(os.getpid()))
for event in EVENTS:
    write(f"{INSTANCE}/events/{event}/enable", "1")
totals = []
for number in range(9):
    mdev = str(uuid.UUID(int=0x6d6465766b69470080000000cafe0000 + number))
    file = os.open(f"{parent}/mdev_supported_types/{mdev_type}/create", os.O_WRONLY)
    memory = alive(traced(mdev, file))
    os.close(file)
    remove(mdev)
    totals.append(sum(size for size, _ in memory.values()))
os.rmdir(INSTANCE)
# A table that grows does so once in a while; most have to agree
total = sorted(totals)[len(totals) // 2]
if totals.count(total) < 3 or not total:
    sys.exit(f"memory of {mdev_type}: no two alike: {totals}")
with open(os.environ["BENCH_RESULTS"], "a", encoding="ascii") as file:
    file.write(f"{side} {key} {total}\n")
by_caller = collections.Counter()
for size, who in memory.values():
    by_caller[who] += size
with open("/share/memory", "a", encoding="ascii") as file:
    file.write(f"{key} of the {side}: {total} bytes; of the last one:\n")
    for who, size in by_caller.most_common():
        file.write(f"{size:8d} {who}\n")
