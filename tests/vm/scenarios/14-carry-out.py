# SPDX-License-Identifier: GPL-2.0-or-later
"""A stick becomes a registered medium; it opens under an approval and no other way; it is dead when it is lost.

Serves OUT-1, OUT-2, OUT-3, LOSS-1, LOSS-3.
"""
import shutil
import subprocess
import time

from lab import clinic_pc, images, media, network
from lab.carry import OTHER, PASSPHRASE, PLACE, journal, start, volume_of
from lab.console import Console
from lab.paths import LAB

MIB = 1 << 20


def preparing(check, work, stick, volume):
    pc = work.pc
    check.equal("nobody allowed it: not prepared", work.carry("prepare", volume)[0], "SK-5601")
    check.within("the PC hears that it may", work.allow_prepare(), 15)
    check.equal("a weak passphrase is refused", pc.as_user("staff", f"echo abc | sekishoctl media prepare {volume}").status, 1)
    check.equal("there is data on it: asked first", work.carry("prepare", volume)[0], "SK-1238")
    began = time.monotonic()
    code, detail = work.carry("prepare", "--confirm", volume, volume)
    took = time.monotonic() - began
    if not check("prepared", (code, detail) == ("SK-1239", "K-001"), f"{code} {detail} {journal(pc)}", f"{took:.1f} s"):
        return False
    pc.wait(lambda: work.row().get("mode") == "bound", 30, 0.5)
    check("the ledger knows it", work.row().get("mode") == "bound" and work.row().get("cipher") == "aes-xts-plain64",
          str(work.row()))
    check("its data is gone", b"Take two tablets" not in stick.image.read_bytes()[:64 * MIB])
    check("nobody may use it without an approval", pc.wait(lambda: work.code(volume) == "SK-5601", 30),
          work.shown(volume))
    check("the block layer refuses writes", pc.run(f"dd if=/dev/zero of=/dev/{volume} bs=4096 count=1 conv=fsync").status != 0)
    check("no mapping is left", not pc.glob("/sys/block/dm-*/dm/name"))
    return True


def plain_cryptsetup(check, stick):
    opened = subprocess.run(["/sbin/cryptsetup", "open", "--test-passphrase", "--key-file", "-", str(stick.image)],
                            input=PASSPHRASE.encode(), capture_output=True)
    check("elsewhere the passphrase alone opens nothing", opened.returncode == 2, str(opened))


def opening(check, work, stick, volume):
    """The way of every day, and each refusal with its own code."""
    pc = work.pc
    check.equal("without an approval", work.carry("open", volume)[0], "SK-5601")
    later = work.request(begin=3000)
    work.approve(later)
    check("an approval for later does not open it now",
          pc.wait(lambda: work.carry("open", volume)[0] == "SK-5602", 30), work.carry("open", volume))
    work.withdraw(later)
    request = work.request()
    check("asked for is not approved", pc.wait(lambda: work.carry("open", volume)[0] == "SK-5609", 30), work.carry("open", volume))
    work.approve(request)
    check.within("approved while it is plugged in: it can be opened", pc.wait(lambda: work.code(volume) == "SK-1230", 10), 10)
    check.equal("another passphrase", work.carry("open", volume, passphrase=OTHER)[0], "SK-1233")
    began = time.monotonic()
    code, detail = work.carry("open", volume)
    took = time.monotonic() - began
    if not check("open", (code, detail) == ("SK-1231", PLACE), f"{code} {detail} {journal(pc)}", f"{took:.1f} s"):
        return None
    check("it can be written to", pc.staff(f"cp /etc/login.defs {PLACE}/紹介状.txt && mkdir {PLACE}/画像").ok,
          pc.run(f"ls -la /media/staff {PLACE}; mount | grep media").out)
    check("and read", pc.staff(f"cmp /etc/login.defs {PLACE}/紹介状.txt").ok)
    check("not by others", not pc.as_user("clerk", f"ls {PLACE}").ok)
    check("nothing on it is executed", not pc.staff(f"cp /bin/true {PLACE}/true && {PLACE}/true").ok)
    mapping = next(iter(pc.glob("/sys/block/dm-*/dm/name")), "").split("/")[3:4]
    check("there is one mapping", len(mapping) == 1)
    for node in [f"/dev/{volume}", *(f"/dev/{name}" for name in mapping)]:
        check(f"group disk cannot read {node.rstrip('0123456789')}",
              not pc.as_user("clerk", f"dd if={node} bs=512 count=1 of=/dev/null").ok)
        check(f"nor write {node.rstrip('0123456789')}",
              not pc.as_user("clerk", f"dd if=/dev/zero of={node} bs=512 count=1").ok)
    check("udisks does not know it", not any(f"dm-{m}" in pc.run("udisksctl status; udisksctl dump | grep Device:").out
                                             for m in mapping))
    check("the key of the mapping is told to nobody else", "aes-xts" not in pc.as_user("clerk", "dmsetup table --showkeys").out
          and "aes-xts" in pc.run("dmsetup table").out)
    return request


