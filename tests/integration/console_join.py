#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_join.py PROGRAM CONTRACT: a second console on the PostgreSQL of the first one. It is let in by its fingerprint,
has the same authority, secret and signing keys, and each says that it has destroyed what a loss destroys. Needs PG_RUN."""
import base64
import secrets
import shutil
import subprocess
import sys
import time

from console_database import ENGINES
from console_fixture import Fixture
from console_server import Console

PATIENCE = 60  # seconds; the machine may be busy


def until(what, is_so):
    for _ in range(PATIENCE * 10):
        if is_so():
            return
        time.sleep(0.1)
    raise AssertionError(f"not after {PATIENCE} s: {what}")


class Second(Console):
    """Its own machine, as far as it knows: directories, ports and certificate; the database is the first one's."""

    def __init__(self, first):
        ENGINES["first's"] = lambda _directory: first.database
        super().__init__(first.program, first.contract_path, first.given, "first's")
        self.first, self.joining = first, None
        lines = [f"[{section}]\n" + "".join(f"{k}={v}\n" for k, v in values.items())
                 for section, values in self.settings.items()]
        (self.directory / "console.conf").write_text("".join(lines))
        (self.directory / "database").write_text(first.database.address + "\n")
        (self.directory / "db").mkdir(mode=0o700)

    def ask(self):
        """Return: the instance, and the fingerprint that it shows."""
        self.joining = subprocess.Popen([self.program, "join", "--config", self.directory], stdout=subprocess.PIPE,
                                        text=True, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
        lines = [self.joining.stdout.readline().strip() for _ in range(2)]
        return lines[0].split(": ")[1], lines[1].split(": ")[1]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.joining and self.joining.poll() is None:
            self.joining.kill()
            self.joining.wait()
        self.stop()
        if exception[0] and self.log.exists():
            print(self.log.read_text())
        shutil.rmtree(self.directory)


class First(Console):
    def __init__(self, program, contract, settings):
        self.given = settings
        super().__init__(program, contract, settings, "pgsql")


class Rows(Fixture):
    """The makers of rows, without the rows that all tests of the contract have."""

    def __init__(self, console):  # pylint: disable=super-init-not-called
        self.console, self.officers = console, {}


def admit(console, session, instance, fingerprint):
    return console.call("POST", f"/api/v1/instances/{instance}/admission", {"fingerprint": fingerprint}, session)


def joins(first, second):
    officer = first.session(first.person(("security-officer", None)))
    clerk = first.session(first.person(("administrator", None)))
    # Cut short before anybody let it in, it asks again, with another key.
    instance, old = second.ask()
    second.joining.kill()
    second.joining.wait()
    again, fingerprint = second.ask()
    assert again == instance and fingerprint != old
    assert admit(first, officer, instance, old).code == "SK-5631"
    assert admit(first, clerk, instance, fingerprint).code == "SK-5105"
    assert admit(first, officer, "0" * 26, fingerprint).status == 404
    assert second.joining.poll() is None
    waiting = {i["id"]: i["joined"] for i in first.call("GET", "/api/v1/instances", None, officer).json["items"]}
    assert len(waiting) == 2 and waiting[instance] is None
    answer = admit(first, officer, instance, fingerprint)
    assert answer.status == 200 and answer.json["joined"], answer.json
    said, _ = second.joining.communicate(timeout=PATIENCE)
    assert second.joining.returncode == 0 and first.fingerprint in said, said
    refused = second.run("join")
    assert refused.returncode == 1, refused
    return instance, officer


def has_the_same(first, second, officer, fixture):
    for name in ("db/secret", "keys/ca/ca.key", "keys/ca/ca.pem", "keys/signing/epoch-1.seed"):
        mine, other = second.directory / name, first.directory / name
        assert mine.read_bytes() == other.read_bytes(), name
        assert mine.stat().st_mode & 0o777 == 0o600, name
    second.start()
    # Who is signed in at one is signed in at the other, and may change things there.
    assert second.call("GET", "/api/v1/instances", None, officer).status == 200
    name = secrets.token_hex(4)
    made = second.call("POST", "/api/v1/facilities", {"name": name}, second.session(second.person(("administrator", None))))
    assert made.status == 201, made.json
    # A terminal of one is one of the other, and believes what either signs.
    for suffix in ("crt", "key"):
        shutil.copy(first.directory / f"agent.{suffix}", second.directory)
    bundles = [console.call("GET", "/api/v1/agent/trust").json for console in (first, second)]
    assert bundles[0] == bundles[1] and len(bundles[0]["keys"]) == 1, bundles
    fixture.terminal(first.facility(), first.terminal)
    waits = second.call("GET", "/api/v1/agent/wait?revision=0", None, certificate="agent")
    assert waits.status == 200, waits.json
    # Signed out at one is signed out at the other.
    person = first.session(first.person(("auditor", None)))
    assert second.call("GET", "/api/v1/instances", None, person).status == 200
    assert second.call("DELETE", "/api/v1/session", None, person).status == 204
    assert first.call("GET", "/api/v1/instances", None, person).status == 401


def sign_ins_are_counted_together(first, second):
    """Five a minute, wherever. The minute may end meanwhile, and begin another five."""
    done = [console.sign_in("nobody", "wrong")[0].status for _ in range(8) for console in (first, second)]
    # Each alone would let five through at least, and each minute gives five more.
    assert done.count(429) >= 16 - 10 and done.count(401) >= 5, done


def confirmed(first, epoch):
    rows = first.sql("SELECT instance_id, confirmed FROM epoch_confirmations WHERE epoch = ?", epoch)
    return len(rows) == 2 and all(row[1] for row in rows)


def one_loss_destroys_at_both(first, second, officer, fixture):
    facility = first.facility()
    administrator = first.session(first.person(("security-officer", None), ("administrator", None)))
    first.call("POST", "/api/v1/recovery-keys", {"publicKey": "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="}, officer)
    for reporting, other in ((first, second), (second, first)):
        terminal = fixture.make_terminal(facility)
        first.sql("UPDATE terminals SET seal_key = ? WHERE id = ?", base64.b64decode("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="),
                  terminal)
        medium = fixture.make_medium(facility)
        granted = other.call("POST", f"/api/v1/media/{medium}/preparation", {"terminal": terminal}, administrator)
        assert granted.status == 201, granted.json
        answer = reporting.call("POST", "/api/v1/incidents", {
            "facility": facility, "kind": "loss", "title": "x", "known": "2026-11-22T03:00:00Z", "media": [medium]},
            administrator)
        assert answer.status == 201, answer.json
        epoch = first.sql("SELECT max(number) FROM epochs WHERE kind = 'revoke'")[0][0]
        until("both confirm", lambda epoch=epoch: confirmed(first, epoch))
        assert first.sql("SELECT destroyed FROM epochs WHERE number = ?", epoch)[0][0]
        for console in (first, second):
            keys = [path.name for path in (console.directory / "epoch").iterdir() if str(epoch) in path.name]
            left = list((console.directory / "epoch").glob("epoch-*"))
            assert len(keys) == 1 and len(left) == 1, left
    assert epoch >= 3


def who_is_struck_off_serves_nothing(first, second, instance, officer):
    own = [i["id"] for i in first.call("GET", "/api/v1/instances", None, officer).json["items"] if i["id"] != instance][0]
    assert first.call("POST", f"/api/v1/instances/{own}/end", None, officer).code == "SK-5632"
    ended = first.call("POST", f"/api/v1/instances/{instance}/end", None, officer)
    assert ended.status == 200 and ended.json["state"] == "retired", ended.json
    until("it ends", lambda: second.process.poll() is not None)
    assert second.run("serve", "--contract", second.contract_path).returncode == 3
    assert first.call("GET", "/api/v1/system/health").status == 200


def main():
    program, contract = sys.argv[1:]
    with First(program, contract, {"Limits": {"SignInsPerMinute": 5}}) as first, Second(first) as second:
        instance, officer = joins(first, second)
        fixture = Rows(first)
        has_the_same(first, second, officer, fixture)
        one_loss_destroys_at_both(first, second, officer, fixture)
        sign_ins_are_counted_together(first, second)
        who_is_struck_off_serves_nothing(first, second, instance, officer)
    print("ok")


main()
