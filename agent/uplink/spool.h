/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Calls that must survive until the console has answered them: a directory with one file a call, in order. A
 * file is whole and on the disk, or not there.
 *
 * NNNNNNNNNNNNNNNN-KEY: number in the order of arrival; the first line is the operation, the rest the body.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/own.h"

#define SPOOL_KEY_SIZE 33 /* 32 hexadecimal digits */
#define SPOOL_OPERATION_SIZE 64

typedef struct Spool Spool;

/* Creates the directory beneath dir_fd where needed. Return: 0 or negative errno. */
int spool_open(int dir_fd, const char *name, Spool **ret_spool);
void spool_close(Spool *spool);
OWN_DEFINE(Spool, spool_close)
#define own_spool own_(spool_closep)

typedef struct SpoolCall {
	uint64_t number;
	char key[SPOOL_KEY_SIZE];
	char operation[SPOOL_OPERATION_SIZE];
	char *data; /* terminated; the caller frees it */
	size_t size;
} SpoolCall;

/*
 * On the disk when it returns 0; number is not looked at. most: bytes that all calls may take. A key that
 * waits already is 0: it was accepted before. Return: 0; -ENOSPC over `most`, or the disk is full; others of
 * the system.
 */
int spool_add(Spool *spool, const SpoolCall *call, uint64_t most);

/* The oldest. What is there and cannot be read is put aside (name.bad) and passed over. Return: 0, -ENOENT
 * none. */
int spool_first(Spool *spool, SpoolCall *ret_call);

/* It was delivered. */
void spool_remove(Spool *spool, uint64_t number);

uint64_t spool_count(const Spool *spool);
uint64_t spool_bytes(const Spool *spool);
