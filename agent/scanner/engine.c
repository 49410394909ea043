/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/engine.h"

#include <clamav.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/utf8.h"

struct Engine {
	struct cl_engine *clam;
	unsigned signatures;
	bool image_hashes;
};

/* The last complaint while loading: it names the file. */
static char last_message[256];

static void on_message(enum cl_msg severity, const char *full_message, const char *message, void *context)
{
	if (severity >= CL_MSG_WARN)
		sk_utf8_escape(last_message, sizeof(last_message), message, strcspn(message, "\n"));
}

/*
 * Text in these is converted by modules that libc loads on first use, which a worker's jail forbids; a
 * converter that stays open keeps its module for all who are forked.
 */
static void keep_character_sets(void)
{
	static const char *const sets[] = {"SHIFT_JIS", "CP932", "EUC-JP", "ISO-2022-JP", "ISO-8859-1",
		"WINDOWS-1252", "UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-7"};
	static iconv_t kept[SK_ARRAY_SIZE(sets)];

	for (size_t i = 0; i < SK_ARRAY_SIZE(sets); i++)
		if (!kept[i])
			kept[i] = iconv_open("UTF-8", sets[i]);
}

int engine_init(void)
{
	cl_set_clcb_msg(on_message);
	keep_character_sets();
	tzset();
	return cl_init(CL_INIT_DEFAULT) == CL_SUCCESS ? 0 : -ENOTSUP;
}

static void on_virus(int fd, const char *name, void *context)
{
	if (context && name)
		report_add_alert(context, name);
}

static EngineProgress load_progress;

static cl_error_t on_progress(size_t total, size_t done, void *context)
{
	if (load_progress)
		load_progress();
	return CL_SUCCESS;
}

static cl_error_t set_limits(struct cl_engine *clam, const EngineLimits *limits)
{
	const struct {
		enum cl_engine_field field;
		uint64_t value;
	} numbers[] = {
		{CL_ENGINE_MAX_FILESIZE, limits->max_file_size},
		{CL_ENGINE_MAX_SCANSIZE, limits->max_scan_size},
		{CL_ENGINE_MAX_RECURSION, limits->max_recursion},
		{CL_ENGINE_MAX_FILES, limits->max_files},
		{CL_ENGINE_MAX_SCANTIME, limits->scan_time_usec / 1000},
		{CL_ENGINE_BYTECODE_MODE, CL_BYTECODE_MODE_INTERPRETER},
		/* Core remembers whole files; this one remembers members of archives, by a broken hash. */
		{CL_ENGINE_DISABLE_CACHE, 1},
		{CL_ENGINE_DISABLE_PE_STATS, 1},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(numbers); i++) {
		cl_error_t r = cl_engine_set_num(clam, numbers[i].field, (long long)numbers[i].value);

		if (r != CL_SUCCESS)
			return r;
	}
	return CL_SUCCESS;
}

/* Why loading failed: libclamav's own words when it said any. */
static int explain(cl_error_t r, char detail[256])
{
	sk_str_format(detail, 256, "%s%s%s", cl_strerror(r), last_message[0] ? ": " : "", last_message);
	return r == CL_EMEM ? -ENOMEM : -EBADMSG;
}

OWN_DEFINE(Engine, engine_free)

int engine_load(const char *directory, const EngineLimits *limits, EngineProgress progress,
	Engine **ret_engine, char detail[256])
{
	own_(engine_freep) Engine *engine = calloc(1, sizeof(*engine));
	cl_error_t r;

	if (!engine)
		return -ENOMEM;
	engine->clam = cl_engine_new();
	if (!engine->clam)
		return -ENOMEM;
	load_progress = progress;
	last_message[0] = 0;
	engine->image_hashes = limits->image_hashes;
	cl_engine_set_clcb_sigload_progress(engine->clam, on_progress, NULL);
	cl_engine_set_clcb_engine_compile_progress(engine->clam, on_progress, NULL);
	cl_engine_set_clcb_virus_found(engine->clam, on_virus);
	r = set_limits(engine->clam, limits);
	if (r == CL_SUCCESS)
		r = cl_load(directory, engine->clam, &engine->signatures, CL_DB_STDOPT);
	if (r == CL_SUCCESS && engine->signatures == 0) {
		sk_str_format(detail, 256, "there are no virus definitions in %s", directory);
		return -ENODATA;
	}
	if (r == CL_SUCCESS)
		r = cl_engine_compile(engine->clam);
	if (r != CL_SUCCESS)
		return explain(r, detail);
	*ret_engine = own_take(engine);
	return 0;
}

Engine *engine_free(Engine *engine)
{
	if (!engine)
		return NULL;
	if (engine->clam)
		cl_engine_free(engine->clam);
	free(engine);
	return NULL;
}

unsigned engine_signatures(const Engine *engine)
{
	return engine->signatures;
}

int engine_set_temporary(Engine *engine, const char *directory)
{
	return cl_engine_set_str(engine->clam, CL_ENGINE_TMPDIR, directory) == CL_SUCCESS ? 0 : -ENOMEM;
}

/* What a return code that is neither clean nor an alert means. */
static void add_failure(Report *report, cl_error_t r)
{
	switch (r) {
	case CL_CLEAN:
	case CL_VIRUS:
		break;
	case CL_ETIMEOUT:
		report_set_limit(report, "MaxScanTime");
		break;
	case CL_EMAXREC:
		report_set_limit(report, "MaxRecursion");
		break;
	case CL_EMAXSIZE:
		report_set_limit(report, "MaxScanSize");
		break;
	case CL_EMAXFILES:
		report_set_limit(report, "MaxFiles");
		break;
	default:
		report_set_error(report, cl_strerror(r));
	}
}

void engine_scan(Engine *engine, const uint8_t *data, size_t size, Report *report)
{
	/* What clamd has by default, and what tells us types and limits. */
	struct cl_scan_options options = {
		.general = CL_SCAN_GENERAL_HEURISTICS,
		.parse = ~0u,
		.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_MACROS |
			     CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE,
	};
	const char *name = NULL;
	unsigned long scanned = 0;
	cl_fmap_t *map;
	cl_error_t r;

	if (!engine->image_hashes)
		options.parse &= ~(uint32_t)CL_SCAN_PARSE_IMAGE_FUZZY_HASH;
	map = cl_fmap_open_memory(data, size);
	if (!map) {
		report_set_error(report, "out of memory");
		return;
	}
	r = cl_scanmap_callback(map, NULL, &name, &scanned, engine->clam, &options, report);
	cl_fmap_close(map);
	if (r == CL_VIRUS && name)
		report_add_alert(report, name);
	add_failure(report, r);
}

int64_t engine_build_time(const char *path)
{
	struct cl_cvd *header = cl_cvdhead(path);
	int64_t built = header ? (int64_t)header->stime : 0;

	if (header)
		cl_cvdfree(header);
	return built;
}
