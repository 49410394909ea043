#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_init.py PROGRAM CONTRACT [ROUNDS]: init is killed at moments of chance, mostly several times in a row, and each
time another init ends in a console that serves and signs in; what it cannot mend it names, with what to do."""
import random
import shutil
import subprocess
import sys
import time

from console_server import Console

failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


class Home(Console):
    """A console that is not made yet."""

    def prepare(self):
        lines = [f"[{section}]\n" + "".join(f"{k}={v}\n" for k, v in values.items())
                 for section, values in self.settings.items()]
        (self.directory / "console.conf").write_text("".join(lines))

    def empty(self):
        for name in ("db", "tls", "keys", "epoch"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        (self.directory / "ca.crt").unlink(missing_ok=True)

    def init(self):
        return self.run("init", "--facility", "甲診療所")

    def kill_init(self, after):
        """Return: was it killed before its end?"""
        process = subprocess.Popen([self.program, "init", "--config", self.directory], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait() == -9

    def works(self, made):
        """It serves, and the printed password signs in."""
        self.start()
        answer = self.sign_in("officer", made.stdout.split("password: ")[1].split()[0])[0]
        return answer.status == 200 and answer.json["state"] == "password-change" and self.stop() == 0


def check_kills(home, rounds):
    home.empty()
    begun = time.monotonic()
    check(home.init().returncode == 0, "init makes a console")
    whole, killed = time.monotonic() - begun, 0
    for round_ in range(rounds):
        home.empty()
        moments = [random.random() * whole for _ in range(random.randint(1, 4))]
        killed += sum(home.kill_init(moment) for moment in moments)
        made = home.init()
        well = made.returncode == 0 and home.works(made)
        if not well:
            check(False, f"round {round_}, killed after {moments}: {made.stderr} {made.stdout}")
            break
    check(killed >= rounds // 2, f"{rounds} consoles of which init was killed {killed} times, all work")


def check_again(home):
    home.empty()
    first, second = home.init(), home.init()
    words = [line for line in first.stdout.splitlines() if "fingerprint" in line]
    check(second.returncode == 0 and words[0] in second.stdout, "a second init keeps the authority")
    old = first.stdout.split("password: ")[1].split()[0]
    home.start()
    check(home.sign_in("officer", old)[0].code == "SK-5102", "the password of the first one is none any more")
    refused = home.init()
    check(refused.returncode == 3 and "stop that one first" in refused.stderr, "beside a console that serves it says so")
    new = second.stdout.split("password: ")[1].split()[0]
    session = home.sign_in("officer", new)[1]
    home.call("PUT", "/api/v1/session/password", {"current": new, "new": "Kaki-no-ki 7 hon desu"}, session)
    home.stop()
    refused = home.init()
    check(refused.returncode == 1 and "nothing was changed" in refused.stderr, "who has signed in is left alone")
    check(home.sql("SELECT COUNT(*) FROM facilities")[0][0] == 1, "there is one facility")


def check_advice(home):
    """What only a person can mend."""
    home.empty()
    home.init()
    shutil.copytree(home.directory / "epoch", home.directory / "epoch-copy")
    shutil.rmtree(home.directory / "epoch")
    refused = home.init()
    check(refused.returncode == 3 and "EpochDirectory" in refused.stderr, f"an epoch key that is gone is named")
    shutil.rmtree(home.directory / "epoch")
    (home.directory / "epoch-copy").rename(home.directory / "epoch")
    (home.directory / "keys/vault").chmod(0o755)
    refused = home.init()
    check(refused.returncode == 3 and "chmod 700" in refused.stderr, "a directory that others may enter is named")
    (home.directory / "keys/vault").chmod(0o700)
    key = (home.directory / "epoch/epoch-1.key").read_bytes()
    (home.directory / "keys/vault").rename(home.directory / "vault-copy")
    refused = home.init()
    check(refused.returncode == 3 and "bring it back" in refused.stderr, "a vault that is gone is named")
    shutil.rmtree(home.directory / "db")
    home.init()
    check((home.directory / "epoch/epoch-1.key").read_bytes() == key, "and its key is never destroyed")
    shutil.rmtree(home.directory / "db")
    shutil.rmtree(home.directory / "keys/vault")
    (home.directory / "epoch/epoch-1.key").rename(home.directory / "epoch/epoch-7.key")
    refused = home.init()
    check(refused.returncode == 3 and "another database" in refused.stderr, "the keys of another console are named")
    check((home.directory / "epoch/epoch-7.key").read_bytes() == key, "and left alone")


def main():
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 8
    home = Home(sys.argv[1], sys.argv[2])
    try:
        home.prepare()
        check_kills(home, rounds)
        check_again(home)
        check_advice(home)
    finally:
        home.stop()
        if failures and home.log.exists():
            print(home.log.read_text()[-2000:])
        shutil.rmtree(home.directory)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
