/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of core. Core is a sibling: one that breaks the protocol ends this process.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/scanner/broker.h"
#include "agent/scanner/content.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/check.h"
#include "lib/log/log.h"

#define SECOND 1000000ull

int core_send(Broker *broker, const void *message, const int *fds, size_t n_fds)
{
	int r = sk_chan_send(broker->core, message, fds, n_fds);

	if (r < 0)
		return sd_event_exit(broker->event, r == -EPIPE || r == -ECONNRESET ? 0 : r);
	if (sk_chan_pending(broker->core))
		sd_event_source_set_io_events(broker->core_io, EPOLLIN | EPOLLOUT);
	return 0;
}

/* With a pidfd of the walker, whose opens on a medium core lets through. */
int core_send_state(Broker *broker)
{
	own_fd int pidfd = (int)syscall(SYS_pidfd_open, broker->walker_pid, 0);

	sk_head_init(&broker->state.head, SK_SCAN_STATE, sizeof(broker->state));
	return core_send(broker, &broker->state, &pidfd, pidfd >= 0 ? 1 : 0);
}

void core_send_result(Broker *broker, const QueueItem *item, const JobResult *result, uint64_t elapsed_usec)
{
	SkScanResult message = {.volume = item->volume,
		.file = result->file,
		.verdict = result->verdict,
		.type = result->type,
		.remembered = result->remembered,
		.elapsed_usec = elapsed_usec};

	sk_head_init(&message.head, SK_SCAN_RESULT, sizeof(message));
	message.head.cookie = item->cookie;
	/* A file judged for somebody who waits is the one that was handed over, whatever the worker says. */
	if (item->file.ino != 0)
		message.file = item->file;
	memcpy(message.sha256, result->sha256, sizeof(message.sha256));
	memcpy(message.finding, result->finding, sizeof(message.finding));
	memcpy(message.mime, result->mime, sizeof(message.mime));
	if (item->path)
		sk_str_copy(message.path, sizeof(message.path), item->path);
	core_send(broker, &message, NULL, 0);
}

void core_send_error(Broker *broker, const QueueItem *item, const char *reason)
{
	JobResult result = {.verdict = SK_VERDICT_ERROR, .file = item->file};

	sk_str_copy(result.finding, sizeof(result.finding), reason);
	core_send_result(broker, item, &result, 0);
}

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most)
{
	return value < least ? least : value > most ? most : value;
}

/* Once, and first. Values outside of what libclamav can do are brought inside. */
static int on_options(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Broker *broker = userdata;

	if (broker->have_options)
		return -EPROTO;
	broker->have_options = true;
	broker->options = *(const SkScanOptions *)head;
	broker->options.max_file_size = clamp(broker->options.max_file_size, 1, CONTENT_MAP_MAX - 1);
	broker->options.max_scan_size =
		clamp(broker->options.max_scan_size, 1 << 20, 4 * (uint64_t)CONTENT_MAP_MAX);
	broker->options.file_time_usec = clamp(broker->options.file_time_usec, SECOND, 3600 * SECOND);
	broker->options.max_recursion = (uint32_t)clamp(broker->options.max_recursion, 1, 100);
	broker->options.max_files = (uint32_t)clamp(broker->options.max_files, 1, 10000000);
	sd_event_source_set_time_relative(broker->idle_timer, broker->options.idle_usec);
	return broker_start(broker);
}

static int on_file(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkScanFile *request = (const SkScanFile *)head;
	Broker *broker = userdata;
	QueueItem *item;

	if (!broker->have_options)
		return -EPROTO;
	item = queue_item_new(own_take_fd(&fds[0]));
	if (!item)
		return -ENOMEM;
	broker_touch(broker);
	item->cookie = head->cookie;
	item->volume = request->volume;
	item->refuse_types = request->refuse_types;
	item->scan = request->scan;
	item->later = request->later;
	item->file = request->file;
	if (queue_add_waiting(&broker->queue, item) < 0) {
		core_send_error(broker, item, "too many files wait for the scanner");
		queue_item_free(item);
	}
	broker_feed(broker);
	return 0;
}

static int on_walk(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Broker *broker = userdata;

	if (!broker->have_options)
		return -EPROTO;
	broker_touch(broker);
	return n_fds == 0 ? -EPROTO : walks_start(broker, (const SkScanWalk *)head, fds, n_fds);
}

static int on_cancel(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	uint64_t volume = ((const SkScanCancel *)head)->volume;
	Broker *broker = userdata;
	QueueItem *item = queue_take_volume(&broker->queue, volume);

	while (item) {
		QueueItem *next = item->next;

		core_send_error(broker, item, "the medium was taken away");
		queue_item_free(item);
		item = next;
	}
	walks_cancel(broker, volume);
	if (broker->pool)
		pool_cancel(broker->pool, volume);
	broker_feed(broker);
	return 0;
}

static int on_known(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	const SkScanKnown *known = (const SkScanKnown *)head;
	Broker *broker = userdata;

	/* The worker that asked may be gone. */
	if (broker->pool)
		pool_answer(broker->pool, head->cookie, known);
	return 0;
}

const SkMsgSpec core_specs[] = {
	{SK_SCAN_OPTIONS, 0, sizeof(SkScanOptions), on_options},
	{SK_SCAN_FILE, 1, sizeof(SkScanFile), on_file},
	{SK_SCAN_WALK, SK_CHAN_FDS_UP_TO | 2, sizeof(SkScanWalk), on_walk},
	{SK_SCAN_CANCEL, 0, sizeof(SkScanCancel), on_cancel},
	{SK_SCAN_KNOWN, 0, sizeof(SkScanKnown), on_known, sk_check_scan_known},
	{0},
};

int core_dispatch(Broker *broker)
{
	int r = sk_chan_dispatch(broker->core, core_specs, broker);

	if (r == -EAGAIN)
		return 0;
	if (r == 0 || r == -ECONNRESET)
		return sd_event_exit(broker->event, 0);
	if (r == -EPROTO)
		sk_log_event(&(SkLogEvent){.priority = LOG_ERR, .id = SK_MESSAGE_PROTOCOL_BROKEN},
			"core sent what is not in the protocol; the scanner starts anew");
	return r < 0 ? r : 0;
}
