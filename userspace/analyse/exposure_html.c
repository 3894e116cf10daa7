/* SPDX-License-Identifier: BSD-2-Clause */
/* Exposure in the HTML report: what was read, then sent, in order; and who handed what to whom. html_graph.c draws it. */
#include "html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/class.h"
#include "exposure.h"
#include "exposure_report.h"
#include "line.h"

#define HANDOVERS_SHOWN 2000
#define CLASSES_SHOWN 3 /* in the line that unfolds */

static void put_process(FILE *out, const char *comm, int64_t pid, uint64_t alike)
{
	html_text(out, exposed_text(comm), "a process");
	if (alike > 1)
		fprintf(out, " (%" PRIu64 " processes)", alike);
	else if (pid > 0)
		fprintf(out, "[%" PRId64 "]", pid);
}

static void put_destination(FILE *out, const struct exposed_route *route)
{
	if (route->outside) {
		fputs("a process that was not recorded", out);
		if (route->peer_pid > 0)
			fprintf(out, " (pid %" PRId64 ")", route->peer_pid);
		fputs(route->remote ? ", at " : "", out);
	}
	fputs("<code>", out);
	html_text(out, exposed_text(route->remote), route->outside ? "" : "an address that is not known");
	fputs("</code>", out);
	if (route->remote_name) {
		fputs(", ", out);
		html_string(out, route->remote_name);
	}
}

static void put_clock(FILE *out, const char *time)
{
	if (time && strlen(time) > 26)
		fprintf(out, "<span class=\"faint\">%.15s</span> ", time + 11);
}

static void put_bytes(FILE *out, uint64_t sure, uint64_t most)
{
	fputs(sure == most ? "" : "at most ", out);
	html_size(out, most);
}

static void put_order(FILE *out, const struct exposed_class *class)
{
	uint64_t unknown = class->files - class->files_then;

	if (unknown == class->files)
		fputs("; whether before or after is not known", out);
	else if (unknown)
		fprintf(out, "; of %" PRIu64 " of them whether before or after is not known", unknown);
}

static void put_examples(FILE *out, const struct exposed_class *class)
{
	char *text = class->examples ? strdup(class->examples) : NULL, *at = text;
	struct text item;
	bool more = false;

	while (at && line_list_next(&at, &item.bytes, &item.len)) {
		fputs(more ? ", " : ": ", out);
		fputs("<code>", out);
		html_text(out, item, "");
		fputs("</code>", out);
		more = true;
	}
	fputs(class->files > 3 ? " ..." : "", out);
	free(text);
}

static void put_read(FILE *out, const struct exposed_route *route, const struct exposed_class *class)
{
	fputs("<li>", out);
	put_clock(out, class->read_first);
	put_process(out, route->steps[0].comm, route->steps[0].pid, route->steps[0].alike);
	fprintf(out, " read %" PRIu64 " of %s, ", class->files, class_title(class->name));
	html_size(out, class->read_bytes);
	if (class->mapped)
		fprintf(out, ", %" PRIu64 " only mapped", class->mapped);
	put_order(out, class);
	put_examples(out, class);
	if (route->class_count > 1) {
		fputs("; after that went ", out);
		put_bytes(out, class->sent, class->sent_most);
	}
	fputs("</li>\n", out);
}

static int by_time(const void *a, const void *b)
{
	const struct exposed_class *left = *(const struct exposed_class *const *)a,
				   *right = *(const struct exposed_class *const *)b;

	return strcmp(left->read_first ? left->read_first : "", right->read_first ? right->read_first : "");
}

static void put_reads(FILE *out, const struct exposed_route *route)
{
	const struct exposed_class *classes[CLASSES_MAX];
	size_t i, count = route->class_count < CLASSES_MAX ? route->class_count : CLASSES_MAX;

	for (i = 0; i < count; i++)
		classes[i] = &route->classes[i];
	qsort(classes, count, sizeof(classes[0]), by_time);
	for (i = 0; i < count; i++)
		put_read(out, route, classes[i]);
}

