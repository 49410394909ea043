#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs in which somebody signs in, with the real module in them and a real sekishod in its jail: what is on record, what is
shown, who is refused at which hour, and that nobody is locked out by a sekishod that is gone.
Usage: sign_in.py SEKISHOD SEKISHOCTL MODULE Serves LOCK-2, LOG-1."""
import ctypes
import json
import os
import pwd
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from uplink_agent import Agent

PAM_TTY, PAM_RHOST, PERM_DENIED = 3, 4, 6
SERVICE = """auth [default=ignore] {module} failed socket={socket}
auth required pam_permit.so
account required pam_permit.so
account [default=ignore perm_denied=die] {module} socket={socket}
session required pam_permit.so
session [default=ignore] {module} socket={socket}
"""
pam, libc = ctypes.CDLL("libpam.so.0"), ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


CONVERSE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)),
                            ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("function", CONVERSE), ("data", ctypes.c_void_p)]


class Core(Agent):
    """Started with systemd's socket, as its unit does."""

    def __init__(self, folder, programs):
        super().__init__(folder, programs)
        self.path = folder / "run" / "sign-in.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(self.path))
        self.listener.listen()
        (folder / "pam").mkdir()

    def start_core(self):
        handed = self.listener.fileno()
        start = f'LISTEN_FDS=1 LISTEN_FDNAMES=sign-in LISTEN_PID=$$ exec "$@" 3<&{handed}'
        self.core = subprocess.Popen(["sh", "-c", start, "sh", self.core_path, "--config", str(self.folder / "conf"), "--tpm",
                                      self.tpm], env=self.environment, stdout=self.log, stderr=self.log, pass_fds=[handed])
        self.wait(lambda: self.ctl("status", "--json").returncode == 0, "sekishod")

    def limit(self, hours, excepted="none"):
        self.settings(f"[SignIn]\nHours={hours}\nExcept={excepted}\n")
        text = (self.folder / "conf" / "sekisho.conf").read_text()
        (self.folder / "conf" / "sekisho.conf").write_text(text.replace("[Agent]\n", "[Agent]\nMode=enforce\n"))
        done = self.ctl("reload")
        assert done.returncode == 0, done

    def told(self, kind, **body):
        def found():
            return [r for r in self.kinds(kind) if all(r["body"].get(k) == v for k, v in body.items())]
        self.wait(found, f"{kind} {body}")
        return found()[-1]["body"]


def sign_in(core, user, service="login", tty="/dev/pts/7", host=None, fails=False):
    """Return: what account said, what was shown, and the longest step."""
    shown, longest, handle = [], [0.0], ctypes.c_void_p()

    def converse(count, messages, answers, _):
        shown.extend(messages[i].contents.text.decode() for i in range(count))
        answers[0] = libc.calloc(count, 16)
        return 0

    def step(function):
        begun = time.monotonic()
        r = function(handle, 0)
        longest[0] = max(longest[0], time.monotonic() - begun)
        return r

    conversation = Conversation(CONVERSE(converse), None)
    assert pam.pam_start_confdir(service.encode(), user.encode(), ctypes.byref(conversation),
                                 str(core.folder / "pam").encode(), ctypes.byref(handle)) == 0
    pam.pam_set_item(handle, PAM_TTY, tty.encode())
    if host:
        pam.pam_set_item(handle, PAM_RHOST, host)
    if fails:
        step(pam.pam_authenticate)
    account = step(pam.pam_acct_mgmt)
    if account == 0 and not fails:
        step(pam.pam_open_session)
        step(pam.pam_close_session)
    pam.pam_end(handle, 0)
    return account, "\n".join(shown), longest[0]


def other_day():
    return time.strftime("%a", time.localtime(time.time() + 3 * 86400)) + " 08:00-09:00"


