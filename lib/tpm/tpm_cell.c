/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cells are NV indices in the range of the owner. */
#include "lib/tpm/tpm_own.h"

#include <string.h>

/* The part of the owner's range that the TCG's registry gives to nobody else. */
#define FIRST 0x01800000u

static TPM2B_AUTH password_of(const SkTpmCell *cell)
{
	TPM2B_AUTH auth = {.size = sizeof(cell->password)};

	memcpy(auth.buffer, cell->password, sizeof(cell->password));
	return auth;
}

static int define(SkTpm *tpm, const SkTpmCell *cell, ESYS_TR *ret_index)
{
	TPM2B_AUTH auth = password_of(cell);
	const TPM2B_NV_PUBLIC public = {
		.nvPublic = {.nvIndex = FIRST + cell->number,
			.nameAlg = TPM2_ALG_SHA256,
			.attributes = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA,
			.dataSize = SK_TPM_CELL_SIZE}};
	int r = cell->number < SK_TPM_CELLS ? sk_tpm_session(tpm, TPMA_SESSION_DECRYPT) : -EINVAL;

	if (r == 0)
		r = sk_tpm_error(Esys_NV_DefineSpace(tpm->esys, ESYS_TR_RH_OWNER, tpm->session, ESYS_TR_NONE,
			ESYS_TR_NONE, &auth, &public, ret_index));
	sk_secret_wipe(&auth, sizeof(auth));
	return r;
}

static int find(SkTpm *tpm, uint32_t number, ESYS_TR *ret_index)
{
	if (number >= SK_TPM_CELLS)
		return -EINVAL;
	return sk_tpm_error(Esys_TR_FromTPMPublic(
		tpm->esys, FIRST + number, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ret_index));
}

static int use_password(SkTpm *tpm, ESYS_TR index, const SkTpmCell *cell)
{
	TPM2B_AUTH auth = password_of(cell);
	int r = sk_tpm_error(Esys_TR_SetAuth(tpm->esys, index, &auth));

	sk_secret_wipe(&auth, sizeof(auth));
	return r;
}

static int fill(SkTpm *tpm, ESYS_TR index, SkSecret *content)
{
	TPM2B_MAX_NV_BUFFER data = {.size = SK_TPM_CELL_SIZE};
	int r = sk_tpm_session(tpm, TPMA_SESSION_DECRYPT);

	memcpy(data.buffer, sk_secret_data(content), SK_TPM_CELL_SIZE);
	if (r == 0)
		r = sk_tpm_error(Esys_NV_Write(
			tpm->esys, index, index, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE, &data, 0));
	sk_secret_wipe(&data, sizeof(data));
	return r;
}

int sk_tpm_cell_write(SkTpm *tpm, const SkTpmCell *cell, SkSecret *content)
{
	ESYS_TR index = ESYS_TR_NONE;
	int r;

	if (sk_secret_size(content) != SK_TPM_CELL_SIZE)
		return -EINVAL;
	r = define(tpm, cell, &index);
	if (r < 0)
		return r;
	r = use_password(tpm, index, cell);
	if (r == 0)
		r = fill(tpm, index, content);
	if (r < 0)
		(void)sk_tpm_cell_destroy(tpm, cell);
	return r;
}

int sk_tpm_cell_read(SkTpm *tpm, const SkTpmCell *cell, SkSecret **ret_content)
{
	own_secret SkSecret *content = NULL;
	TPM2B_MAX_NV_BUFFER *data = NULL;
	ESYS_TR index = ESYS_TR_NONE;
	int r = find(tpm, cell->number, &index);

	if (r == 0)
		r = use_password(tpm, index, cell);
	if (r == 0)
		r = sk_tpm_session(tpm, TPMA_SESSION_ENCRYPT);
	if (r == 0)
		r = sk_tpm_error(Esys_NV_Read(tpm->esys, index, index, tpm->session, ESYS_TR_NONE,
			ESYS_TR_NONE, SK_TPM_CELL_SIZE, 0, &data));
	if (r == 0 && data->size != SK_TPM_CELL_SIZE)
		r = -EBADMSG;
	if (r == 0)
		r = sk_secret_new(SK_TPM_CELL_SIZE, &content);
	if (r == 0)
		memcpy(sk_secret_data(content), data->buffer, SK_TPM_CELL_SIZE);
	if (data)
		sk_secret_wipe(data, sizeof(*data));
	Esys_Free(data);
	if (r == 0)
		*ret_content = own_take(content);
	return r;
}

int sk_tpm_cell_exists(SkTpm *tpm, uint32_t number)
{
	ESYS_TR index = ESYS_TR_NONE;
	int r = find(tpm, number, &index);

	return r == -ENOENT ? 0 : r == 0 ? -EEXIST : r;
}

static int undefine(SkTpm *tpm, uint32_t number)
{
	ESYS_TR index = ESYS_TR_NONE;
	int r = find(tpm, number, &index);

	if (r == 0)
		r = sk_tpm_session(tpm, 0);
	return r < 0 ? r
		     : sk_tpm_error(Esys_NV_UndefineSpace(
			       tpm->esys, ESYS_TR_RH_OWNER, index, tpm->session, ESYS_TR_NONE, ESYS_TR_NONE));
}

/* Who has the owner's rights could destroy everybody's: only what opens with our password is ours. */
int sk_tpm_cell_destroy(SkTpm *tpm, const SkTpmCell *cell)
{
	own_secret SkSecret *content = NULL;
	int r = sk_tpm_cell_read(tpm, cell, &content);

	if (r == -ENOENT)
		return 0;
	return r == 0 || r == -EBADMSG ? undefine(tpm, cell->number) : r;
}
