/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* A TPM 2.0 for tests: swtpm, a chip that was never used, at a port of its own. */
#include <sys/types.h>

typedef struct Swtpm {
	pid_t pid;
	unsigned port;
	char directory[64]; /* the chip's memory */
	char where[64];	    /* for sk_tpm_open() */
} Swtpm;

/* A new chip. Return: 0 or -1 (package swtpm is missing?). */
int swtpm_start(Swtpm *chip);

/* Power off; swtpm_power_on() is the same chip again. */
void swtpm_power_off(Swtpm *chip);
int swtpm_power_on(Swtpm *chip);

void swtpm_end(Swtpm *chip);
