# SPDX-License-Identifier: GPL-2.0-or-later
"""A drive that burns: the DVD writer of tgt (Linux SCSI target framework), which QEMU passes through to the PC by iSCSI, on
a USB bridge. A disc is a file here; once it was closed it is a DVD-ROM, as with a real drive.

What QEMU's packages leave out (its iSCSI) and tgt are unpacked into the lab's folder, never installed: tgt's service would
start on the machine of whoever runs the lab."""
import contextlib
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .paths import LAB, LabError, digest

TARGET = "iqn.2026-11.jp.example:burner"
PACKAGES = ("tgt", "libiscsi7")
ROOM = "64"  # of a disc's file when it is made; it grows


def _qemu_version():
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "qemu-system-x86"], capture_output=True, text=True,
                          check=True).stdout


def unpacked():
    """The folder with the programs; QEMU takes modules of its own build only."""
    wanted = [*PACKAGES, f"qemu-block-extra={_qemu_version()}"]
    folder = LAB / f"burner-{digest(*wanted)}"
    if not folder.exists():
        LAB.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=LAB) as place:
            done = subprocess.run(["apt-get", "-qq", "download", *wanted], cwd=place, capture_output=True, text=True)
            debs = list(Path(place).glob("*.deb"))
            if done.returncode or len(debs) != len(wanted):
                raise LabError(f"{' '.join(wanted)} cannot be fetched: {done.stderr}")
            root = Path(place) / "root"
            for deb in debs:
                subprocess.run(["dpkg", "-x", deb, root], check=True)
            with contextlib.suppress(OSError):  # somebody else was quicker
                root.rename(folder)
    return folder


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Burners:
    """with Burners() as burners: machines that are started inside can have drives plugged in."""

    def __enter__(self):
        self.root = unpacked()
        self.place = tempfile.TemporaryDirectory(prefix="sekisho-lab-burner-")
        self.port, self.control, self.n = _free_port(), str(_free_port() % 30000 + 1), 0
        libraries = next(self.root.glob("usr/lib/*/qemu"))
        self.before = {name: os.environ.get(name) for name in ("QEMU_MODULE_DIR", "LD_LIBRARY_PATH")}
        os.environ["QEMU_MODULE_DIR"], os.environ["LD_LIBRARY_PATH"] = str(libraries), str(libraries.parent)
        Path("/var/run/tgtd").mkdir(exist_ok=True)
        self.log = open(Path(self.place.name) / "log", "wb")
        # It must not outlive this program, even if that is killed.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", self.root / "usr/sbin/tgtd", "-f", "-C", self.control,
                                         "--iscsi", f"portal=127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)
        for _ in range(100):
            if self._tell("--op", "show", "--mode", "sys", check=False).returncode == 0:
                return self
            time.sleep(0.05)
        raise LabError("tgtd does not start")

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.place.cleanup()
        for name, value in self.before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _tell(self, *words, check=True):
        return subprocess.run([self.root / "usr/sbin/tgtadm", "-C", self.control, "--lld", "iscsi", *words],
                              capture_output=True, text=True, check=check)

    def blank(self):
        """A new disc: the path of its file."""
        self.n += 1
        path = Path(self.place.name) / f"disc-{self.n}"
        subprocess.run([self.root / "usr/sbin/tgtimg", "--op", "new", "--device-type", "cd", "--type", "dvd+r", "--file", path,
                        "--size", ROOM], capture_output=True, check=True)
        return path

    def plug(self, pc, disc):
        """A drive with this disc in it. Return: the device; pulled out, it lets the disc go."""
        self.n += 1
        number, name = str(self.n), f"{TARGET}-{self.n}"
        self._tell("--op", "new", "--mode", "target", "--tid", number, "-T", name)
        self._tell("--op", "new", "--mode", "logicalunit", "--tid", number, "--lun", "1", "-b", str(disc), "--device-type=cd")
        self._tell("--op", "bind", "--mode", "target", "--tid", number, "-I", "ALL")
        return pc.plug("burner", portal=f"127.0.0.1:{self.port}", target=name)
