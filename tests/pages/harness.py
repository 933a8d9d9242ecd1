# SPDX-License-Identifier: Apache-2.0

"""What tests of pages share: a real world on free ports, and a real browser that looks at it.

    with World(["--bots", "8"]) as world, Browser() as browser:
        browser.open(world.admin_url)
        browser.wait("live map", "return window.musterDashboard.maps > 3")
        assert browser.console() == []

Data on the console is kept from the start; whoever expects some takes it with console().
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

# Figures that depend on the machine are printed, and checked where it does nothing else.
IS_TIMED = "MUSTER_TIMED" in os.environ

START_S = 30
STOP_S = 20
WAIT_S = 20
SETTLE_S = 0.05


def free_port(kind=socket.SOCK_STREAM):
    """A port that nobody has at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class World:
    """A running `muster up`, in a folder of its own that goes away with it."""

    def __init__(self, arguments=(), settings=(), program=None, scheme="http"):
        self.program = program or os.environ["MUSTER_PROGRAM"]
        self.arguments = list(arguments)
        self.settings = list(settings)
        self.folder = tempfile.mkdtemp(prefix="muster_page_")
        self.public_port = free_port()
        self.udp_port = free_port(socket.SOCK_DGRAM)
        self.admin_port = free_port()
        self.public_url = f"{scheme}://127.0.0.1:{self.public_port}"
        self.admin_url = f"{scheme}://127.0.0.1:{self.admin_port}"
        self.process = None
        self.log = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Starts it, and waits until it lets players in."""
        command = [self.program, "up", *self.arguments]
        for setting in [
            f"network.http_port={self.public_port}",
            f"network.udp_port={self.udp_port}",
            f"network.admin_port={self.admin_port}",
            *self.settings,
        ]:
            command += ["--set", setting]
        self.log = open(pathlib.Path(self.folder, "log"), "a", encoding="utf-8")
        self.process = subprocess.Popen(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        end_s = time.monotonic() + START_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end_s:
                raise AssertionError("the world does not start:\n" + self.read_log())
            time.sleep(SETTLE_S)

    def read_log(self):
        return pathlib.Path(self.folder, "log").read_text(encoding="utf-8")

    def is_ready(self):
        try:
            return self.ask("/readyz").status == 200
        except OSError:
            return False

    def ask(self, path, key=None, body=None, method=None):
        """Asks the admin side."""
        request = urllib.request.Request(self.admin_url + path, data=body, method=method)
        if key is not None:
            request.add_header("Authorization", "Bearer " + key)
        trust_all = ssl._create_unverified_context()
        return urllib.request.urlopen(request, timeout=10, context=trust_all)

    def json(self, path, key=None):
        return json.load(self.ask(path, key))

    def metrics(self, key=None):
        """What /metrics says, by name and labels."""
        text = self.ask("/metrics", key).read().decode()
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def stop(self, sent=signal.SIGTERM):
        """Ends it; its folder stays until the end of the `with`."""
        if self.process is not None:
            self.process.send_signal(sent)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if self.log is not None:
            self.log.close()
            self.log = None


class Browser:
    """A headless Chromium. Its profile is new, and goes away with it."""

    def __init__(
        self, width=1280, height=720, is_phone=False, is_light=False, trusts_all=False
    ):
        options = Options()
        options.accept_insecure_certs = trusts_all
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
            "--no-first-run",
            "--hide-scrollbars",
            f"--window-size={width},{height}",
        ):
            options.add_argument(argument)
        if is_phone:
            options.add_experimental_option(
                "mobileEmulation",
                {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2.0}},
            )
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(WAIT_S)
        self.driver.set_script_timeout(WAIT_S)
        if not is_phone:
            self.size_page(width, height)
        self.set_light(is_light)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def size_page(self, width, height):
        """Makes the page that large; a window's frame comes on top."""
        inner = self.driver.execute_script("return [innerWidth, innerHeight]")
        outer = self.driver.get_window_size()
        self.driver.set_window_size(
            outer["width"] + width - inner[0], outer["height"] + height - inner[1]
        )

    def set_light(self, is_light):
        """What the system's choice of colours is said to be."""
        value = "light" if is_light else "dark"
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": value}]},
        )

    def open(self, url):
        self.driver.get(url)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, what, script, *arguments, seconds=WAIT_S):
        """Runs a script until it returns something true, and returns that."""
        end_s = time.monotonic() + seconds
        while True:
            found = self.run(script, *arguments)
            if found:
                return found
            if time.monotonic() > end_s:
                raise AssertionError(f"waited {seconds} s in vain for: {what}\n{self.console()}")
            time.sleep(SETTLE_S)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent", selector)

    def find_shown(self, selector):
        """An element, once it is there to be seen and used."""
        self.wait(
            f"{selector} to be shown",
            "return document.querySelector(arguments[0])?.checkVisibility()",
            selector,
        )
        return self.find(selector)

    def click(self, selector):
        self.find_shown(selector).click()

    def type(self, selector, text):
        self.find_shown(selector).send_keys(text)

    def console(self):
        """What the console has said since it was asked last."""
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]

    def shoot(self, name):
        """Keeps a picture of the page among the test's output."""
        folder = pathlib.Path(os.environ.get("MUSTER_SHOTS", "."))
        folder.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(folder / f"{name}.png"))
