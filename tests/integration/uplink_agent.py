# SPDX-License-Identifier: GPL-2.0-or-later
"""A real sekishod and a real sekisho-uplink, in their jails, on a bus of their own, for tests of the two with a console."""
import json
import os
import subprocess
import threading
import time

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy>
</busconfig>"""


class Agent:
    def __init__(self, folder, programs, tpm="device:/nonexistent", core_tpm=None):
        self.folder, self.tpm, self.core_tpm = folder, tpm, core_tpm
        self.core_path, self.uplink_path, self.ctl_path = programs
        for name in ("conf", "state", "state/audit", "rules", "run", "uplink"):
            (folder / name).mkdir()
        self.settings()
        (folder / "rules" / "10-local.rules").write_text("allow id 1d6b:*\n")
        (folder / "bus.conf").write_text(BUS % (folder / "bus"))
        self.environment = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={folder / 'bus'}", LC_ALL="C.UTF-8",
                                SEKISHO_RUN_DIRECTORY=str(folder / "run"))
        self.log = open(folder / "log", "ab")
        self.bus = self.spawn("dbus-daemon", "--nofork", f"--config-file={folder / 'bus.conf'}")
        self.wait(lambda: (folder / "bus").exists(), "the bus")
        self.core = self.uplink = None
        self.running = True
        self.keeper = threading.Thread(target=self.keep_uplink, daemon=True)
        self.kills = 0
        self.uplink_wanted = threading.Event()
        self.uplink_wanted.set()

    def settings(self, more=""):
        (self.folder / "conf" / "sekisho.conf").write_text(
            f"[Agent]\nStateDirectory={self.folder}/state\nRulesDirectory={self.folder}/rules\n"
            f"[Audit]\nReserveSpace=0\n{more}")

    def spawn(self, *command):
        return subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)

    def keep_uplink(self):
        """As systemd does: the socket is there, the program comes back."""
        while self.running:
            if not self.uplink_wanted.wait(0.1):
                continue
            self.uplink = self.spawn(self.uplink_path, "--state", str(self.folder / "uplink"), "--client-uid", "0",
                                     "--listen", str(self.folder / "run" / "uplink.sock"), "--tpm", self.tpm)
            self.uplink.wait()
            assert self.uplink.returncode != 159, f"the jail refused a call; see {self.folder}/log"
            time.sleep(0.02)

    def start(self):
        self.keeper.start()
        self.wait((self.folder / "run" / "uplink.sock").exists, "the uplink")
        self.start_core()

    def start_core(self):
        self.core = self.spawn(self.core_path, "--config", str(self.folder / "conf"), "--tpm", self.core_tpm or self.tpm)
        self.wait(lambda: self.ctl("status", "--json").returncode == 0, "sekishod")

    def stop_core(self):
        self.core.terminate()
        assert self.core.wait(20) == 0, "sekishod did not end well"

    def kill_uplink(self):
        self.uplink.kill()
        self.kills += 1

    def hold_uplink(self):
        """It does not come back before release_uplink()."""
        self.uplink_wanted.clear()
        self.kill_uplink()

    def release_uplink(self):
        self.uplink_wanted.set()

    def stop(self):
        self.running = False
        for process in (self.core, self.uplink, self.bus):
            if process and process.poll() is None:
                process.terminate()
                process.wait(20)

    def ctl(self, *arguments, seconds=60, stdin=""):
        return subprocess.run([self.ctl_path, *arguments], env=self.environment, capture_output=True, text=True,
                              timeout=seconds, input=stdin)

    def status(self):
        done = self.ctl("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def console(self):
        return self.status().get("console", {})

    def connected(self):
        return self.console().get("connection", {}).get("state") == "connected"

    def records(self):
        lines = []
        for segment in sorted((self.folder / "state" / "audit").glob("segment-*.jsonl")):
            lines += segment.read_bytes().split(b"\n")[:-1]
        return lines

    def kinds(self, kind):
        return [r for r in map(json.loads, self.records()) if r["kind"] == kind]

    @staticmethod
    def wait(condition, what, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.05)
