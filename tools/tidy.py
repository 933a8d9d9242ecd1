#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house, as a program.

    tools/tidy.py                      checks every file of the tree
    tools/tidy.py --exports game.so    checks what a built game module exports and imports

Each rule is a function that takes a File (or the Tree) and yields (line, message). A rule that
has to give way does so in EXCEPTIONS, with the reason.
"""

import re
import subprocess
import sys
from pathlib import Path

# The parts of src/ by floor: a part includes strictly lower floors. Drivers stand aside: they may
# include any part, and only apps, tests, benches and fuzzers include them.
FLOORS = {
    "core": 0,
    "wire": 1, "stats": 1, "grid": 1,
    "sched": 2, "net": 2,
    "space": 3, "mind": 3, "replica": 3, "ledger": 3, "stream": 3, "traffic": 3,
    "instance": 4, "gateway": 4, "client": 4,
    "mesh": 5, "director": 5,
    "drivers": 6,
}

# (rule, path, reason). A path ends in "/" to name a folder.
EXCEPTIONS = [
    ("malloc", "src/core/heap.c", "the one file that may"),
    ("io", "src/core/heap.c", "madvise() only says what memory is for"),
    ("io", "src/core/assert.c", "the last words of a process that stops itself"),
    ("io", "src/core/address.c", "inet_pton() and inet_ntop() only turn text into bytes"),
    ("file_name", "sdk/c/unreal/", "Unreal has its own names"),
    ("file_name", "tests/sdk_c/unreal/", "Unreal has its own names"),
    ("documented", "include/muster/base.h:MUSTER_API", "two forms, explained by the #ifdef"),
]

FUNCTION_LINES_MAX = 70
SOURCE_LINES_MAX = 600
HEADER_LINES_MAX = 250
ABI_HEADER_LINES_MAX = 400
COLUMNS_MAX = 100
NESTING_MAX = 4
README_LINES_MAX = 100
FILE_BYTES_MAX = 300_000

# The documents that show a whole program.
QUOTES = {"README.md": "games/hello/hello.c", "docs/client.md": "examples/client.c",
          "sdk/c/unity.md": "sdk/c/unity/MusterWorld.cs",
          "sdk/c/unreal.md": "sdk/c/unreal/MusterSdk.Build.cs"}
QUOTE_LANGUAGES = {"c": "c", "cs": "csharp"}

# Who builds on the public API alone.
USERS = ("games/", "examples/", "sdk/")

# What engines and managed languages call: it must read the same in every language.
ABI_HEADER = "sdk/c/muster_client.h"

DETERMINISTIC = ("src/space/", "src/grid/", "src/mind/", "src/instance/", "games/")
TEST_FOLDERS = ("tests/", "bench/", "fuzz/")

# (rule, names, where it holds, what to use instead). `where` takes the path.
BANNED_CALLS = [
    ("strings", "sprintf vsprintf strcpy strcat strncpy strncat stpcpy gets",
     lambda path: True, "snprintf(), or memcpy() of a checked length"),
    ("strings", "atoi atol atoll atof",
     lambda path: True, "strtol() and its kin, with the end checked"),
    ("random", "rand srand rand_r random srandom drand48 lrand48",
     lambda path: True, "muster/random.h, or harness/random.h in tests"),
    ("time", "time localtime gmtime ctime asctime",
     lambda path: not is_outside(path), "an argument: time comes from the caller"),
    ("assert", "assert", lambda path: True, "MUSTER_ASSERT()"),
    ("malloc", "malloc calloc realloc free aligned_alloc posix_memalign strdup strndup asprintf",
     lambda path: keeps_house(path), "a muster_allocator"),
    ("alloca", "alloca", lambda path: True, "an array of fixed size"),
    ("libm", "sin cos tan asin acos atan atan2 sinh cosh tanh exp exp2 expm1 log log2 log10 log1p "
     "pow sqrt cbrt hypot fmod remainder floor ceil round trunc lround fma fabs fmin fmax",
     lambda path: path.startswith(DETERMINISTIC), "muster/math.h"),
    ("io", "printf fprintf puts fputs putchar fopen fread fwrite fclose getenv system popen exit "
     "clock clock_gettime gettimeofday nanosleep usleep sleep recvfrom recvmsg sendto sendmsg",
     lambda path: keeps_house(path), "a driver: parts do no I/O"),
]
BANNED_HEADERS = [
    ("libm", r"math\.h|tgmath\.h|complex\.h",
     lambda path: path.startswith(DETERMINISTIC), "muster/math.h"),
    ("io", r"time\.h|unistd\.h|fcntl\.h|poll\.h|pthread\.h|threads\.h|signal\.h|dlfcn\.h|dirent\.h"
     r"|sys/.*|net/.*|netinet/.*|arpa/.*|linux/.*",
     lambda path: is_library(path) or path.startswith("games/"), "a driver: parts do no I/O"),
]


def is_library(path):
    return path.startswith("src/") and not path.startswith("src/drivers/")


def keeps_house(path):
    """Code of ours inside somebody else's process, that only asks the parts for what it needs."""
    is_sdk = path.startswith("sdk/c/") and path != "sdk/c/example.c"
    return is_library(path) or path.startswith("games/") or is_sdk


