# SPDX-License-Identifier: GPL-2.0-or-later
"""Media that are made to deceive: one that answers differently the second time, one that grows, one with a second partition, one
with another file system inside. None is opened as something else than it was checked to be.

Serves OUT-1, OUT-2, MAL-1.
"""
import hashlib
import re
import shutil
import struct
import sys

from lab import clinic_pc, images, media
from lab.carry import PLACE, Stick, journal, prepared, volume_of
from lab.console import Console
from lab.paths import TOP

sys.path.insert(0, str(TOP / "tests/integration"))

from luks2_header import Header, setter  # noqa: E402

HEADER, GROWTH, SECTOR = 16 << 20, 16 << 20, 512
# What the medium is mapped to: a name, the cipher, the key's place; nothing here is ever printed.
MAPPING = re.compile(r"0 (\d+) crypt (\S+) \S+ 0 \S+ (\d+)")


def with_change(image, change):
    """The beginning of the medium with another header: null cipher, ..."""
    with open(image, "rb") as file:
        header = Header.__new__(Header)
        header.medium = bytearray(file.read(HEADER))
    header.size = int.from_bytes(header.medium[8:16], "big")
    header.change(change)
    return bytes(header.medium)


def mapping(pc):
    """(sectors, cipher, offset) of what is mapped, or None."""
    found = MAPPING.search(pc.run("dmsetup table").out)
    return found and (int(found[1]), found[2], int(found[3]))


def liar(work, image, lie):
    """Another header each time that it is read anew: the second look sees the lie."""
    stick = work.pc.plug("liar", image=image, lie=lie, serial=image.stem)
    volume = volume_of(work.pc, stick)
    work.pc.wait(lambda: work.code(volume) == "SK-1230", 40)
    return stick, volume


def forget(pc):
    """The kernel has nothing of any medium in memory and asks the device again."""
    pc.sh("sync; echo 3 >/proc/sys/vm/drop_caches")


def lies(check, work, image, wanted):
    """wanted: how it is mapped when all is well."""
    pc = work.pc
    null = with_change(image, setter("cipher_null-ecb", "segments", "0", "encryption"))
    stick, volume = liar(work, image, null)
    check("a medium that will lie looks like the one it is", work.code(volume) == "SK-1230", work.shown(volume))
    forget(pc)
    stick.liar.lying = True
    code = work.carry("open", volume)[0]
    check("the header was exchanged before it is opened: refused", code == "SK-1234", f"{code} {pc.run('dmsetup table').out}")
    check("nothing is mapped", mapping(pc) is None)
    stick.unplug()
    for after in range(4):
        stick, volume = liar(work, image, null)
        forget(pc)
        stick.liar.lies_after, before = after, stick.liar.reads
        code = work.carry("open", volume)[0]
        check(f"exchanged after {after} looks: opened as what it was, or not at all",
              (code, mapping(pc)) in (("SK-1231", wanted), ("SK-1234", None)),
              f"{code} {mapping(pc)} {wanted}", f"{code}, {stick.liar.reads - before} looks")
        stick.liar.lies_after, stick.liar.lying = None, False
        pc.wait(lambda: pc.ctl("media", "eject", volume).ok or code != "SK-1231", 30)
        stick.unplug()


def grows(check, work, stick, wanted):
    """It says that it is larger, while it is open, and when it is plugged in again."""
    pc = work.pc
    volume = stick.plug()
    stick.wait("SK-1230")
    check.equal("open", work.carry("open", volume)[0], "SK-1231")
    size = stick.image.stat().st_size
    pc.qmp("block_resize", node__name=f"disk-{stick.stick.name}", size=size + GROWTH)
    pc.sh(f"echo 1 >/sys/block/{volume}/device/rescan")
    grown = pc.wait(lambda: int(pc.get(f"/sys/block/{volume}/size")) * SECTOR == size + GROWTH, 20)
    check("the kernel sees a larger medium", grown, pc.get(f"/sys/block/{volume}/size"))
    check("what is mapped is what it was, or nothing any more", pc.wait(lambda: mapping(pc) is None, 5) or mapping(pc) == wanted,
          mapping(pc))
    check("and that is on record", mapping(pc) or media.wait_body(pc, "medium.pulled", "SK-1217") is not None)
    check("ejected", pc.wait(lambda: pc.ctl("media", "eject", volume).ok, 30), journal(pc))
    stick.pull()
    volume = stick.plug()
    pc.wait(lambda: work.code(volume), 40)
    code = work.carry("open", "--read-only", volume)[0]
    check("larger than it was: its own content, or refused",
          code != "SK-1232" or pc.staff(f"cmp /etc/login.defs {PLACE}/紹介状.txt").ok, code, code)
    pc.wait(lambda: pc.ctl("media", "eject", volume).ok or code != "SK-1232", 20)
    stick.pull(keep=False)


