# SPDX-License-Identifier: GPL-2.0-or-later
"""Files go to a receiver with Windows only: as an encrypted archive that 7-Zip opens, under a grant, and no other way.

Serves OUT-1, OUT-7, OUT-8.
"""
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

from lab import clinic_pc, images, media
from lab.carry import OTHER, PASSPHRASE, journal, start, volume_of
from lab.console import Console

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
FILES = {"referral/田中 太郎.pdf": b"%PDF-1.4\n" + b"clinic " * 1000, "referral/images/ct.dcm": os.urandom(3 << 20),
         "readme.txt": b"Please call us.\n", "referral/empty": b""}
HOME = "/home/staff"


def files(pc):
    for name, content in FILES.items():
        pc.sh(f"mkdir -p '{HOME}/{os.path.dirname(name)}'")
        pc.put(content, f"{HOME}/{name}", "644")
    pc.put(EICAR, f"{HOME}/malware.txt", "644")
    pc.sh(f"ln -s readme.txt {HOME}/link; chown -hR staff: {HOME}; chmod 600 {HOME}/referral/images/ct.dcm")


def handover(work, *names, **given):
    return work.carry("handover", "--confirm", work.volume, work.volume, *(f"'{HOME}/{n}'" for n in names), **given)


def refusals(check, work):
    pc = work.pc
    check.equal("nobody granted it", handover(work, "readme.txt")[0], "SK-5601")
    request = work.request(kind="hand-over")
    check.equal("asked for is not approved", handover(work, "readme.txt")[0], "SK-5601")
    work.approve(request)
    check.within("the PC hears that it may", pc.wait(lambda: f"hand-over {work.medium}" in work.granted(), 15), 15)
    check.equal("the ledger says what it is for", work.row().get("mode"), "hand-over")
    check("such a grant opens nothing", f"read-write {work.medium}" not in work.granted())
    check.equal("there is data on it: asked first", work.carry("handover", work.volume, f"{HOME}/readme.txt")[0], "SK-1238")
    check.equal("malware is not handed over", handover(work, "readme.txt", "malware.txt"), ("SK-1282", ANY))
    check.equal("nor what is no file", handover(work, "link")[0], "SK-1285")
    check.equal("nor two of one name", handover(work, "readme.txt", "referral/../readme.txt")[0], "SK-1284")
    done = pc.as_user("staff", f"printf 'short-1\\n' | sekishoctl media handover --confirm {work.volume} {work.volume} {HOME}/readme.txt")
    check("a weak passphrase is refused", done.status == 1 and "SK-1237" in done.out, done)
    done = pc.as_user("clerk", f"printf '%s\\n' '{PASSPHRASE}' | sekishoctl media handover --confirm {work.volume} {work.volume} /etc/hostname")
    check("somebody who does not sit here hands nothing over", done.status != 0, done)
    pc.put(b"[CarryOut]\nHandOver=refuse\n", "/etc/sekisho/sekisho.conf.d/refuse.conf")
    pc.ctl("reload")
    check.equal("the settings of a PC may refuse it", handover(work, "readme.txt")[0], "SK-1287")
    pc.sh("rm /etc/sekisho/sekisho.conf.d/refuse.conf")
    pc.ctl("reload")
    check("the medium is as it was through all this", work.code(work.volume) == "SK-1201", work.shown(work.volume))


OPEN = """import glob, os
for node in glob.glob("/dev/sr*") + glob.glob("/dev/sg*") + glob.glob("/dev/bsg/*"):
    for flags in (os.O_RDWR, os.O_WRONLY, os.O_RDONLY):
        try:
            os.open(node, flags | os.O_NONBLOCK)
            print("opened", node, flags)
        except OSError:
            print("tried", node)
"""


def drives(check, work):
    """Optical drives only read, whoever is in which group: a burner needs the node of the drive, or of SCSI."""
    pc = work.pc
    pc.sh("groupadd -f cdrom; usermod -aG cdrom,disk clerk; usermod -aG cdrom,disk staff")
    pc.put(OPEN.encode(), "/run/open.py", "644")
    drive = pc.plug("cdrom", image=images.disc())
    pc.wait(lambda: work.code("sr0") == "SK-1201", 40)
    for user in ("clerk", "staff"):
        done = pc.as_user(user, "id -Gn; python3 /run/open.py")
        check(f"{user}, in groups cdrom and disk, opens no drive and no SCSI node", "cdrom" in done.out and "tried /dev/sr0"
              in done.out and "tried /dev/sg" in done.out and "opened" not in done.out, done)
    check.equal("the block layer writes no disc", pc.sh("cat /sys/block/sr0/ro"), "1")
    check.equal("and nobody hands over on one", work.carry("handover", "sr0", f"{HOME}/readme.txt")[0], "SK-1288")
    drive.unplug()


class Any:
    def __eq__(self, other):
        return True

    def __repr__(self):
        return "anything"


ANY = Any()


def nobody_writes(check, work, place):
    pc = work.pc
    check("who sits here cannot write to it", not pc.staff(f"touch {place}/x").ok)
    check("nor change what is on it", not pc.staff(f"rm {place}/*.zip").ok)
    check("nor can somebody in group disk", not pc.as_user("clerk", f"dd if=/dev/zero of=/dev/{work.volume} bs=512 count=1").ok)
    check("the block layer refuses even root", not pc.run(f"dd if=/dev/zero of=/dev/{work.volume} bs=4096 count=1 conv=fsync").ok)


