/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "console/api/format.h"
#include "console/api/route.h"
#include "console/api/validate.h"
#include "lib/base/str.h"

static const SkApiOperation *operation(const char *id)
{
	for (size_t i = 0; i < sk_api_operations_size; i++)
		if (sk_str_eq(sk_api_operations[i].id, id))
			return &sk_api_operations[i];
	fail_msg("no operation %s", id);
	return NULL;
}

static void test_formats(void **state)
{
	static const struct {
		SkApiFormat format;
		const char *text;
		bool good;
	} cases[] = {
		{SK_API_DATE_TIME, "2026-04-01T09:00:00Z", true},
		{SK_API_DATE_TIME, "2026-04-01T09:00:00.123+09:00", true},
		{SK_API_DATE_TIME, "2024-02-29T00:00:00Z", true},
		{SK_API_DATE_TIME, "2026-02-29T00:00:00Z", false},
		{SK_API_DATE_TIME, "2026-04-01T24:00:00Z", false},
		{SK_API_DATE_TIME, "2026-04-01T09:00:60Z", false},
		{SK_API_DATE_TIME, "2026-04-01T09:00:00", false},
		{SK_API_DATE_TIME, "2026-04-01t09:00:00Z", false},
		{SK_API_DATE_TIME, "2026-04-01T09:00:00.Z", false},
		{SK_API_DATE_TIME, "2026-04-01T09:00:00+9:00", false},
		{SK_API_DATE, "2026-12-31", true},
		{SK_API_DATE, "2026-13-01", false},
		{SK_API_DATE, "2026-12-3", false},
		{SK_API_ID, "01M80XDJ368KGJA8VMYR5EF5FY", true},
		{SK_API_ID, "01M80XDJ368KGJA8VMYR5EF5FI", false},
		{SK_API_ID, "01M80XDJ368KGJA8VMYR5EF5F", false},
		{SK_API_URI, "https://example.org/a?b=c", true},
		{SK_API_URI, "example", false},
		{SK_API_URI, "https://exa mple", false},
		{SK_API_EMAIL, "a.b@example.org", true},
		{SK_API_EMAIL, "a@b@c", false},
		{SK_API_EMAIL, "a@b..c", false},
		{SK_API_EMAIL, "a\r\nBcc: b@c", false},
		{SK_API_BASE64, "QUJD", true},
		{SK_API_BASE64, "QUI=", true},
		{SK_API_BASE64, "QUI", false},
		{SK_API_BASE64, "Q===", false},
		{SK_API_BASE64URL, "QUI-_w", true},
		{SK_API_BASE64URL, "QUI=", false},
		{SK_API_BASE64URL, "QUI+", false},
		{SK_API_BASE64URL, "QUJDQ", false},
		{SK_API_HEX, "00ff", true},
		{SK_API_HEX, "00F", false},
		{SK_API_TEXT, "山田 花子", true},
		{SK_API_TEXT, " x", false},
		{SK_API_TEXT, "a\nb", false},
		{SK_API_TEXT,
			"a\xe2\x80\xae"
			"b",
			false},
		{SK_API_TEXT, "a\xc2\x85", false},
		{SK_API_LINES, "a\nb", true},
		{SK_API_LINES, "a\x1b[1m", false},
		{SK_API_LOGIN, "a.b-c_d@e", true},
		{SK_API_LOGIN, ".a", false},
		{SK_API_CODE, "SK-5001", true},
		{SK_API_CODE, "SK-500x", false},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		if (sk_format_check(cases[i].format, cases[i].text, strlen(cases[i].text)) != cases[i].good)
			fail_msg("case %zu: %s", i, cases[i].text);
	assert_int_equal(sk_format_length("山田a", strlen("山田a")), 3);
}

static void test_pointers(void **state)
{
	json_auto_t *body = json_pack("{s:s, s:i, s:{}, s:s, s:s, s:s}", "login", "a b", "name", 7, "a/b~c\n",
		"role", "king", "facility", "01M80XDJ368KGJA8VMYR5EF5FY", "identityCheck", "");
	static const char *const wanted[] = {"/login", "/name", "/a~1b~0c\\u{a}", "/role", "/identityCheck"};
	SkFaults faults = {0};

	assert_false(sk_validate(operation("person.create")->body, body, &faults));
	assert_int_equal(faults.count, SK_ARRAY_SIZE(wanted));
	for (size_t i = 0; i < faults.count; i++) {
		bool found = false;

		for (size_t k = 0; k < SK_ARRAY_SIZE(wanted); k++)
			found |= sk_str_eq(faults.items[i].pointer, wanted[k]);
		if (!found)
			fail_msg("%s: %s", faults.items[i].pointer, faults.items[i].detail);
	}
}

static void test_bounded(void **state)
{
	json_auto_t *body = json_object();
	SkFaults faults = {0};
	char name[2000];

	for (int i = 0; i < 1000; i++) {
		memset(name, 'x', sizeof(name) - 1);
		sk_str_format(name, 8, "%d", i);
		name[strlen(name)] = 'x';
		name[sizeof(name) - 1] = 0;
		json_object_set_new(body, name, json_integer(i));
	}
	assert_false(sk_validate(operation("person.create")->body, body, &faults));
	assert_int_equal(faults.count, SK_VALIDATE_MAX);
}

static void test_null(void **state)
{
	json_auto_t *good = json_pack("{s:i, s:n}", "version", 1, "email"),
		    *bad = json_pack("{s:n}", "version");
	SkFaults faults = {0};

	assert_true(sk_validate(operation("person.change")->body, good, &faults));
	assert_false(sk_validate(operation("person.change")->body, bad, &faults));
}

static void test_routes(void **state)
{
	static const char id[] = "/api/v1/people/01M80XDJ368KGJA8VMYR5EF5FY";
	SkRoute route;

	assert_int_equal(sk_route_find(SK_API_GET, "/api/v1/people", SK_API_PEOPLE, &route), 0);
	assert_string_equal(route.operation->id, "person.list");
	assert_int_equal(route.allowed, 1 << SK_API_GET | 1 << SK_API_HEAD | 1 << SK_API_POST);
	assert_int_equal(sk_route_find(SK_API_HEAD, "/api/v1/people", SK_API_PEOPLE, &route), 0);
	assert_string_equal(route.operation->id, "person.list");
	assert_int_equal(sk_route_find(SK_API_PATCH, id, SK_API_PEOPLE, &route), 0);
	assert_string_equal(route.operation->id, "person.change");
	assert_string_equal(route.values[3], id + 15);
	/* Agents have no people. */
	assert_int_equal(sk_route_find(SK_API_GET, "/api/v1/people", SK_API_AGENT, &route), 0);
	assert_int_equal(route.allowed, 0);
	assert_int_equal(sk_route_find(SK_API_GET, "/api/v1/people/", SK_API_PEOPLE, &route), 0);
	assert_null(route.operation);
	assert_int_equal(sk_route_find(SK_API_GET, "/api/v1/people%", SK_API_PEOPLE, &route), -EINVAL);
	assert_int_equal(sk_route_find(SK_API_GET, "/api/v1/%00", SK_API_PEOPLE, &route), -EINVAL);
	assert_int_equal(sk_route_find(SK_API_GET, "/api/v1/%ff", SK_API_PEOPLE, &route), -EINVAL);
	assert_int_equal(sk_route_find(SK_API_GET, "", SK_API_PEOPLE, &route), -EINVAL);
}

static void test_parameters(void **state)
{
	char query[] = "limit=7&after=a%2eb&state=active";
	char bad[] = "limit=501&limit=1&x&state=", many[] = "a&b&c&d&e";
	SkQueryPair pairs[4];
	SkFaults faults = {0};
	json_t *values = NULL;
	SkRoute route;
	size_t count;

	assert_int_equal(sk_route_find(SK_API_GET, "/api/v1/people", SK_API_PEOPLE, &route), 0);
	assert_int_equal(sk_route_query(query, pairs, 4, &count), 0);
	assert_int_equal(sk_route_parameters(&route, pairs, count, &values, &faults), 0);
	assert_int_equal(faults.count, 0);
	assert_int_equal(json_integer_value(json_object_get(values, "limit")), 7);
	assert_string_equal(json_string_value(json_object_get(values, "after")), "a.b");
	json_decref(values);
	assert_int_equal(sk_route_parameters(&route, NULL, 0, &values, &faults), 0);
	assert_int_equal(json_integer_value(json_object_get(values, "limit")), 100);
	json_decref(values);
	assert_int_equal(sk_route_query(bad, pairs, 4, &count), 0);
	assert_int_equal(sk_route_parameters(&route, pairs, count, &values, &faults), 0);
	assert_int_equal(faults.count, 4);
	json_decref(values);
	assert_int_equal(sk_route_query(many, pairs, 4, &count), -EINVAL);
}

/* A later agent says more, at any depth; a person's browser may not. */
static void test_prune(void **state)
{
	json_t *body = json_pack("{s:i, s:[{s:s, s:s, s:s, s:{s:i}}], s:n}", "revision", 1, "results",
		"payload", "00", "outcome", "applied", "detail", "", "new", "deep", 1, "later");
	const SkApiNode *node = operation("agent.state")->body;
	SkFaults faults = {0};

	assert_false(sk_validate(node, body, &faults));
	assert_int_equal(faults.count, 3); /* two members, and the digest */
	sk_prune(node, body);
	assert_int_equal(json_object_size(body), 2);
	assert_int_equal(json_object_size(json_array_get(json_object_get(body, "results"), 0)), 3);
	json_decref(body);
	/* What is no object at all is left for the check. */
	body = json_string("x");
	sk_prune(node, body);
	assert_string_equal(json_string_value(body), "x");
	json_decref(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_prune),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
