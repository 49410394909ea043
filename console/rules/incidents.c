/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reporting a loss: everything that has to happen at once happens in one transaction.
 */
#include "console/rules/incidents.h"

#include <errno.h>

#include "console/keys/epoch.h"
#include "console/keys/receipt.h"
#include "console/rules/incident_clock.h"
#include "console/rules/incidents_draft.h"
#include "console/rules/ledger.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define HOUR_MS INT64_C(3600000)

/* What a clinic that wrote no template of its own does; in Japanese, as its staff reads it. */
static const struct {
	const char *title, *text, *role;
	int hours;
} steps[] = {
	{"使用禁止と鍵の破棄を確認する",
		"台帳の状態と破棄の記録(領収)を確認し、残っている貸出(リース)の期限を控える。",
		"security-officer", 1},
	{"最後に見た場所と経路を確認し、捜索する", "持ち出した人から時刻と経路を聞き取り、記録する。",
		"staff", 4},
	{"管理者(院長)に報告する", "", "security-officer", 4},
	{"警察に届け出る", "遺失届または盗難届を出し、受理番号を添付する。", "security-officer", 24},
	{"入っていた情報と人数を確定する", "持ち出し時の一覧と申請書から、患者数と項目を確定する。",
		"security-officer", 48},
	{"個人情報保護委員会に速報を出す",
		"速報の下書きを確認して提出する。義務がないと判断したときは理由を残す。", "security-officer",
		120},
	{"本人に通知する", "通知先の一覧に従い、方法と日付を記録する。", "security-officer", 240},
	{"個人情報保護委員会に確報を出す", "", "security-officer", 720},
	{"再発防止策を決めて記録する", "", "security-officer", 720},
};

static int insert_step(const SkActor *actor, const json_t *incident, int64_t known, size_t i)
{
	char id[SK_ID_SIZE];

	return sk_table_insert(actor->db, &sk_incident_steps_table, actor->scope,
		&(SkWrite){SK_SETS({"incident_id", sk_db_text(sk_row_text(incident, "id"))},
			{"facility_id", sk_db_text(sk_row_text(incident, "facility"))},
			{"position", sk_db_int((int64_t)i)}, {"title", sk_db_text(steps[i].title)},
			{"text", sk_db_text(steps[i].text)}, {"role", sk_db_text(steps[i].role)},
			{"due", sk_db_int(known + steps[i].hours * HOUR_MS)})},
		id);
}

static int insert_steps(const SkActor *actor, const json_t *incident)
{
	int64_t known;
	int r = sk_time_parse(sk_row_text(incident, "known"), &known);

	for (size_t i = 0; i < SK_ARRAY_SIZE(steps) && r == 0; i++)
		r = insert_step(actor, incident, known, i);
	return r;
}

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

/* Cuts the key where there is one. ret_gone: nothing at the console opens this medium any more. */
static int cut_key(
	const SkActor *actor, SkVault *vault, const char *medium, const char *reason, bool *ret_gone)
{
	uint64_t epoch;
	int r = vault ? sk_epoch_cut(actor->db, vault,
				&(SkEpochCut){.medium_id = medium, .actor = actor->person, .reason = reason},
				&epoch)
		      : -ENOENT;

	*ret_gone = r == 0;
	return r == -ENOENT ? 0 : r;
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
		r = cut_key(actor, lost->vault, lost->medium, lost->reason, &gone);
	if (r == 0 && gone)
		r = sk_ledger_step(actor,
			&(SkMediumStep){
				.key = {.id = lost->medium}, .action = SK_MEDIUM_REVOKE, .key_gone = true});
	if (r == 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO incident_media (incident_id, medium_id, facility_id, manifest_id) "
			"SELECT $1, $2, $3, (SELECT id FROM manifests WHERE medium_id = $2 ORDER BY id DESC "
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
		r = insert_steps(actor, row);
	if (r == 0)
		r = lose_all(actor, vault, row, media);
	if (r != 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"incident.reported", sk_row_text(row, "facility"), "incident", ret_id,
			       json_pack("{s:s, s:s, s:O}", "number", sk_row_text(row, "number"), "kind",
				       sk_row_text(row, "kind"), "media", media)});
}
