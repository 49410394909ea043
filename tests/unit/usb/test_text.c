/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/usb/descriptors.h"
#include "lib/usb/hash.h"
#include "lib/usb/text.h"

static const uint8_t root_hub[] = {
	18, 1, 0x00, 0x02, 9, 0, 1, 64, 0x6b, 0x1d, 2, 0, 0x02, 0x06, 3, 2, 1, 1, /* device */
	9, 2, 25, 0, 1, 1, 0, 0xe0, 0,						  /* configuration */
	9, 4, 0, 0, 1, 9, 0, 0, 0,						  /* interface */
	7, 5, 0x81, 3, 4, 0, 12,						  /* endpoint */
};

static SkUsbFacts root_hub_facts(void)
{
	SkUsbFacts facts = {.product = "xHCI Host Controller", .serial = "0000:00:14.0"};

	assert_int_equal(sk_usb_descriptors_parse(root_hub, sizeof(root_hub), &facts, NULL), 0);
	sk_usb_hash(&facts, root_hub, sizeof(root_hub), facts.hash);
	return facts;
}

/* The expected texts are what usbguard 1.1.2 printed for these bytes (usbguard generate-policy). */
static void the_hash_is_that_of_usbguard(void **state)
{
	SkUsbFacts facts = root_hub_facts();

	assert_string_equal(facts.hash, "jEP/6WzviqdJ5VSeTUY8PatCNBKeaREvo2OqdplND/o=");
}

static void a_new_kernel_does_not_change_a_root_hub(void **state)
{
	uint8_t newer[sizeof(root_hub)];
	SkUsbFacts facts = root_hub_facts(), other = facts;

	memcpy(newer, root_hub, sizeof(newer));
	newer[12] = 0x12;
	newer[13] = 0x07;
	sk_usb_hash(&facts, newer, sizeof(newer), other.hash);
	assert_string_equal(facts.hash, other.hash);
	facts.product_id = 4; /* not a root hub any more */
	sk_usb_hash(&facts, root_hub, sizeof(root_hub), facts.hash);
	sk_usb_hash(&other, newer, sizeof(newer), other.hash);
	assert_string_not_equal(facts.hash, other.hash);
}

