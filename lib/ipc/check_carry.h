/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Which contents of the messages about carry-out media are believed; as check.h.
 */
#include <stdbool.h>

#include "lib/ipc/proto_carry.h"

/* Of core */
bool sk_check_media_unlock(const SkHead *message);
bool sk_check_media_format(const SkHead *message);
bool sk_check_media_rekey(const SkHead *message);
bool sk_check_media_evaluated(const SkHead *message);
bool sk_check_media_store(const SkHead *message);
bool sk_check_media_hand_over(const SkHead *message);

/* Of media, and of its workers */
bool sk_check_media_lease(const SkHead *message);
bool sk_check_media_formatted(const SkHead *message);
bool sk_check_media_progress(const SkHead *message);
bool sk_check_media_rekeyed(const SkHead *message);
bool sk_check_media_erase(const SkHead *message);
bool sk_check_media_erased(const SkHead *message);

/* To sekisho-luks, and of it: it was fed by a stranger */
bool sk_check_luks_open(const SkHead *message);
bool sk_check_luks_form(const SkHead *message);
bool sk_check_luks_rekey(const SkHead *message);
bool sk_check_luks_opened(const SkHead *message);
bool sk_check_luks_formed(const SkHead *message);
bool sk_check_luks_rekeyed(const SkHead *message);
