# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever works at a console that logind does not know is locked out as others are: a shell, a sign-in without pam_systemd; what
cannot be covered is told. So are two users of one seat, a session from afar, and a PC that slept or was set back.

Serves LOCK-1.
"""
import json

from lab import clinic_pc
from lab.locks import SLACK, asks, covered, front, journal, record, settings, uncover

IDLE = 6
LIMIT = IDLE + SLACK
SHELL, PICTURE, PROMPT = 8, 9, 6
# What does not let go of the screen, without a terminal of its own: as an X server that was stopped.
HOLDER = f"""
import fcntl, os, signal, struct, time
if os.fork():
    os.wait()
fd = os.open("/dev/tty{PICTURE}", os.O_RDWR | os.O_NOCTTY)
signal.signal(signal.SIGUSR1, lambda *_: None)
fcntl.ioctl(fd, 0x5606, {PICTURE})  # VT_ACTIVATE
fcntl.ioctl(fd, 0x5607, {PICTURE})
fcntl.ioctl(fd, 0x5602, struct.pack("bbhhh", 1, 0, signal.SIGUSR1, signal.SIGUSR1, 0))  # VT_SETMODE: VT_PROCESS
fcntl.ioctl(fd, 0x4b3a, 1)  # KDSETMODE: KD_GRAPHICS
while True:
    time.sleep(60)
