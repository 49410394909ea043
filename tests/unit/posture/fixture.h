/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* A PC made of files: a root directory of its own, in which a check looks around. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/posture/checks/checks.h"
#include "agent/posture/sums.h"
#include "lib/base/str.h"
#include "lib/ipc/chan.h"
#include "lib/ipc/check_posture.h"

#define FIXTURE_NOW 1800000000
#define FIXTURE_DAY 86400

typedef struct Fixture {
	char root[64];
	SkPostureOptions options;
	Posture posture;
	PostureResult result;
} Fixture;

static inline void fixture_path(const Fixture *f, const char *path, char *full, size_t size)
{
	assert_true(sk_str_format(full, size, "%s%s", f->root, path));
	for (char *slash = full + strlen(f->root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(full, 0755);
		*slash = '/';
	}
}

/* A file, and the directories above it. */
static inline void fixture_put_bytes(const Fixture *f, const char *path, const void *bytes, size_t size)
{
	char full[1024];
	FILE *out;

	fixture_path(f, path, full, sizeof(full));
	unlink(full);
	out = fopen(full, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

static inline void fixture_put(const Fixture *f, const char *path, const char *text)
{
	fixture_put_bytes(f, path, text, strlen(text));
}

static inline void fixture_link(const Fixture *f, const char *path, const char *target)
{
	char full[1024];

	fixture_path(f, path, full, sizeof(full));
	unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

static inline void fixture_mkdir(const Fixture *f, const char *path)
{
	char full[1024];

	fixture_path(f, path, full, sizeof(full));
	mkdir(full, 0755);
}

static inline void fixture_age(const Fixture *f, const char *path, int64_t days)
{
	const struct timespec then = {.tv_sec = FIXTURE_NOW - days * FIXTURE_DAY};
	char full[1024];

	fixture_path(f, path, full, sizeof(full));
	assert_int_equal(utimensat(AT_FDCWD, full, (const struct timespec[]){then, then}, 0), 0);
}

static inline void fixture_remove(const Fixture *f, const char *path)
{
	char full[1024];

	fixture_path(f, path, full, sizeof(full));
	assert_true(unlink(full) == 0 || rmdir(full) == 0);
}

/* What the check says; sound in any case. */
static inline const PostureResult *fixture_run(Fixture *f, const PostureCheck *check)
{
	posture_result_init(&f->result, check);
	check->run(&f->posture, &f->result);
	assert_true(sk_check_posture_result(&f->result.head));
	assert_non_null(sk_reason_find(f->result.code ? (SkReason)f->result.code : SK_POSTURE_GOOD));
	return &f->result;
}

#define fixture_expect(f, check, state_, code_)                                                              \
	do {                                                                                                 \
		const PostureResult *result_ = fixture_run(f, check);                                        \
		if (result_->state != (state_) || result_->code != (code_))                                  \
			fail_msg("%s: state %u, code %u, found: %s", result_->id, result_->state,            \
				result_->code, result_->value);                                              \
	} while (0)

static inline int fixture_setup(void **state)
{
	Fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(sums_init(), 0);
	strcpy(f->root, "/tmp/sekisho-posture-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	f->options = (SkPostureOptions){.definitions = {"/var/lib/clamav", "/var/lib/console"},
		.modules_file = "/etc/sekisho/modules.allow",
		.forbidden = "badshare /opt/worse/bin Winny.exe averylongprogramname",
		.definitions_warn = 7,
		.definitions_refuse = 30,
		.scan_days = 8,
		.updates_warn = 7,
		.updates_fail = 30,
		.clock_offset = 1000,
		.clock_synchronised = 1,
		.refuse_bluetooth = 1};
	f->posture = (Posture){.root_fd = open(f->root, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.options = &f->options,
		.now = FIXTURE_NOW,
		.fds = {-1, -1, -1, -1, -1}};
	assert_true(f->posture.root_fd >= 0);
	*state = f;
	return 0;
}

static inline int fixture_unlink(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	Fixture *f = *state;

	close(f->posture.root_fd);
	nftw(f->root, fixture_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

#define fixture_test(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
