/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/owner.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/own.h"

/* An owner without a name has the directory's group and no other. */
static int take_groups(const struct stat *directory)
{
	const struct passwd *owner = getpwuid(directory->st_uid);
	gid_t gid = owner ? owner->pw_gid : directory->st_gid;
	int r = owner ? initgroups(owner->pw_name, gid) : setgroups(0, NULL);

	return r < 0 || setresgid(gid, gid, gid) < 0 ? -errno : 0;
}

int sk_owner_become(const char *path)
{
	own_free char *copy = NULL;
	struct stat directory;
	int r;

	if (geteuid() != 0)
		return 0;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	if (stat(dirname(copy), &directory) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (directory.st_uid == 0)
		return 0;
	r = take_groups(&directory);
	if (r == 0 && setresuid(directory.st_uid, directory.st_uid, directory.st_uid) < 0)
		r = -errno;
	return r;
}
