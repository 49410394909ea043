/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/metrics.h"

#include <inttypes.h>

#include "config.h"
#include "console/keys/receipt.h"
#include "console/store/time.h"
#include "lib/base/str.h"

#define HOUR INT64_C(3600000)

/* Upper ends in microseconds, and as they are written, in seconds. */
static const struct {
	int64_t us;
	const char *le;
} buckets[SK_METRICS_BUCKETS] = {{1000, "0.001"}, {5000, "0.005"}, {10000, "0.01"}, {25000, "0.025"},
	{50000, "0.05"}, {100000, "0.1"}, {250000, "0.25"}, {1000000, "1"}, {5000000, "5"},
	{INT64_MAX, "+Inf"}};

static const char *const audiences[2] = {"people", "agents"};

void sk_metrics_answered(SkMetrics *metrics, SkApiAudience audience, unsigned status, int64_t us)
{
	size_t who = audience == SK_API_AGENT, class = status / 100;

	atomic_fetch_add_explicit(
		&metrics->answers[who].by_class[class < 6 ? class : 0], 1, memory_order_relaxed);
	if (us < 0)
		return;
	atomic_fetch_add_explicit(&metrics->answers[who].microseconds, (uint64_t)us, memory_order_relaxed);
	/* A histogram counts what is at most so long; only the first bucket is counted up, and summed when
	 * read. */
	for (size_t i = 0; i < SK_METRICS_BUCKETS; i++)
		if (us <= buckets[i].us) {
			atomic_fetch_add_explicit(&metrics->answers[who].within[i], 1, memory_order_relaxed);
			return;
		}
}

