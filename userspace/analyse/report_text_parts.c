/* SPDX-License-Identifier: BSD-2-Clause */
#include "report_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "terminal.h"

#define SHORT_LIST 5

struct row {
	char *path; /* harmless */
	char *note; /* of a refused one: why */
	uint64_t opens, reads, read_bytes, writes, write_bytes, maps, mapped_bytes, lists, failed;
	unsigned how;
	bool deleted, truncated;
};

struct rows {
	struct row *rows;
	size_t count;
	size_t size;
};

struct files {
	struct rows files;
	struct rows directories;
	struct rows refused;
};

static int add_row(struct rows *rows, const struct row *row)
{
	struct row *grown;
	size_t size;

	if (rows->count == rows->size) {
		size = rows->size ? 2 * rows->size : 32;
		grown = realloc(rows->rows, size * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		rows->rows = grown;
		rows->size = size;
	}
	rows->rows[rows->count++] = *row;
	return 0;
}

static void free_rows(struct rows *rows)
{
	size_t i;

	for (i = 0; i < rows->count; i++) {
		free(rows->rows[i].path);
		free(rows->rows[i].note);
	}
	free(rows->rows);
}

static struct rows *rows_for(struct files *files, const struct report_file *file)
{
	if (!file->object && file->failed && !file->opens)
		return &files->refused;
	if (file->type.bytes && file->type.len == 3 && !memcmp(file->type.bytes, "dir", 3))
		return &files->directories;
	return &files->files;
}

static int collect_file(void *context, const struct report_file *file)
{
	struct row row = {
		.path = text_copy_plain(file->path.bytes ? file->path : (struct text){"(name not known)", 16}),
		.note = text_copy_plain(file->error),
		.opens = file->opens,
		.reads = file->reads,
		.read_bytes = file->read_bytes,
		.writes = file->writes,
		.write_bytes = file->write_bytes,
		.maps = file->maps,
		.mapped_bytes = file->mapped_bytes,
		.lists = file->lists,
		.failed = file->failed,
		.how = file->how,
		.deleted = file->deleted,
		.truncated = file->truncated,
	};
	int err = row.path ? add_row(rows_for(context, file), &row) : -ENOMEM;

	if (err) {
		free(row.path);
		free(row.note);
	}
	return err;
}

#define ORDER(a, b) (((a) < (b)) - ((a) > (b)))

/* Most read first; what was only mapped next; then what was written; then by name. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	int order = ORDER(left->read_bytes, right->read_bytes);

	if (!order)
		order = ORDER(left->mapped_bytes, right->mapped_bytes);
	if (!order)
		order = ORDER(left->write_bytes, right->write_bytes);
	return order ? order : strcmp(left->path, right->path);
}

static const char *how_text(char *out, size_t size, unsigned how)
{
	size_t len = 0, i;

	snprintf(out, size, "-");
	for (i = 0; i < HOW_COUNT; i++)
		if (how & 1u << i && len < size)
			len += snprintf(out + len, size - len, "%s%s", len ? "," : "", report_how_names[i]);
	return out;
}

static const char *count_text(char out[SIZE_TEXT], uint64_t count)
{
	if (count)
		snprintf(out, SIZE_TEXT, "%" PRIu64, count);
	else
		snprintf(out, SIZE_TEXT, "-");
	return out;
}

static const char *size_or_none(char out[SIZE_TEXT], uint64_t bytes, uint64_t calls)
{
	return calls || bytes ? text_size(out, bytes) : "-";
}

enum cell { CELL_READ, CELL_BYTES, CELL_READS, CELL_OPENS, CELL_MAPPED, CELL_WRITTEN, CELL_HOW, CELL_COUNT };

struct cells {
	char text[CELL_COUNT][64];
};

static const char *const cell_names[CELL_COUNT] = {"read", "bytes", "reads", "opens", "mapped", "written", "how"};

static void fill_cells(struct cells *cells, const struct row *row)
{
	char size[SIZE_TEXT];
	const char *read = size_or_none(size, row->read_bytes, row->reads);

	/* Its content may have been read all the same, without a call. */
	if (!row->read_bytes && row->maps)
		read = "mapped";
	snprintf(cells->text[CELL_READ], 64, "%s", read);
	snprintf(cells->text[CELL_BYTES], 64, "%s", count_text(size, row->read_bytes));
	snprintf(cells->text[CELL_READS], 64, "%s", count_text(size, row->reads));
	snprintf(cells->text[CELL_OPENS], 64, "%s", count_text(size, row->opens));
	snprintf(cells->text[CELL_MAPPED], 64, "%s", size_or_none(size, row->mapped_bytes, row->maps));
	snprintf(cells->text[CELL_WRITTEN], 64, "%s", size_or_none(size, row->write_bytes, row->writes));
	how_text(cells->text[CELL_HOW], 64, row->how);
}

