#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sekisho-posture in its jail, against what it reads: the kernel's packet filter, dpkg and rpm, chronyd, timesyncd, core.
Usage: posture.py POSTURE SEKISHOD SEKISHOCTL VERSIONS TIMESYNC

Serves EQP-1, DEV-2, LOG-3.
"""
import json
import os
import random
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import posture_client
from uplink_agent import BUS, Agent

CHECKS = {"disk-encryption", "firewall", "definitions", "weekly-scan", "forbidden-programs", "security-updates",
          "kernel-modules", "secure-boot", "clock", "bluetooth", "wireless", "passwords", "autologin", "agent-files"}
NETWORK = ("unshare", "--net", "--")
# Rules as programs make them, and whether what comes in by IPv4 and by IPv6 is refused.
RULESETS = {
    "nothing": ("", False, False),
    "policy drop": ("table inet f { chain i { type filter hook input priority 0; policy drop; ct state established accept; }; }",
                    True, True),
    "policy drop, but all accepted before": (
        "table inet f { chain i { type filter hook input priority 0; policy drop; counter accept; }; }", False, False),
    "firewalld: reject at the end": (
        "table inet firewalld { chain filter_INPUT { type filter hook input priority 10; policy accept; iif lo accept; "
        "jump zones; ct state invalid drop; log; reject with icmpx admin-prohibited; }; "
        "chain zones { tcp dport 22 accept; }; }", True, True),
    "a jump into an accept": (
        "table inet f { chain i { type filter hook input priority 0; policy drop; jump every; }; chain every { meta mark set 1 accept; }; }",
        False, False),
    "goto a chain that drops": (
        "table inet f { chain i { type filter hook input priority 0; policy accept; goto e; }; chain e { counter drop; }; }",
        True, True),
    "a return, then the policy": (
        "table inet f { chain i { type filter hook input priority 0; policy accept; return; drop; }; }", False, False),
    "IPv4 alone": ("table ip f { chain i { type filter hook input priority 0; policy drop; }; }", True, False),
    "two tables": ("table ip f { chain i { type filter hook input priority 0; policy drop; }; }; "
                   "table ip6 f { chain i { type filter hook input priority 0; policy drop; }; }", True, True),
    "only what goes out": ("table inet f { chain o { type filter hook output priority 0; policy drop; }; }", False, False),
    "only what is forwarded": ("table inet f { chain o { type filter hook forward priority 0; policy drop; }; }", False, False),
    "a condition before each drop": (
        "table inet f { chain i { type filter hook input priority 0; policy accept; tcp dport 1-65535 drop; }; }", False, False),
    "only what is not for this PC is dropped, as ufw does first": (
        "table inet f { chain i { type filter hook input priority 0; policy accept; jump e; }; "
        "chain e { fib daddr type local return; fib daddr type multicast return; drop; }; }", False, False),
    "what is for this PC is dropped": (
        "table inet f { chain i { type filter hook input priority 0; policy accept; fib daddr type local drop; }; }", True, True),
    "what is for others is dropped": (
        "table inet f { chain i { type filter hook input priority 0; policy accept; fib daddr type != local drop; "
        "fib saddr type local drop; fib daddr type broadcast drop; }; }", False, False),
    "a table that sleeps": ("table inet f { flags dormant; chain i { type filter hook input priority 0; policy drop; }; }",
                            False, False),
}


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def check_round(program):
    say("a round on this PC")
    results, cpu = posture_client.ask(program)
    assert set(results) == CHECKS, sorted(set(results) ^ CHECKS)
    assert all(r["code"] != 1601 for r in results.values()), results
    assert cpu <= 2000, f"{cpu} ms of the processor"
    say(f"  {cpu} ms of the processor")


def check_strangers(program):
    say("who is not core, and what is no question")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "posture.sock")
        for message in (b"", b"x" * 10, posture_client.options()[:-8], posture_client.options() + b"\0" * 8):
            child = subprocess.Popen([program, "--listen", path, "--client-uid", str(os.getuid())], stderr=subprocess.DEVNULL)
            results, done = posture_client.talk(path, message)
            assert not results and done is None, results
            assert child.wait(10) in (0, 1)
        child = subprocess.Popen([program, "--listen", path, "--client-uid", "12345"], stderr=subprocess.DEVNULL)
        try:
            results, done = posture_client.talk(path, posture_client.options())
            assert not results and done is None
        except OSError:
            pass  # it hung up before the question was sent
        assert child.poll() is None, "it goes on waiting for core"
        child.kill()
        child.wait()


def check_firewall(program):
    """A network of its own, with an address of IPv6 that is not the loopback's."""
    if not Path("/sys/module/nf_tables").exists() and subprocess.run(
            ["nft", "list", "tables"], capture_output=True, check=False).returncode != 0:
        sys.exit("this kernel has no nf_tables")
    for name, (rules, has_4, has_6) in RULESETS.items():
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "in-network")
            script.write_text("#!/bin/sh\nset -e\nip link set lo up\nip link add d0 type dummy 2>/dev/null || ip link add d0 type veth "
                              "peer d1\nip link set d0 up\nip -6 address add fd00::1/64 dev d0 nodad\n"
                              f"[ -z '{rules}' ] || nft '{rules}'\nexec \"$@\"\n")
            script.chmod(0o755)
            results, _ = posture_client.ask(program, before=(*NETWORK, str(script)))
        found = results["firewall"]
        wanted = (f"IPv4: {'refused' if has_4 else 'OPEN'}", f"IPv6: {'refused' if has_6 else 'OPEN'}")
        assert all(w in found["value"] for w in wanted), (name, found)
        assert found["state"] == ("ok" if has_4 and has_6 else "fail"), (name, found)
    say(f"the packet filter of the kernel: {len(RULESETS)} sets of rules")


