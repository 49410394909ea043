# SPDX-License-Identifier: GPL-2.0-or-later
"""Scanner, core and media killed, stopped, out of memory: no unscanned open succeeds, and all come back."""
import random

from lab import clinic_pc, content, images, media

PLACE = "/media/staff/SLOW"
BIG = 8 << 20
SPEED = 2_000_000  # bytes a second: the two big files take eight seconds to be looked at
BACK = 5  # seconds until a part must serve again, on an emulated PC
OPENS = 15  # and until a file opens on the slow stick, which others read too
MIB = 1 << 20


def slow_stick():
    """The walk comes to the small files last: until then nothing is known of them."""
    noise = random.Random(1)
    files = {"big.bin": noise.randbytes(BIG), "big2.bin": noise.randbytes(BIG),
             **{f"z/small-{n}.txt": content.text(n) for n in range(8)}}
    return images.filesystem("vfat", files, label="SLOW", size=32 * MIB)


class Opener:
    """Somebody at the desk who opens a file and waits."""

    def __init__(self, pc, name):
        self.pc, self.base = pc, f"/tmp/opener-{name.split('/')[-1]}"
        pc.sh(f"rm -f {self.base}.*")
        pc.staff(f"(head -c 20 {PLACE}/{name} >{self.base}.out 2>{self.base}.err; echo $? >{self.base}.status) "
                 "</dev/null >/dev/null 2>&1 &")

    def ended(self):
        return self.pc.exists(f"{self.base}.status")

    def succeeded(self):
        return self.ended() and self.pc.sh(f"cat {self.base}.status") == "0"

    def got_bytes(self):
        return self.pc.sh(f"stat -c %s {self.base}.out") != "0"


def main_pid(pc, unit):
    return int(pc.sh(f"systemctl show -p MainPID --value {unit}"))


def opens(pc, name, timeout=20):
    return pc.wait(lambda: pc.staff(f"head -c 5 {PLACE}/{name}", timeout=30).ok, timeout, 0.2)


def plug(check, pc, image, what):
    stick = pc.plug("stick", image=image, serial=what, bytes_per_second=SPEED)
    check.within(f"{what}: mounted", media.wait_mounted(pc, PLACE), media.WAIT)
    return stick


def unplug(pc, stick):
    stick.unplug()
    media.wait_unmounted(pc, PLACE)


def scanner_killed(check, pc, image):
    stick = plug(check, pc, image, "scanner killed")
    waiting = Opener(pc, "big.bin")
    pc.sh("sleep 1; systemctl kill -s KILL sekisho-scanner")
    check("scanner killed: who waits is not let in", not waiting.succeeded())
    check.within("scanner killed: a small file opens again", opens(pc, "z/small-1.txt"), OPENS)
    check.within("scanner killed: who waits gets an answer", pc.wait(waiting.ended, 40), 40)
    check("scanner killed: it is recorded", media.wait_body(pc, "scanner.lost", "SK-1308") or
          [r for r in pc.records("scanner.lost")])
    unplug(pc, stick)


def scanner_stopped(check, pc, image):
    stick = plug(check, pc, image, "scanner stopped")
    pc.sh("pkill -STOP -u sekisho-scan")
    stopped = main_pid(pc, "sekisho-scanner")
    waiting = Opener(pc, "z/small-2.txt")
    pc.sh("sleep 0.3")
    check("scanner stopped: no file opens meanwhile", not waiting.ended())
    check.within("scanner stopped: it is replaced, and the file opens", pc.wait(waiting.succeeded, 20), 20)
    check("scanner stopped: the stopped one is gone", main_pid(pc, "sekisho-scanner") != stopped)
    unplug(pc, stick)


def scanner_without_memory(check, pc, image):
    stick = plug(check, pc, image, "out of memory")
    pc.sh("systemctl set-property --runtime sekisho-scanner MemoryMax=2M MemorySwapMax=0")
    waiting = Opener(pc, "z/small-3.txt")
    pc.sh("sleep 3")
    check("out of memory: the scanner was killed by the kernel", pc.run("dmesg | grep -qi 'Memory cgroup out of memory'").ok)
    check("out of memory: no unscanned file opens", not waiting.succeeded())
    pc.sh("systemctl set-property --runtime sekisho-scanner MemoryMax=infinity")
    check.within("memory again: files open", opens(pc, "z/small-4.txt", 30), 30)
    unplug(pc, stick)


def core_killed(check, pc, image, number):
    stick = plug(check, pc, image, f"core killed {number}")
    waiting = Opener(pc, "big.bin")
    pc.sh(f"sleep {random.uniform(0.3, 1.5):.2f}; systemctl kill -s KILL sekishod")
    check(f"core killed {number}: the medium stays mounted", media.mounts(pc) == [PLACE])
    check.within(f"core killed {number}: core is back", pc.wait(lambda: pc.ctl("status").ok, 20, 0.1), BACK)
    check.within(f"core killed {number}: a small file opens again", opens(pc, f"z/small-{number % 8}.txt"), OPENS)
    check.within(f"core killed {number}: who waited is answered", pc.wait(waiting.ended, 15), 15)
    check(f"core killed {number}: and was refused, without a byte", not waiting.succeeded() and not waiting.got_bytes())
    check(f"core killed {number}: asked again, it opens once it is checked",
          pc.staff(f"head -c 5 {PLACE}/big.bin", timeout=60).ok)
    unplug(pc, stick)


