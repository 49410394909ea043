/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/losses.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/grants.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/records.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define FILE_NAME "losses.json"
#define FILE_MAX 65536
#define LOSSES_MAX 100

/* {id: when it was reported, ms since 1970} */
struct Losses {
	json_t *media;
};

int losses_open(Core *core)
{
	Losses *losses = calloc(1, sizeof(*losses));

	if (!losses)
		return -ENOMEM;
	core->losses = losses;
	if (console_load(core->console, FILE_NAME, FILE_MAX, &losses->media) < 0 ||
		!json_is_object(losses->media)) {
		json_decref(losses->media);
		losses->media = json_object();
	}
	return losses->media ? 0 : -ENOMEM;
}

void losses_close(Core *core)
{
	if (!core->losses)
		return;
	json_decref(core->losses->media);
	free(own_take(core->losses));
}

static int keep(const Core *core)
{
	int r = console_store(core->console, FILE_NAME, json_incref(core->losses->media));

	if (r < 0)
		sk_log(LOG_ERR, "what was reported lost cannot be kept: %s", strerror(-r));
	return r;
}

void losses_forget(Core *core)
{
	if (!core->losses)
		return;
	json_object_clear(core->losses->media);
	unlinkat(core->console->dir_fd, FILE_NAME, 0);
}

void losses_look(Core *core)
{
	const char *medium;
	json_t *loss;
	void *next;
	bool changed = false;

	if (!core->losses)
		return;
	json_object_foreach_safe(core->losses->media, next, medium, loss)
	{
		if (!console_medium_revoked(core, medium))
			continue;
		json_object_del(core->losses->media, medium);
		changed = true;
	}
	if (changed)
		(void)keep(core);
}

bool losses_frozen(const Core *core, const char *medium)
{
	return console_medium_revoked(core, medium) ||
	       (core->losses && json_object_get(core->losses->media, medium));
}

typedef struct Reporting {
	Core *core;
	json_t *body;
	LossDone done;
	void *userdata;
} Reporting;

static const char *medium_of(const Reporting *reporting)
{
	return json_string_value(json_object_get(reporting->body, "medium"));
}

static void finish(Reporting *reporting, SkReason code)
{
	reporting->done(reporting->userdata, code, "");
	json_decref(reporting->body);
	free(reporting);
}

static void tell(Reporting *reporting, uint32_t flag, UplinkDone done)
{
	int r = uplink_call(reporting->core, &(UplinkRequest){.operation = "loss.report",
						     .body = reporting->body,
						     .flag = flag,
						     .done = done,
						     .userdata = reporting});

	if (r < 0)
		done(reporting, r, 0, "");
}

static void on_spooled(void *userdata, int result, unsigned status, const char *json)
{
	Reporting *reporting = userdata;

	if (result < 0)
		sk_log(LOG_ERR, "a loss cannot be told: %s", strerror(-result));
	finish(reporting, result < 0 ? SK_CONSOLE_SPOOL_FULL : SK_LOSS_ON_ITS_WAY);
}

/* It is not in the ledger that this PC belongs to, so nothing is to be refused for it. */
static void take_back(Reporting *reporting)
{
	json_object_del(reporting->core->losses->media, medium_of(reporting));
	(void)keep(reporting->core);
	grants_changed(reporting->core);
}

static void on_told(void *userdata, int result, unsigned status, const char *json)
{
	json_auto_t *problem = result == 0 ? json_loads(json, JSON_REJECT_DUPLICATES, NULL) : NULL;
	Reporting *reporting = userdata;

	if (result < 0 || status >= 500) {
		tell(reporting, SK_UPLINK_CALL_SPOOL, on_spooled);
	} else if (status < 300) {
		finish(reporting, SK_LOSS_REPORTED);
	} else if (status == 404) {
		take_back(reporting);
		finish(reporting, SK_MEDIUM_NOT_IN_LEDGER);
	} else {
		finish(reporting, uplink_code_of(problem));
	}
}

/* Here at once: what is open of it is closed, its lease is wiped. */
static int freeze(Core *core, const LossOrder *order, json_t *body)
{
	const char *medium = json_string_value(json_object_get(body, "medium"));
	int r;

	if (json_object_size(core->losses->media) >= LOSSES_MAX)
		return -ENOSPC;
	json_object_set(core->losses->media, medium, json_object_get(body, "known"));
	r = keep(core);
	record_write(core, &(Record){.kind = "medium.reported-lost",
				   .actor = order->actor,
				   .code = SK_MEDIUM_REPORTED_LOST,
				   .body = json_pack("{s:o, s:o}", "medium", record_text(medium), "text",
					   record_text(order->text))});
	grants_changed(core);
	return r;
}

void losses_report(Core *core, const LossOrder *order)
{
	Reporting *reporting = console_enrolled(core) ? calloc(1, sizeof(*reporting)) : NULL;
	char medium[64];

	if (!reporting) {
		order->done(order->userdata, SK_ENROL_NOT_ENROLLED, "");
		return;
	}
	grants_medium(core, order->medium, medium, sizeof(medium));
	*reporting = (Reporting){.core = core, .done = order->done, .userdata = order->userdata};
	reporting->body = json_pack("{s:s, s:s, s:s, s:I}", "medium", medium, "user", order->user, "text",
		order->text, "known", (json_int_t)record_now_ms());
	if (!reporting->body || freeze(core, order, reporting->body) < 0)
		finish(reporting, SK_RECORDS_FAIL);
	else
		tell(reporting, SK_UPLINK_CALL_NOW, on_told);
}
