/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/usb/descriptors.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "lib/base/str.h"
#include "lib/base/translate.h"
#include "lib/crypt/digest.h"

#define DEVICE_SIZE 18
#define CONFIGURATION_SIZE 9
#define INTERFACE_SIZE 9
#define ENDPOINT_SIZE 7
#define AUDIO_ENDPOINT_SIZE 9 /* endpoints of USB audio 1.0 carry two more bytes */

#define DEVICE_N_CONFIGURATIONS 17
#define CONFIGURATION_N_INTERFACES 4
#define CONFIGURATION_VALUE 5

/* Where the walk stands. */
typedef struct Walk {
	const uint8_t *data;
	size_t size;
	SkUsbVisit visit;
	void *userdata;
	SkUsbFault *fault;
	uint8_t configuration;	       /* value of the current one */
	bool in_interface;	       /* endpoints may follow */
	bool value_seen[256];	       /* configuration values in use */
	uint8_t setting_seen[256][32]; /* in the current configuration: [number], bit of the alternate */
	unsigned n_numbers;	       /* distinct interface numbers in the current configuration */
} Walk;

static int fail(const Walk *walk, size_t offset, const char *reason)
{
	walk->fault->reason = reason;
	walk->fault->offset = (uint32_t)offset;
	return -EBADMSG;
}

static unsigned get_u16(const uint8_t *bytes)
{
	return bytes[0] | (unsigned)bytes[1] << 8;
}

static int visit(const Walk *walk, size_t offset, uint8_t configuration)
{
	const SkUsbDescriptor descriptor = {
		.bytes = walk->data + offset,
		.offset = (uint32_t)offset,
		.size = walk->data[offset],
		.type = walk->data[offset + 1],
		.configuration = configuration,
	};

	return walk->visit(walk->userdata, &descriptor);
}

static int walk_interface(Walk *walk, size_t offset)
{
	const uint8_t *bytes = walk->data + offset;
	static const uint8_t none[32];
	uint8_t *settings, bit;

	if (bytes[0] != INTERFACE_SIZE)
		return fail(walk, offset, N_("an interface descriptor is not 9 bytes long"));
	settings = walk->setting_seen[bytes[2]];
	bit = (uint8_t)(1u << (bytes[3] & 7));
	if (settings[bytes[3] >> 3] & bit)
		return fail(walk, offset, N_("the same interface and alternate setting is described twice"));
	if (memcmp(settings, none, sizeof(none)) == 0)
		walk->n_numbers++;
	settings[bytes[3] >> 3] |= bit;
	walk->in_interface = true;
	return 0;
}

static int walk_endpoint(Walk *walk, size_t offset)
{
	uint8_t length = walk->data[offset];

	if (length != ENDPOINT_SIZE && length != AUDIO_ENDPOINT_SIZE)
		return fail(walk, offset, N_("an endpoint descriptor is neither 7 nor 9 bytes long"));
	return walk->in_interface ? 0 : fail(walk, offset, N_("an endpoint stands before any interface"));
}

static int refuse_device(Walk *walk, size_t offset)
{
	return fail(walk, offset, N_("a second device descriptor"));
}

static int refuse_configuration(Walk *walk, size_t offset)
{
	return fail(walk, offset, N_("a configuration begins inside another one"));
}

static int walk_one(Walk *walk, size_t offset)
{
	static const struct {
		uint8_t type;
		int (*check)(Walk *walk, size_t offset);
	} checks[] = {
		{SK_USB_TYPE_DEVICE, refuse_device},
		{SK_USB_TYPE_CONFIGURATION, refuse_configuration},
		{SK_USB_TYPE_INTERFACE, walk_interface},
		{SK_USB_TYPE_ENDPOINT, walk_endpoint},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(checks); i++)
		if (checks[i].type == walk->data[offset + 1]) {
			int r = checks[i].check(walk, offset);

			if (r < 0)
				return r;
		}
	return visit(walk, offset, walk->configuration);
}

/* Checks the head of the configuration at offset. Return: its end, or -EBADMSG. */
static ssize_t configuration_begin(Walk *walk, size_t offset)
{
	const uint8_t *bytes = walk->data + offset;
	size_t left = walk->size - offset, total;

	if (left < CONFIGURATION_SIZE)
		return fail(walk, offset, N_("the file ends inside a configuration descriptor"));
	if (bytes[0] != CONFIGURATION_SIZE)
		return fail(walk, offset, N_("a configuration descriptor is not 9 bytes long"));
	if (bytes[1] != SK_USB_TYPE_CONFIGURATION)
		return fail(
			walk, offset, N_("where a configuration must begin, there is another descriptor"));
	total = get_u16(bytes + 2);
	if (total < CONFIGURATION_SIZE)
		return fail(
			walk, offset + 2, N_("the total length of a configuration is below its own 9 bytes"));
	if (total > left)
		return fail(walk, offset + 2,
			N_("the total length of a configuration exceeds the bytes present"));
	if (walk->value_seen[bytes[CONFIGURATION_VALUE]])
		return fail(walk, offset + CONFIGURATION_VALUE, N_("two configurations have the same value"));
	walk->value_seen[bytes[CONFIGURATION_VALUE]] = true;
	walk->configuration = bytes[CONFIGURATION_VALUE];
	walk->in_interface = false;
	walk->n_numbers = 0;
	memset(walk->setting_seen, 0, sizeof(walk->setting_seen));
	return (ssize_t)(offset + total);
}

