/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/act.h"

#include <errno.h>
#include <stdlib.h>

#include "console/server/once.h"
#include "console/store/sql.h"
#include "lib/reason/reason.h"

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
	json_t *row = NULL;

	if (r != 0)
		return r < 0 ? r : 0;
	r = sk_table_read(call->db, table, &call->caller.scope, id, &row);
	return r < 0 ? r : sk_call_answer(call, status, row);
}

static int answer_page(SkCall *call, const SkTable *table, SkList *list, SkRowAdd add)
{
	SkPage page = {.items = NULL};
	json_t *row;
	size_t i;
	int r;

	list->sort = sk_call_text(call, "sort");
	list->after = sk_call_text(call, "after");
	list->limit = (unsigned)sk_call_int(call, "limit");
	r = sk_table_list(call->db, table, &call->caller.scope, list, &page);
	json_array_foreach (page.items, i, row)
		if (r == 0 && add)
			r = add(call->db, row);
	if (r < 0) {
		json_decref(page.items);
		return r;
	}
	return sk_call_answer(call, 200,
		page.next[0] ? json_pack("{s:o, s:s}", "items", page.items, "next", page.next)
			     : json_pack("{s:o, s:n}", "items", page.items, "next"));
}

int sk_call_answer_list(SkCall *call, const SkTable *table, const SkFilter *filters, size_t n_filters)
{
	SkFilter used[16];
	SkList list = {.filters = used};

	/* A filter that was not asked for has no text. */
	for (size_t i = 0; i < n_filters && list.n_filters < sizeof(used) / sizeof(*used); i++)
		if (filters[i].text)
			used[list.n_filters++] = filters[i];
	return answer_page(call, table, &list, NULL);
}

int sk_call_answer_list_with(SkCall *call, const SkTable *table, const SkFilter *filter, SkRowAdd add)
{
	SkList list = {.filters = filter, .n_filters = filter && filter->text ? 1 : 0};

	return answer_page(call, table, &list, add);
}
