/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/uevent.h"

#include <errno.h>

#include "lib/base/str.h"

/* The head that udev puts before the same fields: so they come where a test plays the kernel (umockdev). */
#define UDEV_PREFIX "libudev"
typedef struct UdevHead {
	char prefix[8];
	uint32_t magic, head_size, fields_offset, fields_size;
} UdevHead;

/* Where the fields begin. Return: false when the message has neither form. */
static bool skip_head(const char *message, size_t size, size_t *ret_offset)
{
	UdevHead head;

	if (!sk_str_starts(message, UDEV_PREFIX)) {
		*ret_offset = strlen(message) + 1; /* ACTION@DEVPATH */
		return *ret_offset <= size;
	}
	if (size < sizeof(head))
		return false;
	memcpy(&head, message, sizeof(head));
	*ret_offset = head.fields_offset;
	return head.fields_offset <= size;
}

/* Fields that are asked for, and where they go. */
enum { TEXT, NUMBER, SEEN };
#define FIELD(name_, kind_, member_)                                                                         \
	{                                                                                                    \
		.name = name_ "=", .length = sizeof(name_), .kind = kind_,                                   \
		.offset = offsetof(Uevent, member_)                                                          \
	}
static const struct Field {
	const char *name;
	size_t length;
	int kind;
	size_t offset;
} fields[] = {
	FIELD("ACTION", TEXT, action),
	FIELD("DEVPATH", TEXT, devpath),
	FIELD("SUBSYSTEM", TEXT, subsystem),
	FIELD("DEVTYPE", TEXT, devtype),
	FIELD("BUSNUM", NUMBER, busnum),
	FIELD("DEVNUM", NUMBER, devnum),
	FIELD("DISK_MEDIA_CHANGE", SEEN, new_medium),
	FIELD("RESIZE", SEEN, new_medium),
};

static void set_field(Uevent *event, const struct Field *field, const char *value)
{
	void *member = (char *)event + field->offset;
	uint64_t number;

	if (field->kind == TEXT)
		*(const char **)member = value;
	else if (field->kind == SEEN)
		*(bool *)member = true;
	else if (sk_num_parse(value, 10, UINT16_MAX, &number) == 0)
		*(uint16_t *)member = (uint16_t)number;
}

static void take_field(Uevent *event, const char *text)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(fields); i++)
		if (strncmp(text, fields[i].name, fields[i].length) == 0) {
			set_field(event, &fields[i], text + fields[i].length);
			return;
		}
}

int uevent_parse(const char *message, size_t size, Uevent *ret_event)
{
	Uevent event = {.action = "", .devpath = "", .sysname = "", .subsystem = "", .devtype = ""};
	size_t offset;
	const char *slash;

	if (!skip_head(message, size, &offset))
		return -EBADMSG;
	for (; offset < size; offset += strlen(message + offset) + 1)
		take_field(&event, message + offset);
	slash = strrchr(event.devpath, '/');
	if (event.devpath[0] != '/' || slash[1] == 0 || event.action[0] == 0)
		return -EBADMSG;
	event.sysname = slash + 1;
	*ret_event = event;
	return 0;
}
