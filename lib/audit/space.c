/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A full disk. The reserve is a file with real blocks; giving it back makes room for the records about the
 * fault.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/audit/writer.h"
#include "lib/base/str.h"

static uint64_t reserve_held(const SkAudit *audit)
{
	struct stat st;

	if (fstatat(audit->dir_fd, SK_RESERVE_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return (uint64_t)st.st_size;
}

bool sk_audit_open_reserve(SkAudit *audit)
{
	if (reserve_held(audit) == 0 || unlinkat(audit->dir_fd, SK_RESERVE_FILE, 0) < 0)
		return false;
	/* Journalling file systems free the blocks with the transaction only. */
	(void)fsync(audit->dir_fd);
	audit->reserve_opened = true;
	audit->notice_due = true;
	return true;
}

int sk_audit_get_space(const SkAudit *audit, SkAuditSpace *ret_space)
{
	struct statvfs vfs;

	if (fstatvfs(audit->dir_fd, &vfs) < 0)
		return -errno;
	*ret_space = (SkAuditSpace){
		.free = (uint64_t)vfs.f_bavail * vfs.f_frsize,
		.reserve = reserve_held(audit),
		.reserve_opened = audit->reserve_opened,
	};
	return 0;
}

static int allocate(SkAudit *audit)
{
	own_fd int fd = openat(audit->dir_fd, SK_RESERVE_FILE,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = -posix_fallocate(fd, 0, (off_t)audit->options.reserve_size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(audit->dir_fd, SK_RESERVE_FILE, 0);
	return r;
}

int sk_audit_restore_reserve(SkAudit *audit)
{
	bool was_opened = audit->reserve_opened;
	struct statvfs vfs;
	char body[64];
	int r;

	if (audit->options.reserve_size == 0 || reserve_held(audit) == audit->options.reserve_size)
		return 0;
	/* Twice the reserve, so that what is taken does not make the disk full again at once. */
	if (fstatvfs(audit->dir_fd, &vfs) < 0)
		return -errno;
	if ((uint64_t)vfs.f_bavail * vfs.f_frsize < 2 * audit->options.reserve_size)
		return -ENOSPC;
	r = allocate(audit);
	if (r < 0)
		return r;
	audit->reserve_opened = false;
	if (!was_opened)
		return 0;
	sk_str_format(
		body, sizeof(body), "{\"reserve\":%llu}", (unsigned long long)audit->options.reserve_size);
	r = sk_audit_queue_own(audit, SK_KIND_RESERVE_RESTORED, body);
	return r == 0 ? sk_audit_sync(audit) : r;
}
