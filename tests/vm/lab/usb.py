# SPDX-License-Identifier: GPL-2.0-or-later
"""Plugging and pulling. A device goes into a numbered port, so its name in sysfs is known:
port 3 is 1-3 for USB 2 devices, 2-3 for USB 3 ones (sticks), and 1-3.2 behind a hub in port 3."""
import itertools
import subprocess
import time

from .nbd import Liar
from .paths import LabError
from .qmp import QmpError

SYSFS = "/sys/bus/usb/devices"


class Device:
    """A device in a port of the machine."""

    def __init__(self, machine, name, port, undo=()):
        self.machine, self.name, self.port = machine, name, port
        self.undo = list(undo)  # what to take away after the device itself
        self.fake = self.image = self.liar = None
        self._sysfs = None

    def _seen(self):
        return self.machine.glob(f"{SYSFS}/{{1,2}}-{self.port}/idVendor")

    @property
    def sysfs(self):
        """Its name in sysfs; waits until the kernel has seen it."""
        if not self._sysfs:
            if self.machine.wait(self._seen, 30) is None:
                raise LabError(f"{self.name}: the kernel does not see it in port {self.port}")
            self._sysfs = next(iter(self._seen())).split("/")[-2]
        return self._sysfs

    def attribute(self, name):
        """An attribute of sysfs, or "" when it is not there."""
        found = self.machine.glob(f"{SYSFS}/{self.sysfs}/{name}")
        return "".join(v.decode(errors="replace") for v in found.values()).strip()

    @property
    def present(self):
        return bool(self._seen())

    @property
    def authorized(self):
        return self.attribute("authorized") == "1"

    def interfaces(self):
        """{interface number: (class, authorized, driver)}; empty while the device is not authorised."""
        base = f"{SYSFS}/{self.sysfs}:"
        found = self.machine.glob(base + "*/{bInterfaceClass,authorized,driver}")
        rows = {}
        for path, value in found.items():
            interface, name = path[len(base):].split("/")
            rows.setdefault(int(interface.split(".")[1]), {})[name] = value.decode().strip()
        return {n: (r.get("bInterfaceClass"), r.get("authorized") == "1", r.get("driver", "").split("/")[-1])
                for n, r in sorted(rows.items())}

    def bound(self):
        """The classes of its interfaces that have a driver."""
        return [cls for cls, _, driver in self.interfaces().values() if driver]

    def block(self):
        """Names of its whole disks ("sda"), [] when it has none."""
        found = self.machine.glob(f"{SYSFS}/{self.sysfs}:*/host*/target*/*/block/*")
        return sorted(path.split("/")[-1] for path in found)

    def unplug(self, settle=True):
        self.machine.pull(self, settle)


