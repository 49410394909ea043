/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/ctl/offer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/ctl/ctl.h"
#include "lib/base/intl.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/proto_pack.h"

#define DEPTH_MAX 64

typedef struct Offering {
	SkChan *chan;
	SkPackOffer offer; /* its path grows and shrinks with the folders */
	unsigned depth;
} Offering;

static int offer_entry(Offering *offering, int dir_fd, const char *name, size_t at);

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int tell(const char *path, const char *why)
{
	char shown[1024];

	sk_utf8_escape(shown, sizeof(shown), path, strlen(path));
	fprintf(stderr, "sekishoctl: %s: %s\n", shown, why);
	return CTL_NO;
}

static int offer_file(Offering *offering, int fd)
{
	int r;

	sk_head_init(&offering->offer.head, SK_PACK_OFFER, sizeof(offering->offer));
	r = sk_chan_send(offering->chan, &offering->offer, &fd, 1);
	/* Whoever asked the agent hears why it wants no more. */
	return r < 0 ? CTL_ERROR : CTL_OK;
}

static int offer_folder(Offering *offering, int fd, size_t at)
{
	own_(close_dir) DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	int r = CTL_OK;

	if (!dir || ++offering->depth > DEPTH_MAX)
		return tell(offering->offer.path, strerror(dir ? ELOOP : errno));
	while (r == CTL_OK && (errno = 0, entry = readdir(dir)) != NULL)
		if (!sk_str_eq(entry->d_name, ".") && !sk_str_eq(entry->d_name, ".."))
			r = offer_entry(offering, dirfd(dir), entry->d_name, at);
	if (r == CTL_OK && errno)
		r = tell(offering->offer.path, strerror(errno));
	offering->depth--;
	return r;
}

/* at: where in the path the name goes. */
static int offer_entry(Offering *offering, int dir_fd, const char *name, size_t at)
{
	own_fd int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	/* A link, a socket: sekisho-pack sees what it is, and says what it says of all that is no file. */
	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char *path = offering->offer.path;
	const char *last = strrchr(name, '/');
	struct stat st;
	size_t size;

	/* An argument is a path; only its last part is the name. */
	if (!sk_str_copy(path + at, sizeof(offering->offer.path) - at - 1, last ? last + 1 : name))
		return tell(name, strerror(ENAMETOOLONG));
	if (fd < 0 || fstat(fd, &st) < 0)
		return tell(name, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return offer_file(offering, fd);
	size = strlen(path);
	path[size] = '/';
	path[size + 1] = 0;
	return offer_folder(offering, own_take_fd(&fd), size + 1);
}

/* "folder/" is "folder". */
static char *strip(const char *path)
{
	size_t size = strlen(path);

	while (size > 1 && path[size - 1] == '/')
		size--;
	return strndup(path, size);
}

bool ctl_offer_check(char *const *paths)
{
	for (; *paths; paths++) {
		own_free char *path = strip(*paths);
		const char *last = path ? strrchr(path, '/') : NULL;
		const char *name = last ? last + 1 : path;
		struct stat st;

		if (!name || !*name || sk_str_eq(name, ".") || sk_str_eq(name, "..")) {
			tell(*paths, _("name the folder itself"));
			return false;
		}
		if (lstat(path, &st) < 0) {
			tell(*paths, strerror(errno));
			return false;
		}
	}
	return true;
}

int ctl_offer_send(int fd, char *const *paths)
{
	own_chan SkChan *chan = sk_chan_new(fd);
	own_free Offering *offering = calloc(1, sizeof(*offering));
	SkHead all;
	int r = chan && offering ? CTL_OK : CTL_ERROR;

	if (r == CTL_OK)
		offering->chan = chan;
	for (; r == CTL_OK && *paths; paths++) {
		own_free char *path = strip(*paths);

		r = path ? offer_entry(offering, AT_FDCWD, path, 0) : CTL_ERROR;
	}
	if (r != CTL_OK)
		return r;
	sk_head_init(&all, SK_PACK_ALL, sizeof(all));
	return sk_chan_send(chan, &all, NULL, 0) < 0 ? CTL_ERROR : CTL_OK;
}
