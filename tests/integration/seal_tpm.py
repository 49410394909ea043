#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The key that leases and offline codes are sealed to: from a file into the TPM, cut anywhere; the TPM away, back, another.
Usage: seal_tpm.py SEKISHOD UPLINK SEKISHOCTL Serves LOSS-3."""
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import uplink_console
from swtpm import Swtpm
from uplink_agent import Agent

NONE = "device:/nonexistent"


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def kept(agent):
    return json.loads((agent.folder / "state/console/seal.json").read_text())


def await_place(agent, *places, seconds=15):
    agent.wait(lambda: agent.status()["seal_key"] in places, f"the key: {places}", seconds)


def restart(agent, tpm=None):
    agent.stop_core()
    agent.tpm = tpm or agent.tpm
    agent.start_core()


def helper_of(agent):
    return int(Path(f"/proc/{agent.core.pid}/task/{agent.core.pid}/children").read_text().split()[0])


def check_file(agent, console):
    say("without a TPM the key is in a file")
    assert agent.status()["seal_key"] == "none"
    assert agent.ctl("enroll", console.code()).returncode == 0
    agent.wait(agent.connected, "connected")
    await_place(agent, "file")
    agent.wait(lambda: kept(agent)["secret"], "the file")
    assert "no TPM" in agent.ctl("status").stdout
    return kept(agent)


def check_moved(agent, chip, before):
    say("with one it is moved there, and works after a restart")
    restart(agent, chip.where)
    await_place(agent, "tpm")
    after = kept(agent)
    assert after["public"] == before["public"] and after["wrapped"], after
    assert before["secret"] not in json.dumps(after) and not after["secret"] and not after["offline"]
    restart(agent)
    await_place(agent, "tpm")
    assert "in the TPM" in agent.ctl("status").stdout
    assert kept(agent) == after


def check_killed(agent, chip, before):
    say("killed while it is moved: there is one of both, and the next start ends it")
    seen = set()
    for _ in range(8):
        agent.stop_core()
        (agent.folder / "state/console/seal.json").write_text(json.dumps(before))
        agent.core = agent.spawn(agent.core_path, "--config", str(agent.folder / "conf"), "--tpm", agent.tpm)
        time.sleep(random.uniform(0.02, 0.25))
        agent.core.kill()
        agent.core.wait()
        chip.off()  # the kernel's driver would forget what was loaded
        chip.on()
        found = kept(agent)
        assert bool(found["secret"]) != bool(found.get("wrapped")), found
        seen.add(bool(found["secret"]))
        agent.start_core()
        await_place(agent, "tpm")
        assert kept(agent)["public"] == before["public"]
    say(f"in a file after {'some' if True in seen else 'no'} of the kills, in the TPM after {'some' if False in seen else 'none'}")


def check_away(agent, chip):
    say("the TPM is away: said with its code and the next step, and healed by itself")
    agent.stop_core()
    chip.off()
    agent.start_core()
    await_place(agent, "away")
    agent.wait(lambda: [r for r in agent.kinds("console.seal-key-away") if r["body"].get("code") == "SK-1544"], "its record")
    assert "SK-1544" in agent.ctl("status").stdout
    chip.on()
    await_place(agent, "tpm", seconds=45)
    say("its helper is killed: core goes on, and the next start has another")
    os.kill(helper_of(agent), signal.SIGKILL)
    assert agent.ctl("status").returncode == 0
    restart(agent)
    await_place(agent, "tpm")


def check_other(agent, console, chip, folder):
    say("another TPM opens nothing; enrolled anew there is another key")
    before = kept(agent)
    agent.stop_core()
    chip.replace(folder)
    agent.start_core()
    await_place(agent, "lost")
    assert kept(agent) == before
    assert agent.ctl("enroll", "--leave").returncode == 0
    assert agent.ctl("enroll", console.code(secret=b"another678")).returncode == 0
    await_place(agent, "tpm")
    assert kept(agent)["public"] != before["public"]
    say("a damaged file is no key, and no crash")
    agent.stop_core()
    damaged = kept(agent)
    damaged["wrapped"] = damaged["wrapped"][:-8] + "AAAAAAA="
    (agent.folder / "state/console/seal.json").write_text(json.dumps(damaged))
    agent.start_core()
    await_place(agent, "lost", "none")


def main(programs):
    with tempfile.TemporaryDirectory(prefix="sekisho-seal-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "agent").mkdir()
        console = uplink_console.in_folder(folder / "console")
        console.start()
        chip = Swtpm(folder / "chip")
        agent = Agent(folder / "agent", programs, tpm=NONE)
        try:
            agent.start()
            before = check_file(agent, console)
            check_moved(agent, chip, before)
            check_killed(agent, chip, before)
            check_away(agent, chip)
            check_other(agent, console, chip, folder / "other-chip")
        except BaseException:
            print((agent.folder / "log").read_text(errors="replace")[-6000:])
            raise
        finally:
            agent.stop()
            console.stop()
            chip.off()
    say("done")


if __name__ == "__main__":
    main(sys.argv[1:4])
