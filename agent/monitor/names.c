/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/monitor/names.h"

#include <string.h>

#include "lib/base/str.h"

/* Kernel limits: 7 tiers, 255 ports; buses are small numbers. */
#define USB_DEPTH_MAX 8
#define NUMBER_MAX 999

typedef struct UsbPath {
	unsigned depth; /* 0: root hub */
	unsigned numbers[1 + USB_DEPTH_MAX];
} UsbPath;

/* Locale-free, and only ASCII. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One number without leading zeros. Return: what follows it, or NULL. */
static const char *take_number(const char *s, unsigned *ret_number)
{
	unsigned number = 0;

	if (!is_digit(*s) || (*s == '0' && is_digit(s[1])))
		return NULL;
	for (; is_digit(*s); s++) {
		number = number * 10 + (unsigned)(*s - '0');
		if (number > NUMBER_MAX)
			return NULL;
	}
	*ret_number = number;
	return s;
}

static bool usb_path_parse(const char *name, UsbPath *ret_path)
{
	UsbPath path = {0};

	if (sk_str_starts(name, "usb")) {
		name = take_number(name + 3, &path.numbers[0]);
		if (!name || *name != 0 || path.numbers[0] == 0)
			return false;
		*ret_path = path;
		return true;
	}
	name = take_number(name, &path.numbers[0]);
	if (!name || *name != '-' || path.numbers[0] == 0)
		return false;
	do {
		if (path.depth == USB_DEPTH_MAX)
			return false;
		path.depth++;
		name = take_number(name + 1, &path.numbers[path.depth]);
		if (!name || path.numbers[path.depth] == 0)
			return false;
	} while (*name == '.');
	*ret_path = path;
	return *name == 0;
}

bool name_is_usb_device(const char *name)
{
	UsbPath path;

	return usb_path_parse(name, &path);
}

bool name_is_usb_root_hub(const char *name)
{
	UsbPath path;

	return usb_path_parse(name, &path) && path.depth == 0;
}

bool name_is_usb_interface(const char *name, const char *device)
{
	char prefix[SK_SYSNAME_SIZE];
	unsigned configuration, interface;
	UsbPath path;
	bool fits;

	if (!usb_path_parse(device, &path))
		return false;
	fits = path.depth == 0 ? sk_str_format(prefix, sizeof(prefix), "%u-0:", path.numbers[0])
			       : sk_str_format(prefix, sizeof(prefix), "%s:", device);
	if (!fits || !sk_str_starts(name, prefix))
		return false;
	name = take_number(name + strlen(prefix), &configuration);
	if (!name || *name != '.')
		return false;
	name = take_number(name + 1, &interface);
	return name && *name == 0 && configuration <= 255 && interface <= 255;
}

bool name_is_block(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= SK_SYSNAME_SIZE || !is_letter(name[0]))
		return false;
	for (; *name; name++)
		if (!is_letter(*name) && !is_digit(*name) && !strchr("-_!", *name))
			return false;
	return true;
}

bool name_is_input(const char *name)
{
	uint64_t number;

	return sk_str_starts(name, "input") && sk_num_parse(name + 5, 10, UINT32_MAX, &number) == 0;
}

int name_usb_compare(const char *a, const char *b)
{
	UsbPath one, other;

	if (!usb_path_parse(a, &one) || !usb_path_parse(b, &other))
		return strcmp(a, b);
	if (one.depth != other.depth)
		return one.depth < other.depth ? -1 : 1;
	for (unsigned i = 0; i <= one.depth; i++)
		if (one.numbers[i] != other.numbers[i])
			return one.numbers[i] < other.numbers[i] ? -1 : 1;
	return 0;
}

void name_usb_parent(const char *name, char ret_parent[SK_SYSNAME_SIZE])
{
	UsbPath path;

	ret_parent[0] = 0;
	if (!usb_path_parse(name, &path) || path.depth == 0)
		return;
	if (path.depth == 1) {
		sk_str_format(ret_parent, SK_SYSNAME_SIZE, "usb%u", path.numbers[0]);
		return;
	}
	sk_str_copy(ret_parent, SK_SYSNAME_SIZE, name);
	*strrchr(ret_parent, '.') = 0;
}

bool name_usb_port(const char *name, unsigned configuration, char ret_port[2 * SK_SYSNAME_SIZE])
{
	char hub[SK_SYSNAME_SIZE];
	UsbPath path;

	if (!usb_path_parse(name, &path) || path.depth == 0)
		return false;
	name_usb_parent(name, hub);
	if (path.depth == 1)
		return sk_str_format(ret_port, 2 * SK_SYSNAME_SIZE, "%u-0:%u.0/%s-port%u", path.numbers[0],
			configuration, hub, path.numbers[1]);
	return sk_str_format(ret_port, 2 * SK_SYSNAME_SIZE, "%s:%u.0/%s-port%u", hub, configuration, hub,
		path.numbers[path.depth]);
}

/* The next component of *path, moved behind it. Return: false at the end; too long ones come out empty. */
static bool next_component(const char **path, char component[SK_SYSNAME_SIZE])
{
	size_t length;

	while (**path == '/')
		(*path)++;
	length = strcspn(*path, "/");
	if (length == 0)
		return false;
	component[0] = 0;
	if (length < SK_SYSNAME_SIZE) {
		memcpy(component, *path, length);
		component[length] = 0;
	}
	*path += length;
	return true;
}

bool path_find_usb(const char *path, char ret_usb[SK_SYSNAME_SIZE])
{
	char component[SK_SYSNAME_SIZE];
	bool found = false;

	while (next_component(&path, component)) {
		if (!name_is_usb_device(component))
			continue;
		memcpy(ret_usb, component, SK_SYSNAME_SIZE);
		found = true;
	}
	return found;
}

bool path_has_component(const char *path, const char *component)
{
	char current[SK_SYSNAME_SIZE];

	while (next_component(&path, current))
		if (sk_str_eq(current, component))
			return true;
	return false;
}
