# SPDX-License-Identifier: GPL-2.0-or-later
"""A monitor at a second graphics card: our console is on the first one, and nothing of the desk stays on the other. Without a
monitor at the first our console is on the second. Where a program goes on drawing, the session ends.

Serves LOCK-1.
"""
from lab import desktop, monitors
from lab.locks import SLACK, journal, record, settings, uncover

LONG = True
DESK = "335577"
ALL, NOTHING = 0.6, 0.001
LAYOUT = """
Section "ServerFlags"
  Option "AutoAddGPU" "off"
EndSection
Section "ServerLayout"
  Identifier "desk"
{places}
EndSection
"""
CARD = """
Section "Device"
  Identifier "card {n}"
  Driver "modesetting"
  Option "kmsdev" "/dev/dri/card{n}"
EndSection
Section "Screen"
  Identifier "{n}"
  Device "card {n}"
EndSection
"""

DRAWS = """
import os
import time
card = os.open("/dev/dri/card1", os.O_RDWR)  # the first to open it is its master
time.sleep(600)
"""


def begin(pc, *cards):
    """The session of staff's anew, with a screen of X at each of these cards."""
    places = [f'  Screen {at} "{n}"' + (f' RightOf "{cards[at - 1]}"' if at else "") for at, n in enumerate(cards)]
    text = "".join(CARD.format(n=n) for n in cards) + LAYOUT.format(places="\n".join(places))
    pc.put(text.encode(), "/etc/X11/xorg.conf")
    pc.sh("systemctl stop lab-x11")
    pc.wait(lambda: pc.session() is None, 15)
    pc.sh("systemctl start lab-x11; desktop-up")
    for at in range(len(cards)):
        pc.staff(f"xsetroot -display :0.{at} -solid '#{DESK}'")


def shares(pc):
    return [monitors.share(monitors.picture(pc, 0, card)[2], DESK) for card in monitors.CARDS]


def becomes(pc, holds):
    """A moment later, because an emulated screen is drawn late."""
    pc.wait(lambda: all(map(holds, shares(pc))), 15, 0.5)
    return shares(pc)


def locked(pc):
    pc.key("shift")
    mark = pc.last_record()
    pc.sh("sekishoctl lock --now")
    return mark


def cleared(check, pc):
    begin(pc, 0, 1)
    seen = becomes(pc, lambda part: part > ALL)
    check("the desk is on both", min(seen) > ALL, seen)
    mark = locked(pc)
    check("locked by our console", record(pc, "screen.locked", mark, by="console") is not None, journal(pc))
    seen = becomes(pc, lambda part: part < NOTHING)
    check("nothing of the desk is on either", max(seen) < NOTHING, seen)
    check("opened by its user", uncover(pc) is not None, journal(pc))
    seen = becomes(pc, lambda part: part > ALL)
    check("and the desk is on both again", min(seen) > ALL, seen)


def unplugged(check, pc):
    """The kernel's console is where nobody sees it."""
    pc.sh("systemctl stop lab-x11; echo off >/sys/class/drm/card0-Virtual-1/status")
    begin(pc, 1)
    mark = locked(pc)
    check("no monitor at the first: locked", record(pc, "screen.locked", mark, by="console") is not None, journal(pc))
    pc.run("sleep 3")
    dark = monitors.share(monitors.picture(pc, 0, monitors.CARDS[1])[2], "000000")
    check("our console is on the other", 0.9 < dark < 1 - NOTHING, dark)
    check("opened by its user", uncover(pc) is not None, journal(pc))
    pc.sh("echo detect >/sys/class/drm/card0-Virtual-1/status")


def drawn_on(check, pc):
    """Somebody else's program, there before the desk, which nobody tells to stop."""
    pc.put(DRAWS.encode(), "/run/draws.py")
    pc.sh("systemctl stop lab-x11; setsid nohup python3 /run/draws.py >/dev/null 2>&1 & sleep 5")
    begin(pc, 0)
    mark = locked(pc)
    check.within("a program draws on the other: the session ends", pc.wait(lambda: pc.session() is None, 15), SLACK)
    check("it is on record", record(pc, "session.ended", mark) is not None, journal(pc))
    check("the journal says why", "a program draws there" in journal(pc), journal(pc))


def run(check):
    with desktop.installed("plain", "x11", extra=monitors.SECOND_CARD) as pc:
        settings(pc, 0, more="Confirm=console\n")
        cleared(check, pc)
        unplugged(check, pc)
        drawn_on(check, pc)
        check("the records verify", pc.chain_verifies())
