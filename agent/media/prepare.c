/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/prepare.h"

#include <errno.h>

#include "agent/media/copy.h"
#include "agent/media/mark.h"
#include "agent/media/newmount.h"
#include "agent/media/ntfs.h"
#include "agent/media/stack.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/proto_probe.h"

static int mount_content(
	const MediaPrepareOrder *order, const MediaFilesystem *filesystem, MediaDetail *detail)
{
	const SkMediaMount *request = order->request;
	const MediaOwner owner = {request->uid, request->scanner_gid};
	char source[64];
	int r = media_device_check(order->device_fd, source, sizeof(source));

	if (r < 0) {
		sk_str_copy(detail->text, sizeof(detail->text), "not a read-only block device");
		return r;
	}
	r = media_mount_device(filesystem, source, &owner, detail);
	if (r == -ENOSYS && request->content == SK_CONTENT_NTFS)
		r = media_ntfs_mount(&(MediaNtfs){.device_fd = order->device_fd,
					     .source = source,
					     .owner = owner,
					     .run_uid = order->run_uid,
					     .run_gid = order->run_gid},
			detail);
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
 * The root goes to the scanner through a mount of its own that is nowhere attached: what it reads does not
 * keep the user from unmounting. The same file system, so the same gate.
 */
static int open_private_root(int mount_fd)
{
	own_fd int clone = media_clone_mount(mount_fd);

	return clone < 0 ? clone : media_root_open(clone);
}

int media_prepare(const MediaPrepareOrder *order, MediaPrepared *ret_prepared, MediaDetail *detail)
{
	const MediaFilesystem *filesystem = media_filesystem_find(order->request->content);
	own_fd int mount_fd = filesystem ? mount_content(order, filesystem, detail) : -ENOSYS;
	own_fd int group_fd = -1, root_fd = -1;

	if (mount_fd >= 0 && order->request->import_copy)
		mount_fd = replace_by_copy(order->request, mount_fd, detail);
	if (mount_fd >= 0 && (filesystem->stackable || order->request->import_copy))
		mount_fd = put_beneath_overlays(mount_fd, detail);
	if (mount_fd < 0)
		return mount_fd;
	root_fd = open_private_root(mount_fd);
	if (root_fd < 0)
		return root_fd;
	group_fd = media_gate_new(root_fd);
	if (group_fd < 0) {
		sk_str_copy(detail->text, sizeof(detail->text),
			"no gate: the kernel has no fanotify permission events");
		return group_fd;
	}
	*ret_prepared =
		(MediaPrepared){own_take_fd(&mount_fd), own_take_fd(&group_fd), own_take_fd(&root_fd)};
	return 0;
}
