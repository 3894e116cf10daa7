/* SPDX-License-Identifier: BSD-2-Clause */
#include "top.h"

#include <string.h>

#include "catalog/catalog.h"
#include "catalog/class.h"

#define KEY(key) key, sizeof(key) - 1

void top_init(struct top *top)
{
	memset(top, 0, sizeof(*top));
	for (; top->class_count < TOP_CLASSES && class_name(top->class_count); top->class_count++)
		top->classes[top->class_count].name = class_name(top->class_count);
}

static const struct line_field *find_text(struct line *line, const char *key, size_t len)
{
	const struct line_field *field = line_find(line, key, len);

	return field && field->type == LINE_TEXT ? field : NULL;
}

static uint64_t find_count(struct line *line, const char *key, size_t len)
{
	const struct line_field *field = line_find(line, key, len);

	return field && field->type == LINE_NUMBER ? field->number : 0;
}

/* Whole or cut at a character, and harmless. */
static void copy_plain(char *out, size_t size, const struct line_field *field)
{
	size_t len, from = 0;

	*out = '\0';
	if (!field)
		return;
	len = field->len;
	/* The end of a long path tells more than its beginning; each byte may become eight. */
	if (text_plain(NULL, 0, field->text, len) >= size) {
		from = len > size / 8 ? len - size / 8 : 0;
		while (from < len && (field->text[from] & 0xc0) == 0x80)
			from++;
	}
	if (from && size > 8) {
		memcpy(out, "…", sizeof("…") - 1);
		text_plain(out + 3, size - 3, field->text + from, len - from);
	} else {
		text_plain(out, size, field->text, len);
	}
}

static bool is(const struct line_field *field, const char *text)
{
	return field && field->len == strlen(text) && !memcmp(field->text, text, field->len);
}

static struct top_process *find_process(struct top *top, struct line *line)
{
	const struct line_field *entity = find_text(line, KEY("process.entity_id"));
	struct top_process *process;
	size_t i;

	if (!entity || entity->len >= sizeof(process->entity))
		return NULL;
	for (i = top->process_count; i-- > 0;)
		if (is(entity, top->processes[i].entity))
			return &top->processes[i];
	if (top->process_count == TOP_PROCESSES) {
		/* The place of one that has ended; its numbers stay in those of the classes and places. */
		for (i = 0; i < TOP_PROCESSES && !top->processes[i].ended; i++)
			;
		top->beyond++;
		if (i == TOP_PROCESSES)
			return NULL;
	} else {
		i = top->process_count++;
	}
	process = &top->processes[i];
	memset(process, 0, sizeof(*process));
	memcpy(process->entity, entity->text, entity->len);
	process->pid = find_count(line, KEY("process.pid"));
	copy_plain(process->comm, sizeof(process->comm), find_text(line, KEY("process.name")));
	return process;
}

static void take_access(struct top *top, struct line *line, struct top_process *process, bool open)
{
	const struct line_field *path = find_text(line, KEY("file.path"));
	const struct line_field *view = find_text(line, KEY("quis.file.view"));
	const char *class = path ? class_of_seen(path->text, path->len, view ? view->text : NULL, view ? view->len : 0) : "other";
	uint64_t bytes = find_count(line, KEY("quis.read_bytes"));
	char plain[TOP_NAME];
	size_t i;

	if (process) {
		struct top_sums *sums = open ? &process->open : &process->closed;

		sums->read += bytes;
		sums->written += find_count(line, KEY("quis.write_bytes"));
		sums->accesses++;
		copy_plain(process->file, sizeof(process->file), path);
	}
	for (i = 0; i < top->class_count && strcmp(top->classes[i].name, class); i++)
		;
	if (i < top->class_count) {
		*(open ? &top->classes[i].open : &top->classes[i].closed) += bytes;
		*(open ? &top->classes[i].open_accesses : &top->classes[i].accesses) += 1;
	}
	copy_plain(plain, sizeof(plain), path);
	if (!open && path && !class_ordinary(class))
		snprintf(top->latest[top->latest_count++ % TOP_LATEST], sizeof(top->latest[0]), "%-14s %s", class, plain);
}

