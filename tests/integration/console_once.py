#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_once.py PROGRAM CONTRACT ENGINE: a POST with an Idempotency-Key is done once, whatever becomes of its answer: sent
by many at the same time, cut off before the answer, after a restart; its key is forgotten after a day, what the answer shows
once is not readable in the database, and a refusal leaves the key free."""
import json
import secrets
import sys
import threading

from console_server import Console

DAY_MS = 24 * 3600 * 1000
failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


class Test:
    def __init__(self, console):
        self.console = console
        self.facility = console.facility("甲")
        self.session = console.session(console.person(("administrator", None), ("security-officer", None)))

    def body(self, title):
        return {"facility": self.facility, "kind": "loss", "title": title, "known": "2026-11-22T03:00:00Z", "media": []}

    def create(self, key, title, session=None):
        """An incident: nothing else keeps two of them from being made."""
        return self.console.call("POST", "/api/v1/incidents", self.body(title), session or self.session,
                                 headers={"Idempotency-Key": key})

    def count(self, title):
        return self.console.sql("SELECT COUNT(*) FROM incidents WHERE title = ?", title)[0][0]

    def run(self):
        self.check_same_time()
        self.check_cut()
        self.check_restart()
        self.check_day()
        self.check_secret()
        self.check_refusal()
        self.check_form()

    def check_same_time(self):
        answers, key = [], secrets.token_hex(16)
        threads = [threading.Thread(target=lambda: answers.append(self.create(key, "同時"))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        made = [a for a in answers if a.status == 201]
        check(self.count("同時") == 1, f"twelve at the same time: {self.count('同時')} made")
        check(made and len({a.body for a in made}) == 1, f"{len(made)} have the same answer")
        check(all(a.code == "SK-5015" for a in answers if a.status != 201), "the others hear that it was sent before")

    def check_cut(self):
        """The answer is lost on the way, as soon as the request has been sent."""
        key = secrets.token_hex(16)
        for _ in range(5):
            connection = self.console.connect()
            connection.request("POST", "/api/v1/incidents", json.dumps(self.body("切断")), {
                "Content-Type": "application/json", "Cookie": f"__Host-sekisho={self.session['token']}",
                "Sekisho-CSRF": self.session["csrf"], "Idempotency-Key": key})
            connection.sock.close()
            connection.close()
        answer = self.create(key, "切断")
        for _ in range(50):
            if answer.code != "SK-5015":
                break
            answer = self.create(key, "切断")
        check(answer.status == 201 and self.count("切断") == 1, f"cut off five times: {self.count('切断')} made, {answer.status}")

    def check_restart(self):
        key = secrets.token_hex(16)
        first = self.create(key, "再起動")
        self.console.process.kill()
        self.console.process.wait()
        self.console.start()
        second = self.create(key, "再起動")
        check((first.status, first.body) == (second.status, second.body) and self.count("再起動") == 1,
              "after a kill the answer is the first one")

    def check_day(self):
        key = secrets.token_hex(16)
        self.create(key, "一日")
        self.console.sql("UPDATE idempotency_keys SET created = created - ? WHERE name = ?", DAY_MS - 60000, key)
        self.create(key, "一日")
        check(self.count("一日") == 1, "a minute before the day is over it is not done again")
        self.console.sql("UPDATE idempotency_keys SET created = created - ? WHERE name = ?", 61000, key)
        again = self.create(key, "一日")
        check(again.status == 201 and self.count("一日") == 2, "after a day the key is a new one")

    def check_secret(self):
        body = {"login": "once.secret", "name": "人", "role": "staff", "facility": self.facility, "identityCheck": "社員証"}
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        first = self.console.call("POST", "/api/v1/people", body, self.session, headers=headers)
        second = self.console.call("POST", "/api/v1/people", body, self.session, headers=headers)
        password = first.json["oneTimePassword"]
        check(first.status == 201 and second.body == first.body, "a password that is shown once comes again with the key")
        kept = self.console.sql("SELECT answer FROM idempotency_keys WHERE name = ?", headers["Idempotency-Key"])[0][0]
        check(len(kept) > 100 and password not in kept and "once.secret" not in kept, "and is not readable in the database")
        self.console.sql("UPDATE idempotency_keys SET answer = (SELECT answer FROM idempotency_keys WHERE name <> ? AND "
                         "status = 201 LIMIT 1) WHERE name = ?", headers["Idempotency-Key"], headers["Idempotency-Key"])
        moved = self.console.call("POST", "/api/v1/people", body, self.session, headers=headers)
        check(moved.code == "SK-5015", "an answer that was put into another row is not given out")

    def check_refusal(self):
        key = secrets.token_hex(16)
        staff = self.console.session(self.console.person(("auditor", self.facility)))
        check(self.create(key, "拒否", staff).code == "SK-5105", "who may not is refused")
        check(self.create(key, "拒否").status == 201, "and leaves the key free")
        check(self.create(key, "拒否", staff).code == "SK-5105", "who may not does not get the answer either")

    def check_form(self):
        for key in ('""', "", "a b", "x" * 129, '"a\\"', "\x7f"):
            check(self.create(key, "形").code == "SK-5001", f"a key that is none is refused: {key[:10]!r}")
        check(self.count("形") == 0, "with nothing done")
        check(self.create("x" * 128, "形").status == 201, "128 characters are a key")


def main():
    with Console(sys.argv[1], sys.argv[2], engine=sys.argv[3]) as console:
        Test(console).run()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
