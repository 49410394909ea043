/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/slip_make.h"

#include <errno.h>
#include <string.h>

#include "agent/core/console.h"
#include "agent/core/console_state.h"
#include "agent/core/core.h"
#include "agent/core/json_text.h"
#include "agent/core/slip_key.h"
#include "agent/core/slip_store.h"
#include "lib/base/own.h"
#include "lib/base/str.h"
#include "lib/ipc/memfd.h"

void slip_head(const Core *core, const json_t *grant, const char *kind, SkSlip *ret_slip)
{
	SkSlip slip = {.serial = 0};

	sk_str_copy(slip.kind, sizeof(slip.kind), kind);
	sk_str_copy(slip.medium, sizeof(slip.medium), text_of(grant, "medium"));
	sk_str_copy(slip.number, sizeof(slip.number), text_of(grant, "number"));
	sk_str_copy(slip.label, sizeof(slip.label), text_of(grant, "label"));
	sk_str_copy(slip.grant, sizeof(slip.grant), text_of(grant, "id"));
	sk_str_copy(slip.user, sizeof(slip.user), core->session.user);
	sk_str_copy(slip.terminal, sizeof(slip.terminal), console_terminal(core));
	sk_str_copy(slip.organisation, sizeof(slip.organisation),
		text_of(core->console->trust.bundle, "organisation"));
	*ret_slip = slip;
}

void slip_set_part(SkSlipPart *part, const char *data, size_t size)
{
	part->size = size;
	sk_sha256(part->sha256, data, size);
}

void slip_texts_deinit(SlipTexts *texts)
{
	free(own_take(texts->envelope));
	free(own_take(texts->lines));
	free(own_take(texts->sums));
}

static int write_files(const SlipFiles *files, SkSlip *slip, FILE *lines, FILE *sums)
{
	slip->files = slip->bytes = 0;
	for (size_t i = 0; i < files->n; i++) {
		const SkSlipFile *file = &files->files[i];
		own_free char *line = NULL, *sum = NULL;
		int r = sk_slip_line_format(file, &line);

		if (r == 0)
			r = sk_slip_sum_format(file, &sum);
		if (r < 0)
			return r;
		fputs(line, lines);
		fputs(sum, sums);
		slip->files++;
		slip->bytes += file->size;
	}
	return 0;
}

static int make_texts(const SlipFiles *files, SkSlip *slip, SlipTexts *texts)
{
	FILE *lines = open_memstream(&texts->lines, &texts->lines_size);
	FILE *sums = open_memstream(&texts->sums, &texts->sums_size);
	int r = lines && sums ? write_files(files, slip, lines, sums) : -ENOMEM;

	if (lines && fclose(lines) != 0)
		r = -ENOMEM;
	if (sums && fclose(sums) != 0)
		r = -ENOMEM;
	return r;
}

int slip_sign_files(const Core *core, SkSlip *slip, const SlipFiles *files, SlipTexts *ret_texts)
{
	const SkDsseSigner *signer = slip_key_signer(core);
	own_texts SlipTexts texts = {.envelope = NULL};
	int r = signer ? make_texts(files, slip, &texts) : -ENOKEY;

	if (r < 0)
		return r;
	slip_set_part(&slip->manifest, texts.lines, texts.lines_size);
	slip_set_part(&slip->sums, texts.sums, texts.sums_size);
	r = sk_slip_sign(slip, signer, &texts.envelope);
	if (r < 0)
		return r;
	*ret_texts = texts;
	texts = (SlipTexts){.envelope = NULL};
	return 0;
}

int slip_memfds(const Core *core, const SlipTexts *texts, int ret_fds[3])
{
	const char *statement = slip_key_statement(core);
	own_free char *file = NULL;
	int r = statement ? sk_slip_file_format(texts->envelope, statement, &file) : -ENOKEY;

	if (r < 0)
		return r;
	own_fd int slip = sk_memfd_new(file, strlen(file)),
		   manifest = sk_memfd_new(texts->lines, texts->lines_size),
		   sums = sk_memfd_new(texts->sums, texts->sums_size);

	if (slip < 0 || manifest < 0 || sums < 0)
		return -ENOMEM;
	ret_fds[0] = own_take_fd(&slip);
	ret_fds[1] = own_take_fd(&manifest);
	ret_fds[2] = own_take_fd(&sums);
	return 0;
}
