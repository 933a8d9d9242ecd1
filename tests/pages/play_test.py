# SPDX-License-Identifier: Apache-2.0

"""The page that plays, in a real browser, in a world with bots."""

import math
import time
import unittest

from harness import Browser, World

ARGUMENTS = ["--bots", "40", "--scene", "battle", "--bodies", "300"]


def join(browser, url, name="Ada"):
    browser.open(url + "/play")
    browser.run("localStorage.clear()")
    browser.wait("a form", "return window.muster !== undefined")
    browser.type("#name", name)
    browser.click("#enter")
    browser.wait("playing", "return muster.state === 'playing' && muster.own !== undefined")


def key(browser, kind, code):
    browser.run(
        "window.dispatchEvent(new KeyboardEvent(arguments[0], {code: arguments[1]}))", kind, code
    )


def own(browser):
    return browser.wait("an own fighter", "return muster.own")


class Play(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(ARGUMENTS)
        cls.world.start()
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.world.__exit__()

    def test_a_player_joins_and_walks_where_the_server_has_it_too(self):
        browser = self.browser
        join(browser, self.world.public_url)
        browser.wait("others", "return muster.entities > 40")
        self.alive()
        start = own(browser)
        key(browser, "keydown", "KeyD")
        browser.wait("a way", "return muster.own && Math.abs(muster.own.x - arguments[0]) > 3",
                     start["x"])
        key(browser, "keyup", "KeyD")
        time.sleep(0.5)
        browser.shoot("play")
        self.assertTrue(self.is_on_the_map(own(browser)))
        self.assertEqual([], browser.console())

    def alive(self):
        self.browser.wait("alive", "return muster.own && !muster.own.isDead", seconds=15)

    def is_on_the_map(self, place):
        """Whether the server has a player within a few metres."""
        points = self.world.json("/v1/map")["points"]
        return any(
            is_player and math.hypot(x - place["x"], y - place["y"]) < 4
            for x, y, _, _, is_player in points
        )


if __name__ == "__main__":
    unittest.main()
