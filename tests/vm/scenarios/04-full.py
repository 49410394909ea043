# SPDX-License-Identifier: GPL-2.0-or-later
"""A full stick, 4 GB in 20,000 files: the first file that is wanted opens at once; pulled at work, nothing hangs.

Serves DEV-4.
"""
from lab import clinic_pc, images, media

PLACE = "/media/staff/FULL"
LAST = f"{PLACE}/case-0199/file-019999.txt"
READER = f"find {PLACE} -type f -exec cat {{}} + >/dev/null 2>&1; echo $? >/tmp/reader.done"


def checked_so_far(pc):
    rows = pc.run("sekishoctl media --json | jq -r '.[] | select(.label == \"FULL\") | \"\\(.scanned) \\(.files)\"'").out.split()
    return (rows[0] == "true", int(rows[1])) if len(rows) == 2 else (None, 0)


def first_file(check, pc):
    check.within("mounted", media.wait_mounted(pc, PLACE, 60), 30)
    seconds = pc.wait(f"setpriv --reuid staff --regid desk --clear-groups head -c 7 {LAST} | grep -q Case", 30)
    check.within("the last file of the last folder opens", seconds, 5)
    ended, files = checked_so_far(pc)
    check("while the scan is at its start", ended is False and files < 2000, (ended, files))
    check.within("the scan goes on meanwhile", pc.wait(lambda: checked_so_far(pc)[1] > files + 20, 60, 0.5), 60)


def pulled(check, pc, stick):
    pc.sh("rm -f /tmp/reader.done")
    pc.staff(f"({READER}) </dev/null >/dev/null 2>&1 &")
    pc.sh("sleep 2")
    check("pulled: somebody is reading", not pc.exists("/tmp/reader.done"))
    stick.unplug(settle=False)
    check.within("pulled: the mount is gone", media.wait_unmounted(pc, PLACE), 10)
    check.within("pulled: who was reading gets an error, and goes on", pc.wait(lambda: pc.exists("/tmp/reader.done"), 30), 30)
    check("pulled: it is recorded", media.wait_body(pc, "medium.pulled", "SK-1217", label="FULL"))
    stuck = pc.wait(lambda: not pc.run("ps axo stat,args | grep -E '^[DZ]'").out.strip(), 20, 0.5)
    check("pulled: no process hangs or is left unburied", stuck is not None,
          pc.run("ps axo pid,stat,wchan:20,args | grep -E '^ *[0-9]+ [DZ]'").out)
    left = pc.sh("cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -c /media/staff; true")
    check.equal("pulled: no mount is left in any namespace", left, "0")


def run(check):
    full, clean = images.full_stick(), images.clean()
    with clinic_pc.installed() as pc:
        for number in range(check.count(1, 5)):
            stick = pc.plug("stick", image=full, serial=f"FULL{number}")
            first_file(check, pc)
            pulled(check, pc, stick)
        pc.plug("stick", image=clean, serial="NEXT")
        check.within("the next stick is mounted", media.wait_mounted(pc, "/media/staff/CLEAN"), media.WAIT)
        check("its files open", pc.staff("cat /media/staff/CLEAN/letter.pdf", timeout=30).ok)
        memory = pc.sh("awk '/MemAvailable/ {print int($2/1024)}' /proc/meminfo")
        check("the PC has memory left", int(memory) > 150, f"{memory} MB")
        check("the chain of records is whole", pc.chain_verifies())
