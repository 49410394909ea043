# SPDX-License-Identifier: GPL-2.0-or-later
"""A real console for the tests: its own directory, certificates, database and ports; a client that speaks TLS 1.3 with
it; people with roles and sessions, put into the database directly, because each password costs a tenth of a second."""
import hashlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

from console_database import ENGINES, Postgresql

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ROLES = ("staff", "approver", "security-officer", "auditor", "administrator")


def new_id():
    now = int(time.time() * 1000)
    return "".join(ALPHABET[now >> shift & 31] for shift in range(45, -1, -5)) + "".join(
        secrets.choice(ALPHABET) for _ in range(16))


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()
        self.type = self.headers.get("content-type", "").split(";")[0]
        self.json = json.loads(self.body) if self.type.endswith("json") else None

    @property
    def code(self):
        return self.json.get("code") if self.type == "application/problem+json" else None


class Console:
    """with Console(program, contract) as console: ..."""

    def __init__(self, program, contract, settings=None, engine="sqlite"):
        self.program, self.contract_path = program, contract
        self.contract = yaml.safe_load(Path(contract).read_text(encoding="utf-8"))
        self.directory = Path(tempfile.mkdtemp(prefix="sekisho-console-"))
        self.database = ENGINES[engine](self.directory)
        self.people_port, self.agents_port = free_ports(2)
        self.settings = {
            "Database": {"File": self.directory / "db/console.sqlite", "AddressFile": self.directory / "database"},
            "Listen": {"PeoplePort": self.people_port, "AgentsPort": self.agents_port, "Connections": 500,
                       "ConnectionsPerAddress": 0, "AgentConnections": 500},
            "TLS": {"Certificate": self.directory / "tls/server.crt", "Key": self.directory / "tls/server.key",
                    "ClientAuthority": self.directory / "ca.crt"},
            "Session": {"SecretFile": self.directory / "db/secret"},
            "Definitions": {"Directory": self.directory / "definitions"},
            "Keys": {"Directory": self.directory / "keys", "EpochDirectory": self.directory / "epoch",
                     "TokenFile": self.directory / "no-token"},
            "Limits": {"RequestsPerSecond": 100000, "RequestsBurst": 1000000, "SignInsPerMinute": 10000},
        }
        for section, values in (settings or {}).items():
            self.settings.setdefault(section, {}).update(values)
        self.process = None
        self.log = self.directory / "log"

    # ---- life ----

    def __enter__(self):
        lines = [f"[{section}]\n" + "".join(f"{k}={v}\n" for k, v in values.items())
                 for section, values in self.settings.items()]
        (self.directory / "console.conf").write_text("".join(lines))
        if isinstance(self.database, Postgresql):
            (self.directory / "database").write_text(self.database.address + "\n")
        made = self.run("init", "--login", "officer", "--name", "最初の人", "--facility", "甲診療所")
        assert made.returncode == 0, made.stderr
        self.first_password = made.stdout.split("password: ")[1].split()[0]
        self.fingerprint = made.stdout.split("authority: ")[1].split()[0]
        self.make_certificates()
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()
        if exception[0]:
            print(self.log.read_text())
        self.database.stop()
        shutil.rmtree(self.directory)

    def run(self, command, *arguments):
        return subprocess.run([self.program, command, "--config", self.directory, *arguments], capture_output=True,
                              text=True, timeout=60, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
                                               **{n: os.environ[n] for n in ("SOFTHSM2_CONF",) if n in os.environ}})

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--config", self.directory, "--contract", self.contract_path], stderr=log,
                stdin=subprocess.DEVNULL)
        for _ in range(200):
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.call("GET", "/api/v1/system/health").status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the console does not answer: " + self.log.read_text())

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode if self.process else None

    # ---- certificates ----

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.directory)

    def make_authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}", "-days", "2")

    def make_certificate(self, name, common_name, authority="ca"):
        (self.directory / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={common_name}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
                     "-CAcreateserial", "-out", f"{name}.crt", "-days", "2", "-extfile", "extensions")

    def make_certificates(self):
        self.terminal = new_id()
        self.make_authority("stranger")
        (self.directory / "ca.key").symlink_to(self.directory / "keys/ca/ca.key")
        self.make_certificate("agent", self.terminal)
        self.make_certificate("foreign", self.terminal, "stranger")

    # ---- requests ----

    def tls(self, certificate=None):
        context = ssl.create_default_context(cafile=str(self.directory / "ca.crt"))
        if certificate:
            context.load_cert_chain(self.directory / f"{certificate}.crt", self.directory / f"{certificate}.key")
        return context

    def connect(self, certificate=None):
        port = self.agents_port if certificate else self.people_port
        return http.client.HTTPSConnection("localhost", port, context=self.tls(certificate), timeout=30)

    def call(self, method, path, body=None, session=None, **options):
        """body: an object for JSON, or bytes. options: headers, csrf (instead of the session's), certificate."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if session:
            headers["Cookie"] = f"__Host-sekisho={session['token']}"
            headers["Sekisho-CSRF"] = session["csrf"]
        headers.update(options.get("headers", {}))
        headers = {name: value for name, value in headers.items() if value is not None}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = self.connect(options.get("certificate"))
        try:
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def sign_in(self, login, password):
        """Return: the answer, and its session or None."""
        answer = self.call("POST", "/api/v1/session", {"login": login, "password": password})
        return answer, self.session_of(answer)

    @staticmethod
    def session_of(answer):
        cookie = answer.headers.get("set-cookie", "")
        if answer.status != 200 or not cookie.startswith("__Host-sekisho="):
            return None
        return {"token": cookie.split("=")[1].split(";")[0], "csrf": answer.json["csrf"]}

    # ---- rows ----

    def sql(self, statement, *values):
        return self.database.sql(statement, *values)

    def facility(self, name=None):
        identity = new_id()
        self.sql("INSERT INTO facilities (id, name, created) VALUES (?, ?, 1)", identity, name or identity)
        return identity

    def person(self, *roles):
        """roles: (role, facility or None for everywhere)."""
        identity = new_id()
        self.sql("INSERT INTO people (id, login, login_key, name, created) VALUES (?, ?, ?, '人', 1)", identity,
                 identity.lower(), identity.lower())
        for role, facility in roles:
            self.sql("INSERT INTO person_roles (id, person_id, role, facility_id, granted) VALUES (?, ?, ?, ?, 1)",
                     new_id(), identity, role, facility)
        return identity

    def session(self, person, state="signed-in", fresh=True):
        token, csrf, now = secrets.token_bytes(32), secrets.token_hex(18), int(time.time() * 1000)
        self.sql("INSERT INTO sessions (id, token_hash, csrf, person_id, state, method, created, last_used, idle_until, "
                 "valid_until, fresh_until, address) VALUES (?, ?, ?, ?, ?, 'password', ?, ?, ?, ?, ?, '127.0.0.1')",
                 new_id(), hashlib.sha256(token).digest(), csrf, person, state, now, now, now + 600000, now + 3600000,
                 now + 600000 if fresh else 0)
        return {"token": token.hex(), "csrf": csrf, "person": person}
