#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_sign_in.py PROGRAM CONTRACT: people sign in with what the real libraries make (codes of liboath), nobody learns
who exists, neither from words nor from times, and what ACC-1 asks for happens. Serves ACC-1."""
import base64
import ctypes
import statistics
import sys
import threading
import time
from pathlib import Path

from console_fixture import Fixture
from console_server import Console, new_id

PASSWORD = "Kaki-no-ki 7 hon desu"
STEP = 30
failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


class Oath:
    """An authenticator app: liboath."""

    def __init__(self):
        self.library = ctypes.CDLL("liboath.so.0")
        assert self.library.oath_init() == 0

    def code(self, secret, when):
        seed = base64.b32decode(secret + "=" * (-len(secret) % 8))
        code = ctypes.create_string_buffer(7)
        r = self.library.oath_totp_generate(seed, ctypes.c_size_t(len(seed)), ctypes.c_long(int(when)), ctypes.c_uint(STEP),
                                            ctypes.c_long(0), ctypes.c_uint(6), code)
        assert r == 0, r
        return code.value.decode()


def wait_for_room(seconds):
    """So that the step does not change while the next calls run."""
    left = STEP - time.time() % STEP
    if left < seconds:
        time.sleep(left + 0.1)


# ---- people and their passwords ----


def new_person(console, officer, login):
    """Made as an officer makes one, and signed in for the first time."""
    facility = console.sql("SELECT id FROM facilities")[0][0]
    made = console.call("POST", "/api/v1/people", {"login": login, "name": login, "facility": facility, "role": "staff",
                                                   "identityCheck": "職員証"}, officer)
    assert made.status == 201, made.json
    first = made.json["oneTimePassword"]
    session = console.sign_in(login, first)[1]
    answer = console.call("PUT", "/api/v1/session/password", {"current": first, "new": PASSWORD}, session)
    assert answer.status == 200, answer.json
    return made.json["person"]["id"], console.session_of(answer)


def check_totp(console, officer):
    person, session = new_person(console, officer, "totp")
    oath = Oath()
    secret = console.call("POST", "/api/v1/session/totp", session=session).json["secret"]
    wait_for_room(6)
    now = time.time()
    answer = console.call("PUT", "/api/v1/session/totp", {"code": oath.code(secret, now - STEP)}, session)
    check(answer.status == 200 and answer.json["person"]["secondFactor"], "the first code of liboath puts the seed in force")
    answer, half = console.sign_in("totp", PASSWORD)
    check(answer.json["state"] == "second-factor" and "person" not in answer.json,
          "then the password alone opens nothing, and tells nothing")
    check(console.call("GET", "/api/v1/media", session=half).code == "SK-5103", "neither the ledger")
    code = oath.code(secret, now)
    wrong = console.call("POST", "/api/v1/session/second-factor", {"code": f"{(int(code) + 1) % 1000000:06}"}, half)
    check(wrong.code == "SK-5104", "a code that is one off is refused")
    answer = console.call("POST", "/api/v1/session/second-factor", {"code": code}, half)
    whole = console.session_of(answer)
    check(answer.status == 200 and answer.json["state"] == "signed-in", "the right code of liboath signs in")
    check(console.call("GET", "/api/v1/session", session=half).code == "SK-5101", "in place of the half session")
    half = console.sign_in("totp", PASSWORD)[1]
    again = console.call("POST", "/api/v1/session/second-factor", {"code": code}, half)
    check(again.code == "SK-5104", "the same code a second time is refused")
    old = console.call("POST", "/api/v1/session/second-factor", {"code": oath.code(secret, now - STEP)}, half)
    check(old.code == "SK-5104", "and one of before it, too")
    proof = {"password": PASSWORD, "code": oath.code(secret, now + STEP)}
    check(console.call("POST", "/api/v1/session/proof", {"password": PASSWORD}, whole).code == "SK-5104",
          "a proof needs the code, too")
    check(console.call("POST", "/api/v1/session/proof", proof, whole).status == 200, "and is good with the next one")
    stored = console.sql("SELECT wrapped, secret FROM credentials WHERE person_id = ? AND kind = 'totp'", person)
    seed = base64.b32decode(secret + "=" * (-len(secret) % 8))
    check(all(seed not in bytes(row[0]) and row[1] is None for row in stored), "the database has the seed sealed only")
    return person


def check_codes_at_once(console, person):
    """The same code from ten sides at once is good once."""
    console.sql("UPDATE credentials SET counter = 0 WHERE person_id = ?", person)
    console.sql("DELETE FROM sign_in_attempts")
    secret = console.call("POST", "/api/v1/session/totp", session=console.session(person)).json["secret"]
    wait_for_room(8)
    code = Oath().code(secret, time.time())
    console.call("PUT", "/api/v1/session/totp", {"code": Oath().code(secret, time.time() - STEP)}, console.session(person))
    halves = [console.session(person, state="second-factor") for _ in range(10)]
    codes = []

    def confirm(half):
        codes.append(console.call("POST", "/api/v1/session/second-factor", {"code": code}, half).status)

    threads = [threading.Thread(target=confirm, args=(half,)) for half in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(codes.count(200) == 1, f"a code that comes ten times at once is good once: {sorted(codes)}")


def check_last_sign_in(console, officer):
    person, _ = new_person(console, officer, "last")
    console.sign_in("last", "wrong")
    console.sign_in("last", "wrong again")
    answer, session = console.sign_in("last", PASSWORD)
    shown = answer.json["person"]
    check(shown["lastSignIn"] and shown["lastSignInFrom"] in ("127.0.0.1", "::"), "the sign-in before is shown")
    check(shown["failedSince"] == 2, "and how many were refused since")
    row = console.call("GET", f"/api/v1/people/{person}", session=officer).json
    check(row["lastSignIn"] > shown["lastSignIn"], "an officer sees the newest one")
    console.call("DELETE", "/api/v1/session", session=session)
    check(console.call("GET", "/api/v1/session", session=session).code == "SK-5101", "who signed out is out")


def check_idle(console, officer):
    """IdleSec is 60, LongestSec 300: the clock of the database row is turned, not the test's."""
    _, session = new_person(console, officer, "idle")
    identity = console.sql("SELECT id FROM sessions WHERE ended IS NULL ORDER BY created DESC LIMIT 1")[0][0]
    row = console.sql("SELECT created, idle_until, valid_until FROM sessions WHERE id = ?", identity)[0]
    check(row[1] - row[0] == 60000 and row[2] - row[0] == 300000, "a session has the ends that the settings say")
    past = int(time.time() * 1000) - 40000
    console.sql("UPDATE sessions SET last_used = ?, idle_until = ? WHERE id = ?", past, past + 60000, identity)
    check(console.call("GET", "/api/v1/session", session=session).status == 200, "after 40 s it goes on")
    check(console.sql("SELECT idle_until FROM sessions WHERE id = ?", identity)[0][0] > past + 90000, "and lasts longer then")
    console.sql("UPDATE sessions SET idle_until = ? WHERE id = ?", int(time.time() * 1000) - 1, identity)
    check(console.call("GET", "/api/v1/session", session=session).code == "SK-5101", "after 60 s without a request it is over")
    console.sql("UPDATE sessions SET idle_until = ?, valid_until = ? WHERE id = ?", int(time.time() * 1000) + 50000,
                int(time.time() * 1000) - 1, identity)
    check(console.call("GET", "/api/v1/session", session=session).code == "SK-5101", "after the longest time in any case")


