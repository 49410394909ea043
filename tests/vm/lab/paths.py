# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the lab keeps what it makes: everything under build/lab, nothing in the sources."""
import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

VM = Path(__file__).resolve().parent.parent
TOP = VM.parent.parent
LAB = Path(os.environ.get("SEKISHO_LAB_DIR", TOP / "build" / "lab"))
SUITE = os.environ.get("SEKISHO_SUITE")  # another release of Debian's than 12
DEBS = Path(os.environ.get("SEKISHO_DEB_DIR", TOP / "build" / (f"deb-{SUITE}" if SUITE else "deb")))


class LabError(Exception):
    """Something of the lab itself went wrong, as opposed to a failed check."""


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)


def guest_dir():
    """The folder with kernel, initrd and root image; built when its recipe has changed."""
    done = subprocess.run([VM / "build-guest"], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise LabError("the guest could not be built (see above)")
    return Path(done.stdout.strip())


def digest(*parts):
    """A short name for a combination of texts, paths (their content) and numbers."""
    h = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.read_bytes()
        data = part if isinstance(part, bytes) else str(part).encode()
        h.update(len(data).to_bytes(8, "big") + data)
    return h.hexdigest()[:12]


class Lock:
    """An exclusive lock between processes; a person who has to wait is told so."""
    held = set()

    def __init__(self, name):
        if name in self.held:
            raise LabError(f"{name}: in use by this very program (images and templates are made one at a time, "
                           "with no other machine running: make them first)")
        self.name = name
        LAB.mkdir(parents=True, exist_ok=True)
        self.path = LAB / f"{name}.lock"
        self.file = None

    def __enter__(self):
        self.file = open(self.path, "a+")
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"waiting for another run of the lab ({self.path.name}) ...")
            fcntl.flock(self.file, fcntl.LOCK_EX)
        self.held.add(self.name)
        return self

    def __exit__(self, *exc):
        self.held.discard(self.name)
        self.file.close()
