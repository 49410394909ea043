#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_doctor.py PROGRAM CONTRACT [ENGINE [token]]: doctor finds what was broken on purpose, each thing under its own name, and says
what to do; the certificate of the server is taken anew, and renewed, without a restart. token: the key of the epoch is in a
token of SoftHSM (package softhsm2)."""
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

from console_server import Console

failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


def examine(console, *arguments):
    """Return: exit status, findings by name."""
    done = console.run("doctor", "--json", *arguments)
    return done.returncode, {finding["check"]: finding for finding in json.loads(done.stdout)}


def bad(findings):
    """Whether the clock of the machine that runs the tests is synchronised is not ours to say."""
    return {name: finding for name, finding in findings.items()
            if finding["state"] != "good" and name != "machine.clock" and not name.startswith("disk.")}


def check_break(console, what, name, state="wrong"):
    """After something was broken: it is found, with advice, and nothing else is."""
    status, findings = examine(console)
    found = bad(findings)
    check(list(found) == [name] and found[name]["state"] == state and found[name]["advice"],
          f"{what}: {[(n, f['state'], f['detail']) for n, f in found.items()]}")
    if state == "wrong":
        check(status == 1, f"{what}: the exit status is 1")


def check_files(console):
    home = console.directory
    cases = [("a secret that others may read", "keys.secret", home / "db/secret"),
             ("a key that others may read", "keys.server", home / "tls/server.key")]
    for what, name, path in cases:
        path.chmod(0o644)
        check_break(console, what, name)
        path.chmod(0o600)
    (home / "epoch").rename(home / "epoch-away")
    (home / "epoch").mkdir(mode=0o700)
    check_break(console, "a token that is gone" if console.token else "an epoch key that is gone", "keys.vault")
    shutil.rmtree(home / "epoch")
    (home / "epoch-away").rename(home / "epoch")
    if console.token:
        pin = (home / "epoch/pin").read_text()
        (home / "epoch/pin").write_text("1111\n")
        check_break(console, "another PIN of the token", "keys.vault")
        (home / "epoch/pin").write_text(pin)
    key = (home / "tls/server.key").read_bytes()
    (home / "tls/server.key").write_bytes((home / "agent.key").read_bytes())
    check_break(console, "a key of another certificate", "certificate.server")
    (home / "tls/server.key").write_bytes(key)


def check_rows(console):
    vault = console.sql("SELECT vault FROM epochs")[0][0]
    console.sql("UPDATE epochs SET vault = 'another'")
    check_break(console, "a vault of another database", "keys.vault")
    console.sql("UPDATE epochs SET vault = ?", vault)
    instance = console.sql("SELECT id FROM instances")[0][0]
    console.sql("UPDATE epoch_confirmations SET confirmed = NULL")
    check_break(console, "an epoch that nobody confirmed", "keys.confirmed")
    console.sql("UPDATE epoch_confirmations SET confirmed = 1")
    line = console.sql("SELECT line FROM console_records WHERE seq = 1 AND instance_id = ?", instance)[0][0]
    console.sql("UPDATE console_records SET line = replace(line, 'console', 'Console') WHERE seq = 1")
    check_break(console, "a record that was changed", "records.chain")
    console.sql("UPDATE console_records SET line = ? WHERE seq = 1", line)
    rows = console.sql("SELECT * FROM console_records ORDER BY seq DESC LIMIT 1")
    console.sql("DELETE FROM console_records WHERE seq = ?", rows[0][1])
    check_break(console, "the last record cut off", "records.chain")
    console.sql(f"INSERT INTO console_records VALUES ({', '.join('?' * len(rows[0]))})", *rows[0])
    console.sql("UPDATE people SET state = 'disabled'")
    check_break(console, "nobody who manages accounts", "people.managers")
    console.sql("UPDATE people SET state = 'active'")
    console.sql("INSERT INTO definition_files (id, name, kind, number, built, size, digest, source, came, checked) VALUES "
                "('d', 'daily.cvd', 'cvd', 1, ?, 1, ?, 'mirror', 1, 1)", int((time.time() - 5 * 86400) * 1000), b"\0")
    check_break(console, "definitions of five days ago", "definitions.age", "warning")
    console.sql("DELETE FROM definition_files")


def check_words(console):
    done = console.run("doctor")
    check(done.returncode in (0, 1) and len(done.stdout.splitlines()) >= 15, "each thing has a line for people")
    status, findings = examine(console, "--database", "sqlite:/nonexistent/console.sqlite")
    check(status == 1 and findings["database.answers"]["state"] == "wrong", "a database that is not there is found")
    status, findings = examine(console)
    check(bad(findings) == {}, f"nothing is wrong while it serves: {bad(findings)}")
    console.stop()
    status, findings = examine(console)
    check(set(bad(findings)) == {"listen.people", "listen.agents"}, "a console that does not serve is a warning")
    check(status == (1 if findings["machine.clock"]["state"] == "wrong" else 0), "which is no error")
    console.start()


# ---- the certificate ----


def serial(console):
    """What a new connection sees."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("localhost", console.people_port), 10) as raw:
        with context.wrap_socket(raw) as tls:
            der = tls.getpeercert(True)
    shown = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-serial", "-enddate", "-ext", "subjectAltName"],
                           input=der, capture_output=True, check=True).stdout.decode()
    return shown


