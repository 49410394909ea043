#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_forward.py PROGRAM CONTRACT: what happens to records behind the console: sent on to a real receiver of syslog
over TLS, nothing lost over cuts and kills; heads signed and stamped by OpenSSL's authority; alarms and reviews handled
by people. Serves LOG-2, LOG-4."""
import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from console_fixture import Fixture
from console_server import Console, free_ports
from servers import LogReceiver, WebServer, make_certificate

TSA = """[tsa]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[x]
extendedKeyUsage = critical,timeStamping
"""
RSYSLOG = """global(workDirectory="{directory}" defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{directory}/ca.pem"
  defaultNetstreamDriverCertFile="{directory}/server.crt" defaultNetstreamDriverKeyFile="{directory}/server.key")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="raw" type="string" string="%rawmsg%\\n")
*.* action(type="omfile" file="{directory}/received" template="raw" asyncWriting="off")
"""


def until(what, test, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def path_of(console, identity):
    return next(path for path, item in console.contract["paths"].items() for method in item.values()
                if isinstance(method, dict) and method.get("operationId") == identity)


class Agent:
    """Writes a chain and sends it, as the agent whose certificate the tests hold."""

    def __init__(self, console):
        self.console, self.seq, self.prev, self.lines = console, 0, "0" * 64, []

    def send(self, count):
        text = ""
        for _ in range(count):
            self.seq += 1
            line = json.dumps({"seq": self.seq, "prev": "sha256:" + self.prev, "time": "2026-11-22T03:00:00.000000Z",
                               "mono": self.seq, "boot": "0" * 32, "clock": "synchronised", "actor": "core",
                               "kind": "device.decided", "body": {"code": "SK-1102", "name": "あ|=\\\n" + str(self.seq)}},
                              separators=(",", ":"), ensure_ascii=False)
            self.prev = hashlib.sha256(line.encode()).hexdigest()
            self.lines.append(line)
            text += line + "\n"
        answer = self.console.call("POST", path_of(self.console, "agent.records"), text.encode(), certificate="agent",
                                   headers={"Content-Type": "application/x-ndjson"})
        assert answer.status == 200 and answer.json["outcome"] == "taken", answer.json


class Test:
    def __init__(self, console, directory):
        self.console, self.directory = console, directory
        self.fixture = Fixture(console)
        self.facility = self.fixture.own
        self.administrator = console.session(console.person(("administrator", None), ("auditor", None)))
        self.officer = console.session(console.person(("security-officer", self.facility), ("auditor", self.facility)))
        self.agent = Agent(console)

    def again(self, duty):
        self.console.sql("UPDATE duties SET last_done = 0, held_until = 0 WHERE name = ?", duty)

    def target(self, address, form="syslog", **more):
        made = self.console.call("POST", "/api/v1/export-targets", {
            "name": "SIEM", "form": form, "address": address, "fromStart": True, **more}, self.administrator)
        assert made.status == 201, made.json
        return made.json["id"]

    def remove(self, target):
        assert self.console.call("DELETE", f"/api/v1/export-targets/{target}", None, self.administrator).status == 204

    # ---- forwarding ----

    @staticmethod
    def numbers(messages):
        """The numbers of our terminal's records among messages of RFC 5424 with CEF."""
        found = []
        for message in messages:
            assert re.match(r"<\d+>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ sekisho-(agent|console) ", message), message
            assert "\n" not in message and "CEF:0|Sekisho|" in message, message
            if "|SK-1102|" in message:
                found.append(int(re.search(r"externalId=(\d+)", message)[1]))
        return found

    def check_forward(self):
        receiver = LogReceiver(self.directory)
        self.agent.send(700)
        receiver.ways = ["cut", "mute"]
        target = self.target(f"localhost:{receiver.port}")
        until("a cut is noted", lambda: self.console.sql(
            "SELECT 1 FROM export_targets WHERE failures >= 1 AND error <> ''"))
        self.hurry(lambda: len(self.numbers(receiver.messages)) >= 700)
        self.agent.send(300)
        # Killed at any moment: what was confirmed and not noted comes twice, nothing is missing.
        seen = receiver.connections
        until("it is being sent", lambda: receiver.connections > seen)
        self.console.process.send_signal(signal.SIGKILL)
        self.console.process.wait()
        self.console.start()
        self.agent.send(100)
        self.console.sql("UPDATE duties SET held_until = 0")
        self.hurry(lambda: set(self.numbers(receiver.messages)) == set(range(1, 1101)))
        numbers = self.numbers(receiver.messages)
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts), "in order, but for what came twice"
        message = next(m for m in receiver.messages if "externalId=7 " in m and "SK-1102" in m)
        hashed = hashlib.sha256(self.agent.lines[6].encode()).hexdigest()
        assert hashed in message, message
        assert any("sekisho-console" in m for m in receiver.messages), "the console's own chain"
        shown = self.console.call("GET", "/api/v1/export-targets", None, self.administrator).json["items"][0]
        assert shown["failures"] == 0 and shown["lastSent"], shown
        self.remove(target)
        receiver.stop()

    def hurry(self, test):
        def step():
            self.console.sql("UPDATE export_targets SET next_attempt = 0")
            return test()
        until("everything arrives", step, 30)

    def check_impostor(self):
        """Another name, and an authority that we do not believe: nothing is sent."""
        receiver = LogReceiver(self.directory)
        stranger = (self.console.directory / "stranger.crt").read_text()
        for target in (self.target(f"127.0.0.2:{receiver.port}"),
                       self.target(f"localhost:{receiver.port}", authority=stranger)):
            until("it is refused", lambda t=target: self.console.sql(
                "SELECT 1 FROM export_targets WHERE id = ? AND failures > 0", t))
            self.remove(target)
        assert receiver.raw == [], receiver.raw
        receiver.stop()

    def check_lines(self):
        receiver = LogReceiver(self.directory, framed=False)
        target = self.target(f"localhost:{receiver.port}", "jsonl", facility=self.facility)
        lines = until("lines", lambda: b"".join(receiver.raw).decode().splitlines())
        assert lines[:3] == self.agent.lines[:3], lines[:3]
        self.remove(target)
        receiver.stop()

    def check_rsyslog(self):
        """The receiver of Debian, started as a plain program."""
        program = Path("/usr/sbin/rsyslogd")
        if not program.exists() or not Path("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so").exists():
            print("  rsyslog with gtls is not here")
            return
        port = free_ports(1)[0]
        (self.directory / "rsyslog.conf").write_text(RSYSLOG.format(directory=self.directory, port=port))
        rsyslog = subprocess.Popen([program, "-n", "-i", self.directory / "pid", "-f", self.directory / "rsyslog.conf"],
                                   stderr=subprocess.DEVNULL)
        try:
            target = self.target(f"localhost:{port}", facility=self.facility, confirmation="end-of-connection")
            received = self.directory / "received"
            self.hurry(lambda: received.exists() and len(self.numbers(
                [l for l in received.read_text().splitlines() if "SK-1102" in l])) >= self.agent.seq)
            self.hurry(lambda: self.console.sql("SELECT 1 FROM export_targets WHERE id = ? AND failures = 0 AND "
                                                "last_sent > 0", target))
            numbers = self.numbers([l for l in received.read_text().splitlines() if "SK-1102" in l])
            assert set(numbers) == set(range(1, self.agent.seq + 1))
            print(f"  rsyslog has {len(numbers)} of {self.agent.seq} records")
            self.remove(target)
        finally:
            rsyslog.terminate()
            rsyslog.wait()

    # ---- heads and stamps ----

    def check_heads(self):
        self.again("heads-sign")
        rows = until("a signed head", lambda: self.console.sql(
            "SELECT seq, hash, signature FROM countersignatures WHERE seq = ?", self.agent.seq))
        assert rows[0][1].hex() == self.agent.prev
        envelope = json.loads(rows[0][2])
        said = json.loads(base64.b64decode(envelope["payload"]))
        assert said == {"terminal": self.console.terminal, "seq": self.agent.seq, "hash": self.agent.prev}, said
        self.console.sql("UPDATE countersignatures SET at = at - 3600000")
        self.console.sql("DELETE FROM anchors")
        self.again("heads-stamp")
        stamp = until("a stamp", lambda: self.console.sql("SELECT id, digest, token FROM anchors WHERE state = 'stamped'"))[0]
        (self.directory / "token").write_bytes(stamp[2])
        checked = subprocess.run(["openssl", "ts", "-verify", "-digest", stamp[1].hex(), "-in", "token", "-token_in",
                                  "-CAfile", "tsa-ca.pem"], cwd=self.directory, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        path = f"/api/v1/stamps/{stamp[0]}/check"
        assert self.console.call("GET", path, None, self.administrator).json == {"same": True}
        self.console.sql("UPDATE countersignatures SET hash = ? WHERE seq = ?", bytes(32), self.agent.seq)
        assert self.console.call("GET", path, None, self.administrator).json == {"same": False}

    # ---- people ----

    def check_alarm(self):
        answer = self.console.call("POST", path_of(self.console, "agent.records"), (self.agent.lines[4].replace(
            "SK-1102", "SK-1001") + "\n").encode(), certificate="agent", headers={"Content-Type": "application/x-ndjson"})
        assert answer.json["outcome"] == "refused", answer.json
        self.again("alerts-raise")
        until("the alert", lambda: self.console.sql("SELECT 1 FROM alerts WHERE kind = 'records-broken' AND state = 'open'"))
        listed = self.console.call("GET", "/api/v1/chain-alarms?open=true", None, self.officer).json["items"]
        assert len(listed) == 1 and listed[0]["kind"] == "fork", listed
        done = self.console.call("POST", f"/api/v1/chain-alarms/{listed[0]['id']}/resolve",
                                 {"version": listed[0]["version"], "note": "試験"}, self.officer)
        assert done.status == 200 and done.json["resolved"], done.json
        self.again("alerts-raise")
        until("it is over", lambda: not self.console.sql(
            "SELECT 1 FROM alerts WHERE kind = 'records-broken' AND state <> 'closed'"))

    def check_export(self):
        path = f"/api/v1/terminals/{self.console.terminal}/records"
        answer = self.console.call("GET", f"{path}?fromSeq=11&limit=5", None, self.officer)
        assert answer.body.decode().splitlines() == self.agent.lines[10:15], answer.body
        answer = self.console.call("GET", f"{path}?form=cef&fromSeq=2&limit=1", None, self.officer)
        assert answer.body.startswith(b"CEF:0|Sekisho|sekisho-agent|") and answer.body.count(b"\n") == 1, answer.body

    def check_review(self):
        self.again("reviews-open")
        rows = until("a review", lambda: self.console.call(
            "GET", f"/api/v1/reviews?state=open&ofFacility={self.facility}", None, self.officer).json["items"])
        assert len(rows) == 1 and "records" in rows[0]["summary"], rows
        self.console.sql("UPDATE reviews SET due = 5 WHERE id = ?", rows[0]["id"])
        self.again("alerts-raise")
        overdue = "SELECT 1 FROM alerts WHERE kind = 'review-overdue' AND state = 'open' AND subject_id = ?"
        until("it is overdue", lambda: self.console.sql(overdue, rows[0]["id"]))
        done = self.console.call("POST", f"/api/v1/reviews/{rows[0]['id']}/finish",
                                 {"version": 1, "finding": "異常なし", "action": ""}, self.officer)
        assert done.status == 200 and done.json["reviewer"] == self.officer["person"], done.json
        assert not self.console.sql(overdue, rows[0]["id"])
        again = self.console.call("POST", f"/api/v1/reviews/{rows[0]['id']}/finish", {"version": 2, "finding": "x"},
                                  self.officer)
        assert again.code == "SK-5923", again.json
        self.again("reviews-open")
        until("another look", lambda: self.console.sql("SELECT 1 FROM duties WHERE name = 'reviews-open' AND last_done > 0"))
        assert self.console.sql("SELECT COUNT(*) FROM reviews WHERE facility_id = ?", self.facility) == [(1,)]

    def run(self):
        for name in ("forward", "impostor", "rsyslog", "heads", "export", "alarm", "review", "lines"):
            begun = time.monotonic()
            getattr(self, "check_" + name)()
            print(f"{name} {time.monotonic() - begun:.1f} s", flush=True)


def make_tsa(directory):
    (directory / "tsa.conf").write_text(TSA)
    (directory / "serial").write_text("01\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for command in (("req", "-x509", *key, "-keyout", "tsa-ca.key", "-out", "tsa-ca.pem", "-subj", "/CN=tsa-ca", "-days", "2"),
                    ("req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa"),
                    ("x509", "-req", "-in", "tsa.csr", "-CA", "tsa-ca.pem", "-CAkey", "tsa-ca.key", "-CAcreateserial",
                     "-extfile", "tsa.conf", "-extensions", "x", "-days", "2", "-out", "tsa.pem")):
        subprocess.run(["openssl", *command], cwd=directory, check=True, capture_output=True)


def stamp(directory, query):
    (directory / "query").write_bytes(query)
    subprocess.run(["openssl", "ts", "-reply", "-config", "tsa.conf", "-section", "tsa", "-queryfile", "query", "-signer",
                    "tsa.pem", "-inkey", "tsa.key", "-out", "answer"], cwd=directory, check=True, capture_output=True)
    return (directory / "answer").read_bytes(), "application/timestamp-reply"


def main():
    with tempfile.TemporaryDirectory(prefix="sekisho-forward-") as name:
        directory = Path(name)
        os.chmod(directory, 0o755)
        make_certificate(directory)
        make_tsa(directory)
        authority = WebServer(directory, lambda query: stamp(directory, query))
        settings = {"Outgoing": {"AuthorityFile": directory / "ca.pem"},
                    "TimeStamps": {"Address": f"https://localhost:{authority.port}/", "AuthorityFile": directory / "tsa-ca.pem",
                                   "EverySec": 3600}}
        try:
            with Console(sys.argv[1], sys.argv[2], settings) as console:
                Test(console, directory).run()
        finally:
            authority.stop()
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
