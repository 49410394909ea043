#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The real sekisho-media, in its jail, erases block devices of this machine: whole, killed in the middle, one that somebody
else has, and one that is protected from writing.

usage: media_erase.py SEKISHO_MEDIA, as root, where there are loop devices (else 77)
Serves LOSS-4."""
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from uplink_calls import VERSION

MEDIA = os.path.abspath(sys.argv[1])
MIB = 1 << 20
HEAD = struct.Struct("=HHIQ")  # lib/ipc/proto.h
ERASE, PROGRESS, ERASED = 0x0446, 0x04c2, 0x04c4  # lib/ipc/proto_carry.h
REPLY = struct.Struct("=QIIQQQ256s")
BUSY, FAILED = 1219, 1268
MEDIUM, UUID = "01J00000000000000000000001", "9a3cb8b2-7d1c-4c7e-9a7a-0b8a4a3f8f11"
MARK = b"SEKISHO ERASURE 1\n"
NOBODY = 65534
failures = 0


def check(what, condition, detail=""):
    global failures
    print(f"{'ok  ' if condition else 'FAIL'} {what} {detail if not condition else ''}".rstrip(), flush=True)
    failures += not condition


class Device:
    """A file of old data as a block device."""

    def __init__(self, folder, size, protected=False):
        self.file = Path(folder, f"disk-{size}-{protected}")
        self.file.write_bytes(b"\xa5" * size)
        self.path = subprocess.run(["losetup", "--find", "--show", *(["--read-only"] if protected else []), self.file],
                                   capture_output=True, text=True, check=True).stdout.strip()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        subprocess.run(["losetup", "--detach", self.path], check=False)

    def content(self):
        return self.file.read_bytes()


class Media:
    """One run of it, and core's side of the talk."""

    def __init__(self, folder):
        path = str(Path(folder, "media.sock"))
        Path(folder, "media").mkdir(exist_ok=True)
        Path(path).unlink(missing_ok=True)
        # Its jail lets nobody trace it, as a leak sanitizer does.
        self.process = subprocess.Popen([MEDIA, "--listen", path, "--client", "nobody", "--media-dir", str(Path(folder, "media")),
                                         "--ntfs-user", "nobody", "--idle", "2"], stderr=subprocess.DEVNULL, umask=0,
                                        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(60)
        for _ in range(200):
            try:
                os.seteuid(NOBODY)  # the kernel notes who connects
                self.socket.connect(path)
                break
            except OSError:
                os.seteuid(0)
                time.sleep(0.02)
        os.seteuid(0)

    def erase(self, device):
        body = struct.pack("=Q32s40s", 1, MEDIUM.encode(), UUID.encode())
        fd = os.open(device.path, os.O_RDONLY | os.O_CLOEXEC)
        socket.send_fds(self.socket, [HEAD.pack(VERSION, ERASE, HEAD.size + len(body), 5) + body], [fd])
        os.close(fd)

    def progress(self):
        """What comes until its end: (step, percent)..., then (code, written, compared), or None: it ended without one."""
        while True:
            try:
                message = self.socket.recv(4096)
            except OSError:
                message = b""
            if not message:
                yield None
                return
            _, kind, _, _ = HEAD.unpack_from(message)
            if kind == PROGRESS:
                yield struct.unpack("=QII", message[HEAD.size:])[1:]
                continue
            assert kind == ERASED, hex(kind)
            _, code, _, _, written, compared, _ = REPLY.unpack(message[HEAD.size:])
            yield code, written, compared
            return

    def result(self, device):
        self.erase(device)
        *steps, last = self.progress()
        return [step for step, percent in steps if percent == 0], last

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20)
        self.socket.close()


def is_zero(content):
    return not content.strip(b"\0")


def is_marked(content, state):
    return content[:18] == MARK and content[24:32].rstrip(b"\0") == state and MEDIUM.encode() in content[:128]


def run(folder):
    media = Media(folder)
    with Device(folder, 64 * MIB) as device:
        steps, last = media.result(device)
        content = device.content()
        check("erased and read back", last == (0, len(content), len(content)), last)
        check("step by step", steps == [4, 5, 6], steps)
        check("a mark and zeros", is_marked(content, b"done") and is_zero(content[512:]))
        held = os.open(device.path, os.O_RDWR | os.O_EXCL)
        check("who has it keeps it", media.result(device)[1][0] == BUSY)
        os.close(held)
    with Device(folder, 64 * MIB, protected=True) as device:
        _, last = media.result(device)
        check("protected from writing: it fails", last[0] == FAILED, last)
        check("and is as it was", not device.content().strip(b"\xa5"))
    with Device(folder, 256 * MIB) as device:
        media.erase(device)
        far = next((p for p in media.progress() if p is None or p[0] == 5), None)
        media.end(signal.SIGKILL)
        check("killed in the middle", far is not None, far)
        content = device.content()
        check("its keys are gone, and it says which it was", is_marked(content, b"begun") and is_zero(content[512:16 * MIB]))
        media = Media(folder)
        for _ in range(20):  # the worker dies with its parent, a moment later
            last = media.result(device)[1]
            if last[0] != BUSY:
                break
            time.sleep(0.2)
        content = device.content()
        check("begun anew, to the end", last == (0, len(content), len(content)) and is_marked(content, b"done") and
              is_zero(content[512:]), last)
    media.end()


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        print("needs root and loop devices")
        return 77
    with tempfile.TemporaryDirectory(prefix="sekisho-erase-") as folder:
        os.chmod(folder, 0o755)
        run(folder)
    return 1 if failures else 0


sys.exit(main())
