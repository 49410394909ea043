#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""sekisho-luks, in its jail: what it makes is what plain cryptsetup reads, what it opens is what it made, and nothing
that was changed since. This script is the worker that starts it.

usage: carry_luks.py SEKISHO_LUKS CARRY_HALF
Serves OUT-1, OUT-2, LOSS-3."""
import base64
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from luks2_header import Header, setter
from uplink_calls import VERSION

LUKS, HALF = (os.path.abspath(a) for a in sys.argv[1:3])
CRYPTSETUP = shutil.which("cryptsetup", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
MIB = 1 << 20
SIZE = 64 * MIB
HEAD = struct.Struct("=HHIQ")
OPEN, FORM, REKEY, OPENED, FORMED, EVALUATE, EVALUATED = 0x0601, 0x0602, 0x0603, 0x0681, 0x0682, 0x0485, 0x0405
LEASE_ASK, LEASE = 0x0484, 0x0406
TAKE, KEEP, FIND = range(3)
WANTED = struct.Struct("=32s40s64sIIII")
PLAN = struct.Struct("=32s64s64s64s32sIIIIII")
VOLUME = struct.Struct("=QII64s")
MADE = struct.Struct("=40s64sII128sQ")
BOUND, PORTABLE = 1, 2
BY_PASSPHRASE, BOTH, BY_RECOVERY = 0, 1, 2
ARGON2ID, PBKDF2 = 3, 1
MEDIUM, PASSPHRASE = "01J00000000000000000000001", b"Correct-Horse-7-Battery"
NEW = b"Staple-Battery-8-Horse"
WRONG, CHANGED, OTHER, WEAK, SMALL, BAD_KEY, DEAD = 1233, 1234, 1235, 1237, 1244, 1248, 5614
SEED = "07" * 32
TIMEOUT = 60
failures = 0


def check(what, condition, detail=""):
    global failures
    print(f"{'ok  ' if condition else 'FAIL'} {what} {detail if not condition else ''}".rstrip(), flush=True)
    failures += not condition


def helper(*arguments):
    return subprocess.run([HALF, *arguments], check=True, capture_output=True, text=True).stdout.split()


SECRET, PUBLIC = helper("--key")


def memfd(data, seal=True):
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    for done in range(0, len(data), MIB):
        os.write(fd, data[done:done + MIB])
    if seal:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    return fd


class Program:
    """One run of it."""

    def __init__(self, leases=None):
        self.leases = leases
        self.socket, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(TIMEOUT)

        def prepare():
            os.dup2(there.fileno(), 3)
            os.set_inheritable(3, True)
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
        self.process = subprocess.Popen([LUKS], preexec_fn=prepare, close_fds=False, stderr=subprocess.PIPE)
        there.close()

    def run(self, kind, body, fds, half=None):
        """Return: the answer's body. half: answers what it asks; a number: the console's refusal."""
        message = HEAD.pack(VERSION, kind, HEAD.size + len(body), 0) + body
        socket.send_fds(self.socket, [message], fds)
        for fd in fds:
            os.close(fd)
        self.asked = 0
        while True:
            answer = self.socket.recv(16384)
            if not answer:
                raise RuntimeError(f"it ended: {self.process.wait()} {self.process.stderr.read()}")
            _, kind, size, _ = HEAD.unpack_from(answer)
            assert size == len(answer)
            body = answer[HEAD.size:]
            if kind == LEASE_ASK:
                self.socket.send(self.leases.answer(body))
                continue
            if kind != EVALUATE:
                self.socket.close()
                return body
            self.asked += 1
            self.socket.send(self.evaluated(body, half))

    @staticmethod
    def evaluated(body, half):
        medium, _, _, blinded = struct.unpack("=32sII32s", body)
        assert medium.rstrip(b"\0").decode() == MEDIUM
        if isinstance(half, int):
            made = struct.pack("=II160x", half, 0)
        else:
            element, proof, public = (bytes.fromhex(t) for t in helper(half, blinded.hex()))
            made = struct.pack("=II32s64s32s32s", 0, 0, element, proof, public, b"grant")
        return HEAD.pack(VERSION, EVALUATED, HEAD.size + len(made), 0) + made


class Leases:
    """What core keeps of leases; the key of the terminal is SECRET."""
    ABOUT = ["L1", MEDIUM, "T1", "1000", "2000"]

    def __init__(self):
        self.box, self.asked, self.code = b"", [], 0

    def answer(self, body):
        medium, what, size, box = struct.unpack("=32sII128s", body)
        assert medium.rstrip(b"\0").decode() == MEDIUM
        self.asked.append(what)
        content = b""
        if what == KEEP:
            self.box = box[:size]
        if what == FIND and self.box:
            content = bytes.fromhex(helper("--unseal", SECRET, *self.ABOUT, self.box.hex())[0])
        code = self.code or (5619 if what == FIND and not self.box else 0)
        made = struct.pack("=II32s32sqqqq32s128s", code, len(content), b"L1", b"T1", 1000, 2000, 1500, 1500,
                           bytes.fromhex(PUBLIC), content)
        return HEAD.pack(VERSION, LEASE, HEAD.size + len(made), 0) + made


class Made:
    def opens_with(self, key):
        with tempfile.TemporaryDirectory() as folder:
            return cryptsetup("open", "--test-passphrase", "--key-slot", "0", "--key-file", "-", str(image(folder, self)),
                              data=key).returncode == 0

    def __init__(self, code, volume, made, detail, header):
        self.code, self.detail, self.header = code, detail, header
        self.offset, self.sector, _, self.key = VOLUME.unpack(volume)
        self.uuid, digest, n_digest, n_box, box, self.capacity = MADE.unpack(made)
        self.uuid, self.digest, self.box = self.uuid.rstrip(b"\0").decode(), digest[:n_digest], box[:n_box]


def plan_of(mode, kdf=(ARGON2ID, 4, 65536, 0)):
    return PLAN.pack(MEDIUM.encode(), b"clinic", "検査部 1".encode(), b"x25519:test", bytes.fromhex(PUBLIC), mode,
                     kdf[0], kdf[1], kdf[2], kdf[3], 0)


def form(mode=PORTABLE, passphrase=PASSPHRASE, size=SIZE, half=SEED, kdf=(ARGON2ID, 4, 65536, 0)):
    header = os.memfd_create("medium", os.MFD_CLOEXEC)
    os.ftruncate(header, size)
    plan = plan_of(mode, kdf)
    body = Program().run(FORM, struct.pack("=Q", size) + plan, [os.dup(header), memfd(passphrase)], half)
    code = struct.unpack_from("=II", body)[0]
    at = 8 + VOLUME.size
    made = Made(code, body[8:at], body[at:at + MADE.size], body[at + MADE.size:].split(b"\0")[0], header)
    made.bytes = os.pread(header, 16 * MIB, 0)
    return made


def open_medium(made, content=None, passphrase=PASSPHRASE, half=SEED, purpose=1, **other):
    """Return: the code, the volume key, how often the console was asked."""
    content = made.bytes if content is None else bytes(content[:16 * MIB])
    wanted = WANTED.pack(other.get("medium", MEDIUM).encode(), other.get("uuid", made.uuid).encode(),
                         other.get("digest", made.digest), len(other.get("digest", made.digest)), purpose,
                         other.get("lease", 0), 0)
    program = Program(other.get("leases", Leases()))
    body = program.run(OPEN, struct.pack("=Q", SIZE) + wanted, [memfd(content, seal=False), memfd(passphrase)], half)
    code = struct.unpack_from("=II", body)[0]
    return code, VOLUME.unpack(body[8:8 + VOLUME.size])[3], program.asked


class Rekeyed:
    """The header after its keys were changed, or that it was not."""

    def __init__(self, made, how=BY_PASSPHRASE, old=PASSPHRASE, new=NEW, content=None, half=SEED):
        content = made.bytes if content is None else bytes(content[:16 * MIB])
        wanted = WANTED.pack(MEDIUM.encode(), made.uuid.encode(), made.digest, len(made.digest), 1, 0, 0)
        header = memfd(content, seal=False)
        program = Program()
        body = program.run(REKEY, struct.pack("=Q", SIZE) + wanted + plan_of(BOUND) + struct.pack("=II", how, 0),
                           [os.dup(header), memfd(old), memfd(new)], half)
        self.code, self.asked = struct.unpack_from("=II", body)[0], program.asked
        uuid, digest, n_digest, n_box, box, _ = MADE.unpack(body[8:8 + MADE.size])
        self.uuid, self.digest, self.box = uuid.rstrip(b"\0").decode(), digest[:n_digest], box[:n_box]
        self.detail = body[8 + MADE.size:].split(b"\0")[0]
        self.bytes = os.pread(header, 16 * MIB, 0)
        self.changed = self.bytes != content
        os.close(header)


def cryptsetup(*arguments, data=PASSPHRASE):
    return subprocess.run([CRYPTSETUP, *arguments], input=data, capture_output=True, check=False)


def image(folder, made, name="medium"):
    path = Path(folder, name)
    with open(path, "wb") as file:
        file.write(made.bytes)
        file.truncate(SIZE)
    return path


def check_made(folder):
    made = form()
    check("a portable medium is made", made.code == 0, f"{made.code} {made.detail}")
    path = image(folder, made)
    opened = cryptsetup("open", "--test-passphrase", "--key-file", "-", str(path))
    check("plain cryptsetup opens it", opened.returncode == 0, opened.stderr)
    dump = json.loads(cryptsetup("luksDump", "--dump-json-metadata", str(path)).stdout)
    check("two slots, one segment at 16 MiB, one token",
          (sorted(dump["keyslots"]), dump["segments"]["0"]["offset"], len(dump["tokens"])) == (["0", "1"], str(16 * MIB), 1))
    check("AES-XTS with 512 bits", dump["segments"]["0"]["encryption"] == "aes-xts-plain64" and
          dump["keyslots"]["0"]["key_size"] == 64)
    check("the label is in the token", dump["tokens"]["0"]["label"] == "検査部 1")
    key = bytes.fromhex(helper("--box", SECRET, MEDIUM, made.box.hex())[0])
    opened = cryptsetup("open", "--test-passphrase", "--key-slot", "1", "--key-file", "-", str(path), data=key)
    check("the recovery key out of its box opens the second slot", opened.returncode == 0, opened.stderr)
    code, found, asked = open_medium(made)
    check("it opens", code == 0 and found == made.key and any(found), code)
    check("and nobody was asked", asked == 0)
    code = open_medium(made, passphrase=b"another-one-8-times")[0]
    check("another passphrase does not", code == WRONG, code)
    for name, passphrase in (("short", b"Abc-123"), ("no digit", b"abcdefgh-ijklmnop"), ("no sign", b"abcdefgh1234567"),
                             ("not ASCII", "ぱすふれーず-123-abc".encode())):
        check(f"a passphrase that is {name} is refused", form(passphrase=passphrase).code == WEAK)
    check("a medium of 32 MiB is refused", form(size=32 * MIB).code == SMALL)
    check("weaker key derivation than the least is not made", form(kdf=(ARGON2ID, 1, 8192, 0)).code == 1240)
    check("nor by PBKDF2", form(kdf=(PBKDF2, 0, 0, 1000)).code == 1240)
    check("PBKDF2 of the profile is", form(kdf=(PBKDF2, 0, 0, 600000)).code == 0)
    return made


def check_bound():
    made = form(BOUND)
    check("a bound medium is made", made.code == 0, f"{made.code} {made.detail}")
    code, key, asked = open_medium(made)
    check("it opens with the console's half", (code, key, asked) == (0, made.key, 1), code)
    check("not without", open_medium(made, half=1513)[0] == 1513)
    check("the console's reason is told", open_medium(made, half=5611)[0] == 5611)
    check("another key of the console opens nothing", open_medium(made, half="08" * 32)[0] == WRONG)
    check("nor another passphrase", open_medium(made, passphrase=b"another-one-8-times")[0] == WRONG)
    with tempfile.TemporaryDirectory() as folder:
        opened = cryptsetup("open", "--test-passphrase", "--key-file", "-", str(image(folder, made)))
        check("the passphrase alone opens nothing, with plain cryptsetup either", opened.returncode == 2, opened.returncode)
    return made


def check_lease(made):
    """The slot's key, sealed to the terminal: it opens without the console, and not without the passphrase."""
    leases = Leases()
    check("no lease was asked for, none is taken", open_medium(made, leases=leases)[0] == 0 and not leases.asked)
    check("another passphrase takes none", open_medium(made, passphrase=b"another-one-8-times", leases=leases, lease=1)[0] == WRONG
          and not leases.asked)
    check("opened with the console: the lease is taken and kept",
          open_medium(made, leases=leases, lease=1)[0] == 0 and leases.asked == [TAKE, KEEP] and leases.box, leases.asked)
    content = bytes.fromhex(helper("--unseal", SECRET, *Leases.ABOUT, leases.box.hex())[0])
    check("what is in the box is no key of the slot", len(content) == 48 and
          made.opens_with(content[16:]) is False)
    code, key, asked = open_medium(made, half=1513, leases=leases, lease=1)
    check("it opens without the console", (code, key, asked) == (0, made.key, 1) and leases.asked[2:] == [FIND], code)
    check("not with another passphrase", open_medium(made, half=1513, passphrase=b"another-one-8-times", leases=leases)[0] == WRONG)
    leases.code = 1541
    check("the reason is told", open_medium(made, half=1513, leases=leases)[0] == 1541)
    leases.code = 0
    check("the console's no is no reason to ask for it",
          open_medium(made, half=5611, leases=leases)[0] == 5611 and leases.asked[-1] == FIND and len(leases.asked) == 5,
          leases.asked)
    check("without a lease", open_medium(made, half=1513)[0] == 1513)
    leases.box = bytes.fromhex(helper("--seal", PUBLIC, *Leases.ABOUT, "00" * 47)[0])
    check("a box of another size", open_medium(made, half=1513, leases=leases)[0] == 1513)


