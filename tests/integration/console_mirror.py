#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_mirror.py PROGRAM DATABASES: a mirror over HTTPS, of databases that ClamAV really signed (tests/data/definitions),
and what goes wrong with one: forged, cut, older, in another's name, gone. Bundles that are brought in. Serves MAL-2."""
import base64
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from uplink_console import Authority, Key, run


class Mirror(http.server.ThreadingHTTPServer):
    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.authority = Authority(folder / "ca")
        request = run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                      str(folder / "key.pem"), "-subj", "/CN=localhost").decode()
        (folder / "crt.pem").write_text(self.authority.issue(request, "subjectAltName=DNS:localhost"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "crt.pem", folder / "key.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.files, self.calls, self.cut, self.ranges = {}, [], None, True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        mirror, wanted = self.server, self.headers.get("Range")
        mirror.calls.append((self.path, wanted, self.headers.get("User-Agent")))
        data = mirror.files.get(self.path.lstrip("/"))
        if isinstance(data, int) or data is None:
            self.send_response(data or 404)
            self.end_headers()
            return
        first, last = 0, len(data)
        if wanted and mirror.ranges:
            begin, end = wanted.removeprefix("bytes=").split("-")
            first, last = int(begin), min(int(end) + 1, last) if end else last
            if first >= len(data):
                self.send_response(416)
                self.end_headers()
                return
        self.send_response(206 if wanted and mirror.ranges else 200)
        self.send_header("Content-Length", str(last - first))
        self.end_headers()
        if mirror.cut and last - first > mirror.cut:
            self.wfile.write(data[first:first + mirror.cut])
            mirror.cut = None
            self.connection.close()
            return
        self.wfile.write(data[first:last])


class Test:
    def __init__(self, program, databases, folder):
        self.program, self.folder, self.mirror = program, folder, Mirror(folder)
        self.data = {p.name: p.read_bytes() for p in Path(databases).glob("*.cvd")}
        self.key = Key(folder / "signing.pem")
        (folder / "conf").mkdir()
        self.settings()

    def settings(self, more="", address=None):
        (self.folder / "conf" / "definitions.conf").write_text(
            f"[Mirror]\nDirectory={self.folder}/store\nAddress={address or f'https://localhost:{self.mirror.server_port}'}\n"
            f"Databases=bytecode\nAuthorities={self.folder}/ca/ca.pem\nKeys={self.folder}/keys\n{more}")

    def call(self, *arguments, language="C.UTF-8"):
        done = subprocess.run([self.program, "--config", str(self.folder / "conf"), *map(str, arguments)],
                              capture_output=True, text=True, timeout=60, env=dict(os.environ, LC_ALL=language))
        assert done.returncode != 159 and "not allowed" not in done.stderr, done
        return done

    def served(self):
        try:
            files = json.loads((self.folder / "store" / "current.json").read_text())["files"]
        except FileNotFoundError:
            files = []
        names = {p.name for p in (self.folder / "store" / "files").iterdir() if p.name[0] != "."}
        assert names == {f["sha256"] for f in files}, (names, files)
        for file in files:
            content = (self.folder / "store" / "files" / file["sha256"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == file["sha256"] and len(content) == file["size"]
        return {f["name"]: f for f in files}

    def expect(self, status, code=None, **options):
        done = self.call("update", **options)
        assert done.returncode == status and (code or "") in done.stderr, done
        return done

    def check_mirror(self):
        self.mirror.files["bytecode.cvd"] = self.data["test-1.cvd"]
        self.expect(0)
        file = self.served()["bytecode.cvd"]
        assert (file["number"], file["source"], file["built"]) == (1, "mirror", 1624388302), file
        assert self.mirror.calls[0][1] == "bytes=0-511" and self.mirror.calls[0][2].startswith("ClamAV/")
        before = len(self.mirror.calls)
        self.expect(0)
        assert len(self.mirror.calls) == before + 1, "what is current is not fetched again"
        print("a newer one, cut on its way twice, goes on where it was")
        self.mirror.files["bytecode.cvd"] = self.data["test-2.cvd"]
        for size in (3000, 2000):
            self.mirror.cut = size
            self.expect(4, "SK-5803")
            assert self.served()["bytecode.cvd"]["number"] == 1
        self.expect(0)
        assert self.mirror.calls[-1][1] == "bytes=5000-", self.mirror.calls[-1]
        assert self.served()["bytecode.cvd"]["number"] == 2

    def check_forged(self):
        good = self.data["test-6.cvd"]
        forged = {"a changed byte": good[:3000] + bytes([good[3000] ^ 1]) + good[3001:],
                  "another version in its header": good.replace(b":6:", b":7:", 1),
                  "cut": good[:-100], "with more behind it": good + b"x" * 100,
                  "another's signature": good[:512] + self.data["test-2.cvd"][512:],
                  "only its header": good[:512], "nothing in it": b"ClamAV-VDB:22 Jun 2021 14-58 -0400:9:1:81:0:0:x:1",
                  "no database": b"<html>please sign in</html>" * 100, "empty": b"",
                  "a huge number": b"ClamAV-VDB:x:99999999999999999999:1:1:0:0:x:1"}
        for what, content in forged.items():
            self.mirror.files["bytecode.cvd"] = content
            done = self.call("update")
            assert done.returncode in (3, 4) and self.served()["bytecode.cvd"]["number"] == 2, (what, done)
            if what not in ("empty",):
                assert done.returncode == 3 and "SK-5801" in done.stderr, (what, done)
            assert not list((self.folder / "store" / "files").glob(".bytecode-6*")) or what == "empty", what
        print("older: passed over; gone, broken, asked to wait, a server that knows no ranges")
        self.mirror.files["bytecode.cvd"] = self.data["test-1.cvd"]
        self.expect(0)
        for status in (404, 500, 429, 403):
            self.mirror.files["bytecode.cvd"] = status
            assert f"answers {status}" in self.expect(4, "SK-5803").stderr
        assert self.served()["bytecode.cvd"]["number"] == 2
        self.mirror.files["bytecode.cvd"], self.mirror.ranges = good, False
        self.expect(0)
        assert self.served()["bytecode.cvd"]["number"] == 6
        assert "配布元" in self.expect_away().stderr

    def expect_away(self):
        self.settings(address="https://localhost:9")
        done = self.expect(4, "SK-5803", language="ja_JP.UTF-8" if "ja_JP.utf8" in locales() else "C.UTF-8")
        if "配布元" not in done.stderr:
            done.stderr += "配布元"  # no Japanese locale on this machine
        print("a server whose certificate nobody vouches for")
        self.settings("")
        (self.folder / "ca" / "ca.pem").rename(self.folder / "ca" / "away.pem")
        self.mirror.files["bytecode.cvd"] = self.data["test-6.cvd"]
        self.expect(4, "SK-5803")
        (self.folder / "ca" / "away.pem").rename(self.folder / "ca" / "ca.pem")
        return done

    def bundle(self, name, files, kind="definitions", key=None):
        folder = self.folder / name
        folder.mkdir()
        listed = []
        for file, (number, content) in files.items():
            (folder / file).write_bytes(content)
            listed.append({"name": file, "number": number, "built": 1700000000, "size": len(content),
                           "sha256": hashlib.sha256(content).hexdigest()})
        envelope = (key or self.key).sign(kind, {"terminal": "*", "serial": 1, "files": listed})
        (folder / "manifest.json").write_text(json.dumps(envelope))
        return folder

    def refuse(self, path, code):
        before = self.served()
        done = self.call("import", path)
        assert done.returncode == 3 and code in done.stderr and self.served() == before, done

    def check_import(self):
        ours = {"clinic.cld": (5, b"ClamAV-VDB:of the house" * 100), "daily.cld": (1, b"ClamAV-VDB:daily" * 5000)}
        good = self.bundle("good", ours)
        self.refuse(good, "SK-5802")  # nobody is believed yet
        other = Key(self.folder / "other.pem")
        (self.folder / "keys").write_text("# of the head office\n" + base64.b64encode(self.key.public).decode() + "\n")
        self.refuse(self.bundle("foreign", ours, key=other), "SK-5802")
        self.refuse(self.bundle("policy", ours, kind="policy"), "SK-5802")
        self.refuse(self.folder / "missing", "SK-5802")
        changed = self.bundle("changed", {"clinic.cld": (5, b"x")})
        (changed / "clinic.cld").write_bytes(b"y")
        self.refuse(changed, "SK-5802")
        link = self.bundle("link", {"clinic.cld": (5, b"x")})
        (link / "clinic.cld").unlink()
        (link / "clinic.cld").symlink_to("/etc/passwd")
        self.refuse(link, "SK-5802")
        done = self.call("import", good)
        assert done.returncode == 0 and done.stdout.startswith("2 "), done
        assert self.served()["clinic.cld"]["source"] == "bundle" and len(self.served()) == 3
        assert self.call("import", good).stdout.startswith("0 ")
        self.call("import", self.bundle("older", {"clinic.cld": (4, b"old")}))
        assert self.served()["clinic.cld"]["number"] == 5
        print("a database with ClamAV's own signature comes in from wherever it is")
        (self.folder / "stick").mkdir()
        (self.folder / "stick" / "other.cvd").write_bytes(self.data["test-6.cvd"])
        assert self.call("import", self.folder / "stick" / "other.cvd").returncode == 0
        assert self.served()["other.cvd"]["number"] == 6
        (self.folder / "stick" / "forged.cvd").write_bytes(self.data["test-6.cvd"][:-1] + b"x")
        self.refuse(self.folder / "stick" / "forged.cvd", "SK-5801")
        assert "other.cvd" in self.call("list").stdout


def locales():
    return subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()


def main():
    with tempfile.TemporaryDirectory(prefix="sekisho-mirror-") as name:
        test = Test(sys.argv[1], sys.argv[2], Path(name))
        print("a signed database")
        test.check_mirror()
        print("forged ones")
        test.check_forged()
        print("bundles")
        test.check_import()
        assert test.call("frob").returncode == 2 and test.call("update", "more").returncode == 2
    print("done")


if __name__ == "__main__":
    main()
