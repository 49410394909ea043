# SPDX-License-Identifier: GPL-2.0-or-later
"""What monitors show. A second one is plugged in: QEMU lets a client of VNC ask for one (RFC 6143, SetDesktopSize), and has no
other way. One at a second graphics card is there from the start."""
import socket
import struct
import time

VERSION, NO_AUTHENTICATION = b"RFB 003.008\n", 1
SET_ENCODINGS, SET_DESKTOP_SIZE = 2, 251
EXTENDED_DESKTOP_SIZE = -308  # whoever asks for a size has to know of it


CARDS = ("screen", "second")
SECOND_CARD = ("-device", f"virtio-gpu-pci,id={CARDS[1]},xres=800,yres=600")


def arguments(folder):
    """What QEMU needs for plug_in(), in the folder of the machine."""
    return ["-vnc", f"unix:{folder}/vnc,display=screen,head=1"]


def _read(client, size):
    data = b""
    while len(data) < size:
        part = client.recv(size - len(data))
        if not part:
            raise OSError("the second monitor's server ended")
        data += part
    return data


def _greet(client):
    """Version 3.8, without authentication, whoever else looks."""
    _read(client, len(VERSION))
    client.sendall(VERSION)
    _read(client, _read(client, 1)[0])
    client.sendall(bytes([NO_AUTHENTICATION]))
    if struct.unpack(">I", _read(client, 4)) != (0,):
        raise OSError("the second monitor's server refuses")
    client.sendall(bytes([1]))
    _read(client, struct.unpack(">20xI", _read(client, 24))[0])


def plug_in(pc, width=800, height=600):
    """Of a machine with more than one screen. The monitor stays as long as the machine runs."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(pc.dir / "vnc"))
        _greet(client)
        client.sendall(struct.pack(">BxHi", SET_ENCODINGS, 1, EXTENDED_DESKTOP_SIZE))
        client.sendall(struct.pack(">BxHHBxIHHHHI", SET_DESKTOP_SIZE, width, height, 1, 0, 0, 0, width, height, 0))
        time.sleep(1)  # what is closed at once may not be read any more


def picture(pc, head=0, card=CARDS[0]):
    """The pixels that monitor shows: width, height, RGB bytes."""
    path = pc.dir / f"{card}-{head}.ppm"
    pc.qmp("screendump", filename=str(path), device=card, head=head)
    kind, size, _, pixels = path.read_bytes().split(b"\n", 3)
    if kind != b"P6":
        raise OSError("no picture came")
    width, height = map(int, size.split())
    return width, height, pixels


def share(pixels, colour):
    """How much of a picture has that colour ("802020"): 0 to 1."""
    wanted = bytes.fromhex(colour)
    return sum(pixels[i:i + 3] == wanted for i in range(0, len(pixels), 3)) * 3 / max(len(pixels), 1)
