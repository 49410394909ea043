# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab itself: what every other scenario relies on, seen without the agent."""
import subprocess
import tempfile
import time
from pathlib import Path

from lab import content, images
from lab.fakeusb import Camera, Disk, FakeDevice, Keyboard
from lab.machine import Machine
from lab.template import bare

DENY = "usbcore.authorized_default=0"
ALLOW = "echo 1 >/sys/bus/usb/devices/{}/authorized"
KINDS = {"keyboard": ("03", "usbhid"), "mouse": ("03", "usbhid"), "serial": ("ff", "ftdi_sio"),
         "network": ("02", None), "audio": ("01", "snd-usb-audio"), "ccid": ("0b", "")}


def starts(check):
    with bare(append=DENY, built_in=("keyboard", "mouse")) as pc:
        check.within("starts from saved RAM", pc.start_seconds, 3)
        check("the clock is right", abs(int(pc.sh("date +%s")) - time.time()) < 5)
        session = pc.staff("loginctl show-session $XDG_SESSION_ID -p Seat -p State -p TTY --value").out.split()
        check.equal("staff has a session at the desk", sorted(session), ["active", "seat0", "tty1"])
        check("a command's status comes back", pc.run("exit 7").status == 7)
        check.equal("input and output pass", pc.sh("cat", b"x" * 300_000), "x" * 300_000)
        pc.put(b"hello\n", "/root/x")
        check.equal("files pass", pc.get("/root/x"), b"hello\n")
    with bare(append=DENY, built_in=("keyboard", "mouse")) as pc:
        check("nothing is kept from one start to the next", not pc.run("test -e /root/x").ok)


def kernel_denies(check, pc):
    for kind, (usb_class, driver) in KINDS.items():
        device = pc.plug(kind)
        check(f"{kind}: denied by default", not device.authorized and not device.interfaces())
        pc.sh(ALLOW.format(device.sysfs))
        pc.wait(lambda: any(i[2] for i in device.interfaces().values()), 3 if driver != "" else 0.2)
        bound = device.interfaces()
        check(f"{kind}: bound when allowed", bound and bound[0][:2] == (usb_class, True)
              and (driver is None or bound[0][2] == driver), bound)
        device.unplug()
        check.within(f"{kind}: gone when pulled", pc.wait(lambda: not device.present), 5)


def stick_images():
    return {"vfat": images.clean("vfat"), "ext4": images.clean("ext4", "gpt"),
            "exfat": images.clean("exfat", "dos"), "ntfs": images.clean("ntfs")}


def media(check, pc, sticks):
    for fs, image in sticks.items():
        stick = pc.plug("stick", image=image, serial="S1")
        check(f"{fs}: no disk before it is allowed", not stick.block())
        pc.sh(ALLOW.format(stick.sysfs))
        check.within(f"{fs}: disk appears", pc.wait(stick.block), 5)
        part = pc.sh(f"udevadm settle; ls /dev/{stick.block()[0]}* | tail -1")
        mount = "ntfs-3g" if fs == "ntfs" else f"mount -t {fs}"
        pc.sh(f"mkdir -p /m && {mount} {part} /m")
        check.equal(f"{fs}: content", pc.get("/m/検査結果/2024-05.csv"), content.csv())
        pc.sh("umount /m")
        stick.unplug()


def fake_devices(check, pc):
    first = images.clean()
    disk = Disk(first, on_read=lambda block, count, data, times: data if times == 0 else bytes(len(data)))
    fake = FakeDevice([disk, Keyboard()], serial="BAD1")
    bad = pc.plug("fake", fake=fake)
    check.equal("fake: says what we want", (bad.authorized, bad.attribute("serial")), (False, "BAD1"))
    pc.sh("echo 0 >/sys/bus/usb/devices/usb1/interface_authorized_default; " + ALLOW.format(bad.sysfs))
    pc.sh(f"cd /sys/bus/usb/devices; echo 1 >{bad.sysfs}:1.0/authorized; echo {bad.sysfs}:1.0 >/sys/bus/usb/drivers_probe")
    check.within("fake: the disk alone is bound", pc.wait(bad.block), 5)
    check.equal("fake: the keyboard is not", bad.interfaces()[1], ("03", False, ""))
    read = f"dd if=/dev/{bad.block()[0]} bs=64k skip=100 count=1 iflag=direct 2>/dev/null | md5sum"
    probe = f"dd if=/dev/{bad.block()[0]} bs=512 count=1 iflag=direct 2>/dev/null | md5sum"
    check("fake: a second read may differ", pc.sh(probe) == pc.sh("head -c 512 /dev/zero | md5sum"), pc.sh(read))
    fake.vanish()
    pc.wait(lambda: not bad.present)
    fake.appear(functions=[Keyboard(), Camera()])
    check.within("fake: comes back as something else", pc.wait(lambda: bad.attribute("bNumConfigurations")), 5)
    pc.sh("echo 1 >/sys/bus/usb/devices/usb1/interface_authorized_default; " + ALLOW.format(bad.sysfs))
    pc.wait(lambda: len(bad.interfaces()) == 2)
    check.equal("fake: keyboard and camera now", [i[0] for i in bad.interfaces().values()], ["03", "06"])
    bad.unplug()


def hub(check, pc):
    box = pc.plug("hub")
    pc.sh(ALLOW.format(box.sysfs))
    behind = pc.plug("keyboard", port=f"{box.port}.2")
    check("hub: a device behind it is denied", not behind.authorized, behind.sysfs)
    behind.unplug()
    box.unplug()


def other_media(check, pc, images_of):
    for kind, name in (("uas", "sda"), ("cdrom", "sr0")):
        device = pc.plug(kind, image=images_of[kind])
        pc.sh(ALLOW.format(device.sysfs))
        check.within(f"{kind}: disk appears", pc.wait(lambda: device.block() == [name]), 5)
        device.unplug()


def sleep(check, pc):
    keyboard = pc.devices["built-in-keyboard"]
    pc.suspend()
    check("suspend: back, and what was denied still is", keyboard.present and not keyboard.authorized)


def power_cut(check):
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder, "state.img")
        subprocess.run(["truncate", "-s", "512M", disk], check=True)
        subprocess.run(["/sbin/mkfs.ext4", "-q", disk], check=True)
        with Machine(state=disk, before=lambda pc: pc.plug("keyboard", name="desk")) as pc:
            check("boot: what was plugged in before is there", pc.devices["desk"].authorized)
            pc.sh("echo kept >/root/a; sync; echo lost >/root/b")
            pc.cut()
        with Machine(state=disk) as pc:
            check.equal("power cut: what was synced is there", pc.sh("cat /root/a"), "kept")
            check("power cut: what was not is lost", not pc.run("grep lost /root/b").ok)


def run(check):
    starts(check)
    sticks, disc = stick_images(), images.disc()
    with bare(append=DENY, built_in=("keyboard", "mouse")) as pc:
        kernel_denies(check, pc)
        media(check, pc, sticks)
        fake_devices(check, pc)
        hub(check, pc)
        other_media(check, pc, {"uas": sticks["ext4"], "cdrom": disc})
        sleep(check, pc)
        trouble = pc.sh("dmesg | grep -E 'BUG:|Oops|WARNING:'; true")
        check("the kernel has nothing to complain about", not trouble, trouble)
    power_cut(check)