WRITER = b"""import os, sys, time
with open(sys.argv[1], "wb", buffering=0) as file:
    while True:
        try:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
        except OSError as error:
            open("/tmp/writer-failed", "w").write(str(error))
            sys.exit()
        time.sleep(0.2)
"""


def writer(pc, name):
    """A program of the person at the desk that goes on writing to a file of the medium."""
    pc.put(WRITER, "/run/writer.py")
    pc.staff(f"nohup python3 /run/writer.py {PLACE}/{name} >/dev/null 2>&1 &")
    pc.wait(lambda: pc.run(f"test -s {PLACE}/{name}").ok, 20)


def infected(check, work):
    pc = work.pc
    eicar = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    pc.put(eicar.encode(), "/run/eicar.txt", "644")
    pc.staff(f"cp /run/eicar.txt {PLACE}/letter.txt")
    check("malware that was written to it does not open", not pc.staff(f"cat {PLACE}/letter.txt").ok)
    check("and is on record", media.wait_body(pc, "file.refused", "SK-1203", 30) is not None)
    pc.staff(f"rm {PLACE}/letter.txt")


def closing(check, work, stick, volume):
    pc = work.pc
    pc.staff(f"cp /etc/login.defs {PLACE}/last.txt")
    writer(pc, "open.txt")
    check.equal("a program writes to it: busy", pc.ctl("media", "eject", volume).status, 1)
    pc.run("pkill -f writer.py")
    done = None

    def ejected():
        nonlocal done
        done = pc.ctl("media", "eject", volume)
        return done.ok
    check("ejected", pc.wait(ejected, 20), str(done))
    check("no mapping is left", pc.wait(lambda: not pc.glob("/sys/block/dm-*/dm/name"), 20), pc.run("dmsetup info -c").out)
    (LAB / "run").mkdir(parents=True, exist_ok=True)
    kept = LAB / "run" / f"carry-{stick.name}.img"
    shutil.copy(stick.image, kept)
    stick.unplug()
    return kept


def again(check, work, kept):
    """The stick is plugged in again; what was written is there. Then the approval ends under an open file."""
    pc = work.pc
    stick = pc.plug("stick", image=kept, serial="CARRY")
    volume = volume_of(pc, stick)
    check.within("plugged in again: it waits for its passphrase", pc.wait(lambda: work.code(volume) == "SK-1230", 30), 30)
    code, detail = work.carry("open", "--read-only", volume)
    check("open for reading", code == "SK-1232", f"{code} {detail}")
    check("what was written is there", pc.staff(f"cmp /etc/login.defs {PLACE}/last.txt").ok)
    check("nothing can be written", not pc.staff(f"touch {PLACE}/x").ok)
    check("not by root either: the block layer refuses it",
          pc.run("for d in /dev/dm-*; do dd if=/dev/zero of=$d bs=512 count=1 conv=fsync || exit 1; done").status != 0)
    check("ejected", pc.wait(lambda: pc.ctl("media", "eject", volume).ok, 20))
    stick.unplug()


def ending(check, work, kept, request):
    pc = work.pc
    stick = pc.plug("stick", image=kept, serial="CARRY")
    volume = volume_of(pc, stick)
    pc.wait(lambda: work.code(volume) == "SK-1230", 30)
    check.equal("open", work.carry("open", volume)[0], "SK-1231")
    writer(pc, "long.txt")
    work.withdraw(request)
    check.within("the approval is withdrawn: closed", media.wait_unmounted(pc, PLACE, 15), 15)
    check("and says so", pc.wait(lambda: work.code(volume) in ("SK-5601", "SK-5609"), 15), work.shown(volume))
    check("on record", media.wait_body(pc, "medium.closed", "SK-1242") is not None)
    check("who had a file open writes nothing more", pc.wait(lambda: pc.exists("/tmp/writer-failed"), 20),
          pc.run("dmsetup table; pgrep -af writer").out)
    check("no mapping is left", pc.wait(lambda: not pc.glob("/sys/block/dm-*/dm/name"), 20), pc.run("dmsetup info -c").out)
    stick.unplug()


