/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The nine items of the report (個人情報の保護に関する法律施行規則 第8条第1項), drafted in Japanese from what
 * the console knows.
 */
#include <jansson.h>

/* incident, media: rows as JSON. final: of the final report. Return: {"overview": …, …} or NULL without
 * memory. */
json_t *sk_incident_items(const json_t *incident, const json_t *media);

/* How a medium was encrypted and who held its key: 高度な暗号化, as far as it can be proved. */
json_t *sk_incident_evidence(const json_t *medium, const json_t *receipt, const char *last_use);
