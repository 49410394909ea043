#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Time stamps against a real authority, OpenSSL's: right ones are taken, every other one is refused. Serves LOG-2.

tsa.py TSA-PROGRAM"""
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = sys.argv[1]
CONF = """[tsa]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[x]
extendedKeyUsage = critical,timeStamping
"""
failures = 0


def check(what, good, detail=""):
    global failures
    print(f"{'ok  ' if good else 'FAIL'} {what} {'' if good else detail}")
    failures += not good


def run(*command, cwd):
    subprocess.run(command, check=True, cwd=cwd, capture_output=True)


def authority(folder, name):
    """A certificate authority NAME.pem and its time stamping certificate NAME-tsa.pem."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("openssl", "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}",
        "-days", "30", cwd=folder)
    run("openssl", "req", *key, "-keyout", f"{name}-tsa.key", "-out", f"{name}.csr", "-subj", f"/CN={name}-tsa", cwd=folder)
    run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", f"{name}.pem", "-CAkey", f"{name}.key", "-CAcreateserial",
        "-extfile", "conf", "-extensions", "x", "-days", "30", "-out", f"{name}-tsa.pem", cwd=folder)


def reply(folder, name):
    return (f"cd {folder} && openssl ts -reply -config conf -section tsa -queryfile query -signer {name}-tsa.pem "
            f"-inkey {name}-tsa.key -out answer 2>err")


def ask(folder, digest, command):
    done = subprocess.run([PROGRAM, "request", digest, folder, command], capture_output=True, text=True)
    return done.returncode, done.stdout.strip()


def verify(folder, digest):
    done = subprocess.run([PROGRAM, "verify", digest, folder], capture_output=True, text=True)
    return done.returncode, done.stdout.strip()


def scenarios(folder):
    Path(folder, "conf").write_text(CONF)
    Path(folder, "serial").write_text("01\n")
    for name in ("good", "other"):
        authority(folder, name)
    Path(folder, "authority.pem").write_bytes(Path(folder, "good.pem").read_bytes())
    digest = hashlib.sha256(b"head").hexdigest()

    before = time.time()
    code, said = ask(folder, digest, reply(folder, "good"))
    check("a stamp is taken", code == 0 and abs(int(said) / 1000 - before) < 60, said)
    check("a kept stamp verifies", verify(folder, digest) == (0, said))
    code, said = verify(folder, hashlib.sha256(b"another").hexdigest())
    check("not for another hash", code == 1 and "digest" in said, said)

    answer, token = Path(folder, "answer").read_bytes(), Path(folder, "token").read_bytes()
    Path(folder, "old").write_bytes(answer)
    code, said = ask(folder, digest, f"cp {folder}/old {folder}/answer")
    check("an answer to an older question is refused", code == 1 and "nonce" in said, said)
    code, said = ask(folder, digest, reply(folder, "other"))
    check("an authority that nobody named is refused", code == 1 and "certificate" in said, said)

    # Every byte that is turned must be noticed, at whatever layer.
    taken = []
    for at in range(0, len(token), 7):
        Path(folder, "token").write_bytes(token[:at] + bytes([token[at] ^ 1]) + token[at + 1:])
        if verify(folder, digest)[0] == 0:
            taken.append(at)
    # What no signature covers may change: hints such as the version of SignedData or further certificates.
    check("a changed token is refused", len(taken) <= 3, str(taken))
    for name, data in (("empty", b""), ("cut", token[:100]), ("longer", token + b"x"), ("no DER", b"hello"),
                       ("huge", token + bytes(70000))):
        Path(folder, "token").write_bytes(data)
        check(f"{name}: no token", verify(folder, digest)[0] == 1)

    Path(folder, "refusal").write_bytes(bytes.fromhex("30053003020102"))
    code, said = ask(folder, digest, f"cp {folder}/refusal {folder}/answer")
    check("a refusal is told as one", code == 1 and "refused" in said, said)
    Path(folder, "authority.pem").write_text("nothing\n")
    Path(folder, "token").write_bytes(token)
    code, said = verify(folder, digest)
    check("authorities that are no PEM are told", code == 1 and "PEM" in said, said)


def main():
    os.environ["LC_ALL"] = "C"
    with tempfile.TemporaryDirectory() as folder:
        scenarios(folder)
    sys.exit(1 if failures else 0)


main()
