/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/audit/line.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/audit/json_check.h"
#include "lib/base/str.h"

#define TIME_SIZE 27 /* 2026-01-31T23:59:59.000000Z */
#define BOOT_SIZE 32
#define HASH_SIZE (SK_SHA256_HEX_SIZE - 1)

typedef struct Cursor {
	const char *p;
	const char *end;
} Cursor;

static bool take(Cursor *c, const char *literal, size_t size)
{
	if ((size_t)(c->end - c->p) < size || memcmp(c->p, literal, size) != 0)
		return false;
	c->p += size;
	return true;
}
#define TAKE(cursor, literal) take(cursor, literal, sizeof(literal) - 1)

static bool take_number(Cursor *c, uint64_t *ret_value)
{
	const char *begin = c->p;
	uint64_t value = 0;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9') {
		if (c->p - begin == 18)
			return false;
		value = value * 10 + (uint64_t)(*c->p++ - '0');
	}
	if (c->p == begin || (*begin == '0' && c->p - begin > 1))
		return false;
	*ret_value = value;
	return true;
}

static const bool is_hex[256] = {['0' ... '9'] = true, ['a' ... 'f'] = true};

static bool take_hex(Cursor *c, size_t size, SkAuditText *ret_text)
{
	bool all = true;

	if ((size_t)(c->end - c->p) < size)
		return false;
	for (size_t i = 0; i < size; i++)
		all &= is_hex[(unsigned char)c->p[i]];
	if (!all)
		return false;
	*ret_text = (SkAuditText){c->p, size};
	c->p += size;
	return true;
}

static const bool is_word[256] = {['a' ... 'z'] = true, ['0' ... '9'] = true, ['-'] = true, ['.'] = true};

static bool take_word(Cursor *c, size_t max, SkAuditText *ret_text)
{
	const char *begin = c->p;

	while (c->p < c->end && is_word[(unsigned char)*c->p])
		c->p++;
	*ret_text = (SkAuditText){begin, (size_t)(c->p - begin)};
	return c->p > begin && ret_text->size < max;
}

static int two(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Days since 1970-01-01 of the Gregorian calendar, with years that begin in March so that the leap day is
 * last. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static bool take_time(Cursor *c, SkAuditText *ret_text, int64_t *ret_wall)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";
	const char *p = c->p;
	int64_t seconds, micro = 0;
	int month, day;

	if (c->end - p < TIME_SIZE)
		return false;
	for (int i = 0; i < TIME_SIZE; i++)
		if (form[i] == 'd' ? p[i] < '0' || p[i] > '9' : p[i] != form[i])
			return false;
	month = two(p + 5);
	day = two(p + 8);
	if (month < 1 || month > 12 || day < 1 || day > 31 || two(p + 11) > 23 || two(p + 14) > 59 ||
		two(p + 17) > 60)
		return false;
	for (int i = 20; i < 26; i++)
		micro = micro * 10 + (p[i] - '0');
	seconds = days_of(two(p) * 100 + two(p + 2), month, day) * 86400 + two(p + 11) * 3600 +
		  two(p + 14) * 60 + two(p + 17);
	*ret_wall = seconds * 1000000 + micro;
	*ret_text = (SkAuditText){p, TIME_SIZE};
	c->p += TIME_SIZE;
	return true;
}

static bool take_string(Cursor *c, SkAuditText *ret_text)
{
	const char *begin = c->p + 1;

	if (!sk_json_skip_string(&c->p, c->end))
		return false;
	*ret_text = (SkAuditText){begin, (size_t)(c->p - begin) - 1};
	return true;
}

static bool take_body(Cursor *c, SkAuditText *ret_text)
{
	const char *begin = c->p;

	if (c->p == c->end || *c->p != '{' || !sk_json_skip_value(&c->p, c->end))
		return false;
	*ret_text = (SkAuditText){begin, (size_t)(c->p - begin)};
	return true;
}

int sk_line_parse(const char *line, size_t size, SkAuditRecord *ret_record)
{
	Cursor c = {line, line + size};
	SkAuditRecord r = {.line = {line, size}};
	bool good = TAKE(&c, "{\"seq\":") && take_number(&c, &r.seq) && r.seq > 0 &&
		    TAKE(&c, ",\"prev\":\"sha256:") && take_hex(&c, HASH_SIZE, &r.prev) &&
		    TAKE(&c, "\",\"time\":\"") && take_time(&c, &r.time, &r.wall) &&
		    TAKE(&c, "\",\"mono\":") && take_number(&c, &r.mono) && TAKE(&c, ",\"boot\":\"") &&
		    take_hex(&c, BOOT_SIZE, &r.boot) && TAKE(&c, "\",\"clock\":\"") &&
		    take_word(&c, SK_AUDIT_KIND_MAX, &r.clock) && TAKE(&c, "\",\"actor\":") &&
		    take_string(&c, &r.actor) && TAKE(&c, ",\"kind\":\"") &&
		    take_word(&c, SK_AUDIT_KIND_MAX, &r.kind) && TAKE(&c, "\",\"body\":") &&
		    take_body(&c, &r.body) && TAKE(&c, "}") && c.p == c.end;

	if (!good)
		return -EBADMSG;
	*ret_record = r;
	return 0;
}

