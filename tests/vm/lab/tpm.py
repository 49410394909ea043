# SPDX-License-Identifier: GPL-2.0-or-later
"""A TPM 2.0 for the PC: swtpm, whose state outlives the machine as a chip on the board would."""
import contextlib
import subprocess
import tempfile
import time
from pathlib import Path

from .clinic_pc import DENY, cold
from .paths import LabError, guest_dir

# The lab's PC has no ACPI, which would tell where the chip is.
KERNEL = f"{DENY} tpm_tis.force=1 tpm_tis.interrupts=0"
# The firmware writes the chip's log at the end of the memory, where QEMU puts the initrd: over nothing of use.
ROOM = 1 << 20


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
