/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/peer_media.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "agent/core/core.h"
#include "agent/core/media_keys.h"
#include "agent/core/records.h"
#include "agent/core/volumes.h"
#include "lib/base/str.h"
#include "lib/ipc/check.h"

/* Orders carry a text, an unmount also its caller: kept here by cookie. */
typedef struct Unmount {
	uint64_t volume;
	UnmountDone done;
	void *userdata;
	UT_hash_handle hh;
} Unmount;

static Unmount *unmounts;

static int on_answer(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Core *core = userdata;

	return orders_finish(core, &core->orders, message, fds, n_fds);
}

/* Where a mount of ours is that no volume knows, nobody answers at the gate, or nobody will. */
static int on_place(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const char *path = ((const SkMediaPlace *)message)->path;
	Core *core = userdata;

	if (volumes_find_path(core, path))
		return 0;
	record_write(core, &(Record){.kind = "medium.closed",
				   .code = SK_MEDIUM_GATE_LOST,
				   .body = json_pack("{s:o}", "path", record_text(path))});
	media_detach(core, 0, path);
	return 0;
}

static void on_key(Core *core, void *userdata, SkReason code, const KeyAnswer *answer)
{
	SkMediaEvaluated message = {.code = (uint32_t)code};
	uint64_t *cookie = userdata;

	sk_head_init(&message.head, SK_MEDIA_EVALUATED, sizeof(message));
	message.head.cookie = *cookie;
	free(cookie);
	if (answer) {
		memcpy(message.element, answer->answer.element, sizeof(message.element));
		memcpy(message.proof, answer->answer.proof, sizeof(message.proof));
		memcpy(message.public_key, answer->public_key, sizeof(message.public_key));
		sk_str_copy(message.grant, sizeof(message.grant), answer->grant);
	}
	/* A media process that has ended meanwhile does not wait for it; another one would not know it. */
	if (core->media.chan)
		peer_send(&core->media, &message, NULL, 0);
}

static int on_evaluate(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	static const char *const modes[] = {"read", "read-write", "prepare"};
	const SkMediaEvaluate *message = (const SkMediaEvaluate *)head;
	uint64_t *cookie = malloc(sizeof(*cookie));
	Core *core = userdata;
	KeyAsk ask = {.grant = {.medium = message->medium,
			      .user = core->session.present ? core->session.user : "",
			      .mode = modes[message->purpose]},
		.done = on_key,
		.userdata = cookie};

	if (!cookie)
		return -ENOMEM;
	*cookie = head->cookie;
	memcpy(ask.blinded, message->blinded, sizeof(ask.blinded));
	media_key_ask(core, &ask);
	return 0;
}

static const SkMsgSpec specs[] = {
	{SK_MEDIA_ANSWER, 0, sizeof(SkAnswer), on_answer, sk_check_answer},
	{SK_MEDIA_PLACE, 0, sizeof(SkMediaPlace), on_place, sk_check_media_place},
	{SK_MEDIA_MOUNTED, SK_CHAN_FDS_UP_TO | 2, sizeof(SkMediaMounted), on_answer, sk_check_media_mounted},
	{SK_MEDIA_EVALUATE, 0, sizeof(SkMediaEvaluate), on_evaluate, sk_check_media_evaluate},
	{0},
};

static void connected(Core *core)
{
}

/* It exits when idle; the kernel keeps the mounts. */
static void lost(Core *core)
{
	orders_fail(core, &core->orders, &core->media);
}

const PeerType peer_media_type = {
	.name = "media", .specs = specs, .connected = connected, .lost = lost, .keep = false};

static void order(Core *core, SkHead *head, const char *subject, OrderDone done, int fd)
{
	head->cookie = orders_add(&core->orders, &core->media, subject, done);
	if (peer_send(&core->media, head, &fd, fd >= 0 ? 1 : 0) < 0)
		orders_fail(core, &core->orders, &core->media);
}

void media_mount(Core *core, const char *sysname, SkMediaMount *mount, int block_fd, OrderDone done)
{
	sk_head_init(&mount->head, SK_MEDIA_MOUNT, sizeof(*mount));
	order(core, &mount->head, sysname, done, block_fd);
}

void media_ignore_answer(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
}

bool media_is_idle(const Core *core)
{
	return !orders_waits_for(&core->orders, &core->media);
}

void media_kept(Core *core, uint64_t volume, const char *sysname)
{
	SkMediaKept message = {.volume = volume};

	sk_head_init(&message.head, SK_MEDIA_KEPT, sizeof(message));
	order(core, &message.head, sysname, media_ignore_answer, -1);
}

void media_close_others(Core *core, OrderDone done)
{
	SkHead message;

	sk_head_init(&message, SK_MEDIA_LIST, sizeof(message));
	order(core, &message, "", done, -1);
}

/* subject is the number of the volume: the volume itself may be gone. */
static void on_unmounted(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;
	uint64_t id = strtoull(subject, NULL, 10);
	const Volume *volume = volumes_find_id(core, id);
	Unmount *unmount;

	HASH_FIND(hh, unmounts, &id, sizeof(id), unmount);
	if (!unmount)
		return;
	HASH_DEL(unmounts, unmount);
	unmount->done(core, volume ? volume->sysname : "", answer ? answer->result : -ECONNRESET,
		answer ? answer->detail : "", unmount->userdata);
	free(unmount);
}

static void send_unmount(Core *core, uint64_t volume, const char *path, bool lazy)
{
	SkMediaUnmount message = {.volume = volume, .lazy = lazy};
	char subject[SK_SYSNAME_SIZE];

	sk_head_init(&message.head, SK_MEDIA_UNMOUNT, sizeof(message));
	sk_str_copy(message.path, sizeof(message.path), path);
	sk_str_format(subject, sizeof(subject), "%llu", (unsigned long long)volume);
	order(core, &message.head, subject, on_unmounted, -1);
}

void media_detach(Core *core, uint64_t volume, const char *path)
{
	send_unmount(core, volume, path, true);
}

void media_unmount(Core *core, uint64_t volume, const char *path, UnmountDone done, void *userdata)
{
	Unmount *unmount;

	HASH_FIND(hh, unmounts, &volume, sizeof(volume), unmount);
	if (unmount || !(unmount = calloc(1, sizeof(*unmount)))) {
		done(core, "", -EALREADY, "", userdata);
		return;
	}
	unmount->volume = volume;
	unmount->done = done;
	unmount->userdata = userdata;
	HASH_ADD(hh, unmounts, volume, sizeof(volume), unmount);
	send_unmount(core, volume, path, false);
}
