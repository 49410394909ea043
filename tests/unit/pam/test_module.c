/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module as PAM loads it, in a program that signs somebody in, with cores that answer, refuse, are
 * silent, talk nonsense, hang up, or are not there. Serves LOCK-2.
 */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/pam/ask.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"

static const char *module;

typedef enum Manner { ANSWERS, REFUSES, SILENT, NONSENSE, OTHER_VERSION, ENDLESS_TEXT, HANGS_UP } Manner;

/* A core: a thread that takes connections until the socket is shut. */
typedef struct World {
	char directory[32], socket[64];
	int listen_fd;
	pthread_t core;
	Manner manner;
	unsigned asked;
	SkSignIn last; /* what it was asked last */
	char shown[4096];
} World;

static void answer(World *world, int fd)
{
	SkSignInAnswer reply = {.refused = world->manner == REFUSES};
	size_t size = sizeof(reply);

	if (world->manner == SILENT) {
		char byte;

		(void)!recv(fd, &byte, 1, 0); /* until the other side has enough */
		return;
	}
	sk_head_init(&reply.head, SK_SIGN_IN_ANSWER, sizeof(reply));
	sk_str_copy(reply.text, sizeof(reply.text), world->manner == REFUSES ? "SK-1733 no" : "SK-1737 last");
	if (world->manner == OTHER_VERSION)
		reply.head.version++;
	if (world->manner == ENDLESS_TEXT) {
		reply.refused = 1;
		memset(reply.text, 'x', sizeof(reply.text));
	}
	if (world->manner == NONSENSE) {
		reply.refused = 1;
		size = 100;
	}
	if (world->manner != HANGS_UP)
		(void)!send(fd, &reply, size, MSG_NOSIGNAL);
}

static void *be_core(void *userdata)
{
	World *world = userdata;

	for (;;) {
		own_fd int fd = accept(world->listen_fd, NULL, NULL);

		if (fd < 0)
			return NULL;
		if (recv(fd, &world->last, sizeof(world->last), 0) != (ssize_t)sizeof(world->last))
			continue;
		world->asked++;
		answer(world, fd);
	}
}

static void listen_at(World *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	sk_str_copy(address.sun_path, sizeof(address.sun_path), world->socket);
	world->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(world->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(world->listen_fd, 8), 0);
}

static void put_service(const World *world, const char *name)
{
	char path[128];

	sk_str_format(path, sizeof(path), "%s/%s", world->directory, name);
	own_file FILE *file = fopen(path, "we");

	assert_non_null(file);
	fprintf(file,
		"auth [default=ignore] %s failed socket=%s\nauth required pam_permit.so\n"
		"account required pam_permit.so\naccount [default=ignore perm_denied=die] %s socket=%s\n"
		"session required pam_permit.so\nsession [default=ignore] %s socket=%s\n",
		module, world->socket, module, world->socket, module, world->socket);
}

static int setup(void **state)
{
	World *world = calloc(1, sizeof(*world));

	sk_str_copy(world->directory, sizeof(world->directory), "/tmp/sekisho-pam-XXXXXX");
	if (!mkdtemp(world->directory))
		return -1;
	sk_str_format(world->socket, sizeof(world->socket), "%s/core", world->directory);
	put_service(world, "login");
	put_service(world, "sudo");
	put_service(world, "sekisho-lock");
	world->listen_fd = -1;
	*state = world;
	return 0;
}

static void begin(World *world, Manner manner)
{
	world->manner = manner;
	listen_at(world);
	assert_int_equal(pthread_create(&world->core, NULL, be_core, world), 0);
}

static int teardown(void **state)
{
	World *world = *state;
	char command[64];

	if (world->listen_fd >= 0) {
		shutdown(world->listen_fd, SHUT_RDWR);
		if (world->core)
			pthread_join(world->core, NULL);
		close(world->listen_fd);
	}
	sk_str_format(command, sizeof(command), "rm -r %s", world->directory);
	free(world);
	return system(command);
}

static int converse(
	int count, const struct pam_message **messages, struct pam_response **ret_answers, void *userdata)
{
	World *world = userdata;

	for (int i = 0; i < count; i++) {
		strncat(world->shown, messages[i]->msg, sizeof(world->shown) - strlen(world->shown) - 2);
		strcat(world->shown, "|");
	}
	*ret_answers = calloc((size_t)count, sizeof(**ret_answers));
	return *ret_answers ? PAM_SUCCESS : PAM_BUF_ERR;
}

typedef struct SignInTry {
	const char *service, *user, *tty, *host;
	int auth, account, session;
	double longest; /* seconds of one step */
} SignInTry;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int timed(SignInTry *try, int (*step)(pam_handle_t *, int), pam_handle_t *pam)
{
	double begun = now();
	int r = step(pam, 0);

	if (now() - begun > try->longest)
		try->longest = now() - begun;
	return r;
}

