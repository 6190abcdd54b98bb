#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""trace.py FOLDER – lists the functions of the operations that were traced, and what differs; called by tests/bench/trace.

FOLDER has trace (QEMU's log), kallsyms.kit, kallsyms.peer (of the VM, with the modules of either side), symbols (of the
measuring program) and traced ("SIDE KEY" a line, in the order of the log).
"""
import bisect
import collections
import re
import sys

folder = sys.argv[1]


def symbols(path):
    table = []
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            words = line.split()
            if len(words) >= 3 and words[1] in "tTwW":
                module = words[3].strip("[]") if len(words) > 3 else ""
                table.append((int(words[0], 16), words[2], module))
    table.sort()
    return [entry[0] for entry in table], table


def name_of(table, address):
    index = bisect.bisect_right(table[0], address) - 1
    if index < 0:
        return "?", ""
    return table[1][index][1:]


program = dict((name, address) for address, name, _ in symbols(folder + "/symbols")[1])
begins, ends = program["bench_trace_begins"], program["bench_trace_ends"]
with open(folder + "/traced", encoding="ascii") as file:
    operations = [line.split() for line in file]
tables = {}
pattern = re.compile(r"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/")
runs = []
current = None
with open(folder + "/trace", encoding="ascii", errors="replace") as file:
    for line in file:
        match = pattern.match(line)
        if not match:
            continue
        address = int(match.group(1), 16)
        if address == begins:
            current = []
        elif address == ends and current is not None:
            runs.append(current)
            current = None
        elif current is not None:
            current.append(address)

done = {}
for (side, key), run in zip(operations, runs):
    if side not in tables:
        tables[side] = symbols(folder + "/kallsyms." + side)
    counts = collections.Counter()
    calls = collections.Counter()
    last = None
    for address in run:
        if address < 1 << 47:
            function = ("(user space)", "")
        else:
            function = name_of(tables[side], address)
        counts[function] += 1
        if function != last:
            calls[function] += 1
        last = function
    print(f"\n{key} of the {side}: {len(run)} instructions")
    for function, count in counts.most_common():
        module = f" [{function[1]}]" if function[1] else ""
        print(f"{count:8d} {calls[function]:6d}x  {function[0]}{module}")
    done[side, key] = counts

# What the kit has more and less than its peer
for side, key in operations:
    if side != "kit" or ("peer", key) not in done:
        continue
    more = done["kit", key].copy()
    more.subtract(done["peer", key])
    print(f"\n{key}: the kit has {sum(more.values()):+d} instructions")
    for function, count in sorted(more.items(), key=lambda item: -abs(item[1])):
        module = f" [{function[1]}]" if function[1] else ""
        if count:
            print(f"{count:+8d} {'':7}  {function[0]}{module}")
