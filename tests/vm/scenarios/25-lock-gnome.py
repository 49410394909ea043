# SPDX-License-Identifier: GPL-2.0-or-later
"""GNOME, on Wayland and on X11, locks when nobody touches the PC and says so; what its user sets, stops or kills changes
nothing.

Serves LOCK-1.
"""
from lab import desktop, desks
from lab.paths import SUITE

LONG = True
KEYS = ("org.gnome.desktop.screensaver lock-enabled", "org.gnome.desktop.screensaver lock-delay",
        "org.gnome.desktop.lockdown disable-lock-screen")


def settings_hold(check, pc):
    """What a user may try in the settings."""
    values = [pc.staff(f"gsettings writable {key}; gsettings get {key}").out.split() for key in KEYS]
    check("the lock cannot be switched off in the settings",
          values == [["false", "true"], ["false", "uint32", "0"], ["false", "false"]], values)
    pc.staff("gsettings set org.gnome.desktop.screensaver lock-enabled false; "
             "dconf write /org/gnome/desktop/lockdown/disable-lock-screen true; "
             "gsettings set org.gnome.desktop.session idle-delay 0")
    still = pc.staff("gsettings get org.gnome.desktop.screensaver lock-enabled; "
                     "gsettings get org.gnome.desktop.lockdown disable-lock-screen").out.split()
    check("nor behind them", still == ["true", "false"], still)


def run(check):
    for session in ("wayland",) if SUITE else ("wayland", "x11"):  # on X11 that of Debian 13 did not come up in the emulated PC
        with desktop.installed("gnome", session) as pc:
            settings_hold(check, pc)
            desks.holds(check, pc, "desktop", "gnome-shell")
