# SPDX-License-Identifier: GPL-2.0-or-later
"""Corrupt media: the probe always answers, every volume is decided, nothing crashes and nothing is opened unscanned.

Two ways. Given to the installed probe itself, one process for each, its jail on: in numbers that plugging would take
hours for. Plugged: disks of many damaged partitions, the probes started by the monitor.
"""
import json
import random
import tempfile
from pathlib import Path

from lab import clinic_pc, corrupt, images, media
from lab.paths import TOP

SERVICES = ("sekishod", "sekisho-monitor")
PROBE = "/usr/libexec/sekisho/sekisho-probe"


def undecided(pc, disk):
    rows = [r for r in json.loads(pc.ctl("media", "--json").out) if r["disk"] == disk]
    return rows, [r["volume"] for r in rows if r["state"] in ("new", "probing", "opening", "waiting")]


def restarts(pc):
    return [pc.sh(f"systemctl show -p NRestarts --value {unit}") for unit in SERVICES]


def plugged(check, pc, what, parts):
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder, "disk.img")
        corrupt.disk_of(parts, disk)
        stick = pc.plug("stick", image=disk, serial=what)
    pc.wait(stick.block, 15)
    name = stick.block()[0]
    done = pc.wait(lambda: len(undecided(pc, name)[0]) >= len(parts) and not undecided(pc, name)[1], 120, 1)
    rows, open_ones = undecided(pc, name)
    check(f"{what}: all {len(parts)} volumes are decided", done is not None, (len(rows), open_ones[:8]))
    unscanned = [r["volume"] for r in rows if r["state"] == "mounted" and r["code"] != "SK-1201"]
    check(f"{what}: each is opened or refused with a reason", not unscanned and all(r.get("code") for r in rows))
    unprobed = [r["volume"] for r in rows if r.get("code") == "SK-1111"]
    check(f"{what}: each was looked at, however many at a time", not unprobed, unprobed[:8])
    stick.unplug()
    check.within(f"{what}: pulled, no mount is left", pc.wait(lambda: not media.mounts(pc), 30), 30)


def client():
    """What stands in for monitor and core: starts the probe, gives it its job, judges answer and end."""
    libraries = [f for name in ("base", "ipc") for f in sorted((TOP / "lib" / name).glob("*.[ch]"))]
    return media.program("probe_client", TOP / "tests" / "integration" / "probe_client.c", *libraries)


def given(check, pc, whole):
    """Each content, damaged so and so often."""
    pc.put(client(), "/usr/local/bin/probe_client", "755")
    each = -(-check.count(short=100, full=10_000) // len(whole))
    for seed, (name, data) in enumerate(whole.items()):
        pc.put(data, "/run/corrupt.img")
        result = pc.run(f"probe_client {PROBE} mutate {seed} {each} /run/corrupt.img", timeout=1800)
        check(f"{each} damaged versions of {name}: the probe answers each", result.ok, result.err)


def run(check):
    rng, whole, clean = random.Random(20240501), corrupt.whole(), images.clean()
    with clinic_pc.installed() as pc:
        before = restarts(pc)
        given(check, pc, whole)
        plugged(check, pc, "whole contents", list(whole.values()))
        disks, size = check.count((1, 30), (10, 100))
        for number in range(disks):
            parts = [corrupt.mutated(rng.choice(list(whole.values())), rng) for _ in range(size)]
            plugged(check, pc, f"corrupt contents {number}", parts)
        check.equal("neither core nor monitor was restarted", restarts(pc), before)
        trouble = pc.sh("dmesg | grep -E 'BUG:|Oops|WARNING:|general protection|segfault'; true")
        check("nothing crashed", not trouble, trouble[:400])
        pc.plug("stick", image=clean, serial="AFTER")
        check.within("afterwards: a clean stick opens", media.wait_mounted(pc, "/media/staff/CLEAN"), media.WAIT)
        check("afterwards: the chain of records is whole", pc.chain_verifies())
