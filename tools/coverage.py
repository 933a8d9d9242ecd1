#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much of each part the tests execute, and whether that is enough.

    tools/coverage.py build/coverage          after the tests of the coverage preset have run
    tools/coverage.py --fuzz build/coverage   after its tests labelled fuzz alone have run

Prints one row a part (or a decoder) and exits 1 if one is below its gate, naming the files that
miss most.
Lines with MUSTER_ASSERT( are left out: a test cannot make them fail. Details by line are in
coverage.json of the build folder.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

LINES_PERCENT_MIN = 90
BRANCHES_PERCENT_MIN = {"space": 95, "grid": 95}

# What the fuzz targets, replaying their corpus, must execute of the decoder that they are for: of
# the functions that they enter in src/<part>/<unit>.c, or else in src/<part>/<unit>_*.c, for
# fuzz/<part>/<unit>_fuzz.c; or in what stands here. What they never enter encodes, or the like.
DECODER_LINES_PERCENT_MIN = 80
DECODERS = {
    "drivers/http_response": ["src/drivers/linux/http_response.c"],
    "drivers_client/login_answer": ["src/drivers/client/login_answer.c"],
    "drivers_web/http_rules": ["src/drivers/web/http_rules.c"],
    "instance/frame": ["src/instance/frame_codec.c"],
    "replica/view": ["src/replica/decode.c", "src/replica/states.c"],
    "apps/settings": ["apps/muster/settings.c", "apps/muster/settings_yaml.c"],
    "apps/login_request": ["apps/server/login_request.c"],
}

# Shown and not gated: what they do depends on the machine, or is wiring that other tests run.
UNGATED = {"drivers", "apps", "games"}

LEFT_OUT = r".*\bMUSTER_(ASSERT|VALIDATE)\(.*"


def measure(build):
    report = build / "coverage.json"
    subprocess.run(
        ["gcovr", "--root", ".", "--object-directory", str(build), "--json", str(report),
         "--filter", "src/", "--filter", "apps/", "--filter", "games/",
         "--filter", "include/muster/", "--filter", r"sdk/c/\w+\.c$",
         "--exclude-unreachable-branches", "--exclude-throw-branches",
         "--exclude-lines-by-pattern", LEFT_OUT, str(build)], check=True, timeout=300)
    return json.loads(report.read_text())["files"]


def part_of(path):
    folder = re.match(r"src/(\w+)/", path)
    return folder.group(1) if folder else path.split("/")[0]


def percent(hit, count):
    return 100.0 * hit / count if count else 100.0


def reached_lines(file):
    """The numbers of the lines that belong to functions which were entered."""
    starts = sorted((f["lineno"], f["execution_count"]) for f in file["functions"])
    last = max((line["line_number"] for line in file["lines"]), default=0)
    ends = [start for start, _ in starts[1:]] + [last + 1]
    return {number for (start, count), end in zip(starts, ends) if count
            for number in range(start, end)}


def count_file(file, numbers=None):
    """[lines, lines executed, branches, branches taken] of a file in gcovr's report, of all its
    lines or of those with the given numbers."""
    counts = [0, 0, 0, 0]
    for line in file["lines"]:
        if numbers is not None and line["line_number"] not in numbers:
            continue
        if line.get("gcovr/noncode") or line.get("gcovr/excluded"):
            continue
        counts[0] += 1
        counts[1] += line["count"] > 0
        for branch in line["branches"]:
            counts[2] += 1
            counts[3] += branch["count"] > 0
    return counts


def decoder_of(unit):
    if Path(f"src/{unit}.c").exists():
        return [f"src/{unit}.c"]
    return sorted(str(path) for path in Path("src").glob(f"{unit}_*.c"))


def gate_decoders(files):
    counts = {file["file"]: count_file(file, reached_lines(file)) for file in files}
    is_enough = True
    for target in sorted(Path("fuzz").glob("*/*_fuzz.c")):
        unit = f"{target.parent.name}/{target.name.removesuffix('_fuzz.c')}"
        sources = DECODERS.get(unit) or decoder_of(unit)
        if not sources or any(source not in counts for source in sources):
            print(f"{unit}: no source of that name was run; say in DECODERS what it fuzzes")
            is_enough = False
            continue
        hit = percent(sum(counts[s][1] for s in sources), sum(counts[s][0] for s in sources))
        is_low = hit < DECODER_LINES_PERCENT_MIN
        verdict = f"  must be {DECODER_LINES_PERCENT_MIN} % at least" if is_low else ""
        print(f"{unit:<28} {hit:>6.1f} % of reached functions{verdict}")
        is_enough = is_enough and not is_low
    return is_enough


def gate_parts(files_measured):
    parts = defaultdict(dict)
    for file in files_measured:
        parts[part_of(file["file"])][file["file"]] = count_file(file)

    is_enough = True
    print(f"{'part':<12} {'lines':>7} {'%':>6}   {'branches':>8} {'%':>6}")
    for part, files in sorted(parts.items()):
        lines, hit, branches, taken = (sum(column) for column in zip(*files.values()))
        verdict = ""
        if part not in UNGATED and percent(hit, lines) <= LINES_PERCENT_MIN:
            verdict += f"  lines must be above {LINES_PERCENT_MIN} %"
        branches_min = BRANCHES_PERCENT_MIN.get(part, 0)
        if branches_min and percent(taken, branches) <= branches_min:
            verdict += f"  branches must be above {branches_min} %"
        print(f"{part:<12} {lines:>7} {percent(hit, lines):>6.1f}   {branches:>8} "
              f"{percent(taken, branches):>6.1f}{verdict}")
        if verdict:
            is_enough = False
            for path, counts in sorted(files.items(), key=lambda f: f[1][1] - f[1][0])[:8]:
                print(f"    {path}: {counts[0] - counts[1]} lines not executed, "
                      f"{counts[2] - counts[3]} branches not taken")
    return is_enough


def main(arguments):
    gate = gate_parts
    if arguments[:1] == ["--fuzz"]:
        gate = gate_decoders
        arguments = arguments[1:]
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    return 0 if gate(measure(Path(arguments[0]))) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
