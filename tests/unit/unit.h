/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* cmocka 1.1.5 wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>