def random_version(source):
    return "".join(source.choice("01249aZ.+~") for _ in range(source.randint(1, 8)))


def check_versions(program):
    source, rows = random.Random(7), []
    for _ in range(300):
        a = "1" + random_version(source)
        b = a if source.random() < 0.1 else a[:source.randint(1, len(a))] + random_version(source)
        if source.random() < 0.3:
            a, b = f"{source.randint(0, 2)}:{a}", f"{source.randint(0, 2)}:{b}-{source.randint(0, 20)}"
        rows.append((a, b))
    answers = subprocess.run([program], input="".join(f"deb {a} {b}\n" for a, b in rows), capture_output=True, text=True,
                             check=True).stdout.split()
    for (a, b), ours in zip(rows, answers):
        theirs = [op for op in ("lt", "eq", "gt") if subprocess.run(
            ["dpkg", "--compare-versions", a, op, b], capture_output=True, check=False).returncode == 0]
        assert [ours] == theirs, (a, b, ours, theirs)
    say(f"{len(rows)} pairs of versions, as dpkg compares them")


def check_rpm(program, versions):
    """A real database, made by rpm."""
    source, rows = random.Random(8), []
    for _ in range(200):
        a = "1" + random_version(source).replace("+", "^")
        rows.append((a, a[:source.randint(1, len(a))] + random_version(source).replace("+", "^")))
    ours = subprocess.run([versions], input="".join(f"rpm {a} {b}\n" for a, b in rows), capture_output=True, text=True,
                          check=True).stdout.split()
    lua = " ".join(f'print(rpm.vercmp("{a}", "{b}") .. " ")' for a, b in rows)
    theirs = subprocess.run(["rpm", "--eval", "%{lua:" + lua + "}"], capture_output=True, text=True, check=True).stdout.split()
    for row, mine, other in zip(rows, ours, theirs):
        assert {"lt": "-1", "eq": "0", "gt": "1"}[mine] == other, (row, mine, other)
    say(f"{len(rows)} pairs of versions, as rpm compares them")
    with tempfile.TemporaryDirectory() as name:
        root, work = Path(name, "root"), Path(name, "work")
        spec = work / "badshare.spec"
        for folder in (root / "proc", root / "sys/class", root / "etc", root / "var/cache/dnf/updates-1/repodata", work):
            folder.mkdir(parents=True)
        spec.write_text("Name: badshare\nVersion: 1.0\nRelease: 3\nEpoch: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n"
                        "%description\nx\n%files\n")
        subprocess.run(["rpmbuild", "-bb", "--define", f"_topdir {work}", str(spec)], capture_output=True, check=True)
        package = next(work.glob("RPMS/noarch/*.rpm"))
        subprocess.run(["rpm", "--root", str(root), "--dbpath", "/var/lib/rpm", "-i", "--nodeps", str(package)],
                       capture_output=True, check=True)
        assert (root / "var/lib/rpm/rpmdb.sqlite").exists(), list((root / "var/lib/rpm").iterdir())
        info = root / "var/cache/dnf/updates-1/repodata/0-updateinfo.xml"
        ask = lambda: posture_client.ask(program, "--root", str(root), message=posture_client.options(forbidden="badshare"))[0]
        for release, state in (("3", "ok"), ("4", "warn")):
            info.write_text('<updates><update type="security"><pkglist><collection><package name="badshare" epoch="1" '
                            f'version="1.0" release="{release}" arch="noarch"/></collection></pkglist></update></updates>')
            subprocess.run(["gzip", "-kf", str(info)], check=True)
            info.unlink()
            results = ask()
            assert results["security-updates"]["state"] == state, (release, results["security-updates"])
            assert results["forbidden-programs"]["value"] == "package badshare", results["forbidden-programs"]
    say("packages and security updates of an rpm system")


