# SPDX-License-Identifier: GPL-2.0-or-later
"""Saved machines: boot once, then every start takes a fraction of a second.

A template is the RAM of a machine that has booted (and, for the clinic PC, has the agent
installed). A start maps that RAM copy-on-write: nothing that happens in it is kept.
"""
import os
import shutil
from pathlib import Path

from .machine import Machine
from .paths import LAB, Lock, digest, say

KEEP = 12  # templates on disk, about 200 MB each; the longest unused go first, none that runs beside this one
# Saved only when staff is really signed in and nothing is starting any more.
SETTLED = ("udevadm settle; systemctl is-system-running --wait >/dev/null; for i in $(seq 200); do "
           "ls -d /sys/fs/cgroup/user.slice/user-1000.slice/session-*.scope >/dev/null 2>&1 && break; "
           "sleep 0.1; done; systemctl is-system-running --wait >/dev/null; true")


def key(pc, *parts):
    """A name for what this machine is made of, and for these parts."""
    pc.dir = Path("@")
    try:
        return digest(pc.guest.name, pc.built_in, *pc.arguments(), *parts)
    finally:
        pc.dir = None


def _make(cls, folder, options, prepare, what):
    say(f"preparing {what} (once) ...")
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    pc = cls(**options)
    try:
        pc.boot(ram_file=new / "ram", shared=True)
        pc.sh(SETTLED, timeout=120)
        if prepare:
            prepare(pc)
        pc.save(new)
    finally:
        pc.stop()
    new.rename(folder)


def _prune(folder):
    others = [p for p in folder.parent.iterdir() if p.is_dir() and p != folder]
    for old in sorted(others, key=lambda p: p.stat().st_mtime, reverse=True)[KEEP - 1:]:
        shutil.rmtree(old, ignore_errors=True)


def template(prepare=None, parts=(), what="a saved machine", cls=Machine, **options):
    """The folder of the template for these Machine options; made when it is not there.

    prepare(pc) runs in the booted machine before it is saved; `parts` name what it depends on.
    """
    folder = LAB / "templates" / key(cls(**options), *parts)
    if not folder.exists():
        with Lock("template"):
            if not folder.exists():
                _make(cls, folder, options, prepare, what)
                _prune(folder)
    os.utime(folder)
    return folder


def bare(append="", built_in=(), cls=Machine, **options):
    """A PC with plain Debian, without the agent, in a fraction of a second. Use it with `with`."""
    options = dict(append=append, built_in=tuple(built_in), **options)
    return cls(template=template(what="a PC without the agent", **options), **options)
