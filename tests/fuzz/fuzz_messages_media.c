/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sekisho-media takes from core and from its workers, and the name of the folder that it makes of a
 * label.
 */
#include <limits.h>

#include "agent/media/luks.h"
#include "agent/media/media.h"
#include "agent/media/target.h"
#include "agent/media/worker.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/proto_media.h"
#include "tests/fuzz/messages.h"

const SkMsgSpec *fuzz_table(size_t i)
{
	const SkMsgSpec *const tables[] = {media_specs, media_worker_specs, media_luks_specs};

	return i < SK_ARRAY_SIZE(tables) ? tables[i] : NULL;
}

/* Of the process; no message gets so far here. */
int media_idle_check(Media *media)
{
	return 0;
}

void fuzz_use(const SkHead *message)
{
	const SkMediaMount *mount = (const SkMediaMount *)message;
	char name[MEDIA_NAME_SIZE];

	if (message->type != SK_MEDIA_MOUNT)
		return;
	media_name_format(name, mount->label, strlen(mount->label));
	fuzz_require(name[0] != 0 && name[0] != '.' && !strchr(name, '/'));
	fuzz_require(strlen(name) <= 204 && sk_utf8_check(name, strlen(name)));
	if (media_user_check(mount->user))
		fuzz_require(mount->user[0] != '.' && !strchr(mount->user, '/'));
}
