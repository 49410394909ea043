/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/vt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kd.h>
#include <linux/vt.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/lock/screens.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define NOTE "console"
#define NOTE_MAX 256
/* The screen, and what was rolled off it: console_codes(4). */
#define CLEAR "\033[H\033[2J\033[3J"

/* The consoles that nobody else begins anything on, the last one first. On the first one gdm shows a sign-in
 * screen whenever it comes to the front (gdm-local-display-factory.c: GDM_INITIAL_VT), on the first six
 * logind a prompt (logind.conf(5): NAutoVTs=), and from the seventh on lightdm counts its screens, whoever
 * has one open. VT_GETSTATE knows the first 15. */
#define FIRST_FREE 8
#define LAST_FREE 15

static int open_console(int number)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/tty%d", number);
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Return: the number of the console in front, or negative errno. */
static int in_front(int fd)
{
	struct vt_stat state;

	return ioctl(fd, VT_GETSTATE, &state) < 0 ? -errno : state.v_active;
}

/* A picture stays when who made it is gone. Asked of another console, for what we have open is open. */
static bool is_open(int number)
{
	own_fd int fd = open_console(number == 1 ? 2 : 1);
	struct vt_stat state;

	/* The kernel has a bit for each of the first 15. */
	return number > 15 || fd < 0 || ioctl(fd, VT_GETSTATE, &state) < 0 ||
	       (state.v_state & (1u << number));
}

int vt_in_front(bool *picture)
{
	own_fd int fd = open_console(0);
	int mode = KD_TEXT;

	if (fd < 0)
		return fd;
	bool graphics = ioctl(fd, KDGETMODE, &mode) == 0 && mode == KD_GRAPHICS;
	int number = in_front(fd);

	*picture = graphics && number > 0 && is_open(number);
	return number;
}

static int write_note(const Vt *vt, const char *directory)
{
	char text[NOTE_MAX];
	own_fd int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd < 0)
		return -errno;
	if (!sk_str_format(text, sizeof(text), "%d %d %u %s %s\n", vt->number, vt->before, vt->uid,
		    vt->session, vt->user))
		return -ENAMETOOLONG;
	return sk_io_replace_file_at(dir_fd, NOTE, 0600, text, strlen(text));
}

static void remove_note(const char *directory)
{
	own_fd int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd >= 0)
		(void)unlinkat(dir_fd, NOTE, 0);
}

static void forget(Vt *vt)
{
	if (vt->fd >= 0)
		close(vt->fd);
	*vt = (Vt){.fd = -1};
}

void vt_resume(Vt *vt, const char *directory)
{
	own_fd int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_free char *text = NULL;
	Vt found = {.fd = -1};

	*vt = found;
	if (dir_fd < 0 || sk_io_read_file_at(dir_fd, NOTE, NOTE_MAX, &text, NULL) < 0)
		return;
	if (sscanf(text, "%d %d %u %63s %63s", &found.number, &found.before, &found.uid, found.session,
		    found.user) != 5)
		return;
	found.fd = open_console(found.number);
	*vt = found;
	if (found.fd < 0 || !vt_look(vt))
		vt_give_back(vt, directory);
}

/* Return: a console that nobody has open, or negative errno. */
static int find_free(int fd)
{
	struct vt_stat state;
	int number;

	if (ioctl(fd, VT_GETSTATE, &state) < 0)
		return -errno;
	for (number = LAST_FREE; number >= FIRST_FREE; number--)
		if (!(state.v_state & (1u << number)))
			return number;
	if (ioctl(fd, VT_OPENQRY, &number) < 0)
		return -errno;
	return number > 0 ? number : -EBUSY;
}

int vt_take(Vt *vt, const char *directory, const char *session, const char *user, uid_t uid)
{
	Vt taken = {.fd = -1, .uid = uid};
	own_fd int fd = open_console(0);

	if (vt->up)
		return 0;
	if (fd < 0)
		return fd;
	vt_give_back(vt, directory);
	taken.before = in_front(fd);
	if (taken.before < 0)
		return taken.before;
	taken.number = find_free(fd);
	if (taken.number < 0)
		return taken.number;
	if (!sk_str_copy(taken.session, sizeof(taken.session), session) ||
		!sk_str_copy(taken.user, sizeof(taken.user), user))
		return -ENAMETOOLONG;
	/* Open, so that nobody puts a sign-in there. */
	taken.fd = open_console(taken.number);
	if (taken.fd < 0)
		return taken.fd;
	screens_place(taken.number);
	int r = write_note(&taken, directory);

	if (r == 0 && ioctl(fd, VT_ACTIVATE, taken.number) < 0)
		r = -errno;
	if (r < 0) {
		remove_note(directory);
		forget(&taken);
		return r;
	}
	*vt = taken;
	return 0;
}

int vt_open_again(Vt *vt)
{
	int fd = open_console(vt->number);

	if (fd < 0)
		return fd;
	close(vt->fd);
	vt->fd = fd;
	return 0;
}

bool vt_look(Vt *vt)
{
	if (vt->number == 0 || vt->up)
		return vt->up;
	if (in_front(vt->fd) != vt->number || ioctl(vt->fd, VT_LOCKSWITCH, 1) < 0)
		return false;
	/* Somebody may have gone elsewhere in between. */
	vt->up = in_front(vt->fd) == vt->number;
	if (!vt->up)
		(void)ioctl(vt->fd, VT_UNLOCKSWITCH, 1);
	return vt->up;
}

void vt_give_back(Vt *vt, const char *directory)
{
	if (vt->number == 0)
		return;
	(void)vt_open_again(vt);
	if (vt->fd >= 0) {
		/* What it said is not true any more, and the console is anybody's again. */
		(void)!write(vt->fd, CLEAR, strlen(CLEAR));
		(void)ioctl(vt->fd, VT_UNLOCKSWITCH, 1);
		if (in_front(vt->fd) == vt->number && ioctl(vt->fd, VT_ACTIVATE, vt->before) < 0)
			sk_log(LOG_ERR, "console %d does not come back: %s", vt->before, strerror(errno));
	}
	remove_note(directory);
	forget(vt);
}
