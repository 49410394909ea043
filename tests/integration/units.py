#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The units are valid, and systemd-analyze rates their exposure no worse than what is written here."""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

# 2.0 or better where the task allows. The decider keeps files under leases, which wants CAP_LEASE and the group of the
# scanner. The monitor needs the host's devices, /sys and kernel events; media must mount in
# the host's mount namespace, which rules out most of what is rated: the files say which setting is missing and why.
EXPOSURE = {"sekishod": 1.5, "sekisho-scanner": 1.0, "sekisho-monitor": 2.6, "sekisho-media": 3.6,
            "sekisho-uplink": 1.9, "sekisho-posture": 2.0, "sekisho-burn": 1.2, "sekisho-weekly-scan": 2.0, "sekisho-console": 1.9, "sekisho-definitions": 1.9}


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def check_users(path, failures):
    done = subprocess.run(["systemd-sysusers", "--dry-run", path], capture_output=True, text=True)
    if done.returncode:
        failures.append(done.stderr.strip())


def check_owners(path, failures):
    """polkit answers a service that is not root only about actions that it owns."""
    for action in ElementTree.parse(path).getroot().iter("action"):
        owner = action.find("annotate[@key='org.freedesktop.policykit.owner']")
        if owner is None or owner.text != "unix-user:sekisho":
            failures.append(f"{action.get('id')}: polkit would not answer the agent about it")


def installed_programs(folder, text):
    """systemd-analyze verify wants the programs to exist: stand in for them where the unit says."""
    for program in re.findall(r"^Exec(?:Start|StopPost)=\+?(\S+)", text, re.M):
        stand_in = folder / Path(program).name
        stand_in.write_text("#!/bin/sh\n")
        stand_in.chmod(0o755)
        text = text.replace(program, str(stand_in))
    return text


def main(data, sources):
    failures = []
    for users in sorted((data / "sysusers.d").iterdir()):
        check_users(users, failures)
    check_owners(data / "polkit" / "org.sekisho.agent1.policy", failures)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for source in map(Path, sources):
            (folder / source.name).write_text(installed_programs(folder, source.read_text()))
        code, text = analyze("verify", "--man=no", *(str(folder / Path(s).name) for s in sources))
        # It also complains about units of this PC that ours pull in: only ours are our concern.
        ours = [line for line in text.splitlines() if "sekisho" in line]
        if ours:
            failures.append("systemd-analyze verify: " + "; ".join(ours))
        for unit, limit in EXPOSURE.items():
            code, text = analyze("security", "--offline=true", "--no-pager", f"--threshold={round(limit * 10)}",
                                 str(folder / f"{unit}.service"))
            rating = re.search(r"exposure level.*: ([0-9.]+)", text)
            print(f"{unit}: {rating[1] if rating else '?'} (at most {limit})")
            if code != 0 or not rating:
                failures.append(f"{unit} is rated worse than {limit}")
    for failure in failures:
        print(f"FAIL {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    if not shutil.which("systemd-analyze"):
        sys.exit("systemd-analyze is missing")
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
