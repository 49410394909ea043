/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Reading sysfs: small attributes, directories of devices, where a device sits. Everything read here was
 * written by the kernel; the few attributes that a device chooses (names, serial numbers, descriptors) are
 * opened and handed on, never read here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SYSFS_PATH_SIZE 1024

/* Opens the directory of a device beneath a class or bus directory. The name was checked by names.h. */
int sysfs_open(const char *directory, const char *name, int *ret_fd);

/* Text of an attribute without its line end. -EMSGSIZE when it does not fit. */
int sysfs_read(int dir_fd, const char *attribute, char *ret_text, size_t size);
int sysfs_read_number(int dir_fd, const char *attribute, unsigned base, uint64_t max, uint64_t *ret_number);

/* "8:1" */
int sysfs_parse_dev(const char *text, dev_t *ret_dev);
int sysfs_read_dev(int dir_fd, const char *attribute, dev_t *ret_dev);

/* The device's own place, "/sys/devices/...", for a link beneath a class or bus directory. */
int sysfs_read_path(const char *directory, const char *name, char ret_path[SYSFS_PATH_SIZE]);

/* Names in a directory that `accept` takes, sorted by `compare`. */
typedef struct SysfsNames {
	char **names; /* n of them */
	size_t n;
} SysfsNames;

int sysfs_list(const char *directory, bool (*accept)(const char *),
	int (*compare)(const char *, const char *), SysfsNames *ret_names);
void sysfs_names_clear(SysfsNames *names);
#define own_sysfs_names __attribute__((cleanup(sysfs_names_clear)))
