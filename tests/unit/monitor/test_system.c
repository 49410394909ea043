/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "agent/monitor/system.h"

/* Numbers of block devices that no machine has: sysfs adds nothing to them. */
static const char mountinfo[] =
	"24 1 4001:2 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
	"25 24 0:5 / /dev rw shared:2 - devtmpfs devtmpfs rw\n"
	"26 24 4001:1 / /boot/efi rw - vfat /dev/x rw\n"
	"27 24 4002:1 / /media/hanako/\\346\\227\\245\\040A rw,nosuid - vfat /dev/sdb1 rw\n"
	"28 24 0:45 / /home/hanako/mnt rw - fuse.evil /dev/null rw\n"
	"29 24 4003:7 /sub /home rw - xfs /dev/mapper/h rw\n"
	"30 24 4004:1 / /usr\\040is\\040not rw - ext4 /dev/y rw\n"
	"broken line\n"
	"31 24 4005:x / /var rw - ext4 /dev/z rw\n";

static void disks_of_the_system_are_collected(void **state)
{
	own_system_disks SystemDisks disks = {0};

	assert_int_equal(system_disks_collect(mountinfo, "", &disks), 0);
	assert_true(system_disks_have(&disks, makedev(4001, 2)));
	assert_true(system_disks_have(&disks, makedev(4001, 1)));
	assert_true(system_disks_have(&disks, makedev(4003, 7)));
	assert_false(system_disks_have(&disks, makedev(4002, 1)));
	assert_false(system_disks_have(&disks, makedev(4004, 1)));
	assert_int_equal(disks.n, 3);
}

static void a_file_system_of_a_user_cannot_claim_a_disk(void **state)
{
	static const char lie[] = "28 24 0:45 / /home/hanako/mnt rw - fuse /dev/sda rw\n"
				  "29 24 0:46 / /home/hanako/b rw - fuse.btrfs /dev/sda rw\n";
	own_system_disks SystemDisks disks = {0};

	assert_int_equal(system_disks_collect(lie, "", &disks), 0);
	assert_int_equal(disks.n, 0);
}

static void swap_headers_and_missing_files_are_passed_over(void **state)
{
	own_system_disks SystemDisks disks = {0};

	assert_int_equal(system_disks_collect("",
				 "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
				 "/nonexistent/swap                       file\t\t524284\t\t0\t\t-2\n",
				 &disks),
		0);
	assert_int_equal(disks.n, 0);
}

static void escapes_of_mount_lines_are_resolved(void **state)
{
	MountLine mount;

	assert_int_equal(
		mount_line_parse(
			"27 24 8:17 / /media/a\\040b\\134c rw shared:3 master:1 - vfat /dev/sdb1 rw", &mount),
		0);
	assert_string_equal(mount.point, "/media/a b\\c");
	assert_string_equal(mount.type, "vfat");
	assert_string_equal(mount.source, "/dev/sdb1");
	assert_int_equal(mount.dev, makedev(8, 17));
}

static void what_is_no_mount_line_is_refused(void **state)
{
	char line[1024];
	MountLine mount = {.dev = 5};
	static const char *const bad[] = {"", " ", "1", "1 2", "1 2 3", "1 2 8:1", "1 2 8:1 /",
		"1 2 8:1 / /x rw", "1 2 8:1 / /x rw -", "1 2 8:1 / /x rw - vfat", "1 2 :1 / / rw - a b c",
		"1 2 8: / / rw - a b c"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(mount_line_parse(bad[i], &mount) < 0);
	memset(line, 'a', sizeof(line));
	memcpy(line, "1 2 8:1 / /", 11);
	memcpy(line + sizeof(line) - 16, " rw - vfat b c d", 16);
	line[sizeof(line) - 1] = 0;
	assert_int_equal(mount_line_parse(line, &mount), -ENAMETOOLONG);
	assert_int_equal(mount.dev, 5);
}

static void points_of_the_system_are_known(void **state)
{
	static const char *const yes[] = {"/", "/usr", "/usr/local", "/boot", "/boot/efi", "/var", "/var/log",
		"/home", "/home/hanako", "/run/live/medium"};
	static const char *const no[] = {"/media/hanako/USB", "/run/media/hanako/USB", "/mnt", "/usrx",
		"/bootleg", "/run/user/1000", "", "home", "/run/live"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(mount_point_is_system(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(mount_point_is_system(no[i]));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(disks_of_the_system_are_collected),
		cmocka_unit_test(a_file_system_of_a_user_cannot_claim_a_disk),
		cmocka_unit_test(swap_headers_and_missing_files_are_passed_over),
		cmocka_unit_test(escapes_of_mount_lines_are_resolved),
		cmocka_unit_test(what_is_no_mount_line_is_refused),
		cmocka_unit_test(points_of_the_system_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
