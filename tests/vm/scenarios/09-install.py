# SPDX-License-Identifier: GPL-2.0-or-later
"""Install, a trial that ends by itself, confirm, upgrade, remove: what worked goes on working, all the time.

Serves EMG-2.
"""
import json

from lab import clinic_pc, images
from lab.template import bare
from lab.typing import Typing

DESK = ("built-in-keyboard", "built-in-mouse")


def mode(pc):
    return json.loads(json.loads(pc.agent("GetStatus").out)["data"][0])["mode"]


def all_on(pc):
    return all(d.authorized and all(i[1] for i in d.interfaces().values()) for d in pc.devices.values())


def install(check, pc, typing):
    clinic_pc.install(pc)
    check("installed: the agent answers", pc.wait(lambda: pc.agent("GetStatus").ok, 60) is not None)
    check("installed: everything that was plugged in is on", all_on(pc), {d.name: d.interfaces() for d in pc.devices.values()})
    check("installed: the keyboard types", typing.works("a"))
    key = pc.sh("stat -c '%a %U' /etc/sekisho/audit-start-key")
    check.equal("installed: the start key of the log is root's alone", key, "400 root")
    check("installed: the agent never had it", not pc.exists("/var/lib/sekisho/audit/start-key*")
          and not pc.run("runuser -u sekisho -- cat /etc/sekisho/audit-start-key").ok)
    check.equal("installed: it learns, and refuses nothing", mode(pc), "learn")
    learned = pc.sh("cat /etc/sekisho/rules.d/20-learned.rules")
    for device in pc.devices.values():
        ids = f"{device.attribute('idVendor')}:{device.attribute('idProduct')}"
        check(f"installed: {device.name} is learned", f"id {ids}" in learned)
    new = pc.plug("network", name="new")
    check("learning: a new device works as before", pc.wait(lambda: new.bound(), 10) is not None)
    check.equal("learning: and is recorded", pc.decision(new).get("code"), "SK-1004")
    new.unplug()


def trial_expires(check, pc, typing):
    check("trial: starts", pc.agent("StartTrial", "t", 20).ok)
    before = pc.last_record()
    check.equal("trial: enforces", mode(pc), "enforce")
    new = pc.plug("network", name="refused")
    check("trial: a new device is refused", pc.decision(new, before).get("code", "").startswith("SK-11") and not new.authorized)
    check("trial: the keyboard types", typing.works("b"))
    check("trial: what was learned is on", all(pc.devices[n].bound() for n in DESK))
    check("trial: rolls back by itself", pc.wait(lambda: mode(pc) == "learn", 60) is not None)
    check("trial: its end is recorded", pc.records("trial.rolled-back"))
    check("trial over: the refused device works", pc.wait(lambda: new.authorized and new.bound(), 10) is not None)
    check("trial over: nothing is denied any more", pc.sh("cat /sys/bus/usb/devices/usb1/authorized_default") == "1")
    check("trial over: the next boot denies nothing", not pc.exists("/etc/sekisho/enforce"))
    new.unplug()


def enforce_by_settings(check, pc, typing):
    pc.sh("mkdir -p /etc/sekisho/sekisho.conf.d; printf '[Agent]\nMode=enforce\n' >/etc/sekisho/sekisho.conf.d/50-mode.conf; systemctl reload sekishod")
    check("settings: enforce", pc.wait(lambda: mode(pc) == "enforce", 10) is not None)
    check("settings: the next boot denies from its start", pc.wait(lambda: pc.exists("/etc/sekisho/enforce"), 120) is not None)
    check("settings: the keyboard types", typing.works("g"))
    pc.sh("rm /etc/sekisho/sekisho.conf.d/50-mode.conf; systemctl reload sekishod")
    check("settings: learn again", pc.wait(lambda: mode(pc) == "learn", 10) is not None)
    check("settings: the next boot denies nothing", pc.wait(lambda: not pc.exists("/etc/sekisho/enforce"), 120) is not None)


def confirm(check, pc, typing):
    clinic_pc.confirm(pc)
    check.equal("confirmed: enforces", mode(pc), "enforce")
    verified = pc.ctl("audit", "verify", "--json")
    report = json.loads(verified.out)
    check("confirmed: every seal is checked with the start key", report["intact"] and report["seals_checked"] == report["seals"] > 0,
          verified.out[:300])
    check("confirmed: the next boot denies from its start", pc.exists("/etc/sekisho/enforce"))
    check("confirmed: the keyboard types", typing.works("c"))


def upgrade(check, pc, typing):
    inputs = sorted(pc.glob("/sys/class/input/input*/name"))
    pc.sh("(for i in $(seq 600); do cat /sys/bus/usb/devices/1-1/authorized; sleep 0.1; done) >/root/watch 2>&1 &")
    clinic_pc.install(pc)
    check("upgraded: the agent answers", pc.wait(lambda: pc.agent("GetStatus").ok, 60) is not None)
    check.equal("upgraded: enforces as before", mode(pc), "enforce")
    check("upgraded: the keyboard types", typing.works("d"))
    check.equal("upgraded: no input device was bound anew", sorted(pc.glob("/sys/class/input/input*/name")), inputs)
    check.equal("upgraded: the keyboard was never off", set(pc.get("/root/watch").split()), {b"1"})
    before = pc.last_record()
    refused = pc.plug("network", name="after-upgrade")
    check("upgraded: decides as before", pc.decision(refused, before).get("code", "").startswith("SK-11"))


def remove(check, pc, typing):
    """With a device plugged in that was refused until now."""
    refused = pc.devices["after-upgrade"]
    check("removing: there is a device that is off", not refused.authorized)
    result = pc.run("DEBIAN_FRONTEND=noninteractive dpkg -r sekisho-policy-default sekisho-cli sekisho-agent 2>&1", timeout=300)
    check("removed", result.ok, result.out)
    check("removed: everything is on", pc.wait(lambda: all_on(pc) and refused.bound(), 20) is not None,
          {d.name: (d.authorized, d.interfaces()) for d in pc.devices.values()})
    check("removed: the keyboard types", typing.works("e"))
    new = pc.plug("serial", name="after")
    check("removed: a new device works", pc.wait(new.bound, 10) is not None)
    check("removed: no process is left", not pc.run("pgrep -x 'sekisho.*'").ok)
    check("removed: the next boot denies nothing", not pc.exists("/etc/sekisho/enforce"))
    check("removed: the records are kept", pc.exists("/var/lib/sekisho/audit/*"))
    result = pc.run("DEBIAN_FRONTEND=noninteractive dpkg -P sekisho-policy-default sekisho-cli sekisho-agent 2>&1", timeout=300)
    check("purged", result.ok and not pc.exists("/var/lib/sekisho") and not pc.exists("/etc/sekisho/*"), result.out)
    check("purged: the keyboard types", typing.works("f"))


def run(check):
    image = images.clean()
    with bare(built_in=clinic_pc.BUILT_IN, cls=clinic_pc.ClinicPc) as pc:
        pc.plug("stick", image=image, serial="OLD1", name="old-stick")
        pc.plug("serial", name="old-serial")
        pc.wait(lambda: pc.devices["old-stick"].block() and pc.devices["old-serial"].bound(), 10)
        typing = Typing(pc)
        install(check, pc, typing)
        trial_expires(check, pc, typing)
        enforce_by_settings(check, pc, typing)
        confirm(check, pc, typing)
        upgrade(check, pc, typing)
        remove(check, pc, typing)
