/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules back into text, escaped as USBGuard does it, so that both read what either wrote.
 */
#include "policy/rule.h"

void sk_text_write(const SkPolicyText *text, FILE *out)
{
	fputc('"', out);
	for (size_t i = 0; i < text->size; i++) {
		unsigned char c = (unsigned char)text->data[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c >= ' ' && c <= '~')
			fputc(c, out);
		else
			fprintf(out, "\\x%02x", c);
	}
	fputc('"', out);
}

void sk_interface_write(const SkPolicyInterface *interface, FILE *out)
{
	fprintf(out, "%02x:", interface->base_class);
	if (interface->any & SK_POLICY_ANY_SUBCLASS)
		fputs("*:", out);
	else
		fprintf(out, "%02x:", interface->subclass);
	if (interface->any & SK_POLICY_ANY_PROTOCOL)
		fputc('*', out);
	else
		fprintf(out, "%02x", interface->protocol);
}

static void write_window(const SkTimeWindow *window, FILE *out)
{
	static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	const char *before = "\"";

	if (window->days == 0x7F)
		fputc('"', out);
	for (unsigned day = 0; day < 7 && window->days != 0x7F; day++)
		if (window->days & 1u << day) {
			fprintf(out, "%s%s", before, days[day]);
			before = ",";
		}
	fprintf(out, "%s%02u:%02u-%02u:%02u\"", window->days == 0x7F ? "" : " ", window->begin / 3600,
		window->begin / 60 % 60, window->end / 3600, window->end / 60 % 60);
}

/* As it is written in the file, but nothing in it may steer a terminal. */
static void write_condition(const SkPolicyText *written, FILE *out)
{
	for (size_t i = 0; i < written->size; i++) {
		unsigned char c = (unsigned char)written->data[i];

		if (c >= ' ' && c <= '~')
			fputc(c, out);
		else
			fprintf(out, "\\x%02x", c);
	}
}

static void write_item(const SkConstraint *constraint, uint32_t i, FILE *out)
{
	const SkPolicyText *text = &constraint->texts[i];

	switch (constraint->kind) {
	case SK_POLICY_ID:
		fwrite(text->data, 1, text->size, out);
		break;
	case SK_CONSTRAINT_INTERFACE:
		sk_interface_write(&constraint->interfaces[i], out);
		break;
	case SK_CONSTRAINT_CONDITIONS:
		write_condition(&constraint->conditions[i].written, out);
		break;
	case SK_CONSTRAINT_TIME:
		write_window(&constraint->windows[i], out);
		break;
	default:
		sk_text_write(text, out);
		break;
	}
}

static void write_buses(const SkConstraint *constraint, FILE *out)
{
	fprintf(out, "%s{", constraint->op == SK_SET_NONE_OF ? "none-of " : "");
	for (unsigned bus = 0; bus < SK_POLICY_BUS_COUNT_; bus++)
		if (constraint->value & 1u << bus)
			fprintf(out, " %s", sk_bus_names[bus]);
	fputs(" }", out);
}

void sk_constraint_write(const SkConstraint *constraint, FILE *out)
{
	bool braces = constraint->count > 1 || constraint->op != SK_SET_EQUALS;

	fprintf(out, "%s ", sk_constraint_names[constraint->kind]);
	if (constraint->kind == SK_CONSTRAINT_BUS) {
		write_buses(constraint, out);
		return;
	}
	if (constraint->count == 0) {
		fputs(constraint->value == SK_POLICY_YES ? "yes" : "no", out);
		return;
	}
	if (constraint->op != SK_SET_EQUALS)
		fprintf(out, "%s ", sk_set_names[constraint->op]);
	for (uint32_t i = 0; i < constraint->count; i++) {
		fputs(i ? " " : braces ? "{ " : "", out);
		write_item(constraint, i, out);
	}
	fputs(braces ? " }" : "", out);
}

static void write_values(SkPolicyAttribute attribute, const SkPolicyValues *values, FILE *out)
{
	SkConstraint constraint = {
		.kind = (uint8_t)attribute, .count = (uint32_t)values->count, .texts = values->items};

	if (!values->count)
		return;
	fputc(' ', out);
	sk_constraint_write(&constraint, out);
}

int sk_policy_write_rule(const SkPolicyDevice *device, SkPolicyTarget target, FILE *out)
{
	/* the order in which USBGuard prints them */
	static const SkPolicyAttribute before[] = {SK_POLICY_ID, SK_POLICY_SERIAL, SK_POLICY_NAME,
		SK_POLICY_HASH, SK_POLICY_PARENT_HASH, SK_POLICY_VIA_PORT};
	SkConstraint interfaces = {.kind = SK_CONSTRAINT_INTERFACE,
		.count = (uint32_t)device->n_interfaces,
		.interfaces = device->interfaces};

	fputs(sk_policy_target_name(target), out);
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
		write_values(before[i], &device->text[before[i]], out);
	if (device->n_interfaces) {
		fputc(' ', out);
		sk_constraint_write(&interfaces, out);
	}
	write_values(SK_POLICY_WITH_CONNECT_TYPE, &device->text[SK_POLICY_WITH_CONNECT_TYPE], out);
	return ferror(out) ? -EIO : 0;
}
