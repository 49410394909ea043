/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utlist.h>

#include "agent/media/busy.h"
#include "agent/media/held.h"
#include "agent/media/media.h"
#include "agent/media/places.h"
#include "agent/media/target.h"
#include "agent/media/worker.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/check.h"
#include "lib/ipc/check_carry.h"
#include "lib/log/log.h"
#include "lib/reason/reason.h"

struct MediaPeer {
	MediaPeer *prev, *next;
	Media *media;
	SkChan *chan;
	sd_event_source *io;
	uint64_t number; /* workers name their peer by it: it may be gone when they are done */
};

/* Where a worker's result goes. */
typedef struct Recipient {
	Media *media;
	uint64_t peer;
} Recipient;

static void peer_free(MediaPeer *peer)
{
	DL_DELETE(peer->media->peers, peer);
	sd_event_source_disable_unref(peer->io);
	sk_chan_free(peer->chan);
	free(peer);
}

static int peer_send(MediaPeer *peer, const void *message, const int *fds, size_t n_fds)
{
	int r = sk_chan_send(peer->chan, message, fds, n_fds);

	if (r == 0)
		sd_event_source_set_io_events(
			peer->io, EPOLLIN | (sk_chan_pending(peer->chan) ? EPOLLOUT : 0));
	return r;
}

static MediaPeer *peer_find(const Media *media, uint64_t number)
{
	MediaPeer *peer;

	DL_FOREACH (media->peers, peer)
		if (peer->number == number)
			return peer;
	return NULL;
}

static int attach(
	Media *media, const SkMediaMount *request, const MediaPrepared *prepared, SkMediaMounted *answer)
{
	const MediaTarget target = {
		.base_fd = media->base_fd,
		.base = media->base,
		.user = request->user,
		.uid = request->uid,
		.label = request->label,
	};

	return media_target_attach(&target, prepared->mount_fd, answer->path, sizeof(answer->path));
}

static void hold(Media *media, const MediaPrepared *prepared, SkMediaMounted *answer)
{
	answer->result = media_held_add(media, answer->volume, answer->path, prepared->group_fd);
	if (answer->result < 0)
		(void)media_target_detach(media->base_fd, media->base, answer->path, true);
}

static void tell(MediaPeer *peer, const SkMediaMounted *answer, const MediaPrepared *prepared)
{
	const int fds[2] = {prepared->group_fd, prepared->root_fd};

	/* Should this fail, nobody says that the gate is kept. */
	(void)peer_send(peer, answer, fds, answer->result == 0 ? 2 : 0);
}

static void log_mounted(const SkMediaMounted *answer)
{
	if (answer->result == 0)
		sk_log(LOG_INFO, "volume %llu is at %s", (unsigned long long)answer->volume, answer->path);
	else
		sk_log(LOG_WARNING, "volume %llu cannot be mounted: %s (%s)",
			(unsigned long long)answer->volume, strerror(-answer->result), answer->detail);
}

static void on_prepared(void *userdata, const MediaWork *work, MediaDone *done)
{
	own_free Recipient *recipient = userdata;
	const SkMediaMount *request = work->mount;
	const MediaPrepared *prepared = &done->prepared;
	MediaPeer *peer = peer_find(recipient->media, recipient->peer);
	own_fd int mount_fd = prepared->mount_fd, group_fd = prepared->group_fd, root_fd = prepared->root_fd;
	SkMediaMounted answer = {
		.volume = request->volume, .result = done->result, .code = done->detail.code};

	sk_head_init(&answer.head, SK_MEDIA_MOUNTED, sizeof(answer));
	answer.head.cookie = request->head.cookie;
	sk_str_copy(answer.detail, sizeof(answer.detail), done->detail.text);
	if (answer.result == 0 && peer)
		answer.result = attach(recipient->media, request, prepared, &answer);
	if (answer.result == 0 && peer)
		hold(recipient->media, prepared, &answer);
	log_mounted(&answer);
	if (peer)
		tell(peer, &answer, prepared);
	media_idle_check(recipient->media);
}

