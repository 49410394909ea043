/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/admit.h"

#include <string.h>
#include <strings.h>

#include "console/server/connections.h"
#include "console/server/server.h"
#include "console/server/session.h"
#include "lib/base/str.h"
#include "lib/crypt/secret.h"

static bool changes(const SkApiOperation *operation)
{
	return operation->method != SK_API_GET && operation->method != SK_API_HEAD;
}

bool sk_admit_rate(SkCall *call)
{
	uint64_t wait = sk_limit_take(
		call->server->requests, call->address, strlen(call->address), (uint64_t)sk_monotonic_ms());

	if (wait > 0)
		sk_call_refuse_for(call, SK_TOO_MANY_REQUESTS, wait);
	return wait == 0;
}

/* A browser says where a request comes from; other programs say nothing, and carry no foreign cookies. */
static bool is_from_elsewhere(const SkHeaders *headers)
{
	return headers->fetch_site && !sk_str_eq(headers->fetch_site, "same-origin") &&
	       !sk_str_eq(headers->fetch_site, "none");
}

static bool csrf_fits(const SkCall *call, const SkHeaders *headers)
{
	size_t size = strlen(call->caller.csrf);

	return headers->csrf && strlen(headers->csrf) == size &&
	       sk_secret_equal(headers->csrf, call->caller.csrf, size);
}

static int admit_person(SkCall *call, const SkHeaders *headers)
{
	const SkApiOperation *operation = call->operation;
	int r = headers->cookie ? sk_session_load(call, headers->cookie) : 0;

	if (r < 0)
		return r;
	if (!call->caller.session[0])
		return sk_call_refuse(call, SK_NOT_SIGNED_IN, NULL);
	if (!operation->half && call->caller.state == SK_LACKS_SECOND_FACTOR)
		return sk_call_refuse(call, SK_SECOND_FACTOR_MISSING, NULL);
	if (!operation->half && call->caller.state == SK_LACKS_PASSWORD)
		return sk_call_refuse(call, SK_PASSWORD_CHANGE_NEEDED, NULL);
	if (operation->roles &&
		!((operation->everywhere ? call->caller.roles_everywhere : call->caller.roles) &
			operation->roles))
		return sk_call_refuse(call, SK_ROLE_MISSING, NULL);
	if (changes(operation) && !csrf_fits(call, headers))
		return sk_call_refuse(call, SK_REQUEST_NOT_FROM_HERE, NULL);
	if (operation->fresh)
		(void)sk_call_is_fresh(call);
	return 0;
}

/* "application/json; charset=utf-8" is application/json. */
static bool type_fits(const char *wanted, const char *type)
{
	size_t size = strlen(wanted);

	return type && strncasecmp(type, wanted, size) == 0 &&
	       (type[size] == 0 || type[size] == ';' || type[size] == ' ');
}

static int check_body(SkCall *call, const SkHeaders *headers)
{
	const SkApiOperation *operation = call->operation;
	bool has_body = headers->transfer_encoding ||
			(headers->content_length && !sk_str_eq(headers->content_length, "0"));
	uint64_t length;

	if (!operation->body_type)
		return has_body ? sk_call_refuse_member(
					  call, SK_REQUEST_INVALID, "", "no body is expected here")
				: 0;
	if (!type_fits(operation->body_type, headers->content_type))
		return sk_call_refuse(call, SK_MEDIA_TYPE_UNKNOWN, operation->body_type);
	if (headers->content_length && (sk_num_parse(headers->content_length, 10, UINT64_MAX, &length) < 0 ||
					       length > operation->max_body))
		return sk_call_refuse(call, SK_BODY_TOO_LARGE, NULL);
	return 0;
}

int sk_admit(SkCall *call, const SkHeaders *headers)
{
	int r = 0;

	if (changes(call->operation) && is_from_elsewhere(headers))
		return sk_call_refuse(call, SK_REQUEST_NOT_FROM_HERE, headers->fetch_site);
	if (call->operation->audience == SK_API_PEOPLE)
		r = admit_person(call, headers);
	if (call->operation->audience == SK_API_AGENT && !call->terminal[0])
		r = sk_call_refuse(
			call, call->certificate_over ? SK_CERTIFICATE_OVER : SK_TERMINAL_UNKNOWN, NULL);
	if (r == 0 && call->reply.status == 0)
		r = check_body(call, headers);
	return r;
}
