#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Discs of the real sekisho-burn, on a file that plays the drive (libburn's "stdio:"); 7-Zip and sekisho-verify read them as
the receiver does. A drive with a real disc in it is in tests/vm/scenarios/22-burn.py.

This is core (lib/ipc/proto_burn.h). Usage: burn.py SEKISHO-BURN SEKISHO-VERIFY SLIP-MAKE. Serves OUT-7, OUT-8.
Needs: packages p7zip-full and genisoimage.
"""
import fcntl
import hashlib
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BURN, VERIFY, MAKE = (os.path.abspath(p) for p in sys.argv[1:4])
TOP = Path(__file__).resolve().parent.parent.parent
HEAD = struct.Struct("=HHIQ")
VERSION = int(re.search(r"SK_PROTO_VERSION (\d+)", (TOP / "lib/ipc/proto.h").read_text())[1])
BEGIN, GO, READY, PROGRESS, DONE, FAILED = 0x901, 0x902, 0x981, 0x982, 0x983, 0x984
NOT_MADE, NOT_BURNING, SPOILED = 1281, 1294, 1295
SERIAL, NAME = 1000, "sekisho-1000.zip"
failures = 0


def check(what, good, seen=""):
    global failures
    if not good:
        failures += 1
        print(f"FAILED {what}: {seen}")


def message(kind, body=b""):
    return HEAD.pack(VERSION, kind, HEAD.size + len(body), 0) + body


def sealed(data):
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 0xF)
    return fd


class Burner:
    """One sekisho-burn and one disc."""

    def __init__(self, folder, stand_in=True):
        path = Path(folder) / "burn.sock"
        self.process = subprocess.Popen([BURN, "--listen", path, "--client-uid", str(os.getuid()),
                                         *(["--stand-in"] if stand_in else [])], stderr=subprocess.PIPE)
        for _ in range(500):
            self.core = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self.core.connect(str(path))
                break
            except OSError:
                time.sleep(0.01)
        self.core.settimeout(30)

    def begin(self, fds, name=NAME, sysname="sr0"):
        body = struct.pack("=Q64s64s", SERIAL, sysname.encode(), name.encode())
        socket.send_fds(self.core, [message(BEGIN, body)], fds)

    def receive(self):
        try:
            data = self.core.recv(16384)
        except ConnectionResetError:
            data = b""
        return (HEAD.unpack_from(data)[1], data[HEAD.size:]) if data else (0, b"")

    def go(self):
        self.core.send(message(GO))
        steps = []
        while True:
            kind, body = self.receive()
            if kind != PROGRESS:
                return kind, body, steps
            steps.append(struct.unpack("=II", body))

    def end(self):
        self.core.close()
        return self.process.wait(20), self.process.stderr.read().decode(errors="replace")


def failed(kind, body):
    return (struct.unpack_from("=I", body)[0], body[8:].split(b"\0", 1)[0]) if kind == FAILED else (kind, b"")


def content(base, archive):
    """What core sends: archive and slip, and the console's key for the receiver."""
    source = base / "source"
    source.mkdir()
    (source / NAME).write_bytes(archive)
    (base / "console.key").write_bytes(subprocess.run([MAKE, source, str(SERIAL), NAME], capture_output=True, check=True).stdout)
    names = (f"slip-{SERIAL}.dsse.json", f"manifest-{SERIAL}.jsonl", "SHA256SUMS")
    return [os.open(source / NAME, os.O_RDONLY)] + [sealed((source / ".sekisho" / n).read_bytes()) for n in names]


