# SPDX-License-Identifier: GPL-2.0-or-later
"""The power goes, the stick is pulled out, or one of our processes is killed, at a random moment in which a medium is prepared,
written to, ejected, copied to another one, erased for good, or gets another passphrase. Afterwards no medium can be written that
the ledger does not know, none is lost that was closed before, and where ledger and medium differ, it is said and can be
mended.

Serves OUT-1, OUT-2, LOSS-3, LOSS-4.
"""
import json
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import clinic_pc, images
from lab.carry import PASSPHRASE, PLACE, Stick, journal, start
from lab.console import Console
from lab.network import connect
from lab.paths import LAB

PASSPHRASES = (PASSPHRASE, "Staple-Battery-8-Horse", "Third-Passphrase-9-xyz")
JOB = "/tmp/job.out"
ERASED_BYTES = 24 << 20  # a second: so that a cut falls into it
LIMIT = 100000  # tries: the campaign is one long guess
MEDIA = "systemctl show -p MainPID --value sekisho-media"
DESK = "/sys/fs/cgroup/user.slice/user-1000.slice/session-*.scope"
KILLS = {"core": "pkill -9 -x sekishod", "media": f"kill -9 $({MEDIA})", "worker": f"pkill -9 -P $({MEDIA})",
         "luks": "pkill -9 -x sekisho-luks", "monitor": "pkill -9 -x sekisho-monitor"}


