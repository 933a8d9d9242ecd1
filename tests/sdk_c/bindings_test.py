#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The C# declarations of sdk/c/unity are those of muster_client.h: every function with its
parameters, every struct with its fields in order, every number.

    bindings_test.py HEADER CS_FILE
    bindings_test.py HEADER CS_FILE --mutate     also: each single change of the C# file is noticed
"""

import re
import sys
from pathlib import Path

from header import Header

# C to C#, by value and inside of structs.
SCALARS = {"uint8_t": "byte", "int32_t": "int", "uint32_t": "uint", "uint64_t": "ulong",
           "float": "float", "double": "double", "char": "byte", "void": "void"}

# Parameters that take a whole array, by name, although their type does not say so.
ARRAYS = {"out_entities", "out_actions", "out_bytes", "out_numbers", "out_place"}


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def pascal(name):
    return "".join(word.capitalize() for word in name.lower().split("_"))


def struct_name(name):
    return "Muster" + pascal(name.removeprefix("muster_sdk_"))


def expected_param(param):
    """The C# declaration of a parameter: its type with its modifiers."""
    if param.kind == "muster_sdk_client":
        return "out IntPtr" if param.stars == 2 else "IntPtr"
    kind = SCALARS.get(param.kind) or struct_name(param.kind)
    if param.stars == 0:
        return kind
    if param.name in ARRAYS:
        return f"[Out] {kind}[]"
    if param.name.startswith("out_"):
        return f"out {kind}"
    return f"ref {kind}" if param.kind not in SCALARS else f"{kind}[]"


def expected_fields(header, fields):
    for field in fields:
        kind = SCALARS.get(field.kind) or struct_name(field.kind)
        if field.count is None:
            yield f"public {kind} {camel(field.name)}"
        else:
            yield f"public fixed {kind} {camel(field.name)}[{field.count}]"


def expected(header):
    """Everything that the C# file must declare, as {what: how}."""
    facts = {}
    for name, value in header.constants.items():
        facts["const " + pascal(name.removeprefix("MUSTER_SDK_"))] = str(value)
    for name, fields in header.structs.items():
        facts["struct " + struct_name(name)] = list(expected_fields(header, fields))
    for function in header.functions.values():
        params = [f"{expected_param(p)} {camel(p.name.removeprefix('out_'))}"
                  for p in function.params]
        facts["function " + function.name] = (SCALARS[function.result], params)
    return facts


def declared(text):
    """The same of a C# file."""
    text = re.sub(r"//[^\n]*", "", text)
    facts = {}

    def note(name, fact):
        if name in facts:
            raise ValueError(f"twice: {name}")
        facts[name] = fact

    for name, value in re.findall(r"public const int (\w+) = (-?\d+);", text):
        note("const " + name, value)
    structs = r"\[StructLayout\(LayoutKind\.Sequential\)\]\s+public (?:unsafe )?struct (\w+)\s*"
    for name, body in re.findall(structs + r"\{(.*?)\}", text, re.S):
        note("struct " + name, [" ".join(part.split()) for part in body.split(";")
                                if part.strip()])
    imports = (r"\[DllImport\(Library, CallingConvention = CallingConvention\.Cdecl\)\]\s+"
               r"public static extern (\w+) (\w+)\((.*?)\);")
    for result, name, params in re.findall(imports, text, re.S):
        parts = [" ".join(part.split()).replace("@", "") for part in params.split(",")]
        note("function " + name, (result, [part for part in parts if part]))
    for word, pattern in (("const ", r"\bconst int\b"), ("struct ", r"\bstruct\b"),
                          ("function ", r"\bextern\b")):
        count = sum(name.startswith(word) for name in facts)
        if count != len(re.findall(pattern, text)):
            raise ValueError(f"a {word.strip()} that cannot be read")
    return facts


def differences(header, text):
    wanted = expected(header)
    try:
        found = declared(text)
    except ValueError as error:
        return [str(error)]
    return [f"{name}: {found.get(name)} where the header says {wanted.get(name)}"
            for name in sorted(set(wanted) | set(found)) if wanted.get(name) != found.get(name)]


def unnoticed_changes(header, text):
    """Changes of one declaration each that would pass: there must be none."""
    body = text.index("namespace")
    swaps = {"uint": "int", "int": "uint", "ulong": "uint", "double": "float", "float": "double",
             "byte": "sbyte", "out": "ref", "ref": "out", "fixed": "", "Sequential": "Auto",
             "Cdecl": "StdCall"}
    for match in re.finditer(r"\w+", text):
        word = match.group()
        is_number = re.fullmatch(r"\d+", word) is not None
        if match.start() < body or word not in swaps and not is_number:
            continue
        other = str(int(word) + 1) if is_number else swaps[word]
        changed = text[:match.start()] + other + text[match.end():]
        if not differences(header, changed):
            yield text.count("\n", 0, match.start()) + 1, word


def main(header_path, cs_path, *flags):
    header = Header(header_path)
    text = Path(cs_path).read_text("utf-8")
    found = differences(header, text)
    assert not found, "\n".join(found)
    if "--mutate" in flags:
        unnoticed = list(unnoticed_changes(header, text))
        assert not unnoticed, unnoticed
    print(f"{len(expected(header))} declarations agree")


if __name__ == "__main__":
    main(*sys.argv[1:])
