/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Which contents of messages between core and lock are believed; as lib/ipc/check.h. */
#include <stdbool.h>

#include "lib/ipc/proto.h"

bool sk_check_lock_options(const SkHead *message);
bool sk_check_lock_state(const SkHead *message);
bool sk_check_lock_event(const SkHead *message);