class Campaign:
    def __init__(self, check, console, folder):
        self.check, self.console, self.folder = check, console, folder
        self.work = self.stick = self.pc = self.spare = self.target = None
        self.passphrases = [PASSPHRASE]  # of which one opens it
        self.number = 0

    # --- the PC

    def boot(self, pc):
        self.pc = pc
        self.check(f"cut {self.number}: the agent runs", pc.wait(lambda: pc.ctl("status").ok, 180) is not None)
        self.check(f"cut {self.number}: the chain of records verifies", pc.chain_verifies(), pc.ctl("audit", "verify").out)
        self.check(f"cut {self.number}: somebody sits there", pc.wait(f"ls -d {DESK}", 120, 0.5) is not None)
        if self.work:
            self.work.pc = pc
            connect(pc, {port: port for port in (self.console.people, self.console.agents)})

    def first(self):
        """A medium that was prepared, written to and closed."""
        self.work = start(self.pc, self.console)
        self.stick = Stick(self.work, Path(self.folder, "stick.img"))
        volume = self.stick.plug(images.empty())
        self.work.allow_prepare()
        code, detail = self.work.carry("prepare", "--confirm", volume, volume)
        self.check("prepared", code == "SK-1239", f"{code} {detail} {journal(self.pc)}")
        request = self.work.request(end=10 * 3600)
        person = self.console.admin("request", "show", "--request", request)["requester"]
        for kind, subject in {"medium": self.work.medium, "terminal": self.work.terminal, "person": person}.items():
            self.console.admin("key", "limit", "--facility", self.console.facility, "--kind", kind, "--subject", subject,
                               "--per-hour", LIMIT, "--per-day", LIMIT)
        self.work.approve(request)
        self.open()
        self.pc.staff(f"cp /etc/login.defs {PLACE}/kept.txt")
        self.close()

    # --- the medium

    def carry(self, *words, **options):
        """After a start the console is reached a while later than the medium is there."""
        told = []

        def tried():
            told.append(self.work.carry(*words, **options))
            return told[-1][0] != "SK-1513"
        self.pc.wait(tried, 60, 2)
        return told[-1]

    def open(self):
        """By whichever passphrase it has now; that one is known then."""
        self.stick.wait("SK-1230")
        told = []
        for passphrase in reversed(self.passphrases):
            code, detail = self.carry("open", self.stick.volume, passphrase=passphrase)
            told.append(f"{code} {detail}")
            if code == "SK-1231":
                self.passphrases = [passphrase]
                return True
            self.stick.wait("SK-1230")
        self.check(f"cut {self.number}: it opens", False, f"{told} {self.work.shown(self.stick.volume)} {journal(self.pc)}")
        self.stick.pull()
        return False

    def close(self, stick=None):
        stick = stick or self.stick
        self.pc.wait(lambda: self.pc.ctl("media", "eject", stick.volume).ok, 30)
        stick.pull()

    def open_target(self):
        self.target.wait("SK-1230")
        code, detail = self.carry("open", self.target.volume)
        self.check(f"cut {self.number}: the second medium opens", code == "SK-1231", f"{code} {detail} {journal(self.pc)}")

    def whole(self, name):
        """The kernel says of a file system that it opens for writing whether it was closed; exfat has no journal."""
        said = self.pc.run("dmesg | grep 'not properly unmounted'").out
        self.check(f"cut {self.number}, {name}: no file system is written to that was left open", not said, said)

    def protected(self, name):
        volume = self.stick.volume
        done = self.pc.run(f"dd if=/dev/zero of=/dev/{volume} bs=4096 count=1 conv=fsync,notrunc")
        self.check(f"cut {self.number}, {name}: the block layer refuses writes", not done.ok, f"{done}")

    # --- what is cut: each begins something and returns

    def begin(self, words, passphrase):
        self.pc.as_user("staff", f"rm -f {JOB}; (printf '%s\\n' '{passphrase}' | sekishoctl media {words} --json >{JOB} 2>&1; "
                        f"echo done >>{JOB}) >/dev/null 2>&1 &")

    def begin_passphrase(self):
        new = random.choice([p for p in PASSPHRASES if p not in self.passphrases])
        self.stick.plug()
        self.stick.wait("SK-1230")
        self.begin(f"passphrase {self.stick.volume}", f"{self.passphrases[0]}\n{new}")
        self.passphrases.append(new)
        return random.uniform(0, 12)

    def begin_write(self):
        self.stick.plug()
        self.open()
        self.pc.as_user("staff", f"(for i in $(seq 200); do dd if=/dev/urandom of={PLACE}/part bs=64k count=16 conv=fsync; done; "
                        f"echo done) >{JOB} 2>&1 &")
        return random.uniform(0, 3)

    def begin_eject(self):
        self.stick.plug()
        self.open()
        self.pc.staff(f"dd if=/dev/urandom of={PLACE}/part bs=64k count=64")
        self.pc.as_user("staff", f"(sekishoctl media eject {self.stick.volume}; echo done) >{JOB} 2>&1 &")
        return random.uniform(0, 1)

    def begin_prepare(self):
        """Of another stick, whose row is made for it."""
        self.first_work = self.work.medium, self.stick
        self.work.register(f"P-{self.number}")
        self.stick = Stick(self.work, Path(self.folder, "blank.img"))
        volume = self.stick.plug(images.empty())
        self.work.allow_prepare()
        self.begin(f"prepare --medium {self.work.medium} --confirm {volume} {volume}", PASSPHRASE)
        return random.uniform(0, 14)

    def make_spare(self):
        """A medium that may be lost."""
        self.work.register(f"R-{self.number}")
        volume = self.stick.plug(images.empty())
        self.work.allow_prepare()
        code, detail = self.work.carry("prepare", "--medium", self.work.medium, "--confirm", volume, volume)
        self.check(f"cut {self.number}: a medium to be erased", code == "SK-1239", f"{code} {detail} {journal(self.pc)}")
        self.pc.wait(lambda: self.work.row().get("mode") == "bound", 20, 0.5)
        self.stick.pull()

    def begin_retire(self):
        """Of another stick: one that was prepared in a cut before, or for this."""
        self.first_work = self.work.medium, self.stick
        self.stick = Stick(self.work, Path(self.folder, "retired.img"))
        if self.spare:
            self.work.medium = self.spare[0]
            shutil.move(self.spare[1], self.stick.image)
            self.spare = None
        else:
            self.make_spare()
        self.work.retire()
        self.work.allow_erase()
        volume = self.stick.plug(bytes_per_second=ERASED_BYTES)
        self.stick.wait("SK-5608")
        self.begin(f"retire --confirm {self.work.medium} {volume}", "")
        return random.uniform(0, 6)

    def begin_copy(self):
        """To another medium, which is made for it."""
        first = self.work.medium
        self.work.register(f"C-{self.number}")
        self.target = Stick(self.work, Path(self.folder, "target.img"))
        volume = self.target.plug(images.empty())
        self.work.allow_prepare()
        code, detail = self.work.carry("prepare", "--medium", self.work.medium, "--confirm", volume, volume)
        self.check("the second medium is prepared", code == "SK-1239", f"{code} {detail} {journal(self.pc)}")
        self.work.approve(self.work.request(end=10 * 3600))
        self.work.medium = first
        self.stick.plug()
        self.open()
        self.pc.staff(f"mkdir -p {PLACE}/copied; for i in $(seq 12); do dd if=/dev/urandom of={PLACE}/copied/$i bs=64k count=16; done; "
                      f"sync -f {PLACE}")  # what the power takes from the first medium is no copy's fault
        self.open_target()
        self.pc.as_user("staff", f"(sekishoctl media copy {self.stick.volume} {self.target.volume}; echo done) >{JOB} 2>&1 &")
        return random.uniform(0, 1.2)

    # --- and what must hold afterwards

    def look(self, name):
        self.stick.plug()
        self.stick.wait("SK-1230")
        self.protected(name)
        if not self.open():
            return
        self.check(f"cut {self.number}, {name}: what was closed is there", self.pc.staff(f"cmp /etc/login.defs {PLACE}/kept.txt").ok,
                   self.pc.run(f"ls -la {PLACE}").out)
        self.whole(name)
        self.close()

    def look_prepare(self, name):
        """It is no medium, and the row says so; or it is the one of the row; or it says that it is none of the ledger."""
        volume = self.stick.plug()
        self.pc.wait(lambda: self.work.code(volume), 40)
        found = subprocess.run(["/sbin/cryptsetup", "luksUUID", str(self.stick.image)], capture_output=True, text=True)
        uuid = found.stdout.strip()
        row = self.work.row()
        self.pc.wait(lambda: not uuid or self.work.row().get("mode") == "bound", 20, 0.5)
        row = self.work.row()
        agree = row["mode"] == "bound" and row.get("luksUuid", uuid) == uuid if uuid else row["mode"] == "none"
        self.check(f"cut {self.number}, {name}: ledger and medium agree, or it is said", agree or
                   self.work.code(volume) in ("SK-5601", "SK-1235", "SK-1234"), f"{row} {uuid} {self.work.shown(volume)}")
        self.protected(name)
        code = ""
        if not agree or not uuid:
            code, detail = self.carry("prepare", "--medium", self.work.medium, "--confirm", volume, volume)
            self.check(f"cut {self.number}, {name}: and it is prepared again", code == "SK-1239" or row["mode"] == "bound",
                       f"{code} {detail} {row} {journal(self.pc)}")
        self.stick.pull()
        if code == "SK-1239" or (agree and uuid):
            self.spare = self.work.medium, shutil.copy(self.stick.image, Path(self.folder, "spare.img"))
        self.work.medium, self.stick = self.first_work

    def look_retire(self, name):
        """It says how far it came, and goes on; or it is done, and the ledger has heard, or hears when it is done again."""
        volume = self.stick.plug()
        self.stick.wait("SK-1267", "SK-1271", "SK-5608")
        said, heard = self.work.code(volume), self.pc.wait(lambda: self.work.row()["state"] == "erased", 3, 0.5) is not None
        self.check(f"cut {self.number}, {name}: the medium says how it is", said in ("SK-1267", "SK-1271", "SK-5608") and
                   not (heard and said != "SK-1271"), f"{self.work.row()} {self.work.shown(volume)}")
        self.protected(name)
        if not heard:
            code, detail = self.carry("retire", "--confirm", self.work.medium, volume)
            self.check(f"cut {self.number}, {name}: and it is erased to the end", code == "SK-1265",
                       f"{code} {detail} {journal(self.pc)}")
        self.check(f"cut {self.number}, {name}: the ledger agrees",
                   self.pc.wait(lambda: self.work.row()["state"] == "erased", 20, 0.5) is not None, self.work.row())
        self.stick.pull()
        self.check(f"cut {self.number}, {name}: nothing is left", not self.stick.image.read_bytes()[512:].strip(b"\0"))
        self.work.medium, self.stick = self.first_work

    def look_copy(self, name):
        """Run again it goes on, and at the end both are the same."""
        self.stick.plug()
        self.open()
        self.target.plug()
        self.open_target()
        self.whole(name)
        done = self.pc.staff(f"sekishoctl media copy --json {self.stick.volume} {self.target.volume}", 240)
        try:
            told = json.loads(done.out)
        except ValueError:
            told = {}
        self.check(f"cut {self.number}, {name}: run again, the copy is the same",
                   (told.get("result"), told.get("differences")) == ("same", 0) and told["same"] == told["files"] >= 13,
                   f"{done} {journal(self.pc)}")
        print(f"      {told.get('files')} files, {told.get('copied')} of them copied now", flush=True)
        self.check(f"cut {self.number}, {name}: compared otherwise too",
                   self.pc.staff(f"diff -r -x .sekisho {PLACE} {PLACE}-2").ok, self.pc.run(f"ls -laR {PLACE} {PLACE}-2").out)
        self.pc.staff(f"rm -r {PLACE}/copied")
        self.close(self.target)
        self.close()
        self.target = None

    # --- one cut

    def sticks(self):
        return [self.stick, self.target] if self.target else [self.stick]

    def disturb(self, how):
        """Return: the PC goes on."""
        if how == "power":
            self.pc.process.kill()
            self.pc.process.wait()
            for stick in self.sticks():
                shutil.copy(stick.stick.image, stick.image)
            self.pc.cut()
            return False
        if how != "pull":
            self.pc.run(KILLS[how])
            self.pc.wait(f"grep -q done {JOB}", 60)
            self.pc.wait(lambda: self.pc.ctl("status").ok, 60)
        for stick in self.sticks():
            stick.pull()
        return True

    def cut(self, job, how):
        self.number += 1
        self.name = f"{job}, {how}"
        after = getattr(self, f"begin_{job}")()
        self.pc.sh(f"sleep {after:.3f}")
        self.job = job
        self.told = f"{self.name} after {after:.2f} s"
        print(f"      cut {self.number}: {self.told}", flush=True)
        if not self.disturb(how):
            return False
        self.after()
        return True

    def after(self):
        {"prepare": self.look_prepare, "retire": self.look_retire, "copy": self.look_copy}.get(self.job, self.look)(self.told)