void sk_metrics_fault(SkMetrics *metrics)
{
	atomic_fetch_add_explicit(&metrics->faults, 1, memory_order_relaxed);
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_answers(FILE *out, const SkMetrics *metrics)
{
	head(out, "sekisho_http_answers_total", "counter", "Answers by the class of their status.");
	for (size_t who = 0; who < 2; who++)
		for (size_t class = 2; class < 6; class ++)
			fprintf(out,
				"sekisho_http_answers_total{audience=\"%s\",class=\"%zuxx\"} %" PRIu64 "\n",
				audiences[who], class, atomic_load(&metrics->answers[who].by_class[class]));
	head(out, "sekisho_http_answer_seconds", "histogram",
		"Time from a request's headers to its answer, without long polls.");
	for (size_t who = 0; who < 2; who++) {
		uint64_t sum = 0, us = atomic_load(&metrics->answers[who].microseconds);

		for (size_t i = 0; i < SK_METRICS_BUCKETS; i++) {
			sum += atomic_load(&metrics->answers[who].within[i]);
			fprintf(out,
				"sekisho_http_answer_seconds_bucket{audience=\"%s\",le=\"%s\"} %" PRIu64 "\n",
				audiences[who], buckets[i].le, sum);
		}
		fprintf(out,
			"sekisho_http_answer_seconds_sum{audience=\"%s\"} %" PRIu64 ".%06" PRIu64
			"\nsekisho_http_answer_seconds_count{audience=\"%s\"} %" PRIu64 "\n",
			audiences[who], us / 1000000, us % 1000000, audiences[who], sum);
	}
}

void sk_metrics_write_process(FILE *out, const SkMetrics *metrics, unsigned waiting)
{
	head(out, "sekisho_build_info", "gauge", "Always 1; the version is a label.");
	fputs("sekisho_build_info{version=\"" SK_VERSION "\"} 1\n", out);
	head(out, "sekisho_agents_connected", "gauge", "Agents that hold a long poll at this process.");
	fprintf(out, "sekisho_agents_connected %u\n", waiting);
	head(out, "sekisho_faults_total", "counter", "Answers that failed by the database or the system.");
	fprintf(out, "sekisho_faults_total %" PRIu64 "\n", atomic_load(&metrics->faults));
	write_answers(out, metrics);
}

/* A gauge of the database: a statement that gives (label, number), or one number alone. */
typedef struct Gauge {
	const char *name, *label, *help;
	const char *sql;
	int64_t ago;  /* $1: now less this; 0: no parameter */
	bool is_time; /* ms, told in seconds; 0: never */
} Gauge;

/* By one column of what the PCs tell. Their words are not ours: the rare ones are left out. */
#define BY_STATUS(column)                                                                                    \
	"SELECT COALESCE(s." column ", ''), COUNT(*) FROM terminal_status s JOIN terminals t ON t.id = "     \
	"s.terminal_id WHERE t.state = 'enrolled' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"
#define OF_STATUS "FROM terminal_status s JOIN terminals t ON t.id = s.terminal_id WHERE t.state = 'enrolled'"

static const Gauge gauges[] = {
	{"sekisho_terminals", "state", "PCs by state.",
		"SELECT state, COUNT(*) FROM terminals GROUP BY state", 0, false},
	{"sekisho_terminals_heard", NULL, "PCs that were heard of within an hour.",
		"SELECT COUNT(*) FROM terminal_status WHERE last_contact >= $1", HOUR, false},
	{"sekisho_terminals_software", "version", "PCs by the version of their agent.", BY_STATUS("software"),
		0, false},
	{"sekisho_terminals_mode", "mode", "PCs by mode.", BY_STATUS("mode"), 0, false},
	{"sekisho_terminals_clock", "clock", "PCs by the state of their clock.", BY_STATUS("clock_state"), 0,
		false},
	{"sekisho_terminals_posture_failing", NULL, "PCs of which a check of the posture fails.",
		"SELECT COUNT(*) " OF_STATUS " AND s.posture LIKE '%\"failing\":true%'", 0, false},
	{"sekisho_terminals_disk_free_bytes_min", NULL, "The least free space of a PC; 0: none told.",
		"SELECT COALESCE(MIN(s.disk_free), 0) " OF_STATUS, 0, false},
	{"sekisho_key_copies_outdated", NULL, "Copies of the keys that are to be destroyed.",
		"SELECT COUNT(*) FROM epoch_copies WHERE " SK_COPY_IS_OLD, 0, false},
	{"sekisho_requests", "state", "Carry-out requests by state.",
		"SELECT state, COUNT(*) FROM requests GROUP BY state", 0, false},
	{"sekisho_media", "state", "Media of the ledger by state.",
		"SELECT state, COUNT(*) FROM media GROUP BY state", 0, false},
	{"sekisho_alerts", "severity", "Alerts that are not closed.",
		"SELECT severity, COUNT(*) FROM alerts WHERE state <> 'closed' GROUP BY severity", 0, false},
	{"sekisho_messages", "state", "Messages of the outbox by state.",
		"SELECT state, COUNT(*) FROM outbox GROUP BY state", 0, false},
	{"sekisho_key_uses_hour", "outcome", "Evaluations of media's keys within an hour, by outcome.",
		"SELECT outcome, COUNT(*) FROM key_uses WHERE at >= $1 GROUP BY outcome", HOUR, false},
	{"sekisho_records", NULL, "Records of agents that are here.",
		"SELECT CAST(COALESCE(SUM(seq), 0) AS BIGINT) FROM chain_heads", 0, false},
	{"sekisho_chain_alarms", NULL, "Gaps and forks of records that nobody has explained.",
		"SELECT COUNT(*) FROM chain_alarms WHERE resolved IS NULL", 0, false},
	{"sekisho_stamps_waiting", NULL, "Time stamps that are waited for.",
		"SELECT COUNT(*) FROM anchors WHERE state = 'waiting'", 0, false},
	{"sekisho_definitions_oldest_timestamp_seconds", NULL,
		"The oldest virus definitions of a PC that was heard of within a day; 0: none.",
		"SELECT COALESCE(MIN(definitions_time), 0) FROM terminal_status WHERE last_contact >= $1",
		24 * HOUR, true},
	{"sekisho_duty_success_timestamp_seconds", "duty", "When a duty was last done.",
		"SELECT name, last_done FROM duties ORDER BY name", 0, true},
	{"sekisho_duty_failures", "duty", "Failures of a duty since it was last done.",
		"SELECT name, failures FROM duties ORDER BY name", 0, false},
};

/* Labels are words of ours, but for what an older or newer console may have written. */
static void write_label(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text >= 0x20)
			fputc(*text, out);
	}
}

static int write_gauge(FILE *out, SkDb *db, const Gauge *gauge)
{
	const SkDbValue since = sk_db_int(sk_time_now() - gauge->ago);
	own_rows SkDbRows *rows = NULL;
	int r = sk_db_query(db, gauge->sql, &since, gauge->ago > 0, &rows);

	if (r < 0)
		return r;
	head(out, gauge->name, "gauge", gauge->help);
	while ((r = sk_db_next(rows)) == 1) {
		int64_t number = sk_db_get_int(rows, gauge->label ? 1 : 0);

		fputs(gauge->name, out);
		if (gauge->label) {
			fprintf(out, "{%s=\"", gauge->label);
			write_label(out, sk_db_get_text(rows, 0));
			fputs("\"}", out);
		}
		fprintf(out, " %" PRId64 "\n", gauge->is_time ? number / 1000 : number);
	}
	return r;
}

int sk_metrics_write_database(FILE *out, SkDb *db)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(gauges); i++) {
		int r = write_gauge(out, db, &gauges[i]);

		if (r < 0)
			return r;
	}
	return 0;
}
