/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/usb/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/base/translate.h"
#include "lib/usb/descriptors.h"

int sk_usb_text_take(char *dst, size_t size, const void *raw, size_t raw_size)
{
	const char *text = raw;

	if (raw_size > 0 && text[raw_size - 1] == '\n')
		raw_size--;
	if (memchr(text, 0, raw_size))
		return -EILSEQ;
	if (raw_size >= size)
		return -EOVERFLOW;
	memcpy(dst, text, raw_size);
	memset(dst + raw_size, 0, size - raw_size);
	return 0;
}

void sk_usb_id_format(char ret_text[SK_USB_ID_SIZE], uint16_t vendor_id, uint16_t product_id)
{
	sk_str_format(ret_text, SK_USB_ID_SIZE, "%04x:%04x", vendor_id, product_id);
}

void sk_usb_interface_format(char ret_text[SK_USB_INTERFACE_SIZE], const SkUsbInterface *interface)
{
	sk_str_format(ret_text, SK_USB_INTERFACE_SIZE, "%02x:%02x:%02x", interface->base_class,
		interface->subclass, interface->protocol);
}

const char *sk_usb_class_name(uint8_t base_class)
{
	/* Defined class codes of usb.org, https://www.usb.org/defined-class-codes */
	static const struct {
		uint8_t base_class;
		const char *name;
	} classes[] = {
		{0x01, N_("audio")},
		{0x02, N_("communications")},
		{0x03, N_("input (HID)")},
		{0x05, N_("physical")},
		{0x06, N_("still image (PTP, MTP)")},
		{0x07, N_("printer")},
		{0x08, N_("mass storage")},
		{0x09, N_("hub")},
		{0x0a, N_("communications data")},
		{0x0b, N_("smart card")},
		{0x0d, N_("content security")},
		{0x0e, N_("video")},
		{0x0f, N_("personal healthcare")},
		{0x10, N_("audio and video")},
		{0x11, N_("billboard")},
		{0x12, N_("USB-C bridge")},
		{0x13, N_("bulk display")},
		{0x14, N_("MCTP over USB")},
		{0x3c, N_("I3C")},
		{0xdc, N_("diagnostic")},
		{0xe0, N_("wireless controller")},
		{0xef, N_("miscellaneous")},
		{0xfe, N_("application specific")},
		{0xff, N_("vendor specific")},
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(classes); i++)
		if (classes[i].base_class == base_class)
			return classes[i].name;
	return NULL;
}

static void put_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < 0x20 || byte > 0x7e)
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
	fputc('"', out);
}

static void put_attribute(FILE *out, const char *name, const char *text)
{
	fprintf(out, " %s ", name);
	put_quoted(out, text);
}

static void put_interfaces(FILE *out, const SkUsbFacts *facts)
{
	char text[SK_USB_INTERFACE_SIZE];

	fputs(facts->n_interfaces == 1 ? " with-interface" : " with-interface {", out);
	for (uint32_t i = 0; i < facts->n_interfaces; i++) {
		sk_usb_interface_format(text, &facts->interfaces[i]);
		fprintf(out, " %s", text);
	}
	if (facts->n_interfaces != 1)
		fputs(" }", out);
}

int sk_usb_rule_format(const SkUsbFacts *facts, const SkUsbPlace *place, char **ret_text)
{
	own_free char *text = NULL;
	size_t size;
	char id[SK_USB_ID_SIZE];
	FILE *out;
	int failed;

	if (facts->state != SK_USB_FACTS_OK || !sk_usb_facts_check(facts))
		return -EINVAL;
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	sk_usb_id_format(id, facts->vendor_id, facts->product_id);
	fprintf(out, "id %s", id);
	put_attribute(out, "serial", facts->serial);
	put_attribute(out, "name", facts->product);
	put_attribute(out, "hash", facts->hash);
	if (place && place->parent_hash[0])
		put_attribute(out, "parent-hash", place->parent_hash);
	if (place && place->port[0])
		put_attribute(out, "via-port", place->port);
	put_interfaces(out, facts);
	if (place)
		put_attribute(out, "with-connect-type", place->connect_type);
	failed = ferror(out);
	if (fclose(out) != 0 || failed)
		return -ENOMEM;
	*ret_text = own_take(text);
	return 0;
}

static bool hash_check(const char *hash)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	/* 32 bytes are 43 digits and one sign of padding */
	return strspn(hash, digits) == 43 && sk_str_eq(hash + 43, "=");
}

bool sk_usb_facts_check(const SkUsbFacts *facts)
{
	if (facts->state == SK_USB_FACTS_MALFORMED || facts->state == SK_USB_FACTS_UNREADABLE)
		return true;
	return facts->state == SK_USB_FACTS_OK && facts->n_interfaces <= SK_USB_INTERFACES_MAX &&
	       facts->n_configurations <= SK_USB_CONFIGURATIONS_MAX && facts->n_configurations > 0 &&
	       SK_PROTO_TEXT_OK(facts->manufacturer) && SK_PROTO_TEXT_OK(facts->product) &&
	       SK_PROTO_TEXT_OK(facts->serial) && SK_PROTO_TEXT_OK(facts->hash) && hash_check(facts->hash);
}
