#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_provider_real.py PROGRAM CONTRACT PEERS: people sign in at a real OpenID Connect provider, glewlwyd, which the
test starts; a group that it takes away there is a role that is gone here. Serves ACC-1, ACC-2."""
import gzip
import http.client
import json
import shutil
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from console_server import Console, free_ports

SKIPPED = 77
SECRET = "the secret of the client"
failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


def find(peers):
    """The program and its folder: unpacked, or installed."""
    for root in (Path(peers), Path("/")):
        if (root / "usr/bin/glewlwyd").exists():
            return root
    return None


class Glewlwyd:
    """The provider, and the browser of whoever signs in there."""

    def __init__(self, root, home, certificate):
        self.port, self.home, self.cookies = free_ports(1)[0], home, {}
        self.issuer = f"https://localhost:{self.port}/api/oidc"
        script = gzip.decompress((root / "usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz").read_bytes()).decode()
        database = sqlite3.connect(home / "glewlwyd.db")
        database.executescript(script)
        database.close()
        modules = root / "usr/lib/glewlwyd"
        (home / "glewlwyd.conf").write_text(f"""
port={self.port}
external_url="https://localhost:{self.port}"
login_url="login.html"
api_prefix="api"
static_files_path="{home}"
log_mode="file"
log_level="WARNING"
log_file="{home}/glewlwyd.log"
cookie_domain="localhost"
cookie_secure=1
session_expiration=3600
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="{modules}/user"
user_middleware_module_path="{modules}/user_middleware"
client_module_path="{modules}/client"
user_auth_scheme_module_path="{modules}/scheme"
plugin_module_path="{modules}/plugin"
use_secure_connection=true
secure_connection_key_file="{home}/{certificate}.key"
secure_connection_pem_file="{home}/{certificate}.crt"
hash_algorithm = "SHA512"
database = {{ type = "sqlite3"; path = "{home}/glewlwyd.db"; }};
""")
        (home / "user_middleware").mkdir(exist_ok=True)
        self.process = subprocess.Popen([root / "usr/bin/glewlwyd", f"--config-file={home}/glewlwyd.conf"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        self.process.terminate()
        self.process.wait()

    def call(self, method, path, body=None):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=20)
        headers = {"Content-Type": "application/json", "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        connection.close()
        return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), text

    def must(self, *arguments):
        status, _, text = self.call(*arguments)
        assert status == 200, (arguments[:2], status, text)

    def wait(self):
        for _ in range(150):
            assert self.process.poll() is None, (self.home / "glewlwyd.log").read_text()
            try:
                self.call("GET", "/api/")
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("glewlwyd does not answer")

    def login(self, name, password):
        self.cookies = {}
        self.must("POST", "/api/auth/", {"username": name, "password": password})

    def set_up(self, key, redirect):
        self.login("admin", "password")
        # Attributes of people that are text, and one of several texts.
        module = json.loads(self.call("GET", "/api/mod/user/database")[2])
        module["parameters"]["data-format"] = {"groups": {"multiple": True, "read": True, "write": True}}
        self.must("PUT", "/api/mod/user/database", module)
        self.must("PUT", "/api/mod/user/database/reset/")
        self.must("POST", "/api/mod/plugin/", {
            "module": "oidc", "name": "oidc", "display_name": "oidc", "parameters": {
                "iss": self.issuer, "jwt-type": "rsa", "jwt-key-size": "256", "key": key.read_text(),
                "cert": subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], capture_output=True, check=True,
                                       text=True).stdout,
                "access-token-duration": 3600, "refresh-token-duration": 3600, "code-duration": 600,
                "auth-type-code-enabled": True, "auth-type-implicit-enabled": False, "auth-type-password-enabled": False,
                "auth-type-client-enabled": False, "auth-type-refresh-enabled": False, "auth-type-none-enabled": False,
                "auth-type-token-enabled": False, "auth-type-id-token-enabled": True, "pkce-allowed": True,
                "pkce-method-plain-allowed": False, "pkce-required": True, "pkce-required-public-client": True,
                "jwks-show": True, "jwks-uri": "", "allowed-scope": ["openid"], "subject-type": "public",
                "claims": [{"name": "groups", "user-property": "groups", "type": "string", "mandatory": True},
                           {"name": "preferred_username", "user-property": "username", "type": "string", "mandatory": True}],
                "name-claim": "mandatory", "email-claim": "no"}})
        self.must("POST", "/api/client/", {
            "client_id": "console", "name": "console", "confidential": True, "enabled": True, "redirect_uri": [redirect],
            "password": SECRET, "client_secret": SECRET, "token_endpoint_auth_method": ["client_secret_basic"],
            "authorization_type": ["code"], "scope": []})
        self.must("POST", "/api/user/", {"username": "hanako", "name": "山田 花子", "password": "hanako's", "enabled": True,
                                         "groups": ["clinic-staff"], "scope": ["openid", "g_profile"]})

    def regroup(self, *groups):
        self.login("admin", "password")
        self.must("PUT", "/api/user/hanako", {"username": "hanako", "name": "山田 花子", "enabled": True,
                                              "groups": list(groups), "scope": ["openid", "g_profile"]})

    def authorize(self, address):
        """As the browser: signs in, agrees, and comes back. Return: the parameters of the way back."""
        self.login("hanako", "hanako's")
        self.must("PUT", "/api/auth/grant/console", {"scope": "openid"})
        split = urllib.parse.urlsplit(address)
        status, headers, text = self.call("GET", f"{split.path}?{split.query}&g_continue")
        assert status == 302, (status, text)
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["location"]).query))


def sign_in(console, provider):
    begun = console.call("POST", "/api/v1/session/provider")
    assert begun.status == 200, begun.json
    back = provider.authorize(begun.json["address"])
    return console.call("PUT", "/api/v1/session/provider", {
        "ceremony": begun.json["ceremony"], "state": back.get("state"), "code": back.get("code")})


def main():
    root = find(sys.argv[3])
    if not root:
        print("there is no glewlwyd")
        return SKIPPED
    console = Console(sys.argv[1], sys.argv[2])
    home, origin = console.directory, "https://console.example"
    console.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "p.key", "-out", "p.crt", "-subj", "/CN=localhost",
                    "-days", "2", "-addext", "subjectAltName=DNS:localhost")
    provider = Glewlwyd(root, home, "p")
    try:
        provider.wait()
        provider.set_up(home / "p.key", origin + "/sign-in/provider")
        (home / "secret-of-client").write_text(SECRET + "\n")
        console.settings |= {"Web": {"Origin": origin}, "Outgoing": {"AuthorityFile": home / "p.crt"},
                             "Provider": {"Issuer": provider.issuer, "Client": "console", "Scopes": "openid",
                                          "SecretFile": home / "secret-of-client", "Accounts": "yes"}}
        with console:
            facility = console.facility("自院")
            officer = console.session(console.person(("security-officer", None)))
            console.call("POST", "/api/v1/provider-groups",
                         {"group": "clinic-staff", "role": "staff", "facility": facility}, officer)
            answer = sign_in(console, provider)
            check(answer.status == 200, f"hanako signs in at glewlwyd, and so here: {answer.status} {answer.code}")
            person = answer.json.get("person", {})
            check(person.get("roles") == [{"role": "staff", "facility": facility}], "her group there gives her a role here")
            check(person.get("login") == "hanako" and person.get("name") == "山田 花子", "her names come along")
            again = sign_in(console, provider).json["person"]
            check(again["id"] == person["id"], "the second time she is the same")
            provider.regroup()
            check(sign_in(console, provider).json["person"]["roles"] == [], "without the group she has no role")
    finally:
        provider.close()
        shutil.rmtree(home, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
