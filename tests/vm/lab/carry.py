# SPDX-License-Identifier: GPL-2.0-or-later
"""Carry-out media: the stick, the PC, the console, and what its people do. For scenarios and for what is measured."""
import json
import shutil
import time

from . import images
from .paths import LAB, LabError

PASSPHRASE, OTHER = "Correct-Horse-7-Battery", "Wrong-Horse-8-Batteries"
LABEL = "紹介状用"
PLACE = f"/media/staff/{LABEL}"
RULE = 'allow with-interface one-of { 08:*:* } interfaces { 08:*:* } media carry-out scan required id "lab-carry-out"\n'
SETTINGS = "[CarryOut]\nArgon2Memory=64M\nArgon2Time=4\n"
LONG = 240  # seconds: Argon2 four times, without KVM


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Work:
    """The stick, the PC, the console, and what its people do."""

    recovery = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="  # the public half

    def __init__(self, pc, console, terminal):
        self.pc, self.console, self.terminal = pc, console, terminal
        self.boss = console.person("boss", "院長", "approver")
        self.register("K-001")

    def register(self, number, kind="usb-stick"):
        """From now on it is about another medium."""
        made = self.console.admin("medium", "register", "--facility", self.console.facility, "--number", number, "--label",
                                  LABEL, "--kind", kind)
        self.medium = made["id"]

    def carry(self, verb, *args, passphrase=PASSPHRASE, timeout=LONG):
        """`sekishoctl media VERB` as the person at the desk: the code, and what else it says."""
        words = " ".join(map(str, args))
        done = self.pc.as_user("staff", f"printf '%s\\n' '{passphrase}' | sekishoctl media {verb} --json {words}", timeout)
        try:
            answer = json.loads(done.out)
            return answer["code"], answer["detail"]
        except (ValueError, KeyError):
            return "", f"{done.status} {done.out}{done.err}"

    def shown(self, volume):
        listed = json.loads(self.pc.ctl("media", "--json").out)
        return next((m for m in listed if m["volume"] == volume), {})

    def code(self, volume):
        return self.shown(volume).get("code")

    def row(self):
        return self.console.admin("medium", "show", "--medium", self.medium)

    def manifest_rows(self):
        return self.console.admin("manifest", "list", "--of-medium", self.medium)["items"]

    def manifest_files(self, row):
        """The lines of a manifest by path."""
        found, place = {}, 0
        while place is not None:
            page = self.console.admin("manifest", "files", "--manifest", row["id"], "--from", place)
            found.update((line["path"], line) for line in page["items"])
            place = page["next"]
        return found

    def request(self, begin=-60, end=3600, kind="carry-out"):
        made = self.console.admin("request", "create", "--facility", self.console.facility, "--kind", kind,
                                  "--out-from", stamp(begin), "--due", stamp(end), "--destination", "県立病院", "--reason",
                                  "紹介", "--data-summary", "画像", "--risk", "紛失", "--on-loss", "報告", "--terminal",
                                  self.terminal, "--media", self.medium)
        return made["id"]

    def approve(self, request):
        self.boss.admin("request", "decide", "--request", request, "--approved", "true")

    def withdraw(self, request):
        self.console.admin("request", "withdraw", "--request", request)

    def allow_prepare(self, again=False):
        """The console lets the PC make this medium, or make it anew. Return: the seconds until it has heard so, or None."""
        if not self.console.admin("recovery-key", "list")["items"]:
            self.console.admin("recovery-key", "set", "--public-key", self.recovery)
        self.console.admin("grant", "prepare", "--medium", self.medium, "--terminal", self.terminal,
                           *(["--again", "true"] if again else []))
        return self.pc.wait(lambda: f"prepare {self.medium}" in self.granted(), 15)

    def retire(self, reason="故障"):
        """It is out of use, and refused everywhere. What the PC has just told of it may change the row before the person does."""
        for _ in range(5):
            done = self.console.run_admin("medium", "retire", "--medium", self.medium, "--version", self.row()["version"],
                                          "--reason", reason)
            if "SK-5012" not in done.stderr:
                break
        if done.returncode:
            raise LabError(f"the medium is not retired: {done.stderr}")

    def allow_erase(self):
        """The console lets the PC erase it. Return: as allow_prepare()."""
        self.console.admin("grant", "erase", "--medium", self.medium, "--terminal", self.terminal)
        return self.pc.wait(lambda: f"erase {self.medium}" in self.granted(), 15)

    def granted(self):
        """What the PC has grants for: "prepare 01J...", "read-write 01J..."."""
        grants = json.loads(self.pc.ctl("status", "--json").out)["console"].get("grants", [])
        return [f"{grant['mode']} {grant['medium']}" for grant in grants]


class Stick:
    """A medium that is pulled out and plugged in again, and what is on it is changed meanwhile."""

    def __init__(self, work, image):
        self.work, self.image, self.stick = work, image, None

    def plug(self, image=None, **how):
        self.stick = self.work.pc.plug("stick", image=image or self.image, serial=self.image.stem, **how)
        self.volume = volume_of(self.work.pc, self.stick)
        return self.volume

    def pull(self, keep=True):
        if keep:
            shutil.copy(self.stick.image, self.image)
        self.stick.unplug()

    def wait(self, *codes):
        return self.work.pc.wait(lambda: self.work.code(self.volume) in codes, 40)


def volume_of(pc, stick):
    pc.wait(stick.block, 60)
    return stick.block()[0]


def journal(pc):
    return pc.run("journalctl -b -u 'sekisho*' -n 40 --no-pager; dmesg | tail -n 15").out


def forget_time(pc):
    """The PC was asleep in a template, so its clock seems to have been set forward, and then the stricter of two times
    counts. It forgets what it knew."""
    pc.sh("systemctl stop sekishod && rm -f /var/lib/sekisho/console/clock.json && systemctl start sekishod")
    pc.wait(lambda: pc.ctl("status").ok, 60)


def start(pc, console):
    """The PC belongs to the console, and has rules and settings of the lab. Return: Work."""
    pc.sh("mkdir -p /etc/sekisho/sekisho.conf.d")
    pc.put(SETTINGS.encode(), "/etc/sekisho/sekisho.conf.d/lab.conf")
    forget_time(pc)
    pc.rules(RULE)
    return Work(pc, console, console.join(pc))


def prepared(check, pc, console, name):
    """A medium that was prepared here, is plugged in, and may be opened. Return: Work and its Stick, or two times None."""
    work = start(pc, console)
    image = LAB / "run" / name
    image.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(images.clean(), image)
    stick = Stick(work, image)
    volume = stick.plug()
    stick.wait("SK-1201")
    allowed = work.allow_prepare()
    made = work.carry("prepare", "--confirm", volume, volume)
    if not check("prepared", allowed and made[0] == "SK-1239", f"{made} {journal(pc)}"):
        return None, None
    work.approve(work.request())
    stick.wait("SK-1230")
    return work, stick
