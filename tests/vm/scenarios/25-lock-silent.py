# SPDX-License-Identifier: GPL-2.0-or-later
"""Desktops whose lockers tell nobody that they locked, Xfce with light-locker and MATE with mate-screensaver, are covered by our
console, which one password opens.

Serves LOCK-1.
"""
from lab import desktop, desks

LONG = True


def run(check):
    for profile, program in (("xfce", "xfce4-session"), ("mate", "mate-session")):
        with desktop.installed(profile, "x11") as pc:
            desks.holds(check, pc, "console", program)
