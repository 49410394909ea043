#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_rollout.py PROGRAM CONTRACT: a roll-out in stages by the running console, which is killed at random moments: each
stage comes once, each PC is given the version once, and the records say so. What the PCs answer is written into the rows
that their answers make (uplink_real.py has a real one). Serves DEV-1."""
import itertools
import random
import sys
import time

from console_fixture import Fixture
from console_server import Console

TERMINALS, STAGES = 100, (1, 5, 20, 40, 60, 80, 100)


class House:
    def __init__(self, console):
        self.console, self.fixture = console, Fixture(console)
        self.facility = self.fixture.own
        self.session = self.fixture.officer(self.facility)
        self.group = self.fixture.make_group(self.facility)
        for _ in range(TERMINALS):
            terminal = self.fixture.make_terminal(self.facility)
            console.sql("UPDATE terminals SET group_id = ? WHERE id = ?", self.group, terminal)
            console.sql("INSERT INTO terminal_status (terminal_id, facility_id, last_contact) VALUES (?, ?, ?)", terminal,
                        self.facility, now())
        self.versions = [self.publish(text) for text in ("allow id 046d:c31c\n", "block id 046d:c31c\n")]

    def call(self, method, path, body=None, wanted=200):
        answer = self.console.call(method, path, body, self.session)
        assert answer.status == wanted, (path, answer.status, answer.json)
        return answer.json

    def publish(self, text):
        policy = self.fixture.make_policy(self.facility)
        version = self.call("POST", f"/api/v1/policies/{policy}/versions",
                            {"files": [{"name": "20-x.rules", "text": text}]}, 201)["id"]
        self.call("POST", f"/api/v1/policy-versions/{version}/check", {"version": 1})
        return self.call("POST", f"/api/v1/policy-versions/{version}/publication", {"version": 2})["id"]

    def answer(self):
        """Everybody is in contact, and who was sent something says that it is in force."""
        self.console.sql("UPDATE terminal_status SET last_contact = ?", now())
        self.console.sql("UPDATE terminal_policies SET state = 'applied', running_version_id = policy_version_id, "
                         "running_mode = mode WHERE state = 'sent'")

    def count(self, sql, *values):
        return self.console.sql(sql, *values)[0][0]


def now():
    return int(time.time() * 1000)


def kill(console):
    console.process.kill()
    console.process.wait()
    # What the next process would wait for: the time that the duty was taken for.
    console.sql("UPDATE duties SET held_until = 0, last_done = 0")
    console.start()


def main():
    random.seed(23)
    with Console(sys.argv[1], sys.argv[2]) as console:
        house = House(console)
        house.call("PUT", f"/api/v1/terminal-groups/{house.group}/policy",
                   {"version": 1, "policyVersion": house.versions[0], "mode": "enforcing"})
        house.answer()
        rollout = house.call("POST", "/api/v1/rollouts", {
            "facility": house.facility, "policyVersion": house.versions[1], "groups": [house.group],
            "stages": [{"share": share, "hours": 0} for share in STAGES]}, 201)["id"]
        kills = 0
        while house.call("GET", f"/api/v1/rollouts/{rollout}")["state"] == "running":
            assert kills < 60, house.call("GET", f"/api/v1/rollouts/{rollout}")
            house.answer()
            time.sleep(random.random() * 0.25)
            kill(console)
            kills += 1
        row = house.call("GET", f"/api/v1/rollouts/{rollout}")
        assert (row["state"], row["stage"], row["counted"]) == ("done", len(STAGES), TERMINALS), row
        having = house.count("SELECT count(*) FROM terminal_policies WHERE policy_version_id = ? AND mode = 'enforcing'",
                             house.versions[1])
        stages = house.count("SELECT count(*) FROM console_records WHERE kind = 'rollout.stage' AND subject = ?",
                             f"rollout:{rollout}")
        ended = house.count("SELECT count(*) FROM console_records WHERE kind = 'rollout.done'")
        assert (having, stages, ended) == (TERMINALS, len(STAGES), 1), (having, stages, ended)
        # When each was told last: one that was told twice would stand in a later stage than its own.
        told = console.sql("SELECT count(*), sum(r.changed = p.changed) FROM terminal_policies p JOIN terminal_revisions r "
                           "ON r.terminal_id = p.terminal_id WHERE p.policy_version_id = ? GROUP BY p.changed ORDER BY p.changed",
                           house.versions[1])
        assert all(count == same for count, same in told), told
        assert list(itertools.accumulate(count for count, _ in told)) == list(STAGES), told
        group = house.call("GET", f"/api/v1/terminal-groups/{house.group}")
        assert (group["policyVersion"], group["mode"]) == (house.versions[1], "enforcing"), group
        print(f"{TERMINALS} PCs in {len(STAGES)} stages, the console killed {kills} times: each once")
        house.call("POST", f"/api/v1/rollouts/{rollout}/rollback", {"version": row["version"], "reason": "as a test"})
        back = house.count("SELECT count(*) FROM terminal_policies WHERE policy_version_id = ?", house.versions[0])
        assert back == TERMINALS, back
    print("done")


if __name__ == "__main__":
    main()
