/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/act.h"

#include <errno.h>
#include <stdlib.h>

#include "console/server/once.h"
#include "console/store/sql.h"
#include "lib/reason/reason.h"

void sk_call_scope_deinit(SkCallScope *scope)
{
	json_decref(scope->names);
	free(scope->facilities);
}

/* Appends "role = $n OR role = $m …" for the roles of the operation. */
static void add_roles(SkSql *sql, uint32_t roles)
{
	sk_sql_add(sql, " AND (1 = 0");
	for (uint32_t bit = 1; bit <= SK_ROLE_ADMINISTRATOR; bit <<= 1)
		if (roles & bit) {
			sk_sql_add(sql, " OR role = ");
			sk_sql_value(sql, sk_db_text(sk_api_role_name(bit)));
		}
	sk_sql_add(sql, ")");
}

static int read_facilities(SkDbRows *rows, SkCallScope *scope)
{
	const json_t *name;
	size_t i;
	int r;

	while ((r = sk_db_next(rows)) == 1) {
		/* NULL: the role is held for every facility. */
		if (sk_db_is_null(rows, 0))
			scope->scope.all = true;
		else if (json_array_append_new(scope->names, json_string(sk_db_get_text(rows, 0))) < 0)
			return -ENOMEM;
	}
	if (r < 0)
		return r;
	scope->facilities = calloc(json_array_size(scope->names) + 1, sizeof(char *));
	if (!scope->facilities)
		return -ENOMEM;
	json_array_foreach (scope->names, i, name)
		scope->facilities[i] = json_string_value(name);
	scope->scope.facilities = scope->facilities;
	scope->scope.n_facilities = json_array_size(scope->names);
	return 0;
}

int sk_call_scope(SkCall *call, SkCallScope *ret_scope)
{
	own_rows SkDbRows *rows = NULL;
	own_sql SkSql *sql = NULL;
	int r;

	*ret_scope = (SkCallScope){.names = json_array()};
	if (!ret_scope->names)
		return -ENOMEM;
	r = sk_sql_new(call->db,
		"SELECT DISTINCT facility_id FROM person_roles WHERE removed IS NULL AND person_id = ", &sql);
	if (r < 0)
		return r;
	sk_sql_value(sql, sk_db_text(call->caller.person));
	add_roles(sql, call->operation->roles);
	r = sk_sql_query(sql, &rows);
	return r < 0 ? r : read_facilities(rows, ret_scope);
}

typedef struct Acting {
	const SkCall *call;
	int (*rule)(const SkActor *actor, void *userdata);
	void *userdata;
} Acting;

static int run(SkDb *db, void *userdata)
{
	const Acting *acting = userdata;
	const SkActor actor = sk_call_actor(acting->call, db);
	int r = acting->rule(&actor, acting->userdata);

	return r != 0 ? r : sk_once_claim(acting->call, db);
}

/* What the rules and the tables say, as the contract knows it. */
static int refuse(SkCall *call, int r)
{
	if (r == -EACCES ||
		r == -ESTALE) /* a facility, a person or a medium that does not exist for the caller */
		r = SK_NOT_FOUND;
	else if (r == -ECANCELED)
		r = SK_CHANGED_MEANWHILE;
	else if (r == -EINVAL)
		r = SK_REQUEST_INVALID;
	if (r < 0)
		return r;
	r = sk_call_refuse(call, (SkReason)r, NULL);
	return r < 0 ? r : 1;
}

int sk_call_act(SkCall *call, int (*rule)(const SkActor *actor, void *userdata), void *userdata)
{
	Acting acting = {.call = call, .rule = rule, .userdata = userdata};
	int r = sk_db_transact(call->db, run, &acting);

	call->once.claimed = call->once.claimed || (r == 0 && call->once.key[0]);
	return r == 0 ? 0 : refuse(call, r);
}

int sk_call_answer_row(SkCall *call, int r, unsigned status, const SkTable *table, const char *id)
{
	own_call_scope SkCallScope scope = {.names = NULL};
	json_t *row = NULL;

	if (r != 0)
		return r < 0 ? r : 0;
	r = sk_call_scope(call, &scope);
	if (r == 0)
		r = sk_table_read(call->db, table, &scope.scope, id, &row);
	return r < 0 ? r : sk_call_answer(call, status, row);
}

int sk_call_answer_list(SkCall *call, const SkTable *table, const SkFilter *filters, size_t n_filters)
{
	own_call_scope SkCallScope scope = {.names = NULL};
	SkFilter used[16];
	SkList list = {.filters = used,
		.sort = sk_call_text(call, "sort"),
		.after = sk_call_text(call, "after"),
		.limit = (unsigned)sk_call_int(call, "limit")};
	SkPage page = {.items = NULL};
	int r = sk_call_scope(call, &scope);

	/* A filter that was not asked for has no text. */
	for (size_t i = 0; i < n_filters && list.n_filters < sizeof(used) / sizeof(*used); i++)
		if (filters[i].text)
			used[list.n_filters++] = filters[i];
	if (r == 0)
		r = sk_table_list(call->db, table, &scope.scope, &list, &page);
	if (r < 0)
		return r;
	return sk_call_answer(call, 200,
		page.next[0] ? json_pack("{s:o, s:s}", "items", page.items, "next", page.next)
			     : json_pack("{s:o, s:n}", "items", page.items, "next"));
}
