/* SPDX-License-Identifier: GPL-2.0-or-later */
/* label ORGANISATION MEDIUM NUMBER CLASSIFICATION OWNER CONTACT LANGUAGE: writes the label as SVG; exit 3:
 * refused. */
#include <stdio.h>

#include "console/rules/label.h"

int main(int argc, char **argv)
{
	SkLabel label;

	if (argc != 8)
		return 2;
	label = (SkLabel){argv[1], argv[2], argv[3], argv[4], argv[5], argv[6], argv[7]};
	return sk_label_write_svg(stdout, &label) < 0 ? 3 : 0;
}
