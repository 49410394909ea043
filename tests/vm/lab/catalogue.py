# SPDX-License-Identifier: GPL-2.0-or-later
"""The texts of the reason codes, from the product's own catalogue."""
import re

from .paths import TOP

ENTRY = re.compile(r'REASON\((\d+),\s*\w+,\s*\w+,\s*((?:"(?:[^"\\]|\\.)*"\s*,?\s*)+)\)', re.S)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def texts():
    """{"SK-1102": (what en, next en, what ja, next ja)}"""
    source = (TOP / "lib" / "reason" / "catalogue.def").read_text()
    found = {}
    for number, strings in ENTRY.findall(source):
        parts = [s.replace('\\"', '"') for s in STRING.findall(strings)]
        if len(parts) == 4:
            found[f"SK-{int(number):04d}"] = tuple(parts)
    return found
