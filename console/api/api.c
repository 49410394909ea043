/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/api/api.h"

#include <stdlib.h>

#include "lib/base/str.h"

static int compare_code(const void *key, const void *entry)
{
	const SkReason *code = key;
	const SkApiProblem *problem = entry;

	return (*code > problem->code) - (*code < problem->code);
}

unsigned sk_api_status(SkReason code)
{
	const SkApiProblem *problem = bsearch(
		&code, sk_api_problems, sk_api_problems_size, sizeof(sk_api_problems[0]), compare_code);

	return problem ? problem->status : 500;
}

const char *sk_api_method_name(SkApiMethod method)
{
	static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

	return (size_t)method < SK_ARRAY_SIZE(names) ? names[method] : NULL;
}

static const char *const role_names[] = {"staff", "approver", "security-officer", "auditor", "administrator"};

uint32_t sk_api_role_bit(const char *name)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(role_names); i++)
		if (sk_str_eq(name, role_names[i]))
			return 1u << i;
	return 0;
}

const char *sk_api_role_name(uint32_t bit)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(role_names); i++)
		if (bit == 1u << i)
			return role_names[i];
	return NULL;
}
