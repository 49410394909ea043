/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pam_sekisho: sign-in at the hours of work, the last sign-in, and a record of both (LOG-1, LOCK-2). See
 * pam_sekisho(8).
 *
 * It runs in login, sshd and display managers. What it decides nothing about it does not touch, and whatever
 * goes wrong lets people in: only core's own "no" refuses.
 */
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "agent/pam/ask.h"
#include "agent/pam/service.h"
#include "lib/base/str.h"

/* What follows on a console, a new prompt or our lock, wipes the screen. */
#define READ_SEC 4

/* The words of its line in /etc/pam.d. */
typedef struct Options {
	const char *socket;
	bool failed; /* it stands where only those come who were not recognised */
} Options;

static Options read_options(int argc, const char **argv)
{
	Options options = {.socket = ASK_SOCKET};

	for (int i = 0; i < argc; i++) {
		if (sk_str_eq(argv[i], "failed"))
			options.failed = true;
		else if (sk_str_starts(argv[i], "socket="))
			options.socket = argv[i] + strlen("socket=");
	}
	return options;
}

/* An item that is text; "" when it is not there. */
static const char *item_of(const pam_handle_t *pam, int item)
{
	const void *value = NULL;

	return pam_get_item(pam, item, &value) == PAM_SUCCESS && value ? value : "";
}

/* What does not fit is cut: for a record it is still worth something. */
static void put(char *dst, size_t size, const char *src)
{
	size_t length = strnlen(src, size - 1);

	memcpy(dst, src, length);
	dst[length] = 0;
}
#define PUT(field, text) put(field, sizeof(field), text)

static const char *locale_of(pam_handle_t *pam)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		const char *value = pam_getenv(pam, names[i]);

		value = value ? value : getenv(names[i]);
		if (value && *value)
			return value;
	}
	return NULL;
}

static const char *without_dev(const char *tty)
{
	return sk_str_starts(tty, "/dev/") ? tty + strlen("/dev/") : tty;
}

static void describe(pam_handle_t *pam, SkSignIn *ret_sign_in)
{
	const char *tty = without_dev(item_of(pam, PAM_TTY)), *user = item_of(pam, PAM_USER);
	const char *service = item_of(pam, PAM_SERVICE);
	const char *seat = pam_getenv(pam, "XDG_SEAT"), *session = pam_getenv(pam, "XDG_SESSION_ID");
	const struct passwd *entry = *user ? pam_modutil_getpwnam(pam, user) : NULL;

	*ret_sign_in = (SkSignIn){.uid = entry ? entry->pw_uid : SK_SIGN_IN_NOBODY,
		.letters = service_letters(service, tty, locale_of(pam))};
	ret_sign_in->unlocks = service_kind(service) == SERVICE_UNLOCK;
	if (entry)
		PUT(ret_sign_in->user, entry->pw_name);
	PUT(ret_sign_in->service, service);
	PUT(ret_sign_in->tty, tty);
	PUT(ret_sign_in->host, item_of(pam, PAM_RHOST));
	PUT(ret_sign_in->seat, seat ? seat : "");
	PUT(ret_sign_in->session, session ? session : "");
}

/* Return: false: core did not answer, which is in the log of the system. */
static bool ask(pam_handle_t *pam, const Options *options, uint16_t type, SkSignInAnswer *ret_answer)
{
	SkSignIn sign_in;

	describe(pam, &sign_in);
	sign_in.head.type = type;
	int r = ask_core(options->socket, &sign_in, ret_answer);

	if (r < 0)
		pam_syslog(pam, LOG_WARNING, "the agent does not answer (%s): no hours, no record",
			strerrordesc_np(-r));
	return r == 0;
}

static bool is_inside(const pam_handle_t *pam)
{
	return service_kind(item_of(pam, PAM_SERVICE)) == SERVICE_INSIDE;
}

static void show(pam_handle_t *pam, int style, int flags, const SkSignInAnswer *answer)
{
	char *reply = NULL;

	if (!answer->text[0] || (flags & PAM_SILENT))
		return;
	(void)pam_prompt(pam, style, &reply, "%s", answer->text);
	free(reply);
}

int pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	const Options options = read_options(argc, argv);
	SkSignInAnswer answer;

	if (options.failed)
		(void)ask(pam, &options, SK_SIGN_IN_FAILED, &answer);
	return PAM_IGNORE;
}

int pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	return PAM_IGNORE;
}

int pam_sm_acct_mgmt(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	const Options options = read_options(argc, argv);
	const char *service = item_of(pam, PAM_SERVICE);
	SkSignInAnswer answer;

	if (is_inside(pam) || !ask(pam, &options, SK_SIGN_IN_MAY, &answer) || !answer.refused)
		return PAM_IGNORE;
	show(pam, service_replaces_errors(service) ? PAM_TEXT_INFO : PAM_ERROR_MSG, flags, &answer);
	if (answer.text[0] && service_is_console(service, without_dev(item_of(pam, PAM_TTY))))
		sleep(READ_SEC);
	return PAM_PERM_DENIED;
}

int pam_sm_open_session(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	const Options options = read_options(argc, argv);
	SkSignInAnswer answer;

	if (!is_inside(pam) && ask(pam, &options, SK_SIGN_IN_BEGUN, &answer))
		show(pam, PAM_TEXT_INFO, flags, &answer);
	return PAM_IGNORE;
}

int pam_sm_close_session(pam_handle_t *pam, int flags, int argc, const char **argv)
{
	const Options options = read_options(argc, argv);
	SkSignInAnswer answer;

	if (!is_inside(pam))
		(void)ask(pam, &options, SK_SIGN_IN_ENDED, &answer);
	return PAM_IGNORE;
}
