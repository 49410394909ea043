# SPDX-License-Identifier: GPL-2.0-or-later
"""A desktop that slept is locked when it is awake again: by its own locker, which is told of the sleep, or by our console, for
which the time asleep counts.

Serves LOCK-1.
"""
import time

from lab import desktop, desks
from lab.locks import IDLE, SLACK, events, front, journal, picture, settings, uncover, wait_locked

LONG = True
SESSIONS = (("plain", "x11", "desktop", 3), ("gnome", "wayland", "desktop", desks.CONFIRM))


def sleeps(check, pc, by, confirm):
    what, home = f"{pc.profile}, shown by the {by}", front(pc)
    settings(pc, IDLE, confirm)
    mark = pc.last_record()
    pc.suspend()
    awake = time.monotonic()
    body = wait_locked(pc, mark, IDLE + confirm + SLACK)
    check.within(f"{what}: awake again, and locked", body and time.monotonic() - awake, IDLE + confirm + SLACK)
    check.equal(f"{what}: by", body and body["by"], by)
    picture(pc, f"{pc.profile}-slept")
    settings(pc, 0, confirm)
    check(f"{what}: opened by its user", uncover(pc, home=home) is not None if by == "console" else desks.let_in(pc, mark, home),
          events(pc, mark) or journal(pc))
    check("the records verify", pc.chain_verifies())


def run(check):
    for profile, session, by, confirm in SESSIONS:
        with desktop.installed(profile, session, card="VGA") as pc:
            sleeps(check, pc, by, confirm)
