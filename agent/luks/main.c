/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-luks: started by a worker of sekisho-media, under a user of its own, with a SOCK_SEQPACKET socket
 * as descriptor 3. Waits there, in its jail, for one job; answers; exits.
 *
 * Exit status: 0 done, 1 failed (standard error says how), 159 the jail was touched.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/luks/luks.h"
#include "lib/base/own.h"
#include "lib/crypt/digest.h"
#include "lib/ipc/check_carry.h"

#define JOB_FD 3

static const SkMsgSpec jobs[] = {
	{SK_LUKS_OPEN, 2, sizeof(SkLuksOpen), luks_on_open, sk_check_luks_open},
	{SK_LUKS_FORM, 2, sizeof(SkLuksForm), luks_on_form, sk_check_luks_form},
	{SK_LUKS_REKEY, 3, sizeof(SkLuksRekey), luks_on_rekey, sk_check_luks_rekey},
	{0},
};

/* Its messages name what it was given; the code says enough. */
static void be_silent(int level, const char *message, void *userdata)
{
}

/* libcryptsetup and what it links open their files (random numbers, settings) with the first use. */
static int warm_up(void)
{
	own_luks_device struct crypt_device *device = NULL;
	own_fd int fd = memfd_create("sekisho", MFD_CLOEXEC);
	int r = fd < 0 || ftruncate(fd, SK_LUKS2_BINARY_SIZE) < 0 ? -errno : 0;

	crypt_set_log_callback(NULL, be_silent, NULL);
	crypt_metadata_locking(NULL, 0); /* nobody else has this copy */
	crypt_token_external_disable();
	if (r == 0)
		r = luks_device_new(fd, &device);
	if (r == 0)
		(void)crypt_load(device, CRYPT_LUKS2, NULL); /* there is none: that is not the point */
	return r;
}

static int run(void)
{
	own_chan SkChan *worker = NULL;
	Luks luks = {0};
	int r = close_range(JOB_FD + 1, ~0u, 0) < 0 ? -errno : sk_crypt_init();

	sk_luks2_init();
	if (r == 0)
		r = warm_up();
	if (r == 0)
		r = luks_jail_enter();
	if (r < 0)
		return r;
	worker = sk_chan_new(JOB_FD);
	if (!worker)
		return -ENOMEM;
	luks.worker = worker;
	r = sk_chan_dispatch(worker, jobs, &luks);
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 1 || geteuid() == 0) {
		fputs("sekisho-luks is started by sekisho-media, with a socket as descriptor 3\n", stderr);
		return 1;
	}
	r = run();
	if (r == 0)
		return 0;
	fprintf(stderr, "sekisho-luks: %s\n", strerror(-r));
	return 1;
}