def check_identity(console, officer):
    person, session = new_person(console, officer, "identity")
    row = console.call("GET", f"/api/v1/people/{person}", session=officer).json
    path = f"/api/v1/people/{person}/reset"
    check(console.call("POST", path, {"version": row["version"]}, officer).code == "SK-5002",
          "nobody is reset without saying how they were recognised")
    check(console.call("POST", path, {"version": row["version"], "identityCheck": ""}, officer).code == "SK-5002",
          "nor with nothing said")
    answer = console.call("POST", path, {"version": row["version"], "identityCheck": "運転免許証"}, officer)
    noted = console.sql("SELECT identity_check, created_by FROM credentials WHERE person_id = ? AND removed IS NULL", person)
    check(answer.status == 200 and noted[0][0] == "運転免許証" and noted[0][1], "it is noted with the credential, and by whom")
    line = console.sql("SELECT line FROM console_records WHERE line LIKE '%person.reset%'")[0][0]
    check("運転免許証" in (line if isinstance(line, str) else line.decode()), "and in the chain of records")
    check(console.call("GET", "/api/v1/session", session=session).code == "SK-5101", "the sessions have ended")
    check(console.sign_in("identity", PASSWORD)[0].code == "SK-5102", "the password of before is none")
    check(console.sign_in("identity", answer.json["oneTimePassword"])[0].json["state"] == "password-change",
          "the new one has to be changed")
    console.sql("UPDATE credentials SET expires = 1 WHERE person_id = ? AND removed IS NULL", person)
    check(console.sign_in("identity", answer.json["oneTimePassword"])[0].code == "SK-5102", "and ends by itself")