def check_chrony(program):
    daemon = shutil.which("chronyd")
    assert daemon, "no chronyd: build/peers/usr/sbin is not in PATH"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        conf = folder / "chrony.conf"
        conf.write_text(f"local stratum 5\nbindcmdaddress 127.0.0.1\nbindcmdaddress /\npidfile {folder}/pid\n"
                        f"port 0\ndriftfile {folder}/drift\n")
        script = folder / "in-network"
        script.write_text(f"#!/bin/sh\nset -e\nip link set lo up\n{daemon} -x -n -u root -f {conf} >/dev/null 2>&1 &\n"
                          f"until [ -e {folder}/pid ]; do sleep 0.05; done\nsleep 0.3\n\"$@\"\nkill $!\nwait || true\n")
        script.chmod(0o755)
        results, _ = posture_client.ask(program, before=(*NETWORK, str(script)), message=posture_client.options(synchronised=0))
    assert results["clock"]["value"].startswith("chrony, offset 0."), results["clock"]
    assert results["clock"]["state"] == "ok", results["clock"]
    say("the clock, as a real chronyd tells it")


def check_timesync(program, mock):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bus.conf").write_text(BUS % (folder / "bus"))
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/bus"}
        bus = subprocess.Popen(["dbus-daemon", "--nofork", f"--config-file={folder}/bus.conf"])
        Agent.wait((folder / "bus").exists, "the bus")
        try:
            results, _ = posture_client.ask(program, before=NETWORK, environment=environment)
            assert results["clock"]["value"] == "another program, offset not known", results["clock"]
            for offset, state in ((-3500, "ok"), (2500000, "warn")):
                other = subprocess.Popen([mock, str(offset)], env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
                assert other.stdout.readline() == "ready\n"
                results, _ = posture_client.ask(program, before=NETWORK, environment=environment)
                other.kill()
                other.wait()
                wanted = f"systemd-timesyncd, offset {abs(offset) / 1000:.3f} ms"
                assert (results["clock"]["value"], results["clock"]["state"]) == (wanted, state), results["clock"]
        finally:
            bus.terminate()
            bus.wait()
    say("the clock, as timesyncd tells it")


class Keeper:
    """As systemd: it holds the socket, and each connection of core is a new process."""

    def __init__(self, agent, program, *arguments):
        self.agent, self.command, self.running, self.process = agent, [program, *arguments], True, None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(str(agent.folder / "run/posture.sock"))
        self.socket.listen(8)
        self.thread = threading.Thread(target=self.keep, daemon=True)
        self.thread.start()

    def keep(self):
        handed = self.socket.fileno()
        start = f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{handed}'
        while self.running:
            if select.select([self.socket], [], [], 0.1)[0]:
                self.process = subprocess.Popen(["sh", "-c", start, "sh", *self.command, "--client-uid", "0"],
                                                env=self.agent.environment, stdout=self.agent.log, stderr=self.agent.log,
                                                pass_fds=[handed])
                self.process.wait()

    def is_busy(self):
        return self.process and self.process.poll() is None

    def stop(self):
        self.running = False
        if self.process:
            self.process.kill()
        self.thread.join()
        self.socket.close()


def posture_of(agent, *arguments):
    done = agent.ctl("posture", "--json", *arguments)
    end = time.monotonic() + 20
    while "cannot be checked now" in done.stderr and time.monotonic() < end:
        time.sleep(0.05)
        done = agent.ctl("posture", "--json", *arguments)
    assert done.returncode in (0, 1), done
    answer = json.loads(done.stdout)
    return {c["id"]: c for c in answer["checks"]}, answer


def changes(agent, since=0):
    return [r["body"] for r in agent.kinds("posture.changed") if r["seq"] > since]


def last(agent):
    return json.loads(agent.records()[-1])["seq"]


def check_core(program, core, ctl):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = folder / "pc"
        for below in ("proc", "etc/sekisho", "sys/class"):
            (root / below).mkdir(parents=True)
        (root / "proc/modules").write_text("ext4 1\n")
        (root / "etc/sekisho/modules.allow").write_text("ext4\n")
        agent = Agent(folder, (core, "true", ctl))
        agent.running = False  # no uplink here
        keeper = Keeper(agent, program, "--root", str(root))
        try:
            agent.start_core()
            assert posture_of(agent)[1]["checked"] == 0
            checks, answer = posture_of(agent, "--check")
            assert set(checks) == CHECKS and answer["checked"] > 0 and not answer["running"], answer
            assert {c["check"] for c in changes(agent)} == CHECKS
            assert all(c["before"] == "none" for c in changes(agent))
            say("core: a change of state is a record, what stays is none")
            mark = last(agent)
            posture_of(agent, "--check")
            assert not changes(agent, mark), changes(agent, mark)
            (root / "proc/modules").write_text("ext4 1\nnew 1\n")
            checks, _ = posture_of(agent, "--check")
            assert checks["kernel-modules"]["state"] == "fail" and checks["kernel-modules"]["fix"]["ja"]
            (root / "proc/modules").write_text("ext4 1\nnew 1\nnewer 1\n")
            posture_of(agent, "--check")
            found = [(c["check"], c["before"], c["state"], c["code"]) for c in changes(agent, mark)]
            assert found == [("kernel-modules", "ok", "fail", "SK-1617"), ("kernel-modules", "fail", "fail", "SK-1617")], found
            check_core_faults(agent, keeper)
            say("core: after a restart, what was is known")
            mark = last(agent)
            agent.stop_core()
            kept = json.loads((folder / "state/posture.json").read_text())
            kept["checks"]["of-another-version"] = dict(kept["checks"]["clock"], id="of-another-version")
            (folder / "state/posture.json").write_text(json.dumps(kept))
            agent.start_core()
            assert posture_of(agent)[0].keys() == CHECKS | {"of-another-version"}
            assert posture_of(agent, "--check")[0].keys() == CHECKS
            assert not changes(agent, mark), changes(agent, mark)
            check_words(agent)
        finally:
            keeper.stop()
            agent.stop()


def check_core_faults(agent, keeper):
    say("core: posture is killed in a round, and is not there")
    failed = 0
    for _ in range(20):
        waiting = subprocess.Popen([agent.ctl_path, "posture", "--check"], env=agent.environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        while waiting.poll() is None and not keeper.is_busy():
            time.sleep(0.002)
        time.sleep(random.random() / 50)
        keeper.process.kill()
        error = waiting.communicate(timeout=40)[1]
        failed += "cannot be checked now" in error
        assert "cannot be checked now" in error or not error, error
    assert posture_of(agent, "--check")[0].keys() == CHECKS
    say(f"  {failed} of 20 rounds were cut")
    many = [subprocess.Popen([agent.ctl_path, "posture", "--check", "--json"], env=agent.environment, stdout=subprocess.PIPE)
            for _ in range(8)]
    assert all(len(json.loads(m.communicate(timeout=60)[0])["checks"]) == len(CHECKS) for m in many)


def check_words(agent):
    english = agent.ctl("posture")
    assert english.returncode == 1 and "Kernel modules (DEV-2): FAILS" in english.stdout, english
    assert "/etc/sekisho/modules.allow" in english.stdout and "modprobe -r" in english.stdout
    agent.environment["LC_ALL"] = "ja_JP.UTF-8"
    assert agent.ctl("posture", "nonsense").returncode == 2
    assert agent.ctl("posture", "--nonsense").returncode == 2


def main(program, core, ctl, versions, timesync):
    check_round(program)
    check_strangers(program)
    check_versions(versions)
    check_rpm(program, versions)
    check_timesync(program, timesync)
    check_core(program, core, ctl)
    check_chrony(program)
    check_firewall(program)


if __name__ == "__main__":
    main(*sys.argv[1:])
