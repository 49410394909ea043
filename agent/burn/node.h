/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * libburn opens drives by name, again and again, and takes no descriptor. So what it calls to open one is
 * replaced in this process (node.c): from then on, this name is the descriptor that core sent, and no other
 * name is anything. The process needs no right to open a device, and cannot open another drive.
 */

/* fd stays open, as long as the process lives. */
void node_give(const char *path, int fd);
