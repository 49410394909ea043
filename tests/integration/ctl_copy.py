#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sekishoctl media copy between two real file systems: cut at any moment, hostile names and links, no room.

Usage: ctl_copy.py SEKISHOCTL. Needs root and loop devices. Serves OUT-2.
"""
import contextlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CTL = os.path.abspath(sys.argv[1])
SAME, NO, USAGE = 0, 1, 2
KILLS = 25
failures = 0


def check(what, good, seen=""):
    global failures
    if not good:
        failures += 1
        print(f"FAILED {what}: {str(seen)[:2000]}")


@contextlib.contextmanager
def medium(parent, name, mib=64):
    image, place = Path(parent) / f"{name}.img", Path(parent) / name
    image.write_bytes(b"")
    os.truncate(image, mib << 20)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", "-m", "0", image], check=True)
    place.mkdir()
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        os.rmdir(place / "lost+found")
        yield place
    finally:
        subprocess.run(["umount", "-R", place], check=True)
        place.rmdir()


def copy(*args, **more):
    return subprocess.run([CTL, "media", "copy", *args], capture_output=True, text=True, env={"LC_ALL": "C"}, **more)


def copied(*args, **more):
    done = copy("--json", *args, **more)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, {"result": done.stdout + done.stderr}


def found(answer):
    return {f["path"]: f["what"] for f in answer.get("found", [])}


def tree(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file() and not p.is_symlink()
            and not str(p.relative_to(root)).startswith(".sekisho")}


def fill(place):
    rng = random.Random(7)
    for i in range(60):
        file = place / f"folder {i % 4}" / f"画像{i}.bin"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(rng.randbytes(rng.randrange(1, 900_000)))
        os.utime(file, (1_600_000_000, 1_600_000_000 + i))
    (place / "empty").write_bytes(b"")
    (place / ".sekisho").mkdir()
    (place / ".sekisho" / "slip-1").write_text("of this medium alone")


def interrupted(a, b):
    """Killed at random moments: what has its name on TO is whole, and at the end all is there."""
    wanted, cuts = tree(a), 0
    for _ in range(KILLS):
        process = subprocess.Popen([CTL, "media", "copy", a, b], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.002, 0.04))
        cuts += process.poll() is None
        process.kill()
        process.wait()
        there = tree(b)
        check("cut: what is there is whole", all(wanted.get(name) == data for name, data in there.items()),
              [n for n in there if wanted.get(n) != there[n]])
    print(f"cut {cuts} times, {len(tree(b))} of {len(wanted)} files there")
    check("some runs were cut", cuts > 0)
    status, answer = copied(a, b)
    check("run again: the same", (status, answer["result"], answer["differences"]) == (SAME, "same", 0), answer)
    check("every file was compared", answer["files"] == answer["same"] == len(wanted), answer)
    check("it is the same", tree(b) == wanted)
    times = {n: (b / n).stat().st_mtime_ns == (a / n).stat().st_mtime_ns for n in wanted}
    check("with its times", all(times.values()), times)
    check("nothing of its own is left", not (b / ".sekisho-copy.part").exists() and not (b / ".sekisho").exists())
    status, answer = copied(a, b)
    check("once more: nothing to do", (status, answer["copied"]) == (SAME, 0), answer)


def differing(a, b):
    (b / "folder 1" / "画像1.bin").write_bytes(b"another")
    same_size = b / "folder 2" / "画像2.bin"
    data = bytearray(same_size.read_bytes())
    data[len(data) // 2] ^= 1
    same_size.write_bytes(data)
    status, answer = copied(a, b)
    check("what is other is named and stays", (status, found(answer)) == (NO, {"folder 1/画像1.bin": "other", "folder 2/画像2.bin":
          "changed"}) and (b / "folder 1" / "画像1.bin").read_bytes() == b"another", answer)
    done = copy(a, b)
    check("in words", "folder 2/" in done.stdout and "Not the same: 2" in done.stdout, done)
    status, answer = copied("--replace", a, b)
    check("replaced where that is asked for", (status, answer["copied"], tree(b) == tree(a)) == (SAME, 2, True), answer)


def hostile(a, b, parent):
    outside = Path(parent) / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (a / "link").symlink_to(outside / "secret")
    (a / "folder-link").symlink_to(outside)
    os.mkfifo(a / "fifo")
    os.mknod(a / "device", 0o600 | 0o060000, os.makedev(7, 0))
    (a / "rtl\u202etxt.exe").write_text("name")
    (a / os.fsdecode(b"bad\xff\x1b[2J")).write_text("name")
    (a / "trap").mkdir()
    (a / "trap" / "file").write_text("must not get out")
    (b / "trap").symlink_to(outside)
    (a / "mounted").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", a / "mounted"], check=True)
    (a / "mounted" / "elsewhere").write_text("of another file system")
    deep = a / "/".join(["d"] * 70)
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    (a / ".sekisho-copy.part").write_text("left by an earlier copy")
    done = copy(a, b, timeout=30)
    check("hostile: shows no control characters", not any(ord(c) < 32 and c != "\n" for c in done.stdout + done.stderr) and
          "\u202e" not in done.stdout, done)
    status, answer = copied(a, b, timeout=30)
    what = found(answer)
    for name in ("link", "folder-link", "fifo", "device"):
        check(f"{name}: left out", what.get(name) == "left-out" and not os.path.lexists(b / name), what)
    check("a link on TO leads nowhere", status == NO and not (outside / "file").exists() and (outside / "secret").read_text() == "secret", what)
    check("and is named", what.get("trap") == "other", what)
    check("another file system is not entered", what.get("mounted") == "unreadable" and not (b / "mounted" / "elsewhere").exists(), what)
    check("too deep", any(n.count("/") == 64 and w == "left-out" for n, w in what.items()), list(what)[:3])
    check("names of any bytes are copied", (b / os.fsdecode(b"bad\xff\x1b[2J")).exists() and (b / "rtl\u202etxt.exe").exists())
    check("all else is there", len(what) == 8, what)


def limits(a, parent):
    with medium(parent, "small", 12) as small:
        status, answer = copied(a, small)
        check("no room: said before anything is written", (status, answer["result"]) == (NO, "no-room") and not tree(small), answer)
        done = copy(a, small)
        check("no room: in words", "has not the room" in done.stderr, done)
    with medium(parent, "other") as other:
        def few():
            resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
        status, answer = copied(a, other, preexec_fn=few)
        big = {n for n, d in tree(a).items() if len(d) > 600_000}
        check("too large for the file system: named, and the others are copied", status == NO and big and
              {n for n, w in found(answer).items() if w == "too-large"} == big and
              len(tree(other)) == len(tree(a)) - len(big), answer)
        check("nothing of them is left", not (other / ".sekisho-copy.part").exists())
        subprocess.run(["mount", "-o", "remount,ro", other], check=True)
        done = copy(a, other)
        check("not writable", done.returncode == NO and "not open for writing" in done.stderr, done)
        done = copy(a, a / "folder 1")
        check("one medium", done.returncode == NO and "not two media" in done.stderr, done)
    check("wrong call", copy(a).returncode == USAGE)
    check("no such place", copy("/nowhere", a).returncode == NO)


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        print("needs root and loop devices")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="sekisho-copy-") as parent:
        with medium(parent, "from") as a, medium(parent, "to") as b:
            fill(a)
            interrupted(a, b)
            differing(a, b)
            limits(a, parent)
            hostile(a, b, parent)
            shutil.rmtree(Path(parent) / "outside")
    print("ctl copy:", "FAILED" if failures else "passed")
    sys.exit(1 if failures else 0)


main()
