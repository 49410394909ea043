/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Against a way round the gate: before Linux 6.8 overlayfs opens the files beneath it without raising events,
 * and any user can make an overlay in a user namespace, with our medium as its lower layer. So what such a
 * user can reach is itself two overlays high, the most that the kernel stacks: a third is refused. The gate
 * is on the upper one. Tried on Linux 6.1: a file denied by the gate was read through a user's overlay of
 * ext4 and tmpfs; vfat and exfat cannot be layers at all and stay as they are.
 */
#include "agent/media/mount.h"

/*
 * Puts the detached mount beneath two overlays, in the workplace (workplace.h). Return: the upper overlay,
 * detached; -ENOSYS the kernel has no overlayfs, and then users have none either; other negative errno.
 */
int media_stack(int mount_fd, MediaDetail *detail);
