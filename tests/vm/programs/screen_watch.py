#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""screen_watch USER HOME LOCKER: what somebody at the screen would find, looked at ten times a second, without asking Sekisho.

Prints a line whenever it changes: the time (CLOCK_BOOTTIME, seconds), what is in front ("open": the desk of USER at console
HOME; "locked": its own locker, which runs; "covered"; "elsewhere"; "ended": USER has no session), the time of the last touch as the kernel stamped it,
and whether a program keeps the session open ("held", "free").
"""
import fcntl
import glob
import os
import select
import struct
import sys
import time

from gi.repository import Gio, GLib

EVIOCSCLOCKID = 0x400445A0
EVENT = struct.Struct("llHHi")
EV_KEY, EV_REL = 1, 2
BUS, MANAGER = "org.freedesktop.login1", "/org/freedesktop/login1"


def devices():
    found = []
    for path in glob.glob("/dev/input/event*"):
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, EVIOCSCLOCKID, struct.pack("i", time.CLOCK_BOOTTIME))
        found.append(fd)
    return found


class Screen:
    def __init__(self, user, home, locker):
        self.home, self.locker = home, locker
        self.bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
        sessions = self.call(MANAGER, "org.freedesktop.login1.Manager", "ListSessions")[0]
        self.session = next(path for _, _, name, seat, path in sessions if name == user and seat == "seat0")

    def call(self, path, interface, method, arguments=None):
        return self.bus.call_sync(BUS, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, -1, None).unpack()

    def desk(self):
        try:
            hint = self.call(self.session, "org.freedesktop.DBus.Properties", "Get",
                             GLib.Variant("(ss)", ("org.freedesktop.login1.Session", "LockedHint")))[0]
        except GLib.Error:
            return "ended"
        return "locked" if hint and self.runs() else "open"

    def held(self):
        rows = self.call(MANAGER, "org.freedesktop.login1.Manager", "ListInhibitors")[0]
        return any("idle" in what.split(":") and mode == "block" for what, _, _, mode, _, _ in rows)

    def runs(self):
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path) as f:
                    name, _, rest = f.read().partition("(")[2].rpartition(")")
            except OSError:
                continue
            if name == self.locker and rest.split()[0] != "Z":
                return True
        return False

    def in_front(self):
        with open("/sys/class/tty/tty0/active") as f:
            return f.read().strip()

    def covered(self, front):
        try:
            with open(f"/dev/vcs{front.removeprefix('tty')}", "rb") as f:
                return b"This PC is locked" in f.read()
        except OSError:
            return False  # it was given back meanwhile, and another one is in front

    def look(self):
        while True:
            front = self.in_front()
            if self.covered(front):
                state = "covered"
            elif front != self.home:
                state = "elsewhere"
            else:
                state = self.desk()
            if self.in_front() == front:
                return state


def touched(inputs, newest):
    for fd in select.select(inputs, [], [], 0.1)[0]:
        data = os.read(fd, EVENT.size * 64)
        for sec, usec, kind, _, _ in EVENT.iter_unpack(data):
            if kind in (EV_KEY, EV_REL):
                newest = max(newest, sec + usec / 1e6)
    return newest


def main():
    screen, inputs = Screen(*sys.argv[1:]), devices()
    told, newest = None, time.clock_gettime(time.CLOCK_BOOTTIME)
    while True:
        newest = touched(inputs, newest)
        now = screen.look(), newest, screen.held()
        if now != told:
            print(f"{time.clock_gettime(time.CLOCK_BOOTTIME):.2f} {now[0]} {newest:.2f} {'held' if now[2] else 'free'}", flush=True)
        told = now


main()
