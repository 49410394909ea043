#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Archives of the real sekisho-pack, opened by the real 7-Zip: what a receiver sees, and what goes into none.

This is core and sekishoctl at once (lib/ipc/proto_pack.h). Usage: pack.py SEKISHO-PACK SEKISHO-VERIFY SLIP-MAKE.
Serves OUT-5, OUT-7. Needs: package p7zip-full.
"""
import fcntl
import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

PACK, VERIFY, MAKE = (os.path.abspath(p) for p in sys.argv[1:4])
TOP = Path(__file__).resolve().parent.parent.parent
HEAD = struct.Struct("=HHIQ")
VERSION = int(re.search(r"SK_PROTO_VERSION (\d+)", (TOP / "lib/ipc/proto.h").read_text())[1])
BEGIN, JUDGED, SLIP, OFFER, ALL, FILE, LISTED, DONE, FAILED = (
    0x701, 0x702, 0x703, 0x721, 0x722, 0x781, 0x782, 0x783, 0x784)
NOT_MADE, CHANGED, NAME, NO_FILE, TOO_LARGE, WEAK = 1281, 1283, 1284, 1285, 1286, 1237
PASSPHRASE = "Kusuri-no-Michi 7 gatsu!"
SERIAL = 1000
failures = 0


def check(what, good, seen=""):
    global failures
    if not good:
        failures += 1
        print(f"FAILED {what}: {seen}")


def message(kind, body=b"", cookie=0):
    return HEAD.pack(VERSION, kind, HEAD.size + len(body), cookie) + body


def sealed(data):
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 0xF)
    return fd


class Packer:
    """One sekisho-pack and one archive."""

    def __init__(self, folder, passphrase=PASSPHRASE, bytes_max=1 << 30, files_max=1000, seal=True):
        self.path = Path(folder) / "pack.sock"
        self.archive = Path(folder) / "archive.zip"
        self.process = subprocess.Popen([PACK, "--listen", self.path, "--client-uid", str(os.getuid())],
                                        stderr=subprocess.PIPE)
        for _ in range(500):
            self.core = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self.core.connect(str(self.path))
                break
            except OSError:
                time.sleep(0.01)
        self.core.settimeout(30)
        self.files, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out = os.open(self.archive, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        secret = sealed(passphrase.encode()) if seal else os.memfd_create("test")
        socket.send_fds(self.core, [message(BEGIN, struct.pack("=QII", bytes_max, files_max, 0))],
                        [there.fileno(), out, secret])
        there.close()
        os.close(out)
        os.close(secret)

    def offer(self, name, fd):
        socket.send_fds(self.files, [message(OFFER, os.fsencode(name).ljust(4096, b"\0"))], [fd])

    def all(self):
        self.files.send(message(ALL))

    def receive(self):
        data, fds, _, _ = socket.recv_fds(self.core, 16384, 8)
        kind = HEAD.unpack_from(data)[1] if data else 0
        return kind, data, fds

    def judge(self, data, fds, sha256=None):
        """As core does when the scanner found nothing."""
        sha256 = sha256 or hashlib.sha256(os.pread(fds[0], os.fstat(fds[0]).st_size, 0)).digest()
        self.core.send(message(JUDGED, sha256, HEAD.unpack_from(data)[3]))
        for fd in fds:
            os.close(fd)

    def end(self):
        self.core.close()
        self.files.close()
        status = self.process.wait(20)
        return status, self.process.stderr.read().decode(errors="replace")

    def failed(self, data):
        return struct.unpack_from("=I", data, HEAD.size)[0], data[HEAD.size + 8:].split(b"\0", 1)[0]


def tree(folder, files):
    for name, content in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def pack(folder, source, names):
    """A whole archive with a slip that is real. Return: the console's key."""
    packer = Packer(folder)
    for name in names:
        fd = os.open(source / name, os.O_RDONLY)
        packer.offer(name, fd)
        os.close(fd)
        kind, data, fds = packer.receive()
        check(f"{name}: core is asked", kind == FILE, packer.failed(data) if kind == FAILED else kind)
        packer.judge(data, fds)
    packer.all()
    check("all is listed", packer.receive()[0] == LISTED)
    key = subprocess.run([MAKE, source, str(SERIAL), *sorted(names, key=os.fsencode)], capture_output=True, check=True).stdout
    memory = [sealed((source / ".sekisho" / name).read_bytes()) for name in
              (f"slip-{SERIAL}.dsse.json", f"manifest-{SERIAL}.jsonl", "SHA256SUMS")]
    socket.send_fds(packer.core, [message(SLIP, struct.pack("=Q", SERIAL))], memory)
    kind, data, _ = packer.receive()
    check("it is done", kind == DONE, (kind, data[:64]))
    size, digest = struct.unpack_from("=Q32s", data, HEAD.size)
    content = packer.archive.read_bytes()
    check("size and digest are those of the file", size == len(content) and digest == hashlib.sha256(content).digest())
    status, said = packer.end()
    check("it ends well", status == 0, (status, said))
    return key


