/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "console/admin/admin.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"

#define FILE_NAME "admin.json"
#define STATE_MAX (256 * 1024)

static int make(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* The directory, made when it is missing. Return: a descriptor or negative errno. */
static int open_directory(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char path[PATH_MAX];
	size_t length;
	int fd, r;

	if (state && state[0] == '/') {
		if (!sk_str_format(path, sizeof(path), "%s", state))
			return -ENAMETOOLONG;
	} else {
		if (!home || home[0] != '/')
			return -ENOENT;
		if (!sk_str_format(path, sizeof(path), "%s/.local", home))
			return -ENAMETOOLONG;
		r = make(path);
		if (r < 0)
			return r;
		if (!sk_str_format(path, sizeof(path), "%s/.local/state", home))
			return -ENAMETOOLONG;
	}
	r = make(path);
	if (r < 0)
		return r;
	length = strlen(path);
	if (!sk_str_format(path + length, sizeof(path) - length, "/sekisho"))
		return -ENAMETOOLONG;
	r = make(path);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int take(const json_t *object, const char *name, char **ret_text)
{
	const char *text = json_string_value(json_object_get(object, name));

	*ret_text = text ? strdup(text) : NULL;
	return text && !*ret_text ? -ENOMEM : 0;
}

int admin_state_load(AdminState *ret_state)
{
	own_admin_state AdminState state = {.server = NULL};
	json_auto_t *object = NULL;
	own_free char *text = NULL;
	own_fd int dir_fd = open_directory();
	size_t size;
	int r;

	if (dir_fd < 0)
		return dir_fd;
	r = sk_io_read_file_at(dir_fd, FILE_NAME, STATE_MAX, &text, &size);
	if (r < 0)
		return r;
	object = json_loadb(text, size, 0, NULL);
	sk_secret_wipe(text, size);
	if (!object)
		return -EBADMSG;
	r = take(object, "server", &state.server);
	if (r == 0)
		r = take(object, "authority", &state.authority);
	if (r == 0)
		r = take(object, "token", &state.token);
	if (r == 0)
		r = take(object, "csrf", &state.csrf);
	if (r < 0)
		return r;
	if (!state.server || !state.authority)
		return -EBADMSG;
	*ret_state = state;
	state = (AdminState){.server = NULL};
	return 0;
}

int admin_state_save(const AdminState *state)
{
	json_auto_t *object = json_pack("{s:s?, s:s?, s:s?, s:s?}", "server", state->server, "authority",
		state->authority, "token", state->token, "csrf", state->csrf);
	char *text = object ? json_dumps(object, 0) : NULL;
	own_fd int dir_fd = open_directory();
	int r;

	if (!text)
		return -ENOMEM;
	r = dir_fd < 0 ? dir_fd : sk_io_replace_file_at(dir_fd, FILE_NAME, 0600, text, strlen(text));
	admin_wipe(text);
	return r;
}

int admin_state_forget(void)
{
	own_fd int dir_fd = open_directory();

	if (dir_fd < 0)
		return dir_fd;
	return unlinkat(dir_fd, FILE_NAME, 0) < 0 && errno != ENOENT ? -errno : 0;
}

void admin_wipe(char *text)
{
	if (text)
		sk_secret_wipe(text, strlen(text));
	free(text);
}

void admin_state_deinit(AdminState *state)
{
	free(state->server);
	free(state->authority);
	admin_wipe(state->token);
	admin_wipe(state->csrf);
	*state = (AdminState){.server = NULL};
}
