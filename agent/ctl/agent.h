/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Commands that ask the running agent, over D-Bus. An answer that is a refusal is printed with its reason;
 * the caller only returns the exit status.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

/* Connects to the system bus. Return: CTL_OK or CTL_ERROR (told on standard error). */
int ctl_agent_open(sd_bus **ret_bus);

/* Calls a method that takes nothing and answers JSON. Return: CTL_OK and a new reference, or the exit status.
 */
int ctl_agent_get(const char *method, json_t **ret_answer);

/* Calls a method that answers nothing. types and what follows as for sd_bus_message_append(). */
int ctl_agent_do(const char *method, const char *types, ...);

/* Calls a method that answers one text, which the caller frees. types and what follows as above. */
int ctl_agent_ask(char **ret_answer, const char *method, const char *types, ...);

/* Tells why a call failed. Return: the exit status. */
int ctl_agent_explain_error(const sd_bus_error *error, int result);

/* Prints JSON for --json. Takes the reference. Return: CTL_OK. */
int ctl_print_json(json_t *answer);

/* "SK-1203 text. next step", in the language of the user. Unknown codes are printed as they are. */
void ctl_print_reason(const char *code);
void ctl_print_reason_to(FILE *out, const char *code);

/* The options of commands that only know --json. Return: CTL_OK, or CTL_USAGE (told on standard error). */
int ctl_parse_json_only(int argc, char **argv, bool *ret_json);

/* A member that is text, or "". */
const char *ctl_json_text(const json_t *object, const char *key);

/* "10min", "90s", "2h", "1d" to seconds, at least one; a wrong one is explained on standard error. */
bool ctl_parse_duration(const char *text, uint64_t *ret_seconds);

/* "Title:   value", the value in one column also beside wide characters. */
void ctl_print_field(const char *title, const char *value);

/* The same, with a time in seconds since 1970. */
void ctl_print_time(const char *title, json_int_t seconds);

/* What became of a call that answers a code, in words. r: of ctl_agent_ask(). Return: the exit status, CTL_OK
 * when it is the good one. */
int ctl_show_code(int r, const char *answer, const char *good);
