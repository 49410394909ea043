/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of a medium that was written to. Serves OUT-5. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/core/manifest.h"
#include "lib/base/str.h"
#include "tests/unit/unit.h"

/* What a manifest told last, as "change path[<from]:first byte of the digest, or -". */
typedef struct Told {
	char text[2048];
} Told;

static int tell(void *userdata, const SkSlipFile *file, uid_t uid)
{
	Told *told = userdata;
	size_t used = strlen(told->text);
	char digest[8] = "-";

	if (file->hashed)
		sk_str_format(digest, sizeof(digest), "%x", file->sha256[0]);
	assert_true(sk_str_format(told->text + used, sizeof(told->text) - used, "%s %s%s%s:%s%s%s\n",
		sk_slip_change_name(file->change), file->path, file->from ? "<" : "",
		file->from ? file->from : "", digest, uid == 7 ? " by 7" : "",
		file->verdict == SK_SLIP_INFECTED ? " infected" : ""));
	return 0;
}

static SkFileId id(uint64_t ino, uint64_t size, int64_t time)
{
	return (SkFileId){.dev = 1, .ino = ino, .size = size, .mtime_nsec = time, .ctime_nsec = time};
}

static ManifestContent content(uint8_t digest)
{
	ManifestContent made = {.hashed = true, .verdict = SK_SLIP_CLEAN};

	made.sha256[0] = digest;
	return made;
}

static void base(Manifest *m, const char *path, SkFileId file)
{
	assert_int_equal(manifest_add_base(m, path, &file), 0);
}

static void read_base(Manifest *m, SkFileId file, uint8_t digest)
{
	ManifestContent c = content(digest);

	assert_true(manifest_read(m, &file, 0, &c));
}

static void final(Manifest *m, const char *path, SkFileId file, int digest)
{
	ManifestContent c = content((uint8_t)digest);

	assert_int_equal(manifest_add_final(m, path, &file, digest < 0 ? NULL : &c), 0);
}

static uint64_t written(Manifest *m, const char *path, SkFileId file)
{
	return manifest_written(m, &(ManifestWritten){.file = file, .path = path, .at = 5, .uid = 7});
}

static void expect(Manifest *m, bool partial, const char *wanted)
{
	Told told = {""};

	assert_int_equal(manifest_make(m, partial, tell, &told), 0);
	assert_string_equal(told.text, wanted);
}

static int begin(void **state)
{
	*state = manifest_new();
	return *state ? 0 : -1;
}

static int end(void **state)
{
	*state = manifest_free(*state);
	return 0;
}

static void each_change_has_its_name(void **state)
{
	Manifest *m = *state;

	base(m, "changed", id(1, 10, 1));
	base(m, "gone", id(2, 10, 1));
	base(m, "old-name", id(3, 10, 1));
	base(m, "replaced", id(4, 10, 1));
	base(m, "same", id(5, 10, 1));
	read_base(m, id(5, 10, 1), 0x55);
	read_base(m, id(3, 10, 1), 0x33);
	written(m, "changed", id(1, 11, 9));
	final(m, "changed", id(1, 11, 9), 0x11);
	final(m, "new", id(8, 1, 9), 0x88);
	final(m, "new-name", id(3, 10, 1), -1);
	final(m, "replaced", id(9, 3, 9), 0x99);
	final(m, "same", id(5, 10, 1), -1);
	expect(m, false,
		"changed changed:11 by 7\ndeleted gone:-\nnew new:88\nrenamed new-name<old-name:33\nchanged "
		"replaced:99\n"
		"same same:55\n");
}

/* Two files that changed their names; and a new one in the place of one that moved. */
static void names_that_move(void **state)
{
	Manifest *m = *state;

	base(m, "a", id(1, 1, 1));
	base(m, "b", id(2, 1, 1));
	base(m, "c", id(3, 1, 1));
	final(m, "a", id(2, 1, 1), 2);
	final(m, "b", id(1, 1, 1), 1);
	final(m, "c", id(9, 1, 9), 9);
	final(m, "d", id(3, 1, 1), 3);
	expect(m, false, "renamed a<b:2\nrenamed b<a:1\nnew c:9\nrenamed d<c:3\n");
}

/* The kernel forgot it: another number, and the content decides. */
static void forgotten_files(void **state)
{
	Manifest *m = *state;

	base(m, "known", id(1, 10, 1));
	base(m, "touched", id(2, 10, 1));
	base(m, "unknown", id(3, 10, 1));
	read_base(m, id(1, 10, 1), 0x11);
	read_base(m, id(2, 10, 1), 0x22);
	final(m, "known", id(101, 10, 1), 0x1f);
	final(m, "touched", id(102, 10, 7), 0x22);
	final(m, "unknown", id(103, 10, 1), 0x33);
	expect(m, false, "changed known:1f\nsame touched:22\nsame unknown:33\n");
}