def is_outside(path):
    """Code that may talk to the operating system, or that only a test machine runs."""
    return path.startswith(("src/drivers/", "apps/") + TEST_FOLDERS)


def blank_comments(text):
    """C source with comments and the insides of literals blanked, every line at its place."""
    token = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)

    def blank(match):
        word = match.group()
        if word[0] in "\"'":
            return word[0] + " " * (len(word) - 2) + word[0]
        return re.sub(r"[^\n]", " ", word)

    return token.sub(blank, text)


class File:
    def __init__(self, path, text):
        self.path = path
        self.name = path.rsplit("/", 1)[-1]
        self.text = text
        self.lines = text.splitlines()
        self.is_c = path.endswith((".c", ".h"))
        self.is_public = bool(re.fullmatch(r"include/muster/[^/]+\.h", path))
        self.is_documented = self.is_public or path == ABI_HEADER
        self.code = blank_comments(text) if self.is_c else ""
        self.code_lines = self.code.splitlines()

    def includes(self):
        """(line, path) of each #include, quoted ones as written, others in angle brackets."""
        for number, line in enumerate(self.lines, 1):
            match = re.match(r'\s*#\s*include\s+("([^"]+)"|<[^>]+>)', line)
            if match:
                yield number, match.group(2) or match.group(1)


class Tree:
    """The files of a working tree that git tracks or would track."""

    def __init__(self, root):
        self.root = Path(root)
        self.paths = sorted(self.list_paths())
        self.files = {}
        for path in self.paths:
            try:
                self.files[path] = File(path, (self.root / path).read_text("utf-8"))
            except UnicodeDecodeError:
                pass  # a picture or a capture: only its size is checked

    def list_paths(self):
        git = subprocess.run(
            ["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard", "-z"],
            capture_output=True, text=True, check=False)
        if git.returncode == 0:
            paths = git.stdout.split("\0")
        else:
            paths = [str(p.relative_to(self.root)) for p in self.root.rglob("*")]
            paths = [p for p in paths if not p.startswith((".git/", "build/"))]
        return [p for p in paths if p and (self.root / p).is_file()]

    def part_of_header(self, header):
        """The part that owns a public header: the one of that name, or with a source of it."""
        noun = header.removeprefix("muster/").removesuffix(".h")
        if noun in FLOORS:
            return noun
        owners = {p.split("/")[1] for p in self.paths
                  if re.fullmatch(rf"src/[^/]+/([^/]+/)?{re.escape(noun)}\.c", p)}
        return owners.pop() if len(owners) == 1 else None


# ---- floors ----------------------------------------------------------------------------------

