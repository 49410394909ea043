/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/input.h"

#include <stdlib.h>
#include <uthash.h>

#include "agent/core/core.h"
#include "agent/core/devices.h"
#include "lib/base/str.h"

struct Input {
	char sysname[SK_SYSNAME_SIZE];
	char usb[SK_SYSNAME_SIZE];
	bool kinds[2];
	bool told; /* in this round of the monitor */
	UT_hash_handle hh;
};

void input_add(Core *core, const SkInputAdded *added)
{
	Input *input;

	HASH_FIND_STR(core->inputs, added->sysname, input);
	if (!input) {
		input = calloc(1, sizeof(*input));
		if (!input)
			return; /* counted as not there: the others are protected all the more */
		sk_str_copy(input->sysname, sizeof(input->sysname), added->sysname);
		HASH_ADD_STR(core->inputs, sysname, input);
	}
	sk_str_copy(input->usb, sizeof(input->usb), added->usb);
	input->kinds[INPUT_KEYBOARD] = added->keyboard;
	input->kinds[INPUT_POINTER] = added->pointer;
	input->told = true;
	if (added->keyboard)
		devices_note_keyboard(core, added->usb);
}

static bool works_any(const Core *core, InputKind kind)
{
	for (const Input *input = core->inputs; input; input = input->hh.next)
		if (input->kinds[kind])
			return true;
	return false;
}

void input_remove(Core *core, const char *sysname)
{
	Input *input;
	bool keyboard;

	HASH_FIND_STR(core->inputs, sysname, input);
	if (!input)
		return;
	keyboard = input->kinds[INPUT_KEYBOARD];
	HASH_DEL(core->inputs, input);
	free(input);
	/* A second keyboard that was refused may be the only one now. */
	if (keyboard && !works_any(core, INPUT_KEYBOARD))
		devices_context_changed(core);
}

void input_begin_enumeration(Core *core)
{
	for (Input *input = core->inputs; input; input = input->hh.next)
		input->told = false;
}

void input_end_enumeration(Core *core)
{
	Input *input, *next;

	HASH_ITER (hh, core->inputs, input, next)
		if (!input->told)
			input_remove(core, input->sysname);
}

void input_forget_all(Core *core)
{
	Input *input, *next;

	HASH_ITER (hh, core->inputs, input, next) {
		HASH_DEL(core->inputs, input);
		free(input);
	}
}

static bool any_has(const Core *core, const char *usb, bool on_usb, InputKind kind)
{
	for (const Input *input = core->inputs; input; input = input->hh.next)
		if (input->kinds[kind] && sk_str_eq(input->usb, usb) == on_usb)
			return true;
	return false;
}

bool input_others_have(const Core *core, const char *usb, InputKind kind)
{
	return any_has(core, usb, false, kind);
}

bool input_built_in_has(const Core *core, InputKind kind)
{
	return any_has(core, "", true, kind);
}

bool input_is_last(const Core *core, const char *usb)
{
	for (InputKind kind = INPUT_KEYBOARD; kind <= INPUT_POINTER; kind++)
		if (any_has(core, usb, true, kind) && !input_others_have(core, usb, kind))
			return true;
	return false;
}
