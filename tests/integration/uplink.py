#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sekishod and sekisho-uplink against a console that speaks the contract: enrolment, policy, replay, forgery, records,
kills. Usage: uplink.py SEKISHOD UPLINK SEKISHOCTL"""
import base64
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uplink_console
from uplink_agent import Agent

RULES = [{"name": "20-clinic.rules", "text": "block id 1234:*\nallow id 4321:*\n"}]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def policy(console, terminal, serial, version, rules, **more):
    return serial, console.signer.sign("policy", dict({"terminal": terminal, "serial": serial, "version": version,
                                                       "group": "all", "rules": rules}, **more))


def told(console, envelope, seconds=30):
    """The outcome that the agent reported about an envelope."""
    import hashlib
    digest = hashlib.sha256(envelope["payload"].encode()).hexdigest()
    found = []
    console.wait_for(lambda: found.extend(r for r in console.results if r["payload"] == digest) or found,
                     "an outcome", seconds)
    return found[-1]["outcome"], found[-1]["detail"]


def check_enrolment(agent, console, other):
    say("a code with a typing error, of another console, and unknown")
    code = console.code()
    # The last digit is the check digit; another one there is a typing error.
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    done = agent.ctl("enroll", wrong)
    assert done.returncode == 2 and "SK-1529" in done.stderr and "enter it again" in done.stderr, done
    done = agent.ctl("enroll", "nonsense")
    assert done.returncode == 2 and "SK-1528" in done.stderr and "ask the administrator" in done.stderr, done
    done = agent.ctl("enroll", console.code(port=1))
    assert done.returncode == 1 and "SK-1532" in done.stderr and "the code is still good" in done.stderr, done
    done = agent.ctl("enroll", other.code(port=console.port))
    assert done.returncode == 1 and "SK-1530" in done.stderr and "tell the security officer" in done.stderr, done
    fingerprint_right = uplink_console.enrolment_code("localhost", console.port, b"notgiven!!",
                                                      __import__("hashlib").sha256(console.bundle).digest()[:16])
    done = agent.ctl("enroll", fingerprint_right)
    assert done.returncode == 1 and "SK-1531" in done.stderr and "a new code" in done.stderr, done
    assert "SK-1534" in agent.ctl("enroll", "--leave").stderr
    assert not agent.console()["enrolled"]
    say("the right one")
    done = agent.ctl("enroll", code.lower())
    assert done.returncode == 0, done
    agent.wait(agent.connected, "connected")
    terminal = agent.console()["terminal"]
    assert terminal == "%026d" % 1
    facts = list(console.secrets.values())[0]["facts"]
    assert facts["version"] and facts["name"], facts
    assert sorted(p.name for p in (agent.folder / "uplink").iterdir()) == ["identity.json", "key-1", "spool"] or \
        not (agent.folder / "uplink" / "pending.json").exists()
    for name in ("identity.json",):
        assert (agent.folder / "uplink" / name).stat().st_mode & 0o077 == 0
    return terminal


def check_records(agent, console):
    say("records arrive, whole and in order")
    console.wait_for(lambda: len(console.records) >= len(agent.records()), "all records")
    assert console.records == agent.records()[:len(console.records)]
    agent.wait(lambda: agent.console()["countersigned"] > 0, "a countersigned head")
    assert all(h.get("Sekisho-Level") == "1" for _, h in console.requests), "each request says the level"


def check_policy(agent, console, terminal):
    before = agent.status()["rules"]
    say("a policy is put in force")
    first = policy(console, terminal, 5, 2, RULES, settings="[Scan]\nIdleSec=1min\n")
    console.tell(policy=first)
    assert told(console, first[1])[0] == "applied"
    assert agent.status()["rules"] == before + 2 and agent.console()["policy_version"] == 2
    say("bad rules, bad settings: named with line and column, those in force stay")
    bad = policy(console, terminal, 6, 3, [{"name": "20-clinic.rules", "text": "allow id 1:2\nblok\n"}])
    console.tell(policy=bad)
    outcome = told(console, bad[1])
    assert outcome[0] == "refused" and "console-20-clinic.rules:1:" in outcome[1], outcome
    bad = policy(console, terminal, 7, 3, RULES, settings="[Agent]\nStateDirectory=/tmp\n")
    console.tell(policy=bad)
    outcome = told(console, bad[1])
    assert outcome[0] == "refused" and "console/sekisho.conf:2:1" in outcome[1], outcome
    assert agent.status()["rules"] == before + 2 and agent.console()["policy_serial"] == 5
    say("forged, for another terminal, replayed, older without being a roll-back")
    forged = policy(console, terminal, 8, 4, RULES)
    forged[1]["payload"] = base64.b64encode(base64.b64decode(forged[1]["payload"]).replace(b"block", b"allow")).decode()
    console.tell(policy=forged)
    assert told(console, forged[1])[0] == "refused"
    others = policy(console, "%026d" % 77, 9, 4, RULES)
    console.tell(policy=others)
    assert told(console, others[1])[0] == "refused"
    replay = policy(console, terminal, 4, 4, RULES)
    console.tell(policy=replay)
    assert told(console, replay[1])[0] == "known"
    back = policy(console, terminal, 10, 1, RULES[:1])
    console.tell(policy=back)
    assert told(console, back[1])[0] == "refused"
    assert agent.console()["policy_serial"] == 5
    assert [r["body"]["code"] for r in agent.kinds("console.refused")] == ["SK-1504"], "one alarm a minute, and no flood"
    say("a roll-back that says so")
    back = policy(console, terminal, 11, 1, [], rollback=True)
    console.tell(policy=back)
    assert told(console, back[1])[0] == "applied"
    assert agent.status()["rules"] == before
    say("it stays after a restart of core, without the console")
    last = policy(console, terminal, 12, 4, RULES)
    console.tell(policy=last)
    assert told(console, last[1])[0] == "applied"
    console.stop()
    agent.stop_core()
    agent.start_core()
    assert agent.status()["rules"] == before + 2
    console.start()
    agent.wait(agent.connected, "connected again", 60)


GRANT = {"id": "g1", "medium": "m1", "mode": "read", "from": 1, "until": 2}


def check_documents(agent, console, terminal):
    say("grants, revocations, commands; what is not known is unsupported")
    for kind, payload, outcome in (
            ("grant", {"terminal": terminal, "serial": 1, "grants": [GRANT]}, "applied"),
            ("grant", {"terminal": "*", "serial": 2, "grants": []}, "refused"),
            ("grant", {"terminal": terminal, "serial": 2, "grants": [{"id": "g1", "medium": "m1"}]}, "refused"),
            ("grant", {"terminal": terminal, "serial": 2, "grants": [GRANT | {"terminal": "%026d" % 77}]}, "refused"),
            ("revocation", {"terminal": "*", "serial": 1, "media": ["m1"], "grants": ["g1"]}, "applied"),
            ("command", {"terminal": terminal, "serial": 1, "until": 1000, "command": "collect-status"}, "refused"),
            ("command", {"terminal": terminal, "serial": 1, "until": 1 << 50, "command": "collect-status"}, "applied"),
            ("command", {"terminal": terminal, "serial": 2, "until": 1 << 50, "command": "make-coffee"}, "unsupported"),
            ("tomorrow", {"terminal": terminal, "serial": 1}, "unsupported")):
        envelope = console.signer.sign(kind, payload)
        statuses = len(console.statuses)
        console.tell(envelope)
        result = told(console, envelope)
        assert result[0] == outcome, (kind, payload, result)
        if outcome == "applied" and kind == "command":
            console.wait_for(lambda: len(console.statuses) > statuses, "the status that was asked for")
    say("keys are replaced only by what one of them signed")
    bundle = json.loads(console.bundle)
    newer = uplink_console.Key(console.signer.path.with_name("newer.pem"))
    bundle["keys"].append({"id": newer.id, "public": base64.b64encode(newer.public).decode()})
    bundle["serial"] = 2
    envelope = newer.sign("trust", bundle)
    console.tell(envelope)
    assert told(console, envelope)[0] == "refused"
    bundle["serial"] = 3
    envelope = console.signer.sign("trust", bundle)
    console.tell(envelope)
    assert told(console, envelope)[0] == "applied"
    envelope = newer.sign("grant", {"terminal": terminal, "serial": 3, "grants": []})
    console.tell(envelope)
    assert told(console, envelope)[0] == "applied"
    say("a key that was replaced verifies what is kept, and nothing that comes")
    both = list(bundle["keys"])
    bundle["keys"] = [key for key in both if key["id"] == newer.id]
    bundle["serial"] = 4
    envelope = console.signer.sign("trust", bundle)
    console.tell(envelope)
    assert told(console, envelope)[0] == "applied"
    envelope = console.signer.sign("grant", {"terminal": terminal, "serial": 4, "grants": []})
    console.tell(envelope)
    assert told(console, envelope)[0] == "refused"
    before = agent.console()["policy_version"]
    agent.stop_core()
    agent.start_core()
    assert before > 0 and agent.console()["policy_version"] == before, "kept over a restart"
    agent.wait(agent.connected, "connected", 30)
    bundle["keys"], bundle["serial"] = both, 5
    envelope = newer.sign("trust", bundle)
    console.tell(envelope)
    assert told(console, envelope)[0] == "applied"


def check_kills(agent, console):
    say("the uplink is killed at random moments while records are written")
    random.seed(7)
    for round_number in range(40):
        agent.ctl("reload")  # a record
        if round_number % 4 == 0:
            console.fail["records answer"] = "drop"  # taken, and the agent does not hear of it
        time.sleep(random.random() * 0.15)
        agent.kill_uplink()
        console.fail.pop("records answer", None)
    agent.wait(agent.connected, "connected again", 60)
    console.wait_for(lambda: len(console.records) >= len(agent.records()), "all records", 60)
    ours = agent.records()
    assert console.records == ours[:len(console.records)], "nothing is lost, nothing twice, nothing changed"
    sent = sum(name == "POST records" for name, _ in console.requests)
    say(f"{agent.kills} kills, {len(console.records)} records, {sent} uploads")


def check_away(agent, console):
    say("the console is away, answers with errors, comes back")
    console.stop()
    agent.wait(lambda: agent.console()["connection"]["state"] == "offline", "offline")
    for _ in range(5):
        agent.ctl("reload")
    console.fail = {"GET wait": 503}
    console.start()
    time.sleep(2)
    assert not agent.connected()
    console.fail = {}
    agent.wait(agent.connected, "connected again", 60)
    console.wait_for(lambda: len(console.records) >= len(agent.records()), "all records", 60)
    clock = agent.console()["connection"]
    assert clock["clock_known"] and abs(clock["clock_offset_ms"]) < 2000, clock


def check_fork(agent, console):
    say("records that are not those of the console: an alarm, no loop")
    with console.lock:
        kept = list(console.records)
        console.records[-1] = console.records[-1].replace(b'"kind"', b'"kinD"')
    agent.ctl("reload")
    agent.wait(lambda: agent.console()["connection"]["cause"] == "records-refused", "the alarm")
    uploads = sum(name == "POST records" for name, _ in console.requests)
    time.sleep(3)
    assert sum(name == "POST records" for name, _ in console.requests) <= uploads + 1
    with console.lock:
        console.records = kept


def check_retired(agent, console):
    say("a console that does not know us any more; leaving")
    console.retired = True
    console.tell()
    agent.wait(lambda: agent.console()["connection"]["cause"] == "retired", "retired")
    console.retired = False
    assert agent.ctl("enroll", "--leave").returncode == 0
    assert agent.ctl("enroll", "--leave").returncode == 1
    assert not agent.console()["enrolled"]
    agent.wait(lambda: not (agent.folder / "uplink" / "identity.json").exists(), "no identity")
    assert not list((agent.folder / "uplink").glob("key-*"))
    assert agent.status()["rules"] == 1, "only the rule of this PC is left"


def check_cuts(agent, console):
    say("enrolments that are cut at random moments are finished, and make one terminal each")
    random.seed(9)
    for number in range(10):
        code, before = console.code(secret=b"cut%07d" % number), console.issued
        with subprocess.Popen([agent.ctl_path, "enroll", code], env=agent.environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as asking:
            time.sleep(random.random() * 0.15)
            agent.kill_uplink()
            asking.wait()
        wanted = "%026d" % (before + 1)
        for _ in range(5):
            time.sleep(0.3)
            if agent.console().get("terminal") == wanted:
                break
            agent.ctl("enroll", code)
        agent.wait(lambda w=wanted: agent.console().get("terminal") == w and agent.connected(), "connected", 60)
        assert console.issued == before + 1, "one code, one terminal"


def check_renewal(agent, console):
    say("enrolled again; the certificate is renewed by itself, and the old key is gone")
    console.certificate_seconds = 12
    with console.lock:
        console.records = []
    done = agent.ctl("enroll", console.code(secret=b"abcdefghij"))
    assert done.returncode == 0, done
    agent.wait(agent.connected, "connected")
    until = agent.console()["connection"]["certificate_until"]
    agent.wait(lambda: agent.console()["connection"]["certificate_until"] > until, "another certificate", 30)
    time.sleep(10)
    assert agent.connected(), "still there behind the end of the first certificate"
    assert len(list((agent.folder / "uplink").glob("key-*"))) == 1


def main(programs):
    with tempfile.TemporaryDirectory(prefix="sekisho-uplink-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        console = uplink_console.in_folder(folder / "console")
        other = uplink_console.in_folder(folder / "other")
        console.start()
        agent = Agent(folder / "agent", programs) if (folder / "agent").mkdir() is None else None
        try:
            agent.start()
            terminal = check_enrolment(agent, console, other)
            check_records(agent, console)
            check_policy(agent, console, terminal)
            check_documents(agent, console, terminal)
            check_kills(agent, console)
            check_away(agent, console)
            check_fork(agent, console)
            check_retired(agent, console)
            check_cuts(agent, console)
            check_renewal(agent, console)
        except BaseException:
            agent.log.flush()
            print((agent.folder / "log").read_text(errors="replace")[-6000:])
            print(json.dumps(agent.status().get("console") if agent.core.poll() is None else None, indent=1))
            print(console.requests[-10:])
            raise
        finally:
            agent.stop()
            console.stop()
    say("done")


if __name__ == "__main__":
    main(sys.argv[1:])
