/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

OWN_DEFINE(DIR, closedir)

int sysfs_open(const char *directory, const char *name, int *ret_fd)
{
	char path[SYSFS_PATH_SIZE];
	int fd;

	if (!sk_str_format(path, sizeof(path), "%s/%s", directory, name))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	*ret_fd = fd;
	return 0;
}

int sysfs_read(int dir_fd, const char *attribute, char *ret_text, size_t size)
{
	own_fd int fd = openat(dir_fd, attribute, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	/* One read: an attribute is shown whole by the first one, a second would only cost a call. */
	n = read(fd, ret_text, size);
	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -EMSGSIZE;
	ret_text[n] = 0;
	ret_text[strcspn(ret_text, "\n")] = 0;
	return 0;
}

int sysfs_read_number(int dir_fd, const char *attribute, unsigned base, uint64_t max, uint64_t *ret_number)
{
	char text[32];
	int r = sysfs_read(dir_fd, attribute, text, sizeof(text));
	const char *first = text;

	if (r < 0)
		return r;
	while (*first == ' ')
		first++;
	return sk_num_parse(first, base, max, ret_number);
}

int sysfs_parse_dev(const char *text, dev_t *ret_dev)
{
	char buffer[32];
	uint64_t major_number, minor_number;
	char *colon;

	if (!sk_str_copy(buffer, sizeof(buffer), text))
		return -EINVAL;
	colon = strchr(buffer, ':');
	if (!colon)
		return -EINVAL;
	*colon = 0;
	if (sk_num_parse(buffer, 10, UINT32_MAX, &major_number) < 0 ||
		sk_num_parse(colon + 1, 10, UINT32_MAX, &minor_number) < 0)
		return -EINVAL;
	*ret_dev = makedev((unsigned)major_number, (unsigned)minor_number);
	return 0;
}

int sysfs_read_dev(int dir_fd, const char *attribute, dev_t *ret_dev)
{
	char text[32];
	int r = sysfs_read(dir_fd, attribute, text, sizeof(text));

	return r < 0 ? r : sysfs_parse_dev(text, ret_dev);
}

int sysfs_read_path(const char *directory, const char *name, char ret_path[SYSFS_PATH_SIZE])
{
	char link[SYSFS_PATH_SIZE], target[SYSFS_PATH_SIZE];
	const char *rest = target;
	ssize_t n;

	if (!sk_str_format(link, sizeof(link), "%s/%s", directory, name))
		return -ENAMETOOLONG;
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	target[n] = 0;
	while (sk_str_starts(rest, "../"))
		rest += 3;
	return sk_str_format(ret_path, SYSFS_PATH_SIZE, "/sys/%s", rest) ? 0 : -ENAMETOOLONG;
}

static int names_add(SysfsNames *names, const char *name)
{
	char **grown = reallocarray(names->names, names->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	names->names = grown;
	names->names[names->n] = strdup(name);
	if (!names->names[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

static int compare_names(const void *a, const void *b, void *compare)
{
	return ((int (*)(const char *, const char *))compare)(*(char *const *)a, *(char *const *)b);
}

int sysfs_list(const char *directory, bool (*accept)(const char *),
	int (*compare)(const char *, const char *), SysfsNames *ret_names)
{
	own_(closedirp) DIR *dir = opendir(directory);
	own_sysfs_names SysfsNames names = {0};
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		int r = accept(entry->d_name) ? names_add(&names, entry->d_name) : 0;

		if (r < 0)
			return r;
	}
	if (names.n > 1)
		qsort_r(names.names, names.n, sizeof(*names.names), compare_names, (void *)compare);
	*ret_names = names;
	names = (SysfsNames){0};
	return 0;
}

void sysfs_names_clear(SysfsNames *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->names[i]);
	free(names->names);
	*names = (SysfsNames){0};
}
