/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls of agents. Two are public: who has a code is not a terminal yet. The others know who calls by the
 * certificate, and ask whether that terminal is still one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_handlers.h"
#include "console/rules/definitions.h"
#include "console/rules/policy_document.h"
#include "console/rules/records.h"
#include "console/rules/terminals.h"
#include "console/server/act.h"
#include "console/server/agent_call.h"
#include "console/server/server.h"
#include "console/server/trust.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/enrol/level.h"

#define WAIT_MS INT64_C(240000)

int sk_api_agent_trust(SkCall *call)
{
	own_free char *bundle = NULL;
	int r = sk_trust_bundle(call->server, call->db, &bundle);

	if (r < 0)
		return r;
	return sk_call_answer_bytes(call, "application/json", own_take(bundle), strlen(bundle));
}

static SkTerminalIssuer issuer_of(const SkCall *call)
{
	return (SkTerminalIssuer){.ca = call->server->home.ca,
		.life_ms = (int64_t)call->server->settings->keys.terminal_certificate_sec * 1000};
}

typedef struct Enrolling {
	SkTerminalRequest request;
	SkTerminalEnrolled enrolled;
} Enrolling;

static int enrol(const SkActor *actor, void *userdata)
{
	Enrolling *enrolling = userdata;
	SkActor console = *actor;

	console.scope = SK_SCOPE_ALL;
	return sk_terminal_enrol(&console, &enrolling->request, &enrolling->enrolled);
}

/* A statement over the secret of this code, so that nobody can make another terminal of the PC. */
static int answer_enrolled(SkCall *call, const Enrolling *enrolling)
{
	char secret[2 * SK_TERMINAL_SECRET_HASH_SIZE + 1];
	json_t *statement = NULL;
	int r;

	sk_hex_format(secret, enrolling->request.secret_hash, SK_TERMINAL_SECRET_HASH_SIZE);
	r = sk_trust_sign(call->server, SK_DSSE_ENROLMENT,
		json_pack("{s:s, s:s}", "terminal", enrolling->enrolled.terminal, "secret", secret),
		&statement);
	if (r < 0)
		return r;
	return sk_call_answer(call, 200,
		json_pack("{s:s, s:s, s:I, s:o, s:i}", "terminal", enrolling->enrolled.terminal,
			"certificate", enrolling->enrolled.certificate, "port",
			(json_int_t)call->server->settings->listen.agents_port, "statement", statement,
			"level", SK_LEVEL));
}

static int read_request(SkCall *call, SkCsrKey **ret_key)
{
	const char *request = sk_call_body_text(call, "request");
	int r = sk_csr_read(request, strlen(request), ret_key);

	if (r == -EBADMSG || r == -EKEYREJECTED || r == -E2BIG) {
		r = sk_call_refuse_member(
			call, SK_REQUEST_INVALID, "/request", "not a request of a key of this kind");
		return r < 0 ? r : 1;
	}
	return r;
}

int sk_api_agent_enrol(SkCall *call)
{
	const char *secret = sk_call_body_text(call, "secret");
	own_csr_key SkCsrKey *key = NULL;
	Enrolling enrolling = {
		.request = {.issuer = issuer_of(call), .facts = json_object_get(call->body, "terminal")}};
	int r = read_request(call, &key);

	if (r != 0)
		return r < 0 ? r : 0;
	enrolling.request.key = key;
	sk_sha256(enrolling.request.secret_hash, secret, strlen(secret));
	r = sk_call_act(call, enrol, &enrolling);
	if (r == 0)
		r = answer_enrolled(call, &enrolling);
	free(enrolling.enrolled.certificate);
	return r < 0 ? r : 0;
}

typedef struct AgentAct {
	SkCall *call;
	const SkCsrKey *key;
	SkTerminalEnrolled enrolled;
	SkRecordsReceived received;
	int (*rule)(const SkActor *actor, struct AgentAct *act);
} AgentAct;

static int run_rule(const SkActor *actor, void *userdata)
{
	AgentAct *act = userdata;

	return act->rule(actor, act);
}

/* Return: as sk_call_act(). */
static int act_as_terminal(AgentAct *act)
{
	return sk_agent_act(act->call, run_rule, act);
}

