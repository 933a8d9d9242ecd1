#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tools/install_packages.sh on a pretended machine: its tools are stubs that say what they
were asked to do."""

import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "install_packages.sh"

# The packages `here` are installed, `known` and `here` are in the distribution.
STUBS = {
    "dpkg-query": 'case $* in *here) echo installed ;; *) exit 1 ;; esac',
    "apt-cache": 'case $* in *known) echo "Package: known" ;; esac',
    "apt-get": 'echo "apt-get $*" >>"$CALLS"; exit "${APT_EXIT:-0}"',
    "sudo": '[ "$SUDO_ASKS" = no ] || exit 1; shift; exec "$@"',
    "id": 'echo "$USER_ID"',
}


class InstallPackages(unittest.TestCase):
    def run_script(self, packages, user=0, sudo_asks="yes", **environment):
        """(exit code, what was printed, the calls of apt-get)"""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in STUBS.items():
                stub = Path(folder, name)
                stub.write_text(f"#!/bin/sh\n{text}\n")
                stub.chmod(0o755)
            calls = Path(folder, "calls")
            calls.touch()
            Path(folder, "list.txt").write_text("\n".join(packages) + "\n")
            result = subprocess.run(
                [str(SCRIPT), "list.txt"], cwd=folder, capture_output=True, text=True, check=False,
                env={"PATH": f"{folder}:/usr/bin:/bin", "CALLS": str(calls), "USER_ID": str(user),
                     "SUDO_ASKS": sudo_asks, **environment})
            return result.returncode, result.stdout + result.stderr, calls.read_text()

    def test_nothing_is_said_when_all_is_there(self):
        self.assertEqual((0, "", ""), self.run_script(["here"], user=1000))

    def test_root_installs_what_is_missing_and_nothing_else(self):
        status, said, calls = self.run_script(["here", "known"])
        self.assertEqual(0, status)
        self.assertIn("Missing packages: known\n", said)
        self.assertIn("update", calls.splitlines()[0])
        self.assertRegex(calls.splitlines()[1], "install .*--no-install-recommends .* known$")

    def test_a_user_with_a_quiet_sudo_installs_too(self):
        status, _, calls = self.run_script(["known"], user=1000, sudo_asks="no")
        self.assertEqual((0, 2), (status, len(calls.splitlines())))

    def test_a_user_without_gets_the_line_to_paste(self):
        status, said, calls = self.run_script(["known"], user=1000)
        self.assertEqual((3, ""), (status, calls))
        self.assertRegex(said, "    sudo apt-get update && sudo apt-get install .* known\n")

    def test_nothing_is_installed_when_that_is_forbidden(self):
        status, said, calls = self.run_script(["known"], MUSTER_NO_INSTALL="1")
        self.assertEqual((3, ""), (status, calls))
        self.assertIn("apt-get install", said)

    def test_a_package_of_another_distribution_is_left_out(self):
        status, said, calls = self.run_script(["known", "foreign"])
        self.assertEqual(0, status)
        self.assertIn("left out: foreign\n", said)
        self.assertTrue(calls.endswith(" known\n"))

    def test_a_failing_installation_is_reported(self):
        status, said, _ = self.run_script(["known"], APT_EXIT="100")
        self.assertEqual(3, status)
        self.assertIn("Installing failed", said)


if __name__ == "__main__":
    unittest.main()
