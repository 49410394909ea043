#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real agent at a real console: enrolment, records, a policy, kills of both, the end.
Usage: uplink_real.py SEKISHOD UPLINK SEKISHOCTL CONSOLE CONTRACT POSTURE Serves NET-2."""
import json
import random
import signal
import ssl
import sys
import tempfile
import time
from pathlib import Path

from console_fixture import Fixture
from console_server import Console
from posture import Keeper, posture_of
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
    say("the console is away, and comes back without news")
    clinic.console.process.kill()
    clinic.console.process.wait()
    agent.wait(lambda: not agent.connected(), "offline")
    clinic.console.start()
    agent.wait(agent.connected, "connected, and not only when its long poll ends", 20)


def publish(clinic, policy, files):
    version = clinic.call("POST", f"/api/v1/policies/{policy}/versions", {"files": files}, 201)
    path = f"/api/v1/policy-versions/{version['id']}"
    clinic.call("POST", f"{path}/check", {"version": 1})
    return clinic.call("POST", f"{path}/publication", {"version": 2})["id"]


def check_policy(agent, clinic, terminal):
    say("a version that has errors is told where, another one is published, and the PC runs it")
    policy = clinic.call("POST", "/api/v1/policies", {"facility": clinic.facility, "name": "all"}, 201)["id"]
    bad = clinic.call("POST", f"/api/v1/policies/{policy}/versions", {"files": [
        {"name": "20-clinic.rules", "text": "allow id 1234:*\nblok id 1:2\n"}]}, 201)["id"]
    told = clinic.call("POST", f"/api/v1/policy-versions/{bad}/check", {"version": 1}, 422)
    assert told["code"] == "SK-5701" and told["errors"][0]["detail"].startswith("20-clinic.rules:2:1:"), told
    first = publish(clinic, policy, [{"name": "20-clinic.rules", "text": "block id 1234:*\n"},
                                     {"name": "sekisho.conf", "text": "[Scan]\nIdleSec=1min\n"}])
    group = clinic.call("GET", f"/api/v1/terminals/{terminal}")["group"]

    def assign(**what):
        version = clinic.call("GET", f"/api/v1/terminal-groups/{group}")["version"]
        clinic.call("PUT", f"/api/v1/terminal-groups/{group}/policy", {"version": version} | what)

    def state():
        items = clinic.call("GET", f"/api/v1/terminal-policies?ofFacility={clinic.facility}")["items"]
        return next((i for i in items if i["terminal"] == terminal), {})

    begun = time.monotonic()
    assign(policyVersion=first, mode="warning")
    agent.wait(lambda: agent.console().get("policy_version") == 2, "the policy")
    say(f"after {time.monotonic() - begun:.2f} s")
    agent.wait(lambda: state().get("runningVersion") == first, "the console knows what runs")
    assert agent.status()["rules"] == 2 and agent.status()["mode"] == "warn"
    assert state()["state"] == "applied" and state()["runningMode"] == "warning", state()
    check_refused_policy(agent, clinic, policy, assign, state)


def check_refused_policy(agent, clinic, policy, assign, state):
    say("what only the PC finds wrong goes back with file and line, and the version before stays in force")
    before = state()["runningVersion"]
    # The PC has a file of the same name as it calls those of the console.
    (agent.folder / "rules" / "console-30-more.rules").write_text('allow id 0001:0001\n')
    second = publish(clinic, policy, [{"name": "30-more.rules", "text": "allow id 0001:0002\n"}])
    assign(policyVersion=second)
    agent.wait(lambda: state()["state"] == "refused", "the refusal")
    assert "console-30-more.rules" in state()["error"] and state()["runningVersion"] == before, state()
    assert agent.console()["policy_version"] == 2 and agent.status()["rules"] >= 2
    (agent.folder / "rules" / "console-30-more.rules").unlink()
    say("back to the one before, as a newer document that says so")
    serial = state()["serial"]
    assign(policyVersion=before)
    agent.wait(lambda: state()["state"] == "applied" and state()["serial"] > serial, "the version before")
    assert state()["rollback"] and state()["runningVersion"] == before, state()


def check_posture(agent, clinic, terminal, program):
    say("what is checked of the PC reaches the console")
    keeper = Keeper(agent, program)
    try:
        agent.wait((agent.folder / "run/posture.sock").exists, "posture listens")
        checks, _ = posture_of(agent, "--check")

        def shown():
            rows = clinic.call("GET", "/api/v1/fleet")["items"]
            return next(r["posture"] for r in rows if r["terminal"] == terminal).get("posture", {})
        agent.wait(lambda: shown().get("checks"), "the posture at the console")
        assert {c["id"]: c["state"] for c in shown()["checks"]} == {c["id"]: c["state"] for c in checks.values()}, shown()
        assert shown()["failing"] == any(c["state"] == "fail" for c in checks.values())
    finally:
        keeper.stop()


def check_signing(agent, clinic, terminal):
    say("the console signs with another key; what the old one signed is kept, and the old one signs no more")
    chief = clinic.console.session(clinic.console.person(("security-officer", None)))

    def keys():
        return [(row["id"], row["retired"]) for row in
                clinic.console.call("GET", "/api/v1/signing-keys", None, chief).json["items"]]

    def trusted():
        return {key["id"] for key in json.loads((agent.folder / "state/console/trust.json").read_text())["bundle"]["keys"]}

    before = {identity for identity, _ in keys()}
    assert len(before) == 1 and trusted() == before
    rotate = lambda: clinic.console.call("POST", "/api/v1/signing-keys/rotation", {"reason": "年次", "overlapDays": 7}, chief)
    assert rotate().status == 204
    assert rotate().code == "SK-5633", "not while two sign"
    agent.wait(lambda: len(trusted()) == 2, "the PC knows both keys", 20)
    assert len(keys()) == 2 and sum(1 for _, until in keys() if until) == 1, keys()
    version = agent.console()["policy_version"]
    clinic.console.sql("UPDATE public_keys SET retired = ? WHERE retired IS NOT NULL AND purpose LIKE 'signing:%'",
                       int(time.time() * 1000))
    after = {identity for identity, until in keys() if not until}
    agent.wait(lambda: trusted() == after, "and then only the new one", 30)
    seeds = [path.name for path in (clinic.console.directory / "keys/signing").glob("*.seed")]
    assert seeds == ["epoch-2.seed"], seeds
    say("without the console, after a restart, the policy that the old key signed is in force")
    clinic.console.stop()
    agent.stop_core()
    agent.start_core()
    assert agent.console()["policy_version"] == version, agent.console()
    clinic.console.start()
    agent.kill_uplink()
    agent.wait(agent.connected, "connected", 60)
    assert not agent.kinds("console.refused"), agent.kinds("console.refused")
    say("and what comes is believed by the new one")
    policy = clinic.call("GET", f"/api/v1/policies?ofFacility={clinic.facility}")["items"][0]["id"]
    newest = publish(clinic, policy, [{"name": "20-clinic.rules", "text": "block id 1235:*\n"}])
    group = clinic.call("GET", f"/api/v1/terminals/{terminal}")["group"]
    row = clinic.call("GET", f"/api/v1/terminal-groups/{group}")["version"]
    clinic.call("PUT", f"/api/v1/terminal-groups/{group}/policy", {"version": row, "policyVersion": newest})
    agent.wait(lambda: agent.console()["policy_version"] > version, "a policy of the new key", 20)


def look(console, certificate):
    """How a call with a certificate ends: its status, or "closed" in the handshake."""
    try:
        return console.call("GET", "/api/v1/agent/wait?revision=0", certificate=certificate).status
    except (ssl.SSLError, ConnectionError, OSError):
        return "closed"


def check_renewal(agent, clinic, terminal):
    """With certificates that live for seconds (Keys/TerminalCertificateSec)."""
    say("the certificate is renewed by itself, again and again; the ones before are refused at their end")
    console = clinic.console
    console.stop()
    conf = console.directory / "console.conf"
    before = conf.read_text()
    conf.write_text(before.replace("[Keys]\n", "[Keys]\nTerminalCertificateSec=10\n"))
    console.start()
    agent.wait(agent.connected, "connected", 60)
    ended = clinic.code()
    done = agent.ctl("enroll", ended["code"])
    assert done.returncode == 0, done
    agent.wait(agent.connected, "connected", 30)
    terminal = agent.console()["terminal"]
    first = agent.console()["connection"]["certificate_until"]
    # Beside it, a certificate as the uplink has it, which nobody renews.
    serial, pem = console.sql("SELECT serial, certificate FROM agent_certificates WHERE terminal_id = ?", terminal)[0]
    (console.directory / "kept.crt").write_bytes(pem)
    keys = list((agent.folder / "uplink").glob("key-*"))
    (console.directory / "kept.key").write_bytes(keys[0].read_bytes())
    assert look(console, "kept") == 200, "good as long as it lives"
    agent.wait(lambda: agent.console()["connection"]["certificate_until"] > first, "another certificate", 30)
    agent.wait(lambda: look(console, "kept") == "closed", "the old one is refused", 30)
    agent.wait(agent.connected, "and the PC is there behind its end", 20)
    serials = [row[0] for row in console.sql("SELECT serial FROM agent_certificates WHERE terminal_id = ?", terminal)]
    assert len(serials) >= 2 and serial in serials, serials
    renewed = console.sql("SELECT COUNT(*) FROM console_records WHERE kind = 'terminal.renewed' AND subject = ?", f"terminal:{terminal}")
    assert renewed[0][0] == len(serials) - 1, (renewed, serials)
    say("a PC that was away for longer than its certificate lives is told so")
    agent.uplink.send_signal(signal.SIGSTOP)
    time.sleep(11)
    agent.uplink.send_signal(signal.SIGCONT)
    agent.wait(lambda: agent.console()["connection"]["cause"] == "certificate", "the certificate is over", 30)
    console.stop()
    conf.write_text(before)
    console.start()
    done = agent.ctl("enroll", clinic.code()["code"])
    assert done.returncode == 0, done
    agent.wait(agent.connected, "enrolled again", 30)
    return agent.console()["terminal"]


def check_end(agent, clinic, terminal):
    say("retired")

    def retire():
        """What the PC tells of itself meanwhile changes the row, too."""
        version = clinic.call("GET", f"/api/v1/terminals/{terminal}")["version"]
        return clinic.console.call("POST", f"/api/v1/terminals/{terminal}/retirement", {"version": version, "reason": "scrapped"},
                                   clinic.session).status == 200

    agent.wait(retire, "its end")
    agent.wait(lambda: agent.console()["connection"]["cause"] == "retired", "retired")


def main(core, uplink, ctl, program, contract, posture):
    with tempfile.TemporaryDirectory(prefix="sekisho-uplink-") as name, Console(program, contract) as console:
        folder = Path(name)
        folder.chmod(0o755)
        agent = Agent(folder, (core, uplink, ctl))
        try:
            agent.start()
            clinic = Clinic(console)
            terminal = check_enrolment(agent, clinic)
            check_records(agent, clinic, terminal)
            check_posture(agent, clinic, terminal, posture)
            check_policy(agent, clinic, terminal)
            check_signing(agent, clinic, terminal)
            terminal = check_renewal(agent, clinic, terminal)
            check_end(agent, clinic, terminal)
        except BaseException:
            print((folder / "log").read_text(errors="replace")[-6000:])
            raise
        finally:
            agent.stop()
    say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
