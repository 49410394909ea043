/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <sys/stat.h>
#include <sys/eventfd.h>
#include <time.h>

#include "console/db/sqlite_engine.h"
#include "lib/base/str.h"

struct SkSqliteGate {
	SkSqliteGate *next;
	dev_t device;
	ino_t inode;
	unsigned users;
	pthread_mutex_t mutex;
	SkSqliteListener *listeners; /* under gates_mutex */
};

static pthread_mutex_t gates_mutex = PTHREAD_MUTEX_INITIALIZER;
static SkSqliteGate *gates;

static SkSqliteGate *find(const struct stat *file)
{
	for (SkSqliteGate *gate = gates; gate; gate = gate->next)
		if (gate->device == file->st_dev && gate->inode == file->st_ino)
			return gate;
	return NULL;
}

int sk_sqlite_gate_open(const char *path, SkSqliteGate **ret_gate)
{
	struct stat file;
	SkSqliteGate *gate;

	if (stat(path, &file) < 0)
		return -errno;
	pthread_mutex_lock(&gates_mutex);
	gate = find(&file);
	if (!gate) {
		gate = calloc(1, sizeof(*gate));
		if (gate) {
			gate->device = file.st_dev;
			gate->inode = file.st_ino;
			pthread_mutex_init(&gate->mutex, NULL);
			gate->next = gates;
			gates = gate;
		}
	}
	if (gate)
		gate->users++;
	pthread_mutex_unlock(&gates_mutex);
	if (!gate)
		return -ENOMEM;
	*ret_gate = gate;
	return 0;
}

void sk_sqlite_gate_close(SkSqliteGate *gate)
{
	SkSqliteGate **link = &gates;

	if (!gate)
		return;
	pthread_mutex_lock(&gates_mutex);
	if (--gate->users == 0) {
		while (*link != gate)
			link = &(*link)->next;
		*link = gate->next;
		pthread_mutex_destroy(&gate->mutex);
		free(gate);
	}
	pthread_mutex_unlock(&gates_mutex);
}

int sk_sqlite_gate_enter(SkSqliteGate *gate)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SK_SQLITE_BUSY_MS / 1000;
	return pthread_mutex_clocklock(&gate->mutex, CLOCK_MONOTONIC, &until) == 0 ? 0 : -EAGAIN;
}

void sk_sqlite_gate_leave(SkSqliteGate *gate)
{
	pthread_mutex_unlock(&gate->mutex);
}

void sk_sqlite_gate_add_listener(SkSqliteGate *gate, SkSqliteListener *listener)
{
	pthread_mutex_lock(&gates_mutex);
	listener->next = gate->listeners;
	gate->listeners = listener;
	pthread_mutex_unlock(&gates_mutex);
}

void sk_sqlite_gate_remove_listener(SkSqliteGate *gate, SkSqliteListener *listener)
{
	SkSqliteListener **link = &gate->listeners;

	pthread_mutex_lock(&gates_mutex);
	while (*link && *link != listener)
		link = &(*link)->next;
	if (*link)
		*link = listener->next;
	pthread_mutex_unlock(&gates_mutex);
}

void sk_sqlite_gate_tell(SkSqliteGate *gate, const char *channel)
{
	pthread_mutex_lock(&gates_mutex);
	for (SkSqliteListener *listener = gate->listeners; listener; listener = listener->next)
		if (sk_str_eq(listener->channel, channel))
			(void)eventfd_write(listener->fd, 1);
	pthread_mutex_unlock(&gates_mutex);
}
