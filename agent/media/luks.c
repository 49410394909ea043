/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/luks.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "lib/base/own.h"
#include "lib/crypt/secret.h"
#include "lib/ipc/check.h"
#include "lib/ipc/check_carry.h"

#define PROGRAM SK_LIBEXECDIR "/sekisho-luks"

typedef struct Running {
	const MediaLuks *luks;
	SkChan *program;
	uint16_t wanted; /* type of the answer */
	void *answer;
	size_t size;
	bool answered;
} Running;

_Noreturn static void run_program(const MediaLuks *luks, int socket_fd)
{
	static const char *const arguments[] = {"sekisho-luks", NULL};
	static const char *const environment[] = {"LC_ALL=C.UTF-8", "PATH=/usr/bin", NULL};
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Standard error stays: it says which call the jail refused. */
	if (dup2(nothing, 0) != 0 || dup2(nothing, 1) != 1 || dup2(socket_fd, 3) != 3 ||
		close_range(4, ~0u, 0) < 0)
		_exit(120);
	/* With the last root id the kernel takes all capabilities. */
	if (setgroups(0, NULL) < 0 || setresgid(luks->run_gid, luks->run_gid, luks->run_gid) < 0 ||
		setresuid(luks->run_uid, luks->run_uid, luks->run_uid) < 0)
		_exit(121);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execve(PROGRAM, (char *const *)arguments, (char *const *)environment);
	_exit(127);
}

/* The console's half or a lease, or why not, back to who asked. */
static int on_given(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Running *running = userdata;

	return sk_chan_send(running->program, message, NULL, 0);
}

static const SkMsgSpec from_parent[] = {
	{SK_MEDIA_EVALUATED, 0, sizeof(SkMediaEvaluated), on_given, sk_check_media_evaluated},
	{SK_MEDIA_LEASE, 0, sizeof(SkMediaLease), on_given, sk_check_media_lease},
	{0},
};

static int on_question(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Running *running = userdata;
	int r = sk_chan_send(running->luks->parent, message, NULL, 0);

	if (r == 0)
		r = sk_chan_dispatch(running->luks->parent, from_parent, running);
	return r == 1 ? 0 : r < 0 ? r : -ECONNRESET;
}

/* Only what was asked for, because there is room for nothing else. */
static int on_answer(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Running *running = userdata;

	if (message->type != running->wanted)
		return -EPROTO;
	memcpy(running->answer, message, running->size);
	running->answered = true;
	return 0;
}

const SkMsgSpec media_luks_specs[] = {
	{SK_MEDIA_EVALUATE, 0, sizeof(SkMediaEvaluate), on_question, sk_check_media_evaluate},
	{SK_MEDIA_LEASE_ASK, 0, sizeof(SkMediaLeaseAsk), on_question, sk_check_media_lease_ask},
	{SK_LUKS_OPENED, 0, sizeof(SkLuksOpened), on_answer, sk_check_luks_opened},
	{SK_LUKS_FORMED, 0, sizeof(SkLuksFormed), on_answer, sk_check_luks_formed},
	{SK_LUKS_REKEYED, 0, sizeof(SkLuksRekeyed), on_answer, sk_check_luks_rekeyed},
	{0},
};

static int converse(Running *running, const SkHead *order)
{
	const MediaLuks *luks = running->luks;
	const int with_secret[] = {luks->header_fd, luks->secret_fd, luks->passphrase_fd};
	const int without[] = {luks->header_fd, luks->passphrase_fd};
	int r = order->type == SK_LUKS_REKEY ? sk_chan_send(running->program, order, with_secret, 3)
					     : sk_chan_send(running->program, order, without, 2);

	while (r >= 0 && !running->answered) {
		r = sk_chan_dispatch(running->program, media_luks_specs, running);
		if (r == 0)
			return -ECHILD;
	}
	return r < 0 ? r : 0;
}

typedef struct Answer {
	uint16_t type;
	void *message;
	size_t size;
} Answer;

static int run(const MediaLuks *luks, const SkHead *order, const Answer *answer)
{
	Running running = {
		.luks = luks, .wanted = answer->type, .answer = answer->message, .size = answer->size};
	own_chan SkChan *program = NULL;
	int sockets[2], r;
	pid_t pid;

	if (luks->run_uid == 0)
		return -ENOSYS;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	own_fd int there = sockets[1];

	program = sk_chan_new(sockets[0]);
	if (!program)
		return -ENOMEM;
	running.program = program;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_program(luks, there);
	close(own_take_fd(&there));
	r = converse(&running, order);
	if (r < 0)
		kill(pid, SIGKILL);
	TEMP_FAILURE_RETRY(waitpid(pid, NULL, 0));
	return r;
}

int media_luks_open(const MediaLuks *luks, SkLuksOpen *order, SkLuksOpened *ret_opened)
{
	sk_head_init(&order->head, SK_LUKS_OPEN, sizeof(*order));
	return run(luks, &order->head, &(Answer){SK_LUKS_OPENED, ret_opened, sizeof(*ret_opened)});
}

int media_luks_form(const MediaLuks *luks, SkLuksForm *order, SkLuksFormed *ret_formed)
{
	sk_head_init(&order->head, SK_LUKS_FORM, sizeof(*order));
	return run(luks, &order->head, &(Answer){SK_LUKS_FORMED, ret_formed, sizeof(*ret_formed)});
}

int media_luks_rekey(const MediaLuks *luks, SkLuksRekey *order, SkLuksRekeyed *ret_rekeyed)
{
	sk_head_init(&order->head, SK_LUKS_REKEY, sizeof(*order));
	return run(luks, &order->head, &(Answer){SK_LUKS_REKEYED, ret_rekeyed, sizeof(*ret_rekeyed)});
}
