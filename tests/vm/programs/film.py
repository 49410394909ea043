#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""film DESKTOP: asks the desktop to stay on, as a player does, until it is killed."""
import sys

from gi.repository import Gio, GLib

MANAGER = ("org.gnome.SessionManager", "/org/gnome/SessionManager", "org.gnome.SessionManager",
           GLib.Variant("(susu)", ("film", 0, "plays", 8)))  # 8: not to be idle
WAYS = {
    "gnome": MANAGER,
    "mate": MANAGER,
    "kde": ("org.freedesktop.ScreenSaver", "/ScreenSaver", "org.freedesktop.ScreenSaver", GLib.Variant("(ss)", ("film", "plays"))),
    "xfce": ("org.freedesktop.PowerManagement", "/org/freedesktop/PowerManagement/Inhibit",
             "org.freedesktop.PowerManagement.Inhibit", GLib.Variant("(ss)", ("film", "plays"))),
}

name, path, interface, arguments = WAYS[sys.argv[1]]
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
print(bus.call_sync(name, path, interface, "Inhibit", arguments, None, Gio.DBusCallFlags.NONE, -1, None), flush=True)
GLib.MainLoop().run()