class Ports:
    """The machine's side: plug(kind), unplug, and the QEMU objects behind each kind."""

    def __init__(self):
        self.devices = {}
        self._numbers = itertools.count(1)

    def _free_port(self):
        used = {d.port for d in self.devices.values()}
        return next(str(p) for p in range(1, 16) if str(p) not in used)

    def plug(self, kind, name=None, port=None, **options):
        """Plug a device of a kind (the plug_* methods below); returns its Device."""
        device = Device(self, name or f"{kind}-{next(self._numbers)}", str(port or self._free_port()))
        if device.name in self.devices:
            raise LabError(f"{device.name} is plugged in already")
        getattr(self, f"plug_{kind}")(device, **options)
        self.devices[device.name] = device
        return device

    def pull(self, device, settle=True):
        """Pull a device; settle: wait until the kernel has noticed, so that the port's name is free."""
        self.devices.pop(device.name, None)
        self.qmp("device_del", id=device.name)
        self.qmp.wait("DEVICE_DELETED", 10, device=device.name)
        if settle:
            self.wait(lambda: not device.present, 5)
        for action in reversed(device.undo):
            self._retry(action)

    def pull_hub(self, hub):
        """Pull a hub with everything that hangs on it, at once."""
        behind = [d for d in self.devices.values() if d.port.startswith(f"{hub.port}.")]
        for device in behind:
            self.devices.pop(device.name)
        self.pull(hub)
        for device in behind:
            for action in reversed(device.undo):
                self._retry(action)

    @staticmethod
    def _retry(action):
        # QEMU frees what stood behind a device a moment after it has gone.
        for _ in range(100):
            try:
                return action()
            except QmpError:
                time.sleep(0.03)

    def close_ports(self):
        for device in self.devices.values():
            if device.fake:
                device.fake.close()
        self.devices.clear()

    def _add(self, driver, device, **options):
        self.qmp("device_add", driver=driver, id=device.name, bus="xhci.0", port=device.port, **options)

    def _drive(self, device, image, read_only=False, errors=None, bytes_per_second=None):
        """The block node of a medium: a copy of its image, so that what happens to it is not kept.
        errors is a list of blkdebug rules; bytes_per_second makes it slow."""
        node = f"disk-{device.name}"
        device.image = self.dir / f"{node}.img"
        subprocess.run(["cp", "--sparse=auto", "--reflink=auto", str(image), device.image], check=True)
        device.undo.append(lambda: device.image.unlink(missing_ok=True))
        spec = {"driver": "file", "filename": str(device.image), "locking": "off"}
        if errors:
            spec = {"driver": "blkdebug", "image": spec, "inject-error": errors}
        spec = {"driver": "raw", "read-only": read_only, "file": spec}
        if bytes_per_second:
            group = f"speed-{device.name}"
            self.qmp("object-add", {"qom-type": "throttle-group", "id": group,
                                    "limits": {"bps-total": bytes_per_second}})
            device.undo.append(lambda: self.qmp("object-del", id=group))
            spec = {"driver": "throttle", "throttle-group": group, "read-only": read_only, "file": spec}
        self.qmp("blockdev-add", {"node-name": node, **spec})
        device.undo.append(lambda: self.qmp("blockdev-del", node__name=node))
        return node

    # --- the kinds

    def plug_keyboard(self, device, **options):
        self._add("usb-kbd", device, **options)

    def plug_mouse(self, device, **options):
        self._add("usb-mouse", device, **options)

    def plug_tablet(self, device, **options):
        self._add("usb-tablet", device, **options)

    def plug_stick(self, device, image, serial="", read_only=False, errors=None, bytes_per_second=None, **options):
        """A mass storage stick (class 08/06/50)."""
        node = self._drive(device, image, read_only, errors, bytes_per_second)
        report = {"rerror": "report", "werror": "report"}  # else QEMU stops the PC at an error
        self._add("usb-storage", device, drive=node, serial=serial, removable=True, **report, **options)

    def plug_liar(self, device, image, lie, serial=""):
        """A stick whose first bytes are `lie` when its `liar` is told to say so."""
        place = self.dir / f"liar-{device.name}"
        device.image = self.dir / f"disk-{device.name}.img"
        subprocess.run(["cp", "--sparse=auto", "--reflink=auto", str(image), device.image], check=True)
        device.liar = Liar(place, device.image, lie)
        for action in (lambda: device.image.unlink(missing_ok=True), lambda: place.unlink(missing_ok=True), device.liar.close):
            device.undo.append(action)
        node = f"disk-{device.name}"
        self.qmp("blockdev-add", {"node-name": node, "driver": "nbd", "server": {"type": "unix", "path": str(place)}})
        device.undo.append(lambda: self.qmp("blockdev-del", node__name=node))
        self._add("usb-storage", device, drive=node, serial=serial, removable=True, rerror="report", werror="report")

    def _scsi(self, device, bridge, driver, node):
        # The bridge attaches only when its disk is there: before, the kernel would see no disk.
        self._add(bridge, device)
        self.qmp("device_add", driver=driver, id=f"{device.name}-lun", bus=f"{device.name}.0", drive=node)
        self.qmp("qom-set", path=f"/machine/peripheral/{device.name}", property="attached", value=True)

    def plug_uas(self, device, image, read_only=False):
        """A USB disk that speaks UAS (08/06/62)."""
        self._scsi(device, "usb-uas", "scsi-hd", self._drive(device, image, read_only))

    def plug_cdrom(self, device, image):
        self._scsi(device, "usb-bot", "scsi-cd", self._drive(device, image, read_only=True))

    def plug_burner(self, device, portal, target):
        """A drive of burner.py."""
        node = f"disk-{device.name}"
        self.qmp("blockdev-add", {"node-name": node, "driver": "iscsi", "transport": "tcp", "portal": portal, "target": target,
                                  "lun": 1})
        device.undo.append(lambda: self.qmp("blockdev-del", node__name=node))
        self._scsi(device, "usb-bot", "scsi-generic", node)

    def plug_phone(self, device, folder):
        """A telephone that offers its pictures by MTP (06/01/01)."""
        self._add("usb-mtp", device, rootdir=str(folder), desc="Phone")

    def plug_network(self, device):
        """A network adapter (CDC Ethernet, 02/06)."""
        node = f"net-{device.name}"
        self.qmp("netdev_add", type="user", id=node, restrict=True)
        device.undo.append(lambda: self.qmp("netdev_del", id=node))
        self._add("usb-net", device, netdev=node)

    def plug_serial(self, device):
        node = f"line-{device.name}"
        self.qmp("chardev-add", id=node, backend={"type": "file", "data": {"out": f"{self.dir}/{node}"}})
        device.undo.append(lambda: self.qmp("chardev-remove", id=node))
        self._add("usb-serial", device, chardev=node)

    def plug_audio(self, device):
        self._add("usb-audio", device, audiodev="sound")

    def plug_ccid(self, device):
        """A chip card reader (0b)."""
        self._add("usb-ccid", device)

    def plug_hub(self, device):
        """A hub with eight ports: plug into it with port="<its port>.<1..8>"."""
        self._add("usb-hub", device)

    def plug_fake(self, device, fake, **options):
        """Any device at all: a fakeusb.FakeDevice, over usbredir."""
        node = f"redir-{device.name}"
        path = self.dir / node
        fake.listen(path)
        device.fake = fake
        self.qmp("chardev-add", id=node, backend={"type": "socket", "data": {
            "addr": {"type": "unix", "data": {"path": str(path)}}, "server": False}})
        device.undo += [fake.close, lambda: self.qmp("chardev-remove", id=node)]
        self._add("usb-redir", device, chardev=node, **options)

    # --- SD cards have no USB port: they go into the slot of a machine made with sd_slot=True

    def insert_card(self, image, read_only=False):
        self.qmp("blockdev-add", {"node-name": "card", "driver": "raw", "read-only": read_only,
                                  "file": {"driver": "file", "filename": str(image), "locking": "off"}})
        self.qmp("blockdev-insert-medium", id="sd", node__name="card")

    def remove_card(self):
        self.qmp("blockdev-remove-medium", id="sd")
        self._retry(lambda: self.qmp("blockdev-del", node__name="card"))
