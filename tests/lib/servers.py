# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers for what the console sends: mail with TLS and a login, HTTPS that receives webhooks."""
import email
import email.policy
import http.server
import logging
import socket
import ssl
import subprocess
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


def make_certificate(directory):
    """An authority and a certificate for localhost: ca.pem, server.pem (with its key)."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=directory)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=outside", "-days", "2")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (directory / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            "server.crt", "-days", "2", "-extfile", "names")
    (directory / "server.pem").write_text((directory / "server.crt").read_text() + (directory / "server.key").read_text())


def tls_of(directory):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return context


class MailServer:
    """smtp:// with STARTTLS demanded, and a login when user is given."""

    def __init__(self, directory, user=None, password=None):
        self.mails, self.refuse, self.logins, self.user, self.password = [], None, 0, user, password
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, tls_context=tls_of(directory),
                                     require_starttls=True, auth_required=bool(user), authenticator=self.check,
                                     auth_require_tls=True)
        logging.getLogger("mail.log").disabled = True
        self.controller.start()

    def check(self, _server, _session, _envelope, _mechanism, data):
        self.logins += 1
        good = (data.login.decode(), data.password.decode()) == (self.user, self.password)
        return AuthResult(success=good)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if self.refuse and self.refuse[0] == address:
            return self.refuse[1]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        if self.refuse and self.refuse[0] == "*":
            return self.refuse[1]
        self.mails.append((envelope.rcpt_tos, envelope.content,
                           email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 taken"

    def to(self, address):
        return [mail for receivers, _, mail in self.mails if address in receivers]

    def stop(self):
        self.controller.stop()


class WebServer:
    """https:// that keeps what is posted to it. answers: statuses for the next posts, then 200."""

    def __init__(self, directory, answer=None):
        self.posts, self.answers, self.answer = [], [], answer
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.append((self.path, dict(self.headers), body))
                status = outer.answers.pop(0) if outer.answers else 200
                content, kind = outer.answer(body) if outer.answer else (b"", "text/plain")
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = tls_of(directory).wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class LogReceiver:
    """Syslog over TLS (RFC 5425): keeps what whole connections brought. ways: what to do with the next connections:
    "cut" resets in the middle, "mute" reads all and never confirms, else as it should be."""

    def __init__(self, directory, framed=True):
        self.messages, self.ways, self.connections, self.raw, self.framed = [], [], 0, [], framed
        self.context = tls_of(directory)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(plain,), daemon=True).start()

    def handle(self, plain):
        way = self.ways.pop(0) if self.ways else "good"
        self.connections += 1
        data = b""
        try:
            with self.context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False) as tls:
                while piece := tls.recv(65536):
                    data += piece
                    if way == "cut":
                        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                        return
                if way == "mute":
                    tls.shutdown(socket.SHUT_WR)
                    return
                # Before the confirmation: what is confirmed is kept.
                self.raw.append(data)
                self.messages += frames(data) if self.framed else []
                tls.unwrap()
        except (ssl.SSLError, OSError):
            pass

    def stop(self):
        self.socket.close()


def frames(data):
    """LENGTH SP MESSAGE, one behind the other; anything else is an error of the sender."""
    found = []
    while data:
        length, rest = data.split(b" ", 1)
        found.append(rest[:int(length)].decode())
        assert len(rest) >= int(length), data[:100]
        data = rest[int(length):]
    return found
