/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>

#include "agent/scanner/verdict.h"
#include "lib/base/str.h"

#define ALL 15u

static void a_signature_wins_over_everything(void **state)
{
	Report report = {.types = SK_TYPE_PROGRAM};
	char finding[SK_FINDING_SIZE];

	report_add_alert(&report, "Heuristics.Limits.Exceeded.MaxFiles");
	report_set_error(&report, "x");
	report_add_alert(&report, "Win.Test-1");
	assert_int_equal(report_decide(&report, ALL, finding), SK_VERDICT_INFECTED);
	assert_string_equal(finding, "Win.Test-1");
}

static void a_refused_type_is_named(void **state)
{
	Report report = {.types = SK_TYPE_SCRIPT};
	char finding[SK_FINDING_SIZE];

	assert_int_equal(report_decide(&report, SK_TYPE_SCRIPT, finding), SK_VERDICT_TYPE);
	assert_string_equal(finding, "script");
	assert_int_equal(report_decide(&report, SK_TYPE_PROGRAM, finding), SK_VERDICT_CLEAN);
	assert_string_equal(finding, "");
}

static void heuristics_of_types_are_types(void **state)
{
	static const struct {
		const char *alert;
		uint32_t types;
	} cases[] = {
		{"Heuristics.Encrypted.Zip", SK_TYPE_ENCRYPTED_ARCHIVE},
		{"Heuristics.Encrypted.RAR", SK_TYPE_ENCRYPTED_ARCHIVE},
		{"Heuristics.Encrypted.7Zip", SK_TYPE_ENCRYPTED_ARCHIVE},
		{"Heuristics.Encrypted.PDF", 0},
		{"Heuristics.OLE2.ContainsMacros.VBA", SK_TYPE_MACRO_DOCUMENT},
		{"Heuristics.OLE2.ContainsMacros.XLM", SK_TYPE_MACRO_DOCUMENT},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		Report report = {0};
		char finding[SK_FINDING_SIZE];

		report_add_alert(&report, cases[i].alert);
		assert_int_equal(report.types, cases[i].types);
		assert_false(report.infected);
		assert_int_equal(report_decide(&report, 0, finding), SK_VERDICT_CLEAN);
	}
}

static void other_heuristics_are_infections(void **state)
{
	Report report = {0};

	report_add_alert(&report, "Heuristics.Phishing.Email.SpoofedDomain");
	assert_true(report.infected);
}

static void a_limit_says_which(void **state)
{
	Report report = {0};
	char finding[SK_FINDING_SIZE];

	report_add_alert(&report, "Heuristics.Limits.Exceeded.MaxRecursion");
	report_set_limit(&report, "MaxFiles");
	assert_int_equal(report_decide(&report, ALL, finding), SK_VERDICT_LIMIT);
	assert_string_equal(finding, "MaxRecursion");
}

static void an_error_is_never_clean(void **state)
{
	Report report = {0};
	char finding[SK_FINDING_SIZE];

	report_set_error(&report, "unreadable");
	assert_int_equal(report_decide(&report, 0, finding), SK_VERDICT_ERROR);
	assert_string_equal(finding, "unreadable");
}

static void a_long_name_is_cut(void **state)
{
	Report report = {0};
	char name[500], finding[SK_FINDING_SIZE];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	report_add_alert(&report, name);
	assert_int_equal(report_decide(&report, 0, finding), SK_VERDICT_INFECTED);
	assert_int_equal(strlen(finding), SK_FINDING_SIZE - 1);
}

static void memory_answers_todays_question(void **state)
{
	const SkScanKnown clean = {.verdict = SK_VERDICT_CLEAN, .type = SK_TYPE_PROGRAM};
	const SkScanKnown infected = {.verdict = SK_VERDICT_INFECTED, .finding = "Heuristics.Encrypted.Zip"};
	const SkScanKnown type = {.verdict = SK_VERDICT_TYPE, .type = SK_TYPE_SCRIPT};
	char finding[SK_FINDING_SIZE];
	Report report;

	assert_true(report_from_memory(&clean, 0, &report));
	assert_int_equal(report_decide(&report, 0, finding), SK_VERDICT_CLEAN);
	assert_int_equal(report_decide(&report, SK_TYPE_PROGRAM, finding), SK_VERDICT_TYPE);
	/* Whatever its name: it was an infection then. */
	assert_true(report_from_memory(&infected, 0, &report));
	assert_int_equal(report_decide(&report, 0, finding), SK_VERDICT_INFECTED);
	assert_true(report_from_memory(&type, SK_TYPE_SCRIPT, &report));
	assert_int_equal(report_decide(&report, SK_TYPE_SCRIPT, finding), SK_VERDICT_TYPE);
	/* Refused by a type that may pass today: nobody has scanned it. */
	assert_false(report_from_memory(&type, 0, &report));
}

static void nothing_known_and_errors_are_scanned_again(void **state)
{
	const SkScanKnown none = {.verdict = SK_VERDICT_NONE}, error = {.verdict = SK_VERDICT_ERROR},
			  foreign = {.verdict = 77};
	Report report;

	assert_false(report_from_memory(&none, 0, &report));
	assert_false(report_from_memory(&error, 0, &report));
	assert_false(report_from_memory(&foreign, 0, &report));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_wins_over_everything),
		cmocka_unit_test(a_refused_type_is_named),
		cmocka_unit_test(heuristics_of_types_are_types),
		cmocka_unit_test(other_heuristics_are_infections),
		cmocka_unit_test(a_limit_says_which),
		cmocka_unit_test(an_error_is_never_clean),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(memory_answers_todays_question),
		cmocka_unit_test(nothing_known_and_errors_are_scanned_again),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
