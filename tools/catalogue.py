# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads lib/reason/catalogue.def and lib/log/ids.h."""
import re
from collections import namedtuple

import tree

CATALOGUE = "lib/reason/catalogue.def"
IDS = "lib/log/ids.h"
ENTRY = re.compile(r'REASON\((\d+), (\w+), (\w+),\s*((?:"(?:[^"\\]|\\.)*",?\s*){4})\)', re.S)

Reason = namedtuple("Reason", "line code name severity en_what en_next ja_what ja_next")


def body():
    return re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), tree.read(CATALOGUE), flags=re.S)


def reasons():
    """In order of their codes, by which sk_reason_find() looks for them."""
    text, last = body(), 0
    for found in ENTRY.finditer(text):
        if int(found[1]) <= last:
            raise SystemExit(f"{CATALOGUE}: {found[1]} stands behind {last}")
        last = int(found[1])
        strings = re.findall(r'"((?:[^"\\]|\\.)*)"', found[4])
        yield Reason(text.count("\n", 0, found.start()) + 1, int(found[1]), found[2], found[3], *strings)


def message_ids():
    return dict(re.findall(r'#define (SK_MESSAGE_\w+) "([0-9a-f]{32})"', tree.read(IDS)))