def plan(times):
    """Every second is the power; the rest by turns and at random."""
    jobs = ("passphrase", "prepare", "write", "eject", "retire", "copy")
    others = ("worker", "core", "pull", "luks", "media", "monitor")
    first = [("passphrase", "worker"), ("prepare", "core"), ("retire", random.choice(("worker", "core", "pull"))),
             ("copy", "power"), ("passphrase", "power"), ("write", "pull"), ("retire", "power")]
    rest = [(jobs[n // 2 % 6], "power" if n % 2 else random.choice(others)) for n in range(times)]
    return (first + rest)[:times]


def run(check):
    (LAB / "run").mkdir(parents=True, exist_ok=True)
    seed = random.randrange(1 << 32)
    random.seed(seed)
    print(f"      random numbers from {seed}", flush=True)
    cuts = plan(check.count(short=4, full=200))
    with Console() as console, clinic_pc.disk_copy() as disk, tempfile.TemporaryDirectory(dir=LAB / "run") as folder:
        campaign = Campaign(check, console, folder)
        pending = False
        while cuts or pending:
            with clinic_pc.cold(disk) as pc:
                campaign.boot(pc)
                if not campaign.work:
                    campaign.first()
                if pending:
                    campaign.after()
                pending = False
                while cuts and not pending:
                    pending = not campaign.cut(*cuts.pop(0))
                if not pending:
                    check("the records verify", pc.chain_verifies())
    print(f"      {json.dumps({'cuts': campaign.number})}", flush=True)
