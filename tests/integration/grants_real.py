#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real agent at a real console: what somebody approves holds at the PC, and what is taken back does not; what a lying
console, an old message or another terminal says is refused.
Usage: grants_real.py SEKISHOD UPLINK SEKISHOCTL CONSOLE CONTRACT Serves OUT-1, OUT-4, LOSS-1."""
import sys
import tempfile
import time
from pathlib import Path

from console_fixture import Fixture
from console_server import Console
from uplink_agent import Agent
from uplink_real import Clinic, say


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Work:
    """One PC of one clinic, and what its people do."""

    def __init__(self, agent, clinic):
        self.agent, self.clinic, self.console = agent, clinic, clinic.console
        self.fixture, self.facility = clinic.fixture, clinic.facility
        self.asker = self.console.session(self.console.person(("staff", self.facility)))
        self.boss = self.console.session(self.console.person(("approver", self.facility)))
        self.officer = self.fixture.officer(self.facility)
        done = agent.ctl("enroll", clinic.code()["code"])
        assert done.returncode == 0, done
        agent.wait(agent.connected, "connected")
        self.terminal = agent.console()["terminal"]

    def reconnect(self):
        """A new uplink does not wait until the old one would have tried again."""
        self.console.start()
        self.agent.kill_uplink()
        self.agent.wait(self.agent.connected, "connected again", 30)

    def call(self, session, method, path, body=None, wanted=200):
        answer = self.console.call(method, path, body, session)
        assert answer.status == wanted, (path, answer.status, answer.body)
        return answer.json

    def request(self, begin=-60, end=3600, lease=None, terminal=None):
        medium = self.fixture.make_medium(self.facility)
        self.console.sql("UPDATE media SET mode = 'bound' WHERE id = ?", medium)
        body = {"facility": self.facility, "kind": "carry-out", "outFrom": stamp(begin), "due": stamp(end),
                "destination": "県立病院", "reason": "紹介", "dataSummary": "画像", "risk": "紛失", "onLoss": "報告",
                "terminal": terminal or self.terminal, "media": [medium]}
        if lease:
            body["leaseUntil"] = stamp(lease)
        return self.call(self.asker, "POST", "/api/v1/requests", body, 201)["id"], medium

    def approve(self, request):
        return self.call(self.boss, "POST", f"/api/v1/requests/{request}/decisions", {"approved": True})

    def grants(self):
        return {g["medium"]: g["state"] for g in self.agent.console()["grants"]}

    def await_state(self, medium, state, began, most):
        self.agent.wait(lambda: self.grants().get(medium) == state, f"{medium} {state}", most)
        return time.monotonic() - began


def check_approval(work):
    say("approved, and it holds; withdrawn, and it does not")
    times = []
    for _ in range(5):
        request, medium = work.request()
        assert medium not in work.grants()
        began = time.monotonic()
        work.approve(request)
        times.append(work.await_state(medium, "holds", began, 10))
        began = time.monotonic()
        work.call(work.asker, "POST", f"/api/v1/requests/{request}/withdraw", {})
        times.append(work.await_state(medium, None, began, 10))
    say(f"from the answer of the console until core has it: {max(times) * 1000:.0f} ms at most of {len(times)}")
    assert max(times) < 3, times
    kinds = [r["body"]["code"] for r in work.agent.kinds("grant.holds")]
    assert kinds == ["SK-1512"] * 5, kinds
    assert [r["body"]["code"] for r in work.agent.kinds("grant.over")] == ["SK-5605"] * 5


def check_times(work):
    say("it begins and ends at its time, also without the console")
    request, medium = work.request(begin=3, end=7)
    work.approve(request)
    work.await_state(medium, "later", time.monotonic(), 10)
    work.console.stop()
    work.await_state(medium, "holds", time.monotonic(), 10)
    work.await_state(medium, "over", time.monotonic(), 10)
    assert [r["body"]["code"] for r in work.agent.kinds("grant.over")][-1] == "SK-5603"
    work.reconnect()


def check_loss(work):
    say("lost, and refused; kept over a restart of core without a console")
    request, medium = work.request()
    _, other = other_request = work.request()
    work.approve(request)
    work.approve(other_request[0])
    work.await_state(medium, "holds", time.monotonic(), 10)
    work.await_state(other, "holds", time.monotonic(), 10)
    row = work.call(work.officer, "GET", f"/api/v1/media/{medium}")
    work.call(work.officer, "POST", f"/api/v1/media/{medium}/lose", {"version": row["version"], "reason": "電車"})
    work.await_state(medium, None, time.monotonic(), 10)
    assert [r["body"]["code"] for r in work.agent.kinds("grant.over")][-1] == "SK-5608"
    work.console.stop()
    work.agent.stop_core()
    before = len(work.agent.kinds("grant.holds"))
    work.agent.start_core()
    assert work.grants().get(other) == "holds" and medium not in work.grants(), work.grants()
    assert len(work.agent.kinds("grant.holds")) == before, "what held before is no news"
    work.reconnect()


def check_others(work):
    say("what is for another PC does not come")
    elsewhere = work.fixture.make_terminal(work.facility)
    request, medium = work.request(terminal=elsewhere)
    work.approve(request)
    mine, here = work.request()
    work.approve(mine)
    work.await_state(here, "holds", time.monotonic(), 10)
    assert medium not in work.grants()


def check_words(work):
    say("people see it")
    shown = work.agent.ctl("media").stdout
    assert "holds" in shown and "read-write" in shown, shown
    assert "Grants:" in work.agent.ctl("status").stdout


def main(core, uplink, ctl, program, contract):
    with tempfile.TemporaryDirectory(prefix="sekisho-grants-") as name, Console(program, contract) as console:
        folder = Path(name)
        folder.chmod(0o755)
        agent = Agent(folder, (core, uplink, ctl))
        try:
            agent.start()
            work = Work(agent, Clinic(console))
            for check in (check_approval, check_times, check_loss, check_others, check_words):
                check(work)
        except BaseException:
            print((folder / "log").read_text(errors="replace")[-6000:])
            raise
        finally:
            agent.stop()
    say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
