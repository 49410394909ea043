# SPDX-License-Identifier: GPL-2.0-or-later
"""Random traces of input, films, other consoles, sleep, and lockers that are killed or stopped: whatever happens, nobody
finds the screen open later than the limit, what a film may add, and what locking may take; nor locked while somebody works.

Serves LOCK-1.
"""
import json
import random
import re

from lab import desktop
from lab.lawful import Seen, broken
from lab.locks import journal, settings, uncover
from lab.paths import VM

LONG = True
# A lock that goes away within 10 s of a touch counts as opened by who touched it (agent/lock/machine.c): the limit is longer.
IDLE, CONFIRM, HELD, SLACK = 11, 3, 5, 5
WATCH, LOG = "/run/screen_watch.py", "/run/screen.log"
LOCKER, TELLER = "i3lock", "xss-lock"
SET_HINT = ("busctl call org.freedesktop.login1 /org/freedesktop/login1/session/auto org.freedesktop.login1.Session "
            "SetLockedHint b false")


class Desk:
    """What can happen at it; `tampered` from when somebody laid hand on the locker, `slept` from when it was asleep."""

    def __init__(self, pc):
        self.pc, self.tampered, self.dirty, self.slept = pc, False, True, False

    def state(self):
        return self.lines()[-1].state

    def lines(self):
        return [Seen.parse(line) for line in self.pc.sh(f"tail -n 400 {LOG}").splitlines()]

    def now(self):
        return float(self.pc.sh("cat /proc/uptime").split()[0])

    def sleeps(self):
        """When the kernel stopped every process, and when it let them go on: pairs of its own seconds."""
        told = re.findall(r"\[ *([0-9.]+)\] PM: suspend (entry|exit)", self.pc.sh("dmesg"))
        # The kernel's log may have lost the beginning of the first one.
        return [(float(begin), float(end)) for (begin, what), (end, then) in zip(told, told[1:]) if (what, then) == ("entry", "exit")]

    # --- what happens

    def touch(self):
        random.choice((self.pc.pointer, lambda: self.pc.key("shift")))()

    def leave(self):
        self.pc.sh(f"sleep {random.uniform(0, IDLE + 3):.2f}")

    def film(self):
        self.pc.staff("systemd-inhibit --what=idle --who=film --mode=block sleep 600 >/dev/null 2>&1 &")

    def film_ends(self):
        self.pc.run("pkill -u staff -x sleep")

    def elsewhere(self):
        self.pc.activate(2)

    def back(self):
        self.pc.activate(1)

    def back_by_hand(self):
        self.pc.key("ctrl", "alt", "f1")

    def sleep(self):
        self.slept = True
        self.pc.suspend()

    def unlock(self):
        if self.state() in ("covered", "locked"):
            self.pc.type("staff\n")
            self.pc.wait(lambda: self.state() == "open", 3, 0.3)  # what is opening is not what it is at the end

    def guess(self):
        if self.state() in ("covered", "locked"):
            self.pc.type("wrong\n")

    def _signal(self, signal, program):
        self.tampered = self.dirty = True
        self.pc.run(f"pkill -{signal} -x {program}")

    def kill_locker(self):
        self._signal("KILL", LOCKER)

    def kill_teller(self):
        self._signal("KILL", TELLER)

    def stop_locker(self):
        self._signal("STOP", LOCKER)

    def stop_teller(self):
        self._signal("STOP", TELLER)

    def crash_locker(self):
        self._signal("SEGV", LOCKER)

    # --- and between two traces

    def open_again(self):
        """Whatever it is in; True: the desk is open and its locker is as at the beginning."""
        settings(self.pc, 0, CONFIRM)
        self.film_ends()
        self.back()
        if self.dirty:
            self.pc.run(f"pkill -KILL -x {TELLER}; pkill -KILL -x {LOCKER}")
            self.pc.wait(f"! pgrep -x '{TELLER}|{LOCKER}'", 10)
        for _ in range(4):
            if self.pc.wait(lambda: self.state() == "open", 3, 0.3) is not None:
                break
            if self.state() == "covered":
                uncover(self.pc)
            else:
                self.unlock()
        if self.dirty:
            self.pc.staff(SET_HINT)
            self.pc.start_as_staff(f"exec {TELLER} -l -- {LOCKER} -n -c 802020 -e")
            self.pc.wait(f"pgrep -x {TELLER}", 10)
            self.pc.sh("sleep 1")
        self.tampered = self.dirty = self.slept = False
        settings(self.pc, IDLE, CONFIRM, f"InhibitSec={HELD}\n")
        return self.pc.wait(lambda: self.state() == "open", 3, 0.2) is not None


QUIET = ("touch", "leave", "leave", "leave", "film", "film_ends", "elsewhere", "back", "back_by_hand", "sleep", "unlock", "unlock",
         "guess")
ROUGH = ("kill_locker", "kill_teller", "stop_locker", "stop_teller", "crash_locker")


def trace(check, desk, number):
    opened = desk.open_again()
    if not opened and not desk.open_again():
        check(f"trace {number}: begins at an open desk", False, f"{desk.lines()[-3:]} {journal(desk.pc)}")
        return False
    begin = desk.now()
    steps = [random.choice(ROUGH if random.random() < 0.25 else QUIET) for _ in range(random.randint(3, 6))]
    for step in steps:
        getattr(desk, step)()
    desk.back()
    desk.pc.wait(lambda: desk.state() not in ("open", "elsewhere"), IDLE + HELD + SLACK + 1, 0.3)
    end = desk.now()
    every = desk.lines()
    first = max(i for i, seen in enumerate(every) if seen.at <= begin)
    seen = every[first:]
    complaints = broken(seen, end, IDLE, HELD, SLACK, desk.sleeps(), by_time=not (desk.tampered or desk.slept))
    if seen[-1].state in ("open", "elsewhere"):
        complaints.append(f"{seen[-1].state} at the end")
    check(f"trace {number}: {' '.join(steps)}", not complaints, f"{complaints} {seen} {journal(desk.pc)}",
          f"{seen[-1].state} at the end")
    return not complaints


def traces(check, first, last):
    """At one desk, until its session was ended. Return: how many there were, and how many of them were wrong."""
    wrong = 0
    with desktop.installed("plain", "x11", card="VGA") as pc:  # virtio's does not wake up again
        desk = Desk(pc)
        pc.put(VM / "programs" / "screen_watch.py", WATCH)
        pc.sh(f"systemd-run -q --collect --unit=screen-watch -p StandardOutput=file:{LOG} python3 {WATCH} staff tty1 {LOCKER}")
        pc.wait(lambda: pc.exists(LOG) and pc.sh(f"cat {LOG}"), 20)
        for number in range(first, last + 1):
            wrong += not trace(check, desk, number)
            if desk.state() == "ended":
                break
        check("the records verify", pc.chain_verifies())
    return number - first + 1, wrong


def run(check):
    seed = random.randrange(1 << 32)
    random.seed(seed)
    print(f"      random numbers from {seed}", flush=True)
    wanted, done, wrong = check.count(short=5, full=200), 0, 0
    while done < wanted:
        some, bad = traces(check, done + 1, wanted)
        done, wrong = done + some, wrong + bad
    print(f"      {json.dumps({'traces': done, 'violations': wrong})}", flush=True)
