/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The way into a service of the agent: the socket on which systemd (or a test) has it listen, and the one
 * user who may come through. Errors are told on standard error: nothing else is there yet when they happen.
 */
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

/* Return: 0, or -ENOENT there is no such user. */
int sk_door_find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid);

/* Who may come through: the user of that number, unless it is SK_DOOR_BY_NAME. Return: as above. */
#define SK_DOOR_BY_NAME UINT64_MAX
int sk_door_find_client(const char *name, uint64_t number, uid_t *ret_uid);

/*
 * path: where to listen; what is in the way is removed. NULL: the socket that systemd gave.
 * Return: a SOCK_SEQPACKET socket that listens, which the caller closes; or negative errno.
 */
int sk_door_socket(const char *path);

/* Waits for that user, at a socket that blocks; others are sent away. Return: a connection that blocks, or
 * negative errno. */
int sk_door_wait(int listen_fd, uid_t client);

typedef struct SkDoor {
	int listen_fd; /* borrowed */
	uid_t client;
	int (*enter)(
		void *userdata, int fd); /* takes over the descriptor; its negative errno ends the loop */
	void *userdata;
} SkDoor;

/*
 * Lets one process of that user in and nobody after it: the next connection waits in the socket for the next
 * start of the service. ret_source: to be unreferenced by the caller. Return: 0, or negative errno.
 */
int sk_door_open(sd_event *event, const SkDoor *door, sd_event_source **ret_source);
