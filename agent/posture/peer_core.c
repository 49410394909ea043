/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/peer_core.h"

#include <errno.h>

#include "agent/posture/round.h"
#include "lib/ipc/check_posture.h"

static int on_options(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	*(SkPostureOptions *)userdata = *(const SkPostureOptions *)head;
	return 0;
}

const SkMsgSpec posture_core_specs[] = {
	{SK_POSTURE_OPTIONS, 0, sizeof(SkPostureOptions), on_options, sk_check_posture_options},
	{0},
};

/* Core may be gone: the round ends all the same, and that soon. */
static void tell(void *userdata, const PostureResult *result)
{
	sk_chan_send(userdata, result, NULL, 0);
}

int posture_serve(Posture *posture, const char *root, int fd)
{
	own_chan SkChan *chan = sk_chan_new(fd);
	SkPostureOptions options;
	SkPostureDone done = {0};
	int r;

	if (!chan)
		return -ENOMEM;
	r = sk_chan_dispatch(chan, posture_core_specs, &options);
	if (r <= 0)
		return r;
	posture->options = &options;
	sk_head_init(&done.head, SK_POSTURE_DONE, sizeof(done));
	done.count = round_run(posture, posture_checks, root, tell, chan);
	done.cpu_msec = round_cpu_msec();
	posture->options = NULL;
	return sk_chan_send(chan, &done, NULL, 0);
}
