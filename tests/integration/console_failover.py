#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_failover.py PROGRAM CONTRACT AGENTS [whole]: two consoles behind HAProxy on PostgreSQL that Patroni keeps going,
each on a machine of its own (network namespaces). A console is killed, the primary is killed; the whole also cuts the
primary's network for half a minute, and does all of it three times. Nothing acknowledged is lost, no decision is made twice,
and agents and people come back without anybody's help. Needs root; skipped where there are no namespaces."""
import json
import os
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import http.client
from pathlib import Path

from cluster_net import Network, skip
from cluster_nodes import QUICK, USUAL, Databases, environment, find
from console_database import Postgresql
from console_server import Answer, Console

AGENTS = 40
PATIENCE = 240  # seconds; the machine may be busy
PEOPLE_PORT, AGENTS_PORT = 8443, 8444
DB_NAMES, CONSOLES = ["db1", "db2", "db3"], ["con1", "con2"]
BALANCER = """global
    maxconn 2000
defaults
    mode tcp
    timeout connect 2s
    timeout client 10m
    timeout server 10m
    option redispatch
    retries 3
    default-server inter 500ms fall 2 rise 1 send-proxy-v2 on-marked-down shutdown-sessions
listen agents
    bind :{agents}
    balance leastconn
    server con1 {con1}:{agents} check
    server con2 {con2}:{agents} check
listen people
    bind :{people}
    balance roundrobin
    server con1 {con1}:{people} check
    server con2 {con2}:{people} check
"""


def say(text):
    print(f"{time.monotonic() - BEGUN:6.1f} s  {text}", flush=True)


def until(what, is_so, pause=0.2):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if is_so():
            return
        time.sleep(pause)
    raise AssertionError(f"not after {PATIENCE} s: {what}")


class Primary(Postgresql):
    """Rows of whichever database is the primary now."""

    def __init__(self, url):  # pylint: disable=super-init-not-called
        self.address = url
        self.lock = threading.Lock()
        self.connection = None

    def sql(self, statement, *values):
        import psycopg2  # pylint: disable=import-outside-toplevel

        end = time.monotonic() + PATIENCE
        while True:
            try:
                if self.connection is None:
                    self.connection = psycopg2.connect(self.address + "&target_session_attrs=read-write&connect_timeout=3")
                    self.connection.autocommit = True
                return super().sql(statement, *values)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                self.connection = None
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)

    def stop(self):
        if self.connection:
            self.connection.close()


class Member(Console):
    """A console on a machine of its own."""

    def __init__(self, cluster, name):  # pylint: disable=super-init-not-called
        self.cluster, self.name, self.network = cluster, name, cluster.network
        self.program, self.contract_path = cluster.program, cluster.contract
        self.directory = cluster.directory / name
        self.directory.mkdir()
        self.log = self.directory / "log"
        self.database = cluster.rows
        self.process = None
        (self.directory / "db").mkdir(mode=0o700)
        settings = {
            "Database": {"AddressFile": self.directory / "database"},
            "Listen": {"PeoplePort": PEOPLE_PORT, "AgentsPort": AGENTS_PORT, "ConnectionsPerAddress": 0,
                       "AgentConnectionsPerAddress": 0, "Connections": 200, "AgentConnections": 500, "Threads": 8,
                       "TrustedProxies": self.network.addresses["lb"]},
            "TLS": {"Certificate": self.directory / "tls/server.crt", "Key": self.directory / "tls/server.key",
                    "ClientAuthority": self.directory / "ca.crt"},
            "Session": {"SecretFile": self.directory / "db/secret"},
            "Definitions": {"Directory": self.directory / "definitions"},
            "Keys": {"Directory": self.directory / "keys", "EpochDirectory": self.directory / "epoch",
                     "TokenFile": self.directory / "no-token"},
            "Limits": {"RequestsPerSecond": 100000, "RequestsBurst": 1000000, "SignInsPerMinute": 10000}}
        (self.directory / "console.conf").write_text("".join(
            f"[{section}]\n" + "".join(f"{k}={v}\n" for k, v in values.items()) for section, values in settings.items()))
        (self.directory / "database").write_text(cluster.databases.url + "\n")

    def command(self, *arguments):
        return ["ip", "netns", "exec", self.network.space(self.name), self.program, arguments[0], "--config", self.directory,
                *arguments[1:]]

    def start(self):
        self.process = self.network.run(self.name, [self.program, "serve", "--config", self.directory, "--contract",
                                                    self.contract_path], self.log)


