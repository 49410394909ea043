# SPDX-License-Identifier: GPL-2.0-or-later
"""BadUSB in all its forms stays off: composites, devices that become others, lies between two looks.

Serves DEV-1, DEV-3, DEV-4.
"""
from lab import clinic_pc, images
from lab.fakeusb import Camera, Disk, FakeDevice, Function, Keyboard, Mouse
from lab.judged import plug, refused

ALLOW_STICKS = 'allow with-interface one-of { 08:*:* }\n'
CONFIGURATION = 2  # GET_DESCRIPTOR: configuration


def bad_usb(image, **more):
    return FakeDevice([Disk(image), Keyboard()], **more)


def composite(check, pc, image):
    """A stick that is also a keyboard, when everything it is made of is allowed by a rule."""
    pc.rules("allow with-interface one-of { 08:*:* 03:*:* }\n")
    refused(check, pc, "stick with a keyboard", "fake", "SK-1103", fake=bad_usb(image, serial="B1"))
    keyboard_and_network = FakeDevice([Keyboard(), Function((2, 6, 0))], serial="B2")
    refused(check, pc, "keyboard with a network adapter", "fake", "SK-1103", fake=keyboard_and_network)
    pc.rules("allow with-interface one-of { 08:*:* } interfaces { 08:*:* }\n")
    device, word = plug(pc, "fake", fake=bad_usb(image, serial="B3"))
    check.equal("granted by interface: partly allowed", word.get("code"), "SK-1002")
    check.within("granted by interface: the disk is bound", pc.wait(device.block, 10), 10)
    check.equal("granted by interface: the keyboard is not", device.interfaces().get(1), ("03", False, ""))
    device.unplug()


def late_keyboard(check, pc, image):
    """An honest stick that comes back as a keyboard after three seconds."""
    pc.rules(ALLOW_STICKS)
    fake = FakeDevice([Disk(image)], serial="L1")
    device, word = plug(pc, "fake", fake=fake)
    check.equal("late keyboard: the stick is allowed", (word.get("code"), device.authorized), ("SK-1001", True))
    pc.sh("sleep 3")
    before = pc.last_record()
    fake.vanish()
    pc.wait(lambda: not device.present)
    fake.appear(functions=[Disk(image), Keyboard()])
    word = pc.decision(device, before)
    check.equal("late keyboard: refused as a keyboard", word.get("code"), "SK-1103")
    check.equal("late keyboard: nothing is bound", (device.authorized, device.bound()), (False, []))
    before = pc.last_record()
    fake.vanish()
    pc.wait(lambda: not device.present)
    fake.appear(functions=[Keyboard()])
    check.equal("late keyboard: alone it is in no rule", pc.decision(device, before).get("code"), "SK-1102")
    check("late keyboard: off", not device.authorized)
    device.unplug()


def known_serial(check, pc, image):
    """The serial number of a known stick on something with other functions."""
    pc.rules("allow with-interface one-of { 08:*:* 03:01:02 06:*:* }\n")
    device, word = plug(pc, "fake", fake=FakeDevice([Disk(image)], serial="K1"))
    check.equal("known serial: the stick is known", word.get("code"), "SK-1001")
    device.unplug()
    refused(check, pc, "known serial, now a mouse", "fake", "SK-1104", fake=FakeDevice([Mouse()], serial="K1"))
    refused(check, pc, "known serial, now with a camera", "fake", "SK-1104",
            fake=FakeDevice([Disk(image), Camera()], serial="K1"))
    device, word = plug(pc, "fake", fake=FakeDevice([Disk(image)], serial="K1"))
    check.equal("known serial: the stick itself is still welcome", word.get("code"), "SK-1001")
    device.unplug()
    first, word = plug(pc, "fake", fake=FakeDevice([Camera()], serial="T1", vendor=0x04a9))
    check.equal("same serial twice: the first is allowed", word.get("code"), "SK-1001")
    refused(check, pc, "same serial twice: the second", "fake", "SK-1107",
            fake=FakeDevice([Camera()], serial="T1", vendor=0x04a9))
    check("same serial twice: the first stays on", first.authorized)
    first.unplug()


# USBDEVFS_RESET, as any program at the desk may ask for it with usbreset
RESET = "python3 -c 'import fcntl; fcntl.ioctl(open(\"{}\", \"wb\"), 0x5514)'"


def changed_by_reset(check, pc, image):
    """A stick, decided and at work, that shows a keyboard when the port is reset and the kernel looks again."""
    pc.rules(ALLOW_STICKS)
    other, lying = FakeDevice([Disk(image), Keyboard()], serial="D1"), []

    def lie(device, kind, request, value, index, length):
        if lying and (kind, request, value >> 8) == (0x80, 6, CONFIGURATION):
            return other.config_descriptor[:length]
        return None

    device, word = plug(pc, "fake", fake=FakeDevice([Disk(image)], serial="D1", on_control=lie))
    check.equal("changed by reset: allowed at first", word.get("code"), "SK-1001")
    pc.wait(device.block, 10)
    before, node = pc.last_record(), pc.sh(f"udevadm info -q name /sys/bus/usb/devices/{device.sysfs}")
    lying.append(True)
    pc.run(RESET.format(f"/dev/{node}"))
    word = pc.decision(device, before, code="SK-1103")
    check.equal("changed by reset: decided anew, and refused", word.get("code"), "SK-1103")
    check.equal("changed by reset: nothing is bound", (device.authorized, device.bound()), (False, []))
    device.unplug()


