/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Options of a command, which are the parameters and the body members of its operation: --kebab-case VALUE,
 * or
 * --kebab-case=VALUE. A value is read by its schema: a number, true or false, text; an array is an option
 * that stands several times; an object, or an array of objects, is JSON. --no-NAME is null.
 */
#include <jansson.h>
#include <stdbool.h>

#include "console/api/api.h"

typedef struct AdminOptions {
	json_t *values; /* of path and query */
	json_t *body;
	const char *body_file; /* --body; NULL: none */
	const char *output;    /* --output; NULL: none */
	bool json, help;
} AdminOptions;

/* argv: what stands behind RESOURCE VERB. Return: 0, or -EINVAL after having said why. */
int admin_options_parse(const SkApiOperation *operation, int argc, char **argv, AdminOptions *ret_options);
void admin_options_deinit(AdminOptions *options);

/* The name of a member as an option: "identityCheck" is "identity-check". */
#define ADMIN_OPTION_SIZE 64
void admin_option_name(const char *member, char ret_name[ADMIN_OPTION_SIZE]);

/* Members of the body that are options of their own: none when the body is bytes. */
size_t admin_body_fields(const SkApiOperation *operation, const SkApiField **ret_fields);
