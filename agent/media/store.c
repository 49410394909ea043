/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/slip/name.h"

#define PIECE (1u << 20)

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Whatever a person made of the folder: nothing is followed, and what is in the way stays there. */
static int open_folder(int root_fd)
{
	int fd;

	if (mkdirat(root_fd, SK_SLIP_FOLDER, 0750) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(root_fd, SK_SLIP_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* What is not kept of another slip; a manifest does not name it. */
static int remove_others(int folder_fd, const char *const kept[3])
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_(close_dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((errno = 0, entry = readdir(dir)) != NULL) {
		bool keep = !sk_slip_is_own_name(entry->d_name);

		for (size_t i = 0; i < 3; i++)
			keep |= sk_str_eq(entry->d_name, kept[i]);
		if (!keep && unlinkat(folder_fd, entry->d_name, 0) < 0)
			return -errno;
	}
	return -errno;
}

int media_store_file(int folder_fd, const char *name, int content_fd)
{
	own_fd int fd = -1;
	struct stat st;
	off_t at = 0;

	if (unlinkat(folder_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0 || fstat(content_fd, &st) < 0)
		return -errno;
	while (at < st.st_size) {
		ssize_t n = sendfile(fd, content_fd, &at, PIECE);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* The slip comes last: with it the other two are there. */
int media_store_slip(int root_fd, uint64_t serial, const int files[3])
{
	char slip[SK_SLIP_NAME_SIZE], manifest[SK_SLIP_NAME_SIZE];
	const char *const names[3] = {slip, manifest, SK_SLIP_SUMS};
	own_fd int folder_fd = open_folder(root_fd);
	int r = folder_fd < 0 ? folder_fd : 0;

	sk_slip_name(serial, slip);
	sk_slip_manifest_name(serial, manifest);
	for (size_t i = 3; r == 0 && i > 0; i--)
		r = media_store_file(folder_fd, names[i - 1], files[i - 1]);
	return r < 0 ? r : remove_others(folder_fd, names);
}

int media_store(const MediaWork *work, MediaDetail *detail)
{
	int r = media_mount_thaw(work->device_fd), frozen;

	if (r == 0) {
		/* As the person whose medium it is: root has no rights there that we hold. */
		setfsuid(work->store->uid);
		r = media_store_slip(work->device_fd, work->store->serial, work->files);
		setfsuid(0);
	}
	frozen = media_mount_freeze(work->device_fd);
	if (r < 0)
		sk_str_copy(detail->text, sizeof(detail->text), "the slip cannot be stored on it");
	return r < 0 ? r : frozen;
}
