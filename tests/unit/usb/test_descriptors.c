/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/crypt/digest.h"
#include "lib/usb/descriptors.h"

/* A memory stick with a second, vendor-specific interface. */
static const uint8_t stick[] = {
	/*  0 device */ 18,
	1,
	0x00,
	0x02,
	0,
	0,
	0,
	64,
	0x81,
	0x07,
	0x67,
	0x55,
	0x26,
	0x01,
	1,
	2,
	3,
	1,
	/* 18 configuration */ 9,
	2,
	41,
	0,
	2,
	1,
	0,
	0x80,
	100,
	/* 27 interface */ 9,
	4,
	0,
	0,
	2,
	8,
	6,
	0x50,
	0,
	/* 36 endpoint */ 7,
	5,
	0x81,
	2,
	0,
	2,
	0,
	/* 43 endpoint */ 7,
	5,
	0x02,
	2,
	0,
	2,
	0,
	/* 50 interface */ 9,
	4,
	1,
	0,
	0,
	0xff,
	1,
	2,
	0,
};

#define DEVICE 18
#define NO_CHANGE -1

static void assert_malformed(const uint8_t *data, size_t size, unsigned offset, const char *reason)
{
	/* A copy of exactly this size, so that a sanitizer sees a byte read beyond it. */
	own_free uint8_t *copy = malloc(size ? size : 1);
	SkUsbFacts facts = {0};
	SkUsbFault fault = {0};

	memcpy(copy, data, size);
	assert_int_equal(sk_usb_descriptors_parse(copy, size, &facts, &fault), -EBADMSG);
	assert_int_equal(facts.state, SK_USB_FACTS_MALFORMED);
	assert_string_equal(fault.reason, reason);
	assert_int_equal(fault.offset, offset);
	assert_int_equal(facts.error_offset, offset);
}

static void a_stick_is_read_as_it_is(void **state)
{
	SkUsbFacts facts = {0};
	const SkUsbInterface second = {1, 1, 0, 0xff, 1, 2};

	assert_int_equal(sk_usb_descriptors_parse(stick, sizeof(stick), &facts, NULL), 0);
	assert_int_equal(facts.state, SK_USB_FACTS_OK);
	assert_int_equal(facts.vendor_id, 0x0781);
	assert_int_equal(facts.product_id, 0x5567);
	assert_int_equal(facts.device_release, 0x0126);
	assert_int_equal(facts.usb_release, 0x0200);
	assert_int_equal(facts.n_configurations, 1);
	assert_int_equal(facts.n_interfaces, 2);
	assert_int_equal(facts.interfaces[0].base_class, 8);
	assert_int_equal(facts.interfaces[0].protocol, 0x50);
	assert_memory_equal(&facts.interfaces[1], &second, sizeof(second));
}

static void each_truncation_is_malformed(void **state)
{
	for (size_t size = 0; size < DEVICE; size++)
		assert_malformed(stick, size, (unsigned)size, "the file ends inside the device descriptor");
	assert_malformed(stick, DEVICE, DEVICE, "fewer configurations than the device descriptor says");
	for (size_t size = DEVICE + 1; size < DEVICE + 9; size++)
		assert_malformed(stick, size, DEVICE, "the file ends inside a configuration descriptor");
	for (size_t size = DEVICE + 9; size < sizeof(stick); size++)
		assert_malformed(stick, size, DEVICE + 2,
			"the total length of a configuration exceeds the bytes present");
}

