/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/media/target.h"

#include <acl/libacl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "agent/media/alias.h"
#include "agent/media/mountinfo.h"
#include "agent/media/newmount.h"
#include "agent/media/utab.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

/* A user makes as many mounts as the system lets him; here is where we give up. */
#define COVERS_MAX 256

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

static void acl_release(acl_t *acl)
{
	if (*acl)
		acl_free(*acl);
}
#define own_acl own_(acl_release)

/* Ours to work in: nobody but root may change what is in it. */
static int check_root_owned(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_uid == 0 && !(st.st_mode & S_IWOTH) ? 0 : -EPERM;
}

int media_base_open(const char *path)
{
	bool is_new = mkdir(path, 0755) == 0;

	if (!is_new && errno != EEXIST)
		return -errno;
	own_fd int fd = open(path, DIR_FLAGS);

	/* Whatever our umask is: users have to get through. */
	if (fd < 0 || (is_new && fchmod(fd, 0755) < 0))
		return -errno;
	int r = check_root_owned(fd);

	return r < 0 ? r : own_take_fd(&fd);
}

/* Root may do everything, the user may look and enter, others nothing. */
static int grant(int dir_fd, uid_t uid)
{
	own_acl acl_t acl = acl_from_text("u::rwx,g::---,o::---,m::r-x");
	acl_entry_t entry;
	acl_permset_t permissions;

	if (!acl || acl_create_entry(&acl, &entry) < 0 || acl_set_tag_type(entry, ACL_USER) < 0 ||
		acl_set_qualifier(entry, &uid) < 0 || acl_get_permset(entry, &permissions) < 0 ||
		acl_add_perm(permissions, ACL_READ) < 0 || acl_add_perm(permissions, ACL_EXECUTE) < 0)
		return -errno;
	return acl_set_fd(dir_fd, acl) < 0 ? -errno : 0;
}

static int user_open(const MediaTarget *target)
{
	if (!media_user_check(target->user))
		return -EINVAL;
	if (mkdirat(target->base_fd, target->user, 0700) < 0 && errno != EEXIST)
		return -errno;
	own_fd int fd = openat(target->base_fd, target->user, DIR_FLAGS);

	if (fd < 0)
		return -errno;
	int r = check_root_owned(fd);

	if (r == 0)
		r = grant(fd, target->uid);
	return r < 0 ? r : own_take_fd(&fd);
}

static void remove_point(int user_fd, const char *name)
{
	(void)unlinkat(user_fd, name, AT_REMOVEDIR);
}

