# SPDX-License-Identifier: GPL-2.0-or-later
"""What people carry on sticks: documents that open, and things that a clinic refuses."""
import io
import os
import struct
import subprocess
import tempfile
import zipfile
import zlib
from pathlib import Path

SAMPLES = Path("/usr/share/clamav-testfiles")
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
ZIP_TIME = (2024, 5, 1, 9, 0, 0)


def text(n=0):
    return f"Appointment list {n}\n2024-05-01 09:00 Yamada\n".encode() * 8


def csv():
    return "患者番号,検査,結果\n0001,HbA1c,5.8\n0002,LDL,121\n".encode("shift_jis")


def pdf(line="Referral letter"):
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R"
               b"/Resources<</Font<</F1 5 0 R>>>>>>"]
    stream = b"BT /F1 18 Tf 72 760 Td (" + line.encode() + b") Tj ET"
    objects += [b"<</Length %d>>\nstream\n%s\nendstream" % (len(stream), stream),
                b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % p for p in places)
    return out + (b"xref\n0 6\n0000000000 65535 f \n%strailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
                  % (table, len(out)))


def png(size=32):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([y * 8 % 256, 120, 200]) * size for y in range(size))
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def archive(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in members.items():
            z.writestr(zipfile.ZipInfo(name, ZIP_TIME), data)
    return out.getvalue()


def word(macro=False):
    """A Word document, with or without a macro project."""
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    if macro:
        kind = "application/vnd.ms-word.document.macroEnabled.main+xml"
    parts = {
        "[Content_Types].xml": '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats'
        '.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
        'package.relationships+xml"/><Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'
        f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
        "_rels/.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        'relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": '<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/'
        'wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>紹介状</w:t></w:r></w:p></w:body></w:document>'}
    if macro:
        # An OLE2 file by its signature; nothing in it runs.
        parts["word/vbaProject.bin"] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + b"Attribute VB_Name = \"A\""
    return archive(parts)


def windows_program():
    """The smallest thing that is a Windows program to everybody who looks at it; it does nothing."""
    dos = b"MZ" + bytes(58) + struct.pack("<I", 64)
    coff = struct.pack("<HHIIIHH", 0x14c, 1, 0, 0, 0, 224, 0x102)
    optional = struct.pack("<HBBIIIIII", 0x10b, 6, 0, 512, 0, 0, 0x1000, 0x1000, 0x2000)
    optional += struct.pack("<IIIHHHHHHIIIIHHIIIIII", 0x400000, 0x1000, 512, 4, 0, 0, 0, 4, 0, 0, 0x2000, 512,
                            0, 3, 0, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16) + bytes(128)
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", 1, 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
    return (dos + b"PE\0\0" + coff + optional + section).ljust(512, b"\0") + b"\xc3" + bytes(511)


def locked_archive():
    """A zip with a password: nobody can look inside."""
    with tempfile.TemporaryDirectory() as d:
        Path(d, "secret.txt").write_bytes(text())
        os.utime(Path(d, "secret.txt"), (1714521600, 1714521600))
        subprocess.run(["zip", "-q", "-X", "-P", "secret", "locked.zip", "secret.txt"], cwd=d, check=True)
        return Path(d, "locked.zip").read_bytes()


def documents():
    """A clean stick: every file is to open."""
    return {"readme.txt": text(), "letter.pdf": pdf(), "photo.png": png(), "notes.docx": word(),
            "検査結果/2024-05.csv": csv(), "検査結果/胸部.png": png(48),
            "archive/letters.zip": archive({"a.txt": text(1), "b.pdf": pdf("B")})}


def refused_by_type():
    """Each is to be refused for what it is, though it carries no virus. What it says it is may be a lie."""
    return {"setup.exe": windows_program(), "holiday.jpg": windows_program(),
            "tool": Path("/bin/true").read_bytes(), "run.sh": b"#!/bin/sh\necho hello\n",
            "invoice.docm": word(macro=True), "locked.zip": locked_archive()}


def infected():
    """Every sample of Debian's clamav-testfiles, EICAR, and clean files beside them."""
    files = {f"samples/{p.name}": p.read_bytes() for p in sorted(SAMPLES.iterdir()) if p.is_file()}
    return {**files, "eicar.com": EICAR, "clean.txt": text(), "clean.pdf": pdf(), "samples/clean.png": png()}
