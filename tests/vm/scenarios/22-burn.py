# SPDX-License-Identifier: GPL-2.0-or-later
"""A disc is burned under a grant for one disc, closed and read back; without it, or on another disc, nothing is written.

Serves OUT-7, OUT-8.
"""
import json
import os
import subprocess
import tempfile
from pathlib import Path

from lab import clinic_pc, images, media
from lab.burner import Burners
from lab.carry import PASSPHRASE, journal, start
from lab.console import Console

LONG = True
HOME = "/home/staff"
FILES = {"紹介状.pdf": b"%PDF-1.4\n" + b"clinic " * 1000, "ct.dcm": os.urandom(3 << 20)}


def burn(work, *names, **given):
    return work.carry("handover", "--medium", work.medium, "sr0", *(f"'{HOME}/{n}'" for n in names or FILES), **given)


def settle(work, *codes):
    """The drive has been looked at."""
    work.pc.wait(lambda: work.code("sr0") in codes, 40)


def granted_disc(work, number):
    work.register(number, "optical")
    request = work.request(kind="optical")
    asked = burn(work)
    work.approve(request)
    work.pc.wait(lambda: f"burn {work.medium}" in work.granted(), 15)
    return asked


def drives_that_only_read(check, work):
    pc = work.pc
    drive = pc.plug("cdrom", image=images.disc())
    settle(work, "SK-1201")
    check.equal("the settings do not let this PC burn", burn(work)[0], "SK-1288")
    said = pc.as_user("staff", f"printf '%s\\n' '{PASSPHRASE}' | LC_ALL=ja_JP.UTF-8 sekishoctl media handover sr0 {HOME}/ct.dcm")
    check("and say so in Japanese", "読取り専用" in said.out + said.err, said)
    pc.put(b"[CarryOut]\nBurn=allow\n", "/etc/sekisho/sekisho.conf.d/burn.conf")
    pc.ctl("reload")
    check.equal("nobody granted it; asked for is not approved", granted_disc(work, "DVD-1")[0], "SK-5601")
    check("such a grant opens nothing", not any(g.startswith("read") for g in work.granted()), work.granted())
    check.equal("what is in the drive has files on it", burn(work)[0], "SK-1291")
    drive.unplug()
    zeros = Path(tempfile.mkstemp(prefix="sekisho-lab-")[1])
    os.truncate(zeros, 1 << 20)
    drive = pc.plug("cdrom", image=zeros)
    settle(work, "SK-1211", "SK-1210", "SK-1212", "SK-1203")
    check.equal("a drive that cannot burn says so", burn(work)[0], "SK-1294")
    check("the grant is still good", f"burn {work.medium}" in work.granted())
    drive.unplug()
    zeros.unlink()


def nobody_else(check, work):
    pc = work.pc
    pc.sh("groupadd -f cdrom; usermod -aG cdrom,disk clerk")
    opened = "python3 -c 'import os; os.open(\"/dev/sr0\", os.O_RDWR | os.O_NONBLOCK)'"
    check("somebody in groups cdrom and disk opens no burner", not pc.as_user("clerk", opened).ok)
    check.equal("the block layer writes no disc", pc.sh("cat /sys/block/sr0/ro"), "1")
    check("malware is not burned", work.carry("handover", "sr0", "/usr/share/clamav-testfiles/clam.exe")[0] != "SK-1289")


def manifests(work):
    """Those that the console has whole."""
    work.pc.wait(lambda: any(r["whole"] for r in work.manifest_rows()), 60, 0.5)
    return [r for r in work.manifest_rows() if r["whole"]]


