/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/duty_definitions.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "console/rules/definitions.h"
#include "lib/base/io.h"
#include "lib/base/str.h"

#define CURRENT_MAX (1u << 20)

static int take(const SkActor *actor, void *userdata)
{
	return sk_definitions_take(actor, userdata);
}

int sk_duty_definitions(SkDutyWork *work)
{
	own_free char *text = NULL;
	json_auto_t *current = NULL;
	const json_t *files;
	char path[PATH_MAX];
	size_t size;
	int r;

	if (!sk_str_format(path, sizeof(path), "%s/current.json",
		    sk_duty_server(work)->settings->definitions.directory))
		return -ENAMETOOLONG;
	r = sk_io_read_file_at(AT_FDCWD, path, CURRENT_MAX, &text, &size);
	/* Nothing was fetched or brought in yet. */
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	current = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	files = json_object_get(current, "files");
	if (!json_is_array(files)) {
		sk_duty_explain(work, "%s cannot be read", path);
		return -EBADMSG;
	}
	return sk_duty_act(work, take, (void *)files);
}
