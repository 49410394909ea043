# SPDX-License-Identifier: GPL-2.0-or-later
"""The usbredir wire protocol, the side that plays the device (QEMU's usb-redir is the other).

Only what an emulated device needs: control, bulk and interrupt transfers, connect, disconnect.
"""
import socket
import struct
import threading

(HELLO, CONNECT, DISCONNECT, RESET, INTERFACES, ENDPOINTS, SET_CONFIG, GET_CONFIG, CONFIG_STATUS,
 SET_ALT, GET_ALT, ALT_STATUS) = range(12)
START_INTERRUPT, STOP_INTERRUPT, INTERRUPT_STATUS, CANCEL = 15, 16, 17, 21
CONTROL, BULK, INTERRUPT = 100, 101, 103
OK, CANCELLED, STALL = 0, 1, 4
# connect_device_version, ep_info_max_packet_size, 64bits_ids, 32bits_bulk_length
CAPABILITIES = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
NO_ENDPOINT = 255


class Wire:
    """One redirected port. `device` gives: speed, ids, functions, endpoints, control(), bulk_out()."""

    def __init__(self, device):
        self.device = device
        self.socket = self.server = None
        self.sending = threading.Lock()
        self.waiting = {}  # endpoint → reads the host has asked for: [(id, length)]
        self.config = 0
        self.ready = threading.Event()

    def listen(self, path):
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        for s in (self.socket, self.server):
            if s:
                s.close()

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def send(self, kind, body, number=0):
        with self.sending:
            self.socket.sendall(struct.pack("<IIQ", kind, len(body), number) + body)

    def _serve(self):
        try:
            self.socket, _ = self.server.accept()
            hello = b"sekisho lab".ljust(64, b"\0") + struct.pack("<I", CAPABILITIES)
            self.socket.sendall(struct.pack("<III", HELLO, len(hello), 0) + hello)
            self._read(struct.unpack("<III", self._read(12))[1])
            if self.device.present:
                self.connect()
            self.ready.set()
            while True:
                kind, size, number = struct.unpack("<IIQ", self._read(16))
                body = self._read(size)
                handler = self.HANDLERS.get(kind)
                if handler:
                    handler(self, number, body)
        except (EOFError, OSError):
            pass

    # --- what the device is

    def _describe(self):
        kinds, intervals, owners, sizes = [NO_ENDPOINT] * 32, [0] * 32, [0] * 32, [0] * 32
        for control in (0, 16):
            kinds[control], sizes[control] = 0, 64
        for address, e in self.device.endpoints.items():
            i = address & 15 | (16 if address & 128 else 0)
            kinds[i], intervals[i], owners[i], sizes[i] = e.kind, e.interval, e.interface, e.size
        self.send(ENDPOINTS, bytes(kinds + intervals + owners) + struct.pack("<32H", *sizes))
        classes = [f.usb_class for f in self.device.functions][:32]
        columns = [range(len(classes))] + [[c[i] for c in classes] for i in range(3)]
        self.send(INTERFACES, struct.pack("<I", len(classes))
                  + b"".join(bytes(c).ljust(32, b"\0") for c in columns))

    def connect(self):
        d = self.device
        self.waiting.clear()
        self._describe()
        self.send(CONNECT, struct.pack("<BBBBHHH", d.speed, *d.device_class, d.vendor, d.model, d.version))

    def disconnect(self):
        self.send(DISCONNECT, b"")

    # --- transfers

    def _set_config(self, number, body):
        self.config = body[0]
        self._describe()
        self.send(CONFIG_STATUS, bytes([OK, self.config]), number)

    def _get_config(self, number, body):
        self.send(CONFIG_STATUS, bytes([OK, self.config]), number)

    def _set_alt(self, number, body):
        self.send(ALT_STATUS, bytes([OK, body[0], body[1]]), number)

    def _get_alt(self, number, body):
        self.send(ALT_STATUS, bytes([OK, body[0], 0]), number)

    def _interrupts(self, number, body):
        self.send(INTERRUPT_STATUS, bytes([OK, body[0]]), number)

    def _cancel(self, number, body):
        for endpoint, reads in self.waiting.items():
            if any(n == number for n, _ in reads):
                self.waiting[endpoint] = [r for r in reads if r[0] != number]
                self.send(BULK, struct.pack("<BBHIH", endpoint, CANCELLED, 0, 0, 0), number)
                return

    def _control(self, number, body):
        endpoint, request, kind, _, value, index, length = struct.unpack("<BBBBHHH", body[:10])
        answer = self.device.control(kind, request, value, index, length, body[10:])
        if answer == "silence":
            return
        status = STALL if answer is None else OK
        data = (answer or b"") if kind & 128 else b""
        done = len(data) if kind & 128 else length
        self.send(CONTROL, struct.pack("<BBBBHHH", endpoint, request, kind, status, value, index, done)
                  + data, number)

    def _bulk(self, number, body):
        endpoint, _, low, _, high = struct.unpack("<BBHIH", body[:10])
        length = low | high << 16
        if endpoint & 128:
            self.waiting.setdefault(endpoint, []).append((number, length))
        else:
            self.device.bulk_out(endpoint, body[10:])
            self.send(BULK, struct.pack("<BBHIH", endpoint, OK, low, 0, high), number)
        self.flush()

    def flush(self):
        """Answer waiting reads with what the functions have ready."""
        for endpoint, reads in self.waiting.items():
            queue = self.device.endpoints[endpoint].function.queue
            while reads and queue:
                number, length = reads.pop(0)
                data = queue.pop(0)
                if len(data) > length:
                    queue.insert(0, data[length:])
                    data = data[:length]
                self.send(BULK, struct.pack("<BBHIH", endpoint, OK, len(data) & 0xffff, 0, len(data) >> 16)
                          + data, number)

    def _interrupt_out(self, number, body):
        self.send(INTERRUPT, struct.pack("<BBH", body[0], OK, 0), number)

    def interrupt(self, endpoint, data):
        self.send(INTERRUPT, struct.pack("<BBH", endpoint, OK, len(data)) + data)

    HANDLERS = {SET_CONFIG: _set_config, GET_CONFIG: _get_config, SET_ALT: _set_alt, GET_ALT: _get_alt,
                START_INTERRUPT: _interrupts, STOP_INTERRUPT: _interrupts, CANCEL: _cancel,
                CONTROL: _control, BULK: _bulk, INTERRUPT: _interrupt_out}
