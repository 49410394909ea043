/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "agent/probe/probe.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/usb/descriptors.h"
#include "lib/usb/hash.h"
#include "lib/usb/text.h"

/* Not from the heap: what a usual device needs of it is there when the device comes. */
static uint8_t data[SK_USB_DESCRIPTORS_MAX + 1];

/* A string that the device does not have is empty. */
static int read_text(int fd, char text[SK_USB_STRING_SIZE])
{
	char raw[SK_USB_STRING_SIZE + 1]; /* with the kernel's line break; one byte more is too long */
	ssize_t n;

	if (fd < 0)
		return 0;
	n = sk_io_read_up_to(fd, raw, sizeof(raw));
	return n < 0 ? (int)n : sk_usb_text_take(text, SK_USB_STRING_SIZE, raw, (size_t)n);
}

static int read_texts(const ProbeFds *fds, SkUsbFacts *facts)
{
	int r = read_text(fds->manufacturer, facts->manufacturer);

	if (r == 0)
		r = read_text(fds->product, facts->product);
	return r < 0 ? r : read_text(fds->serial, facts->serial);
}

static void take_descriptors(size_t size, SkUsbFacts *facts)
{
	if (sk_usb_descriptors_parse(data, size, facts, NULL) == 0)
		sk_usb_hash(facts, data, size, facts->hash);
}

void probe_usb(const ProbeFds *fds, SkUsbFacts *ret_facts)
{
	ssize_t size;

	*ret_facts = (SkUsbFacts){.state = SK_USB_FACTS_UNREADABLE};
	if (read_texts(fds, ret_facts) < 0)
		return;
	/* From the beginning, however far somebody has read before: the monitor keeps the same open file. */
	size = sk_io_pread_up_to(fds->descriptors, data, sizeof(data), 0);
	if (size >= 0)
		take_descriptors((size_t)size, ret_facts);
}

/* A device with one interface of its own kind. */
static const uint8_t sample[] = {
	18, 1, 0, 2, 0, 0, 0, 64, 0x6b, 0x1d, 0x77, 0, 0, 1, 1, 2, 3, 1, /* device */
	9, 2, 18, 0, 1, 1, 0, 0x80, 50,					 /* configuration */
	9, 4, 0, 0, 0, 0xff, 0, 0, 0,					 /* interface */
};

void probe_warm(void)
{
	SkUsbFacts facts = {.state = SK_USB_FACTS_UNREADABLE};

	sk_usb_text_take(facts.product, sizeof(facts.product), "sample\n", 7);
	memcpy(data, sample, sizeof(sample));
	take_descriptors(sizeof(sample), &facts);
}
