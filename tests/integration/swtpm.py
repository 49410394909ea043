# SPDX-License-Identifier: GPL-2.0-or-later
"""A TPM 2.0 in a process: package swtpm. Its memory outlives the process, as a chip's outlives the power."""
import contextlib
import socket
import subprocess
import time


def _free_pair():
    """tpm2-tss wants two ports in a row."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError, OverflowError):
                two.bind(("127.0.0.1", one.getsockname()[1] + 1))
                return one.getsockname()[1]


class Swtpm:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.port = _free_pair()
        self.where = f"swtpm:host=127.0.0.1,port={self.port}"
        self.process = None
        self.on()

    def on(self):
        at = "type=tcp,bindaddr=127.0.0.1,port="
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}", "--server",
                                         f"{at}{self.port}", "--ctrl", f"{at}{self.port + 1}", "--flags",
                                         "not-need-init,startup-clear"], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port + 1), 1):
                return
            time.sleep(0.02)
        raise AssertionError("swtpm does not start")

    def off(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def replace(self, folder):
        """Another chip in the same place."""
        self.off()
        self.folder = folder
        folder.mkdir()
        self.on()
