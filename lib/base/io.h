/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Reading and writing whole things. All functions return 0 or negative errno.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads at most size bytes until end of file. Return: bytes read, or negative errno. */
ssize_t sk_io_read_up_to(int fd, void *buffer, size_t size);

/* The same from a place of the file; the offset, which others may share, stays where it is. */
ssize_t sk_io_pread_up_to(int fd, void *buffer, size_t size, uint64_t offset);

/* Writes all of it. */
int sk_io_write_all(int fd, const void *buffer, size_t size);

/* Reads a file of at most max bytes (-EFBIG beyond) into memory the caller frees; a 0 byte is appended. */
int sk_io_read_file_at(int dir_fd, const char *path, size_t max, char **ret_data, size_t *ret_size);

/* Writes a sysfs or proc attribute in one write(). */
int sk_io_write_attr_at(int dir_fd, const char *path, const char *value);

/* Replaces path (in dir_fd) so that after a crash it is the old or the new content, never a mixture. */
int sk_io_replace_file_at(int dir_fd, const char *path, mode_t mode, const void *data, size_t size);
