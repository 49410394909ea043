/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * A console of the program's own: a directory, settings, free ports, the process, and a session of the first
 * officer, which is put into the database because signing in is not what is measured. Every function ends the
 * program when it cannot do what it says.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/fleet/fleet.h"

typedef struct FleetConsole {
	char program[256], contract[256]; /* sekisho-console, openapi.yaml */
	char directory[200];		  /* kept */
	char database[256];
	char authority[256]; /* file */
	uint16_t people_port, agents_port;
	char cookie[65], csrf[37], facility[FLEET_ID_SIZE];
	pid_t pid;
} FleetConsole;

/* database NULL: SQLite in the directory. Makes the console when the directory has none, migrates it when it
 * is old. */
void fleet_console_init(FleetConsole *console, const char *directory, const char *database);
void fleet_console_start(FleetConsole *console);
/* Did it end by itself? */
bool fleet_console_is_dead(const FleetConsole *console);
/* SIGTERM lets it end, SIGKILL does not. Waits for the end. */
void fleet_console_stop(FleetConsole *console, int signal);
void fleet_console_officer(const FleetConsole *console, FleetOfficer *ret_officer);

/* Takes up the chains where the database has them: those of an earlier run. */
void fleet_console_resume(const FleetConsole *console, Fleet *fleet);

/*
 * Is everything there that was acknowledged to the agents, in order, each record following on the one before,
 * and nothing that none of them wrote? Return: how many of them lack something; the first few are told.
 */
unsigned fleet_console_check(const FleetConsole *console, const Fleet *fleet);

/* A new medium of the facility. */
void fleet_console_medium(const FleetConsole *console, Fleet *fleet, char ret_medium[FLEET_ID_SIZE]);
/* The console makes its half of the medium's key, and lets the first terminal prepare it. */
void fleet_console_give_key(const FleetConsole *console, Fleet *fleet, const char *medium);
/* A medium is reported lost; as fleet_console_lose_medium(). */
void fleet_console_lose(const FleetConsole *console, Fleet *fleet, const char *medium);
/* A medium is reported lost by the API: every terminal must refuse it. Runs the loop until the answer is
 * there; wake_us of the fleet is when the report was sent. */
void fleet_console_lose_medium(const FleetConsole *console, Fleet *fleet);

typedef struct FleetUsage {
	double resident_mb, peak_mb, cpu_sec; /* so far */
	unsigned threads, descriptors;
} FleetUsage;

void fleet_console_usage(const FleetConsole *console, FleetUsage *ret_usage);