/* Return: 0 and the name that was free. */
static int make_point(int user_fd, const char *label, char name[MEDIA_NAME_SIZE])
{
	char wish[MEDIA_NAME_SIZE];

	media_name_format(wish, label, strlen(label));
	for (int i = 1; i <= MEDIA_SAME_LABEL_MAX; i++) {
		if (i == 1)
			sk_str_copy(name, MEDIA_NAME_SIZE, wish);
		else
			sk_str_format(name, MEDIA_NAME_SIZE, "%s-%d", wish, i);
		if (mkdirat(user_fd, name, 0700) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int attach_at(int user_fd, const char *name, int mount_fd)
{
	own_fd int point = openat(user_fd, name, DIR_FLAGS);

	if (point < 0)
		return -errno;
	/* File systems without attributes: nothing is swept there. */
	(void)fsetxattr(point, MEDIA_MARK, "1", 1, 0);
	return media_move_mount(mount_fd, user_fd, name);
}

static void list_for_users(int user_fd, const char *name, const char *path)
{
	own_fd int fd = openat(user_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	MediaMountInfo info;

	if (fd >= 0 && media_mountinfo_read(fd, &info) == 0)
		media_utab_add(info.source, path);
	media_alias_add(user_fd, name);
}

int media_target_attach(const MediaTarget *target, int mount_fd, char *ret_path, size_t size)
{
	own_fd int user_fd = user_open(target);
	char name[MEDIA_NAME_SIZE];

	if (user_fd < 0)
		return user_fd;
	int r = make_point(user_fd, target->label, name);

	if (r < 0)
		return r;
	r = sk_str_format(ret_path, size, "%s/%s/%s", target->base, target->user, name) ? 0 : -ENAMETOOLONG;
	if (r == 0)
		r = attach_at(user_fd, name, mount_fd);
	if (r < 0)
		remove_point(user_fd, name);
	else
		list_for_users(user_fd, name, ret_path);
	return r;
}

/* BASE/USER/NAME and nothing else. */
static int split_path(
	const char *base, const char *path, char user[MEDIA_NAME_SIZE], char name[MEDIA_NAME_SIZE])
{
	size_t base_size = strlen(base);

	if (strncmp(path, base, base_size) != 0 || path[base_size] != '/')
		return -EINVAL;
	const char *rest = path + base_size + 1, *slash = strchr(rest, '/');

	if (!slash || strchr(slash + 1, '/') ||
		!sk_str_format(user, MEDIA_NAME_SIZE, "%.*s", (int)(slash - rest), rest) ||
		!sk_str_copy(name, MEDIA_NAME_SIZE, slash + 1))
		return -EINVAL;
	if (!media_user_check(user) || name[0] == '.' || name[0] == 0)
		return -EINVAL;
	return 0;
}

/* What is mounted here, and what the directory of the user is in. */
static int look(int user_fd, const char *name, MediaMountInfo *here, MediaMountInfo *above)
{
	own_fd int fd = openat(user_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	int r = media_mountinfo_read(fd, here);

	return r < 0 ? r : media_mountinfo_read(user_fd, above);
}

/* All above it belongs to root, so the name cannot change its meaning on the way. */
static int detach_at(int user_fd, const char *name, int flags)
{
	char here[MEDIA_NAME_SIZE + 32];

	sk_str_format(here, sizeof(here), "/proc/self/fd/%d/%s", user_fd, name);
	return umount2(here, UMOUNT_NOFOLLOW | flags) < 0 ? -errno : 0;
}

/* Asked of the mount table, not of the file system: its device may be gone. */
int media_target_check(int user_fd, const char *name)
{
	MediaMountInfo here, above;
	int r = look(user_fd, name, &here, &above);

	if (r < 0)
		return r;
	if (here.id == above.id)
		return -ENOENT;
	return here.ours && here.parent == above.id ? 0 : -EPERM;
}

void media_target_uncover(int user_fd, const char *name)
{
	MediaMountInfo here, above;
	char child[PATH_MAX];

	for (int i = 0; i < COVERS_MAX; i++) {
		if (look(user_fd, name, &here, &above) < 0 || here.id == above.id)
			return;
		if (here.parent != above.id) {
			if (detach_at(user_fd, name, MNT_DETACH) < 0)
				return;
			/* Nobody can put a link into this path: what can be written to is exfat, which has
			 * none. */
		} else if (!here.ours || media_mountinfo_child(here.id, child, sizeof(child)) < 0 ||
			   umount2(child, UMOUNT_NOFOLLOW | MNT_DETACH) < 0) {
			return;
		}
	}
}

int media_target_detach(int base_fd, const char *base, const char *path, bool lazy)
{
	char user[MEDIA_NAME_SIZE], name[MEDIA_NAME_SIZE];
	int r = split_path(base, path, user, name);

	if (r < 0)
		return r;
	own_fd int user_fd = openat(base_fd, user, DIR_FLAGS);

	if (user_fd < 0)
		return -errno;
	media_target_uncover(user_fd, name);
	r = media_target_check(user_fd, name);
	if (r == 0)
		r = detach_at(user_fd, name, lazy ? MNT_DETACH : 0);
	if (r < 0)
		return r;
	/* In this order: what a kill leaves here media_places_sweep() finds by the mount point. */
	media_utab_remove(path);
	media_alias_remove(user_fd, name);
	remove_point(user_fd, name);
	return 0;
}

int media_user_open(int base_fd, const char *user)
{
	own_fd int fd = media_user_check(user) ? openat(base_fd, user, DIR_FLAGS) : -EINVAL;

	if (fd < 0)
		return fd == -EINVAL ? fd : -errno;
	int r = check_root_owned(fd);

	return r < 0 ? r : own_take_fd(&fd);
}

int media_target_user(int base_fd, const char *base, const char *path, uid_t *ret_uid)
{
	char user[MEDIA_NAME_SIZE], name[MEDIA_NAME_SIZE];
	int r = split_path(base, path, user, name), which = ACL_FIRST_ENTRY;
	acl_entry_t entry;

	if (r < 0)
		return r;
	own_fd int user_fd = openat(base_fd, user, DIR_FLAGS);
	own_acl acl_t acl = user_fd < 0 ? NULL : acl_get_fd(user_fd);

	if (!acl)
		return -errno;
	for (; acl_get_entry(acl, which, &entry) == 1; which = ACL_NEXT_ENTRY) {
		acl_tag_t tag;

		if (acl_get_tag_type(entry, &tag) < 0 || tag != ACL_USER)
			continue;
		uid_t *uid = acl_get_qualifier(entry);

		if (!uid)
			return -errno;
		*ret_uid = *uid;
		acl_free(uid);
		return 0;
	}
	return -ENODATA;
}
