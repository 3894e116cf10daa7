/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of all processes: the first rows as a table, all of them as data for the page's own program. */
#include "html.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "index.h"
#include "intern.h"
#include "report_text.h"
#include "times.h"

#define STATIC_ROWS 200

enum { ROW_PROCESS, ROW_CLASS, ROW_PATH, ROW_READ, ROW_READS, ROW_OPENS, ROW_MAPPED, ROW_WRITTEN, ROW_HOW, ROW_NOTES, ROW_FIRST, ROW_FAILED };
enum { NOTE_DELETED = 1, NOTE_TRUNCATED = 2, NOTE_DIRECTORY = 4 };

/* What tells most comes first: by class, then by what was read. */
static const char rows_sql[] =
	"SELECT * FROM (SELECT t.process, f.class, f.path, t.read_bytes AS bytes, t.reads, t.opens, t.mapped_bytes, t.write_bytes, t.how,"
	" coalesce(f.deleted, 0) | coalesce(f.truncated, 0) * 2 | (f.type IS 'dir') * 4, t.first, t.failed"
	" FROM total AS t JOIN file AS f ON f.id = t.file WHERE NOT " LOOKED_AT
	" UNION ALL SELECT process, path_class(path), path, 0, 0, 0, 0, 0, NULL, 0, min(first), capped_sum(failed)"
	" FROM access WHERE file IS NULL AND failed GROUP BY process, path, errno)"
	" WHERE (?1 = 0 OR process IN (SELECT id FROM process WHERE pid = ?1)) AND (?2 IS NULL OR class = ?2)"
	" ORDER BY class_rank(class), bytes DESC, path";

struct process {
	int64_t id;
	char *name;
};

struct files {
	struct html *html;
	struct process *processes;
	size_t process_count, process_size;
	struct intern directories;
	FILE *rows, *paths;
	uint64_t count;
	int64_t start_ms;
};

static void class_rank(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *class = (const char *)sqlite3_value_text(values[0]), *name;
	int rank;

	(void)count;
	for (rank = 0; (name = class_name(rank)) && class && strcmp(name, class); rank++)
		;
	sqlite3_result_int(context, rank + (class && class_ordinary(class) ? 1000 : 0));
}

static size_t class_index(const char *class)
{
	const char *name;
	size_t i, other = 0;

	for (i = 0; (name = class_name(i)); i++) {
		if (class && !strcmp(name, class))
			return i;
		if (!strcmp(name, "other"))
			other = i;
	}
	return other;
}

static int add_process(void *context, const struct report_process *process)
{
	struct files *files = context;
	char *comm = text_copy_plain(process->comm), name[128];

	if (files->process_count == files->process_size) {
		size_t size = files->process_size ? 2 * files->process_size : 64;
		struct process *grown = realloc(files->processes, size * sizeof(*grown));

		if (!grown) {
			free(comm);
			return -ENOMEM;
		}
		files->processes = grown;
		files->process_size = size;
	}
	snprintf(name, sizeof(name), "%.100s[%" PRId64 "]", comm ? comm : "?", process->pid);
	free(comm);
	files->processes[files->process_count] = (struct process){process->id, strdup(name)};
	return files->processes[files->process_count++].name ? 0 : -ENOMEM;
}

