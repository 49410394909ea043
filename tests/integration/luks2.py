#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""LUKS2 headers made by the real cryptsetup with many parameters, and tampered ones, through lib/luks2.

usage: luks2.py LUKS2_SHOW

What is read from a good header must be what cryptsetup says about it. Tampered headers get right checksums again: an
attacker would do the same.
"""
import base64
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile

from luks2_header import Header, setter

SHOW = os.path.abspath(sys.argv[1])
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
CRYPTSETUP = shutil.which("cryptsetup", path=PATH)
MIB = 1 << 20
GOOD_KDF = ["--pbkdf", "argon2id", "--pbkdf-memory", "65536", "--pbkdf-force-iterations", "4", "--pbkdf-parallel", "1"]
XTS_512 = ["--cipher", "aes-xts-plain64", "--key-size", "512"]

failures = 0


def check(what, condition, detail=""):
    global failures
    print(f"{'ok  ' if condition else 'FAIL'} {what} {detail if not condition else ''}".rstrip(), flush=True)
    failures += not condition


def cryptsetup(*arguments, data=b"passphrase"):
    return subprocess.run([CRYPTSETUP, *arguments], input=data, check=True, capture_output=True,
                          env=dict(os.environ, LC_ALL="C")).stdout


def make(path, *options, size=32 * MIB):
    with open(path, "wb") as file:
        file.truncate(size)
    cryptsetup("luksFormat", "--type", "luks2", "--batch-mode", "--key-file", "-", *options, path)


def show(path):
    result = subprocess.run([SHOW, path], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        return {"problems": ["the reader failed"], "stderr": result.stderr}
    return json.loads(result.stdout)


def hexadecimal(text):
    return base64.b64decode(text).hex()


def compare(what, path, expected_problems):
    """Everything that is read, against cryptsetup's own reader."""
    facts, truth = show(path), json.loads(cryptsetup("luksDump", "--dump-json-metadata", path))
    uuid = cryptsetup("luksUUID", path).decode().strip()
    check(f"{what}: problems", facts["problems"] == expected_problems, f"{facts['problems']}")
    check(f"{what}: uuid", facts.get("uuid") == uuid, f"{facts.get('uuid')} {uuid}")
    for slot in facts["keyslots"]:
        real = truth["keyslots"][str(slot["number"])]
        if real["type"] != "luks2":
            continue
        kdf, area = real["kdf"], real["area"]
        check(f"{what}: keyslot {slot['number']}",
              (slot["kdf"], slot["key_size"], slot["area_key_size"], slot["area_encryption"]) ==
              (kdf["type"], real["key_size"], area["key_size"], area["encryption"]) and
              (slot["time"], slot["memory"], slot["cpus"]) == tuple(kdf.get(n, 0) for n in ("time", "memory", "cpus")) and
              (slot["iterations"], slot["kdf_hash"]) == (kdf.get("iterations", 0), kdf.get("hash", "")) and
              (slot["area_offset"], slot["area_size"]) == (int(area["offset"]), int(area["size"])) and
              (slot["stripes"], slot["af_hash"]) == (real["af"]["stripes"], real["af"]["hash"]) and
              slot["priority"] == real.get("priority", 1), f"{slot} {real}")
    check(f"{what}: keyslots", sorted(str(s["number"]) for s in facts["keyslots"]) == sorted(truth["keyslots"]))
    for segment in facts["segments"]:
        real = truth["segments"][str(segment["number"])]
        check(f"{what}: segment {segment['number']}",
              segment["offset"] == int(real["offset"]) and segment["encryption"] == real.get("encryption", "") and
              segment["size"] == (-1 if real["size"] == "dynamic" else int(real["size"])) and
              segment["sector_size"] == real.get("sector_size", 0), f"{segment} {real}")
    check(f"{what}: number of segments", facts["n_segments"] == len(truth["segments"]))
    digest, real = facts["digests"][0], truth["digests"]["0"]
    check(f"{what}: digest", (digest["digest"], digest["salt"], digest["hash"], digest["iterations"]) ==
          (hexadecimal(real["digest"]), hexadecimal(real["salt"]), real["hash"], real["iterations"]), f"{digest} {real}")