def swapped(made):
    """The answer of a console whose key is not the grant's: element of one, public half of another."""
    original = Program.evaluated

    def lie(body, half):
        good, bad = original(body, SEED), original(body, "08" * 32)
        at = HEAD.size + 8
        return good[:at] + bad[at:at + 96] + good[at + 96:]
    Program.evaluated = staticmethod(lie)
    try:
        return open_medium(made)[0]
    finally:
        Program.evaluated = staticmethod(original)


def check_tampered(folder, made):
    """What was changed with a right checksum: refused before the console is asked about it."""
    path = image(folder, made)
    good = open_medium(made)
    check("as it was made, it opens", good[0] == 0)

    def tampered(name, change, wanted=CHANGED):
        header = Header(path)
        change(header)
        code, key, asked = open_medium(made, header.medium)
        check(f"{name}: refused", (code, asked) == (wanted, 0) and not any(key), f"{code}, asked {asked} times")

    def tree(change):
        return lambda header: header.change(change)

    tampered("null cipher (CVE-2025-59054)", tree(setter("cipher_null-ecb", "segments", "0", "encryption")))
    tampered("null cipher in the kernel's words",
             tree(setter("capi:ecb(cipher_null)-plain", "segments", "0", "encryption")))
    tampered("null cipher of a slot", tree(setter("cipher_null-ecb", "keyslots", "0", "area", "encryption")))
    tampered("weaker cipher", tree(setter("aes-cbc-essiv:sha256", "segments", "0", "encryption")))
    tampered("open segment", tree(setter("linear", "segments", "0", "type")))
    tampered("segment elsewhere", tree(setter(str(24 * MIB), "segments", "0", "offset")))
    tampered("segment of a part", tree(setter(str(MIB), "segments", "0", "size")))
    tampered("segment with integrity", tree(setter({"type": "hmac(sha256)", "journal_encryption": "none",
                                                    "journal_integrity": "none"}, "segments", "0", "integrity")))
    tampered("reencryption, as a requirement (CVE-2021-4122)",
             tree(setter({"mandatory": ["online-reencrypt-v2"]}, "config", "requirements")))
    tampered("reencryption, as flags", tree(setter(["in-reencryption"], "segments", "0", "flags")))
    tampered("weaker key derivation", tree(setter(8, "keyslots", "0", "kdf", "memory")))
    tampered("token of another mode", tree(setter("open", "tokens", "0", "mode")))
    tampered("token without keys", tree(setter([], "tokens", "0", "keys")))
    tampered("token for the recovery slot", tree(setter(["1"], "tokens", "0", "keyslots")))
    tampered("token taken away", tree(lambda t: t["tokens"].clear()))
    tampered("second token", tree(lambda t: t["tokens"].update({"1": {"type": "clevis", "keyslots": []}})))
    tampered("token of another medium", tree(setter("01J00000000000000000000002", "tokens", "0", "medium")), OTHER)
    tampered("second copy only", lambda header: header.change(
        setter("cipher_null-ecb", "segments", "0", "encryption"), copies=(1,)))
    header = Header(path)
    header.medium[5000:5004] = bytes(4)
    check("a copy damaged: it opens by the other one", open_medium(made, header.medium)[:2] == (0, made.key))
    header.medium[5000 + header.size:5004 + header.size] = bytes(4)
    check("both copies damaged: refused", open_medium(made, header.medium)[0] == CHANGED)
    tampered("the passphrase slot named as one with a random key", tree(setter(0, "keyslots", "0", "priority")))
    tampered("a weak recovery slot that is to be tried", tree(setter(1, "keyslots", "1", "priority")))


