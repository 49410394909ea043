# SPDX-License-Identifier: GPL-2.0-or-later
"""A PostgreSQL cluster as an administrator builds it of Debian's packages: Patroni and etcd on each of three machines,
synchronous replication, failover by itself. Of the system, or unpacked into SEKISHO_PEERS."""
import glob
import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import yaml

from cluster_net import skip

PEERS = Path(os.environ.get("SEKISHO_PEERS", "/nonexistent"))
# PostgreSQL refuses to be root; a tree that only root may enter is still read so.
AS_NOBODY = ["unshare", "--user", "--map-user=65534", "--map-group=65534"]
# How soon Patroni takes a machine for lost: ttl, loop_wait, retry_timeout. Quick is for one fault on a cluster that is whole;
# where a busy machine misses such a time, leaders change for no reason, and followers may stop to follow.
QUICK, USUAL = (10, 1, 3), (20, 2, 5)


def find(pattern):
    found = [path for root in (PEERS, Path("/")) for path in sorted(glob.glob(str(root / pattern)))]
    if not found:
        skip(f"no {pattern}: run tools/unpack-packages")
    return found[0]


def environment():
    return {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(PEERS / "usr/lib/python3/dist-packages"), "HOME": "/nonexistent",
            "LD_LIBRARY_PATH": str(PEERS / "usr/lib/x86_64-linux-gnu")}


class Databases:
    """Machines db1, db2, db3 of the network."""

    def __init__(self, network, names, directory, pace=USUAL):
        self.network, self.names, self.directory, self.pace = network, names, Path(directory), pace
        self.children = {}
        self.postgres = Path(find("usr/lib/postgresql/*/bin/postgres")).parent
        self.etcd = find("usr/bin/etcd")
        if subprocess.run(["/usr/bin/python3", "-c", "import patroni.dcs.etcd3"], env=environment(), capture_output=True,
                          check=False).returncode:
            skip("no patroni: run tools/unpack-packages")
        if subprocess.run([*AS_NOBODY, "true"], capture_output=True, check=False).returncode:
            skip("no user namespaces here, and PostgreSQL does not run as root")

    def address(self, name):
        return self.network.addresses[name]

    @property
    def url(self):
        hosts = ",".join(self.address(name) for name in self.names)
        return f"postgresql://sekisho:x@{hosts}/postgres?sslmode=disable"

    def start_etcd(self, name):
        here = f"http://{self.address(name)}"
        everybody = ",".join(f"{n}=http://{self.address(n)}:2380" for n in self.names)
        # Without pre-vote a machine that comes back ends the term of all: the leader loses its lock, and one that is behind
        # may take it.
        command = [self.etcd, "--pre-vote", "--name", name, "--data-dir", self.directory / f"{name}-etcd",
                   "--listen-peer-urls", f"{here}:2380", "--initial-advertise-peer-urls", f"{here}:2380",
                   "--listen-client-urls", f"{here}:2379", "--advertise-client-urls", f"{here}:2379",
                   "--initial-cluster", everybody, "--heartbeat-interval", "200", "--election-timeout", "2000", "--log-level", "error"]
        self.children[f"etcd-{name}"] = self.network.run(name, command, self.directory / f"{name}-etcd.log", env=environment())

    def settings(self, name):
        parameters = {"max_connections": 150, "shared_buffers": "32MB", "jit": False, "wal_level": "replica", "hot_standby": True,
                      "max_wal_senders": 6, "max_replication_slots": 6, "fsync": True, "wal_log_hints": True}
        return {
            "scope": "sekisho", "name": name, "log": {"level": "INFO"},
            "restapi": {"listen": f"{self.address(name)}:8008", "connect_address": f"{self.address(name)}:8008"},
            "etcd3": {"hosts": [f"{self.address(n)}:2379" for n in self.names]},
            "bootstrap": {
                "dcs": {**dict(zip(("ttl", "loop_wait", "retry_timeout"), self.pace)), "maximum_lag_on_failover": 0,
                        "synchronous_mode": True, "synchronous_mode_strict": True, "failsafe_mode": True,
                        "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": parameters}},
                "initdb": [{"encoding": "UTF8"}, "no-locale", "no-sync"]},
            "postgresql": {
                "listen": f"{self.address(name)}:5432", "connect_address": f"{self.address(name)}:5432",
                "data_dir": str(self.directory / f"{name}-data"), "bin_dir": str(self.postgres),
                "pgpass": str(self.directory / f"{name}-pgpass"),
                "authentication": {"superuser": {"username": "sekisho", "password": "x"},
                                   "replication": {"username": "follower", "password": "x"},
                                   "rewind": {"username": "rewinder", "password": "x"}},
                "parameters": {"unix_socket_directories": str(self.directory / f"{name}-socket")},
                "pg_hba": ["local all all trust", "host all all 10.77.0.0/24 trust",
                           "host replication follower 10.77.0.0/24 trust"]}}

    def start_patroni(self, name):
        path = self.directory / f"{name}.yml"
        (self.directory / f"{name}-socket").mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(self.settings(name)))
        self.children[name] = self.network.run(name, [*AS_NOBODY, "/usr/bin/python3", "-m", "patroni", path],
                                               self.directory / f"{name}.log", env=environment())

    def start(self):
        for name in self.names:
            self.start_etcd(name)
        for name in self.names:
            self.start_patroni(name)

    # ---- what is so ----

    def members(self):
        """By any machine that answers: {name: (role, state)}."""
        for name in self.names:
            try:
                with urllib.request.urlopen(f"http://{self.address(name)}:8008/cluster", timeout=2) as answer:
                    return {m["name"]: (m["role"], m["state"]) for m in json.load(answer)["members"]}
            except OSError:
                continue
        return {}

    def primary(self):
        leaders = [name for name, (role, state) in self.members().items() if role == "leader" and state == "running"]
        return leaders[0] if leaders else None

    def is_whole(self):
        """A primary, and at least one that has all that it acknowledges."""
        members = self.members()
        return self.primary() is not None and any(role == "sync_standby" for role, _ in members.values())

    def are_all_there(self):
        return self.is_whole() and len(self.members()) == len(self.names) and all(
            state in ("running", "streaming") for _, state in self.members().values())

    # ---- faults ----

    def kill(self, name):
        """The power of the machine: PostgreSQL, Patroni and etcd at once."""
        data = str(self.directory / f"{name}-data")
        for key in (name, f"etcd-{name}"):
            if key in self.children:
                self.network.end(self.children[key], 9)
        # PostgreSQL has a session of its own.
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                words = Path(path).read_bytes().split(b"\0")
            except OSError:
                continue
            if b"-D" in words and data.encode() in words and words[0].endswith(b"postgres"):
                os.kill(int(path.split("/")[2]), 9)
        time.sleep(0.2)

    def start_again(self, name):
        self.start_etcd(name)
        self.start_patroni(name)

    def stop(self):
        for name in self.names:
            self.kill(name)
