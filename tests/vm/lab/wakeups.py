# SPDX-License-Identifier: GPL-2.0-or-later
"""How often programs of the guest wake up, and for what."""
import re

WATCHDOG = "WATCHDOG=1"


def main_pids(pc, *units):
    return [int(pc.sh(f"systemctl show -P MainPID {unit}")) for unit in units]


def wakeups(pc, pids, seconds):
    """Each sleep of a thread that ended in that time, as the list of calls that followed until the next sleep."""
    attach = " ".join(f"-p {pid}" for pid in pids)
    pc.run(f"timeout -s INT {seconds} strace -f -qq -s 64 -o /root/strace {attach}", timeout=seconds + 30)
    turns, current = [], {}
    for line in pc.get("/root/strace").decode(errors="replace").splitlines():
        thread, call = line.split(maxsplit=1)
        slept = re.match(r"(<\.\.\. )?(epoll_wait|epoll_pwait2?|futex|poll|ppoll)\b.*= (-?\d+|\?)", call)
        if slept and slept[3] not in ("0", "?") and not slept[3].startswith("-"):
            turns.append(current.setdefault(thread, []))
            current[thread] = turns[-1] = []
        elif thread in current:
            current[thread].append(call)
    return turns


def needless(turns):
    """Those that nobody asked for: all but the ones that tell systemd that the program lives."""
    return [turn for turn in turns if not any(WATCHDOG in call for call in turn)]


def describe(turn):
    return " ".join(re.match(r"[<. ]*(\w+)", call)[1] for call in turn)[:100]