def serial_of(console, name):
    return subprocess.run(["openssl", "x509", "-in", console.directory / name, "-noout", "-serial"], capture_output=True,
                          check=True).stdout.decode().strip()


def wait_for(console, text, seconds):
    until = time.monotonic() + seconds
    while text not in serial(console) and time.monotonic() < until:
        time.sleep(0.2)
    return text in serial(console)


def install(console, name):
    for suffix in ("key", "crt"):
        shutil.copy(console.directory / f"{name}.{suffix}", console.directory / f"tls/new.{suffix}")
        (console.directory / f"tls/new.{suffix}").rename(console.directory / f"tls/server.{suffix}")


def check_certificate(console):
    first = serial(console)
    held = console.connect()
    held.connect()
    console.make_certificate("other", "localhost", "stranger")
    install(console, "other")
    check(wait_for(console, serial_of(console, "other.crt"), 15), "a certificate that was replaced is in force by itself")
    console.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    check(serial_of(console, "other.crt") in serial(console), "one of another authority is never renewed")
    held.request("GET", "/api/v1/system/health")
    check(held.getresponse().status == 200, "the connections of before go on")
    (console.directory / "tls/server.key").write_text((console.directory / "agent.key").read_text())
    console.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    check(serial_of(console, "other.crt") in serial(console), "a key that does not fit leaves the one before in force")
    check("do not belong together" in console.log.read_text(), "and the journal says so")
    console.make_certificate("ending", "localhost")
    install(console, "ending")
    console.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    now = serial(console)
    check(serial_of(console, "ending.crt") not in now and now != first, "our own that ends in two days is renewed")
    check("DNS:localhost" in now and "IP Address:127.0.0.1" in now, "for the same names")
    check(console.call("GET", "/api/v1/system/health").status == 200, "and is believed by who has the authority")


def check_start(console):
    """A kill between the key and the certificate leaves two that do not fit."""
    console.stop()
    (console.directory / "tls/server.key").write_text((console.directory / "agent.key").read_text())
    console.start()
    check(console.call("GET", "/api/v1/system/health").status == 200, "what a renewal left half done is done at the start")


class WithToken(Console):
    """Whose epoch key is in a token of SoftHSM, below the directory of epochs."""

    token = False

    def __enter__(self):
        if self.token:
            self.make_token()
        return super().__enter__()

    def make_token(self):
        module, place = "/usr/lib/softhsm/libsofthsm2.so", self.directory / "epoch"
        place.mkdir(mode=0o700)
        (place / "tokens").mkdir(mode=0o700)
        (place / "softhsm2.conf").write_text(f"directories.tokendir = {place}/tokens\n")
        os.environ["SOFTHSM2_CONF"] = str(place / "softhsm2.conf")
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "clinic", "--so-pin", "1234", "--pin", "4321"],
                       check=True, capture_output=True)
        (place / "pin").write_text("4321\n")
        (place / "pin").chmod(0o600)
        (self.directory / "no-token").write_text(f"pkcs11:{module}?dir={place}&token=clinic&pin={place}/pin\n")
        (self.directory / "no-token").chmod(0o600)


def main():
    WithToken.token = sys.argv[4:] == ["token"]
    with WithToken(sys.argv[1], sys.argv[2], engine=(sys.argv[3:] + ["sqlite"])[0]) as console:
        check_words(console)
        check_files(console)
        check_rows(console)
        check_certificate(console)
        check_start(console)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
