# SPDX-License-Identifier: GPL-2.0-or-later
"""What a person at the PC does: look at the screen, type."""
import os
import time

# Characters whose key has another name, or needs Shift (US layout).
KEYS = {" ": "spc", "\n": "ret", "-": "minus", "=": "equal", ".": "dot", ",": "comma", "/": "slash",
        ";": "semicolon", "'": "apostrophe", "\\": "backslash", "[": "bracket_left", "]": "bracket_right"}
SHIFTED = dict(zip('!@#$%^&*()_+{}|:"<>?~', "1234567890-=[]\\;',./`"))


VT_ACTIVATE = 0x5606


class Screen:
    def activate(self, console):
        """Asks the kernel as root to bring that console to the front, as chvt does (which the guest has not)."""
        return self.run(f"python3 -c 'import fcntl; fcntl.ioctl(open(\"/dev/tty0\"), {VT_ACTIVATE}, {console})'")

    def console_text(self, console):
        """What stands on a text console, in front or not, line by line."""
        return self.run(f"fold -w $(stty size -F /dev/tty{console} | cut -d' ' -f2) /dev/vcs{console}").out

    def sign_in(self, console, user, password):
        """By its keyboard, at a fresh prompt of a text console that comes to the front."""
        self.activate(console)
        self.sh(f"systemctl restart getty@tty{console}")
        self.wait(lambda: "login:" in self.console_text(console), 15)
        self.type(user + "\n")
        self.wait(lambda: "Password:" in self.console_text(console), 15)
        self.type(password + "\n")

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
