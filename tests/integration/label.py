#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A label is drawn by librsvg and read by zbar: the code says which medium it is, the texts stay inside. Serves OUT-6.

label.py LABEL-PROGRAM"""
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

PROGRAM = sys.argv[1]
MEDIUM = "01JDABCDEFGHJKMNPQRSTVWXYZ"
failures = 0


def check(what, good, detail=""):
    global failures
    print(f"{'ok  ' if good else 'FAIL'} {what} {'' if good else detail}")
    failures += not good


def label(**changes):
    fields = dict(organisation="ORG-1", medium=MEDIUM, number="USB-0042", classification="要配慮個人情報",
                  owner="関所クリニック", contact="03-1234-5678", language="ja")
    fields.update(changes)
    return subprocess.run([PROGRAM, *fields.values()], capture_output=True)


def texts(svg):
    return [e.text or "" for e in ET.fromstring(svg).iter() if e.tag.endswith("text")]


def read_code(svg, folder):
    Path(folder, "label.svg").write_bytes(svg)
    subprocess.run(["rsvg-convert", "-z", "4", f"{folder}/label.svg", "-o", f"{folder}/label.png"], check=True)
    done = subprocess.run(["zbarimg", "-q", "--raw", "--nodbus", f"{folder}/label.png"], capture_output=True, text=True)
    return done.stdout.strip()


def main():
    with tempfile.TemporaryDirectory() as folder:
        plain = label()
        check("the code is read again", read_code(plain.stdout, folder) == f"SEKISHO:1:ORG-1:{MEDIUM}")
        check("the texts are there", texts(plain.stdout)[:2] == ["USB-0042", "要配慮個人情報"], texts(plain.stdout))
        check("a finder is told whom to call", "拾得された方はご連絡ください" in texts(plain.stdout))
        english = label(language="en")
        check("in English too", "Found it? Please call:" in texts(english.stdout), texts(english.stdout))
        hostile = label(owner='<script>&"x"</script>', number="N" * 500, contact="\x1b[2J\n電話" * 50)
        found = texts(hostile.stdout)
        check("texts are text", '<script>&"x"</script>'.startswith(found[3]) and len(found[3]) > 10, found)
        check("long ones are cut", 8 <= len(found[0]) <= 20, found[0])
        check("and the code is still read", read_code(hostile.stdout, folder).endswith(MEDIUM))
    for bad in ("", "a b", "x" * 65, "a:b", "日"):
        check(f"{bad[:5]!r} is no id", label(medium=bad).returncode == 3 and label(organisation=bad).returncode == 3)
    sys.exit(1 if failures else 0)


main()