static void put_step(FILE *out, const struct exposed_route *route, size_t i)
{
	const struct exposed_step *step = &route->steps[i];

	fputs("<li>", out);
	put_clock(out, step->first);
	if (step->first && step->last && strncmp(step->first, step->last, 19)) {
		fputs("to ", out);
		put_clock(out, step->last);
	}
	put_process(out, step->comm, step->pid, step->alike);
	if (i + 1 == route->step_count) {
		fputs(route->outside ? " handed " : " sent ", out);
		put_bytes(out, step->sent, step->sent_most);
		fputs(" to ", out);
		put_destination(out, route);
		fputs(route->outside ? "; what that one did with it is not known" : "", out);
	} else {
		fputs(strcmp(step->way, "fork") ? " gave " : " forked ", out);
		if (strcmp(step->way, "fork")) {
			put_bytes(out, step->sent, step->sent_most);
			fputs(" to ", out);
		}
		put_process(out, step[1].comm, step[1].pid, step[1].alike);
		fprintf(out, strcmp(step->way, "fork") ? " by %s" : ", which began with a copy of its memory", step->way);
	}
	fputs("</li>\n", out);
}

static void put_counts(FILE *out, const struct exposed_route *route)
{
	size_t i;

	for (i = 0; i < route->class_count && i < CLASSES_SHOWN; i++)
		fprintf(out, "%s%" PRIu64 " of %s", i ? ", " : "", route->classes[i].files,
			class_title(route->classes[i].name));
	if (route->class_count > i)
		fprintf(out, ", %zu more classes", route->class_count - i);
}

static void put_route(FILE *out, const struct exposed_route *route, bool open)
{
	size_t i;

	fputs(open ? "<details open><summary>" : "<details><summary>", out);
	put_counts(out, route);
	for (i = 0; i < route->step_count; i++) {
		fputs(!i					  ? ", read by "
			: strcmp(route->steps[i - 1].way, "fork") ? ", which gave to "
								  : ", which forked ",
			out);
		put_process(out, route->steps[i].comm, route->steps[i].pid, route->steps[i].alike);
	}
	fputs(route->outside ? ", which handed " : ", which sent ", out);
	put_bytes(out, route->all.sent, route->all.sent_most);
	fputs(" to ", out);
	put_destination(out, route);
	if (exposed_less(route)) {
		fputs(", ", out);
		put_bytes(out, route->classes[0].sent, route->classes[0].sent_most);
		fprintf(out, " of it after reading %s", class_title(route->classes[0].name));
	}
	fputs("</summary>\n<ol>\n", out);
	put_reads(out, route);
	for (i = 0; i < route->step_count; i++)
		put_step(out, route, i);
	fputs("</ol></details>\n", out);
}

static void put_handed(FILE *out, const struct exposed_moved *moved)
{
	const struct exposed_route to = {.outside = true, .peer_pid = moved->peer_pid, .remote = moved->remote};

	fputs("<li>", out);
	put_process(out, moved->comm, moved->pid, 1);
	fputs(" handed <code>", out);
	html_text(out, exposed_text(moved->path), "a file");
	fputs("</code> itself, open, to ", out);
	put_destination(out, &to);
	fputs("; what that one read of it is not known.</li>\n", out);
}

static void put_moved(FILE *out, const struct exposed_moved *moved)
{
	if (!moved->bytes) {
		put_handed(out, moved);
		return;
	}
	fputs("<li>The kernel moved ", out);
	fprintf(out, "%s%" PRIu64 " bytes of <code>", moved->at_most ? "at most " : "", moved->bytes);
	html_text(out, exposed_text(moved->path), "a file");
	fputs("</code> to <code>", out);
	html_text(out, exposed_text(moved->remote), "a socket");
	fprintf(out, "</code> by %s, for ", moved->way);
	put_process(out, moved->comm, moved->pid, 1);
	fputs(".</li>\n", out);
}