/* Return: where the next configuration begins, or negative. */
static ssize_t walk_configuration(Walk *walk, size_t begin)
{
	ssize_t end = configuration_begin(walk, begin);
	size_t offset = begin + CONFIGURATION_SIZE;
	int r;

	if (end < 0)
		return end;
	r = visit(walk, begin, walk->configuration);
	while (r == 0 && offset < (size_t)end) {
		size_t left = (size_t)end - offset;

		if (left < 2)
			return fail(walk, offset, N_("a single byte is left over in a configuration"));
		if (walk->data[offset] < 2)
			return fail(walk, offset, N_("a descriptor is shorter than its own 2-byte head"));
		if (walk->data[offset] > left)
			return fail(
				walk, offset, N_("a descriptor reaches beyond the end of its configuration"));
		r = walk_one(walk, offset);
		offset += walk->data[offset];
	}
	if (r != 0)
		return r;
	if (walk->n_numbers != walk->data[begin + CONFIGURATION_N_INTERFACES])
		return fail(walk, begin + CONFIGURATION_N_INTERFACES,
			N_("the number of interfaces differs from the interfaces described"));
	return end;
}

static int walk_device(Walk *walk)
{
	if (walk->size > SK_USB_DESCRIPTORS_MAX)
		return fail(walk, SK_USB_DESCRIPTORS_MAX, N_("more bytes than 8 configurations can have"));
	if (walk->size < DEVICE_SIZE)
		return fail(walk, walk->size, N_("the file ends inside the device descriptor"));
	if (walk->data[0] != DEVICE_SIZE)
		return fail(walk, 0, N_("the device descriptor is not 18 bytes long"));
	if (walk->data[1] != SK_USB_TYPE_DEVICE)
		return fail(walk, 1, N_("the file does not begin with a device descriptor"));
	if (walk->data[DEVICE_N_CONFIGURATIONS] == 0)
		return fail(walk, DEVICE_N_CONFIGURATIONS, N_("the device has no configuration"));
	if (walk->data[DEVICE_N_CONFIGURATIONS] > SK_USB_CONFIGURATIONS_MAX)
		return fail(walk, DEVICE_N_CONFIGURATIONS, N_("the device has more than 8 configurations"));
	return visit(walk, 0, 0);
}

int sk_usb_descriptors_walk(
	const uint8_t *data, size_t size, SkUsbVisit visit_one, void *userdata, SkUsbFault *ret_fault)
{
	Walk walk = {
		.data = data, .size = size, .visit = visit_one, .userdata = userdata, .fault = ret_fault};
	ssize_t offset = DEVICE_SIZE;
	int r = walk_device(&walk);

	if (r != 0)
		return r;
	for (unsigned i = 0; i < data[DEVICE_N_CONFIGURATIONS]; i++) {
		if ((size_t)offset == size)
			return fail(&walk, size, N_("fewer configurations than the device descriptor says"));
		offset = walk_configuration(&walk, (size_t)offset);
		if (offset < 0)
			return (int)offset;
	}
	if ((size_t)offset != size)
		return fail(&walk, (size_t)offset, N_("bytes after the last configuration"));
	return 0;
}

static int collect_device(SkUsbFacts *facts, const uint8_t *bytes)
{
	facts->usb_release = (uint16_t)get_u16(bytes + 2);
	facts->base_class = bytes[4];
	facts->subclass = bytes[5];
	facts->protocol = bytes[6];
	facts->vendor_id = (uint16_t)get_u16(bytes + 8);
	facts->product_id = (uint16_t)get_u16(bytes + 10);
	facts->device_release = (uint16_t)get_u16(bytes + 12);
	facts->n_configurations = bytes[DEVICE_N_CONFIGURATIONS];
	return 0;
}

static int collect(void *userdata, const SkUsbDescriptor *descriptor)
{
	SkUsbFacts *facts = userdata;
	const uint8_t *bytes = descriptor->bytes;

	if (descriptor->type == SK_USB_TYPE_DEVICE)
		return collect_device(facts, bytes);
	if (descriptor->type != SK_USB_TYPE_INTERFACE)
		return 0;
	if (facts->n_interfaces == SK_USB_INTERFACES_MAX) {
		facts->error_offset = descriptor->offset;
		return -E2BIG;
	}
	facts->interfaces[facts->n_interfaces++] = (SkUsbInterface){
		.configuration = descriptor->configuration,
		.number = bytes[2],
		.alternate = bytes[3],
		.base_class = bytes[5],
		.subclass = bytes[6],
		.protocol = bytes[7],
	};
	return 0;
}

static int malformed(SkUsbFacts *facts, const SkUsbFault *fault, SkUsbFault *ret_fault)
{
	facts->state = SK_USB_FACTS_MALFORMED;
	facts->error_offset = fault->offset;
	if (ret_fault)
		*ret_fault = *fault;
	return -EBADMSG;
}

int sk_usb_descriptors_parse(const uint8_t *data, size_t size, SkUsbFacts *facts, SkUsbFault *ret_fault)
{
	SkUsbFault fault = {0};
	int r;

	facts->n_interfaces = 0;
	facts->error_offset = 0;
	memset(facts->interfaces, 0, sizeof(facts->interfaces));
	sk_sha256(facts->descriptors_digest, data, size);
	r = sk_usb_descriptors_walk(data, size, collect, facts, &fault);
	if (r == -E2BIG)
		fault = (SkUsbFault){N_("more than 255 interface descriptors"), facts->error_offset};
	if (r < 0)
		return malformed(facts, &fault, ret_fault);
	facts->state = SK_USB_FACTS_OK;
	return 0;
}
