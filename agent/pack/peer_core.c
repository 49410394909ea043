/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "agent/pack/pack.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/passphrase.h"
#include "lib/crypt/secret.h"
#include "lib/ipc/check_pack.h"
#include "lib/ipc/memfd.h"
#include "lib/slip/name.h"

/* How long sekishoctl may be silent: it has nothing to do but to open the next file. */
#define SILENCE_SECONDS 60

int pack_fail(Pack *pack, SkReason code, const char *detail)
{
	pack->code = code;
	sk_str_copy(pack->detail, sizeof(pack->detail), detail);
	return -ECANCELED;
}

/* The rule is looked at again here: sekishoctl belongs to whoever started it. */
static int open_archive(Pack *pack, int passphrase_fd)
{
	PackArchiveOrder order = {.fd = pack->archive_fd, .bytes_max = pack->bytes_max};
	own_free char *passphrase = NULL;
	size_t size = 0;
	int r = sk_memfd_read(passphrase_fd, SK_PASSPHRASE_MAX, &passphrase, &size);

	if (r < 0 || !sk_passphrase_is_mixed(passphrase, size)) {
		r = pack_fail(pack, SK_PASSPHRASE_WEAK, "");
	} else {
		order.passphrase = passphrase;
		r = pack_archive_open(&order, &pack->archive);
		if (r < 0)
			r = pack_fail(pack, SK_HANDOVER_NOT_MADE, strerror(-r));
	}
	if (passphrase)
		sk_secret_wipe(passphrase, size);
	return r;
}

static int on_begin(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkPackBegin *begin = (const SkPackBegin *)message;
	const struct timeval silence = {.tv_sec = SILENCE_SECONDS};
	Pack *pack = userdata;

	if (pack->files)
		return -EPROTO;
	pack->bytes_max = begin->bytes_max;
	pack->files_max = begin->files_max;
	/* Who made it cannot take the limit back: these are options of our end. */
	if (setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) < 0)
		return pack_fail(pack, SK_HANDOVER_NOT_MADE, "the list of files is no list");
	pack->files = sk_chan_new(own_take_fd(&fds[0]));
	pack->archive_fd = own_take_fd(&fds[1]);
	return pack->files ? open_archive(pack, fds[2]) : -ENOMEM;
}

static int on_judged(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Pack *pack = userdata;

	if (message->cookie != pack->n_files || pack->all)
		return -EPROTO;
	memcpy(pack->sha256, ((const SkPackJudged *)message)->sha256, sizeof(pack->sha256));
	return 0;
}

static int add_own(Pack *pack, const char *name, int fd)
{
	char path[sizeof(SK_SLIP_FOLDER) + SK_SLIP_NAME_SIZE];
	uint8_t sha256[SK_SHA256_SIZE];
	struct stat st;

	sk_str_format(path, sizeof(path), SK_SLIP_FOLDER "/%s", name);
	if (fstat(fd, &st) < 0)
		return -errno;
	return pack_archive_add(pack->archive,
		&(PackEntry){.path = path, .fd = fd, .size = (uint64_t)st.st_size, .mtime = st.st_mtim},
		sha256);
}

static int on_slip(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkPackSlip *order = (const SkPackSlip *)message;
	char slip[SK_SLIP_NAME_SIZE], manifest[SK_SLIP_NAME_SIZE];
	Pack *pack = userdata;
	int r;

	if (!pack->all)
		return -EPROTO;
	sk_slip_name(order->serial, slip);
	sk_slip_manifest_name(order->serial, manifest);
	r = add_own(pack, slip, fds[0]);
	if (r == 0)
		r = add_own(pack, manifest, fds[1]);
	if (r == 0)
		r = add_own(pack, SK_SLIP_SUMS, fds[2]);
	if (r == -EFBIG)
		return pack_fail(pack, SK_HANDOVER_TOO_LARGE, "");
	return r < 0 ? pack_fail(pack, SK_HANDOVER_NOT_MADE, strerror(-r)) : 0;
}

const SkMsgSpec pack_core_specs[] = {
	{SK_PACK_BEGIN, 3, sizeof(SkPackBegin), on_begin, sk_check_pack_begin},
	{SK_PACK_JUDGED, 0, sizeof(SkPackJudged), on_judged},
	{SK_PACK_SLIP, 3, sizeof(SkPackSlip), on_slip},
	{0},
};

/* The one row that may come now. */
int pack_wait(Pack *pack, uint16_t type)
{
	SkMsgSpec only[2] = {{0}};
	int r;

	for (size_t i = 0; i < SK_ARRAY_SIZE(pack_core_specs); i++)
		if (pack_core_specs[i].type == type)
			only[0] = pack_core_specs[i];
	r = sk_chan_dispatch(pack->core, only, pack);
	return r == 1 ? 0 : r == 0 ? -ECONNRESET : r;
}

static int tell(Pack *pack, uint16_t type)
{
	SkHead message;

	sk_head_init(&message, type, sizeof(message));
	return sk_chan_send(pack->core, &message, NULL, 0);
}

static int make(Pack *pack)
{
	SkPackDone done = {.size = 0};
	int r = pack_wait(pack, SK_PACK_BEGIN);

	if (r == 0)
		r = pack_take_files(pack);
	if (r == 0)
		r = tell(pack, SK_PACK_LISTED);
	if (r == 0)
		r = pack_wait(pack, SK_PACK_SLIP);
	if (r < 0)
		return r;
	sk_head_init(&done.head, SK_PACK_DONE, sizeof(done));
	r = pack_archive_close(pack->archive, &done.size, done.sha256);
	if (r == -EFBIG)
		return pack_fail(pack, SK_HANDOVER_TOO_LARGE, "");
	if (r < 0)
		return pack_fail(pack, SK_HANDOVER_NOT_MADE, strerror(-r));
	return sk_chan_send(pack->core, &done, NULL, 0);
}

static int tell_failed(const Pack *pack)
{
	SkPackFailed failed = {.code = (uint32_t)pack->code};

	sk_head_init(&failed.head, SK_PACK_FAILED, sizeof(failed));
	sk_str_copy(failed.detail, sizeof(failed.detail), pack->detail);
	return sk_chan_send(pack->core, &failed, NULL, 0);
}

int pack_serve(int fd)
{
	Pack pack = {.core = sk_chan_new(fd), .archive_fd = -1};
	int r = pack.core ? make(&pack) : -ENOMEM;

	if (pack.code)
		r = tell_failed(&pack);
	pack_archive_free(pack.archive);
	pack_names_free(pack.names);
	sk_chan_free(pack.files);
	sk_chan_free(pack.core);
	if (pack.archive_fd >= 0)
		close(pack.archive_fd);
	return r;
}
