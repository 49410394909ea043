/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/fanotify.h>

#include "lib/base/own.h"

/*
 * FAN_UNLIMITED_QUEUE is not for comfort: an event that finds the queue of 16384 full is dropped, and its
 * open() succeeds. A user with enough threads fills that queue while core restarts.
 */
#define GROUP_FLAGS                                                                                          \
	(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS)

/* O_NONBLOCK: the kernel opens the file for the reader of the event, and a FIFO on a hostile medium would
 * keep it there for ever. */
#define EVENT_FLAGS (O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NONBLOCK | O_NOATIME)

int media_gate_new(int root_fd, bool writable)
{
	own_fd int group = fanotify_init(GROUP_FLAGS, EVENT_FLAGS);

	if (group < 0)
		return errno == EINVAL || errno == ENOSYS ? -EOPNOTSUPP : -errno;
	if (fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
		    FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM | (writable ? FAN_CLOSE_WRITE : 0), root_fd, NULL) < 0)
		return errno == EINVAL || errno == ENOSYS ? -EOPNOTSUPP : -errno;
	return own_take_fd(&group);
}