def parts_behind(tree, include, seen):
    """The parts that an #include of a project header leads to. A public header without a part of
    its own counts as what it includes."""
    if include in seen:
        return
    seen.add(include)
    if not include.startswith("muster/"):
        yield include.split("/")[0]
        return
    part = tree.part_of_header(include)
    if part is not None:
        yield part
        return
    header = tree.files.get("include/" + include)
    for _, inner in header.includes() if header else ():
        if not inner.startswith("<"):
            yield from parts_behind(tree, inner, seen)


def rule_floors(tree, file):
    if not file.is_c or file.path.startswith(("apps/",) + TEST_FOLDERS):
        return
    own = file.path.split("/")[1] if file.path.startswith("src/") else None
    if file.is_public:
        own = tree.part_of_header("muster/" + file.name)
    if own is not None and own not in FLOORS:
        yield 1, f"part '{own}' has no floor; it belongs in the table of tools/tidy.py"
        return
    for number, include in file.includes():
        if include.startswith("<"):
            continue
        if "/" not in include:
            if not file.path.startswith(("games/", "sdk/")):
                yield number, f'"{include}" is written with its folder: "part/noun.h"'
            continue
        if file.path.startswith(USERS) and not include.startswith("muster/"):
            yield number, f'a game, an example or an SDK uses the public API, not "{include}"'
            continue
        for part in parts_behind(tree, include, set()):
            if part == own or part not in FLOORS or own is None:
                continue
            if FLOORS[part] >= FLOORS[own]:
                yield number, (f'{own} (floor {FLOORS[own]}) includes "{include}" of {part} '
                               f"(floor {FLOORS[part]}): only lower floors, never sideways")


def rule_links(tree, file):
    """The same floors in the link graph."""
    match = re.search(r"muster_part\((\w+)([^)]*)\)", file.text)
    if not match or not re.fullmatch(r"src/\w+/CMakeLists\.txt", file.path):
        return
    own = match.group(1)
    depends = re.search(r"DEPENDS((?:\s+[a-z]\w*)*)", match.group(2))
    for part in depends.group(1).split() if depends else ():
        if FLOORS.get(part, 99) >= FLOORS.get(own, -1):
            yield 1, f"{own} links {part}, which is not on a lower floor"


# ---- budgets ---------------------------------------------------------------------------------

