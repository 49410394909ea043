# SPDX-License-Identifier: GPL-2.0-or-later
"""read_only_ways.py FILE: each way to write to a file that is open for reading only. Prints, last, the number of those that the
kernel let through."""
import ctypes, mmap, os, sys
done = 0
fd = os.open(sys.argv[1], os.O_RDONLY)
for way in (lambda: os.write(fd, b"x"), lambda: os.truncate(sys.argv[1], 0), lambda: os.ftruncate(fd, 0),
            lambda: mmap.mmap(fd, 1, mmap.MAP_SHARED, mmap.PROT_WRITE), lambda: os.open(sys.argv[1], os.O_WRONLY | os.O_DIRECT),
            lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDWR), lambda: os.rename(sys.argv[1], sys.argv[1] + "x"),
            lambda: os.link(sys.argv[1], sys.argv[1] + "y"), lambda: os.unlink(sys.argv[1]),
            lambda: os.setxattr(sys.argv[1], "user.x", b"1"), lambda: os.utime(sys.argv[1], (1, 1)),
            lambda: os.chmod(sys.argv[1], 0o777)):
    try:
        way()
        done += 1
    except OSError:
        pass
libc = ctypes.CDLL(None, use_errno=True)
parameters = ctypes.create_string_buffer(120)
ring = libc.syscall(425, 1, parameters)  # io_uring_setup
if ring >= 0:
    ways = ctypes.create_string_buffer(64)
    ring_map = mmap.mmap(ring, 4096, mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
    entries = mmap.mmap(ring, 64, mmap.MAP_SHARED | mmap.MAP_POPULATE, mmap.PROT_READ | mmap.PROT_WRITE, offset=0x10000000)
    text = ctypes.create_string_buffer(b"x")
    word = lambda at: int.from_bytes(parameters.raw[at:at + 4], sys.byteorder)
    entries[0:1] = bytes([23])  # IORING_OP_WRITE
    entries[4:8] = fd.to_bytes(4, sys.byteorder)
    entries[16:24] = ctypes.addressof(text).to_bytes(8, sys.byteorder)
    entries[24:28] = (1).to_bytes(4, sys.byteorder)
    array, tail, cqes = word(40 + 24), word(40 + 4), word(80 + 20)
    ring_map[array:array + 4] = bytes(4)
    ring_map[tail:tail + 4] = (1).to_bytes(4, sys.byteorder)
    libc.syscall(426, ring, 1, 1, 1, None, 0)  # io_uring_enter: submit one, wait for one
    result = int.from_bytes(ring_map[cqes + 8:cqes + 12], sys.byteorder, signed=True)
    done += result > 0
    print("io_uring", result)
print(done)
