# SPDX-License-Identifier: GPL-2.0-or-later
"""Media when something is not as it should be: no definitions, nobody there, no room for records, a busy medium.

Serves MAL-2.
"""
from lab import clinic_pc, images, media

PLACE = "/media/staff/CLEAN"
STATE = "/var/lib/sekisho"


def refused(check, pc, what, image, code, kind="medium.refused"):
    mark = pc.last_record()
    stick = pc.plug("stick", image=image, serial=code)
    found = pc.wait_record(lambda r: r["seq"] > mark and r["kind"] == kind and r["body"].get("code") == code, 20)
    check(f"{what}: {code} is recorded", found, [r["body"].get("code") for r in pc.records() if r["seq"] > mark])
    check(f"{what}: nothing is mounted", not media.mounts(pc))
    check(f"{what}: it is listed with the reason", code in pc.ctl("media").out, pc.ctl("media").out)
    return stick


def opens_without_replug(check, pc, what, stick, timeout=30):
    check.within(f"{what}: then it opens without being plugged again", media.wait_mounted(pc, PLACE, timeout), timeout)
    check(f"{what}: and its files too", pc.staff(f"cat {PLACE}/letter.pdf", timeout=30).ok)
    stick.unplug()
    media.wait_unmounted(pc, PLACE)


def definitions(check, pc, image):
    pc.sh("systemctl stop sekisho-scanner; mkdir /root/defs; mv /var/lib/clamav/* /root/defs/")
    stick = refused(check, pc, "definitions missing", image, "SK-1212")
    pc.sh("cp /root/defs/* /var/lib/clamav/")
    opens_without_replug(check, pc, "definitions come", stick)
    pc.sh("systemctl stop sekisho-scanner; touch -d '40 days ago' /var/lib/clamav/*")
    stick = refused(check, pc, "definitions too old", image, "SK-1213")
    stick.unplug()
    pc.sh("systemctl stop sekisho-scanner; touch -d '9 days ago' /var/lib/clamav/*")
    stick = pc.plug("stick", image=image, serial="AGEING")
    check.within("definitions ageing: it opens", media.wait_mounted(pc, PLACE), media.WAIT)
    check("definitions ageing: SK-1214 is recorded", media.wait_body(pc, "definitions.ageing", "SK-1214"))
    stick.unplug()
    pc.sh("systemctl stop sekisho-scanner; touch /var/lib/clamav/*; rm /var/lib/clamav/*.ndb; "
          "head -c 300 /dev/urandom >/var/lib/clamav/broken.ldb; mv /var/lib/clamav/sekisho-test.hdb /root/defs/")
    stick = refused(check, pc, "definitions corrupt", image, "SK-1212")
    stick.unplug()
    pc.sh("systemctl stop sekisho-scanner; rm /var/lib/clamav/*; cp /root/defs/* /var/lib/clamav/")


def nobody(check, pc, image):
    pc.sh("systemctl stop getty@tty1; loginctl terminate-user staff; true")
    check.within("nobody signed in: the session ends", pc.wait(lambda: "seat0" not in pc.run("loginctl").out, 15), 15)
    stick = refused(check, pc, "nobody signed in", image, "SK-1222", "medium.waiting")
    pc.sh("systemctl start getty@tty1")
    opens_without_replug(check, pc, "somebody signs in", stick)


def left(check, pc, image):
    """Who was signed in leaves: the medium goes with them."""
    pc.plug("stick", image=image, serial="LEFT", name="left")
    check.within("leaving: mounted", media.wait_mounted(pc, PLACE), media.WAIT)
    pc.sh("systemctl stop getty@tty1; loginctl terminate-user staff; true")
    check.within("leaving: the medium is closed", media.wait_unmounted(pc, PLACE), 15)
    pc.sh("systemctl start getty@tty1")
    opens_without_replug(check, pc, "coming back", pc.devices["left"])


