#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sekisho-boot and sekisho-install in a tree of their own, with recording stand-ins for the tools of the system."""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BOOT, INSTALL = sys.argv[1:3]
WEEKLY_SCAN = sys.argv[-1]


def installed_path(helper, variable):
    return re.search(rf"^{variable}=\$root(\S+)", Path(helper).read_text(), re.M)[1]


class Tree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name) / "root"
        self.bin = Path(self.folder.name) / "bin"
        self.calls = Path(self.folder.name) / "calls"
        self.bin.mkdir()
        for tool in "sh cat cp mv rm mkdir sync awk sort cut readlink env".split():
            (self.bin / tool).symlink_to(next(p for p in (f"/usr/bin/{tool}", f"/bin/{tool}") if os.path.exists(p)))

    def tool(self, name, status=0, output=""):
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.calls}"\nprintf "%s" "{output}"\nexit {status}\n')
        path.chmod(0o755)

    def call(self, helper, *arguments):
        environment = {"PATH": str(self.bin), "SEKISHO_BOOT_ROOT": str(self.root), "SEKISHO_INSTALL_ROOT": str(self.root)}
        done = subprocess.run(["/bin/sh", helper, *arguments], env=environment, capture_output=True, text=True)
        self.said = done.stderr
        return done.returncode

    def called(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def file(self, path, text=""):
        path = self.root / str(path).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class Boot(Tree):
    def setUp(self):
        super().setUp()
        self.wish = self.root / installed_path(BOOT, "wish").lstrip("/")
        self.wish.parent.mkdir(parents=True)
        self.marker = self.root / installed_path(BOOT, "marker").lstrip("/")
        self.dropin = self.root / "etc/default/grub.d/sekisho.cfg"
        (self.root / "etc/sekisho").mkdir(parents=True)
        self.file(installed_path(BOOT, "template"), "GRUB_CMDLINE_LINUX_DEFAULT=usbcore.authorized_default=0\n")

    def test_the_wish_of_the_decider_is_carried_out_and_taken_back(self):
        self.tool("update-grub")
        self.tool("update-initramfs")
        self.wish.touch()
        self.assertEqual(self.call(BOOT, "apply"), 0)
        self.assertIn("usbcore.authorized_default=0", self.dropin.read_text())
        self.assertTrue(self.marker.exists())
        self.assertEqual(self.called(), ["update-initramfs -u", "update-grub "])
        self.wish.unlink()
        self.assertEqual(self.call(BOOT, "apply"), 0)
        self.assertFalse(self.dropin.exists())
        self.assertEqual(self.called()[2:], ["update-grub ", "update-initramfs -u"])
        self.assertFalse(self.marker.exists())

    def test_nothing_is_done_twice(self):
        self.tool("update-grub")
        self.assertEqual(self.call(BOOT, "apply"), 0)
        self.wish.touch()
        self.call(BOOT, "apply")
        self.call(BOOT, "apply")
        self.assertEqual(self.called(), ["update-grub "])

    def test_a_boot_menu_that_cannot_be_written_leaves_the_boot_as_it_was(self):
        self.tool("update-grub", status=1)
        self.assertEqual(self.call(BOOT, "enable"), 1)
        self.assertFalse(self.dropin.exists())
        self.assertFalse(self.marker.exists())

    def test_without_an_initramfs_no_device_is_denied_at_boot(self):
        self.tool("update-grub")
        self.tool("update-initramfs", status=1)
        self.assertEqual(self.call(BOOT, "enable"), 1)
        self.assertFalse(self.dropin.exists())
        self.assertFalse(self.marker.exists())
        self.assertEqual(self.called(), ["update-initramfs -u"])

    def test_grubby_is_used_where_there_is_no_update_grub(self):
        self.tool("grubby")
        self.call(BOOT, "enable")
        self.call(BOOT, "enable")
        self.call(BOOT, "disable")
        self.assertEqual(self.called(), ["grubby --update-kernel=ALL --args=usbcore.authorized_default=0",
                                         "grubby --update-kernel=ALL --remove-args=usbcore.authorized_default=0"])

    def test_an_unknown_boot_loader_is_named_and_is_no_error(self):
        self.assertEqual(self.call(BOOT, "enable"), 0)
        self.assertIn("by hand", self.said)

    def test_an_unknown_word_is_an_error(self):
        self.assertEqual(self.call(BOOT, "enforce"), 2)


class Install(Tree):
    def usb(self, path, value):
        return self.file(f"/sys/bus/usb/devices/{path}", f"{value}\n")

    def value(self, path):
        return (self.root / "sys/bus/usb" / path).read_text().strip()

    def test_every_device_is_given_back(self):
        self.file("/sys/module/usbcore/parameters/authorized_default", "0\n")
        self.usb("usb1/authorized_default", 0)
        self.usb("usb1/interface_authorized_default", 0)
        self.usb("1-2/authorized", 0)
        self.usb("1-2.3/authorized", 1)
        self.usb("1-2.3:1.0/authorized", 0)
        self.file("/sys/bus/usb/drivers_probe")
        self.assertEqual(self.call(INSTALL, "release"), 0)
        for path in ("usb1/authorized_default", "usb1/interface_authorized_default", "1-2/authorized",
                     "1-2.3/authorized", "1-2.3:1.0/authorized"):
            self.assertEqual(self.value(f"devices/{path}"), "1", path)
        self.assertEqual(self.value("drivers_probe"), "1-2.3:1.0")
        self.assertEqual((self.root / "sys/module/usbcore/parameters/authorized_default").read_text(), "-1\n")

    def test_a_pc_without_usb_is_no_error(self):
        self.assertEqual(self.call(INSTALL, "release"), 0)

    def test_only_disks_that_come_and_go_become_writable(self):
        self.tool("blockdev")
        (self.root / "sys/block").mkdir(parents=True)
        for name, where in (("sda", "pci/ata1/block/sda"), ("sdb", "pci/usb1/1-2/block/sdb")):
            self.file(f"/sys/devices/{where}/ro", "1\n")
            (self.root / "sys/block" / name).symlink_to(self.root / "sys/devices" / where)
        self.assertEqual(self.call(INSTALL, "release"), 0)
        self.assertEqual(self.called(), [f"blockdev --setrw {self.root}/dev/sdb"])

    def test_what_is_plugged_in_is_learned_once(self):
        learned = self.root / installed_path(INSTALL, "learned").lstrip("/")
        self.tool("sekishoctl", output="allow id 046d:c31c")
        self.assertEqual(self.call(INSTALL, "learn"), 0)
        self.assertEqual(learned.read_text(), "allow id 046d:c31c")
        learned.write_text("# mine\n")
        self.assertEqual(self.call(INSTALL, "learn"), 0)
        self.assertEqual(learned.read_text(), "# mine\n")

    def test_learning_that_fails_leaves_no_half_file_and_does_not_stop_the_installation(self):
        learned = self.root / installed_path(INSTALL, "learned").lstrip("/")
        self.tool("sekishoctl", status=1, output="allow id 046d")
        self.assertEqual(self.call(INSTALL, "learn"), 0)
        self.assertEqual(list(learned.parent.iterdir()), [])


class WeeklyScan(Tree):
    """What clamscan said, as the posture reads it."""

    def scan(self, status, output):
        (self.bin / "clamscan").write_text(f"#!/bin/sh\nprintf '%b' '{output}'\nexit {status}\n")
        (self.bin / "clamscan").chmod(0o755)
        for tool in ("sed", "date", "grep"):
            if not (self.bin / tool).exists():
                (self.bin / tool).symlink_to(next(p for p in (f"/usr/bin/{tool}", f"/bin/{tool}") if os.path.exists(p)))
        state = Path(self.folder.name) / "state"
        state.mkdir(exist_ok=True)
        done = subprocess.run(["/bin/sh", WEEKLY_SCAN], capture_output=True, text=True,
                              env={"PATH": str(self.bin), "STATE_DIRECTORY": str(state), "SCAN_PATHS": self.folder.name})
        found = dict(line.split("=") for line in (state / "result").read_text().splitlines())
        return done.returncode, found["state"], found.get("files"), found.get("found")

    def test_what_was_found(self):
        self.assertEqual(self.scan(0, "Scanned files: 7\\nInfected files: 0\\n"), (0, "clean", "7", "0"))
        self.assertEqual(self.scan(1, "/x: Y FOUND\\nScanned files: 7\\nInfected files: 1\\n"), (1, "found", "7", "1"))
        self.assertEqual(self.scan(2, "ERROR: no definitions\\n"), (2, "failed", None, None))

    def test_what_could_not_be_unpacked_is_not_clean(self):
        said = "LibClamAV Error: Can t create temporary directory\\nScanned files: 1\\nInfected files: 0\\n"
        self.assertEqual(self.scan(0, said)[:2], (2, "failed"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
