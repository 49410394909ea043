# SPDX-License-Identifier: GPL-2.0-or-later
"""A plain X11 session is locked by its own locker, which is believed only while it is one and lives; else it is covered.

Serves LOCK-1.
"""
import time

from lab import desktop, desks
from lab.locks import IDLE, SLACK, covered, front, journal, record, settings, uncover

LONG = True
LIMIT = IDLE + SLACK
LOOK = 20  # seconds: a lock that is tried is looked at so often
LOCKED = "i3lock"
LIAR = """
import sys
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)  # a connection that nobody holds is closed
bus.call_sync("org.freedesktop.login1", "/org/freedesktop/login1/session/_3" + sys.argv[1], "org.freedesktop.login1.Session",
              "SetLockedHint", GLib.Variant("(b)", (True,)), None, Gio.DBusCallFlags.NONE, -1, None)
GLib.MainLoop().run()
"""


def locks(pc, timeout=LIMIT):
    """The seconds until its own locker has it; or None."""
    return pc.wait(lambda: pc.session("LockedHint") == "yes" and pc.run(f"pgrep -x {LOCKED}").ok, timeout)


def unlock(pc, password="staff"):
    pc.type(password + "\n")
    return pc.wait(lambda: pc.session("LockedHint") == "no", 15)


def lock_now(pc, mark):
    pc.sh("sekishoctl lock --now")
    return record(pc, "screen.locked", mark, by="desktop")


def by_time(check, pc):
    mark = pc.last_record()
    check.within("nobody touches it: locked by its own locker", locks(pc), LIMIT)
    word = record(pc, "screen.locked", mark, by="desktop", user="staff")
    check("its locker is believed", word is not None, pc.records(after=mark) and journal(pc))
    check("what it took is on record", word and word["body"]["idle_ms"] < (IDLE + SLACK) * 1000, word)
    check("nothing covers it", front(pc) == "tty1")
    check("a wrong password does not open it", unlock(pc, "wrong") is None)
    check("its user's does", unlock(pc) is not None)
    check("that is on record", record(pc, "screen.unlocked", mark) is not None, journal(pc))


def spoofed(check, pc):
    """Any program of the user's may say so; only a locker is believed."""
    number = pc.session()
    call = (f"busctl call org.freedesktop.login1 /org/freedesktop/login1/session/_3{number} org.freedesktop.login1.Session "
            "SetLockedHint b true")
    settings(pc)
    pc.sh("pkill -x xss-lock")
    pc.key("shift")
    done = pc.staff(call)
    check("logind believes busctl", done.ok and pc.session("LockedHint") == "yes", done)
    check.within("Sekisho does not: covered", covered(pc), LIMIT)
    check("opened by its user", uncover(pc) is not None)
    pc.staff("mkdir -p bin; cp /bin/sleep bin/i3lock; cp /usr/bin/busctl bin/xss-lock; bin/xss-lock " + call.partition(" ")[2])
    pc.start_as_staff("PATH=$HOME/bin:$PATH; exec xss-lock 60; exec bin/i3lock 60")
    pc.start_as_staff("exec bin/i3lock 60")
    pc.key("shift")
    check.within("a program of the same name in the user's home is no locker: covered", covered(pc), LIMIT)
    check("opened by its user", uncover(pc) is not None)
    pc.staff("rm -r bin; pkill -x i3lock; true")
    again(pc)
    pc.sh("pkill -KILL -x xss-lock")
    check("nobody says that it is locked", pc.session("LockedHint") == "no")
    pc.put(LIAR.encode(), "/run/liar.py")
    pc.staff(f"systemd-run --user -q --collect python3 /run/liar.py {number}")  # one of the session's
    check("a program that says it and stays", pc.wait(lambda: pc.session("LockedHint") == "yes", 30) is not None)
    check("is looked at, and named", pc.wait(lambda: "python3" in journal(pc), 10) is not None, journal(pc))
    settings(pc)
    check.within("is believed no more: covered", covered(pc), LIMIT)
    check("opened by its user", uncover(pc) is not None)
    pc.run("pkill -f /run/liar.py")


