#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real agent at a real console: the days of its screen lock reach it, also those on which it was away, and what stands
open is an alert there within seconds; its order to lock is carried out at once, once, and answered.
Usage: lock_real.py SEKISHOD UPLINK SEKISHOCTL CONSOLE CONTRACT Serves LOCK-1."""
import json
import socket
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

from console_server import Console
from uplink_agent import Agent
from uplink_calls import VERSION
from uplink_real import Clinic, say

HEAD = struct.Struct("=HHIQ")  # lib/ipc/proto.h
OPTIONS, NOW, EVENT, STATE = 0x0701, 0x0702, 0x0781, 0x0782  # lib/ipc/proto_lock.h
LOCKED, UNLOCKED, REFUSED = 1, 2, 3
NOBODY, OPEN, BY_DESKTOP, COVERED = range(4)
EVENT_BODY = struct.Struct("=IIIIQQ64s64s16s192x")
LOCKERS_SIZE = 1024  # the end of SkLockOptions; before it pass_until
STATE_BODY = struct.Struct("=IIII64s")


class Lock:
    """What core hears of sekisho-lock."""

    def __init__(self, folder):
        self.path, self.channel, self.got = folder / "run" / "lock.sock", None, []
        self.answer = lambda lock, kind, cookie: None
        self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.path.unlink(missing_ok=True)
        self.listener.bind(str(self.path))
        self.listener.listen()
        threading.Thread(target=self.serve, args=(self.listener,), daemon=True).start()

    def serve(self, listener):
        while True:
            try:
                self.channel = listener.accept()[0]
            except OSError:
                return
            while message := self.channel.recv(16384):
                _, kind, size, cookie = HEAD.unpack_from(message)
                assert size == len(message)
                self.got.append((kind, message[HEAD.size:]))
                self.answer(self, kind, cookie)

    def send(self, kind, body, cookie=0):
        self.channel.send(HEAD.pack(VERSION, kind, HEAD.size + len(body), cookie) + body)

    def state(self, front, still_open=0, standing=b"", cookie=0):
        self.send(STATE, STATE_BODY.pack(front, still_open, 1 if standing else 0, 0, standing), cookie)

    def event(self, kind, idle=0, failures=0, way=2):
        self.send(EVENT, EVENT_BODY.pack(kind, way if kind == LOCKED else 0, 1000, failures, idle, 20, b"c1", b"staff", b"tty"))

    def die(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.path.unlink()
        self.channel.shutdown(socket.SHUT_RDWR)


class Work:
    def __init__(self, agent, clinic, lock):
        self.agent, self.clinic, self.lock = agent, clinic, lock
        done = agent.ctl("enroll", clinic.code()["code"])
        assert done.returncode == 0, done
        agent.wait(agent.connected, "connected")
        self.terminal = agent.console()["terminal"]

    def days(self):
        return self.clinic.call("GET", f"/api/v1/lock-days?ofTerminal={self.terminal}")["items"]

    def day(self):
        days = self.days()
        return {name: days[-1][name] for name in ("locks", "unlocks", "failures", "wrongPasswords", "longestIdle")} \
            if days else {}

    def alerts(self, kind):
        items = self.clinic.call("GET", f"/api/v1/alerts?kind={kind}&state=open")["items"]
        return [item for item in items if item["subject"] == self.terminal]

    def own_days(self):
        return json.loads(self.agent.ctl("lock", "--json").stdout)["days"]


def within(work, what, condition, seconds):
    begun = time.monotonic()
    work.agent.wait(condition, what, seconds)
    say(f"{what}: {time.monotonic() - begun:.2f} s")


def check_days(work):
    say("what happened today is at the console")
    work.lock.state(OPEN, 1)
    work.lock.event(LOCKED, idle=900000)
    work.lock.event(UNLOCKED, failures=2)
    work.lock.event(REFUSED, idle=901000)
    wanted = {"locks": 1, "unlocks": 1, "failures": 1, "wrongPasswords": 2, "longestIdle": 901000}
    within(work, "the day", lambda: work.day() == wanted, 10)
    work.agent.wait(lambda: work.own_days()[0].get("told"), "the PC knows that the console has it")
    say("the console is away for days")
    work.clinic.console.stop()
    work.agent.wait(lambda: not work.agent.connected(), "offline")
    work.lock.event(LOCKED, idle=5)
    work.agent.stop_core()
    path = work.agent.folder / "state" / "screen.json"
    days = json.loads(path.read_text())
    assert not days[0].get("told") and days[0]["locks"] == 2, days
    older = [{"day": f"2026-01-{day:02}", "locks": day, "longest_idle_ms": 1000 * day} for day in range(30, 0, -1)]
    path.write_text(json.dumps(days + older))
    work.agent.start_core()
    work.clinic.console.start()
    work.agent.wait(lambda: len(work.days()) == 31, "all days", 60)
    assert [row["locks"] for row in work.days()] == [*range(1, 31), 2], work.days()
    report = work.clinic.call("GET", "/api/v1/lock-days/report?from=2026-01-10&to=2026-01-11")["items"]
    ours = next(row for row in report if row["terminal"] == work.terminal)
    assert (ours["days"], ours["locks"], ours["longestIdle"]) == (2, 21, 11000), ours
    csv = work.clinic.console.call("GET", "/api/v1/lock-days/export?from=2026-01-10&to=2026-01-11", None, work.clinic.session)
    assert csv.status == 200 and "受付,2,21,0,0,0,11000" in csv.body.decode(), csv.body


def check_alerts(work):
    say("a screen that stands open")
    work.lock.state(OPEN, 1, b"staff")
    within(work, "the alert", lambda: work.alerts("screen-open"), 10)
    alert = work.alerts("screen-open")[0]
    assert alert["details"]["terminal"] == "受付" and alert["details"]["user"] == "staff", alert
    assert (alert["severity"], alert["code"]) == ("critical", "SK-5934"), alert
    work.lock.state(NOBODY)
    within(work, "it is over", lambda: not work.alerts("screen-open"), 10)
    say("nobody watches it: the console knows, and it is no alert while nothing is enforced")
    work.lock.die()
    work.lock.listen()
    work.agent.wait(lambda: work.lock.got, "core is back at once")
    time.sleep(4)
    work.lock.die()
    time.sleep(4)
    screen = work.clinic.call("GET", "/api/v1/lock-days/report?from=2026-01-10&to=2026-01-11")["items"]
    assert [row["screen"] for row in screen if row["terminal"] == work.terminal] == ["unwatched"], screen
    assert not work.alerts("screen-unwatched")
    work.lock.listen()


def order(work, **whom):
    """Return: its id, and when it was given."""
    body = {"facility": work.clinic.facility, "reason": "火災報知器"} | whom
    begun = time.monotonic()
    return work.clinic.call("POST", "/api/v1/lock-orders", body, 201)["id"], begun


def outcome(work, identity):
    items = work.clinic.call("GET", f"/api/v1/lock-order-terminals?ofOrder={identity}")["items"]
    return {row["terminal"]: row["outcome"] for row in items}


def asked(work):
    return [kind for kind, _ in work.lock.got].count(NOW)


def check_orders(work):
    say("locked by the console's order")
    took = []

    def cover(lock, kind, cookie):
        if kind == NOW:
            took.append(time.monotonic())
            lock.state(OPEN, 1, cookie=cookie)
            lock.state(COVERED, 0, cookie=cookie)

    work.agent.wait(lambda: work.lock.channel.fileno() >= 0 and work.lock.got, "core is back at the lock")
    work.lock.answer = cover
    times = []
    for number in range(20):
        identity, begun = order(work, **({"terminal": work.terminal} if number % 2 else {}))
        work.agent.wait(lambda: len(took) == number + 1, "the order", 10)
        times.append(took[-1] - begun)
        work.agent.wait(lambda: outcome(work, identity)[work.terminal] == "covered", "the answer", 10)
    times.sort()
    say(f"order to lock: median {times[10] * 1000:.0f} ms, longest {times[-1] * 1000:.0f} ms")
    assert times[-1] < 2, times
    assert len(outcome(work, identity)) == 1, "one PC only"
    record = work.agent.kinds("screen.asked")[-1]
    assert record["actor"] == "console" and record["body"]["order"] == identity, record
    assert record["body"]["reason"] == "火災報知器" and record["body"]["by"], record
    check_once(work, identity)
    say("no screen, no lock")
    work.lock.answer = lambda lock, kind, cookie: lock.state(NOBODY, cookie=cookie)
    identity, _ = order(work)
    work.agent.wait(lambda: outcome(work, identity)[work.terminal] == "nobody", "nobody is there", 10)
    work.lock.answer = lambda lock, kind, cookie: lock.state(OPEN, 1, cookie=cookie)
    identity, _ = order(work)
    work.agent.wait(lambda: outcome(work, identity)[work.terminal] == "open", "it does not lock", 30)


def check_once(work, last):
    say("the same order is not carried out twice, and one whose time is over by nobody")
    before = asked(work)
    console = work.clinic.console
    console.sql("UPDATE lock_order_terminals SET outcome = 'waiting' WHERE order_id = ?", last)
    for _ in range(2):
        work.agent.kill_uplink()
        time.sleep(0.5)
        work.agent.wait(work.agent.connected, "connected", 30)
    time.sleep(1)
    assert asked(work) == before, "again"
    work.agent.hold_uplink()
    late, _ = order(work)
    assert outcome(work, late)[work.terminal] == "waiting"
    console.sql("UPDATE lock_order_terminals SET expires = 1 WHERE order_id = ?", late)
    work.agent.release_uplink()
    work.agent.wait(work.agent.connected, "connected", 60)
    time.sleep(1)
    assert asked(work) == before and outcome(work, late)[work.terminal] == "not-reached", outcome(work, late)
    others = [row for row in console.sql("SELECT kind FROM console_records WHERE kind = 'lock.ordered'")]
    assert len(others) == 21, others


def passed(work):
    """What sekisho-lock was told last: until when the limits do not apply."""
    options = [body for kind, body in work.lock.got if kind == OPTIONS]
    return struct.unpack_from("=Q", options[-1], len(options[-1]) - LOCKERS_SIZE - 8)[0]


def check_pass(work):
    say("a presentation: allowed by the policy, with a reason, not for longer than it says, and over by an order to lock")
    begin = lambda minutes, *more: work.agent.ctl("lock", "pass", str(minutes), *more)
    assert begin(5, "--reason", "学会").returncode == 1, "none is allowed as delivered"
    work.agent.settings("[Lock]\nConfirmSec=1\nPassMaxSec=1h\n")
    assert work.agent.ctl("reload").returncode == 0
    assert begin(61, "--reason", "学会").stdout.startswith("SK-1710")
    assert begin(30).returncode == 2 and begin(30, "--reason", " ").returncode != 0
    done = begin(60, "--reason", "学会")
    assert done.returncode == 0 and done.stdout.startswith("SK-1708"), done
    until = time.clock_gettime(time.CLOCK_BOOTTIME) + 3600
    work.agent.wait(lambda: abs(passed(work) / 1e6 - until) < 5, "the lock knows")
    assert "学会" in work.agent.ctl("lock").stdout, work.agent.ctl("lock").stdout
    work.agent.stop_core()
    work.lock.got.clear()
    work.agent.start_core()
    work.agent.wait(lambda: work.lock.got and abs(passed(work) / 1e6 - until) < 5, "it holds over a restart of core")
    path = work.agent.folder / "state" / "screen-pass.json"
    kept = json.loads(path.read_text())
    assert work.agent.ctl("lock", "--now").returncode == 0
    work.agent.wait(lambda: passed(work) == 0, "over")
    assert work.agent.ctl("lock", "pass", "end").stdout.startswith("SK-1711")
    records = [(r["kind"], r["body"].get("why")) for r in map(json.loads, work.agent.records())
               if r["kind"].startswith("screen.pass")]
    assert records == [("screen.pass", None), ("screen.pass-ended", "locked")], records
    say("one of another boot is none")
    work.agent.stop_core()
    path.write_text(json.dumps(kept | {"boot": "0" * 32}))
    work.lock.got.clear()
    work.agent.start_core()
    work.agent.wait(lambda: work.lock.got and passed(work) == 0, "none")


def main(core, uplink, ctl, program, contract):
    with tempfile.TemporaryDirectory(prefix="sekisho-lock-") as name, Console(program, contract) as console:
        folder = Path(name)
        folder.chmod(0o755)
        agent = Agent(folder, (core, uplink, ctl))
        agent.settings("[Lock]\nConfirmSec=1\n")
        lock = Lock(folder)
        try:
            agent.start()
            agent.wait(lambda: lock.channel, "core at its lock")
            work = Work(agent, Clinic(console), lock)
            check_days(work)
            check_alerts(work)
            check_orders(work)
            check_pass(work)
        except BaseException:
            print((folder / "log").read_text(errors="replace")[-6000:])
            raise
        finally:
            agent.stop()
    say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
