/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekishoctl: one file per command (cmd_NAME.c), one row per command in main.c.
 *
 * Exit status of every command: 0 done, 1 the answer is no (refused, check failed, not found), 2 wrong call,
 * 3 the agent cannot be reached or an error of the system.
 */
#include <stdio.h>

enum {
	CTL_OK = 0,
	CTL_NO = 1,
	CTL_USAGE = 2,
	CTL_ERROR = 3,
};

/* argv[0] is the command's own name; options are parsed by the command with getopt_long(). */
typedef struct CtlCommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* one line */
} CtlCommand;

int ctl_descriptors(int argc, char **argv);
int ctl_audit(int argc, char **argv);
int ctl_break_glass(int argc, char **argv);
int ctl_code(int argc, char **argv);
int ctl_policy(int argc, char **argv);

int ctl_allow(int argc, char **argv);
int ctl_devices(int argc, char **argv);
int ctl_eject(int argc, char **argv);
int ctl_enroll(int argc, char **argv);
int ctl_explain(int argc, char **argv);
int ctl_log(int argc, char **argv);
int ctl_media(int argc, char **argv);
int ctl_media_copy(int argc, char **argv);
int ctl_media_open(int argc, char **argv);
int ctl_media_prepare(int argc, char **argv);
int ctl_media_handover(int argc, char **argv);
int ctl_media_passphrase(int argc, char **argv);
int ctl_media_recover(int argc, char **argv);
int ctl_media_retire(int argc, char **argv);
int ctl_media_report_lost(int argc, char **argv);
int ctl_media_inspect(int argc, char **argv);
int ctl_last(int argc, char **argv);
int ctl_lock(int argc, char **argv);
int ctl_posture(int argc, char **argv);
int ctl_reload(int argc, char **argv);
int ctl_scan(int argc, char **argv);
int ctl_status(int argc, char **argv);
int ctl_trial(int argc, char **argv);
int ctl_umount(int argc, char **argv);

/*
 * One line of standard input, asked for where a person types it. For what must not be an argument, which
 * everybody on the PC sees in the list of processes. Return: for the caller to free; NULL: there was none.
 */
char *ctl_ask_line(const char *prompt);

/* Prints a help text of several pieces, ended by NULL, in the language of the user. */
void ctl_print_help(FILE *out, const char *const *pieces);

/* The language of the user, for libraries that are given a SkTranslate. */
const char *ctl_translate(const char *english);

/* Runs the row of commands (ended by a NULL name) that argv[1] names; prints help for none or --help. */
int ctl_dispatch(const CtlCommand *commands, const char *program, int argc, char **argv);