def newer(header, which):
    """This copy has a higher number than the other one."""
    start = which * header.size + 16
    header.medium[start:start + 8] = (int.from_bytes(header.medium[start:start + 8], "big") + 1).to_bytes(8, "big")
    header.seal(which)


def check_copies(folder, made):
    """Two whole copies that say different things: the newer one is what is checked, and what is used."""
    for which, name in enumerate(("first", "second")):
        header = Header(image(folder, made))
        header.change(setter("cipher_null-ecb", "segments", "0", "encryption"), copies=(which,))
        newer(header, which)
        code, key, asked = open_medium(made, header.medium)
        check(f"the {name} copy is newer and has a null cipher: refused", (code, asked) == (CHANGED, 0) and not any(key), code)
        header = Header(image(folder, made))
        header.change(setter("cipher_null-ecb", "segments", "0", "encryption"), copies=(1 - which,))
        newer(header, which)
        check(f"the {name} copy is newer and good: it is used", open_medium(made, header.medium)[:2] == (0, made.key))


def check_rekeyed(folder, made):
    """The passphrase of a portable medium, by the old one."""
    other = Rekeyed(made)
    check("the passphrase is changed", (other.code, other.digest, other.uuid, other.box) == (0, made.digest, made.uuid, b""),
          f"{other.code} {other.detail}")
    check("the new one opens", open_medium(made, other.bytes, NEW)[:2] == (0, made.key))
    check("the old one does not", open_medium(made, other.bytes)[0] == WRONG)
    path = Path(folder, "rekeyed")
    path.write_bytes(other.bytes)
    os.truncate(path, SIZE)
    check("plain cryptsetup agrees", [cryptsetup("open", "--test-passphrase", "--key-file", "-", str(path), data=data).returncode
                                      for data in (NEW, PASSPHRASE)] == [0, 2])
    key = bytes.fromhex(helper("--box", SECRET, MEDIUM, made.box.hex())[0])
    check("the recovery key still opens", cryptsetup("open", "--test-passphrase", "--key-slot", "1", "--key-file", "-",
                                                     str(path), data=key).returncode == 0)
    again = Rekeyed(made, old=NEW, new=PASSPHRASE, content=other.bytes)
    check("and changed back, in the slot that was free", again.code == 0 and
          open_medium(made, again.bytes)[0] == 0 and open_medium(made, again.bytes, NEW)[0] == WRONG, again.code)
    wrong = Rekeyed(made, old=NEW)
    check("not by another passphrase, and nothing is written", (wrong.code, wrong.changed) == (WRONG, False), wrong.code)
    weak = Rekeyed(made, new=b"short")
    check("not to a weak one", (weak.code, weak.changed) == (WEAK, False), weak.code)
    header = Header(image(folder, made))
    header.change(setter(["in-reencryption"], "segments", "0", "flags"))
    bad = Rekeyed(made, content=header.medium)
    check("not in a header that was changed", (bad.code, bad.asked) == (CHANGED, 0), bad.code)
    check("a header of before still opens with the old passphrase: a portable medium cannot be revoked",
          open_medium(made, made.bytes)[0] == 0)


