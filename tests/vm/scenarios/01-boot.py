# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot with five devices present: none is bound before its verdict, all are decided within the boot.

Serves DEV-1.
"""
import random
import re

from lab import clinic_pc, images

RULES = "allow with-interface 09:00:00\nallow with-interface one-of { 08:*:* }\n"
# What is plugged in before the first instruction, besides the keyboard and the mouse of the desk.
WANTED = {"1-1": "SK-1001", "1-2": "SK-1001", "2-3": "SK-1001", "1-4": "SK-1102", "1-5": "SK-1001", "1-5.1": "SK-1102"}
VICTIMS = ("sekishod", "sekisho-monitor", "sekisho-probe")
# The same moment on the clock of the records and on that of the kernel's messages.
CALIBRATE = """python3 -c 'import os, time
f = os.open("/dev/kmsg", os.O_WRONLY)
a = time.clock_gettime(time.CLOCK_BOOTTIME)
os.write(f, b"the clock of the lab\\n")
print(a)'; dmesg | grep 'the clock of the lab' | tail -n 1"""


def devices_before(image):
    def plug(pc):
        pc.plug("stick", image=image, serial="BOOT1", port=3)
        pc.plug("serial", port=4)
        pc.plug("hub", port=5)
        pc.plug("keyboard", port="5.1")
    return plug


def clock_offset(pc):
    """How much the clock of the records is ahead of the kernel's messages, at least."""
    bounds = []
    for _ in range(5):
        before, message = pc.sh(CALIBRATE).splitlines()
        bounds.append(float(before) - float(re.match(r"\[ *([0-9.]+)\]", message)[1]))
    return max(bounds)


def kernel_moments(pc, word):
    """{port: second of the first kernel message about it that contains this word}"""
    found = {}
    for line in pc.run(f"dmesg | grep '{word}'").out.splitlines():
        match = re.match(r"\[ *([0-9.]+)\] \S+ ([0-9.-]+)(?::[0-9.]+)?: ", line)
        if match:
            found.setdefault(match[2], float(match[1]))
    return found


def decided(pc):
    """{port: (code, second)} of the first decision of this boot about each port."""
    boot, found = pc.sh("cat /proc/sys/kernel/random/boot_id").replace("-", ""), {}
    for record in pc.records("device.decided"):
        if record["boot"].replace("-", "") == boot:
            found.setdefault(record["body"]["port"], (record["body"]["code"], record["mono"] / 1e6))
    return found


def kill_at_random(pc):
    victim = random.choice(VICTIMS)
    pc.wait(lambda: pc.run(f"pgrep -x {victim}").ok, 20)
    pc.sh(f"sleep {random.uniform(0, 1.5):.2f}; pkill -KILL -x {victim}; true")
    return victim


def judge(check, pc, what):
    booted = pc.wait(lambda: pc.run("systemctl is-system-running | grep -E 'running|degraded'").ok, 120)
    check(f"{what}: the boot comes to its end", booted is not None)
    pc.wait(lambda: pc.ctl("status").ok and set(decided(pc)) >= set(WANTED), 60)
    verdicts, offset = decided(pc), clock_offset(pc)
    check.equal(f"{what}: every device is decided, as the rules say",
                {port: verdicts.get(port, ("nothing",))[0] for port in WANTED}, WANTED)
    authorized, early = kernel_moments(pc, "authorized to connect"), {}
    for port, moment in authorized.items():
        if port not in verdicts or moment + offset < verdicts[port][1]:
            early[port] = (moment + offset, verdicts.get(port))
    check.equal(f"{what}: nothing is authorised before its verdict", early, {})
    allowed = sorted(port for port, code in WANTED.items() if code.startswith("SK-10"))
    check.equal(f"{what}: the kernel was told about those that are allowed, and no others", sorted(authorized), allowed)
    pc.wait(lambda: set(bound(pc)) == set(allowed), 10)
    check.equal(f"{what}: exactly these have drivers", sorted(bound(pc)), allowed)
    check(f"{what}: the chain of records is whole", pc.chain_verifies())


def bound(pc):
    """The ports of the devices that have an interface with a driver, root hubs aside."""
    found = (path.split("/")[5].split(":")[0] for path in pc.glob("/sys/bus/usb/devices/*-*:*/driver"))
    return {port for port in found if not port.endswith("-0")}


def run(check):
    image, times = images.clean(), check.count(short=3, full=20)
    with clinic_pc.disk_copy() as disk:
        with clinic_pc.cold(disk, before=devices_before(image)) as pc:
            pc.wait(lambda: pc.ctl("status").ok, 180)
            pc.rules(RULES)
            pc.sh("sync")
            for number in range(1, times + 1):
                pc.reboot()
                what = f"boot {number}"
                if number % 2 == 0:
                    what += f", {kill_at_random(pc)} killed"
                judge(check, pc, what)