static void take_flow(struct top *top, struct line *line, struct top_process *process, bool open)
{
	const struct line_field *remote = find_text(line, KEY("quis.flow.remote")), *family = find_text(line, KEY("quis.flow.family"));
	uint64_t sent = find_count(line, KEY("quis.flow.sent_bytes"));
	char plain[sizeof(top->places[0].remote)];
	size_t i;

	if (process && !is(family, "unix")) {
		struct top_sums *sums = open ? &process->open : &process->closed;

		sums->sent += sent;
		sums->received += find_count(line, KEY("quis.flow.received_bytes"));
	}
	if (!remote || (!is(family, "inet") && !is(family, "inet6")))
		return;
	copy_plain(plain, sizeof(plain), remote);
	for (i = 0; i < top->place_count && strcmp(top->places[i].remote, plain); i++)
		;
	if (i == TOP_PLACES)
		return;
	if (i == top->place_count)
		memcpy(top->places[top->place_count++].remote, plain, sizeof(plain));
	*(open ? &top->places[i].open : &top->places[i].closed) += sent;
}

static void take_start(struct top *top, struct line *line, struct top_process *process)
{
	const struct line_field *executable = find_text(line, KEY("process.executable"));
	struct catalog catalog;
	size_t i;

	if (process && find_text(line, KEY("process.name")))
		copy_plain(process->comm, sizeof(process->comm), find_text(line, KEY("process.name")));
	if (!executable || *top->product || catalog_load(&catalog))
		return;
	for (i = 0; i < catalog.count; i++)
		if (!catalog.products[i].ordinary && catalog_owns_program(&catalog.products[i], executable->text))
			snprintf(top->product, sizeof(top->product), "%s", catalog.products[i].name);
	catalog_done(&catalog);
}

static void take_capture(struct top *top, struct line *line)
{
	copy_plain(top->host, sizeof(top->host), find_text(line, KEY("host.name")));
	copy_plain(top->hooks, sizeof(top->hooks), find_text(line, KEY("quis.hooks")));
}

void top_take(struct top *top, struct line *line, const char *text, size_t len, bool open)
{
	const struct line_field *kind, *time;
	struct top_process *process;

	if (len >= FACT_LINE_MAX || line_parse(line, text, len) || !(kind = find_text(line, KEY("quis.fact")))) {
		top->bad += !open;
		return;
	}
	top->facts += !open;
	time = find_text(line, KEY("@timestamp"));
	copy_plain(top->last_time, sizeof(top->last_time), time);
	if (!*top->first_time)
		memcpy(top->first_time, top->last_time, sizeof(top->first_time));
	process = find_process(top, line);
	if (is(kind, "file-access"))
		take_access(top, line, process, open);
	else if (is(kind, "flow"))
		take_flow(top, line, process, open);
	else if (is(kind, "process-start"))
		take_start(top, line, process);
	else if (is(kind, "process-end") && process)
		process->ended = true;
	else if (is(kind, "gap"))
		top->gaps++;
	else if (is(kind, "stats"))
		top->lost = find_count(line, KEY("quis.lost.records")) + find_count(line, KEY("quis.lost.map_full")) +
			    find_count(line, KEY("quis.lost.missed_runs"));
	else if (is(kind, "capture-start"))
		take_capture(top, line);
	else if (is(kind, "capture-end"))
		copy_plain(top->ended, sizeof(top->ended), find_text(line, KEY("quis.end.reason")));
}

void top_open_begin(struct top *top)
{
	size_t i;

	for (i = 0; i < top->process_count; i++)
		memset(&top->processes[i].open, 0, sizeof(top->processes[i].open));
	for (i = 0; i < top->place_count; i++)
		top->places[i].open = 0;
	for (i = 0; i < top->class_count; i++)
		top->classes[i].open = top->classes[i].open_accesses = 0;
}

void top_step(struct top *top, double seconds)
{
	size_t i;

	top->seconds = seconds;
	top->facts_before = top->facts;
	for (i = 0; i < top->process_count; i++) {
		struct top_process *process = &top->processes[i];

		process->before = (struct top_sums){.read = process->closed.read + process->open.read,
			.sent = process->closed.sent + process->open.sent};
	}
	for (i = 0; i < top->place_count; i++)
		top->places[i].before = top->places[i].closed + top->places[i].open;
	for (i = 0; i < top->class_count; i++)
		top->classes[i].before = top->classes[i].closed + top->classes[i].open;
}
