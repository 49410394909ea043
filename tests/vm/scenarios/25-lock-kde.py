# SPDX-License-Identifier: GPL-2.0-or-later
"""KDE Plasma, on Wayland and on X11, locks when nobody touches the PC and says so; what its user sets, stops or kills changes
nothing.

Serves LOCK-1.
"""
from lab import desktop, desks

LONG = True
KEYS = "--file kscreenlockerrc --group Daemon --key"
# What tells that it is locked, and its seconds for it: ksmserver's has to be drawn first.
PROGRAMS = {"wayland": ("kwin_wayland", desks.CONFIRM), "x11": ("ksmserver", 60)}


def settings_hold(check, pc):
    for key, value in (("Autolock", "true"), ("LockGrace", "0")):
        pc.staff(f"kwriteconfig5 {KEYS} {key} {'false' if value == 'true' else 3600}")
        check.equal(f"{key} cannot be changed by its user", pc.staff(f"kreadconfig5 {KEYS} {key}").out.strip(), value)


def run(check):
    for session, (program, confirm) in PROGRAMS.items():
        with desktop.installed("kde", session) as pc:
            settings_hold(check, pc)
            # Its power management, which knows the players, does not come up under emulation.
            desks.holds(check, pc, "desktop", program, films=False, confirm=confirm)