def partition_table(image, entry):
    """A partition table in the room that the header leaves: the end of its checksum's field, which is longer than the
    checksum, has the fourth entry and the mark. The kernel wants 0 or 0x80 where the other entries begin, which are inside the
    checksum: it is made again with another salt until they are."""
    with open(image, "r+b") as file:
        size = int.from_bytes(file.read(16)[8:], "big")
        file.seek(0)
        header = bytearray(file.read(size))
        header[448:512] = bytes(64)
        for salt in range(1 << 22):
            header[104:108] = salt.to_bytes(4, "big")
            digest = hashlib.sha256(header).digest()
            if digest[462 - 448] in (0, 0x80) and digest[478 - 448] in (0, 0x80):
                break
        header[448:512] = digest + bytes(14) + entry + b"\x55\xaa"
        file.seek(0)
        file.write(header)


def second_partition(check, work, image):
    """A partition behind the medium's own data, with a file system that anybody could write to."""
    pc = work.pc
    copy = image.with_name("carry-partition.img")
    shutil.copy(image, copy)
    begin, extra = copy.stat().st_size, images.clean()
    with open(copy, "ab") as file, open(extra, "rb") as second:
        shutil.copyfileobj(second, file)
    partition_table(copy, struct.pack("<8sII", bytes([0, 0, 0, 0, 0x0C, 0, 0, 0]), begin // SECTOR,
                                      extra.stat().st_size // SECTOR))
    stick = Stick(work, copy)
    volume = stick.plug()
    part = f"{volume}4"
    if not check("the kernel sees a second partition", pc.wait(lambda: pc.glob(f"/sys/block/{volume}/{part}/start"), 20),
                 pc.run("cat /proc/partitions; dmesg | tail").out):
        return
    pc.wait(lambda: work.code(volume) and work.code(part), 20)
    check("root does not write to it", not pc.run(f"dd if=/dev/zero of=/dev/{part} bs=512 count=1 conv=fsync").ok)
    code = work.carry("open", volume)[0]
    check("the medium itself: what it was, or refused", code not in ("SK-1231", "SK-1232") or
          pc.staff(f"cmp /etc/login.defs {PLACE}/紹介状.txt").ok, code, f"{code}, {part}: {work.code(part)}")
    check("root does not write to it then", not pc.run(f"dd if=/dev/zero of=/dev/{part} bs=512 count=1 conv=fsync").ok)
    check("nor is it mounted for writing", not any(f"/dev/{part} " in line and " rw," in line
                                                   for line in pc.run("cat /proc/mounts").out.splitlines()))
    pc.wait(lambda: pc.ctl("media", "eject", volume).ok or code != "SK-1231", 20)
    stick.pull(keep=False)


def inner(check, work, image, table):
    """By somebody who has the key of the volume: another file system inside, with links, devices and set-user-id programs."""
    pc = work.pc
    copy = image.with_name("carry-inner.img")
    shutil.copy(image, copy)
    stick = Stick(work, copy)
    volume = stick.plug()
    stick.wait("SK-1230")
    pc.put(re.sub(r" \d+:\d+ ", f" /dev/{volume} ", table).encode(), "/run/table", "600")
    pc.sh(f"systemctl stop sekishod; blockdev --setrw /dev/{volume} && dmsetup create evil /run/table && "
          "mkfs.ext4 -q -L 紹介状用 /dev/mapper/evil && mkdir -p /m && mount /dev/mapper/evil /m && "
          "cp /bin/bash /m/shell && chmod 4755 /m/shell && mknod -m 666 /m/disk b 254 0 && ln -s /etc/shadow /m/link && "
          "umount /m && dmsetup remove evil; systemctl start sekishod", timeout=120)
    stick.pull()
    volume = stick.plug()
    stick.wait("SK-1230")
    code = work.carry("open", volume)[0]
    check("another file system inside is refused", code not in ("SK-1231", "SK-1232", "") and mapping(pc) is None, code, code)
    check("nothing is mounted", "紹介状用" not in pc.run("cat /proc/mounts").out)
    stick.pull(keep=False)


def run(check):
    with Console() as console, clinic_pc.installed() as pc:
        work, stick = prepared(check, pc, console, "carry-liars.img")
        if not work:
            return
        volume = stick.volume
        image = stick.image
        check.equal("open", work.carry("open", volume)[0], "SK-1231")
        wanted, table = mapping(pc), pc.run("dmsetup table --showkeys").out.split(": ", 1)[1]
        pc.staff(f"cp /etc/login.defs {PLACE}/紹介状.txt")
        check("ejected", pc.wait(lambda: pc.ctl("media", "eject", volume).ok, 30), journal(pc))
        stick.pull()
        lies(check, work, image, wanted)
        second_partition(check, work, image)
        inner(check, work, image, table)
        grows(check, work, stick, wanted)
        check("the records verify", pc.chain_verifies())
