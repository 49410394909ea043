# SPDX-License-Identifier: GPL-2.0-or-later
"""A clinic PC whose disk is encrypted: made in the guest with Debian's own tools, opened by a typed passphrase."""
import contextlib
import subprocess
import tempfile
from pathlib import Path

from . import clinic_pc, images
from .paths import LAB, VM, LabError, guest_dir

PASSPHRASE = "secret"
SIZE = 1 << 30
NAME = "labroot"
BOOT = f"root=/dev/mapper/{NAME} rw console=tty0"  # the last console is where the passphrase is asked for
FILES = {"hook": "hooks/lab", "init-premount": "scripts/init-premount/lab", "init-bottom": "scripts/init-bottom/lab"}
CONFIGURE = f"""set -e
cryptsetup open --key-file - $DISK {NAME}
mkfs.ext4 -q /dev/mapper/{NAME}
echo {NAME} UUID=$(cryptsetup luksUUID $DISK) none luks,initramfs >/etc/crypttab
sed -i 's/^MODULES=.*/MODULES=list/; s/^COMPRESS=.*/COMPRESS=gzip/' /etc/initramfs-tools/initramfs.conf
echo COMPRESSLEVEL=1 >>/etc/initramfs-tools/initramfs.conf
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
    """Until the initramfs asks for the passphrase, in Debian's way or in systemd's; seconds or None."""
    return pc.wait(lambda: pc.exists("/run/systemd/ask-password/ask.*")
                   or pc.run("grep -qx askpass /proc/[0-9]*/comm").ok, timeout, 0.2)


def wait_booted(pc, timeout=180):
    """Until the system on the encrypted disk runs. The lab's end in the initramfs goes without a word."""
    def booted():
        try:
            return pc.run("test -d /etc/sekisho/rules.d", timeout=5).ok
        except LabError:
            pc.channel.close()
            return False
    return pc.wait(booted, timeout, 0.5)


# --- the same by dracut, which is not in the guest: its initramfs is made in a copy of the guest's files

DRACUT = """set -e
cd $TREE
mount -t proc proc proc
mount --bind /dev dev
exec chroot . /usr/bin/env PATH=/usr/sbin:/usr/bin dracut --force --no-hostonly --no-hostonly-cmdline --gzip \\
    --tmpdir /tmp --add "crypt sekisho lab" /boot/dracut.img $(ls usr/lib/modules)
"""


def _unpack(deb, tree):
    """The files of a package; links of the tree stay links (/lib)."""
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE, check=True).stdout
    images.tool("tar", "-x", "--keep-directory-symlink", "-C", tree, input=archive)


def dracut_initrd(folder, learned):
    """An initramfs of dracut's with the agent's module and this list of learned devices; returns it and what dracut
    said. Needs the Debian mirror, as the making of the guest does."""
    tree, debs = Path(folder, "tree"), Path(folder, "debs")
    debs.mkdir()
    images.tool("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", "dracut-core", cwd=debs)
    images.tool("fsck.erofs", f"--extract={tree}", guest_dir() / "root.img")
    for deb in [*debs.glob("*.deb"), clinic_pc.packages()[0]]:
        _unpack(deb, tree)
    images.tool("cp", "-r", VM / "initramfs" / "dracut", tree / "usr/lib/dracut/modules.d/99lab")
    (tree / "etc/sekisho/enforce").touch()
    (tree / "etc/sekisho/boot-input.list").write_bytes(learned)
    done = subprocess.run(["unshare", "--mount", "sh", "-c", DRACUT], env={**images.TOOLS, "TREE": str(tree)},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise LabError(f"dracut: {done.stdout.decode(errors='replace')[-2000:]}")
    return tree / "boot/dracut.img", done.stdout.decode(errors="replace")


def dracut_boot(disk):
    """The kernel command line for it."""
    uuid = subprocess.run(["cryptsetup", "luksUUID", disk], stdout=subprocess.PIPE, check=True, text=True,
                          env=images.TOOLS).stdout.strip()
    return f"rd.luks.name={uuid}={NAME} {BOOT}"
