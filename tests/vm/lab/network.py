# SPDX-License-Identifier: GPL-2.0-or-later
"""A wire from the PC to single ports of this host. Nothing else of the host, and nothing beyond it, can be reached."""
from .paths import LabError

NAME = "console.clinic.example"  # of the other end, in the PC's hosts file
OTHER_END = "10.0.2.100"


def connect(pc, ports):
    """ports: those that the PC reaches at NAME -> those of this host. Returns when the PC has its address."""
    ways = [{"str": f"tcp:{OTHER_END}:{there}-cmd:socat - TCP4:127.0.0.1:{here}"} for there, here in ports.items()]
    pc.qmp("netdev_add", {"type": "user", "id": "wire", "restrict": True, "guestfwd": ways})
    pc.qmp("device_add", {"driver": "virtio-net-pci", "id": "card", "netdev": "wire", "bus": "slot0"})
    pc.sh("echo 1 >/sys/bus/pci/rescan")  # a machine without ACPI is not told
    # In one go and again: udev may be giving it its name.
    up = "card=$(basename /sys/bus/virtio/drivers/virtio_net/virtio*/net/*) && ip link set $card up && " \
         "ip address replace 10.0.2.15/24 dev $card"
    if pc.wait(f"({up}) >/dev/null 2>&1", 30) is None:
        raise LabError(f"the PC does not find its network card:\n{pc.run('dmesg | tail -n 20').out}")
    pc.sh(f"echo '{OTHER_END} {NAME}' >>/etc/hosts")


def cut(pc, off=True):
    """Pulls the cable at the PC's end, or puts it back."""
    pc.qmp("set_link", name="card", up=not off)
