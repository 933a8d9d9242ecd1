#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a real browser, beside a real world with bots."""

import pathlib
import subprocess
import time
import unittest

from harness import IS_TIMED, WAIT_S, Browser, World

BOTS = 6
ADMIN_KEY = "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
DOTS = 10000

IS_LIVE = "return musterDashboard.maps > 3 && musterDashboard.samples > 2"
STATE = "return document.getElementById('health').dataset.state"
NOTE = "return document.getElementById('map-note').textContent"
ROWS = "return document.querySelectorAll('#players-body tr').length"
TEXT_IS = "return document.querySelector(arguments[0]).textContent === arguments[1]"
TYPES = """return [...new Set([...document.querySelectorAll('#events-body tr')]
    .map((row) => row.dataset.type))]"""
CHOOSE = """const list = document.getElementById('events-group');
list.value = arguments[0];
list.dispatchEvent(new Event('change'));"""


def measure_drawing(browser):
    """Frames of the screen in a second, and milliseconds of the dearest drawing."""
    return browser.driver.execute_async_script(
        """const done = arguments[0];
        const begin = [performance.now(), musterDashboard.frames];
        const times = [];
        const timer = setInterval(() => times.push(musterDashboard.drawMs), 50);
        setTimeout(() => {
          clearInterval(timer);
          times.sort((a, b) => a - b);
          done([1000 * (musterDashboard.frames - begin[1]) / (performance.now() - begin[0]),
              times[times.length >> 1]]);
        }, 3000);"""
    )


