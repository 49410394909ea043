#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real agent at a real console: what somebody approves holds at the PC, and what is taken back does not; what a lying
console, an old message or another terminal says is refused.
Usage: grants_real.py SEKISHOD UPLINK SEKISHOCTL CONSOLE CONTRACT CARRY_HALF Serves OUT-1, OUT-4, LOSS-1, LOSS-3, EMG-1."""
import base64
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from console_fixture import Fixture
from console_server import Console
from swtpm import Swtpm
from uplink_agent import Agent
from uplink_calls import VERSION
from uplink_real import Clinic, say


RECOVERY = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
BOX = base64.b64encode(bytes.fromhex("002000010003") + bytes(32 + 32 + 16)).decode()  # of lib/crypt/box.h by its head
HEAD = struct.Struct("=HHIQ")  # lib/ipc/proto.h
LIST, EVALUATED, LEASE, ANSWER, LEASE_ASK, EVALUATE = 0x0404, 0x0405, 0x0406, 0x0481, 0x0484, 0x0485
TAKE, KEEP, FIND = range(3)
BLINDED = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")  # the generator


def start_core(work):
    """The key of leases and codes comes from the TPM a moment later."""
    work.agent.start_core()
    work.agent.wait(lambda: work.agent.status().get("seal_key") in ("tpm", "none"), "the TPM's answer")


class Media:
    """What core hears of sekisho-media: a worker that asks for the console's half of a key."""

    def __init__(self, folder):
        self.cookie, self.channel = 0, None
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(folder / "run" / "media.sock"))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def send(self, kind, cookie, body):
        self.channel.send(HEAD.pack(VERSION, kind, HEAD.size + len(body), cookie) + body)

    def receive(self):
        message = self.channel.recv(16384)
        _, kind, size, cookie = HEAD.unpack_from(message)
        assert size == len(message)
        return kind, cookie, message[HEAD.size:]

    def accept(self):
        """Core asks at each of its starts what is mounted."""
        while True:
            self.channel = self.listener.accept()[0]
            self.channel.settimeout(30)
            kind, cookie, _ = self.receive()
            assert kind == LIST
            self.send(ANSWER, cookie, struct.pack("=iI256x", 0, 0))

    def evaluate(self, medium, purpose, blinded=BLINDED):
        """Return: the code, the element, the public key."""
        self.cookie += 1
        self.send(EVALUATE, self.cookie, struct.pack("=32sII32s", medium.encode(), purpose, 0, blinded))
        kind, cookie, body = self.receive()
        assert (kind, cookie) == (EVALUATED, self.cookie), (kind, cookie)
        code, _, element, _, public, _ = struct.unpack("=II32s64s32s32s", body)
        return code, element, public

    def lease(self, medium, what, box=b""):
        """Return: the code, the lease's id, its end (ms), what was in the box. sealed: what is to be in it."""
        self.cookie += 1
        self.send(LEASE_ASK, self.cookie, struct.pack("=32sII128s", medium.encode(), what, len(box), box))
        kind, cookie, body = self.receive()
        assert (kind, cookie) == (LEASE, self.cookie), (kind, cookie)
        code, size, identity, terminal, begin, until, _, _, public, kept = struct.unpack("=II32s32sqqqq32s128s", body)
        if what == TAKE and code == 0:
            self.about = [public.hex(), *(t.rstrip(b"\0").decode() for t in (identity, medium.encode(), terminal)),
                          str(begin), str(until)]
        return code, identity.rstrip(b"\0").decode(), until, kept[:size]


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Work:
    """One PC of one clinic, and what its people do."""

    def __init__(self, agent, clinic):
        self.agent, self.clinic, self.console = agent, clinic, clinic.console
        self.fixture, self.facility = clinic.fixture, clinic.facility
        self.asker = self.console.session(self.console.person(("staff", self.facility)))
        self.boss = self.console.session(self.console.person(("approver", self.facility)))
        self.officer = self.fixture.officer(self.facility)
        done = agent.ctl("enroll", clinic.code()["code"])
        assert done.returncode == 0, done
        agent.wait(agent.connected, "connected")
        self.terminal = agent.console()["terminal"]

    def reconnect(self):
        """A new uplink does not wait until the old one would have tried again."""
        self.console.start()
        self.agent.kill_uplink()
        self.agent.wait(self.agent.connected, "connected again", 30)

    def call(self, session, method, path, body=None, wanted=200):
        answer = self.console.call(method, path, body, session)
        assert answer.status == wanted, (path, answer.status, answer.body)
        return answer.json

    def form(self, medium, begin=-60, end=3600, lease=None, terminal=None):
        body = {"facility": self.facility, "kind": "carry-out", "outFrom": stamp(begin), "due": stamp(end),
                "destination": "県立病院", "reason": "紹介", "dataSummary": "画像", "risk": "紛失", "onLoss": "報告",
                "terminal": terminal or self.terminal, "media": [medium]}
        return body | ({"leaseUntil": stamp(lease)} if lease else {})

    def as_terminal(self, path, body):
        """As the PC itself would call: with a certificate for its id."""
        if not (self.console.directory / "pc.crt").exists():
            self.console.make_certificate("pc", self.terminal)
        return self.console.call("POST", path, body, certificate="pc")

    def request(self, **options):
        medium = self.fixture.make_medium(self.facility)
        self.console.sql("UPDATE media SET mode = 'bound' WHERE id = ?", medium)
        body = self.form(medium, **options)
        return self.call(self.asker, "POST", "/api/v1/requests", body, 201)["id"], medium

    def approve(self, request):
        return self.call(self.boss, "POST", f"/api/v1/requests/{request}/decisions", {"approved": True})

    def grants(self):
        return {g["medium"]: g["state"] for g in self.agent.console()["grants"]}

    def await_state(self, medium, state, began, most):
        self.agent.wait(lambda: self.grants().get(medium) == state, f"{medium} {state}", most)
        return time.monotonic() - began


