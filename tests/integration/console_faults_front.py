# SPDX-License-Identifier: GPL-2.0-or-later
"""The front of a listener: console_faults_front.py CONSOLE CONTRACT. What a load balancer says is believed from it alone;
headers come whole, in pieces, too late or wrong; and who begins a handshake and is silent costs nothing."""
import socket
import ssl
import struct
import sys
import time

from console_fixture import Fixture
from console_server import Console

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT = "203.0.113.7"
STATUS = (b'{"version":"0.1.0","mode":"learn","monitor":true,"scanner":"asleep","definitionsTime":null,"recordsWork":true,'
          b'"lastRecord":1,"freeBytes":1,"rules":0,"clock":"unknown","devices":0,"media":0,"screenLocked":false}')


def header(command=0x21, family=0x11, body=None):
    if body is None:
        body = socket.inet_aton(CLIENT) + socket.inet_aton("192.0.2.1") + struct.pack(">HH", 4242, 8444)
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(body)) + body


def six():
    addresses = [socket.inet_pton(socket.AF_INET6, name) for name in ("2001:db8:1:2:3::7", "2001:db8::1")]
    return header(0x21, 0x21, b"".join(addresses) + struct.pack(">HH", 4242, 8444))


def cpu_ticks(console):
    fields = open(f"/proc/{console.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def connect(console):
    return socket.create_connection(("127.0.0.1", console.agents_port), timeout=10)


def status_over(console, pieces, pause=0.0):
    """A heartbeat behind the pieces; the address that the console kept of it."""
    raw = connect(console)
    for piece in pieces:
        raw.sendall(piece)
        time.sleep(pause)
    with console.tls("agent").wrap_socket(raw, server_hostname="localhost") as tls:
        tls.sendall(b"PUT /api/v1/agent/status HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(STATUS) + STATUS)
        answer = tls.recv(4096)
    assert answer.startswith(b"HTTP/1.1 204"), answer
    return console.sql("SELECT address FROM terminal_status WHERE terminal_id = ?", console.terminal)[0][0]


def is_closed(raw):
    try:
        return raw.recv(100) == b""
    except ConnectionError:
        return True


def check_silence_is_cheap(console):
    """Three bytes of a handshake, and nothing more."""
    silent = [connect(console) for _ in range(20)]
    for raw in silent:
        raw.sendall(b"\x16\x03\x01")
    time.sleep(0.3)
    before = cpu_ticks(console)
    time.sleep(1.5)
    used = cpu_ticks(console) - before
    assert used <= 20, f"{used} ticks of a hundred a second for nothing"
    # And they end when the time of a handshake is over.
    for raw in silent:
        assert is_closed(raw)
        raw.close()


def check_proxied(console):
    assert status_over(console, [header()]) == CLIENT
    assert status_over(console, [six()]) == "2001:db8:1:2::"
    assert status_over(console, [header(0x20, 0, b"")]) == "127.0.0.1"
    assert status_over(console, [header(body=header()[16:] + b"\x03\0\4abcd")]) == CLIENT
    # In pieces; and while one is slow another is quick.
    slow = connect(console)
    slow.sendall(header()[:5])
    assert status_over(console, [bytes([byte]) for byte in header()], 0.002) == CLIENT
    assert is_closed(slow)
    slow.close()


def check_refused(console):
    wrong = {"none": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "version 1": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
             "command": header(0x22), "socket": header(0x21, 0x31, b"\0" * 216), "short": header(body=b"\0" * 8),
             "long": SIGNATURE + b"\x21\x11\xff\xff", "UDP": header(0x21, 0x12)}
    for name, text in wrong.items():
        with connect(console) as raw:
            raw.sendall(text)
            began = time.monotonic()
            assert is_closed(raw), name
            assert time.monotonic() - began < 1, name
    # Half a header and the end: no loop, no wait.
    raw = connect(console)
    raw.sendall(header()[:20])
    raw.shutdown(socket.SHUT_WR)
    assert is_closed(raw)
    raw.close()


def check_untrusted(console):
    with connect(console) as raw:
        raw.sendall(header())
        try:
            tls = console.tls("agent").wrap_socket(raw, server_hostname="localhost")
        except (ssl.SSLError, ConnectionError):
            return
        # Closed so soon that there was nothing left to shake hands with.
        assert tls.version() is None, "a header of a stranger was read"


class BehindProxy(Console):
    """Whose own calls, too, begin with a header."""

    def connect(self, certificate=None):
        connection = super().connect(certificate)

        def open_it():
            raw = socket.create_connection(("127.0.0.1", connection.port), timeout=30)
            raw.sendall(header())
            connection.sock = self.tls(certificate).wrap_socket(raw, server_hostname="localhost")

        connection.connect = open_it
        return connection


def main():
    program, contract = sys.argv[1:3]
    with Console(program, contract, {"Listen": {"HeaderSec": "3s", "TrustedProxies": "192.0.2.1"}}) as console:
        Fixture(console)
        check_silence_is_cheap(console)
        check_untrusted(console)
        assert status_over(console, []) == "127.0.0.1"
    with BehindProxy(program, contract, {"Listen": {"HeaderSec": "3s", "TrustedProxies": "10.0.0.0/8, 127.0.0.0/8"}}) as console:
        Fixture(console)
        check_proxied(console)
        check_refused(console)
        # With some that wait the end is orderly, too.
        waiting = [connect(console) for _ in range(3)]
        waiting[0].sendall(header() + b"\x16\x03\x01")
        waiting[1].sendall(header()[:4])
        time.sleep(0.2)
        assert console.stop() == 0, console.log.read_text()
    print("ok")


if __name__ == "__main__":
    main()
