#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""audit_ctl.py SEKISHOCTL AUDIT_KILL: what `sekishoctl audit` prints and answers, on real logs."""
import csv
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path


def run(*arguments):
    done = subprocess.run([sys.argv[1], "audit", *map(str, arguments)], capture_output=True, text=True, timeout=20,
                          check=False)
    print("sekishoctl audit", *arguments, "->", done.returncode)
    return done


def check(condition, what):
    if not condition:
        sys.exit(f"not so: {what}")


def verify(log, *more):
    done = run("verify", "--directory", log, "--json", *more)
    return done.returncode, json.loads(done.stdout)


def main():
    with tempfile.TemporaryDirectory() as top:
        log, key = Path(top, "log"), Path(top, "key")
        log.mkdir()
        check(run("verify", "--directory", log).returncode == 3, "a directory without a log is an error")
        check(run("init", "--directory", log, "--start-key", key).returncode == 0, "init creates a log")
        check(stat.S_IMODE(key.stat().st_mode) == 0o400, "the start key is for its owner only")
        check(not (log / "start-key").exists(), "the start key is not with the log")
        check("already" in run("init", "--directory", log, "--start-key", key).stdout, "init leaves a log alone")

        subprocess.run([sys.argv[2], "write", "20", str(log)], check=True, timeout=20)
        code, report = verify(log, "--start-key", key)
        check(code == 0 and report["intact"] and report["findings"] == [], "the log is intact")
        check(report["seals"] == report["seals_checked"] > 0, "every seal was checked")
        head = f"{report['head']['seq']}:{report['head']['hash']}"
        check(run("verify", "--directory", log, "--expect", head).returncode == 0, "the head is the one expected")
        check(run("verify", "--directory", log, "--expect", "1:2").returncode == 2, "a bad head is a wrong call")
        check(run("verify", "--directory", log, "--start-key", log / "head").returncode == 3, "'head' is no start key")

        shown = [json.loads(line) for line in run("show", "--directory", log, "--json").stdout.splitlines()]
        check([r["seq"] for r in shown] == list(range(1, report["head"]["seq"] + 1)), "show prints every record")
        seals = run("show", "--directory", log, "--kind", "audit.seal").stdout.splitlines()
        check(len(seals) == report["seals"], "show takes a kind")
        check(run("show", "--directory", log, "--since", "record:5").stdout.startswith("5 "), "show takes a start")
        check(run("show", "--directory", log, "--since", "2100-01-01").stdout == "", "show takes a date")
        check(run("show", "--directory", log, "--since", "yesterday").returncode == 2, "a bad date is a wrong call")
        text = run("export", "--directory", log, "--format", "csv").stdout
        rows = list(csv.DictReader(io.StringIO(text)))
        check([int(r["seq"]) for r in rows] == [r["seq"] for r in shown], "the table has every record")
        check([json.loads(r["body"]) for r in rows] == [r["body"] for r in shown], "the table has every body")
        check(run("export", "--directory", log, "--format", "xml").returncode == 2, "xml is a wrong call")

        segment = log / "segment-00000001.jsonl"
        lines = segment.read_bytes().splitlines(keepends=True)
        segment.write_bytes(b"".join(lines[:7] + lines[8:]))
        code, report = verify(log, "--start-key", key)
        finding = report["findings"][0]
        check(code == 1 and not report["intact"], "a cut log is not intact")
        check((finding["kind"], finding["seq"], finding["file"], finding["line"]) ==
              ("records-missing", 8, segment.name, 8), "the finding says which record, file and line")
        text = run("verify", "--directory", log).stdout
        check(f"{segment.name}:8: records-missing: records 8 to 8 are missing" in text and "do: " in text,
              "the text says what to do")
        if os.geteuid() == 0:
            # A copy of the program: the build may lie where others may not look.
            program = Path(top, "sekishoctl")
            shutil.copy(sys.argv[1], program)
            os.chmod(top, 0o755)
            log.chmod(0o750)
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "audit",
                                   "verify", "--directory", log], capture_output=True, text=True, check=False)
            check(done.returncode == 3 and "only root and the group sekisho" in done.stderr, "others are told why not")
    print("done")


if __name__ == "__main__":
    main()
