#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sekishoctl policy check, decide, explain and generate, as people call them.

usage: policy_commands.py SEKISHOCTL DATA_DIRECTORY DESCRIPTORS_DIRECTORY

DATA_DIRECTORY/good/*.rules must pass; DATA_DIRECTORY/bad/NAME.rules must fail with the lines of NAME.told.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, DATA, DEVICES = "", Path(), Path()


def call(*arguments, data=None, cwd=None, expect=0):
    result = subprocess.run([PROGRAM, "policy", *map(str, arguments)], input=data, capture_output=True, text=True,
                            cwd=cwd, env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}, check=False)
    if result.returncode != expect:
        raise AssertionError(f"{arguments}: status {result.returncode}\n{result.stdout}{result.stderr}")
    return result


def plug(sysfs, name, device, serial=""):
    """A device as sysfs shows it."""
    about = json.loads((DEVICES / (device + ".json")).read_text())
    folder = sysfs / name
    folder.mkdir(parents=True)
    (folder / "descriptors").write_bytes((DEVICES / (device + ".bin")).read_bytes())
    for attribute, value in (("product", about["name"]), ("serial", serial)):
        if value:
            (folder / attribute).write_text(value + "\n")
    (folder / "uevent").write_text("DEVTYPE=usb_device\n")


class Check(unittest.TestCase):
    def test_good_files_pass(self):
        files = sorted((DATA / "good").glob("*.rules"))
        self.assertGreater(len(files), 3)
        for path in files:
            self.assertIn("no errors", call("check", path).stdout)

    def test_bad_files_fail_with_their_place(self):
        files = sorted((DATA / "bad").glob("*.rules"))
        self.assertGreater(len(files), 5)
        for path in files:
            told = call("check", "-q", path.name, cwd=path.parent, expect=1).stderr
            self.assertEqual(told, path.with_suffix(".told").read_text(), path)

    def test_several_files_are_judged_together(self):
        with tempfile.TemporaryDirectory() as name:
            top = Path(name)
            for folder in ("etc", "usr"):
                (top / folder).mkdir()
                (top / folder / "10-a.rules").write_text("allow 1234:*\n")
            told = call("check", "-q", "etc", "usr", cwd=top, expect=1).stderr
            self.assertEqual(told, "usr/10-a.rules: has the same name as etc/10-a.rules; rename one, the ids of "
                                   "their rules would be the same\n")

    def test_a_missing_file_fails(self):
        self.assertIn("No such file", call("check", "/nonexistent/x.rules", expect=3).stderr)

    def test_an_empty_directory_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn(f"{folder}: warning: no file", call("check", folder).stderr)

    def test_a_port_without_device_is_named(self):
        with tempfile.TemporaryDirectory() as sysfs:
            self.assertEqual(call("explain", "--sysfs", sysfs, "1-2", expect=1).stderr,
                             "sekishoctl: no USB device of this PC is called 1-2\n")

    def test_cutting_off_the_keyboard_is_an_error_when_asked_for(self):
        with tempfile.TemporaryDirectory() as name:
            sysfs = Path(name) / "devices" / "controller"
            rules = Path(name) / "a.rules"
            plug(sysfs, "1-1", "keyboard-sigma-micro-0002")
            rules.write_text("allow with-interface one-of { 08:*:* }\n")
            call("check", "-q", rules)
            told = call("check", "-q", "--present", "--sysfs", sysfs, rules, expect=1).stderr
            self.assertIn("would cut off every USB keyboard of this PC", told)
            rules.write_text("allow with-interface one-of { 03:*:* }\n")
            call("check", "-q", "--present", "--sysfs", sysfs, rules)


class Decide(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.rules = Path(self.folder.name) / "r.rules"
        self.rules.write_text("# first\nallow 1d6b:*\nblock serial \"7\" message \"no\"\nreject\tname \"x\"\n")

    def tearDown(self):
        self.folder.cleanup()

    def test_one_line_a_device(self):
        out = call("decide", "--rules", self.rules, "--devices", "-",
                   data='1d6b:0002 name "x"\n\n# remark\nserial "7"\nname "x"\n1234:5678\n').stdout
        lines = [line.split("\t") for line in out.splitlines()]
        self.assertEqual([line[:2] for line in lines],
                         [["allow", "2"], ["block", "3"], ["reject", "4"], ["block", "0"]])
        self.assertTrue(all(len(line) == 3 and line[2] for line in lines))

    def test_json(self):
        out = call("decide", "--rules", self.rules, "--device", 'serial "7"', "--json").stdout
        answer = json.loads(out)
        self.assertEqual((answer["target"], answer["line"], answer["message"]), ("block", 3, "no"))

    def test_bad_descriptions_are_named_and_nothing_is_answered(self):
        result = call("decide", "--rules", self.rules, "--devices", "-", data="1d6b:0002\nnam \"x\"\n", expect=2)
        self.assertEqual(result.stdout, "")
        self.assertIn("-:2:1: unknown attribute 'nam'", result.stderr)

    def test_the_moment_can_be_chosen(self):
        self.rules.write_text('allow user "sato" group "night" screen-locked no time "Mon 09:00-10:00"\n')
        call_with = ["decide", "--rules", self.rules, "--device", "1234:5678", "--user", "sato", "--group", "night",
                     "--screen-locked", "no", "--time"]
        self.assertTrue(call(*call_with, "Mon 09:59").stdout.startswith("allow\t1\t"))
        self.assertTrue(call(*call_with, "Mon 10:00").stdout.startswith("block\t0\t"))
        self.assertTrue(call(*call_with, "Tue 09:59").stdout.startswith("block\t0\t"))
        call(*call_with, "noon", expect=2)

    def test_wrong_calls(self):
        call("decide", "--rules", self.rules, expect=2)
        call("decide", "--nonsense", expect=2)
        call("nonsense", expect=2)


class ExplainAndGenerate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.sysfs = Path(self.folder.name) / "devices" / "controller"
        plug(self.sysfs, "1-1", "keyboard-sigma-micro-0002")
        plug(self.sysfs, "1-2", "stick-sandisk-3.2-55e8", serial="0123")
        (self.sysfs / "1-1:1.0").mkdir()
        self.rules = Path(self.folder.name) / "r.rules"

    def tearDown(self):
        self.folder.cleanup()

    def test_rules_for_what_is_plugged_in_allow_it(self):
        text = call("generate", "--sysfs", self.sysfs).stdout
        self.assertEqual(text.count("\n"), 2)
        self.rules.write_text(text)
        keyboard, stick = text.splitlines()
        self.assertIn('via-port "1-1"', keyboard)
        self.assertNotIn("via-port", stick)
        for line in (keyboard, stick):
            self.assertRegex(line, r'hash "[A-Za-z0-9+/]{43}="')
        call("check", "-q", self.rules)
        for name, line in (("1-1", 1), ("1-2", 2)):
            out = call("explain", "--rules", self.rules, "--sysfs", self.sysfs, name).stdout
            self.assertIn(f"r.rules:{line}: r:{line} allow: applies and decides\n", out)

    def test_usbguard_reads_the_generated_rules(self):
        self.rules.write_text(call("generate", "--sysfs", self.sysfs, "--ports").stdout)
        try:
            subprocess.run(["usbguard-rule-parser", "-f", self.rules], check=True, capture_output=True)
        except FileNotFoundError:
            self.skipTest("the package usbguard is missing")

    def test_explaining_says_why_not(self):
        self.rules.write_text('allow with-interface one-of { 08:*:* } serial "9"\n')
        out = call("explain", "--rules", self.rules, '1234:5678 serial "8" with-interface 08:06:50').stdout
        self.assertIn('does not apply: asks serial "9", found: "8"', out)
        self.assertTrue(out.endswith("block: no rule applies, the default is block\n"), out)
        call("explain", "--rules", self.rules, "9-9", expect=1)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    PROGRAM, DATA, DEVICES = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).absolute(), Path(sys.argv[3]).absolute()
    unittest.main(argv=sys.argv[:1])
