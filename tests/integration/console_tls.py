#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_tls.py PROGRAM CONTRACT: old versions and weak suites are refused, agents need a certificate, slow and huge
senders lose their connection, and SIGTERM lets what runs end. Serves NET-1."""
import json
import socket
import ssl
import subprocess
import sys
import threading
import time

from console_server import Console

SUITES = ("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256")
failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


def s_client(console, port, *arguments):
    done = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile",
                           console.directory / "ca.crt", "-verify_return_error", *map(str, arguments)],
                          input=b"", capture_output=True, timeout=30)
    return done.returncode == 0 and b"Cipher is (NONE)" not in done.stdout, done.stdout.decode(errors="replace")


def check_versions(console):
    for port in (console.people_port, console.agents_port):
        for version in ("-tls1", "-tls1_1", "-tls1_2"):
            check(not s_client(console, port, version, "-cipher", "ALL:@SECLEVEL=0")[0], f"{version} is refused at {port}")
    for suite in SUITES:
        done, text = s_client(console, console.people_port, "-ciphersuites", suite)
        check(done and suite in text, f"{suite} is taken")
    check(not s_client(console, console.people_port, "-ciphersuites", "TLS_AES_128_CCM_SHA256")[0], "CCM is refused")
    for group in ("X25519", "P-256", "P-384"):
        check(s_client(console, console.people_port, "-groups", group)[0], f"{group} is taken")
    for group in ("P-521", "ffdhe2048"):
        check(not s_client(console, console.people_port, "-groups", group)[0], f"{group} is refused")


def health(console, certificate=None):
    try:
        return console.call("GET", "/api/v1/system/health", certificate=certificate).status
    except OSError as error:
        return type(error).__name__


def check_certificates(console):
    check(health(console, "agent") == 200, "an agent with our certificate is answered")
    check(health(console, "foreign") != 200, "a certificate of another authority is refused")
    context = console.tls()
    try:
        with socket.create_connection(("localhost", console.agents_port), 10) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as tls:
                tls.sendall(b"GET /api/v1/system/health HTTP/1.1\r\nHost: x\r\n\r\n")
                check(not tls.recv(100).startswith(b"HTTP"), "an agent without a certificate is refused")
    except OSError as error:
        check(True, f"an agent without a certificate is refused ({type(error).__name__})")
    answer = console.call("GET", "/api/v1/people", certificate="agent")
    check(answer.code == "SK-5003", "the listener of the agents has no calls of people")


def open_tls(console):
    raw = socket.create_connection(("localhost", console.people_port), 60)
    return console.tls().wrap_socket(raw, server_hostname="localhost")


def time_until_closed(connection, piece):
    """Sends a piece a second. Return: seconds until the other side had enough."""
    begun = time.monotonic()
    connection.settimeout(1)
    while time.monotonic() - begun < 40:
        try:
            connection.sendall(piece)
            if connection.recv(1000) == b"":
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - begun


def check_slow(console):
    """HeaderSec is 3, BodySec 5."""
    cases = {
        "a connection that says nothing in TLS": (socket.create_connection(("localhost", console.people_port), 60), b""),
        "a header of one byte a second": (open_tls(console), b"X"),
        "a body of one byte a second": (open_tls(console), b" "),
    }
    cases["a header of one byte a second"][0].sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    cases["a body of one byte a second"][0].sendall(
        b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    times = {}

    def run(name, connection, piece):
        times[name] = time_until_closed(connection, piece)
        connection.close()

    threads = [threading.Thread(target=run, args=(name, *case)) for name, case in cases.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, seconds in times.items():
        check(seconds < 12, f"{name} ends after {seconds:.1f} s")


def check_huge(console):
    with open_tls(console) as connection:
        connection.settimeout(20)
        connection.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 1000000000000\r\n\r\n")
        check(connection.recv(1000).startswith(b"HTTP/1.1 413"), "a body of a terabyte is refused at once")
    sent = 0
    with open_tls(console) as connection:
        connection.settimeout(20)
        connection.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            while sent < 64 << 20:
                connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
                sent += 65536
        except OSError:
            pass
    check(sent < 32 << 20, f"a body without an end is cut after {sent >> 10} KiB")
    with open_tls(console) as connection:
        connection.settimeout(20)
        try:
            connection.sendall(b"GET / HTTP/1.1\r\n" + b"X-Large: " + b"x" * 200000 + b"\r\n\r\n")
            answer = connection.recv(1000)
        except OSError:
            answer = b""
        check(not answer or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 413")), "a huge header is refused")
    check(health(console) == 200, "and the console still answers")


def check_limits(console):
    codes = [console.call("GET", "/api/v1/nothing").code for _ in range(60)]
    check("SK-5008" in codes, f"an address that asks too often is told to wait (after {codes.index('SK-5008')})"
          if "SK-5008" in codes else "an address that asks too often is told to wait")


def check_stop(console):
    """Signing in takes a tenth of a second and more: SIGTERM comes between."""
    results = []

    def sign_in(name):
        try:
            results.append(console.call("POST", "/api/v1/session", {"login": name, "password": "x"}).code)
        except OSError as error:
            results.append(type(error).__name__)

    threads = [threading.Thread(target=sign_in, args=(f"person{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.25)
    begun = time.monotonic()
    status = console.stop()
    for thread in threads:
        thread.join()
    check(status == 0, f"SIGTERM ends the console with status {status} after {time.monotonic() - begun:.1f} s")
    check(all(code in ("SK-5102", "SK-5011") for code in results) and "SK-5102" in results, f"what ran was answered: {results}")
    check(health(console) != 200, "nobody answers any more")
    console.start()
    check(health(console) == 200, "it starts again")


def check_sign_in(console):
    """The whole way of the first person."""
    answer = console.call("POST", "/api/v1/session", {"login": "OFFICER", "password": console.first_password})
    cookie = answer.headers.get("set-cookie", "")
    check(answer.status == 200 and answer.json["state"] == "password-change", "the first sign-in asks for a password")
    check(all(word in cookie for word in ("__Host-sekisho=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/")),
          "the cookie is for this host, over TLS, out of reach for scripts and other sites")
    session = {"token": cookie.split("=")[1].split(";")[0], "csrf": answer.json["csrf"]}
    for password in ("short1A!", "alllowercaseletters", "Officer-officer-1"):
        refused = console.call("PUT", "/api/v1/session/password", {"current": console.first_password, "new": password},
                               session)
        check(refused.code == "SK-5108", f"{password} is no password")
    answer = console.call("PUT", "/api/v1/session/password",
                          {"current": console.first_password, "new": "Kaki-no-ki 7 hon desu"}, session)
    check(answer.status == 200 and answer.json["state"] == "signed-in", "then everything is open")
    check(console.call("GET", "/api/v1/session", session=session).code == "SK-5101", "the session before has ended")
    wrong = {"login": "officer", "password": "wrong"}
    codes = [console.call("POST", "/api/v1/session", wrong).code for _ in range(6)]
    check(codes == ["SK-5102"] * 5 + ["SK-5109"], f"five wrong passwords lock the id: {codes}")
    nobody = [console.call("POST", "/api/v1/session", {**wrong, "login": "nobody-here"}) for _ in range(6)]
    check([a.code for a in nobody] == codes, "and one that nobody has, in the same words")
    right = console.call("POST", "/api/v1/session", {"login": "officer", "password": "Kaki-no-ki 7 hon desu"})
    check(right.code == "SK-5109" and int(right.headers["retry-after"]) > 0, "the right one has to wait, too")
    stored = console.directory.joinpath("db/console.sqlite").read_bytes()
    check(session["token"].encode() not in stored and bytes.fromhex(session["token"]) not in stored,
          "the database has no token")
    check(json.dumps(console.first_password).encode() not in stored, "and no password")


def main():
    settings = {"Listen": {"HeaderSec": 3, "BodySec": 5}}
    with Console(sys.argv[1], sys.argv[2], settings) as console:
        check_versions(console)
        check_certificates(console)
        check_sign_in(console)
        check_slow(console)
        check_huge(console)
        check_stop(console)
    with Console(sys.argv[1], sys.argv[2], {"Limits": {"RequestsPerSecond": 1, "RequestsBurst": 5}}) as console:
        check_limits(console)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
