# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds at the desk of every desktop, whoever locks it: "desktop", its own locker, or "console", ours."""
import time

from . import letters
from .locks import SLACK, asks, covered, events, front, journal, picture, settings, uncover, unlocked, wait_locked
from .paths import VM

IDLE, HELD = 15, 15
CONFIRM = 20  # an emulated desktop takes its time
USUAL = 3  # as installed
SLOW = 60  # seconds for a program of the desktop's to begin there
STUCK = 60  # seconds somebody tries, until our console asks instead


def by_time(check, pc, by, confirm):
    settings(pc, IDLE, confirm)
    mark = pc.last_record()
    check("not while somebody is there", wait_locked(pc, mark, IDLE - 6) is None, events(pc, mark))
    pc.key("shift")
    pc.pointer()
    body = wait_locked(pc, mark, IDLE + confirm + SLACK + 5)
    check(f"locked at the limit, shown by the {by}", body and body["by"] == by
          and (IDLE - 1) * 1000 <= body["idle_ms"] <= (IDLE + confirm + SLACK) * 1000, events(pc, mark) or journal(pc),
          body and f"idle {body['idle_ms']} ms, {body['took_ms']} ms from asked to shown")
    settings(pc, 0, confirm)


def opens(check, pc, by, home):
    """Its user gets in with his password, and with nothing else."""
    time.sleep(8)
    picture(pc, f"{pc.profile}-locked")
    mark = pc.last_record()
    if by == "console":
        check("our console asks in Japanese letters", letters.stands(pc, "この端末はロックされています。", 2, 3))
        check("a wrong password does not open it", uncover(pc, "wrong", home) is None, events(pc, mark))
        check("its user's does", uncover(pc, home=home) is not None, journal(pc))
        time.sleep(10)
        check("one password is enough", front(pc) == home, f"{front(pc)} {pc.run('loginctl').out}")
        picture(pc, f"{pc.profile}-open")
        return
    pc.key("shift")
    time.sleep(5)
    pc.type("wrong\n")
    check("a wrong password does not open it", unlocked(pc, mark, 15) is None, events(pc, mark))
    check("its user's does, in its own lock or in our console", let_in(pc, mark, home), events(pc, mark) or journal(pc),
          ", ".join(kind for kind, _ in events(pc, mark)))
    picture(pc, f"{pc.profile}-open")


def let_in(pc, mark, home):
    """Where the desktop's lock is too slow to ask, our console does after a minute."""
    ends = time.monotonic() + 3 * STUCK
    while time.monotonic() < ends:
        if front(pc) != home and asks(pc, 0):
            uncover(pc, home=home)
        else:
            pc.type("staff\n")
        if unlocked(pc, mark, 5) is not None:
            return True
    return False


def stopped(check, pc, program, home, confirm):
    """What would lock does nothing: our console needs none of it."""
    settings(pc, IDLE, USUAL)
    pc.sh(f"pkill -STOP -x {program}")
    mark = pc.last_record()
    body = wait_locked(pc, mark, IDLE + SLACK + 5)
    check(f"{program} is stopped: covered at the limit", body and body["by"] == "console"
          and body["idle_ms"] <= (IDLE + SLACK) * 1000, events(pc, mark) or journal(pc), body and f"idle {body['idle_ms']} ms")
    time.sleep(10)  # a display manager may take what comes to the front for its own
    check("our console is left alone", front(pc) != home and asks(pc, 0), pc.run("loginctl; journalctl -b -n 20 --no-pager").out)
    picture(pc, f"{pc.profile}-stopped")
    pc.sh(f"pkill -CONT -x {program}")
    settings(pc, 0, confirm)
    check("opened by its user", uncover(pc, home=home) is not None, journal(pc))


def over(pc):
    """What is left of a session that has ended may take its time."""
    return pc.session() is None or pc.session("State") == "closing"


def killed(check, pc, program, home, confirm):
    """While it is locked: covered, ended, or as locked as before."""
    mark = pc.last_record()
    pc.sh("sekishoctl lock --now")
    check("locked by order", wait_locked(pc, mark, confirm + SLACK + 5) is not None, events(pc, mark))
    time.sleep(11)  # a lock that goes away then was not opened by anybody
    pc.sh(f"pkill -KILL -x {program}")
    took = pc.wait(lambda: over(pc) or front(pc) != home and asks(pc, 0), SLACK + 5)
    check.within(f"{program} is killed: covered, or its session has ended", took, SLACK)
    if pc.wait(lambda: over(pc), 10) is None:  # it may end a moment later
        check("opened by its user", covered(pc, 10, home) is not None and uncover(pc, home=home) is not None,
              pc.run("loginctl; loginctl show-session $(loginctl --no-legend | awk '{print $1}')").out + journal(pc))


def film(check, pc, by, home, confirm):
    """A player asks the desktop: it is given its time and no more, and is named."""
    pc.put(VM / "programs" / "film.py", "/run/film.py")
    pc.start_as_staff(f"exec python3 /run/film.py {pc.profile}")
    check("a player keeps the desktop open", pc.wait("systemd-inhibit --list --no-legend | grep -q idle", SLOW) is not None,
          pc.run("systemd-inhibit --list").out)
    settings(pc, IDLE, confirm, f"InhibitSec={HELD}\n")
    mark = pc.last_record()
    body = wait_locked(pc, mark, IDLE + HELD + confirm + SLACK + 5)
    check("it is locked when its time is over, and not before", body
          and (IDLE + HELD - 1) * 1000 <= body["idle_ms"] <= (IDLE + HELD + confirm + SLACK) * 1000, events(pc, mark),
          body and f"idle {body['idle_ms']} ms")
    check("the record names the player", body and "film" in str(body.get("held_by")), body)
    pc.run("pkill -f /run/film.py")
    settings(pc, 0, confirm)
    check("its user gets in", uncover(pc, home=home) is not None if by == "console" else let_in(pc, mark, home), journal(pc))


def holds(check, pc, by, program, films=True, confirm=CONFIRM):
    """All of it. program: of the session; where the desktop locks itself, the one that tells of it. films: a player can ask this
    desktop in the lab. confirm: seconds it has to show that it locked."""
    home = front(pc)
    by_time(check, pc, by, confirm)
    opens(check, pc, by, home)
    if films:
        film(check, pc, by, home, confirm)
    stopped(check, pc, program, home, confirm)
    if by == "desktop":
        killed(check, pc, program, home, confirm)
    check("the records verify", pc.chain_verifies())
