/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/incident_setup.h"

#include <errno.h>

#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define HOUR_MS INT64_C(3600000)
/* One for all kinds of incidents. */
#define KIND "any"

/* What a clinic that wrote no template of its own does; in Japanese, as its staff reads it. */
static const struct {
	const char *title, *text, *role;
	int hours;
} delivered[] = {
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

static json_t *delivered_steps(void)
{
	json_t *steps = json_array();

	for (size_t i = 0; steps && i < SK_ARRAY_SIZE(delivered); i++)
		json_array_append_new(steps,
			json_pack("{s:s, s:s, s:s, s:i}", "title", delivered[i].title, "text",
				delivered[i].text, "role", delivered[i].role, "hours", delivered[i].hours));
	return steps;
}

/* Return: 0 with the steps and their version (0: as delivered), or negative errno. */
static int load(SkDb *db, const char *facility, json_t **ret_steps, int64_t *ret_version)
{
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db,
		"SELECT steps, version, state FROM incident_templates WHERE facility_id = $1 AND kind = $2",
		SK_DB_ARGS(sk_db_text(facility), sk_db_text(KIND)), &rows);

	if (r == 0)
		r = sk_db_next(rows);
	if (r < 0)
		return r;
	*ret_version = r == 1 ? sk_db_get_int(rows, 1) : 0;
	if (r == 1 && sk_str_eq(sk_db_get_text(rows, 2), "active"))
		*ret_steps = json_loads(sk_db_get_text(rows, 0), JSON_REJECT_DUPLICATES, NULL);
	else
		*ret_steps = delivered_steps();
	return *ret_steps ? 0 : -EUCLEAN;
}

static bool is_own(const json_t *steps)
{
	json_auto_t *ours = delivered_steps();

	return !json_equal(steps, ours);
}

int sk_incident_template_read(const SkActor *actor, const char *facility, json_t **ret_template)
{
	json_auto_t *steps = NULL;
	int64_t version = 0;
	int r = sk_scope_has_facility(actor->scope, facility) ? load(actor->db, facility, &steps, &version)
							      : -ENOENT;

	if (r < 0)
		return r;
	*ret_template = json_pack(
		"{s:b, s:O, s:I}", "own", is_own(steps), "steps", steps, "version", (json_int_t)version);
	return *ret_template ? 0 : -ENOMEM;
}

static int write_template(const SkActor *actor, const SkRowKey *facility, const char *text, const char *state)
{
	int64_t changed = 0;
	char id[SK_ID_SIZE];
	int r;

	sk_id_new(id);
	if (facility->version == 0)
		r = sk_db_exec(actor->db,
			"INSERT INTO incident_templates (id, facility_id, kind, name, steps, state, changed, "
			"changed_by) SELECT $1, id, $3, '', $4, $5, $6, $7 FROM facilities WHERE id = $2 AND "
			"NOT EXISTS (SELECT 1 FROM incident_templates WHERE facility_id = $2 AND kind = $3)",
			SK_DB_ARGS(sk_db_text(id), sk_db_text(facility->id), sk_db_text(KIND),
				sk_db_text(text), sk_db_text(state), sk_db_int(actor->now),
				sk_db_text(actor->person)),
			&changed);
	else
		r = sk_db_exec(actor->db,
			"UPDATE incident_templates SET steps = $3, state = $4, changed = $5, changed_by = "
			"$6, "
			"version = version + 1 WHERE facility_id = $1 AND kind = $2 AND version = $7",
			SK_DB_ARGS(sk_db_text(facility->id), sk_db_text(KIND), sk_db_text(text),
				sk_db_text(state), sk_db_int(actor->now), sk_db_text(actor->person),
				sk_db_int(facility->version)),
			&changed);
	return r < 0 ? r : changed == 0 ? -ECANCELED : 0;
}

int sk_incident_template_set(const SkActor *actor, const SkRowKey *facility, const json_t *steps)
{
	own_free char *text = json_dumps(steps, JSON_COMPACT);
	int r;

	if (!text)
		return -ENOMEM;
	if (!sk_scope_has_facility(actor->scope, facility->id))
		return SK_NOT_FOUND;
	r = write_template(actor, facility, text, json_array_size(steps) > 0 ? "active" : "retired");
	return r < 0 ? r
		     : sk_actor_record(actor, &(SkFact){"incident-template.set", facility->id, "facility",
						      facility->id, json_pack("{s:O}", "steps", steps)});
}

