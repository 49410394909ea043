/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/records.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "agent/core/bus.h"
#include "agent/core/core.h"
#include "agent/core/peer_uplink.h"
#include "agent/core/volumes.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/ipc/proto_probe.h"
#include "lib/log/log.h"

/* A fault of the disk is looked at again this often: long enough not to be felt, short enough for the next
 * plug. */
#define RETRY_USEC (5 * 1000000ULL)
#define SEAL_USEC (10 * 1000000ULL)
/* A loop that never comes to rest must not keep records from the disk. */
#define QUEUED_MAX 64

/* A record that the journal and D-Bus have still to be told of. */
typedef struct News {
	struct News *prev, *next;
	char kind[SK_AUDIT_KIND_MAX];
	SkReason code;
	uint64_t seq; /* 0: it is not in the audit log */
	json_t *body;
} News;

struct Records {
	SkAudit *audit;
	News *news; /* oldest first */
	unsigned n_news;
	char directory[PATH_MAX];
	sd_event_source *sync; /* at the end of this turn of the loop */
	sd_event_source *retry;
	sd_event_source *seal; /* once nothing was recorded for a while */
	bool queued;
	bool low_told;
	int fault; /* 0: works */
};

static int open_audit(Core *core)
{
	const SkAuditOptions options = {
		.segment_size = core->settings->audit.segment_size,
		.reserve_size = core->settings->audit.reserve_space,
	};
	Records *records = core->records;

	return sk_audit_open(records->directory, &options, &records->audit);
}

static void tell_fault(Core *core, int fault)
{
	char code[SK_REASON_CODE_SIZE];

	sk_reason_format_code(code, SK_RECORDS_FAIL);
	sk_log_event(&(SkLogEvent){.priority = LOG_ALERT, .id = SK_MESSAGE_AUDIT_FAULT, .code = code},
		"records cannot be written to %s: %s; nothing new is admitted until that works",
		core->records->directory, strerror(-fault));
	bus_emit_recorded(core, 0, "records.failed", SK_RECORDS_FAIL);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

static void enter_fault(Core *core, int fault)
{
	Records *records = core->records;

	if (records->fault == 0)
		tell_fault(core, fault);
	records->fault = fault;
	records->retry = sd_event_source_disable_unref(records->retry);
	sd_event_add_time_relative(
		core->event, &records->retry, CLOCK_MONOTONIC, RETRY_USEC, 0, on_retry, core);
}

/* The library is told to start over: a file in doubt is only trusted again after it was recovered. */
static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;
	Records *records = core->records;
	int fault = records->fault, r;

	sk_audit_close(own_take(records->audit));
	r = open_audit(core);
	if (r < 0) {
		enter_fault(core, r);
		return 0;
	}
	records->fault = 0;
	record_write(core,
		&(Record){.kind = "records.restored", .body = json_pack("{s:s}", "fault", strerror(-fault))});
	/* Now, not at the end of the turn: only a record on the disk shows that it works. */
	if (records_sync(core) == 0)
		volumes_cause_gone(core, SK_RECORDS_FAIL);
	return 0;
}

/* A thief of the key can only rewrite what is not sealed yet: that is little, and not for long. */
static int on_quiet(sd_event_source *source, uint64_t usec, void *userdata)
{
	Core *core = userdata;
	int r = core->records->fault == 0 ? sk_audit_seal(core->records->audit) : 0;

	if (r < 0)
		enter_fault(core, r);
	return 0;
}

static void seal_later(Core *core)
{
	Records *records = core->records;

	records->seal = sd_event_source_disable_unref(records->seal);
	sd_event_add_time_relative(
		core->event, &records->seal, CLOCK_MONOTONIC, SEAL_USEC, 0, on_quiet, core);
}

static void check_space(Core *core)
{
	Records *records = core->records;
	SkAuditSpace space;

	if (sk_audit_get_space(records->audit, &space) < 0)
		return;
	/* Taken again as soon as there is room for it, or the next full disk finds nothing in reserve. */
	if (space.reserve_opened && sk_audit_restore_reserve(records->audit) == 0)
		space.reserve_opened = false;
	if (space.free >= core->settings->audit.warn_free_space && !space.reserve_opened) {
		records->low_told = false;
		return;
	}
	if (records->low_told)
		return;
	records->low_told = true;
	record_write(core, &(Record){.kind = "records.low-space",
				   .code = SK_RECORDS_LOW_SPACE,
				   .body = json_pack("{s:s, s:I}", "directory", records->directory,
					   "free_bytes", (json_int_t)space.free)});
}

static int on_sync(sd_event_source *source, void *userdata)
{
	records_sync(userdata);
	return 0;
}

