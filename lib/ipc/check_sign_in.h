/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Which contents of messages between pam_sekisho and core are believed; as lib/ipc/check.h. */
#include <stdbool.h>

#include "lib/ipc/proto.h"

bool sk_check_sign_in(const SkHead *message);
bool sk_check_sign_in_answer(const SkHead *message);
