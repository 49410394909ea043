/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "agent/core/core.h"
#include "lib/base/io.h"
#include "lib/base/own.h"

static int open_directory(const Core *core)
{
	int fd = open(core->settings->agent.state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

json_t *state_read(const Core *core, const char *file, size_t max)
{
	own_fd int dir_fd = open_directory(core);
	own_free char *text = NULL;

	if (dir_fd < 0 || sk_io_read_file_at(dir_fd, file, max, &text, NULL) < 0)
		return NULL;
	return json_loads(text, JSON_REJECT_DUPLICATES, NULL);
}

int state_write(const Core *core, const char *file, const json_t *content)
{
	own_fd int dir_fd = open_directory(core);
	own_free char *text = json_dumps(content, JSON_COMPACT);

	if (dir_fd < 0)
		return dir_fd;
	return text ? sk_io_replace_file_at(dir_fd, file, 0640, text, strlen(text)) : -ENOMEM;
}
