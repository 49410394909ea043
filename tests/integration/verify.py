#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the receiver of a medium is told: sekisho-verify over media as they are, changed, forged and hostile.

Usage: verify.py SEKISHO-VERIFY SLIP-MAKE. Serves OUT-7.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

VERIFY, MAKE = (os.path.abspath(p) for p in sys.argv[1:3])
SAME, DIFFERENT, NO_SLIP, UNREADABLE, USAGE = range(5)
NAMES = ["a.txt", "dir/b\nc.txt", "dir/rtl\u202etxt.exe", "dir/sub/empty", "写真.jpg"]
failures = 0


def check(what, good, seen=""):
    global failures
    if not good:
        failures += 1
        print(f"FAILED {what}: {seen}")


def make(folder, serial, *paths):
    done = subprocess.run([MAKE, folder, str(serial), *sorted(map(os.fsencode, paths), key=lambda p: p.lstrip(b"-"))], capture_output=True, check=True)
    return done.stdout


class Medium:
    def __init__(self, parent):
        self.path = pathlib.Path(parent) / "medium"
        shutil.rmtree(self.path, ignore_errors=True)
        for name in NAMES:
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"" if name.endswith("empty") else name.encode() * 1000)
        (self.path / os.fsdecode(b"bad\xff")).write_bytes(b"bytes")
        self.key = pathlib.Path(parent) / "console.key"
        self.key.write_bytes(make(self.path, 1000, *NAMES, os.fsdecode(b"bad\xff"), "-gone.txt"))

    def verify(self, *args, key=None, language="C"):
        return subprocess.run([VERIFY, "--key", key or self.key, *args, self.path], capture_output=True, text=True,
                              errors="surrogateescape", env={"LC_ALL": language})


def expect(what, medium, status, *words, **given):
    done = medium.verify(**given)
    check(what, done.returncode == status and all(w in done.stdout + done.stderr for w in words),
          f"{done.returncode} {done.stdout}{done.stderr}")
    check(what + ": shows no control characters", not any(ord(c) < 32 and c != "\n" for c in done.stdout) and
          "\u202e" not in done.stdout, repr(done.stdout))


def contents(parent):
    medium = Medium(parent)
    expect("as it was signed", medium, SAME, "unchanged 6, changed 0, new 0, missing 0", "OK")
    expect("in Japanese", medium, SAME, "署名どおり", language="ja_JP.UTF-8")
    (medium.path / "a.txt").write_bytes(b"b.txt" * 1000)
    expect("one byte of a file", medium, DIFFERENT, "changed:    a.txt", "NOT THE SAME")
    os.unlink(medium.path / "a.txt")
    expect("a file is gone", medium, DIFFERENT, "missing:    a.txt")
    medium = Medium(parent)
    (medium.path / "gone.txt").write_text("back")
    expect("what was deleted is there", medium, DIFFERENT, "new:        gone.txt")
    medium = Medium(parent)
    (medium.path / ".sekisho/hidden").write_text("x")
    expect("something beside the slip", medium, DIFFERENT, "new:        .sekisho/hidden")
    medium = Medium(parent)
    with (medium.path / ".sekisho/SHA256SUMS").open("a") as file:
        file.write("x")
    expect("the plain list says something else", medium, DIFFERENT, "changed:    .sekisho/SHA256SUMS")
    medium = Medium(parent)
    done = subprocess.run(["sha256sum", "-c", "--quiet", ".sekisho/SHA256SUMS"], cwd=medium.path, capture_output=True)
    check("coreutils read the plain list", done.returncode == 0, done)


def hostile(parent):
    secret = pathlib.Path(parent) / "secret"
    medium = Medium(parent)
    secret.write_bytes((medium.path / "a.txt").read_bytes())
    os.unlink(medium.path / "a.txt")
    os.symlink(secret, medium.path / "a.txt")
    expect("a link to the same content elsewhere", medium, DIFFERENT, "changed:    a.txt")
    os.unlink(medium.path / "a.txt")
    os.mkfifo(medium.path / "a.txt")
    expect("a pipe", medium, DIFFERENT, "changed:    a.txt")
    medium = Medium(parent)
    shutil.move(medium.path / "dir", secret.parent / "elsewhere")
    os.symlink(secret.parent / "elsewhere", medium.path / "dir")
    expect("a folder that leads elsewhere", medium, DIFFERENT, "missing:    dir/sub/empty", "new:        dir")
    shutil.rmtree(secret.parent / "elsewhere")
    medium = Medium(parent)
    manifest = medium.path / ".sekisho/manifest-1000.jsonl"
    manifest.write_bytes(manifest.read_bytes().replace(b'"size":5000', b'"size":5001'))
    expect("another manifest", medium, DIFFERENT, "is not the list")
    os.unlink(manifest)
    expect("no manifest", medium, DIFFERENT, "is not the list")


def signatures(parent):
    medium = Medium(parent)
    other = pathlib.Path(parent) / "other.key"
    other.write_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
    expect("another sender", medium, NO_SLIP, "IS NOT SIGNED", key=other)
    other.write_text('{"keys": [{"id": "x", "public": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]}')
    expect("a key with another name", medium, USAGE, "no public key", key=other)
    name, key = medium.key.read_text().split()
    other.write_text('{"keys": [{"id": "%s", "public": "%s"}]}' % (name, key))
    expect("the key as the console gives it", medium, SAME, key=other)
    slip = medium.path / ".sekisho/slip-1000.dsse.json"
    whole = slip.read_bytes()
    slip.write_bytes(whole.replace(b'"payload":"e', b'"payload":"f', 1))
    expect("a changed slip", medium, NO_SLIP, key=None)
    slip.write_bytes(whole)
    # An older slip that was signed, too: the newest counts, and the older one is a file like any other.
    make(medium.path, 999, *NAMES)
    expect("an older slip beside it", medium, DIFFERENT, "new:        .sekisho/slip-999.dsse.json")
    slip.unlink()
    (medium.path / ".sekisho/slip-99999999.dsse.json").write_text("{}")
    expect("a newer one that is none", medium, NO_SLIP, "is no slip")
    shutil.rmtree(medium.path / ".sekisho")
    expect("no slip", medium, NO_SLIP, "no slip on this medium")
    check("no arguments", subprocess.run([VERIFY], capture_output=True).returncode == USAGE)


with tempfile.TemporaryDirectory(prefix="sekisho-verify-") as place:
    contents(place)
    hostile(place)
    signatures(place)
sys.exit(1 if failures else 0)