def again(pc):
    """Its locker, as at the beginning."""
    settings(pc, 0)
    pc.run("pkill -KILL -x i3lock; pkill -KILL -x xss-lock")
    pc.wait("! pgrep -x xss-lock", 10)
    pc.staff("busctl call org.freedesktop.login1 /org/freedesktop/login1/session/auto org.freedesktop.login1.Session "
             "SetLockedHint b false")
    pc.start_as_staff("exec xss-lock -l -- i3lock -n -c 802020 -e")
    pc.wait("pgrep -x xss-lock", 10)
    pc.run("sleep 1")


def dies(check, pc):
    # A lock that goes away within ten seconds of a touch counts as opened.
    for what, kill in (("what tells of the lock", "pkill -KILL -x xss-lock"), ("what locks", "sleep 11; pkill -KILL -x i3lock"),
                       ("what locks, with who would tell it stopped,", "sleep 11; pkill -STOP -x xss-lock; pkill -KILL -x i3lock")):
        again(pc)
        mark = pc.last_record()
        check(f"{what}: locked", lock_now(pc, mark) is not None, journal(pc))
        pc.sh(kill)
        check.within(f"{what} is killed: covered", covered(pc, SLACK), SLACK)
        check(f"{what}: on record", record(pc, "screen.refused", mark) is not None, journal(pc))
        check(f"{what}: opened by its user", uncover(pc) is not None)


def stops(check, pc):
    again(pc)
    pc.sh("pkill -STOP -x xss-lock")
    settings(pc)
    check.within("a locker that was stopped before: covered", covered(pc), LIMIT)
    check("opened by its user", uncover(pc) is not None)
    again(pc)
    check("locked", lock_now(pc, pc.last_record()) is not None, journal(pc))
    pc.sh("pkill -STOP -x i3lock")
    ends = time.monotonic() + desks.STUCK + 2 * LOOK
    while time.monotonic() < ends and front(pc) == "tty1":
        pc.type("staff\n")
    check("a locker that was stopped while it was locked does not keep its user out: our console asks", covered(pc, 30), journal(pc))
    check("opened by its user", uncover(pc) is not None)


def elsewhere(check, pc):
    again(pc)
    check("locked", lock_now(pc, pc.last_record()) is not None, journal(pc))
    pc.key("ctrl", "alt", "f2")
    pc.wait(lambda: front(pc) == "tty2", 10)
    pc.sh("chvt 1")
    pc.wait(lambda: front(pc) == "tty1", 10)
    check("still locked after another console", pc.session("LockedHint") == "yes" and pc.run("pgrep -x i3lock").ok)
    check("opened by its user", unlock(pc) is not None)


def clock(check, pc):
    settings(pc)
    pc.sh("date -s '-2 hours'")
    pc.key("shift")
    check.within("the clock is set back: locked in time all the same", locks(pc), LIMIT)
    check("opened by its user", unlock(pc) is not None)
    pc.key("shift")
    pc.suspend()
    check.within("asleep and awake again: locked", locks(pc), LIMIT)
    check("opened by its user", unlock(pc) is not None)


def strict(check, pc):
    settings(pc, more="Confirm=console\n")
    check.within("where no desktop is believed, our console covers it", covered(pc), LIMIT)
    check("opened by its user", uncover(pc) is not None)


def run(check):
    with desktop.installed("plain", "x11", card="VGA") as pc:
        settings(pc)
        by_time(check, pc)
        spoofed(check, pc)
        dies(check, pc)
        if check.full:
            stops(check, pc)
            elsewhere(check, pc)
            clock(check, pc)
        strict(check, pc)
        check("the records verify", pc.chain_verifies())
