/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Accounts as the contract shows them, and who may see and change which.
 */
#include "console/server/call.h"

/* The condition of rows of credentials that are second factors in force. */
#define SK_SECOND_FACTORS "kind IN ('totp', 'passkey') AND confirmed = 1 AND removed IS NULL"

/* A column with a time as text, or null. NULL: no memory. */
json_t *sk_person_time(const SkDbRows *rows, size_t column);

/* Roles as RoleHeld[] of the contract. Return: 0 or negative errno. */
int sk_person_roles(SkDb *db, const char *person, json_t **ret_roles);

/* One account as Person. Does not look at rights. Return: 0, -ENOENT or negative errno. */
int sk_person_describe(SkDb *db, const char *person, json_t **ret_person);

/*
 * What the caller may do by the roles of the call's operation, as rules say it (console/rules/actor.h): 0; a
 * negative errno, -ENOENT: not visible; SK_NOT_BY_YOURSELF. Inside and outside of transactions of call->db.
 *
 * Changeable is not their own account, and not one with a role in a facility where the caller has none of the
 * roles. Holding: in the facility (NULL: everywhere).
 */
int sk_person_visible(SkCall *call, const char *person);
int sk_person_changeable(SkCall *call, const char *person);
int sk_person_holds(SkCall *call, const char *facility);

/* Is somebody left who manages accounts everywhere? Inside a transaction, after the change. Return: 0,
 * SK_LAST_OF_ROLE, others. */
int sk_person_check_managers(SkDb *db);

/* The account as the answer of a handler that acted: r of sk_call_act(). */
int sk_person_answer(SkCall *call, int r, unsigned status, const char *person);

/* "'approver', 'auditor'" for statements: constants, no input. */
#define SK_ROLE_LIST_SIZE 128
void sk_person_role_list(uint32_t roles, char ret_list[SK_ROLE_LIST_SIZE]);

/* A new password in place of the old one. identity_check: NULL when the person does it. Inside a transaction.
 */
typedef struct SkNewPassword {
	const char *person, *hash;
	const char *by; /* who gives it; NULL: the person, and it need not be changed */
	const char *identity_check;
} SkNewPassword;
int sk_person_set_password(SkDb *db, const SkNewPassword *what);
