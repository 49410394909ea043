# SPDX-License-Identifier: GPL-2.0-or-later
"""The screen lock of the clinic PC, whose `staff` is signed in at its first text console."""
SETTINGS = "[Lock]\nIdleSec={idle}\nConfirmSec=3\n{more}"


def settings(pc, idle, more=""):
    pc.sh("mkdir -p /etc/sekisho/sekisho.conf.d")
    pc.put(SETTINGS.format(idle=idle, more=more).encode(), "/etc/sekisho/sekisho.conf.d/lock.conf")
    pc.sh("sekishoctl reload")


def in_front(pc):
    return pc.run("cat /sys/class/tty/tty0/active").out.strip()


def covered(pc, timeout):
    """The seconds until another console is in front; or None."""
    return pc.wait(lambda: in_front(pc) != "tty1", timeout)


def asks(pc):
    """Its console waits for a password: seen as a person sees it, on the screen."""
    return pc.wait("grep -aq 'Password: *$' /dev/vcs$(tr -d a-z </sys/class/tty/tty0/active)", 15)


def locked_in(pc):
    """Neither keys nor root's VT_ACTIVATE lead anywhere else."""
    cover = in_front(pc)
    pc.key("alt", "f1")
    pc.activate(1)
    return cover != "tty1" and in_front(pc) == cover


def unlock(pc, password="staff"):
    asks(pc)
    pc.type(password + "\n")
    return pc.wait(lambda: in_front(pc) == "tty1", 15)
