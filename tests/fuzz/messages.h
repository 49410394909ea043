/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A fuzzer of a receiver names the receiver's own tables, one for each connection; messages.c does the rest.
 */
#include "lib/ipc/chan.h"

/* Number i of them; NULL after the last. */
const SkMsgSpec *fuzz_table(size_t i);

/* What is done with the contents of a message that was accepted. Aborts where that must not be possible. */
void fuzz_use(const SkHead *message);

void fuzz_require(int condition);
