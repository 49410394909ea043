# SPDX-License-Identifier: GPL-2.0-or-later
"""An OpenID Connect provider that does as it is told: right, or with one lie."""
import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def to_text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size):
    return to_text(value.to_bytes(size, "big"))


class Key:
    def __init__(self, algorithm, bits=2048):
        self.algorithm, self.id = algorithm, secrets.token_hex(4)
        self.key = ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else rsa.generate_private_key(65537, bits)

    def public(self):
        numbers = self.key.public_key().public_numbers()
        if self.algorithm == "ES256":
            return {"kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig", "x": number(numbers.x, 32),
                    "y": number(numbers.y, 32)}
        return {"kty": "RSA", "kid": self.id, "use": "sig", "alg": self.algorithm,
                "n": number(numbers.n, (numbers.n.bit_length() + 7) // 8), "e": number(numbers.e, 3)}

    def sign(self, data):
        if self.algorithm == "ES256":
            r, s = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if self.algorithm == "PS256":
            return self.key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def pem(self):
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Provider:
    """Serves at https://localhost:PORT with this certificate. documents: what it says, may be changed."""

    def __init__(self, certificate, key, client, secret):
        self.client, self.secret = client, secret
        self.codes, self.asked, self.down = {}, [], False
        self.server = ThreadingHTTPServer(("localhost", 0), self.handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.issuer = f"https://localhost:{self.server.server_address[1]}"
        self.key = Key("RS256")
        self.keys = [self.key.public()]
        self.description = {
            "issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/token", "jwks_uri": self.issuer + "/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"]}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handler(provider):  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_arguments):
                pass

            def say(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                provider.asked.append(self.path)
                if provider.down:
                    self.say(500, {})
                elif self.path == "/.well-known/openid-configuration":
                    self.say(200, provider.description)
                elif self.path == "/keys":
                    self.say(200, {"keys": provider.keys})
                else:
                    self.say(404, {})

            def do_POST(self):
                provider.asked.append(self.path)
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                self.say(*provider.token(form, self.headers.get("Authorization", "")))

        return Handler

    def authorize(self, address, claims=None, **lies):
        """The browser went there and somebody signed in. Return: code and state, as they come back."""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        code = secrets.token_urlsafe(16)
        self.codes[code] = (asked, claims or {}, lies)
        return code, asked["state"], asked

    def token(self, form, authorization):
        asked, claims, lies = self.codes.pop(form.get("code"), (None, None, None))
        login = "Basic " + base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        challenge = to_text(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if not asked or authorization != login or challenge != asked["code_challenge"] or (
                form.get("redirect_uri") != asked["redirect_uri"]) or form.get("grant_type") != "authorization_code":
            return 400, {"error": "invalid_grant"}
        if "answer" in lies:
            return 200, lies["answer"]
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.id_token(asked, claims, lies)}

    def id_token(self, asked, claims, lies):
        key, now = lies.get("key", self.key), int(time.time())
        said = {"iss": self.issuer, "sub": "subject-1", "aud": asked["client_id"], "exp": now + 300, "iat": now,
                "nonce": asked["nonce"], **claims}
        said = {name: value for name, value in said.items() if value is not None}
        header = {"alg": key.algorithm, "kid": key.id, "typ": "JWT", **lies.get("header", {})}
        header = {name: value for name, value in header.items() if value is not None}
        signed = f"{to_text(json.dumps(header).encode())}.{to_text(json.dumps(said).encode())}".encode()
        if "hmac" in lies:
            signature = hmac.new(lies["hmac"], signed, hashlib.sha256).digest()
        elif lies.get("unsigned"):
            signature = b""
        else:
            signature = key.sign(signed + (b"x" if lies.get("spoil") else b""))
        return signed.decode() + "." + to_text(signature)
