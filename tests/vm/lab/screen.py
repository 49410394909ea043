# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person at the PC does: look at the screen, type."""
import os
import time

# Characters whose key has another name, or needs Shift (US layout).
KEYS = {" ": "spc", "\n": "ret", "-": "minus", "=": "equal", ".": "dot", ",": "comma", "/": "slash",
        ";": "semicolon", "'": "apostrophe", "\\": "backslash", "[": "bracket_left", "]": "bracket_right"}
SHIFTED = dict(zip('!@#$%^&*()_+{}|:"<>?~', "1234567890-=[]\\;',./`"))


class Screen:
    def screenshot(self, path):
        """A picture of the screen (PNG); needs vga=True."""
        part = f"{path}.part"
        self.qmp("screendump", filename=os.path.abspath(part), format="png")
        os.replace(part, path)

    def key(self, *names, hold=0.06):
        """Press keys together: key("ctrl", "alt", "f2")."""
        self.qmp("send-key", keys=[{"type": "qcode", "data": n} for n in names],
                 hold__time=int(hold * 1000))
        time.sleep(hold + 0.06)

    def type(self, text):
        for c in text:
            if c in SHIFTED:
                self.key("shift", KEYS.get(SHIFTED[c], SHIFTED[c]))
            elif c.isupper():
                self.key("shift", c.lower())
            else:
                self.key(KEYS.get(c, c))
