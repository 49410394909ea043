/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EQP-1: is what holds data encrypted? */
#include "tests/unit/posture/fixture.h"

/* A block device of sysfs. */
static void device(
	const Fixture *f, const char *name, const char *number, const char *uuid, const char *slave)
{
	char path[256], link[256];

	sk_str_format(path, sizeof(path), "/sys/devices/%s/dev", name);
	fixture_put(f, path, number);
	sk_str_format(link, sizeof(link), "../../devices/%s", name);
	sk_str_format(path, sizeof(path), "/sys/dev/block/%s", number);
	fixture_link(f, path, link);
	sk_str_format(path, sizeof(path), "/sys/class/block/%s", name);
	fixture_link(f, path, link);
	if (uuid) {
		sk_str_format(path, sizeof(path), "/sys/devices/%s/dm/uuid", name);
		fixture_put(f, path, uuid);
		sk_str_format(path, sizeof(path), "/sys/devices/%s/dm/name", name);
		fixture_put(f, path, name);
	}
	if (slave) {
		sk_str_format(path, sizeof(path), "/sys/devices/%s/slaves/%s", name, slave);
		fixture_mkdir(f, path);
	}
}

static void mounts(const Fixture *f, const char *root, const char *more)
{
	char text[2048];

	sk_str_format(text, sizeof(text), "25 1 %s / / rw,relatime shared:1 - ext4 /dev/mapper/x rw\n%s",
		root, more);
	fixture_put(f, "/proc/1/mountinfo", text);
	fixture_put(f, "/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
}

static void plain_partition(void **state)
{
	Fixture *f = *state;

	device(f, "sda2", "8:2", NULL, NULL);
	mounts(f, "8:2", "");
	fixture_expect(f, &check_disk, SK_POSTURE_FAIL, SK_POSTURE_DISK_OPEN);
	assert_string_equal(f->result.value, "/: NOT ENCRYPTED, /home: NOT ENCRYPTED");
}

static void lvm_on_luks(void **state)
{
	Fixture *f = *state;

	device(f, "sda3", "8:3", NULL, NULL);
	device(f, "dm-0", "254:0", "CRYPT-LUKS2-5a0f-sda3_crypt\n", "sda3");
	device(f, "dm-1", "254:1", "LVM-abc", "dm-0");
	device(f, "dm-2", "254:2", "LVM-def", "dm-0");
	mounts(f, "254:1", "");
	fixture_put(f, "/proc/swaps",
		"Filename\tType\tSize\n/dev/dm-2 partition 1000 0 -2\n/dev/zram0 partition 1 0 5\n");
	fixture_expect(f, &check_disk, SK_POSTURE_OK, SK_REASON_NONE);
	assert_string_equal(f->result.value, "/: dm-crypt, /home: dm-crypt, swap: dm-crypt, swap: memory");
}

/* One of two disks beneath is enough to read half of everything. */
static void raid_half_open(void **state)
{
	Fixture *f = *state;

	device(f, "sda1", "8:1", NULL, NULL);
	device(f, "sdb1", "8:17", NULL, NULL);
	device(f, "dm-0", "254:0", "CRYPT-LUKS2-aaaa-one", "sda1");
	device(f, "dm-9", "254:9", "LVM-abc", "dm-0");
	fixture_mkdir(f, "/sys/devices/dm-9/slaves/sdb1");
	mounts(f, "254:9", "");
	fixture_expect(f, &check_disk, SK_POSTURE_FAIL, SK_POSTURE_DISK_OPEN);
}

static void swap_and_home_count(void **state)
{
	Fixture *f = *state;

	device(f, "sda3", "8:3", NULL, NULL);
	device(f, "dm-0", "254:0", "CRYPT-LUKS1-5a0f-x", "sda3");
	device(f, "sda5", "8:5", NULL, NULL);
	mounts(f, "254:0", "");
	fixture_expect(f, &check_disk, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/proc/swaps", "Filename\tType\n/dev/sda5 partition 1 0 -2\n");
	fixture_expect(f, &check_disk, SK_POSTURE_FAIL, SK_POSTURE_DISK_OPEN);
	mounts(f, "254:0", "30 25 8:5 / /home rw - ext4 /dev/sda5 rw\n");
	fixture_expect(f, &check_disk, SK_POSTURE_FAIL, SK_POSTURE_DISK_OPEN);
	assert_string_equal(f->result.value, "/: dm-crypt, /home: NOT ENCRYPTED");
	/* A swap file is where its file system is; the name has a blank in it. */
	mounts(f, "254:0", "30 25 8:5 / /my\\040data rw - ext4 /dev/sda5 rw\n");
	fixture_expect(f, &check_disk, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/proc/swaps", "Filename\tType\n/my\\040data/swapfile file 1 0 -2\n");
	fixture_expect(f, &check_disk, SK_POSTURE_FAIL, SK_POSTURE_DISK_OPEN);
}

/* A mapping that hides nothing: verity, linear; and a name that only begins so. */
static void other_mappings(void **state)
{
	static const char *const uuids[] = {
		"CRYPT-VERITY-aa-x", "CRYPT-INTEGRITY-aa", "LVM-aa", "CRYPT-", "xCRYPT-LUKS2-", ""};
	Fixture *f = *state;

	for (size_t i = 0; i < SK_ARRAY_SIZE(uuids); i++) {
		device(f, "dm-0", "254:0", uuids[i], NULL);
		mounts(f, "254:0", "");
		fixture_expect(f, &check_disk, SK_POSTURE_FAIL, SK_POSTURE_DISK_OPEN);
	}
}

/* btrfs has a number of its own; its source says where it is. */
static void btrfs(void **state)
{
	Fixture *f = *state;

	device(f, "dm-0", "254:0", "CRYPT-LUKS2-5a0f-x", NULL);
	device(f, "sda2", "8:2", NULL, NULL);
	fixture_put(f, "/proc/1/mountinfo",
		"25 1 0:22 /@ / rw - btrfs /dev/mapper/dm-0 rw\n26 25 0:22 /@home /home rw - btrfs "
		"/dev/mapper/dm-0 rw\n");
	fixture_expect(f, &check_disk, SK_POSTURE_OK, SK_REASON_NONE);
	fixture_put(f, "/proc/1/mountinfo", "25 1 0:22 /@ / rw - btrfs /dev/sda2 rw\n");
	fixture_expect(f, &check_disk, SK_POSTURE_FAIL, SK_POSTURE_DISK_OPEN);
	fixture_put(f, "/proc/1/mountinfo", "25 1 0:22 / / rw - zfs rpool/ROOT rw\n");
	fixture_expect(f, &check_disk, SK_POSTURE_UNKNOWN, SK_POSTURE_DISK_UNKNOWN);
	fixture_put(f, "/proc/1/mountinfo", "25 1 0:22 / / rw - tmpfs tmpfs rw\n");
	fixture_expect(f, &check_disk, SK_POSTURE_OK, SK_REASON_NONE);
}

/* Devices that stand on each other, lines that are none, nothing at all. */
static void nonsense(void **state)
{
	Fixture *f = *state;

	fixture_expect(f, &check_disk, SK_POSTURE_UNKNOWN, SK_POSTURE_DISK_UNKNOWN);
	device(f, "dm-0", "254:0", "LVM-a", "dm-1");
	device(f, "dm-1", "254:1", "LVM-b", "dm-0");
	mounts(f, "254:0", "");
	fixture_expect(f, &check_disk, SK_POSTURE_UNKNOWN, SK_POSTURE_DISK_UNKNOWN);
	fixture_put(f, "/proc/1/mountinfo", "x\n\n1 2 3\n1 2 3 4 5 6 -\n1 2 3 4 / 6 - \n - - - - - - - -\n");
	fixture_expect(f, &check_disk, SK_POSTURE_UNKNOWN, SK_POSTURE_DISK_UNKNOWN);
	mounts(f, "../../../etc", "");
	fixture_expect(f, &check_disk, SK_POSTURE_UNKNOWN, SK_POSTURE_DISK_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {fixture_test(plain_partition), fixture_test(lvm_on_luks),
		fixture_test(raid_half_open), fixture_test(swap_and_home_count), fixture_test(other_mappings),
		fixture_test(btrfs), fixture_test(nonsense)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
