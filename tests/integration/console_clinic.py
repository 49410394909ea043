#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_clinic.py PROGRAM CONTRACT ENGINE: what a clinic sets for itself: by whom its requests are approved, in one or two
steps, by groups, or alone; which steps an incident begins with; and whom it tells of a loss. Serves OUT-4, LOSS-1."""
import json
import sys

from console_fixture import Fixture
from console_server import Console

failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


class Test:
    def __init__(self, console):
        self.console, self.fixture = console, Fixture(console)
        self.facility = self.fixture.own
        self.officer = self.session("security-officer")
        self.approvers = [self.session("approver") for _ in range(3)]

    def session(self, role, facility=None):
        return self.console.session(self.console.person((role, facility or self.facility)))

    def call(self, method, path, body=None, session=None):
        return self.console.call(method, path, body, session or self.officer)

    # ---- approval ----

    def rule(self):
        return self.call("GET", f"/api/v1/facilities/{self.facility}/approval-rule").json

    def set_rule(self, steps, single=False, session=None, facility=None):
        body = {"version": self.rule()["version"], "single": single, "steps": steps}
        return self.call("PUT", f"/api/v1/facilities/{facility or self.facility}/approval-rule", body, session)

    def group(self, *sessions):
        made = self.call("POST", "/api/v1/approval-groups", {"facility": self.facility, "name": self.fixture.unique()}).json
        answer = self.put_people(made["id"], made["version"], *sessions)
        assert answer.status == 200, answer.json
        return answer.json

    def put_people(self, group, version, *sessions):
        return self.call("PUT", f"/api/v1/approval-groups/{group}/people", {"version": version, "people": [s["person"] for s in sessions]})

    def decide(self, request, session):
        answer = self.call("POST", f"/api/v1/requests/{request}/decisions", {"approved": True}, session)
        return answer.json["state"] if answer.status == 200 else answer.code

    def check_groups(self):
        first, second, third = self.approvers
        check(self.rule()["steps"] == [{"group": "", "needed": 1}] and not self.rule()["single"], "as delivered any approver does it")
        check(self.set_rule([{"group": "0" * 26, "needed": 1}]).status == 422, "a group that is none cannot be asked")
        managers = self.group(second)
        check(self.set_rule([{"group": managers["id"], "needed": 2}]).status == 422, "nor more people than are in it")
        check(self.set_rule([{"group": "", "needed": 1}], session=first).code == "SK-5105", "who approves does not set the rule")
        there = self.session("security-officer", self.fixture.other)
        check(self.set_rule([], session=there).status == 404, "nor does another clinic")
        weak = self.console.session(self.officer["person"], fresh=False)
        check(self.set_rule([], session=weak).code == "SK-5107", "who sets it proves again who they are")
        request = self.fixture.make_request(self.facility)
        done = self.set_rule([{"group": "", "needed": 1}, {"group": managers["id"], "needed": 1}])
        check(done.status == 200 and len(done.json["steps"]) == 2, f"two steps, the second by a group {done.json}")
        check(self.decide(request, first) == "approved", "a request from before keeps its rule")
        request = self.fixture.make_request(self.facility)
        check(self.decide(request, first) == "waiting" and self.decide(request, third) == "SK-5303", "now the second step is the group's")
        check(self.decide(request, second) == "approved", "and one of it decides")
        emptied = self.put_people(managers["id"], managers["version"])
        check(emptied.status == 422, "nobody empties a group that the rule asks")
        late = self.put_people(managers["id"], managers["version"] - 1, second)
        check(late.code == "SK-5012", "who was not the last to look is told")
        stranger = self.put_people(managers["id"], managers["version"], there)
        check(stranger.code == "SK-5003", "nobody of another clinic is in it")

    def check_alone(self):
        body = {"facility": self.facility, "kind": "carry-out", "outFrom": "2098-01-10T00:00:00Z", "due": "2098-01-20T00:00:00Z",
                "destination": "x", "reason": "x", "dataSummary": "x", "risk": "x", "onLoss": "x"}

        def ask():
            medium = self.fixture.make_medium(self.facility)
            self.console.sql("UPDATE media SET mode = 'bound' WHERE id = ?", medium)
            return self.call("POST", "/api/v1/requests", {**body, "media": [medium]}, self.approvers[0]).json["id"]

        self.set_rule([])
        check(self.decide(ask(), self.approvers[0]) == "SK-5302", "nobody approves what they asked for")
        check(self.set_rule([], single=True).json["single"], "a clinic of one person says so")
        request = ask()
        check(self.decide(request, self.approvers[0]) == "SK-5107", "without a second factor they still may not")
        self.console.sql("INSERT INTO credentials (id, person_id, kind, created) VALUES ('c', ?, 'totp', 1)", self.approvers[0]["person"])
        done = self.decide(request, self.approvers[0])
        check(done == "approved", f"then they may, with a second factor of just now {done}")
        check(self.console.sql("SELECT alone FROM requests WHERE id = ?", request) == [(1,)], "and it is marked")
        kinds = self.console.sql("SELECT COUNT(*) FROM console_records WHERE kind = 'approval-rule.set'")[0][0]
        check(kinds == 3, f"each change of the rule is a record {kinds}")

    # ---- incidents ----

    def check_template(self):
        path = f"/api/v1/facilities/{self.facility}/incident-template"
        shown = self.call("GET", path).json
        check(not shown["own"] and shown["version"] == 0 and len(shown["steps"]) == 9, "as delivered there are nine steps")
        own = [{"title": "院長に電話", "text": "夜間も", "role": "staff", "hours": 1}, {"title": "弁護士に相談", "text": "", "role": "administrator", "hours": 24}]
        done = self.call("PUT", path, {"version": 0, "steps": own})
        check(done.status == 200 and done.json["own"] and done.json["steps"] == own, f"a clinic writes its own {done.json}")
        check(self.call("PUT", path, {"version": 0, "steps": own}).code == "SK-5012", "nobody writes over what they have not seen")
        incident = self.fixture.make_incident(self.facility)
        steps = self.call("GET", f"/api/v1/incidents/{incident}/steps").json["items"]
        check([(s["title"], s["role"], s["due"]) for s in steps] == [
            ("院長に電話", "staff", "2026-11-22T04:00:00.000Z"), ("弁護士に相談", "administrator", "2026-11-23T03:00:00.000Z")],
              f"the next incident begins with them, each with its owner and its time {steps}")
        other = self.fixture.make_incident(self.fixture.other)
        steps = self.call("GET", f"/api/v1/incidents/{other}/steps", session=self.fixture.officer(self.fixture.other)).json["items"]
        check(len(steps) == 9, "another clinic's with those delivered")
        done = self.call("PUT", path, {"version": done.json["version"], "steps": []})
        check(len(done.json["steps"]) == 9 and not done.json["own"], "and back")

    def check_persons(self):
        incident = self.fixture.make_incident(self.facility)
        path = f"/api/v1/incidents/{incident}/persons"
        patients = [{"reference": "100", "name": "山田花子", "contact": "03-0000-0000"}, {"reference": "101"}]
        check(self.call("POST", path, {"persons": patients}).status == 204, "patients are put on the list")
        check(self.call("POST", path, {"persons": patients + [{"reference": "102"}]}).status == 204, "again, with one more")
        listed = self.call("GET", path).json["items"]
        check([p["reference"] for p in listed] == ["100", "101", "102"], f"each is there once {listed}")
        check(self.call("GET", path, session=self.approvers[0]).code == "SK-5105", "names are shown to those who tell them")
        end = lambda person, **body: self.call("POST", f"/api/v1/incident-persons/{person['id']}/end", {"version": person["version"], **body})
        done = end(listed[0], state="told", method="電話")
        check(done.status == 200 and (done.json["state"], done.json["method"], done.json["toldBy"]) == (
            "told", "電話", self.officer["person"]), f"one is told {done.json}")
        check(end(listed[1], state="unreachable").code == "SK-5202", "who is not told needs a reason")
        check(end(listed[1], state="unreachable", note="転居先不明").json["state"] == "unreachable", "with one it is noted")
        check(end(listed[0], state="told").code == "SK-5012", "nobody notes over another")
        lines = json.dumps(self.console.sql("SELECT line FROM console_records"), ensure_ascii=False)
        check("山田花子" not in lines and "03-0000-0000" not in lines, "no record has a patient's name")


def main():
    program, contract, engine = sys.argv[1:4]
    with Console(program, contract, engine=engine) as console:
        test = Test(console)
        test.check_groups()
        test.check_alone()
        test.check_template()
        test.check_persons()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