def check_recovered(folder, made):
    """A forgotten passphrase: by the recovery key, which is another one afterwards."""
    key = bytes.fromhex(helper("--box", SECRET, MEDIUM, made.box.hex())[0])
    other = Rekeyed(made, BY_RECOVERY, old=key)
    check("recovered", other.code == 0 and other.box and other.box != made.box, f"{other.code} {other.detail}")
    check("the new passphrase opens", open_medium(made, other.bytes, NEW)[:2] == (0, made.key))
    check("the forgotten one does not", open_medium(made, other.bytes)[0] == WRONG)
    path = Path(folder, "recovered")
    path.write_bytes(other.bytes)
    os.truncate(path, SIZE)
    new = bytes.fromhex(helper("--box", SECRET, MEDIUM, other.box.hex())[0])
    check("the new recovery key opens, the one that was given out does not",
          [cryptsetup("open", "--test-passphrase", "--key-slot", "3", "--key-file", "-", str(path), data=data).returncode
           for data in (new, key)] == [0, 2])
    again = Rekeyed(made, BY_RECOVERY, old=key, content=other.bytes)
    check("nor recovers it again", (again.code, again.changed) == (BAD_KEY, False), again.code)
    check("the passphrase is no recovery key", Rekeyed(made, BY_RECOVERY).code == BAD_KEY)
    both = Rekeyed(made, BOTH)
    check("by the passphrase, with another recovery key", both.code == 0 and both.box and both.box != made.box, both.code)


