/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The settings of the console: console.conf(5). The table in settings.c is the one list of them.
 */
#include <stdint.h>

#include "lib/base/own.h"

typedef struct SkServerSettings {
	struct {
		char *address_file; /* whose first line is the address of PostgreSQL, when it exists */
		char *file;	    /* of SQLite */
	} database;
	struct {
		uint64_t people_port;
		uint64_t agents_port;
		uint64_t connections;
		uint64_t connections_per_address;
		uint64_t agent_connections;
		uint64_t agent_connections_per_address;
		char *trusted_proxies;
		uint64_t threads; /* 0: by the number of processors */
		uint64_t header_sec;
		uint64_t agent_idle_sec;
		uint64_t body_sec;
		uint64_t stop_sec;
	} listen;
	struct {
		char *origin; /* "": what init was told */
	} web;
	struct {
		char *certificate;
		char *key;
		char *client_authority;
	} tls;
	struct {
		char *directory;
		char *epoch_directory;
		char *token_file;
		uint64_t terminal_certificate_sec;
	} keys;
	struct {
		char *issuer; /* "": no provider */
		char *name;
		char *client;
		char *secret_file;
		char *scopes;
		char *groups_claim;
		unsigned accounts;
	} provider;
	struct {
		char *secret_file;
		uint64_t idle_sec;
		uint64_t longest_sec;
		uint64_t fresh_sec;
	} session;
	struct {
		uint64_t requests_per_second;
		uint64_t requests_burst;
		uint64_t sign_ins_per_minute;
	} limits;
	struct {
		char *server; /* "": no mail goes out */
		char *login_file;
		char *from;
		char *name;
	} mail;
	struct {
		char *authority_file;
		char *proxy;
	} outgoing;
	struct {
		char *directory;
	} definitions;
	struct {
		char *address; /* "": no stamps */
		char *authority_file;
		uint64_t every_sec;
	} stamps;
	struct {
		char *token_file;
	} metrics;
} SkServerSettings;

/* As sk_settings_load() of lib/conf/settings.h. */
int sk_server_settings_load(const char *conf_directory, SkServerSettings **ret_settings, char **ret_errors);
void sk_server_settings_free(SkServerSettings *settings);
OWN_DEFINE(SkServerSettings, sk_server_settings_free)
#define own_server_settings own_(sk_server_settings_freep)
