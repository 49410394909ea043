/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which discs are written on, by what drive and disc say of themselves. Serves OUT-8. */
#include "tests/unit/unit.h"

#include "agent/burn/judge.h"
#include "lib/base/str.h"

#define SIZE 1000000

static void test_discs(void **state)
{
	static const struct {
		BurnDisc disc;
		SkReason code;
	} cases[] = {
		{{true, true, true, 0x09, true, SIZE}, SK_REASON_NONE}, /* CD-R */
		{{true, true, true, 0x11, true, SIZE}, SK_REASON_NONE}, /* DVD-R */
		{{true, true, true, 0x15, true, SIZE}, SK_REASON_NONE}, /* DVD-R DL */
		{{true, true, true, 0x1b, true, SIZE}, SK_REASON_NONE}, /* DVD+R */
		{{true, true, true, 0x2b, true, SIZE}, SK_REASON_NONE}, /* DVD+R DL */
		{{true, true, true, 0x41, true, SIZE}, SK_REASON_NONE}, /* BD-R */
		{{true, true, true, 0x1b, true, SIZE - 1}, SK_DISC_TOO_SMALL},
		{{true, true, true, 0x1b, true, 0}, SK_DISC_TOO_SMALL},
		{{true, true, false, 0x1b, true, SIZE}, SK_DISC_NOT_BLANK},
		{{true, true, true, 0x1b, false, SIZE}, SK_DRIVE_NOT_BURNING},
		/* One that only reads, whatever is in it, and whatever it says of that. */
		{{false, true, true, 0x1b, true, SIZE}, SK_DRIVE_NOT_BURNING},
		{{false, false, false, 0, false, 0}, SK_DRIVE_NOT_BURNING},
		{{true, false, false, 0, false, 0}, SK_DISC_NONE},
		{{true, false, true, 0x1b, true, SIZE}, SK_DISC_NONE},
		{{true, true, true, 0, true, SIZE}, SK_DISC_NONE},
		{{true, true, true, -1, true, SIZE}, SK_DISC_NONE},
		/* Pressed or closed, also where it claims to be blank. */
		{{true, true, false, 0x08, false, 0}, SK_DISC_NOT_BLANK},
		{{true, true, true, 0x10, true, SIZE}, SK_DISC_NOT_BLANK},
		{{true, true, false, 0x40, false, 0}, SK_DISC_NOT_BLANK},
		/* What could be written again: CD-RW, DVD-RAM, DVD-RW, DVD+RW, BD-RE, hard disk, unknown. */
		{{true, true, true, 0x0a, true, SIZE}, SK_DISC_REWRITABLE},
		{{true, true, true, 0x12, true, SIZE}, SK_DISC_REWRITABLE},
		{{true, true, true, 0x13, true, SIZE}, SK_DISC_REWRITABLE},
		{{true, true, false, 0x14, true, SIZE}, SK_DISC_REWRITABLE},
		{{true, true, true, 0x1a, true, SIZE}, SK_DISC_REWRITABLE},
		{{true, true, true, 0x43, true, SIZE}, SK_DISC_REWRITABLE},
		{{true, true, true, 0x01, true, SIZE}, SK_DISC_REWRITABLE},
		{{true, true, true, 0xffff, true, SIZE}, SK_DISC_REWRITABLE},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		assert_int_equal(burn_judge(&cases[i].disc, SIZE), cases[i].code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_discs)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
