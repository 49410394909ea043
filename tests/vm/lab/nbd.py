# SPDX-License-Identifier: GPL-2.0-or-later
"""A block device that lies: a server of the NBD protocol (doc/proto.md of NetworkBlockDevice/nbd, "fixed newstyle") that shows
another beginning of a medium when it is told to, or once it was read so many times."""
import socket
import struct
import threading

MAGIC, OPTION, OPTION_REPLY = 0x4E42444D41474943, 0x49484156454F5054, 0x3E889045565A9
REQUEST, REPLY = 0x25609513, 0x67446698
GO, ABORT = 7, 2
ACK, INFO, UNSUPPORTED = 1, 3, 1 << 31 | 1
READ, WRITE, CLOSE = 0, 1, 2
HAS_FLAGS = 1


class Liar:
    """Serves `image` at the socket `path`. When `lying`, the first bytes of it are `lie` (for reads, and they are not
    written). `lies_after`: it begins to lie when its first block was read so many times more."""

    def __init__(self, path, image, lie):
        self.image, self.lie, self.lying, self.lies_after, self.reads = open(image, "r+b"), lie, False, None, 0
        self.size = image.stat().st_size
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.server.close()
        self.image.close()

    def _serve(self):
        try:
            connection, _ = self.server.accept()
            with connection, connection.makefile("rb") as input:
                if self._greet(connection, input):
                    while self._answer(connection, input):
                        pass
        except (OSError, ValueError, struct.error):
            pass  # the other end has gone, or this one was closed

    def _greet(self, connection, input):
        connection.sendall(struct.pack(">QQH", MAGIC, OPTION, 3))
        input.read(4)
        while True:
            _magic, option, length = struct.unpack(">QII", input.read(16))
            input.read(length)

            def reply(kind, data=b"", option=option):
                connection.sendall(struct.pack(">QIII", OPTION_REPLY, option, kind, len(data)) + data)
            if option == GO:
                reply(INFO, struct.pack(">HQH", 0, self.size, HAS_FLAGS))
                reply(ACK)
                return True
            if option == ABORT:
                reply(ACK)
                return False
            reply(UNSUPPORTED)

    def _read(self, offset, length):
        if offset == 0:
            self.reads += 1
            if self.lies_after is not None:
                self.lying = self.lies_after == 0
                self.lies_after -= not self.lying
        self.image.seek(offset)
        data = self.image.read(length)
        told = self.lie[offset:offset + length] if self.lying else b""
        return told + data[len(told):]

    def _answer(self, connection, input):
        _magic, _flags, kind, handle, offset, length = struct.unpack(">IHH8sQI", input.read(28))
        answer = struct.pack(">II8s", REPLY, 0, handle)
        if kind == CLOSE:
            return False
        if kind == READ:
            answer += self._read(offset, length)
        elif kind == WRITE:
            data = input.read(length)
            skip = max(0, min(len(self.lie) - offset, length)) if self.lying else 0
            self.image.seek(offset + skip)
            self.image.write(data[skip:])
        connection.sendall(answer)
        return True
