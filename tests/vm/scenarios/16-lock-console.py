# SPDX-License-Identifier: GPL-2.0-or-later
"""A text console that nobody touches is covered by a console that nobody leaves without the password of its user: by time, by
order, after the budget of a film, over the death of whoever covered it; and what cannot be covered is ended.

Serves LOCK-1.
"""
import json

from lab import clinic_pc, images
from lab.locks import covered, front, locked_in, record, settings, uncover

IDLE = 8
MAIN = "systemctl show -P MainPID sekisho-lock"
NUMBER = "loginctl --no-legend list-sessions | awk '$3 == \"staff\" && $4 == \"seat0\" {print $1}' | head -n 1"
SIGNED_IN = "loginctl list-sessions --no-legend | grep -q 'staff.*seat0'"  # by itself, in the lab


def kinds(pc, after):
    return [r["kind"] for r in pc.records(after=after) if r["kind"].startswith(("screen.", "session."))]


def by_time(check, pc):
    mark = pc.last_record()
    settings(pc, IDLE)
    check("not while somebody is there", covered(pc, IDLE - 4) is None)
    pc.key("shift")
    check.within("nobody touches it: covered", covered(pc, IDLE + 5), IDLE + 5)
    check("it is on record, and shown by the console", pc.wait_record(
        lambda r: r["kind"] == "screen.locked" and r["body"]["by"] == "console" and r["body"]["user"] == "staff"
        and IDLE * 1000 <= r["body"]["idle_ms"] < (IDLE + 5) * 1000, 10) is not None, pc.records(after=mark))
    check("nobody leaves it", locked_in(pc))


def unlocked(check, pc):
    check("a wrong password does not unlock it", uncover(pc, "wrong") is None)
    check("nor does another user's", uncover(pc, "clerk") is None)
    killed = pc.sh(MAIN).strip()
    pc.sh("pkill -f -9 'sekisho-lock$'; true")
    again = pc.wait(f'now=$({MAIN}); [ "$now" != {killed} ] && pgrep -P "$now"', 10)  # its child asks
    check("killed: it stays covered", again is not None and locked_in(pc))
    check("its user's password unlocks it", uncover(pc) is not None, pc.run("journalctl -u sekisho-lock -n 20").out)
    check("the unlocking is on record", pc.wait_record(lambda r: r["kind"] == "screen.unlocked", 10) is not None,
          pc.run("sekishoctl log | grep -A1 screen; journalctl -u sekisho-lock -u sekishod -n 30 --no-pager").out)


def by_order(check, pc):
    settings(pc, 0, more="PassMaxSec=1h\n")
    mark = pc.last_record()
    kept = pc.plug("stick", image=images.clean())
    mounted = "findmnt -rno TARGET | grep ^/media/staff/"
    check("a medium is open", pc.wait(mounted, 30, 0.5) is not None)
    passed = pc.sh("sekishoctl lock pass 10 --reason 学会")
    check("a presentation pass, where the policy allows it", "SK-1708" in passed, passed)
    pc.sh("sekishoctl lock --now")
    check.within("locked by order", covered(pc, 5), 2)
    check("what its user opened stays open behind it", pc.wait(f"! ({mounted})", 3, 0.5) is None)
    check("who ordered it is on record, and the pass is over", {"screen.asked", "screen.pass-ended"} <= set(kinds(pc, mark)),
          kinds(pc, mark))
    device = pc.plug("stick", image=images.clean())
    word = pc.decision(device)
    check.equal("a stick waits while it is locked", (word.get("code"), device.authorized), ("SK-1110", False))
    check("unlocked", uncover(pc) is not None)
    check.within("then it is decided about, as it is", pc.wait(lambda: device.authorized, 10, 0.1), 1)
    device.unplug()
    kept.unplug()
    days = json.loads(pc.ctl("lock", "--json").out)["days"]
    check("the day has its evidence", days[0]["locks"] >= 2 and days[0]["longest_idle_ms"] >= IDLE * 1000, days)


def by_budget(check, pc):
    """A program may keep it open, but not for ever."""
    idle, budget = 3, 6
    pc.staff("systemd-inhibit --what=idle --who='film\x1b[2J' --why=Konferenz sleep 60 >/dev/null 2>&1 &")
    pc.wait("systemd-inhibit --list --no-legend | grep -q film", 20)
    mark = pc.last_record()
    settings(pc, idle, more=f"InhibitSec={budget}\n")
    taken = covered(pc, idle + budget + 6)
    pc.wait(lambda: "screen.locked" in kinds(pc, mark), 10)
    locks = [r["body"] for r in pc.records(after=mark) if r["kind"] == "screen.locked"]
    check("a film lengthens the limit by its budget", taken is not None and locks and
          (idle + budget) * 1000 <= locks[-1]["idle_ms"] < (idle + budget + 3) * 1000, locks)
    held = locks[-1].get("held_by", {}) if locks else {}
    check("the record names who held it, and its text can do no harm",
          held.get("program") == "systemd-inhibit" and held.get("who") == "film\\u{1b}[2J", held)
    check("unlocked", uncover(pc) is not None)


def second_limit(check, pc):
    """Whoever does not come back loses his session."""
    idle, end = 4, 12
    mark = pc.last_record()
    settings(pc, idle, more=f"EndSec={end}\n")
    check("the first limit locks", covered(pc, idle + 5) is not None)
    said = pc.wait(lambda: record(pc, "session.ended", mark, 0), end + 5)
    settings(pc, 0)
    check("the second one ends it, locked as it is", said is not None and {"screen.locked", "session.ended"} <= set(kinds(pc, mark)),
          pc.records(after=mark))
    check("and the console is given back to who signs in next", pc.wait(SIGNED_IN, 30) is not None and front(pc) == "tty1",
          pc.run("loginctl").out)


def ended(check, pc):
    """Where the policy says so."""
    mark, number = pc.last_record(), pc.sh(NUMBER).strip()
    settings(pc, IDLE, more="Fallback=end\n")
    gone = pc.wait(f"! loginctl --no-legend list-sessions | awk '{{print $1}}' | grep -qx {number}", IDLE + 10)
    check.within("a session that cannot lock is ended where the policy says so", gone, IDLE + 10)
    check("the end is on record", record(pc, "session.ended", mark, session=number) is not None, pc.records(after=mark))


def run(check):
    with clinic_pc.installed() as pc:
        check("the lock is watched", pc.wait(lambda: json.loads(pc.ctl("lock", "--json").out)["watched"], 20),
              pc.run("systemctl status sekisho-lock; journalctl -u sekisho-lock -n 30").out)
        by_time(check, pc)
        unlocked(check, pc)
        by_order(check, pc)
        by_budget(check, pc)
        second_limit(check, pc)
        ended(check, pc)
        check("the records verify", pc.chain_verifies())
