/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The thread that reads a gate's group; only for gate.c. Reading an event makes the kernel open the file for
 * the reader, asking for its identity and closing it again may reach the medium too, and a medium (or the
 * program that serves its file system) that does not answer holds up whoever asks, for as long as it likes
 * and beyond signals. So all of that happens here, and the owner of the gate only meets pipes.
 *
 * The thread shares nothing with the rest of the process but descriptors.
 */
#include <stdbool.h>

#include "lib/ipc/proto_scanner.h"

/* One event. */
typedef struct GateRecord {
	int32_t fd;    /* -1: none; nothing more can be read, and `error` says why */
	int32_t error; /* negative errno */
	int32_t pid;
	uint32_t mode;
	uint32_t exec;
	uint32_t reserved;
	SkFileId file;
} GateRecord;

typedef struct GateReader {
	int records_fd;	 /* GateRecords come here */
	int commands_fd; /* what gate_reader_close() writes to */
} GateReader;

/* Events that were read and are not closed yet; beyond, the group waits. More than the owner lets wait, so
 * that it sees those beyond its limit and denies them. */
#define GATE_READER_OPEN_MAX 640

/* From now on the thread reads from the group, which stays the owner's for answers. Return: 0 or negative
 * errno. */
int gate_reader_start(int group_fd, GateReader *ret_reader);

/* The event was answered: the thread closes its descriptor. */
void gate_reader_close(const GateReader *reader, int event_fd);

/* All descriptors, the group's too, are the thread's: as soon as nothing holds it up, it denies what nobody
 * has taken, closes them and ends. */
void gate_reader_end(const GateReader *reader);

/* Writes an answer. Return: 0, or negative errno of the group. */
int gate_respond(int group_fd, int event_fd, bool allow);
