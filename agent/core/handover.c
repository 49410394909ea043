/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/core/burning.h"
#include "agent/core/carry.h"
#include "agent/core/core.h"
#include "agent/core/disk.h"
#include "agent/core/follow_inside.h"
#include "agent/core/grants.h"
#include "agent/core/handover_inside.h"
#include "agent/core/peer_media.h"
#include "agent/core/preparing.h"
#include "agent/core/records.h"
#include "agent/core/slip_key.h"
#include "agent/core/slip_store.h"
#include "agent/core/volume_record.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/luks2/profile.h"

/* Tables of the file system, the slip. */
#define OVERHEAD (16ull << 20)

static void free_all(Handover *handover)
{
	for (size_t i = 0; i < handover->n_files; i++)
		free(handover->files[i].path);
	free(handover->files);
	sd_event_source_disable_unref(handover->timer);
	slip_texts_deinit(&handover->texts);
	close(handover->archive_fd);
	free(handover);
}

static const char *mode_of(const Handover *handover)
{
	return handover->disc ? BURNING_MODE : "hand-over";
}

static bool is_good(SkReason code)
{
	return code == SK_HANDOVER_MADE || code == SK_DISC_BURNED;
}

static void record_end(const Handover *handover, SkReason code, const char *detail)
{
	char hex[SK_SHA256_HEX_SIZE];

	sk_hex_format(hex, handover->made.sha256, sizeof(handover->made.sha256));
	record_write(handover->core,
		&(Record){.kind = is_good(code) ? "medium.handed-over" : "medium.not-handed-over",
			.code = code,
			.body = json_pack("{s:s, s:s, s:s, s:o, s:s, s:I, s:s, s:I, s:s, s:I, s:o}", "volume",
				handover->volume, "device", handover->device, "medium", handover->medium,
				"number", record_text(handover->slip.number), "grant", handover->slip.grant,
				"serial", (json_int_t)handover->slip.serial, "archive", handover->name,
				"size", (json_int_t)handover->made.size, "digest", hex, "files",
				(json_int_t)handover->n_files, "detail", record_text(detail))});
}

/* The console hears of what may be on the medium, however it went: whoever pulls it out has what was written.
 */
static void end_session(Handover *handover, SkReason code)
{
	SlipOut out;

	if (!handover->session)
		return;
	if (!is_good(code)) {
		const SlipFiles files = {handover->files, handover->n_files};

		handover->slip.complete = false;
		sk_str_copy(handover->slip.reason, sizeof(handover->slip.reason),
			handover->disc		   ? "spoiled"
			: code == SK_MEDIUM_PULLED ? "pulled"
						   : "cut");
		handover->slip.serial = slip_store_serial(handover->core);
		slip_texts_deinit(&handover->texts);
		(void)slip_sign_files(handover->core, &handover->slip, &files, &handover->texts);
	}
	out = (SlipOut){.serial = handover->slip.serial,
		.envelope = handover->texts.envelope,
		.content = handover->texts.lines,
		.size = handover->texts.lines_size};
	if (slip_store_end(handover->core, handover->session, out.envelope ? &out : NULL) < 0)
		record_write(handover->core, &(Record){.kind = "medium.manifest-lost",
						     .code = SK_SLIP_NOT_STORED,
						     .body = json_pack("{s:s}", "medium", handover->medium)});
	slip_store_send(handover->core);
}

void handover_end(Handover *handover, SkReason code, const char *detail)
{
	Core *core = handover->core;
	/* What is burned may have become another volume to the kernel meanwhile. */
	Volume *volume =
		handover->disc ? volumes_find(core, handover->volume) : volumes_find_id(core, handover->id);
	char shown[512];

	sk_utf8_escape(shown, sizeof(shown), detail, strlen(detail));
	core->handover = NULL;
	/* One that is still at work ends with the connection. */
	peer_drop(&core->pack);
	peer_drop(&core->burn);
	/* Whatever it was: who has the disc has to destroy it. */
	if (handover->disc && handover->session && !is_good(code))
		code = SK_DISC_SPOILED;
	record_end(handover, code, shown);
	end_session(handover, code);
	if (volume && (volume->state == VOLUME_PREPARING || handover->disc))
		carry_look_again(core, volume);
	handover->done(handover->userdata, code, is_good(code) ? handover->name : shown);
	free_all(handover);
}

static SkReason reason_of(int result)
{
	return result == -ENOSPC || result == -EFBIG ? SK_HANDOVER_TOO_LARGE : SK_HANDOVER_NOT_MADE;
}

static void on_written(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	const SkAnswer *answer = (const SkAnswer *)message;
	Handover *handover = core->handover;

	if (!handover || !handover->session || !sk_str_eq(handover->volume, subject))
		return;
	if (!answer)
		handover_end(handover, SK_HANDOVER_NOT_MADE, "the media worker ended");
	else if (answer->result < 0)
		handover_end(handover, reason_of(answer->result),
			answer->detail[0] ? answer->detail : strerror(-answer->result));
	else
		handover_end(handover, SK_HANDOVER_MADE, "");
}

