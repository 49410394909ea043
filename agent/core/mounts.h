/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What the next core must know to go on with the gates that this one leaves: STATE/volumes.json, valid for
 * one boot.
 */
typedef struct Core Core;
typedef struct Volume Volume;

/* Writes the list of mounted volumes. A failure is told: the gates still deny, they only cannot be taken
 * over. */
void mounts_save(Core *core);

/*
 * Makes a Volume of each entry whose gate is among the descriptors that systemd kept, and closes the others:
 * their mounts are detached first. Return: number taken over.
 */
int mounts_adopt(Core *core);

/* Descriptors of a volume into systemd's store, and out of it. */
void mounts_store_fds(const Volume *volume, int group_fd);
void mounts_unstore_fds(const Volume *volume);
