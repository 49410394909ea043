/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/probe/probe.h"
#include "lib/base/own.h"
#include "lib/crypt/digest.h"
#include "lib/usb/text.h"

static const uint8_t mouse[] = {
	18, 1, 0x10, 1, 0, 0, 0, 8, 0x5d, 0x27, 0xa6, 0x0b, 0, 1, 0, 1, 0, 1, /* device */
	9, 2, 34, 0, 1, 1, 0, 0xa0, 50,					      /* configuration */
	9, 4, 0, 0, 1, 3, 1, 2, 0,					      /* interface */
	9, 0x21, 0x11, 1, 0, 1, 0x22, 64, 0,				      /* HID */
	7, 5, 0x81, 3, 5, 0, 10,					      /* endpoint */
};

static int make_file(const void *bytes, size_t size)
{
	int fd = memfd_create("attribute", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, 0), (ssize_t)size);
	return fd;
}

static SkUsbFacts probe(int descriptors, int product, int serial)
{
	const ProbeFds fds = {descriptors, -1, product, serial, -1};
	SkUsbFacts facts;

	probe_usb(&fds, &facts);
	return facts;
}

static void a_device_is_read_with_its_strings(void **state)
{
	own_fd int descriptors = make_file(mouse, sizeof(mouse));
	own_fd int product = make_file("USB OPTICAL MOUSE \n", 19);
	SkUsbFacts facts = probe(descriptors, product, -1);

	assert_int_equal(facts.state, SK_USB_FACTS_OK);
	assert_int_equal(facts.vendor_id, 0x275d);
	assert_int_equal(facts.n_interfaces, 1);
	assert_string_equal(facts.product, "USB OPTICAL MOUSE ");
	assert_string_equal(facts.serial, "");
	assert_true(sk_usb_facts_check(&facts));
}

static void contradicting_descriptors_are_malformed_and_have_no_hash(void **state)
{
	own_fd int descriptors = make_file(mouse, sizeof(mouse) - 1);
	SkUsbFacts facts = probe(descriptors, -1, -1);

	assert_int_equal(facts.state, SK_USB_FACTS_MALFORMED);
	assert_int_equal(facts.error_offset, 20);
	assert_string_equal(facts.hash, "");
}

static void what_cannot_be_read_is_unreadable(void **state)
{
	own_fd int descriptors = make_file(mouse, sizeof(mouse));
	own_fd int directory = open("/", O_RDONLY | O_DIRECTORY);

	assert_int_equal(probe(directory, -1, -1).state, SK_USB_FACTS_UNREADABLE);
	assert_int_equal(probe(descriptors, directory, -1).state, SK_USB_FACTS_UNREADABLE);
	assert_int_equal(probe(descriptors, -1, directory).state, SK_USB_FACTS_UNREADABLE);
}

static void strings_are_taken_up_to_their_limit(void **state)
{
	char text[SK_USB_STRING_SIZE + 1];
	own_fd int descriptors = make_file(mouse, sizeof(mouse));
	own_fd int longest = -1, too_long = -1;

	memset(text, 'x', sizeof(text));
	text[SK_USB_STRING_SIZE - 1] = '\n';
	longest = make_file(text, SK_USB_STRING_SIZE);
	assert_int_equal(strlen(probe(descriptors, longest, -1).product), SK_USB_STRING_SIZE - 1);
	text[SK_USB_STRING_SIZE - 1] = 'x';
	text[SK_USB_STRING_SIZE] = '\n';
	too_long = make_file(text, sizeof(text));
	lseek(descriptors, 0, SEEK_SET);
	assert_int_equal(probe(descriptors, too_long, -1).state, SK_USB_FACTS_UNREADABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_is_read_with_its_strings),
		cmocka_unit_test(contradicting_descriptors_are_malformed_and_have_no_hash),
		cmocka_unit_test(what_cannot_be_read_is_unreadable),
		cmocka_unit_test(strings_are_taken_up_to_their_limit),
	};

	return sk_crypt_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
