#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs ./demo on a pretended machine: all packages are there, and building puts a program in place
that says what it was asked to do."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Configuring does nothing, building makes the program; BUILD_EXIT says whether it succeeds.
CMAKE = """#!/bin/sh
[ "$1" = --build ] || exit 0
mkdir -p build/release/bin
printf '#!/bin/sh\\necho "muster $*"\\n' >build/release/bin/muster
chmod +x build/release/bin/muster
echo "what the compiler says"
exit "${BUILD_EXIT:-0}"
"""
INSTALL = '#!/bin/sh\n[ "$*" = deps/build.txt ] && exit "${INSTALL_EXIT:-0}"\n'


class Demo(unittest.TestCase):
    def run_demo(self, *arguments, **environment):
        """(exit code, standard output, standard error)"""
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(ROOT / "demo", folder)
            for name, text in (("tools/install_packages.sh", INSTALL), ("stubs/cmake", CMAKE)):
                path = Path(folder, name)
                path.parent.mkdir()
                path.write_text(text)
                path.chmod(0o755)
            result = subprocess.run(
                [str(Path(folder, "demo")), *arguments], cwd="/", capture_output=True, text=True,
                check=False,
                env={**os.environ, "PATH": f"{folder}/stubs:/usr/bin:/bin", **environment})
            return result.returncode, result.stdout, result.stderr

    def test_a_world_with_bots_is_shown_without_arguments(self):
        status, said, told = self.run_demo()
        self.assertIn("http://127.0.0.1:7777/play", told)
        self.assertIn("http://127.0.0.1:7770/", told)
        self.assertEqual((0, "muster up --game skirmish --bots 200 --bodies 2000 --top\n"),
                         (status, said))

    def test_arguments_are_passed_on_instead(self):
        status, said, told = self.run_demo("--help")
        self.assertNotIn("http:", told)
        self.assertEqual((0, "muster up --help\n"), (status, said))

    def test_a_build_that_fails_shows_its_log(self):
        status, said, told = self.run_demo(BUILD_EXIT="1")
        self.assertEqual((1, ""), (status, said))
        self.assertIn("what the compiler says", told)
        self.assertIn("build/log/demo.log", told)

    def test_a_missing_package_is_exit_code_3(self):
        self.assertEqual(3, self.run_demo(INSTALL_EXIT="3")[0])


if __name__ == "__main__":
    unittest.main()
