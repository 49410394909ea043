# SPDX-License-Identifier: GPL-2.0-or-later
"""A clean medium of any kind opens for reading, for the person at the desk and for nobody else.

Serves MAL-4, OUT-1, OUT-8.
"""
import hashlib

from lab import clinic_pc, content, images, media

DOCUMENTS = content.documents()
SUMS = {name: hashlib.sha256(data).hexdigest() for name, data in DOCUMENTS.items()}
CARD = "/media/staff/CARD"
STICKS = {"vfat": ("vfat", None), "exfat": ("exfat", "dos"), "ntfs": ("ntfs", None), "ext4": ("ext4", "gpt")}


def opens(check, pc, what, path):
    found = pc.staff(f"cd '{path}' && find . -type f -print0 | xargs -0 sha256sum", timeout=120)
    rows = dict(reversed(line.split("  ./", 1)) for line in found.out.splitlines())
    rows.pop("lost+found", None)
    check.equal(f"{what}: every document reads as it was written", rows, SUMS)


def only_reads(check, pc, what, path):
    write = pc.staff(f"touch '{path}/x'; mkdir '{path}/y'; rm -f '{path}/readme.txt'; : >>'{path}/readme.txt'")
    check(f"{what}: nothing can be written or removed",
          not write.ok and not pc.exists(f"{path}/[xy]") and pc.exists(f"{path}/readme.txt"), write.err)
    options = pc.sh(f"findmnt -n -o OPTIONS --mountpoint '{path}' | tail -1").split(",")
    check(f"{what}: mounted ro,nosuid,nodev,noexec", {"ro", "nosuid", "nodev", "noexec"} <= set(options), options)
    run = media.openways(pc, ["execve"], [f"{path}/readme.txt"])
    check(f"{what}: nothing on it runs", not media.differing(run, {"EACCES", "EPERM"}), run)


def is_private(check, pc, what, path, disk):
    nodes = pc.sh(f"ls /dev/{disk}* /dev/sg* /dev/bsg/* 2>/dev/null; true").split()
    check(f"{what}: there are device nodes to try", f"/dev/{disk}" in nodes)
    for user in ("clerk", "staff"):
        read = pc.as_user(user, "".join(f"head -c1 {node} >/dev/null 2>&1 && echo {node};" for node in nodes) + "true")
        check.equal(f"{what}: {user} cannot read the raw device", read.out.split(), [])
    check.equal(f"{what}: the block device is read-only", pc.sh(f"cat /sys/block/{disk}/ro"), "1")
    look = pc.as_user("clerk", f"ls '{path}' && cat '{path}/readme.txt'")
    check(f"{what}: somebody else cannot look into it", not look.ok and not look.out, look.out)


def udisks_leaves_it(check, pc, what, disk):
    info = pc.staff(f"for d in /dev/{disk}*; do udisksctl info -b $d; done 2>&1").out
    shown = [line for line in info.splitlines() if "HintIgnore:" in line and "true" not in line]
    check(f"{what}: udisks hides it", not shown and "HintAuto:                  true" not in info, info[:300])
    mount = pc.staff(f"for d in /dev/{disk}*; do udisksctl mount --no-user-interaction -b $d && echo MOUNTED; done")
    check(f"{what}: udisks does not mount it", "MOUNTED" not in mount.out, mount.out)


def one_stick(check, pc, fs, image):
    stick = pc.plug("stick", image=image, serial=f"CLEAN-{fs}")
    if not check.within(f"{fs}: mounted for staff", media.wait_mounted(pc, "/media/staff/CLEAN"), media.WAIT):
        return
    opens(check, pc, fs, "/media/staff/CLEAN")
    only_reads(check, pc, fs, "/media/staff/CLEAN")
    is_private(check, pc, fs, "/media/staff/CLEAN", stick.block()[0])
    check(f"{fs}: the scan ends and is recorded", media.wait_body(pc, "medium.scanned", "SK-1221", filesystem=fs))
    if fs in ("vfat", "ext4"):
        udisks_leaves_it(check, pc, fs, stick.block()[0])
    eject = pc.ctl("eject", stick.block()[0], user="staff")
    check(f"{fs}: staff ejects it", eject.ok and not media.mounts(pc), eject.err)
    stick.unplug()
    check.equal(f"{fs}: what was recorded", pc.codes(stick)[-5:],
                ["SK-1001", "SK-1201", "SK-1221", "SK-1218", "SK-1112"])


def several_partitions(check, pc, image):
    stick = pc.plug("stick", image=image, serial="TWO")
    check.within("two partitions: the first is mounted", media.wait_mounted(pc, "/media/staff/FIRST"), media.WAIT)
    check.within("two partitions: the second is mounted", media.wait_mounted(pc, "/media/staff/SECOND"), media.WAIT)
    opens(check, pc, "two partitions", "/media/staff/FIRST")
    check("two partitions: the second reads", pc.staff("cat /media/staff/SECOND/second.txt").ok)
    listed = pc.ctl("media").out
    check("two partitions: both are listed", "FIRST" in listed and "SECOND" in listed, listed)
    stick.unplug()
    check.within("pulled: both mounts are gone", pc.wait(lambda: not media.mounts(pc), 10), 10)
    check("pulled: it is recorded", media.wait_body(pc, "medium.pulled", "SK-1217"))


