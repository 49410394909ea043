/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* A core without siblings and without a bus, in a directory of its own. */
#include "tests/unit/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/core/console.h"
#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "agent/core/history.h"
#include "agent/core/input.h"
#include "agent/core/peer_monitor.h"
#include "agent/core/records.h"
#include "agent/core/rules.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"

typedef struct Fixture {
	Core core;
	char directory[64];
} Fixture;

static inline void fixture_write(const Fixture *f, const char *name, const char *text)
{
	char path[256];
	FILE *out;

	assert_true(sk_str_format(path, sizeof(path), "%s/%s", f->directory, name));
	out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/* Replaces the rules in force. Return: as rules_load(). */
static inline int fixture_rules(Fixture *f, const char *text)
{
	char *errors = NULL;
	int r;

	fixture_write(f, "rules/10-test.rules", text);
	r = rules_load(&f->core, &errors);
	free(errors);
	return r;
}

static inline int fixture_setup(void **state)
{
	Fixture *f = calloc(1, sizeof(*f));
	char path[128];

	assert_non_null(f);
	assert_int_equal(sk_crypt_init(), 0);
	strcpy(f->directory, "/tmp/sekisho-core-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	static const char *const below[] = {"audit", "rules"};
	for (size_t i = 0; i < SK_ARRAY_SIZE(below); i++) {
		sk_str_format(path, sizeof(path), "%s/%s", f->directory, below[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	assert_int_equal(sd_event_new(&f->core.event), 0);
	assert_int_equal(sk_settings_new(&f->core.settings), 0);
	free(f->core.settings->agent.state_directory);
	free(f->core.settings->agent.rules_directory);
	f->core.settings->agent.state_directory = strdup(f->directory);
	sk_str_format(path, sizeof(path), "%s/rules", f->directory);
	f->core.settings->agent.rules_directory = strdup(path);
	f->core.settings->agent.mode = SK_MODE_ENFORCE;
	f->core.settings->audit.reserve_space = 4096;
	peer_init(&f->core.monitor, &f->core, &peer_monitor_type);
	assert_int_equal(records_open(&f->core), 0);
	assert_int_equal(console_open(&f->core), 0);
	assert_int_equal(history_open(&f->core), 0);
	assert_int_equal(fixture_rules(f, ""), 0);
	*state = f;
	return 0;
}

static inline int fixture_remove(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	Fixture *f = *state;

	devices_forget_all(&f->core);
	input_forget_all(&f->core);
	peer_deinit(&f->core.monitor);
	orders_deinit(&f->core.orders);
	trial_close(&f->core);
	rules_close(&f->core);
	history_close(&f->core);
	console_close(&f->core);
	records_close(&f->core);
	sk_settings_free(f->core.settings);
	sd_event_unref(f->core.event);
	nftw(f->directory, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}
