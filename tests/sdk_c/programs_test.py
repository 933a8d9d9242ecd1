#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs on the shared library, against a real world: the example, and the class for Unreal.

    programs_test.py HEADER MUSTER GAMES EXAMPLE UNREAL
"""

import re
import subprocess
import sys

from world import World, free_port


def run(program, server):
    return subprocess.run([program, server], text=True, capture_output=True, timeout=120,
                          check=False)


def main(_, muster, games, example, unreal):
    with World(muster, games, "hello") as hello:
        server = hello.server.decode()
        outcome = run(example, server)
        assert (outcome.returncode, outcome.stderr) == (0, ""), outcome
        assert re.match(r"entity 0 is at [1-9]\d*\.\d\d", outcome.stdout), outcome
        outcome = run(unreal, server)
        assert outcome.stdout == "saw itself walk north\n", outcome
        assert (outcome.returncode, outcome.stderr) == (0, ""), outcome

    server = f"127.0.0.1:{free_port()}"
    outcome = run(example, server)
    assert outcome.returncode == 1 and server in outcome.stderr, outcome
    print("all programs play")


if __name__ == "__main__":
    main(*sys.argv[1:])