def nothing_to_open(check, pc):
    """A medium on which there is nothing is told all the same, and why."""
    for what, image, code in (("a table without partitions", images.partitioned("gpt", []), "SK-1225"),
                              ("a blank medium", images.empty(), "SK-1210")):
        stick = pc.plug("stick", image=image, serial=f"NOTHING-{code}")
        check(f"{what}: {code} is recorded", pc.wait(lambda: code in pc.codes(stick), media.WAIT) is not None, pc.codes(stick))
        listed = pc.ctl("media", user="staff").out
        check(f"{what}: it is listed with the reason", stick.block()[0] in listed and code in listed, listed)
        stick.unplug()


def no_driver(check, pc, image):
    pc.sh("echo install exfat /bin/false >/etc/modprobe.d/no-exfat.conf; modprobe -r exfat")
    stick = pc.plug("stick", image=image, serial="NODRIVER")
    refused = media.wait_body(pc, "medium.refused", "SK-1226")
    check("no driver: SK-1226 is recorded, and which one is missing", refused and "exfat" in refused.get("detail", ""), refused)
    stick.unplug()
    pc.sh("rm /etc/modprobe.d/no-exfat.conf")


def disc(check, pc, what, image, label):
    drive = pc.plug("cdrom", image=image)
    path = f"/media/staff/{label}"
    if check.within(f"{what}: mounted for staff", media.wait_mounted(pc, path), media.WAIT):
        opens(check, pc, what, path)
        only_reads(check, pc, what, path)
        is_private(check, pc, what, path, drive.block()[0])
    drive.unplug()
    check.within(f"{what}: gone when pulled", media.wait_unmounted(pc, path), 10)


def stopping(check, pc, image):
    stick = pc.plug("stick", image=image, serial="STOP")
    check.within("stop: mounted first", media.wait_mounted(pc, "/media/staff/CLEAN"), media.WAIT)
    pc.sh("systemctl restart sekishod")
    check("restart: the medium stays", media.mounts(pc) == ["/media/staff/CLEAN"])
    check("restart: a file opens", pc.staff("cat /media/staff/CLEAN/letter.pdf", timeout=30).ok)
    check("restart: it is listed as open", "/media/staff/CLEAN" in pc.ctl("media").out, pc.ctl("media").out)
    pc.sh("systemctl stop sekishod")
    check("stop: nothing stays mounted", not media.mounts(pc), media.mounts(pc))
    raw = pc.as_user("clerk", f"head -c1 /dev/{stick.block()[0]}")
    check("stop: the raw device stays closed", not raw.ok)
    pc.sh("systemctl start sekishod")
    check.within("start: it is opened again", media.wait_mounted(pc, "/media/staff/CLEAN"), media.WAIT)
    check("the chain of records is whole", pc.chain_verifies())


def at_boot(check, stick_image, card_image):
    with clinic_pc.disk_copy() as disk:
        with clinic_pc.cold(disk, sd_slot=True, before=lambda pc: (
                pc.plug("stick", image=stick_image, name="early", serial="EARLY"), pc.insert_card(card_image))) as pc:
            check.within("at boot: the stick is mounted", media.wait_mounted(pc, "/media/staff/CLEAN", 60), 60)
            opens(check, pc, "at boot", "/media/staff/CLEAN")
            card(check, pc)
            card_by_rule(check, pc, card_image)


def card(check, pc):
    """An SD card in a slot of the PC's own, there since before the boot."""
    check.within("SD card: mounted", media.wait_mounted(pc, CARD, 60), 60)
    opens(check, pc, "SD card", CARD)
    only_reads(check, pc, "SD card", CARD)
    is_private(check, pc, "SD card", CARD, "mmcblk0")
    udisks_leaves_it(check, pc, "SD card", "mmcblk0")
    for code, kind, what in (("SK-1201", "medium.admitted", "admitted"), ("SK-1221", "medium.scanned", "scanned")):
        check(f"SD card: {what} as a card, and recorded", media.wait_body(pc, kind, code, disk="mmcblk0", bus="sd"))


def card_by_rule(check, pc, image):
    """Pulled, and put in again when a rule speaks of cards."""
    pc.remove_card()
    check.within("SD card: pulled, no mount is left", media.wait_unmounted(pc, CARD), media.WAIT)
    pc.rules("block bus sd\nallow with-interface one-of { 03:*:* 08:*:* 09:*:* }\n")
    pc.insert_card(image)
    check("SD card: refused when a rule says so", media.wait_body(pc, "medium.refused", "SK-1202", bus="sd"))
    check.equal("SD card: and not mounted", media.mounts(pc), ["/media/staff/CLEAN"])
    raw = pc.as_user("clerk", "head -c1 /dev/mmcblk0")
    check("SD card: nor can its raw device be read", not raw.ok and pc.exists("/dev/mmcblk0"), raw.err)


def run(check):
    sticks = {fs: images.clean(*how) for fs, how in STICKS.items()}
    two = images.two_partitions()
    discs = {"disc, iso9660": (images.disc(), "DISC"),
             "disc, udf": (images.filesystem("udf", DOCUMENTS, label="UDFDISC"), "UDFDISC")}
    card = images.partitioned("dos", [("vfat", images.filesystem("vfat", DOCUMENTS, label="CARD"))])
    with clinic_pc.installed() as pc:
        for fs, image in sticks.items():
            one_stick(check, pc, fs, image)
        several_partitions(check, pc, two)
        nothing_to_open(check, pc)
        no_driver(check, pc, sticks["exfat"])
        for what, (image, label) in discs.items():
            disc(check, pc, what, image, label)
        stopping(check, pc, sticks["vfat"])
    at_boot(check, sticks["ext4"], card)
