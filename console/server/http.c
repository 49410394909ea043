/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/http.h"

#include <string.h>

#include "console/api/route.h"
#include "console/db/group.h"
#include "console/server/admit.h"
#include "console/server/listen.h"
#include "console/server/once.h"
#include "console/server/peer.h"
#include "console/server/problem.h"
#include "console/server/reply.h"
#include "console/server/session.h"
#include "console/server/writer.h"
#include "console/store/time.h"
#include "lib/base/http_date.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"
#include "lib/log/log.h"

#define QUERY_PAIRS_MAX 32

/* A refusal that comes before a body which is still being sent would be lost with the connection, so that
 * much of it is read and forgotten: more than any operation takes, because a file that is somewhat too large
 * is what people really send. */
#define FORGOTTEN_MAX (24 * 1024 * 1024)

typedef enum Phase {
	BEGUN,
	READING,
	FORGETTING,
	RUNNING,
	WRITTEN, /* by the writer: only the answer is left */
	ANSWERED,
} Phase;

typedef struct Request {
	SkCall call;
	SkListener *listener;
	struct MHD_Connection *connection;
	SkConnection *watched;
	Phase phase;
	char *uri; /* as it came */
	char *body;
	size_t size, room;
	bool counted;
	SkWriteJob job;
} Request;

static void set_deadline(Request *request, uint64_t seconds)
{
	if (request->watched)
		atomic_store(&request->watched->deadline,
			seconds ? sk_monotonic_ms() + (int64_t)seconds * 1000 : 0);
}

void *sk_http_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	Request *request = calloc(1, sizeof(*request));
	const union MHD_ConnectionInfo *info;

	if (!request)
		return NULL;
	request->listener = cls;
	request->connection = connection;
	request->call.server = sk_listener_server(request->listener);
	request->call.reply.fd = -1;
	request->uri = strlen(uri) <= SK_ROUTE_PATH_MAX + SK_ROUTE_QUERY_MAX ? strdup(uri) : NULL;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	request->watched = info ? info->socket_context : NULL;
	return request;
}

static const char *header(const Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static bool find_method(const char *name, SkApiMethod *ret_method)
{
	for (SkApiMethod method = 0; method < SK_API_METHOD_MAX; method++)
		if (sk_str_eq(name, sk_api_method_name(method))) {
			*ret_method = method;
			return true;
		}
	return false;
}

static int refuse_method(SkCall *call, const SkRoute *route, const char *method)
{
	if (sk_str_eq(method, "OPTIONS"))
		sk_call_done(call);
	else
		sk_call_refuse(call, SK_METHOD_NOT_ALLOWED, NULL);
	call->reply.allow = route->allowed;
	return 0;
}

/* Path and query. Return: 0 (look at the reply) or negative errno. */
static int find_operation(Request *request, const char *method_name)
{
	SkCall *call = &request->call;
	char *query = request->uri ? strchr(request->uri, '?') : NULL;
	SkQueryPair pairs[QUERY_PAIRS_MAX];
	SkFaults faults = {0};
	SkApiMethod method = SK_API_METHOD_MAX;
	size_t n_pairs = 0;
	SkRoute route;
	int r;

	if (query)
		*query++ = 0;
	if (!request->uri || sk_route_query(query, pairs, QUERY_PAIRS_MAX, &n_pairs) < 0)
		return sk_call_refuse(call, SK_REQUEST_MALFORMED, "the address");
	find_method(method_name, &method);
	if (sk_route_find(method, request->uri, sk_listener_audience(request->listener), &route) < 0)
		return sk_call_refuse(call, SK_REQUEST_MALFORMED, "the address");
	if (route.allowed == 0)
		return sk_call_refuse(call, SK_NOT_FOUND, NULL);
	if (!route.operation)
		return refuse_method(call, &route, method_name);
	call->operation = route.operation;
	r = sk_route_parameters(&route, pairs, n_pairs, &call->values, &faults);
	/* Who may not see the row may not learn either that its id has a mistake: after the admission. */
	if (faults.count > 0 && r == 0) {
		call->faults = malloc(sizeof(*call->faults));
		if (!call->faults)
			return -ENOMEM;
		*call->faults = faults;
	}
	return r == -ENOENT ? 0 : r;
}

static int admit(Request *request)
{
	const SkHeaders headers = {
		.cookie =
			MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, SK_SESSION_COOKIE),
		.csrf = header(request, "Sekisho-CSRF"),
		.fetch_site = header(request, "Sec-Fetch-Site"),
		.content_type = header(request, MHD_HTTP_HEADER_CONTENT_TYPE),
		.content_length = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH),
		.transfer_encoding = header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING),
	};
	SkCall *call = &request->call;
	int r;

	r = sk_server_db(call->server, &call->db);
	/* Where nobody needs to be known, the handler says itself what is wrong. */
	if (r < 0 && call->operation->audience != SK_API_PUBLIC)
		return -ENOTCONN;
	r = sk_admit(call, &headers);
	if (r < 0 || call->reply.status != 0)
		return r;
	if (!call->values)
		return sk_call_refuse(call, SK_NOT_FOUND, NULL);
	if (call->faults)
		return sk_call_refuse(call, SK_REQUEST_INVALID, NULL);
	return sk_once_read(call, header(request, "Idempotency-Key"));
}

