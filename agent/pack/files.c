/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that a person gives: whatever comes over that socket, that person may have made. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/pack/pack.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/check_pack.h"

static void identify(const struct stat *st, SkFileId *file)
{
	*file = (SkFileId){.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_nsec = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec,
		.ctime_nsec = st->st_ctim.tv_sec * INT64_C(1000000000) + st->st_ctim.tv_nsec};
}

static SkReason reason_of(int result)
{
	switch (result) {
	case -ESTALE:
		return SK_HANDOVER_CHANGED;
	case -EFBIG:
		return SK_HANDOVER_TOO_LARGE;
	default:
		return SK_HANDOVER_NOT_MADE;
	}
}

/* Core has it scanned, and says what the scanner read. */
static int ask_core(Pack *pack, const char *path, const struct stat *st, int fd)
{
	SkPackFile message = {.path = ""};
	int r;

	sk_head_init(&message.head, SK_PACK_FILE, sizeof(message));
	message.head.cookie = pack->n_files;
	identify(st, &message.file);
	sk_str_copy(message.path, sizeof(message.path), path);
	r = sk_chan_send(pack->core, &message, &fd, 1);
	return r < 0 ? r : pack_wait(pack, SK_PACK_JUDGED);
}

static int add(Pack *pack, const char *path, const struct stat *st, int fd)
{
	const PackEntry entry = {.path = path, .fd = fd, .size = (uint64_t)st->st_size, .mtime = st->st_mtim};
	uint8_t sha256[SK_SHA256_SIZE];
	int r = ask_core(pack, path, st, fd);

	if (r < 0)
		return r;
	r = pack_archive_add(pack->archive, &entry, sha256);
	if (r < 0)
		return pack_fail(pack, reason_of(r), r == -EFBIG || r == -ESTALE ? path : strerror(-r));
	if (memcmp(sha256, pack->sha256, sizeof(sha256)) != 0)
		return pack_fail(pack, SK_HANDOVER_CHANGED, path);
	return 0;
}

static int on_offer(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const char *path = ((const SkPackOffer *)message)->path;
	Pack *pack = userdata;
	struct stat st;

	if (!pack_name_check(path) || pack_names_add(&pack->names, path) < 0)
		return pack_fail(pack, SK_HANDOVER_NAME, path);
	if (fstat(fds[0], &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
		return pack_fail(pack, SK_HANDOVER_NO_FILE, path);
	if (pack->n_files >= pack->files_max || (uint64_t)st.st_size > pack->bytes_max - pack->bytes)
		return pack_fail(pack, SK_HANDOVER_TOO_LARGE, path);
	pack->n_files++;
	pack->bytes += (uint64_t)st.st_size;
	return add(pack, path, &st, fds[0]);
}

static int on_all(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	((Pack *)userdata)->all = true;
	return 0;
}

const SkMsgSpec pack_files_specs[] = {
	{SK_PACK_OFFER, 1, sizeof(SkPackOffer), on_offer, sk_check_pack_offer},
	{SK_PACK_ALL, 0, sizeof(SkHead), on_all},
	{0},
};

int pack_take_files(Pack *pack)
{
	while (!pack->all) {
		int r = sk_chan_dispatch(pack->files, pack_files_specs, pack);

		if (r == 1)
			continue;
		/* Given up, or silent for too long. */
		if (r == 0 || r == -EAGAIN)
			return pack_fail(pack, SK_HANDOVER_NOT_MADE, "the list of files ended early");
		return pack->code ? -ECANCELED
				  : pack_fail(pack, SK_HANDOVER_NOT_MADE, "the list of files is no list");
	}
	return pack->n_files > 0 ? 0 : pack_fail(pack, SK_HANDOVER_NOT_MADE, "there is no file");
}