int records_open(Core *core)
{
	Records *records = calloc(1, sizeof(*records));
	int r;

	if (!records)
		return -ENOMEM;
	core->records = records;
	if (!sk_str_format(records->directory, sizeof(records->directory), "%s/audit",
		    core->settings->agent.state_directory))
		return -ENAMETOOLONG;
	r = sd_event_add_defer(core->event, &records->sync, on_sync, core);
	if (r < 0)
		return r;
	/* After everything else of this turn, so that one fdatasync() serves all. */
	sd_event_source_set_priority(records->sync, SD_EVENT_PRIORITY_IDLE);
	sd_event_source_set_enabled(records->sync, SD_EVENT_OFF);
	r = open_audit(core);
	if (r < 0)
		enter_fault(core, r);
	return 0;
}

void records_close(Core *core)
{
	Records *records = core->records;

	if (!records)
		return;
	records_sync(core);
	sk_audit_close(records->audit);
	sd_event_source_disable_unref(records->sync);
	sd_event_source_disable_unref(records->retry);
	sd_event_source_disable_unref(records->seal);
	free(records);
	core->records = NULL;
}

static int severity_priority(SkSeverity severity)
{
	static const int priorities[] = {LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ALERT};

	return priorities[severity];
}

static void write_journal(const News *news)
{
	const SkReasonText *text = news->code ? sk_reason_find(news->code) : NULL;
	char code[SK_REASON_CODE_SIZE] = "";
	char *body = json_dumps(news->body, JSON_COMPACT | JSON_SORT_KEYS);
	const SkLogField fields[] = {{"SEKISHO_KIND", news->kind}, {"SEKISHO_BODY", body}, {NULL, NULL}};

	if (text)
		sk_reason_format_code(code, news->code);
	sk_log_event(&(SkLogEvent){.priority = text ? severity_priority(text->severity) : LOG_INFO,
			     .code = text ? code : NULL,
			     .fields = body ? fields : NULL},
		"%s %s", text ? text->en_what : news->kind, body ? body : "");
	free(body);
}

/* stored: are they on the disk? */
static void tell_news(Core *core, bool stored)
{
	Records *records = core->records;
	News *news, *next;

	DL_FOREACH_SAFE(records->news, news, next)
	{
		DL_DELETE(records->news, news);
		records->n_news--;
		write_journal(news);
		bus_emit_recorded(core, stored ? news->seq : 0, news->kind, news->code);
		json_decref(news->body);
		free(news);
	}
}

/* Takes over the body. */
static void keep_news(Core *core, const Record *record, uint64_t seq)
{
	Records *records = core->records;
	News *news = calloc(1, sizeof(*news));

	if (!news) {
		json_decref(record->body);
		return;
	}
	sk_str_copy(news->kind, sizeof(news->kind), record->kind);
	news->code = record->code;
	news->seq = seq;
	news->body = record->body;
	DL_APPEND(records->news, news);
	records->n_news++;
}

void record_write(Core *core, const Record *given)
{
	Records *records = core->records;
	Record record = *given;
	char code[SK_REASON_CODE_SIZE];
	uint64_t seq = 0;
	int r = -EIO;

	if (!record.actor)
		record.actor = "sekishod";
	if (!record.body)
		record.body = json_object();
	if (!record.body) {
		enter_fault(core, -ENOMEM);
		return;
	}
	if (record.code) {
		sk_reason_format_code(code, record.code);
		json_object_set_new(record.body, "code", json_string(code));
	}
	if (records->audit && records->fault == 0)
		r = sk_audit_queue(records->audit, record.kind, record.actor, record.body, &seq);
	if (r < 0 && records->fault == 0)
		enter_fault(core, r);
	keep_news(core, &record, seq);
	records->queued = true;
	sd_event_source_set_enabled(records->sync, SD_EVENT_ONESHOT);
	if (records->n_news >= QUEUED_MAX)
		records_sync(core);
}

int64_t record_now_ms(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

json_t *record_text(const char *text)
{
	char shown[4 * SK_USB_STRING_SIZE];

	sk_utf8_escape(shown, sizeof(shown), text, strlen(text));
	return json_string(shown);
}

void records_push(Core *core)
{
	if (core->records->audit && core->records->fault == 0)
		sk_audit_push(core->records->audit);
}

int records_sync(Core *core)
{
	Records *records = core->records;
	int r;

	if (!records->queued)
		return records->fault;
	records->queued = false;
	r = records->fault < 0 ? records->fault : sk_audit_sync(records->audit);
	if (r < 0 && records->fault == 0)
		enter_fault(core, r);
	/* Nobody hears of a record before it is on the disk; and where it cannot be, all the more. */
	tell_news(core, r == 0);
	if (r < 0)
		return r;
	check_space(core);
	seal_later(core);
	uplink_tell_head(core);
	return records->fault;
}

bool records_work(const Core *core)
{
	return core->records->fault == 0;
}

SkAudit *records_audit(const Core *core)
{
	return core->records->audit;
}