/* The slip beside the archive is of the medium: one file is on it, whose name tells nothing. */
static int sign(const Handover *handover, uint64_t serial, SlipTexts *ret_texts)
{
	SkSlip slip = handover->slip;
	SkSlipFile file = {.path = (char *)handover->name,
		.size = handover->made.size,
		.hashed = true,
		.change = SK_SLIP_NEW,
		.verdict = SK_SLIP_CLEAN,
		.at = slip.closed};

	slip.serial = serial;
	memcpy(file.sha256, handover->made.sha256, sizeof(file.sha256));
	sk_str_copy(file.user, sizeof(file.user), slip.user);
	return slip_sign_files(handover->core, &slip, &(SlipFiles){&file, 1}, ret_texts);
}

int handover_sign_medium(const Handover *handover, uint64_t serial, int ret_fds[3])
{
	own_texts SlipTexts texts = {.envelope = NULL};
	int r = sign(handover, serial, &texts);

	return r < 0 ? r : slip_memfds(handover->core, &texts, ret_fds);
}

static int write_medium(Handover *handover, int device_fd)
{
	SkMediaHandOver order = {.volume = handover->id,
		.serial = slip_store_serial(handover->core),
		.size = handover->made.size};
	int fds[3], r = handover_sign_medium(handover, order.serial, fds);

	if (r < 0)
		return r;
	memcpy(order.sha256, handover->made.sha256, sizeof(order.sha256));
	sk_str_copy(order.name, sizeof(order.name), handover->name);
	media_hand_over(handover->core, handover->volume, &order,
		(const int[]){device_fd, handover->archive_fd, fds[0], fds[1], fds[2]}, on_written);
	for (size_t i = 0; i < SK_ARRAY_SIZE(fds); i++)
		close(fds[i]);
	return 0;
}

static void on_opened(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
	Handover *handover = core->handover;
	const char *error = disk_error(message, n_fds);
	int r;

	if (!handover || !handover->session || !sk_str_eq(handover->volume, subject))
		return;
	if (*error) {
		handover_end(handover, SK_HANDOVER_NOT_MADE, error);
		return;
	}
	r = write_medium(handover, fds[0]);
	if (r < 0 && core->handover)
		handover_end(handover, SK_HANDOVER_NOT_MADE, strerror(-r));
}

/* On the disk before a byte of it is on the medium: who is killed now tells it when he is back. */
int handover_begin_session(Handover *handover)
{
	Core *core = handover->core;
	int64_t session = slip_store_begin(core, handover->id, &handover->slip);

	if (session <= 0)
		return -EIO;
	handover->session = session;
	for (size_t i = 0; i < handover->n_files; i++) {
		const SkSlipFile *file = &handover->files[i];
		const ManifestWritten written = {.file = {.ino = i + 1, .size = file->size},
			.path = file->path,
			.at = file->at,
			.uid = handover->uid};
		ManifestContent content = {.verdict = file->verdict, .hashed = true};

		memcpy(content.sha256, file->sha256, sizeof(content.sha256));
		if (slip_store_note(core, session, &written, &content) < 0)
			return -EIO;
	}
	if (handover->disc && slip_store_spend(core, handover->slip.grant) < 0)
		return -EIO;
	return slip_store_phase(core, session, SLIP_SESSION_OPEN);
}

/* The grant under which it is done. One that names no medium takes the only one there is. */
static SkReason find_grant(Core *core, GrantAsk ask, const json_t **ret_grant)
{
	char only[32];

	if (!*ask.medium) {
		if (!grants_only(core, ask.mode, only, sizeof(only)))
			return SK_GRANT_NONE;
		ask.medium = only;
	}
	return grants_find(core, &ask, ret_grant);
}

void handover_packed(Handover *handover)
{
	Core *core = handover->core;
	Volume *volume = volumes_find_id(core, handover->id);
	const json_t *grant = NULL;
	const GrantAsk ask = {
		.medium = handover->medium, .user = handover->slip.user, .mode = mode_of(handover)};
	SkReason code = find_grant(core, ask, &grant);

	/* It took its time: much may have changed. That the person may lose what is on it was settled before.
	 */
	if (code == SK_REASON_NONE && handover->disc) {
		burning_start(handover);
		return;
	}
	if (code == SK_REASON_NONE)
		code = volume ? preparing_may_replace(core, volume, volume->sysname) : SK_MEDIUM_PULLED;
	if (code != SK_REASON_NONE || handover_begin_session(handover) < 0) {
		handover_end(handover, code ? code : SK_HANDOVER_NOT_MADE, "");
		return;
	}
	disk_close_all(core, volume);
	handover->id = volume->id; /* what was mounted was another volume */
	volume->state = VOLUME_PREPARING;
	volume->code = SK_MEDIUM_PREPARING;
	record_volume(core, volume, "medium.handing-over", SK_MEDIUM_PREPARING, NULL);
	disk_open(core, volume, on_opened);
}

/* The archive is no file of anybody's: it has no name, and is gone with the last of us. It takes half of what
 * is free at most: records need room, too. */
