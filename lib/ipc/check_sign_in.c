/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ipc/check_sign_in.h"

#include "lib/ipc/proto_sign_in.h"

bool sk_check_sign_in(const SkHead *message)
{
	const SkSignIn *sign_in = (const SkSignIn *)message;

	return sign_in->unlocks <= 1 && sign_in->letters < SK_LETTERS_MAX_ &&
	       SK_PROTO_TEXT_OK(sign_in->user) && SK_PROTO_TEXT_OK(sign_in->service) &&
	       SK_PROTO_TEXT_OK(sign_in->tty) && SK_PROTO_TEXT_OK(sign_in->host) &&
	       SK_PROTO_TEXT_OK(sign_in->seat) && SK_PROTO_TEXT_OK(sign_in->session);
}

bool sk_check_sign_in_answer(const SkHead *message)
{
	const SkSignInAnswer *answer = (const SkSignInAnswer *)message;

	return answer->refused <= 1 && SK_PROTO_TEXT_OK(answer->text);
}