static void a_controller_is_known_by_its_path(void **state)
{
	char hash[SK_USB_HASH_SIZE];

	sk_usb_hash_text("/devices/pci0000:00/0000:00:14.0", hash);
	assert_string_equal(hash, "rV9bfLq7c2eA4tYjVjwO4bxhm+y6GgZpl9J60L0fBkY=");
	/* base64 of the three possible remainders is only met with digests of 32 bytes; the empty text too */
	sk_usb_hash_text("", hash);
	assert_string_equal(hash, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

static void a_device_is_written_as_usbguard_writes_it(void **state)
{
	SkUsbFacts facts = root_hub_facts();
	SkUsbPlace place = {.port = "usb1", .parent_hash = "rV9bfLq7c2eA4tYjVjwO4bxhm+y6GgZpl9J60L0fBkY="};
	own_free char *text = NULL, *alone = NULL;

	assert_int_equal(sk_usb_rule_format(&facts, &place, &text), 0);
	assert_string_equal(text,
		"id 1d6b:0002 serial \"0000:00:14.0\" name \"xHCI Host Controller\" "
		"hash \"jEP/6WzviqdJ5VSeTUY8PatCNBKeaREvo2OqdplND/o=\" "
		"parent-hash \"rV9bfLq7c2eA4tYjVjwO4bxhm+y6GgZpl9J60L0fBkY=\" via-port \"usb1\" "
		"with-interface 09:00:00 with-connect-type \"\"");
	assert_int_equal(sk_usb_rule_format(&facts, NULL, &alone), 0);
	assert_string_equal(alone,
		"id 1d6b:0002 serial \"0000:00:14.0\" name \"xHCI Host Controller\" "
		"hash \"jEP/6WzviqdJ5VSeTUY8PatCNBKeaREvo2OqdplND/o=\" with-interface 09:00:00");
}

static void foreign_bytes_are_escaped_in_rules(void **state)
{
	SkUsbFacts facts = root_hub_facts();
	own_free char *text = NULL;

	sk_str_copy(facts.product, sizeof(facts.product), "a\"b\\c\x1b\xe6\x97\xa5\x7f");
	facts.serial[0] = 0;
	facts.interfaces[facts.n_interfaces++] = (SkUsbInterface){1, 1, 0, 3, 1, 1};
	assert_int_equal(sk_usb_rule_format(&facts, NULL, &text), 0);
	assert_non_null(strstr(text, "serial \"\" name \"a\\\"b\\\\c\\x1b\\xe6\\x97\\xa5\\x7f\" hash"));
	assert_non_null(strstr(text, "with-interface { 09:00:00 03:01:01 }"));
}

static void facts_that_are_not_ok_have_no_rule(void **state)
{
	SkUsbFacts facts = root_hub_facts();
	char *text = NULL;

	facts.state = SK_USB_FACTS_MALFORMED;
	assert_int_equal(sk_usb_rule_format(&facts, NULL, &text), -EINVAL);
	assert_null(text);
}

static void attribute_text_is_bounded(void **state)
{
	char text[4];

	assert_int_equal(sk_usb_text_take(text, sizeof(text), "abc\n", 4), 0);
	assert_string_equal(text, "abc");
	assert_int_equal(sk_usb_text_take(text, sizeof(text), "abcd", 4), -EOVERFLOW);
	assert_int_equal(sk_usb_text_take(text, sizeof(text), "a\0b", 3), -EILSEQ);
	assert_int_equal(sk_usb_text_take(text, sizeof(text), "", 0), 0);
	assert_string_equal(text, "");
	assert_int_equal(sk_usb_text_take(text, sizeof(text), "\n\n", 2), 0);
	assert_string_equal(text, "\n");
}

static void facts_out_of_range_are_refused(void **state)
{
	SkUsbFacts facts = root_hub_facts();

	assert_true(sk_usb_facts_check(&facts));
	facts.n_interfaces = SK_USB_INTERFACES_MAX + 1;
	assert_false(sk_usb_facts_check(&facts));
	facts = root_hub_facts();
	memset(facts.serial, 'x', sizeof(facts.serial));
	assert_false(sk_usb_facts_check(&facts));
	facts = root_hub_facts();
	facts.hash[3] = '"';
	assert_false(sk_usb_facts_check(&facts));
	facts = root_hub_facts();
	facts.state = 3;
	assert_false(sk_usb_facts_check(&facts));
	facts.state = SK_USB_FACTS_UNREADABLE;
	assert_true(sk_usb_facts_check(&facts));
	facts = root_hub_facts();
	facts.n_configurations = 0;
	assert_false(sk_usb_facts_check(&facts));
}

static void ids_and_interfaces_have_four_and_two_digits(void **state)
{
	char id[SK_USB_ID_SIZE], interface[SK_USB_INTERFACE_SIZE];

	sk_usb_id_format(id, 0x0a, 0xffff);
	assert_string_equal(id, "000a:ffff");
	sk_usb_interface_format(interface, &(SkUsbInterface){1, 2, 3, 0xff, 0, 0x10});
	assert_string_equal(interface, "ff:00:10");
	assert_string_equal(sk_usb_class_name(8), "mass storage");
	assert_null(sk_usb_class_name(0x77));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_that_of_usbguard),
		cmocka_unit_test(a_new_kernel_does_not_change_a_root_hub),
		cmocka_unit_test(a_controller_is_known_by_its_path),
		cmocka_unit_test(a_device_is_written_as_usbguard_writes_it),
		cmocka_unit_test(foreign_bytes_are_escaped_in_rules),
		cmocka_unit_test(facts_that_are_not_ok_have_no_rule),
		cmocka_unit_test(attribute_text_is_bounded),
		cmocka_unit_test(facts_out_of_range_are_refused),
		cmocka_unit_test(ids_and_interfaces_have_four_and_two_digits),
	};

	return sk_crypt_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