/* "bytes=N-" is what somebody sends who goes on where they were cut; any other form is one for all of it. */
static uint64_t read_range(const char *range)
{
	char first[24];
	uint64_t from;
	size_t size = strlen(range);

	if (!sk_str_starts(range, "bytes=") || range[size - 1] != '-' ||
		!sk_str_format(first, sizeof(first), "%.*s", (int)(size - 7), range + 6) ||
		sk_num_parse(first, 10, INT64_MAX, &from) < 0)
		return 0;
	return from;
}

/* The certificate of a connection stays the same, and may end while the connection goes on. */
static void find_terminal(Request *request)
{
	SkConnection *connection = request->watched;
	SkCall *call = &request->call;
	int64_t until;

	if (connection && connection->terminal[0]) {
		memcpy(call->terminal, connection->terminal, sizeof(call->terminal));
		until = connection->terminal_until;
	} else {
		sk_peer_terminal(request->connection, call, &until);
		if (connection) {
			memcpy(connection->terminal, call->terminal, sizeof(connection->terminal));
			connection->terminal_until = until;
		}
	}
	call->certificate_over = until > 0 && until <= sk_time_now();
	if (call->certificate_over)
		call->terminal[0] = 0;
}

/* Seconds are all that the header has. An older agent does not say. */
static void note_clock(SkCall *call, const char *date)
{
	int64_t time;

	call->has_clock = date && sk_http_date_parse(date, &time) == 0;
	if (call->has_clock)
		call->clock_offset = time * 1000 + 500 - sk_time_now();
}

/* The headers are there. */
static int open_request(Request *request, const char *method)
{
	SkCall *call = &request->call;
	const char *agent = header(request, MHD_HTTP_HEADER_USER_AGENT);
	const char *range = header(request, MHD_HTTP_HEADER_RANGE);
	const char *authorization = header(request, MHD_HTTP_HEADER_AUTHORIZATION);
	int r;

	sk_id_new(call->id);
	call->began = sk_monotonic_us();
	if (authorization && !sk_str_copy(call->authorization, sizeof(call->authorization), authorization))
		call->authorization[0] = 0;
	sk_peer_address(request->connection, call);
	call->language = sk_problem_language(header(request, MHD_HTTP_HEADER_ACCEPT_LANGUAGE));
	if (range)
		call->range_from = read_range(range);
	if (agent)
		sk_utf8_escape(call->user_agent, sizeof(call->user_agent), agent, strlen(agent));
	if (atomic_load(&call->server->stopping)) {
		call->reply.retry_after = 5;
		return sk_call_refuse(call, SK_CONSOLE_STOPPING, NULL);
	}
	atomic_fetch_add(&call->server->running, 1);
	request->counted = true;
	if (sk_listener_audience(request->listener) == SK_API_AGENT) {
		note_clock(call, header(request, MHD_HTTP_HEADER_DATE));
		find_terminal(request);
	} else if (!sk_admit_rate(call)) {
		return 0;
	}
	r = find_operation(request, method);
	if (r == 0 && call->reply.status == 0)
		r = admit(request);
	return r;
}

static bool take_body(Request *request, const char *data, size_t size)
{
	size_t most = request->call.operation->max_body;

	if (size > most - request->size)
		return false;
	if (request->size + size > request->room) {
		size_t room = request->room ? request->room * 2 : 4096;
		char *larger;

		while (room < request->size + size)
			room *= 2;
		larger = realloc(request->body, room);
		if (!larger)
			return false;
		request->body = larger;
		request->room = room;
	}
	memcpy(request->body + request->size, data, size);
	request->size += size;
	return true;
}

