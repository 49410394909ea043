/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/renewal.h"

#include <errno.h>
#include <string.h>

#include "console/server/certificate.h"
#include "lib/base/str.h"
#include "lib/log/log.h"

#define LOOK_MS INT64_C(5000)
#define RENEW_MS INT64_C(3600000)

static int64_t look_next, renew_next;
static int told; /* the error that the journal knows */

static void load(const SkServerSettings *settings)
{
	int r = sk_certificate_load(settings->tls.certificate, settings->tls.key);

	if (r == -EALREADY)
		return;
	if (r == 0)
		sk_log(LOG_NOTICE, "the certificate of the server is in force: %s",
			settings->tls.certificate);
	else if (r != told)
		sk_log(LOG_WARNING, "the certificate before stays in force: %s and %s: %s",
			settings->tls.certificate, settings->tls.key,
			r == -EBADMSG ? "they do not belong together" : strerror(-r));
	told = r;
}

static void renew(const SkServerSettings *settings, SkHome *home)
{
	int r = sk_home_renew(settings, home);

	if (r < 0)
		sk_log(LOG_ERR, "the certificate of the server could not be renewed: %s: %s", home->what,
			strerror(-r));
	else if (r > 0)
		sk_log(LOG_NOTICE, "the certificate of the server was renewed");
}

int sk_renewal_start(const SkServerSettings *settings, SkHome *home)
{
	int r;

	renew(settings, home);
	r = sk_certificate_load(settings->tls.certificate, settings->tls.key);
	if (r < 0)
		sk_str_copy(home->what, sizeof(home->what), settings->tls.certificate);
	return r;
}

void sk_renewal_tick(const SkServerSettings *settings, SkHome *home, int64_t now)
{
	if (now >= renew_next) {
		/* Just done at the start. */
		if (renew_next > 0)
			renew(settings, home);
		renew_next = now + RENEW_MS;
	}
	if (now >= look_next) {
		load(settings);
		look_next = now + LOOK_MS;
	}
}

void sk_renewal_now(const SkServerSettings *settings, SkHome *home)
{
	renew(settings, home);
	load(settings);
}
