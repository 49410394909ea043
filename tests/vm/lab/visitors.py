# SPDX-License-Identifier: GPL-2.0-or-later
"""What visitors bring to the clinic PC, by the names of the prompt, and what has to come of it."""
import dataclasses
from typing import Callable

from . import images
from .fakeusb import Camera, Disk, FakeDevice, Keyboard

WAIT = 30  # seconds until a decision must have shown


@dataclasses.dataclass
class Visitor:
    what: str                     # for the person at the prompt
    plug: Callable                # plug(pc, name) → Device
    prepare: Callable = None      # makes its image, before any machine runs
    must: Callable = None         # must(pc, device) → (holds, sentence), for the demonstration


def stick(image, **more):
    return dict(plug=lambda pc, name: pc.plug("stick", name=name, image=image(), **more), prepare=image)


def device(kind):
    return dict(plug=lambda pc, name: pc.plug(kind, name=name))


def fake(make):
    return dict(plug=lambda pc, name: pc.plug("fake", name=name, fake=make()))


def bad_usb():
    return FakeDevice([Disk(images.clean()), Keyboard()], vendor=0x0951, model=0x1666, serial="60A44C413FAE",
                      maker="Kingston", product="DataTraveler 3.0")


def camera():
    return FakeDevice([Camera()], vendor=0x04a9, model=0x32d2, serial="", maker="Canon", product="Digital Camera")


# --- what must come of it

def folder(pc):
    """Where the newest medium is mounted, or ""."""
    rows = pc.run("findmnt -rn -o TARGET | grep ^/media/").out.split()
    return rows[-1] if rows else ""


def reads(pc, path):
    return pc.staff(f"cat '{path}' >/dev/null", timeout=60)


def must_be_readable(pc, plugged):
    if pc.wait(lambda: folder(pc), WAIT) is None:
        return False, "the stick was not opened for staff"
    place = folder(pc)
    if not reads(pc, f"{place}/readme.txt").ok:
        return False, f"staff cannot read {place}/readme.txt"
    if pc.staff(f"touch '{place}/x'").ok:
        return False, f"staff can write to {place}"
    return True, f"staff reads {place}, and cannot write to it"


def must_refuse_virus(pc, plugged):
    if pc.wait(lambda: folder(pc), WAIT) is None:
        return False, "the stick was not opened at all, its clean files cannot be reached"
    place = folder(pc)
    if reads(pc, f"{place}/eicar.com").ok:
        return False, "the infected file opens"
    if not reads(pc, f"{place}/clean.txt").ok:
        return False, "the clean file beside it does not open"
    return True, "the infected file does not open, the clean one beside it does"


def must_stay_off(pc, plugged):
    """Nothing of it may be bound, then or a while later."""
    decided = pc.wait(lambda: pc.refused(plugged), WAIT)
    if plugged.bound():
        return False, "a driver is bound to it"
    if decided is None:
        return False, "no refusal was recorded"
    return True, "nothing of it works"


VISITORS = {
    "clean": Visitor("a USB stick with documents", **stick(images.clean), must=must_be_readable),
    "infected": Visitor("a USB stick with infected files among clean ones", **stick(images.few_infected),
                        must=must_refuse_virus),
    "keyboard": Visitor("another keyboard", **device("keyboard"), must=must_stay_off),
    "badusb": Visitor("a stick that is also a keyboard (BadUSB)", **fake(bad_usb), must=must_stay_off),
    "phone": Visitor("a telephone", plug=lambda pc, name: pc.plug("phone", name=name, folder=images.phone_folder()),
                     must=must_stay_off),
    "exfat": Visitor("a stick, exFAT, as from a camera shop", **stick(lambda: images.clean("exfat", "dos"))),
    "ntfs": Visitor("a stick, NTFS, as from Windows", **stick(lambda: images.clean("ntfs", "dos"))),
    "ext4": Visitor("a stick, ext4, as from Linux", **stick(lambda: images.clean("ext4", "gpt"))),
    "programs": Visitor("a stick with programs, macros and a locked archive", **stick(images.refused_types)),
    "luks": Visitor("a stick that somebody encrypted", **stick(images.luks)),
    "disc": Visitor("a disc in a USB drive", prepare=images.disc,
                    plug=lambda pc, name: pc.plug("cdrom", name=name, image=images.disc())),
    "camera": Visitor("a digital camera (PTP)", **fake(camera)),
    "mouse": Visitor("another mouse", **device("mouse")),
    "network": Visitor("a network adapter", **device("network")),
    "serial": Visitor("a serial adapter", **device("serial")),
    "audio": Visitor("a headset", **device("audio")),
    "cardreader": Visitor("a chip card reader", **device("ccid")),
    "hub": Visitor("a hub, empty", **device("hub")),
}
DEMONSTRATION = ("clean", "infected", "keyboard", "badusb", "phone")
