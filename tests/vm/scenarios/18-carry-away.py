# SPDX-License-Identifier: GPL-2.0-or-later
"""A registered medium away from the network: it opens under a lease, within its time, with its passphrase, and no other way.

Serves OUT-1, LOSS-1, LOSS-3.
"""
import json
import shutil

from lab import clinic_pc, images, network
from lab.carry import OTHER, PASSPHRASE, PLACE, journal, stamp, start, volume_of
from lab.console import Console
from lab.paths import LAB

LEASES = "/var/lib/sekisho/console/leases.json"
TRIES = 10


def request(work, lease):
    console = work.console
    made = console.admin("request", "create", "--facility", console.facility, "--kind", "carry-out", "--out-from", stamp(-60),
                         "--due", stamp(7200), "--destination", "県立病院", "--reason", "往診", "--data-summary", "画像", "--risk",
                         "紛失", "--on-loss", "報告", "--terminal", work.terminal, "--media", work.medium, "--lease-until",
                         stamp(lease))
    work.approve(made["id"])
    return made["id"]


def away(check, work, name, wanted, passphrase=PASSPHRASE):
    code, detail = work.carry("open", "--read-only", work.volume, passphrase=passphrase)
    check(name, code == wanted, f"{code} {detail}")


def close(work):
    work.pc.wait(lambda: work.pc.ctl("media", "eject", work.volume).ok, 20)


def back(pc):
    """The cable is back; a new uplink does not wait until the old one would have tried again."""
    network.cut(pc, off=False)
    pc.sh("systemctl restart sekisho-uplink.service")


def plug(work):
    work.stick = work.pc.plug("stick", image=work.image, serial="AWAY")
    work.volume = volume_of(work.pc, work.stick)
    work.pc.wait(lambda: work.code(work.volume), 30)


def again(work):
    """Pulled out and plugged in again, with what is on it."""
    kept = LAB / "run" / "carry-away.img"
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(work.stick.image, kept)
    work.stick.unplug()
    work.image = kept
    plug(work)


def states(work):
    return sorted(row["state"] for row in work.console.admin("lease", "list", "--of-medium", work.medium)["items"])


def taken(check, work):
    """At the first opening, while the console is there."""
    pc = work.pc
    check.equal("opened at the console", work.carry("open", work.volume)[0], "SK-1231")
    check("the console knows of the lease", pc.wait(lambda: states(work) == ["out"], 10, 0.5), states(work))
    check("and the PC has it sealed", pc.wait(lambda: json.loads(pc.get(LEASES))[0]["box"], 10))
    pc.staff(f"cp /etc/login.defs {PLACE}/往診.txt")
    check("ejected", pc.wait(lambda: pc.ctl("media", "eject", work.volume).ok, 20))
    again(work)


def offline(check, work):
    pc = work.pc
    network.cut(pc)
    away(check, work, "without the network, another passphrase opens nothing", "SK-1233", OTHER)
    away(check, work, "without the network, its passphrase does", "SK-1232")
    check("what was written is there", pc.staff(f"cmp /etc/login.defs {PLACE}/往診.txt").ok)
    close(work)
    pc.sh("systemctl restart sekishod")
    pc.wait(lambda: work.code(work.volume) == "SK-1218" or work.code(work.volume) == "SK-1230", 30)
    again(work)
    away(check, work, "after a start of the agent, too", "SK-1232")
    close(work)
    again(work)


def guessed(check, work):
    """Ten tries, and it is gone."""
    pc = work.pc
    kept = pc.get(LEASES)
    codes = {work.carry("open", "--read-only", work.volume, passphrase=OTHER)[0] for _ in range(TRIES)}
    check.equal("ten wrong passphrases", codes, {"SK-1233"})
    away(check, work, "then it does not open with the right one either", "SK-1542")
    check("the box is in no file any more", json.loads(kept)[0]["box"].encode() not in pc.get(LEASES).replace(b"\\/", b"/"))
    back(pc)
    check("the console hears of it", pc.wait(lambda: states(work) == ["wiped"], 90, 2), states(work))
    check("at the console it opens, and there is a lease again",
          pc.wait(lambda: work.carry("open", "--read-only", work.volume)[0] == "SK-1232", 90, 2) is not None
          and pc.wait(lambda: states(work) == ["out", "wiped"], 10, 0.5), states(work))
    close(work)
    again(work)


def clocks(check, work):
    """The clock is no way to make a lease longer."""
    pc = work.pc
    network.cut(pc)
    pc.sh("timedatectl set-ntp false; date -s '-2 days'")
    away(check, work, "with the clock set back", "SK-1543")
    pc.sh("date -s '+2 days'")
    away(check, work, "with the clock set right", "SK-1232")
    close(work)
    again(work)
    pc.sh("date -s '+1 hour'")
    away(check, work, "after its time", "SK-1541")
    check("there is no box any more", json.loads(pc.get(LEASES))[0]["box"] == "")
    pc.sh("date -s '-1 hour'")
    away(check, work, "and it does not come back with the clock", "SK-1541")
    back(pc)
    check("with the network it opens", pc.wait(lambda: work.carry("open", "--read-only", work.volume)[0] == "SK-1232", 90, 2))
    close(work)
    again(work)


def prepared(check, work):
    allowed = work.allow_prepare()
    made = work.carry("prepare", "--confirm", work.volume, work.volume)
    check("prepared", allowed and made[0] == "SK-1239", f"{made} {journal(work.pc)}")
    return made[0] == "SK-1239"


def run(check):
    with Console() as console, clinic_pc.installed() as pc:
        work = start(pc, console)
        work.image = images.clean()
        plug(work)
        pc.wait(lambda: work.code(work.volume) == "SK-1201", 30)
        if not prepared(check, work):
            return
        carried = request(work, 1800)
        pc.wait(lambda: work.code(work.volume) == "SK-1230", 30)
        taken(check, work)
        offline(check, work)
        guessed(check, work)
        clocks(check, work)
        work.withdraw(carried)
        check("the records verify", pc.chain_verifies())
