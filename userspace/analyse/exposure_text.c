/* SPDX-License-Identifier: BSD-2-Clause */
/* Exposure in the text report: a few lines on the first screen, the whole of it behind the processes. */
#include "exposure_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "line.h"
#include "report_text.h"

#define ROUTES_SHOWN 3 /* on the first screen */
#define CLASSES_SHOWN 3
#define DETAILS_SHOWN 24

static void put(struct page *page, const char *text, const char *unknown)
{
	text_put(page, exposed_text(text), unknown);
}

static void put_process(struct page *page, const char *comm, int64_t pid, uint64_t alike)
{
	put(page, comm, "a process");
	if (alike > 1)
		fprintf(page->out, " (%" PRIu64 " processes)", alike);
	else if (pid >= 0)
		fprintf(page->out, "[%" PRId64 "]", pid);
}

static void put_destination(struct page *page, const struct exposed_route *route)
{
	if (route->outside) {
		fputs("a process that was not recorded", page->out);
		if (route->peer_pid > 0)
			fprintf(page->out, " (pid %" PRId64 ")", route->peer_pid);
		fputs(route->remote ? " at " : "", page->out);
		put(page, route->remote, "");
		return;
	}
	put(page, route->remote, "an address that is not known");
	if (!route->remote_name)
		return;
	fputs(" (", page->out);
	put(page, route->remote_name, "");
	fputc(')', page->out);
}

/* What was sent: all of it after a read, or it is not known how much of it. */
static void put_sent(struct page *page, uint64_t sent, uint64_t most)
{
	char size[SIZE_TEXT];

	fprintf(page->out, "%s%s", sent == most ? "" : "at most ", text_size(size, most));
}

static void put_class_counts(struct page *page, const struct exposed_route *route)
{
	size_t i;

	for (i = 0; i < route->class_count && i < CLASSES_SHOWN; i++)
		fprintf(page->out, "%s%" PRIu64 " of %s", i ? ", " : "", route->classes[i].files, class_title(route->classes[i].name));
	if (route->class_count > i)
		fprintf(page->out, ", %zu more classes", route->class_count - i);
}

static void put_order(struct page *page, const struct exposed_class *class)
{
	uint64_t unknown = class->files - class->files_then;

	if (!unknown)
		return;
	if (unknown == class->files)
		fputs("; whether before or after is not known", page->out);
	else
		fprintf(page->out, "; of %" PRIu64 " whether before or after is not known", unknown);
}

/* Much may have been sent after settings were read, and little of it after what the line begins with. */
static void put_first_class(struct page *page, const struct exposed_route *route)
{
	const struct exposed_class *first = route->classes;

	if (!exposed_less(route))
		return;
	fputs(", ", page->out);
	put_sent(page, first->sent, first->sent_most);
	fprintf(page->out, " of it after reading %s", class_title(first->name));
}

/* "1 of credentials and keys, read by scanner[7], who gave to helper[8] (unix socket), who sent 26.6 KiB to
 * 203.0.113.7:443" */
static void put_short(struct page *page, const struct exposed_route *route)
{
	size_t i;

	fputs("  ", page->out);
	put_class_counts(page, route);
	for (i = 0; i < route->step_count; i++) {
		fputs(i ? ", which gave to " : ", read by ", page->out);
		put_process(page, route->steps[i].comm, route->steps[i].pid, route->steps[i].alike);
		if (i)
			fprintf(page->out, " (%s)", route->steps[i - 1].way);
	}
	fputs(route->outside ? ", which handed " : ", which sent ", page->out);
	put_sent(page, route->all.sent, route->all.sent_most);
	fputs(" to ", page->out);
	put_destination(page, route);
	put_first_class(page, route);
	put_order(page, &route->all);
	fputc('\n', page->out);
}

static bool has_class(const struct exposed_route *route, const char *class)
{
	size_t i;

	for (i = 0; class && i < route->class_count; i++)
		if (!strcmp(route->classes[i].name, class))
			return true;
	return !class;
}

