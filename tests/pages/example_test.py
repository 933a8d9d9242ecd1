# SPDX-License-Identifier: Apache-2.0

"""The example of the JavaScript SDK, which tests/js/live_test.mjs runs in Node, in a page."""

import pathlib
import re
import unittest

from harness import Browser, World

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "join.mjs"

# A page imports the SDK from the server that it comes from.
IN_A_PAGE = """
const done = arguments[0];
const lines = [];
const console = {log: (line) => lines.push(line)};
import('/sdk/js/muster.js').then(async ({join}) => {
  %s
}).then(() => done(lines), (error) => done([String(error)]));
"""


class Example(unittest.TestCase):
    def test_the_example_walks_in_a_page_as_it_does_in_node(self):
        text = EXAMPLE.read_text(encoding="utf-8")
        body, count = re.subn(r"^import .*\n", "", text, flags=re.M)
        self.assertEqual(1, count)
        with World(["--game", "hello"]) as world, Browser() as browser:
            browser.open(world.public_url + "/play")
            lines = browser.driver.execute_async_script(IN_A_PAGE % body)
            self.assertEqual("sees itself", lines[0])
            way = re.match(r"walked to (-?[\d.]+),", lines[-1])
            self.assertIsNotNone(way, lines)
            self.assertGreater(float(way.group(1)), 1.0)
            self.assertEqual([], browser.console())


if __name__ == "__main__":
    unittest.main()