def check_approval(work):
    say("approved, and it holds; withdrawn, and it does not")
    times = []
    for _ in range(5):
        request, medium = work.request()
        assert medium not in work.grants()
        began = time.monotonic()
        work.approve(request)
        times.append(work.await_state(medium, "holds", began, 10))
        began = time.monotonic()
        work.call(work.asker, "POST", f"/api/v1/requests/{request}/withdraw", {})
        times.append(work.await_state(medium, None, began, 10))
    say(f"from the answer of the console until core has it: {max(times) * 1000:.0f} ms at most of {len(times)}")
    assert max(times) < 3, times
    kinds = [r["body"]["code"] for r in work.agent.kinds("grant.holds")]
    assert kinds == ["SK-1512"] * 5, kinds
    assert [r["body"]["code"] for r in work.agent.kinds("grant.over")] == ["SK-5605"] * 5


def check_times(work):
    say("it begins and ends at its time, also without the console")
    request, medium = work.request(begin=6, end=10)
    work.approve(request)
    work.await_state(medium, "later", time.monotonic(), 10)
    work.console.stop()
    work.await_state(medium, "holds", time.monotonic(), 10)
    work.await_state(medium, "over", time.monotonic(), 10)
    assert [r["body"]["code"] for r in work.agent.kinds("grant.over")][-1] == "SK-5603"
    work.reconnect()