def extracted(base, disc, folder):
    return subprocess.run(["7z", "x", "-y", f"-o{base / folder}", disc], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


def receiver(base, files):
    disc = base / "disc.iso"
    drive = os.open(disc, os.O_RDWR | os.O_CREAT)
    burner = Burner(base)
    burner.begin([drive, *files])
    kind, body = burner.receive()
    check("the disc is fit", kind == READY, failed(kind, body))
    size = struct.unpack_from("=Q", body)[0] if kind == READY else 0
    check("nothing was written so far", disc.stat().st_size == 0, disc.stat().st_size)
    kind, body, steps = burner.go()
    check("it is burned", kind == DONE, failed(kind, body))
    check("and says how far it is, to the reading back", steps and steps[0] == (0, 0) and steps[-1][0] == 2, steps)
    status, said = burner.end()
    check("it ends well", status == 0 and not said, (status, said))
    written, digest = struct.unpack_from("=Q32s", body)
    image = disc.read_bytes()[:size]
    check("size and digest are those of the disc", written == size and digest == hashlib.sha256(image).digest())
    done = extracted(base, disc, "received")
    check("7-Zip opens the disc", done.returncode == 0, done.stdout)
    names = {str(p.relative_to(base / "received")) for p in (base / "received").rglob("*") if p.is_file()}
    check("an archive and its slip", names == {NAME, ".sekisho/SHA256SUMS", f".sekisho/slip-{SERIAL}.dsse.json",
                                               f".sekisho/manifest-{SERIAL}.jsonl"}, names)
    for way, option in (("Joliet, for Windows", "-J"), ("Rock Ridge", "-R")):
        listed = subprocess.run(["isoinfo", option, "-f", "-i", disc], capture_output=True, text=True).stdout.replace(";1\n", "\n")
        check(f"by {way}, too", f"/{NAME}\n" in listed and f"/.sekisho/slip-{SERIAL}.dsse.json" in listed, listed)

    def verify():
        return subprocess.run([VERIFY, "--key", base / "console.key", base / "received"], capture_output=True, text=True,
                              env={"LC_ALL": "C"})
    done = verify()
    check("the slip is verified", done.returncode == 0 and "unchanged 1, changed 0, new 0, missing 0" in done.stdout, done)
    with open(base / "received" / NAME, "r+b") as archive:
        archive.write(b"?")
    check("a changed archive is found", verify().returncode == 1)
    os.close(drive)


def refusals(base, files):
    drive = os.open(base / "other.iso", os.O_RDWR | os.O_CREAT)
    other = os.open("/dev/null", os.O_RDWR)
    for what, given, code, fds, stand_in in (
            ("a file instead of a drive", {"sysname": "sr7"}, NOT_BURNING, [drive, *files], False),
            ("a node that is no drive", {"sysname": "sr0"}, NOT_BURNING, [other, *files], False),
            ("an archive that is no file", {}, NOT_MADE, [drive, other, *files[1:]], True)):
        burner = Burner(base, stand_in)
        burner.begin(fds, **given)
        kind, body = burner.receive()
        check(what, failed(kind, body)[0] == code, failed(kind, body))
        status, said = burner.end()
        check(f"{what}: it ends without touching the jail", status == 0 and not said, (status, said))
    for what, given in (("another folder", {"name": "../x.zip"}), ("no name", {"name": ""}), ("a path", {"sysname": "../sda"}),
                        ("no drive", {"sysname": ""})):
        burner = Burner(base)
        burner.begin([drive, *files], **given)
        check(f"{what}: the connection ends", burner.receive()[0] == 0)
        check(f"{what}: and so does the process", burner.end()[0] == 1)
    burner = Burner(base)
    burner.core.send(message(GO))
    check("without a disc nothing is burned", burner.receive()[0] == 0)
    burner.end()
    check("nothing was written to the drive", os.fstat(drive).st_size == 0, os.fstat(drive).st_size)
    os.close(drive)
    os.close(other)


def spoiled(base, files):
    """What goes wrong after the first byte is told as that."""
    folder = Path(base)
    shrinking = os.open(folder / "shrinking", os.O_RDWR | os.O_CREAT)
    os.truncate(folder / "shrinking", 8 << 20)
    drive = os.open(folder / "spoiled.iso", os.O_RDWR | os.O_CREAT)
    burner = Burner(base)
    burner.begin([drive, shrinking, *files[1:]])
    check("it is fit at first", burner.receive()[0] == READY)
    os.truncate(folder / "shrinking", 1 << 20)
    kind, body, _ = burner.go()
    check("an archive that goes away spoils the disc", failed(kind, body)[0] == SPOILED, failed(kind, body))
    burner.end()
    os.close(drive)
    full = os.open("/dev/full", os.O_RDWR)
    burner = Burner(base)
    burner.begin([full, *files])
    kind, body = burner.receive()
    if kind == READY:
        kind, body, _ = burner.go()
        check("a drive that takes nothing", failed(kind, body)[0] == SPOILED, failed(kind, body))
    else:
        check("a drive that takes nothing", kind == FAILED, (kind, body))
    burner.end()
    os.close(full)
    burner = Burner(base)
    drive = os.open(folder / "left.iso", os.O_RDWR | os.O_CREAT)
    huge = os.open(folder / "huge", os.O_RDWR | os.O_CREAT)
    os.truncate(folder / "huge", 1 << 30)
    burner.begin([drive, huge, *files[1:]])
    check("a large one is fit", burner.receive()[0] == READY)
    burner.core.send(message(GO))
    burner.receive()
    begin = time.monotonic()
    status, _ = burner.end()
    check("when core goes it stops", time.monotonic() - begin < 15, f"{status} {time.monotonic() - begin:.1f} s")
    for fd in (drive, huge, shrinking):
        os.close(fd)


def main():
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        files = content(base, os.urandom(1_000_001))
        for part in (receiver, refusals, spoiled):
            begin = time.monotonic()
            part(base, files)
            print(f"{part.__name__}: {time.monotonic() - begin:.1f} s")
    sys.exit(1 if failures else 0)


main()
