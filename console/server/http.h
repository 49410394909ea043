/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * From libmicrohttpd's callbacks to a handler and back. The order of the checks: path and method, rate,
 * who it is (session or certificate), roles, where the request comes from (CSRF), a recent proof, length and
 * type of the body; only then is a body read, and checked against the contract.
 */
#include <microhttpd.h>

void *sk_http_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result sk_http_handle(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload_data, size_t *upload_data_size,
	void **context);
void sk_http_end(
	void *cls, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode why);
