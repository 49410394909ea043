# SPDX-License-Identifier: GPL-2.0-or-later
"""A small console for tests of the agent: the operations agent.* of console/api over real TLS 1.3, with real
certificates and real signatures of the openssl program. Everything it was sent can be looked at, and it can misbehave."""
import base64
import hashlib
import http.server
import json
import re
import socketserver
import ssl
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DSSE = "application/vnd.sekisho.%s.v1+json"


def run(*command, data=None):
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


def base32(data, digits):
    number = int.from_bytes(data, "big") << (5 * digits - 8 * len(data))
    return [number >> 5 * (digits - 1 - i) & 31 for i in range(digits)]


def check_digit(values):
    total = 0
    for value in values:
        total = (total ^ value) << 1
        total = total ^ 0x25 if total & 32 else total
    return total


def enrolment_code(host, port, secret, fingerprint):
    """Written from lib/enrol/code.h alone, not from code.c."""
    values = base32(secret, 16) + base32(fingerprint, 26)
    text = "".join(DIGITS[v] for v in values + [check_digit(values)])
    return f"{host}:{port}/" + "-".join(text[i:i + 4] for i in range(0, len(text), 4))


def secret_text(secret):
    return "".join(DIGITS[v] for v in base32(secret, 16))


class Key:
    """Ed25519, as signs envelopes."""

    def __init__(self, path):
        self.path = path
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path))
        self.public = run("openssl", "pkey", "-in", str(path), "-pubout", "-outform", "DER")[-32:]
        self.id = "ed25519:" + hashlib.sha256(self.public).hexdigest()[:32]

    def sign(self, kind, payload):
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        kind = DSSE % kind
        message = self.path.with_suffix(f".{threading.get_ident()}.msg")
        message.write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(data), data))
        signature = run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(self.path), "-in", str(message))
        message.unlink()
        return {"payloadType": kind, "payload": base64.b64encode(data).decode(),
                "signatures": [{"keyid": self.id, "sig": base64.b64encode(signature).decode()}]}


class Authority:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.key, self.certificate = folder / "ca.key", folder / "ca.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            str(self.key), "-out", str(self.certificate), "-days", "30", "-subj", "/CN=test authority")

    def issue(self, request, extensions, seconds=86400):
        """A certificate good from now on for some seconds: faketime is not needed, openssl ca takes dates."""
        name = f"{threading.get_ident()}-{time.monotonic_ns()}"
        config, csr, out = (self.folder / f"{name}.{e}" for e in ("cnf", "csr", "pem"))
        for file in ("index", "index.attr"):
            (self.folder / file).touch()
        csr.write_text(request)
        config.write_text(f"""[ca]
default_ca=c
[c]
database={self.folder}/index
new_certs_dir={self.folder}
rand_serial=yes
default_md=sha256
policy=p
email_in_dn=no
unique_subject=no
[p]
commonName=supplied
[e]
{extensions}
""")
        now = time.time()
        dates = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(t)) for t in (now - 5, now + seconds)]
        run("openssl", "ca", "-batch", "-config", str(config), "-cert", str(self.certificate), "-keyfile",
            str(self.key), "-in", str(csr), "-out", str(out), "-notext", "-startdate", dates[0], "-enddate", dates[1],
            "-extensions", "e")
        return out.read_text()


