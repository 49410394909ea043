# SPDX-License-Identifier: GPL-2.0-or-later
"""Stick images. No mount, loop device or device mapper of the host is used: vfat, ext4 and iso9660
are written by their own tools; exfat, ntfs and udf by the lab's guest, onto an emulated stick.

Each image is made once and kept in build/lab/images, under the digest of what is in it.
Plugging copies it, so nobody needs to fear for the original.
"""
import io
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from . import content
from .paths import LAB, LabError, Lock, digest, say

MIB = 1 << 20
SECTOR = 512
EPOCH = 1714521600  # 2024-05-01: the same files give the same image
GUEST_MKFS = {"exfat": "mkfs.exfat -L {label} {dev}", "ntfs": "mkntfs -Q -F -L {label} {dev}",
              "udf": "mkudffs -b 2048 -l {label} {dev}"}
GUEST_MOUNT = {"exfat": "mount -t exfat", "ntfs": "ntfs-3g", "udf": "mount -t udf"}
PARTITION_TYPES = {"dos": {"vfat": "c", "ext4": "83"},
                   "gpt": {"vfat": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
                           "ext4": "0FC63DAF-8483-4772-8E79-3D69D8477DE4"}}
TOOLS = {**os.environ, "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
         "MTOOLS_SKIP_CHECK": "1", "SOURCE_DATE_EPOCH": str(EPOCH)}


