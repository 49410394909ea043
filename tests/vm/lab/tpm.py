# SPDX-License-Identifier: GPL-2.0-or-later
"""A TPM 2.0 for the PC: swtpm, whose state outlives the machine as a chip on the board would."""
import contextlib
import subprocess
import tempfile
import time
from pathlib import Path

from .clinic_pc import DENY, cold
from .paths import LAB, LabError, guest_dir

# The lab's PC has no ACPI, which would tell where the chip is.
KERNEL = f"{DENY} tpm_tis.force=1 tpm_tis.interrupts=0"
# The firmware writes the chip's log at the end of the memory, where QEMU puts the initrd: over nothing of use.
ROOM = 1 << 20
# What OpenSSL needs to use it; not in the guest, because most clinic PCs have none of it.
PACKAGES = ("tpm2-openssl", "libtss2-esys-3.0.2-0", "libtss2-mu0", "libtss2-rc0", "libtss2-sys1", "libtss2-tctildr0",
            "libtss2-tcti-cmd0", "libtss2-tcti-device0", "libtss2-tcti-mssim0", "libtss2-tcti-swtpm0", "tpm-udev")


class Tpm:
    """with tpm.board() as chip, chip.pc(disk) as pc: a clinic PC with this chip, from a disk_copy()."""

    def __init__(self, folder):
        self.folder = folder
        self.arguments = ["-chardev", f"socket,id=tpm,path={folder}/socket", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                          "-device", "tpm-tis,tpmdev=tpm0"]

    def pc(self, disk):
        self._power_on()
        initrd = self.folder / "initrd.img"
        initrd.write_bytes((guest_dir() / "initrd.img").read_bytes() + bytes(ROOM))
        return cold(disk, append=KERNEL, initrd=initrd, extra=self.arguments)

    def _power_on(self):
        """swtpm ends with the machine."""
        (self.folder / "socket").unlink(missing_ok=True)
        subprocess.run(["swtpm", "socket", "--tpm2", "--daemon", "--terminate", "--tpmstate", f"dir={self.folder}", "--ctrl",
                        f"type=unixio,path={self.folder}/socket"], check=True)
        for _ in range(100):
            if (self.folder / "socket").exists():
                return
            time.sleep(0.05)
        raise LabError("swtpm does not start")


@contextlib.contextmanager
def board():
    with tempfile.TemporaryDirectory(prefix="sekisho-lab-tpm-") as name:
        yield Tpm(Path(name))


def software():
    """The packages, fetched once."""
    folder = LAB / "tpm-packages"
    if not folder.exists():
        part = folder.with_suffix(".part")
        part.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *PACKAGES], cwd=part, check=True)
        part.rename(folder)
    return sorted(folder.glob("*.deb"))


def install(pc):
    pc.sh("mkdir -p /var/tmp/tpm")
    for package in software():
        pc.put(package, f"/var/tmp/tpm/{package.name}")
    done = pc.run("DEBIAN_FRONTEND=noninteractive dpkg -i /var/tmp/tpm/*.deb 2>&1", timeout=300)
    if not done.ok:
        raise LabError(f"the TPM's packages do not install:\n{done.out}")
