#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_messages.py PROGRAM CONTRACT: what the console does in time, as people and servers outside see it: reminders
and alerts arrive as mail in the language of each reader and as signed webhooks, over a real mail server and a real HTTPS
server; nothing is lost when a server refuses, is away, or the console is killed. Serves OUT-4, OUT-3, LOSS-2."""
import hashlib
import hmac
import json
import re
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "lib"))
from console_fixture import Fixture
from console_server import Console, new_id
warnings.simplefilter("ignore")
from servers import MailServer, WebServer, make_certificate

HOUR = 3600000


def now():
    return int(time.time() * 1000)


def until(what, test, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


class Test:
    def __init__(self, console, mail, web):
        self.console, self.mail, self.web = console, mail, web
        self.fixture = Fixture(console)
        self.facility = self.fixture.own

    def person(self, address, language, *roles):
        person = self.console.person(*((role, self.facility) for role in roles))
        self.console.sql("UPDATE people SET email = ?, language = ? WHERE id = ?", address, language, person)
        return person

    def again(self, duty):
        """Now, instead of when its period is over."""
        self.console.sql("UPDATE duties SET last_done = 0, held_until = 0 WHERE name = ?", duty)

    def alerts(self, state="open"):
        return [row[0] for row in self.console.sql("SELECT kind FROM alerts WHERE state = ? ORDER BY kind", state)]

    # ---- alerts ----

    def check_alert_by_mail(self):
        self.person("kanri@clinic.example", "ja", "administrator")
        self.person("admin@clinic.example", "en", "administrator")
        terminal = self.fixture.terminal(self.facility, new_id())
        self.console.sql("UPDATE terminals SET name = ? WHERE id = ?", "受付PC\r\nBcc: x@y", terminal)
        self.console.sql("INSERT INTO terminal_status (terminal_id, facility_id, last_contact) VALUES (?, ?, ?)", terminal,
                         self.facility, now() - 100 * HOUR)
        self.again("alerts-raise")
        mail = until("a mail in Japanese", lambda: self.mail.to("kanri@clinic.example"))[0]
        assert mail["Subject"].startswith("【関所】長い間、通信のない端末があります: 受付PC\\u{d}\\u{a}Bcc: x@y"), mail["Subject"]
        text = mail.get_content()
        assert "電源とネットワークを確認" in text and "最後の通信: 20" in text and "SK-5901" in text and "自院" in text, text
        assert mail["Bcc"] is None and mail["Auto-Submitted"] == "auto-generated", mail
        assert mail["From"].addresses[0].display_name == "関所", mail["From"]
        mail = until("a mail in English", lambda: self.mail.to("admin@clinic.example"))[0]
        assert mail["Subject"].startswith("[Sekisho] A PC has not been heard of for long: "), mail["Subject"]
        for receivers, raw, _ in self.mail.mails:
            assert all(len(line) <= 78 for line in raw.decode("ascii").split("\r\n")), receivers
        # It counts instead of repeating, and closes by itself.
        self.again("alerts-raise")
        until("a second look", lambda: self.console.sql("SELECT last_done FROM duties WHERE name = 'alerts-raise'")[0][0])
        assert len(self.mail.mails) == 2, len(self.mail.mails)
        self.console.sql("UPDATE terminal_status SET last_contact = ? WHERE terminal_id = ?", now(), terminal)
        self.again("alerts-raise")
        until("the alert is over", lambda: "terminal-silent" not in self.alerts())
        assert self.alerts("closed") == ["terminal-silent"]

    # ---- late returns ----

    def out(self, requester, due):
        """A request whose media are out since a while; the clock of the console cannot be moved, the row can."""
        officer = self.fixture.officer(self.facility)
        request = self.fixture.make_request(self.facility)
        session = self.console.session(self.console.person(("approver", self.facility)))
        done = self.console.call("POST", f"/api/v1/requests/{request}/decisions", {"approved": True}, session)
        assert done.status == 200, done.json
        done = self.console.call("POST", f"/api/v1/requests/{request}/hand-over", {}, officer)
        assert done.status == 200, done.json
        self.console.sql("UPDATE requests SET requester_id = ?, out_from = ?, due = ?, next_escalation = ? WHERE id = ?",
                         requester, due - 100 * HOUR, due, due, request)
        return request

    def check_escalation(self):
        requester = self.person("isha@clinic.example", "ja", "staff")
        self.person("anzen@clinic.example", "ja", "security-officer")
        request = self.out(requester, now() + 10 * HOUR)
        self.again("returns-escalate")
        mail = until("a reminder", lambda: self.mail.to("isha@clinic.example"))[0]
        assert "返却期限が近づいています" in mail["Subject"], mail["Subject"]
        assert self.console.sql("SELECT escalations FROM requests WHERE id = ?", request) == [(1,)]
        # Four days late: the ladder is climbed, each receiver is written to once.
        due = now() - 96 * HOUR
        self.console.sql("UPDATE requests SET out_from = 1, due = ?, next_escalation = ? WHERE id = ?", due, due, request)
        self.again("returns-escalate")
        mail = until("a mail to the officer", lambda: self.mail.to("anzen@clinic.example"))[0]
        assert "返却されていません" in mail["Subject"] and "持ち出し先: x" in mail.get_content(), mail.get_content()
        assert len(self.mail.to("isha@clinic.example")) == 2
        assert self.console.sql("SELECT escalations FROM requests WHERE id = ?", request) == [(4,)]
        self.again("returns-escalate")
        self.again("alerts-raise")
        until("the alert", lambda: "return-late" in self.alerts())
        assert len(self.mail.to("anzen@clinic.example")) == 1 and len(self.mail.to("isha@clinic.example")) == 2
        # Back: nothing more, and the alert is over.
        done = self.console.call("POST", f"/api/v1/requests/{request}/return", {}, self.fixture.officer(self.facility))
        assert done.status == 200, done.json
        self.again("alerts-raise")
        until("the alert is over", lambda: "return-late" not in self.alerts())

    def check_expiry(self):
        request = self.fixture.make_request(self.facility)
        self.console.sql("UPDATE requests SET out_from = 1, due = 2 WHERE id = ?", request)
        self.again("requests-expire")
        until("the request expires", lambda: self.console.sql(
            "SELECT 1 FROM requests WHERE id = ? AND state = 'expired'", request))
        assert self.console.sql("SELECT m.state FROM media m JOIN request_media r ON r.medium_id = m.id WHERE "
                                "r.request_id = ?", request) == [("in-stock",)]

    # ---- refusals, cuts and kills ----

    def message(self, address="a@clinic.example", kind="mail"):
        identity = new_id()
        self.console.sql("INSERT INTO outbox (id, kind, target, subject, body, next_attempt, created) VALUES (?, ?, ?, 's', "
                         "'b', 0, 1)", identity, kind, address)
        return identity

    def row(self, identity):
        return self.console.sql("SELECT state, attempts, error FROM outbox WHERE id = ?", identity)[0]

    def check_refusals(self):
        self.mail.refuse = ("*", "451 come again")
        first = self.message()
        until("a first attempt", lambda: self.row(first)[1] == 1)
        assert self.row(first)[0] == "waiting"
        due = self.console.sql("SELECT next_attempt FROM outbox WHERE id = ?", first)[0][0] - now()
        assert 5000 < due < 31000, due
        self.mail.refuse = None
        self.console.sql("UPDATE outbox SET next_attempt = 0 WHERE id = ?", first)
        until("it is sent", lambda: self.row(first)[0] == "sent")
        # A receiver that the server does not know is given up at once, with an alert.
        self.mail.refuse = ("nobody@clinic.example", "550 no such user")
        second = self.message("nobody@clinic.example")
        until("it is given up", lambda: self.row(second)[0] == "given-up")
        assert "message-given-up" in self.alerts(), self.alerts()
        self.mail.refuse = None
        third = self.message("evil@x\r\nRCPT TO:<other@y>")
        until("no address", lambda: self.row(third)[0] == "given-up")
        # The last of many attempts.
        self.mail.refuse = ("*", "451 come again")
        fourth = self.message()
        self.console.sql("UPDATE outbox SET attempts = 13 WHERE id = ?", fourth)
        until("the end", lambda: self.row(fourth)[0] == "given-up" or self.row(fourth)[1] == 1)
        self.mail.refuse = None

    def check_kill(self):
        before = len(self.mail.mails)
        for _ in range(30):
            self.message("kill@clinic.example")
        for _ in range(2):
            until("some are sent", lambda: len(self.mail.mails) > before)
            before = len(self.mail.mails)
            self.console.process.send_signal(signal.SIGKILL)
            self.console.process.wait()
            self.console.start()
            # What the dead process held is free when its time is over.
            self.console.sql("UPDATE outbox SET held_until = 0")
            self.console.sql("UPDATE duties SET held_until = 0")
        until("all are sent", lambda: not self.console.sql(
            "SELECT 1 FROM outbox WHERE target = 'kill@clinic.example' AND state <> 'sent'"))
        ids = [mail["Message-ID"] for mail in self.mail.to("kill@clinic.example")]
        assert len(set(ids)) == 30 and len(ids) <= 32, (len(set(ids)), len(ids))

    # ---- webhooks ----

    def check_webhook(self):
        officer = self.console.session(self.console.person(("administrator", self.facility)))
        made = self.console.call("POST", "/api/v1/webhooks", {
            "facility": self.facility, "name": "監視", "url": f"https://localhost:{self.web.port}/hook", "kinds": []}, officer)
        assert made.status == 201, made.json
        secret = bytes.fromhex(made.json["secret"])
        self.web.answers = [503]
        tried = self.console.call("POST", f"/api/v1/webhooks/{made.json['id']}/trial", {}, officer)
        assert tried.status == 204, tried.json
        until("a first post", lambda: self.web.posts)
        until("it is noted", lambda: self.console.sql(
            "SELECT 1 FROM outbox WHERE kind = 'webhook' AND attempts = 1 AND error LIKE '%503%'"))
        self.console.sql("UPDATE outbox SET next_attempt = 0 WHERE kind = 'webhook'")
        until("a second post", lambda: len(self.web.posts) == 2)
        path, headers, body = self.web.posts[1]
        signed = f"{headers['Sekisho-Time']}.{headers['Sekisho-Id']}.".encode() + body
        assert headers["Sekisho-Signature"] == "v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest(), headers
        assert path == "/hook" and abs(int(headers["Sekisho-Time"]) - time.time()) < 60
        assert self.web.posts[0][1]["Sekisho-Id"] == headers["Sekisho-Id"]
        told = json.loads(body)
        assert told["code"] == "SK-5924" and re.search("試験", told["what"]["ja"]), told
        listed = self.console.call("GET", "/api/v1/webhooks", None, officer)
        assert "secret" not in listed.json["items"][0] and made.json["secret"] not in listed.body.decode()
        # Another certificate than that of an authority we believe: nothing is posted.
        self.console.sql("UPDATE webhooks SET url = ?", f"https://127.0.0.2:{self.web.port}/hook")
        self.console.call("POST", f"/api/v1/webhooks/{made.json['id']}/trial", {}, officer)
        until("it is refused", lambda: self.console.sql(
            "SELECT 1 FROM outbox WHERE kind = 'webhook' AND state = 'waiting' AND attempts = 1"))
        assert len(self.web.posts) == 2

    def run(self):
        for name in [name for name in dir(self) if name.startswith("check_")]:
            print(name.removeprefix("check_"), flush=True)
            getattr(self, name)()


def main():
    with tempfile.TemporaryDirectory(prefix="sekisho-messages-") as name:
        directory = Path(name)
        make_certificate(directory)
        (directory / "login").write_text("kanri\n秘密 の言葉\n")
        mail, web = MailServer(directory, "kanri", "秘密 の言葉"), WebServer(directory)
        settings = {"Mail": {"Server": f"smtp://localhost:{mail.port}", "From": "sekisho@clinic.example", "Name": "関所",
                             "LoginFile": directory / "login"},
                    "Outgoing": {"AuthorityFile": directory / "ca.pem"}}
        try:
            with Console(sys.argv[1], sys.argv[2], settings) as console:
                Test(console, mail, web).run()
                assert mail.logins > 0
        finally:
            mail.stop()
            web.stop()
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
