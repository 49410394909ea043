# SPDX-License-Identifier: GPL-2.0-or-later
"""A stick that answers differently at the second reading: with `import copy` nobody gets a byte that was not scanned."""
import collections
import hashlib

from lab import clinic_pc, content, images, media
from lab.fakeusb import Disk, FakeDevice

SIZE = 16384
HONEST = (b"Referral letter, as it was scanned.\n" * 500)[:SIZE]
EVIL = (b"EVIL: nobody has ever looked at this\n" * 500)[:SIZE]
PLACE = "/media/staff/LIAR"
RULE = "allow with-interface one-of {{ 08:*:* }} media read-only scan required import {}\n"
DROP = "sync; echo 3 >/proc/sys/vm/drop_caches"


class Liar(Disk):
    """Says HONEST when a sector of the letter is read for the first time, and EVIL ever after."""

    def __init__(self, image):
        super().__init__(image, on_read=self.lie)
        data = image.read_bytes()
        self.begin = data.index(HONEST) // self.BLOCK
        assert data[self.begin * self.BLOCK:][:SIZE] == HONEST
        self.seen = collections.Counter()

    def lie(self, first, count, data, times):
        told = bytearray(data)
        for number in range(max(first, self.begin), min(first + count, self.begin + SIZE // self.BLOCK)):
            self.seen[number] += 1
            if self.seen[number] > 1:
                at = (number - self.begin) * self.BLOCK
                place = (number - first) * self.BLOCK
                told[place:place + self.BLOCK] = EVIL[at:at + self.BLOCK]
        return bytes(told)


def plug(check, pc, image, rule, serial):
    pc.rules(RULE.format(rule))
    liar = Liar(image)
    device = pc.plug("fake", fake=FakeDevice([liar], serial=serial))
    check.within(f"{rule}: mounted", media.wait_mounted(pc, PLACE, 40), 40)
    return liar, device


def letter(pc):
    return pc.as_user("staff", f"cat {PLACE}/letter.txt | sha256sum; grep -c EVIL {PLACE}/letter.txt", 60).out.split()


def digest(data):
    return hashlib.sha256(data).hexdigest()


def is_a_liar(check, pc, image):
    """Without a copy the lie comes through once the PC has forgotten what it read: so the lie is real."""
    liar, device = plug(check, pc, image, "direct", "LIAR1")
    check.equal("direct: what was scanned is read", letter(pc)[0], digest(HONEST))
    pc.sh(DROP)
    check("direct: the second reading is the lie (this is what `import copy` is for)", letter(pc)[0] == digest(EVIL))
    device.unplug()
    media.wait_unmounted(pc, PLACE)


def copy_never_lies(check, pc, image):
    liar, device = plug(check, pc, image, "copy", "LIAR2")
    for moment in ("at first", "after the cache was dropped", "once more"):
        check.equal(f"copy: {moment}, what was scanned is read", letter(pc)[:2], [digest(HONEST), "-"])
        pc.sh(DROP)
    check.equal("copy: the medium was asked once", set(liar.seen.values()), {1})
    refused = media.openways(pc, media.EVERY_WAY, [f"{PLACE}/eicar.com"])
    check("copy: the infected file does not open", not media.differing(refused, {"EPERM", "EACCES"}),
          media.differing(refused, {"EPERM", "EACCES"}))
    check("copy: it is recorded", media.wait_body(pc, "file.refused", "SK-1203"))
    check("copy: read-only", not pc.staff(f"touch {PLACE}/x").ok)
    pc.sh("systemctl kill -s KILL sekishod; sleep 0.3")
    check.within("copy: core was killed and is back", pc.wait(lambda: pc.ctl("status").ok, 20), 20)
    pc.sh(DROP)
    check.equal("copy: the copy is still the one that was scanned", letter(pc)[0], digest(HONEST))
    eject = pc.ctl("eject", device.block()[0], user="staff")
    check("copy: ejected", eject.ok and not media.mounts(pc), eject.err)
    device.unplug()


def too_large(check, pc, image):
    pc.sh("mkdir -p /etc/sekisho/sekisho.conf.d")
    pc.put(b"[Media]\nImportCopyMax=1M\n", "/etc/sekisho/sekisho.conf.d/20-lab.conf")
    pc.rules(RULE.format("copy"))
    stick = pc.plug("stick", image=image, serial="LARGE")
    check("too large for a copy: refused", media.wait_body(pc, "medium.refused", "SK-1220"))
    check("too large for a copy: nothing is mounted", not media.mounts(pc))
    stick.unplug()


def run(check):
    # The letter lies behind what the probe reads of any medium, so that the copy is the first to read it.
    files = {"0-before.csv": content.csv() * 60000, "letter.txt": HONEST, "eicar.com": content.EICAR}
    image = images.filesystem("vfat", files, label="LIAR", size=16 << 20)
    large = images.filesystem("vfat", {"large.txt": content.text() * 8000}, label="LARGE", size=8 << 20)
    with clinic_pc.installed() as pc:
        is_a_liar(check, pc, image)
        copy_never_lies(check, pc, image)
        too_large(check, pc, large)
        check("the chain of records is whole", pc.chain_verifies())
