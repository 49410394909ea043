# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a medium does not open, in words for each case; what is plugged in counts for the stock-taking; reported lost at the
PC it is refused at once, and found again it is not silently usable.

Serves OUT-1, OUT-3, LOSS-1, LOSS-3.
"""
import json
import shutil
import sqlite3
import subprocess

from lab import clinic_pc, images, media, network
from lab.carry import PLACE, journal, start, volume_of
from lab.console import Console
from lab.paths import LAB

NOBODY = "01J00000000000000000N0NE00"
CONTACT = "03-1234-5678 医療安全管理室"
CRYPTSETUP = "/sbin/cryptsetup"


def cryptsetup(*words, data=b""):
    return subprocess.run([CRYPTSETUP, *map(str, words)], input=data, capture_output=True, check=True).stdout


class Stick:
    def __init__(self, work, image):
        self.work, self.pc, self.image = work, work.pc, image
        self.plug()

    def plug(self):
        self.device = self.pc.plug("stick", image=self.image, serial="LOST")
        self.volume = volume_of(self.pc, self.device)
        self.pc.wait(lambda: self.work.code(self.volume), 30)

    def unplug(self):
        self.device.unplug()

    def is_at(self, *codes, seconds=30):
        return self.pc.wait(lambda: self.work.code(self.volume) in codes, seconds)

    def keep(self):
        """What is on it, for later."""
        kept = LAB / "run" / "carry-lost.img"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.device.image, kept)
        return kept


def other_terminal(console, terminal):
    """A PC that is not there: its row, as an enrolment writes it."""
    database = sqlite3.connect(console.folder / "state" / "console.sqlite", timeout=10)
    with database:
        group, facility = database.execute("SELECT group_id, facility_id FROM terminals WHERE id = ?", (terminal,)).fetchone()
        made = terminal[:-4] + "PC22"
        database.execute("INSERT INTO terminals (id, facility_id, group_id, name, enrolled) VALUES (?, ?, ?, '検査-2', 1)",
                         (made, facility, group))
        database.execute("INSERT INTO terminal_revisions (terminal_id, changed) VALUES (?, 1)", (made,))
    database.close()
    return made


def refusals(check, work, stick):
    pc = work.pc
    check("without an approval", work.carry("open", stick.volume)[0] == "SK-5601", work.carry("open", stick.volume))
    here, work.terminal = work.terminal, other_terminal(work.console, work.terminal)
    elsewhere = work.request()
    work.approve(elsewhere)
    check("approved for another PC: so it says", pc.wait(lambda: work.carry("open", stick.volume)[0] == "SK-5610", 20),
          work.carry("open", stick.volume))
    check("and in the list", stick.is_at("SK-5610"), work.shown(stick.volume))
    work.terminal = here
    work.withdraw(elsewhere)
    request = work.request()
    work.approve(request)
    check("approved here: it can be opened", stick.is_at("SK-1230"), work.shown(stick.volume))
    work.withdraw(request)
    check("taken back: so it says", pc.wait(lambda: work.carry("open", stick.volume)[0] == "SK-5609", 20),
          work.carry("open", stick.volume))


def reading(check, work, stick):
    """Without an approval, where the facility lets media be read."""
    pc, console = work.pc, work.console
    facility = console.admin("facility", "show", "--facility", console.facility)
    console.admin("facility", "change", "--facility", console.facility, "--version", facility["version"], "--name",
                  facility["name"], "--contact", CONTACT, "--read-without-approval", "true")
    stick.unplug()
    stick.plug()
    check("the facility lets it be read without an approval", stick.is_at("SK-1230"), work.shown(stick.volume))
    check.equal("not to be written to", work.carry("open", stick.volume)[0], "SK-5601")
    check.equal("opened for reading", work.carry("open", "--read-only", stick.volume)[0], "SK-1232")
    check("nobody writes", not pc.staff(f"touch {PLACE}/x").ok)
    check("the block layer refuses it, at the disk and at the mapping",
          pc.run(f"for d in /dev/{stick.volume} /dev/dm-*; do dd if=/dev/zero of=$d bs=512 count=1 conv=fsync && exit 1; done; "
                 "exit 0").ok)
    uses = [u["outcome"] for u in console.admin("key", "uses", "--of-medium", work.medium)["items"]]
    check("the use of its key is on record", uses and uses[-1] == "evaluated", uses)
    check("ejected", pc.wait(lambda: pc.ctl("media", "eject", stick.volume).ok, 20))
    facility = console.admin("facility", "show", "--facility", console.facility)
    console.admin("facility", "change", "--facility", console.facility, "--version", facility["version"], "--name",
                  facility["name"], "--read-without-approval", "false")


def strangers(check, work, kept):
    """Media that are not of this ledger are named as such."""
    copy = LAB / "run" / "carry-stranger.img"
    shutil.copy(kept, copy)
    token = json.loads(cryptsetup("token", "export", "--token-id", "0", copy))
    token.update(medium=NOBODY, organisation="01J0000000000000000THERE00")
    cryptsetup("token", "remove", "--token-id", "0", copy)
    cryptsetup("token", "import", "--token-id", "0", "--json-file", "-", copy, data=json.dumps(token).encode())
    stick = Stick(work, copy)
    check("a medium of another organisation is named, and refused", stick.is_at("SK-1260"), work.shown(stick.volume))
    check.equal("it does not open", work.carry("open", stick.volume)[0], "SK-1260")
    stick.unplug()
    with open(copy, "wb") as file:
        file.truncate(64 << 20)
    cryptsetup("luksFormat", "--type", "luks2", "--batch-mode", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
               "--key-file", "-", copy, data=b"somebody else's")
    stick = Stick(work, copy)
    check("a foreign encrypted medium is named, and refused", stick.is_at("SK-1211"), work.shown(stick.volume))
    stick.unplug()


def counted(check, work, stick):
    console, pc = work.console, work.pc
    missing = console.admin("medium", "register", "--facility", console.facility, "--number", "K-002", "--label", "予備",
                            "--kind", "usb-stick")["id"]
    run = console.admin("stock-taking", "begin", "--facility", console.facility, "--name", "棚卸")
    stick.unplug()
    stick.plug()

    def results():
        rows = console.admin("stock-taking", "sightings", "--run", run["id"])["items"]
        return {row["medium"]: row["result"] for row in rows}
    check("plugged in, it is counted", pc.wait(lambda: results().get(work.medium) == "seen", 20, 0.5), results())
    check("what was not seen is open", results().get(missing) == "open", results())
    check("the ledger says where it was last", work.terminal in str(work.row().get("lastSeenBy")), work.row())


def lost(check, work, stick):
    """Offline, open, in the middle of work."""
    pc, console = work.pc, work.console
    work.approve(work.request())
    stick.is_at("SK-1230")
    check.equal("open", work.carry("open", stick.volume)[0], "SK-1231")
    network.cut(pc)
    said = pc.as_user("staff", "sekishoctl media report-lost --text 電車の中 --json K-001", 60)
    check("reported while the console is away: the report is on its way", "SK-1264" in said.out, f"{said.out}{said.err}")
    check.within("closed at once", media.wait_unmounted(pc, PLACE, 10), 10)
    check("and refused", stick.is_at("SK-5608"), work.shown(stick.volume))
    pc.sh("systemctl restart sekishod")
    check("over a start of the agent, too", stick.is_at("SK-5608", "SK-1262"), work.shown(stick.volume))
    network.cut(pc, off=False)
    check("the console hears of it, and destroys its key", pc.wait(lambda: work.row()["state"] == "revoked", 120, 1),
          work.row()["state"])
    incidents = console.admin("incident", "list")["items"]
    check("there is an incident", len(incidents) == 1 and "K-001" in incidents[0]["title"], incidents)
    check("and an alert", any(a["kind"] == "loss-reported" for a in console.admin("alert", "list")["items"]))
    kept = stick.keep()
    stick.unplug()
    return kept


def found(check, work, kept):
    pc, console = work.pc, work.console
    stick = Stick(work, kept)
    check("found and plugged in: it says that it was lost", stick.is_at("SK-1262"), work.shown(stick.volume))
    check("and to whom it is brought", CONTACT in work.shown(stick.volume).get("detail", ""), work.shown(stick.volume))
    code, detail = work.carry("open", stick.volume)
    check("it does not open", code == "SK-1262" and CONTACT in detail, f"{code} {detail}")
    check("the console raises an alert", pc.wait(
        lambda: any(a["kind"] == "lost-medium-seen" for a in console.admin("alert", "list")["items"]), 20, 0.5))
    stick.unplug()


def run(check):
    with Console() as console, clinic_pc.installed() as pc:
        work = start(pc, console)
        stick = Stick(work, images.clean())
        stick.is_at("SK-1201")
        allowed = work.allow_prepare()
        made = work.carry("prepare", "--confirm", stick.volume, stick.volume)
        if not check("prepared", allowed and made[0] == "SK-1239", f"{made} {journal(pc)}"):
            return
        stick.is_at("SK-5601")
        stick.image = stick.keep()
        refusals(check, work, stick)
        reading(check, work, stick)
        counted(check, work, stick)
        kept = lost(check, work, stick)
        found(check, work, kept)
        strangers(check, work, kept)
        check("the records verify", pc.chain_verifies())