def attacks(check, work, kept):
    """Each on a copy; refused on sight, without a passphrase."""
    pc = work.pc

    def attack(name, change, *codes):
        copy = LAB / "run" / "carry-attack.img"
        shutil.copy(kept, copy)
        change(copy)
        stick = pc.plug("stick", image=copy, serial="CARRY")
        volume = volume_of(pc, stick)
        check(f"{name}: refused", pc.wait(lambda: work.code(volume) in codes, 30), work.shown(volume))
        code = work.carry("open", volume)[0]
        check(f"{name}: not opened", code in codes, code)
        stick.unplug()

    def cryptsetup(*args):
        return lambda path: subprocess.run(["/sbin/cryptsetup", *args, str(path)], input=b"YES\n", check=True,
                                           capture_output=True)

    attack("another UUID", cryptsetup("luksUUID", "--batch-mode", "--uuid", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"), "SK-1235")
    attack("recovery slot destroyed", lambda path: subprocess.run(
        ["/sbin/cryptsetup", "luksKillSlot", "--batch-mode", str(path), "1"], check=True, capture_output=True), "SK-1234")


def twice(check, work, kept):
    pc = work.pc
    first = pc.plug("stick", image=kept, serial="CARRY")
    volume = volume_of(pc, first)
    pc.wait(lambda: work.code(volume) == "SK-1230", 30)
    second = pc.plug("stick", image=kept, serial="COPY")
    copy = volume_of(pc, second)
    check("a copy beside it is refused", pc.wait(lambda: work.code(copy) == "SK-1236", 30), work.shown(copy))
    second.unplug()
    first.unplug()


def offline(check, work, kept):
    pc = work.pc
    stick = pc.plug("stick", image=kept, serial="CARRY")
    volume = volume_of(pc, stick)
    pc.wait(lambda: work.code(volume) == "SK-1230", 30)
    network.cut(pc)
    code = work.carry("open", volume)[0]
    check.equal("without the console", code, "SK-1513")
    network.cut(pc, off=False)
    check("with the cable back", pc.wait(lambda: work.carry("open", volume)[0] == "SK-1231", 90, 2))
    pc.staff(f"cp /etc/login.defs {PLACE}/pulled.txt")
    stick.unplug()
    check("pulled out while it is open: unmounted", media.wait_unmounted(pc, PLACE), media.mounts(pc))
    check("and on record", media.wait_body(pc, "medium.pulled", "SK-1217") is not None)
    check("no mapping is left", pc.wait(lambda: not pc.glob("/sys/block/dm-*/dm/name"), 20), pc.run("dmsetup info -c").out)


def lost(check, work, kept):
    pc, console = work.pc, work.console
    stick = pc.plug("stick", image=kept, serial="CARRY")
    volume = volume_of(pc, stick)
    pc.wait(lambda: work.code(volume) == "SK-1230", 30)
    check.equal("open", work.carry("open", volume)[0], "SK-1231")
    console.admin("medium", "lose", "--medium", work.medium, "--version", work.row()["version"], "--reason", "電車")
    check.within("reported lost: closed, also where it is open", media.wait_unmounted(pc, PLACE, 15), 15)
    check("and frozen", pc.wait(lambda: work.code(volume) in ("SK-5608", "SK-1262"), 15), work.shown(volume))
    check.equal("with its passphrase too", work.carry("open", volume)[0], "SK-1262")
    stick.unplug()


def run(check):
    image = images.clean()
    with Console() as console, clinic_pc.installed() as pc:
        work = start(pc, console)
        stick = pc.plug("stick", image=image, serial="CARRY")
        volume = volume_of(pc, stick)
        media.wait_mounted(pc, "/media/staff/CLEAN")
        if not preparing(check, work, stick, volume):
            return
        plain_cryptsetup(check, stick)
        request = opening(check, work, stick, volume)
        if not request:
            return
        infected(check, work)
        kept = closing(check, work, stick, volume)
        again(check, work, kept)
        ending(check, work, kept, request)
        work.approve(work.request())
        attacks(check, work, kept)
        twice(check, work, kept)
        offline(check, work, kept)
        lost(check, work, kept)
        check("the records verify", pc.chain_verifies())
        kept.unlink()