def seven_zip(folder, archive, *more):
    return subprocess.run(["7z", "x", "-y", f"-o{folder}", *more, archive], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


def receiver(base):
    files = {"紹介状/田中太郎.pdf": os.urandom(300_000), "readme.txt": b"hello\n" * 1000, "empty": b"", "a b (1).txt": b"x",
             "one": os.urandom(256 << 10), "large.bin": bytes(1_000_000)}
    source = tree(base / "source", files)
    key = base / "console.key"
    key.write_bytes(pack(base, source, list(files)))
    archive = base / "archive.zip"
    listed = subprocess.run(["7z", "l", "-slt", archive], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    check("AES-256", "AES-256" in listed, listed)
    with zipfile.ZipFile(archive) as members:
        check("one member, encrypted, and no name of a file is seen", [m.filename for m in members.infolist()] ==
              ["contents.zip"] and members.infolist()[0].flag_bits & 1)
    check("nor anywhere in it", "田中".encode() not in archive.read_bytes() and b"readme" not in archive.read_bytes())
    for what, more in (("a wrong passphrase", ["-pKusuri-no-Michi 8 gatsu!"]), ("no passphrase", ["-p"])):
        done = seven_zip(base / "wrong", archive, *more)
        content = base / "wrong/contents.zip"
        check(what + " opens nothing", done.returncode != 0 and (not content.exists() or content.stat().st_size == 0 or
                                                                 not zipfile.is_zipfile(content)), done.stdout)
    done = seven_zip(base / "outer", archive, "-p" + PASSPHRASE)
    check("the passphrase opens it", done.returncode == 0, done.stdout + done.stderr)
    done = seven_zip(base / "inner", base / "outer/contents.zip")
    check("what is inside opens", done.returncode == 0, done.stdout + done.stderr)
    for name, content in files.items():
        path = base / "inner" / name
        check(f"{name} is as it was", path.exists() and path.read_bytes() == content)

    def verify():
        return subprocess.run([VERIFY, "--key", key, base / "inner"], capture_output=True, text=True, env={"LC_ALL": "C"})
    done = verify()
    check("the slip is verified", done.returncode == 0 and f"unchanged {len(files)}, changed 0, new 0, missing 0" in
          done.stdout, done.stdout + done.stderr)
    (base / "inner/readme.txt").write_bytes(b"hullo\n" * 1000)
    done = verify()
    check("a changed file is found", done.returncode == 1 and "changed:    readme.txt" in done.stdout, done.stdout)
    damaged = bytearray(archive.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (base / "damaged.zip").write_bytes(damaged)
    done = seven_zip(base / "damaged", base / "damaged.zip", "-p" + PASSPHRASE)
    check("one bit of the archive is noticed", done.returncode != 0, done.stdout)


def refused(base, what, code, offers, detail=b"", before=None, **given):
    """offers: (name, descriptor). before: what happens between the scan and the packing."""
    packer = Packer(base, **given)
    seen = None
    try:
        for name, fd in offers:
            packer.offer(name, fd)
            kind, data, fds = packer.receive()
            if kind == FILE:
                sha256 = before(fds[0]) if before else None
                packer.judge(data, fds, sha256)
                continue
            seen = packer.failed(data) if kind == FAILED else kind
            break
        else:
            packer.all()
    except OSError:
        pass
    while seen is None:
        kind, data, _ = packer.receive()
        if kind != LISTED:
            seen = packer.failed(data) if kind == FAILED else kind
        else:
            seen = LISTED
    check(what, isinstance(seen, tuple) and seen[0] == code and seen[1].startswith(detail), seen)
    status, said = packer.end()
    check(what + ": it ends without touching the jail", status in (0, 1), (status, said))
    check(what + ": no archive", not zipfile.is_zipfile(packer.archive))


def hostile_names(base):
    file = os.open(tree(base / "names", {"x": b"x"}) / "x", os.O_RDONLY)
    bad = ["line\nfeed", "rtl\u202efdp.exe", b"bad\xff", "a\\b", "c:d", "what?", "star*", "quote\"", "dot.", "blank ", "NUL",
           "con.txt", "Com1.log", "com¹.log", "LPT9", "../up", "a/../b", "/etc/passwd", "a//b", ".", ".sekisho/x",
           ".Sekisho/slip-1.dsse.json", "x" * 256, "\x01", "zero\u200bwidth", "a/" * 1100 + "b"]
    for name in bad:
        refused(base, f"name {name!r:.40}", NAME, [(name, file)])
    for first, second in (("same", "same"), ("Case.txt", "cASE.TXT"), ("Ä.txt", "ä.txt"), ("ｱ/Ａ", "ｱ/ａ"), ("dir", "DIR/x"),
                          ("dir/x", "dir")):
        refused(base, f"{first} and {second}", NAME, [(first, file), (second, file)], os.fsencode(second))
    os.close(file)


def hostile_files(base):
    folder = tree(base / "files", {"x": b"x", "target": b"t", "big": b"b" * 5000})
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to("target")
    ends = socket.socketpair()
    for what, fd in (("a pipe", os.open(folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)),
                     ("a link", os.open(folder / "link", os.O_PATH | os.O_NOFOLLOW)),
                     ("a device", os.open("/dev/zero", os.O_RDONLY)), ("a folder", os.open(folder, os.O_RDONLY)),
                     ("a socket", os.dup(ends[0].fileno()))):
        refused(base, what, NO_FILE, [("x", fd)], b"x")
        os.close(fd)
    written = os.open(folder / "x", os.O_WRONLY)
    refused(base, "a file that may not be read", NOT_MADE, [("x", written)], before=lambda fd: bytes(32))
    os.close(written)
    big = os.open(folder / "big", os.O_RDONLY)
    refused(base, "more bytes than may be", TOO_LARGE, [("big", big)], b"big", bytes_max=4999)
    refused(base, "together more bytes than may be", TOO_LARGE, [("a", big), ("b", big)], b"b", bytes_max=9999)
    refused(base, "more files than may be", TOO_LARGE, [("a", big), ("b", big)], b"b", files_max=1)
    huge = os.open(folder / "huge", os.O_RDWR | os.O_CREAT)
    os.ftruncate(huge, 1 << 42)
    refused(base, "a file of four terabytes", TOO_LARGE, [("huge", huge)], b"huge")
    os.close(huge)
    os.close(big)


def changes(base):
    folder = tree(base / "changes", {"x": b"before", "longer": b"1234"})
    file = os.open(folder / "x", os.O_RDONLY)

    def rewrite(fd):
        digest = hashlib.sha256(os.pread(fd, 100, 0)).digest()
        (folder / "x").write_bytes(b"AFTER!")
        return digest
    refused(base, "a file that is rewritten between scan and packing", CHANGED, [("x", file)], b"x", before=rewrite)

    def grow(fd):
        digest = hashlib.sha256(os.pread(fd, 100, 0)).digest()
        with (folder / "x").open("ab") as out:
            out.write(b"more")
        return digest
    refused(base, "a file that grows", CHANGED, [("x", file)], b"x", before=grow)

    def shrink(fd):
        digest = hashlib.sha256(os.pread(fd, 100, 0)).digest()
        os.truncate(folder / "x", 2)
        return digest
    refused(base, "a file that shrinks", CHANGED, [("x", file)], b"x", before=shrink)
    os.close(file)


def callers(base):
    file = os.open(tree(base / "callers", {"x": b"x"}) / "x", os.O_RDONLY)
    for passphrase in ("short-1", "onlyletterslong", "ひらがなのパスフレーズ123abc!", "", "x" * 257):
        refused(base, f"passphrase {passphrase:.20}", WEAK, [("x", file)], passphrase=passphrase)
    refused(base, "a passphrase that could change", WEAK, [("x", file)], seal=False)
    refused(base, "no file at all", NOT_MADE, [])
    packer = Packer(base)
    packer.files.close()
    kind, data, _ = packer.receive()
    check("who gives up", kind == FAILED and packer.failed(data)[0] == NOT_MADE, kind)
    packer.end()
    for what, bad in (("another version", HEAD.pack(VERSION + 1, ALL, 16, 0)), ("an unknown message", message(0x7ff)),
                      ("rubbish", b"x" * 100), ("core's own message", message(JUDGED, bytes(32)))):
        packer = Packer(base)
        packer.files.send(bad)
        kind, data, _ = packer.receive()
        check(what, kind == FAILED and packer.failed(data)[0] == NOT_MADE, kind)
        check(what + ": it ends in order", packer.end()[0] == 0)
    os.close(file)


def main():
    if not shutil.which("7z"):
        sys.exit("7z is missing: package p7zip-full")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for part in (receiver, hostile_names, hostile_files, changes, callers):
            begin = time.monotonic()
            part(base)
            print(f"{part.__name__}: {time.monotonic() - begin:.1f} s")
    sys.exit(1 if failures else 0)


main()
