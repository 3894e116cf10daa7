/* SPDX-License-Identifier: BSD-2-Clause */
#include "report_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "terminal.h"

#define SHORT_LIST 5

/* Rows beyond those that will be shown are kept until there are so many, and then the least are let go. */
#define ROWS_SPARE 64

struct row {
	struct report_file file; /* its numbers; the texts are not kept */
	char *path;		 /* harmless */
	char *note;		 /* of a refused one: why; else who it came from */
	const char *class;
};

struct rows {
	struct row *rows;
	size_t count;
	size_t size;
	size_t keep; /* 0: all */
	bool sorted; /* those that read most are kept, else the first */
	bool cut;    /* there were too many once: the first `keep` are in order since */
	uint64_t all, reads, read_bytes, mapped_bytes, mapped_files, faults, writes, write_bytes, lists, failed, stats;
};

struct files {
	struct page *page;
	struct rows files;
	struct rows directories;
	struct rows refused;
	struct rows looked;
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
	if (file->stats && !(file->opens || file->reads || file->writes || file->maps || file->lists || file->how))
		return &files->looked;
	if (file->type.bytes && file->type.len == 3 && !memcmp(file->type.bytes, "dir", 3))
		return &files->directories;
	return &files->files;
}

#define ORDER(a, b) (((a) < (b)) - ((a) > (b)))

/* Most read first; what was only mapped next; then what was written; then by name, where that is known already. */
static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	int order = ORDER(left->file.read_bytes, right->file.read_bytes);

	if (!order)
		order = ORDER(left->file.mapped_bytes, right->file.mapped_bytes);
	if (!order)
		order = ORDER(left->file.write_bytes, right->file.write_bytes);
	if (!order && left->path && right->path)
		order = strcmp(left->path, right->path);
	return order ? order : ORDER(right->file.id, left->file.id);
}

static void sum_row(struct rows *rows, const struct report_file *file)
{
	rows->all++;
	rows->reads += file->reads;
	rows->read_bytes += file->read_bytes;
	rows->mapped_bytes += file->mapped_bytes;
	rows->mapped_files += !!file->maps;
	rows->faults += file->faults;
	rows->writes += file->writes;
	rows->write_bytes += file->write_bytes;
	rows->lists += file->lists;
	rows->failed += file->failed;
	rows->stats += file->stats;
}

/* Only numbers are kept: the paths of a hundred thousand files would be read to show twenty. */
static int collect_file(void *context, const struct report_file *file)
{
	struct rows *rows = rows_for(context, file);
	struct row row = {.file = *file};

	sum_row(rows, file);
	if (rows->keep && !rows->sorted && rows->count >= rows->keep)
		return 0;
	if (rows->cut && compare_rows(&row, &rows->rows[rows->keep - 1]) > 0)
		return 0;
	if (rows->keep && rows->count >= rows->keep + ROWS_SPARE) {
		qsort(rows->rows, rows->count, sizeof(*rows->rows), compare_rows);
		rows->count = rows->keep;
		rows->cut = true;
	}
	return add_row(rows, &row);
}

/* One of the known ones, which no case can make harmful. */
static const char *class_constant(struct text class)
{
	const char *name;
	size_t i;

	for (i = 0; (name = class_name(i)); i++)
		if (class.bytes && !strcmp(class.bytes, name))
			return name;
	return "-";
}

/* The path, and behind it how the process saw it, where that differs. */
static char *copy_path(const struct report_file *file)
{
	char *path = text_copy_plain(file->path.bytes ? file->path : (struct text){"(name not known)", 16});
	char *view = file->view.bytes ? text_copy_plain(file->view) : NULL, *both;

	if (!path || !view) {
		free(view);
		return path;
	}
	if (asprintf(&both, "%s (seen as %s)", path, view) < 0)
		both = NULL;
	free(path);
	free(view);
	return both;
}

#define GIVERS_SHOWN 3

static void put_givers(FILE *out, const struct report_file *file)
{
	size_t i;

	for (i = 0; i < file->from_count && i < GIVERS_SHOWN; i++)
		fprintf(out, "%s%" PRId64, i ? ", " : "", file->from[i]);
	if (file->from_count > i)
		fprintf(out, " and %zu more", file->from_count - i);
	if (file->from_more)
		fputs(file->from_count ? " and others" : "others", out);
}

