/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>
#include <stdlib.h>

#include "agent/probe/probe.h"
#include "lib/base/io.h"
#include "lib/base/own.h"
#include "lib/usb/descriptors.h"
#include "lib/usb/hash.h"
#include "lib/usb/text.h"

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

void probe_usb(const ProbeFds *fds, SkUsbFacts *ret_facts)
{
	own_free uint8_t *data = malloc(SK_USB_DESCRIPTORS_MAX + 1);
	ssize_t size;

	*ret_facts = (SkUsbFacts){.state = SK_USB_FACTS_UNREADABLE};
	if (!data || read_texts(fds, ret_facts) < 0)
		return;
	size = sk_io_read_up_to(fds->descriptors, data, SK_USB_DESCRIPTORS_MAX + 1);
	if (size < 0)
		return;
	if (sk_usb_descriptors_parse(data, (size_t)size, ret_facts, NULL) == 0)
		sk_usb_hash(ret_facts, data, (size_t)size, ret_facts->hash);
}
