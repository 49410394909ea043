/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "agent/probe/probe.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define JOB_SECONDS 20 /* a device that does not answer is given up; the kernel retries that long too */

/*
 * Starts the clock of the job and gives its descriptors their names, in the order of the SK_PROBE_FD_* bits.
 * Return: 0, or -EPROTO when they are not those that belong to it.
 */
static int take_job(const SkProbeJob *job, const int *fds, size_t n_fds, ProbeFds *ret_fds)
{
	ProbeFds named = {-1, -1, -1, -1, -1};
	int *const slots[] = {
		&named.descriptors, &named.manufacturer, &named.product, &named.serial, &named.block};
	size_t n = 0;

	alarm(JOB_SECONDS);
	for (size_t i = 0; i < SK_ARRAY_SIZE(slots); i++) {
		if (!(job->fds & 1u << i))
			continue;
		if (n + 1 >= n_fds) /* the last one is the way to core */
			return -EPROTO;
		*slots[i] = fds[n++];
	}
	if (job->fds >> SK_ARRAY_SIZE(slots) || n + 1 != n_fds)
		return -EPROTO;
	*ret_fds = named;
	return 0;
}

static int on_usb(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	ProbeFds named;
	SkUsbFacts facts;
	int r = take_job((const SkProbeJob *)message, fds, n_fds, &named);

	if (r < 0 || named.descriptors < 0 || named.block >= 0)
		return -EPROTO;
	probe_usb(&named, &facts);
	sk_head_init(&facts.head, SK_PROBE_USB_FACTS, sizeof(facts));
	facts.head.cookie = message->cookie;
	return sk_msg_send(fds[n_fds - 1], &facts);
}

static int on_block(void *userdata, const SkHead *message, int *fds, size_t n_fds)
{
	ProbeFds named;
	SkBlockFacts facts;
	int r = take_job((const SkProbeJob *)message, fds, n_fds, &named);

	if (r < 0 || ((const SkProbeJob *)message)->fds != SK_PROBE_FD_BLOCK)
		return -EPROTO;
	probe_block(&named, &facts);
	sk_head_init(&facts.head, SK_PROBE_BLOCK_FACTS, sizeof(facts));
	facts.head.cookie = message->cookie;
	return sk_msg_send(fds[n_fds - 1], &facts);
}

const SkMsgSpec probe_jobs[] = {
	{SK_PROBE_USB, SK_CHAN_FDS_UP_TO | 5, sizeof(SkProbeJob), on_usb},
	{SK_PROBE_BLOCK, SK_CHAN_FDS_UP_TO | 2, sizeof(SkProbeJob), on_block},
	{0},
};
