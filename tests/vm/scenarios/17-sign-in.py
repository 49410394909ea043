# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody signs in at a console: what is shown to him and on record, who is refused at which hour, and what the end of the
hours does to who is there.

Serves LOCK-2, LOG-1.
"""
import json

from lab import clinic_pc
from lab.locks import another_day, asks, covered, front, hours, journal, record, uncover

CONSOLE = 2


def shows(pc, *words):
    return pc.wait(lambda: all(word in " ".join(pc.console_text(CONSOLE).split()) for word in words), 20)


def sign_out(pc):
    pc.type("exit\n")
    pc.wait("! loginctl list-sessions --no-legend | grep -q clerk", 20)


def first_and_last(check, pc):
    mark = pc.last_record()
    pc.sign_in(CONSOLE, "clerk", "wrong")
    check("a wrong password is on record", record(pc, "session.refused", mark, user="clerk", code="SK-1734") is not None,
          pc.console_text(CONSOLE))
    pc.sign_in(CONSOLE, "clerk", "clerk")
    check("the first sign-in says that it is, and that one failed", shows(pc, "SK-1738", "SK-1739") is not None,
          pc.console_text(CONSOLE))
    body = (record(pc, "session.signed-in", mark, user="clerk") or {"body": {}})["body"]
    check("it is on record", (body.get("tty"), body.get("service"), body.get("failures")) == (f"tty{CONSOLE}", "login", 1), body)
    sign_out(pc)
    check("so is its end", record(pc, "session.signed-out", mark, user="clerk") is not None)
    pc.sign_in(CONSOLE, "clerk", "clerk")
    check("the next one shows the last", shows(pc, "SK-1737", f"tty{CONSOLE}") is not None, pc.console_text(CONSOLE))
    last = json.loads(pc.ctl("last", "--json").out)["last"]
    check("so does sekishoctl", any(entry["user"] == "clerk" for entry in last), last)
    sign_out(pc)


def at_other_hours(check, pc):
    pc.activate(1)
    mark = pc.last_record()
    hours(pc, another_day(pc))
    check.within("the hours are over: who is there is locked", covered(pc, 10), 10)
    check("the record names the reason", record(pc, "screen.locked", mark, user="staff") is not None, journal(pc))
    pc.wait("grep -aq 'Password: *$' /dev/vcs$(tr -d a-z </sys/class/tty/tty0/active)", 15)
    pc.type("staff\n")
    check("it says why his password does not open it now",
          pc.wait("grep -aq SK-1733 /dev/vcs$(tr -d a-z </sys/class/tty/tty0/active)", 15) is not None,
          pc.console_text(front(pc).removeprefix("tty")))
    check("and asks again", asks(pc) is not None and front(pc) != "tty1", front(pc))
    hours(pc, "any")
    check("the hours begin: it does", uncover(pc) is not None, journal(pc))
    pc.activate(CONSOLE)
    pc.wait(lambda: front(pc) == f"tty{CONSOLE}", 10)
    hours(pc, another_day(pc))
    mark = pc.last_record()
    pc.sign_in(CONSOLE, "clerk", "clerk")
    check("nobody signs in at other hours", record(pc, "session.refused", mark, 20, user="clerk", code="SK-1733") is not None,
          pc.console_text(CONSOLE))
    check("who tries is told, in letters that a console has", shows(pc, "SK-1733", "Ima wa") is not None, pc.console_text(CONSOLE))
    pc.sign_in(CONSOLE, "root", "root")
    check("root at the PC itself does", pc.wait(f"pgrep -u root -t tty{CONSOLE} bash", 20) is not None, pc.console_text(CONSOLE))
    pc.type("exit\n")
    hours(pc, "any")


def without_core(check, pc):
    pc.sh("systemctl stop sekishod.service sekishod.socket 2>/dev/null; systemctl kill -s KILL sekishod; true")
    pc.sign_in(CONSOLE, "clerk", "clerk")
    check("without core nobody is locked out", pc.wait(f"pgrep -u clerk -t tty{CONSOLE} bash", 30) is not None,
          pc.console_text(CONSOLE))
    pc.type("exit\n")
    pc.sh("systemctl start sekishod")


def run(check):
    with clinic_pc.installed() as pc:
        pc.wait(lambda: json.loads(pc.ctl("lock", "--json").out)["watched"], 20)
        first_and_last(check, pc)
        at_other_hours(check, pc)
        without_core(check, pc)
        check("the records verify", pc.wait(lambda: pc.ctl("status").ok, 60) is not None and pc.chain_verifies())