/* Processes come by their ids. */
static size_t process_index(const struct files *files, int64_t id)
{
	size_t low = 0, high = files->process_count;

	while (low + 1 < high) {
		size_t middle = (low + high) / 2;

		if (files->processes[middle].id <= id)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static unsigned how_bits(const char *lists)
{
	unsigned bits = 0, i;

	for (i = 0; lists && i < HOW_COUNT; i++)
		if (strstr(lists, report_how_names[i]))
			bits |= 1u << i;
	return bits;
}

static void put_how(FILE *out, unsigned bits)
{
	unsigned i, more = 0;

	for (i = 0; i < HOW_COUNT; i++)
		if (bits & 1u << i)
			fprintf(out, "%s%s", more++ ? ", " : "", report_how_names[i]);
}

static struct text column_text(sqlite3_stmt *row, int column)
{
	struct text text = {.bytes = (const char *)sqlite3_column_text(row, column)};

	text.len = sqlite3_column_bytes(row, column);
	return text;
}

static void put_size(FILE *out, sqlite3_stmt *row, int column, const char *label)
{
	fprintf(out, "<td class=\"n\" data-label=\"%s\">", label);
	if (sqlite3_column_int64(row, column))
		html_size(out, sqlite3_column_int64(row, column));
	fputs("</td>", out);
}

static void put_row(struct files *files, sqlite3_stmt *row)
{
	int notes = sqlite3_column_int(row, ROW_NOTES);
	uint64_t failed = sqlite3_column_int64(row, ROW_FAILED);
	struct text first = column_text(row, ROW_FIRST);
	FILE *out = files->html->out;

	fputs("<tr><td class=\"path\">", out);
	html_text(out, column_text(row, ROW_PATH), "(name not known)");
	fprintf(out, "%s%s%s</td><td>", notes & NOTE_DELETED ? " (deleted)" : "", notes & NOTE_TRUNCATED ? " (truncated)" : "",
		notes & NOTE_DIRECTORY ? " (directory)" : "");
	html_text(out, column_text(row, ROW_CLASS), "other");
	fputs("</td><td>", out);
	html_string(out, files->processes[process_index(files, sqlite3_column_int64(row, ROW_PROCESS))].name);
	fputs("</td><td class=\"n\" data-label=\"read\">", out);
	if (failed)
		fprintf(out, "refused %" PRIu64 " time%s", failed, failed == 1 ? "" : "s");
	else if (!sqlite3_column_int64(row, ROW_READ) && sqlite3_column_int64(row, ROW_MAPPED))
		fputs("mapped", out);
	else
		html_size(out, sqlite3_column_int64(row, ROW_READ));
	fprintf(out,
		"</td><td class=\"n\" data-label=\"reads\">%lld</td><td class=\"n\" data-label=\"opens\">%lld</td>",
		sqlite3_column_int64(row, ROW_READS), sqlite3_column_int64(row, ROW_OPENS));
	put_size(out, row, ROW_MAPPED, "mapped");
	put_size(out, row, ROW_WRITTEN, "written");
	fputs("<td>", out);
	put_how(out, how_bits((const char *)sqlite3_column_text(row, ROW_HOW)));
	fprintf(out, "</td><td class=\"n\">%.12s</td></tr>\n", first.len > 23 ? first.bytes + 11 : "");
}

/* The directory once for all that lie in it: most of a path is that. */
static int put_data(struct files *files, sqlite3_stmt *row)
{
	struct text path = column_text(row, ROW_PATH), name = path;
	const char *slash = path.bytes ? memrchr(path.bytes, '/', path.len) : NULL, *first = (const char *)sqlite3_column_text(row, ROW_FIRST);
	uint32_t id, *note;
	int known;

	if (!path.bytes)
		name = (struct text){"(name not known)", 16};
	else if (slash)
		name = (struct text){slash + 1, path.bytes + path.len - slash - 1};
	path.len = slash ? slash + 1 - path.bytes : 0;
	known = intern_add(&files->directories, path.bytes ? path.bytes : "", path.len, &id, &note);
	if (known < 0)
		return known;
	if (known) {
		fputs(id > 1 ? ",\n" : "", files->paths);
		html_json(files->paths, path);
	}
	fprintf(files->rows, "%s[%zu,%zu,%u,", files->count ? ",\n" : "", process_index(files, sqlite3_column_int64(row, ROW_PROCESS)),
		class_index((const char *)sqlite3_column_text(row, ROW_CLASS)), id - 1);
	html_json(files->rows, name);
	fprintf(files->rows, ",%lld,%lld,%lld,%lld,%lld,%u,%d,", sqlite3_column_int64(row, ROW_READ), sqlite3_column_int64(row, ROW_READS),
		sqlite3_column_int64(row, ROW_OPENS), sqlite3_column_int64(row, ROW_MAPPED), sqlite3_column_int64(row, ROW_WRITTEN),
		how_bits((const char *)sqlite3_column_text(row, ROW_HOW)), sqlite3_column_int(row, ROW_NOTES));
	if (first)
		fprintf(files->rows, "%" PRId64, time_ns(first) / 1000000 - files->start_ms);
	else
		fputs("null", files->rows);
	fprintf(files->rows, ",%lld]", sqlite3_column_int64(row, ROW_FAILED));
	return 0;
}

static void put_head(FILE *out)
{
	static const struct {
		const char *key, *label;
		bool number;
	} columns[] = {{"path", "Path", false}, {"class", "Class", false}, {"process", "Process", false}, {"read", "Read", true}, {"reads", "Reads", true},
		{"opens", "Opens", true}, {"mapped", "Mapped", true}, {"written", "Written", true}, {NULL, "How", false}, {"first", "First (UTC)", true}};
	size_t i;

	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table of files\"><table "
	      "id=\"file-table\" class=\"fold\">\n"
	      "<caption>Read: the bytes that came back from calls. Mapped: what was mapped into memory, and may have "
	      "been read without a call.</caption>\n<thead><tr>",
		out);
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		fprintf(out, "<th scope=\"col\"%s", columns[i].number ? " class=\"n\"" : "");
		if (columns[i].key)
			fprintf(out, " data-key=\"%s\"", columns[i].key);
		fprintf(out, ">%s</th>", columns[i].label);
	}
	fputs("</tr></thead>\n<tbody id=\"rows\">\n", out);
}

