#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""make_tree.py FOLDER [MEGABYTES]: the mixed tree of a clinic's medium, the same bytes on every run of a machine.

By volume: images 35 %, documents 35 %, archives 15 %, programs 15 %. Programs are copies of this machine's own;
everything else is generated from a fixed seed. Sizes follow what such media hold: many small texts, few large files.
"""
import io
import os
import random
import struct
import sys
import tarfile
import zipfile
import zlib

SEED = 4711
WORDS = ("patient 患者 検査 結果 insulin dose 処方 薬剤 ward clinic result referral 紹介状 2024 mmHg glucose chest "
         "x-ray 保険 請求 receipt doctor nurse 院長 date value normal 異常なし the of and to in is for with on").split()


def text(source, size):
    parts, total = [], 0
    while total < size:
        line = " ".join(source.choices(WORDS, k=12)) + f" {source.randrange(10 ** 9)}\n"
        parts.append(line)
        total += len(line.encode())
    return "".join(parts).encode()[:size]


def png(source, size):
    side = max(16, int((size / 3) ** 0.5))
    rows = b"".join(b"\0" + source.randbytes(side * 3) for _ in range(side))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


DC_BITS = bytes([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
AC_BITS = bytes([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125])


def jpeg(source, size):
    """A grey baseline JPEG whose entropy-coded part is random: decoders walk all of it."""
    def segment(marker, data):
        return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data

    ac_values = bytes(sorted(set(range(256)) - {r << 4 for r in range(1, 15)}))[:162]
    side = max(64, int((size * 2) ** 0.5) // 8 * 8)
    return b"".join((
        b"\xff\xd8", segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), segment(0xDB, b"\0" + bytes([16] * 64)),
        segment(0xC0, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0"),
        segment(0xC4, b"\0" + DC_BITS + bytes(range(12))), segment(0xC4, b"\x10" + AC_BITS + ac_values),
        segment(0xDA, b"\1\1\0\0\x3f\0"), source.randbytes(size).replace(b"\xff", b"\xff\0"), b"\xff\xd9"))


def pdf(source, size):
    out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []

    def add(body):
        offsets.append(len(out))
        out.extend(f"{len(offsets)} 0 obj\n".encode() + body + b"\nendobj\n")

    add(b"<< /Type /Catalog /Pages 2 0 R >>")
    add(b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
    add(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>")
    while len(out) < size:
        page = zlib.compress(b"BT /F1 12 Tf 72 720 Td (" + text(source, 20000) + b") Tj ET", 6)
        add(f"<< /Length {len(page)} /Filter /FlateDecode >>\nstream\n".encode() + page + b"\nendstream")
    start = len(out)
    out.extend(f"xref\n0 {len(offsets) + 1}\n0000000000 65535 f \n".encode())
    out.extend("".join(f"{offset:010d} 00000 n \n" for offset in offsets).encode())
    out.extend(f"trailer << /Size {len(offsets) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return bytes(out)


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (2024, 6, 1, 9, 0, 0)), data, zipfile.ZIP_DEFLATED, 6)
    return buffer.getvalue()


def docx(source, size):
    body = b"<w:document><w:body><w:p>" + text(source, size * 2) + b"</w:p></w:body></w:document>"
    return zipped([("[Content_Types].xml", b"<?xml version='1.0'?><Types/>"), ("_rels/.rels", b"<Relationships/>"),
                   ("word/document.xml", body), ("word/media/image1.png", png(source, size // 2))])


def csv(source, size):
    rows, total = [], 0
    while total < size:
        rows.append(f"{source.randrange(10 ** 7)},{source.choice(WORDS)},{source.random():.4f},2024-06-01\r\n")
        total += len(rows[-1].encode())
    return "".join(rows).encode()


def html(source, size):
    return b"<!DOCTYPE html><html><body><p>" + text(source, size) + b"</p></body></html>"


def archive(source, size):
    members = [(f"folder/{i}.txt", text(source, size // 3)) for i in range(3)]
    return zipped(members + [("folder/photo.jpg", jpeg(source, size // 3))])


def tarball(source, size):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=6) as out:
        for i in range(4):
            data = text(source, size // 2)
            member = tarfile.TarInfo(f"folder/{i}.txt")
            member.size, member.mtime = len(data), 1717200000
            out.addfile(member, io.BytesIO(data))
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + buffer.getvalue()[10:]


# Kind, share of the volume, smallest and largest file.
KINDS = ((jpeg, "jpg", 0.27, 40_000, 1_500_000), (png, "png", 0.08, 5_000, 200_000), (pdf, "pdf", 0.14, 20_000, 600_000),
         (docx, "docx", 0.10, 10_000, 200_000), (csv, "csv", 0.05, 500, 60_000), (html, "html", 0.02, 1_000, 40_000),
         (text, "txt", 0.04, 200, 30_000), (archive, "zip", 0.09, 20_000, 600_000), (tarball, "tar.gz", 0.06, 20_000, 600_000))


def programs(folder, volume):
    total = 0
    for place in ("/usr/bin", "/usr/sbin"):
        for name in sorted(os.listdir(place)):
            path = os.path.join(place, name)
            if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > 20_000_000:
                continue
            with open(path, "rb") as source:
                data = source.read()
            with open(os.path.join(folder, name), "wb") as out:
                out.write(data)
            total += len(data)
            if total >= volume:
                return


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder, megabytes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 1024
    for make, suffix, share, least, most in KINDS:
        source, total, number = random.Random(f"{SEED}{suffix}"), 0, 0
        while total < megabytes * 1_000_000 * share:
            place = os.path.join(folder, suffix, f"{number // 200:03d}")
            os.makedirs(place, exist_ok=True)
            data = make(source, int(least * (most / least) ** source.random()))
            with open(os.path.join(place, f"{number:05d}.{suffix}"), "wb") as out:
                out.write(data)
            total += len(data)
            number += 1
    place = os.path.join(folder, "programs")
    os.makedirs(place, exist_ok=True)
    programs(place, megabytes * 1_000_000 * 0.15)


main()
