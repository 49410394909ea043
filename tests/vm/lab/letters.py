# SPDX-License-Identifier: GPL-2.0-or-later
"""Japanese letters on a console of the kernel's, as somebody sees them: their dots in the picture of the screen."""
import re

from .monitors import picture
from .paths import TOP

CELL, DOTS = (8, 16), 16  # of the console's font in the lab
GLYPH = re.compile(r"\{(0x[0-9a-f]+), \{([^}]*)\}\}")


def _glyphs():
    source = (TOP / "agent" / "lock" / "kanji.c").read_text(encoding="utf-8")
    return {chr(int(code, 16)): [int(row, 16) for row in rows.split(",")] for code, rows in GLYPH.findall(source)}


def stands(pc, text, line, column):
    """Is this text there, from that cell on?"""
    glyphs, (width, height, pixels) = _glyphs(), picture(pc)
    for letter in text:
        for y in range(DOTS):
            at = 3 * ((line * CELL[1] + y) * width + column * CELL[0])
            seen = sum((pixels[at + 3 * x] > 64) << (DOTS - 1 - x) for x in range(DOTS))
            if seen != glyphs[letter][y]:
                return False
        column += 2
    return True
