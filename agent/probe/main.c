/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-probe --uid N --gid N: started by sekisho-monitor with a SOCK_SEQPACKET socket as descriptor 3.
 * Waits there, in its jail, for one job; sends the facts on the socket that came with it; exits.
 *
 * Exit status: 0 done, 1 failed (standard error says how), 159 the jail was touched.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/probe/probe.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/ipc/chan.h"

#define JOB_FD 3
#define JOB_SECONDS 20 /* a device that does not answer is given up; the kernel retries that long too */

static int send_facts(int fd, const void *facts)
{
	own_chan SkChan *core = sk_chan_new(fd);
	int r = core ? sk_chan_send(core, facts, NULL, 0) : -ENOMEM;

	return r == 0 && sk_chan_pending(core) ? -EAGAIN : r;
}

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
	return send_facts(own_take_fd(&fds[n_fds - 1]), &facts);
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
	return send_facts(own_take_fd(&fds[n_fds - 1]), &facts);
}

static const SkMsgSpec jobs[] = {
	{SK_PROBE_USB, SK_CHAN_FDS_UP_TO | 5, sizeof(SkProbeJob), on_usb},
	{SK_PROBE_BLOCK, SK_CHAN_FDS_UP_TO | 2, sizeof(SkProbeJob), on_block},
	{0},
};

static int parse_arguments(int argc, char **argv, uid_t *ret_uid, gid_t *ret_gid)
{
	static const struct option options[] = {
		{"uid", required_argument, NULL, 'u'},
		{"gid", required_argument, NULL, 'g'},
		{0},
	};
	uint64_t ids[2] = {0, 0};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option == '?' || sk_num_parse(optarg, 10, UINT32_MAX - 1, &ids[option == 'g']) < 0)
			return -EINVAL;
	/* Nobody's parser of hostile bytes is root. */
	if (optind != argc || ids[0] == 0 || ids[1] == 0)
		return -EINVAL;
	*ret_uid = (uid_t)ids[0];
	*ret_gid = (gid_t)ids[1];
	return 0;
}

static int run(uid_t uid, gid_t gid)
{
	own_chan SkChan *monitor = NULL;
	int r = close_range(JOB_FD + 1, ~0u, 0) < 0 ? -errno : sk_crypt_init();

	/* Nothing may be written to files: where standard error is one, its message is lost, not the status.
	 */
	signal(SIGXFSZ, SIG_IGN);
	if (r == 0)
		r = probe_jail_enter(uid, gid);
	if (r < 0)
		return r;
	monitor = sk_chan_new(JOB_FD);
	if (!monitor)
		return -ENOMEM;
	r = sk_chan_dispatch(monitor, jobs, NULL);
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	uid_t uid;
	gid_t gid;
	int r;

	if (parse_arguments(argc, argv, &uid, &gid) < 0) {
		fputs("usage: sekisho-probe --uid N --gid N, with a socket as descriptor 3\n", stderr);
		return 1;
	}
	r = run(uid, gid);
	if (r == 0)
		return 0;
	fprintf(stderr, "sekisho-probe: %s\n", strerror(-r));
	return 1;
}
