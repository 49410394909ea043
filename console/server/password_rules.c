/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "console/server/password_rules.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include <pwquality.h>

#include "lib/crypt/secret.h"

#define LENGTH_ALONE 13
#define LENGTH_WITH_SECOND 8
#define KINDS 3

static size_t characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xC0) != 0x80;
	return count;
}

/* Large and small letters, digits, everything else. */
static unsigned kinds(const char *text)
{
	bool large = false, small = false, digit = false, other = false;

	for (; *text; text++) {
		bool is_large = *text >= 'A' && *text <= 'Z', is_small = *text >= 'a' && *text <= 'z',
		     is_digit = *text >= '0' && *text <= '9';

		large |= is_large;
		small |= is_small;
		digit |= is_digit;
		other |= !is_large && !is_small && !is_digit;
	}
	return (unsigned)large + small + digit + other;
}

/* cracklib keeps its dictionary in variables of its own. */
static const char *ask_library(const char *password, const char *login)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pwquality_settings_t *settings = pwquality_default_settings();
	void *ignored;
	int r;

	if (!settings)
		return "cannot be checked";
	pwquality_set_int_value(settings, PWQ_SETTING_MIN_LENGTH, LENGTH_WITH_SECOND);
	pwquality_set_int_value(settings, PWQ_SETTING_MAX_REPEAT, 4);
	pwquality_set_int_value(settings, PWQ_SETTING_MAX_SEQUENCE, 5);
	pthread_mutex_lock(&lock);
	r = pwquality_check(settings, password, NULL, login, &ignored);
	pthread_mutex_unlock(&lock);
	pwquality_free_settings(settings);
	if (r >= 0)
		return NULL;
	return r == PWQ_ERROR_USER_CHECK ? "contains the id" : "is easy to guess";
}

const char *sk_password_fault(const char *password, const char *login, bool second_factor)
{
	if (characters(password) < (second_factor ? LENGTH_WITH_SECOND : LENGTH_ALONE))
		return "is too short";
	if (kinds(password) < KINDS)
		return "has too few kinds of characters";
	return ask_library(password, login);
}

void sk_password_make(char ret_password[SK_PASSWORD_MADE_SIZE])
{
	/* 32 signs without those that look alike: 5 bits each, 80 in all. */
	static const char signs[] = "abcdefghjkmnpqrstuvwxyz23456789A";
	uint8_t random[16];
	size_t at = 0;

	sk_random_fill(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++) {
		if (i > 0 && i % 4 == 0)
			ret_password[at++] = '-';
		ret_password[at++] = signs[random[i] % 32];
	}
	ret_password[at] = 0;
	sk_secret_wipe(random, sizeof(random));
}
