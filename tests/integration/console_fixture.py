# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows that the parameters of paths and the examples of bodies name, for the tests that are made from the contract.
Whoever adds a parameter to a path adds its row here; a test that meets one without fails."""
import copy
import json
import secrets

from console_server import new_id


class Fixture:
    """A facility of one's own and another one, with a maker of fresh rows in each."""

    def __init__(self, console):
        self.console = console
        self.own, self.other = console.facility("自院"), console.facility("他院")
        self.officers = {}
        self.terminal(self.own, console.terminal)  # whose certificate the tests hold
        console.sql("INSERT INTO public_keys (id, purpose, algorithm, public_key, created, valid_from) VALUES "
                    "('x25519:fixture', 'recovery', 'x', ?, 1, 1)", secrets.token_bytes(32))

    def row(self, name, facility):
        """A row for {name} of a path, which nobody has touched."""
        return getattr(self, "make_" + name)(facility)

    @staticmethod
    def make_from(_facility):
        return "2026-01-01"

    @staticmethod
    def make_to(_facility):
        return "2026-01-31"

    def make_person(self, facility):
        return self.console.person(("staff", facility))

    def make_passkey(self, _facility):
        return new_id()  # nobody's

    def make_rule(self, facility):
        identity = new_id()
        self.console.sql("INSERT INTO provider_groups (id, issuer, group_name, role, facility_id, created) VALUES (?, "
                         "'https://provider.example', 'g', 'staff', ?, 1)", identity, facility)
        return identity

    def make_facility(self, facility):
        """The one there is, as if nobody had changed it: the examples are for version 1."""
        self.console.sql("UPDATE facilities SET version = 1 WHERE id = ?", facility)
        return facility

    def make_role(self, _facility):
        return "staff"

    def officer(self, facility):
        """A session that may do what fixtures need."""
        if facility not in self.officers:
            person = self.console.person(("security-officer", facility), ("administrator", facility))
            self.officers[facility] = self.console.session(person)
        return self.officers[facility]

    def make(self, path, body, facility):
        answer = self.console.call("POST", path, json.dumps(body).encode(), self.officer(facility))
        assert answer.status == 201, (path, answer.status, answer.json)
        return answer.json["id"]

    def make_medium(self, facility):
        return self.make("/api/v1/media", {"facility": facility, "number": self.unique(), "label": "x", "kind": "ssd"},
                         facility)

    def make_escrowedMedium(self, facility):
        """As a preparation leaves it, but for the box, which only a terminal can make."""
        medium, key = self.make_medium(facility), new_id()
        self.console.sql("INSERT INTO medium_keys (id, medium_id, facility_id, generation, leaf, algorithm, wrapped, public_key, "
                         "created) VALUES (?, ?, ?, 9, ?, 'x', ?, ?, 1)", key, medium, facility, secrets.randbelow(2**40), b"x",
                         bytes(32))
        self.console.sql("INSERT INTO escrows (id, medium_id, facility_id, key_id, generation, recovery_key, algorithm, wrapped, "
                         "created) VALUES (?, ?, ?, ?, 9, 'x25519:fixture', 'x', ?, 1)", new_id(), medium, facility, key, b"x")
        return medium

    def make_recovery(self, facility):
        return self.make("/api/v1/recoveries", {"facility": facility, "medium": self.make_escrowedMedium(facility),
                                                "reason": "x"}, facility)

    def make_run(self, facility):
        return self.make("/api/v1/stock-takings", {"facility": facility, "name": self.unique()}, facility)

    def make_incident(self, facility):
        return self.make("/api/v1/incidents", {"facility": facility, "kind": "loss", "title": "x",
                                               "known": "2026-11-22T03:00:00Z", "media": []}, facility)

    def make_step(self, facility):
        steps = self.console.call("GET", f"/api/v1/incidents/{self.make_incident(facility)}/steps", None,
                                  self.officer(facility))
        return steps.json["items"][0]["id"]

    def make_report(self, facility):
        return self.make(f"/api/v1/incidents/{self.make_incident(facility)}/reports", {"kind": "preliminary"}, facility)

    def make_request(self, facility):
        """Waiting for a decision; its medium counts as prepared, which is the work of an agent."""
        medium = self.make_medium(facility)
        self.console.sql("UPDATE media SET mode = 'bound' WHERE id = ?", medium)
        return self.make("/api/v1/requests", {
            "facility": facility, "kind": "carry-out", "outFrom": "2098-01-10T00:00:00Z", "due": "2098-01-20T00:00:00Z",
            "destination": "x", "reason": "x", "dataSummary": "x", "risk": "x", "onLoss": "x", "media": [medium]}, facility)

    def make_sealedTerminal(self, facility):
        """It has told the key that codes are sealed to."""
        terminal = self.make_terminal(facility)
        self.console.sql("UPDATE terminals SET seal_key = ?, offline_box = ? WHERE id = ?", secrets.token_bytes(32),
                         secrets.token_bytes(86), terminal)
        return terminal

    def make_code(self, facility):
        return self.make("/api/v1/offline-codes", {
            "facility": facility, "terminal": self.make_sealedTerminal(facility), "medium": self.make_medium(facility), "userName": "x",
            "action": "read", "reason": "x"}, facility)

    def make_glass(self, facility):
        return self.make("/api/v1/break-glass", {"facility": facility, "terminal": self.make_terminal(facility),
                                                 "keptBy": "x"}, facility)

    def make_visit(self, facility):
        return self.make("/api/v1/visits", {
            "facility": facility, "company": "x", "visitor": "x", "account": "x", "purpose": "x", "day": "2098-01-10",
            "validFrom": "2098-01-10T00:00:00Z", "validUntil": "2098-01-10T09:00:00Z", "terminals": [], "devices": [],
            "carriesData": False}, facility)

    def make_grant(self, facility):
        """What an approval leaves."""
        self.make_terminal(facility)
        request = self.make_request(facility)
        approver = self.console.session(self.console.person(("approver", facility)))
        answer = self.console.call("POST", f"/api/v1/requests/{request}/decisions", b'{"approved": true}', approver)
        assert answer.status == 200, answer.json
        return self.console.sql("SELECT id FROM grants WHERE request_id = ?", request)[0][0]

    def terminal(self, facility, identity):
        """As an enrolment leaves it."""
        groups = self.console.sql("SELECT id FROM terminal_groups WHERE facility_id = ?", facility)
        group = groups[0][0] if groups else new_id()
        if not groups:
            self.console.sql("INSERT INTO terminal_groups (id, facility_id, name, created) VALUES (?, ?, 'PCs', 1)", group,
                             facility)
        self.console.sql("INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES (?, ?, ?, 'PC', 1)",
                         identity, facility, group)
        self.console.sql("INSERT INTO terminal_revisions (terminal_id, changed) VALUES (?, 1)", identity)
        return identity

    def make_terminal(self, facility):
        return self.terminal(facility, new_id())

    make_ofTerminal = make_terminal

    def make_lockOrder(self, facility):
        return self.make("/api/v1/lock-orders", {"facility": facility, "reason": "x"}, facility)

    make_ofOrder = make_lockOrder

    def make_digest(self, _facility):
        return "0" * 64

    def make_group(self, facility):
        return self.make("/api/v1/terminal-groups", {"facility": facility, "name": self.unique()}, facility)

    def make_policy(self, facility):
        return self.make("/api/v1/policies", {"facility": facility, "name": self.unique()}, facility)

    def make_policyVersion(self, facility):
        return self.make(f"/api/v1/policies/{self.make_policy(facility)}/versions",
                         {"files": [{"name": "20-x.rules", "text": "allow id 046d:c31c\n"}]}, facility)

    make_since = make_policyVersion

    def make_dryRun(self, facility):
        return self.make(f"/api/v1/policy-versions/{self.make_policyVersion(facility)}/dry-runs", {}, facility)

    def make_rollout(self, facility):
        """Of a published version, to one PC."""
        group, terminal, version = self.make_group(facility), self.make_terminal(facility), self.make_policyVersion(facility)
        self.console.sql("UPDATE terminals SET group_id = ? WHERE id = ?", group, terminal)
        self.console.sql("UPDATE policy_versions SET state = 'published' WHERE id = ?", version)
        return self.make("/api/v1/rollouts", {"facility": facility, "policyVersion": version, "groups": [group],
                                              "stages": [{"share": 100, "hours": 1}]}, facility)

    def make_enrolment(self, facility):
        return self.make("/api/v1/enrolments", {"facility": facility, "host": "localhost"}, facility)

    def make_revision(self, _facility):
        return "0"

    def make_emptyFacility(self, facility):
        """The same one, without rules of its own."""
        self.console.sql("DELETE FROM alert_rules WHERE facility_id = ?", facility)
        return facility

    def make_manifest(self, facility):
        """As a terminal tells it, which only one with a key can."""
        identity, terminal = new_id(), self.make_terminal(facility)
        self.console.sql("INSERT INTO manifests (id, medium_id, facility_id, terminal_id, kind, opened, closed, digest, serial, "
                         "received) VALUES (?, ?, ?, ?, 'carry-out', 1, 2, ?, 1, 3)", identity, self.make_medium(facility), facility,
                         terminal, bytes(32))
        return identity

    def make_alert(self, facility):
        identity = new_id()
        self.console.sql("INSERT INTO alerts (id, facility_id, kind, subject_kind, subject_id, severity, code, first, last) "
                         "VALUES (?, ?, 'report-due', 'x', ?, 'warning', 5914, 1, 1)", identity, facility, identity)
        return identity

    def make_webhook(self, facility):
        return self.make("/api/v1/webhooks", {"facility": facility, "name": self.unique(), "url": "https://localhost:1/",
                                              "kinds": []}, facility)

    def make_target(self, facility):
        return self.make("/api/v1/export-targets", {"facility": facility, "name": self.unique(), "form": "jsonl",
                                                    "address": "localhost:1"}, facility)

    def make_alarm(self, facility):
        identity = new_id()
        self.console.sql("INSERT INTO chain_alarms (id, terminal_id, facility_id, kind, seq, at) VALUES (?, ?, ?, 'fork', 1, 1)",
                         identity, self.make_terminal(facility), facility)
        return identity

    def make_stamp(self, _facility):
        identity = new_id()
        self.console.sql("INSERT INTO anchors (id, digest, subject, authority, state, created) VALUES (?, ?, "
                         "'{\"from\":0,\"until\":0,\"instances\":[]}', 'x', 'failed', 1)", identity, bytes(32))
        return identity

    def make_review(self, facility):
        identity = new_id()
        self.console.sql("INSERT INTO reviews (id, facility_id, valid_from, valid_until, due, created) VALUES "
                         "(?, ?, 1, 2, 3, 1)", identity, facility)
        return identity

    def make_attachment(self, facility):
        return self.make(f"/api/v1/media/{self.make_medium(facility)}/attachments", {"name": "x", "content": "dGV4dAo="}, facility)

    def make_instance(self, _facility):
        """It asks to be let in, with a key whose fingerprint is another one."""
        identity = new_id()
        self.console.sql("INSERT INTO instances (id, name, host, software, started, last_seen) VALUES (?, ?, 'x', 'x', 1, 1)",
                         identity, identity)
        self.console.sql("INSERT INTO vault_joins (instance_id, box_key, asked) VALUES (?, ?, 1)", identity,
                         secrets.token_bytes(32))
        return identity

    def make_copy(self, _facility):
        """Of the keys, as somebody keeps it."""
        identity = new_id()
        self.console.sql("INSERT INTO epoch_copies (id, epoch, kind, holder, place, recovery_key, made) VALUES "
                         "(?, 1, 'paper', 'x', 'x', 'x25519:fixture', 1)", identity)
        return identity

    def make_incidentPerson(self, facility):
        incident, reference = self.make_incident(facility), self.unique()
        self.console.call("POST", f"/api/v1/incidents/{incident}/persons", {"persons": [{"reference": reference}]}, self.officer(facility))
        return self.console.sql("SELECT id FROM incident_persons WHERE reference = ?", reference)[0][0]

    def make_approvalGroup(self, facility):
        return self.make("/api/v1/approval-groups", {"facility": facility, "name": self.unique()}, facility)

    def make_message(self, facility):
        identity = new_id()
        self.console.sql("INSERT INTO outbox (id, facility_id, kind, target, body, state, next_attempt, created) VALUES "
                         "(?, ?, 'mail', 'x@localhost', 'x', 'given-up', 1, 1)", identity, facility)
        return identity

    def path(self, operation, facility):
        path = operation.path
        for name in operation.path_names:
            path = path.replace("{%s}" % name, self.row(name, facility))
        required = [p["name"] for p in operation.query if p.get("required") or p["name"] == "facility"]
        if required:
            path += "?" + "&".join(f"{name}={self.row(name, facility)}" for name in required)
        return path

    def body(self, operation, facility):
        if not operation.body:
            return None
        return self.fill(copy.deepcopy(operation.body["example"]), facility)

    def fill(self, value, facility):
        """"{facility}" in an example is a row; "{new}" is text that was not there before."""
        if isinstance(value, dict):
            return {name: self.fill(inner, facility) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner, facility) for inner in value]
        if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
            return self.unique() if value == "{new}" else self.row(value[1:-1], facility)
        return value

    def unique(self):
        self.count = getattr(self, "count", 0) + 1
        return f"new.{self.count}"