def check_rekeyed_bound(made):
    """Of a bound medium each passphrase is worth something only with the console's half, so a copy of the header, old or
    new, is worth nothing when that half is destroyed."""
    other = Rekeyed(made)
    check("a bound one is changed, and the console was asked for both", (other.code, other.asked) == (0, 2), other.code)
    check("it opens with the new passphrase", open_medium(made, other.bytes, NEW)[:2] == (0, made.key))
    refused = Rekeyed(made, half=1513)
    check("not without the console", (refused.code, refused.changed) == (1513, False), refused.code)
    for name, header, passphrase in (("before", made.bytes, PASSPHRASE), ("after", other.bytes, NEW)):
        code, key, _ = open_medium(made, header, passphrase, half=DEAD)
        check(f"a copy of the header from {name} the change dies with the revocation", code == DEAD and not any(key), code)
        check(f"a copy from {name}, and a console with another key", open_medium(made, header, passphrase, half="08" * 32)[0] == WRONG)


def check_cut(made):
    """The states in which a cut leaves a header: areas, second copy, first copy, each perhaps half written."""
    after = Rekeyed(made).bytes
    size, areas = 16384, 32768

    def state(first, second, rest, torn=None):
        header = bytearray(rest)
        header[:size], header[size:areas] = first[:size], second[size:areas]
        if torn is not None:
            header[torn * size + 4096:torn * size + 8192] = b"\xff" * 4096
        return bytes(header)

    mixed = bytearray(made.bytes)
    for at in range(areas, 16 * MIB, 4096):
        if any(after[at:at + 4096]):
            mixed[at:at + 4096] = after[at:at + 4096]
    for name, header, passphrase in (
            ("the new areas are written", state(made.bytes, made.bytes, mixed), PASSPHRASE),
            ("the second copy is torn", state(made.bytes, after, mixed, 1), PASSPHRASE),
            ("the second copy is written", state(made.bytes, after, mixed), NEW),
            ("the first copy is torn", state(after, after, mixed, 0), NEW),
            ("the first copy is written", state(after, after, mixed), NEW)):
        other = NEW if passphrase == PASSPHRASE else PASSPHRASE
        check(f"cut when {name}: one passphrase opens", (open_medium(made, header, passphrase)[:2],
              open_medium(made, header, other)[0]) == ((0, made.key), WRONG))
        repaired = Rekeyed(made, old=passphrase, new=b"Third-Passphrase-9-x", content=header)
        check("and it can be changed again", repaired.code == 0 and
              open_medium(made, repaired.bytes, b"Third-Passphrase-9-x")[0] == 0, repaired.code)


