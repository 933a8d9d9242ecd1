#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a real browser, beside a real world with bots."""

import unittest

from harness import Browser, World

BOTS = 6

IS_LIVE = "return musterDashboard.maps > 3 && musterDashboard.samples > 2"
STATE = "return document.getElementById('health').dataset.state"


def mean_of_drawing(browser):
    """Frames of the screen in a second."""
    return browser.driver.execute_async_script(
        """const done = arguments[0];
        const begin = [performance.now(), musterDashboard.frames];
        setTimeout(() => done(1000 * (musterDashboard.frames - begin[1]) /
            (performance.now() - begin[0])), 2000);"""
    )


class Dashboard(unittest.TestCase):
    def test_the_page_shows_what_the_server_counts_and_says_when_it_is_quiet(self):
        with World(["--bots", str(BOTS)]) as world, Browser() as browser:
            browser.open(world.admin_url)
            browser.wait("a live map", IS_LIVE)
            browser.wait(
                "all players",
                "return document.getElementById('tile-players').textContent === arguments[0]",
                str(BOTS),
            )
            self.assertEqual(world.metrics()["muster_players"], BOTS)
            self.assertGreater(mean_of_drawing(browser), 20)
            browser.shoot("dashboard")
            self.assertEqual(browser.console(), [])

            world.stop()
            browser.wait("staleness", STATE + " === 'stale'", seconds=3)
            world.start()
            browser.wait("recovery", STATE + " === 'live'")
            browser.console()  # that nobody answered has its lines
            browser.wait("maps again", "return musterDashboard.maps > arguments[0]",
                browser.run("return musterDashboard.maps") + 5)
            self.assertEqual(browser.console(), [])


if __name__ == "__main__":
    unittest.main()