def check_loss(work):
    say("lost, and refused; kept over a restart of core without a console")
    request, medium = work.request()
    _, other = other_request = work.request()
    work.approve(request)
    work.approve(other_request[0])
    work.await_state(medium, "holds", time.monotonic(), 10)
    work.await_state(other, "holds", time.monotonic(), 10)
    row = work.call(work.officer, "GET", f"/api/v1/media/{medium}")
    work.call(work.officer, "POST", f"/api/v1/media/{medium}/lose", {"version": row["version"], "reason": "電車"})
    work.await_state(medium, None, time.monotonic(), 10)
    assert [r["body"]["code"] for r in work.agent.kinds("grant.over")][-1] == "SK-5608"
    work.console.stop()
    work.agent.stop_core()
    before = len(work.agent.kinds("grant.holds"))
    start_core(work)
    assert work.grants().get(other) == "holds" and medium not in work.grants(), work.grants()
    assert len(work.agent.kinds("grant.holds")) == before, "what held before is no news"
    work.reconnect()


def check_reported(work):
    say("reported lost at the PC: refused there at once, and everywhere as soon as the console hears of it")
    request, medium = work.request()
    work.approve(request)
    work.await_state(medium, "holds", time.monotonic(), 10)
    number = work.call(work.officer, "GET", f"/api/v1/media/{medium}")["number"]

    def report(name):
        return work.agent.ctl("media", "report-lost", "--text", "電車の中", "--json", name).stdout

    assert "SK-1263" in report(number)
    work.await_state(medium, None, time.monotonic(), 10)
    row = work.call(work.officer, "GET", f"/api/v1/media/{medium}")
    assert row["state"] in ("lost", "revoked"), row
    assert "SK-1261" in report("K-NONE"), "what nobody has is not lost"
    losses = work.agent.folder / "state/console/losses.json"
    work.agent.wait(lambda: losses.read_text() == "{}", "the console's word takes the place of the PC's own")
    request, medium = work.request()
    work.approve(request)
    work.await_state(medium, "holds", time.monotonic(), 10)
    work.console.stop()
    time.sleep(1)
    assert "SK-1264" in report(medium), "the console is away"
    assert work.grants()[medium] == "revoked", work.grants()
    work.agent.stop_core()
    start_core(work)
    assert work.grants()[medium] == "revoked", "over a restart"
    work.reconnect()
    work.agent.wait(lambda: work.call(work.officer, "GET", f"/api/v1/media/{medium}")["state"] in ("lost", "revoked"),
                    "told", 30)
    kinds = [i["title"] for i in work.call(work.officer, "GET", "/api/v1/incidents")["items"]]
    assert len(kinds) == 2, kinds


def check_others(work):
    say("what is for another PC does not come")
    elsewhere = work.fixture.make_terminal(work.facility)
    request, medium = work.request(terminal=elsewhere)
    work.approve(request)
    mine, here = work.request()
    work.approve(mine)
    work.await_state(here, "holds", time.monotonic(), 10)
    assert medium not in work.grants()


