#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_key_copies.py PROGRAM CONTRACT ENGINE ADMIN: copies of the keys that people keep: who has which, which are
outdated after a loss, the renewal of all keys, and the worst day, on which a copy makes the keys anew. Serves OUT-2, NET-3."""
import json
import shutil
import subprocess
import sys
import time

from console_recovery import PASSPHRASE, SLOT_KEY, Test, check, failures
from console_server import Console


class Copies(Test):
    def __init__(self, console, admin):
        super().__init__(console, admin)
        self.chief = console.session(console.person(("security-officer", None)))

    def get(self, path):
        answer = self.console.call("GET", path, None, self.chief)
        assert answer.status == 200, answer.json
        return answer.json

    def listed(self):
        return {row["id"]: row for row in self.get("/api/v1/key-copies")["items"]}

    def make_copy(self, name, place):
        file = self.console.directory / name
        done = self.command(self.chief, "key-copy", "make", "--kind", "sealed-file", "--holder", "院長", "--place", place,
                            "--json", "--output", file)
        assert done.returncode == 0, done.stderr
        return json.loads(file.read_text())

    def alerts(self):
        return {(row[0], row[1]): json.loads(row[2]) for row in self.console.sql(
            "SELECT kind, subject_id, details FROM alerts WHERE kind LIKE 'key-copy-%' AND state <> 'closed'")}

    def await_alerts(self, wanted, text):
        until = time.monotonic() + 60
        while {kind for kind, _ in self.alerts()} != wanted and time.monotonic() < until:
            self.console.sql("UPDATE duties SET last_done = 0, held_until = 0 WHERE name = 'alerts-raise'")
            time.sleep(0.3)
        check({kind for kind, _ in self.alerts()} == wanted, f"{text}: {self.alerts()}")

    def doctor(self):
        found = json.loads(self.console.run("doctor", "--json").stdout)
        return {f["check"]: f["state"] for f in found if f["check"].startswith("keys.cop")}

    def lose(self, medium):
        """Reported as an incident: its keys are destroyed."""
        answer = self.post(self.officers[0], "/api/v1/incidents", {
            "facility": self.facility, "kind": "loss", "title": "紛失", "known": "2026-11-22T03:00:00Z", "media": [medium]})
        assert answer.status == 201, answer.json

    # ---- what is checked ----

    def check_copies(self):
        lacking = self.post(self.chief, "/api/v1/key-copies", {"kind": "paper", "holder": "x", "place": "y"})
        check(lacking.code == "SK-5607", "without a recovery key there is no copy")
        self.make_key()
        local = self.post(self.officers[0], "/api/v1/key-copies", {"kind": "paper", "holder": "x", "place": "y"})
        check(local.code == "SK-5105", "the keys are of all clinics: who is of one makes no copy")
        self.kept, lost = self.prepared(), self.prepared()
        self.await_alerts({"key-copy-none"}, "media, and no copy")
        check(self.doctor() == {"keys.copies": "good", "keys.copy": "warning"}, f"doctor says so {self.doctor()}")
        first = self.make_copy("first.json", "貸金庫")
        shown = self.listed()[first["id"]]
        check((shown["holder"], shown["place"], shown["outdated"]) == ("院長", "貸金庫", False), f"it is noted who has it {shown}")
        self.await_alerts(set(), "with a copy nothing is open")
        self.lose(lost)
        self.await_alerts({"key-copy-old", "key-copy-none"}, "after a loss the copy is outdated")
        details = self.alerts()[("key-copy-old", first["id"])]
        check((details["holder"], details["place"]) == ("院長", "貸金庫"), f"the alert says which one {details}")
        check(self.doctor() == {"keys.copies": "warning", "keys.copy": "warning"}, f"doctor says so {self.doctor()}")
        check(self.listed()[first["id"]]["outdated"], "the list says so")
        second = self.make_copy("second.json", "院長宅")
        gone = self.post(self.chief, f"/api/v1/key-copies/{first['id']}/destruction", {"note": "裁断"})
        check(gone.status == 200 and gone.json["destroyed"] and not gone.json["outdated"], f"it is destroyed {gone.json}")
        again = self.post(self.chief, f"/api/v1/key-copies/{first['id']}/destruction", {})
        check(again.code == "SK-5003", "once")
        self.await_alerts(set(), "with a new copy, and the old one gone, nothing is open")
        check(self.doctor() == {"keys.copies": "good", "keys.copy": "good"}, f"doctor, too {self.doctor()}")
        kinds = [row[0] for row in self.console.sql("SELECT kind FROM console_records WHERE kind LIKE 'key-copy.%' ORDER BY seq")]
        check(kinds == ["key-copy.made"] * 2 + ["key-copy.destroyed"], f"each is a record {kinds}")
        check(second["epoch"] > first["epoch"], "the new one is of the epoch after the loss")

    def check_renewal(self):
        before = self.get("/api/v1/epoch")
        check(before["state"] == "settled" and len(before["holders"]) == 1, f"nothing is under way {before}")
        done = self.command(self.chief, "epoch", "renew", "--reason", "控えの紛失")
        check(done.returncode == 0, f"a renewal is begun {done.stderr}")
        until, state = time.monotonic() + 60, {"state": ""}
        while state["state"] != "settled" and time.monotonic() < until:
            time.sleep(0.2)
            state = self.get("/api/v1/epoch")
        check(state["state"] == "settled" and state["left"] == 0, f"and ends by itself {state}")
        check(state["epoch"] == before["epoch"] + 2 and state["holders"][0]["confirmed"] == state["epoch"], "everybody confirmed it")
        check(all(row["outdated"] for row in self.listed().values() if not row["destroyed"]), "all copies are outdated then")
        reason = self.console.sql("SELECT reason FROM epochs WHERE kind = 'renew'")
        check(reason == [("控えの紛失",)], f"its reason is kept {reason}")

    def burn(self):
        """The directories of keys are gone; the database is not."""
        self.console.stop()
        for name in ("keys", "epoch"):
            shutil.rmtree(self.console.directory / name)
        for name in ("db/secret", "tls/server.key", "tls/server.crt"):
            (self.console.directory / name).unlink()

    def recover(self, copy, key=None):
        """Return: exit status and what it said."""
        process = subprocess.Popen([self.console.program, "recover", "--config", self.console.directory], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
        lines = [process.stdout.readline() for _ in range(2)]
        if not lines[1]:
            process.stdin.close()
            return process.wait(30), lines[0]
        handed = self.console.directory / "handed.json"
        handed.unlink(missing_ok=True)
        passed = self.command(self.chief, "recovery", "pass", self.key_file, copy, key or lines[1].split(": ")[1].strip(), handed,
                              text=PASSPHRASE + "\n")
        assert passed.returncode == 0, passed.stderr
        said, _ = process.communicate(f"{handed}\n", timeout=60)
        return process.returncode, said

    def check_worst_day(self):
        instance = self.console.sql("SELECT instance_id FROM vault_holders")[0][0]
        self.make_copy("third.json", "貸金庫")
        refused = self.command(self.chief, "recovery", "pass", self.key_file, self.console.directory / "third.json", "AAAA", "/nonexistent",
                               text=PASSPHRASE + "\n")
        check(refused.returncode == 2, "what is no public key is none")
        after = self.prepared()  # made after the copy
        lost = self.prepared()
        status, said = self.run_beside()
        check(status == 1 and "let in" in said, f"where keys are none are made {said}")
        trust = self.console.call("GET", "/api/v1/agent/trust").json
        self.lose(lost)
        self.burn()
        status, said = self.recover(self.console.directory / "second.json")
        check(status == 1 and "renewal" in said, f"a copy from before the renewal opens nothing {said}")
        check(self.console.sql("SELECT COUNT(*) FROM instances")[0][0] == 1, "and nothing was begun with it")
        stranger = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
        status, said = self.recover(self.console.directory / "third.json", stranger)
        check(status == 1 and "another public key" in said, f"nor one that was passed to somebody else {said}")
        status, said = self.recover(self.console.directory / "third.json")
        check(status == 0 and self.console.fingerprint in said, f"the copy makes the keys anew {said}")
        check(instance in said, "and says which console is to be struck off")
        self.console.start()
        answer = self.post(self.chief, f"/api/v1/instances/{instance}/end")
        check(answer.status == 200, f"who was signed in is, and strikes it off {answer.json}")
        check(self.console.call("GET", "/api/v1/agent/wait?revision=0", None, certificate="agent").status == 200, "terminals are known")
        check(self.console.call("GET", "/api/v1/agent/trust").json == trust, "and believe what is signed")
        self.check_opens((self.kept, after), lost)

    def run_beside(self):
        done = self.console.run("recover")
        return done.returncode, done.stderr

    def check_opens(self, media, lost):
        for medium in media:
            recovery = self.ask(medium).json["id"]
            assert self.decide(recovery, self.officers[1]).status == 200
            taken = self.take(recovery, self.officers[0])
            box, output = self.console.directory / "box.json", self.console.directory / f"{medium}.key"
            box.write_text(json.dumps(taken.json))
            done = self.command(self.chief, "recovery", "open", self.key_file, box, output, text=PASSPHRASE + "\n")
            check(done.returncode == 0 and output.read_bytes() == SLOT_KEY, f"a medium opens as before {done.stderr}")
        living = self.console.sql("SELECT COUNT(*) FROM medium_keys WHERE medium_id = ? AND state = 'live'", lost)[0][0]
        check(living == 0 and self.get("/api/v1/epoch")["state"] == "settled", "what was revoked since the copy stays dead")


def main():
    program, contract, engine, admin = sys.argv[1:5]
    with Console(program, contract, engine=engine) as console:
        test = Copies(console, admin)
        test.check_copies()
        test.check_renewal()
        test.check_worst_day()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