def check_records(core, user):
    core.limit("any")
    account, shown, _ = sign_in(core, user)
    assert account == 0 and "SK-1738" in shown and "最初のサインイン" in shown and "first sign-in" in shown, shown
    first = core.told("session.signed-in", user=user, code="SK-1731")
    assert first["tty"] == "pts/7" and first["service"] == "login" and first["failures"] == 0, first
    core.told("session.signed-out", user=user)
    sign_in(core, user, fails=True)
    sign_in(core, "hunter2", fails=True)
    core.told("session.refused", user=user, code="SK-1734", known_user=True)
    core.told("session.refused", user="", known_user=False)
    assert b"hunter2" not in b"".join(core.records())
    account, shown, _ = sign_in(core, user, host=b"\x1b[2Jevil\xff" + b"x" * 5000)
    assert "SK-1737" in shown and "pts/7" in shown and "SK-1739" in shown and "(1)" in shown, shown
    host = core.told("session.signed-in", failures=1)["host"]
    assert host.startswith("\\u{1b}[2Jevil\\xff") and len(host) < 300, host
    last = json.loads(core.ctl("last", "--json").stdout)["last"]
    assert [(entry["user"], entry["failures"]) for entry in last] == [(user, 0)], last


def check_hours(core, user, group):
    core.limit(other_day())
    account, shown, _ = sign_in(core, user)
    assert account == PERM_DENIED and "SK-1733" in shown and other_day() in shown, (account, shown)
    core.told("session.refused", user=user, code="SK-1733")
    account, shown, _ = sign_in(core, user, tty="/dev/tty2")
    assert account == PERM_DENIED and shown.isascii() and "Ima wa" in shown, shown
    assert sign_in(core, "root", tty="/dev/tty2")[0] == 0, "root at the PC itself"
    assert sign_in(core, "root", "sshd", host=b"far.example")[0] == PERM_DENIED, "root from afar"
    assert sign_in(core, user, "sudo")[0] == 0, "who is signed in"
    core.limit(other_day(), f"nobody-there @{group}")
    assert sign_in(core, user)[0] == 0, "by his group"
    core.limit(other_day(), user)
    assert sign_in(core, user)[0] == 0, "by his name"
    (core.folder / "conf" / "sekisho.conf").write_text("[SignIn]\nHours=Mon 7:00-20:00\n")
    done = core.ctl("reload")
    assert done.returncode != 0 and "sekisho.conf:2:11:" in done.stdout + done.stderr, done


def check_flood(core, user):
    """Of a hundred wrong passwords a handful is on record, with the number of the others, and all are counted."""
    core.limit("any")
    before = len(core.kinds("session.refused"))
    for _ in range(100):
        sign_in(core, user, fails=True)
    assert len(core.kinds("session.refused")) - before <= 45
    last = json.loads(core.ctl("last", "--json").stdout)["last"]
    assert next(entry for entry in last if entry["user"] == user)["failures"] >= 100, last


def check_gone(core, user):
    core.limit(other_day())
    core.core.kill()
    core.core.wait()
    account, _, longest = sign_in(core, user)
    assert account == 0 and longest < 0.9, (account, longest)
    core.start_core()
    assert sign_in(core, user)[0] == PERM_DENIED
    core.stop_core()


def main():
    programs, module = (sys.argv[1], "/nonexistent", sys.argv[2]), Path(sys.argv[3]).resolve()
    if os.getuid() != 0:
        print("only root is heard: skipped")
        sys.exit(77)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):  # of which the module makes the language
        os.environ.pop(name, None)
    user = pwd.getpwnam("daemon")
    with tempfile.TemporaryDirectory(prefix="sekisho-sign-in-") as folder:
        core = Core(Path(folder), programs)
        try:
            for service in ("login", "sshd", "sudo"):
                (core.folder / "pam" / service).write_text(SERVICE.format(module=module, socket=core.path))
            core.start_core()
            check_records(core, user.pw_name)
            check_hours(core, user.pw_name, "daemon")
            check_flood(core, user.pw_name)
            check_gone(core, user.pw_name)
        finally:
            core.stop()


main()
