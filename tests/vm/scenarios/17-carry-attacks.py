# SPDX-License-Identifier: GPL-2.0-or-later
"""What people and programs of the PC try on a registered medium by ways around the agent: under an approval it is written to
through its own mount, and by no other way; and neither a clock nor patience nor a copied disk opens it.

Serves OUT-1, LOSS-3.
"""
from lab import clinic_pc, network
from lab.carry import OTHER, PLACE, prepared
from lab.console import Console
from lab.paths import VM

FILE = f"{PLACE}/紹介状.txt"
STATE = "/var/lib/sekisho /var/lib/sekisho-uplink"


def mappings(pc):
    return [path.split("/")[3] for path in pc.glob("/sys/block/dm-*/dm/name")]


def around(check, work, volume):
    """While it is open for writing: not at the disk, not at the mapping, by nobody but the mount."""
    pc = work.pc
    nodes = {"the disk": f"/dev/{volume}", **{"the mapping": f"/dev/{name}" for name in mappings(pc)}}
    check("there is a mapping", len(nodes) == 2, nodes)
    pc.run("usermod -aG disk clerk")
    for what, node in nodes.items():
        for verb, words in (("read", f"if={node} of=/dev/null"), ("write", f"if=/dev/zero of={node} conv=notrunc")):
            check(f"group disk does not {verb} {what}", not pc.as_user("clerk", f"dd {words} bs=512 count=1").ok)
        check(f"udisks does not mount {what}",
              not pc.staff(f"timeout 20 udisksctl mount --no-user-interaction -b {node}").ok)
        check(f"nor make a loop device of {what}",
              not pc.staff(f"timeout 20 udisksctl loop-setup --no-user-interaction -f {node}").ok
              and not pc.as_user("clerk", f"losetup -f {node}").ok)
        check(f"nor does its user mount {what}", not pc.staff(f"mount {node} /tmp").ok)
    check("nor from a name space of his own", not pc.staff(f"unshare -rm mount {nodes['the mapping']} /mnt").ok)
    check("nor another kind of mount there", not pc.staff(f"unshare -rm mount -o remount,exec,suid,dev {PLACE}").ok)


def fuse(check, work, volume):
    """A file system of the user's between him and the medium: what passes through it is followed like anything else, and it
    holds up no eject."""
    pc = work.pc
    pc.put(VM / "programs" / "fuse_proxy.py", "/run/fuse_proxy.py", "644")
    pc.staff(f"mkdir -p /tmp/proxy; nohup python3 /run/fuse_proxy.py {PLACE} {PLACE} >/tmp/proxy.log 2>&1 &")
    over = pc.wait(lambda: pc.run(f"findmnt -rno FSTYPE {PLACE}").out.split()[-1:] == ["fuse"], 10)
    check("a file system of the user lies over the medium", over, pc.run(f"cat /tmp/proxy.log; findmnt {PLACE}").out)
    done = pc.staff(f"cp /etc/login.defs {PLACE}/through.txt")
    check("a file is written through it", done.ok, done)
    busy = pc.ctl("media", "eject", volume)
    check("its program holds the medium: busy, and who", busy.status == 1 and "python3" in busy.out + busy.err, busy)
    pc.run("pkill -f fuse_proxy.py")
    done = []
    check("without it: ejected", pc.wait(lambda: done.append(pc.ctl("media", "eject", volume)) or done[-1].ok, 20),
          f"{done[-1]} {pc.run('findmnt').out}")
    rows = pc.wait(lambda: [row for row in work.manifest_rows() if row["whole"]], 30, 0.5) and work.manifest_rows()
    line = work.manifest_files(rows[-1]).get("through.txt") if rows else None
    check("it is on the list, with its content and whose it is", line and (line["sha256"], line["user"]) ==
          (work.pc.run("sha256sum /etc/login.defs").out.split()[0], "staff"), line or rows)