/* The stick with one or two bytes changed. */
static void contradictions_are_named_with_their_place(void **state)
{
	static const struct {
		int at, value, at2, value2;
		unsigned offset;
		const char *reason;
	} cases[] = {
		{0, 17, NO_CHANGE, 0, 0, "the device descriptor is not 18 bytes long"},
		{0, 0, NO_CHANGE, 0, 0, "the device descriptor is not 18 bytes long"},
		{1, 2, NO_CHANGE, 0, 1, "the file does not begin with a device descriptor"},
		{17, 0, NO_CHANGE, 0, 17, "the device has no configuration"},
		{17, 9, NO_CHANGE, 0, 17, "the device has more than 8 configurations"},
		{17, 2, NO_CHANGE, 0, 59, "fewer configurations than the device descriptor says"},
		{18, 8, NO_CHANGE, 0, 18, "a configuration descriptor is not 9 bytes long"},
		{18, 10, NO_CHANGE, 0, 18, "a configuration descriptor is not 9 bytes long"},
		{19, 4, NO_CHANGE, 0, 18, "where a configuration must begin, there is another descriptor"},
		{20, 42, NO_CHANGE, 0, 20, "the total length of a configuration exceeds the bytes present"},
		{21, 255, NO_CHANGE, 0, 20, "the total length of a configuration exceeds the bytes present"},
		{20, 8, NO_CHANGE, 0, 20, "the total length of a configuration is below its own 9 bytes"},
		{20, 0, NO_CHANGE, 0, 20, "the total length of a configuration is below its own 9 bytes"},
		{20, 33, NO_CHANGE, 0, 50, "a single byte is left over in a configuration"},
		{20, 40, NO_CHANGE, 0, 50, "a descriptor reaches beyond the end of its configuration"},
		{20, 32, 22, 1, 50, "bytes after the last configuration"},
		{22, 1, NO_CHANGE, 0, 22, "the number of interfaces differs from the interfaces described"},
		{22, 3, NO_CHANGE, 0, 22, "the number of interfaces differs from the interfaces described"},
		{27, 8, NO_CHANGE, 0, 27, "an interface descriptor is not 9 bytes long"},
		{27, 0, NO_CHANGE, 0, 27, "a descriptor is shorter than its own 2-byte head"},
		{36, 1, NO_CHANGE, 0, 36, "a descriptor is shorter than its own 2-byte head"},
		{36, 6, NO_CHANGE, 0, 36, "an endpoint descriptor is neither 7 nor 9 bytes long"},
		{36, 255, NO_CHANGE, 0, 36, "a descriptor reaches beyond the end of its configuration"},
		{28, 0x24, NO_CHANGE, 0, 36, "an endpoint stands before any interface"},
		{44, 1, NO_CHANGE, 0, 43, "a second device descriptor"},
		{44, 2, NO_CHANGE, 0, 43, "a configuration begins inside another one"},
		{52, 0, NO_CHANGE, 0, 50, "the same interface and alternate setting is described twice"},
		/* an alternate setting of the first interface, not a second interface */
		{52, 0, 53, 1, 22, "the number of interfaces differs from the interfaces described"},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		uint8_t data[sizeof(stick)];
		size_t size = sizeof(data);

		memcpy(data, stick, size);
		data[cases[i].at] = (uint8_t)cases[i].value;
		if (cases[i].at2 != NO_CHANGE)
			data[cases[i].at2] = (uint8_t)cases[i].value2;
		assert_malformed(data, size, cases[i].offset, cases[i].reason);
	}
}

static void one_byte_too_many_is_malformed(void **state)
{
	uint8_t data[sizeof(stick) + 1] = {0};

	memcpy(data, stick, sizeof(stick));
	assert_malformed(data, sizeof(data), sizeof(stick), "bytes after the last configuration");
}

static void a_wrong_number_of_endpoints_is_harmless(void **state)
{
	uint8_t data[sizeof(stick)];
	SkUsbFacts facts = {0};

	memcpy(data, stick, sizeof(stick));
	data[31] = 9;
	assert_int_equal(sk_usb_descriptors_parse(data, sizeof(data), &facts, NULL), 0);
}

/* Appends n interface descriptors, each with a setting of its own; returns the size. */
static size_t build_many(uint8_t *data, unsigned n)
{
	size_t size = DEVICE + 9;

	memcpy(data, stick, size);
	for (unsigned i = 0; i < n; i++, size += 9)
		memcpy(data + size, (uint8_t[]){9, 4, 0, (uint8_t)i, 0, 3, 1, 1, 0}, 9);
	if (n > 256)
		data[size - 9 + 2] = 1;
	data[20] = (uint8_t)((size - DEVICE) & 255);
	data[21] = (uint8_t)((size - DEVICE) >> 8);
	data[22] = n > 256 ? 2 : 1;
	return size;
}

