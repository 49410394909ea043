/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/seal_tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/jail/jail.h"
#include "lib/log/log.h"

typedef struct Question {
	uint32_t what;
	SkTpmCell cell;
	uint8_t content[SK_TPM_CELL_SIZE];
} Question;

typedef struct Answer {
	int32_t result;
	uint8_t content[SK_TPM_CELL_SIZE];
} Answer;

struct SealTpm {
	int fd;
	sd_event_source *io;
	SealTpmDone done;
	void *userdata;
	bool asked;
	SealTpmWhat what;
};

/* One line, one reason. */
static const SkJailCall calls[] = {
	SK_JAIL_CALL("recvfrom"), /* core's questions */
	/* the device, and the library that tpm2-tss loads for it */
	SK_JAIL_CALL("open"),
	SK_JAIL_CALL("openat"),
	SK_JAIL_CALL("access"),
	SK_JAIL_CALL("faccessat"),
	SK_JAIL_CALL("faccessat2"),
	SK_JAIL_CALL("stat"),
	SK_JAIL_CALL("statx"),
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL("writev"),
	SK_JAIL_CALL("geteuid"),
	SK_JAIL_CALL("getuid"),
	SK_JAIL_CALL("getegid"),
	SK_JAIL_CALL("getgid"),
	SK_JAIL_CALL("nanosleep"),
	SK_JAIL_CALL("clock_nanosleep"),
	/* secrets stay out of swap */
	SK_JAIL_CALL("mlock"),
	SK_JAIL_CALL("munlock"),
	{.name = NULL},
};

static int enter_jail(const char *where)
{
	static const SkJailLimit limits[] = {{RLIMIT_CORE, 0}, {-1, 0}};
	/* The node may come later: its driver does at some PCs. The unit allows no other device. */
	static const SkJailPath paths[] = {
		{"/dev", SK_JAIL_WRITE},
		{"/etc", SK_JAIL_READ},
		{"/usr", SK_JAIL_READ},
		{"/lib", SK_JAIL_READ},
		{"/lib64", SK_JAIL_READ},
		{.path = NULL},
	};
	const SkJail jail = {.name = "sekishod-seal",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.limits = limits,
		.paths = paths,
		.loops = 1,
		.resolves = !sk_str_starts(where, "device:"), /* that of tests is a server */
		.calls = calls};

	return sk_jail_enter(&jail);
}

/* A cell that a cut left, of the same number and password, is ours to replace. */
static int replace(SkTpm *tpm, const SkTpmCell *cell, SkSecret *content)
{
	int r = sk_tpm_cell_write(tpm, cell, content);

	if (r != -EEXIST || sk_tpm_cell_destroy(tpm, cell) < 0)
		return r;
	return sk_tpm_cell_write(tpm, cell, content);
}

static int carry_out(SkTpm *tpm, const Question *question, Answer *answer)
{
	own_secret SkSecret *content = NULL;
	int r;

	switch (question->what) {
	case SEAL_TPM_WRITE:
		r = sk_secret_new(SK_TPM_CELL_SIZE, &content);
		if (r < 0)
			return r;
		memcpy(sk_secret_data(content), question->content, SK_TPM_CELL_SIZE);
		return replace(tpm, &question->cell, content);
	case SEAL_TPM_READ:
		r = sk_tpm_cell_read(tpm, &question->cell, &content);
		if (r == 0)
			memcpy(answer->content, sk_secret_data(content), SK_TPM_CELL_SIZE);
		return r;
	default:
		return sk_tpm_cell_destroy(tpm, &question->cell);
	}
}

static void answer_one(const char *where, int fd, Question *question)
{
	Answer answer = {.result = 0};
	own_tpm SkTpm *tpm = NULL;
	int r = sk_tpm_open(where, &tpm);

	answer.result = r < 0 ? r : carry_out(tpm, question, &answer);
	sk_secret_wipe(question, sizeof(*question));
	(void)send(fd, &answer, sizeof(answer), MSG_NOSIGNAL);
	sk_secret_wipe(&answer, sizeof(answer));
}

_Noreturn static void serve(const char *where, int fd)
{
	const struct sched_param ordinary = {.sched_priority = 0};
	Question question;

	/* Among what core was started with are the gates of media, which must close when core closes them. */
	if (dup3(fd, 3, O_CLOEXEC) < 0 && fd != 3)
		_exit(1);
	close_range(4, ~0u, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "sekishod-seal");
	(void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
	sk_tpm_init();
	if (enter_jail(where) < 0)
		_exit(1);
	while (recv(3, &question, sizeof(question), 0) == (ssize_t)sizeof(question))
		answer_one(where, 3, &question);
	_exit(0);
}

int seal_tpm_fork(const char *where)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	own_fd int here = ends[0], there = ends[1];
	/* Core has no other child, and waits for none: its end is seen by the socket. */
	signal(SIGCHLD, SIG_IGN);
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		serve(where, there);
	return own_take_fd(&here);
}

static void finish(SealTpm *tpm, int result, SkSecret **content)
{
	tpm->asked = false;
	tpm->done(tpm->userdata, tpm->what, result, content);
}

static int on_answer(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	own_secret SkSecret *content = NULL;
	SealTpm *tpm = userdata;
	Answer answer;
	ssize_t n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
	int r = n == (ssize_t)sizeof(answer) ? answer.result : -EPIPE;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (r == -EPIPE) {
		sk_log(LOG_ERR, "the helper that opens the TPM has ended");
		tpm->io = sd_event_source_disable_unref(tpm->io);
	} else if (r == 0 && tpm->what == SEAL_TPM_READ) {
		r = sk_secret_new(SK_TPM_CELL_SIZE, &content);
		if (r == 0)
			memcpy(sk_secret_data(content), answer.content, SK_TPM_CELL_SIZE);
	}
	sk_secret_wipe(&answer, sizeof(answer));
	if (tpm->asked)
		finish(tpm, r, &content);
	return 0;
}

SealTpm *seal_tpm_new(sd_event *event, int fd, SealTpmDone done, void *userdata)
{
	SealTpm *tpm = calloc(1, sizeof(*tpm));

	if (!tpm)
		return NULL;
	tpm->fd = fd;
	tpm->done = done;
	tpm->userdata = userdata;
	if (sd_event_add_io(event, &tpm->io, fd, EPOLLIN, on_answer, tpm) < 0) {
		free(tpm);
		return NULL;
	}
	return tpm;
}

SealTpm *seal_tpm_free(SealTpm *tpm)
{
	if (!tpm)
		return NULL;
	sd_event_source_disable_unref(tpm->io);
	close(tpm->fd);
	free(tpm);
	return NULL;
}

int seal_tpm_ask(SealTpm *tpm, SealTpmWhat what, const SkTpmCell *cell, SkSecret *content)
{
	Question question = {.what = what, .cell = *cell};

	if (!tpm || !tpm->io)
		return -EPIPE;
	if (tpm->asked)
		return -EBUSY;
	if (content)
		memcpy(question.content, sk_secret_data(content), SK_TPM_CELL_SIZE);
	ssize_t n = send(tpm->fd, &question, sizeof(question), MSG_NOSIGNAL | MSG_DONTWAIT);

	sk_secret_wipe(&question, sizeof(question));
	if (n != (ssize_t)sizeof(question))
		return -EPIPE;
	tpm->asked = true;
	tpm->what = what;
	return 0;
}
