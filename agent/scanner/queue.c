/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/base/own.h"

QueueItem *queue_item_new(int fd)
{
	QueueItem *item = calloc(1, sizeof(*item));

	if (item)
		item->fd = fd;
	else if (fd >= 0)
		close(fd);
	return item;
}

QueueItem *queue_item_free(QueueItem *item)
{
	if (!item)
		return NULL;
	if (item->fd >= 0)
		close(item->fd);
	free(item->path);
	free(item);
	return NULL;
}

int queue_add_waiting(Queue *queue, QueueItem *item)
{
	if (queue->n_waiting >= QUEUE_WAITING_MAX)
		return -EAGAIN;
	if (item->later)
		DL_APPEND(queue->later, item);
	else
		DL_APPEND(queue->waiting, item);
	queue->n_waiting++;
	return 0;
}

void queue_add_walk(Queue *queue, QueueWalk *walk)
{
	DL_APPEND(queue->walks, walk);
}

void queue_drop_walked(QueueWalk *walk)
{
	QueueItem *item, *next;

	DL_FOREACH_SAFE(walk->items, item, next)
	{
		DL_DELETE(walk->items, item);
		queue_item_free(item);
	}
	walk->n_items = 0;
}

void queue_remove_walk(Queue *queue, QueueWalk *walk)
{
	queue_drop_walked(walk);
	DL_DELETE(queue->walks, walk);
}

void queue_add_walked(QueueWalk *walk, QueueItem *item)
{
	item->walk = walk;
	DL_APPEND(walk->items, item);
	walk->n_items++;
}

QueueItem *queue_take_waiting(Queue *queue)
{
	QueueItem *item = queue->waiting;

	if (item) {
		DL_DELETE(queue->waiting, item);
		queue->n_waiting--;
	}
	return item;
}

static QueueItem *take_written(Queue *queue)
{
	QueueItem *item = queue->later;

	DL_DELETE(queue->later, item);
	queue->n_waiting--;
	return item;
}

QueueItem *queue_take_later(Queue *queue)
{
	QueueWalk *walk;

	if (queue->later)
		return take_written(queue);

	DL_FOREACH (queue->walks, walk) {
		QueueItem *item = walk->items;

		if (!item)
			continue;
		DL_DELETE(walk->items, item);
		walk->n_items--;
		walk->n_working++;
		/* Its next turn is after all others. */
		DL_DELETE(queue->walks, walk);
		DL_APPEND(queue->walks, walk);
		return item;
	}
	return NULL;
}

QueueItem *queue_take_volume(Queue *queue, uint64_t volume)
{
	QueueItem **lists[] = {&queue->waiting, &queue->later}, *taken = NULL;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		QueueItem *item, *next;

		DL_FOREACH_SAFE(*lists[i], item, next)
		{
			if (item->volume != volume)
				continue;
			DL_DELETE(*lists[i], item);
			queue->n_waiting--;
			DL_APPEND(taken, item);
		}
	}
	return taken;
}

bool queue_is_empty(const Queue *queue)
{
	return !queue->waiting && !queue->later && !queue->walks;
}
