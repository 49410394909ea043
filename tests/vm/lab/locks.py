# SPDX-License-Identifier: GPL-2.0-or-later
"""What scenarios of the screen lock have in common: limits, what is in front, what is on record."""
import os

PICTURES = os.environ.get("SEKISHO_LAB_PICTURES")  # a folder: what the screen shows at each step
IDLE, CONFIRM = 8, 3
SLACK = 5  # after the limit, for whatever is done: LOCK-1
HOURS = "[SignIn]\nHours={hours}\nExcept=none\n"
SETTINGS = "[Lock]\nIdleSec={idle}\nConfirmSec={confirm}\n{more}"


def settings(pc, idle=IDLE, confirm=CONFIRM, more=""):
    """These limits from now on, somebody having touched the PC just now."""
    pc.sh("mkdir -p /etc/sekisho/sekisho.conf.d")
    pc.put(SETTINGS.format(idle=idle, confirm=confirm, more=more).encode(), "/etc/sekisho/sekisho.conf.d/lock.conf")
    pc.key("shift")
    pc.sh("sekishoctl reload")
    pc.key("shift")


def hours(pc, words):
    """People may sign in then, and at no other time; "any": always."""
    pc.sh("mkdir -p /etc/sekisho/sekisho.conf.d")
    pc.put(HOURS.format(hours=words).encode(), "/etc/sekisho/sekisho.conf.d/hours.conf")
    pc.sh("sekishoctl reload")


def another_day(pc):
    return pc.sh("LC_ALL=C date -d '+3 days' +%a").strip() + " 08:00-09:00"


def front(pc):
    """The console in front: "tty1"."""
    return pc.run("cat /sys/class/tty/tty0/active").out.strip()


def covered(pc, timeout=IDLE + SLACK, home="tty1"):
    """The seconds until our console is in front of the one the session is on; or None."""
    return pc.wait(lambda: front(pc) != home and asks(pc, 0), timeout)


def asks(pc, timeout=15):
    """A password is asked for in front: seen as a person sees it."""
    return pc.wait("grep -aq 'This PC is locked' /dev/vcs$(tr -d a-z </sys/class/tty/tty0/active)", timeout)


def uncover(pc, password="staff", home="tty1"):
    pc.wait("grep -aq 'Password: *$' /dev/vcs$(tr -d a-z </sys/class/tty/tty0/active)", 15)
    pc.type(password + "\n")
    return pc.wait(lambda: front(pc) == home, 15)


def locked_in(pc, home="tty1"):
    """Neither keys nor root's VT_ACTIVATE lead anywhere else."""
    cover = front(pc)
    pc.key("alt", "f1")
    pc.activate(1)
    return cover != home and front(pc) == cover


def record(pc, kind, mark, timeout=10, **body):
    """A record behind `mark` of this kind with these words in it; or None."""
    return pc.wait_record(lambda r: r["seq"] > mark and r["kind"] == kind
                          and all(r["body"].get(k) == v for k, v in body.items()), timeout)


def journal(pc):
    return pc.run("journalctl -b -u sekisho-lock -n 25 --no-pager -o cat").out


def picture(pc, name):
    if PICTURES:
        os.makedirs(PICTURES, exist_ok=True)
        pc.screenshot(f"{PICTURES}/{name}.png")


def events(pc, after):
    """The records of the lock behind that one: (kind, body)."""
    return [(r["kind"], r["body"]) for r in pc.records(after=after) if r["kind"].startswith(("screen.", "session."))]


def wait_locked(pc, after, timeout):
    """The body of the next screen.locked; or None."""
    found = []

    def locked():
        found[:] = [body for kind, body in events(pc, after) if kind == "screen.locked"]
        return bool(found)
    pc.wait(locked, timeout, 0.3)
    return found[0] if found else None


def unlocked(pc, after, timeout=40):
    return pc.wait(lambda: any(kind == "screen.unlocked" for kind, _ in events(pc, after)), timeout, 0.3)
