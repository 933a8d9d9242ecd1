# SPDX-License-Identifier: Apache-2.0
"""What sdk/c/muster_client.h declares, read from its text, and the same as ctypes has it.

    header = Header(path)
    header.constants["MUSTER_SDK_ABI"], header.structs["muster_sdk_entity"], header.functions

What cannot be read is an error: a new kind of declaration must not pass unseen.
"""

import ctypes
import re
from pathlib import Path

SCALARS = {
    "uint8_t": ctypes.c_uint8, "int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64, "float": ctypes.c_float, "double": ctypes.c_double,
    "char": ctypes.c_char,
}


class Field:
    def __init__(self, kind, name, count):
        self.kind, self.name, self.count = kind, name, count


class Param:
    """`kind` is the C type without const and stars; `stars` counts those."""
    def __init__(self, kind, name, stars, is_const):
        self.kind, self.name, self.stars, self.is_const = kind, name, stars, is_const


class Function:
    def __init__(self, name, result, params):
        self.name, self.result, self.params = name, result, params


class Header:
    def __init__(self, path):
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", Path(path).read_text("utf-8"), flags=re.S)
        self.constants = {
            name: int(value.strip("()"))
            for name, value in re.findall(r"#define (MUSTER_SDK_\w+)\s+(\(?-?\d+\)?)\s*$", text,
                                          re.M)}
        text = re.sub(r"^#.*$", "", text, flags=re.M)
        self.structs, self.functions, self.opaque = {}, {}, []
        for declaration in self.split(text):
            self.read(" ".join(declaration.split()))

    @staticmethod
    def split(text):
        """Declarations, each up to the semicolon outside of braces."""
        depth, start = 0, 0
        for at, char in enumerate(text):
            depth += {"{": 1, "}": -1}.get(char, 0)
            if char == ";" and depth == 0:
                yield text[start:at]
                start = at + 1
        if text[start:].strip():
            raise ValueError(f"no end: {text[start:]}")

    def read(self, text):
        struct = re.fullmatch(r"typedef struct (\w+) \{(.*)\} (\w+)", text)
        function = re.fullmatch(r"MUSTER_SDK_API (\w+) (\w+)\((.*)\)", text)
        opaque = re.fullmatch(r"typedef struct (\w+) (\w+)", text)
        if struct:
            fields = [self.read_field(part) for part in struct.group(2).split(";") if part.strip()]
            self.structs[struct.group(3)] = fields
        elif function:
            params = [] if function.group(3) == "void" else function.group(3).split(",")
            name = function.group(2)
            self.functions[name] = Function(
                name, function.group(1), [self.read_param(part.strip()) for part in params])
        elif opaque and opaque.group(1) == opaque.group(2):
            self.opaque.append(opaque.group(1))
        else:
            raise ValueError(f"cannot read: {text}")

    def read_field(self, text):
        match = re.fullmatch(r"(\w+) (\w+)(?:\[(\w+)\])?", text.strip())
        if not match or match.group(1) not in SCALARS and match.group(1) not in self.structs:
            raise ValueError(f"cannot read field: {text}")
        count = match.group(3)
        return Field(match.group(1), match.group(2),
                     None if count is None else self.constants.get(count) or int(count))

    def read_param(self, text):
        match = re.fullmatch(r"(const )?(\w+) (\**)(\w+)", text)
        known = list(SCALARS) + list(self.structs) + self.opaque
        if not match or match.group(2) not in known:
            raise ValueError(f"cannot read parameter: {text}")
        return Param(match.group(2), match.group(4), len(match.group(3)), bool(match.group(1)))

    def ctypes_structs(self):
        """{name: ctypes.Structure} of the structs."""
        classes = {}
        for name, fields in self.structs.items():
            entries = []
            for field in fields:
                kind = SCALARS.get(field.kind) or classes[field.kind]
                entries.append((field.name, kind if field.count is None else kind * field.count))
            classes[name] = type(name, (ctypes.Structure,), {"_fields_": entries})
        return classes

    def bind(self, library, classes):
        """Gives the functions of a library that ctypes has loaded their types."""
        for function in self.functions.values():
            bound = getattr(library, function.name)
            bound.restype = SCALARS.get(function.result)
            bound.argtypes = [self.ctypes_param(param, classes) for param in function.params]

    @staticmethod
    def ctypes_param(param, classes):
        if param.stars == 0:
            return SCALARS[param.kind]
        if param.kind == "char":
            return ctypes.c_char_p
        kind = ctypes.c_void_p
        if param.kind in SCALARS or param.kind in classes:
            kind = ctypes.POINTER(SCALARS.get(param.kind) or classes[param.kind])
        return kind if param.stars == 1 or kind != ctypes.c_void_p else ctypes.POINTER(kind)
