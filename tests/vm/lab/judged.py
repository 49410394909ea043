# SPDX-License-Identifier: GPL-2.0-or-later
"""A device is plugged in and judged: what every scenario about rules begins with."""


def plug(pc, kind, **options):
    """Plugs, waits for the decision; returns the device and the last word about it."""
    before = pc.last_record()
    device = pc.plug(kind, **options)
    return device, pc.decision(device, before)


def refused(check, pc, what, kind, code, **options):
    """Checks that it is refused with this code and that nothing of it works; pulls it."""
    device, word = plug(pc, kind, **options)
    check.equal(f"{what}: refused with {code}", word.get("code"), code)
    check.equal(f"{what}: nothing of it is bound", (device.authorized, device.bound()), (False, []))
    device.unplug()