static void put_party(FILE *out, const char *name, int64_t pid, int64_t alike, bool known)
{
	html_text(out, exposed_text(name), known ? "?" : "not recorded");
	if (alike > 1)
		fprintf(out, " (%" PRId64 " processes)", alike);
	else if (pid > 0)
		fprintf(out, "[%" PRId64 "]", pid);
}

static void put_number(FILE *out, int64_t number, bool size)
{
	fputs("</td><td class=\"n\">", out);
	if (number > 0 && size)
		html_size(out, number);
	else if (number > 0)
		fprintf(out, "%" PRId64, number);
}

static void put_handover(FILE *out, const struct exposed_handover *handover)
{
	fputs("<tr><td>", out);
	if (strcmp(handover->way, "fanotify") || handover->giver_pid > 0)
		put_party(out, handover->giver, handover->giver_pid, handover->givers, handover->giver_known);
	else if (handover->givers > 1)
		fprintf(out, "%" PRId64 " other processes", handover->givers);
	else
		fputs("other processes", out);
	fputs("</td><td>", out);
	put_party(out, handover->receiver, handover->receiver_pid, handover->receivers, handover->receiver_known);
	fprintf(out, "</td><td>%s", handover->way);
	put_number(out, handover->files, false);
	put_number(out, handover->given, true);
	put_number(out, handover->taken, true);
	fputs("</td><td class=\"path\">", out);
	html_text(out, exposed_text(handover->object), "");
	fprintf(out, "</td><td>%.8s</td></tr>\n", handover->first && strlen(handover->first) > 19 ? handover->first + 11 : "");
}

static void put_handovers(FILE *out, const struct exposures *exposures)
{
	size_t i;

	if (!exposures->handover_count)
		return;
	fputs("<h3>Who handed what to whom</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
	      "aria-label=\"Handovers\"><table>\n<thead><tr><th scope=\"col\">From</th>"
	      "<th scope=\"col\">To</th><th scope=\"col\">Way</th><th scope=\"col\" class=\"n\">Open files</th><th "
	      "scope=\"col\" class=\"n\">Put in</th>"
	      "<th scope=\"col\" class=\"n\">Taken out, or read</th><th scope=\"col\">Through, or for example</th><th "
	      "scope=\"col\">First</th></tr></thead>\n<tbody>\n",
		out);
	for (i = 0; i < exposures->handover_count && i < HANDOVERS_SHOWN; i++)
		put_handover(out, &exposures->handovers[i]);
	fputs("</tbody></table></div>\n", out);
	if (exposures->handover_count > i)
		fprintf(out, "<p>... and %zu more.</p>\n", exposures->handover_count - i);
}

int html_exposure(struct html *html)
{
	struct exposures exposures;
	FILE *out = html->out;
	int err = exposures_gather(html->report, &exposures);
	size_t i;

	if (err)
		return err;
	fprintf(out, "<h2 id=\"exposure\">What was read, then sent within %g s</h2>\n", exposures.window_s);
	fputs(exposures.route_count || exposures.moved_count
			? "<p>That a file was read before something was sent does not say that its content was sent, "
			  "unless it says that the kernel moved it.</p>\n"
			: "<p>Nothing: no file that is not its own was read in that time before something was sent "
			  "over the network, or handed to a process that was not recorded.</p>\n",
		out);
	fputs(exposures.moved_count ? "<ul>\n" : "", out);
	for (i = 0; i < exposures.moved_count; i++)
		put_moved(out, &exposures.moved[i]);
	fputs(exposures.moved_count ? "</ul>\n" : "", out);
	for (i = 0; i < exposures.route_count; i++)
		put_route(out, &exposures.routes[i], i < 3);
	for (i = 0; i < exposures.cut_count; i++) {
		fputs("<p>", out);
		html_string(out, exposures.cuts[i]);
		fputs(".</p>\n", out);
	}
	err = html_graph(html);
	put_handovers(out, &exposures);
	exposures_done(&exposures);
	return err;
}
