/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the probe read in the header of a LUKS2 medium, for records and people. Whoever had the medium in hand
 * may have written it: it identifies, it proves nothing.
 */
#include <jansson.h>

#include "lib/ipc/proto_luks.h"

/* Cipher, key, keyslots, the digest of the volume key, our token where there is one, problems by name. */
json_t *luks_to_json(const SkLuksFacts *facts);