static int open_archive(const Core *core, uint64_t *bytes_max)
{
	char path[PATH_MAX];
	struct statvfs fs;

	if (!sk_str_format(path, sizeof(path), "%s/handover.zip", core->settings->agent.state_directory))
		return -ENAMETOOLONG;
	/* Not O_TMPFILE, which some file systems do not have. Who is killed in between leaves an empty one.
	 */
	(void)unlink(path);
	own_fd int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || unlink(path) < 0 || fstatvfs(fd, &fs) < 0)
		return -errno;
	if ((uint64_t)fs.f_bavail * fs.f_frsize / 2 < *bytes_max)
		*bytes_max = (uint64_t)fs.f_bavail * fs.f_frsize / 2;
	return own_take_fd(&fd);
}

static Handover *handover_new(Core *core, const HandoverOrder *order, const json_t *grant)
{
	const Volume *volume = volumes_find(core, order->volume);
	Handover *handover = calloc(1, sizeof(*handover));

	if (!handover)
		return NULL;
	*handover = (Handover){.core = core,
		.id = volume->id,
		.uid = core->session.uid,
		.done = order->done,
		.userdata = order->userdata,
		.disc = volume->bus == SK_BUS_OPTICAL,
		.bytes_max = volume->bus == SK_BUS_OPTICAL ? UINT64_MAX : volume->size - OVERHEAD};
	if (core->settings->carry.handover_max < handover->bytes_max)
		handover->bytes_max = core->settings->carry.handover_max;
	handover->archive_fd = open_archive(core, &handover->bytes_max);
	if (handover->archive_fd < 0) {
		free(handover);
		return NULL;
	}
	slip_head(core, grant, SK_SLIP_CARRY_OUT, &handover->slip);
	handover->slip.opened = record_now_ms();
	disk_format_hash(core, volume, handover->device);
	sk_str_copy(handover->volume, sizeof(handover->volume), volume->sysname);
	sk_str_copy(handover->medium, sizeof(handover->medium), handover->slip.medium);
	sk_str_format(handover->name, sizeof(handover->name), "sekisho-%llu.zip",
		(unsigned long long)handover->slip.opened);
	return handover;
}

static SkReason may_start(Core *core, const HandoverOrder *order, const json_t **ret_grant)
{
	Volume *volume = volumes_find(core, order->volume);
	bool disc = volume && volume->bus == SK_BUS_OPTICAL;
	const GrantAsk ask = {.medium = order->medium,
		.user = core->session.present ? core->session.user : "",
		.mode = disc ? BURNING_MODE : "hand-over"};
	SkReason code;

	if (disc && core->settings->carry.burn == SK_HANDOVER_REFUSE)
		return SK_DISC_NOT_WRITTEN;
	if (!disc && core->settings->carry.handover == SK_HANDOVER_REFUSE)
		return SK_HANDOVER_BY_SETTING;
	if (core->handover)
		return SK_MEDIUM_BUSY;
	code = find_grant(core, ask, ret_grant);
	if (code == SK_REASON_NONE && (!slip_key_signer(core) || !slip_key_statement(core)))
		code = SK_CONSOLE_NEEDED;
	if (code == SK_REASON_NONE)
		code = disc ? burning_why_not(core, volume)
			    : preparing_may_replace(core, volume, order->confirm);
	return code;
}

void handover_start(Core *core, const HandoverOrder *order)
{
	const json_t *grant = NULL;
	SkReason code = may_start(core, order, &grant);
	Handover *handover;

	if (code != SK_REASON_NONE) {
		record_write(
			core, &(Record){.kind = "medium.not-handed-over",
				      .code = code,
				      .body = json_pack("{s:o, s:o}", "volume", record_text(order->volume),
					      "medium", record_text(order->medium))});
		order->done(order->userdata, code, code == SK_MEDIUM_HAS_DATA ? order->volume : "");
		return;
	}
	handover = handover_new(core, order, grant);
	if (!handover) {
		order->done(order->userdata, SK_HANDOVER_NOT_MADE, strerror(errno));
		return;
	}
	/* One that has said all and not gone yet makes no second archive. */
	peer_drop(&core->pack);
	core->handover = handover;
	if (handover_pack(handover, order->files_fd, order->passphrase_fd) < 0 && core->handover)
		handover_end(handover, SK_HANDOVER_NOT_MADE, "sekisho-pack cannot be reached");
}

void handover_forget(Core *core, Volume *volume)
{
	if (!core->handover || core->handover->id != volume->id)
		return;
	/* A drive tells of another disc while it writes one; how it ends says who writes it. */
	if (core->handover->disc && core->handover->session)
		return;
	if (volume->state == VOLUME_PREPARING)
		volume->state = VOLUME_NEW;
	handover_end(core->handover, SK_MEDIUM_PULLED, "");
}

void handover_close(Core *core)
{
	if (core->handover)
		handover_end(core->handover, SK_HANDOVER_NOT_MADE, "the agent was stopped");
	peer_deinit(&core->pack);
	peer_deinit(&core->burn);
}
