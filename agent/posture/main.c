/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sekisho-posture: started by systemd when core connects; one round of checks, then it ends. What needs a
 * privilege is done first, blindly: questions are sent, files are opened. Who reads the answers has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "agent/posture/chrony.h"
#include "agent/posture/files.h"
#include "agent/posture/jail.h"
#include "agent/posture/nft.h"
#include "agent/posture/peer_core.h"
#include "agent/posture/sums.h"
#include "lib/base/str.h"
#include "lib/door/door.h"
#include "lib/door/service.h"

static const char *arg_root = "/";

/* systemd reads the file for us (LoadCredential=), so that nobody here needs to be able to. */
static int open_shadow(const Posture *posture)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];
	int fd;

	if (!directory)
		return file_open(posture, "/etc/shadow");
	if (!sk_str_format(path, sizeof(path), "%s/shadow", directory))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* What is only of this PC is not said of another root. */
static void ask_this_pc(Posture *posture)
{
	posture->bus = true;
	posture->fds.chrony = chrony_ask();
	/* To ask would load the module where it is not, and we change nothing. A kernel without modules has
	 * what it has. */
	if (access("/sys/module/nf_tables", F_OK) < 0 && access("/proc/modules", F_OK) == 0)
		return;
	posture->fds.tables = nft_ask(NFT_TABLES);
	posture->fds.chains = nft_ask(NFT_CHAINS);
	posture->fds.rules = nft_ask(NFT_RULES);
}

static int open_posture(Posture *posture)
{
	*posture = (Posture){.now = (int64_t)time(NULL), .fds = {-1, -1, -1, -1, -1}};
	posture->root_fd = open(arg_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (posture->root_fd < 0)
		return -errno;
	posture->fds.shadow = open_shadow(posture);
	if (sk_str_eq(arg_root, "/"))
		ask_this_pc(posture);
	return 0;
}

/* Everything that needs the whole system, then the jail. */
static int prepare(Posture *posture)
{
	int r = sums_init();

	tzset();
	if (r == 0)
		r = open_posture(posture);
	if (sk_service_prepared(r) < 0)
		return r;
	return sk_service_jailed(posture_jail_enter());
}

int main(int argc, char **argv)
{
	static const SkServiceOption options[] = {{.name = "root", .value = "DIR", .text = &arg_root}, {0}};
	SkServiceEntry entry;
	Posture posture;
	int fd, r;

	r = sk_service_begin(&(SkService){"sekisho-posture", options}, argc, argv, &entry);
	if (r >= 0)
		return r;
	/* Standard error may be a file, of which none may grow. */
	signal(SIGXFSZ, SIG_IGN);
	if (prepare(&posture) < 0)
		return EXIT_FAILURE;
	sd_notify(0, "READY=1");
	fd = sk_door_wait(entry.listen_fd, entry.client);
	sk_service_end(fd < 0 ? fd : posture_serve(&posture, arg_root, fd));
}
