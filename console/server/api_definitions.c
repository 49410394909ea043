/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virus definitions: for agents, and for the people who look after them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "api_handlers.h"
#include "console/rules/definitions.h"
#include "console/server/act.h"
#include "console/server/agent_call.h"
#include "console/server/server.h"
#include "console/server/trust.h"
#include "console/store/time.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

/* sha256: hexadecimal digits, checked by the contract or written by us. Return: descriptor or negative errno.
 */
static int open_file(const SkServer *server, const char *sha256)
{
	char path[PATH_MAX];
	int fd;

	if (!sk_str_format(
		    path, sizeof(path), "%s/files/%s", server->settings->definitions.directory, sha256))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static bool is_here(void *userdata, const char *sha256)
{
	own_fd int fd = open_file(userdata, sha256);

	return fd >= 0;
}

static int sign_list(SkCall *call, json_t **ret_envelope)
{
	json_t *payload = NULL;
	int r = sk_definitions_list(call->db, is_here, call->server, &payload);

	return r < 0 ? r : sk_trust_sign(call->server, SK_DSSE_DEFINITIONS, payload, ret_envelope);
}

static int refuse_none(SkCall *call, int r)
{
	return r == -ENOENT ? sk_call_refuse(call, SK_DEFINITIONS_NONE, NULL) : r;
}

int sk_api_agent_definitions(SkCall *call)
{
	json_t *envelope = NULL;
	int64_t spread = 0;
	int r = sk_agent_check(call);

	if (r != 0)
		return r < 0 ? r : 0;
	r = sign_list(call, &envelope);
	if (r == 0)
		r = sk_definitions_spread(call->db, &spread);
	if (r < 0)
		return refuse_none(call, r);
	return sk_call_answer(
		call, 200, json_pack("{s:o, s:I}", "envelope", envelope, "spread", (json_int_t)spread));
}

int sk_api_agent_definition(SkCall *call)
{
	own_fd int fd = -1;
	struct stat st;
	int r = sk_agent_check(call);

	if (r != 0)
		return r < 0 ? r : 0;
	fd = open_file(call->server, sk_call_text(call, "digest"));
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return refuse_none(call, fd == -ENOENT || fd >= 0 ? -ENOENT : fd);
	return sk_call_answer_rest(call, "application/octet-stream", own_take_fd(&fd), (size_t)st.st_size);
}

/* They are everybody's: whoever holds one of the roles anywhere sees them. */
int sk_api_definition_list(SkCall *call)
{
	const SkFilter state = {"state", SK_FILTER_EQUAL, sk_call_text(call, "state")};
	const SkList list = {.filters = &state,
		.n_filters = state.text != NULL,
		.descending = true,
		.after = sk_call_text(call, "after"),
		.limit = (unsigned)sk_call_int(call, "limit")};
	SkPage page = {.items = NULL};
	int r = sk_table_list(call->db, &sk_definition_files_table, SK_SCOPE_ALL, &list, &page);

	if (r < 0)
		return r;
	return sk_call_answer(call, 200,
		json_pack("{s:o, s:s?}", "items", page.items, "next", page.next[0] ? page.next : NULL));
}

int sk_api_definition_manifest(SkCall *call)
{
	json_t *envelope = NULL;
	int r = sign_list(call, &envelope);

	return r < 0 ? refuse_none(call, r) : sk_call_answer(call, 200, envelope);
}

int sk_api_definition_ages(SkCall *call)
{
	const char *after = sk_call_text(call, "after"), *next = NULL;
	unsigned limit = (unsigned)sk_call_int(call, "limit");
	json_t *rows = NULL;
	int r;

	if (after && !sk_id_check(after))
		return -EINVAL;
	r = sk_definitions_ages(call->db, &call->caller.scope,
		&(SkAgesPage){after ? after : "", limit, sk_time_now()}, &rows);
	if (r < 0)
		return r;
	if (json_array_size(rows) == limit)
		next = sk_row_text(json_array_get(rows, limit - 1), "terminal");
	return sk_call_answer(call, 200, json_pack("{s:o, s:s?}", "items", rows, "next", next));
}
