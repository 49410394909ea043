#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_attachments.py PROGRAM CONTRACT: files of rows: judged by their content, given back byte for byte and only to be
saved, within bounds."""
import base64
import hashlib
import os
import sys

from console_fixture import Fixture
from console_server import Console

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
REFUSED = {"page.png": b"<html><script>alert(1)</script></html>", "a.pdf": b"\x7fELF" + bytes(100),
           "run.txt": b"#!/bin/sh\nrm -rf /\n", "x.png": b"PK\x03\x04" + bytes(60), "svg.png": b"<svg xmlns='x'/>",
           "nothing.png": bytes(200)}


def main():
    with Console(sys.argv[1], sys.argv[2]) as console:
        fixture = Fixture(console)
        officer = fixture.officer(fixture.own)
        medium = fixture.make_medium(fixture.own)
        path = f"/api/v1/media/{medium}/attachments"

        def attach(name, content):
            return console.call("POST", path, {"name": name, "content": base64.b64encode(content).decode()}, officer)

        large = PNG + os.urandom(8 * 2**20 - len(PNG))
        for name, content, kind in (("写真.png", PNG, "image/png"), ("届.pdf", b"%PDF-1.4\n%%EOF\n", "application/pdf"),
                                    ("メモ", "こわれた\n".encode(), "text/plain"), ("large.png", large, "image/png")):
            made = attach(name, content)
            assert made.status == 201 and made.json["type"] == kind and made.json["size"] == len(content), made.json
            assert base64.b64decode(made.json["digest"]) == hashlib.sha256(content).digest()
            got = console.call("GET", f"/api/v1/attachments/{made.json['id']}", None, officer)
            assert got.body == content and got.type == "application/octet-stream", got.headers
            assert got.headers["content-disposition"] == "attachment", got.headers
            assert got.headers["x-content-type-options"] == "nosniff"
        for name, content in REFUSED.items():
            refused = attach(name, content)
            assert refused.code == "SK-5925", (name, refused.json)
        assert attach("larger.png", large + b"x").code in ("SK-5002", "SK-5925")
        assert console.call("POST", path, {"name": "x", "content": "===="}, officer).code == "SK-5002"
        listed = console.call("GET", path, None, officer).json["items"]
        assert [row["name"] for row in listed] == ["写真.png", "届.pdf", "メモ", "large.png"], listed
        # What was changed in the database is not given out as what was attached.
        console.sql("UPDATE attachments SET content = ? WHERE id = ?", b"other", listed[1]["id"])
        assert console.call("GET", f"/api/v1/attachments/{listed[1]['id']}", None, officer).status == 500
        assert console.call("DELETE", f"/api/v1/attachments/{listed[0]['id']}", None, officer).status == 204
        assert console.call("GET", f"/api/v1/attachments/{listed[0]['id']}", None, officer).status == 404
        assert len(console.call("GET", path, None, officer).json["items"]) == 3
        assert console.sql("SELECT COUNT(*) FROM attachments WHERE removed IS NOT NULL") == [(1,)]
        for _ in range(47):
            assert attach("n", b"text\n").status == 201
        assert attach("n", b"text\n").code == "SK-5926"
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