def burned(check, work):
    pc = work.pc
    code, name = burn(work)
    if not check("burned", code == "SK-1289" and name.endswith(".zip"), f"{code} {name} {journal(pc)}"):
        return None
    body = media.wait_body(pc, "medium.burned", "SK-1289")
    check("on record, with the digest of the disc", body and len(body["digest"]) == 64 and body["size"] > 3 << 20, body)
    check("and of the archive", bool(media.wait_body(pc, "medium.handed-over", "SK-1289")))
    check("the grant was for one disc", burn(work)[0] in ("SK-5620", "SK-5601"))
    check("sekisho-burn is gone", pc.wait(lambda: not pc.run("pgrep -x sekisho-burn").ok, 10))
    rows = manifests(work)
    check("the console has the list", rows and rows[-1]["complete"] and rows[-1]["files"] == len(FILES), work.manifest_rows())
    ended = pc.wait(lambda: f"burn {work.medium}" not in work.granted(), 30, 0.5)
    check("and has ended the grant", ended is not None, work.granted())
    return name


def receiver(check, work, name):
    """What is on the disc, with the console's key and the passphrase."""
    pc = work.pc
    pc.wait(lambda: work.shown("sr0").get("path"), 60)
    path = work.shown("sr0").get("path")
    if not check("the disc is read like any other", bool(path), f"{work.shown('sr0')} {journal(pc)}"):
        return
    pc.put(b"[Scan]\nRefuseTypes=program script macro-document\n", "/etc/sekisho/sekisho.conf.d/receiver.conf")
    pc.sh("sekishoctl reload")
    pc.wait(f"cat {path}/{name} >/dev/null", 30, 0.5)
    with tempfile.TemporaryDirectory(prefix="sekisho-lab-") as place:
        place = Path(place)
        subprocess.run(["dpkg", "-x", clinic_pc.newest_package("sekisho-verify"), place / "package"], check=True)
        (place / "key").write_text(json.dumps(work.console.admin("manifest", "key")))
        (place / "disc").mkdir()
        archive = pc.run(f"cd {path} && tar -c . | base64 -w0", timeout=120).out
        subprocess.run(["sh", "-c", f"base64 -d | tar -x -C {place}/disc"], input=archive.encode(), check=True)
        done = subprocess.run([place / "package/usr/bin/sekisho-verify", "--key", place / "key", place / "disc"],
                              capture_output=True, text=True, env={"LC_ALL": "C"})
        check("sekisho-verify: as it was signed", done.returncode == 0 and "unchanged 1, changed 0" in done.stdout, done)
        for folder, source, secret in (("outer", place / "disc" / name, PASSPHRASE), ("files", place / "outer/contents.zip", "")):
            done = subprocess.run(["7z", "x", "-y", f"-o{place / folder}", f"-p{secret}", source], capture_output=True,
                                  text=True, stdin=subprocess.DEVNULL)
            check(f"7-Zip opens it ({folder})", done.returncode == 0, done)
        for file, content in FILES.items():
            found = place / "files" / file
            check(f"{file} is as it was", found.exists() and found.read_bytes() == content)
    check("writing to it is refused", not pc.staff(f"touch {path}/x").ok)


def japanese(check, pc):
    """As on a clinic's PC. A locale by that name is enough: gettext goes by the name, and translates nothing for C.UTF-8."""
    pc.sh("cp -r /usr/lib/locale/C.utf8 /usr/lib/locale/ja_JP.utf8")
    said = pc.as_user("staff", "LC_ALL=ja_JP.UTF-8 sekishoctl media handover")
    check("the installed translation is there", "未使用のディスク" in said.out + said.err, said)


def run(check):
    with Burners() as burners, Console() as console, clinic_pc.installed() as pc:
        work = start(pc, console)
        for name, content in FILES.items():
            pc.put(content, f"{HOME}/{name}", "644")
        japanese(check, pc)
        drives_that_only_read(check, work)
        disc = burners.blank()
        drive = burners.plug(pc, disc)
        pc.wait(lambda: work.shown("sr0"), 40)
        nobody_else(check, work)
        name = burned(check, work)
        drive.unplug()
        if name:
            drive = burners.plug(pc, disc)
            receiver(check, work, name)
            granted_disc(work, "DVD-2")
            check.equal("a disc that was burned takes no more", burn(work)[0], "SK-1291")
            drive.unplug()
        check("the records verify", pc.chain_verifies())
