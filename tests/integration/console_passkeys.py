#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_passkeys.py PROGRAM CONTRACT: passkeys of an authenticator in software: each kind of key and of attestation is
taken, alone, as second factor and as proof, also at another console; each lie is refused. Serves ACC-1."""
import sys
import threading

import authenticator as a
from console_contract import Contract
from console_server import Console

failures = []
ORIGIN = "https://console.example:8443"
HOST = "console.example"
PASSWORD = "Kaki-no-ki 7 hon desu"


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


class People:
    """Calls of the API that are judged by the contract, too."""

    def __init__(self, console):
        self.console, contract = console, Contract(console.contract)
        self.contract = contract
        self.operations = {(o.method, o.path): o for o in contract.operations}

    def call(self, method, path, body=None, session=None):
        answer = self.console.call(method, path, body, session)
        for fault in self.contract.judge(self.operations[method, path.split("?")[0]], answer):
            check(False, f"{method} {path}: {fault}")
        return answer

    def register(self, session, key, **lies):
        options = self.call("POST", "/api/v1/session/passkeys/options", session=session).json
        return self.call("POST", "/api/v1/session/passkeys", key.create(options, ORIGIN, **lies), session)

    def challenge(self):
        return self.call("POST", "/api/v1/session/passkey").json

    def open(self, key, **lies):
        return self.call("PUT", "/api/v1/session/passkey", key.get(self.challenge(), ORIGIN, **lies))


def check_kinds(people, person):
    console = people.console
    for algorithm, name in ((a.ES256, "ES256"), (a.EDDSA, "EdDSA"), (a.RS256, "RS256")):
        for attestation in ("none", "self", "packed"):
            key = a.Authenticator(algorithm, attestation)
            made = people.register(console.session(person), key)
            opened = people.open(key)
            check(made.status == 201 and opened.status == 200 and opened.json["state"] == "signed-in" and
                  opened.json["person"]["id"] == person, f"{name}, attestation {attestation}: {made.code} {opened.code}")
    methods = {row[0] for row in console.sql("SELECT method FROM sessions WHERE method = 'passkey' AND second_factor = 1")}
    check(methods == {"passkey"}, "the session says that two factors were given")


def check_lies_of_new(people, person):
    console = people.console
    good = dict(people=people, session=console.session(person))
    cases = {
        "another origin": {"origin": "https://console.example"},
        "an origin with more behind": {"origin": ORIGIN + ".evil.example"},
        "an origin without TLS": {"origin": ORIGIN.replace("https", "http")},
        "another party": {"rp_id": "example"},
        "the ceremony of signing in": {"type": "webauthn.get"},
        "a frame of another site": {"cross_origin": True},
        "a person not verified": {"flags": a.PRESENT | a.KEY_INSIDE},
        "a person not present": {"flags": a.VERIFIED | a.KEY_INSIDE},
        "no key": {"flags": a.PRESENT | a.VERIFIED},
        "a kind of attestation that nobody knows": {"format": "fido-u2f"},
        "attestation none with words": {"statement": {"alg": -7}},
    }
    for what, lies in cases.items():
        answer = people.register(good["session"], a.Authenticator(), **lies)
        check(answer.code == "SK-5116", f"a new key with {what} is refused: {answer.status} {answer.code}")
    for attestation in ("self", "packed"):
        answer = people.register(good["session"], a.Authenticator(attestation=attestation), spoil=True)
        check(answer.code == "SK-5116", f"a new key with a wrong signature ({attestation}) is refused")
    other = people.call("POST", "/api/v1/session/passkeys/options", session=console.session(console.person())).json
    key = a.Authenticator()
    mine = people.call("POST", "/api/v1/session/passkeys", key.create(other, ORIGIN), good["session"])
    check(mine.code == "SK-5116", "a challenge of somebody else makes no key")
    again = people.call("POST", "/api/v1/session/passkeys", key.create(other, ORIGIN), good["session"])
    check(again.code == "SK-5117", "and is used up by it")
    key = a.Authenticator()
    check(people.register(good["session"], key).status == 201 and
          people.register(console.session(console.person()), key).code == "SK-5013", "a key has one owner")
    excluded = people.call("POST", "/api/v1/session/passkeys/options", session=good["session"]).json["excludeCredentials"]
    check(a.to_text(key.handle) in [e["id"] for e in excluded], "and its authenticator is told to make no second one")


def check_lies_of_old(people, person):
    console = people.console
    key, stranger = a.Authenticator(), a.Authenticator()
    people.register(console.session(person), key)
    cases = {
        "another origin": {"origin": "https://console.example:8444"},
        "another party": {"rp_id": "evil.example"},
        "the ceremony of making a key": {"type": "webauthn.create"},
        "a frame of another site": {"cross_origin": True},
        "a person not verified": {"flags": a.PRESENT},
        "a person not present": {"flags": a.VERIFIED},
        "a wrong signature": {"spoil": True},
        "a handle that nobody has": {"handle": b"x" * 32},
        "another owner": {"user": console.person().encode()},
        "a counter that stands still": {"counter": 1},
        "a counter that went back": {"counter": 0},
    }
    check(people.open(key, counter=1000).status == 200, "a key whose counter is 1000 is taken")
    for what, lies in cases.items():
        answer = people.open(key, **lies)
        check(answer.code == "SK-5116", f"a key with {what} is refused: {answer.status} {answer.code}")
    key.counter = 1000
    stranger.handle, stranger.user, stranger.counter = key.handle, key.user, 2000
    check(people.open(stranger).code == "SK-5116", "a key of another authenticator under the same handle is refused")
    options = people.challenge()
    proof = key.get(options, ORIGIN)
    check(people.call("PUT", "/api/v1/session/passkey", proof).status == 200, "a challenge is good once")
    check(people.call("PUT", "/api/v1/session/passkey", proof).code == "SK-5117", "the same again is refused")
    check(people.call("PUT", "/api/v1/session/passkey", key.get(options, ORIGIN)).code == "SK-5117",
          "another signature for it, too")
    made_up = {**options, "challenge": a.to_text(b"c" * 32)}
    check(people.call("PUT", "/api/v1/session/passkey", key.get(made_up, ORIGIN)).code == "SK-5117",
          "a challenge that was never given is refused")
    late = people.challenge()
    console.sql("UPDATE ceremonies SET expires = 1")
    check(people.call("PUT", "/api/v1/session/passkey", key.get(late, ORIGIN)).code == "SK-5117", "one that is too old, too")
    creation = people.call("POST", "/api/v1/session/passkeys/options", session=console.session(person)).json
    mixed = {**creation, "rpId": HOST}
    check(people.call("PUT", "/api/v1/session/passkey", key.get(mixed, ORIGIN)).code == "SK-5117",
          "a challenge for a new key signs nobody in")
    console.sql("UPDATE people SET state = 'disabled' WHERE id = ?", person)
    check(people.open(key).code == "SK-5116", "a closed account is refused in the same words")
    console.sql("UPDATE people SET state = 'active' WHERE id = ?", person)
    refused = console.sql("SELECT COUNT(*) FROM sign_in_attempts WHERE person_id = ? AND outcome = 'refused'", person)[0][0]
    check(refused >= 7, f"the refusals are on record ({refused})")


def check_at_once(people, person):
    """Eight times the same signature at once: the challenge and the counter are good once."""
    key = a.Authenticator()
    people.register(people.console.session(person), key)
    proof = key.get(people.challenge(), ORIGIN)
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(
        people.console.call("PUT", "/api/v1/session/passkey", proof).status)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(codes.count(200) == 1, f"of eight at once one signs in: {sorted(codes)}")


def check_second_factor(people, officer):
    console = people.console
    facility = console.facility("二要素の院")
    made = console.call("POST", "/api/v1/people", {"login": "hanako", "name": "花子", "facility": facility, "role": "staff",
                                                   "identityCheck": "職員証"}, officer).json
    person = made["person"]["id"]
    session = console.sign_in("hanako", made["oneTimePassword"])[1]
    answer = console.call("PUT", "/api/v1/session/password", {"current": made["oneTimePassword"], "new": PASSWORD}, session)
    session = console.session_of(answer)
    key, other = a.Authenticator(), a.Authenticator()
    first = people.register(session, key, label="机の鍵").json
    people.register(console.session(console.person()), other)
    answer, half = console.sign_in("hanako", PASSWORD)
    check(answer.json["state"] == "second-factor", "who has a passkey needs it after the password")
    path = "/api/v1/session/second-factor/passkey"
    check(people.call("POST", path, other.get(people.challenge(), ORIGIN), half).code == "SK-5116",
          "the passkey of somebody else does not help")
    answer = people.call("POST", path, key.get(people.challenge(), ORIGIN), half)
    whole = console.session_of(answer)
    check(answer.status == 200 and answer.json["state"] == "signed-in", "the own one does")
    console.sql("UPDATE sessions SET fresh_until = 0 WHERE person_id = ?", person)
    check(people.call("POST", "/api/v1/session/passkeys/options", session=whole).code == "SK-5107",
          "a new passkey needs a proof")
    path = "/api/v1/session/proof/passkey"
    check(people.call("POST", path, other.get(people.challenge(), ORIGIN), whole).code == "SK-5116", "not of somebody else,")
    check(people.call("POST", path, key.get(people.challenge(), ORIGIN), whole).status == 200, "but with the own passkey")
    check(people.call("DELETE", f"/api/v1/session/passkeys?passkey={first['id']}", session=whole).code == "SK-5119",
          "the last second factor stays")
    spare = a.Authenticator()
    second = people.register(whole, spare).json
    shown = people.call("GET", "/api/v1/session/passkeys", session=whole).json["items"]
    check([p["label"] for p in shown] == ["机の鍵", "test"] and shown[0]["lastUsed"] and not shown[1]["lastUsed"],
          "a person sees their passkeys")
    check(people.call("DELETE", f"/api/v1/session/passkeys?passkey={second['id']}",
                      session=console.session(console.person())).code == "SK-5118", "and nobody else takes one away")
    check(people.call("DELETE", f"/api/v1/session/passkeys?passkey={second['id']}", session=whole).status == 204,
          "but they do")
    check(people.open(spare).code == "SK-5116", "what was taken away is refused")
    row = console.call("GET", f"/api/v1/people/{person}", session=officer).json
    check(row["secondFactor"], "an officer sees that there is a second factor")
    console.call("POST", f"/api/v1/people/{person}/reset", {"version": row["version"], "identityCheck": "免許証"}, officer)
    check(people.open(key).code == "SK-5116", "a reset takes the passkeys away")
    noted = console.sql("SELECT identity_check FROM credentials WHERE person_id = ? AND kind = 'password' AND removed IS NULL",
                        person)
    check(noted == [("免許証",)], "and notes how the person was recognised")


def check_other_console(people, person):
    """Begun here, finished by a process that was started afterwards."""
    key = a.Authenticator()
    people.register(people.console.session(person), key)
    proof = key.get(people.challenge(), ORIGIN)
    people.console.stop()
    people.console.start()
    check(people.call("PUT", "/api/v1/session/passkey", proof).status == 200, "another process finishes what one began")
    key.counter = 0
    people.console.sql("UPDATE credentials SET counter = 0 WHERE kind = 'passkey'")
    check([people.open(key, counter=0).status for _ in range(2)] == [200, 200], "a key that does not count is taken again")


def main():
    with Console(sys.argv[1], sys.argv[2], {"Web": {"Origin": ORIGIN}}) as console:
        people = People(console)
        person = console.person(("staff", console.facility("自院")))
        officer = console.session(console.person(("security-officer", None)))
        options = people.challenge()
        check(options["rpId"] == HOST and options["allowCredentials"] == [], "the party is the host; no key is named")
        check_kinds(people, person)
        check_lies_of_new(people, person)
        check_lies_of_old(people, person)
        check_at_once(people, person)
        check_second_factor(people, officer)
        check_other_console(people, person)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
