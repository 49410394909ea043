# SPDX-License-Identifier: GPL-2.0-or-later
"""A second monitor, plugged in while somebody works: what locks the first one locks it too, and shows nothing of the desk.

Serves LOCK-1.
"""
from lab import desktop, monitors
from lab.locks import covered, journal, record, settings, uncover

LONG = True
DESK, LOCKED = "335577", "802020"  # the colours of the desk, and of i3lock in front of it
ALL, NOTHING = 0.7, 0.001


def shares(pc, colour):
    return [monitors.share(monitors.picture(pc, head)[2], colour) for head in (0, 1)]


def becomes(pc, holds, colour):
    """Both monitors: a moment later, because an emulated screen is drawn late."""
    pc.wait(lambda: all(map(holds, shares(pc, colour))), 10, 0.5)
    return shares(pc, colour)


def run(check):
    with desktop.installed("plain", "x11", screens=2) as pc:
        monitors.plug_in(pc)
        check("a second monitor", pc.wait("grep -l '^connected' /sys/class/drm/card0-*-2/status", 15) is not None)
        pc.staff("xrandr --output Virtual-2 --auto --right-of Virtual-1; xsetroot -solid '#335577'")
        seen = becomes(pc, lambda part: part > 0.3, DESK)
        check("the desk is on both", seen[0] > 0.3 and seen[1] > ALL, seen)
        settings(pc, 0)
        mark = pc.last_record()
        pc.sh("sekishoctl lock --now")
        check("locked by its own locker", record(pc, "screen.locked", mark, by="desktop") is not None, journal(pc))
        seen = becomes(pc, lambda part: part > ALL, LOCKED)
        check("it is in front of both", min(seen) > ALL, seen)
        pc.sh("sleep 11; pkill -KILL -x i3lock")  # a lock that goes away sooner after a touch counts as opened
        check("the locker is killed: covered", covered(pc) is not None, journal(pc))
        seen = becomes(pc, lambda part: part < NOTHING, DESK)
        check("nothing of the desk is on either", max(seen) < NOTHING, seen)
        check("opened by its user", uncover(pc) is not None, journal(pc))
        check("the records verify", pc.chain_verifies())
