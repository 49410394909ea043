# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines of a test: network namespaces on a bridge in one more namespace, so that nothing of this machine's network is
touched, and processes in them that end with the test."""
import ctypes
import os
import signal
import subprocess
import sys

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Network:
    """with Network(["db1", ...]) as network: this process itself is then in the namespace of the first one."""

    def __init__(self, names):
        self.prefix = f"sk{os.getpid()}"
        self.names, self.children = names, []
        self.addresses = {name: f"10.77.0.{10 + index}" for index, name in enumerate(names)}

    def ip(self, *arguments):
        return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)

    def space(self, name):
        return f"{self.prefix}-{name}"

    def __enter__(self):
        try:
            self.ip("netns", "add", self.space("net"))
        except (OSError, subprocess.CalledProcessError) as error:
            skip(f"no network namespaces here: {getattr(error, 'stderr', error)}")
        try:
            self.build()
        except subprocess.CalledProcessError as error:
            self.__exit__()
            skip(f"no bridge or no veth here: {error.stderr}")
        self.enter(self.names[0])
        return self

    def build(self):
        net = self.space("net")
        self.ip("-n", net, "link", "add", "bridge", "type", "bridge")
        self.ip("-n", net, "link", "set", "bridge", "up")
        for name in self.names:
            space = self.space(name)
            self.ip("netns", "add", space)
            self.ip("-n", net, "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", space)
            self.ip("-n", net, "link", "set", f"to-{name}", "master", "bridge", "up")
            self.ip("-n", space, "addr", "add", f"{self.addresses[name]}/24", "dev", "eth0")
            self.ip("-n", space, "link", "set", "eth0", "up")
            self.ip("-n", space, "link", "set", "lo", "up")

    def __exit__(self, *_exception):
        for child in reversed(self.children):
            self.end(child, signal.SIGKILL)
        for name in [*self.names, "net"]:
            subprocess.run(["ip", "netns", "del", self.space(name)], check=False, capture_output=True)

    def enter(self, name):
        with open(f"/run/netns/{self.space(name)}", "rb") as space:
            assert LIBC.setns(space.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def run(self, name, command, log, **options):
        """A process at a machine; all that it starts is in its group."""
        with open(log, "ab") as out:
            child = subprocess.Popen(["ip", "netns", "exec", self.space(name), *map(str, command)], stdout=options.pop(
                "stdout", out), stderr=out, start_new_session=True, preexec_fn=die_with_parent, **options)
        self.children.append(child)
        return child

    @staticmethod
    def end(child, how=signal.SIGTERM):
        """The process and all that it started."""
        if child.poll() is None or how == signal.SIGKILL:
            try:
                os.killpg(child.pid, how)
            except ProcessLookupError:
                pass
        child.wait(60)

    def cut(self, name):
        self.ip("-n", self.space("net"), "link", "set", f"to-{name}", "down")

    def mend(self, name):
        self.ip("-n", self.space("net"), "link", "set", f"to-{name}", "up")