def check_changed_by_cryptsetup(folder, made):
    def changed(name, *arguments, data=PASSPHRASE, wanted=CHANGED):
        path = image(folder, made, "changed")
        done = cryptsetup(*[str(path) if a == "MEDIUM" else a for a in arguments], data=data)
        check(f"{name}: cryptsetup does it", done.returncode == 0, done.stderr)
        code, _, asked = open_medium(made, path.read_bytes())
        check(f"{name}: refused", (code, asked) == (wanted, 0), code)

    key = Path(folder, "key")
    key.write_bytes(b"an additional key")
    changed("key slot added", "luksAddKey", "--batch-mode", "--key-file", "-", "--pbkdf", "argon2id", "--pbkdf-memory", "65536",
            "--pbkdf-force-iterations", "4", "--pbkdf-parallel", "1", "MEDIUM", str(key))
    changed("recovery slot taken away", "luksKillSlot", "--batch-mode", "--key-file", "-", "MEDIUM", "1")
    changed("reencryption begun", "reencrypt", "--key-slot", "0", "--init-only", "--force-offline-reencrypt", "--batch-mode", "--key-file", "-",
            "--reduce-device-size", "8M", "MEDIUM")
    changed("another UUID", "luksUUID", "--batch-mode", "--uuid", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", "MEDIUM",
            wanted=OTHER)


