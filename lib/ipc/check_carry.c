/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/check_carry.h"

#include "lib/base/str.h"
#include "lib/ipc/check.h"

/* Numbers of reasons have four digits (lib/reason). */
#define CODE_MAX 9999

static bool check_wanted(const SkLuksWanted *wanted)
{
	return SK_PROTO_TEXT_OK(wanted->medium) && wanted->medium[0] && SK_PROTO_TEXT_OK(wanted->uuid) &&
	       wanted->digest_size <= sizeof(wanted->digest) &&
	       (wanted->purpose == SK_MEDIA_FOR_READING || wanted->purpose == SK_MEDIA_FOR_WRITING) &&
	       wanted->lease <= 1;
}

static bool check_plan(const SkLuksPlan *plan)
{
	return SK_PROTO_TEXT_OK(plan->medium) && plan->medium[0] && SK_PROTO_TEXT_OK(plan->organisation) &&
	       plan->organisation[0] && SK_PROTO_TEXT_OK(plan->label) &&
	       SK_PROTO_TEXT_OK(plan->recovery_key) && plan->recovery_key[0] &&
	       (plan->mode == SK_LUKS_MODE_BOUND || plan->mode == SK_LUKS_MODE_PORTABLE) &&
	       (plan->kdf == SK_LUKS_KDF_ARGON2ID || plan->kdf == SK_LUKS_KDF_PBKDF2);
}

/* What was made, or nothing of it. */
static bool check_made(const SkLuksMade *made, uint32_t code)
{
	return SK_PROTO_TEXT_OK(made->uuid) && made->digest_size <= sizeof(made->digest) &&
	       made->box_size <= sizeof(made->box) && code <= CODE_MAX &&
	       (code == 0) == (made->digest_size > 0 && made->box_size > 0);
}

/* A passphrase that is changed leaves the recovery slot, and nothing has to be known of it. */
static bool check_change(const SkLuksChange *change)
{
	const SkLuksPlan *plan = &change->plan;

	if (!check_wanted(&change->wanted) || change->wanted.purpose != SK_MEDIA_FOR_WRITING ||
		!sk_str_eq(plan->medium, change->wanted.medium))
		return false;
	return change->how == SK_LUKS_REKEY_PASSPHRASE
		       ? plan->kdf == SK_LUKS_KDF_ARGON2ID || plan->kdf == SK_LUKS_KDF_PBKDF2
		       : change->how < SK_LUKS_REKEY_MAX_ && check_plan(plan);
}

static bool check_remade(const SkLuksMade *made, uint32_t code)
{
	return SK_PROTO_TEXT_OK(made->uuid) && made->digest_size <= sizeof(made->digest) &&
	       made->box_size <= sizeof(made->box) && code <= CODE_MAX &&
	       (code == 0) == (made->digest_size > 0) && (code == 0 || made->box_size == 0);
}

bool sk_check_media_unlock(const SkHead *message)
{
	const SkMediaUnlock *unlock = (const SkMediaUnlock *)message;

	return sk_check_media_mount(message) && !unlock->mount.import_copy && check_wanted(&unlock->wanted);
}

bool sk_check_media_format(const SkHead *message)
{
	return check_plan(&((const SkMediaFormat *)message)->plan);
}

bool sk_check_media_evaluated(const SkHead *message)
{
	const SkMediaEvaluated *evaluated = (const SkMediaEvaluated *)message;

	return evaluated->code <= CODE_MAX && SK_PROTO_TEXT_OK(evaluated->grant);
}

bool sk_check_media_lease(const SkHead *message)
{
	const SkMediaLease *lease = (const SkMediaLease *)message;

	return lease->code <= CODE_MAX && lease->box_size <= sizeof(lease->box) &&
	       SK_PROTO_TEXT_OK(lease->id) && SK_PROTO_TEXT_OK(lease->terminal);
}

bool sk_check_media_store(const SkHead *message)
{
	const SkMediaStore *store = (const SkMediaStore *)message;

	return store->uid != 0 && store->uid != (uint32_t)-1;
}

bool sk_check_media_formatted(const SkHead *message)
{
	const SkMediaFormatted *formatted = (const SkMediaFormatted *)message;

	return check_made(&formatted->made, formatted->code) && SK_PROTO_TEXT_OK(formatted->detail);
}

bool sk_check_media_progress(const SkHead *message)
{
	const SkMediaProgress *progress = (const SkMediaProgress *)message;

	return progress->step < SK_MEDIA_STEP_MAX_ && progress->percent <= 100;
}

bool sk_check_luks_open(const SkHead *message)
{
	return check_wanted(&((const SkLuksOpen *)message)->wanted);
}

bool sk_check_luks_form(const SkHead *message)
{
	return check_plan(&((const SkLuksForm *)message)->plan);
}

bool sk_check_luks_opened(const SkHead *message)
{
	const SkLuksOpened *opened = (const SkLuksOpened *)message;

	return opened->code <= CODE_MAX && SK_PROTO_TEXT_OK(opened->detail);
}

bool sk_check_luks_formed(const SkHead *message)
{
	const SkLuksFormed *formed = (const SkLuksFormed *)message;

	return check_made(&formed->made, formed->code) && SK_PROTO_TEXT_OK(formed->detail);
}

bool sk_check_media_rekey(const SkHead *message)
{
	return check_change(&((const SkMediaRekey *)message)->change);
}

bool sk_check_media_rekeyed(const SkHead *message)
{
	const SkMediaRekeyed *rekeyed = (const SkMediaRekeyed *)message;

	return check_remade(&rekeyed->made, rekeyed->code) && SK_PROTO_TEXT_OK(rekeyed->detail);
}

bool sk_check_luks_rekey(const SkHead *message)
{
	return check_change(&((const SkLuksRekey *)message)->change);
}

bool sk_check_luks_rekeyed(const SkHead *message)
{
	const SkLuksRekeyed *rekeyed = (const SkLuksRekeyed *)message;

	return check_remade(&rekeyed->made, rekeyed->code) && SK_PROTO_TEXT_OK(rekeyed->detail);
}

bool sk_check_media_erase(const SkHead *message)
{
	const SkMediaErase *erase = (const SkMediaErase *)message;

	return SK_PROTO_TEXT_OK(erase->medium) && erase->medium[0] && SK_PROTO_TEXT_OK(erase->uuid) &&
	       erase->uuid[0];
}

bool sk_check_media_erased(const SkHead *message)
{
	const SkMediaErased *erased = (const SkMediaErased *)message;

	return erased->code <= CODE_MAX && erased->discarded <= 1 && erased->size <= INT64_MAX &&
	       erased->written <= erased->size && erased->compared <= erased->size &&
	       (erased->code != 0 || (erased->size > 0 && erased->compared == erased->size)) &&
	       SK_PROTO_TEXT_OK(erased->detail);
}

bool sk_check_media_hand_over(const SkHead *message)
{
	const SkMediaHandOver *order = (const SkMediaHandOver *)message;

	return SK_PROTO_TEXT_OK(order->name) && order->name[0] && order->name[0] != '.' &&
	       !strchr(order->name, '/') && order->size > 0;
}
