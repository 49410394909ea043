# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of the agent are killed and stopped: nothing is authorised wrongly, and the keyboard works throughout.

Serves EMG-2.
"""
import random

from lab import clinic_pc, images
from lab.fakeusb import Disk, FakeDevice, Keyboard
from lab.typing import Typing

RULES = "allow with-interface 09:00:00\nallow with-interface one-of { 08:*:* }\n"
PROBE = "/usr/libexec/sekisho/sekisho-probe"
# Back in 2 seconds on a PC; an emulated processor, shared with others, is given more.
BACK = {"kvm": 2, "tcg": 10}


def pid(pc, name):
    return pc.run(f"pgrep -o -x {name}").out.strip()


def ready_since(pc, service):
    """The second since the start of the kernel at which it told systemd last that it is ready."""
    return int(pc.sh(f"systemctl show -p ActiveEnterTimestampMonotonic --value {service}")) / 1e6


def killed(check, pc, name, image):
    """Kill it; plug something while it is away; count, by the clock of the guest, until it is ready again."""
    typing, before = Typing(pc), pc.last_record()
    moment = float(pc.sh(f"cut -d' ' -f1 /proc/uptime; pkill -KILL -x {name}"))
    bad = pc.plug("fake", fake=FakeDevice([Disk(image), Keyboard()], serial="F1"))
    check(f"{name} killed: the keyboard works meanwhile", typing.works("a"))
    came = pc.wait(lambda: ready_since(pc, name) > moment and pc.agent("GetStatus").ok, 30) is not None
    check.within(f"{name} killed: it is back", ready_since(pc, name) - moment if came else None, BACK[pc.accel])
    word = pc.decision(bad, before, timeout=30)
    check.equal(f"{name} killed: what was plugged meanwhile is refused", (word.get("code"), bad.authorized, bad.bound()),
                ("SK-1103", False, []))
    good = pc.plug("stick", image=image, serial="G1")
    check(f"{name} killed: what is allowed works again", pc.wait(good.block, 30) is not None)
    check(f"{name} killed: the keyboard works afterwards", typing.works("b"))
    typing.close()
    for device in (bad, good):
        device.unplug()


def stopped(check, pc, image):
    """The decider hangs: nothing comes in, nothing goes out, and the keyboard does not care."""
    typing = Typing(pc)
    pc.sh("pkill -STOP -x sekishod")
    device = pc.plug("stick", image=image, serial="H1")
    device.sysfs
    check("sekishod stopped: the keyboard works", typing.works("a"))
    pc.sh("sleep 1")
    check("sekishod stopped: nothing new is authorised", not device.authorized)
    pc.sh("pkill -CONT -x sekishod")
    check("sekishod goes on: the stick is decided and works", pc.wait(device.block, 30) is not None)
    typing.close()
    device.unplug()


def probe_hangs(check, pc, image):
    """The warm probe is stopped: it gets the next device and never answers."""
    pc.wait(lambda: pid(pc, "sekisho-probe"), 10)
    before = pc.last_record()
    pc.sh("pkill -STOP -x sekisho-probe")
    device = pc.plug("stick", image=image, serial="P1")
    other = pc.plug("serial")
    check.equal("probe hangs: another device is decided meanwhile", pc.decision(other, before, timeout=30).get("code"),
                "SK-1102")
    check("probe hangs: its device is not authorised unseen", not device.authorized or pc.decisions(device, before))
    word = pc.decision(device, before, timeout=60)
    check.equal("probe hangs: killed, and the device asked again", (word.get("code"), device.authorized), ("SK-1001", True))
    for plugged in (device, other):
        plugged.unplug()


def probe_dies(check, pc, image):
    """Every probe dies on the device: it is refused, and stays refused."""
    pc.sh(f"mv {PROBE} {PROBE}.good; printf '#!/bin/sh\\nexit 1\\n' >{PROBE}; chmod 755 {PROBE}; "
          "pkill -KILL -x sekisho-probe; true")
    before = pc.last_record()
    device = pc.plug("stick", image=image, serial="Q1")
    word = pc.decision(device, before, timeout=60)
    check.equal("probe dies: refused as not checked", (word.get("code"), device.authorized), ("SK-1111", False))
    keyboard = pc.devices["built-in-keyboard"]
    check.equal("probe dies: the keyboard of the desk stays", (keyboard.authorized, keyboard.bound()), (True, ["03"]))
    pc.sh(f"mv {PROBE}.good {PROBE}")
    device.unplug()


def at_random(check, pc, image):
    """Something is killed at a random moment of each plugging."""
    wrong = []
    for number in range(check.count(short=6, full=50)):
        victim, delay = random.choice(("sekishod", "sekisho-monitor", "sekisho-probe")), random.uniform(0, 0.4)
        before = pc.last_record()
        fake = FakeDevice([Disk(image)] + [Keyboard()] * (number % 2), serial=f"R{number}")
        device = pc.plug("fake", fake=fake)
        pc.sh(f"sleep {delay:.2f}; pkill -KILL -x {victim}; true")
        wanted = ("SK-1103", False) if number % 2 else ("SK-1001", True)
        pc.wait(lambda: pc.agent("ListDevices").ok, 30)
        word = pc.decision(device, before, code=wanted[0], timeout=30)
        pc.wait(lambda: device.authorized == wanted[1], 15)
        if (word.get("code"), device.authorized) != wanted or "03" in device.bound():
            wrong.append((victim, f"{delay:.2f}", word.get("code"), device.authorized, device.bound()))
        device.unplug()
    check.equal("killed at random moments: every device ends as the rules say", wrong, [])


def devices(check, image):
    with clinic_pc.installed() as pc:
        pc.rules(RULES)
        killed(check, pc, "sekishod", image)
        killed(check, pc, "sekisho-monitor", image)
        stopped(check, pc, image)
        probe_hangs(check, pc, image)
        probe_dies(check, pc, image)
        at_random(check, pc, image)
        check("the chain of records is whole", pc.chain_verifies())


def run(check):
    devices(check, images.clean())
