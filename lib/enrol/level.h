/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * What agent and console know of each other's age: each request of an agent names the level of the interface
 * it speaks. A level goes up when a call or a field is added that the other side must know; both sides pass
 * over fields that they do not know, and answer calls that they do not know with 404. One level apart, both
 * ways, always works.
 */
#define SK_LEVEL 1
#define SK_LEVEL_TEXT "1"
#define SK_LEVEL_HEADER "Sekisho-Level"
