#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_faults_clock.py PROGRAM CONTRACT ENGINE: the clock of the console jumps by two days, forward and back: what has a
time ends or has not begun, nothing lives longer for it, and afterwards all is as it was. By libfaketime (package libfaketime),
which the jail lets in. Serves LOG-3."""
import glob
import json
import os
import ssl
import sys
import time

from console_faults_agents import make_certificate
from console_fixture import Fixture
from console_server import Console

failures = []
BLINDED = "4vKuClidyZ5FqTQ3b4LF6L3PfCC1lTU8/5AcqyuOqH4="
DAY = 86400


def check(condition, text):
    print("ok  " if condition else "FAIL", text, flush=True)
    if not condition:
        failures.append(text)


class Jumping(Console):
    """Whose process can be started with another time."""

    offset = 0

    def start(self):
        library = glob.glob("/usr/lib*/*/faketime/libfaketimeMT.so.1") + glob.glob("/usr/lib*/faketime/libfaketimeMT.so.1")
        assert library, "no libfaketime"
        kept = {name: os.environ.get(name) for name in ("LD_PRELOAD", "FAKETIME")}
        if self.offset:
            os.environ.update({"LD_PRELOAD": library[0], "FAKETIME": f"{self.offset:+d}"})
        try:
            super().start()
        finally:
            for name, value in kept.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value

    def jump(self, offset):
        self.stop()
        self.offset = offset
        self.start()

    def tls(self, certificate=None):
        """Our own clock did not jump, and the console's certificate is not what is tried here."""
        context = super().tls(certificate)
        if self.offset:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


class Test:
    def __init__(self, console):
        self.console, self.fixture = console, Fixture(console)
        self.facility = self.fixture.own
        self.officer = console.session(console.person(("security-officer", self.facility)))
        self.grant = self.fixture.make_grant(self.facility)
        self.medium = console.sql("SELECT medium_id FROM grants WHERE id = ?", self.grant)[0][0]
        now = int(time.time() * 1000)
        console.sql("UPDATE grants SET terminal_id = ?, group_id = NULL, valid_from = ?, valid_until = ? WHERE id = ?",
                    console.terminal, now - 3600000, now + 3600000, self.grant)
        self.code = self.fixture.make_code(self.facility)
        self.enrolment = self.fixture.make_enrolment(self.facility)
        make_certificate(console, "wide", -10, 10)

    def signed_in(self):
        return self.console.call("GET", "/api/v1/session", None, self.officer).status == 200

    def evaluates(self):
        """What the terminal hears when it asks for the console's half of its medium. SK-5614: the grant holds, only was the
        medium never really prepared."""
        try:
            return self.console.call("POST", "/api/v1/agent/key/evaluate", {"medium": self.medium, "user": "", "blinded": BLINDED},
                                     certificate="wide").code
        except (ssl.SSLError, ConnectionError):
            return "closed"

    def state(self, table, identity):
        return self.console.sql(f"SELECT state FROM {table} WHERE id = ?", identity)[0][0]

    def wait_state(self, table, identity, wanted, seconds=20):
        self.console.sql("UPDATE duties SET last_done = 0, held_until = 0")
        end = time.monotonic() + seconds
        while self.state(table, identity) != wanted and time.monotonic() < end:
            time.sleep(0.2)
        return self.state(table, identity) == wanted

    def doctor(self):
        done = self.console.run("doctor", "--json")
        found = {finding["check"]: finding["state"] for finding in json.loads(done.stdout)}
        return {name: found[name] for name in ("records.chain", "keys.vault", "keys.confirmed")}

    # ---- the jumps ----

    def check_now(self, what):
        check(self.signed_in(), f"{what}: the session is one")
        check(self.evaluates() == "SK-5614", f"{what}: the grant holds ({self.evaluates()})")
        check(self.state("offline_codes", self.code) == "issued", f"{what}: the code is good")

    def check_back(self):
        self.console.jump(-2 * DAY)
        check(not self.signed_in(), "two days back: a session that was used in the future is none")
        # Not even the authority of the certificates is valid before it was made.
        check(self.evaluates() in ("SK-5602", "closed"), f"two days back: nothing has begun ({self.evaluates()})")
        made = self.console.sign_in("officer", "wrong password")[0]
        check(made.code == "SK-5102", "two days back: sign-ins are answered")
        check(set(self.doctor().values()) == {"good"}, f"two days back: chain, vault and epoch are good {self.doctor()}")

    def check_forward(self):
        self.console.jump(2 * DAY)
        check(not self.signed_in(), "two days forward: the session has ended")
        check(self.evaluates() in ("SK-5601", "SK-5602", "SK-5603"), f"two days forward: the grant is over ({self.evaluates()})")
        check(self.wait_state("grants", self.grant, "ended"), "two days forward: it is ended")
        check(self.wait_state("offline_codes", self.code, "expired"), "two days forward: the code is over")
        check(set(self.doctor().values()) == {"good"}, f"two days forward: chain, vault and epoch are good {self.doctor()}")

    def check_after(self):
        """What has ended in a future that was none stays ended: nobody gets it back by turning the clock."""
        self.console.jump(0)
        check(self.state("grants", self.grant) == "ended" and self.evaluates() in ("SK-5601", "SK-5602", "SK-5603"),
              f"back again: what has ended stays so ({self.evaluates()})")
        check(self.state("offline_codes", self.code) == "expired", "back again: the code, too")
        check(set(self.doctor().values()) == {"good"}, f"back again: chain, vault and epoch are good {self.doctor()}")
        session = self.console.session(self.console.person(("administrator", None)))
        made = self.console.call("POST", "/api/v1/facilities", {"name": "その後"}, session)
        check(made.status == 201, f"back again: work goes on ({made.status})")
        self.console.sql("UPDATE duties SET last_done = 0")
        end = time.monotonic() + 15
        held = 1
        while held and time.monotonic() < end:
            time.sleep(0.3)
            held = self.console.sql("SELECT COUNT(*) FROM duties WHERE last_done = 0 AND name IN ('grants-end', 'codes-end')")[0][0]
        check(not held, "back again: regular tasks are not held up by times of the future")


def main():
    with Jumping(sys.argv[1], sys.argv[2], engine=sys.argv[3]) as console:
        test = Test(console)
        test.check_now("before")
        test.check_back()
        console.jump(0)
        test.check_now("the time is right again")
        test.check_forward()
        test.check_after()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
