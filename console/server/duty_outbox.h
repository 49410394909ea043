/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* The duty that sends what waits in the outbox. */
#include "console/server/duties.h"

int sk_duty_outbox(SkDutyWork *work);

/* The secret of a webhook, at rest under the console's own. wrapped holds SK_WEBHOOK_WRAPPED_SIZE bytes. */
#define SK_WEBHOOK_WRAPPED_SIZE (32 + 29)
void sk_webhook_wrap(SkServer *server, const char *id, const uint8_t *secret, uint8_t *ret_wrapped);
