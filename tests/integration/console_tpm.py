#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A console whose epoch key is in a TPM, and a PC whose key is: init, doctor, revocation, restart, and the chip away.
Usage: console_tpm.py CONSOLE CONTRACT SEKISHOD UPLINK SEKISHOCTL Serves NET-2, ENC-4."""
import sys
import tempfile
import time
from pathlib import Path

from console_server import Console
from swtpm import Swtpm
from uplink_agent import Agent
from uplink_real import Clinic


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def cells(console):
    return sorted(p.name for p in (console.directory / "epoch").iterdir())


def check_console(console, chip):
    say("init has put the key into the TPM; the doctor sees it there")
    assert cells(console) == ["epoch-1.cell"], cells(console)
    console.stop()
    report = console.run("doctor").stdout
    assert "tpm2: epoch 1 of 1" in report, report
    say("without the TPM it does not start, and says what to do")
    chip.off()
    begun = console.run("serve", "--contract", console.contract_path)
    assert begun.returncode != 0 and "group tss" in begun.stderr, begun
    report = console.run("doctor").stdout
    assert "group tss" in report, report
    chip.on()
    console.start()


def check_agent(agent, clinic):
    say("a PC with a key in its TPM joins it; the console knows where the key is")
    done = agent.ctl("enroll", clinic.code()["code"])
    assert done.returncode == 0, done
    agent.wait(agent.connected, "connected")
    path = f"/api/v1/terminals/{agent.console()['terminal']}"
    agent.wait(lambda: clinic.call("GET", path)["keyKind"] == "tpm", "the kind of its key")


def main(program, contract, *programs):
    with tempfile.TemporaryDirectory(prefix="sekisho-tpm-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "agent").mkdir()
        chip, other = Swtpm(folder / "chip"), Swtpm(folder / "other")
        (folder / "token").write_text(f"tpm2:{chip.where}\n")
        agent = None
        try:
            with Console(program, contract, {"Keys": {"TokenFile": folder / "token"}}) as console:
                check_console(console, chip)
                agent = Agent(folder / "agent", programs, tpm=other.where)
                agent.start()
                check_agent(agent, Clinic(console))
        finally:
            if agent:
                agent.stop()
            chip.off()
            other.off()
    say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
