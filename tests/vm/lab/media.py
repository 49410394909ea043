# SPDX-License-Identifier: GPL-2.0-or-later
"""Media as the person at the desk meets them: where they are mounted, what opens, what was recorded."""
import subprocess

from .paths import LAB, TOP, VM, LabError, digest

EVERY_WAY = ("open", "openat2", "mmap", "sendfile", "io_uring", "path", "bind")
WAIT = 20  # seconds until a medium must be there, on a busy emulated PC


def program(name, *files):
    """A program built to run in any guest, of tests/vm/programs or of these files of the tree."""
    files = files or (VM / "programs" / f"{name}.c",)
    target = LAB / "programs" / f"{name}-{digest(*files)}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        sources = [f for f in files if f.suffix == ".c"]
        compiler = ["gcc", "-O2", "-Wall", "-D_GNU_SOURCE", "-I", TOP, "-static", "-s"]
        done = subprocess.run([*compiler, "-o", part, *sources], stderr=subprocess.PIPE)
        if done.returncode:
            raise LabError(f"{name}: {done.stderr.decode(errors='replace')}")
        part.rename(target)
    return target


def mounts(pc):
    """Where media are mounted, as the whole PC sees it."""
    rows = [line.split(" ") for text in pc.glob("/proc/1/mounts").values() for line in text.decode().splitlines()]
    return [row[1].replace("\\040", " ") for row in rows if row[1].startswith("/media/")]


def wait_mounted(pc, path, timeout=WAIT):
    return pc.wait(lambda: path in mounts(pc), timeout)


def wait_unmounted(pc, path, timeout=WAIT):
    return pc.wait(lambda: path not in mounts(pc), timeout)


def bodies(pc, kind, code=None):
    """What the records of a kind say, oldest first."""
    return [r["body"] for r in pc.records(kind) if code in (None, r["body"].get("code"))]


def wait_body(pc, kind, code, timeout=WAIT, **words):
    """The first record of this kind and code whose body holds these words, or None."""
    found = pc.wait_record(lambda r: r["kind"] == kind and r["body"].get("code") == code
                           and words.items() <= r["body"].items(), timeout)
    return found and found["body"]


def openways(pc, names, paths, user="staff", timeout=120):
    """{(way, path): result} of tests/vm/programs/openways.c: "read", or the name of the error."""
    if not pc.exists("/usr/local/bin/openways"):
        pc.put(program("openways"), "/usr/local/bin/openways", "755")
    pc.put("".join(f"{path}\n" for path in paths).encode(), "/run/openways.list")
    result = pc.as_user(user, f"openways {','.join(names)} </run/openways.list", timeout)
    rows = [line.split("\t", 2) for line in result.out.splitlines()]
    if len(rows) != len(names) * len(paths):
        raise LabError(f"openways said {len(rows)} of {len(names) * len(paths)} lines: {result.err}")
    return {(way, path): word for way, word, path in rows}


def differing(results, allowed):
    """What in the results of openways() is not as it must be, as a short text."""
    wrong = [f"{way} {path}: {word}" for (way, path), word in results.items() if word not in allowed]
    return "; ".join(wrong[:6]) + (f"; and {len(wrong) - 6} more" if len(wrong) > 6 else "")
