#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_commands.py PROGRAM CONTRACT: the commands of who runs a console: init, migrate, doctor, backup, restore."""
import sys

from console_server import Console

failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


def wrong_lines(done):
    return [line for line in done.stdout.splitlines() if line.startswith("WRONG")]


def check_doctor(console):
    done = console.run("doctor")
    # Whether the clock of the machine that runs the tests is synchronised is not ours to say.
    check([w for w in wrong_lines(done) if "clock" not in w] == [], f"doctor finds nothing wrong: {wrong_lines(done)}")
    secret = console.directory / "db/secret"
    secret.chmod(0o644)
    done = console.run("doctor")
    check(done.returncode == 1 and any("second factors" in w for w in wrong_lines(done)), "but a secret that others may read")
    secret.chmod(0o600)
    certificate = console.directory / "tls/server.crt"
    text = certificate.read_text()
    certificate.write_text("nothing")
    check(any("server's certificate" in w for w in wrong_lines(console.run("doctor"))), "and a certificate that is none")
    certificate.write_text(text)
    done = console.run("doctor", "--database", "sqlite:/nonexistent/console.sqlite")
    check(done.returncode == 1 and any("database" in w for w in wrong_lines(done)), "and a database that is not there")


def check_backup(console):
    person = console.person(("auditor", None))
    backup, other = console.directory / "backup", console.directory / "db/other.sqlite"
    before = console.session(person)
    challenge = console.call("POST", "/api/v1/session/passkey").status
    check(console.call("GET", "/api/v1/people", session=before).status == 200 and challenge == 200, "somebody is signed in")
    done = console.run("backup", "--file", str(backup))
    check(done.returncode == 0 and backup.stat().st_mode & 0o777 == 0o600, f"a backup is made while it serves {done.stderr}")
    check(console.run("backup", "--file", str(backup)).returncode == 3, "and never overwritten")
    check(console.run("backup").returncode == 2, "a backup needs a name")
    done = console.run("restore", "--file", str(backup))
    check(done.returncode == 1, "a database with people is not restored into")
    done = console.run("restore", "--file", str(backup), "--database", f"sqlite:{other}")
    check(done.returncode == 0, f"an empty one is {done.stderr}")
    console.settings["Database"]["File"] = other
    (console.directory / "cut").write_bytes(backup.read_bytes()[:-30])
    done = console.run("restore", "--file", str(console.directory / "cut"), "--database",
                       f"sqlite:{console.directory}/db/third.sqlite")
    check(done.returncode == 3, "a backup that was cut off is refused")
    console.stop()
    (console.directory / "db/console.sqlite").unlink()
    other.rename(console.directory / "db/console.sqlite")
    for rest in console.directory.glob("db/*-wal"):
        rest.unlink()
    console.start()
    answer = console.call("GET", "/api/v1/people", session=console.session(person))
    check(answer.status == 200 and person in answer.body.decode(), "and the console goes on with it")
    check(console.call("GET", "/api/v1/people", session=before).code == "SK-5101", "but who was signed in then no more")
    check(console.sql("SELECT COUNT(*) FROM ceremonies") == [(0,)], "and what was begun then is over")
    answer = console.sign_in("officer", console.first_password)[0]
    check(answer.status == 200, f"everybody signs in again {answer.code}")


def main():
    with Console(sys.argv[1], sys.argv[2]) as console:
        console.person()
        done = console.run("init")
        check(done.returncode == 1 and "nothing was changed" in done.stderr, "init leaves people alone")
        done = console.run("migrate")
        check(done.returncode == 0, "migrate has nothing to do")
        check(console.run("frob").returncode == 2 and console.run("doctor", "--frob").returncode == 2, "wrong calls are told")
        check_doctor(console)
        check_backup(console)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
