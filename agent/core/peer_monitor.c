/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/peer_monitor.h"

#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/input.h"
#include "agent/core/records.h"
#include "agent/core/volumes.h"
#include "lib/base/own.h"
#include "lib/ipc/check.h"

static int on_usb_added(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkUsbAdded *added = (const SkUsbAdded *)message;

	devices_add(userdata, added, own_take_fd(&fds[0]));
	return 0;
}

static int on_usb_removed(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkUsbRemoved *removed = (const SkUsbRemoved *)message;

	devices_remove(userdata, removed->sysname, removed->busnum, removed->devnum);
	return 0;
}

static int on_block_added(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkBlockAdded *added = (const SkBlockAdded *)message;

	volumes_add(userdata, added);
	return 0;
}

static int on_block_removed(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkBlockRemoved *removed = (const SkBlockRemoved *)message;

	volumes_remove(userdata, removed->sysname);
	return 0;
}

static int on_input_added(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkInputAdded *added = (const SkInputAdded *)message;

	input_add(userdata, added);
	return 0;
}

static int on_input_removed(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	const SkInputRemoved *removed = (const SkInputRemoved *)message;

	input_remove(userdata, removed->sysname);
	return 0;
}

static int on_answer(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Core *core = userdata;

	return orders_finish(core, &core->orders, message, fds, n_fds);
}

static int on_enumerated(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	Core *core = userdata;

	core->enumerated = true;
	input_end_enumeration(core);
	devices_end_enumeration(core);
	volumes_end_enumeration(core);
	return 0;
}

static const SkMsgSpec specs[] = {
	{SK_MONITOR_ANSWER, SK_CHAN_FDS_UP_TO | 1, sizeof(SkAnswer), on_answer, sk_check_answer},
	{SK_MONITOR_USB_ADDED, 1, sizeof(SkUsbAdded), on_usb_added, sk_check_usb_added},
	{SK_MONITOR_USB_REMOVED, 0, sizeof(SkUsbRemoved), on_usb_removed, sk_check_usb_removed},
	{SK_MONITOR_BLOCK_ADDED, 0, sizeof(SkBlockAdded), on_block_added, sk_check_block_added},
	{SK_MONITOR_BLOCK_CHANGED, 0, sizeof(SkBlockAdded), on_block_added, sk_check_block_added},
	{SK_MONITOR_BLOCK_REMOVED, 0, sizeof(SkBlockRemoved), on_block_removed, sk_check_block_removed},
	{SK_MONITOR_INPUT_ADDED, 0, sizeof(SkInputAdded), on_input_added, sk_check_input_added},
	{SK_MONITOR_INPUT_REMOVED, 0, sizeof(SkInputRemoved), on_input_removed, sk_check_input_removed},
	{SK_MONITOR_ENUMERATED, 0, sizeof(SkHead), on_enumerated},
	{0},
};

static void nothing_to_do(Core *core, const char *subject, const SkHead *message, int *fds, size_t n_fds)
{
}

void monitor_send_mode(Core *core)
{
	SkMonitorMode mode = {.enforcing = trial_mode(core) == SK_MODE_ENFORCE};

	if (!core->monitor.chan)
		return; /* told when it is connected */
	sk_head_init(&mode.head, SK_MONITOR_MODE, sizeof(mode));
	mode.head.cookie = orders_add(&core->orders, &core->monitor, "mode", nothing_to_do);
	peer_send(&core->monitor, &mode, NULL, 0);
}

void monitor_enumerate(Core *core)
{
	SkHead enumerate;

	core->enumerated = false;
	devices_begin_enumeration(core);
	input_begin_enumeration(core);
	sk_head_init(&enumerate, SK_MONITOR_ENUMERATE, sizeof(enumerate));
	peer_send(&core->monitor, &enumerate, NULL, 0);
}

/* A monitor that cannot stay up is one fault, not a thousand records: the next one is due a minute later. */
#define TELL_AGAIN_USEC (60 * 1000000ULL)

static void connected(Core *core)
{
	monitor_send_mode(core);
	volumes_begin_enumeration(core);
	monitor_enumerate(core);
}

static void lost(Core *core)
{
	static uint64_t told_usec, times;
	uint64_t now = 0;

	orders_fail(core, &core->orders, &core->monitor);
	sd_event_now(core->event, CLOCK_BOOTTIME, &now);
	times++;
	if (told_usec && now - told_usec < TELL_AGAIN_USEC)
		return;
	told_usec = now;
	record_write(core, &(Record){.kind = "monitor.lost",
				   .code = SK_MONITOR_RESTARTED,
				   .body = json_pack("{s:I}", "times", (json_int_t)times)});
}

const PeerType peer_monitor_type = {
	.name = "monitor", .specs = specs, .connected = connected, .lost = lost, .keep = true};

/* An order that could not be sent is done at once, without an answer. */
static void order(Core *core, SkHead *head, const char *subject, OrderDone done)
{
	head->cookie = orders_add(&core->orders, &core->monitor, subject, done);
	if (peer_send(&core->monitor, head, NULL, 0) < 0)
		orders_fail(core, &core->orders, &core->monitor);
}

void monitor_order_usb(Core *core, SkUsbApply *apply, OrderDone done)
{
	sk_head_init(&apply->head, SK_MONITOR_USB_APPLY, sizeof(*apply));
	order(core, &apply->head, apply->sysname, done);
}

void monitor_order_block(Core *core, uint16_t type, SkBlockOrder *block, OrderDone done)
{
	sk_head_init(&block->head, type, sizeof(*block));
	order(core, &block->head, block->sysname, done);
}
