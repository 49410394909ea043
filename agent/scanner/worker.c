/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/scanner/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scanner/content.h"
#include "agent/scanner/filetype.h"
#include "agent/scanner/hash.h"
#include "agent/scanner/jail.h"
#include "agent/scanner/job.h"
#include "agent/scanner/mime.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"

typedef struct Worker {
	SkChan *chan;
	const WorkerSetup *setup;
	Content content;
	/* The job at hand. */
	JobScan job;
	JobResult result;
	SkScanKnown known;
} Worker;

static int on_known(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Worker *worker = userdata;

	if (head->cookie != worker->job.head.cookie)
		return -EPROTO;
	worker->known = ((const JobKnown *)head)->known;
	return 0;
}

static const SkMsgSpec known_specs[] = {
	{JOB_KNOWN, 0, sizeof(JobKnown), on_known},
	{0},
};

/* The parent asks core. Return: 0 or negative errno (the parent is gone). */
static int ask_known(Worker *worker)
{
	JobLookup lookup;
	int r;

	sk_head_init(&lookup.head, JOB_LOOKUP, sizeof(lookup));
	lookup.head.cookie = worker->job.head.cookie;
	memcpy(lookup.sha256, worker->result.sha256, sizeof(lookup.sha256));
	r = sk_chan_send(worker->chan, &lookup, NULL, 0);
	if (r < 0)
		return r;
	r = sk_chan_dispatch(worker->chan, known_specs, worker);
	return r == 0 ? -ECONNRESET : r < 0 ? r : 0;
}

static void set_mime(Worker *worker, const char *mime)
{
	sk_str_copy(worker->result.mime, sizeof(worker->result.mime), mime);
}

static void look_inside(Worker *worker, Report *report)
{
	const Content *content = &worker->content;
	FileType type = filetype_detect(content->data, content->size);

	report->types |= type.types;
	set_mime(worker, type.mime ? type.mime : mime_guess(content->data, content->size));
	if (!worker->job.scan)
		return;
	if (worker->setup->engine)
		engine_scan(worker->setup->engine, content->data, content->size, report);
	else
		report_set_error(report, worker->setup->no_engine);
}

static int hash_content(Worker *worker, int fd)
{
	const Content *content = &worker->content;

	if (content->partial)
		return hash_file(fd, worker->result.sha256);
	return hash_bytes(content->data, content->size, worker->result.sha256);
}

/* Return: 0 (the report says all) or negative errno when the file cannot be read or the parent is gone. */
static int judge(Worker *worker, int fd, Report *report)
{
	uint64_t size = worker->result.file.size;
	int r;

	if (worker->job.scan && (size > worker->setup->max_file_size || size > CONTENT_MAP_MAX)) {
		report_set_limit(report, "MaxFileSize");
		return worker->job.scan == SK_SCAN_AND_HASH ? hash_file(fd, worker->result.sha256) : 0;
	}
	r = content_load(&worker->content, fd, size);
	if (r == 0)
		r = hash_content(worker, fd);
	if (r < 0)
		return r;
	if (worker->job.scan && worker->setup->engine) {
		r = ask_known(worker);
		if (r < 0)
			_exit(EXIT_SUCCESS);
		if (report_from_memory(&worker->known, worker->job.refuse_types, report)) {
			worker->result.remembered = 1;
			return 0;
		}
	}
	look_inside(worker, report);
	return 0;
}

static int identify(Worker *worker, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	worker->result.file = (SkFileId){.dev = st.st_dev,
		.ino = st.st_ino,
		.size = (uint64_t)st.st_size,
		.mtime_nsec = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		.ctime_nsec = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec};
	return 0;
}

static int on_scan(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Worker *worker = userdata;
	Report report = {0};
	int r;

	worker->job = *(const JobScan *)head;
	memset(&worker->result, 0, sizeof(worker->result));
	sk_head_init(&worker->result.head, JOB_RESULT, sizeof(worker->result));
	worker->result.head.cookie = worker->job.head.cookie;
	r = identify(worker, fds[0]);
	if (r == 0)
		r = judge(worker, fds[0], &report);
	if (r < 0)
		report_set_error(&report, strerror(-r));
	content_release(&worker->content);
	worker->result.verdict = report_decide(&report, worker->job.refuse_types, worker->result.finding);
	worker->result.type = report.types;
	return sk_chan_send(worker->chan, &worker->result, NULL, 0);
}

static const SkMsgSpec scan_specs[] = {
	{JOB_SCAN, 1, sizeof(JobScan), on_scan},
	{0},
};

_Noreturn void worker_run(int fd, const WorkerSetup *setup)
{
	Worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		exit(EXIT_FAILURE);
	worker->setup = setup;
	worker->chan = sk_chan_new(fd);
	r = worker->chan ? jail_worker(setup) : -ENOMEM;
	if (r == 0 && setup->engine)
		r = engine_set_temporary(setup->engine, setup->temporary);
	if (r < 0) {
		fprintf(stderr, "sekisho-scanner: a worker has no jail: %s\n", strerror(-r));
		_exit(EXIT_FAILURE);
	}
	do
		r = sk_chan_dispatch(worker->chan, scan_specs, worker);
	while (r > 0);
	_exit(r == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
