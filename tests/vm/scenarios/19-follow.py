# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever way a program writes to a carry-out medium, it is on the signed list; and the receiver sees what changed since.

Serves OUT-5, OUT-7.
"""
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import clinic_pc, images, media
from lab.carry import PLACE, journal, start, volume_of
from lab.console import Console
from lab.paths import LAB

WAYS = "/run/write_ways"
# exfat itself knows no control characters below U+0020 and no invalid UTF-8.
HOSTILE = ["rtl\u202etxt.exe", "line\u2028feed", "quote'd", "-dash", "写真 1.jpg"]
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def plug(work):
    work.stick = work.pc.plug("stick", image=work.image, serial="FOLLOW")
    work.volume = volume_of(work.pc, work.stick)
    work.pc.wait(lambda: work.code(work.volume), 30)


def keep(work):
    """Pulled out; what is on it is kept."""
    work.image = LAB / "run" / "follow.img"
    work.image.parent.mkdir(parents=True, exist_ok=True)
    copy = work.image.with_suffix(".copy")
    shutil.copy(work.stick.image, copy)
    work.stick.unplug()
    copy.rename(work.image)


def opened(check, work, *options, code="SK-1231"):
    work.pc.wait(lambda: work.code(work.volume) == "SK-1230", 30)
    told = work.carry("open", *options, work.volume)
    return check("opened", told[0] == code, f"{told} {journal(work.pc)}")


def eject(check, work, what="ejected"):
    done = []
    work.pc.wait(lambda: done.append(work.pc.ctl("media", "eject", work.volume)) or done[-1].ok, 60, 0.5)
    return check(what, done[-1].ok, f"{done[-1]} {journal(work.pc)}")


def next_manifest(check, work, before):
    rows = work.pc.wait(lambda: [r for r in work.manifest_rows() if r["id"] not in before and r["whole"]], 60, 0.5) and \
        [r for r in work.manifest_rows() if r["id"] not in before]
    if not check("the console has its manifest", bool(rows), journal(work.pc)):
        return None, {}
    return rows[-1], work.manifest_files(rows[-1])


def ways(pc, way, name, *more):
    return pc.staff(f"{WAYS} {way} '{PLACE}/{name}' {' '.join(map(str, more))}")


def writing(check, work):
    """Everything that a program can do, and what the list says of it."""
    pc = work.pc
    for way in ("plain", "direct", "mmap", "uring", "sparse"):
        done = ways(pc, way, f"{way}.bin")
        check(f"written by {way}", done.ok, done)
    pc.staff(f"mkdir -p {PLACE}/folder; cp /etc/login.defs {PLACE}/folder/kept.txt; cp /etc/passwd {PLACE}/gone.txt")
    pc.staff(f"cp /etc/login.defs {PLACE}/before.txt && mv {PLACE}/before.txt {PLACE}/after.txt")
    pc.put(EICAR, "/run/eicar.txt", "644")
    pc.staff(f"cp /run/eicar.txt {PLACE}/malware.txt")
    check("malware is told as soon as it is written", media.wait_body(pc, "file.refused", "SK-1203", 30) is not None)
    pc.put(json.dumps(HOSTILE).encode(), "/run/names.json", "644")
    done = pc.staff(f"python3 -c 'import json; [open(\"{PLACE}/\" + n, \"w\").write(n) for n in json.load(open(\"/run/names.json\"))]'")
    check("names that mislead", done.ok, done)
    pc.staff(f"cd {PLACE}/folder && for i in $(seq 1 60); do echo $i > many$i.txt; done")


def sums(pc, names):
    told = pc.run(f"cd {PLACE} && sha256sum {' '.join(names)}").out
    return {line.split("  ", 1)[1]: line.split("  ", 1)[0] for line in told.splitlines() if "  " in line}


def first(check, work):
    if not opened(check, work):
        return False
    writing(check, work)
    names = [f"{w}.bin" for w in ("plain", "direct", "mmap", "uring", "sparse")]
    right = sums(work.pc, names)
    if not eject(check, work):
        return False
    row, lines = next_manifest(check, work, set())
    if not row:
        return False
    check("closed in order", row["complete"] and row["reason"] == "", row)
    for name in names:
        check(f"{name}: its content is on the list", lines.get(name, {}).get("sha256") == right.get(name) is not None,
              f"{lines.get(name)} {right.get(name)}")
        check(f"{name}: new, and whose it is", (lines.get(name, {}).get("change"), lines.get(name, {}).get("user")) ==
              ("new", "staff"), lines.get(name))
    check("the malware is named as such", lines.get("malware.txt", {}).get("verdict") == "infected", lines.get("malware.txt"))
    for name in HOSTILE:
        shown = name.replace("\u202e", "\\u{202e}").replace("\u2028", "\\u{2028}")
        check(f"{shown} is on the list", shown in lines, [n for n in lines if "many" not in n])
    check("all that was written", row["files"] == 9 + 60 + len(HOSTILE), row)
    check("on record", media.wait_body(work.pc, "medium.manifest", "SK-1251") is not None)
    work.manifests = {row["id"]}
    return True


def verifier(check, work):
    """The receiver's PC: this one, with the content of the medium and the console's key."""
    pc = work.pc
    keep(work)
    plug(work)
    if not opened(check, work, "--read-only", code="SK-1232"):
        return
    with tempfile.TemporaryDirectory(prefix="sekisho-lab-") as place:
        place = Path(place)
        subprocess.run(["dpkg", "-x", clinic_pc.newest_package("sekisho-verify"), place / "package"], check=True)
        (place / "key").write_text(json.dumps(work.console.admin("manifest", "key")))
        (place / "medium").mkdir()
        # The malware stays where it is: nobody can read it there.
        archive = pc.run(f"cd {PLACE} && tar -c --exclude malware.txt . | base64 -w0", timeout=120).out
        subprocess.run(["sh", "-c", f"base64 -d | tar -x -C {place}/medium"], input=archive.encode(), check=True)

        def verify():
            return subprocess.run([place / "package/usr/bin/sekisho-verify", "--key", place / "key", place / "medium"],
                                  capture_output=True, text=True, env={"LC_ALL": "C"})
        done = verify()
        check("elsewhere all is as it was signed, but for what could not be taken along",
              done.returncode == 1 and "changed 0, new 0, missing 1" in done.stdout, done)
        target = place / "medium/uring.bin"
        data = bytearray(target.read_bytes())
        data[1000] ^= 1
        target.write_bytes(data)
        done = verify()
        check("one changed byte is found", done.returncode == 1 and "changed:    uring.bin" in done.stdout, done)
        done = subprocess.run(["sha256sum", "-c", "--quiet", "--ignore-missing", ".sekisho/SHA256SUMS"],
                              cwd=place / "medium", capture_output=True, text=True)
        check("and by coreutils", done.returncode == 1 and "uring.bin" in done.stdout, done)
    eject(check, work)
    keep(work)
    plug(work)


def inspected(check, work):
    """It came back: all of it is read, and the console says what is the same."""
    pc = work.pc
    done = pc.staff(f"sekishoctl media inspect --json {work.volume}", 120)
    check("not while it is locked", '"SK-1255"' in done.out, done)
    if not opened(check, work, "--read-only", code="SK-1232"):
        return
    done = pc.staff(f"sekishoctl media inspect --json {work.volume}", 120)
    check("inspected", done.ok and '"SK-1254"' in done.out, f"{done} {journal(pc)}")
    row, _lines = next_manifest(check, work, work.manifests)
    if row:
        work.manifests.add(row["id"])
        found = row["result"]
        check("the console compared it", (row["kind"], found.get("changed"), found.get("new"), found.get("missing")) ==
              ("return", 0, 0, 0) and found.get("unchanged", 0) > 60, row)
    eject(check, work)
    keep(work)
    plug(work)


def second(check, work):
    """Changes that leave no event: by path; and one that is open at the eject."""
    pc = work.pc
    if not opened(check, work):
        return
    ways(pc, "truncate", "plain.bin", 100)
    ways(pc, "truncate", "direct.bin", 10)
    ways(pc, "truncate", "direct.bin", 65536)  # as long as before, and empty
    pc.staff(f"touch -r /etc/passwd {PLACE}/direct.bin; mv {PLACE}/mmap.bin {PLACE}/folder/moved.bin; rm {PLACE}/gone.txt "
             f"{PLACE}/malware.txt; cp /etc/passwd {PLACE}/new.tmp && mv {PLACE}/new.tmp {PLACE}/uring.bin")
    pc.staff(f"nohup sh -c 'exec 3>{PLACE}/open.txt; while sleep 1; do echo more >&3; done' >/dev/null 2>&1 &")
    pc.wait(lambda: pc.run(f"test -s {PLACE}/open.txt").ok, 20)
    done = pc.ctl("media", "eject", work.volume)
    check("a file is open for writing: busy, and who", done.status == 1 and "sh" in done.out + done.err, done)
    check("and it goes on", pc.staff(f"echo still > {PLACE}/still.txt").ok)
    pc.run("pkill -f open.txt")
    right = sums(pc, ["plain.bin", "direct.bin", "folder/moved.bin", "uring.bin", "open.txt"])
    if not eject(check, work):
        return
    row, lines = next_manifest(check, work, work.manifests)
    if not row:
        return
    work.manifests.add(row["id"])
    for name, change in (("plain.bin", "changed"), ("direct.bin", "changed"), ("folder/moved.bin", "renamed"),
                         ("uring.bin", "changed"), ("open.txt", "new"), ("gone.txt", "deleted"), ("malware.txt", "deleted"),
                         ("sparse.bin", "same"), ("folder/kept.txt", "same"), ("still.txt", "new")):
        line = lines.get(name, {})
        check(f"{name}: {change}", line.get("change") == change, line)
        if name in right:
            check(f"{name}: its content", line.get("sha256") == right[name], f"{line} {right[name]}")
    check("where it came from", lines.get("folder/moved.bin", {}).get("from") == "mmap.bin", lines.get("folder/moved.bin"))
    keep(work)
    plug(work)


def killed(check, work):
    """Core and media die in the middle; then it is pulled out."""
    pc = work.pc
    if not opened(check, work):
        return
    ways(pc, "plain", "early.bin")
    pc.run("sleep 2; systemctl kill -s KILL sekishod; systemctl kill -s KILL sekisho-media")
    check("core is back", pc.wait(lambda: pc.ctl("status").ok, 60))
    check("and the medium is still open", ways(pc, "plain", "late.bin").ok, journal(pc))
    right = sums(pc, ["early.bin", "late.bin"])
    pc.run(f"sekishoctl media eject {work.volume} >/dev/null 2>&1 & sleep 0.3; systemctl kill -s KILL sekishod")
    check("core is back again", pc.wait(lambda: pc.ctl("status").ok, 60))
    eject_or_gone = pc.wait(lambda: work.code(work.volume) in ("SK-1218", None) or pc.ctl("media", "eject", work.volume).ok, 90, 1)
    check("killed while it closed: closed all the same", eject_or_gone, f"{work.shown(work.volume)} {journal(pc)}")
    row, lines = next_manifest(check, work, work.manifests)
    if row:
        work.manifests.add(row["id"])
        for name in right:
            check(f"{name}: its content", lines.get(name, {}).get("sha256") == right[name], f"{lines.get(name)} {right[name]}")
    keep(work)
    plug(work)


def pulled(check, work):
    pc = work.pc
    if not opened(check, work):
        return
    ways(pc, "plain", "pulled.bin")
    right = sums(pc, ["pulled.bin"])
    pc.run("sync; sleep 2")
    work.stick.unplug()
    row, lines = next_manifest(check, work, work.manifests)
    if row:
        check("pulled out: the manifest says so", (row["complete"], row["reason"]) == (False, "pulled"), row)
        check("and keeps what is known", lines.get("pulled.bin", {}).get("sha256") == right["pulled.bin"], lines.get("pulled.bin"))
    check("on record", media.wait_body(pc, "medium.manifest", "SK-1252") is not None)


def run(check):
    with Console() as console, clinic_pc.installed() as pc:
        work = start(pc, console)
        pc.put(media.program("write_ways"), WAYS, "755")
        work.image = images.clean()
        plug(work)
        pc.wait(lambda: work.code(work.volume) == "SK-1201", 30)
        work.allow_prepare()
        check.equal("prepared", work.carry("prepare", "--confirm", work.volume, work.volume)[0], "SK-1239")
        work.approve(work.request())
        if not first(check, work):
            return
        verifier(check, work)
        second(check, work)
        inspected(check, work)
        killed(check, work)
        pulled(check, work)
        check("the records verify", pc.chain_verifies())
        (LAB / "run" / "follow.img").unlink(missing_ok=True)
