/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekishoctl: runs as the caller, holds no privilege; what needs one is asked of sekishod over D-Bus.
 */
#include <stdio.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "config.h"
#include "lib/base/intl.h"
#include "lib/base/str.h"

static int ctl_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("sekishoctl " SK_VERSION);
	return CTL_OK;
}

static const CtlCommand commands[] = {
	{"status", ctl_status, N_("the state of the agent")},
	{"devices", ctl_devices, N_("devices that are plugged in, or were ever seen (--known)")},
	{"media", ctl_media, N_("media that are plugged in; open, prepare or eject a registered one")},
	{"last", ctl_last, N_("who signed in last, and the hours to do so")},
	{"lock", ctl_lock, N_("the screen lock: its last days; locks now (--now)")},
	{"posture", ctl_posture, N_("the state of this PC: encryption, firewall, updates (--check)")},
	{"log", ctl_log, N_("what was decided and done (--follow)")},
	{"explain", ctl_explain, N_("why a device was decided as it was")},
	{"allow", ctl_allow, N_("allow a device for a time (--for 10min PORT)")},
	{"eject", ctl_eject, N_("close a medium so that it can be taken out")},
	{"scan", ctl_scan, N_("check all files of a medium again")},
	{"trial", ctl_trial, N_("begin to enforce, confirm, or go back to learning")},
	{"code", ctl_code, N_("enter a code that was read out (--medium ID --action read CODE)")},
	{"break-glass", ctl_break_glass, N_("use the emergency function (--reason TEXT), or end it (--end)")},
	{"enroll", ctl_enroll, N_("join this PC to a console (CODE), or leave it (--leave)")},
	{"reload", ctl_reload, N_("read settings and rules again")},
	{"policy", ctl_policy, N_("check, decide, explain and generate rules (offline)")},
	{"descriptors", ctl_descriptors, N_("explain what a USB device says of itself (offline)")},
	{"audit", ctl_audit, N_("verify, show and export the audit log (offline)")},
	{"version", ctl_version, N_("print the version")},
	{NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	sk_intl_init(SK_LOCALEDIR);
	/* No command of a person: umount(8) calls us so. */
	if (sk_str_eq(basename(argv[0] ? argv[0] : ""), "umount.sekisho"))
		return ctl_umount(argc, argv);
	return ctl_dispatch(commands, "sekishoctl", argc, argv);
}
