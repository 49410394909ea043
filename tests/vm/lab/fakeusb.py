# SPDX-License-Identifier: GPL-2.0-or-later
"""Any USB device at all, made of functions: honest composites and hostile ones.

    pc.plug("fake", fake=FakeDevice([Disk(image), Keyboard()], serial="X"))

What a hostile device can do here: mix functions; go and come back as another device (vanish,
appear); answer each control request as a hook says (descriptors that change between two reads);
answer reads of sectors as a hook says (other content the second time).
"""
import collections
import os
import struct
import time

from .usbredir import Wire

Endpoint = collections.namedtuple("Endpoint", "function kind interval interface size")
BULK, INTERRUPT = 2, 3
HIGH_SPEED = 2
GET_DESCRIPTOR = 6


class Function:
    """An interface of any class. Endpoints are (direction, kind, packet size)."""
    usb_class = (0xff, 0, 0)
    shape = ()
    extra = b""  # class descriptors that stand between interface and endpoints

    def __init__(self, usb_class=None, shape=None, extra=None):
        self.usb_class = usb_class or self.usb_class
        self.shape = self.shape if shape is None else shape
        self.extra = self.extra if extra is None else extra
        self.queue = []

    def control(self, kind, request, value, index, length):
        return None  # a stall

    def bulk_out(self, data):
        pass


class Hid(Function):
    report_map = b""

    @property
    def extra(self):
        return struct.pack("<BBHBBBH", 9, 0x21, 0x111, 0, 1, 0x22, len(self.report_map))

    @extra.setter
    def extra(self, value):
        pass

    def control(self, kind, request, value, index, length):
        if (kind, request, value >> 8) == (0x81, GET_DESCRIPTOR, 0x22):
            return self.report_map[:length]
        return b"" if kind == 0x21 else None


class Keyboard(Hid):
    usb_class = (3, 1, 1)
    shape = (("in", INTERRUPT, 8),)
    report_map = bytes.fromhex("05010906a101050719e029e71500250175019508810295017508810395057501050819012905"
                               "910295017503910395067508150025650507190029658100c0")


class Mouse(Hid):
    usb_class = (3, 1, 2)
    shape = (("in", INTERRUPT, 4),)
    report_map = bytes.fromhex("05010902a1010901a10005091901290315002501950375018102950175058103"
                               "0501093009311581257f750895028106c0c0")


class Camera(Function):
    """A still camera (PTP). It has no pictures: the class alone is to be judged."""
    usb_class = (6, 1, 1)
    shape = (("in", BULK, 512), ("out", BULK, 512), ("in", INTERRUPT, 16))


