#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_admin.py PROGRAM CONTRACT ADMIN: every operation of people is a command of sekisho-admin; signing in by the
fingerprint that init printed, the first password, tables, JSON, refusals and exit statuses."""
import json
import os
import socket
import ssl
import stat
import subprocess
import sys
import threading

from console_contract import Contract
from console_server import Console

failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


class Admin:
    def __init__(self, program, console):
        self.program, self.home = program, console.directory / "home"
        self.home.mkdir()

    def __call__(self, *arguments, text="", language="C.UTF-8"):
        return subprocess.run([self.program, *arguments], input=text, capture_output=True, text=True, timeout=60,
                              env={"HOME": str(self.home), "LC_ALL": language, "PATH": "/usr/bin:/bin"})


def check_login(console, admin, fingerprint):
    server = f"https://localhost:{console.people_port}"
    password = "Kaki-no-ki 7 hon desu"
    done = admin("person", "list")
    check(done.returncode == 4 and "login" in done.stderr, "without a session a command says how to get one")
    done = admin("login", "--server", server, "--fingerprint", "0" * 64, "--login", "officer")
    check(done.returncode == 3 and not (admin.home / ".local/state/sekisho/admin.json").exists(),
          "a server with another fingerprint is not told the password")
    done = admin("login", "--server", server, "--login", "officer")
    check(done.returncode == 2, "a server is not believed for nothing")
    done = admin("login", "--server", server, "--fingerprint", fingerprint, "--login", "officer", text="wrong\n")
    check(done.returncode == 4 and "SK-5102" in done.stderr, "a wrong password is refused")
    done = admin("login", "--server", server, "--fingerprint", fingerprint, "--login", "officer",
                 text=f"{console.first_password}\n{password}\n{password}\n")
    check(done.returncode == 0, f"the first sign-in sets a password {done.stderr}")
    mode = stat.S_IMODE(os.stat(admin.home / ".local/state/sekisho/admin.json").st_mode)
    check(mode == 0o600, f"the session is kept in a file of mode {mode:o}")


def check_commands(console, admin):
    done = admin("facility", "list", "--json")
    facility = json.loads(done.stdout)["items"][0]["id"]
    done = admin("facility", "list")
    check(done.returncode == 0 and "甲診療所" in done.stdout, "a list is a table")
    done = admin("person", "create", "--login", "hanako", "--name", "山田花子", "--facility", facility, "--role", "staff",
                 "--identity-check", "職員証", "--json")
    check(done.returncode == 0, f"a person is made {done.stderr}")
    person = json.loads(done.stdout)["person"]
    done = admin("person", "change", person["id"], "--version", "1", "--email", "hanako@example.org", "--name=山田 花子")
    check(done.returncode == 0 and "hanako@example.org" in done.stdout, "an id may stand alone, options have values")
    done = admin("person", "change", person["id"], "--version", "2", "--no-email")
    check(done.returncode == 0 and "hanako@example.org" not in done.stdout, "--no-email takes it away")
    body = console.directory / "body.json"
    body.write_text(json.dumps({"version": 3, "name": "別名"}))
    done = admin("person", "change", person["id"], "--body", str(body))
    check(done.returncode == 0 and "別名" in done.stdout, "a body comes from a file")
    done = admin("person", "change", person["id"], "--version", "1", "--name", "x", language="C.UTF-8")
    check(done.returncode == 1 and "SK-5012" in done.stderr, "a refusal has its code and the status 1")
    done = admin("person", "create", "--login", "a b", "--facility", facility)
    check(done.returncode == 1 and "/login" in done.stderr and "identityCheck is missing" in done.stderr,
          "what is wrong is told for each member")
    for arguments in (["person", "fly"], ["person", "show"], ["person", "show", "a", "b"], ["person", "list", "--limit"],
                      ["person", "list", "--limit", "x"], ["person", "list", "--what", "x"]):
        check(admin(*arguments).returncode == 2, f"{' '.join(arguments)} is a wrong call")
    done = admin("system", "contract", "--output", str(console.directory / "contract"))
    check(done.returncode == 0 and "openapi" in (console.directory / "contract").read_text()[:20], "bytes go into a file")


def check_all(console, admin):
    """Each operation is there, with each member as an option."""
    for operation in Contract(console.contract).operations:
        if operation.audience == "agent":
            continue
        resource, verb = operation.id.split(".")
        done = admin(resource, verb, "--help")
        names = operation.path_names + [p["name"] for p in operation.query]
        if operation.body:
            names += list(Contract(console.contract).resolve(operation.body["schema"]).get("properties", {}))
        options = ["--" + "".join("-" + c.lower() if c.isupper() else c for c in name) for name in names]
        missing = [option for option in options if option not in done.stdout]
        words = admin("complete", resource, verb).stdout.split()
        check(done.returncode == 0 and not missing and set(options) <= set(words), f"{operation.id} {missing}")


class Dropping:
    """In front of the console, with a certificate of its authority: passes each request on, and ends the connection instead
    of giving the answers number `drops` back."""

    def __init__(self, console, drops):
        self.console, self.drops, self.keys = console, drops, []
        console.make_certificate("front", "localhost")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(console.directory / "front.crt", console.directory / "front.key")
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            with self.context.wrap_socket(plain, server_side=True) as connection:
                self.pass_on(connection, connection.makefile("rb"))

    def pass_on(self, connection, reader):
        method, path, _ = reader.readline().decode().split()
        headers = {}
        for line in iter(reader.readline, b"\r\n"):
            name, value = line.decode().strip().split(": ", 1) if b": " in line else (line.decode().strip(" :\r\n"), "")
            headers[name] = value
        body = reader.read(int(headers.get("Content-Length", 0)))
        self.keys.append(headers.get("Idempotency-Key"))
        headers.pop("Host", None)
        upstream = self.console.connect()
        upstream.request(method, path, body or None, headers)
        answer = upstream.getresponse()
        content = answer.read()
        if len(self.keys) in self.drops:
            return
        lines = [f"HTTP/1.1 {answer.status} x", f"Content-Type: {answer.headers.get('Content-Type', '')}",
                 f"Content-Length: {len(content)}", "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode() + content)


def through(console, admin, drops, *arguments):
    """A command over a front that drops answers. Return: what it did, and the keys that came."""
    front = Dropping(console, drops)
    state = admin.home / ".local/state/sekisho/admin.json"
    kept = json.loads(state.read_text())
    state.write_text(json.dumps({**kept, "server": f"https://localhost:{front.port}"}))
    try:
        return admin(*arguments), front.keys
    finally:
        front.socket.close()
        state.write_text(json.dumps(kept))


def check_lost_answers(console, admin):
    def count(name):
        return console.sql("SELECT COUNT(*) FROM facilities WHERE name = ?", name)[0][0]

    done, keys = through(console, admin, {1}, "facility", "create", "--name", "乙診療所")
    check(done.returncode == 0 and "乙診療所" in done.stdout, f"an answer that is lost comes again {done.stderr}")
    check(len(keys) == 2 and keys[0] == keys[1] and len(keys[0]) == 32, f"by its key {keys}")
    check(count("乙診療所") == 1, "and it is done once")
    done, keys = through(console, admin, {1, 2}, "facility", "create", "--name", "丙診療所")
    check(done.returncode == 3 and len(keys) == 2, "after a second loss it says so")
    check(count("丙診療所") == 1, "and it is done once, too")
    done, again = through(console, admin, set(), "facility", "create", "--name", "丁診療所")
    check(done.returncode == 0 and again[0] not in keys, "another command has another key")
    done, keys = through(console, admin, {1}, "facility", "list")
    check(done.returncode == 0 and keys == [None, None], "what only reads is asked again, without a key")
    facility = json.loads(admin("facility", "list", "--json").stdout)["items"][0]
    done, keys = through(console, admin, {1}, "facility", "change", facility["id"], "--version", str(facility["version"]), "--name", "戊")
    check(done.returncode == 3 and keys == [None], "a change that has no key is not sent twice")


def main():
    with Console(sys.argv[1], sys.argv[2]) as console:
        admin = Admin(sys.argv[3], console)
        check_login(console, admin, console.fingerprint)
        check_commands(console, admin)
        check_lost_answers(console, admin)
        check_all(console, admin)
        check(admin("logout").returncode == 0 and admin("session", "show").returncode == 4, "logout ends it")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
