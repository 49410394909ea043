/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The thread that reads a gate's group; only for gate.c. Reading an event makes the kernel open the file for
 * the reader, asking for its identity and closing it again may reach the medium too, and a medium (or the
 * program that serves its file system) that does not answer holds up whoever asks, for as long as it likes
 * and beyond signals. So all of that happens here, and the owner of the gate only meets pipes.
 *
 * The thread shares nothing with the rest of the process but descriptors.
 *
 * It also keeps files that need no event any more. What cannot change (a volume that is mounted read-only)
 * gets an ignore mark, which holds the inode as long as the group or the volume lives. What can be written to
 * gets one under a read lease only (F_SETLEASE): it is had only while nobody has the file open for writing,
 * mappings included, and whoever opens it for writing or truncates it waits in the kernel until this thread
 * has taken the mark away and given the lease back. So there is no moment at which a content that was not
 * judged could be opened without an event. A lease lives with its descriptor, so kept files stay open. Its
 * price: who opens a kept file for writing with O_NONBLOCK is told EWOULDBLOCK the first time, as open(2)
 * says of leases.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/ipc/proto_scanner.h"

typedef enum GateRecordKind {
	GATE_EVENT,
	GATE_EMPTY_OPENED, /* let through already, and closed: there was nothing in it */
	GATE_SYNCED,	   /* answers GATE_SYNC */
	GATE_FAILED,	   /* nothing more can be read, and `error` says why */
	GATE_STARTED,	   /* pid: the thread */
} GateRecordKind;

typedef struct GateRecord {
	int32_t fd;    /* of an event, else -1 */
	int32_t error; /* negative errno */
	int32_t pid;
	uint32_t uid; /* whose rights the opener has, (uint32_t)-1: not known */
	uint32_t mode;
	uint16_t kind; /* GateRecordKind */
	uint8_t exec;
	uint8_t written; /* nobody waits: what was open for writing was closed */
	SkFileId file;
} GateRecord;

typedef struct GateReader {
	int records_fd;	 /* GateRecords come here */
	int commands_fd; /* what gate_reader_tell() writes to */
	pid_t thread;	 /* who is told of leases that break */
} GateReader;

/* What becomes of the descriptor of an event. */
typedef enum GateCommand {
	GATE_CLOSE,
	GATE_KEEP,	  /* no events of this file any more: of a volume that nobody writes to */
	GATE_KEEP_LEASED, /* no events as long as its lease holds; else it is closed */
	/* without a descriptor */
	GATE_PASS_EMPTY, /* opens of empty files are let through and told; with an fd that is 0: no more */
	GATE_FORGET,	 /* what is kept is closed, and has events again */
	GATE_SYNC,	 /* a record says when all events that are there now were read */
	GATE_END,
} GateCommand;

/* Events that were read and are not closed yet; beyond, the group waits. More than the owner lets wait, so
 * that it sees those beyond its limit and denies them. */
#define GATE_READER_OPEN_MAX 640

/* From now on the thread reads from the group, which stays the owner's for answers. Return: 0 or negative
 * errno. */
int gate_reader_start(int group_fd, GateReader *ret_reader);

/* An answer names an event by the number of its descriptor, and who inherits a group tries them all: events
 * above are denied, and what is held for long is above. */
#define GATE_READER_EVENTS_END 4096

typedef struct GateOrder {
	int32_t command, fd;
} GateOrder;

/* What the thread does, in this order; at most GATE_ORDERS_MAX at once. */
#define GATE_ORDERS_MAX 64
void gate_reader_tell(const GateReader *reader, const GateOrder *orders, size_t n);

/* Takes a read lease on the file behind the descriptor, for GATE_KEEP_LEASED. Return: false: somebody has it
 * open for writing, or we may not. */
bool gate_lease(const GateReader *reader, int event_fd);
void gate_unlease(int event_fd);

/* Files kept under leases, each of which costs a descriptor and an inode, by all gates of the process
 * together; and by marks alone, by each. What comes after goes on having events. */
#define GATE_READER_LEASED_MAX 12288
#define GATE_READER_MARKED_MAX 16384

/* All descriptors, the group's too, are the thread's: as soon as nothing holds it up, it denies what nobody
 * has taken, closes them and ends. */
void gate_reader_end(const GateReader *reader);

/* Writes an answer. Return: 0, or negative errno of the group. */
int gate_respond(int group_fd, int event_fd, bool allow);
