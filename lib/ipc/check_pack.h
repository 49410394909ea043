/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Which contents of messages of hand-over archives are believed; as lib/ipc/check.h. */
#include <stdbool.h>

#include "lib/ipc/proto_pack.h"

bool sk_check_pack_begin(const SkHead *message);
bool sk_check_pack_offer(const SkHead *message);
bool sk_check_pack_file(const SkHead *message);
bool sk_check_pack_failed(const SkHead *message);