class Dashboard(unittest.TestCase):
    def wait_for_players(self, browser, count):
        browser.wait(f"{count} players", TEXT_IS, "#tile-players", str(count))

    def test_the_page_shows_what_the_server_counts_and_says_when_it_is_quiet(self):
        with World(["--bots", str(BOTS)]) as world, Browser() as browser:
            browser.open(world.admin_url)
            browser.wait("a live map", IS_LIVE)
            self.wait_for_players(browser, BOTS)
            self.assertEqual(world.metrics()["muster_players"], BOTS)
            browser.wait("charts", "return document.querySelectorAll('.plot canvas').length >= 12")
            browser.wait("rows", ROWS + f" === {BOTS}")
            browser.shoot("dashboard")
            self.assertEqual(browser.console(), [])

            world.stop()
            browser.wait("staleness", STATE + " === 'stale'", seconds=3 if IS_TIMED else WAIT_S)
            world.start()
            browser.wait("recovery", STATE + " === 'live'")
            self.wait_for_players(browser, BOTS)
            browser.console()  # that nobody answered has its lines
            maps = browser.run("return musterDashboard.maps")
            browser.wait("maps again", "return musterDashboard.maps > arguments[0]", maps + 5)
            self.assertEqual(browser.console(), [])

    def test_a_player_is_found_followed_spoken_to_and_sent_away(self):
        with World(["--bots", str(BOTS)]) as world, Browser() as browser:
            browser.open(world.admin_url)
            browser.wait("a live map", IS_LIVE)
            browser.click("#tab-players")
            browser.wait("rows", ROWS + f" === {BOTS}")
            browser.type("#players-search", "bot 3")
            browser.wait("one row", ROWS + " === 1")
            browser.click("#players-body button")
            browser.wait("a name", TEXT_IS, "#map-following-name", "bot 3")
            browser.shoot("dashboard-players")
            browser.click("#map")  # has the focus now
            browser.find("#map").send_keys("\ue00c")  # Escape
            browser.wait("nobody is followed",
                "return document.getElementById('map-following').hidden")

            for number, said in ((2, "Message sent to bot 3."), (3, "Kicked bot 3.")):
                browser.click(f"#players-body button:nth-of-type({number})")
                browser.type("#order-text", "be kind")
                browser.shoot(f"dashboard-order-{number}")
                browser.click("#order-send")
                browser.wait(said, TEXT_IS, "#announcement", said)
            browser.wait("no row", ROWS + " === 0")
            self.wait_for_players(browser, BOTS - 1)
            self.assertEqual(world.metrics()["muster_players"], BOTS - 1)
            kicked = 'muster_gateway_events_total{event="kicked"}'
            self.assertEqual(world.metrics()[kicked], 1)

            browser.click("#tab-events")
            browser.run(CHOOSE, "refused")
            browser.wait("the kick", TYPES + ".join() === 'player_kicked'")
            browser.run(CHOOSE, "players")
            self.assertEqual(set(browser.run(TYPES)), {"player_joined", "player_left"})
            browser.type("#events-search", "bot 3")
            self.assertEqual(
                browser.run("return document.querySelectorAll('#events-body tr').length"), 2
            )
            browser.shoot("dashboard-events")
            self.assertEqual(browser.console(), [])

    def test_who_only_looks_is_offered_nothing_to_do(self):
        settings = ["gateway.admin_authentication=true", "gateway.secrets=development"]
        with World(["--bots", "1"], settings) as world, Browser(is_light=True) as browser:
            browser.open(world.admin_url)
            browser.wait("a form", "return !document.getElementById('login').hidden")
            browser.shoot("dashboard-login")
            self.assertEqual(browser.console(), [])
            browser.type("#login-key", "00ff")
            browser.click("#login-form button")
            browser.wait("refusal", TEXT_IS, "#login-problem", "This is no key of this server.")
            browser.console()  # the refusal has its line
            browser.find("#login-key").clear()
            browser.type("#login-key", ADMIN_KEY)
            browser.click("#login-form button")
            browser.wait("a live map", IS_LIVE)
            browser.wait("a row", ROWS + " === 1")
            self.assertEqual(browser.text("#role"), "operator")
            browser.click("#share")
            viewer_key = browser.find("#share-key").get_attribute("value")
            browser.shoot("dashboard-share")
            browser.click("#share-dialog button")
            browser.click("#tab-players")
            self.assertTrue(browser.find("#players-body .operate").is_displayed())
            browser.click("#logout")
            browser.type("#login-key", viewer_key)
            browser.click("#login-form button")
            browser.wait("a viewer", TEXT_IS, "#role", "viewer")
            self.assertFalse(browser.find("#share").is_displayed())
            self.assertFalse(browser.find("#players-body .operate").is_displayed())
            browser.shoot("dashboard-viewer-light")
            self.assertEqual(browser.console(), [])

    def test_a_recorded_run_is_replayed_on_the_map(self):
        with World(["--bots", str(BOTS), "--record", "run.frames"]) as world, Browser() as browser:
            time.sleep(3)
            world.stop()
            subprocess.run(
                [world.program, "replay", "run.frames", "--map", "run.map"],
                cwd=world.folder, check=True, capture_output=True, timeout=60,
            )
            world.arguments = ["--game", "hello"]
            world.start()
            browser.open(world.admin_url)
            browser.wait("a live map", IS_LIVE)
            browser.click("#tab-replay")
            browser.type("#replay-file", str(pathlib.Path(world.folder, "run.map")))
            browser.wait("the replay", NOTE + ".startsWith('replay')")
            browser.wait("its end", TEXT_IS, "#replay-play", "Play")
            self.assertGreater(browser.run("return musterDashboard.shown().entityCount"), 1000)
            end = browser.run("return musterDashboard.shown().tick")
            browser.find("#replay-slider").send_keys("\ue011")  # Home
            browser.wait("its begin", "return musterDashboard.shown().tick < arguments[0]", end)
            browser.shoot("dashboard-replay")
            browser.click("#replay-close")
            browser.wait("the live map", NOTE + ".startsWith('tick')")
            self.assertEqual(browser.console(), [])

    def test_ten_thousand_dots_are_drawn_in_time(self):
        with World(["--bots", "2", "--bodies", str(DOTS)]) as world, Browser() as browser:
            browser.open(world.admin_url)
            browser.wait("a live map", IS_LIVE)
            browser.wait("all entities",
                f"return musterDashboard.map && musterDashboard.map.pointCount > {DOTS}")
            frames_hz, draw_ms = measure_drawing(browser)
            maps = browser.run("return musterDashboard.maps")
            print(f"{DOTS} dots: {frames_hz:.1f} frames/s, {draw_ms:.2f} ms a draw, {maps} maps")
            browser.shoot("dashboard-dots")
            if IS_TIMED:
                self.assertGreaterEqual(frames_hz, 30)
                self.assertLess(draw_ms, 5)
            self.assertEqual(browser.console(), [])

    def test_it_fits_a_phone_and_is_used_by_keyboard(self):
        with World(["--bots", str(BOTS)]) as world:
            with Browser(390, 844, is_phone=True) as browser:
                browser.open(world.admin_url)
                browser.wait("a live map", IS_LIVE)
                self.assertLessEqual(
                    browser.run("return document.documentElement.scrollWidth"), 390
                )
                browser.shoot("dashboard-phone")
                self.assertEqual(browser.console(), [])
            with Browser() as browser:
                browser.open(world.admin_url)
                browser.wait("a live map", IS_LIVE)
                browser.find("#tab-figures").send_keys("\ue014")  # the arrow to the right
                browser.wait("players", "return !document.getElementById('players').hidden")
                zoom = browser.run("return musterDashboard.zoom()")
                browser.find("#map").send_keys("+++")
                self.assertGreater(browser.run("return musterDashboard.zoom()"), zoom * 2)
                browser.find("#map").send_keys("n")
                browser.wait("somebody is followed",
                    "return !document.getElementById('map-following').hidden")
                browser.find("#map").send_keys("\ue00c0")
                self.assertEqual(browser.run("return musterDashboard.zoom()"), 1)
                self.assertEqual(browser.console(), [])


if __name__ == "__main__":
    unittest.main()