def verify(place, folder):
    return subprocess.run([place / "package/usr/bin/sekisho-verify", "--key", place / "key", folder], capture_output=True,
                          text=True, env={"LC_ALL": "C"})


def unzip(place, archive, passphrase):
    return subprocess.run(["7z", "x", "-y", f"-o{place}", f"-p{passphrase}", archive], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


def allow_encrypted(check, work, archive):
    """A PC of ours opens no encrypted archive; the receiver's, which has other rules, does."""
    pc = work.pc
    check("a PC of ours opens no encrypted archive", not pc.run(f"cat {archive} >/dev/null").ok)
    pc.put(b"[Scan]\nRefuseTypes=program script macro-document\n", "/etc/sekisho/sekisho.conf.d/receiver.conf")
    pc.sh("sekishoctl reload")
    check("where the settings allow it, it can be read", pc.wait(f"cat {archive} >/dev/null", 30, 0.5), journal(pc))


def receiver(check, work, medium, name):
    """The receiver's PC: this one, with what is on the medium, the passphrase, and the console's key."""
    allow_encrypted(check, work, f"{medium}/{name}")
    with tempfile.TemporaryDirectory(prefix="sekisho-lab-") as place:
        place = Path(place)
        subprocess.run(["dpkg", "-x", clinic_pc.newest_package("sekisho-verify"), place / "package"], check=True)
        (place / "key").write_text(json.dumps(work.console.admin("manifest", "key")))
        (place / "medium").mkdir()
        archive = work.pc.run(f"cd {medium} && tar -c . | base64 -w0", timeout=120).out
        subprocess.run(["sh", "-c", f"base64 -d | tar -x -C {place}/medium"], input=archive.encode(), check=True)
        names = [str(p.relative_to(place / "medium")) for p in (place / "medium").rglob("*") if p.is_file()]
        check("an archive and its slip, and nothing that names a file", name in names and len(names) == 4 and
              not any("referral" in (place / "medium" / n).read_bytes().decode("latin1") for n in names), names)
        done = verify(place, place / "medium")
        check("the medium is as it was signed", done.returncode == 0 and "unchanged 1, changed 0" in done.stdout, done)
        check("another passphrase opens nothing", unzip(place / "wrong", place / "medium" / name, OTHER).returncode != 0)
        done = unzip(place / "outer", place / "medium" / name, PASSPHRASE)
        check("7-Zip opens it", done.returncode == 0, done)
        done = unzip(place / "files", place / "outer/contents.zip", "")
        check("and what is in it", done.returncode == 0, done)
        for path, content in FILES.items():
            check(f"{path} is as it was", (place / "files" / path).exists() and (place / "files" / path).read_bytes() == content)
        done = verify(place, place / "files")
        check("its slip fits", done.returncode == 0 and "unchanged 4, changed 0, new 0, missing 0" in done.stdout, done)
        (place / "files/readme.txt").write_bytes(b"Please pay us.\n")
        done = verify(place, place / "files")
        check("a changed file is found", done.returncode == 1 and "changed:    readme.txt" in done.stdout, done)


def console_knows(check, work):
    rows = work.pc.wait(lambda: [r for r in work.console.admin("manifest", "list", "--of-medium", work.medium)["items"]
                                 if r["whole"]], 60, 0.5)
    if not check("the console has the list", bool(rows), journal(work.pc)):
        return
    rows = [r for r in work.console.admin("manifest", "list", "--of-medium", work.medium)["items"] if r["whole"]]
    page = work.console.admin("manifest", "files", "--manifest", rows[-1]["id"], "--from", 0)["items"]
    check("of what is inside, and who handed it over", sorted((f["path"], f["size"], f["user"]) for f in page) ==
          sorted((n, len(c), "staff") for n, c in FILES.items()), page)
    check("complete", rows[-1]["complete"] and rows[-1]["files"] == len(FILES), rows[-1])


def run(check):
    with Console() as console, clinic_pc.installed() as pc:
        work = start(pc, console)
        image = images.clean()
        stick = pc.plug("stick", image=image, serial="HANDOVER")
        work.volume = volume_of(pc, stick)
        pc.wait(lambda: work.code(work.volume) == "SK-1201", 30)
        files(pc)
        refusals(check, work)
        drives(check, work)
        code, name = handover(work, "referral", "readme.txt")
        if not check("handed over", code == "SK-1280" and re.fullmatch(r"sekisho-\d+\.zip", name), f"{code} {name} {journal(pc)}"):
            return
        body = media.wait_body(pc, "medium.handed-over", "SK-1280")
        check("on record, with the digest of the archive", body and body["files"] == 4 and len(body["digest"]) == 64, body)
        check("it can be read again", pc.wait(lambda: work.code(work.volume) == "SK-1201", 40), work.shown(work.volume))
        place = f"'{work.shown(work.volume)['path']}'"
        nobody_writes(check, work, place)
        receiver(check, work, place, name)
        console_knows(check, work)
        check("ejected", pc.wait(lambda: pc.ctl("media", "eject", work.volume).ok, 30, 0.5), journal(pc))
        check("sekisho-pack is gone", not pc.run("pgrep -x sekisho-pack").ok)
        check("the records verify", pc.chain_verifies())
