/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report_text.h"
#include "exposure_report.h"
#include "case/case.h"
#include "line.h"
#include "terminal.h"

#define INDENT_MAX 12
#define REASONS_MAX 5
#define COMMAND_SHOWN 16 /* arguments on the first screen */

void text_paint(struct page *page, const char *code)
{
	if (page->report->options.color)
		fprintf(page->out, "\033[%sm", code);
}

char *text_copy_plain(struct text text)
{
	size_t size;
	char *copy;

	if (!text.bytes)
		return NULL;
	size = text_plain(NULL, 0, text.bytes, text.len) + 1;
	copy = malloc(size);
	if (copy)
		text_plain(copy, size, text.bytes, text.len);
	return copy;
}

void text_put(struct page *page, struct text text, const char *unknown)
{
	char *plain = text_copy_plain(text);

	fputs(plain ? plain : unknown, page->out);
	free(plain);
}

static void put_bold(struct page *page, const char *text)
{
	text_paint(page, "1");
	fputs(text, page->out);
	text_paint(page, "0");
}

void text_heading(struct page *page, const char *heading)
{
	fputc('\n', page->out);
	put_bold(page, heading);
	fputc('\n', page->out);
	page->nothing = false;
}

const char *text_exact(const struct report_session *session)
{
	return session->unverified ? "by its own counts nothing was lost" : "nothing was lost: the numbers are exact";
}

void text_nothing(struct page *page, const char *heading, const char *words)
{
	if (!page->nothing)
		fputc('\n', page->out);
	put_bold(page, heading);
	fprintf(page->out, ": %s\n", words);
	page->nothing = true;
}

void text_indent(struct page *page)
{
	fprintf(page->out, "%*s", 2 * (page->depth < INDENT_MAX ? page->depth : INDENT_MAX), "");
}

const char *text_size(char out[SIZE_TEXT], uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = bytes;
	size_t unit = 0;

	for (; value >= 1023.95 && unit < 6; unit++)
		value /= 1024;
	if (unit)
		snprintf(out, SIZE_TEXT, "%.1f %s", value, units[unit]);
	else
		snprintf(out, SIZE_TEXT, "%" PRIu64 " B", bytes);
	return out;
}

static bool parse_time(struct text text, int64_t *ret_ns)
{
	struct tm tm = {0};
	int nanoseconds;

	if (!text.bytes || sscanf(text.bytes, "%4d-%2d-%2dT%2d:%2d:%2d.%9dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
				   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &nanoseconds) != 7)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ret_ns = timegm(&tm) * 1000000000ll + nanoseconds;
	return true;
}

