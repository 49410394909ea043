/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Which contents of messages about discs are believed; as lib/ipc/check.h. */
#include <stdbool.h>

#include "lib/ipc/proto_burn.h"

bool sk_check_burn_begin(const SkHead *message);
bool sk_check_burn_ready(const SkHead *message);
bool sk_check_burn_progress(const SkHead *message);
bool sk_check_burn_done(const SkHead *message);
bool sk_check_burn_failed(const SkHead *message);
