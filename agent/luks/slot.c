/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/luks/luks.h"
#include "lib/base/str.h"
#include "lib/crypt/kdf.h"
#include "lib/crypt/oprf.h"
#include "lib/crypt/passphrase.h"
#include "lib/ipc/check_carry.h"
#include "lib/ipc/memfd.h"

#define INPUT_LABEL "sekisho passphrase 1"
#define KEY_LABEL "sekisho slot key 1"

int luks_passphrase_read(int fd, SkSecret **ret_passphrase)
{
	char *text = NULL;
	size_t size = 0;
	int r = sk_memfd_read(fd, SK_PASSPHRASE_MAX, &text, &size);

	if (r < 0)
		return r;
	r = size > 0 ? sk_secret_new(size, ret_passphrase) : -EINVAL;
	if (r == 0)
		memcpy(sk_secret_data(*ret_passphrase), text, size);
	sk_secret_wipe(text, size);
	free(text);
	return r;
}

static int on_evaluated(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Luks *luks = userdata;

	luks->evaluated = *(const SkMediaEvaluated *)head;
	luks->is_answered = true;
	return 0;
}

static int on_lease(void *userdata, const SkHead *head, int *fds, size_t n_fds)
{
	Luks *luks = userdata;

	luks->lease = *(const SkMediaLease *)head;
	luks->is_answered = true;
	return 0;
}

static const SkMsgSpec answers[] = {
	{SK_MEDIA_EVALUATED, 0, sizeof(SkMediaEvaluated), on_evaluated, sk_check_media_evaluated},
	{SK_MEDIA_LEASE, 0, sizeof(SkMediaLease), on_lease, sk_check_media_lease},
	{0},
};

int luks_ask(Luks *luks, SkHead *question)
{
	int r = sk_chan_send(luks->worker, question, NULL, 0);

	luks->evaluated = (SkMediaEvaluated){.code = SK_CONSOLE_NEEDED};
	luks->lease = (SkMediaLease){.code = SK_LEASE_NONE};
	luks->is_answered = false;
	if (r == 0)
		r = sk_chan_dispatch(luks->worker, answers, luks);
	return r < 0 ? r : luks->is_answered ? 0 : -ECONNRESET;
}

static int evaluate(Luks *luks, const LuksSlot *slot, const SkOprfQuestion *question)
{
	SkMediaEvaluate message = {.purpose = slot->purpose};

	sk_head_init(&message.head, SK_MEDIA_EVALUATE, sizeof(message));
	sk_str_copy(message.medium, sizeof(message.medium), slot->medium);
	memcpy(message.blinded, sk_oprf_question_blinded(question), sizeof(message.blinded));
	return luks_ask(luks, &message.head);
}

/* Label, medium and passphrase: no passphrase of one medium is asked about under the key of another one. */
static int ask(const LuksSlot *slot, SkOprfQuestion **ret_question)
{
	size_t medium = strlen(slot->medium) + 1, size = sk_secret_size(slot->passphrase);
	own_secret SkSecret *input = NULL;
	uint8_t *data;

	if (sk_secret_new(sizeof(INPUT_LABEL) + medium + size, &input) < 0)
		return -ENOMEM;
	data = sk_secret_data(input);
	memcpy(data, INPUT_LABEL, sizeof(INPUT_LABEL));
	memcpy(data + sizeof(INPUT_LABEL), slot->medium, medium);
	memcpy(data + sizeof(INPUT_LABEL) + medium, sk_secret_data(slot->passphrase), size);
	return sk_oprf_ask(SK_OPRF_VERIFIABLE, data, sk_secret_size(input), NULL, ret_question);
}

static int derive(SkSecret *output, const char *medium, SkSecret **ret_key)
{
	const SkBytes pieces[] = {{KEY_LABEL, sizeof(KEY_LABEL)}, {medium, strlen(medium)}};
	int r = sk_secret_new(SK_HMAC_SIZE, ret_key);

	if (r == 0)
		sk_hmac(sk_secret_data(output), sk_secret_size(output), pieces, SK_ARRAY_SIZE(pieces),
			sk_secret_data(*ret_key));
	return r;
}

static SkReason bound_key(Luks *luks, const LuksSlot *slot, SkSecret **ret_key)
{
	own_oprf_question SkOprfQuestion *question = NULL;
	own_secret SkSecret *output = NULL;
	SkOprfAnswer answer;
	int r = ask(slot, &question);

	if (r == 0)
		r = evaluate(luks, slot, question);
	if (r < 0)
		return SK_CONSOLE_NEEDED;
	if (luks->evaluated.code == SK_CONSOLE_NEEDED && !slot->is_made)
		return luks_lease_find(luks, slot, ret_key);
	if (luks->evaluated.code)
		return (SkReason)luks->evaluated.code;
	memcpy(answer.element, luks->evaluated.element, sizeof(answer.element));
	memcpy(answer.proof, luks->evaluated.proof, sizeof(answer.proof));
	r = sk_oprf_finalize(question, &answer, luks->evaluated.public_key, &output);
	if (r == 0)
		r = derive(output, slot->medium, ret_key);
	return r == 0 ? SK_REASON_NONE : SK_KEY_DESTROYED;
}

SkReason luks_slot_key(Luks *luks, const LuksSlot *slot, SkSecret **ret_key)
{
	if (slot->mode == SK_LUKS_MODE_BOUND)
		return bound_key(luks, slot, ret_key);
	if (sk_secret_new(sk_secret_size(slot->passphrase), ret_key) < 0)
		return SK_CONSOLE_NEEDED;
	memcpy(sk_secret_data(*ret_key), sk_secret_data(slot->passphrase), sk_secret_size(slot->passphrase));
	return SK_REASON_NONE;
}
