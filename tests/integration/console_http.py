#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_http.py PROGRAM CONTRACT [ENGINE [slice]]: sends every documented call, right and wrong in every way that the
contract tells, and fails on an answer that is not documented. A slice sends what is wrong, which mostly never reaches the
database, of every tenth operation only. Serves ACC-1."""
import json
import sys

from console_contract import Contract
from console_fixture import Fixture
from console_server import Console

HEADERS = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
           "strict-transport-security": "max-age=31536000", "x-content-type-options": "nosniff",
           "x-frame-options": "DENY", "referrer-policy": "no-referrer", "cross-origin-resource-policy": "same-origin"}


class Test:
    def __init__(self, console):
        self.console, self.contract = console, Contract(console.contract)
        self.fixture = Fixture(console)
        self.failures, self.calls, self.seen, self.repeated = [], 0, set(), 0

    def fail(self, what, text):
        self.failures.append(f"{what}: {text}")

    def send(self, operation, what, path=None, body=None, session=None, **options):
        method = options.pop("method", operation.method)
        if body is None and operation.body_type and not operation.body:  # of bytes there is no example
            body, options["headers"] = b"\n", {"Content-Type": operation.body_type} | options.get("headers", {})
        answer = self.console.call(method, path or self.fixture.path(operation, self.fixture.own), body, session,
                                   certificate="agent" if operation.audience == "agent" else None, **options)
        self.calls += 1
        if answer.code:
            self.seen.add((operation.id, answer.code))
        for fault in self.contract.judge(operation, answer):
            self.fail(f"{operation.id}, {what}", fault)
        return answer

    def expect(self, operation, what, wanted, **options):
        answer = self.send(operation, what, **options)
        if answer.code != wanted:
            self.fail(f"{operation.id}, {what}", f"{answer.status} {answer.code}, expected {wanted}")

    def session(self, operation, fresh=True):
        """Somebody who may do it: not more than the contract says."""
        if operation.audience != "people":
            return None
        where = None if operation.everywhere else self.fixture.own
        roles = [(operation.roles[-1], where)] if operation.roles else [("staff", self.fixture.own)]
        return self.console.session(self.console.person(*roles), fresh=fresh)

    # ---- the calls ----

    def check_valid(self, operation):
        answer = self.send(operation, "valid", body=self.fixture.body(operation, self.fixture.own),
                           session=self.session(operation))
        for name, value in HEADERS.items():
            if answer.headers.get(name) != value:
                self.fail(operation.id, f"header {name} is {answer.headers.get(name)!r}")
        refused = operation.item.get("x-sekisho-example-refused")
        if refused:
            if answer.code != refused:
                self.fail(f"{operation.id}, valid", f"{answer.status} {answer.json}, expected {refused}")
        # What needs a secret of somebody cannot succeed by its example; the sign-in has a test of its own.
        elif answer.status >= 300 and answer.code not in ("SK-5102", "SK-5104", "SK-5115"):
            self.fail(f"{operation.id}, valid", f"{answer.status} {answer.json}")

    def check_bodies(self, operation):
        session, example = self.session(operation), self.fixture.body(operation, self.fixture.own)
        if operation.id.startswith("agent."):
            answers = [self.send(operation, what, body=json.dumps(body).encode(), session=session)
                       for what, body in (("the example", example), ("of a later agent", {**example, "later": [1]}))]
            if answers[0].status != answers[1].status or answers[0].code != answers[1].code:
                self.fail(f"{operation.id}, of a later agent", f"{answers[1].status} {answers[1].json}")
        for what, body in self.contract.bad_bodies(operation, example):
            # What the parser already refuses, before anything looks at its members.
            unreadable = body is None or "0 character" in what
            self.expect(operation, what, "SK-5001" if unreadable else "SK-5002", body=json.dumps(body).encode(),
                        session=session)
        text = json.dumps(example).encode()
        for what, body in (("no JSON", b"{"), ("empty", b""), ("two values", text + b"{}"), ("no UTF-8", b'{"a": "\xff"}'),
                           ("a member twice", b'{"a": 1, "a": 2}'), ("deep", b"[" * 5000 + b"]" * 5000)):
            self.expect(operation, what, "SK-5001", body=body, session=session)
        self.expect(operation, "another type", "SK-5006", body=text, session=session,
                    headers={"Content-Type": "text/plain"})
        self.expect(operation, "no type", "SK-5006", body=text, session=session, headers={"Content-Type": None})
        most = operation.item.get("x-sekisho-max-body", 65536)
        self.expect(operation, "too large", "SK-5005", body=b" " * (most + 1), session=session)
        # Who asks first need not send it.
        self.expect(operation, "announced as too large", "SK-5005", body=b"", session=session,
                    headers={"Content-Length": str(most + 1), "Expect": "100-continue"})

    def records(self, session):
        """How many records name this person."""
        return self.console.sql("SELECT COUNT(*) FROM console_records WHERE line LIKE ?", f"%{session['person']}%")[0][0]

    def check_once(self, operation):
        """Sent again under the same key nothing is done, and the answer is the first one; the key is of this request, and of
        this person."""
        headers, session = {"Idempotency-Key": f'"{self.fixture.unique()}"'}, self.session(operation)
        path, body = self.fixture.path(operation, self.fixture.own), self.fixture.body(operation, self.fixture.own)
        before = self.records(session)
        first = self.send(operation, "with a key", path=path, body=body, session=session, headers=headers)
        done = self.records(session) - before
        used = self.console.sql("SELECT status FROM idempotency_keys WHERE owner = ? AND name = ?",
                                "person:" + session["person"], headers["Idempotency-Key"].strip('"'))
        if first.status >= 300 or not used:
            if first.status < 300 and done:
                self.fail(operation.id, "is recorded and can be done twice")
            return
        self.repeated += 1
        second = self.send(operation, "again", path=path, body=body, session=session, headers=headers)
        if (second.status, second.body) != (first.status, first.body):
            self.fail(f"{operation.id}, again", f"{second.status} {second.body[:200]}, first {first.status} {first.body[:200]}")
        if self.records(session) != before + done:
            self.fail(operation.id, "was done twice")
        other = self.session(operation)
        answer = self.send(operation, "of somebody else", path=path, body=body, session=other, headers=headers)
        if answer.code == "SK-5014" or (answer.status < 300 and done and not self.records(other)):
            self.fail(f"{operation.id}, of somebody else", f"{answer.status} {answer.body[:200]}")
        another = self.changed(operation, body) if operation.body else {}
        if another:
            self.expect(operation, "another under the same key", "SK-5014", path=path, body={**body, **another}, session=session,
                        headers=headers)
        elif operation.path_names:
            self.expect(operation, "another under the same key", "SK-5014", body=body, session=session, headers=headers)

    def changed(self, operation, body):
        """A member with another value that the schema allows."""
        schema = self.contract.resolve(operation.body["schema"])["properties"]
        for name, inner in schema.items():
            inner = self.contract.resolve(inner)
            if inner.get("format") in ("text", "lines") and "enum" not in inner:
                return {name: body.get(name, "") + "2"}
            if inner.get("type") == "boolean":
                return {name: not body.get(name, False)}
        return {name: value + "2" for name, value in body.items() if name in ("login", "name")}

    def check_query(self, operation):
        session, path = self.session(operation), self.fixture.path(operation, self.fixture.own)
        body = self.fixture.body(operation, self.fixture.own)
        joint = "&" if "?" in path else "?"
        self.expect(operation, "an unknown parameter", "SK-5002", path=f"{path}{joint}unknown=1", body=body, session=session)
        self.expect(operation, "a bad escape", "SK-5001", path=f"{path}{joint}a=%zz", body=body, session=session)
        for parameter in operation.query:
            schema, name = self.contract.resolve(parameter["schema"]), parameter["name"]
            # In a text for people a star is fine, a line end is not.
            bad = ["", "%0A" if schema.get("format") == "text" else "*", "a" * 300]
            if schema["type"] == "integer":
                bad += [str(schema["minimum"] - 1), str(schema["maximum"] + 1), "1.5", "99999999999999999999999"]
            for value in bad:
                self.expect(operation, f"?{name}={value[:20]}", "SK-5002", session=session, body=body,
                            path=f"{operation_path(operation, path)}?{name}={value}")
            self.expect(operation, f"?{name} twice", "SK-5002", session=session, body=body,
                        path=f"{operation_path(operation, path)}?{name}=1&{name}=1")

    def check_session(self, operation):
        body = self.fixture.body(operation, self.fixture.own)
        session = self.session(operation)
        for what, value in (("no session", None), ("an unknown session", {"token": "0" * 64, "csrf": "0"}),
                            ("half a token", {"token": session["token"][:32], "csrf": "0"})):
            self.expect(operation, what, "SK-5101", body=body, session=value)
        if not operation.half:
            half = self.console.session(session["person"], state="second-factor")
            self.expect(operation, "before the second factor", "SK-5103", body=body, session=half)
            half = self.console.session(session["person"], state="password-change")
            self.expect(operation, "with a given password", "SK-5110", body=body, session=half)
        if operation.fresh:
            self.expect(operation, "without a proof", "SK-5107", body=body, session=self.session(operation, fresh=False))

    def check_origin(self, operation):
        body, session = self.fixture.body(operation, self.fixture.own), self.session(operation)
        for site in ("cross-site", "same-site", "other"):
            self.expect(operation, f"from {site}", "SK-5106", body=body, session=session,
                        headers={"Sec-Fetch-Site": site})
        if session:
            for what, csrf in (("no CSRF token", None), ("a wrong CSRF token", "0" * 36), ("an empty one", "")):
                self.expect(operation, what, "SK-5106", body=body, session=session, headers={"Sekisho-CSRF": csrf})

    def check_path(self, operation):
        """An id that cannot be, and one that nobody has."""
        session, body = self.session(operation), self.fixture.body(operation, self.fixture.own)
        for name in operation.path_names:
            for value in ("x", "0" * 26, "%00", "a" * 2000, "..", "%2e%2e%2f"):
                path = self.fixture.path(operation, self.fixture.own)
                row = path.split("/")[operation.path.split("/").index("{%s}" % name)].split("?")[0]
                answer = self.send(operation, f"{{{name}}} = {value[:10]}", path=path.replace(row, value, 1), body=body,
                                   session=session)
                if answer.code not in ("SK-5003", "SK-5001"):
                    self.fail(f"{operation.id}, {{{name}}} = {value[:10]}", f"{answer.status} {answer.code}")

    def check_methods(self, path, methods):
        url = path.replace("{person}", "0" * 26).replace("{facility}", "0" * 26).replace("{role}", "staff")
        agents = any(o.path == path and o.audience == "agent" for o in self.contract.operations)
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "FROB"} - methods:
            answer = self.console.call(method, url, certificate="agent" if agents else None)
            self.calls += 1
            allowed = set(answer.headers.get("allow", "").split(", "))
            wanted = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
            if allowed != wanted or answer.status != (204 if method == "OPTIONS" else 405):
                self.fail(f"{method} {path}", f"{answer.status}, Allow: {allowed}")

    def check_language(self):
        for language, wanted in (("ja", "見つかりません"), ("en", "no such"), ("de", "no such"), ("en;q=0.5, ja", "見つかり"),
                                 ("ja;q=0.3, en;q=0.9", "no such"), ("x" * 3000, "no such"), (",;q=,ja-JP;q=1.0", "見つかり")):
            answer = self.console.call("GET", "/api/v1/nothing", headers={"Accept-Language": language})
            if wanted not in answer.json["title"]:
                self.fail(f"Accept-Language {language[:20]}", answer.json["title"])

    def run(self, part):
        for index, operation in enumerate(self.contract.operations):
            self.check_valid(operation)
            if operation.method == "POST" and operation.audience == "people" and not operation.half:
                self.check_once(operation)
            if index % part:
                continue
            self.check_query(operation)
            self.check_path(operation)
            if operation.body:
                self.check_bodies(operation)
            if operation.audience == "people":
                self.check_session(operation)
            if operation.audience != "agent" and operation.changes:
                self.check_origin(operation)
        for path, methods in self.contract.methods.items():
            if path.startswith("/api/"):
                self.check_methods(path, methods)
        self.check_language()


def operation_path(_operation, path):
    return path.split("?")[0]


def main():
    program, contract, engine, part = (sys.argv[1:] + ["sqlite", "whole"][len(sys.argv) - 3:])[:4]
    with Console(program, contract, engine=engine) as console:
        test = Test(console)
        test.run(10 if part == "slice" else 1)
    print(f"{len(test.contract.operations)} operations, {test.calls} calls, {len(test.seen)} documented refusals seen, "
          f"{test.repeated} operations done once though sent twice")
    for failure in test.failures[:60]:
        print("FAIL", failure)
    return 1 if test.failures or test.calls < 100 or test.repeated < 50 else 0


if __name__ == "__main__":
    sys.exit(main())
