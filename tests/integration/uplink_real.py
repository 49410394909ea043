#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real agent at a real console: enrolment, records, a policy, kills of both, the end.
Usage: uplink_real.py SEKISHOD UPLINK SEKISHOCTL CONSOLE CONTRACT Serves NET-2."""
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from console_fixture import Fixture
from console_server import Console
from uplink_agent import Agent


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Clinic:
    def __init__(self, console):
        self.console, self.fixture = console, Fixture(console)
        self.facility = self.fixture.own
        self.session = console.session(console.person(("administrator", self.facility),
                                                      ("security-officer", self.facility)))

    def call(self, method, path, body=None, wanted=200):
        answer = self.console.call(method, path, body, self.session)
        assert answer.status == wanted, (path, answer.status, answer.body)
        return answer.json

    def code(self):
        return self.call("POST", "/api/v1/enrolments", {"facility": self.facility, "host": "localhost", "name": "受付"},
                         201)

    def records(self, terminal):
        items, after = [], None
        while True:
            page = self.call("GET", f"/api/v1/records?ofTerminal={terminal}&limit=500" + (f"&after={after}" if after else ""))
            items += page["items"]
            after = page["next"]
            if not after:
                return [item["line"].encode() for item in sorted(items, key=lambda item: item["seq"])]


def check_enrolment(agent, clinic):
    say("codes: revoked, used, right")
    revoked = clinic.code()
    clinic.call("POST", f"/api/v1/enrolments/{revoked['id']}/revocation", {"version": 1})
    done = agent.ctl("enroll", revoked["code"])
    assert done.returncode == 1 and "refused the code" in done.stderr, done
    code = clinic.code()
    done = agent.ctl("enroll", code["code"])
    assert done.returncode == 0, done
    agent.wait(agent.connected, "connected")
    terminals = clinic.call("GET", "/api/v1/terminals")["items"]
    # The fixture's own certificate belongs to another one.
    ours = [t for t in terminals if t["id"] == agent.console()["terminal"]]
    assert [(t["name"], t["state"]) for t in ours] == [("受付", "enrolled")], terminals
    return ours[0]["id"]


def check_records(agent, clinic, terminal):
    say("both are killed at random moments while records are written")
    random.seed(11)
    for number in range(24):
        agent.ctl("reload")
        time.sleep(random.random() * 0.2)
        if number % 8 == 7:
            clinic.console.process.kill()
            clinic.console.process.wait()
            clinic.console.start()
        else:
            agent.kill_uplink()
    agent.wait(agent.connected, "connected again", 90)
    agent.wait(lambda: len(clinic.records(terminal)) >= len(agent.records()), "all records", 60)
    ours, theirs = agent.records(), clinic.records(terminal)
    assert theirs == ours[:len(theirs)], "nothing is lost, nothing twice, nothing changed"
    agent.wait(lambda: agent.console()["countersigned"] > 0, "a countersigned head")
    say(f"{len(theirs)} records")


def check_policy(agent, clinic, terminal):
    say("a policy of the group")
    console, files = clinic.console, json.dumps({"20-clinic.rules": "block id 1234:*\n", "sekisho.conf": "[Scan]\nIdleSec=1min\n"})
    person = console.sql("SELECT id FROM people LIMIT 1")[0][0]
    group = console.sql("SELECT group_id FROM terminals WHERE id = ?", terminal)[0][0]
    console.sql("INSERT INTO policies (id, facility_id, name, created) VALUES ('p', ?, 'all', 1)", clinic.facility)
    console.sql("INSERT INTO policy_versions (id, policy_id, facility_id, number, files, digest, created, created_by) VALUES "
                "('v', 'p', ?, 1, ?, x'00', 1, ?)", clinic.facility, files, person)
    console.sql("INSERT INTO group_policies (group_id, facility_id, policy_version_id, changed) VALUES (?, ?, 'v', 5)", group,
                clinic.facility)
    console.sql("UPDATE terminal_revisions SET revision = revision + 1 WHERE terminal_id = ?", terminal)
    agent.kill_uplink()  # its next poll asks anew
    agent.wait(lambda: agent.console().get("policy_version") == 1, "the policy")
    assert agent.status()["rules"] == 2


def check_end(agent, clinic, terminal):
    say("retired")
    version = clinic.call("GET", f"/api/v1/terminals/{terminal}")["version"]
    clinic.call("POST", f"/api/v1/terminals/{terminal}/retirement", {"version": version, "reason": "scrapped"})
    agent.wait(lambda: agent.console()["connection"]["cause"] == "retired", "retired")


def main(core, uplink, ctl, program, contract):
    with tempfile.TemporaryDirectory(prefix="sekisho-uplink-") as name, Console(program, contract) as console:
        folder = Path(name)
        folder.chmod(0o755)
        agent = Agent(folder, (core, uplink, ctl))
        try:
            agent.start()
            clinic = Clinic(console)
            terminal = check_enrolment(agent, clinic)
            check_records(agent, clinic, terminal)
            check_policy(agent, clinic, terminal)
            check_end(agent, clinic, terminal)
        except BaseException:
            print((folder / "log").read_text(errors="replace")[-6000:])
            raise
        finally:
            agent.stop()
    say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
