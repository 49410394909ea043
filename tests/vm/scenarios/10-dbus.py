# SPDX-License-Identifier: GPL-2.0-or-later
"""Every method and property of org.sekisho.Agent1, as everyone who may call it: what polkit refuses does not happen.

Serves LOG-1.
"""
import json
import xml.etree.ElementTree as ElementTree

from lab import clinic_pc
from lab.paths import TOP

INTERFACE = "org.sekisho.Agent1"
DOCUMENTED = TOP / "data/dbus/org.sekisho.Agent1.xml"
PORT = "1-1"
# Method: arguments, and which polkit action it needs.
METHODS = {
    "GetStatus": ((), "status"),
    "ListDevices": ((), "status"),
    "ListKnownDevices": ((), "log"),
    "ListMedia": ((), "status"),
    "GetLock": ((), "status"),
    "BeginPass": (("us", 1, "nothing"), "pass"),
    "EndPass": ((), "lock"),
    "GetSignIns": ((), "status"),
    "GetPosture": ((), "status"),
    "CheckPosture": ((), "posture"),
    "ExplainDevice": (("s", PORT), "status"),
    "AllowDevice": (("st", PORT, 600), "allow"),
    "Eject": (("s", "nothing"), "eject"),
    "Scan": (("s", "nothing"), "scan"),
    "InspectMedium": (("s", "nothing"), "scan"),
    "GetRecords": (("tu", 0, 10), "log"),
    "StartTrial": (("t", 600), "trial"),
    "ConfirmTrial": ((), "trial"),
    "CancelTrial": ((), "trial"),
    "Reload": ((), "reload"),
    "ReportLost": (("ss", "nothing", ""), "report-lost"),
    "RetireMedium": (("ss", "nothing", "nothing"), "retire"),
    "EnterCode": (("sss", "nothing", "nothing", "nothing"), "code"),
    "BreakGlass": (("ss", "nothing", "nothing"), "break-glass"),
    "EndBreakGlass": ((), "break-glass"),
    "Enroll": (("s", "nothing"), "enrol"),
    "Leave": ((), "enrol"),
}
# Those that take a descriptor, which busctl cannot pass: by the command that calls them.
BY_COMMAND = {
    "HandOver": ("media handover nothing /etc/hostname", "hand-over"),
    "OpenMedium": ("media open nothing", "open"),
    "PrepareMedium": ("media prepare nothing", "prepare"),
    "RekeyMedium": ("media passphrase nothing", "open"),
}
WITH_A_CODE = ("InspectMedium", "ReportLost", "RetireMedium")
LOCKS = "LockNow"  # who may is locked out by it: 16-lock-console
PASSPHRASE = "Kusunoki-2026-hashira"
# What data/polkit gives to the user at the desk without a password; nobody else has anything.
AT_THE_DESK = ("status", "eject", "scan", "posture", "code", "open", "prepare", "hand-over", "retire",
               "report-lost", "lock")
DENIED = "Access denied"  # how busctl shows org.freedesktop.DBus.Error.AccessDenied
TOLD_DENIED = "you may not do this"  # and how sekishoctl does


def described(xml):
    """What an introspection says: {(kind, name): types}, annotations and names of arguments aside."""
    interface = ElementTree.fromstring(xml).find(f"interface[@name='{INTERFACE}']")
    found = {}
    for member in interface:
        if member.tag == "property":
            found[member.tag, member.get("name")] = (member.get("type"), member.get("access"))
        elif member.tag in ("method", "signal"):
            found[member.tag, member.get("name")] = [
                (a.get("direction", "in" if member.tag == "method" else "out"), a.get("type"))
                for a in member.findall("arg")]
    return found


def introspection(check, pc):
    xml = json.loads(pc.sh("busctl --json=short call org.sekisho.Agent1 /org/sekisho/Agent1 "
                           "org.freedesktop.DBus.Introspectable Introspect"))["data"][0]
    running, documented = described(xml), described(DOCUMENTED.read_text())
    for member in sorted(running.keys() | documented.keys()):
        check.equal(f"{' '.join(member)} is documented as it is", running.get(member), documented.get(member))
    check.equal("this scenario knows every method", sorted([*METHODS, *BY_COMMAND, LOCKS]), sorted(n for k, n in running if k == "method"))


def state(pc):
    """What a refused call must not change."""
    status = json.loads(json.loads(pc.agent("GetStatus").out)["data"][0])
    # The log seals itself when it is quiet; that is nobody's doing. That files were not handed over is on record.
    done = [r["seq"] for r in pc.records() if not r["kind"].startswith(("audit.", "posture.", "medium.not-handed-over"))]
    return {"records": done[-1], "mode": status["mode"], "rules": status["rules_generation"],
            "trial": status["trial"], "authorized": sorted(pc.glob("/sys/bus/usb/devices/*/authorized").items()),
            "allowances": pc.agent("ExplainDevice", "s", PORT).out}


