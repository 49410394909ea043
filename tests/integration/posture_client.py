# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks a sekisho-posture as core does (lib/ipc/proto_posture.h): one round, its results as dictionaries."""
import os
import re
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
HEAD = struct.Struct("=HHIQ")
OPTIONS = struct.Struct("=512s512s512s1024s1024s10I")
RESULT = struct.Struct("=III32s16s512s160s")
STATES = ("ok", "warn", "fail", "unknown")
VERSION = int(re.search(r"SK_PROTO_VERSION (\d+)", (TOP / "lib/ipc/proto.h").read_text())[1])
TYPE_OPTIONS, TYPE_RESULT, TYPE_DONE = 0x0601, 0x0681, 0x0682


def padded(size):
    """As the compiler has it: the head holds a number of eight bytes."""
    return (size + 7) // 8 * 8


def options(definitions="/var/lib/clamav", modules_file="/etc/sekisho/modules.allow", modules="",
            forbidden="qbittorrent transmission-gtk", limits=(7, 30, 8, 7, 30, 1000), synchronised=1, bluetooth=1, wireless=0):
    body = OPTIONS.pack(definitions.encode(), b"", str(modules_file).encode(), modules.encode(), forbidden.encode(),
                        *limits, synchronised, bluetooth, wireless, 0)
    size = padded(HEAD.size + len(body))
    return (HEAD.pack(VERSION, TYPE_OPTIONS, size, 0) + body).ljust(size, b"\0")


def text(field):
    return field.split(b"\0", 1)[0].decode()


def parse(message):
    state, code, drift, name, requirement, value, threshold = RESULT.unpack_from(message, HEAD.size)
    return {"id": text(name), "state": STATES[state], "code": code, "drift": drift, "requirement": text(requirement),
            "value": text(value), "threshold": text(threshold)}


def talk(path, message, seconds=30):
    """Return: the results by id, and the CPU time in ms; of a process that hangs up, what came until then and None."""
    results = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as end:
        end.settimeout(seconds)
        deadline = time.monotonic() + 10
        while True:
            try:
                end.connect(str(path))
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        end.send(message)
        while True:
            answer = end.recv(65536)
            if not answer:
                return results, None
            kind = HEAD.unpack_from(answer)[1]
            if kind == TYPE_DONE:
                count, cpu = struct.unpack_from("=II", answer, HEAD.size)
                assert count == len(results), (count, sorted(results))
                return results, cpu
            assert kind == TYPE_RESULT, hex(kind)
            result = parse(answer)
            assert result["id"] not in results, result
            results[result["id"]] = result


def ask(program, *arguments, message=None, before=(), environment=None):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "posture.sock")
        child = subprocess.Popen([*before, str(program), "--listen", str(path), "--client-uid", str(os.getuid()), *arguments],
                                 stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
        try:
            return talk(path, message or options())
        finally:
            if child.wait(20) != 0:
                print("sekisho-posture ended with", child.returncode)
