/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* For workers: what we write onto media besides file systems. */
#include "agent/media/mount.h"
#include "agent/media/work.h"

/* The slip of a medium that is being closed, onto the medium. Return: 0, the medium is read-only again;
 * negative errno: it may still be writable. */
int media_store(const MediaWork *work, MediaDetail *detail);

/* The three files of a slip into their folder beneath a root that may be written to; others of ours go.
 * Return: 0 or negative errno. */
int media_store_slip(int root_fd, uint64_t serial, const int files[3]);

/* A whole file, in the place of one of this name. Return: as above. */
int media_store_file(int folder_fd, const char *name, int content_fd);
