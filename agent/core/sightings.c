/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/sightings.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/core/carry.h"
#include "agent/core/carry_judge.h"
#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

/* Of sightings that wait for the console: who plugs in one medium after the other takes no room from reports
 * of losses. */
#define WAITING_MAX 200
static unsigned n_waiting; /* since the console answered last */

typedef struct Asking {
	Core *core;
	uint64_t volume;
	char subject[SK_SYSNAME_SIZE];
	json_t *body;
	bool must_arrive;
	SightingDone done; /* NULL: nobody waits */
	void *userdata;
} Asking;

static const struct {
	const char *standing;
	SkReason code;
} standings[] = {
	{"others", SK_MEDIUM_OTHERS},
	{"unknown", SK_MEDIUM_NOT_IN_LEDGER},
	{"not-the-one", SK_MEDIUM_NOT_THE_ONE},
	{"elsewhere", SK_GRANT_OTHER_TERMINAL},
	{"taken-back", SK_GRANT_REVOKED},
	{"lost", SK_MEDIUM_REPORTED_LOST},
	{"retired", SK_MEDIUM_FROZEN},
};

SkReason sighting_reason(const Volume *volume, SkReason code)
{
	SkReason said = volume->standing.code;

	if (code == SK_GRANT_NONE && said != SK_REASON_NONE)
		return said;
	return code == SK_MEDIUM_FROZEN && said == SK_MEDIUM_REPORTED_LOST ? said : code;
}

/* When it was lost, and to whom it is brought: for who has it in hand. */
static void describe_loss(const json_t *answer, char *detail, size_t size)
{
	time_t since = (time_t)(json_integer_value(json_object_get(answer, "since")) / 1000);
	const char *contact = json_string_value(json_object_get(answer, "contact"));
	char day[32] = "", shown[200] = "";
	struct tm tm;

	if (since > 0 && localtime_r(&since, &tm))
		strftime(day, sizeof(day), "%Y-%m-%d %H:%M", &tm);
	if (contact)
		sk_utf8_escape(shown, sizeof(shown), contact, strlen(contact));
	sk_str_format(detail, size, "%s%s%s", day, *day && *shown ? ", " : "", shown);
}

static void take(Core *core, Volume *volume, const json_t *answer)
{
	const char *standing = json_string_value(json_object_get(answer, "standing"));

	volume->standing.code = SK_REASON_NONE;
	volume->standing.detail[0] = 0;
	for (size_t i = 0; standing && i < SK_ARRAY_SIZE(standings); i++)
		if (sk_str_eq(standing, standings[i].standing))
			volume->standing.code = standings[i].code;
	if (volume->standing.code == SK_MEDIUM_REPORTED_LOST)
		describe_loss(answer, volume->standing.detail, sizeof(volume->standing.detail));
	carry_look(core);
}

static void finish(Asking *asking)
{
	if (asking->done)
		asking->done(asking->core, asking->subject, asking->userdata);
	json_decref(asking->body);
	free(asking);
}

static void on_answered(void *userdata, int result, unsigned status, const char *json)
{
	json_auto_t *answer =
		result == 0 && status == 200 ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
	Asking *asking = userdata;
	Volume *volume = volumes_find_id(asking->core, asking->volume);

	if (answer && volume && carry_is_ours(volume))
		take(asking->core, volume, answer);
	if (answer)
		n_waiting = 0;
	else if (asking->must_arrive && (result < 0 || status >= 500) && n_waiting++ < WAITING_MAX)
		(void)uplink_call(asking->core,
			&(UplinkRequest){
				.operation = "sighting", .body = asking->body, .flag = SK_UPLINK_CALL_SPOOL});
	finish(asking);
}

static json_t *body_of(const Volume *volume)
{
	const SkLuksFacts *luks = &volume->facts->luks;

	return json_pack("{s:s, s:s, s:s, s:I}", "medium", luks->token.medium, "organisation",
		luks->token.organisation, "uuid", luks->uuid, "at", (json_int_t)record_now_ms());
}

static void ask(Core *core, const Volume *volume, Asking wish)
{
	Asking *asking = malloc(sizeof(*asking));

	if (!asking) {
		if (wish.done)
			wish.done(core, volume->sysname, wish.userdata);
		return;
	}
	*asking = wish;
	asking->core = core;
	asking->volume = volume->id;
	asking->body = body_of(volume);
	sk_str_copy(asking->subject, sizeof(asking->subject), volume->sysname);
	if (!asking->body || !console_enrolled(core) ||
		uplink_call(core, &(UplinkRequest){.operation = "sighting",
					  .body = asking->body,
					  .flag = SK_UPLINK_CALL_NOW,
					  .done = on_answered,
					  .userdata = asking}) < 0)
		finish(asking);
}

void sighting_tell(Core *core, Volume *volume)
{
	if (volume->standing.told == volume->id)
		return;
	volume->standing = (VolumeStanding){.told = volume->id};
	ask(core, volume, (Asking){.must_arrive = true});
}

void sighting_ask(Core *core, const Volume *volume, SightingDone done, void *userdata)
{
	ask(core, volume, (Asking){.done = done, .userdata = userdata});
}
