/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "agent/media/mount.h"
#include "agent/media/mountinfo.h"
#include "agent/media/target.h"
#include "lib/base/own.h"
#include "lib/ipc/proto_probe.h"

static bool has_option(const MediaFilesystem *filesystem, const char *key, const char *value)
{
	for (const MediaOption *option = filesystem->options; option->kind != MEDIA_OPTION_END; option++)
		if (strcmp(option->key, key) == 0 && (!value || strcmp(option->value, value) == 0))
			return true;
	return false;
}

static void contents_that_are_not_file_systems_have_none(void **state)
{
	static const uint32_t contents[] = {SK_CONTENT_EMPTY, SK_CONTENT_PARTITIONS, SK_CONTENT_LUKS1,
		SK_CONTENT_LUKS2, SK_CONTENT_OTHER, SK_CONTENT_ERASED, SK_CONTENT_MAX_, UINT32_MAX};

	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++)
		assert_null(media_filesystem_find(contents[i]));
}

static void a_superblock_cannot_ask_for_a_panic(void **state)
{
	assert_true(has_option(media_filesystem_find(SK_CONTENT_EXT), "errors", "continue"));
	assert_true(has_option(media_filesystem_find(SK_CONTENT_VFAT), "errors", "continue"));
	assert_true(has_option(media_filesystem_find(SK_CONTENT_EXFAT), "errors", "continue"));
}

static void a_journal_is_not_replayed(void **state)
{
	assert_true(has_option(media_filesystem_find(SK_CONTENT_EXT), "noload", NULL));
}

static void what_overlays_accept_as_a_layer_is_stacked(void **state)
{
	for (uint32_t content = 0; content < SK_CONTENT_MAX_; content++) {
		const MediaFilesystem *filesystem = media_filesystem_find(content);

		if (filesystem)
			assert_int_equal(filesystem->stackable,
				content != SK_CONTENT_VFAT && content != SK_CONTENT_EXFAT);
	}
}

static void only_block_devices_are_devices(void **state)
{
	char path[64];
	own_fd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	own_fd int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_int_equal(media_device_check(null, path, sizeof(path)), -ENOTBLK);
	assert_int_equal(media_device_check(file, path, sizeof(path)), -ENOTBLK);
	assert_int_equal(media_device_check(-1, path, sizeof(path)), -EBADF);
}

static void mounts_of_others_are_not_ours(void **state)
{
	own_fd int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_fd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MediaMountInfo info, above;

	assert_int_equal(media_mountinfo_read(proc, &info), 0);
	assert_false(info.ours);
	assert_int_equal(media_mountinfo_read(root, &above), 0);
	assert_int_equal(info.parent, above.id);
	assert_int_not_equal(info.id, above.id);
}

static void only_two_steps_below_the_base_are_paths_of_ours(void **state)
{
	char base[] = "/tmp/sekisho-test-XXXXXX", path[128];
	static const char *const wrong[] = {
		"", "/", "/user", "/user/", "/user/a/b", "/../etc", "/user/..", "/user/.", "//a", "other/a"};

	assert_non_null(mkdtemp(base));
	own_fd int base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", base, wrong[i]);
		assert_int_equal(media_target_detach(base_fd, base, path, true), -EINVAL);
	}
	assert_int_equal(media_target_detach(base_fd, base, "/proc", true), -EINVAL);
	snprintf(path, sizeof(path), "%s/user/label", base);
	assert_int_equal(media_target_detach(base_fd, base, path, true), -ENOENT);
	rmdir(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents_that_are_not_file_systems_have_none),
		cmocka_unit_test(a_superblock_cannot_ask_for_a_panic),
		cmocka_unit_test(a_journal_is_not_replayed),
		cmocka_unit_test(what_overlays_accept_as_a_layer_is_stacked),
		cmocka_unit_test(only_block_devices_are_devices),
		cmocka_unit_test(mounts_of_others_are_not_ours),
		cmocka_unit_test(only_two_steps_below_the_base_are_paths_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
