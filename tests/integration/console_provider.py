#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_provider.py PROGRAM CONTRACT: people sign in at an OpenID Connect provider that lies on demand: each lie is
refused, groups give roles and take them away, keys may be exchanged. Serves ACC-1, ACC-2."""
import sys
import threading
import time

import provider as p
from console_contract import Contract
from console_server import Console

failures = []
PATH = "/api/v1/session/provider"


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


class People:
    def __init__(self, console, provider):
        self.console, self.provider = console, provider
        self.contract = Contract(console.contract)
        self.operations = {(o.method, o.path): o for o in self.contract.operations}

    def call(self, method, path, body=None, session=None):
        answer = self.console.call(method, path, body, session)
        for fault in self.contract.judge(self.operations[method, path], answer):
            check(False, f"{method} {path}: {fault}")
        return answer

    def begin(self, path=PATH, session=None):
        answer = self.call("POST", path, session=session)
        assert answer.status == 200, answer.json
        return answer.json

    def finish(self, begun, claims=None, path=PATH, session=None, **lies):
        code, state, _ = self.provider.authorize(begun["address"], claims, **lies)
        return self.call("PUT", path, {"ceremony": begun["ceremony"], "state": state, "code": code}, session)

    def sign_in(self, claims=None, **lies):
        return self.finish(self.begin(), claims, **lies)


def check_flow(people, facility):
    provider, console = people.provider, people.console
    check(people.call("GET", PATH).json == {"name": "試験の認証"}, "the page is told the provider's name")
    begun = people.begin()
    _, _, asked = provider.authorize(begun["address"])
    check(asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43 and asked["response_type"] == "code"
          and len(asked["nonce"]) == 43 and asked["redirect_uri"] == console.origin + "/sign-in/provider",
          "the flow is that of a code with PKCE, state and nonce")
    check(begun["ceremony"] not in begun["address"], "the id of the ceremony is not in the address")
    check(people.sign_in().code == "SK-5123", "whose groups mean nothing here gets no account")
    answer = people.sign_in({"groups": ["clinic-staff"], "preferred_username": "hanako", "name": "山田 花子",
                             "email": "officer@example.org"})
    check(answer.status == 200 and answer.json["state"] == "signed-in", f"whose group has a role gets one {answer.code}")
    person = answer.json["person"]
    check(person["login"] == "hanako" and person["name"] == "山田 花子" and not person["secondFactor"], "with the name")
    check(person["roles"] == [{"role": "staff", "facility": facility}], "and with the role, where it is held")
    rows = console.sql("SELECT source FROM person_roles WHERE person_id = ?", person["id"])
    check(rows == [("provider",)], "whose source is the provider")
    other = people.sign_in({"sub": "subject-2", "groups": ["clinic-staff"], "preferred_username": "hanako",
                            "email": "hanako@example.org"}).json["person"]
    check(other["id"] != person["id"] and other["login"] != "hanako", "another subject of the same name is somebody else")
    check(people.sign_in({"groups": ["clinic-staff"], "preferred_username": "taro"}).json["person"]["id"] == person["id"],
          "the same subject under another name is the same person")
    console.sql("DELETE FROM sign_in_attempts")
    answer = console.sign_in("hanako", "")[0]
    check(console.sign_in("hanako", "any")[0].code == "SK-5102", "there is no password to sign in with")
    return person["id"]


def check_groups(people, person, facility):
    console = people.console

    def roles(*groups):
        answer = people.sign_in({"groups": list(groups)})
        return sorted((r["role"], r["facility"]) for r in answer.json["person"]["roles"])

    check(roles("clinic-staff", "officers") == [("security-officer", None), ("staff", facility)], "a new group adds its role")
    session = console.session_of(people.sign_in({"groups": ["officers"]}))
    check(console.call("GET", "/api/v1/people", session=session).status == 200, "which opens what it opens")
    check(roles("clinic-staff") == [("staff", facility)], "a group that is gone takes its role away")
    check(console.call("GET", "/api/v1/people", session=session).code == "SK-5105", "also from sessions of before")
    check(roles("nothing-known") == [], "groups without a meaning give nothing")
    check(people.sign_in({"groups": None}).json["person"]["roles"] == [], "no claim is no group")
    console.sql("INSERT INTO person_roles (id, person_id, role, facility_id, granted) VALUES ('r', ?, 'auditor', ?, 1)", person,
                facility)
    check(roles() == [("auditor", facility)], "what the console gave stays")
    check(people.sign_in({"groups": "clinic-staff"}).json["person"]["roles"][1]["role"] == "staff", "one group may be a text")
    gone = console.sql("SELECT COUNT(*) FROM console_records WHERE line LIKE '%role.revoked%' AND line LIKE '%provider%'")[0][0]
    check(gone >= 2, "each taking away is on record")


def check_lies(people):
    provider, now = people.provider, int(time.time())
    stranger, small, elliptic = p.Key("RS256"), p.Key("RS256", 1024), p.Key("ES256")
    same_id = p.Key("RS256")
    same_id.id = provider.key.id
    small.id = "small"
    provider.keys += [small.public(), {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"}]
    cases = {
        "a wrong signature": ({}, {"spoil": True}),
        "no signature, algorithm none": ({}, {"unsigned": True, "header": {"alg": "none"}}),
        "no signature at all": ({}, {"unsigned": True}),
        "algorithm HS256 with the public key as secret": ({}, {"hmac": provider.key.pem(), "header": {"alg": "HS256"}}),
        "algorithm HS256 with the modulus as secret": (
            {}, {"hmac": provider.keys[0]["n"].encode(), "header": {"alg": "HS256"}}),
        "algorithm HS256 with a secret of the list": ({}, {"hmac": b"secret", "header": {"alg": "HS256", "kid": "oct"}}),
        "the key of a stranger": ({}, {"key": stranger}),
        "the key of a stranger under our id": ({}, {"key": same_id}),
        "the key of a stranger without an id": ({}, {"key": stranger, "header": {"kid": None}}),
        "a key of 1024 bits": ({}, {"key": small}),
        "a key of another kind": ({}, {"key": elliptic, "header": {"kid": provider.key.id}}),
        "a key in its own header": ({}, {"key": stranger, "header": {"jwk": stranger.public()}}),
        "an extension that must be understood": ({}, {"header": {"crit": ["exp"], "exp": 1}}),
        "another issuer": ({"iss": "https://evil.example"}, {}),
        "an issuer with a slash more": ({"iss": provider.issuer + "/"}, {}),
        "another audience": ({"aud": "another"}, {}),
        "several audiences and no party": ({"aud": [provider.client, "another"]}, {}),
        "another party": ({"aud": [provider.client, "another"], "azp": "another"}, {}),
        "a token that is over": ({"exp": now - 120}, {}),
        "no end": ({"exp": None}, {}),
        "an end that is text": ({"exp": "9999999999"}, {}),
        "a time to come": ({"iat": now + 600, "exp": now + 900}, {}),
        "a token of yesterday": ({"iat": now - 86400}, {}),
        "not before tomorrow": ({"nbf": now + 86400}, {}),
        "another nonce": ({"nonce": "x" * 43}, {}),
        "no nonce": ({"nonce": None}, {}),
        "no subject": ({"sub": None}, {}),
        "a subject that is empty": ({"sub": ""}, {}),
        "a subject that is a number": ({"sub": 7}, {}),
        "a subject with a 0 inside": ({"sub": "subject-1\0"}, {}),
        "no token": ({}, {"answer": {"access_token": "x"}}),
        "a token in two pieces": ({}, {"answer": {"id_token": "a.b"}}),
        "a token that is no text": ({}, {"answer": {"id_token": 7}}),
        "a token of dots": ({}, {"answer": {"id_token": "..."}}),
    }
    for what, (claims, lies) in cases.items():
        answer = people.sign_in({"groups": ["clinic-staff"], **claims}, **lies)
        check(answer.code == "SK-5120", f"{what} is refused: {answer.status} {answer.code}")
    good = people.sign_in({"groups": ["clinic-staff"], "aud": [provider.client, "another"], "azp": provider.client})
    check(good.status == 200, "several audiences with us as the party are taken")


def check_ceremony(people):
    claims = {"groups": ["clinic-staff"]}
    begun, other = people.begin(), people.begin()
    code, state, _ = people.provider.authorize(begun["address"], claims)
    body = {"ceremony": begun["ceremony"], "state": state, "code": code}
    check(people.call("PUT", PATH, body).status == 200, "code and state sign in once")
    check(people.call("PUT", PATH, body).code == "SK-5117", "the same again is refused")
    code, state, _ = people.provider.authorize(people.begin()["address"], claims)
    check(people.call("PUT", PATH, {"ceremony": other["ceremony"], "state": state, "code": code}).code == "SK-5120",
          "the state of another browser is refused")
    begun = people.begin()
    code, state, _ = people.provider.authorize(begun["address"], claims)
    stranger = {"ceremony": "A" * 43, "state": state, "code": code}
    check(people.call("PUT", PATH, stranger).code == "SK-5117", "who did not begin it cannot finish it")
    right = {"ceremony": begun["ceremony"], "state": state, "code": code, "issuer": "https://evil.example"}
    check(people.call("PUT", PATH, right).code == "SK-5120", "an answer of another provider is refused")
    begun = people.begin()
    check(people.call("PUT", PATH, {"ceremony": begun["ceremony"], "state": people.provider.authorize(begun["address"])[1],
                                    "code": "made-up"}).code == "SK-5120", "a code that the provider does not know is refused")
    begun = people.begin()
    people.console.sql("UPDATE ceremonies SET expires = 1")
    check(people.finish(begun, claims).code == "SK-5117", "after five minutes it is over")
    begun = people.begin()
    people.console.stop()
    people.console.start()
    check(people.finish(begun, claims).status == 200, "another process finishes what one began")


def check_keys(people):
    provider, claims = people.provider, {"groups": ["clinic-staff"]}
    for algorithm in ("ES256", "PS256"):
        provider.key = p.Key(algorithm)
        provider.keys = [provider.key.public()]
        people.console.stop()
        people.console.start()
        check(people.sign_in(claims).status == 200, f"{algorithm} is taken")
    time.sleep(5.2)
    provider.key = p.Key("RS256")
    provider.keys = [provider.key.public()]
    check(people.sign_in(claims).status == 200, "a key that the provider exchanged is fetched")
    asked = provider.asked.count("/keys")
    stranger = p.Key("RS256")
    codes = [people.sign_in(claims, key=stranger).code for _ in range(4)]
    check(set(codes) == {"SK-5120"} and provider.asked.count("/keys") - asked <= 1,
          "but unknown keys do not make the console ask without end")


def check_down(people):
    provider, console = people.provider, people.console
    begun = people.begin()
    provider.down = True
    console.stop()
    console.start()
    begun_at = time.monotonic()
    check(console.call("POST", PATH).code == "SK-5121", "a provider that is down is told")
    check(people.finish(begun).code == "SK-5121", "also on the way back")
    check(time.monotonic() - begun_at < 5, "and soon")
    provider.down = False
    for what, change in (("another issuer", {"issuer": "https://evil.example"}),
                         ("an address without TLS", {"token_endpoint": "http://localhost/token"}),
                         ("no keys", {"jwks_uri": None})):
        right = dict(provider.description)
        provider.description.update(change)
        console.stop()
        console.start()
        check(console.call("POST", PATH).code == "SK-5121", f"a description with {what} is not believed")
        provider.description = right


def check_link(people):
    console = people.console
    path = PATH + "/link"
    own = console.person(("staff", console.facility("別院")))
    session = console.session(own)
    claims = {"sub": "linked", "groups": ["clinic-staff"]}
    check(people.finish(people.begin(path, session), claims, path, session).status == 204, "somebody links their account")
    check(people.sign_in(claims).json["person"]["id"] == own, "and signs in to it")
    stranger = console.session(console.person())
    check(people.finish(people.begin(path, stranger), claims, path, stranger).code == "SK-5124",
          "nobody else can link the same")
    check(people.finish(people.begin(path, session), {"sub": "x"}, path, stranger).code == "SK-5120",
          "nor finish what another one began")
    check(people.finish(people.begin(path, session), {"sub": "x"}).code == "SK-5120", "nor sign in by it")
    console.sql("UPDATE people SET state = 'disabled' WHERE id = ?", own)
    check(people.sign_in(claims).code == "SK-5123", "a closed account is none")
    console.sql("UPDATE people SET state = 'active' WHERE id = ?", own)
    console.sql("INSERT INTO credentials (id, person_id, kind, created) VALUES ('c', ?, 'totp', 1)", own)
    check(people.sign_in(claims).json["state"] == "second-factor", "who has a second factor here has to give it")
    check(people.sign_in({**claims, "amr": ["pwd", "mfa"]}).json["state"] == "signed-in", "unless the provider asked for two")


def check_rules(people, facility):
    console = people.console
    officer = console.session(console.person(("security-officer", None)))
    made = people.call("POST", "/api/v1/provider-groups", {"group": "clinic-staff", "role": "staff", "facility": facility},
                       officer)
    people.call("POST", "/api/v1/provider-groups", {"group": "officers", "role": "security-officer", "facility": None}, officer)
    check(made.status == 201, "an officer says what groups mean")
    listed = people.call("GET", "/api/v1/provider-groups", session=officer).json["items"]
    check([(r["group"], r["role"], r["facility"]) for r in listed] == [
        ("clinic-staff", "staff", facility), ("officers", "security-officer", None)], "and sees it")
    local = console.session(console.person(("security-officer", facility)))
    check(people.call("POST", "/api/v1/provider-groups", {"group": "x", "role": "staff", "facility": facility}, local).code ==
          "SK-5105", "an officer of one clinic does not")


def main():
    console = Console(sys.argv[1], sys.argv[2])
    home = console.directory
    console.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "p.key", "-out",
                    "p.crt", "-subj", "/CN=localhost", "-days", "2", "-addext", "subjectAltName=DNS:localhost")
    provider = p.Provider(home / "p.crt", home / "p.key", "console", "the secret of the client")
    (home / "secret-of-client").write_text("the secret of the client\n")
    console.origin = "https://console.example"
    console.settings |= {
        "Web": {"Origin": console.origin}, "Outgoing": {"AuthorityFile": home / "p.crt"},
        "Provider": {"Issuer": provider.issuer, "Name": "試験の認証", "Client": "console",
                     "SecretFile": home / "secret-of-client", "Accounts": "yes"}}
    with console:
        people = People(console, provider)
        facility = console.facility("自院")
        check_rules(people, facility)
        person = check_flow(people, facility)
        check_groups(people, person, facility)
        check_ceremony(people)
        check_lies(people)
        check_keys(people)
        check_link(people)
        check_down(people)
    provider.close()
    check(threading.active_count() <= 2, "the provider has ended")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
