/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/peer_media.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include "agent/core/core.h"
#include "agent/core/disk.h"
#include "agent/core/peer_media_keys.h"
#include "agent/core/records.h"
#include "agent/core/volumes.h"
#include "lib/base/str.h"
#include "lib/ipc/check.h"
#include "lib/ipc/check_carry.h"

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

static const SkMsgSpec specs[] = {
	{SK_MEDIA_ANSWER, 0, sizeof(SkAnswer), on_answer, sk_check_answer},
	{SK_MEDIA_PLACE, 0, sizeof(SkMediaPlace), on_place, sk_check_media_place},
	{SK_MEDIA_MOUNTED, SK_CHAN_FDS_UP_TO | 2, sizeof(SkMediaMounted), on_answer, sk_check_media_mounted},
	{SK_MEDIA_FORMATTED, 0, sizeof(SkMediaFormatted), on_answer, sk_check_media_formatted},
	{SK_MEDIA_REKEYED, 0, sizeof(SkMediaRekeyed), on_answer, sk_check_media_rekeyed},
	{SK_MEDIA_ERASED, 0, sizeof(SkMediaErased), on_answer, sk_check_media_erased},
	{SK_MEDIA_PROGRESS, 0, sizeof(SkMediaProgress), disk_on_progress, sk_check_media_progress},
	{SK_MEDIA_EVALUATE, 0, sizeof(SkMediaEvaluate), media_on_evaluate, sk_check_media_evaluate},
	{SK_MEDIA_LEASE_ASK, 0, sizeof(SkMediaLeaseAsk), media_on_lease_ask, sk_check_media_lease_ask},
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

typedef struct Fds {
	const int *fds;
	size_t n;
} Fds;

static void order(Core *core, SkHead *head, const char *subject, OrderDone done, Fds fds)
{
	head->cookie = orders_add(&core->orders, &core->media, subject, done);
	if (peer_send(&core->media, head, fds.fds, fds.n) < 0)
		orders_fail(core, &core->orders, &core->media);
}

void media_mount(Core *core, const char *sysname, SkMediaMount *mount, int block_fd, OrderDone done)
{
	sk_head_init(&mount->head, SK_MEDIA_MOUNT, sizeof(*mount));
	order(core, &mount->head, sysname, done, (Fds){&block_fd, 1});
}

void media_unlock(Core *core, const char *sysname, SkMediaUnlock *unlock, const int fds[2], OrderDone done)
{
	sk_head_init(&unlock->mount.head, SK_MEDIA_UNLOCK, sizeof(*unlock));
	order(core, &unlock->mount.head, sysname, done, (Fds){fds, 2});
}

void media_format(Core *core, const char *sysname, SkMediaFormat *format, const int fds[2], OrderDone done)
{
	sk_head_init(&format->head, SK_MEDIA_FORMAT, sizeof(*format));
	order(core, &format->head, sysname, done, (Fds){fds, 2});
}

void media_rekey(Core *core, const char *sysname, SkMediaRekey *rekey, const int fds[3], OrderDone done)
{
	sk_head_init(&rekey->head, SK_MEDIA_REKEY, sizeof(*rekey));
	order(core, &rekey->head, sysname, done, (Fds){fds, 3});
}

void media_erase(Core *core, const char *sysname, SkMediaErase *erase, int block_fd, OrderDone done)
{
	sk_head_init(&erase->head, SK_MEDIA_ERASE, sizeof(*erase));
	order(core, &erase->head, sysname, done, (Fds){&block_fd, 1});
}

void media_hand_over(
	Core *core, const char *sysname, SkMediaHandOver *message, const int fds[5], OrderDone done)
{
	sk_head_init(&message->head, SK_MEDIA_HAND_OVER, sizeof(*message));
	order(core, &message->head, sysname, done, (Fds){fds, 5});
}

void media_writable(Core *core, const Volume *volume, OrderDone done)
{
	SkMediaWritable message = {.volume = volume->id};

	sk_head_init(&message.head, SK_MEDIA_WRITABLE, sizeof(message));
	order(core, &message.head, volume->sysname, done, (Fds){&volume->root_fd, 1});
}

void media_store(Core *core, const Volume *volume, uint64_t serial, const int fds[3], OrderDone done)
{
	SkMediaStore message = {.volume = volume->id, .serial = serial, .uid = volume->uid};

	sk_head_init(&message.head, SK_MEDIA_STORE, sizeof(message));
	order(core, &message.head, volume->sysname, done,
		(Fds){(const int[]){volume->root_fd, fds[0], fds[1], fds[2]}, 4});
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
	order(core, &message.head, sysname, media_ignore_answer, (Fds){NULL, 0});
}

void media_close_others(Core *core, OrderDone done)
{
	SkHead message;

	sk_head_init(&message, SK_MEDIA_LIST, sizeof(message));
	order(core, &message, "", done, (Fds){NULL, 0});
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
	const Volume *registered = volumes_find_id(core, volume);
	char subject[SK_SYSNAME_SIZE];

	sk_head_init(&message.head, SK_MEDIA_UNMOUNT, sizeof(message));
	sk_str_copy(message.path, sizeof(message.path), path);
	sk_str_format(subject, sizeof(subject), "%llu", (unsigned long long)volume);
	/* What is behind a mapping is closed in another way: see SkMediaUnmount. */
	if (registered && registered->medium[0] && registered->root_fd >= 0)
		order(core, &message.head, subject, on_unmounted, (Fds){&registered->root_fd, 1});
	else
		order(core, &message.head, subject, on_unmounted, (Fds){NULL, 0});
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
