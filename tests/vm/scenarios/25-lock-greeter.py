# SPDX-License-Identifier: GPL-2.0-or-later
"""Who signs in at a display manager (lightdm, gdm, sddm) is on record and shown the last time, is refused at other hours, and the
sign-in screen itself is nobody's to lock.

Serves LOCK-2, LOG-1.
"""
import json
import time

from lab import desktop
from lab.locks import IDLE, SLACK, another_day, asks, covered, front, hours, journal, picture, record, settings

LONG = True
# Its desktop, and what PAM calls it.
MANAGERS = {"lightdm": ("xfce", "x11", "lightdm"), "gdm": ("gnome", "wayland", "gdm-password"), "sddm": ("kde", "wayland", "sddm")}
NAMES = {"lightdm": "staff\n", "gdm": "\n"}  # asked for first; gdm has a list of them
SLOW = 90  # seconds for an emulated desktop to begin
DRAWN = {"lightdm": 20, "gdm": 120, "sddm": 60}  # seconds until an emulated sign-in screen takes keys
GREETERS = ("for s in $(loginctl list-sessions --no-legend | awk '{print $1}'); do loginctl show-session $s -p VTNr -p Class -p State "
            "--value | paste -sd' '; done")


def greets(pc):
    """Its sign-in screen is in front."""
    words = [line.split() for line in pc.run(GREETERS).out.splitlines()]
    return any({"greeter", "active", front(pc).removeprefix("tty")} <= set(word) for word in words)


def sign_out(pc, manager):
    """The desktop is over, and the sign-in screen is there."""
    pc.sh(f"loginctl terminate-session {pc.session()}")
    up = pc.wait(lambda: greets(pc), SLOW, 1)
    time.sleep(DRAWN[manager])
    return up


def sign_in(pc, manager, password="staff"):
    if manager in NAMES:
        pc.type(NAMES[manager])
        time.sleep(5)
    pc.type(password + "\n")


def in_hours(check, pc, manager, service):
    check("the sign-in screen comes", sign_out(pc, manager) is not None, pc.run("loginctl").out)
    picture(pc, f"{manager}-greeter")
    screen = front(pc)
    settings(pc)
    check("nobody is there: it is not covered", pc.wait(lambda: front(pc) != screen or asks(pc, 0), IDLE + SLACK) is None, journal(pc))
    settings(pc, 0)
    mark = pc.last_record()
    sign_in(pc, manager, "wrong")
    check("a wrong password is on record", record(pc, "session.refused", mark, SLOW, user="staff", code="SK-1734") is not None,
          pc.records(after=mark))
    time.sleep(10)
    picture(pc, f"{manager}-wrong")
    pc.type("staff\n")
    said = record(pc, "session.signed-in", mark, SLOW, user="staff")
    body = (said or {"body": {}})["body"]
    check("the right one is, with the one that failed", (body.get("service"), body.get("failures")) == (service, 1), body)
    time.sleep(3)
    picture(pc, f"{manager}-in")
    check("its user's desktop begins", pc.wait(lambda: pc.session("State") == "active", SLOW, 1) is not None, pc.run("loginctl").out)
    last = json.loads(pc.ctl("last", "--json").out)["last"]
    check("sekishoctl shows the last sign-in", any(entry["user"] == "staff" and entry.get("service", service) == service
                                                   for entry in last), last)


def at_other_hours(check, pc, manager):
    time.sleep(SLOW / 3)
    mark = pc.last_record()
    home = front(pc)
    hours(pc, another_day(pc))
    check("the hours are over: who is there is locked", record(pc, "screen.locked", mark, 30, user="staff") is not None, journal(pc))
    if covered(pc, 0, home) is None:
        time.sleep(5)
    picture(pc, f"{manager}-hours-over")
    check("his session ends: the sign-in screen comes", sign_out(pc, manager) is not None, pc.run("loginctl").out)
    mark = pc.last_record()
    sign_in(pc, manager)
    check("nobody signs in at other hours", record(pc, "session.refused", mark, SLOW, user="staff", code="SK-1733") is not None,
          pc.records(after=mark))
    time.sleep(2)
    picture(pc, f"{manager}-refused")
    time.sleep(8)
    check("nor is there", pc.session() is None, pc.run("loginctl").out)
    hours(pc, "any")


def run(check):
    for manager, (profile, session, service) in MANAGERS.items():
        with desktop.installed(profile, session) as pc:
            in_hours(check, pc, manager, service)
            at_other_hours(check, pc, manager)
            check("the records verify", pc.chain_verifies())
