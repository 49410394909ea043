#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the default rules answer to each device of the corpus, against what a clinic wants.

usage: usb_corpus.py SEKISHOCTL CORPUS RULES_DIR

Also checks that the corpus is what it claims: at least 60 devices, no two alike, well formed, the ids of the JSON
those of the bytes, and that from-lsusb makes the same bytes of the listing that is kept.
"""
import json
import os
import subprocess
import sys
import tempfile

CTL, CORPUS, RULES = (os.path.abspath(argument) for argument in sys.argv[1:4])
ENVIRONMENT = dict(os.environ, LC_ALL="C.UTF-8")
failures = 0


def check(what, condition, detail=""):
    global failures
    if not condition:
        failures += 1
        print(f"FAIL {what} {detail}")


def ctl(*arguments, text=None):
    return subprocess.run([CTL, *arguments], input=text, capture_output=True, text=True, check=False, env=ENVIRONMENT)


def load(name):
    with open(os.path.join(CORPUS, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def decode(name, about):
    run = ctl("descriptors", "decode", "--json", "--name", about["name"], "--serial", about["serial"],
              os.path.join(CORPUS, name + ".bin"))
    check(f"{name} is well formed", run.returncode == 0, run.stderr.strip())
    return json.loads(run.stdout)


def covers(grant, interface):
    return all(part in ("*", own) for part, own in zip(grant.split(":"), interface.split(":")))


def answer_of(verdict, interfaces):
    """allow, partly or block, as the corpus says it."""
    if verdict["effective"] != "allow":
        return "block"
    grants = verdict.get("interfaces")
    granted = [any(covers(grant, interface["type"]) for grant in grants or []) for interface in interfaces]
    return "allow" if grants is None or all(granted) else "partly" if any(granted) else "block"


def check_corpus(names):
    seen = {}
    devices = []
    for name in names:
        about = load(name)
        decoded = decode(name, about)
        check(f"{name} has a verdict and a reason", about["expect"] in ("allow", "block", "partly") and about["why"])
        check(f"{name} has its ids", decoded["id"] == f"{about['vid']}:{about['pid']}", decoded["id"])
        other = seen.setdefault(decoded["descriptors_sha256"], name)
        check(f"{name} is a device of its own", other == name, f"same as {other}")
        devices.append((name, about, decoded))
    check("at least 60 devices", len(devices) >= 60, len(devices))
    print(f"{len(devices)} devices, {sum(about['expect'] == 'block' for _, about, _ in devices)} of them to be blocked")
    return devices


def check_from_lsusb():
    name = "keyboard-mouse-logitech-c534-29.00"
    with tempfile.TemporaryDirectory() as directory:
        output = os.path.join(directory, "out.bin")
        run = subprocess.run([os.path.join(CORPUS, "from-lsusb"), os.path.join(CORPUS, name + ".lsusb"), output],
                             capture_output=True, text=True, check=False)
        check("from-lsusb reads a listing", run.returncode == 0, run.stderr)
        with open(output, "rb") as made, open(os.path.join(CORPUS, name + ".bin"), "rb") as kept:
            check("from-lsusb makes the bytes that are kept", made.read() == kept.read())
        about = load(name)
        check("from-lsusb finds the strings", json.loads(run.stdout).items() <= about.items(), run.stdout)
        with open(os.path.join(CORPUS, name + ".lsusb"), encoding="utf-8") as file:
            listing = file.read().replace("wDescriptorLength      59", "").replace("bInterval               2", "")
        shorter = os.path.join(directory, "short.lsusb")
        with open(shorter, "w", encoding="utf-8") as file:
            file.write(listing[:listing.rindex("      Endpoint Descriptor")])
        run = subprocess.run([os.path.join(CORPUS, "from-lsusb"), shorter, output], capture_output=True, text=True, check=False)
        check("from-lsusb notices what is missing", run.returncode == 1 and "52 bytes rebuilt, 59 said" in run.stderr, run.stderr)


def check_rules(devices, rules):
    lines = "".join(decoded["rule"] + "\n" for _, _, decoded in devices)
    arguments = [part for rule in rules for part in ("--rules", os.path.join(RULES, rule))]
    run = ctl("policy", "decide", "--json", *arguments, "--devices", "-", text=lines)
    check("the default rules decide", run.returncode == 0, run.stderr)
    verdicts = [json.loads(text) for text in run.stdout.splitlines()]
    check("one answer for each device", len(verdicts) == len(devices), f"{len(verdicts)} of {len(devices)}")
    for (name, about, decoded), verdict in zip(devices, verdicts):
        answer = answer_of(verdict, decoded["interfaces"])
        check(f"{name} ({about['kind']}): {answer}, wanted {about['expect']}", answer == about["expect"],
              f"because {about['why']}; it was {verdict['reason']}")


def read_described():
    """Verdict and description of each device of which no bytes are known."""
    with open(os.path.join(CORPUS, "described.txt"), encoding="utf-8") as file:
        return [line.split(" ", 1) for line in file.read().splitlines() if line and not line.startswith("#")]


def check_described(rules):
    described = read_described()
    arguments = [part for rule in rules for part in ("--rules", os.path.join(RULES, rule))]
    run = ctl("policy", "decide", "--json", *arguments, "--devices", "-",
              text="".join(text + "\n" for _, text in described))
    verdicts = [json.loads(text) for text in run.stdout.splitlines()]
    check("one answer for each description", described and len(verdicts) == len(described), run.stderr)
    for (expected, text), verdict in zip(described, verdicts):
        types = text.split("with-interface ", 1)[1].strip("{} ").split()
        answer = answer_of(verdict, [{"type": one} for one in types])
        check(f"{text}: {answer}, wanted {expected}", answer == expected, verdict["reason"])


def main():
    names = sorted(name[:-4] for name in os.listdir(CORPUS) if name.endswith(".bin"))
    devices = check_corpus(names)
    check_from_lsusb()
    rules = sorted(name for name in os.listdir(RULES) if name.endswith(".rules"))
    if failures == 0 and not rules:
        print("skip: no default rules")
        return 77
    if rules:
        check_rules(devices, rules)
        check_described(rules)
    print("ok" if failures == 0 else f"{failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
