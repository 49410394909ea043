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

typedef struct Probe {
	struct Probe *prev, *next;
	Probes *pool;
	pid_t pid;
	int job_fd; /* -1 once the job was given */
	sd_event_source *child, *timer;
} Probe;

struct Probes {
	sd_event *event;
	ProbesSettings settings;
	Probe *all;
	Probe *warm; /* the one of them that waits, or NULL */
	unsigned n;
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
	if (probe->job_fd >= 0)
		close(probe->job_fd);
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

static int start_warm(Probes *probes)
{
	Probe *probe = calloc(1, sizeof(*probe));
	int fds[2], r;

	if (!probe)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		r = -errno;
		free(probe);
		return r;
	}
	probe->job_fd = fds[0];
	probe->pool = probes;
	r = spawn(probes, fds[1], &probe->pid);
	close(fds[1]);
	if (r == 0) {
		r = sd_event_add_child(
			probes->event, &probe->child, probe->pid, WEXITED, on_exit_of_probe, probe);
		if (r < 0) {
			kill(probe->pid, SIGKILL);
			waitpid(probe->pid, NULL, 0);
		}
	}
	if (r < 0) {
		probe_free(probe);
		return r;
	}
	DL_APPEND(probes->all, probe);
	probes->n++;
	probes->warm = probe;
	return 0;
}

int probes_new(sd_event *event, const ProbesSettings *settings, Probes **ret_probes)
{
	Probes *probes = calloc(1, sizeof(*probes));

	if (!probes)
		return -ENOMEM;
	probes->event = event;
	probes->settings = *settings;
	*ret_probes = probes;
	return 0;
}

bool probes_have_room(const Probes *probes)
{
	return probes->n - (probes->warm ? 1 : 0) < PROBES_MAX;
}

void probes_refill(Probes *probes)
{
	int r = 0;

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

static int send_job(int job_fd, const SkProbeJob *job, const int *fds, size_t n_fds)
{
	own_chan SkChan *chan = sk_chan_new(job_fd);

	return chan ? sk_chan_send(chan, job, fds, n_fds) : -ENOMEM;
}

int probes_hand_over(Probes *probes, const SkProbeJob *job, const int *fds, size_t n_fds, int *ret_facts_fd)
{
	int pair[2], all[SK_PROTO_FDS_MAX], r;
	own_fd int facts_fd = -1, probe_end = -1;
	Probe *probe;

	if (n_fds + 1 > SK_PROTO_FDS_MAX)
		return -EINVAL;
	probes_refill(probes);
	probe = probes->warm;
	if (!probe)
		return -EAGAIN;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	facts_fd = pair[0];
	probe_end = pair[1];
	/* The probe may block on its end; core must not. */
	if (fcntl(probe_end, F_SETFL, 0) < 0)
		return -errno;
	memcpy(all, fds, n_fds * sizeof(int));
	all[n_fds] = probe_end;
	probes->warm = NULL;
	r = send_job(own_take_fd(&probe->job_fd), job, all, n_fds + 1);
	if (r == 0)
		r = sd_event_add_time_relative(probes->event, &probe->timer, CLOCK_MONOTONIC, timeout_of(job),
			TIMER_ACCURACY_USEC, on_timeout, probe);
	if (r < 0) {
		kill(probe->pid, SIGKILL);
		return r;
	}
	*ret_facts_fd = own_take_fd(&facts_fd);
	return 0;
}
