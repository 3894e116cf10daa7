/* SPDX-License-Identifier: BSD-2-Clause */
#include "top.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "report_text.h"
#include "terminal.h"
#include "times.h"

struct screen {
	FILE *out;
	unsigned width, height, used;
	bool color;
};

static bool full(const struct screen *screen)
{
	return screen->height && screen->used + 1 >= screen->height;
}

/* One line, cut at the width; style is an SGR code. All text in it is harmless already. */
static void put(struct screen *screen, const char *style, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void put(struct screen *screen, const char *style, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	size_t len;

	if (full(screen))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	len = strlen(text);
	if (screen->width && text_columns(text, len) > screen->width)
		len = text_head(text, len, screen->width) - text;
	if (screen->color && *style)
		fprintf(screen->out, "\033[%sm", style);
	fwrite(text, 1, len, screen->out);
	fputs(screen->color && *style ? "\033[0m" : "", screen->out);
	fputs(screen->height ? "\033[K\r\n" : "\n", screen->out);
	screen->used++;
}

static uint64_t grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static const char *rate(char out[SIZE_TEXT + 3], const struct top *top, uint64_t now, uint64_t before)
{
	char size[SIZE_TEXT];

	if (top->seconds <= 0 || !grown(now, before))
		strcpy(out, "-");
	else
		snprintf(out, SIZE_TEXT + 3, "%s/s", text_size(size, grown(now, before) / top->seconds));
	return out;
}

static void put_title(struct screen *screen, const struct top *top)
{
	int64_t seconds = *top->first_time ? (time_ns(top->last_time) - time_ns(top->first_time)) / 1000000000 : 0;

	put(screen, "1", "quis top  %s  %s  %02" PRId64 ":%02" PRId64 ":%02" PRId64 "  hooks %s  %s%s", *top->host ? top->host : "(host not known)",
		top->product, seconds / 3600, seconds / 60 % 60, seconds % 60, *top->hooks ? top->hooks : "not known",
		*top->ended ? "ended: " : "recording", top->ended);
	if (top->lost || top->gaps || top->bad)
		put(screen, "1;31", "NOT EXACT: %" PRIu64 " lost, %" PRIu64 " gaps, %" PRIu64 " lines not readable: every number is a lower bound", top->lost,
			top->gaps, top->bad);
	else
		put(screen, "", "nothing lost so far");
}

static void put_sums(struct screen *screen, const struct top *top)
{
	char read[SIZE_TEXT], written[SIZE_TEXT], sent[SIZE_TEXT], received[SIZE_TEXT];
	struct top_sums sums = {0};
	uint64_t running = 0;
	size_t i;

	for (i = 0; i < top->process_count; i++) {
		const struct top_process *process = &top->processes[i];

		running += !process->ended;
		sums.read += process->closed.read + process->open.read;
		sums.written += process->closed.written + process->open.written;
		sums.sent += process->closed.sent + process->open.sent;
		sums.received += process->closed.received + process->open.received;
	}
	put(screen, "", "read %s  written %s  sent %s  received %s  processes %" PRIu64 " of %zu  facts %" PRIu64 " (%.0f/s)%s", text_size(read, sums.read),
		text_size(written, sums.written), text_size(sent, sums.sent), text_size(received, sums.received), running, top->process_count,
		top->facts, top->seconds > 0 ? grown(top->facts, top->facts_before) / top->seconds : 0,
		top->beyond ? "  (more processes than are shown)" : "");
}

#define ORDER(a, b) (((a) < (b)) - ((a) > (b)))

static uint64_t pace(const struct top_process *process)
{
	return grown(process->closed.read + process->open.read, process->before.read) +
	       grown(process->closed.sent + process->open.sent, process->before.sent);
}

/* Busy now, then not over, then most read. */
static int by_pace(const void *a, const void *b)
{
	const struct top_process *left = *(const struct top_process *const *)a, *right = *(const struct top_process *const *)b;
	int order = ORDER(pace(left), pace(right));

	if (!order)
		order = left->ended - right->ended;
	if (!order)
		order = ORDER(left->closed.read + left->open.read, right->closed.read + right->open.read);
	return order ? order : ORDER(right->pid, left->pid);
}

static void put_processes(struct screen *screen, const struct top *top, size_t most)
{
	const struct top_process *order[TOP_PROCESSES];
	char size[SIZE_TEXT], read_rate[SIZE_TEXT + 3], sent[SIZE_TEXT];
	size_t i;

	for (i = 0; i < top->process_count; i++)
		order[i] = &top->processes[i];
	qsort(order, top->process_count, sizeof(*order), by_pace);
	put(screen, "", "%s", "");
	put(screen, "7", "%8s %-16s %11s %13s %8s %11s  %s", "PID", "PROCESS", "READ", "RATE", "BURSTS", "SENT", "FILE");
	for (i = 0; i < top->process_count && i < most; i++) {
		const struct top_process *process = order[i];

		put(screen, process->ended ? "2" : "", "%8" PRIu64 " %-16s %11s %13s %8" PRIu64 " %11s  %s", process->pid, process->comm,
			text_size(size, process->closed.read + process->open.read),
			rate(read_rate, top, process->closed.read + process->open.read, process->before.read),
			process->closed.accesses + process->open.accesses, text_size(sent, process->closed.sent + process->open.sent), process->file);
	}
}

static void put_classes(struct screen *screen, const struct top *top)
{
	char size[SIZE_TEXT], speed[SIZE_TEXT + 3];
	size_t i;

	put(screen, "", "%s", "");
	put(screen, "7", "%-26s %11s %13s %8s", "CLASS", "READ", "RATE", "BURSTS");
	for (i = 0; i < top->class_count; i++) {
		const struct top_class *class = &top->classes[i];

		if (class->accesses + class->open_accesses)
			put(screen, "", "%-26s %11s %13s %8" PRIu64, class_title(class->name), text_size(size, class->closed + class->open),
				rate(speed, top, class->closed + class->open, class->before), class->accesses + class->open_accesses);
	}
}

static int by_sent(const void *a, const void *b)
{
	const struct top_place *left = *(const struct top_place *const *)a, *right = *(const struct top_place *const *)b;
	int order = ORDER(left->closed + left->open, right->closed + right->open);

	return order ? order : strcmp(left->remote, right->remote);
}

static void put_places(struct screen *screen, const struct top *top, size_t most)
{
	const struct top_place *order[TOP_PLACES];
	char size[SIZE_TEXT], speed[SIZE_TEXT + 3];
	size_t i;

	for (i = 0; i < top->place_count; i++)
		order[i] = &top->places[i];
	qsort(order, top->place_count, sizeof(*order), by_sent);
	put(screen, "", "%s", "");
	put(screen, "7", "%-40s %11s %13s", "DESTINATION", "SENT", "RATE");
	for (i = 0; i < top->place_count && i < most; i++)
		put(screen, "", "%-40s %11s %13s", order[i]->remote, text_size(size, order[i]->closed + order[i]->open),
			rate(speed, top, order[i]->closed + order[i]->open, order[i]->before));
}

/* 0: the last one. */
static const char *latest(const struct top *top, uint64_t i)
{
	return top->latest[(top->latest_count - 1 - i) % TOP_LATEST];
}

/* Each once, where it was last. */
static void put_latest(struct screen *screen, const struct top *top)
{
	uint64_t i, later, most = top->latest_count < TOP_LATEST ? top->latest_count : TOP_LATEST;

	put(screen, "", "%s", "");
	put(screen, "7", "LATEST FILES, but programs and libraries");
	for (i = 0; i < most; i++) {
		for (later = 0; later < i && strcmp(latest(top, later), latest(top, i)); later++)
			;
		if (later == i)
			put(screen, "", "%s", latest(top, i));
	}
}

void top_draw(const struct top *top, FILE *out, unsigned width, unsigned height, bool color)
{
	struct screen screen = {.out = out, .width = width, .height = height, .color = color};

	put_title(&screen, top);
	put_sums(&screen, top);
	put_processes(&screen, top, height ? (height > 20 ? height / 4 : 3) : 20);
	put_classes(&screen, top);
	put_places(&screen, top, 5);
	put_latest(&screen, top);
	if (!height)
		return;
	fputs("\033[J", out);
	/* The last line, wherever the rest ended. */
	fprintf(out, "\033[%u;1H%s%.*s%s\033[K", height, color ? "\033[2m" : "", (int)width, "q quits", color ? "\033[0m" : "");
}
