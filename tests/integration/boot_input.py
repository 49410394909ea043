#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""boot_input.py HELPER: sekisho-boot-input on a sysfs of files, run by every small shell there is. A real kernel and a
real initramfs are in tests/vm."""
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HELPER = sys.argv[1]
SHELLS = [s for s in (["dash"], ["busybox", "sh"], ["bash", "--posix"]) if shutil.which(s[0])]
KEYBOARD = {"idVendor": "046d", "idProduct": "c31c", "bDeviceClass": "00"}
KEYBOARD_LINE = "046d:c31c 03:01:01 03:00:00\n"
HUB = {"idVendor": "05e3", "idProduct": "0608", "bDeviceClass": "09"}


class Sysfs(unittest.TestCase):
    shell = SHELLS[0]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sys = Path(folder.name) / "sys"
        self.list = Path(folder.name) / "boot-input.list"
        self.write("module/usbcore/parameters/authorized_default", "0")
        self.write("bus/usb/drivers_probe", "")
        self.write("bus/usb/devices/usb1/interface_authorized_default", "1")

    def write(self, path, text):
        path = self.sys / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")

    def read(self, path):
        return (self.sys / "bus/usb/devices" / path).read_text().strip()

    def device(self, name, attributes, *interfaces, driver=False):
        for key, value in {**attributes, "authorized": "1" if driver else "0"}.items():
            self.write(f"bus/usb/devices/{name}/{key}", value)
        for number, triplet in enumerate(interfaces):
            folder = f"bus/usb/devices/{name}/{name}:1.{number}"
            for key, value in zip(("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"), triplet.split(":")):
                self.write(f"{folder}/{key}", value)
            self.write(f"{folder}/authorized", "1" if driver else "0")
            if driver:
                self.write(f"{folder}/driver/name", "x")

    def run_helper(self, *arguments):
        environment = {"SEKISHO_SYS": str(self.sys), "SEKISHO_BOOT_INPUT": str(self.list), "PATH": "/nonexistent"}
        shell = [shutil.which(self.shell[0]), *self.shell[1:]]
        done = subprocess.run([*shell, HELPER, *arguments], env=environment, capture_output=True, text=True, timeout=10)
        self.assertEqual(done.stderr, "")
        return done.returncode

    def granted(self, name):
        return [i.name[-1] for i in sorted((self.sys / "bus/usb/devices" / name).glob(f"{name}:*"))
                if (i / "authorized").read_text().strip() == "1"]

    def test_a_learned_keyboard_types(self):
        self.list.write_text("# learned\n" + KEYBOARD_LINE)
        self.device("1-1.2", KEYBOARD, "03:01:01", "03:00:00")
        self.run_helper("admit", "1-1.2")
        self.assertEqual(self.read("1-1.2/authorized"), "1")
        self.assertEqual(self.granted("1-1.2"), ["0", "1"])
        self.assertEqual((self.sys / "bus/usb/drivers_probe").read_text().strip(), "1-1.2:1.1")
        self.assertEqual(self.read("usb1/interface_authorized_default"), "0")

    def test_only_the_input_interfaces_of_a_learned_device_are_granted(self):
        self.list.write_text("046d:c31c 03:01:01 08:06:50\n")
        self.device("1-1", KEYBOARD, "03:01:01", "08:06:50")
        self.run_helper("admit", "1-1")
        self.assertEqual(self.granted("1-1"), ["0"])

    def test_another_device_with_the_number_of_the_keyboard_is_denied(self):
        self.list.write_text(KEYBOARD_LINE)
        for interfaces in (["03:01:01", "08:06:50"], ["03:01:01"], ["03:01:01", "03:00:00", "ff:00:00"], []):
            self.device("1-1", KEYBOARD, *interfaces)
            self.run_helper("admit", "1-1")
            self.assertEqual((self.read("1-1/authorized"), self.granted("1-1")), ("0", []), interfaces)
            shutil.rmtree(self.sys / "bus/usb/devices/1-1")

    def test_an_unknown_keyboard_is_denied(self):
        self.list.write_text("046d:c31cc 03:01:01\n046d:c31 03:01:01\n")
        self.device("1-1", KEYBOARD, "03:01:01")
        self.run_helper("admit", "1-1")
        self.assertEqual(self.read("1-1/authorized"), "0")

    def test_nothing_is_admitted_without_a_list(self):
        self.device("1-1", KEYBOARD, "03:01:01")
        self.run_helper("admit", "1-1")
        self.assertEqual(self.read("1-1/authorized"), "0")

    def test_hubs_are_admitted_as_hubs_only(self):
        self.device("1-4", HUB, "09:00:00", "03:01:01")
        self.run_helper("admit", "1-4")
        self.assertEqual((self.read("1-4/authorized"), self.granted("1-4")), ("1", ["0"]))

    def test_a_kernel_that_allows_is_left_alone(self):
        self.write("module/usbcore/parameters/authorized_default", "-1")
        self.list.write_text(KEYBOARD_LINE)
        self.device("1-4", HUB, "09:00:00")
        self.run_helper("admit", "1-4")
        self.assertEqual(self.read("1-4/authorized"), "0")
        self.assertEqual(self.read("usb1/interface_authorized_default"), "1")

    def test_names_that_are_no_device_are_passed_over(self):
        for name in ("", "usb1", "../1-4", "1-4/", "1-4:1.0", "-", "..", "1-9"):
            self.assertEqual(self.run_helper("admit", name), 0)

    def test_what_works_is_learned_once(self):
        self.list.write_text("1111:2222 03:01:02\n")
        self.device("1-1", KEYBOARD, "03:01:01", "03:00:00", driver=True)
        self.device("1-2", {"idVendor": "0951", "idProduct": "1666", "bDeviceClass": "00"}, "08:06:50", driver=True)
        self.device("1-3", {"idVendor": "dead", "idProduct": "beef", "bDeviceClass": "00"}, "03:01:01")
        for _ in range(2):
            self.run_helper("learn")
            self.assertEqual(self.list.read_text(), "1111:2222 03:01:02\n" + KEYBOARD_LINE)

    def test_wrong_use_is_named(self):
        shell = [shutil.which(self.shell[0]), *self.shell[1:]]
        self.assertEqual(subprocess.run([*shell, HELPER], capture_output=True).returncode, 2)


if __name__ == "__main__":
    suite = unittest.TestSuite()
    for shell in SHELLS:
        case = type("Sysfs_" + shell[0], (Sysfs,), {"shell": shell})
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    sys.exit(0 if unittest.TextTestRunner(verbosity=1, stream=sys.stdout).run(suite).wasSuccessful() else 1)