def refusals(check, pc, user, may):
    before = state(pc)
    for method, (arguments, action) in METHODS.items():
        result = pc.agent(method, *arguments, user=user)
        if action not in may:
            check(f"{user}: {method} is refused by polkit", not result.ok and DENIED in result.err, result.err or result.out)
        elif "nothing" in arguments:
            # Some say in a code why not, the others in an error.
            found_none = '"SK-' in result.out if method in WITH_A_CODE else not result.ok and DENIED not in result.err
            check(f"{user}: {method} is allowed, and finds nothing", found_none, result.out + result.err)
        else:
            check(f"{user}: {method} is allowed", result.ok, result.err)
    for method, (command, action) in BY_COMMAND.items():
        result = pc.as_user(user, f"yes {PASSPHRASE} | head -n 2 | sekishoctl {command}")
        check(f"{user}: {method} is {'allowed, and finds nothing' if action in may else 'refused by polkit'}",
              not result.ok and (TOLD_DENIED in result.err) == (action not in may), result.err or result.out)
    check.equal(f"{user}: nothing has happened", state(pc), before)


def properties(check, pc):
    get = "busctl --json=short get-property org.sekisho.Agent1 /org/sekisho/Agent1 org.sekisho.Agent1 "
    put = "busctl set-property org.sekisho.Agent1 /org/sekisho/Agent1 org.sekisho.Agent1 "
    version = pc.sh("dpkg-query -W -f '${Version}' sekisho-agent")
    for user in ("staff", "clerk", "root"):
        for name, wanted in {"Version": version, "Mode": "enforce"}.items():
            result = pc.run(get + name) if user == "root" else pc.as_user(user, get + name)
            check.equal(f"{user} reads {name}", result.ok and json.loads(result.out)["data"], wanted)
            result = pc.run(put + f"{name} s learn") if user == "root" else pc.as_user(user, put + f"{name} s learn")
            check(f"{user} cannot set {name}", not result.ok)


def without_polkit(check, pc):
    pc.sh("systemctl mask --runtime --now polkit.service")
    for user in ("staff", "clerk"):
        result = pc.agent("GetStatus", user=user)
        check(f"without polkit {user} may nothing", not result.ok and DENIED in result.err, result.err or result.out)
    check("without polkit root may all the same", pc.agent("GetStatus").ok)
    pc.sh("systemctl unmask --runtime polkit.service && systemctl start polkit.service")
    check("with polkit again staff may look", pc.agent("GetStatus", user="staff").ok)


def nonsense(check, pc):
    """Values that no honest caller sends, by one who may."""
    wrong = {"a path for a port": ("AllowDevice", "st", "../../etc", 10), "no time": ("AllowDevice", "st", PORT, 0),
             "all of time": ("AllowDevice", "st", PORT, 2**64 - 1), "a long port": ("ExplainDevice", "s", "9" * 5000),
             "an empty port": ("ExplainDevice", "s", ""), "a path for a medium": ("Eject", "s", "/dev/vda"),
             "no code of a console": ("Enroll", "s", "nothing"), "a long code": ("Enroll", "s", "A" * 9000),
             "leaving what it never joined": ("Leave",),
             "a trial for ever": ("StartTrial", "t", 2**64 - 1), "the last number": ("GetRecords", "tu", 2**64 - 1, 1),
             "wrong types": ("AllowDevice", "ss", PORT, "x")}
    before = state(pc)
    for what, call in wrong.items():
        check(f"root: {what} is refused", not pc.agent(*call).ok)
    check.equal("root: nonsense changes nothing", state(pc), before)
    rows = json.loads(pc.agent("GetRecords", "tu", 0, 2**32 - 1).out)["data"][0]
    check("root: asking for all records gives at most a thousand", 0 < len(rows) <= 1000)


def as_root(check, pc):
    pc.sh(f"dbus-monitor --system \"type='signal',interface='{INTERFACE}'\" >/root/signals 2>&1 & sleep 2")
    for method in ("GetStatus", "ListDevices", "ListKnownDevices", "ListMedia", "GetLock", "GetSignIns", "GetPosture",
                   "CheckPosture"):
        result = pc.agent(method)
        json.loads(json.loads(result.out)["data"][0])
        check(f"root: {method} is JSON", result.ok)
    steps = [("ExplainDevice", "s", PORT), ("AllowDevice", "st", PORT, 600), ("GetRecords", "tu", 0, 5), ("CancelTrial",),
             ("StartTrial", "t", 600), ("ConfirmTrial",), ("Reload",)]
    for method, *arguments in steps:
        result = pc.agent(method, *arguments)
        check(f"root: {method}", result.ok, result.err)
    for method in ("StartTrial", "ConfirmTrial"):
        result = pc.agent(method, *METHODS[method][0])
        check(f"root: {method} in the wrong state says so", not result.ok and DENIED not in result.err, result.err)
    actors = {r["kind"]: r["actor"] for r in pc.records()}
    for kind in ("device.allowance", "trial.cancelled", "trial.started", "trial.confirmed"):
        check.equal(f"{kind} names who did it", actors.get(kind), "user:0")
    heard = pc.wait(lambda: pc.get("/root/signals").count(b"member=Recorded") >= 4, 5)
    check("signal Recorded was sent", heard is not None, pc.get("/root/signals").decode()[-500:])


def run(check):
    with clinic_pc.installed() as pc:
        introspection(check, pc)
        properties(check, pc)
        refusals(check, pc, "clerk", ())
        check(f"clerk: {LOCKS} is refused by polkit", DENIED in pc.agent(LOCKS, user="clerk").err)
        refusals(check, pc, "staff", AT_THE_DESK)
        without_polkit(check, pc)
        nonsense(check, pc)
        as_root(check, pc)