static bool knows(Manifest *m, SkFileId file)
{
	SkFileId *files = NULL;
	bool found = false;
	size_t n = 0;

	assert_int_equal(manifest_known(m, &files, &n), 0);
	for (size_t i = 0; i < n; i++) {
		found |= memcmp(&files[i], &file, sizeof(file)) == 0;
		assert_true(i == 0 || memcmp(&files[i - 1], &files[i], sizeof(file)) < 0);
	}
	free(files);
	return found;
}

/* What is believed of a content, and how long. */
static void a_write_ends_what_was_known(void **state)
{
	Manifest *m = *state;
	ManifestContent c = content(1);
	SkFileId file = id(1, 10, 1);
	uint64_t first = written(m, "a", file), second = written(m, "a", file);

	assert_int_not_equal(first, second);
	assert_false(manifest_read(m, &file, first, &c)); /* it was read before the second write ended */
	assert_false(manifest_read(m, &file, 0, &c));
	assert_false(knows(m, file));
	assert_true(manifest_read(m, &file, second, &c));
	assert_true(knows(m, file));
	/* Truncated by path: nobody was told, but it is another file in the list. */
	final(m, "a", id(1, 10, 2), -1);
	expect(m, false, "new a:- by 7\n");
	written(m, "a", file);
	assert_false(knows(m, file));
	assert_true(manifest_read(m, &file, second + 1, &c));
	manifest_doubt(m);
	assert_false(knows(m, file));
}

static void what_was_noted_when_it_is_pulled(void **state)
{
	Manifest *m = *state;
	ManifestContent c = content(0xcc);
	SkFileId file = id(9, 1, 9);
	uint64_t number;

	base(m, "read", id(1, 10, 1));
	base(m, "unread", id(2, 10, 1));
	base(m, "written", id(3, 10, 1));
	read_base(m, id(1, 10, 1), 0x11);
	written(m, "written", id(3, 20, 9));
	number = written(m, "new", file);
	c.verdict = SK_SLIP_INFECTED;
	assert_true(manifest_read(m, &file, number, &c));
	written(m, "", id(10, 1, 1)); /* without a name: it was deleted while it was open */
	written(m, ".sekisho/SHA256SUMS", id(11, 1, 1));
	expect(m, true, "new new:cc by 7 infected\nsame read:11\nsame unread:-\nchanged written:- by 7\n");
}

static void a_second_look(void **state)
{
	Manifest *m = *state;

	final(m, "b", id(2, 1, 1), 2);
	final(m, "a", id(1, 1, 1), 1);
	manifest_keep_final(m);
	final(m, "a", id(1, 1, 1), -1);
	final(m, "b", id(2, 1, 1), -1);
	assert_true(manifest_is_as_kept(m));
	manifest_clear_final(m);
	final(m, "a", id(1, 1, 1), -1);
	assert_false(manifest_is_as_kept(m));
	final(m, "b", id(2, 1, 3), -1);
	assert_false(manifest_is_as_kept(m));
}

static void only_what_nobody_closed_after_writing_is_known_to_be_clean(void **state)
{
	Manifest *m = *state;
	SkFileId file = id(1, 10, 100), changed = id(1, 10, 101), infected = id(2, 10, 100);
	ManifestContent bad = content(6), good = content(5);

	bad.verdict = SK_SLIP_INFECTED;
	assert_false(manifest_is_clean(m, &file));
	read_base(m, file, 5);
	assert_true(manifest_read(m, &infected, 0, &bad));
	assert_true(manifest_is_clean(m, &file));
	assert_false(manifest_is_clean(m, &changed));
	assert_false(manifest_is_clean(m, &infected));
	uint64_t number = written(m, "a", file);

	assert_false(manifest_is_clean(m, &file));
	assert_true(manifest_read(m, &file, number, &good));
	assert_false(manifest_is_clean(m, &file)); /* who wrote may have it open again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_change_has_its_name, begin, end),
		cmocka_unit_test_setup_teardown(names_that_move, begin, end),
		cmocka_unit_test_setup_teardown(forgotten_files, begin, end),
		cmocka_unit_test_setup_teardown(a_write_ends_what_was_known, begin, end),
		cmocka_unit_test_setup_teardown(
			only_what_nobody_closed_after_writing_is_known_to_be_clean, begin, end),
		cmocka_unit_test_setup_teardown(what_was_noted_when_it_is_pulled, begin, end),
		cmocka_unit_test_setup_teardown(a_second_look, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