typedef struct Place {
	const json_t *incident;
	int64_t known;
	size_t number;
} Place;

static int insert_step(const SkActor *actor, const Place *place, const json_t *step)
{
	const int64_t hours = json_integer_value(json_object_get(step, "hours"));
	char id[SK_ID_SIZE];

	return sk_table_insert(actor->db, &sk_incident_steps_table, actor->scope,
		&(SkWrite){SK_SETS({"incident_id", sk_db_text(sk_row_text(place->incident, "id"))},
			{"facility_id", sk_db_text(sk_row_text(place->incident, "facility"))},
			{"position", sk_db_int((int64_t)place->number)},
			{"title", sk_db_text(sk_row_text(step, "title"))},
			{"text", sk_db_text(sk_row_text(step, "text"))},
			{"role", sk_db_text(sk_row_text(step, "role"))},
			{"due", sk_db_int(place->known + hours * HOUR_MS)})},
		id);
}

int sk_incident_template_apply(const SkActor *actor, const json_t *incident)
{
	json_auto_t *steps = NULL;
	Place place = {.incident = incident};
	int64_t version;
	const json_t *step;
	int r = load(actor->db, sk_row_text(incident, "facility"), &steps, &version);

	if (r == 0)
		r = sk_time_parse(sk_row_text(incident, "known"), &place.known);
	json_array_foreach (steps, place.number, step)
		if (r == 0)
			r = insert_step(actor, &place, step);
	return r;
}

/* ---- who is to be told ---- */

static int insert_person(const SkActor *actor, const json_t *incident, const json_t *person, int64_t *added)
{
	int64_t changed = 0;
	char id[SK_ID_SIZE];
	int r;

	sk_id_new(id);
	r = sk_db_exec(actor->db,
		"INSERT INTO incident_persons (id, incident_id, facility_id, reference, name, contact) "
		"VALUES "
		"($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
		SK_DB_ARGS(sk_db_text(id), sk_db_text(sk_row_text(incident, "id")),
			sk_db_text(sk_row_text(incident, "facility")),
			sk_db_text(sk_row_text(person, "reference")), sk_db_text(sk_row_text(person, "name")),
			sk_db_text(sk_row_text(person, "contact"))),
		&changed);
	*added += changed;
	return r;
}

/* The chain says how many: patients' names are in no record. */
int sk_incident_persons_add(const SkActor *actor, const char *incident, const json_t *persons)
{
	json_auto_t *row = NULL;
	const json_t *person;
	int64_t added = 0;
	size_t i;
	int r = sk_table_read(actor->db, &sk_incidents_table, actor->scope, incident, &row);

	if (r == 0 && sk_str_eq(sk_row_text(row, "state"), "closed"))
		return SK_INCIDENT_NOT_POSSIBLE;
	json_array_foreach (persons, i, person)
		if (r == 0)
			r = insert_person(actor, row, person, &added);
	if (r < 0)
		return r;
	return sk_actor_record(
		actor, &(SkFact){"incident.persons-added", sk_row_text(row, "facility"), "incident", incident,
			       json_pack("{s:I}", "count", (json_int_t)added)});
}

int sk_incident_person_told(const SkActor *actor, const SkIncidentTold *told)
{
	json_auto_t *row = NULL;
	int r = sk_table_read(actor->db, &sk_incident_persons_table, actor->scope, told->person.id, &row);

	if (r < 0)
		return r;
	if (!sk_str_eq(told->state, "told") && !*told->note)
		return SK_MEDIUM_REASON_NEEDED;
	r = sk_table_update(actor->db, &sk_incident_persons_table, actor->scope, &told->person,
		&(SkWrite){SK_SETS({"state", sk_db_text(told->state)}, {"told", sk_db_int(actor->now)},
			{"told_by", sk_db_text(actor->person)}, {"method", sk_db_text(told->method)},
			{"note", sk_db_text(told->note)})});
	if (r < 0)
		return r;
	return sk_actor_record(actor, &(SkFact){"incident.person-told", sk_row_text(row, "facility"),
					      "incident", sk_row_text(row, "incident"),
					      json_pack("{s:s, s:s, s:s}", "person", told->person.id, "state",
						      told->state, "method", told->method)});
}
