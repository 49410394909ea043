/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the monitor takes from core, and the checks of its two orders: a name that passes them stays in the
 * folder of sysfs that it is joined to.
 */
#include "agent/monitor/apply.h"
#include "agent/monitor/block.h"
#include "agent/monitor/peer_core.h"
#include "lib/base/str.h"
#include "tests/fuzz/messages.h"

const SkMsgSpec *fuzz_table(size_t i)
{
	return i == 0 ? core_orders : NULL;
}

/* Of the process; no order gets so far here. */
uint64_t monitor_now(void)
{
	return 0;
}

static void require_stays(const char sysname[SK_SYSNAME_SIZE])
{
	fuzz_require(strnlen(sysname, SK_SYSNAME_SIZE) < SK_SYSNAME_SIZE && sysname[0] != 0);
	fuzz_require(!strchr(sysname, '/') && sysname[0] != '.');
}

void fuzz_use(const SkHead *message)
{
	if (message->type == SK_MONITOR_USB_APPLY) {
		const SkUsbApply *order = (const SkUsbApply *)message;

		if (!usb_order_check(order))
			return;
		require_stays(order->sysname);
		fuzz_require(order->action < SK_USB_APPLY_MAX_);
		fuzz_require(order->n_interfaces <= sizeof(order->interfaces));
	} else if (message->type == SK_MONITOR_BLOCK_PROBE || message->type == SK_MONITOR_BLOCK_OPEN ||
		   message->type == SK_MONITOR_BLOCK_EJECT) {
		const SkBlockOrder *order = (const SkBlockOrder *)message;

		if (!block_order_check(order))
			return;
		require_stays(order->sysname);
		fuzz_require(order->writable <= 1);
	}
}
