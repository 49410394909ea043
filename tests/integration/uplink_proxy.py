#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The way to the console: through a proxy (CONNECT), which may ask for a password, and with a limit of bandwidth.
Usage: uplink_proxy.py SEKISHOD UPLINK SEKISHOCTL Serves NET-2."""
import base64
import contextlib
import select
import socket
import socketserver
import sys
import tempfile
import threading
import time
from pathlib import Path

import uplink_console
from uplink import policy, told
from uplink_agent import Agent

LIMIT = 64 << 10


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Proxy(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Knows CONNECT and nothing else; notes where to, who, and what the first byte in a tunnel was."""
    daemon_threads = allow_reuse_address = True

    def __init__(self, port=0, password=None):
        super().__init__(("127.0.0.1", port), Tunnel)
        self.port, self.password = self.server_address[1], password
        self.targets, self.first_bytes, self.open = [], set(), set()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def end(self):
        self.shutdown()
        self.server_close()
        for one in list(self.open):
            with contextlib.suppress(OSError):  # it ended by itself
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        pass


class Tunnel(socketserver.BaseRequestHandler):
    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.request.recv(4096)
            if not more:
                return
            head += more
        method, target, _ = head.split(b"\r\n")[0].decode().split()
        assert method == "CONNECT", "only tunnels: nobody on the way reads"
        wanted = self.server.password and b"Basic " + base64.b64encode(self.server.password.encode())
        if wanted and wanted not in head:
            self.request.sendall(b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.targets.append(target)
        host, port = target.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as there:
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self.server.open |= {self.request, there}
            try:
                self.carry(there)
            finally:
                self.server.open -= {self.request, there}

    def carry(self, there):
        first = True
        while True:
            for ready in select.select([self.request, there], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                if first and ready is self.request:
                    self.server.first_bytes.add(data[0])
                    first = False
                (there if ready is self.request else self.request).sendall(data)


def use(agent, settings):
    agent.settings(f"[Uplink]\n{settings}\n")
    assert agent.ctl("reload").returncode == 0


def is_offline(agent):
    connection = agent.console()["connection"]
    return (connection["state"], connection.get("cause")) == ("offline", "network")


def check_proxy(agent, console):
    say("enrolled and connected through a proxy, and by no other way")
    proxy = Proxy()
    use(agent, f"Proxy=http://127.0.0.1:{proxy.port}")
    done = agent.ctl("enroll", console.code())
    assert done.returncode == 0, done
    agent.wait(agent.connected, "connected")
    assert set(proxy.targets) == {f"localhost:{console.port}", f"localhost:{console.agents_port}"}, proxy.targets
    assert proxy.first_bytes == {0x16}, "what goes through is TLS"
    say("without it there is no way, although the console is there")
    proxy.end()
    agent.wait(lambda: is_offline(agent), "offline")
    return proxy.port


def check_password(agent, port):
    say("one that asks who it is: refused, and with the password of the settings")
    proxy = Proxy(port, "clinic:secret word")
    time.sleep(2)
    assert is_offline(agent) and not proxy.targets
    use(agent, f"Proxy=http://clinic:secret%20word@127.0.0.1:{port}")
    agent.wait(agent.connected, "connected, and not only with the next news", 5)
    assert "secret" not in agent.ctl("status", "--json").stdout
    use(agent, "Proxy=none")
    proxy.end()
    agent.wait(agent.connected, "connected without a proxy")


def delivery(agent, console, terminal, serial):
    rules = [{"name": "20-clinic.rules", "text": "".join(f"block id 1234:{i:04x}\n" for i in range(12000))}]
    update = policy(console, terminal, serial, serial, rules)
    size, begun = len(update[1]["payload"]), time.monotonic()
    console.tell(policy=update)
    assert told(console, update[1])[0] == "applied"
    return size, time.monotonic() - begun


def check_bandwidth(agent, console):
    say("a limit of bandwidth holds, and without one it is quick")
    terminal = agent.console()["terminal"]
    size, quick = delivery(agent, console, terminal, 1)
    use(agent, f"BandwidthLimit={LIMIT}")
    agent.wait(agent.connected, "connected")
    size, slow = delivery(agent, console, terminal, 2)
    say(f"{size >> 10} KiB: {quick:.2f} s, and {slow:.2f} s with {LIMIT >> 10} KiB/s")
    assert slow > 0.7 * size / LIMIT and slow > 2 * quick, (quick, slow)


def main(programs):
    with tempfile.TemporaryDirectory(prefix="sekisho-uplink-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "agent").mkdir()
        console = uplink_console.in_folder(folder / "console")
        console.start()
        agent = Agent(folder / "agent", programs)
        try:
            agent.start()
            check_password(agent, check_proxy(agent, console))
            check_bandwidth(agent, console)
        except BaseException:
            print((agent.folder / "log").read_text(errors="replace")[-6000:])
            raise
        finally:
            agent.stop()
            console.stop()
    say("done")


if __name__ == "__main__":
    main(sys.argv[1:])