/* The enrolment comes from an agent that is none yet. */
static bool is_of_agent(const SkApiOperation *operation)
{
	return operation->audience == SK_API_AGENT || sk_str_starts(operation->id, "agent.");
}

static int parse_body(Request *request)
{
	SkCall *call = &request->call;
	SkFaults faults = {0};
	json_error_t error;
	char detail[300];

	if (!call->operation->body_type)
		return 0;
	if (!call->operation->body) {
		call->bytes = request->body;
		call->size = request->size;
		return 0;
	}
	call->body =
		json_loadb(request->body ? request->body : "", request->size, JSON_REJECT_DUPLICATES, &error);
	if (!call->body) {
		sk_str_format(detail, sizeof(detail), "line %d, column %d: %s", error.line, error.column,
			error.text);
		return sk_call_refuse(call, SK_REQUEST_MALFORMED, detail);
	}
	free(request->body);
	request->body = NULL;
	if (is_of_agent(call->operation))
		sk_prune(call->operation->body, call->body);
	if (sk_validate(call->operation->body, call->body, &faults))
		return 0;
	call->faults = malloc(sizeof(*call->faults));
	if (!call->faults)
		return -ENOMEM;
	*call->faults = faults;
	return sk_call_refuse(call, SK_REQUEST_INVALID, NULL);
}

static void resume(void *userdata)
{
	Request *request = userdata;

	MHD_resume_connection(request->connection);
}

static int run(Request *request)
{
	SkCall *call = &request->call;
	int r = 0;

	if (sk_listener_audience(request->listener) == SK_API_AGENT && !call->waiter)
		r = sk_waiter_new(resume, request, &call->waiter);
	call->timed_out =
		call->waited && (sk_waiter_timed_out(call->waiter) || atomic_load(&call->server->stopping));
	if (r == 0)
		r = sk_once_begin(call);
	if (r == 0 && call->reply.status == 0)
		r = sk_api_handlers[call->operation - sk_api_operations](call);
	if (r < 0)
		sk_call_fault(call, r);
	sk_once_keep(call);
	return 0;
}

static void journal(const Request *request)
{
	const SkCall *call = &request->call;
	char status[8];
	const SkLogField fields[] = {{"SEKISHO_REQUEST", call->id},
		{"SEKISHO_OPERATION", call->operation ? call->operation->id : ""}, {"SEKISHO_STATUS", status},
		{"SEKISHO_ADDRESS", call->address}, {"SEKISHO_PERSON", call->caller.person},
		{"SEKISHO_TERMINAL", call->terminal}, {NULL, NULL}};

	sk_str_format(status, sizeof(status), "%u", call->reply.status % 1000);
	sk_log_event(&(SkLogEvent){.priority = LOG_DEBUG, .fields = fields}, "%s %s from %s",
		call->operation ? call->operation->id : "-", status, call->address);
}

static enum MHD_Result answer(Request *request)
{
	request->phase = ANSWERED;
	set_deadline(request, request->call.server->settings->listen.body_sec);
	journal(request);
	sk_metrics_answered(&request->call.server->metrics, sk_listener_audience(request->listener),
		request->call.reply.status,
		request->call.waited ? -1 : sk_monotonic_us() - request->call.began);
	return sk_reply_send(&request->call, request->connection);
}

#define REQUEST_OF(job) ((Request *)(void *)((char *)(job)-offsetof(Request, job)))

static void write_job(SkWriteJob *job, SkDb *db)
{
	SkCall *call = &REQUEST_OF(job)->call;
	int r;

	call->db = db;
	call->reply.retry_after = 0;
	r = sk_api_handlers[call->operation - sk_api_operations](call);
	/* What a group could not do is no fault: it comes again alone. */
	if (r < 0 && sk_db_group_look(db) == SK_DB_PART_GOOD)
		sk_call_fault(call, r);
}

static void fail_job(SkWriteJob *job, SkDb *db, int error)
{
	Request *request = REQUEST_OF(job);

	request->call.db = db;
	sk_call_fault(&request->call, error);
}

static bool is_hopeless(const SkWriteJob *job)
{
	const Request *request = (const Request *)(const void *)((const char *)job - offsetof(Request, job));

	return request->call.reply.status == 503;
}

