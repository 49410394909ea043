/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/posture/radio.h"

#include <string.h>

#include "agent/posture/files.h"
#include "lib/base/str.h"

#define SWITCHES "/sys/class/rfkill"

typedef struct Radios {
	const Posture *posture;
	const RadioKind *kind;
	PostureResult *result;
	unsigned switches, on, adapters;
} Radios;

static bool read_switch(
	const Radios *radios, const char *name, const char *attribute, char *word, size_t size)
{
	char path[512];

	return sk_str_format(path, sizeof(path), SWITCHES "/%s/%s", name, attribute) &&
	       file_read_word(radios->posture, path, word, size) == 0;
}

static int on_switch(void *userdata, const char *name)
{
	char type[32], soft[8] = "0", hard[8] = "0", title[64] = "";
	Radios *radios = userdata;
	bool wanted = false, off;

	if (!read_switch(radios, name, "type", type, sizeof(type)))
		return 0;
	for (const char *const *kind = radios->kind->types; *kind; kind++)
		wanted |= sk_str_eq(*kind, type);
	if (!wanted)
		return 0;
	read_switch(radios, name, "soft", soft, sizeof(soft));
	read_switch(radios, name, "hard", hard, sizeof(hard));
	read_switch(radios, name, "name", title, sizeof(title));
	off = sk_str_eq(soft, "1") || sk_str_eq(hard, "1");
	posture_value(radios->result, "%s: %s", title[0] ? title : name, off ? "off" : "on");
	radios->switches++;
	radios->on += !off;
	return 0;
}

static int on_adapter(void *userdata, const char *name)
{
	((Radios *)userdata)->adapters++;
	return 0;
}

void radio_judge(const Posture *posture, const RadioKind *kind, bool refused, PostureResult *result)
{
	Radios radios = {.posture = posture, .kind = kind, .result = result};

	posture_threshold(result, refused ? "off" : "may be on");
	if (!file_exists(posture, "/sys/class"))
		return;
	file_each(posture, SWITCHES, on_switch, &radios);
	for (const char *const *class = kind->classes; *class; class ++)
		file_each(posture, *class, on_adapter, &radios);
	/* An adapter that no switch turns off is on. */
	if (radios.switches == 0 && radios.adapters > 0) {
		posture_value(result, "adapters: %u, on", radios.adapters);
		radios.on++;
	}
	if (radios.switches == 0 && radios.adapters == 0)
		posture_value(result, "none");
	if (refused && radios.on > 0)
		posture_judge(result, SK_POSTURE_WARN, kind->code);
	else
		posture_judge(result, SK_POSTURE_OK, SK_REASON_NONE);
}
