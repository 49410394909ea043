/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
/*
 * The label that is printed and stuck on a medium (OUT-6): number, name, classification, who to call when it
 * is found, and a QR code of `SEKISHO:1:ORGANISATION:MEDIUM`, which a stock-taking reads. An SVG of 62 × 29
 * mm, the common size of label printers; it names nothing that a finder should not know: no patient, no
 * content, no custodian.
 */
#include <stdio.h>

typedef struct SkLabel {
	const char *organisation;   /* its id, for the code: letters, digits, "-" */
	const char *medium;	    /* its id */
	const char *number;	    /* as people call it: "USB-0042" */
	const char *classification; /* the word of the ledger: "要配慮個人情報" */
	const char *owner;	    /* printed: the name of the institution */
	const char *contact;	    /* printed: a telephone number */
	const char *language;	    /* "ja" or "en" */
} SkLabel;

/* Texts are cut to what fits. Return: 0, -EINVAL an id is not of its form, -ENOMEM, -EIO. */
int sk_label_write_svg(FILE *out, const SkLabel *label);
