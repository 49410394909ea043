# SPDX-License-Identifier: GPL-2.0-or-later
"""The button of a desktop and umount(8) close a medium as `sekishoctl eject` does.

Serves OUT-5, OUT-7.
"""
from urllib.parse import quote

from lab import clinic_pc, images, media
from lab.carry import PLACE, journal, start, volume_of
from lab.console import Console

CARD = "/media/staff/CLEAN"


def gio(pc, words):
    """As a file manager of the person at the desk would have it done."""
    return pc.staff(f"LC_ALL=C.UTF-8 XDG_RUNTIME_DIR=/run/user/1000 timeout 60 dbus-run-session -- gio mount {words} 2>&1", 90)


def shown(check, pc, what, path):
    listed = gio(pc, "-l").out
    check(f"{what}: a desktop shows it", f"file://{quote(path)}" in listed, listed)


def unmounted(check, pc, what, path, done):
    check(f"{what}: unmounted by its user", done.ok and path not in media.mounts(pc), f"{done} {journal(pc)}")
    check(f"{what}: nothing is left in the list of umount(8)", path not in pc.run("cat /run/mount/utab").out)


def for_reading(check, pc, fs, unmount):
    """Of these two one is put beneath overlays."""
    stick = pc.plug("stick", image=images.clean(fs), serial=f"DESKTOP-{fs}")
    if not check.within(f"{fs}: mounted", media.wait_mounted(pc, CARD), media.WAIT):
        return
    shown(check, pc, fs, CARD)
    for path in (CARD, f"/dev/{stick.block()[0]}"):
        done = pc.as_user("clerk", f"umount {path}")
        check(f"{fs}: somebody else cannot unmount it by {path}", not done.ok and CARD in media.mounts(pc), done)
    unmounted(check, pc, fs, CARD, unmount(pc, CARD))
    check(f"{fs}: ejected, on record", media.wait_body(pc, "medium.ejected", "SK-1218") is not None)
    stick.unplug()


def kept_list(check, pc, image):
    """A kill at the wrong moment leaves an entry; the next start takes it away."""
    stick = pc.plug("stick", image=image, serial="DESKTOP-KILL")
    media.wait_mounted(pc, CARD)
    pc.run(f"systemctl kill -s KILL sekisho-media; cp /run/mount/utab /run/utab.before; umount {CARD}; cp /run/utab.before /run/mount/utab")
    check("an entry is left", CARD in pc.run("cat /run/mount/utab").out)
    stick.unplug()
    stick = pc.plug("stick", image=images.clean("ext4"), serial="DESKTOP-NEXT")
    pc.wait(lambda: media.mounts(pc), media.WAIT)
    entries = pc.run("grep -c sekisho /run/mount/utab").out.strip()
    check("and is gone after the next start", entries == "1", pc.run("cat /run/mount/utab").out)
    stick.unplug()


def carried(check, work):
    """A carry-out medium: the slip is signed and stored, and the console has the manifest."""
    pc = work.pc
    pc.wait(lambda: work.code(work.volume) == "SK-1230", 30)
    if not check.equal("opened", work.carry("open", work.volume)[0], "SK-1231"):
        return
    shown(check, pc, "carry-out", PLACE)
    pc.staff(f"cp /etc/login.defs {PLACE}/letter.txt; nohup sh -c 'exec 3>{PLACE}/open.txt; while sleep 1; do :; done' >/dev/null 2>&1 &")
    pc.wait(lambda: pc.exists(f"{PLACE}/open.txt"), 20)
    for what, done in (("umount", pc.staff(f"umount {PLACE} 2>&1")), ("the button", gio(pc, f"-u {PLACE}"))):
        check(f"{what}: a file is open for writing, so it stays", not done.ok and PLACE in media.mounts(pc), done)
        if what == "umount":
            check("and it is said who has it", "target is busy: sh (" in done.out, done)
    pc.run("pkill -f open.txt")
    done = gio(pc, f"-u {PLACE}")
    check("the button was heard", done.ok or "being closed" in done.out, done)
    pc.wait(lambda: PLACE not in media.mounts(pc), 60)
    unmounted(check, pc, "carry-out", PLACE, pc.run("true"))
    manifest = media.wait_body(pc, "medium.manifest", "SK-1251", 60)
    check("the slip is signed and on the medium", manifest is not None, journal(pc))

    def whole():
        return [r for r in work.console.admin("manifest", "list", "--of-medium", work.medium)["items"] if r["whole"]]
    pc.wait(whole, 60, 0.5)
    rows = whole()
    check("the console has it, closed in order", bool(rows) and rows[-1]["complete"] and rows[-1]["reason"] == "", rows)


def run(check):
    with Console() as console, clinic_pc.installed() as pc:
        for_reading(check, pc, "vfat", lambda pc, path: pc.staff(f"umount {path} 2>&1"))
        for_reading(check, pc, "ext4", lambda pc, path: gio(pc, f"-u {path}"))
        kept_list(check, pc, images.clean("vfat"))
        work = start(pc, console)
        work.stick = pc.plug("stick", image=images.clean(), serial="DESKTOP")
        work.volume = volume_of(pc, work.stick)
        pc.wait(lambda: work.code(work.volume) == "SK-1201", 30)
        work.allow_prepare()
        check.equal("prepared", work.carry("prepare", "--confirm", work.volume, work.volume)[0], "SK-1239")
        work.approve(work.request())
        carried(check, work)
        check("the records verify", pc.chain_verifies())