def check_keys(work):
    say("the console's half of a key, for sekisho-media")
    media, call = work.media, work.call
    everywhere = work.console.session(work.console.person(("security-officer", None)))
    work.console.sql("DELETE FROM public_keys WHERE id = 'x25519:fixture'")
    recovery = call(everywhere, "POST", "/api/v1/recovery-keys", {"publicKey": RECOVERY}, 201)["id"]
    medium = work.fixture.make_medium(work.facility)
    assert media.evaluate(medium, 2)[0] == 5601, "nobody allowed it"
    call(work.officer, "POST", f"/api/v1/media/{medium}/preparation", {"terminal": work.terminal}, 201)
    work.await_state(medium, "holds", time.monotonic(), 10)
    assert media.evaluate(medium, 1)[0] == 5601, "to prepare it is not to carry it out"
    code, element, key = media.evaluate(medium, 2)
    assert code == 0 and any(element) and any(key)
    assert media.evaluate(medium, 2)[1:] == (element, key), "the same question has the same answer"
    assert media.evaluate(medium, 2, bytes(32))[0] == 5002, "no element"
    body = {"medium": medium, "mode": "bound", "luksUuid": "9a3cb8b2-7d1c-4c7e-9a7a-0b8a4a3f8f11",
            "volumeDigest": RECOVERY, "cipher": "aes-xts-plain64", "keyBits": 512, "pbkdf": "argon2id",
            "capacity": 1000000, "deviceHash": "x", "tested": True, "escrow": {"recoveryKey": recovery, "box": BOX}}
    answer = work.as_terminal("/api/v1/agent/medium/prepared", body)
    assert answer.status == 204, answer.json
    work.await_state(medium, None, time.monotonic(), 10)
    request = call(work.asker, "POST", "/api/v1/requests", work.form(medium), 201)["id"]
    assert media.evaluate(medium, 1)[0] == 5601
    work.approve(request)
    work.await_state(medium, "holds", time.monotonic(), 10)
    assert media.evaluate(medium, 1) == (0, element, key), "what it was prepared with opens it"
    call(work.officer, "PUT", "/api/v1/key-limits",
         {"facility": work.facility, "kind": "medium", "subject": medium, "perHour": 4, "perDay": 9}, 204)
    assert media.evaluate(medium, 0)[0] == 0
    assert media.evaluate(medium, 0)[0] == 5611, "too often"
    uses = [u["outcome"] for u in call(work.officer, "GET", f"/api/v1/key-uses?ofMedium={medium}")["items"]]
    assert uses == ["evaluated"] * 2 + ["SK-5002"] + ["evaluated"] * 2 + ["limited"], uses
    work.console.stop()
    work.agent.wait(lambda: media.evaluate(medium, 0)[0] == 1513, "away", 20)
    work.reconnect()


def check_leases(work):
    say("a lease: noted before it is sealed, held without the console, ended with its grant")
    media, content = work.media, bytes(range(48))
    work.agent.wait(lambda: work.agent.kinds("console.seal-key"), "the key of the terminal is known")
    request, medium = work.request()
    work.approve(request)
    work.await_state(medium, "holds", time.monotonic(), 10)
    assert media.lease(medium, TAKE)[0] == 5617, "nobody asked for one"
    request, medium = work.request(lease=3000)
    work.approve(request)
    work.await_state(medium, "holds", time.monotonic(), 10)
    assert media.lease(medium, KEEP, bytes(100))[0] == 5619, "none was taken"
    code, lease, until, _ = media.lease(medium, TAKE)
    assert code == 0 and 2900 < until / 1000 - time.time() < 3000
    assert media.lease(medium, TAKE)[1] == lease, "asked again, the same"
    assert media.lease(medium, FIND)[0] == 5619, "nothing is sealed yet"
    sealed = bytes.fromhex(subprocess.run([CARRY_HALF, "--seal", *media.about, content.hex()], check=True,
                                          capture_output=True, text=True).stdout)
    assert media.lease(medium, KEEP, sealed)[0] == 0
    rows = work.call(work.officer, "GET", f"/api/v1/leases?ofMedium={medium}")["items"]
    assert [(r["id"], r["terminal"], r["state"]) for r in rows] == [(lease, work.terminal, "out")], rows
    assert work.agent.status()["seal_key"] == "tpm", work.agent.status()
    work.console.stop()
    work.agent.stop_core()
    start_core(work)
    assert media.lease(medium, FIND) == (0, lease, until, content), "it holds without the console, over a restart"
    assert media.lease(medium, TAKE)[0] == 1513
    path = work.agent.folder / "state/console/leases.json"
    text = path.read_text()
    work.agent.stop_core()
    path.write_text(text.replace(str(until), str(until + 10 ** 9)))
    start_core(work)
    assert media.lease(medium, FIND)[0] == 5619, "what nobody signed is no lease"
    work.agent.stop_core()
    path.write_text(text)
    start_core(work)
    tries = [media.lease(medium, FIND)[0] for _ in range(9)]
    assert tries == [0] * 9, ("each is a try of a passphrase, counted on the disk", tries)
    work.agent.stop_core()
    start_core(work)
    assert media.lease(medium, FIND)[0] == 1542, "and there is a limit"
    assert base64.b64encode(sealed).decode() not in path.read_text()
    work.reconnect()
    listed = lambda: [r["state"] for r in work.call(work.officer, "GET", f"/api/v1/leases?ofMedium={medium}")["items"]]
    work.agent.wait(lambda: listed() == ["wiped"], "the console hears that it was guessed at")
    code, again, _, _ = media.lease(medium, TAKE)
    assert code == 0 and again != lease, "opened at the console, it may be taken again"
    sealed = bytes.fromhex(subprocess.run([CARRY_HALF, "--seal", *media.about, content.hex()], check=True,
                                          capture_output=True, text=True).stdout)
    assert media.lease(medium, KEEP, sealed)[0] == 0 and media.lease(medium, FIND)[0] == 0
    work.call(work.asker, "POST", f"/api/v1/requests/{request}/withdraw", {})
    work.await_state(medium, None, time.monotonic(), 10)
    assert media.lease(medium, FIND)[0] == 5619
    assert base64.b64encode(sealed).decode() not in path.read_text()
    work.agent.wait(lambda: listed() == ["wiped"] * 2, "the console knows that it is gone")


