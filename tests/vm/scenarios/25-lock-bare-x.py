# SPDX-License-Identifier: GPL-2.0-or-later
"""An X server that somebody started by hand, without a session of logind's: covered when nobody touches it, and told to stand open
while it does not let go of the screen.

Serves LOCK-1.
"""
import json

from lab import desktop
from lab.locks import IDLE, SLACK, covered, front, journal, picture, record, settings, uncover

LONG = True
LIMIT = IDLE + SLACK
CONSOLE, HOME = 9, "tty9"


def state(pc):
    return json.loads(pc.ctl("lock", "--json").out)["state"]


def start(pc):
    """As clerk does it at a shell that logind does not know: no PAM, root's rights for the server alone."""
    pc.sh("sed -i s/needs_root_rights=no/needs_root_rights=yes/ /etc/X11/Xwrapper.config")
    tty = f"/dev/{HOME}"
    pc.sh(f"systemd-run -q --collect --unit=bare -p TTYPath={tty} -p StandardInput=tty-force -p StandardOutput=journal -p User=clerk "
          f"-p WorkingDirectory=~ startx /usr/bin/xterm -- :9 vt{CONSOLE} -keeptty -nolisten tcp -nocursor")
    return pc.wait(f"pgrep -u clerk -x xterm && grep -qx {HOME} /sys/class/tty/tty0/active", 60, 0.5)


def by_time(check, pc):
    mark = pc.last_record()
    settings(pc)
    pc.pointer()
    check("not while somebody is there", covered(pc, IDLE - 4, HOME) is None)
    pc.pointer()
    check.within("nobody touches it: covered", covered(pc, LIMIT, HOME), LIMIT)
    picture(pc, "bare-x-covered")
    check("it is on record", record(pc, "screen.locked", mark, by="console", user="clerk", session=HOME) is not None, journal(pc))
    check("another user's password does not open it", uncover(pc, "staff", HOME) is None)
    check("its user's does", uncover(pc, "clerk", HOME) is not None, journal(pc))


def stopped(check, pc):
    mark = pc.last_record()
    settings(pc)
    pc.sh("pkill -STOP -f '[X]org.* :9 '")
    told = pc.wait(lambda: record(pc, "screen.open", mark, 0, session=HOME, user="clerk"), LIMIT + 2)
    check.within("stopped, it does not let go of the screen: told to stand open", told, LIMIT)
    check("so says the state", state(pc) == "stands-open", pc.ctl("lock", "--json").out)
    pc.sh("pkill -CONT -f '[X]org.* :9 '")
    check.within("it goes on: covered", covered(pc, SLACK, HOME), SLACK)
    check("its user's password opens it", uncover(pc, "clerk", HOME) is not None, journal(pc))
    settings(pc, 0)


def run(check):
    with desktop.installed("plain", "x11") as pc:
        settings(pc, 0)
        check("an X server without a session is in front", start(pc) is not None
              and "clerk" not in pc.run("loginctl list-sessions --no-legend").out, pc.run("journalctl -u bare -n 20 --no-pager").out)
        by_time(check, pc)
        stopped(check, pc)
        pc.sh("systemctl stop bare")
        check("it ends: the desk of staff is there", pc.wait(lambda: front(pc) != HOME and state(pc) != "stands-open", 10) is not None,
              pc.ctl("lock", "--json").out)
        check("the records verify", pc.chain_verifies())