static int refuse_mount(MediaPeer *peer, const SkMediaMount *request, int result)
{
	SkMediaMounted answer = {.volume = request->volume, .result = result};

	sk_head_init(&answer.head, SK_MEDIA_MOUNTED, sizeof(answer));
	answer.head.cookie = request->head.cookie;
	log_mounted(&answer);
	return peer_send(peer, &answer, NULL, 0);
}

/* Questions and progress of a worker, for core as they are. */
static void on_tell(void *userdata, const SkHead *message)
{
	const Recipient *recipient = userdata;
	MediaPeer *peer = peer_find(recipient->media, recipient->peer);

	if (peer)
		(void)peer_send(peer, message, NULL, 0);
}

static int start(MediaPeer *peer, MediaWork *work, void (*done)(void *, const MediaWork *, MediaDone *))
{
	Recipient *recipient = malloc(sizeof(*recipient));
	int r;

	if (!recipient)
		return -ENOMEM;
	*recipient = (Recipient){peer->media, peer->number};
	work->ntfs = peer->media->ntfs;
	work->luks = peer->media->luks;
	work->base = peer->media->base;
	work->base_fd = peer->media->base_fd;
	r = media_worker_start(peer->media->event, work,
		&(MediaWorkerCalls){.done = done, .tell = on_tell, .userdata = recipient});
	if (r < 0)
		free(recipient);
	return r;
}

static int mount_as_asked(MediaPeer *peer, MediaWork *work)
{
	const SkMediaMount *request = work->mount;
	int r = -EINVAL;

	if (media_user_check(request->user) && request->uid != 0 && request->uid != (uid_t)-1)
		r = start(peer, work, on_prepared);
	return r < 0 ? refuse_mount(peer, request, r) : 0;
}

static int on_mount(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	MediaWork work = {.mount = (const SkMediaMount *)message, .device_fd = fds[0], .passphrase_fd = -1};

	return mount_as_asked(userdata, &work);
}

static int on_unlock(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaUnlock *unlock = (const SkMediaUnlock *)message;
	MediaWork work = {.mount = &unlock->mount,
		.wanted = &unlock->wanted,
		.device_fd = fds[0],
		.passphrase_fd = fds[1]};

	return mount_as_asked(userdata, &work);
}

static int answer_format(MediaPeer *peer, const SkMediaFormat *request, SkMediaFormatted *answer)
{
	sk_head_init(&answer->head, SK_MEDIA_FORMATTED, sizeof(*answer));
	answer->head.cookie = request->head.cookie;
	answer->volume = request->volume;
	if (answer->code)
		sk_log(LOG_WARNING, "volume %llu is not prepared: code %u (%s)",
			(unsigned long long)answer->volume, answer->code, answer->detail);
	return peer ? peer_send(peer, answer, NULL, 0) : 0;
}

static int refuse_format(MediaPeer *peer, const SkMediaFormat *request, int result, const char *detail)
{
	SkMediaFormatted answer = {.code = SK_MEDIUM_NOT_PREPARED};

	sk_str_format(answer.detail, sizeof(answer.detail), "%s%s%s", detail, *detail ? ": " : "",
		strerror(-result));
	return answer_format(peer, request, &answer);
}

static void on_format_done(void *userdata, const MediaWork *work, MediaDone *done)
{
	own_free Recipient *recipient = userdata;
	MediaPeer *peer = peer_find(recipient->media, recipient->peer);

	if (done->result < 0)
		(void)refuse_format(peer, work->format, done->result, done->detail.text);
	else
		(void)answer_format(peer, work->format, &done->formatted);
	media_idle_check(recipient->media);
}

static int on_format(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	MediaWork work = {
		.format = (const SkMediaFormat *)message, .device_fd = fds[0], .passphrase_fd = fds[1]};
	int r = start(userdata, &work, on_format_done);

	return r < 0 ? refuse_format(userdata, work.format, r, "") : 0;
}

