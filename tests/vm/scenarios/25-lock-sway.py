# SPDX-License-Identifier: GPL-2.0-or-later
"""sway, whose locker tells nobody that it locked, and X11 without any locker are covered by our console.

Serves LOCK-1.
"""
from lab import desktop, letters
from lab.locks import IDLE, SLACK, asks, covered, front, journal, picture, record, settings, uncover

LONG = True
LIMIT = IDLE + SLACK


def by_time(check, pc, what):
    mark = pc.last_record()
    settings(pc)
    check.within(f"{what}: nobody touches it: covered", covered(pc), LIMIT)
    check(f"{what}: shown by the console", record(pc, "screen.locked", mark, by="console", user="staff") is not None, journal(pc))
    check(f"{what}: in Japanese letters", asks(pc) and letters.stands(pc, "この端末はロックされています。", 2, 3))
    picture(pc, what)
    cover = front(pc)
    pc.key("ctrl", "alt", "f1")
    pc.run("timeout 3 chvt 1")
    check(f"{what}: nobody leaves it", front(pc) == cover and asks(pc))
    check(f"{what}: a wrong password does not open it", uncover(pc, "wrong") is None)
    check(f"{what}: its user's does", uncover(pc) is not None, journal(pc))


def frozen(check, pc, what, program):
    """Our console needs nothing of the session's; and where X does not let go of the screen, the session is ended."""
    mark = pc.last_record()
    settings(pc)
    pc.sh(f"pkill -STOP -x {program}")
    done = pc.wait(lambda: front(pc) != "tty1" and asks(pc, 0) or record(pc, "session.ended", mark, 0), LIMIT + 2)
    check.within(f"{what}: {program} stopped: covered, or ended", done, LIMIT + 1)
    if record(pc, "session.ended", mark, 0):
        check(f"{what}: its session is gone", pc.wait(lambda: pc.session() is None, 15) is not None, pc.run("loginctl").out)
        return
    pc.sh(f"pkill -CONT -x {program}")
    check(f"{what}: opened by its user", uncover(pc) is not None, journal(pc))


def run(check):
    for session, program in (("sway", "sway"), ("x11-open", "Xorg")):
        with desktop.installed("plain", session) as pc:
            by_time(check, pc, session)
            frozen(check, pc, session, program)
            check(f"{session}: the records verify", pc.chain_verifies())
