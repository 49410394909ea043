#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sekishoctl asks for a passphrase on a terminal: silently, and whoever interrupts it gets back a terminal that echoes.

usage: ctl_passphrase.py SEKISHOCTL
Serves OUT-2."""
import os
import pty
import select
import signal
import sys
import termios
import time

CTL = os.path.abspath(sys.argv[1])
PROMPT = b"Passphrase of the medium: "
TIMEOUT = 10
failures = 0


def check(what, condition, detail=""):
    global failures
    print(f"{'ok  ' if condition else 'FAIL'} {what} {detail if not condition else ''}".rstrip(), flush=True)
    failures += not condition


class Session:
    """sekishoctl media open, on a terminal of its own."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            for number in (signal.SIGINT, signal.SIGQUIT):  # who runs in the background inherits that they are ignored
                signal.signal(number, signal.SIG_DFL)
            os.environ.update(LC_ALL="C.UTF-8", DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")
            os.execv(CTL, [CTL, "media", "open", "sda"])
        self.seen = b""
        self.wait(PROMPT)
        self.until(lambda: not self.echoes())

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def wait(self, text):
        deadline = time.monotonic() + TIMEOUT
        while text not in self.seen and time.monotonic() < deadline:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.fd, 4096)
                except OSError:
                    break
        return text in self.seen

    def until(self, condition):
        deadline = time.monotonic() + TIMEOUT
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.02)
        return condition()

    def ended(self):
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return status
            time.sleep(0.02)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None

    def type(self, data):
        os.write(self.fd, data)


def main():
    for name, key, number in (("Ctrl-C", b"\x03", signal.SIGINT), ("Ctrl-\\", b"\x1c", signal.SIGQUIT)):
        session = Session()
        check(f"{name}: nothing is echoed while it asks", not session.echoes())
        session.type(b"secret" + key)
        status = session.ended()
        check(f"{name}: it ends by the signal", status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == number,
              status)
        check(f"{name}: the terminal echoes again", session.echoes())
        check(f"{name}: the passphrase was not shown", b"secret" not in session.seen)
        os.close(session.fd)
    session = Session()
    os.kill(session.pid, signal.SIGTERM)
    status = session.ended()
    check("ended from elsewhere: the terminal echoes again", status is not None and os.WIFSIGNALED(status) and session.echoes(),
          status)
    # Nobody could continue it here (its process group is an orphan), so the kernel does not stop it: it asks again.
    session = Session()
    session.seen = b""
    session.type(b"\x1a")
    check("Ctrl-Z: it asks again, silently", session.wait(PROMPT) and session.until(lambda: not session.echoes()), session.seen)
    session.type(b"Correct-Horse-7\n")
    status = session.ended()
    check("an answer is taken: only the agent is missing", status is not None and os.WIFEXITED(status), status)
    print(f"{failures} failures")
    return 1 if failures else 0


sys.exit(main())
