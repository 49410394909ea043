/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/scanner/broker.h"
#include "agent/scanner/walker.h"
#include "lib/base/own.h"

typedef struct WalkTask {
	QueueWalk queued; /* first: the queue knows the task by it */
	Broker *broker;
	SkScanWalk request;
	SkChan *chan; /* from the walker; NULL when it has sent its last */
	sd_event_source *io;
	uint64_t files, bytes, refused, passed_over;
	int result;
} WalkTask;

static void close_chan(WalkTask *task)
{
	task->io = sd_event_source_disable_unref(task->io);
	task->chan = sk_chan_free(task->chan);
	task->queued.found_all = true;
}

static void task_free(WalkTask *task)
{
	queue_remove_walk(&task->broker->queue, &task->queued);
	close_chan(task);
	free(task);
}

static void end_if_done(WalkTask *task)
{
	Broker *broker = task->broker;
	SkScanWalkDone done = {.volume = task->request.volume,
		.files = task->files,
		.bytes = task->bytes,
		.refused = task->refused,
		.passed_over = task->passed_over,
		.result = task->result};

	if (!task->queued.found_all || task->queued.n_items > 0 || task->queued.n_working > 0)
		return;
	sk_head_init(&done.head, SK_SCAN_WALK_DONE, sizeof(done));
	done.head.cookie = task->request.head.cookie;
	task_free(task);
	core_send(broker, &done, NULL, 0);
	if (broker->pool)
		pool_renew(broker->pool);
	broker_look_for_definitions(broker);
}

/* Nothing of it is to be judged. */
static int tell_listed(WalkTask *task, const WalkFile *found)
{
	SkScanResult result = {.volume = task->request.volume, .file = found->file};

	sk_head_init(&result.head, SK_SCAN_RESULT, sizeof(result));
	result.head.cookie = task->request.head.cookie;
	memcpy(result.path, found->path, sizeof(result.path));
	task->files++;
	task->bytes += found->file.size;
	return core_send(task->broker, &result, NULL, 0);
}

static int on_found(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const WalkFile *found = (const WalkFile *)head;
	WalkTask *task = userdata;
	QueueItem *item;

	if (n_fds == 0)
		return tell_listed(task, found);
	item = queue_item_new(own_take_fd(&fds[0]));
	if (!item)
		return -ENOMEM;
	item->path = strdup(found->path);
	if (!item->path) {
		queue_item_free(item);
		return -ENOMEM;
	}
	item->cookie = task->request.head.cookie;
	item->volume = task->request.volume;
	item->refuse_types = task->request.refuse_types;
	item->scan = task->request.scan;
	item->file = found->file;
	queue_add_walked(&task->queued, item);
	return 0;
}

static int on_end(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	WalkTask *task = userdata;

	task->result = ((const WalkEnd *)head)->result;
	task->passed_over = ((const WalkEnd *)head)->passed_over;
	task->queued.found_all = true;
	return 0;
}

static bool check_found(const SkHead *head)
{
	return SK_PROTO_TEXT_OK(((const WalkFile *)head)->path);
}

const SkMsgSpec walk_specs[] = {
	{WALK_FILE, SK_CHAN_FDS_UP_TO | 1, sizeof(WalkFile), on_found, check_found},
	{WALK_END, 0, sizeof(WalkEnd), on_end},
	{0},
};

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	WalkTask *task = userdata;
	Broker *broker = task->broker;
	int r = sk_chan_dispatch(task->chan, walk_specs, task);

	if (r == -EAGAIN)
		return 0;
	/* The walker died, or talks nonsense: this walk ends, what was found is still scanned. */
	if (r <= 0 && !task->queued.found_all)
		task->result = r == 0 || r == -ECONNRESET ? -EIO : r;
	if (r <= 0 || task->queued.found_all)
		close_chan(task);
	else if (task->queued.n_items >= QUEUE_AHEAD || sk_chan_pending(broker->core))
		sd_event_source_set_enabled(task->io, SD_EVENT_OFF);
	end_if_done(task);
	broker_feed(broker);
	return 0;
}

int walks_start(Broker *broker, const SkScanWalk *request, const int *fds, size_t n_fds)
{
	WalkTask *task = calloc(1, sizeof(*task));
	const WalkerOrder order = {
		.root_fd = fds[0], .known_fd = n_fds > 1 ? fds[1] : -1, .list = request->list != 0};
	int fd = -1, r = task ? walker_start(broker->walker_fd, &order, &fd) : -ENOMEM;

	if (!task)
		return r;
	task->broker = broker;
	task->request = *request;
	queue_add_walk(&broker->queue, &task->queued);
	if (r == 0)
		task->chan = sk_chan_new(fd);
	if (task->chan)
		r = sd_event_add_io(broker->event, &task->io, fd, EPOLLIN, on_io, task);
	if (!task->chan || r < 0) {
		task->result = r < 0 ? r : -ENOMEM;
		close_chan(task);
		end_if_done(task);
	}
	return 0;
}

void walks_cancel(Broker *broker, uint64_t volume)
{
	QueueWalk *walk, *next;

	for (walk = broker->queue.walks; walk; walk = next) {
		WalkTask *task = (WalkTask *)walk;

		next = walk->next;
		if (task->request.volume != volume)
			continue;
		task->result = -ECANCELED;
		close_chan(task);
		queue_drop_walked(walk);
		end_if_done(task);
	}
}

void walks_count(Broker *broker, QueueWalk *walk, uint64_t size, bool refused)
{
	WalkTask *task = (WalkTask *)walk;

	walk->n_working--;
	task->files++;
	task->bytes += size;
	task->refused += refused;
	end_if_done(task);
}

void walks_resume(Broker *broker)
{
	for (QueueWalk *walk = broker->queue.walks; walk; walk = walk->next) {
		WalkTask *task = (WalkTask *)walk;

		if (task->io && walk->n_items < QUEUE_AHEAD / 2 && !sk_chan_pending(broker->core))
			sd_event_source_set_enabled(task->io, SD_EVENT_ON);
	}
}

void walks_free_all(Broker *broker)
{
	while (broker->queue.walks)
		task_free((WalkTask *)broker->queue.walks);
}
