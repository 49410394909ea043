/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/reason/reason.h"

#include <stdlib.h>

#include "lib/base/str.h"

static const SkReasonText catalogue[] = {
#define REASON(number, name, severity, en_what, en_next, ja_what, ja_next)                                   \
	{number, #name, severity, en_what, en_next, ja_what, ja_next},
#include "lib/reason/catalogue.def"
#undef REASON
};

static int compare_code(const void *key, const void *entry)
{
	const SkReason *code = key;
	const SkReasonText *text = entry;

	return (*code > text->code) - (*code < text->code);
}

const SkReasonText *sk_reason_find(SkReason code)
{
	return bsearch(&code, catalogue, SK_ARRAY_SIZE(catalogue), sizeof(catalogue[0]), compare_code);
}

SkReason sk_reason_or(uint64_t code, SkReason other)
{
	return sk_reason_find((SkReason)code) ? (SkReason)code : other;
}

const SkReasonText *sk_reason_all(size_t *ret_count)
{
	*ret_count = SK_ARRAY_SIZE(catalogue);
	return catalogue;
}

void sk_reason_format_code(char buffer[SK_REASON_CODE_SIZE], SkReason code)
{
	sk_str_format(buffer, SK_REASON_CODE_SIZE, "SK-%04u", (unsigned)code % 10000);
}
