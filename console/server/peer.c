/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <gnutls/x509.h>

#include "lib/base/str.h"

void sk_peer_address(struct MHD_Connection *connection, SkCall *call)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr_in6 *six = info ? (const struct sockaddr_in6 *)info->client_addr : NULL;
	struct in6_addr network;

	if (!six)
		return;
	if (six->sin6_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr, call->address,
			sizeof(call->address));
	} else if (six->sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], call->address, sizeof(call->address));
	} else if (six->sin6_family == AF_INET6) {
		/* Who has one address of IPv6 has the network of 64 bits around it. */
		network = six->sin6_addr;
		memset(&network.s6_addr[8], 0, 8);
		inet_ntop(AF_INET6, &network, call->address, sizeof(call->address));
	}
}

/* The common name of the certificate that the handshake has verified. */
void sk_peer_terminal(struct MHD_Connection *connection, SkCall *call, int64_t *ret_until)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const gnutls_datum_t *chain;
	unsigned count = 0;
	gnutls_x509_crt_t certificate;
	char name[64] = "";
	size_t size = sizeof(name) - 1;

	*ret_until = 0;
	chain = info ? gnutls_certificate_get_peers(info->tls_session, &count) : NULL;
	if (!chain || count == 0 || gnutls_x509_crt_init(&certificate) < 0)
		return;
	if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) >= 0 &&
		gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) >=
			0 &&
		sk_id_check(name)) {
		sk_str_copy(call->terminal, sizeof(call->terminal), name);
		*ret_until = (int64_t)gnutls_x509_crt_get_expiration_time(certificate) * 1000;
	}
	gnutls_x509_crt_deinit(certificate);
}
