#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_owner.py PROGRAM: what root does with the commands stays the property of the console's own user."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NOBODY = 65534


def owners(folder):
    return {path.name: path.stat().st_uid for path in folder.rglob("*") if not path.is_symlink()}


def main(program):
    if os.geteuid() != 0:
        print("root only")
        return 77
    with tempfile.TemporaryDirectory(prefix="sekisho-owner-") as name:
        top, state, epoch = Path(name), Path(name, "state"), Path(name, "epoch")
        top.chmod(0o755)
        for folder in (state, epoch):
            folder.mkdir(mode=0o700)
            os.chown(folder, NOBODY, NOBODY)
        (top / "console.conf").write_text(
            f"[Database]\nFile={state}/console.sqlite\n[TLS]\nCertificate={state}/tls/server.crt\nKey={state}/tls/server.key\n"
            f"ClientAuthority={state}/tls/ca.crt\n[Keys]\nDirectory={state}/keys\nEpochDirectory={epoch}\n"
            f"TokenFile={top}/none\n[Session]\nSecretFile={state}/secret\n")

        def run(*arguments):
            done = subprocess.run([program, *arguments, "--config", top], capture_output=True, text=True, timeout=60,
                                  env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
            print(" ".join(arguments), done.returncode, done.stderr)
            return done

        assert run("init").returncode == 0
        run("doctor")
        assert run("backup", "--file", f"{state}/backup").returncode == 0
        assert run("backup", "--file", f"{top}/backup").returncode == 3, "root's own directories are not written to"
        for folder in (state, epoch):
            strangers = {name: uid for name, uid in owners(folder).items() if uid != NOBODY}
            assert not strangers and owners(folder), strangers
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