static bool format_time(char *dst, size_t size, int64_t wall)
{
	int64_t seconds = wall / 1000000, micro = wall % 1000000;
	time_t when;
	struct tm tm;
	char date[32];

	if (micro < 0) {
		micro += 1000000;
		seconds--;
	}
	when = (time_t)seconds;
	if (!gmtime_r(&when, &tm) || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900 ||
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return false;
	return sk_str_format(dst, size, "%s.%06dZ", date, (int)micro);
}

int sk_line_format(char *dst, size_t size, const SkLineFields *f)
{
	char when[64];

	if (!format_time(when, sizeof(when), f->time.wall))
		sk_str_copy(when, sizeof(when), "1970-01-01T00:00:00.000000Z");
	if (!sk_str_format(dst, size,
		    "{\"seq\":%llu,\"prev\":\"sha256:%s\",\"time\":\"%s\",\"mono\":%llu,\"boot\":\"%s\","
		    "\"clock\":\"%s\",\"actor\":%s,\"kind\":\"%s\",\"body\":%s}",
		    (unsigned long long)f->seq, f->prev, when, (unsigned long long)f->time.mono, f->time.boot,
		    f->time.clock, f->actor, f->kind, f->body))
		return -EMSGSIZE;
	return (int)strlen(dst);
}

void sk_line_hash(char ret_hash[SK_SHA256_HEX_SIZE], const char *line, size_t size)
{
	uint8_t digest[SK_SHA256_SIZE];

	sk_sha256(digest, line, size);
	sk_hex_format(ret_hash, digest, sizeof(digest));
}

bool sk_text_equals(SkAuditText text, const char *s)
{
	return strlen(s) == text.size && memcmp(s, text.text, text.size) == 0;
}

int sk_seal_parse(const SkAuditRecord *record, SkSeal *ret_seal)
{
	Cursor c = {record->body.text, record->body.text + record->body.size};
	char hex[2 * SK_RATCHET_MAC_SIZE + 1];
	SkAuditText mac;
	SkSeal seal;

	if (!sk_text_equals(record->kind, SK_KIND_SEAL) || !TAKE(&c, "{\"epoch\":") ||
		!take_number(&c, &seal.epoch) || !TAKE(&c, ",\"mac\":\"hmac-sha256:") ||
		!take_hex(&c, sizeof(hex) - 1, &mac) || !TAKE(&c, "\"}") || c.p != c.end)
		return -EBADMSG;
	sk_str_format(hex, sizeof(hex), "%.*s", (int)mac.size, mac.text);
	sk_hex_parse(seal.mac, sizeof(seal.mac), hex);
	seal.covered = (size_t)(mac.text - record->line.text);
	*ret_seal = seal;
	return 0;
}

bool sk_seal_verify(const SkAuditRecord *record, const SkSeal *seal, const SkRatchet *ratchet)
{
	uint8_t mac[SK_RATCHET_MAC_SIZE];

	sk_ratchet_mac(ratchet, record->line.text, seal->covered, mac);
	return sk_secret_equal(mac, seal->mac, sizeof(mac));
}

bool sk_seal_format_body(char *dst, size_t size, uint64_t epoch)
{
	return sk_str_format(dst, size, "{\"epoch\":%llu,\"mac\":\"hmac-sha256:%s\"}",
		(unsigned long long)epoch, SK_HASH_NONE);
}

int sk_seal_fill(char *line, size_t size, const SkRatchet *ratchet)
{
	uint8_t mac[SK_RATCHET_MAC_SIZE];
	char hex[2 * SK_RATCHET_MAC_SIZE + 1];
	SkAuditRecord record;
	SkSeal seal;
	int r = sk_line_parse(line, size, &record);

	if (r == 0)
		r = sk_seal_parse(&record, &seal);
	if (r < 0)
		return r;
	sk_ratchet_mac(ratchet, line, seal.covered, mac);
	sk_hex_format(hex, mac, sizeof(mac));
	memcpy(line + seal.covered, hex, sizeof(hex) - 1);
	return 0;
}

bool sk_hash_check(const char *hash)
{
	Cursor c = {hash, hash + strlen(hash)};
	SkAuditText text;

	return take_hex(&c, HASH_SIZE, &text) && c.p == c.end;
}
