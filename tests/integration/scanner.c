/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sekisho-scanner says about files: the real program, its jail on, real definitions in small.
 */
#include "tests/integration/scanner_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/str.h"

#define SAMPLES "/usr/share/clamav-testfiles"
#define ALL_TYPES 15u

/* Paths that clamscan finds infected with the same definitions, one a line. */
static FILE *clamscan(const World *world)
{
	char command[512];

	snprintf(command, sizeof(command),
		"clamscan --no-summary --infected --database=%s %s | sed -n 's/: .* FOUND$//p'",
		world->definitions, SAMPLES);
	return popen(command, "r");
}

static void every_sample_that_clamscan_finds_is_infected(void **state)
{
	World *world = *state;
	char line[512];
	unsigned n = 0;
	FILE *found;

	if (access(SAMPLES, R_OK) < 0 || access("/usr/bin/clamscan", X_OK) < 0) {
		print_message("clamav and clamav-testfiles are not installed\n");
		skip();
	}
	world_start_ready(world);
	world_walk(world, SAMPLES, NULL);
	found = clamscan(world);
	while (fgets(line, sizeof(line), found)) {
		const SkScanResult *result;

		line[strcspn(line, "\n")] = 0;
		result = world_find_path(world, line + strlen(SAMPLES) + 1);
		if (!result || result->verdict != SK_VERDICT_INFECTED)
			fail_msg("%s: verdict %u", line, result ? result->verdict : 99);
		n++;
	}
	pclose(found);
	assert_true(n >= 44);
	assert_int_equal(world->done.files, world->n_results);
	assert_true(world->done.refused >= n);
}

static void clean_files_beside_an_infected_one_are_clean(void **state)
{
	World *world = *state;
	const SkScanResult *result;

	world_put_text(world, "letter.txt", "a letter\n");
	world_put_eicar(world, "eicar.com");
	world_put(world, "empty", "", 0);
	world_start_ready(world);
	world_walk(world, NULL, NULL);
	assert_int_equal(world->n_results, 3);
	assert_int_equal(world_find_path(world, "letter.txt")->verdict, SK_VERDICT_CLEAN);
	assert_int_equal(world_find_path(world, "empty")->verdict, SK_VERDICT_CLEAN);
	result = world_find_path(world, "eicar.com");
	assert_int_equal(result->verdict, SK_VERDICT_INFECTED);
	assert_string_equal(result->finding, "Eicar-Test-Signature.UNOFFICIAL");
	assert_int_equal(world->done.result, 0);
	assert_int_equal(world->done.refused, 1);
}

static void a_file_is_identified_and_hashed(void **state)
{
	static const uint8_t hash_of_abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
	World *world = *state;
	const SkScanResult *result;
	struct stat st;
	char path[192];

	world_put_text(world, "abc", "abc");
	world_path(world, "abc", path);
	assert_int_equal(stat(path, &st), 0);
	world_start_ready(world);
	result = world_scan(world, "abc", NULL);
	assert_int_equal(result->verdict, SK_VERDICT_CLEAN);
	assert_memory_equal(result->sha256, hash_of_abc, sizeof(hash_of_abc));
	assert_int_equal(result->file.ino, st.st_ino);
	assert_int_equal(result->file.dev, st.st_dev);
	assert_int_equal(result->file.size, 3);
	assert_string_equal(result->mime, "text/plain");
	assert_string_equal(result->path, "");
}

