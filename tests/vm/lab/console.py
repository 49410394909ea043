# SPDX-License-Identifier: GPL-2.0-or-later
"""A console beside the clinic PC: the package just built, unpacked and run here as a user without rights."""
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .clinic_pc import newest_package
from .network import NAME, connect
from .paths import LabError

NOBODY = 65534
PEOPLE, AGENTS = 8443, 8444


def _free(port):
    """This port of the host, or another one when somebody has it."""
    for wanted in (port, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", wanted)) as s:
            return s.getsockname()[1]
    raise LabError("no port is free")


class Person:
    """Somebody else than the officer, with a session of their own."""

    def __init__(self, console, login, password):
        self.console, self.login = console, login
        console.sign_in(login, password, self.run)

    def environment(self):
        return {**self.console.environment(), "XDG_STATE_HOME": str(self.console.folder / f"session-{self.login}")}

    def run(self, *args, stdin=""):
        return self.console.run_admin(*args, stdin=stdin, environment=self.environment())

    def admin(self, *args):
        return self.console.admin(*args, environment=self.environment())


class Console:
    """with Console() as console: ... `admin` speaks to it as its security officer does, with sekisho-admin."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sekisho-lab-console-"))
        self.root = self.folder / "root"
        self.process = None
        self.people, self.agents = _free(PEOPLE), _free(AGENTS)
        self.address = f"https://localhost:{self.people}/"
        self.login, self.password = "officer", None
        self.facility = None

    def __enter__(self):
        try:
            self._unpack()
            self._init()
            self.start()
            self._sign_in()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *exc):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unpack(self):
        for name in ("sekisho-console", "sekisho-cli"):  # the other one has the translations
            subprocess.run(["dpkg", "-x", newest_package(name), self.root], check=True)
        self.folder.chmod(0o755)
        for name in ("state", "epoch"):
            (self.folder / name).mkdir(mode=0o700)
            os.chown(self.folder / name, NOBODY, NOBODY)
        state = self.folder / "state"
        (self.folder / "console.conf").write_text(f"""[Database]
File={state}/console.sqlite
[Listen]
PeoplePort={self.people}
AgentsPort={self.agents}
[TLS]
Certificate={state}/tls/server.crt
Key={state}/tls/server.key
ClientAuthority={state}/tls/ca.crt
[Keys]
Directory={state}/keys
EpochDirectory={self.folder}/epoch
TokenFile={self.folder}/none
[Session]
SecretFile={state}/secret
""")

    def _command(self, name, *args):
        return [str(self.root / "usr/bin" / name), *map(str, args)]

    def _own(self, *args):
        return self._command("sekisho-console", *args, "--config", self.folder)

    def _init(self):
        done = subprocess.run(self._own("init", "--host", NAME, "--facility", "せきしょ診療所", "--login", self.login),
                              capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        if done.returncode:
            raise LabError(f"sekisho-console init: {done.stderr}")
        told = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
        self.password, self.fingerprint = told["one-time password"], told["fingerprint of the authority"]

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL",
                 *self._own("serve", "--contract", self.root / "usr/share/sekisho-console/openapi.yaml")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.agents), 1):
                return
            time.sleep(0.1)
        raise LabError(f"the console does not start:\n{(self.folder / 'log').read_text(errors='replace')[-2000:]}")

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def environment(self):
        return {**os.environ, "HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "session")}

    def run_admin(self, *args, stdin="", environment=None):
        """sekisho-admin as the officer: returns the finished process."""
        return subprocess.run(self._command("sekisho-admin", *args), input=stdin, capture_output=True, text=True,
                              env=environment or self.environment())

    def admin(self, *args, environment=None):
        """A call that must succeed: its answer as an object, or None."""
        done = self.run_admin(*args, "--json", environment=environment)
        if done.returncode:
            raise LabError(f"sekisho-admin {' '.join(map(str, args))}: {done.stderr}{done.stdout}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def sign_in(self, login, password, run):
        """With the one-time password, which has to be changed at once: to what is returned."""
        new = f"Mugi-Tobira-{secrets.token_hex(2)}"  # of a shape that is never too easy to guess
        done = run("login", "--server", self.address, "--fingerprint", self.fingerprint, "--login", login,
                   stdin=f"{password}\n{new}\n{new}\n")
        if done.returncode:
            raise LabError(f"sekisho-admin login: {done.stderr}")
        return new

    def _sign_in(self):
        self.password = self.sign_in(self.login, self.password, self.run_admin)
        self.facility = self.admin("facility", "list")["items"][0]["id"]

    def person(self, login, name, role):
        """Another person, signed in: what they do, they do with person.admin(...)."""
        made = self.admin("person", "create", "--facility", self.facility, "--login", login, "--name", name, "--role", role,
                          "--identity-check", "職員証")
        return Person(self, login, made["oneTimePassword"])

    def code(self, name):
        """A code with which a PC of this name joins."""
        return self.admin("enrolment", "create", "--facility", self.facility, "--host", NAME, "--name", name)["code"]

    def terminals(self):
        return self.admin("terminal", "list")["items"]

    def join(self, pc, name="受付-1"):
        """Lays the wire, brings the code to the PC, and returns the id of the terminal that it is from now on."""
        connect(pc, {port: port for port in (self.people, self.agents)})
        done = pc.ctl("enroll", self.code(name))
        if not done.ok:
            raise LabError(f"sekishoctl enroll: {done.out}{done.err}"
                           + pc.run("journalctl -b -u 'sekisho*' -n 30 --no-pager").out)
        found = [t["id"] for t in self.terminals() if t["name"] == name]
        if len(found) != 1:
            raise LabError(f"the console has {len(found)} terminals of the name {name}")
        return found[0]

    def records(self, terminal):
        """What the console has of this PC's records, oldest first."""
        rows, after = [], None
        while True:
            page = self.admin("record", "list", "--of-terminal", terminal, "--limit", 500, *(["--after", after] if after else []))
            rows += page["items"]
            after = page["next"]
            if not after:
                return sorted(rows, key=lambda row: row["seq"])