def rule_columns(tree, file):
    kinds = (".c", ".h", ".sh", ".py", ".js", ".mjs", ".css")
    if not file.path.endswith(kinds) and file.name not in ("test", "demo"):
        return
    for number, line in enumerate(file.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield number, f"{len(line)} columns, at most {COLUMNS_MAX}"


def rule_file_lines(tree, file):
    count = len(file.lines)
    if file.is_public and count > HEADER_LINES_MAX:
        yield 1, f"a public header of {count} lines, at most {HEADER_LINES_MAX}"
    if file.path == ABI_HEADER and count > ABI_HEADER_LINES_MAX:
        yield 1, f"an interface of {count} lines, at most {ABI_HEADER_LINES_MAX}"
    if file.is_c and not file.path.startswith(TEST_FOLDERS) and count > SOURCE_LINES_MAX:
        yield 1, f"a source of {count} lines, at most {SOURCE_LINES_MAX}"


def functions(file):
    """(first line, last line) of each function: the body's braces stand in the first column."""
    start = None
    for number, line in enumerate(file.code_lines, 1):
        if line.startswith("{") and number > 1 and file.code_lines[number - 2].rstrip()[-1:] == ")":
            start = number - 1
            while start > 1 and re.match(r"\s+\S", file.code_lines[start - 1]):
                start -= 1
        elif line.startswith("}") and start is not None:
            yield start, number
            start = None


def rule_function_lines(tree, file):
    for start, end in functions(file):
        if end - start + 1 > FUNCTION_LINES_MAX:
            yield start, f"a function of {end - start + 1} lines, at most {FUNCTION_LINES_MAX}"


def rule_nesting(tree, file):
    """Blocks of control inside a function; the braces of initialisers do not count."""
    for start, end in functions(file):
        stack = []
        for number in range(start, end + 1):
            line = file.code_lines[number - 1].rstrip()
            for match in re.finditer(r"[{}]", line):
                if match.group() == "}":
                    if stack:
                        stack.pop()
                    continue
                before = line[:match.start()]
                stack.append(bool(re.search(r"(\) |\belse |\bdo |^)$", before)))
                if sum(stack) - 1 > NESTING_MAX and stack[-1]:
                    yield number, f"blocks nested {sum(stack) - 1} deep, at most {NESTING_MAX}"


def rule_file_bytes(tree, path):
    size = (tree.root / path).stat().st_size
    if size > FILE_BYTES_MAX:
        yield 1, f"{size} bytes; tracked files have at most {FILE_BYTES_MAX}"


# ---- words -----------------------------------------------------------------------------------


def declarations(code):
    """(line, text so far) of each declaration of a header: at file level, fields, enumerators."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: re.sub(r"[^\n]", " ", m.group()),
                  code, flags=re.M)
    open_kinds, start, previous = [], None, ""
    for match in re.finditer(r"\S", code):
        char, at = match.group(), match.start()
        is_inside = bool({"skip", "body"}.intersection(open_kinds))
        if char in "({":
            kind = "skip"
            if char == "{" and not is_inside and previous != "=":
                is_enum = re.search(r"\benum\b", code[start or at:at])
                kind = {")": "body", '"': "block"}.get(previous, "enum" if is_enum else "members")
            open_kinds.append(kind)
            start = start if kind == "skip" else None
        elif char in ")}":
            kind = open_kinds.pop() if open_kinds else ""
            if kind in ("body", "block"):
                start = None
            elif kind != "skip":
                start = at  # the name of the type follows, and a semicolon
        elif not is_inside:
            if char == ";" or char == "," and open_kinds[-1:] == ["enum"]:
                start = None
            elif start is None:
                start = at
                if not code.startswith('extern "', at):
                    yield code.count("\n", 0, at) + 1, code[at:at + 200]
        previous = char


def rule_documented(tree, file):
    """Each declaration of a public header, also fields, enumerators and macros, has a ///."""
    if not file.is_documented:
        return
    found = [(number, re.split(r"[;,=({[]", text)[0].split()[-1])
             for number, text in declarations(file.code)]
    for number, line in enumerate(file.code_lines, 1):
        match = re.match(r"\s*#\s*define\s+(\w+)", line)
        if match:
            found.append((number, match.group(1)))
    for number, name in found:
        if not is_documented(file, number):
            yield number, f"'{name}' has no /// comment"


def is_documented(file, number):
    """A comment holds for the lines below it up to an empty one, so neighbours may share one; the
    comment of an enum may hold for its enumerators, that of a struct never for its fields."""
    if "///" in file.lines[number - 1]:
        return True
    for line in reversed(file.lines[:number - 1]):
        text = line.strip()
        if text.startswith("///"):
            return True
        if not text or text[0] == "}" or text.endswith("{") and "enum" not in text:
            return False
    return False


def rule_banned(tree, file):
    if not file.is_c:
        return
    for rule, names, holds, instead in BANNED_CALLS:
        if not holds(file.path) or is_excepted(rule, file.path):
            continue
        suffix = "f?" if rule == "libm" else ""
        pattern = re.compile(rf"(?<![\w.>])({'|'.join(names.split())}){suffix}\s*\(")
        for number, line in enumerate(file.code_lines, 1):
            match = pattern.search(line)
            if match:
                yield number, f"[{rule}] {match.group(1)}() is banned here; use {instead}"
    for rule, pattern, holds, instead in BANNED_HEADERS:
        if not holds(file.path) or is_excepted(rule, file.path):
            continue
        for number, include in file.includes():
            if re.fullmatch(f"<({pattern})>", include):
                yield number, f"[{rule}] {include} is banned here; use {instead}"


def rule_abi(tree, file):
    """Types of the same width everywhere, nothing that calls back, no bit fields, no unions."""
    if file.path != ABI_HEADER:
        return
    loose = "int|long|short|unsigned|bool|_Bool|size_t|enum|union"
    banned = [(rf"\b({loose})\b", "a type of fixed width"),
              (r"\.\.\.", "a fixed number of parameters"),
              (r"\(\s*\*", "no pointer to a function"),
              (r"\w\s*:\s*\d", "a whole field")]
    for number, line in enumerate(file.code_lines, 1):
        for pattern, instead in banned:
            match = re.search(pattern, line)
            if match:
                yield number, f"{match.group()} in an interface of engines; use {instead}"
    for number, include in file.includes():
        if include != "<stdint.h>":
            yield number, f"{include}: the interface needs <stdint.h> alone"


def rule_statics(tree, file):
    """No variable outlives a call: parts and games keep their state in what the caller owns."""
    if not keeps_house(file.path) or not file.path.endswith(".c"):
        return
    for number, line in enumerate(file.code_lines, 1):
        if re.match(r"\s*(static|extern|_Thread_local)\b(?!.*\bconst\b)[^(]*(=|;|\[)", line):
            yield number, "a variable that outlives a call; state belongs to an object"


def rule_markers(tree, file):
    if file.path.endswith((".c", ".h", ".sh", ".py", ".js", ".cmake", ".md", ".txt")):
        for number, line in enumerate(file.lines, 1):
            match = re.search(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", line)
            if match:
                yield number, f"'{match.group(1)}': do it, or open an issue"


def rule_machine_paths(tree, file):
    pattern = re.compile(r"(?<![\w.~/$}-])/(home|root|work|Users|mnt|media)/[\w.]")
    for number, line in enumerate(file.lines, 1):
        if pattern.search(line):
            yield number, "a path of one machine"


def rule_spdx(tree, file):
    is_script = file.name in ("test", "demo") or file.path == ".ci/run"
    kinds = r"\.(c|h|cpp|cs|py|sh|cmake|m?js|d\.ts|css)$|CMakeLists\.txt$"
    if not is_script and not re.search(kinds, file.name):
        return
    first = 1 if file.lines and file.lines[0].startswith("#!") else 0
    words = file.lines[first] if len(file.lines) > first else ""
    if "SPDX-License-Identifier: Apache-2.0" not in words:
        yield first + 1, "the first line names the licence: SPDX-License-Identifier: Apache-2.0"


def rule_file_name(tree, file):
    if file.path.startswith(("src/", "include/", "tests/", "fuzz/", "bench/", "apps/", "games/",
                              "examples/", "sdk/c/")):
        if file.is_c and not re.fullmatch(r"[a-z][a-z0-9_]*\.[ch]", file.name):
            yield 1, "a source is named in snake_case"
        folder = file.path.split("/")[0]
        suffix = {"fuzz": "_fuzz.c", "bench": "_bench.c"}.get(folder)
        if suffix and file.path.endswith(".c") and "/harness/" not in file.path:
            if not file.name.endswith(suffix):
                yield 1, f"a source in {folder}/ is named <unit>{suffix}"


def rule_test_names(tree, file):
    if not file.path.startswith("tests/") or not file.path.endswith("_test.c"):
        return
    for number, line in enumerate(file.code_lines, 1):
        match = re.search(r"cmocka_unit_test\w*\(\s*(\w+)", line)
        if match and (match.group(1).startswith("test_") or match.group(1).count("_") < 2):
            yield number, f"'{match.group(1)}': a test's name is a sentence about behaviour"


# ---- documents -------------------------------------------------------------------------------

def rule_readme(tree, file):
    if file.path != "README.md":
        return
    if len(file.lines) > README_LINES_MAX:
        yield 1, f"{len(file.lines)} lines, at most {README_LINES_MAX}"


def rule_quotes(tree, file):
    """A program that a document shows is one that is built and tested, word for word."""
    source = tree.files.get(QUOTES.get(file.path))
    if not source:
        return
    language = QUOTE_LANGUAGES[source.path.rsplit(".", 1)[1]]
    quote = f"```{language}\n" + source.text.split("\n", 1)[1].lstrip("\n") + "```"
    if quote not in file.text:
        yield 1, f"{source.path} (without its licence line) is quoted in a ```{language} block"


def rule_changelog(tree, file):
    if file.path != "CHANGELOG.md":
        return
    order = ["Breaking", "Added", "Changed", "Fixed", "Measured"]
    if file.lines[:1] != ["# Changelog"]:
        yield 1, "the first line is '# Changelog'"
    last = -1
    for number, line in enumerate(file.lines, 1):
        if line.startswith("## "):
            last = -1
            if not re.fullmatch(r"## (Unreleased|\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\))", line):
                yield number, "a release is '## Unreleased' or '## 1.2.3 (2030-01-31)'"
        elif line.startswith("### "):
            place = order.index(line[4:]) if line[4:] in order else -1
            if place <= last:
                yield number, "sections are " + ", ".join(order) + ", in this order"
            last = place


def rule_packages(tree, file):
    if not re.fullmatch(r"deps/\w+\.txt", file.path):
        return
    for number, line in enumerate(file.lines, 1):
        if not re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", line):
            yield number, "one package name a line, nothing else"
    if file.lines != sorted(set(file.lines)):
        yield 1, "package names are sorted, each once"


# ---- game modules ----------------------------------------------------------------------------

def check_exports(path):
    """A module exports its table and nothing else, and asks the host for nothing."""
    def symbols(*flags):
        output = subprocess.run(["nm", "-D", *flags, path], capture_output=True, text=True,
                                check=True).stdout
        return {line.split()[-1].split("@")[0] for line in output.splitlines()}

    exported = symbols("--defined-only") - {"_init", "_fini", "_edata", "_end", "__bss_start"}
    if exported != {"muster_game_module"}:
        yield f"{path}: exports {sorted(exported)}; a module exports just muster_game_module"
    imported = {name for name in symbols("--undefined-only") if name.startswith("muster_")}
    if imported:
        yield f"{path}: imports {sorted(imported)}; a module gets the host's functions in a table"


# ---- all of it -------------------------------------------------------------------------------

def is_excepted(rule, place):
    return any(r == rule and (place == p or p.endswith("/") and place.startswith(p))
               for r, p, _ in EXCEPTIONS)


RULES = [rule_floors, rule_links, rule_columns, rule_file_lines, rule_function_lines, rule_nesting,
         rule_documented, rule_banned, rule_abi, rule_statics, rule_markers, rule_machine_paths,
         rule_spdx, rule_file_name, rule_test_names, rule_readme, rule_quotes, rule_changelog,
         rule_packages]


def check_tree(root):
    """Every finding, as (path, line, rule, message)."""
    tree = Tree(root)
    for path in tree.paths:
        for number, message in rule_file_bytes(tree, path):
            yield path, number, "file_bytes", message
        file = tree.files.get(path)
        for rule in RULES if file else ():
            name = rule.__name__.removeprefix("rule_")
            for number, message in rule(tree, file):
                quoted = re.match(r"'(\w+)'", message)
                place = f"{path}:{quoted.group(1)}" if quoted else path
                if not is_excepted(name, place) and not is_excepted(name, path):
                    yield path, number, name, message


def main(arguments):
    if arguments[:1] == ["--exports"] and len(arguments) > 1:
        findings = [text for path in arguments[1:] for text in check_exports(path)]
    elif not arguments:
        root = Path(__file__).resolve().parent.parent
        findings = [f"{path}:{number}: {rule}: {message}"
                    for path, number, rule, message in check_tree(root)]
    else:
        print(__doc__, file=sys.stderr)
        return 2
    print("\n".join(findings) if findings else "tidy: nothing to complain about")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