static const char controls[] =
	"<form class=\"filter js\" id=\"filter\" hidden><label>Search paths <input id=\"search\" type=\"search\" autocomplete=\"off\"></label>"
	"<label>Class <select id=\"by-class\"><option value=\"\">all</option></select></label>"
	"<label>Process <select id=\"by-process\"><option value=\"\">all</option></select></label></form>\n"
	"<p class=\"js faint\" id=\"status\" role=\"status\" hidden></p>\n";
static const char pages[] =
	"<div class=\"pages js\" hidden><button type=\"button\" id=\"first\">First</button><button type=\"button\" id=\"back\">Previous</button>"
	"<span id=\"where\"></span><button type=\"button\" id=\"next\">Next</button><button type=\"button\" id=\"last\">Last</button></div>\n";

static void put_names(struct files *files)
{
	FILE *out = files->html->out;
	const char *name;
	size_t i;

	fprintf(out, "{\"start\":%" PRId64 ",\"ways\":[", files->start_ms);
	for (i = 0; i < HOW_COUNT; i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", report_how_names[i]);
	fputs("],\"classes\":[", out);
	for (i = 0; (name = class_name(i)); i++)
		fprintf(out, "%s\"%s\"", i ? "," : "", name);
	fputs("],\"processes\":[", out);
	for (i = 0; i < files->process_count; i++) {
		fputs(i ? ",\n" : "", out);
		html_json(out, (struct text){files->processes[i].name, strlen(files->processes[i].name)});
	}
}

static int walk(struct files *files)
{
	sqlite3 *db = files->html->report->db;
	const struct report_options *options = &files->html->report->options;
	sqlite3_stmt *row;
	int err = 0;

	if (sqlite3_create_function(db, "class_rank", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, class_rank, NULL, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(db, rows_sql, -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(row, 1, options->pid);
	sqlite3_bind_text(row, 2, options->class, -1, SQLITE_STATIC);
	while (!err && files->process_count && sqlite3_step(row) == SQLITE_ROW) {
		if (files->count < STATIC_ROWS)
			put_row(files, row);
		err = put_data(files, row);
		files->count++;
	}
	if (sqlite3_finalize(row) != SQLITE_OK && !err)
		err = -EIO;
	return err;
}

static int put_all(struct files *files, char **rows, char **paths, size_t *rows_size, size_t *paths_size)
{
	FILE *out = files->html->out;
	int err;

	files->rows = open_memstream(rows, rows_size);
	files->paths = open_memstream(paths, paths_size);
	if (!files->rows || !files->paths)
		return -ENOMEM;
	fputs(controls, out);
	fputs(pages, out);
	put_head(out);
	err = walk(files);
	fputs("</tbody></table></div>\n", out);
	if (files->count > STATIC_ROWS)
		fprintf(out,
			"<p id=\"nojs\">The first %d of %" PRIu64 " rows. The others are shown by the program in this page, which needs JavaScript, or by "
			"<code>quis report --all</code>.</p>\n",
			STATIC_ROWS, files->count);
	else
		fputs("<p id=\"nojs\"></p>\n", out);
	if (fclose(files->rows) || fclose(files->paths))
		err = err ? err : -ENOMEM;
	files->rows = files->paths = NULL;
	return err;
}

int html_files(struct html *html)
{
	struct files files = {.html = html, .start_ms = html->start_ns / 1000000};
	char *rows = NULL, *paths = NULL;
	size_t rows_size = 0, paths_size = 0, i;
	int err = intern_init(&files.directories);

	fputs("<section id=\"files\" aria-labelledby=\"files-head\"><h2 id=\"files-head\">Files</h2>\n", html->out);
	if (!err)
		err = report_processes(html->report, add_process, &files);
	if (!err)
		err = put_all(&files, &rows, &paths, &rows_size, &paths_size);
	fputs("</section>\n", html->out);
	if (!err) {
		fputs("<script type=\"application/json\" id=\"data\">", html->out);
		put_names(&files);
		fputs("],\"dirs\":[", html->out);
		fwrite(paths, 1, paths_size, html->out);
		fputs("],\"rows\":[", html->out);
		fwrite(rows, 1, rows_size, html->out);
		fputs("]}</script>\n", html->out);
	}
	if (files.rows)
		fclose(files.rows);
	if (files.paths)
		fclose(files.paths);
	free(rows);
	free(paths);
	for (i = 0; i < files.process_count; i++)
		free(files.processes[i].name);
	free(files.processes);
	intern_done(&files.directories);
	return err;
}
