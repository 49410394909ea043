/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

/* Without memory a library reports, it does not end the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "lib/base/str.h"
#include "policy/rule.h"

void sk_policy_snapshot_free(SkPolicySnapshot *snapshot)
{
	if (!snapshot)
		return;
	sk_index_free(snapshot->index);
	for (size_t i = 0; i < snapshot->n_files; i++)
		sk_policy_file_free(snapshot->files[i]);
	free(snapshot->files);
	free(snapshot->rules);
	sk_arena_free(&snapshot->arena);
	free(snapshot);
}

size_t sk_policy_count(const SkPolicySnapshot *snapshot)
{
	return snapshot->n_rules;
}

static int check_names(SkPolicyFile **files, size_t n_files, const SkPolicyReport *report)
{
	int r = 0;

	for (size_t i = 0; i < n_files; i++)
		for (size_t k = 0; k < i; k++) {
			char first[SK_QUOTE_SIZE];

			if (!sk_str_eq(files[i]->base_name, files[k]->base_name))
				continue;
			sk_policy_report(report, &(SkPlace){SK_POLICY_ERROR, files[i]->name, 0, 0},
				N_("has the same name as %s; rename one, the ids of their rules would be the "
				   "same"),
				sk_policy_quote(first, files[k]->name, strlen(files[k]->name)));
			r = -EINVAL;
		}
	return r;
}

typedef struct KnownId {
	const char *id;
	const SkRule *rule;
	UT_hash_handle hh;
} KnownId;

static void free_known(KnownId **known)
{
	KnownId *item, *next;

	HASH_ITER (hh, *known, item, next) {
		HASH_DEL(*known, item);
		free(item);
	}
}

static int check_id(KnownId **known, const SkRule *rule, const SkPolicyReport *report)
{
	KnownId *item;

	HASH_FIND_STR(*known, rule->effects->id, item);
	if (item) {
		char first[SK_QUOTE_SIZE];

		sk_policy_report(report, &(SkPlace){SK_POLICY_ERROR, rule->file->name, rule->line, 1},
			N_("the id \"%s\" is already that of %s:%u"), rule->effects->id,
			sk_policy_quote(first, item->rule->file->name, strlen(item->rule->file->name)),
			item->rule->line);
		return -EINVAL;
	}
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->id = rule->effects->id;
	item->rule = rule;
	HASH_ADD_KEYPTR(hh, *known, item->id, strlen(item->id), item);
	if (item->hh.tbl)
		return 0;
	free(item);
	return -ENOMEM;
}

static int check_ids(SkPolicyFile **files, size_t n_files, const SkPolicyReport *report)
{
	KnownId *known = NULL;
	int result = 0;

	for (size_t i = 0; i < n_files && result != -ENOMEM; i++)
		for (size_t k = 0; k < files[i]->n_rules && result != -ENOMEM; k++) {
			const SkRule *rule = &files[i]->rules[k];
			int r = rule->effects && rule->effects->id ? check_id(&known, rule, report) : 0;

			result = r < 0 ? r : result;
		}
	free_known(&known);
	return result;
}

static int join(SkPolicySnapshot *snapshot, SkPolicyFile **files, size_t n_files)
{
	size_t n = 0;

	for (size_t i = 0; i < n_files; i++)
		n += files[i]->n_rules;
	/* numbers of rules have 32 bits in the index, the highest one is no rule */
	if (n >= UINT32_MAX)
		return -EINVAL;
	snapshot->rules = calloc(n + 1, sizeof(*snapshot->rules));
	if (!snapshot->rules)
		return -ENOMEM;
	for (size_t i = 0; i < n_files; i++) {
		if (files[i]->n_rules)
			memcpy(snapshot->rules + snapshot->n_rules, files[i]->rules,
				files[i]->n_rules * sizeof(*snapshot->rules));
		snapshot->n_rules += files[i]->n_rules;
	}
	snapshot->index = sk_index_build(snapshot->rules, n);
	return snapshot->index ? 0 : -ENOMEM;
}

int sk_policy_compile(
	SkPolicyFile **files, size_t n_files, const SkPolicyReport *report, SkPolicySnapshot **ret_snapshot)
{
	own_policy_snapshot SkPolicySnapshot *snapshot = NULL;
	int r = check_names(files, n_files, report), r_ids = check_ids(files, n_files, report);

	if (r < 0 || r_ids < 0)
		return r < 0 ? r : r_ids;
	snapshot = calloc(1, sizeof(*snapshot));
	if (!snapshot)
		return -ENOMEM;
	r = join(snapshot, files, n_files);
	if (r < 0)
		return r;
	snapshot->files = calloc(n_files + 1, sizeof(*snapshot->files));
	if (!snapshot->files)
		return -ENOMEM;
	snapshot->n_files = n_files;
	for (size_t i = 0; i < n_files; i++) {
		snapshot->files[i] = own_take(files[i]);
		/* the snapshot has its own copy, side by side with those of the other files */
		free(snapshot->files[i]->rules);
		snapshot->files[i]->rules = NULL;
	}
	*ret_snapshot = own_take(snapshot);
	return 0;
}

static void default_verdict(
	const SkFound *found, const SkPolicyContext *context, SkPolicyVerdict *ret_verdict)
{
	*ret_verdict = (SkPolicyVerdict){
		.target = SK_POLICY_BLOCK,
		.mode = context->mode,
		.rule = SK_POLICY_NO_RULE,
		.rule_target = SK_POLICY_BLOCK,
		.id = "default",
		.file = "",
		.medium_pending = found->pending,
		.valid_for_sec = found->valid_for_sec,
	};
}

static void add_effects(const SkEffects *effects, SkPolicyVerdict *verdict)
{
	verdict->message = effects->message;
	verdict->message_ja = effects->message_ja;
	if (verdict->target != SK_POLICY_ALLOW)
		return;
	verdict->grants = effects->grants;
	verdict->n_grants = effects->n_grants;
	verdict->import = effects->import;
	verdict->allow_types = effects->allow_types;
	verdict->refuse_types = effects->refuse_types;
	if (effects->media)
		verdict->media = effects->media;
	if (effects->scan)
		verdict->scan = effects->scan;
}

void sk_policy_evaluate(const SkPolicySnapshot *snapshot, const SkPolicyDevice *device,
	const SkPolicyContext *context, SkPolicyVerdict *ret_verdict)
{
	const SkRule *rule;
	SkFound found;

	sk_index_find(snapshot->index, device, context, &found);
	if (found.rule == SK_POLICY_NO_RULE) {
		default_verdict(&found, context, ret_verdict);
		return;
	}
	rule = &snapshot->rules[found.rule];
	*ret_verdict = (SkPolicyVerdict){
		.target = rule->target <= SK_POLICY_REJECT ? rule->target : SK_POLICY_BLOCK,
		.mode = rule->file->has_mode ? rule->file->mode : context->mode,
		.rule = found.rule,
		.rule_target = rule->target,
		.id = rule->id,
		.file = rule->file->name,
		.line = rule->line,
		.medium_pending = found.pending,
		.valid_for_sec = found.valid_for_sec,
	};
	if (ret_verdict->target == SK_POLICY_ALLOW) {
		ret_verdict->media = SK_POLICY_MEDIA_READ_ONLY;
		ret_verdict->scan = SK_POLICY_SCAN_REQUIRED;
	}
	if (rule->effects)
		add_effects(rule->effects, ret_verdict);
}
