# SPDX-License-Identifier: GPL-2.0-or-later
"""GNOME on Wayland locks when nobody touches the PC, and says so; nobody switches that off in its settings.

Serves LOCK-1.
"""
import time

from lab import desktop
from lab.locks import events, picture, settings, unlocked, wait_locked

LONG = True
IDLE = 20
CONFIRM = 10  # an emulated desktop takes its time
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


def by_time(check, pc):
    settings(pc, IDLE, CONFIRM)
    mark = pc.last_record()
    check("not while somebody is there", wait_locked(pc, mark, IDLE - 6) is None, events(pc, mark))
    pc.key("shift")
    pc.pointer()
    body = wait_locked(pc, mark, IDLE + CONFIRM + 15)
    check("locked at the limit, and shown by the desktop", body and body["by"] == "desktop"
          and IDLE * 1000 <= body["idle_ms"] <= (IDLE + CONFIRM + 5) * 1000, events(pc, mark),
          body and f"idle {body['idle_ms']} ms, {body['took_ms']} ms from asked to shown")
    time.sleep(10)
    picture(pc, "gnome-locked")
    pc.key("shift")
    time.sleep(3)
    mark = pc.last_record()
    pc.type("wrong\n")
    check("a wrong password does not unlock it", unlocked(pc, mark, 20) is None, events(pc, mark))
    picture(pc, "gnome-wrong")


def run(check):
    with desktop.installed("gnome", "wayland") as pc:
        settings_hold(check, pc)
        by_time(check, pc)
        check("the records verify", pc.chain_verifies())
