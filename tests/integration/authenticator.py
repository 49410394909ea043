# SPDX-License-Identifier: GPL-2.0-or-later
"""An authenticator of passkeys in software, and the browser around it: what WebAuthn says, and each lie on demand."""
import base64
import datetime
import hashlib
import json
import secrets
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

ES256, EDDSA, RS256 = -7, -8, -257
PRESENT, VERIFIED, KEY_INSIDE = 1, 4, 64


def to_text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def to_bytes(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value):
    """As much of CBOR as attestations need, in the order given."""
    def head(kind, number):
        if number < 24:
            return bytes([kind << 5 | number])
        for extra, size in ((24, 1), (25, 2), (26, 4)):
            if number < 1 << 8 * size:
                return bytes([kind << 5 | extra]) + number.to_bytes(size, "big")
        raise ValueError(number)

    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


class Authenticator:
    """One key. lies: rp_id, origin, type, challenge, flags, counter, cross_origin, format, statement, spoil."""

    def __init__(self, algorithm=ES256, attestation="none"):
        self.algorithm, self.attestation = algorithm, attestation
        self.handle, self.counter, self.user = secrets.token_bytes(32), 0, None
        if algorithm == ES256:
            self.key = ec.generate_private_key(ec.SECP256R1())
        elif algorithm == EDDSA:
            self.key = ed25519.Ed25519PrivateKey.generate()
        else:
            self.key = rsa.generate_private_key(65537, 2048)

    def public(self):
        if self.algorithm == ES256:
            numbers = self.key.public_key().public_numbers()
            return {1: 2, 3: ES256, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        if self.algorithm == EDDSA:
            return {1: 1, 3: EDDSA, -1: 6, -2: self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)}
        numbers = self.key.public_key().public_numbers()
        return {1: 3, 3: RS256, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}

    @staticmethod
    def sign_with(key, data):
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(data, ec.ECDSA(hashes.SHA256()))
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return key.sign(data)

    def client_data(self, kind, options, site, lies):
        said = {"type": lies.get("type", kind), "challenge": lies.get("challenge", options["challenge"]),
                "origin": lies.get("origin", site), "crossOrigin": lies.get("cross_origin", False)}
        return json.dumps(said).encode()

    def data(self, rp_id, flags, lies):
        self.counter = lies.get("counter", self.counter + 1)
        return (hashlib.sha256(lies.get("rp_id", rp_id).encode()).digest() + bytes([lies.get("flags", flags)]) +
                struct.pack(">I", self.counter))

    def certificate(self):
        """Of a maker that nobody knows."""
        maker, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime(2026, 1, 1)
        name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
                          x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sekisho tests"),
                          x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Authenticator Attestation"),
                          x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(maker.public_key()).serial_number(
            1).not_valid_before(now).not_valid_after(now.replace(year=2046)).add_extension(
                x509.BasicConstraints(False, None), True).sign(maker, hashes.SHA256())
        return maker, made.public_bytes(Encoding.DER)

    def statement(self, data, client_data, lies):
        signed = data + hashlib.sha256(client_data).digest()
        if lies.get("spoil"):
            signed += b"x"
        if self.attestation == "self":
            return "packed", {"alg": self.algorithm, "sig": self.sign_with(self.key, signed)}
        if self.attestation == "packed":
            maker, certificate = self.certificate()
            return "packed", {"alg": ES256, "sig": self.sign_with(maker, signed), "x5c": [certificate]}
        return "none", {}

    def create(self, options, site, **lies):
        """What navigator.credentials.create() would answer, as the API takes it."""
        self.user = to_bytes(options["user"]["id"])
        client_data = self.client_data("webauthn.create", options, site, lies)
        data = self.data(options["rp"]["id"], PRESENT | VERIFIED | KEY_INSIDE, lies)
        data += bytes(16) + struct.pack(">H", len(self.handle)) + self.handle + cbor(self.public())
        kind, statement = self.statement(data, client_data, lies)
        attestation = {"fmt": lies.get("format", kind), "attStmt": lies.get("statement", statement), "authData": data}
        return {"label": lies.get("label", "test"), "clientData": to_text(client_data),
                "attestation": to_text(cbor(attestation))}

    def get(self, options, site, **lies):
        """What navigator.credentials.get() would answer."""
        client_data = self.client_data("webauthn.get", options, site, lies)
        data = self.data(options["rpId"], PRESENT | VERIFIED, lies)
        signed = data + hashlib.sha256(client_data).digest() + (b"x" if lies.get("spoil") else b"")
        return {"id": to_text(lies.get("handle", self.handle)), "clientData": to_text(client_data),
                "authenticatorData": to_text(data), "signature": to_text(self.sign_with(self.key, signed)),
                "userHandle": to_text(lies.get("user", self.user))}
