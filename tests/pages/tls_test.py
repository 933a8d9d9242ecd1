# SPDX-License-Identifier: Apache-2.0

"""Both pages by https, with players by wss, in a real browser."""

import unittest

from harness import Browser, World, free_port

IS_IN = "return muster.state === 'playing' && muster.own !== undefined"


class Tls(unittest.TestCase):
    def test_both_pages_work_by_https(self):
        settings = ["tls.self_signed=true", f"tls.plain_port={free_port()}"]
        with World(["--bots", "4"], settings, scheme="https") as world:
            with Browser(trusts_all=True) as browser:
                browser.open(world.public_url + "/play")
                browser.wait("a form", "return window.muster !== undefined")
                browser.run("document.getElementById('name').value = ''")
                browser.type("#name", "Ada")
                browser.click("#enter")
                browser.wait("a fighter", IS_IN)
                players = world.json("/v1/players")["players"]
                ways = {player["name"]: player["transport"] for player in players}
                self.assertEqual(ways["Ada"], "websocket")
                self.assertEqual(browser.console(), [])
                browser.open(world.admin_url + "/")
                browser.wait("a live map", "return window.musterDashboard.maps > 3")
                self.assertEqual(browser.console(), [])


if __name__ == "__main__":
    unittest.main()
