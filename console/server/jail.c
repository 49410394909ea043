/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/jail.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/base/str.h"
#include "lib/jail/jail.h"

static const SkJailCall calls[] = {
	SK_JAIL_CALL("mlock"), /* secrets */
	SK_JAIL_CALL("munlock"),
	SK_JAIL_CALL("getuid"),
	SK_JAIL_CALL("geteuid"),
	SK_JAIL_CALL("getgid"),
	SK_JAIL_CALL("getegid"),
	/* records tell whether the clock is synchronised; setting it needs a capability that nobody has here
	 */
	SK_JAIL_CALL("adjtimex"),
	SK_JAIL_CALL("clock_adjtime"),
	SK_JAIL_CALL("prlimit64"),
	/* the event loop and libmicrohttpd's */
	SK_JAIL_CALL("epoll_create1"),
	SK_JAIL_CALL("epoll_ctl"),
	SK_JAIL_CALL("epoll_wait"),
	SK_JAIL_CALL("epoll_pwait"),
	SK_JAIL_CALL("epoll_pwait2"),
	SK_JAIL_CALL("timerfd_create"),
	SK_JAIL_CALL("timerfd_settime"),
	SK_JAIL_CALL("signalfd4"),
	SK_JAIL_CALL("select"),
	/* pauses before a transaction is run again, and while another process has SQLite's lock */
	SK_JAIL_CALL("nanosleep"),
	SK_JAIL_CALL("clock_nanosleep"),
	SK_JAIL_CALL("pselect6"),
	/* connections of clients; of ours to the database, systemd and the journal */
	SK_JAIL_CALL_IF("socket", 0, ~0ull, AF_UNIX),
	SK_JAIL_CALL("accept4"),
	SK_JAIL_CALL("sendfile"),
	SK_JAIL_CALL("readv"),
	SK_JAIL_CALL("writev"),
	SK_JAIL_CALL("ioctl"), /* FIONBIO */
	/* SQLite's files; Landlock says where */
	SK_JAIL_CALL("open"),
	SK_JAIL_CALL("openat"),
	SK_JAIL_CALL("stat"),
	SK_JAIL_CALL("lstat"),
	SK_JAIL_CALL("statx"),
	SK_JAIL_CALL("access"),
	SK_JAIL_CALL("faccessat"),
	SK_JAIL_CALL("faccessat2"),
	SK_JAIL_CALL("getcwd"),
	SK_JAIL_CALL("readlink"),
	SK_JAIL_CALL("readlinkat"),
	SK_JAIL_CALL("getdents64"),
	SK_JAIL_CALL("pread64"),
	SK_JAIL_CALL("pwrite64"),
	SK_JAIL_CALL("fsync"),
	SK_JAIL_CALL("fdatasync"),
	SK_JAIL_CALL("sync_file_range"),
	SK_JAIL_CALL("syncfs"),
	SK_JAIL_CALL("ftruncate"),
	SK_JAIL_CALL("fallocate"),
	SK_JAIL_CALL("fchmod"),
	SK_JAIL_CALL("fchown"),
	SK_JAIL_CALL("link"),
	SK_JAIL_CALL("linkat"),
	SK_JAIL_CALL("unlink"),
	SK_JAIL_CALL("unlinkat"),
	SK_JAIL_CALL("rename"),
	SK_JAIL_CALL("renameat"),
	SK_JAIL_CALL("renameat2"),
	SK_JAIL_CALL("mkdir"),
	SK_JAIL_CALL("utimensat"),
	SK_JAIL_CALL("fstatfs"),
	SK_JAIL_CALL("statfs"),
	SK_JAIL_CALL("dup"),
	SK_JAIL_CALL("flock"),
	SK_JAIL_CALL("umask"),
	{.name = NULL},
};

int jail_enter(const SkServerSettings *settings, const char *database, bool own_certificate)
{
	static const SkJailLimit limits[] = {{RLIMIT_CORE, 0}, {-1, 0}};
	own_free char *copy = NULL, *certificate = strdup(settings->tls.certificate),
		      *key = strdup(settings->tls.key);
	/* Our own certificate is renewed; another one is only taken when it was replaced. */
	const SkJailAccess access = own_certificate ? SK_JAIL_WRITE : SK_JAIL_READ;
	/* PostgreSQL has no file here. */
	const char *file =
		sk_str_starts(database, "sqlite:") ? database + strlen("sqlite:") : "/nonexistent/x";
	SkJailPath paths[] = {{NULL, SK_JAIL_WRITE}, {NULL, access}, {NULL, access},
		{settings->keys.directory, SK_JAIL_WRITE}, {settings->keys.epoch_directory, SK_JAIL_WRITE},
		{settings->definitions.directory, SK_JAIL_READ}, {"/etc", SK_JAIL_READ},
		{"/proc/self", SK_JAIL_READ}, {"/run/systemd", SK_JAIL_READ},
		{"/run/postgresql", SK_JAIL_READ}, {"/usr/share/zoneinfo", SK_JAIL_READ},
		/* words that are no passwords */ {"/var/cache/cracklib", SK_JAIL_READ},
		{"/usr/share/cracklib", SK_JAIL_READ},
		/* the resolver's modules */
		{"/usr/lib", SK_JAIL_RUN}, {"/lib", SK_JAIL_RUN}, {"/lib64", SK_JAIL_RUN},
		{"/dev/urandom", SK_JAIL_READ}, {"/dev/null", SK_JAIL_WRITE}, {"/dev/tpmrm0", SK_JAIL_WRITE},
		{NULL, 0}};
	const SkJail jail = {.name = "sekisho-console",
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.limits = limits,
		.paths = paths,
		.resolves = 1,
		.calls = calls};

	/* What is not there now could not be opened later: the mirror makes its files when it runs first. */
	(void)mkdir(settings->definitions.directory, 0755);
	copy = strdup(file);
	if (!copy || !certificate || !key)
		return -ENOMEM;
	/* dirname() writes into it. */
	paths[0].path = dirname(copy);
	paths[1].path = dirname(certificate);
	paths[2].path = dirname(key);
	return sk_jail_enter(&jail);
}
