# SPDX-License-Identifier: GPL-2.0-or-later
"""The passphrase of a medium is changed, forgotten and recovered; a copy of its header dies with it; and whoever has had it
in hand cannot have it opened as something else.

Serves OUT-2, LOSS-3.
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lab import clinic_pc, images
from lab.carry import OTHER, PASSPHRASE, PLACE, Stick, journal, start
from lab.console import Console
from lab.paths import LAB, TOP

sys.path.insert(0, str(TOP / "tests/integration"))

from luks2_header import Header, setter  # noqa: E402

NEW, THIRD = "Staple-Battery-8-Horse", "Third-Passphrase-9-xyz"
ADDED = "An-Added-Slot-4-Nobody"
OFFLINE = "the passphrase of the recovery key"
HEADER = 16 << 20


def opens(check, stick, name, passphrase, wanted="SK-1231"):
    work = stick.work
    stick.wait("SK-1230")
    code, detail = work.carry("open", stick.volume, passphrase=passphrase)
    check(name, code == wanted, f"{code} {detail} {journal(work.pc) if code != wanted else ''}")
    return code == "SK-1231"


def close(stick):
    stick.work.pc.wait(lambda: stick.work.pc.ctl("media", "eject", stick.volume).ok, 20)
    stick.pull()


def changing(check, work, stick):
    code, detail = work.carry("passphrase", stick.volume, passphrase=f"{OTHER}\n{NEW}")
    check("not by another passphrase", code == "SK-1233", f"{code} {detail}")
    stick.wait("SK-1230")
    code, detail = work.carry("passphrase", stick.volume, passphrase=f"{PASSPHRASE}\n{NEW}")
    check("the passphrase is changed", (code, detail) == ("SK-1245", ""), f"{code} {detail} {journal(work.pc)}")
    opens(check, stick, "the old one does not open any more", PASSPHRASE, "SK-1233")
    if opens(check, stick, "the new one does", NEW):
        check("what was on it is there", work.pc.staff(f"cmp /etc/login.defs {PLACE}/kept.txt").ok)
    close(stick)


def give_out(check, work, folder):
    """Two people have the recovery key given out, and the one with the offline key opens it."""
    console = work.console
    asked = console.admin("recovery", "ask", "--facility", console.facility, "--medium", work.medium, "--reason", "忘れた")
    work.boss.admin("recovery", "decide", "--recovery", asked["id"], "--approved", "true")
    taken = console.run_admin("recovery", "take", asked["id"], "--json")
    Path(folder, "box.json").write_text(taken.stdout)
    opened = console.run_admin("recovery", "open", folder / "recovery.key", folder / "box.json", folder / "slot.key",
                               stdin=f"{OFFLINE}\n")
    check("the recovery key is given out to two people", opened.returncode == 0, f"{taken.stderr} {opened.stderr}")
    return asked["id"], (folder / "slot.key").read_bytes()


def recovering(check, work, stick, folder):
    pc = work.pc
    recovery, key = give_out(check, work, folder)
    pc.put(key, "/run/slot.key", "644")
    pc.put(bytes(32), "/run/no.key", "644")
    stick.plug()
    stick.wait("SK-1230")
    code = work.carry("recover", "--key", "/run/no.key", stick.volume, passphrase=THIRD)[0]
    check("not by another key", code == "SK-1248", code)
    stick.wait("SK-1230")
    code, detail = work.carry("recover", "--key", "/run/slot.key", stick.volume, passphrase=THIRD)
    check("recovered", (code, detail) == ("SK-1245", ""), f"{code} {detail} {journal(pc)}")
    check("the console has the new recovery key", pc.wait(lambda: work.console.admin(
        "recovery", "show", "--recovery", recovery)["replaced"], 20), work.console.admin("recovery", "show", "--recovery", recovery))
    stick.wait("SK-1230")
    code = work.carry("recover", "--key", "/run/slot.key", stick.volume, passphrase=NEW)[0]
    check("the key that was given out opens nothing any more", code == "SK-1248", code)
    opens(check, stick, "nor does the forgotten passphrase", NEW, "SK-1233")
    if opens(check, stick, "the new passphrase does", THIRD):
        check("what was on it is there", pc.staff(f"cmp /etc/login.defs {PLACE}/kept.txt").ok)
    close(stick)
    return key


def attacks(check, work, stick, folder, before, key):
    """By whoever had the medium, and the recovery key of before it was replaced, in hand. Each on a copy."""
    slot = Path(folder, "slot.key")

    def cryptsetup(*args):
        """By the recovery key, which is tried only after the header was told to have it tried."""
        def change(path):
            for words in (("config", "--key-slot", 1, "--priority", "normal", "MEDIUM"), args):
                done = subprocess.run(["/sbin/cryptsetup", *[str(path) if a == "MEDIUM" else str(a) for a in words]],
                                      input=ADDED, text=True, capture_output=True)
                check(f"cryptsetup {words[0]} does it", done.returncode == 0, done.stderr)
        return change

    def tree(change):
        def write(path):
            with open(path, "r+b") as file:
                header = Header.__new__(Header)
                header.medium = bytearray(file.read(HEADER))
                header.size = int.from_bytes(header.medium[8:16], "big")
                header.change(change)
                file.seek(0)
                file.write(header.medium)
        return write

    def attack(name, change, *codes):
        copy = Path(folder, "attack.img")
        shutil.copy(before, copy)
        change(copy)
        volume = stick.plug(copy)
        check(f"{name}: refused", stick.wait(*codes), work.shown(volume))
        code = work.carry("open", volume)[0]
        check(f"{name}: not opened", code in codes, code)
        stick.pull(keep=False)

    weak = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
    attack("a slot added with plain cryptsetup", cryptsetup(
        "luksAddKey", "--batch-mode", *weak, "--key-slot", "2", "--key-file", slot, "MEDIUM", "/dev/stdin"), "SK-1234")
    attack("null cipher (CVE-2025-59054)", tree(setter("cipher_null-ecb", "segments", "0", "encryption")), "SK-1234")
    attack("a weakened segment", tree(setter(str(64 << 20), "segments", "0", "size")), "SK-1234")
    attack("reencryption begun (CVE-2021-4122)", cryptsetup(
        "reencrypt", "--key-slot", "1", "--init-only", "--force-offline-reencrypt", "--batch-mode", *weak, "--key-file", slot,
        "--reduce-device-size", "8M", "MEDIUM"), "SK-1234")
    attack("a token of another medium", tree(setter("01J00000000000000000000001", "tokens", "0", "medium")), "SK-1261")
    attack("a token without a recovery key", tree(setter([], "tokens", "0", "keys")), "SK-1234")


def dying(check, work, stick, before):
    """The header of before the change, put back: of a bound medium it is worth something only as long as the console's
    half exists."""
    with open(stick.image, "r+b") as file, open(before, "rb") as backup:
        file.write(backup.read(HEADER))
    volume = stick.plug()
    opens(check, stick, "a copy of the old header opens with the old passphrase, and the console counts it", PASSPHRASE)
    console = work.console
    console.admin("incident", "report", "--facility", console.facility, "--kind", "loss", "--title", "電車", "--known",
                  "2026-11-22T03:00:00Z", "--media", work.medium)
    check("lost: closed and frozen", stick.wait("SK-5608", "SK-1262"), work.shown(volume))
    for passphrase in (PASSPHRASE, NEW, THIRD):
        check.equal(f"no passphrase opens it any more ({passphrase[:5]})", work.carry("open", volume, passphrase=passphrase)[0],
                    "SK-1262")
    stick.pull(keep=False)


def anew(check, work, folder):
    """Another volume key: the medium is prepared again, under a grant that says so. The header of before is a stranger."""
    work.register("K-002")
    stick = Stick(work, folder / "anew.img")
    volume = stick.plug(images.empty())
    uuids = []
    for again in (False, True):
        work.allow_prepare(again)
        code, detail = work.carry("prepare", "--medium", work.medium, "--confirm", volume, volume)
        check("prepared again" if again else "another one is prepared", code == "SK-1239", f"{code} {detail} {journal(work.pc)}")
        work.pc.wait(lambda: work.row()["luksUuid"] not in (None, *uuids), 20)
        uuids.append(work.row()["luksUuid"])
        if not again:
            shutil.copy(stick.stick.image, folder / "once.img")
    check("the ledger has the new one", None not in uuids and uuids[0] != uuids[1], uuids)
    stick.pull()
    with open(stick.image, "r+b") as file, open(folder / "once.img", "rb") as backup:
        file.write(backup.read(HEADER))
    work.approve(work.request())
    volume = stick.plug()
    check("with the header of before it is another medium", stick.wait("SK-1235"), work.shown(volume))
    stick.pull(keep=False)


def run(check):
    (LAB / "run").mkdir(parents=True, exist_ok=True)
    with Console() as console, clinic_pc.installed() as pc, tempfile.TemporaryDirectory(dir=LAB / "run") as folder:
        folder = Path(folder)
        made = console.run_admin("recovery-key", "make", folder / "recovery.key", stdin=f"{OFFLINE}\n{OFFLINE}\n")
        work = start(pc, console)
        work.recovery = made.stdout.strip()
        stick = Stick(work, folder / "stick.img")
        volume = stick.plug(images.empty())
        work.allow_prepare()
        code, detail = work.carry("prepare", "--confirm", volume, volume)
        check("prepared", code == "SK-1239", f"{code} {detail} {journal(pc)}")
        work.approve(work.request())
        if not opens(check, stick, "open", PASSPHRASE):
            return
        pc.staff(f"cp /etc/login.defs {PLACE}/kept.txt")
        close(stick)
        before = Path(folder, "before.img")
        shutil.copy(stick.image, before)
        stick.plug()
        stick.wait("SK-1230")
        changing(check, work, stick)
        key = recovering(check, work, stick, folder)
        attacks(check, work, stick, folder, before, key)
        dying(check, work, stick, before)
        anew(check, work, folder)
        check("the records verify", pc.chain_verifies())
