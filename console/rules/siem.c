/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/rules/siem.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audit/line.h"
#include "lib/base/str.h"
#include "lib/reason/reason.h"

#define FACILITY_AUTHPRIV 10 /* RFC 5424, table 1: security/authorization messages */

/* What the header of CEF and what its extension need escaped; a line break would begin a new event. */
#define HEADER_SPECIAL "\\|"
#define VALUE_SPECIAL "\\="

static void write_escaped(FILE *out, const char *text, size_t size, const char *special)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\n' || text[i] == '\r') {
			fputs("\\n", out);
			continue;
		}
		if (text[i] && strchr(special, text[i]))
			fputc('\\', out);
		fputc(text[i], out);
	}
}

static void write_value(FILE *out, const char *key, const char *text, size_t size)
{
	if (size == 0)
		return;
	fprintf(out, " %s=", key);
	write_escaped(out, text, size, VALUE_SPECIAL);
}

static void write_member(FILE *out, const char *key, const json_t *body, const char *name)
{
	const char *text = json_string_value(json_object_get(body, name));

	if (text)
		write_value(out, key, text, strlen(text));
}

/* A custom field of CEF is a pair: its label and its value. */
static void write_custom(FILE *out, const char *key, const char *label, const char *text, size_t size)
{
	if (size == 0)
		return;
	fprintf(out, " %sLabel=%s", key, label);
	write_value(out, key, text, size);
}

/* CEF counts from 0 to 10; syslog's own levels are those of RFC 5424, table 2. */
static const struct {
	int cef, syslog;
} severities[] = {
	[SK_INFO] = {3, 6},
	[SK_NOTICE] = {5, 5},
	[SK_WARNING] = {7, 4},
	[SK_ALERT] = {9, 1},
};

static json_t *load_body(const SkAuditRecord *record)
{
	json_t *body = json_loadb(record->body.text, record->body.size, JSON_REJECT_DUPLICATES, NULL);

	if (body && !json_is_object(body)) {
		json_decref(body);
		return NULL;
	}
	return body;
}

static const SkReasonText *reason_of(const json_t *body)
{
	const char *code = json_string_value(json_object_get(body, "code"));
	uint64_t number;

	if (!code || !sk_str_starts(code, "SK-") || sk_num_parse(code + 3, 10, 9999, &number) < 0)
		return NULL;
	return sk_reason_find((SkReason)number);
}

/* The actor stands in the line with the escapes of JSON. */
static void write_actor(FILE *out, const SkAuditRecord *record)
{
	char quoted[SK_AUDIT_ACTOR_MAX * 6 + 3];
	json_auto_t *actor = NULL;

	if (!sk_str_format(quoted, sizeof(quoted), "\"%.*s\"", (int)record->actor.size, record->actor.text))
		return;
	actor = json_loads(quoted, JSON_DECODE_ANY, NULL);
	if (json_is_string(actor))
		write_value(out, "suser", json_string_value(actor), json_string_length(actor));
}

static void write_cef(FILE *out, const SkSiemSource *source, const SkAuditRecord *record, const json_t *body)
{
	const SkReasonText *reason = reason_of(body);
	char code[SK_REASON_CODE_SIZE] = "", hash[SK_SHA256_HEX_SIZE];

	fputs("CEF:0|Sekisho|", out);
	write_escaped(out, source->program, strlen(source->program), HEADER_SPECIAL);
	fputc('|', out);
	write_escaped(out, source->version, strlen(source->version), HEADER_SPECIAL);
	fputc('|', out);
	if (reason)
		sk_reason_format_code(code, reason->code);
	if (reason)
		fputs(code, out);
	else
		write_escaped(out, record->kind.text, record->kind.size, HEADER_SPECIAL);
	fputc('|', out);
	if (reason)
		write_escaped(out, reason->en_what, strlen(reason->en_what), HEADER_SPECIAL);
	else
		write_escaped(out, record->kind.text, record->kind.size, HEADER_SPECIAL);
	fprintf(out, "|%d|", severities[reason ? reason->severity : SK_INFO].cef);
	fprintf(out, "rt=%" PRId64 " externalId=%" PRIu64, record->wall / 1000, record->seq);
	write_value(out, "dvchost", source->host, strlen(source->host));
	write_value(out, "cat", record->kind.text, record->kind.size);
	write_actor(out, record);
	write_member(out, "fname", body, "file");
	write_member(out, "outcome", body, "verdict");
	sk_line_hash(hash, record->line.text, record->line.size);
	write_custom(out, "cs1", "recordHash", hash, strlen(hash));
	write_custom(out, "cs2", "body", record->body.text, record->body.size);
}

int sk_siem_write_cef(FILE *out, const SkSiemSource *source, const SkAuditRecord *record)
{
	json_auto_t *body = load_body(record);

	if (!body)
		return -EBADMSG;
	write_cef(out, source, record, body);
	return 0;
}

/* HOSTNAME and APP-NAME are printable US-ASCII without blanks (RFC 5424, section 6); what does not fit is
 * "-". */
static void write_word(FILE *out, const char *word, size_t most)
{
	size_t n = strlen(word);

	if (n == 0 || n > most)
		fputc('-', out);
	for (size_t i = 0; i < n && n <= most; i++)
		fputc(word[i] > ' ' && word[i] < 0x7f ? word[i] : '?', out);
}

int sk_siem_write_syslog(FILE *out, const SkSiemSource *source, const SkAuditRecord *record)
{
	json_auto_t *body = load_body(record);
	const SkReasonText *reason;
	own_free char *message = NULL;
	size_t size;
	FILE *text;

	if (!body)
		return -EBADMSG;
	text = open_memstream(&message, &size);
	if (!text)
		return -ENOMEM;
	reason = reason_of(body);
	fprintf(text, "<%d>1 %.*s ",
		FACILITY_AUTHPRIV * 8 + severities[reason ? reason->severity : SK_INFO].syslog,
		(int)record->time.size, record->time.text);
	write_word(text, source->host, 255);
	fputc(' ', text);
	write_word(text, source->program, 48);
	/* No process and no structured data; the message is UTF-8, which its mark says. */
	fprintf(text, " - %.*s - \ufeff", (int)(record->kind.size < 32 ? record->kind.size : 32),
		record->kind.text);
	write_cef(text, source, record, body);
	if (fclose(text) != 0)
		return -ENOMEM;
	fprintf(out, "%zu ", size);
	fwrite(message, 1, size, out);
	return 0;
}
