/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "console/store/chain_inside.h"
#include "lib/audit/segment.h"

#define PAGE 256
#define SEGMENT_BYTES (INT64_C(16) << 20)

static int read_page(SkDb *db, const char *instance, uint64_t *seq,
	int (*fn)(void *userdata, uint64_t seq, const char *line), void *userdata)
{
	own_rows SkDbRows *rows = NULL;
	int count = 0;
	int r = sk_db_query(db,
		"SELECT seq, line FROM console_records WHERE instance_id = $1 AND seq >= $2 ORDER BY seq "
		"LIMIT $3",
		SK_DB_ARGS(sk_db_text(instance), sk_db_int((int64_t)*seq), sk_db_int(PAGE)), &rows);

	while (r >= 0 && (r = sk_db_next(rows)) > 0) {
		uint64_t found = (uint64_t)sk_db_get_int(rows, 0);
		const char *line = sk_db_get_text(rows, 1);

		r = line ? fn(userdata, found, line) : -EBADMSG;
		if (r != 0)
			return r;
		*seq = found + 1;
		count++;
	}
	return r < 0 ? r : count;
}

int sk_chain_read(SkDb *db, const char *instance, uint64_t from_seq,
	int (*fn)(void *userdata, uint64_t seq, const char *line), void *userdata)
{
	int r;

	/* fn's own results are told from the number of rows by their sign: it returns 0 or an error. */
	do
		r = read_page(db, instance, &from_seq, fn, userdata);
	while (r == PAGE);
	return r < 0 ? r : 0;
}

typedef struct Export {
	int dir_fd;
	FILE *out;
	uint64_t segment;
	int64_t written;
	SkAuditHead head;
} Export;

static int close_segment(Export *export)
{
	FILE *out = own_take(export->out);
	int r = 0;

	if (!out)
		return 0;
	if (fflush(out) != 0 || fsync(fileno(out)) < 0)
		r = -errno;
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	return r;
}

static int next_segment(Export *export)
{
	char name[SK_SEGMENT_NAME_SIZE];
	int fd, r = close_segment(export);

	if (r < 0)
		return r;
	sk_segment_name(name, ++export->segment);
	fd = openat(export->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	export->out = fdopen(fd, "w");
	export->written = 0;
	if (!export->out) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

static int write_line(void *userdata, uint64_t seq, const char *line)
{
	Export *export = userdata;
	size_t size = strlen(line);
	int r = export->out && export->written < SEGMENT_BYTES ? 0 : next_segment(export);

	if (r < 0)
		return r;
	if (fwrite(line, 1, size, export->out) != size || fputc('\n', export->out) == EOF)
		return errno > 0 ? -errno : -EIO;
	export->written += (int64_t)size + 1;
	export->head.seq = seq;
	sk_line_hash(export->head.hash, line, size);
	return 0;
}

int sk_chain_export(SkDb *db, const char *instance, const char *directory)
{
	own_fd int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_fd int head_fd = -1;
	Export export = {.dir_fd = dir_fd, .head.hash = SK_HASH_NONE};
	int r, closed;

	if (dir_fd < 0)
		return -errno;
	r = sk_chain_read(db, instance, 0, write_line, &export);
	closed = close_segment(&export);
	if (r == 0)
		r = closed;
	return r < 0 ? r : sk_head_create(dir_fd, &export.head, &head_fd);
}
