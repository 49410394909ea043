/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/check_posture.h"

#include "lib/ipc/proto_posture.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz-"
#define CODES_MAX 9999

bool sk_check_posture_options(const SkHead *message)
{
	const SkPostureOptions *options = (const SkPostureOptions *)message;

	return SK_PROTO_TEXT_OK(options->definitions[0]) && SK_PROTO_TEXT_OK(options->definitions[1]) &&
	       SK_PROTO_TEXT_OK(options->modules_file) && SK_PROTO_TEXT_OK(options->allowed_modules) &&
	       SK_PROTO_TEXT_OK(options->forbidden) && options->clock_synchronised <= 1 &&
	       options->refuse_bluetooth <= 1 && options->refuse_wireless <= 1;
}

static bool is_id(const char *id)
{
	return id[0] && strspn(id, LETTERS) == strlen(id);
}

bool sk_check_posture_result(const SkHead *message)
{
	const SkPostureResult *result = (const SkPostureResult *)message;

	return result->state < SK_POSTURE_STATE_MAX_ && result->code <= CODES_MAX && result->drift <= 1 &&
	       (result->state == SK_POSTURE_OK) == (result->code == 0) && SK_PROTO_TEXT_OK(result->id) &&
	       is_id(result->id) && SK_PROTO_TEXT_OK(result->requirement) &&
	       SK_PROTO_TEXT_OK(result->value) && SK_PROTO_TEXT_OK(result->threshold);
}

bool sk_check_posture_done(const SkHead *message)
{
	return ((const SkPostureDone *)message)->count <= SK_POSTURE_CHECKS_MAX;
}
