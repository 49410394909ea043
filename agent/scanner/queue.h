/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What is to be scanned, and what comes next: first the files that somebody waits for, in order of asking;
 * then those that were just written; then the walks, one file of each in turn, so that a full disk does not
 * hold up a small stick. Pure but for closing the descriptors of files that are dropped.
 *
 * A walk keeps at most QUEUE_AHEAD files here; the rest of the medium stays with the walker.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ipc/proto_scanner.h"

/* Open files that people wait for; more are refused at once. */
#define QUEUE_WAITING_MAX 2048
/* Enough that no worker idles while the walker answers. */
#define QUEUE_AHEAD 16

typedef struct QueueWalk QueueWalk;

/* One file to be judged. */
typedef struct QueueItem {
	struct QueueItem *prev, *next;
	QueueWalk *walk; /* NULL: it was asked for by itself */
	int fd;
	uint64_t cookie, volume;
	uint32_t refuse_types, scan;
	bool later;    /* nobody waits, though it is of no walk */
	SkFileId file; /* of a walk */
	char *path;    /* of a walk, else NULL */
} QueueItem;

/* A walk that is going on. */
struct QueueWalk {
	struct QueueWalk *prev, *next;
	QueueItem *items;
	unsigned n_items, n_working; /* here, and with workers */
	bool found_all;		     /* the walker has sent its last */
	void *userdata;
};

typedef struct Queue {
	QueueItem *waiting, *later;
	unsigned n_waiting; /* of both */
	QueueWalk *walks;   /* the first is the next to be served */
} Queue;

/* Takes the descriptor. Return: NULL when out of memory (then it is closed). */
QueueItem *queue_item_new(int fd);
QueueItem *queue_item_free(QueueItem *item);

/* Return: 0 or -EAGAIN: too many wait. The item becomes the queue's only on 0. */
int queue_add_waiting(Queue *queue, QueueItem *item);

/* A walk is the caller's memory; what it still holds is freed when it is removed. */
void queue_add_walk(Queue *queue, QueueWalk *walk);
void queue_remove_walk(Queue *queue, QueueWalk *walk);
void queue_add_walked(QueueWalk *walk, QueueItem *item);
/* Frees what waits for its turn. */
void queue_drop_walked(QueueWalk *walk);

/* Out of the queue, counted as working for its walk. Return: NULL when there is nothing. */
QueueItem *queue_take_waiting(Queue *queue);
QueueItem *queue_take_later(Queue *queue); /* just written, or of a walk */

/* All that was asked for by itself on one volume, out of the queue as a list; NULL when there is none. */
QueueItem *queue_take_volume(Queue *queue, uint64_t volume);

bool queue_is_empty(const Queue *queue);
