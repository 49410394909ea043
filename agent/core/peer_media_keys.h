/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* Handlers for peer_media.c. */
#include <stddef.h>

#include "lib/ipc/proto.h"

int media_on_evaluate(void *userdata, const SkHead *head, int *fds, size_t n_fds);
int media_on_lease_ask(void *userdata, const SkHead *head, int *fds, size_t n_fds);