def media_killed(check, pc, image):
    stick = plug(check, pc, image, "media killed")
    pc.sh("systemctl kill -s KILL sekisho-media")
    check("media killed: the mount stays", media.mounts(pc) == [PLACE])
    check.within("media killed: files open", opens(pc, "z/small-5.txt"), OPENS)
    eject = pc.ctl("eject", stick.block()[0])
    check("media killed: eject works", eject.ok and not media.mounts(pc), eject.err)
    stick.unplug()
    stick = plug(check, pc, image, "media came back")
    unplug(pc, stick)


def gate_lost(check, pc, image):
    """A medium whose gate nobody would hold is closed, and opened anew."""
    stick = plug(check, pc, image, "list lost")
    waiting = Opener(pc, "big.bin")
    pc.sh("sleep 1; rm /var/lib/sekisho/volumes.json; systemctl kill -s KILL sekisho-media; systemctl kill -s KILL sekishod")
    check.within("list lost: core is back", pc.wait(lambda: pc.ctl("status").ok, 20, 0.1), BACK)
    check("list lost: the medium is closed, which is recorded", media.wait_body(pc, "medium.closed", "SK-1227"))
    check.within("list lost: who waits gets an answer", pc.wait(waiting.ended, 15), 15)
    check("list lost: and no byte", not waiting.succeeded() and not waiting.got_bytes())
    check.within("list lost: it is opened anew", pc.wait(lambda: media.mounts(pc) == [PLACE] and opens(pc, "z/small-6.txt"), 60), 60)
    held = pc.sh("systemctl show -p NFileDescriptorStore --value sekishod")
    check.equal("list lost: systemd keeps the gate of the new mount, and no other", held, "2")
    pc.sh(f"kill -STOP {main_pid(pc, 'sekishod')}; systemctl stop sekishod", timeout=60)
    check.equal("core hung and stopped: nothing stays mounted", media.mounts(pc), [])
    pc.sh("systemctl start sekishod")
    check.within("started again: it is mounted", media.wait_mounted(pc, PLACE), media.WAIT)
    check.within("started again: files open", opens(pc, "z/small-7.txt"), OPENS)
    unplug(pc, stick)


def medium_stalled(check, pc, image, other):
    """ntfs-3g serves this file system; while it stands still, only those wait who want something of it."""
    stick = pc.plug("stick", image=image, serial="STALLED")
    check.within("stalled: mounted", media.wait_mounted(pc, "/media/staff/CLEAN"), media.WAIT)
    check("stalled: and scanned", media.wait_body(pc, "medium.scanned", "SK-1221", filesystem="ntfs"))
    pc.staff("cat /media/staff/CLEAN/*.txt >/dev/null")
    core = main_pid(pc, "sekishod")
    pc.sh("pkill -STOP -x ntfs-3g")
    pc.staff("(cat /media/staff/CLEAN/readme.txt >/tmp/stalled.out; echo $? >/tmp/stalled.status) </dev/null >/dev/null 2>&1 &")
    pc.sh("sleep 3")
    check("stalled: who opens a file waits", not pc.exists("/tmp/stalled.status"))
    check.within("stalled: core answers", pc.wait(lambda: pc.agent("GetStatus").ok, 10, 0.1), BACK)
    second = pc.plug("stick", image=other, serial="OTHER")
    check.within("stalled: another medium is mounted", media.wait_mounted(pc, PLACE), media.WAIT)
    check.within("stalled: and its files open", opens(pc, "z/small-1.txt"), OPENS)
    pc.sh("sleep 35")  # longer than the watchdog of core
    check.equal("stalled: core was not restarted", main_pid(pc, "sekishod"), core)
    pc.sh("pkill -CONT -x ntfs-3g")
    check.within("stalled: it goes on, and who waited is served", pc.wait(lambda: pc.exists("/tmp/stalled.status"), 30), 30)
    check.equal("stalled: with the file", pc.sh("cat /tmp/stalled.status"), "0")
    pc.sh("pkill -STOP -x ntfs-3g")
    pc.staff("cat /media/staff/CLEAN/letter.pdf >/dev/null 2>&1 </dev/null &")
    stick.unplug()
    check.within("stalled and pulled: the mount goes", media.wait_unmounted(pc, "/media/staff/CLEAN"), media.WAIT)
    check("stalled and pulled: the other medium stays", media.mounts(pc) == [PLACE] and opens(pc, "z/small-2.txt"))
    pc.sh("pkill -KILL -x ntfs-3g; true")
    unplug(pc, second)


def run(check):
    image, ntfs = slow_stick(), images.clean("ntfs")
    with clinic_pc.installed() as pc:
        scanner_killed(check, pc, image)
        scanner_stopped(check, pc, image)
        scanner_without_memory(check, pc, image)
        for number in range(check.count(2, 20)):
            core_killed(check, pc, image, number)
        media_killed(check, pc, image)
        gate_lost(check, pc, image)
        medium_stalled(check, pc, ntfs, image)
        check("the chain of records is whole", pc.chain_verifies())
