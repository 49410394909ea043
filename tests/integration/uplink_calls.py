#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real sekisho-uplink, this program as core, and a console that speaks the contract: calls that must survive. The
uplink is killed at random moments; what it acknowledged arrives, in order, and the console does it once.
Usage: uplink_calls.py UPLINK"""
import array
import base64
import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uplink_console

VERSION = int(next(line.split()[2] for line in open(Path(__file__).parents[2] / "lib/ipc/proto.h")
                   if line.startswith("#define SK_PROTO_VERSION")))
OPTIONS, ENROL, LEAVE, STATUS, HEAD, RECORDS, CALL, TAKEN = range(0x501, 0x509)
ANSWER, STATE, TRUST, ENVELOPE, WANT_RECORDS, ACKED, RESULT = range(0x581, 0x588)
NOW, SPOOL = 0, 1
ENOTCONN, ENOSPC, ENOTSUP = 107, 28, 95


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def memfd(data):
    import fcntl
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, 1033, 0xF)  # F_ADD_SEALS: all four
    return fd


class Core:
    """The other end. Connects anew after a kill, as sekishod does."""

    def __init__(self, folder, program):
        self.folder, self.program = folder, program
        (folder / "state").mkdir()
        self.terminal, self.cookie, self.spool_size = "", 0, 16 << 20
        self.answers, self.results, self.state = {}, {}, None
        self.process = self.socket = None
        self.log = open(folder / "log", "ab")

    def start(self):
        path = self.folder / "uplink.sock"
        path.unlink(missing_ok=True)
        self.state = None
        self.process = subprocess.Popen([self.program, "--state", str(self.folder / "state"), "--client-uid",
                                         str(os.getuid()), "--listen", str(path)], stderr=self.log)
        for _ in range(200):
            try:
                self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                self.socket.connect(str(path))
                break
            except OSError:
                time.sleep(0.02)
        self.send(OPTIONS, struct.pack("<512sQQII32s", b"", 0, self.spool_size, bool(self.terminal), 0,
                                       self.terminal.encode()))

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()

    def send(self, kind, body=b"", data=None, cookie=0):
        message = struct.pack("<HHIQ", VERSION, kind, 16 + len(body), cookie) + body
        if data is None:
            self.socket.send(message)
            return
        fd = memfd(data)
        self.socket.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        os.close(fd)

    def taken(self, cookie, result=0):
        self.send(TAKEN, struct.pack("<iI256s", result, 0, b""), cookie=cookie)

    def handle(self, seconds=0.05, take=True):
        """One message, if there is one."""
        self.socket.settimeout(seconds)
        try:
            message, fds, _, _ = socket.recv_fds(self.socket, 16384, 8)
        except (TimeoutError, BlockingIOError, ConnectionError):
            return False
        if not message:
            return False
        _, kind, _, cookie = struct.unpack_from("<HHIQ", message)
        data = os.pread(fds[0], 1 << 20, 0) if fds else b""
        for fd in fds:
            os.close(fd)
        if kind == ANSWER:
            self.answers[cookie] = struct.unpack_from("<i", message, 16)[0], message[24:].split(b"\0")[0].decode()
        elif kind == STATE:
            self.state = struct.unpack_from("<II", message, 16)
        elif kind in (TRUST, ENVELOPE):
            if kind == ENVELOPE:  # as sekishod does: it belongs to the console from now on
                self.terminal = json.loads(base64.b64decode(json.loads(data)["payload"]))["terminal"]
            self.taken(cookie)
        elif kind == RESULT:
            result, status, flag = struct.unpack_from("<iII", message, 16)
            key = message[96:136].split(b"\0")[0].decode()
            self.results.setdefault(key, []).append((result, status, data))
            if flag == SPOOL and take:
                self.taken(cookie)
        return True

    def until(self, condition, what, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what}")
            self.handle()

    def call(self, operation, key, body, flag=SPOOL):
        self.cookie += 1
        self.send(CALL, struct.pack("<II64s40s", flag, 0, operation.encode(), key.encode()), json.dumps(body).encode(),
                  self.cookie)
        return self.cookie


def check_enrolment_cut(core, console):
    """Killed at random moments of an enrolment: it goes on by itself, and the console makes one terminal of it."""
    say("an enrolment is cut again and again")
    random.seed(3)
    code = console.code(secret=b"abcdefghij")
    core.start()
    for _ in range(60):
        if not core.terminal:
            core.send(ENROL, struct.pack("<384s", code.encode()), cookie=8)
        end = time.monotonic() + random.random() * 0.1
        while time.monotonic() < end:
            core.handle(0.005)
        core.kill()
        core.start()
    if not core.terminal:
        core.send(ENROL, struct.pack("<384s", code.encode()), cookie=8)
    core.until(lambda: core.state == (3, 0), "connected")
    assert console.issued == 1, f"{console.issued} terminals were made of one code"
    names = sorted(p.name for p in (core.folder / "state").iterdir())
    assert names == ["identity.json", "key-1", "spool"], names


def check_kills(core, console):
    say("calls are spooled while the uplink is killed")
    random.seed(5)
    acknowledged, number = [], 0
    for _ in range(40):
        for _ in range(random.randrange(1, 6)):
            number += 1
            cookie = core.call("loss.report", f"{number:032x}", {"n": number})
            if random.random() < 0.7:
                core.until(lambda c=cookie: c in core.answers, "the acknowledgement")
                if core.answers[cookie][0] == 0:
                    acknowledged.append(f"{number:032x}")
        end = time.monotonic() + random.random() * 0.1
        while time.monotonic() < end:
            core.handle(0.01, take=random.random() < 0.7)
        core.kill()
        core.start()
    core.wanted = acknowledged
    core.until(lambda: all(key in core.results for key in acknowledged), "all results", 30)
    first = {}
    for operation, key, body in console.calls:
        assert operation == "loss.report" and body["n"] == int(key, 16)
        first.setdefault(key, len(first))
    assert set(acknowledged) <= set(first), "nothing that was acknowledged is lost"
    order = [key for key in first if key in set(acknowledged)]
    assert order == sorted(order), "in order"
    core.until(lambda: not list((core.folder / "state" / "spool").glob("0*")), "an empty spool")
    say(f"{number} calls, {len(acknowledged)} acknowledged, {len(console.calls)} arrived, {len(first)} different")


def check_away(core, console):
    say("the console is away: what may wait waits, what may not is refused; the spool has an end")
    core.kill()
    core.spool_size = 1 << 20
    core.start()
    core.until(lambda: core.state == (3, 0), "connected")
    console.stop()
    core.until(lambda: core.state[0] == 2, "offline", 60)
    now = core.call("loss.report", "a" * 32, {}, NOW)
    core.until(lambda: now in core.answers, "a refusal")
    assert core.answers[now][0] == -ENOTCONN
    cookies = [core.call("loss.report", f"{0xb0000 + i:032x}", {"n": 0xb0000 + i, "text": "x" * 90000}) for i in range(15)]
    core.until(lambda: all(c in core.answers for c in cookies), "answers")
    results = [core.answers[c][0] for c in cookies]
    assert results[0] == 0 and results[-1] == -ENOSPC and sorted(results, reverse=True) == results, results
    kept = results.count(0)
    arrived = len(console.calls)
    console.start()
    core.until(lambda: len(console.calls) == arrived + kept, "what waited", 90)
    say(f"{kept} waited, {len(results) - kept} were refused at once")


def check_unknown(core, console):
    say("calls that an older console does not know; now")
    core.until(lambda: core.state == (3, 0), "connected")
    unknown, now = core.call("unknown.call", "c" * 32, {}), core.call("oprf.ask", "d" * 32, {"x": 1}, NOW)
    core.until(lambda: "c" * 32 in core.results and "d" * 32 in core.results, "results")
    assert core.answers[unknown][0] == 0 and core.results["c" * 32][0][0] == -ENOTSUP
    assert core.answers[now][0] == 0
    assert core.results["d" * 32] == [(0, 200, b'{"taken": "%s"}' % (b"d" * 32))]


def main(program):
    with tempfile.TemporaryDirectory(prefix="sekisho-calls-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        console = uplink_console.in_folder(folder / "console")
        console.start()
        core = Core(folder, program)
        try:
            check_enrolment_cut(core, console)
            check_kills(core, console)
            check_unknown(core, console)
            check_away(core, console)
        except BaseException:
            print((folder / "log").read_text(errors="replace")[-4000:])
            print(core.state, console.requests[-3:], sorted(p.name for p in (folder / "state" / "spool").iterdir())[:5])
            print([k for k in getattr(core, "wanted", []) if k not in core.results][:5], len(core.results))
            raise
        finally:
            core.process.kill()
            console.stop()
    say("done")


if __name__ == "__main__":
    main(sys.argv[1])
