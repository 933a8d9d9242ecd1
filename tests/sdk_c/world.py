# SPDX-License-Identifier: Apache-2.0
"""A world of the built program, running beside a test on free ports of its own.

    with World(program, games, "hello") as world:
        ... world.server ...
"""

import ctypes
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

WAIT_S = 30
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def die_with_parent():
    """Run in a child: a test that is stopped leaves nothing running."""
    LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def free_port():
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        return finder.getsockname()[1]


class World:
    def __init__(self, program, games, game, *arguments):
        self.port, self.admin_port = free_port(), free_port()
        self.server = f"127.0.0.1:{self.port}".encode()
        self.folder = tempfile.TemporaryDirectory(prefix="muster-test-")
        self.log = open(os.path.join(self.folder.name, "log"), "w+", encoding="utf-8")
        environment = dict(os.environ, MUSTER_GAME_PATH=games, XDG_STATE_HOME=self.folder.name)
        self.process = subprocess.Popen(
            [program, "up", "--game", game, "--set", f"network.udp_port={self.port}",
             "--set", f"network.http_port={self.port}",
             "--set", f"network.admin_port={self.admin_port}", *arguments],
            stdout=self.log, stderr=self.log, cwd=self.folder.name, env=environment,
            preexec_fn=die_with_parent)

    def __enter__(self):
        end = time.monotonic() + WAIT_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                text = self.log.read()
                self.__exit__()
                raise AssertionError("the world does not begin: " + text)
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.folder.cleanup()

    def signal(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def get(self, path):
        """The admin side's answer as text, None without one."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}",
                                        timeout=5) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, OSError):
            return None

    def is_ready(self):
        return self.get("/readyz") is not None