/* As fanotify hands it over: not at its beginning. */
static void the_offset_of_a_descriptor_does_not_matter(void **state)
{
	World *world = *state;
	char path[192];
	int fd;

	world_put_eicar(world, "eicar");
	world_path(world, "eicar", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(lseek(fd, 40, SEEK_SET), 40);
	world_start_ready(world);
	assert_int_equal(world_scan_fd(world, fd, NULL)->verdict, SK_VERDICT_INFECTED);
	close(fd);
}

static void types_are_refused_by_content(void **state)
{
	static const struct {
		const char *folder;
		uint32_t type;
	} folders[] = {{"program", SK_TYPE_PROGRAM}, {"script", SK_TYPE_SCRIPT},
		{"macro", SK_TYPE_MACRO_DOCUMENT}, {"encrypted", SK_TYPE_ENCRYPTED_ARCHIVE}, {"none", 0}};
	const ScanAsk ask = {.volume = 3, .refuse_types = ALL_TYPES};
	World *world = *state;

	world_start_ready(world);
	for (size_t i = 0; i < SK_ARRAY_SIZE(folders); i++) {
		char folder[512];

		world->n_results = 0;
		snprintf(folder, sizeof(folder), "%s/types/%s", getenv("SCAN_DATA"), folders[i].folder);
		world_walk(world, folder, &ask);
		assert_true(world->n_results >= 8);
		for (unsigned j = 0; j < world->n_results; j++) {
			const SkScanResult *result = &world->results[j];
			uint32_t expected = folders[i].type ? SK_VERDICT_TYPE : SK_VERDICT_CLEAN;

			if (result->verdict != expected || (result->type & ALL_TYPES) != folders[i].type)
				fail_msg("%s/%s: verdict %u (%s), type %x", folders[i].folder, result->path,
					result->verdict, result->finding, result->type);
		}
	}
}

static void without_scanning_only_hash_and_type_count(void **state)
{
	const ScanAsk ask = {.volume = 1, .refuse_types = SK_TYPE_SCRIPT, .hash_only = true};
	World *world = *state;

	world_put_eicar(world, "eicar");
	world_put_text(world, "run.sh", "#!/bin/sh\n");
	world_start_ready(world);
	assert_int_equal(world_scan(world, "eicar", &ask)->verdict, SK_VERDICT_CLEAN);
	assert_int_equal(world_scan(world, "run.sh", &ask)->verdict, SK_VERDICT_TYPE);
}

static void limits_are_named(void **state)
{
	World *world = *state;
	const SkScanResult *result;
	char command[512];
	void *zeros = calloc(1, 2 << 20);

	world->options.max_file_size = 1 << 20;
	world->options.max_recursion = 3;
	world_put(world, "large", zeros, 2 << 20);
	free(zeros);
	world_put_text(world, "0", "deep inside\n");
	snprintf(command, sizeof(command),
		"cd %s && for i in 1 2 3 4 5 6; do zip -q $i.zip $((i-1)).zip 2>/dev/null || zip -q $i.zip "
		"0; done",
		world->files);
	assert_int_equal(system(command), 0);
	world_start_ready(world);
	result = world_scan(world, "large", NULL);
	assert_int_equal(result->verdict, SK_VERDICT_LIMIT);
	assert_string_equal(result->finding, "MaxFileSize");
	result = world_scan(world, "6.zip", NULL);
	assert_int_equal(result->verdict, SK_VERDICT_LIMIT);
	assert_string_equal(result->finding, "MaxRecursion");
	assert_int_equal(world_scan(world, "1.zip", NULL)->verdict, SK_VERDICT_CLEAN);
}

static void what_core_remembers_is_not_scanned_again(void **state)
{
	const ScanAsk refuse = {.volume = 1, .refuse_types = SK_TYPE_SCRIPT};
	World *world = *state;
	const SkScanResult *result;

	world_put_text(world, "run.sh", "#!/bin/sh\n");
	world_put_eicar(world, "eicar");
	world_start_ready(world);
	assert_int_equal(world_scan(world, "run.sh", NULL)->remembered, 0);
	assert_int_equal(world_scan(world, "eicar", NULL)->remembered, 0);
	result = world_scan(world, "run.sh", NULL);
	assert_int_equal(result->remembered, 1);
	assert_int_equal(result->verdict, SK_VERDICT_CLEAN);
	/* Clean, but of a type that is refused now. */
	result = world_scan(world, "run.sh", &refuse);
	assert_int_equal(result->remembered, 1);
	assert_int_equal(result->verdict, SK_VERDICT_TYPE);
	result = world_scan(world, "eicar", NULL);
	assert_int_equal(result->remembered, 1);
	assert_int_equal(result->verdict, SK_VERDICT_INFECTED);
	assert_string_equal(result->finding, "Eicar-Test-Signature.UNOFFICIAL");
}

static void fill(World *world, unsigned n)
{
	char folder[192], name[64], text[2048];

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < n; i++) {
		if (i % 500 == 0) {
			snprintf(name, sizeof(name), "%u", i / 500);
			world_path(world, name, folder);
			assert_int_equal(mkdir(folder, 0755), 0);
		}
		snprintf(name, sizeof(name), "%u/%u", i / 500, i);
		snprintf(text, sizeof(text), "file %u", i);
		world_put(world, name, text, sizeof(text));
	}
}

