/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "agent/monitor/uevent.h"

#define BYTES(text_) text_, sizeof(text_) - 1

static int parse(const char *message, size_t size, Uevent *ret_event)
{
	static char copy[UEVENT_SIZE_MAX + 1];

	memcpy(copy, message, size);
	copy[size] = 0;
	return uevent_parse(copy, size, ret_event);
}

static void a_new_usb_device_is_told_with_its_numbers(void **state)
{
	Uevent event;

	assert_int_equal(
		parse(BYTES("add@/devices/pci0000:00/0000:00:10.0/usb1/1-3\0ACTION=add\0"
			    "DEVPATH=/devices/pci0000:00/0000:00:10.0/usb1/1-3\0SUBSYSTEM=usb\0"
			    "MAJOR=189\0MINOR=8\0DEVNAME=bus/usb/001/009\0DEVTYPE=usb_device\0"
			    "PRODUCT=951/1666/100\0TYPE=255/0/0\0BUSNUM=001\0DEVNUM=009\0SEQNUM=2271\0"),
			&event),
		0);
	assert_string_equal(event.action, "add");
	assert_string_equal(event.devpath, "/devices/pci0000:00/0000:00:10.0/usb1/1-3");
	assert_string_equal(event.sysname, "1-3");
	assert_string_equal(event.subsystem, "usb");
	assert_string_equal(event.devtype, "usb_device");
	assert_int_equal(event.busnum, 1);
	assert_int_equal(event.devnum, 9);
	assert_false(event.new_medium);
}

static void another_medium_is_told_in_two_ways(void **state)
{
	Uevent event;

	assert_int_equal(
		parse(BYTES("change@/devices/x/block/sr0\0ACTION=change\0DEVPATH=/devices/x/block/sr0\0"
			    "SUBSYSTEM=block\0DISK_MEDIA_CHANGE=1\0"),
			&event),
		0);
	assert_true(event.new_medium);
	assert_int_equal(event.devnum, 0);
	assert_int_equal(
		parse(BYTES("change@/devices/x/block/sdb\0ACTION=change\0DEVPATH=/devices/x/block/sdb\0"
			    "SUBSYSTEM=block\0RESIZE=1"),
			&event),
		0);
	assert_true(event.new_medium);
	assert_int_equal(
		parse(BYTES("change@/devices/x/block/sdb\0ACTION=change\0DEVPATH=/devices/x/block/sdb\0"
			    "SUBSYSTEM=block\0DISK_MEDIA_CHANGED=1\0NORESIZE=1\0"),
			&event),
		0);
	assert_false(event.new_medium);
}

/* With the head of udev, which is how umockdev tells it. */
static void the_form_of_udev_is_read(void **state)
{
	static const char fields[] =
		"ACTION=remove\0DEVPATH=/devices/usb1\0SUBSYSTEM=usb\0DEVTYPE=usb_device";
	struct {
		char prefix[8];
		uint32_t magic, head_size, fields_offset, fields_size;
		char fields[sizeof(fields)];
	} message = {"libudev", 0, 0, 0, sizeof(fields), ""};
	Uevent event;

	memcpy(message.fields, fields, sizeof(fields));
	message.fields_offset = (uint32_t)(message.fields - (char *)&message);
	assert_int_equal(parse((const char *)&message, sizeof(message), &event), 0);
	assert_string_equal(event.action, "remove");
	assert_string_equal(event.sysname, "usb1");
	message.fields_offset = (uint32_t)sizeof(message) + 1;
	assert_int_equal(parse((const char *)&message, sizeof(message), &event), -EBADMSG);
	assert_int_equal(parse((const char *)&message, 16, &event), -EBADMSG);
}

static void what_tells_no_device_is_refused(void **state)
{
	Uevent event;

	assert_int_equal(parse("", 0, &event), -EBADMSG);
	assert_int_equal(parse(BYTES("add@/devices/x"), &event), -EBADMSG);
	assert_int_equal(parse(BYTES("add@/devices/x\0ACTION=add\0"), &event), -EBADMSG);
	assert_int_equal(parse(BYTES("add@/devices/x\0DEVPATH=/devices/x\0"), &event), -EBADMSG);
	assert_int_equal(parse(BYTES("add@/x/\0ACTION=add\0DEVPATH=/x/\0"), &event), -EBADMSG);
	assert_int_equal(parse(BYTES("add@x\0ACTION=add\0DEVPATH=x\0"), &event), -EBADMSG);
}

static void numbers_out_of_range_are_not_told(void **state)
{
	Uevent event;

	assert_int_equal(
		parse(BYTES("add@/x\0ACTION=add\0DEVPATH=/x\0BUSNUM=65536\0DEVNUM=-1\0"), &event), 0);
	assert_int_equal(event.busnum, 0);
	assert_int_equal(event.devnum, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_usb_device_is_told_with_its_numbers),
		cmocka_unit_test(another_medium_is_told_in_two_ways),
		cmocka_unit_test(the_form_of_udev_is_read),
		cmocka_unit_test(what_tells_no_device_is_refused),
		cmocka_unit_test(numbers_out_of_range_are_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