def check_seal_key(work):
    say("another key of its own is refused")
    answer = work.as_terminal("/api/v1/agent/seal-key/tell", {"key": RECOVERY, "kind": "file"})
    assert (answer.status, answer.code) == (409, "SK-5616"), answer.json


def check_codes(work):
    say("a code that is read out: once, for what it is about, without the network, and told afterwards")
    medium = work.fixture.make_medium(work.facility)
    work.console.sql("UPDATE media SET mode = 'portable' WHERE id = ?", medium)

    def issue(user="root", action="read-write"):
        return work.call(work.officer, "POST", "/api/v1/offline-codes", {
            "facility": work.facility, "terminal": work.terminal, "medium": medium, "userName": user, "action": action, "reason": "往診"}, 201)

    def enter(code, action="read-write", about=medium):
        done = work.agent.ctl("code", "--medium", about, "--action", action, code)
        assert done.stdout, done
        return done.stdout.split()[0]

    first, second, third = issue(), issue(), issue(user="suzuki")
    assert len(first["code"].replace("-", "")) == 12
    work.call(work.officer, "POST", f"/api/v1/offline-codes/{second['id']}/revocation", {"version": 1})
    work.agent.wait(lambda: work.agent.console()["connection"]["state"] == "connected", "connected")
    time.sleep(1)
    work.console.stop()
    slip = first["code"][:-1] + ("0" if first["code"][-1] != "0" else "1")
    assert enter(slip) == "SK-1518"
    assert enter(first["code"], action="read") == "SK-1519", "for another action"
    assert enter(third["code"]) == "SK-1519", "for another account"
    assert enter(second["code"]) == "SK-1521", "taken back"
    assert enter(first["code"].lower().replace("-", " ")) == "SK-1517"
    assert enter(first["code"]) == "SK-1521", "once"
    work.agent.stop_core()
    start_core(work)
    assert enter(first["code"]) == "SK-1521", "once, over a restart"
    for _ in range(3):
        assert enter(third["code"]) == "SK-1519"
    assert enter(third["code"]) == "SK-1522", "not guessed for ever, over a restart either"
    work.reconnect()
    path = f"/api/v1/offline-codes?ofMedium={medium}"
    work.agent.wait(lambda: {r["id"]: r["state"] for r in work.call(work.officer, "GET", path)["items"]} == {
        first["id"]: "used", second["id"]: "revoked", third["id"]: "issued"}, "told")
    answer = work.as_terminal("/api/v1/agent/offline-code/used", {
        "counter": 77, "startHour": 1, "medium": medium, "user": "x", "action": "read", "at": 1})
    assert answer.code == "SK-5003", "a code that nobody gave out"


