/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "console/admin/admin.h"
#include "lib/base/intl.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define PEM_MAX (256 * 1024)

char *admin_ask(const char *question, bool secret)
{
	struct termios before, silent;
	bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t size;

	if (terminal) {
		fprintf(stderr, "%s", question);
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		if (secret)
			tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	size = getline(&line, &room, stdin);
	if (terminal && secret) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (size < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = 0;
	return line;
}

/* The session's answer: its CSRF token for the calls to come, and what is missing. */
static int take_session(AdminState *state, const AdminAnswer *answer, char **ret_missing)
{
	const char *csrf = json_string_value(json_object_get(answer->json, "csrf"));
	const char *missing = json_string_value(json_object_get(answer->json, "state"));

	if (!csrf || !missing)
		return -EBADMSG;
	admin_wipe(state->csrf);
	state->csrf = strdup(csrf);
	*ret_missing = strdup(missing);
	return state->csrf && *ret_missing ? 0 : -ENOMEM;
}

/* Sends JSON (taken over) that may hold a secret. Return: ADMIN_OK with the answer taken, or the exit status.
 */
static int step(AdminState *state, const char *method, const char *path, json_t *body, char **ret_missing)
{
	own_admin_answer AdminAnswer answer = {.status = 0};
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int r;

	json_decref(body);
	if (!text)
		return ADMIN_ERROR;
	r = admin_send(state, &(AdminRequest){method, path, "application/json", text, strlen(text)}, &answer);
	admin_wipe(text);
	if (r < 0)
		return ADMIN_ERROR;
	if (answer.status != 200)
		return admin_explain(&answer);
	return take_session(state, &answer, ret_missing) < 0 ? ADMIN_ERROR : ADMIN_OK;
}

static int change_password(AdminState *state, const char *current, char **missing)
{
	char *first = admin_ask(_("New password: "), true),
	     *second = admin_ask(_("New password again: "), true);
	int status = ADMIN_USAGE;

	if (first && second && sk_str_eq(first, second)) {
		free(*missing);
		*missing = NULL;
		status = step(state, "PUT", "/api/v1/session/password",
			json_pack("{s:s, s:s}", "current", current, "new", first), missing);
	} else {
		fprintf(stderr, _("sekisho-admin: the two are not the same\n"));
	}
	admin_wipe(first);
	admin_wipe(second);
	return status;
}

static int give_code(AdminState *state, char **missing)
{
	char *code = admin_ask(_("Code of your authenticator app: "), false);
	int status = ADMIN_USAGE;

	free(*missing);
	*missing = NULL;
	if (code)
		status = step(state, "POST", "/api/v1/session/second-factor",
			json_pack("{s:s}", "code", code), missing);
	admin_wipe(code);
	return status;
}

static int sign_in(AdminState *state, const char *login)
{
	own_free char *missing = NULL;
	char *password = admin_ask(_("Password: "), true);
	int status = ADMIN_USAGE;

	if (password)
		status = step(state, "POST", "/api/v1/session",
			json_pack("{s:s, s:s}", "login", login, "password", password), &missing);
	if (status == ADMIN_OK && sk_str_eq(missing, "second-factor"))
		status = give_code(state, &missing);
	if (status == ADMIN_OK && sk_str_eq(missing, "password-change"))
		status = change_password(state, password, &missing);
	admin_wipe(password);
	return status;
}

static int find_authority(AdminState *state, const char *ca, const char *fingerprint)
{
	size_t size;
	int r;

	if (fingerprint)
		return admin_fetch_authority(state->server, fingerprint, &state->authority);
	if (!ca) {
		fprintf(stderr, _("sekisho-admin: --fingerprint or --ca says which console is believed\n"));
		return -EINVAL;
	}
	r = sk_io_read_file_at(AT_FDCWD, ca, PEM_MAX, &state->authority, &size);
	if (r < 0)
		fprintf(stderr, "sekisho-admin: %s: %s\n", ca, strerror(-r));
	return r;
}

static int usage(void)
{
	fprintf(stderr, _("Usage: %s login --server URL (--fingerprint HEX | --ca FILE) [--login ID]\n"),
		"sekisho-admin");
	return ADMIN_USAGE;
}

int admin_login(int argc, char **argv)
{
	static const struct option options[] = {{"server", required_argument, NULL, 's'},
		{"fingerprint", required_argument, NULL, 'f'}, {"ca", required_argument, NULL, 'c'},
		{"login", required_argument, NULL, 'l'}, {0}};
	const char *server = NULL, *fingerprint = NULL, *ca = NULL, *login = NULL;
	own_admin_state AdminState state = {.server = NULL};
	own_free char *asked = NULL;
	int letter, r, status;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (letter) {
		case 's':
			server = optarg;
			break;
		case 'f':
			fingerprint = optarg;
			break;
		case 'c':
			ca = optarg;
			break;
		case 'l':
			login = optarg;
			break;
		default:
			return usage();
		}
	}
	if (!server || !sk_str_starts(server, "https://") || optind != argc)
		return usage();
	state.server = strdup(server);
	if (!state.server)
		return ADMIN_ERROR;
	while (strlen(state.server) > 9 && state.server[strlen(state.server) - 1] == '/')
		state.server[strlen(state.server) - 1] = 0;
	r = find_authority(&state, ca, fingerprint);
	if (r < 0)
		return r == -EINVAL ? ADMIN_USAGE : ADMIN_ERROR;
	if (!login)
		login = asked = admin_ask(_("Id: "), false);
	if (!login)
		return ADMIN_USAGE;
	status = sign_in(&state, login);
	if (status == ADMIN_OK && admin_state_save(&state) < 0) {
		fprintf(stderr, _("sekisho-admin: the session cannot be kept\n"));
		status = ADMIN_ERROR;
	}
	return status;
}

int admin_logout(int argc, char **argv)
{
	own_admin_state AdminState state = {.server = NULL};
	own_admin_answer AdminAnswer answer = {.status = 0};
	int r = admin_state_load(&state);

	(void)argv;
	if (argc != 1)
		return ADMIN_USAGE;
	if (r == 0)
		(void)admin_send(
			&state, &(AdminRequest){.method = "DELETE", .path = "/api/v1/session"}, &answer);
	return admin_state_forget() < 0 ? ADMIN_ERROR : ADMIN_OK;
}

int admin_prove(AdminState *state)
{
	own_free char *missing = NULL;
	char *password = admin_ask(_("Password, to prove again who you are: "), true), *code = NULL;
	json_t *body = password ? json_pack("{s:s}", "password", password) : NULL;
	int status;

	admin_wipe(password);
	if (body) {
		code = admin_ask(_("Code of your authenticator app (empty if you have none): "), false);
		if (code && *code)
			json_object_set_new(body, "code", json_string(code));
		admin_wipe(code);
	}
	status = step(state, "POST", "/api/v1/session/proof", body, &missing);
	return status;
}