def refuse(console, times):
    """Further refusals of the last name, as the console writes them."""
    for _ in range(times):
        console.sql("INSERT INTO sign_in_attempts (id, person_id, login_hash, address, method, outcome, at) SELECT ?, "
                    "person_id, login_hash, address, method, outcome, ? FROM sign_in_attempts ORDER BY at DESC LIMIT 1",
                    new_id(), int(time.time() * 1000))


def check_never_reused(console, officer):
    """A name stays that of one person, also after they left, however it is written."""
    facility = console.sql("SELECT id FROM facilities")[0][0]

    def make(login):
        return console.call("POST", "/api/v1/people", {"login": login, "name": "x", "facility": facility, "role": "staff",
                                                       "identityCheck": "職員証"}, officer)

    made = make("leaver").json["person"]
    gone = console.call("POST", f"/api/v1/people/{made['id']}/disable", {"version": made["version"], "reason": "退職"}, officer)
    check(gone.status == 200, f"somebody leaves {gone.json}")
    for login in ("leaver", "LEAVER", "ｌｅａｖｅｒ"):
        answer = make(login)
        check(answer.status in (409, 422), f"{login}: nobody gets the name of who left {answer.status} {answer.code}")
    check(console.sql("SELECT COUNT(*) FROM people WHERE login_key = 'leaver'")[0][0] == 1, "and the row stays")


def check_lock(console):
    """Five refusals in a row lock for 30 s, ten for 60 s, for names that nobody has just as well."""
    for login in ("last", "nobody.has.this"):
        console.sql("DELETE FROM sign_in_attempts")
        answers = [console.sign_in(login, "wrong")[0] for _ in range(6)]
        check([a.code for a in answers] == ["SK-5102"] * 5 + ["SK-5109"], f"{login}: the sixth has to wait")
        check(20 < int(answers[5].headers["retry-after"]) <= 30, f"{login}: for half a minute")
        console.sql("UPDATE sign_in_attempts SET at = at - 31000")
        check(console.sign_in(login, "wrong")[0].code == "SK-5102", f"{login}: then it is judged again")
        refuse(console, 4)
        answer = console.sign_in(login, PASSWORD)[0]
        check(answer.code == "SK-5109" and 50 < int(answer.headers["retry-after"]) <= 60,
              f"{login}: the tenth locks for a minute, also for the right password")
    console.sql("DELETE FROM sign_in_attempts")
    check(console.sign_in("last", "wrong")[0].code == "SK-5102", "one refusal,")
    refuse(console, 3)
    check(console.sign_in("last", PASSWORD)[0].status == 200, "and after four the right password is taken")
    codes = [console.sign_in("last", "wrong")[0].code for _ in range(2)]
    check(codes == ["SK-5102"] * 2, "and the count begins anew")


