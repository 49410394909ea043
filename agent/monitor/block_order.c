/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Core's orders about disks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/monitor/block.h"
#include "agent/monitor/block_table.h"
#include "agent/monitor/disk.h"
#include "agent/monitor/mode.h"
#include "agent/monitor/names.h"
#include "agent/monitor/peer_core.h"
#include "agent/monitor/probes.h"
#include "agent/monitor/system.h"
#include "agent/monitor/work.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

typedef struct OrderJob {
	Job job;
	uint16_t type;
	DiskId id;
	CoreOrder asked;
	bool burner; /* to burn a disc in it */
	int result, fd;
	char detail[256];
} OrderJob;

static void run_order(Job *job)
{
	OrderJob *order = (OrderJob *)job;
	int r = system_disk_check(order->id.dev);

	/* Somebody may have come to live on it since it was plugged in. */
	if (r == 0 && order->burner)
		r = disk_open_burner(&order->id, &order->fd);
	else if (r == 0)
		r = order->type == SK_MONITOR_BLOCK_EJECT
			    ? disk_eject(&order->id, order->detail)
			    : disk_open(&order->id,
				      order->type == SK_MONITOR_BLOCK_OPEN && order->id.writable, &order->fd);
	order->result = r > 0 ? -EPERM : r;
}

/* Gives the open disk to a probe; what goes to core is the socket for its facts. */
static int start_probe(Monitor *monitor, OrderJob *order)
{
	SkProbeJob job = {.fds = SK_PROBE_FD_BLOCK};
	int facts_fd, r;

	sk_head_init(&job.head, SK_PROBE_BLOCK, sizeof(job));
	r = probes_hand_over(monitor->probes, &job, &order->fd, 1, &facts_fd);
	if (r < 0)
		return r;
	close(order->fd);
	order->fd = facts_fd;
	return 0;
}

static void done_order(void *userdata, Job *job)
{
	own_free OrderJob *order = (OrderJob *)job;
	own_fd int fd = -1;
	Monitor *monitor = userdata;

	if (order->result == 0 && order->type == SK_MONITOR_BLOCK_PROBE)
		order->result = start_probe(monitor, order);
	fd = order->fd;
	if (order->result < 0 && order->detail[0] == 0)
		sk_str_copy(order->detail, sizeof(order->detail), strerror(-order->result));
	core_answer(monitor, &order->asked, order->result, order->detail, order->result < 0 ? -1 : fd);
	probes_refill(monitor->probes);
}

bool block_order_check(const SkBlockOrder *order)
{
	return SK_PROTO_TEXT_OK(order->sysname) && name_is_block(order->sysname) && order->writable <= 1;
}

/* Carry-out media are whole disks; nothing else is ever written to. */
static int check_writable(const SkBlockOrder *order, const Block *block)
{
	bool possible = order->head.type == SK_MONITOR_BLOCK_OPEN && block->partition == 0;

	return possible ? 0 : -EOPNOTSUPP;
}

/* Return: 0 and the entry, or what to answer. */
static int check_order(const Monitor *monitor, const SkBlockOrder *order, Block **ret_block)
{
	Block *block;

	if (!block_order_check(order))
		return -EINVAL;
	block = block_table_find(monitor, order->sysname);
	if (!block || block->dev != makedev(order->major, order->minor))
		return -ENODEV;
	if (order->head.type != SK_MONITOR_BLOCK_PROBE && !mode_is_enforcing())
		return -EPERM; /* only watching: media are the desktop's */
	if (block->bus == SK_BUS_INTERNAL)
		return -EPERM;
	if (order->head.type != SK_MONITOR_BLOCK_EJECT) {
		*ret_block = block;
		return order->writable ? check_writable(order, block) : 0;
	}
	/* The tray, the port: a matter of the whole disk. */
	*ret_block = block_table_find(monitor, block->disk);
	return *ret_block ? 0 : -ENODEV;
}

void block_order(Monitor *monitor, const SkBlockOrder *order)
{
	CoreOrder asked = core_order(monitor, &order->head);
	OrderJob *job = calloc(1, sizeof(*job));
	Block *block = NULL;
	int r = job ? check_order(monitor, order, &block) : -ENOMEM;

	if (r < 0) {
		free(job);
		core_answer(monitor, &asked, r, strerror(-r), -1);
		return;
	}
	job->type = order->head.type;
	job->asked = asked;
	job->fd = -1;
	/* Whatever else core wants with it ends the writing. */
	job->burner = order->writable && block->bus == SK_BUS_OPTICAL;
	block->writable = order->writable && !job->burner;
	job->id = (DiskId){.dev = block->dev, .bus = block->bus, .writable = block->writable};
	sk_str_copy(job->id.sysname, sizeof(job->id.sysname), block->sysname);
	sk_str_copy(job->id.usb, sizeof(job->id.usb), block->usb);
	sk_str_copy(job->job.key, sizeof(job->job.key), block->disk);
	job->job.run = run_order;
	job->job.done = done_order;
	work_start(monitor->work, &job->job);
}
