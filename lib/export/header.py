#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write a header as it is installed: header.py INPUT OUTPUT NAME=INSTALLED...

Names that are too general for a system's include folder get the prefix of this project: those of
the files that are included, and the macro that guards against a second inclusion. A header that
includes one of this project which is not installed is an error: it would not compile elsewhere.
"""
import re
import sys


def main():
    source, target, *pairs = sys.argv[1:]
    installed = dict(pair.split("=") for pair in pairs)

    def include(match):
        if match[1] not in installed:
            sys.exit(f"{source}: includes {match[1]}, which is not installed")
        return f'#include "{installed[match[1]]}"'

    with open(source, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r'^#include "(.*)"', include, text, flags=re.M)
    guard = re.search(r"^#ifndef (\w+_H)\n#define \1\n", text, re.M)
    if guard is None:
        sys.exit(f"{source}: no guard against a second inclusion")
    if not guard[1].startswith(("ISM_", "RTE_")):
        text = re.sub(rf"\b{guard[1]}\b", f"ISM_{guard[1]}", text)
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)


main()
