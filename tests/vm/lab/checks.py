# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting what held and what did not."""
import traceback


class Checks:
    """check("what must hold", condition) prints one line. `full` tells a scenario that it runs in the
    long campaign and may take its full numbers."""

    def __init__(self, full=False, out=print):
        self.full, self.out = full, out
        self.passed = self.failed = 0
        self.failures = []
        self.scenario = ""
        self.bad_word = "FAIL"  # or "once", when the scenario gets another try

    def __call__(self, what, holds, detail="", figure=""):
        """`detail` is shown when it does not hold, `figure` in any case."""
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            self.failures.append(f"{self.scenario}: {what}")
        shown = figure if holds or detail == "" else detail
        more = f"   [{shown}]" if shown != "" else ""
        self.out(f"{'ok  ' if holds else self.bad_word}  {self.scenario}: {what}{more}", flush=True)
        return bool(holds)

    def equal(self, what, got, wanted):
        return self(what, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def within(self, what, seconds, limit):
        """A time: None means that it never happened."""
        figure = "never" if seconds is None else f"{seconds:.2f} s, limit {limit} s"
        return self(what, seconds is not None and seconds <= limit, figure=figure)

    def crashed(self, error):
        self("runs to its end", False, f"{type(error).__name__}: {error}")
        self.out("".join(traceback.format_exception(error)).rstrip(), flush=True)

    def count(self, short, full):
        """How often to repeat: short in every run, full in the long campaign."""
        return full if self.full else short