static void twenty_thousand_small_files_stay_on_the_medium(void **state)
{
	World *world = *state;
	uint64_t open_files;

	fill(world, 20000);
	world_start_ready(world);
	assert_int_equal(scan_client_walk(world->client, world->files, &(ScanAsk){.volume = 1}), 0);
	world_pump(world, 1000, 0, 10000);
	/* The size of its table of descriptors, which only grows. */
	open_files = world_status(world->pid, "FDSize", 10);
	assert_in_range(open_files, 1, 256);
	world_pump(world, 20000, 1, 60000);
	assert_int_equal(world->n_results, 20000);
	assert_int_equal(world->done.files, 20000);
	assert_int_equal(world->done.bytes, 20000 * 2048);
	assert_int_equal(world->done.refused, 0);
}

static void a_waiting_file_goes_before_the_walk(void **state)
{
	World *world = *state;
	unsigned asked;
	char path[192];

	fill(world, 4000);
	world_put_text(world, "wanted", "wanted");
	world_start_ready(world);
	assert_int_equal(scan_client_walk(world->client, world->files, &(ScanAsk){.volume = 1}), 0);
	world_pump(world, 100, 0, 10000);
	asked = world->n_results;
	world_path(world, "wanted", path);
	assert_int_equal(scan_client_path(world->client, path, 5, &(ScanAsk){.volume = 2}), 0);
	while (!world_find_cookie(world, 5) && !world->gone)
		world_pump(world, world->n_results + 1, 0, 10000);
	/* What was judged before the question arrived may come first; on a busy machine that is some hundred.
	 */
	assert_in_range(world->n_results, asked, asked + 1000);
	assert_int_equal(world->n_done, 0);
}

static void several_media_are_walked_at_once(void **state)
{
	World *world = *state;
	char folder[192];

	fill(world, 2000);
	world_start_ready(world);
	assert_int_equal(scan_client_walk(world->client, world->files, &(ScanAsk){.volume = 1}), 0);
	world_path(world, "3", folder);
	assert_int_equal(scan_client_walk(world->client, folder, &(ScanAsk){.volume = 2}), 0);
	world_pump(world, 0, 1, 30000);
	/* The small one is through first although it was asked for later. */
	assert_int_equal(world->done.volume, 2);
	assert_int_equal(world->done.files, 500);
	world_pump(world, 0, 2, 30000);
	assert_int_equal(world->done.volume, 1);
	assert_int_equal(world->done.files, 2000);
}

static void a_cancelled_walk_lets_go_of_the_medium(void **state)
{
	World *world = *state;
	bool holds = true;

	fill(world, 5000);
	world_start_ready(world);
	assert_int_equal(scan_client_walk(world->client, world->files, &(ScanAsk){.volume = 7}), 0);
	world_pump(world, 100, 0, 10000);
	assert_true(world_holds(world, world->files));
	assert_int_equal(scan_client_cancel(world->client, 7), 0);
	world_pump(world, 0, 1, 5000);
	assert_int_equal(world->n_done, 1);
	assert_int_equal(world->done.result, -ECANCELED);
	for (unsigned i = 0; i < 100 && holds; i++) {
		holds = world_holds(world, world->files);
		usleep(10000);
	}
	assert_false(holds);
	/* And works on. */
	assert_int_equal(world_scan(world, "0/1", NULL)->verdict, SK_VERDICT_CLEAN);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(every_sample_that_clamscan_finds_is_infected),
		IN_WORLD(clean_files_beside_an_infected_one_are_clean),
		IN_WORLD(a_file_is_identified_and_hashed),
		IN_WORLD(the_offset_of_a_descriptor_does_not_matter),
		IN_WORLD(types_are_refused_by_content),
		IN_WORLD(without_scanning_only_hash_and_type_count),
		IN_WORLD(limits_are_named),
		IN_WORLD(what_core_remembers_is_not_scanned_again),
		IN_WORLD(twenty_thousand_small_files_stay_on_the_medium),
		IN_WORLD(a_waiting_file_goes_before_the_walk),
		IN_WORLD(several_media_are_walked_at_once),
		IN_WORLD(a_cancelled_walk_lets_go_of_the_medium),
	};

	return cmocka_run_group_tests_name("scanner", tests, NULL, NULL);
}
