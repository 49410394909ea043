/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/log/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The place in this file would be the same for every message. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "lib/base/str.h"

#define MESSAGE_MAX 2048
#define FIELD_MAX 4096

/* MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, MESSAGE_ID and CODE stand before the fields of the event. */
#define OWN_FIELDS_MAX 5

static const char *log_identifier = "sekisho";
static bool log_to_journal;
static bool log_debug;

/* systemd sets JOURNAL_STREAM=DEVICE:INODE; it speaks of us only when our standard error is that very stream.
 */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	char end;

	if (!stream || sscanf(stream, "%llu:%llu%c", &device, &inode, &end) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == (dev_t)device && st.st_ino == (ino_t)inode;
}

static void write_stderr(const SkLogEvent *event, const char *message)
{
	char line[MESSAGE_MAX];

	sk_str_copy(line, sizeof(line), message);
	for (char *c = line; *c; c++)
		if (*c == '\n')
			*c = ' ';
	fprintf(stderr, "<%d>%s: %s%s%s\n", event->priority, log_identifier, event->code ? event->code : "",
		event->code ? ": " : "", line);
}

typedef struct Vector {
	struct iovec items[OWN_FIELDS_MAX + SK_LOG_FIELDS_MAX];
	char *texts[OWN_FIELDS_MAX + SK_LOG_FIELDS_MAX];
	size_t size;
} Vector;

static bool vector_add(Vector *vector, const char *name, const char *value)
{
	size_t room = strlen(name) + strnlen(value, FIELD_MAX) + 2;
	char *text = malloc(room);

	if (!text)
		return false;
	sk_str_format(text, room, "%s=%s", name, value);
	vector->texts[vector->size] = text;
	vector->items[vector->size++] = (struct iovec){text, strlen(text)};
	return true;
}

static bool send_journal(const SkLogEvent *event, const char *message)
{
	const char priority[] = {(char)('0' + (event->priority & 7)), 0};
	Vector vector = {0};
	bool sent = vector_add(&vector, "MESSAGE", message) && vector_add(&vector, "PRIORITY", priority) &&
		    vector_add(&vector, "SYSLOG_IDENTIFIER", log_identifier);

	if (sent && event->id)
		sent = vector_add(&vector, "MESSAGE_ID", event->id);
	if (sent && event->code)
		sent = vector_add(&vector, "CODE", event->code);
	for (const SkLogField *f = event->fields;
		sent && f && f->name && vector.size < SK_ARRAY_SIZE(vector.items); f++)
		sent = vector_add(&vector, f->name, f->value ? f->value : "");
	if (sent)
		sent = sd_journal_sendv(vector.items, (int)vector.size) >= 0;
	for (size_t i = 0; i < vector.size; i++)
		free(vector.texts[i]);
	return sent;
}

void sk_log_init(const char *identifier)
{
	log_identifier = identifier;
	log_to_journal = stderr_is_journal();
	log_debug = getenv("SEKISHO_DEBUG") != NULL;
	/* libsystemd opens its socket with the first message, which must be before the jail forbids sockets.
	 */
	if (log_to_journal)
		(void)send_journal(&(SkLogEvent){.priority = LOG_DEBUG}, "messages go to the journal");
}

void sk_log_event(const SkLogEvent *event, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	if (event->priority >= LOG_DEBUG && !log_debug)
		return;
	va_start(ap, format);
	if (vsnprintf(message, sizeof(message), format, ap) < 0)
		sk_str_copy(message, sizeof(message), format);
	va_end(ap);
	if (!log_to_journal || !send_journal(event, message))
		write_stderr(event, message);
}
