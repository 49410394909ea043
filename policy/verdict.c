/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "lib/base/str.h"
#include "policy/rule.h"

#define TELL(text) sk_translate(translate, text)

bool sk_policy_verdict_grants(const SkPolicyVerdict *verdict, const SkPolicyInterface *interface)
{
	if (verdict->target != SK_POLICY_ALLOW)
		return false;
	if (!verdict->grants)
		return true;
	for (size_t i = 0; i < verdict->n_grants; i++)
		if (sk_policy_interface_covers(&verdict->grants[i], interface))
			return true;
	return false;
}

uint32_t sk_policy_verdict_refuse_types(const SkPolicyVerdict *verdict, uint32_t settings)
{
	return (settings & ~verdict->allow_types) | verdict->refuse_types;
}

void sk_policy_verdict_tell(const SkPolicyVerdict *verdict, SkTranslate translate, char *buffer, size_t size)
{
	char file[SK_QUOTE_SIZE];
	const char *target = sk_policy_target_name(verdict->target);
	const char *ends = verdict->valid_for_sec == SK_POLICY_FOREVER ? "" : TELL(N_("; for a time"));
	const char *pending =
		verdict->medium_pending ? TELL(N_("; depends on the medium, to be asked again")) : "";

	if (verdict->rule == SK_POLICY_NO_RULE) {
		sk_str_format(buffer, size, TELL(N_("no rule applies, the default is %s%s%s")), target,
			pending, ends);
		return;
	}
	sk_policy_quote(file, verdict->file, strlen(verdict->file));
	if (verdict->rule_target != verdict->target)
		sk_str_format(buffer, size,
			TELL(N_("rule %s (%s:%u) has the target %s, which allows nothing: %s%s%s")),
			verdict->id, file, verdict->line, sk_policy_target_name(verdict->rule_target), target,
			pending, ends);
	else
		sk_str_format(buffer, size, TELL(N_("rule %s (%s:%u)%s%s%s%s")), verdict->id, file,
			verdict->line, verdict->grants ? TELL(N_(" grants some of its interfaces")) : "",
			pending, ends,
			verdict->mode == SK_POLICY_ENFORCE
				? ""
				: TELL(N_("; recorded only, the mode is not enforce")));
}

void sk_policy_verdict_reason(const SkPolicyVerdict *verdict, char *buffer, size_t size)
{
	sk_policy_verdict_tell(verdict, NULL, buffer, size);
}
