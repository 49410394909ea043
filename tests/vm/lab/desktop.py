# SPDX-License-Identifier: GPL-2.0-or-later
"""The clinic PC with a desktop, staff signed in at it: GNOME, KDE, Xfce, MATE, plain X11, sway.

    with desktop.installed("gnome", "wayland") as pc:
        pc.staff("gsettings get ...")       # in the environment of the session
        pc.session("LockedHint")            # what logind says of it
        pc.pointer(10, 5)                   # a mouse that moves
        pc.screenshot("/tmp/x.png")

Slow under emulation: from one minute (plain) to five (GNOME, KDE) once for the saved machine, seconds from then on."""
import json
import shlex
import subprocess

from .clinic_pc import BUILT_IN, FRESH_UNIT, ClinicPc, install, install_and_confirm, newest_package, packages
from .paths import VM, LabError
from .template import template

# What a desktop needs of memory, and the sessions of each.
DESKTOPS = {
    "plain": (1536, ("x11", "x11-open", "sway")),
    "gnome": (2560, ("wayland", "x11")),
    "kde": (3072, ("wayland", "x11")),
    "xfce": (1536, ("x11",)),
    "mate": (1536, ("x11",)),
}
# A command of staff's gets what the session told its user's systemd of itself.
ENVIRONMENT = ("for name in DISPLAY WAYLAND_DISPLAY XAUTHORITY SWAYSOCK XDG_CURRENT_DESKTOP XDG_SESSION_TYPE; do "
               "value=$(systemctl --user show-environment | sed -n \"s/^$name=//p\"); "
               "[ -z \"$value\" ] || export \"$name=$value\"; done; ")


def guest_dir(profile):
    done = subprocess.run([VM / "build-desktop", profile], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise LabError(f"the PC with {profile} could not be built (see above)")
    return done.stdout.strip()


class DesktopPc(ClinicPc):
    """screens: how many monitors there are."""

    def __init__(self, profile, session, screens=1, **options):
        self.profile = profile
        memory, sessions = DESKTOPS[profile]
        if session not in sessions:
            raise LabError(f"{profile} has no session {session}")
        later = "" if profile == "plain" else "systemd.unit=multi-user.target"
        append = " ".join(filter(None, [f"labsession={session}", later, options.pop("append", "")]))
        super().__init__(append=append, memory=memory, vga=screens, **options)
        self.guest = self.guest.__class__(guest_dir(profile))

    def staff(self, command, timeout=60):
        return super().staff(ENVIRONMENT + command, timeout)

    def start_as_staff(self, command):
        """A program that stays."""
        return self.staff(f"setsid nohup sh -c {shlex.quote(command)} >/dev/null 2>&1 </dev/null &")

    def session(self, name=None, user="staff"):
        """The number of the user's session on seat0, or one of its properties; None: there is none."""
        told = self.sh("loginctl list-sessions -o json")
        rows = json.loads(told) if told.startswith("[") else []  # newer ones say "No sessions." in words
        number = next((r["session"] for r in rows if r["user"] == user and r.get("seat") == "seat0"), None)
        if not name or not number:
            return number
        told = self.run(f"loginctl show-session {number} -p {name} --value")
        return told.out.strip() if told.ok else None  # it has just ended

    def pointer(self, x=15, y=10):
        """The mouse moves there and back."""
        for sign in (1, -1):
            self.qmp("input-send-event", events=[
                {"type": "rel", "data": {"axis": "x", "value": sign * x}},
                {"type": "rel", "data": {"axis": "y", "value": sign * y}}])


def _desktop_package():
    return newest_package("sekisho-desktop")


def _begin(pc):
    """What is installed before the session begins is what the session finds."""
    install_and_confirm(pc)
    install(pc, [_desktop_package()])
    if pc.exists("/etc/dconf/profile/user"):  # the profile of our package is used where there is none
        pc.sh("rm /etc/dconf/profile/user; mkdir -p ~staff/.config/dconf; "
              "dconf compile ~staff/.config/dconf/user /etc/dconf/db/local.d; chown -R staff:desk ~staff/.config")
    pc.sh("systemctl start display-manager")


def _settle(pc):
    if pc.profile != "plain":
        _begin(pc)
    if not pc.run("desktop-up", timeout=300).ok:
        raise LabError(f"the desktop does not come up:\n{pc.run('loginctl; journalctl -b -n 40 --no-pager').out}")
    if pc.profile == "plain":
        install_and_confirm(pc)
    idle = "awk '/^cpu /{print $5 + $6}' /proc/stat"
    # What a desktop does in its first minutes is not what is looked at: until the two processors are idle for the most part.
    pc.wait(f"a=$({idle}); sleep 2; b=$({idle}); [ $((b - a)) -gt 320 ]", 180, 0.5)


def installed(profile, session, screens=1, built_in=BUILT_IN, **options):
    """A running clinic PC, staff at its desktop. Use it with `with`."""
    options = dict(profile=profile, session=session, screens=screens, built_in=tuple(built_in), **options)
    folder = template(_settle, parts=[FRESH_UNIT, *packages(), _desktop_package()], what=f"the clinic PC with {profile} ({session})",
                      cls=DesktopPc, **options)
    return DesktopPc(template=folder, **options)
