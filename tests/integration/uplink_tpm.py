#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A PC whose key is in a TPM: enrolment, TLS, restart, renewal; the TPM away, back, and another one.
Usage: uplink_tpm.py SEKISHOD UPLINK SEKISHOCTL Serves NET-2."""
import sys
import tempfile
import time
from pathlib import Path

import uplink_console
from swtpm import Swtpm
from uplink_agent import Agent

IN_TPM = b"-----BEGIN SEKISHO TPM2 KEY-----"


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def keys(agent):
    return [p.read_bytes() for p in (agent.folder / "uplink").glob("key-*")]


def until_of(agent):
    return agent.console()["connection"].get("certificate_until", 0)


def restart(agent, chip):
    """Killed in the midst of a signature, too; the kernel's driver would forget then what was loaded, a chip does when the
    power goes."""
    agent.kill_uplink()
    if chip.process:
        chip.off()
        chip.on()


def offline_for(agent, cause):
    def is_so():
        connection = agent.console()["connection"]
        return (connection["state"], connection.get("cause")) == ("offline", cause)
    return is_so


def check_enrolment(agent, console, chip):
    say("enrolled: the request is signed, and TLS begun, by the TPM")
    done = agent.ctl("enroll", console.code())
    assert done.returncode == 0, done
    agent.wait(agent.connected, "connected")
    assert agent.console()["connection"]["key_in_tpm"], agent.console()
    assert [k.startswith(IN_TPM) for k in keys(agent)] == [True]
    say("after a restart, too")
    restart(agent, chip)
    agent.wait(agent.connected, "connected after a restart")
    console.wait_for(lambda: len(console.records) >= len(agent.records()), "all records")


def check_renewal(agent, console, chip):
    say("the certificate is renewed with another key of the TPM, and never with one in a file")
    console.certificate_seconds = 12
    assert agent.ctl("enroll", console.code(secret=b"abcdefghij")).returncode == 0
    agent.wait(agent.connected, "connected")
    until = until_of(agent)
    before = keys(agent)
    console.wait_for(lambda: len(console.records) >= len(agent.records()), "all records")
    time.sleep(2)  # no other connection is being made
    chip.off()
    agent.wait(lambda: b"the certificate was not renewed" in (agent.folder / "log").read_bytes(), "a renewal that fails")
    assert keys(agent) == before and agent.connected()
    chip.on()
    console.certificate_seconds = 86400
    restart(agent, chip)
    agent.wait(lambda: until_of(agent) > until, "another certificate")
    agent.wait(agent.connected, "connected with it")
    after = keys(agent)
    assert len(after) == 1 and after[0].startswith(IN_TPM) and after != before


def check_away(agent, chip):
    say("the TPM is away: said with its code and the next step, and healed by itself")
    chip.off()
    restart(agent, chip)
    agent.wait(offline_for(agent, "key"), "the cause")
    assert agent.console()["connection"]["detail"] == "there is no TPM", agent.console()
    agent.wait(lambda: [r for r in agent.kinds("console.connection") if r["body"].get("code") == "SK-1527"], "its record")
    shown = agent.ctl("status").stdout
    assert "TPM" in shown, shown
    chip.on()
    agent.wait(agent.connected, "connected with the TPM back", 60)


def check_late(agent, chip, folder):
    say("a TPM that comes after the jail was made: the uplink starts anew for it")
    agent.tpm = f"device:{folder / 'tpmrm0'}"
    restart(agent, chip)
    agent.wait(offline_for(agent, "key"), "the cause")
    agent.tpm = chip.where  # of the next one
    (folder / "tpmrm0").touch()  # not a TPM, but there
    agent.wait(lambda: b"sekisho-uplink: ended: No such device" in (agent.folder / "log").read_bytes(), "its end", 60)
    agent.wait(agent.connected, "connected again", 60)


def check_other(agent, console, chip, folder):
    say("another TPM is nobody; enrolled again it is somebody")
    chip.replace(folder)
    restart(agent, chip)
    agent.wait(offline_for(agent, "key"), "the cause")
    assert "not of this TPM" in agent.console()["connection"]["detail"], agent.console()
    assert agent.ctl("enroll", console.code(secret=b"another678")).returncode == 0
    agent.wait(agent.connected, "connected with the other TPM")
    assert agent.console()["connection"]["key_in_tpm"]


def main(programs):
    with tempfile.TemporaryDirectory(prefix="sekisho-uplink-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "agent").mkdir()
        console = uplink_console.in_folder(folder / "console")
        console.start()
        chip = Swtpm(folder / "chip")
        agent = Agent(folder / "agent", programs, tpm=chip.where)
        try:
            agent.start()
            check_enrolment(agent, console, chip)
            check_renewal(agent, console, chip)
            check_away(agent, chip)
            check_late(agent, chip, folder)
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
    main(sys.argv[1:])
