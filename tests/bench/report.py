#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py HERE OUT [OPTION…] ROLE… – makes a table of the numbers in OUT/ROLE; called by tests/bench/run.

HERE has rows.list and recorded. Writes OUT/bench.json and OUT/bench.svg, and prints the table.
  --compare OLD    and what has changed since the bench.json OLD
  --record         and writes the ratios into HERE/recorded, in the place of those of these ROLEs
  --markdown       the table as docs/performance.md has it, all kernels in one
  --ktap           instead of all that KTAP: a ratio that is more than 3 % above the recorded one has failed
"""
import argparse
import html
import json
import os
import re
import sys

WORSE = 1.03
CHANGED = 0.005


class Missing(Exception):
    pass


class Numbers:
    """What was measured on one kernel."""

    def __init__(self, folder):
        self.values = {}
        self.skips = []
        with open(folder + "/results", encoding="ascii") as file:
            for line in file:
                side, key, value = line.split()
                self.values[side, key] = float(value)
        if os.path.exists(folder + "/skips"):
            with open(folder + "/skips", encoding="utf-8") as file:
                for line in file:
                    what, why = line.rstrip("\n").split(": ", 1)
                    self.skips.append((tuple(what.split()), why))
        with open(folder + "/release", encoding="ascii") as file:
            self.release = file.read().strip()

    def get(self, side, words):
        """The value of NAME+NAME-SIDE:NAME, None for "-"."""
        if words == "-":
            return None
        total = 0
        for sign, word in re.findall(r"([+-]?)([^+-]+)", words):
            key = tuple(word.split(":")) if ":" in word else (side, word)
            if key not in self.values:
                raise Missing(self.why(key))
            total += -self.values[key] if sign == "-" else self.values[key]
        return total

    def why(self, key):
        for (side, prefix), why in self.skips:
            if key[0] == side and key[1].startswith(prefix):
                return why
        return None


def read_rows(path):
    rows = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                rows.append(line.rstrip("\n").split(None, 5))
    return rows


def over_limit(entry):
    for limit in entry["limit"].split(",") if entry["limit"] else []:
        if limit.startswith(("floor+", "peer+")):
            base, more = limit.split("+")
            if entry[base] is not None and entry["kit"] > entry[base] + float(more):
                return True
        elif entry["ratio"] is not None and entry["ratio"] > float(limit):
            return True
    return False


def make_entry(numbers, role, row):
    """One object of bench.json, or None when nobody was to measure it."""
    form, limit, floor, kit, peer, name = row
    entry = {"name": name, "kernel": role, "form": form, "kit": None, "peer": None, "floor": None, "ratio": None,
             "limit": None if limit == "-" else limit}
    try:
        entry["kit"] = numbers.get("kit", kit)
        entry["floor"] = numbers.get("floor", floor)
        entry["peer"] = numbers.get("peer", peer)
    except Missing as missing:
        if not missing.args[0]:
            return None
        entry["skip"] = missing.args[0]
        return entry
    if entry["peer"]:
        entry["ratio"] = round(entry["kit"] / entry["peer"], 4)
    entry["over"] = over_limit(entry)
    return entry


def number(value):
    return "" if value is None else f"{value:,.0f}"


def ratio_text(value):
    return "" if value is None else f"{value:.3f}"


def print_table(role, release, entries):
    print(f"\n{role} (Linux {release}), in instructions")
    print(f"{'':62} {'kit':>12} {'peer':>12} {'floor':>6} {'ratio':>7}  limit")
    for entry in entries:
        if "skip" in entry:
            print(f"{entry['name'][:62]:62} SKIP {entry['skip']}")
            continue
        mark = "  over" if entry["over"] else ""
        print(f"{entry['name'][:62]:62} {number(entry['kit']):>12} {number(entry['peer']):>12} "
              f"{number(entry['floor']):>6} {ratio_text(entry['ratio']):>7}  {entry['limit'] or '-'}{mark}")


def print_markdown(roles, rows, entries):
    """The numbers of the first kernel, and the ratios of all."""
    found = {(entry["kernel"], entry["name"]): entry for entry in entries}
    others = roles[1:]
    print("| | kit | peer | floor | ratio | limit |" + "".join(f" {role} |" for role in others))
    print("|---|---|---|---|---|---|" + "---|" * len(others))
    for row in rows:
        entry = found.get((roles[0], row[5]))
        if not entry or "skip" in entry:
            continue
        ratio = ratio_text(entry["ratio"])
        cells = [entry["name"], number(entry["kit"]), number(entry["peer"]), number(entry["floor"]),
                 f"**{ratio}**" if entry["over"] else ratio, (entry["limit"] or "").replace(",", ", ")]
        for role in others:
            other = found.get((role, row[5]))
            cells.append(ratio_text(other["ratio"]) if other and "skip" not in other else "")
        print("| " + " | ".join(cells) + " |")


def print_changes(old_path, entries):
    with open(old_path, encoding="utf-8") as file:
        old = {(entry.get("kernel"), entry["name"]): entry for entry in json.load(file)}
    print(f"\nchanged since {old_path} by more than {CHANGED:.1%}:")
    found = False
    for entry in entries:
        before = old.pop((entry["kernel"], entry["name"]), None)
        what = None
        if not before or before.get("kit") is None:
            what = "new"
        elif entry["kit"] is None:
            what = "gone: " + entry["skip"]
        elif abs(entry["kit"] / before["kit"] - 1) > CHANGED or \
                abs((entry["ratio"] or 1) / (before["ratio"] or 1) - 1) > CHANGED:
            what = (f"{number(before['kit'])} -> {number(entry['kit'])} ({entry['kit'] / before['kit'] - 1:+.1%}), "
                    f"ratio {ratio_text(before['ratio']) or '-'} -> {ratio_text(entry['ratio']) or '-'}")
        if what:
            found = True
            print(f"  {entry['kernel']}: {entry['name']}: {what}")
    roles = {entry["kernel"] for entry in entries}
    for (role, name), before in old.items():
        if role in roles and before.get("kit") is not None:
            found = True
            print(f"  {role}: {name}: not measured")
    if not found:
        print("  nothing")


def write_svg(path, entries):
    """Bars of the ratios, with a mark where the limit is."""
    entries = [entry for entry in entries if entry["ratio"] is not None]
    scale, left, height, most = 180, 480, 18, 3.2
    width = left + int(scale * most) + 70
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{60 + height * len(entries)}" '
             'font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="#fff"/>',
             '<text x="10" y="18" font-size="14">The kit, in instructions of its peer (shorter is better; '
             'the mark is the limit)</text>']
    for step in range(0, 4):
        at = left + step * scale
        lines.append(f'<line x1="{at}" y1="30" x2="{at}" y2="{46 + height * len(entries)}" '
                     f'stroke="{"#888" if step == 1 else "#ddd"}"/><text x="{at}" y="28" text-anchor="middle">{step}</text>')
    for index, entry in enumerate(entries):
        top = 38 + index * height
        bar = min(entry["ratio"], most) * scale
        colour = "#c44" if entry["over"] else "#48a"
        title = html.escape(f"{entry['kernel']}: {entry['name']}")
        lines.append(f'<text x="{left - 6}" y="{top + 11}" text-anchor="end">{title}</text>')
        lines.append(f'<rect x="{left}" y="{top + 2}" width="{bar:.1f}" height="{height - 6}" fill="{colour}"/>')
        lines.append(f'<text x="{left + bar + 4:.1f}" y="{top + 11}">{entry["ratio"]:.2f}</text>')
        limit = re.match(r"[0-9.]+", entry["limit"] or "")
        if limit:
            at = left + float(limit.group()) * scale
            lines.append(f'<line x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{top + height - 2}" stroke="#000" stroke-width="2"/>')
    lines.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def read_recorded(path):
    recorded, head = {}, []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.startswith("#") or not line.strip():
                    head.append(line)
                else:
                    role, ratio, name = line.rstrip("\n").split(None, 2)
                    recorded[role, name] = float(ratio)
    return recorded, head


def write_recorded(path, entries):
    recorded, head = read_recorded(path)
    for entry in entries:
        if entry["ratio"] is not None:
            recorded[entry["kernel"], entry["name"]] = entry["ratio"]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(head)
        for (role, name), ratio in recorded.items():
            file.write(f"{role:6} {ratio:.3f}  {name}\n")


def print_ktap(rows, numbers, entries, recorded):
    """Each row of the short form on each kernel is a result."""
    found = {(entry["kernel"], entry["name"]): entry for entry in entries}
    results = []
    for role in numbers:
        for row in rows:
            if row[0] != "short" or row[4] == "-":
                continue
            name = row[5]
            entry = found.get((role, name))
            old = recorded.get((role, name))
            title = f"{role}: {name}"
            if not entry:
                results.append((title, "it was not measured", None))
            elif "skip" in entry:
                results.append((title, None, entry["skip"]))
            elif old is None:
                results.append((title, f"ratio {entry['ratio']:.3f}: nothing is recorded (tests/bench/run --short --record)", None))
            elif entry["ratio"] > old * WORSE:
                results.append((title, f"{number(entry['kit'])} instructions, {entry['ratio']:.3f} times the peer's; "
                                f"recorded is {old:.3f}", None))
            else:
                results.append((title, None, None))
    print("KTAP version 1")
    print(f"1..{len(results)}")
    for index, (title, bad, skip) in enumerate(results, 1):
        if bad:
            print(f"# {bad}")
        print(f"{'not ok' if bad else 'ok'} {index} {title}{' # SKIP ' + skip if skip else ''}")
    return any(bad for _, bad, _ in results)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("here")
    parser.add_argument("out")
    parser.add_argument("--compare")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--ktap", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("roles", nargs="+")
    args = parser.parse_args()

    rows = read_rows(args.here + "/rows.list")
    numbers = {role: Numbers(f"{args.out}/{role}") for role in args.roles}
    entries = []
    for role in args.roles:
        made = [make_entry(numbers[role], role, row) for row in rows]
        entries += [entry for entry in made if entry]
    if args.record:
        write_recorded(args.here + "/recorded", entries)
    if args.ktap:
        return print_ktap(rows, numbers, entries, read_recorded(args.here + "/recorded")[0])
    with open(args.out + "/bench.json", "w", encoding="utf-8") as file:
        json.dump(entries, file, indent=1, ensure_ascii=False)
        file.write("\n")
    write_svg(args.out + "/bench.svg", entries)
    if args.markdown:
        print_markdown(args.roles, rows, entries)
        return 0
    for role in args.roles:
        print_table(role, numbers[role].release, [entry for entry in entries if entry["kernel"] == role])
    if args.compare:
        print_changes(args.compare, entries)
    return 0


sys.exit(main())
