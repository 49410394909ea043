/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sekisho-burn: started by systemd when core connects; writes one disc, then it ends. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <time.h>

#include "agent/burn/burn.h"
#include "agent/burn/drive.h"
#include "agent/burn/image.h"
#include "lib/door/door.h"
#include "lib/door/service.h"

/* What opens files does it now. Names are written in UTF-8, whatever this PC speaks. */
static int prepare(void)
{
	int r;

	tzset();
	r = setlocale(LC_CTYPE, "C.UTF-8") ? image_warm_up() : -ENOENT;
	if (r == 0)
		r = drive_init();
	if (sk_service_prepared(r) < 0)
		return r;
	return sk_service_jailed(burn_jail_enter());
}

int main(int argc, char **argv)
{
	static bool stand_in;
	static const SkServiceOption options[] = {{.name = "stand-in", .given = &stand_in}, {0}};
	SkServiceEntry entry;
	int fd, r;

	r = sk_service_begin(&(SkService){"sekisho-burn", options}, argc, argv, &entry);
	if (r >= 0)
		return r;
	if (prepare() < 0)
		return EXIT_FAILURE;
	fd = sk_door_wait(entry.listen_fd, entry.client);
	sk_service_end(fd < 0 ? fd : burn_serve(fd, stand_in));
}
