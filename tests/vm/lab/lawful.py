# SPDX-License-Identifier: GPL-2.0-or-later
"""What the screen must be, from what was seen of it (programs/screen_watch.py), whoever locked it.

    broken([Seen(...), ...], end, idle=4, held=6, slack=5)      # [] when nobody found it open too long, or closed too soon
"""
import dataclasses

EARLY = 1.0  # a touch and the look after it are that far apart in an emulated PC
ASKED = 1.0  # so long before it was seen a locker may have been asked: who touches in between comes too late


@dataclasses.dataclass
class Seen:
    """From `at` on, until the next one. Seconds of CLOCK_BOOTTIME."""
    at: float
    state: str
    touched: float
    held: bool

    @classmethod
    def parse(cls, line):
        at, state, touched, held = line.split()
        return cls(float(at), state, float(touched), held == "held")


def last_touch(seen, at):
    """When somebody had touched it, who looked at `at`."""
    return max((one.touched for one in seen if one.touched <= at), default=0.0)


def broken(seen, end, idle, held, slack, sleeps=(), by_time=True):
    """What somebody would complain of, as texts. `sleeps` are pairs of times between which nothing ran and nothing was to be
    seen. by_time=False: something else may have locked it, or broken its locker."""
    complaints, opened, film = [], None, False
    for this, before, after in zip(seen, [None, *seen], [*seen[1:], None]):
        film = this.held or (film and before is not None and before.touched == this.touched)
        if this.state != "open":
            if by_time and opened is not None and this.state != "elsewhere" and this.at < last_touch(seen, this.at - ASKED) + idle - EARLY:
                complaints.append(f"{this.state} at {this.at}, {this.at - this.touched:.2f} s after a touch")
            opened = None
            continue
        opened = this.at if opened is None else opened
        due = max(this.touched + idle + (held if film else 0), opened) + slack
        due = max([due, *(awake + slack for asleep, awake in sleeps if this.at <= asleep <= due)])
        until = after.at if after else end
        if until > due:
            complaints.append(f"open until {until}, {until - due:.2f} s too long")
    return complaints
