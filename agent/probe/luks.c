/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "agent/probe/probe.h"
#include "lib/base/own.h"
#include "lib/luks2/luks2.h"

/* What cannot be read is as good as no header. */
void probe_luks(int fd, uint64_t size, SkLuksFacts *ret_facts)
{
	uint8_t head[SK_LUKS2_BINARY_SIZE];
	own_free uint8_t *both = NULL;
	size_t wanted;

	*ret_facts = (SkLuksFacts){.problems = SK_LUKS_NO_HEADER};
	if (probe_read_at(fd, head, sizeof(head), 0) < 0)
		return;
	wanted = sk_luks2_size(head);
	if (wanted == 0 || wanted > size)
		return;
	both = malloc(wanted);
	if (both && probe_read_at(fd, both, wanted, 0) == 0)
		sk_luks2_read(both, wanted, size, ret_facts);
}