static void put_duration(struct page *page, struct text from, struct text to)
{
	int64_t start, end, seconds;

	if (!parse_time(from, &start) || !parse_time(to, &end) || end < start)
		return;
	seconds = (end - start) / 1000000000;
	if (seconds >= 3600)
		fprintf(page->out, ", %" PRId64 " h %" PRId64 " min", seconds / 3600, seconds / 60 % 60);
	else if (seconds >= 60)
		fprintf(page->out, ", %" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
	else
		fprintf(page->out, ", %.3f s", (end - start) / 1e9);
}

static void put_lost(struct page *page, const char *what, int64_t count)
{
	if (count > 0)
		fprintf(page->out, "%s%" PRId64 " %s", page->reasons++ ? "; " : " ", count, what);
}

static int put_reason(void *context, const struct report_gap *gap)
{
	struct page *page = context;

	if (page->reasons++ >= REASONS_MAX)
		return 0;
	fputs(page->reasons > 1 ? "; " : " ", page->out);
	text_put(page, gap->what, "something is missing");
	if (gap->count > 0)
		fprintf(page->out, " (%" PRId64 ")", gap->count);
	if (gap->from.bytes)
		fprintf(page->out, ", from %.19sZ", gap->from.bytes);
	if (gap->to.bytes)
		fprintf(page->out, " to %.19sZ", gap->to.bytes);
	return 0;
}

static bool text_is(struct text text, const char *value)
{
	return text.bytes && text.len == strlen(value) && !memcmp(text.bytes, value, text.len);
}

/* Before all else: only --force gets here. */
static void put_unverified(struct page *page, const struct report_session *session)
{
	if (!session->unverified)
		return;
	text_paint(page, "1;31");
	fputs("UNVERIFIED: ", page->out);
	text_put(page, session->verified_what, "");
	text_paint(page, "0");
	fputc('\n', page->out);
}

/* First of all, before any number. */
static int put_warning(struct page *page, const struct report_session *session)
{
	int err;

	if (session->exact)
		return 0;
	text_paint(page, "1;31");
	fputs("NOT EXACT: every number below is a lower bound.", page->out);
	put_lost(page, "records lost", session->lost_records);
	put_lost(page, "counts lost to a full map", session->lost_map_full);
	put_lost(page, "program runs missed", session->lost_missed_runs);
	err = report_gaps(page->report, put_reason, page);
	if (page->reasons > REASONS_MAX)
		fprintf(page->out, "; and %u more", page->reasons - REASONS_MAX);
	text_paint(page, "0");
	fputc('\n', page->out);
	return err;
}

/* A JSON list, item by item. */
static void put_items(struct page *page, struct text list, const char *separator)
{
	char *copy = list.bytes ? strndup(list.bytes, list.len) : NULL, *at = copy;
	struct text item;
	bool more = false;

	while (at && line_list_next(&at, &item.bytes, &item.len)) {
		if (more)
			fputs(separator, page->out);
		text_put(page, item, "");
		more = true;
	}
	free(copy);
}

/* Arguments with anything in them that could be taken for the space between two are quoted. */
static void put_arguments(struct page *page, struct text list, size_t most)
{
	char *copy = list.bytes ? strndup(list.bytes, list.len) : NULL, *at = copy;
	struct text item;
	size_t count = 0;
	bool quote;

	while (at && line_list_next(&at, &item.bytes, &item.len)) {
		if (count++ == most) {
			fputs(" ...", page->out);
			break;
		}
		quote = !item.len || memchr(item.bytes, ' ', item.len) || memchr(item.bytes, '\'', item.len);
		fputs(quote ? " '" : " ", page->out);
		text_put(page, item, "");
		if (quote)
			fputc('\'', page->out);
	}
	free(copy);
}

static void put_title(struct page *page, const struct report_session *session)
{
	text_paint(page, "1");
	text_put(page, session->host, "(host not known)");
	text_paint(page, "0");
	if (session->kernel.bytes) {
		fputs(", kernel ", page->out);
		text_put(page, session->kernel, "");
	}
	if (session->started.bytes)
		fprintf(page->out, ", %.10s %.8s UTC", session->started.bytes, session->started.bytes + 11);
	put_duration(page, session->started, session->ended);
	fputs("\nflagged: ", page->out);
	put_items(page, session->flags, ", ");
	if (session->command.bytes) {
		fputc(':', page->out);
		put_arguments(page, session->command, COMMAND_SHOWN);
	}
	fputs("\nhooks: ", page->out);
	text_put(page, session->hooks, "not known");
	if (session->exact)
		fprintf(page->out, "; %s", text_exact(session));
	fputs(text_is(session->verified, "verified") ? "\nverified: " : "\nnot verified: ", page->out);
	text_put(page, session->verified_what, "not known");
	if (session->examiner.bytes) {
		fputs("\nexaminer: ", page->out);
		text_put(page, session->examiner, "");
	}
	if (session->case_number.bytes) {
		fputs("\ncase: ", page->out);
		text_put(page, session->case_number, "");
	}
	fputc('\n', page->out);
}

static void put_unseen(struct page *page, const struct report_session *session)
{
	if (!session->unseen.bytes || session->unseen.len <= 2)
		return;
	fputs("\nNot seen by this session:\n  - ", page->out);
	put_items(page, session->unseen, "\n  - ");
	fputc('\n', page->out);
}

static int put_image(void *context, const struct report_image *image)
{
	struct page *page = context;

	text_indent(page);
	fprintf(page->out, "  was    %.15s ", image->time.bytes ? image->time.bytes + 11 : "");
	text_put(page, image->executable, "(program not known)");
	put_arguments(page, image->args, SIZE_MAX);
	fputc('\n', page->out);
	return 0;
}

static void put_end(struct page *page, const struct report_process *process)
{
	const char *name = process->exit_signal > 0 ? sigabbrev_np(process->exit_signal) : NULL;

	if (process->exit_signal > 0)
		fprintf(page->out, "  killed by signal %" PRId64 "%s%s", process->exit_signal, name ? " SIG" : "",
			name ? name : "");
	else if (process->exit_code >= 0)
		fprintf(page->out, "  exit %" PRId64, process->exit_code);
	else if (!process->ended.bytes)
		fputs("  end not seen", page->out);
}

static void put_process_head(struct page *page, const struct report_process *process)
{
	text_indent(page);
	text_paint(page, "1;36");
	text_put(page, process->comm, "?");
	fprintf(page->out, "[%" PRId64 "]", process->pid);
	text_paint(page, "0");
	fputs("  ", page->out);
	text_put(page, process->image.executable, "(program not known)");
	if (process->uid >= 0)
		fprintf(page->out, "  uid %" PRId64, process->uid);
	put_end(page, process);
	if (process->flagged_by.bytes) {
		fputs("  flagged by ", page->out);
		text_put(page, process->flagged_by, "");
	}
	fputc('\n', page->out);
	if (!process->image.args.bytes)
		return;
	text_indent(page);
	fputs("  argv  ", page->out);
	put_arguments(page, process->image.args, SIZE_MAX);
	fputs(process->image.args_truncated ? " ...\n" : "\n", page->out);
}

static int put_process(void *context, const struct report_process *process, size_t depth)
{
	struct page *page = context;
	bool wanted = true;
	int err = report_wants(page->report, process->id, &wanted);

	if (err || !wanted)
		return err;
	page->depth = depth;
	fputc('\n', page->out);
	put_process_head(page, process);
	if (process->images > 1)
		err = report_images(page->report, process->id, put_image, page);
	if (!err)
		err = text_files(page, process->id);
	if (page->report->options.class)
		return err;
	if (!err)
		err = text_flows(page, process->id);
	return err ? err : text_actions(page, process->id);
}

int report_text(struct report *report, FILE *out)
{
	struct exposures exposures;
	struct page page = {.report = report, .out = out, .exposures = &exposures};
	struct report_session session;
	int err = report_session(report, &session);

	if (!err)
		put_unverified(&page, &session);
	if (!err)
		err = put_warning(&page, &session);
	if (err)
		return err;
	err = exposures_gather(report, &exposures);
	if (err)
		return err;
	put_title(&page, &session);
	err = text_top(&page, &session);
	if (!err)
		err = report_tree(report, put_process, &page);
	if (!err && !report->options.class)
		text_exposure_end(&page, &exposures);
	exposures_done(&exposures);
	if (!err)
		put_unseen(&page, &session);
	return err;
}