def reading(check, work, volume):
    """Open for reading: no call of the kernel writes."""
    pc = work.pc
    pc.put((VM / "programs" / "read_only_ways.py"), "/run/ways.py", "644")
    done = pc.staff(f"python3 /run/ways.py {FILE}")
    check("none of twelve calls changes a file, nor does io_uring", done.ok and done.out.split()[-1] == "0", done)
    check("it is as it was", pc.staff(f"cmp /etc/login.defs {FILE}").ok)
    for node in (volume, *mappings(pc)):
        check(f"not by root at {node.rstrip('0123456789')}", not pc.run(
            f"dd if=/dev/zero of=/dev/{node} bs=512 count=1 conv=fsync").ok)
    check("nor by making the mount another one", not pc.staff(f"mount -o remount,rw {PLACE}").ok)


def limits(work, tries):
    """So many questions about the medium's key in an hour."""
    work.console.admin("key", "limit", "--facility", work.console.facility, "--kind", "medium", "--subject", work.medium,
                       "--per-hour", tries, "--per-day", 2 * tries)


def guessing(check, work, volume):
    """One passphrase after the other, until the console answers no more."""
    limits(work, 6)
    codes = [work.carry("open", "--read-only", volume, passphrase=OTHER)[0] for _ in range(7)]
    check("guessing ends at the limit", codes[0] == "SK-1233" and codes[-1] == "SK-5611", codes)
    check.equal("for the right passphrase, too", work.carry("open", "--read-only", volume)[0], "SK-5611")


def clock(check, work, volume):
    """Past its time with the clock set back."""
    pc = work.pc
    pc.sh("timedatectl set-ntp false; date -s '+3 hours'")
    check("after its time", pc.wait(lambda: work.carry("open", "--read-only", volume)[0] in ("SK-5603", "SK-1543"), 20),
          work.carry("open", "--read-only", volume))
    pc.sh("date -s '-3 hours' && date -s '-2 days'")
    check.equal("the clock set back does not bring it back", work.carry("open", "--read-only", volume)[0], "SK-1543")
    pc.sh("date -s '+2 days'")


def stolen(check, work, stick):
    """Whoever has the medium, its passphrase and the PC's disk as it was before the loss was reported, has nothing."""
    pc = work.pc
    limits(work, 100)
    pc.sh(f"systemctl stop sekishod sekisho-uplink && tar -C / -cf /root/state.tar {STATE} && systemctl start sekishod")
    pc.wait(lambda: pc.ctl("status").ok, 60)
    work.console.admin("medium", "lose", "--medium", work.medium, "--version", work.row()["version"], "--reason", "電車")
    check("reported lost: frozen", stick.wait("SK-5608", "SK-1262"), work.shown(stick.volume))
    network.cut(pc)
    pc.sh(f"systemctl stop sekishod sekisho-uplink; cd / && rm -rf {STATE} && tar -xf /root/state.tar && systemctl start sekishod")
    check("the PC of before knows nothing of the loss", stick.wait("SK-1230"), work.shown(stick.volume))
    check.equal("it opens nothing without the console", work.carry("open", "--read-only", stick.volume)[0], "SK-1513")
    network.cut(pc, off=False)
    pc.sh("systemctl restart sekisho-uplink.service")
    codes = []
    check("nor with it", pc.wait(lambda: codes.append(work.carry("open", "--read-only", stick.volume)[0]) or codes[-1] != "SK-1513",
                                 60, 2) and codes[-1] in ("SK-1262", "SK-5608"), codes)


def run(check):
    with Console() as console, clinic_pc.installed() as pc:
        work, stick = prepared(check, pc, console, "carry-attacks.img")
        if not work:
            return
        volume = stick.volume
        check.equal("open", work.carry("open", volume)[0], "SK-1231")
        pc.staff(f"cp /etc/login.defs {FILE}")
        around(check, work, volume)
        fuse(check, work, volume)
        stick.pull()
        volume = stick.plug()
        stick.wait("SK-1230")
        check.equal("open for reading", work.carry("open", "--read-only", volume)[0], "SK-1232")
        reading(check, work, volume)
        check("ejected again", pc.wait(lambda: pc.ctl("media", "eject", volume).ok, 20))
        stick.pull()
        volume = stick.plug()
        stick.wait("SK-1230")
        guessing(check, work, volume)
        clock(check, work, volume)
        stolen(check, work, stick)
        check("the records verify", pc.chain_verifies())
        stick.pull(keep=False)
