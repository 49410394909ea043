# SPDX-License-Identifier: GPL-2.0-or-later
"""A clinic PC whose disk is encrypted: made in the guest with Debian's own tools, opened by a typed passphrase."""
import contextlib
import tempfile
from pathlib import Path

from . import clinic_pc, images
from .paths import LAB, VM, LabError

PASSPHRASE = "secret"
SIZE = 1 << 30
NAME = "labroot"
BOOT = f"root=/dev/mapper/{NAME} rw console=tty0"  # the last console is where the passphrase is asked for
FILES = {"hook": "hooks/lab", "init-premount": "scripts/init-premount/lab", "init-bottom": "scripts/init-bottom/lab"}
CONFIGURE = f"""set -e
cryptsetup open --key-file - $DISK {NAME}
mkfs.ext4 -q /dev/mapper/{NAME}
echo {NAME} UUID=$(cryptsetup luksUUID $DISK) none luks,initramfs >/etc/crypttab
sed -i 's/^MODULES=.*/MODULES=list/; s/^COMPRESS=.*/COMPRESS=gzip\\nCOMPRESSLEVEL=1/' /etc/initramfs-tools/initramfs.conf
rm /etc/initramfs-tools/update-initramfs.conf
: >/boot/initrd.img-$(uname -r)
"""
# What the running PC has written is copied onto the disk that it will boot from.
MOVE = f"""set -e
systemctl stop 'sekisho*'
mount /dev/mapper/{NAME} /mnt
cp -a /run/lab/up /mnt/
mkdir -m 755 /mnt/work
umount /mnt
cryptsetup close {NAME}
"""


def _add_disk(pc, image):
    pc.qmp("blockdev-add", {"node-name": "encrypted", "driver": "raw", "file": {
        "driver": "file", "filename": str(image), "locking": "off"}})
    pc.qmp("device_add", driver="virtio-blk-pci", id="encrypted", bus="slot0", drive="encrypted")
    if pc.wait(lambda: pc.exists("/sys/block/vdb"), 20) is None:
        raise LabError("the disk to be encrypted did not appear in the guest")


def prepare(pc, disk):
    """Encrypts the disk, confirms the trial (which makes the initramfs) and moves the PC onto the disk. Returns the
    initramfs."""
    _add_disk(pc, disk)
    for name, target in FILES.items():
        pc.put(VM / "initramfs" / name, f"/etc/initramfs-tools/{target}", "755")
    pc.sh("DISK=/dev/vdb; " + CONFIGURE, PASSPHRASE.encode(), timeout=120)
    clinic_pc.confirm(pc)
    made = pc.wait("test -s /boot/initrd.img-$(uname -r)", 900, 1)
    log = pc.run("journalctl -u sekisho-boot --no-pager -o cat").out
    if made is None:
        raise LabError(f"no initramfs was made:\n{log}")
    initrd = pc.get(f"/boot/initrd.img-{pc.sh('uname -r')}")
    pc.sh(MOVE, timeout=300)
    return initrd, log


@contextlib.contextmanager
def disk():
    """An empty encrypted disk and a place for its initramfs, gone at the end."""
    image = images.luks(PASSPHRASE, SIZE)
    (LAB / "run").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=LAB / "run") as folder:
        copy = Path(folder, "encrypted.img")
        images.tool("cp", "--sparse=always", "--reflink=auto", image, copy)
        yield copy, Path(folder, "initrd.img")


def wait_asked(pc, timeout=120):
    """Until the initramfs asks for the passphrase; seconds or None."""
    return pc.wait("grep -qx askpass /proc/[0-9]*/comm", timeout, 0.2)


def wait_booted(pc, timeout=180):
    """Until the system on the encrypted disk runs. The lab's end in the initramfs goes without a word."""
    def booted():
        try:
            return pc.run("test -e /run/systemd/system", timeout=5).ok
        except LabError:
            pc.channel.close()
            return False
    return pc.wait(booted, timeout, 0.5)
