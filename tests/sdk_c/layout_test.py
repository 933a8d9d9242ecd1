#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The compiler and a managed caller see the same sizes, offsets and constants, in C and in C++, and
no struct has a hole.

    layout_test.py HEADER C_COMPILER CXX_COMPILER
"""

import ctypes
import subprocess
import sys
import tempfile
from pathlib import Path

from header import Header


def probe(header):
    """A program that prints what the compiler thinks."""
    lines = ['#include "muster_client.h"', "#include <stddef.h>", "#include <stdio.h>",
             "int main(void)", "{"]
    for name in header.constants:
        lines.append(f'    printf("{name} %ld\\n", (long){name});')
    for name, fields in header.structs.items():
        lines.append(f'    printf("{name} %lu\\n", (unsigned long)sizeof({name}));')
        for field in fields:
            lines.append(f'    printf("{name}.{field.name} %lu %lu\\n", '
                         f"(unsigned long)offsetof({name}, {field.name}), "
                         f"(unsigned long)sizeof((({name} *)0)->{field.name}));")
    return "\n".join(lines + ["    return 0;", "}"]) + "\n"


def managed(header):
    """The same lines from ctypes."""
    lines = [f"{name} {value}" for name, value in header.constants.items()]
    for name, kind in header.ctypes_structs().items():
        lines.append(f"{name} {ctypes.sizeof(kind)}")
        end = 0
        for field in header.structs[name]:
            place = getattr(kind, field.name)
            assert place.offset == end, f"a hole before {name}.{field.name}"
            end = place.offset + place.size
            lines.append(f"{name}.{field.name} {place.offset} {place.size}")
        assert end == ctypes.sizeof(kind), f"a hole at the end of {name}"
    return lines


def main(header_path, c_compiler, cxx_compiler):
    header = Header(header_path)
    expected = managed(header)
    with tempfile.TemporaryDirectory() as folder:
        for compiler, suffix in ((c_compiler, "c"), (cxx_compiler, "cpp")):
            source, program = Path(folder, "probe." + suffix), Path(folder, "probe_" + suffix)
            source.write_text(probe(header))
            subprocess.run([compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I",
                            str(Path(header_path).parent), str(source), "-o", str(program)],
                           check=True)
            lines = subprocess.run([program], capture_output=True, text=True,
                                   check=True).stdout.splitlines()
            assert lines == expected, sorted(set(lines) ^ set(expected))
    print(f"{len(header.structs)} structs are laid out alike")


if __name__ == "__main__":
    main(*sys.argv[1:])
