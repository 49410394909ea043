# SPDX-License-Identifier: GPL-2.0-or-later
"""The power goes at random moments of work: the chain of records verifies after each, and no written record is lost.

Serves LOG-2.
"""
import random

from lab import clinic_pc, images
from lab.fakeusb import Disk, FakeDevice, Keyboard

RULES = "allow with-interface one-of { 08:*:* }\n"


def work(pc, image):
    """Things that leave records, begun and not waited for."""
    fake = FakeDevice([Disk(image)], serial=f"W{random.randrange(1000)}")
    device = pc.plug("fake", fake=fake)
    for _ in range(random.randrange(1, 5)):
        fake.vanish()
        fake.appear(functions=random.choice([[Disk(image)], [Keyboard()], [Disk(image), Keyboard()]]))
        if random.random() < 0.3:
            pc.ctl("allow", "--for", "60s", device.sysfs)
    pc.sh(f"sleep {random.uniform(0, 0.5):.3f}")


def ready(pc):
    return pc.wait(lambda: pc.ctl("status").ok, 180) is not None


def trouble(pc, device):
    """What is to be known about a device that does not work."""
    return "\n".join([*map(str, pc.decisions(device)[-3:]), pc.run("dmesg | grep -i usb | tail -n 20").out,
                      pc.run("journalctl -b -u 'sekisho*' -o short-monotonic --no-pager | tail -n 40").out])


def run(check):
    image, times = images.clean(), check.count(short=3, full=50)
    with clinic_pc.disk_copy() as disk:
        written = 0
        for number in range(1, times + 1):
            with clinic_pc.cold(disk) as pc:
                check(f"boot {number}: the agent runs", ready(pc))
                check(f"boot {number}: the chain of records verifies", pc.chain_verifies(), pc.ctl("audit", "verify").out)
                rows = pc.records()
                check(f"boot {number}: no record that was on the disk is lost", [r["seq"] for r in rows][:written] ==
                      list(range(1, written + 1)), f"{written} were written, the last now is {rows[-1]['seq']}")
                keyboard = pc.devices["built-in-keyboard"]
                works = pc.wait(lambda: keyboard.present and keyboard.bound() == ["03"], 60) is not None
                check(f"boot {number}: the keyboard works", works, works or trouble(pc, keyboard))
                if number == 1:
                    pc.rules(RULES)
                written = pc.last_record()
                work(pc, image)
                pc.cut()
        with clinic_pc.cold(disk) as pc:
            check("the last boot: the agent runs", ready(pc))
            check("the last boot: the chain of records verifies", pc.chain_verifies())
            check("the last boot: nothing is lost", pc.last_record() > written)
