# SPDX-License-Identifier: GPL-2.0-or-later
"""An encrypted disk and only a USB keyboard: the learned one types the passphrase, nothing else is let in before.

Serves DEV-1, EMG-2.
"""
import tempfile

from lab import clinic_pc, encrypted, images
from lab.fakeusb import Disk, FakeDevice, Keyboard

DESK = ("built-in-keyboard", "built-in-mouse")
QEMU_KEYBOARD = dict(vendor=0x0627, model=0x0001)  # the numbers of the keyboard of the desk


def strangers(image):
    """What is plugged in beside the keyboard of the desk when the PC is switched on."""
    return {"unknown-keyboard": FakeDevice([Keyboard()], serial="X1"),
            "typing-stick": FakeDevice([Disk(image), Keyboard()], serial="X2"),
            "stick": FakeDevice([Disk(image)], serial="X3"),
            "keyboard-with-disk": FakeDevice([Keyboard(), Disk(image)], serial="68284", **QEMU_KEYBOARD)}


def others(pc):
    return [device for device in pc.devices.values() if device.fake]


def made(check, disk, initrd):
    """Installs and confirms on a PC with an encrypted disk; returns the list of learned devices."""
    with clinic_pc.installed(confirmed=False) as pc:
        data, log = encrypted.prepare(pc, disk)
        initrd.write_bytes(data)
        check("initramfs: made when the trial was confirmed, without a warning", "W: sekisho" not in log, log)
        return pc.get("/etc/sekisho/boot-input.list")


def at_prompt(check, pc):
    check.within("initramfs: it asks for the passphrase", encrypted.wait_asked(pc), 120)
    for name in DESK:
        works = pc.wait(pc.devices[name].bound, 20) is not None
        check(f"initramfs: {name} works", works, works or pc.run("dmesg | tail -n 30").out)
    for d in others(pc):
        # The prompt may come before the last port was looked at; and a twin is looked at before it is denied again.
        pc.wait(lambda d=d: d.present and not d.authorized and not d.bound(), 30)
        check.equal(f"initramfs: {d.name} does not", (d.present, d.authorized, d.bound()), (True, False, []))
    check.equal("initramfs: the kernel was told about no other", sorted(told(pc)),
                sorted(pc.devices[name].sysfs for name in DESK))
    check("initramfs: there is no disk but those inside", not pc.exists("/sys/block/sd*"))


def told(pc):
    """The devices that were authorised, by the kernel's own messages."""
    lines = pc.run("dmesg | grep 'authorized to connect'").out.splitlines()
    twins = {d.sysfs for d in others(pc) if d.name == "keyboard-with-disk"}  # looked at for a moment, then denied again
    return {line.split("] ", 1)[1].split()[1].rstrip(":") for line in lines} - twins


def typed(check, pc):
    for device in others(pc):
        if "keyboard" in device.name:
            device.fake.press("x")  # would spoil the passphrase
    pc.type(encrypted.PASSPHRASE + "\n")
    check.within("the passphrase, typed at the learned keyboard, opens the disk", encrypted.wait_booted(pc), 180)


def booted(check, pc):
    check("booted: the agent runs", pc.wait(lambda: pc.ctl("status").ok, 180) is not None)
    check("booted: from the encrypted disk", pc.run(f"cryptsetup status {encrypted.NAME} | grep -q 'is active'").ok
          and pc.run(f"findmnt -n -o SOURCE /run/lab | grep -q {encrypted.NAME}").ok)
    check("booted: enforcing", "enforc" in pc.ctl("status").out, pc.ctl("status").out)
    for name in DESK:
        device = pc.devices[name]
        word = pc.decision(device, timeout=30)
        check.equal(f"booted: {name} is decided, and at work", (word.get("code"), device.bound()), ("SK-1001", ["03"]))
    for device in others(pc):
        if device.name == "stick":
            continue
        word = pc.decision(device, timeout=30)
        check(f"booted: {device.name} is refused", word.get("code", "").startswith("SK-11") and not device.authorized, word)
    check("booted: the keyboard was never off", not pc.run("dmesg | grep -E 'usb 1-1: USB disconnect'").ok)
    check("booted: the chain of records is whole", pc.chain_verifies())


def start(check, disk, initrd, append, image):
    def before(pc):
        for name, fake in strangers(image).items():
            pc.plug("fake", name=name, fake=fake)

    with clinic_pc.cold(disk, initrd=initrd, append=f"{clinic_pc.DENY} {append}", before=before) as pc:
        at_prompt(check, pc)
        typed(check, pc)
        booted(check, pc)
        pc.poweroff()


def by_dracut(check, disk, learned, image):
    """The same PC, started by an initramfs of dracut's."""
    with tempfile.TemporaryDirectory(dir=disk.parent) as folder:
        initrd, said = encrypted.dracut_initrd(folder, learned)
        check("dracut: takes the agent's module, without a warning",
              "Including module: sekisho" in said and "sekisho: " not in said, said[-2000:])
        start(check, disk, initrd, encrypted.dracut_boot(disk), image)


def run(check):
    image = images.clean()
    with encrypted.disk() as (disk, initrd):
        learned = made(check, disk, initrd)
        start(check, disk, initrd, encrypted.BOOT, image)
        if check.full:
            by_dracut(check, disk, learned, image)
