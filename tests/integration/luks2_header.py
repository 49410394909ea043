# SPDX-License-Identifier: GPL-2.0-or-later
"""The header of a LUKS2 medium in the hands of somebody who wants to change it: checksums are made right again."""
import hashlib
import json
import struct


class Header:
    """Both copies of a header in memory, to be changed and sealed again."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.medium = bytearray(file.read())
        self.size = struct.unpack(">Q", self.medium[8:16])[0]

    def text(self, which=0):
        start = which * self.size + 4096
        return bytes(self.medium[start:start + self.size - 4096]).split(b"\0", 1)[0]

    def put(self, text, copies=(0, 1)):
        for which in copies:
            start = which * self.size + 4096
            self.medium[start:start + self.size - 4096] = text.ljust(self.size - 4096, b"\0")
            self.seal(which)

    def seal(self, which):
        start = which * self.size
        self.medium[start + 448:start + 512] = bytes(64)
        digest = hashlib.sha256(self.medium[start:start + self.size]).digest()
        self.medium[start + 448:start + 448 + 32] = digest

    def json(self):
        return json.loads(self.text())

    def change(self, function, copies=(0, 1)):
        tree = self.json()
        function(tree)
        self.put(json.dumps(tree, separators=(",", ":")).encode(), copies)


def setter(value, *names):
    def change(tree):
        for name in names[:-1]:
            tree = tree[name]
        tree[names[-1]] = value
    return change
