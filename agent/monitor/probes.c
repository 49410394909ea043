/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/probes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <utlist.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"
#include "lib/log/log.h"

/* Where the probe finds its job socket. */
#define PROBE_JOB_FD 3

#define TIMER_ACCURACY_USEC (50 * 1000)
/* The next warm probe is started when the device of the last one is dealt with, at the latest after this. */
#define REFILL_USEC (100 * 1000)

typedef struct Probe {
	struct Probe *prev, *next;
	Probes *pool;
	pid_t pid;
	SkChan *job;		 /* closed: it ends when its job is done */
	int facts_fd, facts_end; /* where the facts will arrive, and the probe's end of it; -1 once given */
	sd_event_source *child, *timer;
} Probe;

struct Probes {
	sd_event *event;
	ProbesSettings settings;
	Probe *all;
	Probe *warm; /* the one of them that waits, or NULL */
	Probe *last; /* to which a job was given last: may not end yet; or NULL */
	unsigned n;
	sd_event_source *refill;
};

static void free_actions(posix_spawn_file_actions_t *actions)
{
	posix_spawn_file_actions_destroy(actions);
}

static void free_attributes(posix_spawnattr_t *attributes)
{
	posix_spawnattr_destroy(attributes);
}

static int spawn(const Probes *probes, int job_fd, pid_t *ret_pid)
{
	own_(free_actions) posix_spawn_file_actions_t actions;
	own_(free_attributes) posix_spawnattr_t attributes;
	char uid[16], gid[16];
	const char *arguments[] = {probes->settings.path, "--uid", uid, "--gid", gid, NULL};
	char *environment[] = {NULL};
	sigset_t none;

	sk_str_format(uid, sizeof(uid), "%u", probes->settings.uid);
	sk_str_format(gid, sizeof(gid), "%u", probes->settings.gid);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	sigemptyset(&none);
	/* The loop blocks signals that the probe must feel. Everything else we hold is close-on-exec. */
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_adddup2(&actions, job_fd, PROBE_JOB_FD);
	return -posix_spawn(
		ret_pid, probes->settings.path, &actions, &attributes, (char *const *)arguments, environment);
}

static void probe_free(Probe *probe)
{
	if (probe->facts_fd >= 0)
		close(probe->facts_fd);
	if (probe->facts_end >= 0)
		close(probe->facts_end);
	sk_chan_free(probe->job);
	sd_event_source_disable_unref(probe->timer);
	sd_event_source_disable_unref(probe->child);
	free(probe);
}

static int on_exit_of_probe(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	Probe *probe = userdata;
	Probes *probes = probe->pool;

	if (info->si_code != CLD_EXITED || info->si_status != 0)
		sk_log(LOG_WARNING, "probe %d ended by %s %d", (int)probe->pid,
			info->si_code == CLD_EXITED ? "status" : "signal", info->si_status);
	/* One that dies while it waits is not replaced before it is needed: no loop of failing starts. */
	if (probes->warm == probe)
		probes->warm = NULL;
	if (probes->last == probe)
		probes->last = NULL;
	DL_DELETE(probes->all, probe);
	probes->n--;
	probe_free(probe);
	probes->settings.on_free(probes->settings.userdata);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	Probe *probe = userdata;

	sk_log(LOG_WARNING, "probe %d took too long and is killed", (int)probe->pid);
	kill(probe->pid, SIGKILL);
	return 0;
}

