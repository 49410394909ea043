#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_recovery.py PROGRAM CONTRACT ENGINE ADMIN: what a terminal sealed for the worst day is given out to two people,
once and in time, with sekisho-admin, and opens only with the key that is on no machine of the network. Serves OUT-2."""
import base64
import hmac
import json
import os
import subprocess
import sys
import time
import uuid

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from console_fixture import Fixture
from console_server import Console

PASSPHRASE = "Kaki-no-ki 7 hon desu"
SLOT_KEY = bytes(range(64))
failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


def seal(public, info, aad, data):
    """HPKE of RFC 9180 as its text says it: another implementation than ours."""
    suite_kem, suite = b"KEM\0\x20", b"HPKE\0\x20\0\1\0\3"

    def extract(suite_id, salt, label, key):
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite_id + label + key, "sha256")

    def expand(suite_id, key, label, text, size):
        return hmac.digest(key, size.to_bytes(2, "big") + b"HPKE-v1" + suite_id + label + text + b"\1", "sha256")[:size]

    mine, raw = X25519PrivateKey.generate(), (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    enc = mine.public_key().public_bytes(*raw)
    shared = mine.exchange(X25519PublicKey.from_public_bytes(public))
    prk = extract(suite_kem, b"", b"eae_prk", shared)
    secret = expand(suite_kem, prk, b"shared_secret", enc + public, 32)
    context = b"\0" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    prk = extract(suite, secret, b"secret", b"")
    key, nonce = expand(suite, prk, b"key", context, 32), expand(suite, prk, b"base_nonce", context, 12)
    return b"\0\x20\0\1\0\3" + enc + ChaCha20Poly1305(key).encrypt(nonce, data, aad)


class Test:
    def __init__(self, console, admin):
        self.console, self.admin, self.fixture = console, admin, Fixture(console)
        self.facility = self.fixture.own
        self.headers = {}  # what a terminal told of each medium
        self.officers = [self.officer(self.facility) for _ in range(3)]
        self.stranger = self.officer(self.fixture.other)
        console.sql("DELETE FROM public_keys WHERE id = 'x25519:fixture'")

    def officer(self, facility):
        return self.console.session(self.console.person(("security-officer", facility)))

    def post(self, session, path, body=None):
        return self.console.call("POST", path, body, session)

    def command(self, session, *arguments, text=""):
        """sekisho-admin as somebody."""
        home = self.console.directory / session["person"]
        state = home / ".local/state/sekisho/admin.json"
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text(json.dumps({"server": f"https://localhost:{self.console.people_port}", "token": session["token"],
                                     "authority": (self.console.directory / "ca.crt").read_text(), "csrf": session["csrf"]}))
        state.chmod(0o600)
        return subprocess.run([self.admin, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60,
                              env={"HOME": str(home), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})

    def make_key(self):
        self.key_file = self.console.directory / "recovery.key"
        made = self.command(self.officers[0], "recovery-key", "make", self.key_file, text="short\nshort\n")
        check(made.returncode == 2 and not self.key_file.exists(), "a short passphrase makes no key")
        made = self.command(self.officers[0], "recovery-key", "make", self.key_file, text=f"{PASSPHRASE}\n{PASSPHRASE}\n")
        check(made.returncode == 0 and os.stat(self.key_file).st_mode & 0o777 == 0o600, "a pair of keys is made off the network")
        again = self.command(self.officers[0], "recovery-key", "make", self.key_file, text=f"{PASSPHRASE}\n{PASSPHRASE}\n")
        check(again.returncode == 3, "and never written over")
        self.public = made.stdout.strip()
        everywhere = self.console.session(self.console.person(("security-officer", None)))
        answer = self.post(everywhere, "/api/v1/recovery-keys", {"publicKey": self.public})
        check(answer.status == 201, "its public half is entered")
        self.recovery_key = answer.json["id"]

    def prepared(self):
        """A medium whose second slot a terminal sealed."""
        medium = self.fixture.make_medium(self.facility)
        answer = self.post(self.officers[0], f"/api/v1/media/{medium}/preparation", {"terminal": self.console.terminal})
        assert answer.status == 201, answer.json
        body = {**self.header(medium), "mode": "bound", "capacity": 1000000, "deviceHash": "x"}
        answer = self.console.call("POST", "/api/v1/agent/medium/prepared", body, certificate="agent")
        assert answer.status == 204, answer.json
        self.headers[medium] = {name: body[name] for name in ("luksUuid", "volumeDigest")}
        return medium

    def header(self, medium, **changed):
        """What a terminal tells of it, with a box that no other call had."""
        box = seal(base64.b64decode(self.public), b"sekisho escrow 1", medium.encode(), SLOT_KEY)
        return {"medium": medium, "luksUuid": str(uuid.uuid4()), "volumeDigest": base64.b64encode(os.urandom(32)).decode(),
                "cipher": "aes-xts-plain64", "keyBits": 512, "pbkdf": "argon2id", "tested": True,
                "escrow": {"recoveryKey": self.recovery_key, "box": base64.b64encode(box).decode()}, **changed}

    def reseal(self, body):
        return self.console.call("POST", "/api/v1/agent/medium/escrow", body, certificate="agent")

    def ask(self, medium, session=None, facility=None):
        return self.post(session or self.officers[0], "/api/v1/recoveries",
                         {"facility": facility or self.facility, "medium": medium, "reason": "退職者の媒体"})

    def decide(self, recovery, session, approved=True):
        return self.post(session, f"/api/v1/recoveries/{recovery}/decision", {"approved": approved})

    def take(self, recovery, session):
        return self.post(session, f"/api/v1/recoveries/{recovery}/box")

    # ---- the ceremony ----

    def check_two(self):
        first, second, third = self.officers
        medium = self.prepared()
        asked = self.command(first, "recovery", "ask", "--facility", self.facility, "--medium", medium, "--reason",
                             "パスフレーズを忘れた", "--json")
        check(asked.returncode == 0, f"one person asks {asked.stderr}")
        recovery = json.loads(asked.stdout)["id"]
        check(self.take(recovery, first).code == "SK-5624", "nothing is given out before the second person")
        check(self.decide(recovery, first).code == "SK-5627", "who asked cannot approve")
        check(self.decide(recovery, self.stranger).code == "SK-5003", "another facility has no such thing")
        weak = self.console.session(second["person"], fresh=False)
        check(self.decide(recovery, weak).code == "SK-5107", "who approves proves again who they are")
        done = self.command(second, "recovery", "decide", recovery, "--approved", "true")
        check(done.returncode == 0 and "approved" in done.stdout, f"another one approves {done.stderr}")
        check(self.decide(recovery, third).code == "SK-5624", "and nobody decides again")
        check(self.take(recovery, third).code == "SK-5627", "a third person gets nothing")
        taken = self.command(first, "recovery", "take", recovery, "--json")
        check(taken.returncode == 0, f"one of the two takes it {taken.stderr}")
        check(self.take(recovery, first).code == "SK-5624" and self.take(recovery, second).code == "SK-5624", "once")
        check(self.ask(medium).code == "SK-5623", "nothing is left to ask for")
        self.check_opening(json.loads(taken.stdout))
        self.check_records(recovery, first, second)

    def check_opening(self, taken):
        box, output = self.console.directory / "box.json", self.console.directory / "slot.key"
        box.write_text(json.dumps(taken))
        check(SLOT_KEY not in base64.b64decode(taken["box"]), "what the console gives out is sealed")
        wrong = self.command(self.officers[0], "recovery", "open", self.key_file, box, output, text="another passphrase\n")
        check(wrong.returncode == 1 and not output.exists(), "the file of the key opens nothing without its passphrase")
        for member, value in (("medium", self.facility), ("info", "sekisho lease 1"), ("box", taken["box"][:-8] + "AAAAAAA=")):
            box.write_text(json.dumps({**taken, member: value}))
            changed = self.command(self.officers[0], "recovery", "open", self.key_file, box, output, text=PASSPHRASE + "\n")
            check(changed.returncode == 1 and not output.exists(), f"another {member} does not open")
        box.write_text(json.dumps(taken))
        done = self.command(self.officers[0], "recovery", "open", self.key_file, box, output, text=PASSPHRASE + "\n")
        check(done.returncode == 0 and output.read_bytes() == SLOT_KEY, f"both together open it {done.stderr}")
        check(os.stat(output).st_mode & 0o777 == 0o600, "into a file that nobody else reads")

    def check_records(self, recovery, first, second):
        lines = [json.loads(row[0]) for row in self.console.sql(
            "SELECT line FROM console_records WHERE line LIKE ? ORDER BY seq", f"%{recovery}%")]
        kinds = [line["kind"] for line in lines]
        check(kinds == ["recovery.asked", "recovery.approved", "recovery.taken"], f"each step is a record: {kinds}")
        last = json.dumps(lines[-1])
        check(first["person"] in last and second["person"] in last, "and the last one names both")

    # ---- after it ----

    def escrows(self, medium):
        return [row[0] for row in self.console.sql("SELECT state FROM escrows WHERE medium_id = ? ORDER BY id", medium)]

    def await_alert(self, medium, wanted, text):
        """What is watched is looked at every minute; here at once."""
        until, found = time.monotonic() + 60, None
        while found != wanted and time.monotonic() < until:
            self.console.sql("UPDATE duties SET last_done = 0, held_until = 0 WHERE name = 'alerts-raise'")
            time.sleep(0.3)
            found = [row[0] for row in self.console.sql(
                "SELECT state FROM alerts WHERE kind = 'recovery-open' AND subject_id = ?", medium)]
        check(found == wanted, f"{text}: {found}")

    def disclose(self, medium):
        first, second, _ = self.officers
        recovery = self.ask(medium).json["id"]
        assert self.decide(recovery, second).status == 200
        assert self.take(recovery, first).status == 200
        return recovery

    def check_replaced(self):
        """What was given out is over when the slot has another key, and not before."""
        medium, first = self.prepared(), self.officers[0]
        same = self.headers[medium]
        check(self.reseal(self.header(medium)).code == "SK-5615", "another volume under its number is none")
        check(self.reseal(self.header(medium, **{**same, "keyBits": 256})).code == "SK-5615", "nor is a weaker one")
        body = self.header(medium, **same)
        check(self.reseal(body).status == 204 and self.escrows(medium) == ["replaced", "live"], "another passphrase, another box")
        check(self.reseal(body).status == 204 and len(self.escrows(medium)) == 2, "the same again is the same")
        recovery = self.disclose(medium)
        show = lambda: self.console.call("GET", f"/api/v1/recoveries/{recovery}", None, first).json
        check(show()["state"] == "opened" and show()["replaced"] is None, "it was given out, and is open")
        self.await_alert(medium, ["open"], "an alert says so")
        check(self.reseal(body).status == 204 and self.escrows(medium) == ["replaced", "opened"], "a box that was given out does not come back")
        check(self.ask(medium).code == "SK-5623", "nothing can be asked for meanwhile")
        new = self.header(medium)
        check(self.reseal(new).status == 204 and self.escrows(medium)[-1] == "live", "the slot is replaced, and the volume may be another")
        check(show()["replaced"] is not None, "with that it is over")
        self.await_alert(medium, ["closed"], "and so is the alert")
        row = self.console.sql("SELECT luks_uuid FROM media WHERE id = ?", medium)[0][0]
        check(row == new["luksUuid"], "the ledger knows the new header")
        check(self.reseal(self.header(medium)).code == "SK-5615", "once")
        kinds = [json.loads(row[0])["body"]["afterRecovery"] for row in self.console.sql(
            "SELECT line FROM console_records WHERE kind = 'medium.resealed' AND subject = ? ORDER BY seq", f"medium:{medium}")]
        check(kinds == [False, True], f"both are records: {kinds}")
        waiting = self.ask(medium).json["id"]
        same = {name: new[name] for name in ("luksUuid", "volumeDigest")}
        check(self.reseal(self.header(medium, **same)).status == 204, "a new box while somebody asks for the one before")
        check(self.decide(waiting, self.officers[1]).code == "SK-5624", "who asked has to ask again")
        self.check_whose(medium, same)

    def check_whose(self, medium, same):
        elsewhere = self.fixture.make_terminal(self.facility)
        self.console.sql("UPDATE media SET prepared_at = ? WHERE id = ?", elsewhere, medium)
        check(self.reseal(self.header(medium, **same)).code == "SK-5601", "not a medium of another PC")
        self.console.sql("UPDATE media SET state = 'in-stock' WHERE id = ?", medium)
        path, body = f"/api/v1/media/{medium}/preparation", {"terminal": self.console.terminal}
        check(self.post(self.officers[0], path, body).code == "SK-5606", "it is no blank medium")
        answer = self.post(self.officers[0], path, {**body, "again": True})
        check(answer.status == 201, f"a person lets this PC encrypt it anew {answer.json}")
        check(self.reseal(self.header(medium)).status == 204, "under that grant another volume is one")
        check(self.reseal(self.header(medium)).code == "SK-5601", "once")
        check(self.reseal(self.header(self.fixture.make_medium(self.facility))).code == "SK-5601", "one that was never prepared")
        lost = self.prepared()
        self.console.sql("UPDATE media SET state = 'lost' WHERE id = ?", lost)
        check(self.reseal(self.header(lost, **self.headers[lost])).code == "SK-5608", "nor one that was lost")

    # ---- in time ----

    def check_time(self):
        first, second, _ = self.officers
        medium = self.prepared()
        late = self.ask(medium).json["id"]
        self.console.sql("UPDATE escrow_openings SET expires = 1 WHERE id = ?", late)
        check(self.decide(late, second).code == "SK-5624", "after a day nobody can approve")
        slow = self.ask(medium).json["id"]
        check(self.decide(slow, second).status == 200, "it can be asked for again")
        self.console.sql("UPDATE escrow_openings SET expires = 1 WHERE id = ?", slow)
        check(self.take(slow, first).code == "SK-5624", "an hour after the approval nobody takes it")
        self.console.sql("UPDATE duties SET last_done = 0, held_until = 0 WHERE name = 'recoveries-end'")
        until = time.monotonic() + 90
        states = []
        while states != ["expired", "expired"] and time.monotonic() < until:
            time.sleep(0.3)
            states = [row[0] for row in self.console.sql("SELECT state FROM escrow_openings WHERE id IN (?, ?)", late, slow)]
        check(states == ["expired", "expired"], f"and both end by themselves: {states}")
        refused = self.ask(medium).json["id"]
        check(self.decide(refused, second, False).json["state"] == "refused", "the second person may refuse")
        check(self.take(refused, first).code == "SK-5624", "and then nothing is given out")
        self.check_revoked(medium)

    def check_revoked(self, medium):
        first, second, _ = self.officers
        recovery = self.ask(medium).json["id"]
        assert self.decide(recovery, second).status == 200
        row = self.console.call("GET", f"/api/v1/media/{medium}", None, first).json
        lost = self.post(first, f"/api/v1/media/{medium}/lose", {"version": row["version"], "reason": "紛失"})
        check(lost.status < 300, f"it is lost meanwhile {lost.json}")
        answer = self.take(recovery, first)
        check(answer.code == "SK-5608", f"and nothing is given out: {answer.status} {answer.code}")
        check(self.ask(medium).code == "SK-5608", "nor asked for")
        self.console.sql("UPDATE media SET state = 'in-stock' WHERE id = ?", medium)
        self.console.sql("UPDATE escrows SET state = 'destroyed', wrapped = NULL WHERE medium_id = ?", medium)
        check(self.take(recovery, first).code == "SK-5614", "what was destroyed nobody can give out")

    def check_who(self):
        medium = self.prepared()
        check(self.ask(medium, self.stranger, self.fixture.other).code == "SK-5003", "a medium of another facility is none")
        check(self.ask(medium, facility=self.fixture.other).code == "SK-5003", "nor under another facility's name")
        check(self.ask(self.fixture.make_medium(self.facility)).code == "SK-5623", "for one that was not prepared nothing is kept")


def main():
    program, contract, engine, admin = sys.argv[1:5]
    with Console(program, contract, engine=engine) as console:
        test = Test(console, admin)
        test.make_key()
        test.check_two()
        test.check_replaced()
        test.check_time()
        test.check_who()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
