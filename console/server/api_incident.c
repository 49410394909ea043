/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loss and theft. */
#include "api_handlers.h"
#include "console/keys/epoch.h"
#include "console/rules/incident_setup.h"
#include "console/server/act.h"
#include "console/server/server.h"
#include "lib/base/str.h"

typedef struct Work {
	SkVault *vault;
	SkRowKey key;
	json_t *fields;
	bool done;
	const char *kind, *text, *receipt;
	char made[SK_ID_SIZE];
} Work;

int sk_api_incident_list(SkCall *call)
{
	const SkFilter filters[] = {{"state", SK_FILTER_EQUAL, sk_call_text(call, "state")},
		{"final_due", SK_FILTER_UNTIL, sk_call_text(call, "dueBefore")}};

	return sk_call_answer_list(call, &sk_incidents_table, filters, SK_ARRAY_SIZE(filters));
}

int sk_api_incident_show(SkCall *call)
{
	return sk_call_answer_row(call, 0, 200, &sk_incidents_table, sk_call_text(call, "incident"));
}

static int report(const SkActor *actor, void *userdata)
{
	Work *work = userdata;

	return sk_incident_report(actor, work->vault, work->fields, work->made);
}

/* The keys are cut in the transaction; here and at every other instance that becomes true right after it. */
int sk_api_incident_report(SkCall *call)
{
	Work work = {.vault = call->server->home.vault, .fields = call->body};
	int r = sk_epoch_apply(call->db, work.vault, NULL);

	if (r == 0)
		r = sk_call_act(call, report, &work);
	if (r == 0)
		r = sk_epoch_apply(call->db, work.vault, NULL);
	if (r == 0)
		sk_poll_wake(call->server->poll, NULL);
	return sk_call_answer_row(call, r, 201, &sk_incidents_table, work.made);
}

static int change(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_incident_change(actor, &work->key, work->fields);
}

int sk_api_incident_change(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "incident"), sk_call_body_int(call, "version")},
		.fields = call->body};
	int r = sk_call_act(call, change, &work);

	return sk_call_answer_row(call, r, 200, &sk_incidents_table, work.key.id);
}

/* What belongs to an incident is there when the incident is. */
static int list_of(SkCall *call, const SkTable *table)
{
	const SkFilter of_incident = {"incident_id", SK_FILTER_EQUAL, sk_call_text(call, "incident")};
	json_auto_t *row = NULL;
	int r = sk_table_read(call->db, &sk_incidents_table, &call->caller.scope, of_incident.text, &row);

	return r < 0 ? r : sk_call_answer_list(call, table, &of_incident, 1);
}

int sk_api_incident_steps(SkCall *call)
{
	return list_of(call, &sk_incident_steps_table);
}

int sk_api_incident_reports(SkCall *call)
{
	return list_of(call, &sk_incident_reports_table);
}

int sk_api_incident_persons(SkCall *call)
{
	return list_of(call, &sk_incident_persons_table);
}

static int end_step(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_incident_step(actor, &work->key, work->done, work->text);
}

int sk_api_incident_step(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "step"), sk_call_body_int(call, "version")},
		.done = json_is_true(json_object_get(call->body, "done")),
		.text = sk_call_body_text(call, "note")};
	int r = sk_call_act(call, end_step, &work);

	return sk_call_answer_row(call, r, 200, &sk_incident_steps_table, work.key.id);
}

static int draft(const SkActor *actor, void *userdata)
{
	Work *work = userdata;

	return sk_incident_draft(actor, work->key.id, work->kind, work->fields, work->made);
}

int sk_api_incident_draft(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "incident"), 0},
		.kind = sk_call_body_text(call, "kind"),
		.fields = json_object_get(call->body, "items")};
	int r = sk_call_act(call, draft, &work);

	return sk_call_answer_row(call, r, 201, &sk_incident_reports_table, work.made);
}

static int sent(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_incident_sent(actor, work->key.id, work->text, work->receipt);
}

int sk_api_incident_sent(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "report"), 0},
		.text = sk_call_body_text(call, "to"),
		.receipt = sk_call_body_text(call, "receipt")};
	int r = sk_call_act(call, sent, &work);

	return sk_call_answer_row(call, r, 200, &sk_incident_reports_table, work.key.id);
}

static int close_incident(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_incident_close(actor, &work->key, work->text);
}

int sk_api_incident_close(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "incident"), sk_call_body_int(call, "version")},
		.text = sk_call_body_text(call, "conclusion")};
	int r = sk_call_act(call, close_incident, &work);

	return sk_call_answer_row(call, r, 200, &sk_incidents_table, work.key.id);
}

static int add_persons(const SkActor *actor, void *userdata)
{
	const Work *work = userdata;

	return sk_incident_persons_add(actor, work->key.id, work->fields);
}

int sk_api_incident_list_persons(SkCall *call)
{
	Work work = {
		.key = {sk_call_text(call, "incident"), 0}, .fields = json_object_get(call->body, "persons")};
	int r = sk_call_act(call, add_persons, &work);

	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

static int tell(const SkActor *actor, void *userdata)
{
	return sk_incident_person_told(actor, userdata);
}

int sk_api_incident_tell(SkCall *call)
{
	const char *method = sk_call_body_text(call, "method"), *note = sk_call_body_text(call, "note");
	SkIncidentTold told = {
		.person = {sk_call_text(call, "incidentPerson"), sk_call_body_int(call, "version")},
		.state = sk_call_body_text(call, "state"),
		.method = method ? method : "",
		.note = note ? note : ""};
	int r = sk_call_act(call, tell, &told);

	return sk_call_answer_row(call, r, 200, &sk_incident_persons_table, told.person.id);
}

/* ---- the template ---- */

static int read_template(const SkActor *actor, void *userdata)
{
	Work *work = userdata;
	json_t *read = NULL;
	int r = sk_incident_template_read(actor, work->key.id, &read);

	if (r == 0) {
		json_decref(work->fields);
		work->fields = read;
	}
	return r;
}

static int answer_template(SkCall *call, int r, Work *work)
{
	if (r == 0)
		return sk_call_answer(call, 200, work->fields);
	json_decref(work->fields);
	return r < 0 ? r : 0;
}

int sk_api_incident_template_show(SkCall *call)
{
	Work work = {.key = {sk_call_text(call, "facility"), 0}};

	return answer_template(call, sk_call_act(call, read_template, &work), &work);
}

typedef struct Templating {
	const json_t *steps;
	Work work;
} Templating;

static int set_template(const SkActor *actor, void *userdata)
{
	Templating *templating = userdata;
	int r = sk_incident_template_set(actor, &templating->work.key, templating->steps);

	return r != 0 ? r : read_template(actor, &templating->work);
}

int sk_api_incident_template_set(SkCall *call)
{
	Templating templating = {.steps = json_object_get(call->body, "steps"),
		.work = {.key = {sk_call_text(call, "facility"), sk_call_body_int(call, "version")}}};

	return answer_template(call, sk_call_act(call, set_template, &templating), &templating.work);
}