static int answer_rekey(MediaPeer *peer, const SkMediaRekey *request, SkMediaRekeyed *answer)
{
	sk_head_init(&answer->head, SK_MEDIA_REKEYED, sizeof(*answer));
	answer->head.cookie = request->head.cookie;
	answer->volume = request->volume;
	return peer ? peer_send(peer, answer, NULL, 0) : 0;
}

static int refuse_rekey(MediaPeer *peer, const SkMediaRekey *request, int result, const char *detail)
{
	SkMediaRekeyed answer = {.code = SK_MEDIUM_NOT_REKEYED};

	sk_str_format(answer.detail, sizeof(answer.detail), "%s%s%s", detail, *detail ? ": " : "",
		strerror(-result));
	return answer_rekey(peer, request, &answer);
}

static void on_rekey_done(void *userdata, const MediaWork *work, MediaDone *done)
{
	own_free Recipient *recipient = userdata;
	MediaPeer *peer = peer_find(recipient->media, recipient->peer);

	if (done->result < 0)
		(void)refuse_rekey(peer, work->rekey, done->result, done->detail.text);
	else
		(void)answer_rekey(peer, work->rekey, &done->rekeyed);
	media_idle_check(recipient->media);
}

static int on_rekey(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	MediaWork work = {.rekey = (const SkMediaRekey *)message,
		.device_fd = fds[0],
		.secret_fd = fds[1],
		.passphrase_fd = fds[2]};
	int r = start(userdata, &work, on_rekey_done);

	return r < 0 ? refuse_rekey(userdata, work.rekey, r, "") : 0;
}

static int answer_erase(MediaPeer *peer, const SkMediaErase *request, SkMediaErased *answer)
{
	sk_head_init(&answer->head, SK_MEDIA_ERASED, sizeof(*answer));
	answer->head.cookie = request->head.cookie;
	answer->volume = request->volume;
	sk_log(answer->code ? LOG_WARNING : LOG_INFO, "volume %llu: erased %llu bytes, code %u %s",
		(unsigned long long)answer->volume, (unsigned long long)answer->compared, answer->code,
		answer->detail);
	return peer ? peer_send(peer, answer, NULL, 0) : 0;
}

static int refuse_erase(MediaPeer *peer, const SkMediaErase *request, int result)
{
	SkMediaErased answer = {.code = SK_ERASURE_CUT};

	sk_str_copy(answer.detail, sizeof(answer.detail), strerror(-result));
	return answer_erase(peer, request, &answer);
}

static void on_erase_done(void *userdata, const MediaWork *work, MediaDone *done)
{
	own_free Recipient *recipient = userdata;
	MediaPeer *peer = peer_find(recipient->media, recipient->peer);

	if (done->result < 0)
		(void)refuse_erase(peer, work->erase, done->result);
	else
		(void)answer_erase(peer, work->erase, &done->erased);
	media_idle_check(recipient->media);
}

static int on_erase(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	MediaWork work = {.erase = (const SkMediaErase *)message, .device_fd = fds[0], .passphrase_fd = -1};
	int r = start(userdata, &work, on_erase_done);

	return r < 0 ? refuse_erase(userdata, work.erase, r) : 0;
}

static int on_given(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	media_worker_answer(message);
	return 0;
}

static int answer_unmount(MediaPeer *peer, const SkMediaUnmount *request, int result)
{
	Media *media = peer->media;
	SkAnswer answer = {.result = result};
	uid_t uid = 0;

	sk_head_init(&answer.head, SK_MEDIA_ANSWER, sizeof(answer));
	answer.head.cookie = request->head.cookie;
	if (answer.result == 0)
		media_held_shut(media, request->path);
	if (answer.result == -EBUSY &&
		media_target_user(media->base_fd, media->base, request->path, &uid) == 0)
		media_busy_format(request->path, uid, answer.detail, sizeof(answer.detail));
	sk_log(LOG_INFO, "volume %llu at %s: %s", (unsigned long long)request->volume, request->path,
		answer.result == 0 ? "unmounted" : strerror(-answer.result));
	return peer_send(peer, &answer, NULL, 0);
}

