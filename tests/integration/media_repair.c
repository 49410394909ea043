/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system that was left open is repaired by the real fsck.exfat in its jail; one that was closed is not
 * touched; and what is none is said to be none. Serves OUT-3. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/media/blank.h"
#include "agent/media/repair.h"
#include "lib/base/own.h"

#define SIZE (48 << 20)
#define FLAGS 106 /* VolumeFlags */
#define DIRTY 0x02
/* Where the bitmap of the room in use begins is told by the boot sector: ClusterHeapOffset,
 * BytesPerSectorShift; mkfs.exfat puts it first. */
#define HEAP 88
#define SECTOR_SHIFT 108

typedef struct Image {
	char path[40];
	int fd;
} Image;

static int make_image(void **state)
{
	static Image image;
	MediaDetail detail = {0};

	strcpy(image.path, "/tmp/sekisho-repair-XXXXXX");
	image.fd = mkstemp(image.path);
	*state = &image;
	return image.fd < 0 || ftruncate(image.fd, SIZE) < 0 || media_make_exfat(image.path, &detail) < 0;
}

static int remove_image(void **state)
{
	const Image *image = *state;

	close(image->fd);
	return unlink(image->path);
}

static uint8_t flags_of(const Image *image)
{
	uint8_t flags = 0xff;

	assert_int_equal(pread(image->fd, &flags, 1, FLAGS), 1);
	return flags;
}

static void leave_open(const Image *image)
{
	const uint8_t flags = DIRTY;

	assert_int_equal(pwrite(image->fd, &flags, 1, FLAGS), 1);
}

static off_t bitmap_of(const Image *image)
{
	uint32_t sector = 0;
	uint8_t shift = 0;

	assert_int_equal(pread(image->fd, &sector, sizeof(sector), HEAP), sizeof(sector));
	assert_int_equal(pread(image->fd, &shift, 1, SECTOR_SHIFT), 1);
	return (off_t)le32toh(sector) << shift;
}

/* The first cluster is in use by the bitmap itself: free, it would be given to the next file. */
static void test_room_in_use_is_not_free(void **state)
{
	const Image *image = *state;
	MediaDetail detail = {0};
	uint8_t before, now, none = 0;
	off_t at = bitmap_of(image);

	assert_int_equal(pread(image->fd, &before, 1, at), 1);
	assert_true(before & 1);
	assert_int_equal(pwrite(image->fd, &none, 1, at), 1);
	leave_open(image);
	assert_int_equal(media_repair_exfat(image->fd, image->path, &detail), 0);
	assert_int_equal(pread(image->fd, &now, 1, at), 1);
	assert_int_equal(now & before, before);
	assert_int_equal(flags_of(image) & DIRTY, 0);
}

static void test_closed(void **state)
{
	const Image *image = *state;
	MediaDetail detail = {0};
	const uint8_t none = 0;
	uint8_t now;
	off_t at = bitmap_of(image);

	assert_int_equal(pwrite(image->fd, &none, 1, at), 1);
	assert_int_equal(media_repair_exfat(image->fd, image->path, &detail), 0);
	assert_int_equal(pread(image->fd, &now, 1, at), 1);
	assert_int_equal(now, 0);
}

static void test_nonsense(void **state)
{
	const Image *image = *state;
	MediaDetail detail = {0};
	uint8_t sector[512];

	memset(sector, 0xff, sizeof(sector));
	assert_int_equal(pwrite(image->fd, sector, sizeof(sector), 0), sizeof(sector));
	assert_int_equal(media_repair_exfat(image->fd, image->path, &detail), -EUCLEAN);
	assert_non_null(strstr(detail.text, "exit status"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_room_in_use_is_not_free, make_image, remove_image),
		cmocka_unit_test_setup_teardown(test_closed, make_image, remove_image),
		cmocka_unit_test_setup_teardown(test_nonsense, make_image, remove_image)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
