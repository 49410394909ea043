# SPDX-License-Identifier: GPL-2.0-or-later
"""A desktop that slept is locked when it is awake again: by its own locker, which is told of the sleep, or by the sign-in screen
that light-locker leads to, where one password is enough.

Serves LOCK-1.
"""
import time

from lab import desktop, desks
from lab.locks import IDLE, SLACK, asks, events, front, journal, picture, settings, wait_locked

LONG = True
SESSIONS = (("plain", "x11", 3), ("gnome", "wayland", desks.CONFIRM))
SLOW = 60  # seconds for an emulated sign-in screen
LATER = 30  # a limit that is not over when it comes: else our console is there before


def locks_itself(check, pc, confirm):
    what, home = pc.profile, front(pc)
    settings(pc, IDLE, confirm)
    mark = pc.last_record()
    pc.suspend()
    awake = time.monotonic()
    body = wait_locked(pc, mark, IDLE + confirm + SLACK)
    check.within(f"{what}: awake again, and locked", body and time.monotonic() - awake, IDLE + confirm + SLACK)
    check.equal(f"{what}: shown by", body and body["by"], "desktop")
    picture(pc, f"{what}-slept")
    settings(pc, 0, confirm)
    check(f"{what}: opened by its user", desks.let_in(pc, mark, home), events(pc, mark) or journal(pc))
    check("the records verify", pc.chain_verifies())


def leads_to_its_sign_in(check, pc):
    home = front(pc)
    settings(pc, LATER)
    pc.suspend()
    check("xfce: awake again, and the sign-in screen is in front", pc.wait(lambda: front(pc) != home, SLOW) is not None, journal(pc))
    time.sleep(LATER + SLACK)
    picture(pc, "xfce-slept")
    check("xfce: it is nobody's to lock", not asks(pc, 0), journal(pc))
    pc.type("staff\n")  # its name, for which lightdm asks first
    time.sleep(5)
    pc.type("staff\n")
    back = pc.wait(lambda: front(pc) == home, SLOW)
    check("xfce: its user's password leads back", back is not None, pc.run("loginctl").out + journal(pc))
    settings(pc, 0)
    time.sleep(5)
    check("xfce: and is enough", front(pc) == home, journal(pc))
    check("the records verify", pc.chain_verifies())


def run(check):
    for profile, session, confirm in SESSIONS:
        with desktop.installed(profile, session, card="VGA") as pc:
            locks_itself(check, pc, confirm)
    with desktop.installed("xfce", "x11", card="VGA") as pc:
        leads_to_its_sign_in(check, pc)