static void sign_in(World *world, SignInTry *try)
{
	const struct pam_conv conversation = {.conv = converse, .appdata_ptr = world};
	pam_handle_t *pam = NULL;

	assert_int_equal(pam_start_confdir(try->service, try->user, &conversation, world->directory, &pam),
		PAM_SUCCESS);
	pam_set_item(pam, PAM_TTY, try->tty ? try->tty : "/dev/pts/1");
	if (try->host)
		pam_set_item(pam, PAM_RHOST, try->host);
	pam_putenv(pam, "XDG_SEAT=seat0");
	try->auth = timed(try, pam_authenticate, pam);
	try->account = timed(try, pam_acct_mgmt, pam);
	try->session = timed(try, pam_open_session, pam);
	pam_close_session(pam, 0);
	pam_end(pam, PAM_SUCCESS);
}

static void everything_is_told_and_shown(void **state)
{
	World *world = *state;
	SignInTry try = {.service = "login", .user = "root", .tty = "/dev/tty1"};

	begin(world, ANSWERS);
	sign_in(world, &try);
	assert_int_equal(try.auth, PAM_SUCCESS);
	assert_int_equal(try.account, PAM_SUCCESS);
	assert_int_equal(try.session, PAM_SUCCESS);
	assert_int_equal(world->asked, 4); /* failed (it stands there), may, begun, ended */
	assert_string_equal(world->shown, "SK-1737 last|");
	assert_int_equal(world->last.head.type, SK_SIGN_IN_ENDED);
	assert_string_equal(world->last.user, "root");
	assert_string_equal(world->last.tty, "tty1");
	assert_string_equal(world->last.seat, "seat0");
	assert_int_equal(world->last.uid, 0);
	assert_int_equal(world->last.letters, SK_LETTERS_ASCII);
}

static void only_a_no_refuses(void **state)
{
	World *world = *state;
	SignInTry try = {.service = "login", .user = "root"},
		  unlock = {.service = "sekisho-lock", .user = "root"};

	begin(world, REFUSES);
	sign_in(world, &try);
	assert_int_equal(try.account, PAM_PERM_DENIED);
	assert_non_null(strstr(world->shown, "SK-1733 no|"));
	sign_in(world, &unlock);
	assert_int_equal(unlock.account, PAM_PERM_DENIED);
	assert_int_equal(world->last.unlocks, 1);
}

static void programs_inside_ask_nothing(void **state)
{
	World *world = *state;
	SignInTry try = {.service = "sudo", .user = "root"};

	begin(world, REFUSES);
	sign_in(world, &try);
	assert_int_equal(try.account, PAM_SUCCESS);
	assert_int_equal(world->asked, 1); /* but a wrong password there is told */
}

/* What people type and networks say is cut to its room, and a name that is no user's is not told at all. */
static void foreign_text_is_bounded(void **state)
{
	World *world = *state;
	char text[5000];
	SignInTry try = {.service = "login", .user = text, .tty = text, .host = text};

	memset(text, 0xE3, sizeof(text));
	text[sizeof(text) - 1] = 0;
	begin(world, ANSWERS);
	sign_in(world, &try);
	assert_string_equal(world->last.user, "");
	assert_int_equal(world->last.uid, SK_SIGN_IN_NOBODY);
	assert_int_equal(strlen(world->last.host), sizeof(world->last.host) - 1);
	assert_int_equal(strlen(world->last.tty), sizeof(world->last.tty) - 1);
}

static void a_broken_core_locks_nobody_out(void **state)
{
	static const Manner manners[] = {SILENT, NONSENSE, OTHER_VERSION, ENDLESS_TEXT, HANGS_UP};
	World *world = *state;

	begin(world, SILENT);
	for (size_t i = 0; i < SK_ARRAY_SIZE(manners); i++) {
		SignInTry try = {.service = "login", .user = "root"};

		world->manner = manners[i];
		sign_in(world, &try);
		assert_int_equal(try.account, PAM_SUCCESS);
		assert_int_equal(try.session, PAM_SUCCESS);
		assert_true(try.longest < 0.9);
	}
	assert_string_equal(world->shown, "");
}

/* Not there at all; there, and nobody takes what comes. */
static void an_absent_core_locks_nobody_out(void **state)
{
	World *world = *state;
	SignInTry none = {.service = "login", .user = "root"}, deaf = none;

	sign_in(world, &none);
	assert_int_equal(none.account, PAM_SUCCESS);
	assert_true(none.longest < 0.2);
	listen_at(world);
	sign_in(world, &deaf);
	assert_int_equal(deaf.account, PAM_SUCCESS);
	assert_true(deaf.longest < 0.9);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everything_is_told_and_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(only_a_no_refuses, setup, teardown),
		cmocka_unit_test_setup_teardown(programs_inside_ask_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(foreign_text_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(a_broken_core_locks_nobody_out, setup, teardown),
		cmocka_unit_test_setup_teardown(an_absent_core_locks_nobody_out, setup, teardown),
	};

	if (argc != 2)
		return 2;
	module = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
