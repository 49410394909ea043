/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Plays core towards a real sekisho-monitor: starts it, connects, sends orders, waits for messages. Every
 * wait has an end; a test that waits in vain fails.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/ipc/proto_monitor.h"
#include "lib/ipc/proto_probe.h"

typedef union MonitorMessage {
	SkHead head;
	SkAnswer answer;
	SkUsbAdded usb_added;
	SkUsbRemoved usb_removed;
	SkBlockAdded block_added;
	SkBlockRemoved block_removed;
	SkInputAdded input_added;
	SkInputRemoved input_removed;
	SkUsbFacts usb_facts;
	char bytes[SK_PROTO_SIZE_MAX];
} MonitorMessage;

/* Connects to a monitor that may still be starting. Return: socket or negative errno. */
int monitor_client_connect(const char *path);

/* Sends a message as it is. Return: 0 or negative errno. */
int monitor_client_send(int fd, const void *message, size_t size);

/* Receives one message and at most one descriptor (-1: none). Return: 1; 0 closed; -ETIMEDOUT; other errno.
 */
int monitor_client_receive(int fd, int timeout_ms, MonitorMessage *ret_message, int *ret_fd);

/* Receives until a message of this type comes; others are dropped. Return: as above. */
int monitor_client_wait(int fd, uint16_t type, MonitorMessage *ret_message, int *ret_fd);

/* Sends ENUMERATE. */
int monitor_client_enumerate(int fd);

/* Sends an order and waits for its answer. Return: what the monitor answered, or negative errno of the wait.
 */
int monitor_client_usb_apply(int fd, SkUsbApply *order, SkAnswer *ret_answer);
int monitor_client_mode(int fd, SkMonitorMode *mode, SkAnswer *ret_answer);
int monitor_client_block(int fd, uint16_t type, SkBlockOrder *order, SkAnswer *ret_answer, int *ret_fd);
