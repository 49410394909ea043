#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Virus definitions on their whole way: brought to a real console by the real mirror, signed by the console, fetched by a
real uplink that is killed on the way, judged by a real core. Usage: uplink_definitions.py SEKISHOD UPLINK SEKISHOCTL CONSOLE
CONTRACT MIRROR. Serves MAL-2."""
import base64
import hashlib
import json
import os
import random
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from console_fixture import Fixture
from console_server import Console
from uplink_agent import Agent
from uplink_console import Key
from uplink_real import Clinic, say

BIG = 12 << 20


class Mirror:
    """The head office's console, as this one sees it: a key that it believes, and a stick with a bundle."""

    def __init__(self, program, folder, store):
        self.program, self.folder, self.key, self.count = program, folder, Key(folder / "office.pem"), 0
        (folder / "mirror").mkdir()
        (folder / "mirror" / "definitions.conf").write_text(
            f"[Mirror]\nDirectory={store}\nAddress=none\nKeys={folder}/office.pub\n")
        (folder / "office.pub").write_text(base64.b64encode(self.key.public).decode() + "\n")

    def bring(self, built, **files):
        self.count += 1
        stick = self.folder / f"stick-{self.count}"
        stick.mkdir()
        listed = []
        for name, content in files.items():
            (stick / f"{name}.cld").write_bytes(content)
            listed.append({"name": f"{name}.cld", "number": self.count, "built": built, "size": len(content),
                           "sha256": hashlib.sha256(content).hexdigest()})
        (stick / "manifest.json").write_text(json.dumps(self.key.sign("definitions", {
            "terminal": "*", "serial": self.count, "files": listed})))
        done = subprocess.run([self.program, "--config", str(self.folder / "mirror"), "import", str(stick)],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done


def here(agent):
    folder = agent.folder / "state-definitions"
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.name[0] != "."}


def digests(**files):
    return {f"{name}.cld": hashlib.sha256(content).hexdigest() for name, content in files.items()}


def enrol(agent, clinic):
    assert agent.ctl("enroll", clinic.code()["code"]).returncode == 0
    agent.wait(agent.connected, "connected")
    return agent.console()["terminal"]


def check_way(agent, clinic, mirror, now):
    say("two databases, the uplink killed again and again while it fetches them")
    files = {"main": os.urandom(BIG), "daily": b"daily one"}
    mirror.bring(now - 86400, **files)
    # Slow enough for kills to find it at work.
    agent.settings("[Uplink]\nBandwidthLimit=8M\n")
    agent.ctl("reload")
    seen, part = set(), agent.folder / "uplink" / "definitions"
    end = time.monotonic() + 60
    while here(agent) != digests(**files):
        assert time.monotonic() < end, (here(agent), (agent.folder / "log").read_text(errors="replace")[-3000:])
        sizes = [p.stat().st_size for p in part.iterdir()] if part.exists() else []
        if sizes and sizes[0] > 0 and sizes[0] < BIG and len(seen) < 4 and sizes[0] not in seen:
            seen.add(sizes[0])
            agent.kill_uplink()
        time.sleep(0.25)
    assert len(seen) >= 2, seen
    say(f"cut at {sorted(seen)} of {BIG} bytes")
    assert list(part.iterdir()) == [], "what core has is not kept twice"
    complete = agent.kinds("definitions.complete")
    assert len(complete) == 1 and complete[0]["body"]["code"] == "SK-1514", complete
    return files


def check_age(clinic, terminal, agent, days, state):
    def age():
        items = clinic.call("GET", "/api/v1/definition-ages")["items"]
        return next((i for i in items if i["terminal"] == terminal), {})

    agent.ctl("reload")
    agent.kill_uplink()  # it tells its status anew
    agent.wait(lambda: age().get("days") == days, f"an age of {days} days", 90)
    assert age()["state"] == state, age()


def check_news(agent, clinic, mirror, now, files):
    say("a newer one: only that is fetched; the older ones of both are gone")
    before = (agent.folder / "state-definitions" / "main.cld").stat()
    files = dict(files, daily=b"daily two")
    mirror.bring(now - 30 * 86400, daily=files["daily"])
    agent.wait(lambda: here(agent) == digests(**files), "the newer one", 40)
    after = (agent.folder / "state-definitions" / "main.cld").stat()
    assert (before.st_ino, before.st_mtime) == (after.st_ino, after.st_mtime)
    return files


def check_forged(agent, clinic, mirror, now, files):
    say("a file that was changed at the console after it was signed never becomes the scanner's")
    content = b"daily three"
    forged = clinic.console.directory / "definitions" / "files" / hashlib.sha256(content).hexdigest()
    agent.kill_uplink()
    mirror.bring(now, daily=content)
    forged.write_bytes(b"daily THREE")
    agent.wait(lambda: agent.kinds("definitions.refused"), "the refusal", 40)
    refused = agent.kinds("definitions.refused")[0]["body"]
    assert refused["code"] == "SK-1515" and refused["sha256"] == forged.name, refused
    assert here(agent) == digests(**files)
    forged.write_bytes(content)
    agent.kill_uplink()
    agent.wait(lambda: here(agent) == digests(**dict(files, daily=content)), "the right one", 60)


def check_range(console, clinic):
    say("a file from the middle on")
    listed = clinic.call("GET", "/api/v1/definitions?state=served")["items"]
    assert {f["name"] for f in listed} == {"main.cld", "daily.cld"} and all(f["source"] == "bundle" for f in listed)
    sha256 = base64.b64decode(next(f["digest"] for f in listed if f["name"] == "main.cld")).hex()
    path = f"/api/v1/agent/definitions/{sha256}"
    whole = console.call("GET", path, certificate="agent")
    assert whole.status == 200 and hashlib.sha256(whole.body).hexdigest() == sha256
    rest = console.call("GET", path, certificate="agent", headers={"Range": "bytes=1000000-"})
    assert rest.status == 206 and rest.body == whole.body[1000000:], rest.status
    assert rest.headers["content-range"] == f"bytes 1000000-{BIG - 1}/{BIG}", rest.headers
    for odd in (f"bytes={BIG}-", "bytes=5-9", "bytes=-5", "bytes=x-", "lines=1-", "bytes=", "-", "bytes=1-,2-"):
        answer = console.call("GET", path, certificate="agent", headers={"Range": odd})
        assert answer.status == 200 and answer.body == whole.body, odd


def main(core, uplink, ctl, program, contract, mirror_program):
    random.seed(5)
    with tempfile.TemporaryDirectory(prefix="sekisho-definitions-") as name, Console(program, contract) as console:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "state-definitions").mkdir()
        agent = Agent(folder, (core, uplink, ctl))
        now = int(time.time())
        try:
            agent.start()
            clinic = Clinic(console)
            terminal = enrol(agent, clinic)
            mirror = Mirror(mirror_program, folder, console.directory / "definitions")
            files = check_way(agent, clinic, mirror, now)
            check_age(clinic, terminal, agent, 1, "current")
            files = check_news(agent, clinic, mirror, now, files)
            check_forged(agent, clinic, mirror, now, files)
            check_range(console, clinic)
        except BaseException:
            print((folder / "log").read_text(errors="replace")[-6000:])
            raise
        finally:
            agent.stop()
    say("done")


if __name__ == "__main__":
    main(*sys.argv[1:])
