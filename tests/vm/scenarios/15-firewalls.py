# SPDX-License-Identifier: GPL-2.0-or-later
"""Real firewalls, ufw and firewalld: the posture says whether what comes in is really refused, not what is installed.

Serves EQP-1.
"""
import json

from lab import desktop

LONG = True  # they are in the image with a desktop


def firewall(pc):
    answer = json.loads(pc.ctl("posture", "--json", "--check", timeout=120).out)
    return next(c for c in answer["checks"] if c["id"] == "firewall")


def becomes(check, pc, what, state):
    found = firewall(pc)
    check.equal(f"{what}: {state}", (found["state"], found["code"]), (state, "" if state == "ok" else "SK-1604"))
    return found["value"]


def run(check):
    with desktop.installed("plain", "x11") as pc:
        pc.sh("nft flush ruleset 2>/dev/null; true")
        becomes(check, pc, "ufw is installed and off", "fail")
        print("      " + pc.sh("ufw --force enable", timeout=120).strip().replace("\n", "; "), flush=True)
        value = becomes(check, pc, "ufw is on", "ok")
        check("its chain is named", "ufw" in value or "INPUT" in value, value)
        pc.sh("ufw default allow incoming", timeout=120)
        becomes(check, pc, "ufw lets everything in", "fail")
        pc.sh("ufw --force disable; ufw default deny incoming", timeout=120)
        becomes(check, pc, "ufw is off again", "fail")
        pc.sh("systemctl start firewalld", timeout=180)
        pc.wait(lambda: firewall(pc)["state"] == "ok", 90, 3)  # it is there before its rules are
        value = becomes(check, pc, "firewalld is on", "ok")
        check("its chain is named", "firewalld" in value, value)
        pc.sh("firewall-cmd --set-default-zone=trusted", timeout=120)
        becomes(check, pc, "firewalld's default zone trusts everybody", "fail")
        pc.sh("firewall-cmd --set-default-zone=public", timeout=120)
        becomes(check, pc, "firewalld's zone is the public one", "ok")
        pc.sh("systemctl stop firewalld", timeout=120)
        becomes(check, pc, "firewalld has ended", "fail")
        check("the records verify", pc.chain_verifies())
