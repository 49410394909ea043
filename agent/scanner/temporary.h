/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Folders in which workers unpack archives: one of the process, in it one of each worker, seen by nobody
 * else.
 */
#include <stddef.h>

/* A new folder inside parent. Return: 0 or negative errno. */
int temporary_new(const char *parent, char *ret_path, size_t size);

/* The folder of one worker, made when missing, emptied otherwise. */
int temporary_add(const char *folder, unsigned number, char *ret_path, size_t size);

/* Removes what a lost worker left; the folder stays. */
void temporary_empty(const char *path);

/* Removes the folder and all in it. */
void temporary_remove(const char *path);