static void end_job(SkWriteJob *job)
{
	Request *request = REQUEST_OF(job);

	request->call.db = NULL;
	MHD_resume_connection(request->connection);
}

/* What all agents write all the time. These calls have no effect but on the database, and none that is lost
 * when it comes twice. */
static bool is_for_writer(const SkApiOperation *operation)
{
	static const char *const ids[] = {"agent.records", "agent.state", "agent.status"};

	for (size_t i = 0; i < SK_ARRAY_SIZE(ids); i++)
		if (sk_str_eq(operation->id, ids[i]))
			return true;
	return false;
}

static enum MHD_Result hand_over(Request *request)
{
	request->job = (SkWriteJob){.run = write_job,
		.fail = fail_job,
		.is_hopeless = is_hopeless,
		.done = end_job,
		.size = request->size};
	request->phase = WRITTEN;
	set_deadline(request, 0);
	MHD_suspend_connection(request->connection);
	sk_writer_put(request->call.server->writer, &request->job);
	return MHD_YES;
}

static enum MHD_Result go_on(Request *request)
{
	SkCall *call = &request->call;

	request->phase = RUNNING;
	run(request);
	if (call->reply.wait_ms == 0)
		return answer(request);
	call->waited = true;
	/* libmicrohttpd wants the suspension inside of the callback, and the waking may come at any time. */
	set_deadline(request, 0);
	MHD_suspend_connection(request->connection);
	sk_poll_suspended(call->server->poll, call->waiter, sk_monotonic_ms() + call->reply.wait_ms);
	return MHD_YES;
}

/* Decided before the body. */
static enum MHD_Result answer_early(Request *request)
{
	const char *length = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	bool chunked = header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
	uint64_t size = 0;

	if (length && sk_num_parse(length, 10, FORGOTTEN_MAX, &size) < 0)
		return answer(request);
	/* Who asks first has not begun to send it. */
	if ((size == 0 && !chunked) || header(request, MHD_HTTP_HEADER_EXPECT))
		return answer(request);
	request->phase = FORGETTING;
	set_deadline(request, request->call.server->settings->listen.body_sec);
	return MHD_YES;
}

static enum MHD_Result take_piece(Request *request, const char *data, size_t *size)
{
	if (request->phase == FORGETTING) {
		request->size += *size;
		if (request->size > FORGOTTEN_MAX)
			return MHD_NO;
	} else if (!take_body(request, data, *size)) {
		sk_call_refuse(&request->call, SK_BODY_TOO_LARGE, NULL);
		request->phase = FORGETTING;
	}
	*size = 0;
	return MHD_YES;
}

enum MHD_Result sk_http_handle(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload_data, size_t *upload_data_size,
	void **context)
{
	Request *request = *context;
	SkCall *call = request ? &request->call : NULL;
	int r;

	if (!request)
		return MHD_NO;
	if (request->phase == BEGUN) {
		r = open_request(request, method);
		if (r < 0)
			sk_call_fault(call, r);
		if (call->reply.status != 0)
			return answer_early(request);
		request->phase = READING;
		set_deadline(request, call->server->settings->listen.body_sec);
		return MHD_YES;
	}
	if (*upload_data_size > 0)
		return take_piece(request, upload_data, upload_data_size);
	if (request->phase == FORGETTING || request->phase == WRITTEN)
		return answer(request);
	if (request->phase == READING) {
		r = parse_body(request);
		if (r < 0)
			sk_call_fault(call, r);
		if (call->reply.status != 0)
			return answer(request);
		if (is_for_writer(call->operation))
			return hand_over(request);
	}
	return go_on(request);
}

void sk_http_end(
	void *cls, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why)
{
	Request *request = *context;

	if (!request)
		return;
	/* The next request of this connection: its headers, too, have to come in time. */
	set_deadline(request, sk_listener_audience(request->listener) == SK_API_AGENT
				      ? request->call.server->settings->listen.agent_idle_sec
				      : request->call.server->settings->listen.header_sec);
	if (request->counted)
		atomic_fetch_sub(&request->call.server->running, 1);
	sk_waiter_free(request->call.server->poll, request->call.waiter);
	sk_call_deinit(&request->call);
	free(request->uri);
	free(request->body);
	free(request);
	*context = NULL;
}