def lies_the_second_time(check, pc, image):
    """A stick that would show a keyboard to whoever asks a second time. This kernel asks once, when the device appears:
    what was judged is what works. (A kernel that asked again while authorising would find SK-1105.)"""
    pc.rules(ALLOW_STICKS)
    other, asked = FakeDevice([Disk(image), Keyboard()], serial="N1"), []

    def lie(device, kind, request, value, index, length):
        if (kind, request, value >> 8) == (0x80, 6, CONFIGURATION) and length > 9:
            asked.append(length)
            return other.config_descriptor[:length] if len(asked) > 1 else None
        return None

    device, word = plug(pc, "fake", fake=FakeDevice([Disk(image)], serial="N1", on_control=lie))
    check.equal("lies the second time: judged by the first answer", word.get("code"), "SK-1001")
    check.within("lies the second time: the stick works", pc.wait(device.block, 10), 10)
    check.equal("lies the second time: nobody asked again", len(asked), 1)
    check.equal("lies the second time: only the disk is bound", device.bound(), ["08"])
    device.unplug()


def changed_before_order(check, pc, image):
    """The port is reset, and shows a keyboard, after an honest stick was looked at and before its verdict is carried out:
    for the kernel it is another device then, and the verdict is not for that one."""
    pc.rules(ALLOW_STICKS)
    other, lying = FakeDevice([Disk(image), Keyboard()], serial="O1"), []

    def lie(device, kind, request, value, index, length):
        if lying and (kind, request, value >> 8) == (0x80, 6, CONFIGURATION):
            return other.config_descriptor[:length]
        return None

    before = pc.last_record()
    pc.sh("pkill -STOP -x sekishod")
    device = pc.plug("fake", fake=FakeDevice([Disk(image)], serial="O1", on_control=lie))
    first = device.attribute("devnum")
    node = pc.sh(f"udevadm settle; udevadm info -q name /sys/bus/usb/devices/{device.sysfs}; sleep 1")
    lying.append(True)
    pc.run(RESET.format(f"/dev/{node}"))
    check.within("changed before the order: another device for the kernel",
                 pc.wait(lambda: device.attribute("devnum") not in ("", first), 10), 10)
    pc.sh("pkill -CONT -x sekishod")
    word = pc.decision(device, before, code="SK-1103", timeout=30)
    check.equal("changed before the order: refused for what it is", word.get("code"), "SK-1103")
    check.equal("changed before the order: nothing is bound", (device.authorized, device.bound()), (False, []))
    device.unplug()


def secret_keyboard(check, pc):
    """A device that does not say that it is a keyboard (03/00/00), but types."""
    pc.rules("allow with-interface one-of { 03:00:00 }\n")
    for time in ("the first time", "the second time"):
        pad = Keyboard()
        pad.usb_class = (3, 0, 0)
        before = pc.last_record()
        device = pc.plug("fake", fake=FakeDevice([pad], serial="P1", product="Mouse Pad"))
        word = pc.decision(device, before, code="SK-1106")
        check.equal(f"secret keyboard, {time}: found out", word.get("code"), "SK-1106")
        check.within(f"secret keyboard, {time}: off", pc.wait(lambda: not device.authorized, 5), 5)
        device.unplug()


def swapped(check, pc, image):
    """Another device behind the same name between decision and order: the port is reset to other descriptors."""
    pc.rules(ALLOW_STICKS)
    fake = FakeDevice([Disk(image)], serial="W1")
    device, word = plug(pc, "fake", fake=fake)
    check.equal("swapped: allowed at first", word.get("code"), "SK-1001")
    before = pc.last_record()
    for functions in ([Keyboard()], [Disk(image)], [Keyboard()], [Disk(image), Keyboard()]):
        fake.vanish()
        fake.appear(functions=functions)
    word = pc.decision(device, before, code="SK-1103")
    check.equal("swapped four times: the last word is about the last device", word.get("code"), "SK-1103")
    check.equal("swapped four times: nothing is bound", (device.authorized, device.bound()), (False, []))
    device.unplug()


def malformed(check, pc):
    pc.rules("allow with-interface one-of { 08:*:* 03:*:* ff:*:* }\n")
    stick = FakeDevice([Function()], serial="M1").config_descriptor
    for what, raw in {"an interface descriptor cut short": stick[:9] + b"\x02\x04", "no interface": stick[:9],
                      "an endpoint of length 0": stick + b"\0\5"}.items():
        raw = raw[:2] + len(raw).to_bytes(2, "little") + raw[4:]
        device = pc.plug("fake", fake=FakeDevice([Function()], serial="M1", raw_config=raw))
        pc.wait(lambda: pc.decisions(device) if device.attribute("descriptors") else None, 3)
        check.equal(f"malformed ({what}): nothing is bound", device.bound(), [])
        device.unplug()
    check("malformed: the agent is still there", pc.ctl("status").ok)


def run(check):
    image = images.clean()
    with clinic_pc.installed() as pc:
        composite(check, pc, image)
        late_keyboard(check, pc, image)
        known_serial(check, pc, image)
        changed_by_reset(check, pc, image)
        lies_the_second_time(check, pc, image)
        changed_before_order(check, pc, image)
        secret_keyboard(check, pc)
        swapped(check, pc, image)
        malformed(check, pc)
