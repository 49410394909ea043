/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/door/door.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

int sk_door_find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *user = getpwnam(name);

	if (!user) {
		fprintf(stderr, "%s: there is no user %s\n", program_invocation_short_name, name);
		return -ENOENT;
	}
	*ret_uid = user->pw_uid;
	*ret_gid = user->pw_gid;
	return 0;
}

int sk_door_find_client(const char *name, uint64_t number, uid_t *ret_uid)
{
	gid_t ignored;

	if (number == SK_DOOR_BY_NAME)
		return sk_door_find_user(name, ret_uid, &ignored);
	*ret_uid = (uid_t)number;
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	own_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (!sk_str_copy(address.sun_path, sizeof(address.sun_path), path))
		return -ENAMETOOLONG;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
		return -errno;
	return own_take_fd(&fd);
}

int sk_door_socket(const char *path)
{
	const char *name = program_invocation_short_name;
	int fd;

	if (path) {
		fd = listen_at(path);
		if (fd < 0)
			fprintf(stderr, "%s: %s: %s\n", name, path, strerror(-fd));
		return fd;
	}
	if (sd_listen_fds(1) != 1 ||
		sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_SEQPACKET, 1, NULL, 0) <= 0) {
		fprintf(stderr, "%s: is started by systemd with a listening socket; see %s(8)\n", name, name);
		return -EINVAL;
	}
	return SD_LISTEN_FDS_START;
}

/* Return: a connection; -ECONNABORTED that one was nothing, look again; other negative errno. */
static int let_in(int listen_fd, uid_t client, int flags)
{
	own_fd int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | flags);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0)
		return errno == EINTR ? -ECONNABORTED : -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	if (peer.uid == client)
		return own_take_fd(&fd);
	sk_log(LOG_WARNING, "refused a connection from process %d of user %u", (int)peer.pid, peer.uid);
	return -ECONNABORTED;
}

int sk_door_wait(int listen_fd, uid_t client)
{
	int fd;

	do
		fd = let_in(listen_fd, client, 0);
	while (fd == -ECONNABORTED);
	return fd;
}

static int on_accept(sd_event_source *source, int listen_fd, uint32_t events, void *userdata)
{
	const SkDoor *door = userdata;
	int fd = let_in(listen_fd, door->client, SOCK_NONBLOCK);

	if (fd < 0)
		return fd == -EAGAIN || fd == -ECONNABORTED ? 0 : fd;
	sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return door->enter(door->userdata, fd);
}

int sk_door_open(sd_event *event, const SkDoor *door, sd_event_source **ret_source)
{
	own_free SkDoor *copy = malloc(sizeof(*copy));
	sd_event_source *source;
	int r;

	if (!copy)
		return -ENOMEM;
	*copy = *door;
	r = sd_event_add_io(event, &source, door->listen_fd, EPOLLIN, on_accept, copy);
	if (r < 0)
		return r;
	r = sd_event_source_set_exit_on_failure(source, true);
	if (r >= 0)
		r = sd_event_source_set_destroy_callback(source, free);
	if (r < 0) {
		sd_event_source_unref(source);
		return r;
	}
	own_take(copy);
	*ret_source = source;
	return 0;
}