class Console:
    """Its state; the handler is below."""

    def __init__(self, folder):
        self.lock, self.enrolling = threading.Condition(), threading.Lock()
        self.authority = Authority(folder / "ca")
        self.signer = Key(folder / "signing.pem")
        self.server_key = folder / "server.key"
        request = run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", str(self.server_key), "-subj", "/CN=localhost").decode()
        self.server_certificate = folder / "server.pem"
        self.server_certificate.write_text(self.authority.issue(request, "subjectAltName=DNS:localhost,IP:127.0.0.1"))
        self.bundle = json.dumps({"certificates": [self.authority.certificate.read_text()],
                                  "keys": [{"id": self.signer.id, "public": base64.b64encode(self.signer.public).decode()}],
                                  "organisation": "Test clinic", "serial": 1}, sort_keys=True).encode()
        self.secrets = {}       # text -> {"request", "terminal", "answer"} or None
        self.revision = 1
        self.envelopes = []     # (revision, envelope)
        self.policy = None      # (serial, envelope)
        self.records = []       # lines
        self.results, self.statuses, self.calls, self.requests = [], [], [], []
        self.fail = {}          # path -> status, or "drop"
        self.certificate_seconds = 86400
        self.issued = 0
        self.retired = False
        self.servers = []

    # What a test does.
    def code(self, port=None, secret=b"0123456789"):
        self.secrets.setdefault(secret_text(secret), None)
        fingerprint = hashlib.sha256(self.bundle).digest()[:16]
        return enrolment_code("localhost", port or self.port, secret, fingerprint)

    def tell(self, envelope=None, policy=None):
        with self.lock:
            self.revision += 1
            if envelope:
                self.envelopes.append((self.revision, envelope))
            if policy:
                self.policy = policy
            self.lock.notify_all()

    def wait_for(self, condition, what, seconds=30):
        end = time.monotonic() + seconds
        with self.lock:
            while not condition():
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not within {seconds} s: {what}")
                self.lock.wait(min(left, 0.5))

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.server_certificate, self.server_key)
        self.port = self.listen(context, getattr(self, "port", 0))
        agents = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        agents.minimum_version = ssl.TLSVersion.TLSv1_3
        agents.load_cert_chain(self.server_certificate, self.server_key)
        agents.verify_mode = ssl.CERT_REQUIRED
        agents.load_verify_locations(self.authority.certificate)
        self.agents_port = self.listen(agents, getattr(self, "agents_port", 0))

    def listen(self, context, port):
        server = Server(("127.0.0.1", port), Handler)
        server.console, server.context = self, context
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.servers.append(server)
        return server.server_address[1]

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
            for connection in list(server.connections):
                try:
                    connection.shutdown(2)
                except OSError:
                    pass
                connection.close()
        self.servers = []
        with self.lock:
            self.lock.notify_all()


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *arguments):
        self.connections = set()
        super().__init__(*arguments)

    def finish_request(self, request, address):
        try:
            request.settimeout(10)
            request = self.context.wrap_socket(request, server_side=True)
            request.settimeout(None)
        except (ssl.SSLError, OSError):
            return
        self.connections.add(request)
        try:
            self.RequestHandlerClass(request, address, self)
        except (OSError, ValueError):
            pass
        finally:
            self.connections.discard(request)
            try:
                request.close()
            except OSError:
                pass

    def handle_error(self, request, address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, value=None, headers=()):
        data = value if isinstance(value, bytes) else json.dumps(value).encode() if value is not None else b""
        kind = "application/json" if status < 400 else "application/problem+json"
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        console = self.server.console
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = f"{self.command} {parts.path.removeprefix('/api/v1/agent/')}"
        with console.lock:
            console.requests.append((name, dict(self.headers)))
            fail = console.fail.get(name)
        if fail == "drop":
            self.close_connection = True
            return
        if fail:
            self.answer(fail, {"code": "SK-5010"}, [("Retry-After", "1")])
            return
        if console.retired:
            self.answer(403, {"code": "SK-5114"})
            return
        operation = OPERATIONS.get(name)
        if operation:
            operation(self, console, parse_qs(parts.query), body)
        else:
            self.call(console, parts.path, body)

    do_GET = do_POST = do_PUT = handle_any

    def trust(self, console, query, body):
        self.answer(200, console.bundle)

    def enrol(self, console, query, body):
        with console.enrolling:  # as a transaction is
            self.enrol_alone(console, json.loads(body))

    def enrol_alone(self, console, request):
        assert set(request) == {"secret", "request", "terminal"}, request
        with console.lock:
            if request["secret"] not in console.secrets:
                self.answer(403, {"code": "SK-5114", "detail": "no such code"})
                return
            before = console.secrets[request["secret"]]
        key = run("openssl", "req", "-in", "/dev/stdin", "-pubkey", "-noout", data=request["request"].encode())
        if before and before["key"] != key:
            self.answer(403, {"code": "SK-5114", "detail": "this code was used"})
            return
        if not before:
            console.issued += 1
            terminal = f"{console.issued:026d}"
            certificate = console.authority.issue(request["request"], "extendedKeyUsage=clientAuth",
                                                  console.certificate_seconds)
            digest = hashlib.sha256(request["secret"].encode()).hexdigest()
            before = {"key": key, "facts": request["terminal"], "answer": {
                "terminal": terminal, "certificate": certificate, "port": console.agents_port,
                "statement": console.signer.sign("enrolment", {"terminal": terminal, "secret": digest})}}
            with console.lock:
                console.secrets[request["secret"]] = before
        self.answer(200, dict(before["answer"], somethingNew={"of": "a later console"}))

    def renew(self, console, query, body):
        request = json.loads(body)["request"]
        with console.lock:
            console.issued += 1
        self.answer(200, {"certificate": console.authority.issue(request, "extendedKeyUsage=clientAuth",
                                                                 console.certificate_seconds)})

    def wait(self, console, query, body):
        revision = int(query["revision"][0])
        end = time.monotonic() + 20
        with console.lock:
            while console.revision <= revision and time.monotonic() < end and console.servers:
                console.lock.wait(0.5)
            answer = {"revision": console.revision, "records": len(console.records),
                      "policy": console.policy[0] if console.policy else 0,
                      "envelopes": [e for r, e in console.envelopes if r > revision], "level": 2,
                      "somethingNew": [1, 2, 3]}
        self.answer(200, answer)

    def policy(self, console, query, body):
        self.answer(200, console.policy[1])

    def state(self, console, query, body):
        with console.lock:
            console.results += json.loads(body)["results"]
            console.lock.notify_all()
        self.answer(204)

    def status(self, console, query, body):
        with console.lock:
            console.statuses.append(json.loads(body))
            console.lock.notify_all()
        self.answer(204)

    def take_records(self, console, query, body):
        """Strict: each line follows on the one before, byte by byte."""
        lines, outcome, head = body.split(b"\n"), "taken", None
        assert lines.pop() == b"", "the last line is not whole"
        with console.lock:
            for line in lines:
                record, known = json.loads(line), len(console.records)
                before = hashlib.sha256(console.records[-1]).hexdigest() if known else "0" * 64
                if record["seq"] <= known:
                    outcome = "taken" if console.records[record["seq"] - 1] == line else "refused"
                elif record["seq"] != known + 1:
                    outcome = "gap"
                elif record["prev"] != "sha256:" + before:
                    outcome = "refused"
                else:
                    console.records.append(line)
                if outcome != "taken":
                    break
            seq = len(console.records)
            digest = hashlib.sha256(console.records[-1]).hexdigest() if seq else "0" * 64
            console.lock.notify_all()
        if outcome == "taken":
            terminal = [s for s in console.secrets.values() if s][-1]["answer"]["terminal"]
            head = console.signer.sign("head", {"terminal": terminal, "seq": seq, "hash": digest})
        if console.fail.get("records answer") == "drop":
            self.close_connection = True
            return
        self.answer(200, {"outcome": outcome, "seq": seq, "hash": digest, "head": head})

    def call(self, console, path, body):
        operation = path.removeprefix("/api/v1/agent/").replace("/", ".")
        key = self.headers.get("Idempotency-Key")
        if not re.fullmatch(r"[0-9a-f]{32}", key or "") or operation.startswith("unknown"):
            self.answer(404, b"")
            return
        with console.lock:
            console.calls.append((operation, key, json.loads(body)))
            console.lock.notify_all()
        self.answer(200, {"taken": key})


OPERATIONS = {"GET trust": Handler.trust, "POST enrol": Handler.enrol, "POST renew": Handler.renew,
              "GET wait": Handler.wait, "GET policy": Handler.policy, "PUT state": Handler.state,
              "PUT status": Handler.status, "POST records": Handler.take_records}


def in_folder(folder):
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    return Console(folder)
