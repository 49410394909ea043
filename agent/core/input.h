/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The keyboards and pointers that work now, whatever bus they are on (EMG-2: the last one is never cut off).
 */
#include <stdbool.h>

#include "lib/ipc/proto_monitor.h"

typedef struct Core Core;
typedef struct Input Input;

typedef enum InputKind {
	INPUT_KEYBOARD,
	INPUT_POINTER,
} InputKind;

void input_add(Core *core, const SkInputAdded *added);
void input_remove(Core *core, const char *sysname);
void input_forget_all(Core *core);
/* The monitor tells all again: what it does not tell until the end is gone. */
void input_begin_enumeration(Core *core);
void input_end_enumeration(Core *core);

/* Does a working input device of this kind hang on anything but this USB device? */
bool input_others_have(const Core *core, const char *usb, InputKind kind);

/* Is there one that no USB rule can refuse (PS/2, internal)? */
bool input_built_in_has(const Core *core, InputKind kind);

/* Does this USB device give the only working keyboard, or the only working pointer? */
bool input_is_last(const Core *core, const char *usb);
