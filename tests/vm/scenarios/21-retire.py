# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of a medium: erased under a grant for that, also one that was lost and found, and read back on the host; cut in the
middle it says so and goes on; one that takes no more is destroyed by two people.

Serves LOSS-4.
"""
import json
import shutil
import subprocess
from pathlib import Path

from lab import clinic_pc, images
from lab.carry import Stick, journal, start
from lab.console import Console
from lab.paths import LAB

MARK = b"SEKISHO ERASURE 1\n"
MIB = 1 << 20
BAD = 40 * MIB // 512  # a sector of the data
JOB = "/tmp/retire.out"


class Ending:
    def __init__(self, check, console, work, folder):
        self.check, self.console, self.work, self.pc = check, console, work, work.pc
        self.stick = Stick(work, Path(folder, "retire.img"))

    def retire(self, *words):
        return self.work.carry("retire", *words, self.stick.volume)

    def step(self, verb, *words, who=None):
        """One step of the medium at the console."""
        return (who or self.console).admin("medium", verb, "--medium", self.work.medium, "--version",
                                           self.work.row()["version"], *words)

    def certificates(self):
        return self.console.admin("medium", "erasures", "--medium", self.work.medium)["items"]

    # --- what is refused

    def refusals(self):
        check, work = self.check, self.work
        self.stick.plug()
        self.stick.wait("SK-5601")
        check.equal("in use at the console: not erased", self.retire("--confirm", "K-001")[0], "SK-5601")
        self.step("lose", "--reason", "電車の中")
        self.step("find", "--reason", "引き出しの中")
        work.retire("信用できない")
        self.stick.wait("SK-5608", "SK-1262")
        check.equal("retired, and nobody allowed to erase it", self.retire("--confirm", "K-001")[0], "SK-5601")
        check.within("the PC hears that it may, of a medium that is refused everywhere", work.allow_erase(), 15)
        check("it stays refused", work.carry("open", self.stick.volume)[0] in ("SK-5608", "SK-1262"))
        check.equal("it is asked which one is meant", self.retire(), ("SK-1269", "K-001"))
        check.equal("another number", self.retire("--confirm", "K-002"), ("SK-1269", "K-001"))
        self.stick.pull()
        check("nothing happened to it", b"SEKISHO" not in self.stick.image.read_bytes()[:512])

    def strangers(self):
        copy = Path(self.stick.image.parent, "stranger.img")
        shutil.copy(self.stick.image, copy)
        subprocess.run(["/sbin/cryptsetup", "luksUUID", "--batch-mode", "--uuid", "9a3cb8b2-7d1c-4c7e-9a7a-0b8a4a3f8f11",
                        copy], check=True)
        self.stick.plug(copy)
        self.pc.wait(lambda: self.work.code(self.stick.volume), 30)
        self.check.equal("another one under its name", self.retire("--confirm", "K-001")[0], "SK-1235")
        self.stick.pull(keep=False)
        self.stick.plug(images.clean())
        self.pc.wait(lambda: self.work.code(self.stick.volume), 30)
        self.check.equal("what is no medium of ours", self.retire("--confirm", "K-001")[0], "SK-1270")
        self.stick.pull(keep=False)

    # --- what cannot be erased

    def failing(self):
        check = self.check
        self.stick.plug(errors=[{"event": "none", "iotype": "write", "sector": BAD, "errno": 5, "once": False}])
        self.stick.wait("SK-5608", "SK-1262")
        code, detail = self.retire("--confirm", "K-001")
        check("a sector takes nothing: destroy it", code == "SK-1268", f"{code} {detail} {journal(self.pc)}")
        check("but its keys are destroyed", self.stick.stick.image.read_bytes()[:18] == MARK)
        self.stick.pull(keep=False)
        check("the console keeps the try, and raises an alert", self.pc.wait(
            lambda: [c["result"] for c in self.certificates()] == ["failed"] and
            any(a["kind"] == "erasure-failed" for a in self.console.admin("alert", "list")["items"]), 20, 0.5),
            self.certificates())
        check.equal("it stays retired", self.work.row()["state"], "retired")

    # --- what is cut, and goes on

    def cut(self):
        check, pc = self.check, self.pc
        volume = self.stick.plug(bytes_per_second=12 * MIB)
        self.stick.wait("SK-5608", "SK-1262")
        pc.as_user("staff", f"(sekishoctl media retire --confirm K-001 --json {volume} >{JOB} 2>&1; echo done >>{JOB}) "
                   ">/dev/null 2>&1 &")
        check("it is overwritten", pc.wait(lambda: self.work.shown(volume).get("step") == "overwrite" and
                                           self.work.shown(volume).get("percent", 0) > 30, 30, 0.2), pc.run(f"cat {JOB}").out)
        check.equal("and says so", self.work.code(volume), "SK-1266")
        check("it is not ejected meanwhile", not pc.ctl("media", "eject", volume).ok)
        self.stick.pull()
        said = pc.wait(lambda: "done" in pc.run(f"cat {JOB}").out, 20)
        check("pulled out: the retirement is not complete", said and "SK-1267" in pc.run(f"cat {JOB}").out,
              pc.run(f"cat {JOB}").out)
        check.equal("nor at the console", self.work.row()["state"], "retired")
        check("what is left opens with nothing", subprocess.run(
            ["/sbin/cryptsetup", "luksDump", self.stick.image], capture_output=True).returncode != 0)
        self.stick.plug()
        check("plugged in again, it says so", self.stick.wait("SK-1267"), self.work.shown(self.stick.volume))

    def to_the_end(self):
        check, pc = self.check, self.pc
        done = pc.as_user("staff", f"sekishoctl media retire --confirm K-001 --json {self.stick.volume}", 120)
        try:
            certificate = json.loads(done.out).get("certificate", {})
        except ValueError:
            certificate = {}
        size = self.stick.image.stat().st_size
        check("and goes on to the end", certificate.get("result") == "verified" and certificate.get("compared") == size,
              f"{done.out}{done.err} {journal(pc)}")
        check("afterwards it says that it was retired", self.stick.wait("SK-1271"), self.work.shown(self.stick.volume))
        check("the block layer refuses writes", not pc.run(
            f"dd if=/dev/zero of=/dev/{self.stick.volume} bs=4096 count=1 conv=fsync").ok)
        check.equal("its grant is over", (pc.wait(lambda: not self.work.granted(), 20) is not None,
                                          self.retire("--confirm", "K-001")[0]), (True, "SK-5601"))
        self.stick.pull()
        content = self.stick.image.read_bytes()
        check("on the host: a mark, and zeros", len(content) == size and content[:18] == MARK and not content[512:].strip(b"\0"))
        row = self.work.row()
        last = self.certificates()[-1]
        check.equal("the ledger says so", row["state"], "erased")
        check("with the certificate: who, where, how, signed",
              last["result"] == "verified" and last["terminal"] == self.work.terminal and last["certificate"]["payload"] and
              last["details"]["user"] == "staff" and last["details"]["compared"] == size and
              last["details"]["preparedOnThisDevice"] is True, last)

    def by_two(self):
        """One that is gone, or broke."""
        check = self.check
        self.work.register("K-002")
        self.work.retire()
        self.step("destroy", "--method", "裁断", "--result", "破片を確認")
        refused = self.console.run_admin("medium", "confirm-destroyed", "--medium", self.work.medium, "--version",
                                         str(self.work.row()["version"]))
        check("who destroyed it does not confirm it", "SK-5203" in refused.stdout + refused.stderr, f"{refused}")
        self.step("confirm-destroyed", who=self.work.boss)
        check.equal("somebody else does", (self.work.row()["state"], self.certificates()[-1]["result"]),
                    ("destroyed", "destroyed"))


def run(check):
    folder = LAB / "run" / "retire"
    folder.mkdir(parents=True, exist_ok=True)
    with Console() as console, clinic_pc.installed() as pc:
        work = start(pc, console)
        ending = Ending(check, console, work, folder)
        volume = ending.stick.plug(images.empty())
        work.allow_prepare()
        made = work.carry("prepare", "--confirm", volume, volume)
        if not check("prepared", made[0] == "SK-1239", f"{made} {journal(pc)}"):
            return
        pc.wait(lambda: work.row().get("mode") == "bound", 30, 0.5)
        ending.stick.pull()
        ending.refusals()
        ending.strangers()
        ending.failing()
        ending.cut()
        ending.to_the_end()
        ending.by_two()
        check("the records verify", pc.chain_verifies())
    shutil.rmtree(folder)