"""


def start_shell(pc, user, console=SHELL):
    """As openvt(1) does it: without PAM, so logind hears nothing of it."""
    tty = f"/dev/tty{console}"
    pc.sh(f"systemd-run -q --collect --unit=shell{console} -p TTYPath={tty} -p StandardInput=tty-force -p StandardOutput=tty "
          f"-p StandardError=tty -p User={user} /bin/bash --norc -i")
    pc.activate(console)
    return pc.wait(lambda: front(pc) == f"tty{console}", 10)


def stop_shell(pc, console=SHELL):
    pc.run(f"systemctl kill -s KILL shell{console}; pkill -KILL -t tty{console}")
    home(pc)


def home(pc):
    """Back to the desk of staff, whose session was due long since: he comes back in by his password."""
    pc.activate(1)
    if pc.wait(lambda: asks(pc, 0), 4) is not None:
        uncover(pc)


def quiet(pc):
    """Nothing is locked by time."""
    settings(pc, 0)


def a_shell(check, pc):
    mark = pc.last_record()
    settings(pc, IDLE)
    check("a shell of somebody whom logind does not know is in front", start_shell(pc, "clerk") is not None
          and "clerk" not in pc.run("loginctl list-sessions --no-legend").out)
    pc.key("shift")
    check("not while somebody is there", covered(pc, IDLE - 3, "tty8") is None)
    pc.key("shift")
    check.within("nobody touches it: covered", covered(pc, LIMIT, "tty8"), LIMIT)
    word = record(pc, "screen.locked", mark, by="console", user="clerk", session="tty8")
    check("it is on record", word is not None and word["body"]["idle_ms"] < LIMIT * 1000, word or journal(pc))
    check("a wrong password does not open it", uncover(pc, "wrong", "tty8") is None)
    check("nor does another user's", uncover(pc, "staff", "tty8") is None)
    pc.sh("pkill -f -9 'sekisho-lock$'; true")
    check("killed: it stays covered", pc.wait("systemctl is-active -q sekisho-lock", 10) is not None and front(pc) != "tty8")
    check("its user's opens it", uncover(pc, "clerk", "tty8") is not None, journal(pc))
    check("that is on record", record(pc, "screen.unlocked", mark, user="clerk") is not None, journal(pc))
    quiet(pc)
    pc.sh("sekishoctl lock --now")
    check("covered by order", covered(pc, 5, "tty8") is not None, journal(pc))
    pc.sh("systemctl kill -s KILL shell8")
    check.within("its owner ends: nobody is locked out any more", covered_no_more(pc), 5)
    stop_shell(pc)


def covered_no_more(pc):
    return pc.wait("! grep -aq 'This PC is locked' /dev/vcs$(tr -d a-z </sys/class/tty/tty0/active)", 10)


def roots(check, pc):
    start_shell(pc, "root")
    pc.sh("sekishoctl lock --now")
    check("a shell of root's is covered by order", covered(pc, 5, "tty8") is not None, journal(pc))
    check("another user's password does not open it", uncover(pc, "clerk", "tty8") is None)
    check("root's does", uncover(pc, "root", "tty8") is not None, journal(pc))
    stop_shell(pc)


def a_prompt(check, pc):
    """Nobody at first, and then somebody without the kernel telling anything of another console."""
    pc.sh("sed -i.lab '/pam_systemd/d' /etc/pam.d/common-session")
    pc.activate(PROMPT)
    pc.wait(lambda: "login:" in pc.console_text(PROMPT), 15)
    settings(pc, IDLE)
    check("a prompt for a sign-in is nobody's: not covered", covered(pc, IDLE + 4, "tty6") is None, journal(pc))
    pc.sign_in(PROMPT, "clerk", "clerk")
    check("a sign-in without pam_systemd", pc.wait(f"pgrep -u clerk -t tty{PROMPT} bash", 20) is not None
          and "clerk" not in pc.run("loginctl list-sessions --no-legend").out)
    pc.key("shift")
    check.within("nobody touches it: covered", covered(pc, LIMIT, "tty6"), LIMIT)
    check("its user's password opens it", uncover(pc, "clerk", "tty6") is not None, journal(pc))
    quiet(pc)
    pc.sh(f"mv /etc/pam.d/common-session.lab /etc/pam.d/common-session; pkill -KILL -u clerk -t tty{PROMPT}; true")
    home(pc)


def stands_open(check, pc):
    mark = pc.last_record()
    settings(pc, IDLE)
    pc.put(HOLDER.encode(), "/root/holder.py")
    pc.sh("systemd-run -q --collect --unit=holder python3 /root/holder.py")
    pc.wait(lambda: front(pc) == f"tty{PICTURE}", 15)
    pc.key("shift")
    began = pc.wait(lambda: record(pc, "screen.open", mark, 0, session="tty9", user="root") is not None, LIMIT + 2)
    check.within("what does not let go of the screen is told to stand open", began, LIMIT)
    check("so says the state", json.loads(pc.ctl("lock", "--json").out)["state"] == "stands-open", pc.ctl("lock", "--json").out)
    check("nothing is said to have ended", record(pc, "session.ended", mark, 0) is None)
    pc.sh("systemctl kill -s KILL holder")
    check.within("it is gone: the alert is over",
                 pc.wait(lambda: json.loads(pc.ctl("lock", "--json").out)["state"] != "stands-open", 10), 5)
    quiet(pc)
    home(pc)


def two_users(check, pc):
    pc.sign_in(2, "clerk", "clerk")
    check("another user is signed in at the second console", pc.wait(
        "loginctl list-sessions --no-legend | grep -q 'clerk.*seat0'", 30) is not None, pc.console_text(2))
    settings(pc, IDLE)
    check.within("the one in front: covered", covered(pc, LIMIT, "tty2"), LIMIT)
    check("the other's password does not open it", uncover(pc, "staff", "tty2") is None)
    check("its user's does", uncover(pc, "clerk", "tty2") is not None, journal(pc))
    pc.activate(1)
    check.within("the one behind: covered as soon as somebody goes there",
                 pc.wait(lambda: front(pc) not in ("tty1", "tty2"), 10), 2)
    check("the password of who was in front before does not open it", uncover(pc, "clerk") is None)
    check("its user's does", uncover(pc) is not None, journal(pc))
    quiet(pc)
    pc.sh("loginctl terminate-user clerk")


def from_afar(check, pc):
    """A sign-in with a remote host, as sshd makes it; there is no sshd in this PC."""
    mark = pc.last_record()
    settings(pc, IDLE)
    pc.sh("systemd-run -q --collect --unit=afar socat exec:'login -h far.example -f clerk',pty,setsid,ctty,stderr exec:'sleep 600'")
    there = pc.wait("loginctl show-user clerk -p Sessions --value | xargs -rn1 loginctl show-session -p Remote | grep -q yes", 20)
    check("a session over the network", there is not None, pc.run("loginctl; systemctl status afar").out)
    # The kernel notes the time of a terminal every 8 s.
    check("nobody types there: ended", record(pc, "session.ended", mark, LIMIT + 8, user="clerk") is not None, journal(pc))
    check("it is gone", pc.wait("! loginctl list-sessions --no-legend | grep -q clerk", 10) is not None)
    quiet(pc)
    home(pc)
    pc.run("systemctl stop afar")


def set_back(check, pc):
    settings(pc, IDLE)
    pc.sh("date -s '-2 hours'")
    pc.key("shift")
    pc.suspend()
    check.within("asleep, awake, and set back: covered", covered(pc, LIMIT), LIMIT)
    check("its user's password opens it", uncover(pc) is not None, journal(pc))
    quiet(pc)


def run(check):
    with clinic_pc.installed() as pc:
        pc.wait(lambda: json.loads(pc.ctl("lock", "--json").out)["watched"], 20)
        a_shell(check, pc)
        roots(check, pc)
        a_prompt(check, pc)
        stands_open(check, pc)
        two_users(check, pc)
        if check.full:
            from_afar(check, pc)
            set_back(check, pc)
        check("the records verify", pc.chain_verifies())