def check_emergency(work):
    say("the emergency function: once, loud, told, reviewed by somebody else")
    path = work.agent.folder / "state/console/codes.json"
    work.agent.stop_core()
    path.unlink()  # the wrong codes of before
    (work.agent.folder / "conf/sekisho.conf").write_text(
        (work.agent.folder / "conf/sekisho.conf").read_text().replace("[Agent]\n", "[Agent]\nMode=enforce\n"))
    start_core(work)
    work.agent.kill_uplink()
    work.agent.wait(work.agent.connected, "connected", 30)
    made = work.call(work.officer, "POST", "/api/v1/break-glass", {
        "facility": work.facility, "terminal": work.terminal, "keptBy": "金庫"}, 201)
    time.sleep(1)
    work.console.stop()

    def use(code, reason="停電"):
        return work.agent.ctl("break-glass", "--reason", reason, stdin=code + "\n").stdout.split()[0]

    seen = work.agent.ctl("break-glass", "--reason", "x", made["code"])
    assert seen.returncode == 2 and "others on this PC" in seen.stderr, "no code as an argument"
    assert work.agent.ctl("break-glass", "--reason", "x", stdin="").returncode == 2, "no code at all"

    work.agent.hold_uplink()  # what is told now has nobody to carry it, over a restart of core
    assert work.agent.status()["mode"] == "enforce"
    assert use("0000-0000-0000-0000-0000") == "SK-1519"
    assert use("123") == "SK-1518"
    assert use(made["code"], reason="") == "SK-1526"
    assert use(made["code"]) == "SK-1524"
    assert work.agent.status()["mode"] == "warn" and work.agent.console()["emergency"]["running"]
    assert use(made["code"]) == "SK-1521"
    work.agent.stop_core()
    start_core(work)
    assert work.agent.status()["mode"] == "warn", "over a restart"
    assert work.agent.ctl("break-glass", "--end").returncode == 0
    assert work.agent.status()["mode"] == "enforce" and not work.agent.console()["emergency"]["running"]
    assert [r["body"]["code"] for r in work.agent.kinds("break-glass.used")] == ["SK-1524"]
    work.agent.release_uplink()
    work.agent.wait(lambda: work.agent.uplink.poll() is None, "the uplink is back")
    work.reconnect()
    show = lambda: work.call(work.officer, "GET", f"/api/v1/break-glass/{made['id']}")
    work.agent.wait(lambda: show()["state"] == "used" and show()["ended"], "told")
    row = show()
    assert (row["usedAt"], row["userName"], row["reason"]) == (work.terminal, "root", "停電"), row
    body = {"version": row["version"], "finding": "妥当"}
    assert work.console.call("POST", f"/api/v1/break-glass/{made['id']}/review", body, work.officer).code == "SK-5113"
    other = work.console.session(work.console.person(("security-officer", work.facility)))
    assert work.call(other, "POST", f"/api/v1/break-glass/{made['id']}/review", body)["finding"] == "妥当"


def check_words(work):
    say("people see it")
    shown = work.agent.ctl("media").stdout
    assert "holds" in shown and "read-write" in shown, shown
    assert "Grants:" in work.agent.ctl("status").stdout


def main(core, uplink, ctl, program, contract):
    with tempfile.TemporaryDirectory(prefix="sekisho-grants-") as name, Console(program, contract) as console:
        folder = Path(name)
        folder.chmod(0o755)
        chip = Swtpm(folder / "chip")
        agent = Agent(folder, (core, uplink, ctl), core_tpm=chip.where)
        try:
            media = Media(folder)
            agent.start()
            work = Work(agent, Clinic(console))
            work.media = media
            for check in (check_approval, check_keys, check_leases, check_seal_key, check_codes, check_times, check_loss,
                          check_reported, check_others, check_words, check_emergency):
                check(work)
        except BaseException:
            print((folder / "log").read_text(errors="replace")[-6000:])
            raise
        finally:
            agent.stop()
            chip.off()
    say("done")


if __name__ == "__main__":
    CARRY_HALF = sys.argv.pop()
    main(*sys.argv[1:])
