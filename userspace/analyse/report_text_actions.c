/* SPDX-License-Identifier: BSD-2-Clause */
/* Actions in the text report: like ones on one line, with how often, when, and on what. */
#include "report_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EXAMPLES 3
#define GROUPS_MAX 512 /* kinds and refusals; what comes beyond is counted in the last */

struct group {
	char *kind, *error;
	uint64_t count;
	char first[16], last[16]; /* time of day */
	char *examples[EXAMPLES];
	size_t example_count, places; /* places: different ones in a row */
};

struct actions {
	struct page *page;
	struct group groups[GROUPS_MAX];
	size_t count;
};

/* An action that the sensor merged has its count in its detail, which is JSON of its own making. */
static uint64_t times_of(const struct report_action *action)
{
	const char *count = action->detail.bytes ? strstr(action->detail.bytes, "\"count\":") : NULL;
	uint64_t times = count ? strtoull(count + 8, NULL, 10) : 1;

	return times ? times : 1;
}

/* Where, whereto and how, made harmless. */
static char *describe(struct page *page, const struct report_action *action)
{
	struct page line = *page;
	char *text = NULL;
	size_t size;

	line.out = open_memstream(&text, &size);
	if (!line.out)
		return NULL;
	text_put(&line, action->path, "");
	if (action->to.bytes) {
		fputs(" -> ", line.out);
		text_put(&line, action->to, "");
	}
	if (action->detail.bytes) {
		fputs(action->path.bytes ? " " : "", line.out);
		text_put(&line, action->detail, "");
	}
	fclose(line.out);
	return text;
}

static void put_line(struct page *page, const struct report_action *action)
{
	char *what = describe(page, action);

	text_indent(page);
	fprintf(page->out, "  did %.15s ", action->time.bytes ? action->time.bytes + 11 : "");
	text_put(page, action->kind, "?");
	fprintf(page->out, " %s", what ? what : "");
	if (action->error.bytes) {
		fputs(" refused: ", page->out);
		text_put(page, action->error, "");
	}
	fputc('\n', page->out);
	free(what);
}

static bool same(const char *known, struct text text)
{
	return known ? text.bytes && strlen(known) == text.len && !memcmp(known, text.bytes, text.len) : !text.bytes;
}

static struct group *find_group(struct actions *actions, const struct report_action *action)
{
	struct group *group;
	size_t i;

	for (i = 0; i < actions->count; i++)
		if (same(actions->groups[i].kind, action->kind) && same(actions->groups[i].error, action->error))
			return &actions->groups[i];
	if (actions->count == GROUPS_MAX)
		return &actions->groups[GROUPS_MAX - 1];
	group = &actions->groups[actions->count++];
	group->kind = action->kind.bytes ? strndup(action->kind.bytes, action->kind.len) : NULL;
	group->error = action->error.bytes ? strndup(action->error.bytes, action->error.len) : NULL;
	return group;
}

static int take_action(void *context, const struct report_action *action)
{
	struct actions *actions = context;
	struct group *group;
	char *what;

	if (actions->page->report->options.all) {
		put_line(actions->page, action);
		return 0;
	}
	group = find_group(actions, action);
	group->count += times_of(action);
	if (action->time.bytes) {
		snprintf(group->last, sizeof(group->last), "%.15s", action->time.bytes + 11);
		if (!*group->first)
			memcpy(group->first, group->last, sizeof(group->first));
	}
	what = describe(actions->page, action);
	if (!what)
		return -ENOMEM;
	if (group->example_count < EXAMPLES && *what && (!group->example_count || strcmp(group->examples[group->example_count - 1], what)))
		group->examples[group->example_count++] = what;
	else
		free(what);
	group->places++;
	return 0;
}

static void put_group(struct page *page, const struct group *group)
{
	size_t i;

	text_indent(page);
	fprintf(page->out, "  did %s ", group->first);
	text_put(page, (struct text){group->kind, group->kind ? strlen(group->kind) : 0}, "?");
	if (group->count > 1) {
		fprintf(page->out, " %" PRIu64 " times", group->count);
		if (strcmp(group->first, group->last))
			fprintf(page->out, " until %s", group->last);
		fputc(':', page->out);
	}
	for (i = 0; i < group->example_count; i++)
		fprintf(page->out, "%s%s", i ? ", " : " ", group->examples[i]);
	if (group->places > group->example_count && group->example_count)
		fputs(" ... (--all)", page->out);
	if (group->error) {
		fputs(" refused: ", page->out);
		text_put(page, (struct text){group->error, strlen(group->error)}, "");
	}
	fputc('\n', page->out);
}

int text_actions(struct page *page, int64_t process)
{
	struct actions *actions = calloc(1, sizeof(*actions));
	size_t i, k;
	int err;

	if (!actions)
		return -ENOMEM;
	actions->page = page;
	err = report_actions(page->report, process, take_action, actions);
	for (i = 0; i < actions->count; i++) {
		struct group *group = &actions->groups[i];

		if (!err)
			put_group(page, group);
		free(group->kind);
		free(group->error);
		for (k = 0; k < group->example_count; k++)
			free(group->examples[k]);
	}
	free(actions);
	return err;
}