class Cluster:
    def __init__(self, program, contract, agents, pace):
        self.program, self.contract, self.agents_program, self.pace = program, contract, agents, pace
        self.network = Network(["pcs", "lb", *DB_NAMES, *CONSOLES])
        self.directory = self.databases = self.rows = None

    def __enter__(self):
        self.network.__enter__()
        self.directory = Path(tempfile.mkdtemp(prefix="sekisho-failover-"))
        self.directory.chmod(0o711)
        try:
            self.begin()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def begin(self):
        self.databases = Databases(self.network, DB_NAMES, self.directory, self.pace)
        self.databases.start()
        until("a primary and its standby", self.databases.is_whole)
        say(f"{self.databases.primary()} is the primary: {self.databases.members()}")
        self.rows = Primary(self.databases.url)
        self.members = {name: Member(self, name) for name in CONSOLES}
        self.begin_first()
        self.begin_balancer()
        self.join_second()

    def __exit__(self, *exception):
        if exception[0] and exception[0] is not SystemExit:
            for log in sorted(self.directory.rglob("*log")):
                print(f"== {log}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
        if self.rows:
            self.rows.stop()
        if self.databases:
            self.databases.stop()
        self.network.__exit__()
        shutil.rmtree(self.directory)

    def begin_first(self):
        first = self.members["con1"]
        made = subprocess.run(first.command("init", "--login", "officer", "--host", self.network.addresses["lb"]),
                              capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert made.returncode == 0, made.stderr
        first.start()

    def begin_balancer(self):
        path = self.directory / "haproxy.cfg"
        addresses = {name: self.network.addresses[name] for name in CONSOLES}
        path.write_text(BALANCER.format(agents=AGENTS_PORT, people=PEOPLE_PORT, **addresses))
        self.network.run("lb", [find("usr/sbin/haproxy"), "-db", "-f", path], self.directory / "haproxy.log",
                         env=environment())
        until("the balancer answers", self.answers)

    def join_second(self):
        officer = self.session("security-officer")
        second = self.members["con2"]
        joining = subprocess.Popen(second.command("join", "--host", self.network.addresses["lb"]), stdout=subprocess.PIPE,
                                   text=True, env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]})
        instance, fingerprint = (joining.stdout.readline().strip().split(": ")[1] for _ in range(2))
        answer = self.call("POST", f"/api/v1/instances/{instance}/admission", {"fingerprint": fingerprint}, officer)
        assert answer.status == 200, answer.json
        joining.communicate(timeout=PATIENCE)
        assert joining.returncode == 0
        second.start()
        until("the second console serves", lambda: self.lives("con2"))

    # ---- people: through the balancer, or to one console ----

    def call(self, method, path, body=None, session=None):
        context = ssl.create_default_context(cafile=str(self.directory / "con1/ca.crt"))
        connection = http.client.HTTPSConnection(self.network.addresses["lb"], PEOPLE_PORT, context=context, timeout=15)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if session:
            headers.update({"Cookie": f"__Host-sekisho={session['token']}", "Sekisho-CSRF": session["csrf"]})
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def insist(self, method, path, body, session):
        """As a person does, whose browser shows an error: again. Return: the last answer, and how often it was sent."""
        end, tries = time.monotonic() + PATIENCE, 0
        while True:
            tries += 1
            try:
                answer = self.call(method, path, body, session)
                if answer.status < 500 and answer.status != 429:
                    return answer, tries
            except (OSError, http.client.HTTPException):
                pass
            if time.monotonic() > end:
                raise AssertionError(f"{method} {path}: no answer for {PATIENCE} s")
            time.sleep(0.3)

    def answers(self):
        try:
            return self.call("GET", "/api/v1/system/health").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def lives(self, name):
        """Was it let in, and do the balancer's turns all end well?"""
        started = self.rows.sql("SELECT count(*) FROM instances WHERE joined IS NOT NULL")[0][0] == len(CONSOLES)
        assert self.members[name].process.poll() is None, self.members[name].log.read_text()
        return started and all(self.answers() for _ in range(4))

    def session(self, *roles):
        console = self.members["con1"]
        return console.session(console.person(*((role, None) for role in roles)))


