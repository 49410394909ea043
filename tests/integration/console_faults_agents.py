#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_faults_agents.py PROGRAM CONTRACT ENGINE: agents send records while the disk is full and while the database is
locked, and nothing acknowledged is lost; certificates that ended, have not begun, or are a retired terminal's; uploads that
are repeated, out of order or changed; an agent that lies about grants, media, leases and codes. Serves NET-2."""
import datetime
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from console_database import Postgresql
from console_fixture import Fixture
from console_server import Console, new_id

failures = []
BLINDED = "4vKuClidyZ5FqTQ3b4LF6L3PfCC1lTU8/5AcqyuOqH4="


def check(condition, text):
    print("ok  " if condition else "FAIL", text, flush=True)
    if not condition:
        failures.append(text)


class Uploader:
    """Writes a chain and sends it in batches, as the agent does: on from what is acknowledged."""

    def __init__(self, console, certificate="agent", size=1000):
        self.console, self.certificate, self.size = console, certificate, size
        self.lines, self.hashes, self.acked = [], ["0" * 64], 0

    def write(self, count):
        for _ in range(count):
            line = json.dumps({"seq": len(self.lines) + 1, "prev": "sha256:" + self.hashes[-1],
                               "time": "2026-11-22T03:00:00.000000Z", "mono": 1, "boot": "0" * 32, "clock": "synchronised",
                               "actor": "core", "kind": "device.decided", "body": {"code": "SK-1102", "x": "あ" * self.size}},
                              separators=(",", ":"), ensure_ascii=False)
            self.lines.append(line)
            self.hashes.append(hashlib.sha256(line.encode()).hexdigest())

    def post(self, lines):
        text = "".join(line + "\n" for line in lines).encode()
        return self.console.call("POST", "/api/v1/agent/records", text, certificate=self.certificate,
                                 headers={"Content-Type": "application/x-ndjson"})

    def send(self, count=20):
        """Return: the answer to the next batch; what it acknowledges is remembered."""
        answer = self.post(self.lines[self.acked:self.acked + count])
        if answer.status == 200:
            self.acked = answer.json["seq"]
        return answer

    def stored(self):
        return [row[0] for row in self.console.sql("SELECT line FROM records WHERE terminal_id = ? ORDER BY seq",
                                                   self.console.terminal)]

    def check(self, what):
        stored = self.stored()
        check(stored[:self.acked] == self.lines[:self.acked] and len(stored) == len(set(stored)),
              f"{what}: {self.acked} acknowledged, all there, each once")


# ---- the database ----


class SmallDisk(Console):
    """Whose database is on a file system of its own, of 24 MiB."""

    def __enter__(self):
        self.mount = self.directory / "db"
        self.mount.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", self.mount], check=True)
        return super().__enter__()

    def __exit__(self, *exception):
        self.stop()
        subprocess.run(["umount", self.mount], check=True)
        super().__exit__(*exception)


def check_full_disk(program, contract):
    with SmallDisk(program, contract) as console:
        Fixture(console)
        uploader = Uploader(console)
        uploader.write(6000)
        refused = None
        while uploader.acked < len(uploader.lines) and not refused:
            answer = uploader.send()
            refused = answer if answer.status != 200 else None
        check(refused is not None and refused.code == "SK-5010" and refused.headers.get("retry-after"),
              f"a full disk is told as such after {uploader.acked} records: {refused and (refused.status, refused.code)}")
        again = [uploader.send().status for _ in range(3)]
        check(set(again) <= {503, 200}, f"and goes on being told: {again}")
        check(console.call("GET", "/api/v1/system/health").status in (200, 503), "the console answers all the same")
        uploader.check("on the full disk")
        console.process.kill()
        console.process.wait()
        subprocess.run(["mount", "-o", "remount,size=200m", console.mount], check=True)
        console.start()
        uploader.check("after a kill and with room again")
        while uploader.acked < len(uploader.lines):
            answer = uploader.send(200)
            assert answer.status == 200, answer.json
        uploader.check("and the others follow")


def hold(console):
    """Somebody has the whole database, or the table. Return: what lets go of it."""
    if isinstance(console.database, Postgresql):
        import psycopg2  # pylint: disable=import-outside-toplevel

        other = psycopg2.connect(console.database.address)
        other.cursor().execute("LOCK TABLE records IN ACCESS EXCLUSIVE MODE")
    else:
        import sqlite3  # pylint: disable=import-outside-toplevel

        other = sqlite3.connect(console.database.file, isolation_level=None, timeout=30)
        other.execute("BEGIN EXCLUSIVE")
    return other


def check_locked(console):
    uploader = Uploader(console, size=10)
    uploader.write(2000)
    assert uploader.send().status == 200
    other, began = hold(console), time.monotonic()
    answer = uploader.send()
    seconds = time.monotonic() - began
    check(answer.code == "SK-5010" and answer.headers.get("retry-after") and seconds < 28,
          f"a database that somebody holds is told as such within {seconds:.0f} s: {answer.status} {answer.code}")
    other.rollback() if isinstance(console.database, Postgresql) else other.execute("ROLLBACK")
    other.close()
    while uploader.acked < len(uploader.lines):
        answer = uploader.send(200)
        assert answer.status == 200, answer.json
    uploader.check("let go again")
    return uploader


# ---- uploads ----


def check_uploads(console, uploader):
    total = uploader.acked
    again = uploader.post(uploader.lines[:50])
    check(again.status == 200 and again.json["seq"] == total and len(uploader.stored()) == total, "a batch that is repeated is known")
    again = uploader.post(uploader.lines[total - 5:])
    check(again.status == 200 and again.json["seq"] == total and len(uploader.stored()) == total, "so is the end of it")
    uploader.write(30)
    late = uploader.post(uploader.lines[total + 10:total + 20])
    check(late.json["outcome"] == "gap" and late.json["seq"] == total, "what comes too early is asked for from where it lacks")
    mixed = uploader.post(list(reversed(uploader.lines[total:total + 10])))
    check(mixed.status != 200 or mixed.json["outcome"] != "taken", f"a batch in the wrong order is not taken: {mixed.json}")
    check(uploader.stored() == uploader.lines[:total], "and none of these left anything")
    twice = uploader.post(uploader.lines[total:total + 5] + uploader.lines[total:total + 5])
    uploader.acked = len(uploader.stored())
    check(uploader.acked in (total, total + 5), f"records that stand twice in a batch are there once: {twice.json['outcome']}")
    while uploader.acked < len(uploader.lines):
        assert uploader.send().status == 200
    uploader.check("in the right order they are taken")
    other = Uploader(console, size=3)
    other.write(5)
    fork = other.post(other.lines)
    alarms = console.sql("SELECT kind FROM chain_alarms WHERE terminal_id = ?", console.terminal)
    check(fork.json["outcome"] != "taken" and ("fork",) in alarms, f"another past is an alarm: {fork.json['outcome']} {alarms}")
    check(uploader.stored() == uploader.lines, "and changes nothing")
    wrong = uploader.lines[-1].replace('"kind":"device.decided"', '"kind":"device.pulled"')
    uploader.write(1)
    bad = uploader.post([wrong, uploader.lines[-1]])
    check(bad.json["outcome"] != "taken" or len(uploader.stored()) == len(uploader.lines), "a changed record does not come in")
    check(wrong not in uploader.stored(), "by no way")


# ---- certificates ----


def make_certificate(console, name, start, end, terminal=None):
    """From our own authority, good from and until these days from now."""
    authority = x509.load_pem_x509_certificate((console.directory / "ca.crt").read_bytes())
    key = serialization.load_pem_private_key((console.directory / "ca.key").read_bytes(), None)
    mine = serialization.load_pem_private_key((console.directory / "agent.key").read_bytes(), None)
    now, day = datetime.datetime.utcnow(), datetime.timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, terminal or console.terminal)])).issuer_name(
        authority.subject).public_key(mine.public_key()).serial_number(x509.random_serial_number()).not_valid_before(
        now + start * day).not_valid_after(now + end * day).sign(key, hashes.SHA256())
    (console.directory / f"{name}.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    shutil.copy(console.directory / "agent.key", console.directory / f"{name}.key")


def outcome(console, certificate):
    try:
        answer = console.call("GET", "/api/v1/agent/policy", certificate=certificate)
        return answer.code or str(answer.status)
    except (ssl.SSLError, ConnectionError, OSError):
        return "closed"


def check_certificates(console, fixture):
    make_certificate(console, "good", -1, 1)
    check(outcome(console, "good") in ("200", "SK-5003"), f"one that is good is: {outcome(console, 'good')}")
    make_certificate(console, "expired", -10, -1)
    make_certificate(console, "early", 1, 10)
    make_certificate(console, "nobody", -1, 1, new_id())
    make_certificate(console, "odd", -1, 1, "x' OR 1 = 1")
    for name, wanted in (("expired", "closed"), ("early", "closed"), ("foreign", "closed"), ("nobody", "SK-5114"),
                         ("odd", "SK-5114")):
        found = outcome(console, name)
        check(found in (wanted, "closed"), f"a certificate that is {name}: {found}")
    make_certificate(console, "ending", -1, 3 / 86400)
    held = console.connect("ending")
    statuses = []
    for pause in (0, 4):
        time.sleep(pause)
        held.request("GET", "/api/v1/agent/policy")
        answer = held.getresponse()
        answer.read()
        statuses.append(answer.status)
    held.close()
    check(statuses[0] in (200, 404) and statuses[1] == 401, f"one that ends while its connection goes on ends with its time: {statuses}")
    retired = fixture.make_terminal(fixture.own)
    make_certificate(console, "retired", -1, 1, retired)
    check(outcome(console, "retired") in ("200", "SK-5003"), "a terminal before its end")
    version = console.sql("SELECT version FROM terminals WHERE id = ?", retired)[0][0]
    administrator = console.session(console.person(("administrator", fixture.own)))
    held = console.connect("retired")
    held.request("GET", "/api/v1/agent/policy")
    held.getresponse().read()
    done = console.call("POST", f"/api/v1/terminals/{retired}/retirement", {"version": version, "reason": "廃棄"}, administrator)
    assert done.status < 300, done.json
    check(outcome(console, "retired") == "SK-5114", "and none after it")
    held.request("GET", "/api/v1/agent/policy")
    check(held.getresponse().status == 403, "nor over the connection that it had")
    held.close()


# ---- another age ----


def check_levels(console):
    """An agent that is one level older or newer works: what one side does not know it passes over."""
    state = {"revision": 0, "results": []}
    for level in ("0", "2"):
        answer = console.call("PUT", "/api/v1/agent/state", {**state, "ofTomorrow": {"x": [1]}}, certificate="agent",
                              headers={"Sekisho-Level": level})
        check(answer.status == 204, f"level {level}: a member that is not known is passed over {answer.status} {answer.code}")
        answer = console.call("GET", "/api/v1/agent/wait?revision=0", certificate="agent", headers={"Sekisho-Level": level})
        check(answer.status == 200 and answer.json["level"] == 1, f"level {level}: and hears of the console's own")
        answer = console.call("POST", "/api/v1/agent/of/tomorrow", {}, certificate="agent", headers={"Sekisho-Level": level})
        check(answer.status == 404, f"level {level}: a call that is not known is none {answer.status}")


# ---- lies ----


def check_lies(console, fixture):
    def tell(method, path, body):
        return console.call(method, "/api/v1/agent/" + path, body, certificate="agent")

    def count(table):
        return console.sql(f"SELECT COUNT(*) FROM {table}")[0][0]

    grant = fixture.make_grant(fixture.own)  # somebody's, at every PC
    medium = console.sql("SELECT medium_id FROM grants WHERE id = ?", grant)[0][0]
    console.sql("DELETE FROM grants WHERE id <> ? AND medium_id = ?", grant, medium)
    console.sql("UPDATE grants SET terminal_id = ?, group_id = NULL WHERE id = ?", fixture.make_terminal(fixture.own), grant)
    other = fixture.make_medium(fixture.other)
    uses = count("key_uses")
    for what, identity in (("another PC's medium", medium), ("another clinic's", other), ("one that is not", new_id())):
        answer = tell("POST", "key/evaluate", {"medium": identity, "user": "tanaka", "blinded": BLINDED})
        check(answer.code in ("SK-5601", "SK-5003"), f"the key of {what}: {answer.code}")
    check(count("key_uses") > uses, "each of these questions is on record")
    body = {"medium": medium, "mode": "bound", "luksUuid": "9a3cb8b2-7d1c-4c7e-9a7a-0b8a4a3f8f11", "volumeDigest": BLINDED,
            "cipher": "aes-xts-plain64", "keyBits": 512, "pbkdf": "argon2id", "capacity": 1, "deviceHash": "x", "tested": True,
            "escrow": {"recoveryKey": "x25519:fixture", "box": "AAAA"}}
    for what, identity in (("nobody let it prepare", medium), ("is another clinic's", other)):
        before = console.sql("SELECT version, luks_uuid FROM media WHERE id = ?", identity)
        answer = tell("POST", "medium/prepared", {**body, "medium": identity})
        check(answer.code in ("SK-5601", "SK-5003") and console.sql("SELECT version, luks_uuid FROM media WHERE id = ?", identity) == before,
              f"a medium that {what} is not prepared: {answer.code}")
        sealed = {name: body[name] for name in body if name not in ("mode", "capacity", "deviceHash")}
        answer = tell("POST", "medium/escrow", {**sealed, "medium": identity})
        check(answer.code == "SK-5601" and console.sql("SELECT version, luks_uuid FROM media WHERE id = ?", identity) == before,
              f"nor does it get another recovery key: {answer.code}")
    incidents, keys = count("incidents"), console.sql("SELECT COUNT(*) FROM medium_keys WHERE state = 'live'")[0][0]
    for what, identity in (("another clinic's", other), ("one that is not", new_id())):
        answer = tell("POST", "loss/report", {"medium": identity, "user": "tanaka", "text": "", "known": 1})
        check(answer.code == "SK-5003", f"a loss of {what} is none: {answer.code}")
        answer = tell("POST", "sighting", {"medium": identity, "organisation": fixture.other, "uuid": "x", "at": 1})
        check(answer.status == 200 and answer.json == {"standing": "others", "since": 0, "contact": ""},
              f"a sighting of {what} tells nothing of it: {answer.json}")
    check((count("incidents"), console.sql("SELECT COUNT(*) FROM medium_keys WHERE state = 'live'")[0][0]) == (incidents, keys)
          and console.sql("SELECT last_seen_by FROM media WHERE id = ?", other)[0][0] == "", "and nothing changed")
    answer = tell("POST", "lease/take", {"medium": medium})
    check(answer.code == "SK-5601" and count("leases") == 0, f"a lease without a grant: {answer.code}")
    check(tell("POST", "lease/wiped", {"lease": new_id()}).code == "SK-5003", "a lease of nobody")
    code = fixture.make_code(fixture.own)  # of another PC
    state = console.sql("SELECT state, counter FROM offline_codes WHERE id = ?", code)[0]
    answer = tell("POST", "offline-code/used", {"counter": state[1], "startHour": int(time.time() // 3600), "medium": medium, "user": "x",
                               "action": "read", "at": int(time.time() * 1000)})
    check(answer.code == "SK-5003" and console.sql("SELECT state FROM offline_codes WHERE id = ?", code)[0][0] == state[0],
          f"another PC's code stays unused: {answer.code}")
    glass = fixture.make_glass(fixture.own)
    answer = tell("POST", "break-glass/used", {"code": glass, "user": "x", "reason": "x", "at": int(time.time() * 1000), "ended": 0})
    check(answer.code == "SK-5003" and console.sql("SELECT state FROM break_glass_codes WHERE id = ?", glass)[0][0] == "sealed",
          f"and another PC's envelope sealed: {answer.code}")
    tell("PUT", "state", {"revision": (1 << 53) - 1, "results": [{"payload": "0" * 64, "outcome": "applied", "detail": ""}]})
    revision = console.sql("SELECT revision FROM terminal_revisions WHERE terminal_id = ?", console.terminal)[0][0]
    check(revision < 1 << 52, "a serial of its own making changes nothing of ours")


def main():
    program, contract, engine = sys.argv[1:4]
    if engine == "sqlite" and os.geteuid() == 0:
        check_full_disk(program, contract)
    with Console(program, contract, engine=engine) as console:
        fixture = Fixture(console)
        uploader = check_locked(console)
        check_uploads(console, uploader)
        check_levels(console)
        check_certificates(console, fixture)
        check_lies(console, fixture)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