def real_headers(folder):
    """Each a way in which cryptsetup can make one: name, options, the problems it must have."""
    fast = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "600000"]
    weak = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"]
    cases = [
        ("ours", [*XTS_512, *GOOD_KDF], []),
        ("pbkdf2", [*XTS_512, *fast, "--hash", "sha256"], []),
        ("pbkdf2-sha512", [*XTS_512, *fast, "--hash", "sha512"], []),
        ("pbkdf2-1000", [*XTS_512, *weak], ["weak-key-derivation"]),
        ("pbkdf2-sha1", [*XTS_512, *fast, "--hash", "sha1"], ["weak-key-derivation"]),
        ("argon2i", [*XTS_512, *[o if o != "argon2id" else "argon2i" for o in GOOD_KDF]], ["weak-key-derivation"]),
        ("argon2id-32", [*XTS_512, *[o if o != "65536" else "32768" for o in GOOD_KDF]], ["weak-key-derivation"]),
        ("key-256", ["--cipher", "aes-xts-plain64", "--key-size", "256", *GOOD_KDF], ["weak-cipher"]),
        ("cbc", ["--cipher", "aes-cbc-essiv:sha256", "--key-size", "256", *GOOD_KDF], ["weak-cipher"]),
        ("sector-512", [*XTS_512, *GOOD_KDF, "--sector-size", "512"], []),
        ("label", [*XTS_512, *GOOD_KDF, "--label", "検査部 USB-1", "--subsystem", "clinic"], []),
        ("large-header", [*XTS_512, *GOOD_KDF, "--luks2-metadata-size", "1m", "--luks2-keyslots-size", "4m"], []),
        ("uuid", [*XTS_512, *GOOD_KDF, "--uuid", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"], []),
        ("detached-offset", [*XTS_512, *GOOD_KDF, "--offset", "40960"], []),
    ]
    for name, options, problems in cases:
        path = os.path.join(folder, name)
        try:
            make(path, *options)
        except subprocess.CalledProcessError as error:
            check(f"{name}: cryptsetup makes it", False, error.stderr.decode())
            continue
        compare(name, path, problems)
    check("label: read", show(os.path.join(folder, "label"))["label"] == "検査部 USB-1")


def changed_headers(folder):
    """What cryptsetup itself does to a header later."""
    base = os.path.join(folder, "ours")
    slots = shutil.copy(base, os.path.join(folder, "slots"))
    key = os.path.join(folder, "key")
    with open(key, "wb") as file:
        file.write(b"another")
    cryptsetup("luksAddKey", "--batch-mode", "--key-file", "-", *GOOD_KDF, slots, key)
    compare("second key", slots, [])
    cryptsetup("config", "--priority", "ignore", "--key-slot", "1", slots)
    compare("second key, ignored", slots, [])
    tokens = shutil.copy(base, os.path.join(folder, "keyring"))
    cryptsetup("token", "add", "--key-description", "x", tokens)
    compare("a keyring token", tokens, ["foreign-token"])
    moving = shutil.copy(base, os.path.join(folder, "moving"))
    cryptsetup("reencrypt", "--init-only", "--force-offline-reencrypt", "--batch-mode", "--key-file", "-",
               "--reduce-device-size", "8M", *GOOD_KDF, moving)
    found = show(moving)["problems"]
    check("interrupted reencryption", "reencryption" in found and "segment-count" in found, f"{found}")
    decrypting = shutil.copy(base, os.path.join(folder, "decrypting"))
    try:
        exported = os.path.join(folder, "exported")
        cryptsetup("reencrypt", "--decrypt", "--init-only", "--force-offline-reencrypt", "--batch-mode", "--key-file", "-",
                   "--header", exported, decrypting)
        found = show(exported)["problems"]
        check("interrupted decryption", "reencryption" in found, f"{found}")
    except subprocess.CalledProcessError as error:
        check("cryptsetup begins a decryption", False, error.stderr.decode())


def problems(header, folder):
    path = os.path.join(folder, "tampered")
    with open(path, "wb") as file:
        file.write(header.medium)
    return show(path)["problems"]


TOKEN = {"type": "sekisho", "keyslots": ["0"], "version": 1, "medium": "M-0001", "organisation": "clinic.example",
         "label": "検査部 1", "mode": "bound", "keys": ["2026-1"]}


def put_token(tree, **changes):
    tree["tokens"]["0"] = dict(TOKEN, **changes)


def second_segment(tree, kind):
    first = tree["segments"]["0"]
    first["size"] = str(MIB)
    tree["segments"]["1"] = dict(first, offset=str(int(first["offset"]) + MIB), size="dynamic")
    tree["digests"]["0"]["segments"].append("1")
    if kind == "linear":
        tree["segments"]["1"] = {"type": "linear", "offset": tree["segments"]["1"]["offset"], "size": "dynamic"}
        tree["digests"]["0"]["segments"].pop()


def swap_segments(tree):
    second_segment(tree, "crypt")
    segments = tree["segments"]
    segments["0"]["offset"], segments["1"]["offset"] = segments["1"]["offset"], segments["0"]["offset"]


def added_slot(tree):
    """A slot of the attacker's, weak, beside ours."""
    slot = copy.deepcopy(tree["keyslots"]["0"])
    slot["kdf"].update(time=1, memory=32)
    slot["area"]["offset"] = str(int(slot["area"]["offset"]) + int(slot["area"]["size"]))
    tree["keyslots"]["1"] = slot
    tree["digests"]["0"]["keyslots"].append("1")


def remover(*names):
    def change(tree):
        for name in names[:-1]:
            tree = tree[name]
        del tree[names[-1]]
    return change


def tampered_trees(folder, base):
    """CVE-2025-59054: null ciphers and other segments. CVE-2021-4122: a reencryption that never happened."""
    cases = [
        ("null cipher of the segment", setter("cipher_null-ecb", "segments", "0", "encryption"), {"null-cipher", "weak-cipher"}),
        ("null cipher in the kernel's words", setter("capi:ecb(cipher_null)-plain", "segments", "0", "encryption"),
         {"null-cipher", "weak-cipher"}),
        ("null cipher of a keyslot", setter("cipher_null-ecb", "keyslots", "0", "area", "encryption"),
         {"null-cipher", "weak-cipher"}),
        ("half a key", setter(32, "keyslots", "0", "key_size"), {"weak-cipher"}),
        ("an area with half a key", setter(32, "keyslots", "0", "area", "key_size"), {"weak-cipher"}),
        ("a linear segment", setter("linear", "segments", "0", "type"), {"plain-segment", "digest"}),
        ("two segments", lambda t: second_segment(t, "crypt"), {"segment-count"}),
        ("an open second segment", lambda t: second_segment(t, "linear"), {"segment-count", "plain-segment"}),
        ("segments swapped", swap_segments, {"segment-count"}),
        ("no segment", remover("segments", "0"), {"segment-count", "digest"}),
        ("a segment over the header", setter("0", "segments", "0", "offset"), {"segment-place"}),
        ("a segment over the keyslots", setter("32768", "segments", "0", "offset"), {"segment-place"}),
        ("a segment beyond the medium", setter(str(1 << 60), "segments", "0", "offset"), {"segment-place"}),
        ("a segment too long", setter(str(1 << 62), "segments", "0", "size"), {"segment-place"}),
        ("a segment between sectors", setter(str(16 * MIB + 1), "segments", "0", "offset"), {"segment-place"}),
        ("flags of a reencryption", setter(["in-reencryption"], "segments", "0", "flags"), {"reencryption"}),
        ("reencryption required", setter({"mandatory": ["online-reencrypt-v2"]}, "config", "requirements"), {"reencryption"}),
        ("offline reencryption", setter({"mandatory": ["offline-reencrypt"]}, "config", "requirements"), {"reencryption"}),
        ("an unknown requirement", setter({"mandatory": ["inline-hw-tags"]}, "config", "requirements"),
         {"unknown-requirement"}),
        ("a slot added", added_slot, {"weak-key-derivation"}),
        ("a weaker slot", setter(8, "keyslots", "0", "kdf", "memory"), {"weak-key-derivation"}),
        ("an unknown derivation", setter("scrypt", "keyslots", "0", "kdf", "type"), {"unknown-keyslot"}),
        ("an unknown slot", setter("tpm9", "keyslots", "0", "type"), {"unknown-keyslot"}),
        ("a slot without digest", setter([], "digests", "0", "keyslots"), {"digest"}),
        ("a segment with two digests", lambda t: t["digests"].update({"1": dict(t["digests"]["0"], keyslots=[])}), {"digest"}),
        ("a digest of nothing", remover("digests", "0"), {"digest"}),
        ("a digest that is not base64", setter("!!!!", "digests", "0", "digest"), {"structure"}),
        ("a digest too long", setter(base64.b64encode(bytes(66)).decode(), "digests", "0", "digest"), {"structure"}),
        ("our token", put_token, set()),
        ("our token twice", lambda t: (put_token(t), t["tokens"].update({"1": TOKEN})), {"token-incomplete"}),
        ("our token, another mode", lambda t: put_token(t, mode="open"), {"token-incomplete"}),
        ("our token, version 2", lambda t: put_token(t, version=2), {"token-incomplete"}),
        ("our token without medium", lambda t: put_token(t, medium=""), {"token-incomplete"}),
        ("our token, medium too long", lambda t: put_token(t, medium="M" * 64), {"structure", "token-incomplete"}),
        ("our token, five keys", lambda t: put_token(t, keys=["k"] * 5), {"token-incomplete"}),
        ("a foreign token", lambda t: t["tokens"].update({"0": {"type": "clevis", "keyslots": ["0"]}}), {"foreign-token"}),
        ("a section too many", setter({}, "hidden"), {"extra-data"}),
        ("a section missing", remover("tokens"), {"structure"}),
        ("a slot named 01", lambda t: t["keyslots"].update({"01": t["keyslots"].pop("0")}), {"structure", "digest"}),
        ("a slot named 32", lambda t: t["keyslots"].update({"32": t["keyslots"].pop("0")}), {"structure", "digest"}),
        ("a size that is a number", setter(16777216, "segments", "0", "offset"), {"structure", "segment-place"}),
        ("a negative key size", setter(-1, "keyslots", "0", "key_size"), {"structure", "weak-cipher"}),
        ("a broken number", setter(64.5, "keyslots", "0", "key_size"), {"structure", "weak-cipher"}),
        ("a key size of 2^32 + 64", setter((1 << 32) + 64, "keyslots", "0", "key_size"), {"structure", "weak-cipher"}),
        ("another json_size", setter("4096", "config", "json_size"), {"structure"}),
    ]
    for name, change, expected in cases:
        header = Header(base)
        header.change(change)
        found = problems(header, folder)
        check(f"tampered: {name}", set(found) == expected, f"{found}")


def tampered_texts(folder, base):
    good = Header(base).text()
    depth = 5000
    cases = [
        ("no JSON", b"hello", ["not-json"]),
        ("nothing", b"", ["not-json"]),
        ("a list", b"[]", ["not-json"]),
        ("half of it", good[:len(good) // 2], ["not-json"]),
        ("a second object", good + b"{}", ["not-json"]),
        ("a name twice", good.replace(b'"tokens":{}', b'"tokens":{},"tokens":{}'), ["not-json"]),
        ("a slot twice", good.replace(b'"keyslots":{"0":', b'"keyslots":{"0":{},"0":', 1), ["not-json"]),
        ("deep lists", b"[" * depth + b"]" * depth, ["not-json"]),
        ("deep objects", b'{"a":' * depth, ["not-json"]),
        ("a huge number", good.replace(b'"key_size":64', b'"key_size":' + b"9" * 400, 1), ["not-json"]),
        ("a huge exponent", good.replace(b'"key_size":64', b'"key_size":1e999', 1), ["not-json"]),
        ("a zero in a text", good.replace(b'"type":"crypt"', b'"type":"crypt\\u0000"'), ["not-json"]),
        ("not UTF-8", good.replace(b'"type":"crypt"', b'"type":"cr\xffpt"'), ["not-json"]),
    ]
    for name, text, expected in cases:
        header = Header(base)
        if len(text) >= header.size - 4096:
            text = text[:header.size - 4097]
        header.put(text)
        found = problems(header, folder)
        check(f"tampered: {name}", found == expected, f"{found}")


def tampered_bytes(folder, base):
    def tampered(name, expected, change):
        header = Header(base)
        change(header)
        found = problems(header, folder)
        check(f"tampered: {name}", found == expected, f"{found}")

    def flip(position, seal=None):
        def change(header):
            header.medium[position] ^= 1
            if seal is not None:
                header.seal(seal)
        return change

    size = Header(base).size
    tampered("first copy", ["first-copy-damaged"], flip(5000))
    tampered("second copy", ["second-copy-damaged"], flip(size + 5000))
    tampered("both copies", ["no-header", "first-copy-damaged", "second-copy-damaged"],
             lambda h: (flip(5000)(h), flip(size + 5000)(h)))
    tampered("magic", ["no-header"], flip(0))
    tampered("version", ["no-header"], flip(7))
    tampered("header size", ["no-header"], flip(14))
    tampered("sequence of one copy", ["copy-older"], flip(23, 0))
    tampered("uuid of one copy", ["copies-differ"], flip(168, 0))
    tampered("one other JSON", ["copies-differ"],
             lambda h: h.change(setter("cipher_null-ecb", "segments", "0", "encryption"), copies=(1,)))
    tampered("another algorithm", ["no-header", "first-copy-damaged", "second-copy-damaged", "checksum-algorithm"],
             lambda h: [h.medium.__setitem__(slice(w * size + 72, w * size + 79), b"crc32\0\0") for w in (0, 1)])
    tampered("bytes behind the JSON", ["extra-data"],
             lambda h: [(h.medium.__setitem__(w * size + size - 1, 1), h.seal(w)) for w in (0, 1)])
    for length in (0, 1, 4095, 4096, size, 2 * size - 1):
        path = os.path.join(folder, "short")
        with open(path, "wb") as file:
            file.write(Header(base).medium[:length])
        check(f"cut after {length} bytes", show(path)["problems"] == ["no-header"])


def main():
    if not CRYPTSETUP:
        print("needs cryptsetup")
        return 77
    with tempfile.TemporaryDirectory(prefix="sekisho-luks2-") as folder:
        real_headers(folder)
        changed_headers(folder)
        base = os.path.join(folder, "ours")
        tampered_trees(folder, base)
        tampered_texts(folder, base)
        tampered_bytes(folder, base)
    print(f"{failures} failures")
    return 1 if failures else 0


sys.exit(main())