static void on_closed(void *userdata, const MediaWork *work, MediaDone *done)
{
	own_free Recipient *recipient = userdata;
	MediaPeer *peer = peer_find(recipient->media, recipient->peer);

	if (peer)
		(void)answer_unmount(peer, work->close, done->result);
	media_idle_check(recipient->media);
}

/* What was written to is closed by a worker: it may take as long as the medium takes to write. */
static int on_unmount(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaUnmount *request = (const SkMediaUnmount *)message;
	MediaPeer *peer = userdata;
	MediaWork work = {.close = request, .device_fd = n_fds > 0 ? fds[0] : -1, .passphrase_fd = -1};
	int r;

	if (n_fds > 0) {
		r = start(peer, &work, on_closed);
		return r < 0 ? answer_unmount(peer, request, r) : 0;
	}
	r = media_target_detach(peer->media->base_fd, peer->media->base, request->path, request->lazy);
	return answer_unmount(peer, request, r);
}

static void on_worked(void *userdata, const MediaWork *work, MediaDone *done)
{
	own_free Recipient *recipient = userdata;
	MediaPeer *peer = peer_find(recipient->media, recipient->peer);
	const SkHead *request = work->thaw    ? &work->thaw->head
				: work->store ? &work->store->head
					      : &work->handover->head;
	SkAnswer answer = {.result = done->result};

	sk_head_init(&answer.head, SK_MEDIA_ANSWER, sizeof(answer));
	answer.head.cookie = request->cookie;
	sk_str_copy(answer.detail, sizeof(answer.detail), done->detail.text);
	if (done->result < 0)
		sk_log(LOG_WARNING, "a carry-out medium: %s (%s)", strerror(-done->result),
			done->detail.text);
	if (peer)
		(void)peer_send(peer, &answer, NULL, 0);
	media_idle_check(recipient->media);
}

static int answer_result(MediaPeer *peer, uint64_t cookie, int result)
{
	SkAnswer answer = {.result = result};

	sk_head_init(&answer.head, SK_MEDIA_ANSWER, sizeof(answer));
	answer.head.cookie = cookie;
	return peer_send(peer, &answer, NULL, 0);
}

static int on_writable(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	MediaWork work = {.thaw = (const SkMediaWritable *)message, .device_fd = fds[0], .passphrase_fd = -1};
	int r = start(userdata, &work, on_worked);

	return r < 0 ? answer_result(userdata, message->cookie, r) : 0;
}

static int on_store(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	MediaWork work = {.store = (const SkMediaStore *)message,
		.device_fd = fds[0],
		.passphrase_fd = -1,
		.files = {fds[1], fds[2], fds[3]}};
	int r = start(userdata, &work, on_worked);

	return r < 0 ? answer_result(userdata, message->cookie, r) : 0;
}

static int on_hand_over(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	MediaWork work = {.handover = (const SkMediaHandOver *)message,
		.device_fd = fds[0],
		.passphrase_fd = -1,
		.archive_fd = fds[1],
		.files = {fds[2], fds[3], fds[4]}};
	int r = start(userdata, &work, on_worked);

	return r < 0 ? answer_result(userdata, message->cookie, r) : 0;
}

static void tell_place(void *userdata, const char *path)
{
	MediaPeer *peer = userdata;
	SkMediaPlace place = {0};

	sk_head_init(&place.head, SK_MEDIA_PLACE, sizeof(place));
	if (sk_str_copy(place.path, sizeof(place.path), path))
		(void)peer_send(peer, &place, NULL, 0);
}

static int on_list(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	MediaPeer *peer = userdata;
	SkAnswer answer = {0};

	media_places_list(peer->media->base_fd, peer->media->base, tell_place, peer);
	sk_head_init(&answer.head, SK_MEDIA_ANSWER, sizeof(answer));
	answer.head.cookie = message->cookie;
	return peer_send(peer, &answer, NULL, 0);
}