/* Who it came from, or what fanotify told of and by whom; NULL: nothing is known. */
static char *given_text(const struct report_file *file)
{
	const char *between = file->how & 1u << HOW_FANOTIFY && file->events ? " by " : "from ";
	char *text = NULL;
	size_t size, i;
	FILE *out;

	if (!file->from_count && !file->from_more && !file->events)
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	for (i = 0; i < REPORT_EVENTS; i++)
		if (file->events & 1u << i)
			fprintf(out, "%s%s", ftell(out) > 0 ? ", " : "", report_event_names[i]);
	if (file->from_count || file->from_more) {
		fputs(between, out);
		put_givers(out, file);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static int name_row(struct page *page, struct row *row)
{
	struct report_file file = row->file;
	int err = report_name_file(page->report, &file);

	if (err)
		return err;
	row->file.deleted = file.deleted;
	row->file.truncated = file.truncated;
	row->path = copy_path(&file);
	row->class = class_constant(file.class);
	row->note = file.error.bytes ? text_copy_plain(file.error) : given_text(&file);
	return row->path ? 0 : -ENOMEM;
}

static int name_rows(struct page *page, struct rows *rows)
{
	size_t i;
	int err = 0;

	if (rows->sorted && rows->keep && rows->count > rows->keep) {
		qsort(rows->rows, rows->count, sizeof(*rows->rows), compare_rows);
		rows->count = rows->keep;
	}
	for (i = 0; !err && i < rows->count; i++)
		err = name_row(page, &rows->rows[i]);
	return err;
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

enum cell { CELL_READ, CELL_BYTES, CELL_READS, CELL_OPENS, CELL_MAPPED, CELL_FAULTED, CELL_WRITTEN, CELL_HOW, CELL_CLASS, CELL_COUNT };

struct cells {
	char text[CELL_COUNT][64];
};

static const char *const cell_names[CELL_COUNT] = {"read", "bytes", "reads", "opens", "mapped", "faulted", "written", "how", "class"};

static void fill_cells(struct cells *cells, const struct row *row)
{
	char size[SIZE_TEXT];
	const char *read = size_or_none(size, row->file.read_bytes, row->file.reads);

	/* Its content may have been read all the same, without a call. */
	if (!row->file.read_bytes && row->file.maps)
		read = "mapped";
	snprintf(cells->text[CELL_READ], 64, "%s", read);
	snprintf(cells->text[CELL_BYTES], 64, "%s", count_text(size, row->file.read_bytes));
	snprintf(cells->text[CELL_READS], 64, "%s", count_text(size, row->file.reads));
	snprintf(cells->text[CELL_OPENS], 64, "%s", count_text(size, row->file.opens));
	snprintf(cells->text[CELL_MAPPED], 64, "%s", size_or_none(size, row->file.mapped_bytes, row->file.maps));
	snprintf(cells->text[CELL_FAULTED], 64, "%s", size_or_none(size, row->file.faulted_bytes, row->file.faults));
	snprintf(cells->text[CELL_WRITTEN], 64, "%s", size_or_none(size, row->file.write_bytes, row->file.writes));
	how_text(cells->text[CELL_HOW], 64, row->file.how);
	snprintf(cells->text[CELL_CLASS], 64, "%s", row->class);
}

static void measure(int widths[CELL_COUNT], const struct rows *rows, size_t count)
{
	struct cells cells;
	size_t i, cell;

	for (cell = 0; cell < CELL_COUNT; cell++)
		widths[cell] = strlen(cell_names[cell]);
	if (!rows->faults)
		widths[CELL_FAULTED] = 0; /* most kernels do not tell */
	for (i = 0; i < count; i++) {
		fill_cells(&cells, &rows->rows[i]);
		for (cell = 0; cell < CELL_COUNT; cell++)
			if (widths[cell] && (int)strlen(cells.text[cell]) > widths[cell])
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
		if (widths[cell])
			fprintf(page->out, cell >= CELL_HOW ? "%-*s  " : "%*s  ", widths[cell], cells[cell]);
}

static void put_file(struct page *page, const int widths[CELL_COUNT], const struct row *row)
{
	const char *texts[CELL_COUNT];
	struct cells cells;
	unsigned cell, used = 2 * page->depth + 2;

	fill_cells(&cells, row);
	for (cell = 0; cell < CELL_COUNT; cell++) {
		texts[cell] = cells.text[cell];
		used += widths[cell] ? widths[cell] + 2 : 0;
	}
	put_row(page, widths, texts);
	if (row->file.deleted)
		used += 10;
	if (row->note)
		used += strlen(row->note) + 3;
	put_path(page, row->path, used + (row->file.truncated ? 12 : 0));
	fprintf(page->out, "%s%s", row->file.truncated ? " (truncated)" : "", row->file.deleted ? " (deleted)" : "");
	if (row->note)
		fprintf(page->out, " (%s)", row->note);
	fputc('\n', page->out);
}

static void put_table(struct page *page, struct rows *rows)
{
	size_t count = rows->count, i;
	int widths[CELL_COUNT];

	if (!count)
		return;
	qsort(rows->rows, rows->count, sizeof(*rows->rows), compare_rows);
	measure(widths, rows, count);
	text_paint(page, "2");
	put_row(page, widths, cell_names);
	fputs("path", page->out);
	text_paint(page, "0");
	fputc('\n', page->out);
	for (i = 0; i < count; i++)
		put_file(page, widths, &rows->rows[i]);
	if (count == rows->all)
		return;
	text_indent(page);
	fprintf(page->out, "  ... and %" PRIu64 " more (--all)\n", rows->all - count);
}

static void put_sums(struct page *page, const struct rows *rows)
{
	char size[SIZE_TEXT];

	text_indent(page);
	fprintf(page->out, "  %" PRIu64 " file%s: %s (%" PRIu64 " B) read in %" PRIu64 " call%s", rows->all,
		rows->all == 1 ? "" : "s", text_size(size, rows->read_bytes), rows->read_bytes, rows->reads,
		rows->reads == 1 ? "" : "s");
	if (rows->mapped_files)
		fprintf(page->out, ", %s of %" PRIu64 " mapped", text_size(size, rows->mapped_bytes),
			rows->mapped_files);
	if (rows->writes)
		fprintf(page->out, ", %s written", text_size(size, rows->write_bytes));
	fputc('\n', page->out);
}

enum counted { LISTS, REFUSALS, LOOKS };

static uint64_t times_of(enum counted counted, uint64_t lists, uint64_t failed, uint64_t stats)
{
	return counted == LISTS ? lists : counted == REFUSALS ? failed : stats;
}

/* One line, or with --all one line each. */
static void put_summary(struct page *page, const struct rows *rows, const char *what, enum counted counted)
{
	bool all = page->report->options.all;
	uint64_t times = times_of(counted, rows->lists, rows->failed, rows->stats);
	size_t i;

	if (!rows->all)
		return;
	text_indent(page);
	fprintf(page->out, "  %" PRIu64 " %s, %" PRIu64 " time%s:", rows->all, what, times, times == 1 ? "" : "s");
	for (i = 0; i < rows->count; i++) {
		const struct row *row = &rows->rows[i];

		if (all) {
			fputc('\n', page->out);
			text_indent(page);
			fprintf(page->out, "  %8" PRIu64 " ", times_of(counted, row->file.lists, row->file.failed, row->file.stats));
		}
		fprintf(page->out, "%s%s", !all && i ? ", " : " ", row->path);
		if (row->note)
			fprintf(page->out, " (%s)", row->note);
	}
	if (rows->count < rows->all)
		fprintf(page->out, " ... and %" PRIu64 " more (--all)", rows->all - rows->count);
	fputc('\n', page->out);
}

int text_files(struct page *page, int64_t process)
{
	const struct report_options *options = &page->report->options;
	struct files files = {.page = page,
		.files = {.keep = options->all ? 0 : options->top, .sorted = true},
		.directories = {.keep = options->all ? 0 : SHORT_LIST},
		.refused = {.keep = options->all ? 0 : SHORT_LIST},
		.looked = {.keep = options->all ? 0 : SHORT_LIST}};
	int err = report_counts(page->report, process, collect_file, &files);

	if (!err)
		err = name_rows(page, &files.files);
	if (!err)
		err = name_rows(page, &files.directories);
	if (!err)
		err = name_rows(page, &files.refused);
	if (!err)
		err = name_rows(page, &files.looked);
	if (!err) {
		if (files.files.all)
			put_sums(page, &files.files);
		put_table(page, &files.files);
		put_summary(page, &files.directories, "directories opened, listed", LISTS);
		put_summary(page, &files.refused, "paths refused", REFUSALS);
		put_summary(page, &files.looked, "paths looked at only", LOOKS);
	}
	free_rows(&files.files);
	free_rows(&files.directories);
	free_rows(&files.refused);
	free_rows(&files.looked);
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
		fputs(flow->proxied ? ", through a proxy)" : ")", page->out);
	} else if (flow->remote.bytes && flow->family.len >= 4 && !memcmp(flow->family.bytes, "inet", 4)) {
		fputs(" (no name seen)", page->out);
	}
	if (flow->place.country[0])
		fprintf(page->out, " %s", flow->place.country);
	if (flow->place.asn)
		fprintf(page->out, " AS%u", flow->place.asn);
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