static bool any_route(const struct page *page, const struct exposures *exposures)
{
	size_t i;

	for (i = 0; i < exposures->route_count; i++)
		if (has_class(&exposures->routes[i], page->report->options.class))
			return true;
	return exposures->moved_count > 0;
}

void text_exposure_top(struct page *page, const struct exposures *exposures)
{
	size_t shown = 0, more = 0, i;
	char heading[64];

	snprintf(heading, sizeof(heading), "What was read, then sent within %g s", exposures->window_s);
	if (!any_route(page, exposures)) {
		text_nothing(page, heading, "nothing, by it or by whom it handed to");
		return;
	}
	text_heading(page, heading);
	for (i = 0; i < exposures->moved_count && i < ROUTES_SHOWN; i++)
		text_moved(page, &exposures->moved[i]);
	for (i = 0; i < exposures->route_count; i++) {
		if (!has_class(&exposures->routes[i], page->report->options.class))
			continue;
		if (shown++ < ROUTES_SHOWN)
			put_short(page, &exposures->routes[i]);
		else
			more++;
	}
	if (more)
		fprintf(page->out, "  ... and %zu more ways (at the end)\n", more);
}

/* ---- at the end ---- */

static void put_examples(struct page *page, const char *list)
{
	char *text = list ? strdup(list) : NULL, *at = text;
	struct text item;
	bool more = false;

	while (at && line_list_next(&at, &item.bytes, &item.len)) {
		fputs(more ? ", " : "  ", page->out);
		text_put(page, item, "");
		more = true;
	}
	free(text);
}

static void put_clock(struct page *page, const char *time)
{
	fprintf(page->out, "%.15s ", time && strlen(time) > 26 ? time + 11 : "               ");
}

static void put_read(struct page *page, const struct exposed_class *class)
{
	char size[SIZE_TEXT];

	fputs("    ", page->out);
	put_clock(page, class->read_first);
	fprintf(page->out, "read %" PRIu64 " of %s (%s", class->files, class_title(class->name), text_size(size, class->read_bytes));
	if (class->mapped)
		fprintf(page->out, "; %" PRIu64 " only mapped", class->mapped);
	put_order(page, class);
	fputc(')', page->out);
	put_examples(page, class->examples);
	fputs(class->files > 3 ? " ...\n" : "\n", page->out);
}

static void put_step(struct page *page, const struct exposed_route *route, size_t i)
{
	const struct exposed_step *step = &route->steps[i];

	fputs("    ", page->out);
	put_clock(page, step->first);
	put_process(page, step->comm, step->pid, step->alike);
	if (i + 1 == route->step_count) {
		fputs(route->outside ? " handed " : " sent ", page->out);
		put_sent(page, step->sent, step->sent_most);
		fputs(" to ", page->out);
		put_destination(page, route);
		fputs(route->outside ? "; what that one did with it is not known" : "", page->out);
	} else if (!strcmp(step->way, "fork")) {
		fputs(" forked ", page->out);
		put_process(page, step[1].comm, step[1].pid, step[1].alike);
		fputs(", which began with a copy of its memory", page->out);
	} else {
		fputs(" gave ", page->out);
		put_sent(page, step->sent, step->sent_most);
		fputs(" to ", page->out);
		put_process(page, step[1].comm, step[1].pid, step[1].alike);
		fprintf(page->out, " by %s", step->way);
	}
	fputc('\n', page->out);
}

static void put_route(struct page *page, const struct exposed_route *route, size_t number)
{
	size_t i;

	fprintf(page->out, "  %zu. ", number);
	put_process(page, route->steps[0].comm, route->steps[0].pid, route->steps[0].alike);
	fputs(", then ", page->out);
	put_destination(page, route);
	fputc('\n', page->out);
	for (i = 0; i < route->class_count; i++)
		put_read(page, &route->classes[i]);
	for (i = 0; i < route->step_count; i++)
		put_step(page, route, i);
}

