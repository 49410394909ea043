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
#include "lib/luks2/luks2.h"

#define JOB_FD 3

static const SkMsgSpec nothing_more[] = {{0}};

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

	sk_luks2_init();
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
	probe_warm();
	r = sk_chan_dispatch(monitor, probe_jobs, NULL);
	/* Our end takes longer than the decision: not before the monitor says so, by closing its own. */
	if (r > 0)
		r = sk_chan_dispatch(monitor, nothing_more, NULL);
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