def tool(*args, **more):
    done = subprocess.run([str(a) for a in args], env=TOOLS, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    if done.returncode:
        raise LabError(f"{args[0]}: {done.stdout.decode(errors='replace')}")


def cached(kind, make, *parts):
    """build/lab/images/<kind>-<digest>.img, made by make(path) when it is not there."""
    path = LAB / "images" / f"{kind}-{digest(*parts)}.img"
    if not path.exists():
        with Lock("images"):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_suffix(".part")
                part.unlink(missing_ok=True)
                make(part)
                part.rename(path)
    return path


def blank(path, size):
    with open(path, "wb") as f:
        f.truncate(size)


def stage(files, folder):
    for name, data in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for path in Path(folder).rglob("*"):
        os.utime(path, (EPOCH, EPOCH))


def _make_vfat(path, folder, size, label):
    blank(path, size)
    tool("mkfs.vfat", "--invariant", "-n", label, path)
    entries = sorted(Path(folder).iterdir())
    if entries:
        tool("mcopy", "-s", "-Q", "-m", "-i", path, *entries, "::")


def _make_ext4(path, folder, size, label):
    blank(path, size)
    tool("mkfs.ext4", "-q", "-L", label, "-d", folder, path)


def _make_iso(path, folder, size, label):
    tool("genisoimage", "-quiet", "-V", label, "-J", "-r", "-o", path, folder)


def _make_in_guest(fs):
    def make(path, folder, size, label):
        from .template import bare  # the machine plugs images: only here does an image need it
        blank(path, size)
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(folder, arcname=".")
        with bare() as pc:
            stick = pc.plug("stick", image=path)
            if pc.wait(stick.block) is None:
                raise LabError("the image's disk did not appear in the guest")
            device = f"/dev/{stick.block()[0]}"
            pc.sh("mkdir -p /m; " + GUEST_MKFS[fs].format(label=label, dev=device), timeout=120)
            pc.sh(f"{GUEST_MOUNT[fs]} {device} /m && tar -x --no-same-owner -f - -C /m && umount /m && sync",
                  archive.getvalue(), timeout=600)
            tool("cp", "--sparse=always", stick.image, path)
    return make


MAKERS = {"vfat": _make_vfat, "ext4": _make_ext4, "iso9660": _make_iso,
          **{fs: _make_in_guest(fs) for fs in GUEST_MKFS}}


def filesystem(fs, files, label="SEKISHO", size=64 * MIB):
    """An image that is one file system, without a partition table. files: {name: bytes}."""
    def make(path):
        with tempfile.TemporaryDirectory() as folder:
            stage(files, folder)
            MAKERS[fs](path, folder, size, label)

    return cached(fs, make, fs, label, size, *[part for item in sorted(files.items()) for part in item])


def copy_into(image, disk, offset):
    """Copy only what is data, so that the result stays sparse."""
    with open(image, "rb") as source, open(disk, "r+b") as target:
        end, at = os.path.getsize(image), 0
        while at < end:
            try:
                at = os.lseek(source.fileno(), at, os.SEEK_DATA)
            except OSError:
                return
            stop = os.lseek(source.fileno(), at, os.SEEK_HOLE)
            while at < stop:
                source.seek(at)
                target.seek(offset + at)
                at += target.write(source.read(min(MIB, stop - at)))


def partitioned(table, parts):
    """A disk with a partition table ("dos" or "gpt"); parts: [(file system, image)]."""
    def make(path):
        script, at, places = [f"label: {table}"], MIB, []
        for fs, image in parts:
            sectors = -(-os.path.getsize(image) // MIB) * MIB // SECTOR
            kind = PARTITION_TYPES[table].get(fs) or ("7" if table == "dos" else PARTITION_TYPES["gpt"]["vfat"])
            script.append(f"start={at // SECTOR}, size={sectors}, type={kind}")
            places.append(at)
            at += sectors * SECTOR
        blank(path, at + MIB)
        tool("sfdisk", "-q", "--no-reread", "--no-tell-kernel", path, input="\n".join(script).encode())
        for (_, image), place in zip(parts, places):
            copy_into(image, path, place)

    return cached(table, make, table, *[x for fs, image in parts for x in (fs, image.name)])


def luks(passphrase="secret", size=64 * MIB, options=()):
    """A LUKS2 container with nothing in it; its key derivation is made cheap for emulated CPUs."""
    def make(path):
        blank(path, size)
        tool("cryptsetup", "luksFormat", "-q", "--type", "luks2", "--pbkdf", "pbkdf2",
             "--pbkdf-force-iterations", "1000", *options, path, "-", input=passphrase.encode())

    return cached("luks2", make, passphrase, size, *options)


# --- the catalogue

def clean(fs="vfat", table=None):
    """Documents only. table: None (no partition table), "dos" or "gpt"."""
    image = filesystem(fs, content.documents(), label="CLEAN")
    return partitioned(table, [(fs, image)]) if table else image


def infected(fs="vfat", table=None):
    image = filesystem(fs, content.infected(), label="INFECTED")
    return partitioned(table, [(fs, image)]) if table else image


def few_infected():
    """Two infected files among clean ones: enough to be shown to a person."""
    every = content.infected()
    files = {name: every[name] for name in ("eicar.com", "clean.txt", "clean.pdf")}
    return filesystem("vfat", {**files, "invoice.zip": every["samples/clam.zip"]}, label="INFECTED")


def refused_types(fs="vfat"):
    return filesystem(fs, content.refused_by_type(), label="PROGRAMS")


def two_partitions():
    return partitioned("gpt", [("vfat", filesystem("vfat", content.documents(), label="FIRST")),
                               ("ext4", filesystem("ext4", {"second.txt": content.text(2)}, label="SECOND"))])


def disc():
    return filesystem("iso9660", content.documents(), label="DISC")


def empty(size=64 * MIB):
    """A blank medium."""
    return cached("blank", lambda path: blank(path, size), size)


def _stage_many(folder, count, per_folder, size):
    for n in range(count):
        path = Path(folder, f"case-{n // per_folder:04d}", f"file-{n:06d}.txt")
        if n % per_folder == 0:
            path.parent.mkdir()
        with open(path, "wb") as f:
            f.write(f"Case {n}\n".encode() * 64)
            f.truncate(size)
        os.utime(path, (EPOCH, EPOCH))


def full_stick(count=20_000, size=4 << 30):
    """A full stick: `count` files, each of other content, that fill `size` bytes."""
    def make(path):
        say("writing the full stick (once, a minute) ...")
        blank(path, size)
        tool("mkfs.vfat", "--invariant", "-F", "32", "-s", "8", "-n", "FULL", path)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            _stage_many(folder, count, 100, (size - size // 16) // count)
            tool("mcopy", "-s", "-Q", "-m", "-i", path, *sorted(Path(folder).iterdir()), "::")
        tool("fallocate", "--dig-holes", path)

    return cached("full", make, count, size)


def phone_folder():
    """What a telephone shows over MTP."""
    folder = LAB / "images" / "phone"
    stage({"DCIM/photo.png": content.png(), "DCIM/note.txt": content.text()}, folder)
    return folder
