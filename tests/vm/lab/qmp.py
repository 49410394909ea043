# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's control channel (QMP): one command at a time, events kept until asked for."""
import json
import socket
import time

from .paths import LabError


class QmpError(LabError):
    """QEMU refused a command."""


class Qmp:
    def __init__(self, path, alive, timeout=20):
        self.buffer = b""
        self.events = []
        self.socket = self._connect(path, alive, time.monotonic() + timeout)
        self.socket.settimeout(60)
        self._message()
        self("qmp_capabilities")

    @staticmethod
    def _connect(path, alive, deadline):
        while True:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(str(path))
                return s
            except OSError:
                s.close()
                if not alive() or time.monotonic() > deadline:
                    raise LabError("QEMU did not start") from None
                time.sleep(0.01)

    def _message(self):
        while b"\n" not in self.buffer:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                raise LabError("QEMU has gone")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def __call__(self, command, arguments=None, **more):
        """Run one command; keyword names may spell '-' as '_' + '_'."""
        args = {k.replace("__", "-"): v for k, v in {**(arguments or {}), **more}.items()}
        request = {"execute": command, "arguments": args}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            message = self._message()
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QmpError(f"{command}: {message['error']['desc']}")
            else:
                return message.get("return")

    def _take(self, name, match):
        for event in self.events:
            data = event.get("data", {})
            if event["event"] == name and all(data.get(k) == v for k, v in match.items()):
                self.events.remove(event)
                return event
        return None

    def forget(self, name):
        """Drop the events of that name that nobody asked for."""
        self("query-status")  # takes in what QEMU has said so far
        self.events = [e for e in self.events if e["event"] != name]

    def wait(self, name, timeout=20, **match):
        """The next event of that name and content, or None when none came in time."""
        deadline = time.monotonic() + timeout
        while True:
            event = self._take(name, match)
            left = deadline - time.monotonic()
            if event or left <= 0:
                return event
            self.socket.settimeout(left)
            try:
                message = self._message()
                if "event" in message:
                    self.events.append(message)
            except socket.timeout:
                pass
            finally:
                self.socket.settimeout(60)
