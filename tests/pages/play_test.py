# SPDX-License-Identifier: Apache-2.0

"""The page that plays, in a real browser, in a world with bots."""

import math
import os
import pathlib
import statistics
import time
import unittest

from harness import IS_TIMED, Browser, World
from line import Line
from selenium.webdriver.common.action_chains import ActionChains

BATTLE = ["--bots", "40", "--scene", "battle", "--bodies", "1200"]
QUIET = ["--bots", "2", "--scene", "spread", "--bodies", "0"]
KEY = "window.dispatchEvent(new KeyboardEvent(arguments[0], {code: arguments[1]}))"
IS_IN = "return muster.state === 'playing' && muster.own !== undefined"
IS_ALIVE = "return muster.own !== undefined && !muster.own.isDead"
IS_DOWN = "return muster.own !== undefined && muster.own.isDead"

# A processor that does nothing else shows so many pictures a second.
FRAMES_PER_S_MIN = 50
ENTITIES = 300
JUMP_M_MAX = 0.5
DEATH_S_MAX = 150
INPUT_MS_MAX = 50
CLOCK_HZ = os.sysconf("SC_CLK_TCK")


def join(browser, url, name="Ada"):
    browser.open(url + "/play")
    browser.wait("a form", "return window.muster !== undefined")
    browser.run("document.getElementById('name').value = ''")
    browser.type("#name", name)
    browser.click("#enter")
    browser.wait("a fighter", IS_IN)


def hold(browser, code, seconds):
    browser.run(KEY, "keydown", code)
    time.sleep(seconds)
    browser.run(KEY, "keyup", code)


def press(browser, code):
    hold(browser, code, 0)


def input_to_screen_ms(browser, code):
    """From a key to the first picture that shows what it does."""
    return browser.driver.execute_async_script(
        """const [code, done] = arguments;
        const from = muster.own;
        const pressedMs = performance.now();
        window.dispatchEvent(new KeyboardEvent('keydown', {code}));
        const look = () => {
          const {x, y} = muster.own;
          if (Math.hypot(x - from.x, y - from.y) > 0.01) {
            window.dispatchEvent(new KeyboardEvent('keyup', {code}));
            done(performance.now() - pressedMs);
          } else {
            requestAnimationFrame(look);
          }
        };
        requestAnimationFrame(look);""",
        code,
    )


def touch(browser, kind, selector, across, down):
    """A finger on an element, so far from its middle."""
    x, y = browser.run(
        "const {x, y, width, height} = document.querySelector(arguments[0])"
        ".getBoundingClientRect(); return [x + width / 2, y + height / 2];",
        selector,
    )
    points = [] if kind == "touchEnd" else [{"x": x + across, "y": y + down}]
    browser.driver.execute_cdp_cmd(
        "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points}
    )


