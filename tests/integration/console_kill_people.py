#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_kill_people.py PROGRAM CONTRACT ENGINE KILLS: a console is killed at random moments while people ask, approve, hand
over and take back, and PCs send records. Afterwards all that was acknowledged is there, and nothing happened twice.
Serves OUT-4, LOG-1."""
import datetime
import http.client
import json
import random
import secrets
import sys
import threading
import time

from console_faults_agents import Uploader, check, failures
from console_fixture import Fixture
from console_server import Console, new_id

BROKEN = (OSError, http.client.HTTPException)
PEOPLE, RECORDS = 4, 25  # threads of people; records in a batch
STEPS = (("decisions", "request.approved"), ("hand-over", "request.handed-over"), ("return", "request.returned"))


def stamp(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Campaign:
    def __init__(self, console):
        self.console, self.fixture = console, Fixture(console)
        self.ending, self.lock = threading.Event(), threading.Lock()
        self.done = {}  # request -> kinds of records that were acknowledged
        self.media, self.wrong, self.repeated = [], [], 0
        self.uploader = Uploader(console, size=200)

    # ---- people ----

    def sure(self, session, path, body, wanted, key):
        """Until there is an answer: with a key it is the first one's, without one a second time is refused."""
        headers = {"Idempotency-Key": secrets.token_hex(16)} if key else {}
        tries = 0
        while True:
            tries += 1
            try:
                answer = self.console.call("POST", path, body, session, headers=headers)
            except BROKEN:
                time.sleep(0.05)
                continue
            if answer.status in (wanted, 409) and (answer.status == wanted or tries > 1):
                with self.lock:
                    self.repeated += tries > 1
                # 5015: done, and its answer is not there any more.
                return answer.json
            if answer.status not in (500, 503):
                raise AssertionError((path, answer.status, answer.body))
            time.sleep(0.05)

    def life(self, asker, boss, number, kept):
        """One medium goes out and comes back."""
        medium = self.media[number]
        body = {"facility": self.fixture.own, "kind": "carry-out", "outFrom": stamp(-60), "due": stamp(3600), "destination": "病院",
                "reason": kept, "dataSummary": "x", "risk": "x", "onLoss": "x", "terminal": self.console.terminal, "media": [medium]}
        made = self.sure(asker, "/api/v1/requests", body, 201, True)
        found = [(made["id"],)] if "id" in made else self.console.sql("SELECT id FROM requests WHERE reason = ?", kept)
        assert found, made
        request = found[0][0]
        with self.lock:
            self.done[request] = ["request.created"]
        for step, kind in STEPS:
            keyed = random.random() < 0.5
            text = {"approved": True} if step == "decisions" else {"note": "x"}
            self.sure(boss, f"/api/v1/requests/{request}/{step}", text, 200, keyed)
            with self.lock:
                self.done[request].append(kind)

    def work(self, number):
        try:
            asker = self.console.session(self.console.person(("staff", self.fixture.own)))
            boss = self.console.session(self.console.person(("approver", self.fixture.own), ("security-officer", self.fixture.own)))
            while not self.ending.is_set():
                with self.lock:
                    medium = len(self.media)
                    self.media.append(None)
                self.media[medium] = self.fixture_medium()
                self.life(asker, boss, medium, f"{number}-{medium}")
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(repr(error))

    def fixture_medium(self):
        """In stock and prepared, with rows of its own: the ledger is not what is tried here."""
        medium = new_id()
        self.console.sql("INSERT INTO media (id, facility_id, number, label, state, state_since, mode, kind, created) VALUES "
                         "(?, ?, ?, 'x', 'in-stock', 1, 'bound', 'usb-stick', 1)", medium, self.fixture.own, medium)
        return medium

    # ---- PCs ----

    def send(self):
        while not self.ending.is_set():
            self.uploader.write(RECORDS)
            try:
                answer = self.uploader.send(RECORDS)
                if answer.status not in (200, 500, 503):
                    self.wrong.append(f"records: {answer.status} {answer.json}")
                    return
            except BROKEN:
                time.sleep(0.02)

    # ---- afterwards ----

    def check_all(self):
        check(not self.wrong, f"nobody met an answer that may not be: {self.wrong[:3]}")
        lost = twice = half = 0
        for request, kinds in self.done.items():
            found = [row[0] for row in self.console.sql("SELECT kind FROM console_records WHERE subject = ? ORDER BY at, seq",
                                                        f"request:{request}")]
            lost += any(kind not in found for kind in kinds)
            twice += len(found) != len(set(found))
            decisions, grants = (self.console.sql(f"SELECT COUNT(*) FROM {table} WHERE request_id = ?", request)[0][0]
                                 for table in ("request_decisions", "grants"))
            half += decisions != found.count("request.approved") or grants != found.count("request.approved")
        check(lost == 0, f"{len(self.done)} requests, {sum(map(len, self.done.values()))} steps acknowledged, {lost} lost")
        check(twice == 0, f"{twice} happened twice; {self.repeated} were sent again")
        check(half == 0, f"{half} are there by half: each approval has its decision, its grant and its record")
        numbers = [row[0] for row in self.console.sql("SELECT number FROM requests")]
        check(len(numbers) == len(set(numbers)), "each request has its number")
        check(len(numbers) == len(self.done), f"{len(numbers) - len(self.done)} requests that nobody made")
        self.uploader.check("records")
        chain = {f["check"]: f for f in json.loads(self.console.run("doctor", "--json").stdout)}
        check(chain["records.chain"]["state"] == "good", f"the console's own chain holds: {chain['records.chain']['detail']}")


def main():
    program, contract, engine, kills = *sys.argv[1:4], int(sys.argv[4])
    with Console(program, contract, engine=engine) as console:
        campaign = Campaign(console)
        threads = [threading.Thread(target=campaign.work, args=(n,)) for n in range(PEOPLE)] + [
            threading.Thread(target=campaign.send)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(kills):
                time.sleep(random.random() * 0.5)
                console.process.kill()
                console.process.wait()
                console.start()
            time.sleep(0.5)
        finally:
            campaign.ending.set()
            for thread in threads:
                thread.join(60)
        check(not any(thread.is_alive() for thread in threads), "everybody came to an end")
        print(f"{kills} kills on {engine}")
        campaign.check_all()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
