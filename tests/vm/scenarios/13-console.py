# SPDX-License-Identifier: GPL-2.0-or-later
"""A clinic PC at its console: joining, records over cut cables and killed processes, the key in a TPM.

Serves NET-2, LOG-2.
"""
import json
import signal

from lab import clinic_pc, images, network, tpm
from lab.console import Console


def same_records(pc, console, terminal):
    """Until the console has all that this PC has recorded; the two lists."""
    def all_there():
        last = pc.last_record()
        return any(row["seq"] >= last for row in console.records(terminal))
    pc.wait(all_there, 90, 0.5)
    kept = [json.loads(row["line"]) for row in console.records(terminal)]
    return kept, pc.records()[:len(kept)]


def connected(pc):
    return "connected" in pc.ctl("status").out.partition("Console:")[2]


def check_same(check, what, pc, console, terminal, at_least=0):
    kept, ours = same_records(pc, console, terminal)
    check(what, kept == ours and len(kept) > at_least, f"{len(kept)} and {len(ours)} of {pc.last_record()}",
          f"{len(kept)} records")
    return len(kept)


def joining(check, pc, console):
    wrong = pc.ctl("enroll", "AAAA-BBBB")
    check("a code that is none is refused at once", wrong.status == 2 and "no enrolment code" in wrong.err, str(wrong))
    terminal = console.join(pc)
    check("the PC is connected", pc.wait(lambda: connected(pc), 30) is not None, pc.ctl("status").out)
    shown = console.admin("terminal", "show", "--terminal", terminal)
    check.equal("the console knows it by its name", (shown["name"], shown["state"]), ("受付-1", "enrolled"))
    check_same(check, "the records from before the joining are there", pc, console, terminal)
    return terminal


def cable(check, pc, console, terminal):
    network.cut(pc)
    device = pc.plug("stick", image=images.infected())
    word = pc.decision(device)
    check.equal("without the console it is decided as before", word.get("code"), "SK-1001")
    check("and on record", pc.wait_record(lambda r: r["body"].get("code") == "SK-1203", 60), "no refusal of the file")
    device.unplug()
    before = len(console.records(terminal))
    network.cut(pc, off=False)
    check_same(check, "with the cable back all of it arrives", pc, console, terminal, before)


def kills(check, pc, console, terminal):
    device = pc.plug("stick", image=images.clean())
    console.stop(signal.SIGKILL)
    pc.decision(device)
    pc.sh("systemctl kill -s KILL sekisho-uplink")
    device.unplug()
    console.start()
    check("both were killed: connected again", pc.wait(lambda: connected(pc), 90) is not None, pc.ctl("status").out)
    check_same(check, "and nothing is lost, nothing twice", pc, console, terminal)
    pc.sh("systemctl kill -s KILL sekishod")
    check("core was killed: connected again", pc.wait(lambda: connected(pc), 90) is not None, pc.ctl("status").out)
    check_same(check, "and nothing is lost there", pc, console, terminal)


def end(check, pc, console, terminal):
    version = console.admin("terminal", "show", "--terminal", terminal)["version"]
    console.admin("terminal", "retire", "--terminal", terminal, "--version", version, "--reason", "廃棄")
    said = pc.wait(lambda: "retired" in pc.ctl("status", "--json").out, 60)
    check.within("a PC that was retired says so", said, 60)
    check("and goes on deciding", pc.unit_active("sekishod") and pc.ctl("status").ok)


def joined_again(pc, console):
    """A PC that was started anew: is it connected in good time?"""
    network.connect(pc, {port: port for port in (console.people, console.agents)})
    pc.wait(lambda: pc.ctl("status").ok, 60)
    return pc.wait(lambda: connected(pc), 60) is not None


def journal(pc):
    return pc.run("journalctl -b -u sekisho-uplink -n 20 --no-pager").out


def switch_off(pc):
    """Without ACPI it cannot do so by itself."""
    pc.sh("systemctl stop sekishod && sync")
    pc.cut()


def key_kind(console, terminal):
    """As the PC says in its state, which comes after the connection."""
    return console.admin("terminal", "show", "--terminal", terminal)["keyKind"]


def own_key(pc):
    return json.loads(pc.ctl("status", "--json").out).get("seal_key")


def with_chip(check, console):
    """Enrolled with a key of the TPM; its disk in another PC is nobody."""
    with clinic_pc.disk_copy() as disk, tpm.board() as chip, tpm.board() as other:
        with chip.pc(disk) as pc:
            terminal = console.join(pc, "診察室-1")
            check("a PC with a TPM is connected", pc.wait(lambda: connected(pc), 60) is not None, pc.ctl("status").out)
            check("the key of leases is in the TPM", pc.wait(lambda: own_key(pc) == "tpm", 60) is not None, pc.ctl("status").out)
            check("its key is there", pc.wait(lambda: key_kind(console, terminal) == "tpm", 60) is not None, journal(pc))
            switch_off(pc)
        with chip.pc(disk) as pc:
            check("it is connected after a restart", joined_again(pc, console),
                  pc.ctl("status").out + journal(pc))
            check("and the key of leases is there again", pc.wait(lambda: own_key(pc) == "tpm", 60) is not None, pc.ctl("status").out)
            switch_off(pc)
        with other.pc(disk) as pc:
            check("its disk in another PC is not", not joined_again(pc, console), pc.ctl("status").out)
            check("and opens no lease there", own_key(pc) == "lost" and "SK-1544" in pc.ctl("status").out, pc.ctl("status").out)


def run(check):
    images.infected(), images.clean()
    with Console() as console:
        with clinic_pc.installed() as pc:
            terminal = joining(check, pc, console)
            cable(check, pc, console, terminal)
            kills(check, pc, console, terminal)
            end(check, pc, console, terminal)
        if check.full:
            with_chip(check, console)