def check_exchanged(made):
    """A medium that somebody made by himself, under the identity of a registered one."""
    mine = form()
    path = tempfile.NamedTemporaryFile(prefix="sekisho-carry-")
    path.write(mine.bytes)
    path.truncate(SIZE)
    path.flush()
    done = cryptsetup("luksUUID", "--batch-mode", "--uuid", made.uuid, path.name)
    assert done.returncode == 0, done.stderr
    content = Path(path.name).read_bytes()
    check("another volume key under its UUID", open_medium(made, content)[0] == OTHER)
    check("a grant that knows no digest opens nothing", open_medium(made, digest=b"")[0] == OTHER)


def check_hands():
    """What is not as agreed ends it, without an answer."""
    made = form()
    for name, body, fds in (("no passphrase", bytes(8) + bytes(WANTED.size), [memfd(made.bytes)]),
                            ("no medium", bytes(8) + bytes(WANTED.size), [memfd(made.bytes), memfd(b"x")]),
                            ("a short message", bytes(8), [memfd(made.bytes), memfd(b"x")])):
        try:
            Program().run(OPEN, body, fds)
            check(f"{name}: it ends", False)
        except RuntimeError as error:
            check(f"{name}: it ends", "it ended: 1" in str(error), error)
    wanted = WANTED.pack(MEDIUM.encode(), made.uuid.encode(), made.digest, len(made.digest), 1, 0, 0)
    body = Program().run(OPEN, struct.pack("=Q", SIZE) + wanted, [memfd(made.bytes), memfd(PASSPHRASE, seal=False)])
    check("a passphrase that could still change is none", struct.unpack_from("=I", body)[0] == WRONG)
    for cut in (0, 4095, 20000):
        check(f"a header cut after {cut} bytes", open_medium(made, made.bytes[:cut])[0] in (CHANGED, 1216))


def main():
    if not CRYPTSETUP:
        print("needs cryptsetup")
        return 77
    with tempfile.TemporaryDirectory(prefix="sekisho-carry-") as folder:
        portable = check_made(folder)
        bound = check_bound()
        check("an answer that is not of the grant's key is refused", swapped(bound) == DEAD)
        check_lease(bound)
        check_tampered(folder, bound)
        check_changed_by_cryptsetup(folder, portable)
        check_copies(folder, bound)
        check_rekeyed(folder, portable)
        check_recovered(folder, portable)
        check_rekeyed_bound(bound)
        check_cut(portable)
        check_exchanged(bound)
        check_hands()
    print(f"{failures} failures")
    return 1 if failures else 0


sys.exit(main())
