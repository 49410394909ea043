/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/jail/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/own.h"

#define ACCESS_FILE_READ LANDLOCK_ACCESS_FS_READ_FILE
#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_WRITE                                                                                         \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |    \
		LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |   \
		LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                                \
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define ACCESS_ALL (ACCESS_READ | ACCESS_WRITE | LANDLOCK_ACCESS_FS_EXECUTE)

static int add_path(int ruleset_fd, const SkJailPath *path, uint64_t handled)
{
	own_fd int fd = open(path->path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr beneath = {.parent_fd = fd};
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	beneath.allowed_access = ACCESS_READ | (path->access == SK_JAIL_WRITE ? ACCESS_WRITE : 0);
	if (path->access == SK_JAIL_WRITE_FILES)
		beneath.allowed_access |= LANDLOCK_ACCESS_FS_WRITE_FILE;
	if (path->access == SK_JAIL_RUN)
		beneath.allowed_access |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (!S_ISDIR(st.st_mode))
		beneath.allowed_access &=
			ACCESS_FILE_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
	beneath.allowed_access &= handled;
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
		return -errno;
	return 0;
}

int sk_landlock_apply(const SkJailPath *paths, unsigned reads_anywhere)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = reads_anywhere ? ACCESS_ALL & ~ACCESS_READ : ACCESS_ALL};
	own_fd int ruleset_fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset_fd < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	for (; paths->path; paths++) {
		int r = add_path(ruleset_fd, paths, attr.handled_access_fs);

		if (r < 0)
			return r;
	}
	return syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0 ? -errno : 0;
}
