# SPDX-License-Identifier: GPL-2.0-or-later
"""The clinic PC: the lab's machine with the packages just built installed in it."""
import contextlib
import json
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

from .machine import Machine
from .paths import DEBS, LAB, LabError, Lock, say
from .template import key, template

BUILT_IN = ("keyboard", "mouse")  # what every clinic PC has; learned when the agent is installed
DENY = "usbcore.authorized_default=0"  # what the package adds to the kernel command line
PACKAGES = ("sekisho-agent", "sekisho-cli", "sekisho-policy-default")
STATE_SIZE = 3 << 30
AGENT = "org.sekisho.Agent1 /org/sekisho/Agent1 org.sekisho.Agent1"


def newest_package(name):
    files = sorted(DEBS.glob(f"{name}_*.deb"), key=lambda p: p.stat().st_mtime)
    if not files:
        raise LabError(f"no package {name} in {DEBS}: run `make deb` first")
    return files[-1]


def packages():
    """The packages to test."""
    return [newest_package(name) for name in PACKAGES]


# The definitions of the guest are as old as its recipe; a clinic PC has fetched its own today.
FRESH_UNIT = """[Unit]
DefaultDependencies=no
RequiresMountsFor=/var/lib/clamav
Before=sekishod.service sekisho-scanner.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c "touch /var/lib/clamav/*"
[Install]
WantedBy=sysinit.target
"""


class ClinicPc(Machine):
    """A machine with the agent. `ctl` and the record helpers speak to it as an administrator would."""
    seen = 0  # the number of a record that is there

    def start(self):
        super().start()
        if self.template and self.exists("/etc/systemd/system/lab-definitions.service"):
            self.sh("systemctl start lab-definitions")
        return self

    def ctl(self, *args, user=None, timeout=60):
        """sekishoctl as root, or as a user; returns status, out, err."""
        command = "sekishoctl " + " ".join(shlex.quote(str(a)) for a in args)
        return self.as_user(user, command, timeout) if user else self.run(command, timeout=timeout)

    def records(self, kind=None, after=0):
        """The records of the audit chain behind that number, oldest first, as dictionaries. An agent that restarts is
        waited for."""
        result = self.ctl("log", "--json", "--after", after)
        if not result.ok:
            self.wait(lambda: self.ctl("status").ok, 30)
            result = self.ctl("log", "--json", "--after", after)
        if not result.ok:
            raise LabError(f"sekishoctl log: {result.err}{self.run('journalctl -b -u sekishod -n 20 --no-pager').out}")
        rows = [json.loads(line) for line in result.out.splitlines() if line.strip()]
        return [r for r in rows if kind is None or r.get("kind") == kind]

    def wait_record(self, matches, timeout=20):
        """The first record for which matches(record) holds, or None when none came in time."""
        deadline, seen = time.monotonic() + timeout, 0
        while True:
            rows = self.records(after=seen)
            found = next((r for r in rows if matches(r)), None)
            if found or time.monotonic() > deadline:
                return found
            seen = rows[-1]["seq"] if rows else seen
            time.sleep(0.1)

    def codes(self, device=None):
        """The codes recorded so far, of one plugged device or of all, in order."""
        found = []
        for record in self.records():
            body = record.get("body", {})
            about = {body.get("port"), body.get("usb")}
            if "code" in body and (device is None or device.sysfs in about):
                found.append(body["code"])
        return found

    def refused(self, device):
        """True when the last word about the device was a refusal (11xx, 12xx but for "read-only")."""
        codes = self.codes(device)
        return bool(codes) and codes[-1].startswith("SK-11")

    def chain_verifies(self):
        return self.ctl("audit", "verify").ok

    # --- rules and decisions about devices

    def agent(self, method, *args, user=None):
        """A method of org.sekisho.Agent1: agent("AllowDevice", "st", "1-3", 10); returns status, out, err."""
        command = f"busctl --json=short call {AGENT} " + " ".join(shlex.quote(str(a)) for a in (method, *args))
        return self.as_user(user, command) if user else self.run(command)

    def rules(self, text, name="00-lab.rules"):
        """These rules and those learned at the installation, instead of the package's; in force when it returns."""
        self.sh("cd /etc/sekisho/rules.d && mkdir -p /root/rules && for f in [3-9]*.rules; do [ ! -e $f ] || mv $f /root/rules; done")
        self.put(text.encode(), f"/etc/sekisho/rules.d/{name}")
        result = self.agent("Reload")
        if not result.ok:
            raise LabError(f"the rules are not taken: {result.err}{self.ctl('devices').out}"
                           + self.run("cat /etc/sekisho/rules.d/20-learned.rules").out)

    def last_record(self):
        """The number of the last record: what comes after it is news."""
        rows = self.records(after=max(self.seen - 1, 0)) or self.records()
        self.seen = rows[-1]["seq"]
        return self.seen

    def decisions(self, device, since=0):
        """What was recorded about the device in this port after record `since`, oldest first."""
        return [r["body"] for r in self.records(after=since) if r["kind"] in ("device.decided", "device.failed")
                and r["body"].get("port", "").partition("-")[2] == device.port]

    def decision(self, device, since=0, code=None, timeout=30):
        """The last word about the device after record `since` (and when it has this code), or {}. The word is on record
        before it is carried out: returns when the kernel's state agrees with it, or a while later."""
        def last():
            found = self.decisions(device, since)
            return found[-1] if found and code in (None, found[-1]["code"]) else None
        self.wait(last, timeout, 0.1)
        word = last() or (self.decisions(device, since) or [{}])[-1]
        if word:
            allowed = word.get("target") == "allow"
            self.wait(lambda: (device.present and device.authorized) == allowed, 10)
        return word

    def unit_active(self, unit):
        return self.run(f"systemctl is-active -q {unit}").ok


