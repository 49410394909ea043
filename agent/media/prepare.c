/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/prepare.h"

#include <errno.h>
#include <fcntl.h>

#include "agent/media/copy.h"
#include "agent/media/mark.h"
#include "agent/media/newmount.h"
#include "agent/media/ntfs.h"
#include "agent/media/stack.h"
#include "agent/media/unlock.h"
#include "agent/media/workplace.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/proto_probe.h"

static int mount_content(const MediaWork *work, const MediaFilesystem *filesystem, MediaDetail *detail)
{
	const SkMediaMount *request = work->mount;
	const MediaOwner owner = {request->uid, request->scanner_gid};
	char source[64];
	int r = media_device_check(work->device_fd, source, sizeof(source));

	if (r < 0) {
		sk_str_copy(detail->text, sizeof(detail->text), "not a read-only block device");
		return r;
	}
	r = media_mount_device(filesystem, source, &owner, detail);
	if (r == -ENOSYS && request->content == SK_CONTENT_NTFS) {
		*detail = (MediaDetail){0};
		r = media_ntfs_mount(&(MediaNtfs){.device_fd = work->device_fd,
					     .source = source,
					     .owner = owner,
					     .run_uid = work->ntfs.uid,
					     .run_gid = work->ntfs.gid},
			detail);
	}
	return r;
}

/* Takes what it is given. */
static int replace_by_copy(const SkMediaMount *request, int medium_fd, MediaDetail *detail)
{
	own_fd int medium = medium_fd;
	own_fd int root = media_root_open(medium);

	if (root < 0)
		return root;
	return media_copy(&(MediaCopyOrder){.source_root = root,
				  .copy_max = request->copy_max,
				  .owner = {request->uid, request->scanner_gid}},
		detail);
}

static int put_beneath_overlays(int lower_fd, MediaDetail *detail)
{
	own_fd int lower = lower_fd;
	int r = media_stack(lower, detail);

	/* No overlayfs here: none for users either. */
	return r == -ENOSYS ? own_take_fd(&lower) : r;
}

/*
 * Two detached copies of the mount: one to be attached where people see it, and the root of another, nowhere
 * attached, for the scanner: what it reads does not keep the user from unmounting. The same file system, so
 * the same gate.
 */
static int split(int mount_fd, MediaPrepared *prepared)
{
	int r = media_move_mount(mount_fd, AT_FDCWD, WORKPLACE_FINAL);

	if (r < 0)
		return r;
	own_fd int visible = media_clone_mount(mount_fd), clone = media_clone_mount(mount_fd);

	if (visible < 0 || clone < 0)
		return visible < 0 ? visible : clone;
	prepared->root_fd = media_root_open(clone);
	if (prepared->root_fd < 0)
		return prepared->root_fd;
	prepared->mount_fd = own_take_fd(&visible);
	return 0;
}

static int mount_as_ordered(const MediaWork *work, MediaDetail *detail)
{
	const MediaFilesystem *filesystem = media_filesystem_find(work->mount->content);
	int r;

	if (!filesystem) {
		sk_str_copy(detail->text, sizeof(detail->text), "a content that is never mounted");
		return -ENOSYS;
	}
	own_fd int medium =
		work->wanted ? media_unlock(work, detail) : mount_content(work, filesystem, detail);

	if (medium < 0)
		return medium;
	/* Not before: ntfs-3g would keep the namespace, the namespace the mount, and the mount ntfs-3g. */
	r = media_workplace_enter(detail);
	if (r < 0)
		return r;
	r = own_take_fd(&medium);
	if (work->mount->import_copy)
		r = replace_by_copy(work->mount, r, detail);
	if (r >= 0 && (filesystem->stackable || work->mount->import_copy))
		r = put_beneath_overlays(r, detail);
	return r;
}

int media_prepare(const MediaWork *work, MediaPrepared *ret_prepared, MediaDetail *detail)
{
	MediaPrepared prepared = {-1, -1, -1};
	own_fd int mount_fd = mount_as_ordered(work, detail);
	int r;

	if (mount_fd < 0)
		return mount_fd;
	r = split(mount_fd, &prepared);
	if (r < 0)
		return r;
	prepared.group_fd = media_gate_new(
		prepared.root_fd, work->wanted && work->wanted->purpose == SK_MEDIA_FOR_WRITING);
	if (prepared.group_fd < 0) {
		sk_str_copy(detail->text, sizeof(detail->text),
			"no gate: the kernel has no fanotify permission events");
		return prepared.group_fd;
	}
	*ret_prepared = prepared;
	return 0;
}
