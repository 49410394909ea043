/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define BLANKS " \t\r\n\v\f"

static int open_beneath(const Posture *posture, const char *path, uint64_t flags)
{
	const struct open_how how = {
		.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, posture->root_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int file_open(const Posture *posture, const char *path)
{
	own_fd int fd = open_beneath(posture, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? own_take_fd(&fd) : -EINVAL;
}

/* Files of procfs and sysfs have no size: what there is is read until its end. */
int file_read_fd(int fd, size_t max, char **ret_text, size_t *ret_size)
{
	size_t room = 4096, used = 0;
	own_free char *text = malloc(room + 1);

	if (!text)
		return -ENOMEM;
	for (;;) {
		ssize_t n = sk_io_read_up_to(fd, text + used, room - used);
		char *larger;

		if (n < 0)
			return (int)n;
		used += (size_t)n;
		if (used > max)
			return -EFBIG;
		if (used < room)
			break;
		larger = realloc(text, 2 * room + 1);
		if (!larger)
			return -ENOMEM;
		text = larger;
		room *= 2;
	}
	for (char *nul = text; (nul = memchr(nul, 0, used - (size_t)(nul - text)));)
		*nul = '?';
	text[used] = 0;
	*ret_text = own_take(text);
	if (ret_size)
		*ret_size = used;
	return 0;
}

int file_read(const Posture *posture, const char *path, size_t max, char **ret_text, size_t *ret_size)
{
	own_fd int fd = file_open(posture, path);

	return fd < 0 ? fd : file_read_fd(fd, max, ret_text, ret_size);
}

int file_read_word(const Posture *posture, const char *path, char *word, size_t size)
{
	own_free char *text = NULL;
	char *line;
	int r = file_read(posture, path, 4096, &text, NULL);

	if (r < 0)
		return r;
	line = text + strspn(text, BLANKS);
	line[strcspn(line, "\n")] = 0;
	for (size_t end = strlen(line); end > 0 && strchr(BLANKS, line[end - 1]); end--)
		line[end - 1] = 0;
	return sk_str_copy(word, size, line) ? 0 : -EFBIG;
}

int file_stat(const Posture *posture, const char *path, struct stat *ret_stat)
{
	own_fd int fd = open_beneath(posture, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	return fstat(fd, ret_stat) < 0 ? -errno : 0;
}

bool file_exists(const Posture *posture, const char *path)
{
	struct stat st;

	return file_stat(posture, path, &st) == 0;
}

char *file_next_line(char **text)
{
	char *line = *text;
	size_t size;

	if (!line || !*line)
		return NULL;
	size = strcspn(line, "\n");
	*text = line + size + (line[size] == '\n');
	line[size] = 0;
	return line;
}

char *file_next_word(char **text)
{
	char *word;
	size_t size;

	if (!*text)
		return NULL;
	word = *text + strspn(*text, BLANKS);
	size = strcspn(word, BLANKS);
	if (size == 0)
		return NULL;
	*text = word + size + (word[size] != 0);
	word[size] = 0;
	return word;
}

int file_each(const Posture *posture, const char *path, FileEach each, void *userdata)
{
	own_fd int fd = open_beneath(posture, path, O_RDONLY | O_DIRECTORY);
	own_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (fd < 0)
		return fd;
	if (!dir)
		return -errno;
	fd = -1; /* the directory's now */
	for (unsigned count = 0; r == 0 && (entry = readdir(dir));) {
		if (sk_str_eq(entry->d_name, ".") || sk_str_eq(entry->d_name, ".."))
			continue;
		if (++count > FILE_NAMES_MAX)
			return -E2BIG;
		r = each(userdata, entry->d_name);
	}
	return r;
}
