/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/uplink/facts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <systemd/sd-id128.h>

#include "config.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

#define TEXT_SIZE 128
/* Of this program: the id of the machine itself stays on the machine. */
#define APPLICATION SD_ID128_MAKE(9a, 5b, 41, 0e, 7c, 2d, 4f, 6b, 8e, 13, d0, 5f, 6a, 27, c8, 91)

/* PRETTY_NAME of os-release, without its quotes. */
static void read_system(char *dst, size_t size)
{
	static const char wanted[] = "PRETTY_NAME=";
	own_free char *text = NULL;
	const char *line;
	size_t length;

	dst[0] = 0;
	if (sk_io_read_file_at(AT_FDCWD, "/etc/os-release", 65536, &text, NULL) < 0)
		return;
	line = strstr(text, wanted);
	if (!line)
		return;
	line += strlen(wanted);
	line += *line == '"';
	length = strcspn(line, "\"\n");
	sk_utf8_escape(dst, size, line, length);
}

json_t *facts_new(void)
{
	char system[TEXT_SIZE], name[TEXT_SIZE], kernel[TEXT_SIZE], machine[SD_ID128_STRING_MAX] = "";
	struct utsname uts = {0};
	sd_id128_t id;

	uname(&uts);
	read_system(system, sizeof(system));
	sk_utf8_escape(name, sizeof(name), uts.nodename, strlen(uts.nodename));
	sk_utf8_escape(kernel, sizeof(kernel), uts.release, strlen(uts.release));
	if (sd_id128_get_machine_app_specific(APPLICATION, &id) >= 0)
		sd_id128_to_string(id, machine);
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name, "system", system, "kernel", kernel,
		"machine", machine, "version", SK_VERSION);
}