def install(pc, files=None):
    """dpkg -i in the running guest, as an administrator would do it."""
    pc.put(FRESH_UNIT.encode(), "/etc/systemd/system/lab-definitions.service")
    pc.sh("systemctl daemon-reload && systemctl enable --now lab-definitions")
    files = files or packages()
    pc.sh("mkdir -p /var/tmp/debs")
    for f in files:
        pc.put(f, f"/var/tmp/debs/{f.name}")
    names = " ".join(f"/var/tmp/debs/{f.name}" for f in files)
    result = pc.run(f"DEBIAN_FRONTEND=noninteractive dpkg -i {names} 2>&1", timeout=300)
    pc.sh(f"rm -f {names}")
    if not result.ok:
        raise LabError(f"the packages do not install:\n{result.out}")
    return result.out


def confirm(pc):
    """Start the trial window and confirm it: from here on the policy is enforced, also from boot on."""
    if pc.wait(lambda: pc.ctl("status").ok, 60) is None:
        raise LabError(f"the agent does not answer: {pc.ctl('status')}\n"
                       + pc.run("systemctl status 'sekisho*' --no-pager; journalctl -b -n 60 --no-pager").out)
    for step in ("start", "confirm"):
        result = pc.ctl("trial", step)
        if not result.ok:
            raise LabError(f"sekishoctl trial {step}: {result.out}{result.err}")
    pc.wait(lambda: pc.exists("/etc/sekisho/enforce"), 30)


def _install(pc):
    """The desk's devices are found a while after the guest takes commands; what is not there cannot be learned."""
    if pc.wait(lambda: all(d.present and d.bound() for d in pc.devices.values()), 120) is None:
        raise LabError(f"the built-in devices do not work:\n{pc.run('dmesg | grep -i usb | tail -n 20').out}")
    install(pc)


def install_and_confirm(pc):
    _install(pc)
    confirm(pc)


def installed(built_in=BUILT_IN, append="", confirmed=True, **options):
    """A running clinic PC in a fraction of a second. Use it with `with`."""
    prepare = install_and_confirm if confirmed else _install
    options = dict(append=append, built_in=tuple(built_in), **options)
    folder = template(prepare, parts=[confirmed, FRESH_UNIT, *packages()], what="the clinic PC", cls=ClinicPc, **options)
    return ClinicPc(template=folder, **options)


def _make_disk(path, prepare):
    with open(path, "wb") as f:
        f.truncate(STATE_SIZE)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-L", "state", path], check=True)
    pc = ClinicPc(built_in=BUILT_IN, state=path)
    with pc:
        prepare(pc)
        pc.sh("sync")
        pc.poweroff()


def installed_disk(confirmed=True):
    """The disk of a clinic PC, the agent installed, shut down in order; made once per build."""
    made_of = key(ClinicPc(state="@", built_in=BUILT_IN), confirmed, FRESH_UNIT, *packages())
    path = LAB / "disks" / f"clinic-{made_of}.img"
    if not path.exists():
        with Lock("disks"):
            if not path.exists():
                say("installing onto a disk (once) ...")
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_suffix(".part")
                _make_disk(part, install_and_confirm if confirmed else _install)
                for old in path.parent.glob("clinic-*.img"):
                    old.unlink()
                part.rename(path)
    return path


@contextlib.contextmanager
def disk_copy(original=None):
    """A private copy of an installed disk, for cold boots and power cuts; gone at the end."""
    (LAB / "run").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LAB / "run") as folder:
        copy = Path(folder, "disk.img")
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", original or installed_disk(), copy], check=True)
        yield copy


def cold(disk, append=DENY, built_in=BUILT_IN, **options):
    """A clinic PC that boots from a disk_copy(), kernel denying by default. Use it with `with`."""
    return ClinicPc(append=append, built_in=tuple(built_in), state=disk, **options)