class Disk(Function):
    """Mass storage (bulk-only). on_read(block, count, data, times) may change what a read returns;
    `times` says how often that block has been read before. The image file itself is never changed:
    blocks written by the guest are kept in `written`."""
    usb_class = (8, 6, 0x50)
    shape = (("in", BULK, 512), ("out", BULK, 512))
    BLOCK = 512

    def __init__(self, image, read_only=False, inquiry=b"ACME    Flash Disk      1.00", on_read=None):
        super().__init__()
        self.file = open(image, "rb")
        self.blocks = os.path.getsize(image) // self.BLOCK
        self.read_only, self.inquiry, self.on_read = read_only, inquiry, on_read
        self.times = collections.Counter()
        self.written = {}
        self.bytes_read = self.write_at = self.write_left = self.tag = 0

    def control(self, kind, request, value, index, length):
        if request == 0xfe:  # number of logical units
            return b"\0"
        if request == 0xff:  # reset
            self.queue.clear()
            self.write_left = 0
            return b""
        return None

    def bulk_out(self, data):
        if self.write_left:
            self._write_data(data)
        elif data[:4] == b"USBC":
            self._command(data)

    def _command(self, data):
        self.tag, length, flags = struct.unpack("<IIB", data[4:13])
        block = data[15:31]
        if block[0] == 0x2a:
            return self._write_start(block)
        handler = self.COMMANDS.get(block[0])
        answer = handler(self, block) if handler else None
        if answer is None:
            if length and flags & 0x80:
                self.queue.append(b"")
            return self._status(1, length)
        answer = answer[:length]
        if length and flags & 0x80:
            self.queue.append(answer)
        self._status(0, length - len(answer))

    def _status(self, status, missing=0):
        self.queue.append(struct.pack("<4sIIB", b"USBS", self.tag, missing, status))

    def _write_start(self, block):
        first, count = struct.unpack(">xxIxH", block[:9])
        self.write_at, self.write_left = first * self.BLOCK, count * self.BLOCK
        if not count:
            self._status(0)

    def _write_data(self, data):
        if not self.read_only:
            for i in range(0, len(data), self.BLOCK):
                self.written[(self.write_at + i) // self.BLOCK] = data[i:i + self.BLOCK]
        self.write_at += len(data)
        self.write_left = max(0, self.write_left - len(data))
        if not self.write_left:
            self._status(0)

    def _read(self, block):
        first, count = struct.unpack(">xxIxH", block[:9])
        self.file.seek(first * self.BLOCK)
        data = bytearray(self.file.read(count * self.BLOCK))
        for number in self.written.keys() & set(range(first, first + count)) if self.written else ():
            data[(number - first) * self.BLOCK:(number - first + 1) * self.BLOCK] = self.written[number]
        data = bytes(data)
        if self.on_read:
            data = self.on_read(first, count, data, self.times[first])
        self.times[first] += 1
        self.bytes_read += len(data)
        return data

    def _inquiry(self, block):
        if block[1] & 1:  # no vital product data pages
            return bytes([0, block[2], 0, 0])
        return bytes([0, 0x80, 6, 2, 31, 0, 0, 0]) + self.inquiry.ljust(28)[:28]

    def _capacity(self, block):
        return struct.pack(">II", self.blocks - 1, self.BLOCK)

    def _capacities(self, block):
        return bytes([0, 0, 0, 8]) + struct.pack(">II", self.blocks, self.BLOCK | 2 << 24)

    def _sense(self, block):
        return bytes([0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0])

    def _mode(self, block):
        return bytes([3, 0, 0x80 if self.read_only else 0, 0])

    def _nothing(self, block):
        return b""

    COMMANDS = {0x00: _nothing, 0x03: _sense, 0x12: _inquiry, 0x1a: _mode, 0x1b: _nothing, 0x1e: _nothing,
                0x23: _capacities, 0x25: _capacity, 0x28: _read, 0x35: _nothing}


class FakeDevice:
    """A device made of functions. The raw_* bytes replace the descriptors that would be built;
    on_control(device, kind, request, value, index, length) may answer (bytes), refuse ("stall"),
    stay silent ("silence") or leave it to the device (None)."""

    def __init__(self, functions, vendor=0x0951, model=0x1666, serial="FAKE0001", maker="ACME",
                 product="Flash Disk", device_class=(0, 0, 0), version=0x100, speed=HIGH_SPEED,
                 raw_device=None, raw_config=None, on_control=None, present=True):
        self.speed, self.present, self.log = speed, present, []
        self.wire = Wire(self)
        self._become(dict(functions=functions, vendor=vendor, model=model, serial=serial, maker=maker,
                          product=product, device_class=device_class, version=version,
                          raw_device=raw_device, raw_config=raw_config, on_control=on_control))

    def _become(self, changes):
        self.__dict__.update(changes)
        self.strings = [None, self.maker, self.product, self.serial]
        self.endpoints, inputs, outputs, body = {}, 0, 0, b""
        for number, f in enumerate(self.functions):
            ends = b""
            for direction, kind, size in f.shape:
                inputs, outputs = inputs + (direction == "in"), outputs + (direction == "out")
                address = 0x80 | inputs if direction == "in" else outputs
                interval = 7 if kind == INTERRUPT else 0
                self.endpoints[address] = Endpoint(f, kind, interval, number, size)
                ends += struct.pack("<BBBBHB", 7, 5, address, kind, size, interval)
            body += struct.pack("9B", 9, 4, number, 0, len(f.shape), *f.usb_class, 0) + f.extra + ends
        self.config_descriptor = self.raw_config or struct.pack(
            "<BBHBBBBB", 9, 2, 9 + len(body), len(self.functions), 1, 0, 0x80, 50) + body
        names = [i if self.strings[i] else 0 for i in (1, 2, 3)]
        self.device_descriptor = self.raw_device or struct.pack(
            "<BBHBBBBHHHBBBB", 18, 1, 0x200, *self.device_class, 64, self.vendor, self.model,
            self.version, *names, 1)

    # --- life in the port

    def listen(self, path):
        self.wire.listen(path)

    def close(self):
        self.wire.close()

    def vanish(self):
        """Go, as if pulled; the port stays ready for appear()."""
        self.wire.ready.wait(10)
        self.present = False
        self.wire.disconnect()

    def appear(self, **changes):
        """Come (back), perhaps as something else: appear(functions=[Keyboard()])."""
        self.wire.ready.wait(10)
        self._become(changes)
        self.present = True
        self.wire.connect()

    def press(self, text):
        """Key strokes from the device's first keyboard."""
        endpoint = next(a for a, e in self.endpoints.items() if isinstance(e.function, Keyboard))
        codes = {" ": 0x2c, "\n": 0x28, "0": 0x27}
        for c in text:
            code = codes.get(c) or (0x1e + int(c) - 1 if c.isdigit() else 4 + ord(c) - ord("a"))
            for report in (bytes([0, 0, code, 0, 0, 0, 0, 0]), bytes(8)):
                self.wire.interrupt(endpoint, report)
                time.sleep(0.05)

    # --- requests

    def bulk_out(self, endpoint, data):
        if endpoint in self.endpoints:
            self.endpoints[endpoint].function.bulk_out(data)

    def control(self, kind, request, value, index, length, data):
        self.log.append((kind, request, value, index, length))
        if self.on_control:
            answer = self.on_control(self, kind, request, value, index, length)
            if answer is not None:
                return None if answer == "stall" else answer
        if kind == 0x80 and request == GET_DESCRIPTOR:
            return self._descriptor(value >> 8, value & 255, length)
        if request == 0 and kind in (0x80, 0x81):
            return b"\0\0"[:length]
        if kind == 2 and request == 1:  # clear a halt
            return b""
        if kind & 0x1f == 1 and index & 255 < len(self.functions):
            return self.functions[index & 255].control(kind, request, value, index, length)
        return None

    def _descriptor(self, kind, number, length):
        if kind == 1:
            return self.device_descriptor[:length]
        if kind == 2:
            return self.config_descriptor[:length]
        if kind == 3 and number == 0:
            return b"\4\3\x09\4"[:length]
        if kind == 3 and number < 4 and self.strings[number]:
            text = self.strings[number].encode("utf-16-le")
            return (bytes([2 + len(text) & 255, 3]) + text)[:length]
        return None
