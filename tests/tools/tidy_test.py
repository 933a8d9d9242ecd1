#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that each rule of tools/tidy.py fires on a bad sample and is silent on a good one."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
sys.dont_write_bytecode = True
import tidy  # noqa: E402

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


def rules_fired(files):
    """The names of the rules that fire on a tree of {path: text}."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            file = Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return {rule for _, _, rule, _ in tidy.check_tree(root)}


def source(body):
    return SPDX + body + "\n"


class Rules(unittest.TestCase):
    def assert_fires(self, rule, path, text, **others):
        self.assertEqual({rule}, rules_fired({path: text, **others.get("beside", {})}))

    def assert_silent(self, path, text, **others):
        self.assertEqual(set(), rules_fired({path: text, **others.get("beside", {})}))

    def test_a_part_includes_lower_floors_only(self):
        self.assert_silent("src/net/a.c", source('#include "wire/bits.h"\n#include "net/b.h"'))
        self.assert_fires("floors", "src/net/a.c", source('#include "sched/task.h"'))
        self.assert_fires("floors", "src/net/a.c", source('#include "space/body.h"'))
        self.assert_fires("floors", "src/gateway/a.c", source('#include "drivers/udp.h"'))
        self.assert_fires("floors", "src/net/a.c", source('#include "b.h"'))
        self.assert_fires("floors", "src/nowhere/a.c", source("int a(void);"))

    def test_an_sdk_builds_on_the_public_api(self):
        self.assert_silent("sdk/c/a.c", source('#include "a.h"\n#include "muster/client.h"'))
        self.assert_fires("floors", "sdk/c/a.c", source('#include "client/track.h"'))
        self.assert_fires("banned", "sdk/c/a.c", source("void *a = malloc(1);"))
        self.assert_fires("statics", "sdk/c/a.c", source("static int a;"))

    def test_an_interface_of_engines_reads_the_same_in_every_language(self):
        path = "sdk/c/muster_client.h"
        good = "#include <stdint.h>\n/// A.\nint32_t a(uint32_t b, const double *c);"
        self.assert_silent(path, source(good))
        for text in ("int a(void);", "void a(size_t b);", "void a(char *b, ...);",
                     "void a(void (*b)(void));", "struct a { uint32_t b : 3; };"):
            self.assert_fires("abi", path, source("/// A.\n" + text))
        self.assert_fires("abi", path, source("#include <stddef.h>"))
        self.assert_fires("documented", path, source("void a(void);"))
        self.assert_fires("file_lines", path, source("\n" * 400))

    def test_a_public_header_counts_as_its_part(self):
        files = {"src/space/world.c": source("int a(void);"),
                 "include/muster/world.h": source("")}
        self.assert_fires("floors", "src/net/a.c", source('#include "muster/world.h"'),
                          beside=files)
        self.assert_silent("src/instance/a.c", source('#include "muster/world.h"'), beside=files)
        driver = {"src/drivers/web/page.c": source("int a(void);"),
                  "include/muster/page.h": source("")}
        self.assert_fires("floors", "src/gateway/a.c", source('#include "muster/page.h"'),
                          beside=driver)

    def test_a_header_of_nobody_counts_as_what_it_includes(self):
        files = {"include/muster/shared.h": source('#include "muster/space.h"')}
        self.assert_fires("floors", "src/net/a.c", source('#include "muster/shared.h"'),
                          beside=files)

    def test_a_game_includes_the_public_api_only(self):
        self.assert_silent("games/one/one.c", source('#include "muster/game.h"'))
        self.assert_fires("floors", "games/one/one.c", source('#include "core/assert.h"'))
        self.assert_silent("examples/one.c", source('#include "muster/client.h"'))
        self.assert_fires("floors", "examples/one.c", source('#include "drivers/udp.h"'))

    def test_the_link_graph_has_the_same_floors(self):
        head = "# SPDX-License-Identifier: Apache-2.0\n"
        path = "src/net/CMakeLists.txt"
        self.assert_silent(path, head + "muster_part(net DEPENDS wire core LIBRARIES X::Y)\n")
        self.assert_fires("links", path, head + "muster_part(net DEPENDS core space)\n")
        self.assert_fires("links", path, head + "muster_part(net DEPENDS sched)\n")

    def test_budgets_hold(self):
        self.assert_fires("columns", "src/net/a.c", source("//" + " x" * 60))
        self.assert_fires("columns", "tools/a.py", "# SPDX-License-Identifier: Apache-2.0\n" +
                          "#" * 101)
        self.assert_fires("file_lines", "src/net/a.c", source("\n" * 599))
        self.assert_silent("src/net/a.c", source("\n" * 598))
        self.assert_silent("tests/net/a_test.c", source("\n" * 900))
        self.assert_fires("file_lines", "include/muster/a.h", source("\n" * 249))
        self.assert_silent("include/muster/a.h", source("\n" * 248))
        self.assert_fires("file_bytes", "docs/a.md", "x\n" * 200_000)

    def test_a_function_has_at_most_seventy_lines(self):
        self.assert_silent("src/net/a.c", source("int a(void)\n{\n" + "    ;\n" * 67 + "}"))
        self.assert_fires("function_lines", "src/net/a.c",
                          source("int a(void)\n{\n" + "    ;\n" * 68 + "}"))

    def test_blocks_nest_four_deep(self):
        def nested(depth):
            return source("int a(void)\n{\n" + "    if (1) {\n" * depth + "    }\n" * depth + "}")
        self.assert_silent("src/net/a.c", nested(4))
        self.assert_fires("nesting", "src/net/a.c", nested(5))

    def test_initialisers_are_not_nesting(self):
        text = "int a(void)\n{\n" + "    x = (t){ {\n" * 5 + "    } };\n" * 5 + "}"
        self.assert_silent("src/net/a.c", source(text))

    def test_public_declarations_are_documented(self):
        path = "include/muster/a.h"
        for text in ("int a(void);", "typedef struct a a;", "#define A 1",
                     "/// Doc.\nstruct a {\n    int b;\n};", "enum a {\n    A = 1,\n};",
                     "/// Doc.\nenum a {\n    A = 1,\n\n    B = 2,\n};",
                     '/// Doc.\nextern "C" {\n/// Doc.\nint a(void);\n}\nint b(void);',
                     "/// Doc.\nstruct a {\n    /// Doc.\n    int b;\n\n    int (*c)(int);\n};",
                     "/// Doc.\nstatic inline int a(void)\n{\n    return 1;\n}\nint b(void);"):
            self.assert_fires("documented", path, source(text))

    def test_documented_declarations_pass(self):
        self.assert_silent("include/muster/a.h", source(
            '#ifdef X\nextern "C" {\n#endif\n/// Doc.\n#define A(b) \\\n    (b)\n'
            "/// Doc.\ntypedef struct a {\n    /// Doc.\n    int b[2];\n\n    /// Doc.\n"
            "    int (*c)(int d,\n        int e);\n} a;\n/// Doc.\nenum b {\n    /// Doc.\n"
            "    B = 1,\n};\n/// Doc.\nenum e {\n    E,\n    F,\n};\n"
            "/// Doc.\nint c(int d,\n    int e);\n/// Doc.\n"
            "static inline int f(void)\n{\n    int g = 1;\n    return g;\n}"))

    def test_banned_calls_are_found(self):
        for call, path in (("sprintf(a, b)", "apps/a.c"), ("strcpy(a, b)", "tests/a.c"),
                           ("rand()", "games/a/a.c"), ("time(NULL)", "src/net/a.c"),
                           ("assert(a)", "apps/a.c"), ("malloc(1)", "src/net/a.c"),
                           ("free(a)", "games/a/a.c"), ("sinf(a)", "src/space/a.c"),
                           ("pow(a, b)", "games/a/a.c"), ("fopen(a, b)", "src/net/a.c"),
                           ("clock_gettime(a, b)", "src/instance/a.c")):
            self.assert_fires("banned", path, source(f"int a = {call};"))
        self.assert_fires("banned", "src/grid/a.c", source("#include <math.h>"))
        self.assert_fires("banned", "src/net/a.c", source("#include <sys/socket.h>"))

    def test_allowed_calls_pass(self):
        for call, path in (("def->free(a)", "src/net/a.c"), ("assert_true(a)", "tests/a.c"),
                           ("muster_sin(a)", "src/space/a.c"), ("sinf(a)", "src/net/a.c"),
                           ("clock_gettime(a, b)", "src/drivers/a.c"), ("free(a)", "apps/a.c"),
                           ("malloc(1)", "src/core/heap.c"), ('"rand()"', "src/net/a.c")):
            self.assert_silent(path, source(f"int a = {call}; // time(NULL)"))

    def test_no_variable_outlives_a_call(self):
        for text in ("static int a;", "static int a = 1;", "    static char a[2];",
                     "extern int a;"):
            self.assert_fires("statics", "src/net/a.c", source(text))
        for text in ("static const int a = 1;", "static int a(int b);", "int a = 1;"):
            self.assert_silent("src/net/a.c", source(text))

    def test_words_and_paths_that_must_not_be_there(self):
        self.assert_fires("markers", "docs/a.md", "TO" "DO: later\n")
        self.assert_fires("machine_paths", "docs/a.md", "see /ho" "me/ada/x\n")
        self.assert_silent("docs/a.md", "see https://a.b/home/x and ~/home/x\n")

    def test_each_source_names_its_licence(self):
        self.assert_fires("spdx", "src/net/a.c", "int a(void);\n")
        self.assert_fires("spdx", "tools/a.sh", "#!/bin/sh\ntrue\n")
        self.assert_silent("tools/a.sh", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n")

    def test_names_have_their_form(self):
        self.assert_fires("file_name", "src/net/BadName.c", source(""))
        self.assert_fires("file_name", "fuzz/net/a.c", source(""))
        self.assert_fires("test_names", "tests/net/a_test.c",
                          source("    cmocka_unit_test(test_one_or_two),"))
        self.assert_fires("test_names", "tests/net/a_test.c",
                          source("    cmocka_unit_test(packet_drop),"))
        self.assert_silent("tests/net/a_test.c",
                           source("    cmocka_unit_test(a_late_packet_is_dropped),"))

    def test_documents_have_their_form(self):
        self.assert_fires("readme", "README.md", "x\n" * 101)
        hello = {"games/hello/hello.c": source("int a(void);")}
        self.assert_fires("quotes", "README.md", "no quote\n", beside=hello)
        self.assert_silent("README.md", "```c\nint a(void);\n```\n", beside=hello)
        client = {"examples/client.c": source("int main(void);")}
        self.assert_fires("quotes", "docs/client.md", "```c\nint b;\n```\n", beside=client)
        self.assert_silent("docs/client.md", "```c\nint main(void);\n```\n", beside=client)
        unity = {"sdk/c/unity/MusterWorld.cs": source("class A {}")}
        self.assert_fires("quotes", "sdk/c/unity.md", "```csharp\nclass B {}\n```\n", beside=unity)
        self.assert_silent("sdk/c/unity.md", "```csharp\nclass A {}\n```\n", beside=unity)
        self.assert_fires("changelog", "CHANGELOG.md", "# Changes\n")
        self.assert_fires("changelog", "CHANGELOG.md", "# Changelog\n## Yesterday\n")
        self.assert_fires("changelog", "CHANGELOG.md",
                          "# Changelog\n## Unreleased\n### Fixed\n### Added\n")
        self.assert_silent("CHANGELOG.md", "# Changelog\n## Unreleased\n### Added\n### Fixed\n")
        self.assert_fires("packages", "deps/a.txt", "b\na\n")
        self.assert_fires("packages", "deps/a.txt", "a b\n")

    @unittest.skipUnless(shutil.which("cc") and shutil.which("nm"), "no C compiler here")
    def test_a_module_exports_its_table_and_imports_nothing_of_the_host(self):
        table = "int muster_game_module(void) { return 0; }\n"
        with tempfile.TemporaryDirectory() as folder:
            for text, count in ((table, 0), (table + "int other(void) { return 0; }\n", 1),
                                ("int muster_help(void);\n" + table.replace("0;",
                                 "muster_help();"), 1), ("int other;\n", 1)):
                module = str(Path(folder, "game.so"))
                subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-", "-o", module], input=text,
                               text=True, check=True)
                self.assertEqual(count, len(list(tidy.check_exports(module))), text)


if __name__ == "__main__":
    unittest.main()
