/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Messages of a process to the journal, with MESSAGE_ID, PRIORITY, CODE and fields; to standard error when
 * that is no stream of the journal (tests, a terminal) or the journal cannot be reached. Libraries do not
 * log.
 *
 * Foreign text comes escaped (sk_utf8_escape()). A line break in a message is shown as a blank on standard
 * error.
 */
#include <stddef.h>
#include <syslog.h>

#include "lib/log/ids.h"

/* NAME: capital letters, digits and underscores, as the journal wants it. */
typedef struct SkLogField {
	const char *name;
	const char *value;
} SkLogField;

#define SK_LOG_FIELDS_MAX 24

/* One event. All pointers are borrowed. */
typedef struct SkLogEvent {
	int priority;	  /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */
	const char *id;	  /* of ids.h, or NULL */
	const char *code; /* "SK-1203", or NULL */
	const SkLogField
		*fields; /* ends with a NULL name; or NULL; more than SK_LOG_FIELDS_MAX are left out */
} SkLogEvent;

/*
 * Once, before the jail: decides where messages go and opens the way there. identifier: the name of the
 * process, borrowed for ever. LOG_DEBUG messages are left out unless SEKISHO_DEBUG is in the environment.
 */
void sk_log_init(const char *identifier);

void sk_log_event(const SkLogEvent *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A message without fields. */
#define sk_log(priority_, ...) sk_log_event(&(SkLogEvent){.priority = (priority_)}, __VA_ARGS__)
