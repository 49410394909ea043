# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices of every kind are what the rules say, and the last keyboard stays on.

Serves DEV-1, DEV-3, DEV-4, EMG-2.
"""
from lab import clinic_pc, images
from lab.fakeusb import Camera, Disk, FakeDevice, Keyboard
from lab.judged import plug, refused
from lab.typing import Typing

ALLOW_STICKS = 'allow with-interface one-of { 08:*:* }\n'


# --- the package's own rules

def default_rules(check, pc, image):
    for kind, options in {"network": {}, "serial": {}, "phone": dict(folder=images.phone_folder())}.items():
        refused(check, pc, f"{kind}, by the default rules", kind, "SK-1101", **options)
    for kind, options in {"audio": {}, "ccid": {}, "tablet": {}, "stick": dict(image=image, serial="S0")}.items():
        device, word = plug(pc, kind, **options)
        check.equal(f"{kind}, by the default rules: allowed", (word.get("code"), device.authorized), ("SK-1001", True))
        device.unplug()
    refused(check, pc, "a stick that types, by the default rules", "fake", "SK-1103",
            fake=FakeDevice([Disk(image), Keyboard()], serial="B0"))
    refused(check, pc, "a second keyboard, by the default rules", "keyboard", "SK-1106")


# --- what is in no rule

def unknown_kinds(check, pc, image):
    pc.rules("")
    for kind in ("network", "serial", "audio", "ccid", "tablet"):
        refused(check, pc, f"{kind}, in no rule", kind, "SK-1102")
    refused(check, pc, "stick, in no rule", "stick", "SK-1102", image=image, serial="S1")
    refused(check, pc, "telephone, in no rule", "phone", "SK-1102", folder=images.phone_folder())
    refused(check, pc, "camera, in no rule", "fake", "SK-1102", fake=FakeDevice([Camera()], serial="C1"))


def kinds_by_rule(check, pc):
    """The same kinds, when a rule names their class."""
    classes = {"network": ("02:*:*", "0a:*:*"), "serial": ("ff:*:*",), "audio": ("01:*:*",), "ccid": ("0b:*:*",)}
    pc.rules("".join(f"allow with-interface one-of {{ {' '.join(c)} }}\n" for c in classes.values()))
    for kind in classes:
        device, word = plug(pc, kind)
        check.equal(f"{kind}: allowed by its rule", word.get("code"), "SK-1001")
        works = pc.wait(lambda: device.interfaces() and all(i[1] for i in device.interfaces().values()), 5)
        check(f"{kind}: works", works is not None, device.interfaces())
        device.unplug()
    pc.rules("reject with-interface one-of { ff:*:* }\n")
    device, word = plug(pc, "serial")
    check.equal("reject: recorded", (word.get("code"), word.get("target")), ("SK-1101", "reject"))
    check.within("reject: gone from the system", pc.wait(lambda: not device.present, 5), 5)
    device.unplug()


# --- hub, keyboards

def hub(check, pc, image):
    pc.rules("allow with-interface 09:00:00\nallow with-interface one-of { 08:*:* }\n")
    box, word = plug(pc, "hub")
    check.equal("hub: allowed", word.get("code"), "SK-1001")
    pc.wait(lambda: box.bound(), 5)
    wanted = {"stick": ("SK-1001", dict(image=image, serial="H1")), "keyboard": ("SK-1102", {}),
              "serial": ("SK-1102", {})}
    for number, (kind, (code, options)) in enumerate(wanted.items(), 1):
        device, word = plug(pc, kind, port=f"{box.port}.{number}", **options)
        check.equal(f"hub: the {kind} behind it", (word.get("code"), device.authorized), (code, code == "SK-1001"))
    for device in [d for d in pc.devices.values() if d.port.startswith(f"{box.port}.")]:
        device.unplug()
    box.unplug()


def keyboards(check, pc):
    pc.rules("allow with-interface one-of { 03:*:* }\n")
    refused(check, pc, "second keyboard, allowed by a rule but never seen", "keyboard", "SK-1106")
    mouse, word = plug(pc, "mouse")
    check.equal("a second mouse is no second keyboard", (word.get("code"), mouse.authorized), ("SK-1001", True))
    mouse.unplug()


def last_keyboard(check, pc):
    """Rules that refuse the keyboard and the mouse of the desk, at once or after a while."""
    keyboard, mouse = pc.devices["built-in-keyboard"], pc.devices["built-in-mouse"]
    pc.put(b"block with-interface one-of { 03:*:* }\n", "/etc/sekisho/rules.d/00-lab.rules")
    result = pc.agent("Reload")
    check("last keyboard: rules by which nobody could type are not taken", not result.ok, result.out)
    before = pc.last_record()
    pc.sh("date -s 10:29:50")
    pc.rules('allow with-interface one-of { 03:*:* } time "10:00-10:30"\nblock with-interface one-of { 03:*:* }\n')
    for device in (keyboard, mouse):
        word = pc.decision(device, before, code="SK-1006", timeout=30)
        check.equal(f"{device.name}: the last of its kind stays", word.get("code"), "SK-1006")
        check.equal(f"{device.name}: still bound", (device.authorized, device.bound()), (True, ["03"]))
    check("last keyboard: its keys arrive", Typing(pc).works())
    before = pc.last_record()
    pc.rules("allow with-interface one-of { 03:*:* }\n")
    check.equal("allowed again: by the rule", pc.decision(keyboard, before).get("code"), "SK-1001")


# --- allowances, time, screen, errors

def allowance(check, pc, image):
    pc.rules("block with-interface one-of { 08:*:* }\n")
    stick, word = plug(pc, "stick", image=image, serial="A1")
    check.equal("allowance: refused by a rule at first", word.get("code"), "SK-1101")
    before = pc.last_record()
    result = pc.ctl("allow", "--for", "10s", stick.sysfs)
    check("allowance: sekishoctl allow", result.ok, result.err)
    check.equal("allowance: recorded", pc.decision(stick, before, code="SK-1003").get("code"), "SK-1003")
    check("allowance: on", pc.wait(lambda: stick.authorized, 5) is not None)
    port = stick.port
    stick.unplug()
    stick, word = plug(pc, "stick", image=image, serial="A1", port=port)
    check.equal("allowance: also after it was pulled and plugged", (word.get("code"), stick.authorized),
                ("SK-1003", True))
    ended = pc.wait(lambda: not stick.authorized, 15)
    check("allowance: ends on the plugged device", ended is not None)
    check.equal("allowance: its end is recorded", pc.decision(stick, before, code="SK-1109").get("code"), "SK-1109")
    check.equal("allowance: nothing is bound any more", stick.bound(), [])
    stick.unplug()


def time_rule(check, pc, image):
    """A rule that ends at the next full minute, on a device that is in use."""
    pc.sh("date -s 10:29:50")
    pc.rules('allow with-interface one-of { 08:*:* } time "10:00-10:30"\n')
    stick, word = plug(pc, "stick", image=image, serial="Z1")
    check.equal("time: allowed within", (word.get("code"), stick.authorized), ("SK-1001", True))
    before = pc.last_record()
    check.within("time: off at its end", pc.wait(lambda: not stick.authorized, 25), 20)
    check.equal("time: its end is recorded", pc.decision(stick, before).get("code"), "SK-1109")
    stick.unplug()
    refused(check, pc, "time: outside", "stick", "SK-1102", image=image, serial="Z1")


def lock(pc, locked):
    pc.staff("busctl call org.freedesktop.login1 /org/freedesktop/login1/session/auto "
             f"org.freedesktop.login1.Session SetLockedHint b {locked}")
    pc.wait(lambda: f'"screen_locked":{locked}' in pc.agent("GetStatus").out.replace("\\", ""), 5)


def screen(check, pc, image):
    pc.rules('allow with-interface one-of { 08:*:* } screen-locked no\n')
    before, early = plug(pc, "stick", image=image, serial="E1")
    check.equal("screen: allowed while unlocked", early.get("code"), "SK-1001")
    lock(pc, "true")
    pc.sh("sleep 1")
    check("screen: what was on before the lock stays on", before.authorized)
    late, word = plug(pc, "stick", image=image, serial="E2")
    check.equal("screen: refused while locked", (word.get("code"), late.authorized), ("SK-1110", False))
    mark = pc.last_record()
    lock(pc, "false")
    check.equal("screen: allowed once unlocked", pc.decision(late, mark).get("code"), "SK-1001")
    check.within("screen: and bound", pc.wait(late.bound, 5), 5)
    late.unplug()
    before.unplug()


def bad_rules(check, pc):
    mark = pc.last_record()
    pc.rules(ALLOW_STICKS)
    pc.put(b'allow with-interface one-of { 03:*:* }\nallow wiht-interface 08:*:*\n', "/etc/sekisho/rules.d/01-bad.rules")
    result = pc.agent("Reload")
    check("bad rules: refused, with file, line and column", not result.ok and "01-bad.rules:2:7:" in result.err,
          result.err)
    record = next((r["body"] for r in pc.records("policy.refused") if r["seq"] > mark), {})
    check.equal("bad rules: recorded", record.get("code"), "SK-1301")
    refused(check, pc, "bad rules: their good line is not in force", "keyboard", "SK-1102")
    pc.sh("systemctl restart sekishod")
    check("bad rules: a restart with them admits nothing new",
          pc.wait(lambda: pc.ctl("status").ok, 20) is not None)
    refused(check, pc, "bad rules, after a restart", "keyboard", "SK-1102")
    keyboard = pc.devices["built-in-keyboard"]
    check.equal("bad rules, after a restart: the keyboard of the desk works",
                (keyboard.authorized, keyboard.bound()), (True, ["03"]))
    pc.sh("rm /etc/sekisho/rules.d/01-bad.rules")
    pc.rules("")
    check("the chain of records is whole", pc.chain_verifies())


def run(check):
    image = images.clean()
    with clinic_pc.installed() as pc:
        default_rules(check, pc, image)
        unknown_kinds(check, pc, image)
        kinds_by_rule(check, pc)
        hub(check, pc, image)
        keyboards(check, pc)
        last_keyboard(check, pc)
        bad_rules(check, pc)
    with clinic_pc.installed() as pc:
        allowance(check, pc, image)
        time_rule(check, pc, image)
        screen(check, pc, image)