static int renew(const SkActor *actor, AgentAct *act)
{
	const SkTerminalIssuer issuer = issuer_of(act->call);

	return sk_terminal_renew(actor, &issuer, act->key, &act->enrolled);
}

int sk_api_agent_renew(SkCall *call)
{
	own_csr_key SkCsrKey *key = NULL;
	AgentAct act = {.call = call, .rule = renew};
	int r = read_request(call, &key);

	if (r != 0)
		return r < 0 ? r : 0;
	act.key = key;
	r = act_as_terminal(&act);
	if (r == 0)
		r = sk_call_answer(call, 200, json_pack("{s:s}", "certificate", act.enrolled.certificate));
	free(act.enrolled.certificate);
	return r < 0 ? r : 0;
}

int sk_api_agent_wait(SkCall *call)
{
	int64_t known = sk_call_int(call, "revision"), revision = known;
	SkTerminalNews news = {.revision = 0};
	json_t *envelopes = NULL;
	int r = sk_call_wait_arm(call, call->terminal);

	if (r == 0)
		r = sk_terminal_news(call->db, call->terminal, &news);
	if (r == -ENOENT)
		r = sk_agent_check(call);
	if (r != 0)
		return r < 0 ? r : 0;
	if (news.revision <= known && !call->timed_out)
		return sk_call_wait(call, WAIT_MS);
	/* From time to time all of it: what an agent could not keep heals. */
	if (call->timed_out)
		revision = 0;
	r = sk_trust_authority(call->server, call->db, call->terminal, &revision, &envelopes);
	if (r < 0)
		return r;
	return sk_call_answer(call, 200,
		json_pack("{s:I, s:I, s:I, s:I, s:o, s:i}", "revision", (json_int_t)revision, "records",
			(json_int_t)news.records, "policy", (json_int_t)news.policy, "definitions",
			(json_int_t)news.definitions, "envelopes", envelopes, "level", SK_LEVEL));
}

int sk_api_agent_policy(SkCall *call)
{
	json_t *envelope = NULL;
	int r = sk_agent_check(call);

	if (r == 0)
		r = sk_trust_policy(call->server, call->db, call->terminal, &envelope);
	return r < 0 ? r : r > 0 ? 0 : sk_call_answer(call, 200, envelope);
}

static int confirm(const SkActor *actor, AgentAct *act)
{
	int r = sk_terminal_confirm(actor, sk_call_body_int(act->call, "revision"));

	return r != 0 ? r : sk_policy_told(actor, json_object_get(act->call->body, "results"));
}

int sk_api_agent_state(SkCall *call)
{
	AgentAct act = {.call = call, .rule = confirm};
	int r = act_as_terminal(&act);

	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

static int report(const SkActor *actor, AgentAct *act)
{
	const SkCall *call = act->call;

	return sk_terminal_report(actor, call->body,
		&(SkTerminalContact){call->address, call->has_clock ? &call->clock_offset : NULL});
}

int sk_api_agent_status(SkCall *call)
{
	AgentAct act = {.call = call, .rule = report};
	int r = act_as_terminal(&act);

	return r < 0 ? r : r > 0 ? 0 : sk_call_done(call);
}

static int receive(const SkActor *actor, AgentAct *act)
{
	return sk_records_receive(actor, act->call->bytes, act->call->size, &act->received);
}

int sk_api_agent_records(SkCall *call)
{
	AgentAct act = {.call = call, .rule = receive};
	const SkRecordsReceived *received = &act.received;
	json_t *head = NULL;
	int r = act_as_terminal(&act);

	if (r == 0 && received->outcome == SK_RECORDS_TAKEN)
		r = sk_trust_sign(call->server, SK_DSSE_HEAD,
			json_pack("{s:s, s:I, s:s}", "terminal", call->terminal, "seq",
				(json_int_t)received->seq, "hash", received->hash),
			&head);
	if (r != 0)
		return r < 0 ? r : 0;
	return sk_call_answer(call, 200,
		json_pack("{s:s, s:I, s:s, s:o?}", "outcome", sk_records_outcome_name(received->outcome),
			"seq", (json_int_t)received->seq, "hash", received->hash, "head", head));
}
