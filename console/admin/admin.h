/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * sekisho-admin: every operation of the contract as a command. Exit status: 0 done, 1 the console refused it,
 * 2 a wrong call, 3 the console cannot be reached or has an error of its own, 4 nobody is signed in.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "console/api/api.h"
#include "lib/base/own.h"

enum {
	ADMIN_OK = 0,
	ADMIN_REFUSED = 1,
	ADMIN_USAGE = 2,
	ADMIN_ERROR = 3,
	ADMIN_NOT_SIGNED_IN = 4,
};

/* What is kept between two calls, in a file that only its owner can read. */
typedef struct AdminState {
	char *server;	 /* "https://console.example.org:8443" */
	char *authority; /* PEM of the only authority that is believed */
	char *token, *csrf;
} AdminState;

/* $XDG_STATE_HOME/sekisho/admin.json. Return: 0, -ENOENT nobody signed in, others. */
int admin_state_load(AdminState *ret_state);
int admin_state_save(const AdminState *state);
int admin_state_forget(void);
void admin_state_deinit(AdminState *state);
#define own_admin_state own_(admin_state_deinit)

/* One request. body of JSON or bytes; type NULL: none. */
typedef struct AdminRequest {
	const char *method, *path; /* with the query */
	const char *type;
	const void *body;
	size_t size;
} AdminRequest;

typedef struct AdminAnswer {
	long status;
	char *bytes; /* terminated */
	size_t size;
	json_t *json; /* NULL: no JSON */
} AdminAnswer;

/* A new token of the answer goes into the state. Return: 0, or -EIO after having said why. */
int admin_send(AdminState *state, const AdminRequest *request, AdminAnswer *ret_answer);
void admin_answer_deinit(AdminAnswer *answer);
#define own_admin_answer own_(admin_answer_deinit)

/* The authority of a server by its fingerprint (SHA-256 of the DER, hexadecimal). Return: 0, or -errno after
 * having said why. The caller frees the PEM. */
int admin_fetch_authority(const char *server, const char *fingerprint, char **ret_pem);

/* Says what the console refused. Return: the exit status. */
int admin_explain(const AdminAnswer *answer);

/* Tables and lists for people. */
void admin_print(const json_t *answer);

/* argv[0] is the command's own name. */
int admin_login(int argc, char **argv);
int admin_logout(int argc, char **argv);
/* Every RESOURCE VERB, a line each. */
void admin_list_commands(FILE *out);
/* argv: RESOURCE VERB [options] */
int admin_call(int argc, char **argv);
/*
 * Without a console: `recovery-key make FILE` makes a pair of keys, prints the public half and seals the
 * secret one under a passphrase; `recovery open KEY-FILE BOX-FILE OUTPUT` opens with it what the console gave
 * out. Return: 1 it was one of these, with its exit status; 0 another command.
 */
#define ADMIN_PASSPHRASE_MIN 16
int admin_recovery(int argc, char **argv, int *ret_status);

/* Words for the shell: resources, verbs, options. */
int admin_complete(int argc, char **argv);

/* From the terminal, without echo; or a line of standard input. NULL at the end. The caller wipes and frees.
 */
char *admin_ask(const char *question, bool secret);
void admin_wipe(char *text);

/* Proves again who is there, with the password. Return: exit status. */
int admin_prove(AdminState *state);
