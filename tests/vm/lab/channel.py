# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands in the guest, over virtio-serial (guest/labagent.c is the other end)."""
import dataclasses
import itertools
import socket
import struct
import threading
import time

from .paths import LabError


@dataclasses.dataclass
class Result:
    """What a command in the guest left: exit status and output as text."""
    status: int
    out: str
    err: str

    @property
    def ok(self):
        return self.status == 0


class GuestError(LabError):
    """A command that had to succeed in the guest did not."""


class Port:
    """One port runs one command at a time. Closing it in the middle kills the command."""
    ids = itertools.count(1)

    def __init__(self, path):
        self.path = str(path)
        self.socket = None
        self.lock = threading.Lock()

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def _connect(self):
        if not self.socket:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(self.path)

    def _read(self, size, deadline):
        data = b""
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout()
            self.socket.settimeout(left)
            part = self.socket.recv(size - len(data))
            if not part:
                raise LabError("the guest's port has closed")
            data += part
        return data

    def frames(self, verb, a, b, payload, timeout):
        """Send one request; yield (type, data) up to and with the exit frame."""
        number = next(self.ids) & 0xffffffff
        deadline = time.monotonic() + timeout
        finished = False
        try:
            self._connect()
            self.socket.settimeout(timeout)
            self.socket.sendall(f"{verb} {number} {a} {b}\n".encode() + payload)
            while True:
                kind, got, size = struct.unpack(">cII", self._read(9, deadline))
                data = self._read(size, deadline)
                if got != number:  # the rest of a command that was given up
                    continue
                finished = kind == b"X"
                yield kind, data
                if finished:
                    return
        except OSError as e:
            raise LabError(f"no answer from the guest in {timeout} s ({e})") from None
        finally:
            if not finished:
                self.close()

    def run(self, command, stdin=b"", timeout=60):
        parts = {b"O": bytearray(), b"E": bytearray(), b"X": bytearray()}
        text = command.encode()
        for kind, data in self.frames("RUN", len(text), len(stdin), text + stdin, timeout):
            parts[kind] += data
        decode = lambda k: bytes(parts[k]).decode(errors="replace")
        return Result(struct.unpack(">I", parts[b"X"])[0], decode(b"O"), decode(b"E"))

    def fetch(self, command, timeout=120):
        """The standard output of a command, as bytes."""
        text, out = command.encode(), bytearray()
        for kind, data in self.frames("RUN", len(text), 0, text, timeout):
            if kind == b"O":
                out += data
            elif kind == b"X" and data != b"\0\0\0\0":
                raise GuestError(f"{command}: failed")
        return bytes(out)

    def glob(self, pattern, timeout=20):
        text, found = pattern.encode(), {}
        for kind, data in self.frames("GLOB", len(text), 0, text, timeout):
            if kind == b"F":
                path, content = data.split(b"\0", 1)
                found[path.decode()] = content
        return found

    def ping(self, timeout, clock=True):
        """Wait until the guest answers; set its clock by the way."""
        now = time.time()
        seconds, nanos = (int(now), int(now % 1 * 1e9)) if clock else (0, 0)
        for _ in self.frames("CLOCK", seconds, nanos, b"", timeout):
            pass


class Channel:
    """All ports of a guest. Commands from several threads run side by side."""

    def __init__(self, paths):
        self.ports = [Port(p) for p in paths]

    def close(self):
        for port in self.ports:
            port.close()

    def _claim(self):
        while True:
            for port in self.ports:
                if port.lock.acquire(blocking=False):
                    return port
            time.sleep(0.01)

    def ping(self, timeout, clock=True):
        self._on_free_port("ping", timeout, clock)

    def _on_free_port(self, method, *args):
        port = self._claim()
        try:
            return getattr(port, method)(*args)
        except LabError:
            self.ports.sort(key=lambda other: other is port)  # what met a sleeping port is lost, and may be the port is, too
            raise
        finally:
            port.lock.release()

    def run(self, command, stdin=b"", timeout=60):
        return self._on_free_port("run", command, stdin, timeout)

    def fetch(self, command, timeout=120):
        return self._on_free_port("fetch", command, timeout)

    def glob(self, pattern):
        return self._on_free_port("glob", pattern)

    def follow(self, command, timeout=86400):
        """Yield the lines of a command as they come. Closing the generator ends the command."""
        port, rest = self._claim(), b""
        text = command.encode()
        frames = port.frames("RUN", len(text), 0, text, timeout)
        try:
            for kind, data in frames:
                if kind == b"X":
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    yield line.decode(errors="replace")
        finally:
            frames.close()
            port.lock.release()
