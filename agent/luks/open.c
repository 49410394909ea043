/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the copy of a header to the volume key. Nothing is asked of the console for a header that is not as it
 * was made: a guess would be counted, and a passphrase tried, on a stranger's parameters. */
#include <errno.h>
#include <string.h>

#include "agent/luks/luks.h"
#include "lib/base/str.h"

typedef struct Opening {
	SkLuksOpen order; /* a copy: the channel's memory is used again by what is asked meanwhile */
	int header_fd;
	SkLuksFacts facts;
	SkLuksOpened *answer;
	LuksDetail detail;
} Opening;

static SkReason open_slot(Opening *opening, SkSecret *key)
{
	own_luks_device struct crypt_device *device = NULL;
	SkLuksVolume *volume = &opening->answer->volume;
	size_t size = sizeof(volume->key);
	int r = luks_device_new(opening->header_fd, &device);

	if (r == 0)
		r = crypt_load(device, CRYPT_LUKS2, NULL);
	if (r < 0)
		return SK_MEDIUM_HEADER_CHANGED;
	r = crypt_volume_key_get(device, sk_luks2_slot_now(&opening->facts, SK_LUKS2_SLOT_PASSPHRASE),
		(char *)volume->key, &size, (const char *)sk_secret_data(key), sk_secret_size(key));
	if (r < 0 || size != SK_LUKS2_KEY_SIZE)
		return r == -EPERM ? SK_MEDIUM_WRONG_PASSPHRASE : SK_MEDIUM_DAMAGED;
	volume->offset = opening->facts.segments[0].offset;
	volume->sector_size = opening->facts.segments[0].sector_size;
	return SK_REASON_NONE;
}

static SkReason open_medium(Luks *luks, Opening *opening, int passphrase_fd)
{
	own_secret SkSecret *passphrase = NULL, *key = NULL;
	LuksSlot slot = {.medium = opening->order.wanted.medium, .purpose = opening->order.wanted.purpose};
	SkReason code = luks_header_check(opening->header_fd, opening->order.medium_size,
		&opening->order.wanted, &opening->facts, &opening->detail);

	if (code != SK_REASON_NONE)
		return code;
	if (luks_passphrase_read(passphrase_fd, &passphrase) < 0)
		return SK_MEDIUM_WRONG_PASSPHRASE;
	slot.mode = opening->facts.token.mode;
	slot.passphrase = passphrase;
	code = luks_slot_key(luks, &slot, &key);
	if (code == SK_REASON_NONE)
		code = open_slot(opening, key);
	if (code == SK_REASON_NONE && slot.mode == SK_LUKS_MODE_BOUND && opening->order.wanted.lease &&
		!luks->is_from_lease)
		luks_lease_take(luks, &slot, key);
	return code;
}

int luks_on_open(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	SkLuksOpened answer = {0};
	Opening opening = {.order = *(const SkLuksOpen *)head, .header_fd = fds[0], .answer = &answer};
	Luks *luks = userdata;
	int r;

	sk_head_init(&answer.head, SK_LUKS_OPENED, sizeof(answer));
	answer.code = (uint32_t)open_medium(luks, &opening, fds[1]);
	sk_str_copy(answer.detail, sizeof(answer.detail), opening.detail.text);
	if (answer.code)
		sk_secret_wipe(&answer.volume, sizeof(answer.volume));
	r = sk_chan_send(luks->worker, &answer, NULL, 0);
	sk_secret_wipe(&answer, sizeof(answer));
	return r;
}
