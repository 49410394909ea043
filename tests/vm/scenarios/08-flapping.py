# SPDX-License-Identifier: GPL-2.0-or-later
"""Sleep and a dock with a loose plug: the same devices get the same verdicts, and nothing piles up."""
from lab import clinic_pc, images
from lab.fakeusb import Disk, FakeDevice, Keyboard
from lab.typing import Typing

RULES = "allow with-interface 09:00:00\nallow with-interface one-of { 08:*:* }\n"
BEHIND = {"stick": "SK-1001", "keyboard": "SK-1102", "serial": "SK-1102"}


def states(pc):
    """{device: authorised} of everything that is plugged in."""
    return {d.name: d.authorized for d in pc.devices.values()}


def sleep(check, pc, image, typing):
    pc.plug("stick", image=image, serial="S1", name="stick")
    pc.plug("serial", name="serial")
    pc.wait(lambda: pc.devices["stick"].block(), 10)
    before = states(pc)
    wanted = {"built-in-keyboard": True, "built-in-mouse": True, "stick": True, "serial": False}
    check.equal("sleep: as decided before", before, wanted)
    for time in range(check.count(short=1, full=10)):
        pc.suspend()
        pc.wait(lambda: states(pc) == before, 10)
        check.equal(f"sleep {time + 1}: the same afterwards", states(pc), before)
    check("sleep: the disk of the stick is still there", pc.devices["stick"].block())
    check("sleep: the keyboard still types", typing.works("a"))
    for name in ("stick", "serial"):
        pc.devices[name].unplug()


def dock_plugged(pc, image, number):
    """Plugs a hub and what hangs on it; returns what was decided about each."""
    before = pc.last_record()
    dock = pc.plug("hub", port=6)
    pc.wait(dock.bound, 30)
    behind = {"stick": pc.plug("stick", port="6.1", image=image, serial="D1"), "keyboard": pc.plug("keyboard", port="6.2"),
              "serial": pc.plug("serial", port="6.3")}
    found = {kind: pc.decision(device, before).get("code") for kind, device in behind.items()}
    on = {kind: device.present and device.authorized for kind, device in behind.items()}
    return dock, found, on


def dock(check, pc, image):
    wrong = []
    times = check.count(short=4, full=100)
    for number in range(times):
        box, found, on = dock_plugged(pc, image, number)
        if found != BEHIND or on != {kind: code == "SK-1001" for kind, code in BEHIND.items()}:
            wrong.append((number, found, on, box.interfaces(), pc.decisions(box)[-1:]))
        pc.pull_hub(box)
    check.equal(f"dock, {times} times: always the same verdicts", wrong, [])
    check.equal("dock: only the desk's devices are left", sorted(states(pc)), ["built-in-keyboard", "built-in-mouse"])


def footprint(pc):
    """Open files and kilobytes of the agent's processes, and how many there are."""
    out = pc.sh("for p in $(pgrep -x 'sekishod|sekisho-monitor|sekisho-probe'); do "
                "echo $(ls /proc/$p/fd | wc -l) $(awk '/VmRSS/ {print $2}' /proc/$p/status); done")
    # A probe may end while it is looked at.
    rows = [tuple(map(int, line.split())) for line in out.splitlines() if len(line.split()) == 2]
    return len(rows), sum(r[0] for r in rows), sum(r[1] for r in rows)


def loose_plug(check, pc, image):
    """A stick whose contact comes and goes as fast as it can, at the end as a keyboard."""
    fake = FakeDevice([Disk(image)], serial="L1")
    device = pc.plug("fake", fake=fake)
    pc.wait(lambda: device.authorized, 10)
    pc.sh("sleep 3")
    before = footprint(pc)
    for _ in range(check.count(short=25, full=100)):
        fake.vanish()
        fake.appear()
    mark = pc.last_record()
    fake.vanish()
    fake.appear(functions=[Keyboard()])
    word = pc.decision(device, mark, code="SK-1102")
    check.equal("loose plug: the last word is about the last device", word.get("code"), "SK-1102")
    check.equal("loose plug: the keyboard is off", (device.authorized, device.bound()), (False, []))
    fake.vanish()
    fake.appear(functions=[Disk(image)])
    check.within("loose plug: the stick works again", pc.wait(lambda: device.authorized, 10), 10)
    pc.wait(lambda: footprint(pc)[0] <= before[0], 10)
    after = footprint(pc)
    check("loose plug: no process, file or memory is left behind",
          after[0] <= before[0] and after[1] <= before[1] + 4 and after[2] < before[2] + 2048, f"{before} {after}")
    device.unplug()


def run(check):
    image = images.clean()
    with clinic_pc.installed() as pc:
        pc.rules(RULES)
        typing = Typing(pc)
        sleep(check, pc, image, typing)
        dock(check, pc, image)
        loose_plug(check, pc, image)
        check("the keyboard still types", typing.works("b"))
        check("the chain of records is whole", pc.chain_verifies())
