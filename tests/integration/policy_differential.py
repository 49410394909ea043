#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Proves that the rule language means the same as USBGuard's.

usage: policy_differential.py OURS PEER SEKISHOCTL [SEED [SETS]]

Thousands of rules, damaged rules and devices from a seeded generator go to both libraries: each must accept the same
lines and find the same first rule. A sample of whole files goes to both commands. Extensions never occur, as
USBGuard refuses them all.
"""
import os
import random
import shutil
import subprocess
import sys
import tempfile

TEXT_ATTRIBUTES = ["name", "hash", "parent-hash", "serial", "via-port", "with-connect-type"]
OPERATORS = ["all-of", "one-of", "none-of", "equals", "equals-ordered", "match-all"]
# few of each, so that rules and devices meet
VALUES = {
    "name": ["", "Stick", "USB Keyboard", "関所", "a\\\"b", "x\\\\y", "\\x41\\x00", "\\xe9"],
    "hash": ["", "AAAA", "kv3v2+rnq9QvYI3/HbJ1EV9vdujZ0aVCQ/CGBYIkEB0=", "b"],
    "parent-hash": ["", "P1", "P2="],
    "serial": ["", "0001", "ABC", "000000000000"],
    "via-port": ["", "1-1", "1-2.3", "usb1"],
    "with-connect-type": ["", "hotplug", "hardwired", "unknown", "not used"],
}
IDS = ["1d6b:0002", "046d:c31c", "046d:c52b", "0951:1666", "1D6B:0002"]
ID_PATTERNS = IDS + ["1d6b:*", "046d:*", "*:*", "*:0002"]
INTERFACES = ["03:01:01", "03:01:02", "03:00:00", "08:06:50", "08:06:62", "09:00:00", "e0:01:01", "FF:ff:00"]
INTERFACE_PATTERNS = INTERFACES + ["03:*:*", "03:01:*", "08:*:*", "08:06:*", "09:*:*", "ff:*:*", "03:*:01"]
CONDITIONS = ["true", "false", "!true", "!false", "true(x)", "localtime(00:00-23:59)", "!localtime(00:00-23:59)",
              "localtime(00:00:00-23:59:59)", "rule-applied", "rule-evaluated(00:05)", "!rule-applied(10)",
              "random(0)", "random(1.5)", "!random(-1)", "allowed-matches(03:*:*)", "allowed-matches(046d:*)",
              "!allowed-matches(with-interface one-of { 03:00:01 03:01:01 })", "allowed-matches(name \"a\\x29\")",
              "unknown", "localtime(10:00)x", "localtime(12:00-11:00)", "random(x)", "rule-applied()"]
DAMAGE = [b" ", b"\t", b"\"", b"\\", b"{", b"}", b"#", b"!", b"(", b")", b":", b"*", b"x", b"0", b"-", b"one-of ",
          b"if ", b"name ", b"\r", b"\xe9", b"\x00", b"allow ", b"id ", b"label ", b"key ", b"block", b"\\x4", b"\\)", b"\\n"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, values):
        return self.random.choice(values)

    def chance(self, probability):
        return self.random.random() < probability

    def values(self, kind, pool):
        random_ = self.random
        quote = (lambda v: '"%s"' % v) if kind in VALUES else (lambda v: v)
        if self.chance(0.6):
            return quote(self.pick(pool))
        operator = self.pick(OPERATORS + [""])
        items = [quote(self.pick(pool)) for _ in range(random_.randint(1, 4))]
        inside = self.pick([" ", "", "  "])
        return (operator + self.pick([" ", "\t ", "  "]) if operator else "") + \
            "{" + inside + self.pick([" ", "  ", "\t"]).join(items) + inside + "}"

    def attribute(self, kind):
        if kind in VALUES:
            return kind, self.values(kind, VALUES[kind])
        if kind == "id":
            return kind, self.values(kind, ID_PATTERNS if self.chance(0.8) else IDS)
        if kind == "with-interface":
            return kind, self.values(kind, INTERFACE_PATTERNS)
        if kind == "label":
            return kind, self.values("name", VALUES["name"])
        return kind, self.values(kind, CONDITIONS[:-5] if self.chance(0.9) else CONDITIONS)

    def rule(self):
        kinds = self.random.sample(TEXT_ATTRIBUTES + ["id", "with-interface", "with-interface", "if", "label"],
                                   self.random.choice([0, 1, 1, 1, 2, 2, 3, 4]))
        if len(set(kinds)) != len(kinds) and self.chance(0.9):
            kinds = sorted(set(kinds))
        text = self.pick(["allow", "allow", "block", "reject", "match", "device"])
        if self.chance(0.15):
            text += " " + self.pick(ID_PATTERNS)
            kinds = [k for k in kinds if k != "id" or self.chance(0.1)]
        for kind in kinds:
            name, value = self.attribute(kind)
            text += self.pick([" ", " ", "  ", "\t"]) + name + self.pick([" ", " ", "   "]) + value
        if self.chance(0.08):
            text += self.pick([" # remark", "#x", "\t#", " # \x01 \"{"])
        return text.encode()

    def other_line(self):
        return self.pick([b"", b"# remark", b"   # remark", b" ", b"\t", b" allow", b"allow ", b"#", b"deny",
                          b"allow key \"x\"", b"allowblock", b"devicename",
                          b"allow 046d:c31cblock 1d6b:0002", b"allow id { 046d:* 1d6b:* }match 1d6b:0002",
                          b"allow id one-of { 1d6b:* }reject 046d:*", b"allow name \"Stick\"block", b"allow # \r", b"# \x80\xff", b"mode", b"allow 1234:567"])

    def damage(self, line):
        line = bytearray(line)
        for _ in range(self.random.choice([1, 1, 1, 2, 3])):
            at = self.random.randint(0, len(line))
            kind = self.random.random()
            if kind < 0.4:
                line[at:at] = self.pick(DAMAGE)
            elif kind < 0.7:
                del line[at:at + self.random.randint(1, 3)]
            elif kind < 0.85 and line:
                line[min(at, len(line) - 1)] = self.pick(b" \"\\{}#():*a0\t\x7f")
            else:
                end = min(len(line), at + self.random.randint(1, 12))
                line[at:at] = line[at:end]
        return bytes(line).replace(b"\n", b" ")

    def device(self):
        parts = []
        for kind in TEXT_ATTRIBUTES:
            if self.chance(0.85):
                parts.append('%s "%s"' % (kind, self.pick(VALUES[kind])))
        if self.chance(0.95):
            interfaces = [self.pick(INTERFACES) for _ in range(self.random.choice([1, 1, 2, 3]))]
            parts.append("with-interface " + (interfaces[0] if len(interfaces) == 1
                                              else "{ " + " ".join(interfaces) + " }"))
        if self.chance(0.05):
            parts.append('name one-of { "Stick" "x" }' if not any(p.startswith("name") for p in parts)
                         else 'label "x"')
        self.random.shuffle(parts)
        if self.chance(0.95):
            parts.insert(0, self.pick(["", "id "]) + self.pick(IDS + ["1d6b:*", "*:*"]))
        return " ".join(parts).encode()

    def rule_set(self):
        lines = [b"X "]
        for _ in range(self.random.choice([1, 3, 10, 30])):
            roll = self.random.random()
            line = self.rule() if roll < 0.7 else self.damage(self.rule()) if roll < 0.95 else self.other_line()
            lines.append(b"R " + line)
        for _ in range(12):
            lines.append(b"D " + self.device())
        return lines


def run(program, data):
    environment = dict(os.environ, TZ="UTC", LC_ALL="C.UTF-8")
    result = subprocess.run([program], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            env=environment, check=True)
    return result.stdout.split(b"\n")[:-1]


def compare_libraries(ours, peer, lines):
    data = b"\n".join(lines) + b"\n"
    answers, expected = run(ours, data), run(peer, data)
    if len(answers) != len(lines) or len(expected) != len(lines):
        sys.exit("answers are missing: %d and %d for %d lines" % (len(answers), len(expected), len(lines)))
    differences = [i for i in range(len(lines)) if answers[i] != expected[i]]
    for i in differences[:20]:
        print("%r: sekisho %s, usbguard %s" % (lines[i], answers[i].decode(), expected[i].decode()))
        if lines[i].startswith(b"D ") and i in differences[:3]:
            first = max(k for k in range(i) if lines[k].startswith(b"X"))
            for k in range(first, i):
                if lines[k].startswith(b"R ") and expected[k] == b"ok":
                    print("    %r" % lines[k][2:])
    rules = [expected[i] for i in range(len(lines)) if lines[i].startswith(b"R ")]
    matches = [expected[i] for i in range(len(lines)) if lines[i].startswith(b"D ")]
    print("%d rules (%d accepted), %d devices (%d matched): %d differences" % (
        len(rules), rules.count(b"ok"), len(matches), len(matches) - matches.count(b"0"), len(differences)))
    # a generator that has gone blind must not look like success
    if rules.count(b"ok") < len(rules) / 4 or rules.count(b"no") < len(rules) / 20:
        sys.exit("the generator no longer makes both good and bad rules")
    if matches.count(b"0") in (0, len(matches)):
        sys.exit("the generator no longer makes both matching and other devices")
    return not differences


def compare_commands(sekishoctl, generator, directory, count):
    same = True
    for number in range(count):
        path = os.path.join(directory, "set%d.rules" % number)
        lines = [line[2:] for line in generator.rule_set() if line.startswith(b"R ")]
        if number % 2:
            lines = [line for line in lines[:4]]
        with open(path, "wb") as out:
            out.write(b"\n".join(lines) + (b"\n" if number % 3 else b""))
        peer = subprocess.run(["usbguard-rule-parser", "-f", path], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, env=dict(os.environ, TZ="UTC"), check=False).returncode
        ours = subprocess.run([sekishoctl, "policy", "check", "-q", path], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False)
        if (peer == 0) != (ours.returncode == 0) or ours.returncode not in (0, 1):
            print("%s: usbguard-rule-parser %d, sekishoctl %d\n%r" % (path, peer, ours.returncode, lines))
            same = False
        if ours.returncode and not ours.stderr.startswith(path.encode() + b":"):
            print("%s: refused without file and line: %r" % (path, ours.stderr))
            same = False
    print("%d files through both commands: %s" % (count, "the same" if same else "DIFFERENT"))
    return same


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    ours, peer, sekishoctl = sys.argv[1:4]
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    sets = int(sys.argv[5]) if len(sys.argv) > 5 else 400
    if not os.path.exists(peer):
        print("skipped: install libusbguard-dev and a C++ compiler, then configure again")
        return 77
    generator = Generator(seed)
    lines = [line for _ in range(sets) for line in generator.rule_set()]
    same = compare_libraries(ours, peer, lines)
    if shutil.which("usbguard-rule-parser"):
        with tempfile.TemporaryDirectory() as directory:
            same &= compare_commands(sekishoctl, generator, directory, 60)
    else:
        print("the commands are not compared: the package usbguard is missing")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
