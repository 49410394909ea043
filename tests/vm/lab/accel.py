# SPDX-License-Identifier: GPL-2.0-or-later
"""Hardware virtualisation when it really boots our kernel here, else emulation."""
import os

from .paths import LAB, LabError, say


def arguments(kind):
    if kind == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Nehalem"]


def _kvm_boots(machine):
    say("trying hardware virtualisation ...")
    try:
        pc = machine(kind="kvm")
        try:
            pc.boot(timeout=20)
            return True
        finally:
            pc.stop()
    except (LabError, OSError):
        return False


def choose(machine):
    """"kvm" or "tcg". A /dev/kvm may be there and yet not work (nested hosts): it is tried, once."""
    asked = os.environ.get("SEKISHO_LAB_ACCEL")
    if asked:
        return asked
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    note = LAB / "accel"
    if not note.exists():
        kind = "kvm" if _kvm_boots(machine) else "tcg"
        LAB.mkdir(parents=True, exist_ok=True)
        note.write_text(kind)
        say(f"using {kind}")
    return note.read_text().strip()
