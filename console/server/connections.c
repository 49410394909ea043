/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/connections.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <utlist.h>

struct SkConnections {
	pthread_mutex_t lock;
	SkConnection *list;
};

int64_t sk_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t sk_monotonic_ms(void)
{
	return sk_monotonic_us() / 1000;
}

int sk_connections_new(SkConnections **ret_connections)
{
	SkConnections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		return -ENOMEM;
	pthread_mutex_init(&connections->lock, NULL);
	*ret_connections = connections;
	return 0;
}

void sk_connections_free(SkConnections *connections)
{
	if (!connections)
		return;
	pthread_mutex_destroy(&connections->lock);
	free(connections);
}

SkConnection *sk_connections_add(SkConnections *connections, int fd, int64_t deadline)
{
	SkConnection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->fd = fd;
	atomic_init(&connection->deadline, deadline);
	pthread_mutex_lock(&connections->lock);
	DL_APPEND(connections->list, connection);
	pthread_mutex_unlock(&connections->lock);
	return connection;
}

void sk_connections_remove(SkConnections *connections, SkConnection *connection)
{
	if (!connection)
		return;
	pthread_mutex_lock(&connections->lock);
	DL_DELETE(connections->list, connection);
	pthread_mutex_unlock(&connections->lock);
	free(connection);
}

unsigned sk_connections_tick(SkConnections *connections, int64_t now)
{
	SkConnection *connection;
	unsigned count = 0;

	/* Under the lock a descriptor cannot be closed and given to another connection. */
	pthread_mutex_lock(&connections->lock);
	DL_FOREACH (connections->list, connection) {
		int64_t deadline = atomic_load(&connection->deadline);

		if (deadline == 0 || deadline > now)
			continue;
		shutdown(connection->fd, SHUT_RDWR);
		atomic_store(&connection->deadline, 0);
		count++;
	}
	pthread_mutex_unlock(&connections->lock);
	return count;
}

size_t sk_connections_held(SkConnections *connections, SkConnection **ret_held, size_t max)
{
	SkConnection *connection;
	size_t count = 0;

	pthread_mutex_lock(&connections->lock);
	DL_FOREACH (connections->list, connection)
		if (count < max && atomic_load(&connection->held))
			ret_held[count++] = connection;
	pthread_mutex_unlock(&connections->lock);
	return count;
}
