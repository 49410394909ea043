# SPDX-License-Identifier: GPL-2.0-or-later
"""Corrupt media: the start of every kind of content that the probe knows, and damage where it hurts."""
import tempfile
from pathlib import Path

from . import content, images
from .images import MIB
from .paths import VM

MADE_HERE = ("vfat", "ext4", "iso9660")  # small enough when they are written; the others are cut off
AREAS = ((0, 512), (0, 4096), (1024, 2048), (32768, 36864), (65536, 69632), (0, 1 << 18), (0, MIB))


def _small(fs, folder):
    stage = Path(folder, "stage")
    images.stage({"note.txt": content.text(), "letter.pdf": content.pdf()}, stage)
    images.MAKERS[fs](Path(folder, fs), stage, MIB, "SMALL")
    return Path(folder, fs).read_bytes()


def whole():
    """{name: one MiB} of each kind of content, undamaged, and what the fuzzer of block devices has collected."""
    with tempfile.TemporaryDirectory() as folder:
        found = {fs: _small(fs, folder) for fs in MADE_HERE}
    for name, path in {"exfat": images.clean("exfat"), "ntfs": images.clean("ntfs"), "luks": images.luks(),
                       "udf": images.filesystem("udf", content.documents(), label="UDFDISC")}.items():
        with open(path, "rb") as f:
            found[name] = f.read(MIB)
    corpus = VM.parent / "fuzz" / "corpus" / "block"
    found.update({f"corpus-{p.name}": p.read_bytes() for p in sorted(corpus.iterdir())})
    return {name: data[:MIB].ljust(MIB, b"\0") for name, data in found.items()}


def mutated(data, rng):
    """Damage where file systems keep what they are: at the start, where superblocks lie, and anywhere."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 2, 4, 16, 64))):
        at = rng.randrange(*rng.choice(AREAS))
        kind = rng.randrange(4)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff))
        else:
            size = rng.choice((2, 4, 8, 64, 512))
            piece = rng.randbytes(size) if kind == 2 else bytes([rng.choice((0, 0xff))]) * size
            data[at:at + size] = piece
    return bytes(data[:MIB])


def disk_of(parts, path):
    """A GPT disk with each of these images in a partition."""
    images.blank(path, (len(parts) + 2) * MIB)
    rows = ["label: gpt", f"table-length: {max(128, len(parts))}"]
    rows += [f"start={(n + 1) * 2048}, size=2048" for n in range(len(parts))]
    images.tool("sfdisk", "-q", "--no-reread", "--no-tell-kernel", path, input="\n".join(rows).encode())
    with open(path, "r+b") as f:
        for number, data in enumerate(parts):
            f.seek((number + 1) * MIB)
            f.write(data)
