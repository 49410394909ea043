/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/rules/siem.h"
#include "lib/audit/line.h"
#include "lib/base/str.h"

#define HEAD                                                                                                 \
	"{\"seq\":7,\"prev\":\"sha256:" SK_HASH_NONE                                                         \
	"\",\"time\":\"2026-11-22T05:00:00.123456Z\",\"mono\":1,"                                            \
	"\"boot\":\"0123456789abcdef0123456789abcdef\",\"clock\":\"synchronised\",\"actor\":"

static const SkSiemSource source = {"reception-1", "sekisho-agent", "0.1.0"};

typedef int (*Writer)(FILE *out, const SkSiemSource *source, const SkAuditRecord *record);

static char *write_as(Writer writer, const char *line)
{
	SkAuditRecord record;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(sk_line_parse(line, strlen(line), &record), 0);
	assert_int_equal(writer(out, &source, &record), 0);
	fclose(out);
	return text;
}

static void test_a_refusal_is_an_event(void **state)
{
	static const char line[] =
		HEAD "\"user:1000\",\"kind\":\"device.decided\",\"body\":{\"code\":\"SK-1103\","
		     "\"verdict\":\"refuse\"}}";
	own_free char *cef = write_as(sk_siem_write_cef, line);

	assert_non_null(
		strstr(cef, "CEF:0|Sekisho|sekisho-agent|0.1.0|SK-1103|The device is storage or network"));
	assert_non_null(strstr(cef, "|9|rt=1795323600123 externalId=7 dvchost=reception-1 cat=device.decided "
				    "suser=user:1000 outcome=refuse cs1Label=recordHash cs1="));
	assert_non_null(strstr(cef, " cs2Label=body cs2={\"code\":\"SK-1103\",\"verdict\":\"refuse\"}"));
}

static void test_no_text_can_begin_another_event(void **state)
{
	static const char line[] = HEAD "\"a\\nb=c\\\\\",\"kind\":\"file.refused\",\"body\":{\"file\":"
					"\"x\\nCEF:0|evil=|\\u65e5\"}}";
	own_free char *cef = write_as(sk_siem_write_cef, line);

	assert_null(strchr(cef, '\n'));
	assert_non_null(strstr(cef, "suser=a\\nb\\=c\\\\ "));
	assert_non_null(strstr(cef, "fname=x\\nCEF:0|evil\\=|日 "));
	/* An event without a code is named by its kind. */
	assert_non_null(strstr(cef, "|file.refused|file.refused|3|"));
}

static void test_a_frame_counts_its_bytes(void **state)
{
	static const char line[] = HEAD "\"sekishod\",\"kind\":\"agent.started\",\"body\":{}}";
	own_free char *frame = write_as(sk_siem_write_syslog, line);
	char *message;
	unsigned long size = strtoul(frame, &message, 10);

	assert_int_equal(*message++, ' ');
	assert_int_equal(strlen(message), size);
	assert_true(sk_str_starts(message, "<86>1 2026-11-22T05:00:00.123456Z reception-1 sekisho-agent - "
					   "agent.started - \ufeffCEF:0|"));
}

static void test_a_host_name_cannot_break_the_header(void **state)
{
	static const char line[] = HEAD "\"sekishod\",\"kind\":\"agent.started\",\"body\":{}}";
	const SkSiemSource odd = {"two words\n", "", "0|1"};
	SkAuditRecord record;
	own_free char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(sk_line_parse(line, strlen(line), &record), 0);
	assert_int_equal(sk_siem_write_syslog(out, &odd, &record), 0);
	fclose(out);
	assert_non_null(strstr(text, "Z two?words? - - agent.started - "));
	assert_non_null(strstr(text, "|0\\|1|agent.started|"));
	assert_non_null(strstr(text, "dvchost=two words\\n "));
}

static void test_a_body_that_is_no_object_is_refused(void **state)
{
	SkAuditRecord record = {.body = {"[1]", 3}};

	assert_int_equal(sk_siem_write_cef(stdout, &source, &record), -EBADMSG);
	record.body = (SkAuditText){"{\"a\":1,\"a\":2}", 13};
	assert_int_equal(sk_siem_write_syslog(stdout, &source, &record), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_refusal_is_an_event),
		cmocka_unit_test(test_no_text_can_begin_another_event),
		cmocka_unit_test(test_a_frame_counts_its_bytes),
		cmocka_unit_test(test_a_host_name_cannot_break_the_header),
		cmocka_unit_test(test_a_body_that_is_no_object_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
