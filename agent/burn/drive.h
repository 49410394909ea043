/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/* A drive and the disc in it, by libburn. What a drive says is hostile: it is numbers and a name here. */
#include "agent/burn/image.h"
#include "agent/burn/judge.h"

typedef struct BurnDrive BurnDrive;

/* Once before the jail. Return: 0 or -EIO. */
int drive_init(void);

/*
 * fd: of the drive, read and write; stays open. stand_in: for tests, fd is a file that plays a blank disc.
 * Return: 0; -ENODEV libburn finds no drive that burns; -ENOMEM.
 */
int drive_open(const char *sysname, int fd, bool stand_in, BurnDrive **ret_drive);

/* What is in it, for this image. */
int drive_look(BurnDrive *drive, Image *image, BurnDisc *ret_disc);

/* Begins to write and returns. */
void drive_write(BurnDrive *drive);

/* Is it still at work? ret_percent: how far. */
bool drive_is_writing(BurnDrive *drive, unsigned *ret_percent, bool *ret_closing);

/* Stops as soon as the drive lets go. */
void drive_stop(BurnDrive *drive);

/* It has ended. Return: 0 all was written and the disc takes no more; -EIO. */
int drive_check(BurnDrive *drive);

/* From a place of the disc, a multiple of IMAGE_BLOCK. Return: 0 or -EIO. */
int drive_read(BurnDrive *drive, uint64_t place, void *data, size_t size);

/* Lets go of it; opens the tray, so that the kernel looks at the disc anew. */
void drive_close(BurnDrive *drive);

/* What libburn says of the last failure; "": nothing. */
void drive_explain(char *ret_text, size_t size);
