# SPDX-License-Identifier: GPL-2.0-or-later
"""An officer at the console locks the whole clinic: from the order to the lock that is seen in front, by a desktop's own locker
and by our console.

Serves LOCK-1.
"""
import time

from lab import desktop, monitors
from lab.console import Console
from lab.locks import covered, journal, record, settings, uncover, unlocked

LONG = True
ORDER = 2  # seconds
TIMES = 5
LOCKED = "802020"  # the colour of i3lock
TOP = 20 * 1024 * 3  # bytes: some lines of it


def locked_by_its_own(pc):
    """The locker's colour at the top of the screen."""
    def shown():
        return monitors.share(monitors.picture(pc, 0)[2][:TOP], LOCKED) > 0.9
    return pc.wait(shown, 10, 0.05)


def order(check, pc, console, what, seen):
    """Return: its id."""
    pc.key("shift")
    begun = time.monotonic()
    made = console.admin("lock-order", "create", "--facility", console.facility, "--reason", "火災報知器")
    there = seen(pc)
    check.within(f"{what}: from the order to the lock in front", there and time.monotonic() - begun, ORDER)
    return made["id"]


def answer(console, order_id, terminal):
    rows = console.admin("lock-order", "terminals", "--of-order", order_id)["items"]
    return {row["terminal"]: row["outcome"] for row in rows}.get(terminal)


def answered(check, pc, console, what, order_id, terminal, outcome):
    pc.wait(lambda: answer(console, order_id, terminal) == outcome, 30)
    check.equal(f"{what}: the console has the PC's answer", answer(console, order_id, terminal), outcome)


def run(check):
    with Console() as console, desktop.installed("plain", "x11") as pc:
        settings(pc, 0)
        terminal = console.join(pc)
        for turn in range(TIMES):
            what, mark = f"its own locker, {turn + 1}", pc.last_record()
            made = order(check, pc, console, what, locked_by_its_own)
            answered(check, pc, console, what, made, terminal, "locked")
            pc.type("staff\n")
            check(f"{what}: opened by its user", unlocked(pc, mark) is not None, journal(pc))
        check("who ordered it is on record at the PC", record(pc, "screen.asked", 0) is not None, journal(pc))
        settings(pc, 0, more="Confirm=console\n")
        made = order(check, pc, console, "our console", covered)
        answered(check, pc, console, "our console", made, terminal, "covered")
        check("our console: opened by its user", uncover(pc) is not None, journal(pc))
        check("the records verify", pc.chain_verifies())
