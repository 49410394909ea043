# SPDX-License-Identifier: GPL-2.0-or-later
"""The disposable PC: starting, stopping, cutting the power, saving and restoring its RAM."""
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from . import accel, monitors, screen, usb
from .channel import Channel, GuestError
from .paths import LAB, LabError, Lock, guest_dir
from .qmp import Qmp

PORTS = 4
# What every kernel gets: quiet, no guesses about an emulated CPU's clock, no second's wait per stick, no hub that sleeps
# (QEMU loses the wake-up of one that is just falling asleep, and what is plugged in behind it is never seen).
KERNEL_LINE = ("console=tty0 console=ttyS0 quiet panic=-1 mitigations=off nokaslr random.trust_cpu=on "
               "tsc=reliable no_timer_check systemd.show_status=0 rd.udev.log_level=3 usb_storage.delay_use=0 "
               "usbcore.autosuspend=-1")


class Machine(usb.Ports, screen.Screen):
    """One PC. Use it with `with`; nothing is left behind then, whatever happens.

    append    more words for the kernel command line
    built_in  devices present at power-on, as kinds of `plug` ("keyboard", "mouse")
    state     a disk that keeps the guest's changes (without it they live in RAM)
    template  a folder made by save(): start from there instead of booting
    before    called with this machine before its first instruction: plug what is to be there at boot
    vga       a screen, or how many
    card      what it is at: "virtio-vga" may have several, "VGA" wakes up again after a sleep
    initrd    another initrd, for tests of the start itself
    extra     more arguments for QEMU
    """

    def __init__(self, append="", built_in=(), state=None, template=None, memory=1024,
                 vga=False, card="virtio-vga", sd_slot=False, laptop=False, initrd=None, before=None, kind=None, extra=()):
        usb.Ports.__init__(self)
        self.append, self.built_in, self.state, self.template = append, tuple(built_in), state, template
        self.memory, self.vga, self.card, self.sd_slot, self.laptop = memory, vga, card, sd_slot, laptop
        self.initrd, self.before, self.extra = initrd, before, list(extra)
        self.accel = kind or accel.choose(Machine)
        self.guest = guest_dir()
        self.process = self.dir = self.lock = self.qmp = None
        self.start_seconds = None

    # --- what QEMU is told

    def _drives(self):
        def disk(name, path, more):
            return ["-drive", f"if=none,id={name},format=raw,file={path},{more}",
                    "-device", f"virtio-blk-pci,drive={name}"]

        args = disk("root", self.guest / "root.img", "readonly=on,file.locking=off")
        if self.state:
            args += disk("state", self.state, "cache=writeback")
        return args

    def _channel(self):
        args = ["-device", f"virtio-serial-pci,max_ports={PORTS + 1}"]
        for i in range(PORTS):
            args += ["-chardev", f"socket,id=ch{i},path={self.dir}/port{i},server=on,wait=off",
                     "-device", f"virtserialport,chardev=ch{i},name=lab.{i}"]
        return args

    def _hardware(self):
        # A fixed place: it is part of the serial numbers of QEMU's devices, by which they are known again.
        args = ["-device", "qemu-xhci,id=xhci,addr=0x10,p2=15,p3=15", "-audiodev", "none,id=sound",
                "-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"]
        args += [a for i in range(4) for a in
                 ("-device", f"pcie-root-port,id=slot{i},chassis={i + 1},slot={i + 1}")]
        if self.vga:
            several = f",max_outputs={self.vga}" if self.vga > 1 else ""
            args += ["-device", f"{self.card},id=screen,xres=1024,yres=768{several}"]
        if self.vga > 1:
            args += monitors.arguments(self.dir)
        if self.sd_slot:  # the driver finds a card only in a slot it met while booting
            args += ["-device", "sdhci-pci,bus=slot2", "-drive", "if=none,id=sdcard",
                     "-device", "sd-card,id=sd,drive=sdcard"]
        return args

    def kernel_line(self):
        return " ".join(filter(None, [KERNEL_LINE, "labstate=vdb" if self.state else "", self.append]))

    def arguments(self, ram_file=None, shared=False):
        args = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
                "-M", f"q35,hpet=off,vmport=off,i8042={'on' if self.laptop else 'off'}",
                *accel.arguments(self.accel), "-smp", "2", "-m", str(self.memory),
                "-kernel", self.guest / "vmlinux", "-initrd", self.initrd or self.guest / "initrd.img",
                "-append", self.kernel_line(), "-serial", f"file:{self.dir}/console.log",
                "-qmp", f"unix:{self.dir}/qmp,server=on,wait=off", "-S"]
        args += self._drives() + self._channel() + self._hardware()
        if not self.state:
            args += ["-no-reboot"]
        if ram_file:
            args += ["-object", f"memory-backend-file,id=ram,size={self.memory}M,mem-path={ram_file},"
                                f"share={'on' if shared else 'off'}", "-machine", "memory-backend=ram"]
        return [str(a) for a in args + self.extra]

    # --- start

    def launch(self, ram_file=None, shared=False, incoming=False):
        """QEMU with the processor stopped: devices may be plugged before the first instruction."""
        if not os.environ.get("SEKISHO_LAB_PARALLEL"):
            self.lock = Lock("qemu").__enter__()
        self.dir = Path(tempfile.mkdtemp(prefix="sekisho-lab-"))  # socket paths must be short
        args = self.arguments(ram_file, shared) + (["-incoming", "defer"] if incoming else [])
        with open(self.dir / "qemu.err", "wb") as err:
            # It must not outlive this program, even if that is killed.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "nice", "-n", "5", *args],
                                            stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        try:
            self.qmp = Qmp(self.dir / "qmp", lambda: self.process.poll() is None)
        except LabError as e:
            raise LabError(f"{e}: {(self.dir / 'qemu.err').read_text()}") from None
        self.channel = Channel(self.dir / f"port{i}" for i in range(PORTS))
        for kind in self.built_in:
            self.plug(kind, name=f"built-in-{kind}")
        if self.before:
            self.before(self)

    def boot(self, timeout=180, **launch):
        self.launch(**launch)
        self.resume()
        self.ready(timeout)

    def resume(self):
        """Let the stopped processor go."""
        self.qmp("cont")

    def ready(self, timeout=180, clock=False):
        """Wait until the guest takes commands."""
        began = time.monotonic()
        while True:
            try:
                self.channel.ping(5, clock)
                return
            except LabError:
                if self.process.poll() is not None or time.monotonic() - began > timeout:
                    raise LabError(f"the guest did not come up; console:\n{self.console()[-2000:]}") from None

    def restore(self):
        self.launch(ram_file=self.template / "ram", incoming=True)
        self._ram_stays_in_file()
        self.qmp("migrate-incoming", uri=f"exec:cat {self.template}/state")
        self._migrated()
        self.resume()
        self.ready(30, clock=True)

    def start(self):
        began = time.monotonic()
        if self.template:
            self.restore()
        else:
            self.boot()
        self.start_seconds = time.monotonic() - began
        return self

    # --- templates

    def _ram_stays_in_file(self):
        self.qmp("migrate-set-capabilities",
                 capabilities=[{"capability": "x-ignore-shared", "state": True}])

    def _migrated(self):
        while True:
            status = self.qmp("query-migrate").get("status")
            if status == "completed":
                return
            if status == "failed":
                raise LabError("the saved machine could not be written or read")
            time.sleep(0.01)

    def save(self, folder):
        """Freeze this machine (launched with its RAM in folder/ram, shared) and end it."""
        self.sh("sync; echo 3 >/proc/sys/vm/drop_caches")
        self.channel.close()
        self._ram_stays_in_file()
        self.qmp("stop")
        self.qmp("migrate", uri=f"exec:cat >{folder}/state")
        self._migrated()
        self.stop()

    # --- end

    def cut(self):
        """Power cut: nothing in the guest gets another instruction."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self._clean()

    def stop(self):
        """End the machine; its state, if it has no state disk, is gone."""
        if self.qmp and self.process.poll() is None:
            try:
                self.qmp("quit")
                self.process.wait(5)
            except (LabError, OSError, subprocess.TimeoutExpired):
                pass
        self.cut()

    def poweroff(self, timeout=90):
        """An orderly shutdown."""
        with contextlib.suppress(LabError):  # it may be off before the answer comes
            self.run("systemctl poweroff --no-block")
        self.process.wait(timeout)
        self._clean()

    def reboot(self, timeout=180):
        """An orderly restart; needs a state disk."""
        self.qmp.forget("RESET")  # one restart may be told more than once
        with contextlib.suppress(LabError):
            self.run("systemctl reboot --no-block")
        self.channel.close()
        if not self.qmp.wait("RESET", timeout):
            raise LabError("the guest did not restart")
        self.ready(timeout)

    def suspend(self, timeout=60):
        """Sleep and wake again, as the desktop would ask for it. The kernel suspends and resumes every device
        (USB ports are reset) and the processes; only the last step is left out, because this kernel does not
        survive real S3 under emulation."""
        count = "cat /sys/power/suspend_stats/success /sys/power/suspend_stats/fail"  # the kernel's log forgets
        before = self.run(count).out
        self.sh("echo 1 >/sys/module/suspend/parameters/pm_test_delay; echo devices >/sys/power/pm_test; "
                "systemctl suspend --no-block")
        self.channel.close()  # a request that meets a sleeping port is lost
        time.sleep(4)

        def is_awake():
            try:
                return self.run(count, timeout=5).out != before
            except LabError:
                return False
        if self.wait(is_awake, timeout) is None:
            raise LabError(f"the guest did not wake up; console:\n{self.console()[-2000:]}")

    def _clean(self):
        self.close_ports()
        if self.dir and self.dir.exists():
            LAB.mkdir(parents=True, exist_ok=True)
            if (self.dir / "console.log").exists():
                shutil.copy(self.dir / "console.log", LAB / "last-console.log")
            shutil.rmtree(self.dir, ignore_errors=True)
        if self.lock:
            self.lock.__exit__()
            self.lock = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exc):
        self.stop()

    # --- in the guest

    def run(self, command, stdin=b"", timeout=60):
        """A command as root; returns status, out, err."""
        return self.channel.run(command, stdin, timeout)

    def sh(self, command, stdin=b"", timeout=60):
        """A command as root that must succeed; returns its standard output without the last newline."""
        result = self.run(command, stdin, timeout)
        if not result.ok:
            raise GuestError(f"{command}: exit {result.status}\n{result.out}{result.err}")
        return result.out.rstrip("\n")

    def as_user(self, user, command, timeout=60):
        """A command as a user, within that user's desktop session when there is one."""
        return self.channel.run(f'as-user {user} "$(cat)"', command.encode(), timeout)

    def staff(self, command, timeout=60):
        return self.as_user("staff", command, timeout)

    def follow(self, command):
        """The lines of a long-running command as they come; close() ends it."""
        return self.channel.follow(command)

    def glob(self, pattern):
        """{path: content} of small files and links, read without starting a process: for polling."""
        return self.channel.glob(pattern)

    def exists(self, pattern):
        return bool(self.glob(pattern))

    def put(self, source, target, mode="644"):
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        self.sh(f"cat >'{target}.new' && chmod {mode} '{target}.new' && mv '{target}.new' '{target}'", data, 300)

    def get(self, path):
        return self.channel.fetch(f"cat '{path}'")

    def wait(self, condition, timeout=20, step=0.05):
        """Until the condition (a function, or a shell command) holds; returns seconds or None."""
        began = time.monotonic()
        holds = condition if callable(condition) else lambda: self.run(condition).ok
        while not holds():
            if time.monotonic() - began > timeout:
                return None
            time.sleep(step)
        return time.monotonic() - began

    def console(self):
        log = self.dir and self.dir / "console.log"
        return log.read_text(errors="replace") if log and log.exists() else ""
