/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core/fixture.h"

#include "agent/core/volume_decide.h"
#include "agent/core/volume_record.h"
#include "agent/core/volumes.h"

static int volumes_setup(void **state)
{
	Fixture *f;

	fixture_setup(state);
	f = *state;
	peer_init(&f->core.scanner, &f->core, &peer_monitor_type);
	peer_init(&f->core.media, &f->core, &peer_monitor_type);
	return 0;
}

static int volumes_teardown(void **state)
{
	Fixture *f = *state;

	volumes_close(&f->core);
	peer_deinit(&f->core.scanner);
	peer_deinit(&f->core.media);
	return fixture_teardown(state);
}

/* There is no monitor that would probe it: what a probe would say is put in place. */
static Volume *plug(Fixture *f, const char *sysname, uint32_t partition, const SkBlockFacts *facts)
{
	SkBlockAdded added = {.minor = partition,
		.partition = partition,
		.bus = SK_BUS_USB,
		.medium_present = true,
		.size = 1 << 20};
	Volume *volume;

	sk_str_copy(added.sysname, sizeof(added.sysname), sysname);
	sk_str_copy(added.disk, sizeof(added.disk), "sda");
	volumes_add(&f->core, &added);
	volume = volumes_find(&f->core, sysname);
	assert_non_null(volume);
	free(volume->facts);
	volume->facts = malloc(sizeof(*facts));
	assert_non_null(volume->facts);
	*volume->facts = *facts;
	volume->state = VOLUME_NEW;
	volume->code = SK_REASON_NONE;
	volume_advance(&f->core, volume);
	return volume;
}

static bool is_listed(const Fixture *f, const char *sysname)
{
	json_t *list = volumes_to_json(&f->core), *entry;
	bool found = false;
	size_t i;

	json_array_foreach (list, i, entry)
		found |= sk_str_eq(json_string_value(json_object_get(entry, "volume")), sysname);
	json_decref(list);
	return found;
}

static void a_table_without_partitions_is_told(void **state)
{
	Fixture *f = *state;
	const SkBlockFacts table = {.content = SK_CONTENT_PARTITIONS, .table = "dos"};
	Volume *disk = plug(f, "sda", 0, &table);

	assert_int_equal(disk->state, VOLUME_REFUSED);
	assert_int_equal(disk->code, SK_MEDIUM_NO_PARTITION);
	assert_true(is_listed(f, "sda"));
}

static void a_table_of_which_the_kernel_makes_nothing_is_told(void **state)
{
	Fixture *f = *state;
	const SkBlockFacts table = {.content = SK_CONTENT_PARTITIONS, .n_partitions = 2, .table = "gpt"};
	Volume *disk = plug(f, "sda", 0, &table);

	assert_int_equal(disk->state, VOLUME_CONTAINER);
	assert_false(is_listed(f, "sda"));
	while (disk->state == VOLUME_CONTAINER)
		assert_true(sd_event_run(f->core.event, 10 * 1000000) > 0);
	assert_int_equal(disk->state, VOLUME_REFUSED);
	assert_int_equal(disk->code, SK_MEDIUM_NO_PARTITION);
}

static void a_partition_that_comes_takes_the_place_of_its_disk(void **state)
{
	Fixture *f = *state;
	const SkBlockFacts table = {.content = SK_CONTENT_PARTITIONS, .table = "dos"};
	const SkBlockFacts blank = {.content = SK_CONTENT_EMPTY};
	Volume *disk = plug(f, "sda", 0, &table), *partition;

	assert_int_equal(disk->state, VOLUME_REFUSED);
	partition = plug(f, "sda1", 1, &blank);
	assert_int_equal(disk->state, VOLUME_CONTAINER);
	assert_false(is_listed(f, "sda"));
	assert_int_equal(partition->code, SK_MEDIUM_UNKNOWN_CONTENT);
	assert_true(is_listed(f, "sda1"));
}

static void what_has_no_known_file_system_is_told(void **state)
{
	Fixture *f = *state;
	const SkBlockFacts blank = {.content = SK_CONTENT_EMPTY}, swap = {.content = SK_CONTENT_OTHER};

	assert_int_equal(plug(f, "sda", 0, &blank)->code, SK_MEDIUM_UNKNOWN_CONTENT);
	assert_true(is_listed(f, "sda"));
	assert_int_equal(plug(f, "sdb", 0, &swap)->code, SK_MEDIUM_UNKNOWN_CONTENT);
	assert_true(is_listed(f, "sdb"));
}

/* Each takes two places in systemd's store, of which there are 64. */
static void no_more_is_opened_than_systemd_can_keep(void **state)
{
	Fixture *f = *state;
	const SkBlockFacts vfat = {.content = SK_CONTENT_VFAT};
	unsigned n_open = 0;

	assert_int_equal(fixture_rules(f, "allow bus usb media read-only scan off\n"), 0);
	f->core.session.present = true;
	for (unsigned i = 0; i < 40; i++) {
		char name[16];
		Volume *volume;

		sk_str_format(name, sizeof(name), "sd%u", i);
		volume = plug(f, name, 0, &vfat);
		if (volume->code == SK_MEDIUM_TOO_MANY)
			continue;
		/* There is no monitor that would open it: as if there were. */
		assert_int_equal(volume->code, SK_DEVICE_NOT_CHECKED);
		volume->state = VOLUME_OPENING;
		n_open++;
	}
	assert_int_equal(n_open, 30);
}

static void while_learning_an_empty_table_is_told_too(void **state)
{
	Fixture *f = *state;
	const SkBlockFacts table = {.content = SK_CONTENT_PARTITIONS, .table = "dos"};
	Volume *disk;

	f->core.settings->agent.mode = SK_MODE_LEARN;
	disk = plug(f, "sda", 0, &table);
	assert_int_equal(disk->state, VOLUME_LEARNED);
	assert_int_equal(disk->decision.would, SK_MEDIUM_NO_PARTITION);
	assert_true(is_listed(f, "sda"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, volumes_setup, volumes_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_without_partitions_is_told),
		TEST(a_table_of_which_the_kernel_makes_nothing_is_told),
		TEST(a_partition_that_comes_takes_the_place_of_its_disk),
		TEST(what_has_no_known_file_system_is_told),
		TEST(no_more_is_opened_than_systemd_can_keep),
		TEST(while_learning_an_empty_table_is_told_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