/* The ways that a job and its facts will take, made before anybody waits for them. */
static int make_sockets(Probe *probe, int *ret_probe_fd)
{
	int job[2], facts[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, job) < 0)
		return -errno;
	*ret_probe_fd = job[1];
	probe->job = sk_chan_new(job[0]);
	if (!probe->job)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, facts) < 0)
		return -errno;
	probe->facts_fd = facts[0];
	probe->facts_end = facts[1];
	/* The probe may block on its end; core must not. */
	return fcntl(probe->facts_fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int watch_child(Probe *probe)
{
	int r = sd_event_add_child(
		probe->pool->event, &probe->child, probe->pid, WEXITED, on_exit_of_probe, probe);

	/* What core orders goes before the tidying up. */
	if (r >= 0)
		r = sd_event_source_set_priority(probe->child, SD_EVENT_PRIORITY_NORMAL + 1);
	if (r < 0) {
		kill(probe->pid, SIGKILL);
		waitpid(probe->pid, NULL, 0);
	}
	return r;
}

static int start_warm(Probes *probes)
{
	Probe *probe = malloc(sizeof(*probe));
	own_fd int probe_fd = -1;
	int r;

	if (!probe)
		return -ENOMEM;
	*probe = (Probe){.pool = probes, .facts_fd = -1, .facts_end = -1};
	r = make_sockets(probe, &probe_fd);
	if (r == 0)
		r = spawn(probes, probe_fd, &probe->pid);
	if (r == 0)
		r = watch_child(probe);
	if (r < 0) {
		probe_free(probe);
		return r;
	}
	DL_APPEND(probes->all, probe);
	probes->n++;
	probes->warm = probe;
	return 0;
}

static int on_refill(sd_event_source *source, uint64_t usec, void *userdata)
{
	probes_refill(userdata);
	return 0;
}

int probes_new(sd_event *event, const ProbesSettings *settings, Probes **ret_probes)
{
	Probes *probes = calloc(1, sizeof(*probes));
	int r;

	if (!probes)
		return -ENOMEM;
	probes->event = event;
	probes->settings = *settings;
	r = sd_event_add_time_relative(
		event, &probes->refill, CLOCK_MONOTONIC, REFILL_USEC, TIMER_ACCURACY_USEC, on_refill, probes);
	if (r >= 0)
		r = sd_event_source_set_enabled(probes->refill, SD_EVENT_OFF);
	if (r < 0) {
		free(probes);
		return r;
	}
	*ret_probes = probes;
	return 0;
}

bool probes_have_room(const Probes *probes)
{
	return probes->n - (probes->warm ? 1 : 0) < PROBES_MAX;
}

/* Its end takes longer than the decision about its device, so it waits for this. */
static void let_end(Probes *probes)
{
	if (probes->last)
		probes->last->job = sk_chan_free(probes->last->job);
	probes->last = NULL;
}

void probes_refill(Probes *probes)
{
	int r = 0;

	sd_event_source_set_enabled(probes->refill, SD_EVENT_OFF);
	let_end(probes);
	if (!probes->warm && probes->n < PROBES_MAX + PROBES_RESERVE)
		r = start_warm(probes);
	if (r < 0)
		sk_log(LOG_ERR, "%s cannot be started: %s", probes->settings.path, strerror(-r));
}

/* A drive may have to spin up first; sysfs never. */
static uint64_t timeout_of(const SkProbeJob *job)
{
	return job->head.type == SK_PROBE_USB ? PROBES_USB_USEC : PROBES_BLOCK_USEC;
}

static void refill_later(Probes *probes)
{
	sd_event_source_set_time_relative(probes->refill, REFILL_USEC);
	sd_event_source_set_enabled(probes->refill, SD_EVENT_ONESHOT);
}

/* Gives the job to the probe that waits. Return: 0, -EAGAIN there is none, or why it did not get it. */
static int hand_to_warm(Probes *probes, const SkProbeJob *job, int *fds, size_t n_fds, int *ret_facts_fd)
{
	Probe *probe = probes->warm;
	int r;

	if (!probe)
		return -EAGAIN;
	fds[n_fds] = probe->facts_end;
	probes->warm = NULL;
	probes->last = probe;
	r = sk_chan_send(probe->job, job, fds, n_fds + 1);
	close(own_take_fd(&probe->facts_end));
	if (r == 0)
		r = sd_event_add_time_relative(probes->event, &probe->timer, CLOCK_MONOTONIC, timeout_of(job),
			TIMER_ACCURACY_USEC, on_timeout, probe);
	if (r < 0) {
		kill(probe->pid, SIGKILL);
		return r;
	}
	*ret_facts_fd = own_take_fd(&probe->facts_fd);
	return 0;
}

int probes_hand_over(Probes *probes, const SkProbeJob *job, const int *fds, size_t n_fds, int *ret_facts_fd)
{
	int all[SK_PROTO_FDS_MAX], r = -EAGAIN;

	if (n_fds + 1 > SK_PROTO_FDS_MAX)
		return -EINVAL;
	memcpy(all, fds, n_fds * sizeof(int));
	let_end(probes);
	/* One that died while it waited is nobody's fault: the job goes to the next. */
	for (int i = 0; i < 2 && r < 0; i++) {
		if (!probes->warm)
			probes_refill(probes);
		r = hand_to_warm(probes, job, all, n_fds, ret_facts_fd);
	}
	refill_later(probes);
	return r;
}
