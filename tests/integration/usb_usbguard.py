#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Our reading of every device of the corpus against USBGuard's own, in one sysfs made by umockdev.

usage: usb_usbguard.py SEKISHOCTL CORPUS

`usbguard generate-policy` and `sekishoctl descriptors decode` must write the same rule: ids, strings and their
escapes, hash, parent hash, port, interfaces in order, connect type. Without usbguard or umockdev: skipped (77).
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

CTL, CORPUS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
CONTROLLER = "/devices/pci0000:00/0000:00:14.0"
ROOT = CONTROLLER + "/usb1"
# What strings may hold: every byte the kernel can give but a zero.
STRANGE = bytes(byte for byte in range(1, 127) if byte != 10) + "病院の \u202e 端末\x7f".encode() + b"\xff\xfe"


def record(path, attributes, binary):
    lines = [f"P: {path}", "E: SUBSYSTEM=usb", "E: DEVTYPE=usb_device"]
    lines += [f"A: {name}={value}\\n" for name, value in attributes.items() if value is not None]
    lines += [f"H: {name}={value.hex().upper()}" for name, value in binary.items() if value is not None]
    return "\n".join(lines) + "\n\n"


def line(text):
    return text + b"\n" if text else None


def device(path, raw, name, serial, connect_type):
    return record(path, {"authorized": "0", "authorized_default": "1", "idVendor": f"{raw[9]:02x}{raw[8]:02x}",
                         "idProduct": f"{raw[11]:02x}{raw[10]:02x}", "port/connect_type": connect_type},
                  {"descriptors": raw, "product": line(name), "serial": line(serial)})


def make_sysfs(file):
    """Returns the ports in use. The first corpus hub that is a root hub is the root hub here."""
    names = sorted(name[:-4] for name in os.listdir(CORPUS) if name.endswith(".bin"))
    ports = {}
    file.write(f"P: {CONTROLLER}\nE: SUBSYSTEM=pci\nA: vendor=0x8086\\n\n\n")
    for number, name in enumerate(["hub-root-usb2-linux-4.15"] + names + ["STRANGE"]):
        source = name if name != "STRANGE" else "stick-smi-usb-disk"
        with open(os.path.join(CORPUS, source + ".bin"), "rb") as raw_file:
            raw = raw_file.read()
        with open(os.path.join(CORPUS, source + ".json"), encoding="utf-8") as json_file:
            about = json.load(json_file)
        strings = (STRANGE, STRANGE[::-1][2:]) if name == "STRANGE" else (about["name"].encode(), about["serial"].encode())
        port = "usb1" if number == 0 else f"1-{number}"
        ports[port] = name
        # A root hub has no port above it.
        connect_type = [None, "hotplug", "hardwired", "unknown"][number % 4 if number else 0]
        file.write(device(ROOT if number == 0 else f"{ROOT}/{port}", raw, *strings, connect_type))
    return ports


def run(sysfs, *command):
    environment = dict(os.environ, ASAN_OPTIONS="verify_asan_link_order=0,detect_leaks=0", LC_ALL="C.UTF-8")
    return subprocess.run(["umockdev-run", "-d", sysfs, "--", *command], capture_output=True, check=False,
                          env=environment)


def main():
    if not shutil.which("usbguard") or not shutil.which("umockdev-run"):
        print("skip: no usbguard or umockdev here")
        return 77
    with tempfile.TemporaryDirectory(prefix="sekisho-usbguard-") as directory:
        sysfs = os.path.join(directory, "sysfs.umockdev")
        with open(sysfs, "w", encoding="utf-8") as file:
            ports = make_sysfs(file)
        theirs = run(sysfs, "usbguard", "generate-policy", "-p")
        script = "for port; do printf '%s\\n' \"$port\"; \"$0\" descriptors decode /sys/bus/usb/devices/$port; done"
        ours = run(sysfs, "sh", "-c", script, CTL, *ports)
    their_rules = sorted(text for text in theirs.stdout.decode().splitlines() if text.startswith("allow "))
    our_rules = sorted("allow " + text[len("rule: "):] for text in ours.stdout.decode().splitlines()
                       if text.startswith("rule: "))
    print(f"{len(ports)} devices, {len(their_rules)} rules of USBGuard, {len(our_rules)} of ours")
    for rule in sorted(set(their_rules) ^ set(our_rules)):
        print("USBGuard" if rule in their_rules else "Sekisho ", rule)
    if their_rules != our_rules or len(our_rules) != len(ports):
        print(theirs.stderr.decode()[-2000:], ours.stderr.decode()[-2000:])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
