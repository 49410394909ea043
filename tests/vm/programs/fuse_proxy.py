# SPDX-License-Identifier: GPL-2.0-or-later
"""fuse_proxy.py POINT BEHIND: a file system of the calling user at POINT that makes the files in BEHIND which are written to it.
POINT may be BEHIND itself. The protocol is that of linux/fuse.h; what one file at a time needs, and no more."""
import array
import errno
import os
import socket
import stat
import struct
import subprocess
import sys

LOOKUP, GETATTR, OPEN, WRITE, RELEASE, FLUSH, INIT, CREATE = 1, 3, 14, 16, 18, 25, 26, 35
FORGET, BATCH_FORGET, INTERRUPT = 2, 42, 36
ROOT, FILE = 1, 2


def mounted(point):
    """The descriptor that fusermount3 opened and mounted."""
    ours, theirs = socket.socketpair()
    environment = {**os.environ, "_FUSE_COMMFD": str(theirs.fileno())}
    subprocess.run(["fusermount3", "-o", "fsname=proxy", "--", point], env=environment, pass_fds=[theirs.fileno()], check=True)
    fds = array.array("i")
    _text, passed, _flags, _from = ours.recvmsg(1, socket.CMSG_SPACE(fds.itemsize))
    fds.frombytes(passed[0][2])
    return fds[0]


def attributes(node, size):
    mode = stat.S_IFDIR | 0o700 if node == ROOT else stat.S_IFREG | 0o600
    return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, os.getuid(), os.getgid(), 0, 4096, 0)


def main():
    behind = os.open(sys.argv[2], os.O_PATH | os.O_DIRECTORY)
    fuse = mounted(sys.argv[1])
    file = -1
    while True:
        request = os.read(fuse, 1 << 20)
        _length, kind, unique, node = struct.unpack_from("<IIQQ", request)
        body, error, answer = request[40:], 0, b""
        try:
            size = os.fstat(file).st_size if file >= 0 else 0
            entry = struct.pack("<QQQQII", FILE, 0, 0, 0, 0, 0) + attributes(FILE, size)
            if kind in (FORGET, BATCH_FORGET, INTERRUPT):
                continue
            if kind == INIT:
                answer = struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 1, 1, 1 << 16, 1, 0, 0, *[0] * 8)
            elif kind == GETATTR:
                answer = struct.pack("<QII", 0, 0, 0) + attributes(node, size)
            elif kind == CREATE:
                name = body[16:].split(b"\0")[0]
                file = os.open(name, os.O_RDWR | os.O_CREAT, 0o600, dir_fd=behind)
                answer = entry + struct.pack("<QII", 0, 0, 0)
            elif kind == WRITE:
                offset, length = struct.unpack_from("<QI", body, 8)
                answer = struct.pack("<II", os.pwrite(file, body[40:40 + length], offset), 0)
            elif kind == RELEASE:
                os.close(file)
                file = -1
            elif kind != FLUSH:
                error = errno.ENOENT if kind == LOOKUP else errno.ENOSYS
        except OSError as failed:
            error, answer = failed.errno, b""
        os.write(fuse, struct.pack("<IiQ", 16 + len(answer), -error, unique) + answer)


main()
