/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sekisho-pack: started by systemd when core connects; makes one archive, then it ends. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <time.h>

#include "agent/pack/pack.h"
#include "lib/door/door.h"
#include "lib/door/service.h"

/* What opens files does it now. Names are written in UTF-8, whatever this PC speaks. */
static int prepare(void)
{
	int r;

	tzset();
	r = setlocale(LC_CTYPE, "C.UTF-8") ? sk_crypt_init() : -ENOENT;
	if (r == 0)
		r = pack_archive_warm_up();
	if (sk_service_prepared(r) < 0)
		return r;
	return sk_service_jailed(pack_jail_enter());
}

int main(int argc, char **argv)
{
	SkServiceEntry entry;
	int fd, r;

	r = sk_service_begin(&(SkService){.name = "sekisho-pack"}, argc, argv, &entry);
	if (r >= 0)
		return r;
	if (prepare() < 0)
		return EXIT_FAILURE;
	fd = sk_door_wait(entry.listen_fd, entry.client);
	sk_service_end(fd < 0 ? fd : pack_serve(fd));
}
