/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lock/owners.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "agent/lock/process.h"
#include "lib/base/own.h"
#include "lib/base/str.h"

#define TTY_MAJOR 4
#define PTS_MAJOR 136 /* UNIX98_PTY_SLAVE_MAJOR */

/* What asks who is there, or only waits for whom it let in. Each is root's own program (process.h). */
static const char *const doors[] = {"agetty", "getty", "mingetty", "fgetty", "login", "su", "sudo", "runuser",
	"plymouthd", "systemd-tty-ask-password-agent", NULL};

/* What these started shows a sign-in; whom they let in is known to logind. */
static const char *const greeters[] = {"xdm", "wdm", "slim", "lxdm-binary", NULL};

/* They hold consoles for others. */
static const char *const keepers[] = {"systemd", "systemd-logind", "plymouthd", NULL};

static const char *const folders[] = {
	"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/", "/usr/lib/systemd/", "/lib/systemd/"};

bool owners_parse_stat(const char *text, OwnerStat *stat)
{
	const char *rest = strrchr(text, ')');
	int pid, parent, leader, number;
	uint64_t started;

	if (!rest || sscanf(text, "%d (", &pid) != 1 ||
		sscanf(rest,
			") %*c %d %*d %d %d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
			&parent, &leader, &number, &started) != 4 ||
		pid <= 0)
		return false;
	unsigned terminal = (unsigned)number; /* two numbers in one: MKDEV() as user space sees it */
	unsigned major = (terminal >> 8) & 0xfff, minor = (terminal & 0xff) | ((terminal >> 12) & 0xfff00);

	*stat = (OwnerStat){.pid = pid,
		.parent = parent,
		.leader = leader,
		.started = started,
		.pts = major == PTS_MAJOR ? (int)minor : -1};
	if (major == TTY_MAJOR && minor <= OWNERS_VT_MAX)
		stat->vt = minor;
	return true;
}

/* All that have one terminal are of one session, and its leader was there first. */
bool owners_is_earlier(const OwnerStat *a, const OwnerStat *b)
{
	bool leads_a = a->pid == a->leader, leads_b = b->pid == b->leader;

	if (a->started != b->started)
		return a->started < b->started;
	return leads_a != leads_b ? leads_a : a->pid < b->pid;
}

static bool is_one_of(pid_t pid, const char *const names[])
{
	char path[PROCESS_PATH_MAX];

	if (!process_program(pid, path, sizeof(path)))
		return false;
	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++)
		for (size_t k = 0; sk_str_starts(path, folders[i]) && names[k]; k++)
			if (sk_str_eq(path + strlen(folders[i]), names[k]))
				return true;
	return false;
}

static bool read_stat(pid_t pid, OwnerStat *stat)
{
	own_free char *text = process_read(pid, "stat");

	return text && owners_parse_stat(text, stat);
}

/* What was found of each console: who works there, and what let somebody in. */
typedef struct Found {
	OwnerStat person[OWNERS_VT_MAX + 1], door[OWNERS_VT_MAX + 1];
} Found;

static void keep_earlier(OwnerStat *kept, const OwnerStat *stat)
{
	if (kept->pid == 0 || owners_is_earlier(stat, kept))
		*kept = *stat;
}

static bool note(pid_t pid, void *userdata)
{
	Found *found = userdata;
	OwnerStat stat;

	if (!read_stat(pid, &stat) || stat.vt == 0)
		return true;
	if (is_one_of(pid, doors))
		keep_earlier(&found->door[stat.vt], &stat);
	else if (!is_one_of(stat.parent, greeters))
		keep_earlier(&found->person[stat.vt], &stat);
	return true;
}

static bool is_no_door(pid_t pid, void *userdata)
{
	return !is_one_of(pid, doors);
}

/* Whom a door let in may have another terminal, as sudo and su give it. */
static pid_t first_of(const Found *found, unsigned vt)
{
	if (found->person[vt].pid > 0)
		return found->person[vt].pid;
	return found->door[vt].pid > 0 ? process_find_below(found->door[vt].pid, is_no_door, NULL) : 0;
}

int owners_read(Owner owners[OWNERS_VT_MAX + 1])
{
	Found found = {0};
	int r = process_each(note, &found);

	memset(owners, 0, (OWNERS_VT_MAX + 1) * sizeof(owners[0]));
	for (unsigned vt = 1; r == 0 && vt <= OWNERS_VT_MAX; vt++) {
		pid_t pid = first_of(&found, vt);

		if (pid > 0 && process_user(pid, &owners[vt].uid))
			owners[vt].pid = pid;
	}
	return r;
}

typedef struct Typed {
	const char *session;
	int64_t newest;
} Typed;

static bool look_at_terminal(pid_t pid, void *userdata)
{
	Typed *typed = userdata;
	own_free char *session = NULL;
	OwnerStat owner;
	char path[32];
	struct stat st;

	if (!read_stat(pid, &owner) || owner.pts < 0 || sd_pid_get_session(pid, &session) < 0 ||
		!sk_str_eq(session, typed->session) ||
		!sk_str_format(path, sizeof(path), "/dev/pts/%d", owner.pts) || stat(path, &st) < 0)
		return true;
	if (st.st_atime > typed->newest)
		typed->newest = st.st_atime;
	return true;
}

int64_t owners_typed_at(const char *session)
{
	Typed typed = {.session = session};

	(void)process_each(look_at_terminal, &typed);
	return typed.newest;
}

typedef struct Search {
	char terminal[32];
	OwnerStat found;
} Search;

static bool has_open(pid_t pid, const char *terminal)
{
	char path[64], target[64];
	const struct dirent *entry;
	bool has = false;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);

	while (dir && !has && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = 0;
		has = sk_str_eq(target, terminal);
	}
	if (dir)
		closedir(dir);
	return has;
}

/* Of other users' programs it cannot be seen; they would have got the console from one of root's. */
static bool look_inside(pid_t pid, void *userdata)
{
	Search *search = userdata;
	OwnerStat stat;

	if (pid != getpid() && has_open(pid, search->terminal) && read_stat(pid, &stat) &&
		!is_one_of(pid, doors) && !is_one_of(pid, keepers) && !is_one_of(stat.parent, greeters))
		keep_earlier(&search->found, &stat);
	return true;
}

int owners_find_open(unsigned vt, Owner *owner)
{
	Search search = {0};

	snprintf(search.terminal, sizeof(search.terminal), "/dev/tty%u", vt);
	int r = process_each(look_inside, &search);

	*owner = (Owner){0};
	if (r == 0 && search.found.pid > 0 && process_user(search.found.pid, &owner->uid))
		owner->pid = search.found.pid;
	return r;
}
