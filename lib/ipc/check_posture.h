/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Which contents of messages between core and posture are believed; as lib/ipc/check.h. */
#include <stdbool.h>

#include "lib/ipc/proto.h"

bool sk_check_posture_options(const SkHead *message);
bool sk_check_posture_result(const SkHead *message);
bool sk_check_posture_done(const SkHead *message);
