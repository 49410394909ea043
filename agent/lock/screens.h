/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * Monitors of seat0 at more than one graphics card. The kernel shows a console on one of them; what a desktop
 * drew on another stays on its monitors, behind our console, for everybody to read. A card without a
 * framebuffer of the kernel's (drivers that are not the kernel's) is left to its driver.
 */

/* A console that would be shown by a card without a monitor is shown by one with. */
void screens_place(int console);

/* Takes away what the cards show that do not show this console: each shows the kernel's own framebuffer,
 * which is empty, until a desktop sets its mode again. Return: 0; -EBUSY: a program still draws on one of
 * them; another negative errno: it could not be done. */
int screens_clear(int console);