def busy(check, pc, image):
    stick = pc.plug("stick", image=image, serial="BUSY")
    check.within("busy: mounted", media.wait_mounted(pc, PLACE), media.WAIT)
    disk = stick.block()[0]
    pc.staff(f"(tail -f {PLACE}/readme.txt) </dev/null >/dev/null 2>&1 &")
    check.within("busy: a program reads", pc.wait("pgrep -x tail >/dev/null", 10), 10)
    eject = pc.ctl("eject", disk, user="staff")
    check("busy: eject is refused and names the program", not eject.ok and "tail (" in eject.err, eject.err)
    check("busy: SK-1219 is recorded", media.wait_body(pc, "medium.busy", "SK-1219"))
    check("busy: it stays mounted and readable", pc.staff(f"cat {PLACE}/letter.pdf").ok)
    pc.sh("pkill -x tail")
    eject = pc.ctl("eject", disk, user="staff")
    check("busy: once it ended, eject works", eject.ok and not media.mounts(pc), eject.err)
    check("busy: nobody else may eject", not pc.ctl("eject", disk, user="clerk").ok)
    stick.unplug()


def no_room(check, pc, image):
    """The records of the agent on a file system of their own, which fills up and then turns read-only."""
    pc.sh(f"systemctl stop sekishod; cp -a {STATE} /root/state; mount -t tmpfs -o size=100M,mode=750 none {STATE}; "
          f"cp -a /root/state/. {STATE}/; chown --reference=/root/state {STATE}; systemctl start sekishod")
    check.within("full disk: the agent runs", pc.wait(lambda: pc.ctl("status").ok, 20), 20)
    open_stick = pc.plug("stick", image=image, serial="OPEN")
    check.within("full disk: a medium is open", media.wait_mounted(pc, PLACE), media.WAIT)
    pc.run(f"dd if=/dev/zero of={STATE}/fill bs=1M; rm -f {STATE}/audit/*reserve*; dd if=/dev/zero of={STATE}/fill2 bs=4k")
    # The last block of the log has room for a few more records.
    pc.run(f"for i in $(seq 20); do busctl call {clinic_pc.AGENT} Reload; done")
    second = pc.plug("stick", image=image, serial="FULL")
    pc.sh("sleep 4")
    listed = pc.ctl("media").out
    check.equal("full disk: nothing new is admitted", media.mounts(pc), [PLACE])
    check("full disk: the reason is told", "SK-1306" in listed, listed)
    check("full disk: what is open stays readable", pc.staff(f"cat {PLACE}/letter.pdf").ok)
    second.unplug()
    pc.sh(f"rm {STATE}/fill {STATE}/fill2; sleep 3")
    third = pc.plug("stick", image=image, serial="ROOM")
    check.within("room again: the next is admitted", media.wait_mounted(pc, f"{PLACE}-2", 30), 30)
    third.unplug()
    media.wait_unmounted(pc, f"{PLACE}-2")
    open_stick.unplug()
    check.within("room again: pulled media go", media.wait_unmounted(pc, PLACE), 10)
    check("the chain of records is whole", pc.chain_verifies())


def read_only(check, pc, image):
    pc.sh(f"systemctl stop sekishod; mount -o remount,ro {STATE}; systemctl start sekishod", timeout=40)
    check.within("read-only /var: the agent runs", pc.wait(lambda: pc.ctl("status").ok, 20), 20)
    stick = pc.plug("stick", image=image, serial="READONLY")
    check.within("read-only /var: the reason is told", pc.wait(lambda: "SK-1306" in pc.ctl("media").out, 20, 0.5), 20)
    check.equal("read-only /var: nothing is admitted", media.mounts(pc), [])
    # The service sees the file system as it was when it started.
    pc.sh(f"mount -o remount,rw {STATE}; systemctl restart sekishod")
    opens_without_replug(check, pc, "writable again", stick)
    check("the chain of records is whole", pc.chain_verifies())


def run(check):
    image = images.clean("vfat")
    with clinic_pc.installed() as pc:
        definitions(check, pc, image)
        busy(check, pc, image)
        nobody(check, pc, image)
        left(check, pc, image)
        no_room(check, pc, image)
        read_only(check, pc, image)
