# SPDX-License-Identifier: GPL-2.0-or-later
"""Does what is typed arrive? One reader of a keyboard, open through everything that happens."""
from .paths import LabError

DESK = "/dev/input/by-path/*event-kbd"


class Typing:
    """evtest on the keyboard; what it tells first, the keys that there are, is no key that was pressed."""

    def __init__(self, pc, keyboard=DESK):
        self.pc, self.file = pc, "/root/keys"
        pc.sh(f"rm -f {self.file}; stdbuf -oL evtest {keyboard} >{self.file} 2>&1 </dev/null &")
        if pc.wait(lambda: "Testing ..." in self._told(), 15) is None:
            raise LabError(f"evtest: {self._told()[-300:]}")

    def _told(self):
        return self.pc.run(f"cat {self.file}").out

    def _pressed(self, key):
        return self._told().count(f"(KEY_{key.upper()}), value 1")

    def works(self, key="a"):
        """Presses the key; True when it arrives."""
        before = self._pressed(key)
        self.pc.key(key)
        return self.pc.wait(lambda: self._pressed(key) > before, 10) is not None

    def close(self):
        self.pc.sh("pkill -x evtest; true")
