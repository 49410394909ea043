/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/media_client.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"

#define ANSWER_MSEC 60000

typedef struct Reception {
	SkMediaMounted *mounted;
	SkAnswer *answer;
	MediaPlaces *places;
	int *fds;
} Reception;

static int on_mounted(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Reception *reception = userdata;

	if (!reception->mounted)
		return -EPROTO;
	*reception->mounted = *(const SkMediaMounted *)message;
	for (size_t i = 0; i < n_fds; i++)
		reception->fds[i] = own_take_fd(&fds[i]);
	return 0;
}

static int on_answer(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Reception *reception = userdata;

	if (!reception->answer)
		return -EPROTO;
	*reception->answer = *(const SkAnswer *)message;
	return 0;
}

static int on_place(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	MediaPlaces *places = ((Reception *)userdata)->places;

	if (!places)
		return -EPROTO;
	if (places->n < SK_ARRAY_SIZE(places->paths))
		sk_str_copy(places->paths[places->n], sizeof(places->paths[0]),
			((const SkMediaPlace *)message)->path);
	places->n++;
	return 0;
}

static const SkMsgSpec answers[] = {
	{SK_MEDIA_PLACE, 0, sizeof(SkMediaPlace), on_place},
	{SK_MEDIA_MOUNTED, SK_CHAN_FDS_UP_TO | 2, sizeof(SkMediaMounted), on_mounted},
	{SK_MEDIA_ANSWER, 0, sizeof(SkAnswer), on_answer},
	{0},
};

static int await(SkChan *chan, Reception *reception)
{
	struct pollfd readable = {.fd = sk_chan_fd(chan), .events = POLLIN};
	int r;

	if (poll(&readable, 1, ANSWER_MSEC) != 1)
		return -ETIMEDOUT;
	r = sk_chan_dispatch(chan, answers, reception);
	return r == 1 ? 0 : r == 0 ? -ECONNRESET : r;
}

int media_client_connect(const char *path, uid_t uid, SkChan **ret_chan)
{
	for (int i = 0; i < 500; i++) {
		/* The kernel notes the effective user at connect(). */
		if (seteuid(uid) < 0)
			return -errno;
		int fd = sk_chan_connect(path);

		if (seteuid(0) < 0)
			return -errno;
		if (fd >= 0) {
			*ret_chan = sk_chan_new(fd);
			return *ret_chan ? 0 : -ENOMEM;
		}
		if (fd != -ENOENT && fd != -ECONNREFUSED && fd != -EACCES)
			return fd;
		usleep(10000);
	}
	return -ETIMEDOUT;
}

int media_client_mount(
	SkChan *chan, const SkMediaMount *request, int device_fd, SkMediaMounted *ret_answer, int ret_fds[2])
{
	SkMediaMount message = *request;

	ret_fds[0] = ret_fds[1] = -1;
	sk_head_init(&message.head, SK_MEDIA_MOUNT, sizeof(message));
	message.head.cookie = 7;
	int r = sk_chan_send(chan, &message, &device_fd, 1);

	if (r == 0)
		r = await(chan, &(Reception){.mounted = ret_answer, .fds = ret_fds});
	return r == 0 && ret_answer->head.cookie != 7 ? -EBADMSG : r;
}

int media_client_kept(SkChan *chan, uint64_t volume, SkAnswer *ret_answer)
{
	SkMediaKept message = {.volume = volume};

	sk_head_init(&message.head, SK_MEDIA_KEPT, sizeof(message));
	int r = sk_chan_send(chan, &message, NULL, 0);

	return r == 0 ? await(chan, &(Reception){.answer = ret_answer}) : r;
}

int media_client_list(SkChan *chan, MediaPlaces *ret_places)
{
	SkAnswer answer = {.result = 1};
	Reception reception = {.answer = &answer, .places = ret_places};
	SkHead message;

	*ret_places = (MediaPlaces){0};
	sk_head_init(&message, SK_MEDIA_LIST, sizeof(message));
	int r = sk_chan_send(chan, &message, NULL, 0);

	while (r == 0 && answer.result == 1)
		r = await(chan, &reception);
	return r == 0 ? answer.result : r;
}

int media_client_unmount(SkChan *chan, const char *path, bool lazy, SkAnswer *ret_answer)
{
	SkMediaUnmount message = {.lazy = lazy};

	sk_head_init(&message.head, SK_MEDIA_UNMOUNT, sizeof(message));
	if (!sk_str_copy(message.path, sizeof(message.path), path))
		return -ENAMETOOLONG;
	int r = sk_chan_send(chan, &message, NULL, 0);

	return r == 0 ? await(chan, &(Reception){.answer = ret_answer}) : r;
}