class Agents:
    def __init__(self, cluster):
        self.cluster = cluster
        officer = cluster.session("security-officer", "administrator")
        facility = cluster.rows.sql("SELECT id FROM facilities")[0][0]
        self.log = cluster.directory / "agents.log"
        self.process = cluster.network.run(
            "pcs", [cluster.agents_program, cluster.directory / "agents", cluster.directory / "con1/ca.crt",
                    cluster.network.addresses["lb"], PEOPLE_PORT, AGENTS_PORT, officer["token"], officer["csrf"], facility,
                    AGENTS], self.log, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "{}\n", self.log.read_text()

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def all_go_on(self):
        return self.ask("look")["gained"] > 0

    def all_wait(self):
        """Not while requests are approved all the time: each approval is news for all."""
        return self.ask("look")["waiting"] == AGENTS

    def come_back(self, what):
        """Each of them was acknowledged something after this moment."""
        self.ask("mark")
        begun = time.monotonic()
        until(f"agents after {what}", self.all_go_on, 0.1)
        lacking = self.ask("check " + self.cluster.databases.url)["lacking"]
        assert lacking == 0, f"{lacking} agents lack records that were acknowledged"
        say(f"{what}: all {AGENTS} agents go on after {time.monotonic() - begun:.1f} s, {self.ask('look')}")


class Decisions:
    """Requests that two people approve at once, all the time, whatever happens to the machines."""

    def __init__(self, cluster):
        self.cluster, self.made, self.refused, self.again, self.faults = cluster, 0, 0, 0, []
        self.ending = threading.Event()
        self.facility = cluster.rows.sql("SELECT id FROM facilities")[0][0]
        self.staff = cluster.session("staff", "security-officer")
        self.approvers = [cluster.session("approver") for _ in range(2)]
        self.requests = []
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def insist(self, path, body, session):
        answer, tries = self.cluster.insist("POST", path, body, session)
        self.again += tries - 1
        return answer

    def decide(self, request, session, answers):
        try:
            answers.append(self.insist(f"/api/v1/requests/{request}/decisions", {"approved": True}, session).status)
        except AssertionError as error:
            self.faults.append(str(error))

    def work(self):
        try:
            while not self.ending.is_set():
                self.one()
        except AssertionError as error:
            self.faults.append(str(error))

    def one(self):
        medium = self.insist("/api/v1/media", {"facility": self.facility, "number": secrets.token_hex(6), "label": "x",
                                               "kind": "ssd"}, self.staff)
        # 409: it was made, and only the answer was lost.
        if medium.status != 201:
            return
        self.cluster.rows.sql("UPDATE media SET mode = 'bound' WHERE id = ?", medium.json["id"])
        request = self.insist("/api/v1/requests", {
            "facility": self.facility, "kind": "carry-out", "outFrom": "2098-01-10T00:00:00Z", "due": "2098-01-20T00:00:00Z",
            "destination": "x", "reason": "x", "dataSummary": "x", "risk": "x", "onLoss": "x", "media": [medium.json["id"]]},
            self.staff)
        if request.status != 201:
            return
        answers = []
        threads = [threading.Thread(target=self.decide, args=(request.json["id"], session, answers))
                   for session in self.approvers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.requests.append(request.json["id"])
        self.made += answers.count(200)
        self.refused += sum(400 <= status < 500 for status in answers)

    def end(self):
        self.ending.set()
        self.thread.join()
        assert not self.faults, self.faults
        sql = self.cluster.rows.sql
        for request in self.requests:
            decided = sql("SELECT count(*) FROM request_decisions WHERE request_id = ?", request)[0][0]
            told = sql("SELECT count(*) FROM console_records WHERE kind = 'request.approved' AND subject = ?",
                       f"request:{request}")[0][0]
            grants = sql("SELECT count(*), count(DISTINCT medium_id) FROM grants WHERE request_id = ?", request)[0]
            assert decided == 1, f"{request}: {decided} decisions"
            assert told == 1, f"{request}: {told} records of its approval"
            assert grants[0] == grants[1] > 0, f"{request}: {grants} grants"
        assert self.requests
        say(f"{len(self.requests)} requests, each decided once: {self.made} answers of yes, {self.refused} of no, "
            f"{self.again} calls sent again")


def kill_console(cluster, agents, name):
    cluster.network.end(cluster.members[name].process, signal.SIGKILL)
    agents.come_back(f"{name} killed")
    cluster.members[name].start()
    until(f"{name} serves again", lambda: cluster.lives(name))


def kill_primary(cluster, agents):
    old = cluster.databases.primary()
    cluster.databases.kill(old)
    begun = time.monotonic()
    until("another primary", lambda: cluster.databases.primary() not in (None, old))
    say(f"{old} killed: {cluster.databases.primary()} is the primary after {time.monotonic() - begun:.1f} s")
    cluster.rows.sql("UPDATE settings SET changed = changed")
    say(f"it takes writes after {time.monotonic() - begun:.1f} s")
    agents.come_back(f"{old} killed")
    cluster.databases.start_again(old)


def cut_primary(cluster, agents):
    old = cluster.databases.primary()
    cluster.network.cut(old)
    begun = time.monotonic()
    until("another primary", lambda: cluster.databases.primary() not in (None, old))
    say(f"{old} cut off: {cluster.databases.primary()} is the primary after {time.monotonic() - begun:.1f} s")
    time.sleep(max(0, 30 - (time.monotonic() - begun)))
    cluster.network.mend(old)
    agents.come_back(f"{old} cut off for half a minute")


def cut_console(cluster, agents, name):
    cluster.network.cut(name)
    time.sleep(30)
    cluster.network.mend(name)
    agents.come_back(f"{name} cut off for half a minute")


def main():
    program, contract, agents_program, *rest = sys.argv[1:]
    if os.geteuid() != 0:
        skip("network namespaces need root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    whole = rest == ["whole"]
    with Cluster(program, contract, agents_program, USUAL if whole else QUICK) as cluster:
        say("two consoles serve behind the balancer")
        agents = Agents(cluster)
        agents.come_back("the beginning")
        decisions = Decisions(cluster)
        try:
            for _ in range(3 if whole else 1):
                kill_console(cluster, agents, "con1")
                kill_primary(cluster, agents)
                if whole:
                    until("all databases are there", cluster.databases.are_all_there)
                    cut_primary(cluster, agents)
                    cut_console(cluster, agents, "con2")
                    until("all databases are there", cluster.databases.are_all_there)
        finally:
            decisions.ending.set()
        decisions.end()
        agents.come_back("the end")
        until("all agents wait for news", agents.all_wait, 0.1)
        assert agents.ask("look")["refused"] == 0, agents.log.read_text()
    print("ok")


BEGUN = time.monotonic()
main()