static void put_party(struct page *page, const char *name, int64_t pid, int64_t alike, bool known)
{
	put(page, name, known ? "?" : "not recorded");
	if (alike > 1)
		fprintf(page->out, " (%" PRId64 " processes)", alike);
	else if (pid > 0)
		fprintf(page->out, "[%" PRId64 "]", pid);
}

static void put_handover(struct page *page, const struct exposed_handover *handover)
{
	bool others = !strcmp(handover->way, "fanotify") && handover->giver_pid <= 0;
	char size[SIZE_TEXT];

	fputs("  ", page->out);
	put_clock(page, handover->first);
	if (others && handover->givers > 1)
		fprintf(page->out, "%" PRId64 " other processes", handover->givers);
	else if (others)
		fputs("other processes", page->out);
	else
		put_party(page, handover->giver, handover->giver_pid, handover->givers, handover->giver_known);
	fputs(" > ", page->out);
	put_party(page, handover->receiver, handover->receiver_pid, handover->receivers, handover->receiver_known);
	fprintf(page->out, "  %s", handover->way);
	if (handover->files >= 0)
		fprintf(page->out, ", %" PRId64 " file%s", handover->files, handover->files == 1 ? "" : "s");
	if (handover->given > 0)
		fprintf(page->out, ", %s in", text_size(size, handover->given));
	if (handover->taken > 0)
		fprintf(page->out, ", %s %s", text_size(size, handover->taken), handover->files >= 0 ? "read" : "out");
	if (handover->object) {
		fputs("  ", page->out);
		put(page, handover->object, "");
	}
	fputc('\n', page->out);
}

void text_exposure_end(struct page *page, const struct exposures *exposures)
{
	size_t shown = page->report->options.all ? SIZE_MAX : DETAILS_SHOWN, i;
	char heading[64];

	snprintf(heading, sizeof(heading), "Read, then sent within %g s: how it went", exposures->window_s);
	if (exposures->route_count)
		text_heading(page, heading);
	for (i = 0; i < exposures->route_count && i < shown; i++)
		put_route(page, &exposures->routes[i], i + 1);
	if (exposures->route_count > i)
		fprintf(page->out, "  ... and %zu more (--all)\n", exposures->route_count - i);
	for (i = 0; i < exposures->cut_count; i++) {
		fputs("  ", page->out);
		put(page, exposures->cuts[i], "");
		fputc('\n', page->out);
	}
	if (exposures->handover_count)
		text_heading(page, "Who handed what to whom");
	for (i = 0; i < exposures->handover_count && i < shown; i++)
		put_handover(page, &exposures->handovers[i]);
	if (exposures->handover_count > i)
		fprintf(page->out, "  ... and %zu more (--all)\n", exposures->handover_count - i);
}

static void put_handed(struct page *page, const struct exposed_moved *moved)
{
	const struct exposed_route to = {.outside = true, .peer_pid = moved->peer_pid, .remote = moved->remote};

	fputs("  ", page->out);
	put_process(page, moved->comm, moved->pid, 1);
	fputs(" handed ", page->out);
	put(page, moved->path, "a file");
	fputs(" itself, open, to ", page->out);
	put_destination(page, &to);
	fputs("; what that one read of it is not known\n", page->out);
}

/* The one case in which it is known that the content went: the kernel itself moved it. */
void text_moved(struct page *page, const struct exposed_moved *moved)
{
	char size[SIZE_TEXT];

	if (!moved->bytes) {
		put_handed(page, moved);
		return;
	}
	fputs("  the kernel moved ", page->out);
	fprintf(page->out, "%s%s (%" PRIu64 " B) of ", moved->at_most ? "at most " : "", text_size(size, moved->bytes), moved->bytes);
	put(page, moved->path, "a file");
	fputs(" to ", page->out);
	put(page, moved->remote, "a socket");
	if (moved->remote_name) {
		fputs(" (", page->out);
		put(page, moved->remote_name, "");
		fputc(')', page->out);
	}
	fprintf(page->out, " by %s, for ", moved->way);
	put_process(page, moved->comm, moved->pid, 1);
	fputc('\n', page->out);
}