def work_of(console):
    """ms that the threads of the console have computed: what others do on this machine is not in it."""
    tasks = Path(f"/proc/{console.process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def sign_in_times(console, logins, rounds):
    """One connection each, so that TLS is not measured; in turns, so that all see the same machine."""
    times, words = {login: [] for login in logins}, {}
    for _ in range(rounds):
        for login in logins:
            console.sql("DELETE FROM sign_in_attempts")
            connection = console.connect()
            connection.connect()
            work, begun = work_of(console), time.perf_counter()
            connection.request("POST", "/api/v1/session", f'{{"login":"{login}","password":"wrong"}}',
                               {"Content-Type": "application/json"})
            response = connection.getresponse()
            body = response.read()
            times[login].append(((time.perf_counter() - begun) * 1000, work_of(console) - work))
            connection.close()
            words.setdefault(login, set()).add((response.status, body[:body.index(b"urn:sekisho:request")]))
    return times, words


def check_times(console, officer, rounds):
    closed = new_person(console, officer, "closed")[0]
    console.sql("UPDATE people SET state = 'disabled' WHERE id = ?", closed)
    times, words = sign_in_times(console, ("nobody.is.this", "idle", "closed"), rounds)
    check(len(set(map(frozenset, words.values()))) == 1, "unknown, known and closed are refused in the same words")
    work = {}
    for login, pairs in times.items():
        seen, work[login] = sorted(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)
        print(f"     {login:15} median {statistics.median(seen):6.1f} ms, 10 % {seen[len(seen) // 10]:6.1f}, "
              f"90 % {seen[len(seen) * 9 // 10]:6.1f}; of computing {work[login]:6.1f} ms; {len(seen)} times")
    # Without the same work the difference is all of Argon2id.
    apart = max(work.values()) - min(work.values())
    check(apart < 0.15 * min(work.values()), f"and after the same work: the medians differ by {apart:.1f} ms")
    first = times["nobody.is.this"][0][1]
    check(first < 1.5 * work["nobody.is.this"], f"also the first time after the start: {first:.1f} ms")


def check_stop(console):
    """SIGTERM while agents wait: each is answered, and the end is clean."""
    Fixture(console)
    answers = []

    def wait():
        revision = console.sql("SELECT revision FROM terminal_revisions WHERE terminal_id = ?", console.terminal)[0][0]
        answers.append(console.call("GET", f"/api/v1/agent/wait?revision={revision}", certificate="agent").status)

    threads = [threading.Thread(target=wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    check(not answers, "five agents wait")
    begun = time.monotonic()
    status = console.stop()
    for thread in threads:
        thread.join()
    check(status == 0 and time.monotonic() - begun < 3, f"SIGTERM ends it with {status} in {time.monotonic() - begun:.1f} s")
    check(answers == [200] * 5, f"and each of them is answered: {answers}")
    check("ended:" not in console.log.read_text() and "rror" not in console.log.read_text(), "without an error")


def main():
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 6
    with Console(sys.argv[1], sys.argv[2], {"Session": {"IdleSec": 60, "LongestSec": 300}}) as console:
        session = console.sign_in("officer", console.first_password)[1]
        answer = console.call("PUT", "/api/v1/session/password", {"current": console.first_password, "new": PASSWORD},
                              session)
        officer = console.session_of(answer)
        person = check_totp(console, officer)
        check_codes_at_once(console, person)
        check_never_reused(console, officer)
        check_last_sign_in(console, officer)
        check_idle(console, officer)
        check_identity(console, officer)
        check_times(console, officer, rounds)
        check_lock(console)
        check_stop(console)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
