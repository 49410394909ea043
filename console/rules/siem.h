/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * One record of an audit chain as a SIEM takes it: CEF (ArcSight Common Event Format, version 0), alone on a
 * line or inside a syslog message of RFC 5424 in the octet-counted frame of RFC 5425 (syslog over TLS). The
 * chain remains the evidence; the number and the hash of the record lead back to it.
 */
#include <stdio.h>

#include "lib/audit/reader.h"

typedef struct SkSiemSource {
	const char *host;    /* name of the terminal or of the console */
	const char *program; /* "sekisho-agent", "sekisho-console" */
	const char *version;
} SkSiemSource;

/* Writes one line of CEF without a line break. Return: 0 or -EBADMSG: the body is no JSON object. */
int sk_siem_write_cef(FILE *out, const SkSiemSource *source, const SkAuditRecord *record);

/* Writes a frame: "LENGTH SP MESSAGE". Return: 0, -EBADMSG or -ENOMEM. */
int sk_siem_write_syslog(FILE *out, const SkSiemSource *source, const SkAuditRecord *record);
