/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/settings.h"

#include "config.h"
#include "lib/base/str.h"
#include "lib/conf/table.h"

#define HOUR UINT64_C(3600)
#define DAY UINT64_C(86400)

/* clang-format off */
#define AT(member) offsetof(SkServerSettings, member)
#define PATH { SK_VALUE_PATH, 0, 0, NULL }
#define WORD(words) { SK_VALUE_WORD, 0, 0, words }
#define TEXT { SK_VALUE_TEXT, 0, 0, NULL }
#define PROXY { SK_VALUE_PROXY, 0, 0, NULL }
#define INTEGER(min, max) { SK_VALUE_INTEGER, min, max, NULL }
#define DURATION(min, max) { SK_VALUE_DURATION, min, max, NULL }

static const SkWord makes[] = {{"no", 0}, {"yes", 1}, {NULL, 0}};

static const SkSetting schema[] = {
	{ "Database", "File", PATH, AT(database.file), SK_CONSOLE_STATEDIR "/console.sqlite",
	  "the database of one clinic (SQLite)" },
	{ "Database", "AddressFile", PATH, AT(database.address_file), SK_CONFDIR "/database",
	  "when it exists: its first line is the address of PostgreSQL, postgresql://..." },

	{ "Listen", "PeoplePort", INTEGER(1, 65535), AT(listen.people_port), "8443",
	  "HTTPS for people" },
	{ "Listen", "AgentsPort", INTEGER(1, 65535), AT(listen.agents_port), "8444",
	  "HTTPS for agents: a client certificate is required" },
	{ "Listen", "Connections", INTEGER(16, 100000), AT(listen.connections), "1000",
	  "connections of people at the same time" },
	{ "Listen", "ConnectionsPerAddress", INTEGER(0, 100000), AT(listen.connections_per_address), "64",
	  "of one address; 0: no limit" },
	{ "Listen", "AgentConnections", INTEGER(16, 1000000), AT(listen.agent_connections), "60000",
	  "connections of agents at the same time" },
	{ "Listen", "AgentConnectionsPerAddress", INTEGER(0, 1000000), AT(listen.agent_connections_per_address), "0",
	  "of one address; 0: no limit" },
	{ "Listen", "TrustedProxies", TEXT, AT(listen.trusted_proxies), "none",
	  "addresses and networks of load balancers, which begin each connection with a header of the PROXY protocol 2" },
	{ "Listen", "Threads", INTEGER(0, 64), AT(listen.threads), "0",
	  "threads of each listener; 0: by the number of processors, and for agents at least 32" },
	{ "Listen", "HeaderSec", DURATION(1, 600), AT(listen.header_sec), "20s",
	  "a handshake and a request's headers take no longer, nor does a connection stay idle" },
	{ "Listen", "AgentIdleSec", DURATION(1, HOUR), AT(listen.agent_idle_sec), "30s",
	  "an agent's connection stays open for so long without a request; each new one costs a handshake" },
	{ "Listen", "BodySec", DURATION(1, HOUR), AT(listen.body_sec), "2min",
	  "a request's body, and an answer, take no longer" },
	{ "Listen", "StopSec", DURATION(0, 600), AT(listen.stop_sec), "15s",
	  "how long requests may take to end when the console is stopped" },

	{ "Web", "Origin", TEXT, AT(web.origin), "none",
	  "how people reach the console, https://HOST or https://HOST:PORT; none: as init was told" },

	{ "TLS", "Certificate", PATH, AT(tls.certificate), SK_CONSOLE_STATEDIR "/tls/server.crt",
	  "of the server, with the chain up to its authority (PEM)" },
	{ "TLS", "Key", PATH, AT(tls.key), SK_CONSOLE_STATEDIR "/tls/server.key",
	  "its private key (PEM)" },
	{ "TLS", "ClientAuthority", PATH, AT(tls.client_authority), SK_CONSOLE_STATEDIR "/tls/ca.crt",
	  "the authority that the certificates of agents come from (PEM)" },

	{ "Keys", "Directory", PATH, AT(keys.directory), SK_CONSOLE_STATEDIR "/keys",
	  "the vault, the certificate authority and the state of the chain of records" },
	{ "Keys", "EpochDirectory", PATH, AT(keys.epoch_directory), SK_CONSOLE_STATEDIR "-epoch",
	  "the epoch key; never part of a backup" },
	{ "Keys", "TokenFile", PATH, AT(keys.token_file), SK_CONFDIR "/console-token",
	  "when it exists: its first line names what holds the epoch key, tpm2: or pkcs11:..." },
	{ "Keys", "TerminalCertificateSec", DURATION(10, 400 * DAY), AT(keys.terminal_certificate_sec), "90d",
	  "how long the certificate of a terminal is good; it renews it by itself at two thirds" },

	{ "Session", "SecretFile", PATH, AT(session.secret_file), SK_CONSOLE_STATEDIR "/secret",
	  "the key under which seeds of second factors are wrapped" },
	{ "Session", "IdleSec", DURATION(60, DAY), AT(session.idle_sec), "15min",
	  "a session ends after this long without a request" },
	{ "Session", "LongestSec", DURATION(300, 7 * DAY), AT(session.longest_sec), "10h",
	  "a session ends after this long in any case" },
	{ "Session", "FreshSec", DURATION(30, HOUR), AT(session.fresh_sec), "5min",
	  "how long a proof of who one is holds for what matters most" },

	{ "Provider", "Issuer", TEXT, AT(provider.issuer), "none",
	  "an OpenID Connect provider where people may sign in, https://...; none: they sign in here" },
	{ "Provider", "Name", TEXT, AT(provider.name), "OpenID Connect",
	  "how people know it" },
	{ "Provider", "Client", TEXT, AT(provider.client), "none",
	  "the client id that it gave to the console" },
	{ "Provider", "SecretFile", PATH, AT(provider.secret_file), SK_CONFDIR "/provider-secret",
	  "when it exists: its first line is the client's secret" },
	{ "Provider", "Scopes", TEXT, AT(provider.scopes), "openid profile groups",
	  "what it is asked for" },
	{ "Provider", "GroupsClaim", TEXT, AT(provider.groups_claim), "groups",
	  "the claim of the ID token that names the groups of a person" },
	{ "Provider", "Accounts", WORD(makes), AT(provider.accounts), "no",
	  "may a sign-in make an account, when one of the groups has a role here: yes, no" },

	{ "Limits", "RequestsPerSecond", INTEGER(1, 100000), AT(limits.requests_per_second), "50",
	  "of people, from one address" },
	{ "Limits", "RequestsBurst", INTEGER(1, 1000000), AT(limits.requests_burst), "300",
	  "at once, from one address" },
	{ "Limits", "SignInsPerMinute", INTEGER(1, 10000), AT(limits.sign_ins_per_minute), "20",
	  "attempts to sign in, from one address" },

	{ "Mail", "Server", TEXT, AT(mail.server), "none",
	  "the mail server, smtp://HOST:587 (STARTTLS) or smtps://HOST:465; none: no mail goes out" },
	{ "Mail", "LoginFile", PATH, AT(mail.login_file), SK_CONFDIR "/mail-login",
	  "when it exists: the user in its first line, the password in its second" },
	{ "Mail", "From", TEXT, AT(mail.from), "none",
	  "the address that mails come from" },
	{ "Mail", "Name", TEXT, AT(mail.name), "Sekisho",
	  "the name beside it" },

	{ "Definitions", "Directory", PATH, AT(definitions.directory), SK_CONSOLE_STATEDIR "/definitions",
	  "virus definitions for agents, where sekisho-definitions(8) leaves them" },

	{ "Outgoing", "AuthorityFile", PATH, AT(outgoing.authority_file), SK_CONFDIR "/outgoing-ca.crt",
	  "when it exists: authorities (PEM) that are believed beside those of the system" },
	{ "Outgoing", "Proxy", PROXY, AT(outgoing.proxy), "none",
	  "the proxy on the way to webhooks and time stamps" },

	{ "TimeStamps", "Address", TEXT, AT(stamps.address), "none",
	  "a time stamping authority (RFC 3161), https://... or http://...; none: no time stamps" },
	{ "TimeStamps", "AuthorityFile", PATH, AT(stamps.authority_file), SK_CONFDIR "/time-stamp-ca.crt",
	  "who vouches for its certificate (PEM)" },
	{ "TimeStamps", "EverySec", DURATION(60, 30 * DAY), AT(stamps.every_sec), "1d",
	  "how often the heads of all chains are stamped" },

	{ "Metrics", "TokenFile", PATH, AT(metrics.token_file), SK_CONFDIR "/metrics-token",
	  "when it exists: its first line opens /metrics; without it only this machine itself is answered" },
	{ 0 },
};
/* clang-format on */
_Static_assert(SK_ARRAY_SIZE(schema) <= SK_SETTINGS_MAX, "room for every setting");

static const SkSettingTable table = {
	.name = "console.conf", .size = sizeof(SkServerSettings), .schema = schema};

int sk_server_settings_load(const char *conf_directory, SkServerSettings **ret_settings, char **ret_errors)
{
	return sk_setting_table_load(&table, conf_directory, (void **)ret_settings, ret_errors);
}

void sk_server_settings_free(SkServerSettings *settings)
{
	sk_setting_table_free(&table, settings);
}
