# SPDX-License-Identifier: GPL-2.0-or-later
"""What the checks share: the files of the tree, and how a finding is told."""
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PRODUCT = ("lib", "policy", "agent", "console")


def files(*suffixes, under=()):
    """Paths relative to the top, of what git keeps or would keep; `under`: only these folders."""
    # A checkout that belongs to somebody else is fine here: `sudo make test` reads it as root.
    listed = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(TOP), "ls-files", "-z", "-c", "-o",
                             "--exclude-standard", "--", *under], check=True, capture_output=True).stdout
    paths = sorted({Path(name) for name in listed.decode().split("\0") if name})
    return [p for p in paths if (TOP / p).is_file() and (not suffixes or p.suffix in suffixes)]


def read(path):
    return (TOP / path).read_text(encoding="utf-8", errors="replace")


class Findings:
    def __init__(self):
        self.count = 0

    def add(self, path, line, text):
        self.count += 1
        print(f"{path}:{line}: {text}" if line else f"{path}: {text}")

    def end(self):
        sys.exit(1 if self.count else 0)
