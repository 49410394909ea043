/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-media: mounts admitted media behind a gate. See sekisho-media(8).
 *
 * Exit status: 0 idle or ended by a signal, 1 failed, 2 wrong arguments, 159 the jail was touched.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/media/arguments.h"
#include "agent/media/media.h"
#include "agent/media/places.h"
#include "agent/media/target.h"
#include "agent/media/worker.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	own_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (!sk_str_copy(address.sun_path, sizeof(address.sun_path), path))
		return -ENAMETOOLONG;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
		return -errno;
	return own_take_fd(&fd);
}

/* Asked of when nobody is left who would answer at the gates. */
static int close_places(const char *base)
{
	own_fd int base_fd = media_base_open(base);

	if (base_fd < 0)
		sk_log(LOG_ERR, "%s: %s", base, strerror(-base_fd));
	return base_fd >= 0 && media_places_close(base_fd, base) == 0 ? 0 : 1;
}

/* What needs it is told that there is none. */
static MediaIdentity find_identity(const char *name)
{
	const struct passwd *user = getpwnam(name);

	return user ? (MediaIdentity){user->pw_uid, user->pw_gid} : (MediaIdentity){0};
}

/* While everything is still allowed: users, sockets, directories. */
static int prepare(Media *media, const Arguments *arguments)
{
	const struct passwd *user = getpwnam(arguments->client);

	if (!user) {
		sk_log(LOG_ERR, "there is no user %s", arguments->client);
		return -ENOENT;
	}
	media->client_uid = user->pw_uid;
	media->ntfs = find_identity(arguments->ntfs_user);
	media->luks = find_identity(arguments->luks_user);
	media->base = arguments->base;
	media->base_fd = media_base_open(media->base);
	if (media->base_fd < 0)
		return media->base_fd;
	media_places_sweep(media->base_fd, media->base);
	media->idle_usec = arguments->idle_seconds * 1000000;
	media->kept_usec = arguments->kept_seconds * 1000000;
	media->listen_fd = arguments->listen	   ? listen_at(arguments->listen)
			   : sd_listen_fds(1) == 1 ? SD_LISTEN_FDS_START
						   : -ENOTCONN;
	return media->listen_fd < 0 ? media->listen_fd : 0;
}

/* Workers, and ntfs-3g programs whose parents are done. */
static int on_child(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return media_idle_check(userdata);
}

static int start_loop(Media *media)
{
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return -errno;
	r = sd_event_default(&media->event);
	if (r >= 0)
		r = sd_event_add_signal(media->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(media->event, NULL, SIGCHLD, on_child, media);
	if (r >= 0)
		r = media_listen(media);
	return r < 0 ? r : media_idle_check(media);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
	Media *media = userdata;

	return sd_event_exit(media->event, 0);
}

int media_idle_check(Media *media)
{
	/* A child that serves a file system ends with it. */
	bool alive = waitid(P_ALL, 0, &(siginfo_t){0}, WEXITED | WNOHANG | WNOWAIT) == 0;
	int r;

	media->idle = sd_event_source_disable_unref(media->idle);
	if (media->peers || media->held || media_workers() > 0 || alive)
		return 0;
	r = sd_event_add_time_relative(
		media->event, &media->idle, CLOCK_MONOTONIC, media->idle_usec, 1000000, on_idle, media);
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	static Media media;
	Arguments arguments;
	int r = arguments_parse(argc, argv, &arguments);

	if (r < 0) {
		fputs(arguments_usage, stderr);
		return 2;
	}
	sk_log_init("sekisho-media");
	if (arguments.close)
		return close_places(arguments.base);
	r = prepare(&media, &arguments);
	if (r == 0)
		r = start_loop(&media);
	if (r < 0) {
		sk_log(LOG_ERR, "cannot start: %s", strerror(-r));
		return 1;
	}
	r = media_jail_enter();
	if (r < 0) {
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_JAIL_FAILED},
			"jail cannot be entered: %s", strerror(-r));
		return 1;
	}
	return sd_event_loop(media.event) < 0 ? 1 : 0;
}
