#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shared library exports the functions of its header, no more and no less, and has the soname
of its interface.

    exports_test.py HEADER LIBRARY
"""

import re
import subprocess
import sys

from header import Header


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main(header_path, library):
    header = Header(header_path)
    lines = output_of("nm", "-D", "--defined-only", library).splitlines()
    exported = {line.split()[-1].split("@")[0] for line in lines}
    assert exported == set(header.functions), sorted(exported ^ set(header.functions))
    assert all(name.startswith("muster_sdk_") for name in exported)

    dynamic = output_of("readelf", "-d", library)
    soname = re.search(r"SONAME\).*\[(.*)\]", dynamic).group(1)
    assert soname == f"libmuster_client.so.{header.constants['MUSTER_SDK_ABI']}", soname
    assert "NODELETE" in dynamic, "a login's thread may outlive dlclose()"
    print(f"{len(exported)} functions are exported")


if __name__ == "__main__":
    main(*sys.argv[1:])