def processor_s(root):
    """What a process and all its children have used."""
    parents, used = {}, {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = pathlib.Path(folder, "stat").read_text(encoding="utf-8").rpartition(")")[2]
        except OSError:
            continue
        fields = fields.split()
        parents[int(folder.name)] = int(fields[1])
        used[int(folder.name)] = (int(fields[11]) + int(fields[12])) / CLOCK_HZ

    def is_below(process):
        while process not in (root, 0, None):
            process = parents.get(process)
        return process == root

    return sum(seconds for process, seconds in used.items() if is_below(process))


class Battle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(BATTLE)
        cls.addClassCleanup(cls.world.__exit__)
        cls.world.start()
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.__exit__)

    def setUp(self):
        join(self.browser, self.world.public_url)
        self.browser.wait("others", "return muster.entities > 40")

    def tearDown(self):
        self.assertEqual([], self.browser.console())

    def alive(self):
        self.browser.wait("life", IS_ALIVE, seconds=20)

    def is_on_the_map(self):
        """Whether the server has a player of the team where the page shows the own one."""
        own = self.browser.run("return muster.own")
        points = self.world.json("/v1/map")["points"]
        return own is None or any(
            is_player and team == own["team"] and math.hypot(x - own["x"], y - own["y"]) < 3
            for x, y, _, team, is_player in points
        )

    def test_a_player_walks_and_the_server_agrees(self):
        walked_m = 0.0
        for code in ("KeyD", "KeyW", "KeyA", "KeyS"):
            self.alive()
            start = self.browser.run("return muster.own")
            hold(self.browser, code, 1.5)
            end = self.browser.run("return muster.own")
            walked_m = max(walked_m, math.hypot(end["x"] - start["x"], end["y"] - start["y"]))
        self.assertGreater(walked_m, 2)
        time.sleep(1)
        self.assertTrue(any(self.is_on_the_map() for _ in range(20)))
        self.browser.shoot("play")

    def test_a_player_shoots_and_reloads(self):
        self.alive()
        self.browser.run(KEY, "keydown", "Space")
        self.browser.wait("shots", "return muster.own && muster.own.ammo < 28", seconds=40)
        self.browser.shoot("play_shooting")
        self.browser.run(KEY, "keyup", "Space")
        self.alive()
        press(self.browser, "KeyR")
        self.browser.wait("a full magazine", "return muster.own && muster.own.ammo === 30")

    def test_a_mouse_aims_fires_and_throws(self):
        self.alive()
        mouse = ActionChains(self.browser.driver)
        scene = self.browser.find("#scene")
        mouse.move_to_element_with_offset(scene, -200, -200).click_and_hold().perform()
        self.browser.wait("shots", "return muster.own && muster.own.ammo < 30")
        heading = self.browser.run("return muster.own.heading")
        self.assertAlmostEqual(heading, 3 * math.pi / 4, delta=0.2)
        mouse.release().perform()
        blasts = self.browser.run("return muster.blasts")
        self.alive()
        mouse.context_click().perform()
        self.browser.wait("a blast", "return muster.blasts > arguments[0]", blasts)

    def test_a_player_talks(self):
        press(self.browser, "Enter")
        self.browser.type("#say-text", "Grüße, <b>all</b>!\n")
        self.browser.wait(
            "an echo",
            "return document.getElementById('said').textContent.includes(arguments[0])",
            "Ada: Grüße, <b>all</b>!",
        )
        self.browser.shoot("play_chat")

    def test_a_player_is_beaten_and_comes_back(self):
        # Towards the middle of the square, where the others are.
        own = self.browser.run("return muster.own")
        code = "KeyA" if own["x"] > 600 else "KeyD"
        self.browser.run(KEY, "keydown", code)
        time.sleep(4)
        self.browser.run(KEY, "keyup", code)
        self.browser.wait("a death", IS_DOWN, seconds=DEATH_S_MAX)
        self.browser.wait("word of it", "return !document.getElementById('down').hidden")
        self.browser.shoot("play_down")
        self.alive()
        self.browser.wait("a whole fighter", "return muster.own.health > 50")
        self.browser.wait("no more word", "return document.getElementById('down').hidden")

    def test_others_have_names(self):
        bots = [player["name"] for player in self.world.json("/v1/players")["players"]]
        shown = self.browser.wait(
            "a name",
            """const other = muster.things.find(({kind, number}) => kind === 1 && number > 0 &&
                number !== muster.playerIndex + 1);
            const name = other && muster.nameOf(other.number - 1);
            return name !== undefined && !name.startsWith('Player ') && name;""",
        )
        self.assertIn(shown, bots)

    def test_who_is_sent_away_is_told_why_and_may_come_again(self):
        players = self.world.json("/v1/players")["players"]
        newest = max(players, key=lambda player: player["joined_ms"])
        self.assertEqual("Ada", newest["name"])
        path = f"/v1/players/{newest['player_id']}/kick"
        self.world.ask(path, body=b'{"reason": "rest a little"}', method="POST")
        self.browser.wait("word of it", "return !document.getElementById('trouble').hidden")
        self.assertIn("rest a little", self.browser.text("#trouble"))
        self.assertTrue(self.browser.run("return document.getElementById('hurt').hidden"))
        self.browser.shoot("play_kicked")
        self.browser.click("#enter")
        self.browser.wait("a fighter", IS_IN)

    def test_scores_and_map_can_be_seen(self):
        press(self.browser, "Tab")
        self.browser.wait("scores", "return document.querySelector('#players .mine') !== null")
        self.browser.shoot("play_scores")
        press(self.browser, "Tab")
        press(self.browser, "KeyM")
        time.sleep(0.5)
        self.browser.shoot("play_map")
        press(self.browser, "KeyM")

    def test_many_entities_are_drawn_often_enough(self):
        self.browser.wait("many", "return muster.entities >= arguments[0]", ENTITIES)
        press(self.browser, "Minus")
        time.sleep(3)
        root = self.browser.driver.service.process.pid
        frames, used_s = self.browser.run("return muster.frames"), processor_s(root)
        time.sleep(5)
        frames = self.browser.run("return muster.frames") - frames
        frame_ms = 1000 * (processor_s(root) - used_s) / frames
        drawn = self.browser.run("return [muster.entities, muster.drawn, muster.fps]")
        print(f"entities, drawn, frames/s: {drawn}; processor {frame_ms:.2f} ms a frame")
        self.assertGreater(frames, 0)
        if IS_TIMED:
            self.assertLess(frame_ms, 1000 / FRAMES_PER_S_MIN)
        press(self.browser, "Equal")


class BadLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(QUIET)
        cls.addClassCleanup(cls.world.__exit__)
        cls.world.start()

    def test_a_player_comes_back_when_the_line_does(self):
        with Line(self.world.public_port) as line, Browser() as browser:
            join(browser, f"http://127.0.0.1:{line.port}")
            before = browser.run("return [muster.playerIndex, muster.own]")
            self.assertEqual([], browser.console())
            line.cut()
            browser.wait("word of it", "return !document.getElementById('lost').hidden")
            browser.shoot("play_lost")
            time.sleep(2)
            line.mend()
            browser.wait("the way back", IS_IN)
            browser.wait("no more word", "return document.getElementById('lost').hidden")
            after = browser.run("return [muster.playerIndex, muster.own, muster.stats.resumes]")
            self.assertEqual(before[0], after[0])
            self.assertEqual(1, after[2])
            self.assertLess(abs(before[1]["x"] - after[1]["x"]), 1)
            browser.console()  # that nobody answered has its lines
            hold(browser, "KeyD", 2)
            self.assertGreater(browser.run("return muster.own.x") - after[1]["x"], 1)
            self.assertEqual([], browser.console())

    def test_nothing_jumps_on_a_long_line_that_loses(self):
        with Line(self.world.public_port, 0.03, 0.02) as line, Browser() as browser:
            join(browser, f"http://127.0.0.1:{line.port}")
            time.sleep(2)
            waits_ms = []
            for code in ("KeyD", "KeyA") * 4:
                waits_ms.append(input_to_screen_ms(browser, code))
                time.sleep(1)
            browser.run("muster.resetJump()")
            for code in ("KeyD", "KeyW", "KeyA", "KeyS") * 2:
                hold(browser, code, 1.2)
            stats = browser.run("return [muster.jumpM, muster.stats.rttMs, muster.fps]")
            wait_ms = statistics.median(waits_ms)
            print(f"jump, round trip, frames/s: {stats}; key to picture: {wait_ms:.1f} ms")
            self.assertGreater(stats[1], 55)
            if IS_TIMED:
                self.assertLess(wait_ms, INPUT_MS_MAX + stats[1])
                self.assertLess(stats[0], JUMP_M_MAX)
            self.assertEqual([], browser.console())


class Shapes(unittest.TestCase):
    def walk_and_fire_by_touch(self, browser):
        browser.wait("life", IS_ALIVE)
        start = browser.run("return muster.own")
        touch(browser, "touchStart", "#move-stick", 0, 0)
        touch(browser, "touchMove", "#move-stick", 0, -50)
        browser.wait(
            "a way north",
            "return muster.own && muster.own.y > arguments[0] + 1",
            start["y"],
            seconds=4,
        )
        touch(browser, "touchEnd", "#move-stick", 0, 0)
        browser.wait("life", IS_ALIVE)
        touch(browser, "touchStart", "#aim-stick", 0, 0)
        touch(browser, "touchMove", "#aim-stick", 50, 0)
        browser.wait("shots", "return muster.own && muster.own.ammo < 30")
        touch(browser, "touchEnd", "#aim-stick", 0, 0)

    def test_the_page_fits_a_phone_and_light(self):
        with World(BATTLE) as world:
            with Browser(390, 844, is_phone=True) as browser:
                join(browser, world.public_url)
                time.sleep(2)
                browser.shoot("play_phone")
                wide = browser.run("return document.documentElement.scrollWidth - innerWidth")
                self.assertLessEqual(wide, 0)
                self.walk_and_fire_by_touch(browser)
                self.assertEqual([], browser.console())
            with Browser(is_light=True) as browser:
                browser.open(world.public_url + "/play")
                time.sleep(1)
                browser.shoot("play_join_light")
                join(browser, world.public_url)
                time.sleep(2)
                browser.shoot("play_light")
                self.assertEqual([], browser.console())


if __name__ == "__main__":
    unittest.main()