static void measure(int widths[CELL_COUNT], const struct rows *rows, size_t count)
{
	struct cells cells;
	size_t i, cell;

	for (cell = 0; cell < CELL_COUNT; cell++)
		widths[cell] = strlen(cell_names[cell]);
	for (i = 0; i < count; i++) {
		fill_cells(&cells, &rows->rows[i]);
		for (cell = 0; cell < CELL_COUNT; cell++)
			if ((int)strlen(cells.text[cell]) > widths[cell])
				widths[cell] = strlen(cells.text[cell]);
	}
}

/* The end of a path tells more than its beginning. */
static void put_path(struct page *page, const char *path, unsigned used)
{
	unsigned width = page->report->options.width, room = width > used + 16 ? width - used : 16;
	size_t len = strlen(path);

	if (!width || text_columns(path, len) <= room)
		fputs(path, page->out);
	else
		fprintf(page->out, "…%s", text_tail(path, len, room - 1));
}

static void put_row(struct page *page, const int widths[CELL_COUNT], const char *const cells[CELL_COUNT])
{
	unsigned cell;

	text_indent(page);
	fputs("  ", page->out);
	for (cell = 0; cell < CELL_COUNT; cell++)
		fprintf(page->out, cell == CELL_HOW ? "%-*s  " : "%*s  ", widths[cell], cells[cell]);
}

static void put_file(struct page *page, const int widths[CELL_COUNT], const struct row *row)
{
	const char *texts[CELL_COUNT];
	struct cells cells;
	unsigned cell, used = 2 * page->depth + 2;

	fill_cells(&cells, row);
	for (cell = 0; cell < CELL_COUNT; cell++) {
		texts[cell] = cells.text[cell];
		used += widths[cell] + 2;
	}
	put_row(page, widths, texts);
	if (row->deleted)
		used += 10;
	put_path(page, row->path, used + (row->truncated ? 12 : 0));
	fprintf(page->out, "%s%s\n", row->truncated ? " (truncated)" : "", row->deleted ? " (deleted)" : "");
}

static void put_table(struct page *page, struct rows *rows)
{
	size_t count = rows->count, i;
	int widths[CELL_COUNT];

	if (!count)
		return;
	qsort(rows->rows, rows->count, sizeof(*rows->rows), compare_rows);
	if (!page->report->options.all && count > page->report->options.top)
		count = page->report->options.top;
	measure(widths, rows, count);
	text_paint(page, "2");
	put_row(page, widths, cell_names);
	fputs("path", page->out);
	text_paint(page, "0");
	fputc('\n', page->out);
	for (i = 0; i < count; i++)
		put_file(page, widths, &rows->rows[i]);
	if (count == rows->count)
		return;
	text_indent(page);
	fprintf(page->out, "  ... and %zu more (--all)\n", rows->count - count);
}

static void put_sums(struct page *page, const struct rows *rows)
{
	uint64_t reads = 0, bytes = 0, mapped = 0, mapped_files = 0, written = 0, writes = 0;
	char size[SIZE_TEXT];
	size_t i;

	for (i = 0; i < rows->count; i++) {
		reads += rows->rows[i].reads;
		bytes += rows->rows[i].read_bytes;
		mapped += rows->rows[i].mapped_bytes;
		mapped_files += !!rows->rows[i].maps;
		written += rows->rows[i].write_bytes;
		writes += rows->rows[i].writes;
	}
	text_indent(page);
	fprintf(page->out, "  %zu file%s: %s (%" PRIu64 " B) read in %" PRIu64 " call%s", rows->count,
		rows->count == 1 ? "" : "s", text_size(size, bytes), bytes, reads, reads == 1 ? "" : "s");
	if (mapped_files)
		fprintf(page->out, ", %s of %" PRIu64 " mapped", text_size(size, mapped), mapped_files);
	if (writes)
		fprintf(page->out, ", %s written", text_size(size, written));
	fputc('\n', page->out);
}