static int on_kept(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkMediaKept *kept = (const SkMediaKept *)message;
	MediaPeer *peer = userdata;
	SkAnswer answer = {0};

	sk_head_init(&answer.head, SK_MEDIA_ANSWER, sizeof(answer));
	answer.head.cookie = message->cookie;
	answer.result = media_held_release(peer->media, kept->volume);
	return peer_send(peer, &answer, NULL, 0);
}

const SkMsgSpec media_specs[] = {
	{SK_MEDIA_MOUNT, 1, sizeof(SkMediaMount), on_mount, sk_check_media_mount},
	{SK_MEDIA_UNLOCK, 2, sizeof(SkMediaUnlock), on_unlock, sk_check_media_unlock},
	{SK_MEDIA_FORMAT, 2, sizeof(SkMediaFormat), on_format, sk_check_media_format},
	{SK_MEDIA_REKEY, 3, sizeof(SkMediaRekey), on_rekey, sk_check_media_rekey},
	{SK_MEDIA_ERASE, 1, sizeof(SkMediaErase), on_erase, sk_check_media_erase},
	{SK_MEDIA_EVALUATED, 0, sizeof(SkMediaEvaluated), on_given, sk_check_media_evaluated},
	{SK_MEDIA_LEASE, 0, sizeof(SkMediaLease), on_given, sk_check_media_lease},
	{SK_MEDIA_UNMOUNT, SK_CHAN_FDS_UP_TO | 1, sizeof(SkMediaUnmount), on_unmount, sk_check_media_unmount},
	{SK_MEDIA_WRITABLE, 1, sizeof(SkMediaWritable), on_writable},
	{SK_MEDIA_STORE, 4, sizeof(SkMediaStore), on_store, sk_check_media_store},
	{SK_MEDIA_HAND_OVER, 5, sizeof(SkMediaHandOver), on_hand_over, sk_check_media_hand_over},
	{SK_MEDIA_KEPT, 0, sizeof(SkMediaKept), on_kept},
	{SK_MEDIA_LIST, 0, sizeof(SkHead), on_list},
	{0},
};

static int on_peer_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	MediaPeer *peer = userdata;
	Media *media = peer->media;
	int r = 1;

	if (events & EPOLLOUT)
		r = sk_chan_flush(peer->chan) < 0 ? -EIO : 1;
	if (r > 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		r = sk_chan_dispatch(peer->chan, media_specs, peer);
	if (r > 0 || r == -EAGAIN)
		return sd_event_source_set_io_events(
			peer->io, EPOLLIN | (sk_chan_pending(peer->chan) ? EPOLLOUT : 0));
	peer_free(peer);
	/* A sibling that breaks the protocol was not built with us, or is no sibling any more. */
	if (r == -EPROTO) {
		sk_log(LOG_ERR, "core broke the protocol");
		return sd_event_exit(media->event, r);
	}
	return media_idle_check(media);
}

static int peer_new(Media *media, SkChan *chan)
{
	static uint64_t n_peers;
	MediaPeer *peer = calloc(1, sizeof(*peer));

	if (!peer) {
		sk_chan_free(chan);
		return -ENOMEM;
	}
	peer->media = media;
	peer->chan = chan;
	peer->number = ++n_peers;
	DL_APPEND(media->peers, peer);
	int r = sd_event_add_io(media->event, &peer->io, sk_chan_fd(chan), EPOLLIN, on_peer_io, peer);

	if (r < 0)
		peer_free(peer);
	return r;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	Media *media = userdata;
	int peer_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	SkChan *chan = peer_fd < 0 ? NULL : sk_chan_new(peer_fd);
	uid_t uid;
	pid_t pid;

	if (!chan)
		return 0;
	if (sk_chan_peer(chan, &uid, &pid) < 0 || uid != media->client_uid) {
		sk_log(LOG_WARNING, "a connection that is not core's was refused");
		sk_chan_free(chan);
		return 0;
	}
	peer_new(media, chan);
	return media_idle_check(media);
}

int media_listen(Media *media)
{
	int r = sd_event_add_io(media->event, NULL, media->listen_fd, EPOLLIN, on_connection, media);

	return r < 0 ? r : 0;
}
