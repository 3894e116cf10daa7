/* SPDX-License-Identifier: BSD-2-Clause */
#include "exposure_report.h"

#include <string.h>

static void put(struct emit *emit, const char *key, const char *text)
{
	if (text)
		emit_text(emit, key, text, strlen(text));
}

static void put_number(struct emit *emit, const char *key, int64_t number)
{
	if (number >= 0)
		emit_number(emit, key, number);
}

static void put_read(struct emit *emit, const struct exposed_class *class)
{
	emit_number(emit, "files", class->files);
	emit_number(emit, "files_then", class->files_then);
	emit_number(emit, "mapped_files", class->mapped);
	emit_number(emit, "read_bytes", class->read_bytes);
	emit_number(emit, "sent_bytes", class->sent);
	emit_number(emit, "sent_bytes_most", class->sent_most);
	put(emit, "read_first", class->read_first);
	put(emit, "read_last", class->read_last);
	put(emit, "sent_first", class->first);
	put(emit, "sent_last", class->last);
	if (class->examples)
		emit_raw(emit, "examples", class->examples, strlen(class->examples));
}

static void put_step(struct emit *emit, const struct exposed_step *step)
{
	emit_open(emit, NULL, '{');
	put(emit, "process", step->entity);
	put_number(emit, "pid", step->pid);
	put(emit, "comm", step->comm);
	put(emit, "exe", step->executable);
	emit_number(emit, "processes", step->alike);
	put(emit, "way", step->way);
	emit_number(emit, "bytes", step->sent);
	emit_number(emit, "bytes_most", step->sent_most);
	put(emit, "first", step->first);
	put(emit, "last", step->last);
	emit_close(emit, '}');
}

static void put_destination(struct emit *emit, const struct exposed_route *route)
{
	emit_open(emit, "destination", '{');
	put(emit, "kind", route->outside ? "process" : "network");
	put(emit, "remote", route->remote);
	put(emit, "remote_name", route->remote_name);
	put(emit, "name_source", route->name_source);
	put(emit, "protocol", route->protocol);
	if (route->outside && route->peer_pid > 0)
		emit_number(emit, "pid", route->peer_pid);
	emit_close(emit, '}');
}

static void put_route(struct emit *emit, const struct exposed_route *route)
{
	size_t i;

	emit_open(emit, NULL, '{');
	emit_number(emit, "window_ms", route->window_s * 1000 + .5);
	put_destination(emit, route);
	put_read(emit, &route->all);
	emit_open(emit, "classes", '[');
	for (i = 0; i < route->class_count; i++) {
		emit_open(emit, NULL, '{');
		put(emit, "class", route->classes[i].name);
		put_read(emit, &route->classes[i]);
		emit_close(emit, '}');
	}
	emit_close(emit, ']');
	emit_open(emit, "steps", '[');
	for (i = 0; i < route->step_count; i++)
		put_step(emit, &route->steps[i]);
	emit_close(emit, ']');
	emit_close(emit, '}');
}

static void put_party(struct emit *emit, const char *key, const char *name, int64_t pid, int64_t alike, bool known)
{
	emit_open(emit, key, '{');
	if (pid > 0)
		emit_number(emit, "pid", pid);
	if (alike > 1)
		emit_number(emit, "processes", alike);
	put(emit, "comm", name);
	emit_bool(emit, "recorded", known);
	emit_close(emit, '}');
}

static void put_handover(struct emit *emit, const struct exposed_handover *handover)
{
	emit_open(emit, NULL, '{');
	put(emit, "way", handover->way);
	if (strcmp(handover->way, "fanotify") || handover->giver_pid > 0 || handover->givers > 1)
		put_party(emit, "giver", handover->giver, handover->giver_pid, handover->givers, handover->giver_known);
	put_party(emit, "receiver", handover->receiver, handover->receiver_pid, handover->receivers,
		handover->receiver_known);
	put(emit, "object", handover->object);
	emit_number(emit, "times", handover->times);
	put_number(emit, "files", handover->files);
	put_number(emit, "given_bytes", handover->given);
	put_number(emit, "taken_bytes", handover->taken);
	put(emit, "first", handover->first);
	put(emit, "last", handover->last);
	emit_close(emit, '}');
}

static void put_moved(struct emit *emit, const struct exposed_moved *moved)
{
	emit_open(emit, NULL, '{');
	put(emit, "process", moved->entity);
	put_number(emit, "pid", moved->pid);
	put(emit, "path", moved->path);
	put(emit, "class", moved->class);
	put(emit, "remote", moved->remote);
	put(emit, "remote_name", moved->remote_name);
	put(emit, "way", moved->way);
	emit_number(emit, "calls", moved->calls);
	emit_number(emit, "bytes", moved->bytes);
	emit_bool(emit, "at_most", moved->at_most);
	put_number(emit, "peer_pid", moved->peer_pid);
	put(emit, "first", moved->first);
	put(emit, "last", moved->last);
	emit_close(emit, '}');
}

int exposures_json(struct report *report, struct emit *emit)
{
	struct exposures exposures;
	int err = exposures_gather(report, &exposures);
	size_t i;

	if (err)
		return err;
	emit_open(emit, "exposure", '[');
	for (i = 0; i < exposures.route_count; i++)
		put_route(emit, &exposures.routes[i]);
	emit_close(emit, ']');
	emit_open(emit, "moved", '[');
	for (i = 0; i < exposures.moved_count; i++)
		put_moved(emit, &exposures.moved[i]);
	emit_close(emit, ']');
	emit_open(emit, "handovers", '[');
	for (i = 0; i < exposures.handover_count; i++)
		put_handover(emit, &exposures.handovers[i]);
	emit_close(emit, ']');
	if (exposures.cut_count) {
		emit_open(emit, "exposure_cut", '[');
		for (i = 0; i < exposures.cut_count; i++)
			put(emit, NULL, exposures.cuts[i]);
		emit_close(emit, ']');
	}
	exposures_done(&exposures);
	return 0;
}
