/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reporting a loss: everything that has to happen at once happens in one transaction.
 */
#include "console/rules/incident_setup.h"
#include "console/rules/incidents.h"

#include <errno.h>

#include "console/keys/receipt.h"
#include "console/rules/incident_clock.h"
#include "console/rules/incidents_draft.h"
#include "console/rules/key_use.h"
#include "console/rules/ledger.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

static int insert_incident(const SkActor *actor, json_t *fields, char ret_id[SK_ID_SIZE])
{
	int64_t known;
	char number[SK_NUMBER_SIZE];
	SkIncidentClock clock;
	int r = sk_time_parse(sk_row_text(fields, "known"), &known);

	if (r == 0)
		r = sk_actor_number(actor, "incidents", "I", sk_row_text(fields, "facility"), number);
	if (r < 0)
		return r;
	clock = sk_incident_clock(known, json_is_true(json_object_get(fields, "improperIntent")));
	return sk_table_insert(actor->db, &sk_incidents_table, actor->scope,
		&(SkWrite){.fields = fields,
			SK_SETS({"number", sk_db_text(number)}, {"reported_by", sk_db_text(actor->person)},
				{"preliminary_due", sk_db_int(clock.preliminary_due)},
				{"final_due", sk_db_int(clock.final_due)},
				{"created", sk_db_int(actor->now)})},
		ret_id);
}

/* When its key was used last, as RFC 3339; "" never. */
static int last_use(SkDb *db, const char *medium, char ret_time[SK_TIME_SIZE])
{
	int64_t at = 0;
	int r = sk_db_query_int(db, "SELECT COALESCE(MAX(at), 0) FROM key_uses WHERE medium_id = $1",
		SK_DB_ARGS(sk_db_text(medium)), &at);

	ret_time[0] = 0;
	if (r == 0 && at > 0)
		sk_time_format(ret_time, at);
	return r;
}

typedef struct Lost {
	const json_t *incident;
	const char *medium, *reason;
	SkVault *vault;
	json_t *evidence; /* of all media, appended to */
} Lost;

static int add_evidence(const SkActor *actor, const Lost *lost, bool gone)
{
	json_auto_t *row = NULL, *receipt = NULL;
	char used[SK_TIME_SIZE];
	json_t *proof;
	int r = sk_table_read(actor->db, &sk_media_table, actor->scope, lost->medium, &row);

	if (r == 0)
		r = last_use(actor->db, lost->medium, used);
	if (r == 0 && gone)
		r = sk_receipt_make(actor->db, lost->medium, &receipt);
	if (r < 0)
		return r;
	proof = sk_incident_evidence(row, receipt, used);
	return json_array_append_new(lost->evidence, proof) < 0 ? -ENOMEM : 0;
}

static int lose(const SkActor *actor, const Lost *lost)
{
	bool gone = false;
	int r = sk_ledger_step(actor,
		&(SkMediumStep){
			.key = {.id = lost->medium}, .action = SK_MEDIUM_LOSE, .reason = lost->reason});

	if (r == 0)
		r = sk_key_cut(actor, lost->vault, &(SkKeyCut){lost->medium, lost->reason}, &gone);
	if (r == 0 && gone)
		r = sk_ledger_step(actor,
			&(SkMediumStep){
				.key = {.id = lost->medium}, .action = SK_MEDIUM_REVOKE, .key_gone = true});
	if (r == 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO incident_media (incident_id, medium_id, facility_id, manifest_id) "
			"SELECT $1, $2, $3, (SELECT id FROM manifests WHERE medium_id = $2 AND kind = "
			"'carry-out' ORDER BY received DESC, id DESC "
			"LIMIT 1)",
			SK_DB_ARGS(sk_db_text(sk_row_text(lost->incident, "id")), sk_db_text(lost->medium),
				sk_db_text(sk_row_text(lost->incident, "facility"))),
			NULL);
	return r != 0 ? r : add_evidence(actor, lost, gone);
}

static int lose_all(const SkActor *actor, SkVault *vault, const json_t *incident, const json_t *media)
{
	json_auto_t *evidence = json_array();
	own_free char *text = NULL;
	const json_t *item;
	size_t i;

	if (!evidence)
		return -ENOMEM;
	json_array_foreach (media, i, item) {
		int r = lose(actor, &(Lost){incident, json_string_value(item), sk_row_text(incident, "title"),
					    vault, evidence});

		if (r != 0)
			return r;
	}
	text = json_dumps(evidence, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	return sk_table_update(actor->db, &sk_incidents_table, actor->scope,
		&(SkRowKey){.id = sk_row_text(incident, "id")},
		&(SkWrite){SK_SETS({"evidence", sk_db_text(text)})});
}

int sk_incident_report(const SkActor *actor, SkVault *vault, json_t *fields, char ret_id[SK_ID_SIZE])
{
	json_auto_t *form = json_copy(fields), *media = json_incref(json_object_get(fields, "media")),
		    *row = NULL;
	int r;

	if (!form || !media)
		return -EINVAL;
	json_object_del(form, "media");
	r = insert_incident(actor, form, ret_id);
	if (r == 0)
		r = sk_table_read(actor->db, &sk_incidents_table, actor->scope, ret_id, &row);
	if (r == 0)
		r = sk_incident_template_apply(actor, row);
	if (r == 0)
		r = lose_all(actor, vault, row, media);
	if (r != 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"incident.reported", sk_row_text(row, "facility"), "incident", ret_id,
			       json_pack("{s:s, s:s, s:O}", "number", sk_row_text(row, "number"), "kind",
				       sk_row_text(row, "kind"), "media", media)});
}