static void at_most_255_interface_descriptors_are_taken(void **state)
{
	uint8_t data[DEVICE + 9 + 257 * 9];
	SkUsbFacts facts = {0};
	size_t size = build_many(data, 255);

	assert_int_equal(sk_usb_descriptors_parse(data, size, &facts, NULL), 0);
	assert_int_equal(facts.n_interfaces, 255);
	assert_int_equal(facts.interfaces[254].alternate, 254);
	size = build_many(data, 256);
	assert_malformed(data, size, (unsigned)size - 9, "more than 255 interface descriptors");
	size = build_many(data, 257);
	assert_malformed(data, size, (unsigned)size - 2 * 9, "more than 255 interface descriptors");
}

static void more_than_8_configurations_can_have_is_malformed(void **state)
{
	own_free uint8_t *data = calloc(1, SK_USB_DESCRIPTORS_MAX + 1);

	memcpy(data, stick, sizeof(stick));
	assert_malformed(data, SK_USB_DESCRIPTORS_MAX + 1, SK_USB_DESCRIPTORS_MAX,
		"more bytes than 8 configurations can have");
}

/* Two configurations; `value` is that of the second. */
static size_t build_two(uint8_t *data, uint8_t value)
{
	memcpy(data, stick, sizeof(stick));
	memcpy(data + sizeof(stick), stick + DEVICE, sizeof(stick) - DEVICE);
	data[17] = 2;
	data[sizeof(stick) + 5] = value;
	data[sizeof(stick) + 9 + 5] = 3; /* its first interface is a keyboard's */
	return 2 * sizeof(stick) - DEVICE;
}

static void every_configuration_counts(void **state)
{
	uint8_t data[2 * sizeof(stick)];
	size_t size = build_two(data, 2);
	SkUsbFacts facts = {0};

	assert_int_equal(sk_usb_descriptors_parse(data, size, &facts, NULL), 0);
	assert_int_equal(facts.n_interfaces, 4);
	assert_int_equal(facts.interfaces[1].configuration, 1);
	assert_int_equal(facts.interfaces[2].configuration, 2);
	assert_int_equal(facts.interfaces[2].base_class, 3);
	size = build_two(data, 1);
	assert_malformed(data, size, sizeof(stick) + 5, "two configurations have the same value");
}

static int stop_at_endpoint(void *userdata, const SkUsbDescriptor *descriptor)
{
	unsigned *n = userdata;

	(*n)++;
	return descriptor->type == SK_USB_TYPE_ENDPOINT ? -ECANCELED : 0;
}

static void a_visitor_can_stop_the_walk(void **state)
{
	SkUsbFault fault = {0};
	unsigned n = 0;

	assert_int_equal(
		sk_usb_descriptors_walk(stick, sizeof(stick), stop_at_endpoint, &n, &fault), -ECANCELED);
	assert_int_equal(n, 4);
	assert_null(fault.reason);
}

static void any_single_byte_may_change_without_harm(void **state)
{
	uint8_t data[sizeof(stick)];
	unsigned ok = 0, malformed = 0;

	for (size_t at = 0; at < sizeof(stick); at++)
		for (unsigned value = 0; value < 256; value++) {
			SkUsbFacts facts = {0};

			memcpy(data, stick, sizeof(stick));
			data[at] = (uint8_t)value;
			if (sk_usb_descriptors_parse(data, sizeof(data), &facts, NULL) == 0)
				ok++;
			else
				malformed++;
			assert_true(facts.n_interfaces <= 2);
		}
	/* Most bytes are numbers without a rule; the lengths, types and counts are not. */
	assert_true(ok > 1000);
	assert_true(malformed > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stick_is_read_as_it_is),
		cmocka_unit_test(each_truncation_is_malformed),
		cmocka_unit_test(contradictions_are_named_with_their_place),
		cmocka_unit_test(one_byte_too_many_is_malformed),
		cmocka_unit_test(a_wrong_number_of_endpoints_is_harmless),
		cmocka_unit_test(at_most_255_interface_descriptors_are_taken),
		cmocka_unit_test(more_than_8_configurations_can_have_is_malformed),
		cmocka_unit_test(every_configuration_counts),
		cmocka_unit_test(a_visitor_can_stop_the_walk),
		cmocka_unit_test(any_single_byte_may_change_without_harm),
	};

	return sk_crypt_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