/* One line, or with --all one line each. */
static void put_summary(struct page *page, const struct rows *rows, const char *what, bool lists)
{
	size_t shown = rows->count, i;
	bool all = page->report->options.all;
	uint64_t times = 0;

	if (!rows->count)
		return;
	for (i = 0; i < rows->count; i++)
		times += lists ? rows->rows[i].lists : rows->rows[i].failed;
	if (!all && shown > SHORT_LIST)
		shown = SHORT_LIST;
	text_indent(page);
	fprintf(page->out, "  %zu %s, %" PRIu64 " time%s:", rows->count, what, times, times == 1 ? "" : "s");
	for (i = 0; i < shown; i++) {
		const struct row *row = &rows->rows[i];

		if (all) {
			fputc('\n', page->out);
			text_indent(page);
			fprintf(page->out, "  %8" PRIu64 " ", lists ? row->lists : row->failed);
		}
		fprintf(page->out, "%s%s", !all && i ? ", " : " ", row->path);
		if (row->note)
			fprintf(page->out, " (%s)", row->note);
	}
	if (shown < rows->count)
		fprintf(page->out, " ... and %zu more (--all)", rows->count - shown);
	fputc('\n', page->out);
}

int text_files(struct page *page, int64_t process)
{
	struct files files = {0};
	int err = report_files(page->report, process, collect_file, &files);

	if (!err) {
		if (files.files.count)
			put_sums(page, &files.files);
		put_table(page, &files.files);
		put_summary(page, &files.directories, "directories opened, listed", true);
		put_summary(page, &files.refused, "paths refused", false);
	}
	free_rows(&files.files);
	free_rows(&files.directories);
	free_rows(&files.refused);
	return err;
}

static int put_flow(void *context, const struct report_flow *flow)
{
	struct page *page = context;
	bool out = flow->direction.bytes && flow->direction.len == 6,
	     in = flow->direction.bytes && flow->direction.len == 7;
	char size[SIZE_TEXT];

	text_indent(page);
	fprintf(page->out, "  %s ", out ? "out" : in ? "in" : "net");
	text_put(page, flow->transport.bytes ? flow->transport : flow->family, "?");
	fputc(' ', page->out);
	text_put(page, flow->local, "-");
	fputs(in ? " <- " : out ? " -> " : " -- ", page->out);
	text_put(page, flow->remote, "-");
	if (flow->remote_name.bytes) {
		fputs(" (", page->out);
		text_put(page, flow->remote_name, "");
		fputs(", by ", page->out);
		text_put(page, flow->name_source, "?");
		fputc(')', page->out);
	}
	fprintf(page->out, "  sent %s (%" PRIu64 " B)", text_size(size, flow->sent_bytes), flow->sent_bytes);
	fprintf(page->out, ", received %s (%" PRIu64 " B)", text_size(size, flow->received_bytes),
		flow->received_bytes);
	if (flow->failed) {
		fprintf(page->out, ", refused %" PRIu64 " time%s ", flow->failed, flow->failed == 1 ? "" : "s");
		text_put(page, flow->error, "");
	}
	fputc('\n', page->out);
	return 0;
}

int text_flows(struct page *page, int64_t process)
{
	return report_flows(page->report, process, put_flow, page);
}

struct actions {
	struct page *page;
	size_t count;
};

static int put_action(void *context, const struct report_action *action)
{
	struct actions *actions = context;
	struct page *page = actions->page;

	if (actions->count++ >= page->report->options.top && !page->report->options.all)
		return 0;
	text_indent(page);
	fprintf(page->out, "  did %.15s ", action->time.bytes ? action->time.bytes + 11 : "");
	text_put(page, action->kind, "?");
	fputc(' ', page->out);
	text_put(page, action->path, "");
	if (action->to.bytes) {
		fputs(" -> ", page->out);
		text_put(page, action->to, "");
	}
	if (action->detail.bytes) {
		fputc(' ', page->out);
		text_put(page, action->detail, "");
	}
	if (action->error.bytes) {
		fputs(" refused: ", page->out);
		text_put(page, action->error, "");
	}
	fputc('\n', page->out);
	return 0;
}

int text_actions(struct page *page, int64_t process)
{
	struct actions actions = {.page = page};
	size_t top = page->report->options.top;
	int err = report_actions(page->report, process, put_action, &actions);

	if (!err && !page->report->options.all && actions.count > top) {
		text_indent(page);
		fprintf(page->out, "  ... and %zu more actions (--all)\n", actions.count - top);
	}
	return err;
}
