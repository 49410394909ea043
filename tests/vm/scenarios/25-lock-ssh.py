# SPDX-License-Identifier: GPL-2.0-or-later
"""Sign-ins over the network by a real sshd: shown, on record, ended when nobody types, refused at other hours.

Serves LOCK-1, LOCK-2.
"""
import time

from lab import desktop
from lab.locks import SLACK, journal, record, settings

LONG = True  # sshd is in the image with a desktop
IDLE = 20  # an emulated sshd takes its time to begin with
KERNEL_NOTES = 8  # seconds: how often a terminal's time is noted
LIMIT = IDLE + SLACK + KERNEL_NOTES
SSH = "ssh -o StrictHostKeyChecking=no -o BatchMode=yes clerk@127.0.0.1"
KEYS = "/run/keys"
HOURS = "[SignIn]\nHours={hours}\nExcept=none\n"


def prepare(pc):
    pc.sh("systemctl start ssh; mkdir -p /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; "
          "home=$(getent passwd clerk | cut -d: -f6); mkdir -p $home/.ssh; cp /root/.ssh/id_ed25519.pub $home/.ssh/authorized_keys; "
          "chown -R clerk: $home; chmod 755 $home", timeout=120)
    pc.wait("ss -ltn | grep -q ':22 '", 60)


def begin(pc, options, command=""):
    """A client that runs on, its input a pipe that stays open."""
    pc.sh(f"systemctl reset-failed far 2>/dev/null; rm -f {KEYS}; mkfifo {KEYS}; systemd-run -q --collect --unit=far "
          f"sh -c 'exec 3<>{KEYS}; exec {SSH} {options} {command} <&3'")
    return pc.wait("loginctl show-user clerk -p Sessions --value | xargs -rn1 loginctl show-session -p Remote | grep -q yes", 60)


def typing(pc, seconds):
    """Somebody types in it."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pc.sh(f"printf 'true\\n' 1<>{KEYS}; sleep 1")


def gone(pc):
    return pc.wait("! loginctl list-sessions --no-legend | grep -q clerk", 15)


def said(pc):
    return pc.run("journalctl -b -u far --no-pager -o cat -a").out


def with_a_terminal(check, pc):
    mark = pc.last_record()
    settings(pc, IDLE)
    check("a session over the network", begin(pc, "-tt") is not None, said(pc))
    word = record(pc, "session.signed-in", mark, user="clerk", service="sshd")
    check("it is on record, with where it comes from", word and word["body"]["host"] in ("127.0.0.1", "localhost"), word)
    check("its last sign-in is shown", pc.wait(lambda: "SK-1738" in said(pc), 20) is not None, said(pc))
    typing(pc, IDLE + 2 * KERNEL_NOTES)
    check("not while somebody types there", record(pc, "session.ended", mark, 0, user="clerk") is None, journal(pc))
    began = time.monotonic()
    found = record(pc, "session.ended", mark, LIMIT, user="clerk")
    check("nobody types there: ended", found is not None, journal(pc), f"{time.monotonic() - began:.1f} s, limit {LIMIT} s")
    check("it is gone", gone(pc) is not None, pc.run("loginctl").out)


def without(check, pc):
    mark = pc.last_record()
    check("a session without a terminal", begin(pc, "-T", "sleep 600") is not None, said(pc))
    check("ended when it is as old as the limit", record(pc, "session.ended", mark, LIMIT, user="clerk") is not None, journal(pc))
    check("it is gone", gone(pc) is not None, pc.run("loginctl").out)


def at_other_hours(check, pc):
    day = pc.sh("LC_ALL=C date -d '+3 days' +%a").strip()
    settings(pc, 0)
    mark = pc.last_record()
    pc.put(HOURS.format(hours=f"{day} 08:00-09:00").encode(), "/etc/sekisho/sekisho.conf.d/hours.conf")
    pc.sh("sekishoctl reload")
    done = pc.run(f"{SSH} true")
    check("nobody comes in at other hours", not done.ok, done)
    check("that is on record", record(pc, "session.refused", mark, user="clerk", code="SK-1733") is not None)
    pc.sh("rm /etc/sekisho/sekisho.conf.d/hours.conf; sekishoctl reload")
    check("and again in them", pc.run(f"{SSH} true").ok)


def run(check):
    with desktop.installed("plain", "x11") as pc:
        prepare(pc)
        with_a_terminal(check, pc)
        without(check, pc)
        at_other_hours(check, pc)
        check("the records verify", pc.chain_verifies())
