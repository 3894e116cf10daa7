/* SPDX-License-Identifier: BSD-2-Clause */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emit.h"
#include "exposure_report.h"

struct output {
	struct emit emit;
	struct report *report;
	bool looked; /* the list of files is over: what was only looked at by name comes behind it */
};

static void put_text(struct emit *emit, const char *key, struct text text)
{
	if (text.bytes)
		emit_text(emit, key, text.bytes, text.len);
}

static void put_number(struct emit *emit, const char *key, int64_t number)
{
	if (number >= 0)
		emit_number(emit, key, number);
}

/* Digits and lists are JSON already; index.c took in nothing else. */
static void put_raw(struct emit *emit, const char *key, struct text text)
{
	if (text.bytes)
		emit_raw(emit, key, text.bytes, text.len);
}

static void put_constant(struct emit *emit, const char *key, const char *value)
{
	emit_text(emit, key, value, strlen(value));
}

static void put_list(struct emit *emit, const char *key, struct text list)
{
	if (list.bytes) {
		put_raw(emit, key, list);
	} else {
		emit_open(emit, key, '[');
		emit_close(emit, ']');
	}
}

static void write_head(struct emit *emit, const struct report_session *session)
{
	if (session->unverified)
		put_text(emit, "UNVERIFIED", session->verified_what);
	emit_number(emit, "format", 1);
	emit_open(emit, "tool", '{');
	put_constant(emit, "name", "quis");
	put_constant(emit, "version", QUIS_VERSION);
	emit_close(emit, '}');
	emit_open(emit, "verification", '{');
	put_text(emit, "state", session->verified);
	put_text(emit, "what", session->verified_what);
	emit_close(emit, '}');
	emit_open(emit, "host", '{');
	put_text(emit, "name", session->host);
	put_text(emit, "machine_id", session->machine_id);
	put_text(emit, "boot_id", session->boot_id);
	put_text(emit, "kernel", session->kernel);
	emit_close(emit, '}');
}

static int write_gap(void *context, const struct report_gap *gap)
{
	struct emit *emit = &((struct output *)context)->emit;

	emit_open(emit, NULL, '{');
	put_text(emit, "from", gap->from);
	put_text(emit, "to", gap->to);
	put_text(emit, "what", gap->what);
	put_number(emit, "count", gap->count);
	emit_close(emit, '}');
	return 0;
}

static int write_session(struct output *output, const struct report_session *session)
{
	struct emit *emit = &output->emit;
	int err;

	emit_open(emit, "session", '{');
	put_text(emit, "started", session->started);
	put_text(emit, "ended", session->ended);
	put_text(emit, "hooks", session->hooks);
	put_text(emit, "case", session->case_id);
	put_text(emit, "case_number", session->case_number);
	put_text(emit, "examiner", session->examiner);
	put_text(emit, "note", session->note);
	put_raw(emit, "flagged", session->flags);
	put_text(emit, "end_reason", session->end_reason);
	put_text(emit, "recorded_by", session->tool_version);
	emit_open(emit, "clock_changes", '[');
	err = report_clock(output->report, write_gap, output);
	emit_close(emit, ']');
	emit_close(emit, '}');
	return err;
}

static int write_completeness(struct output *output, const struct report_session *session)
{
	struct emit *emit = &output->emit;
	int err;

	emit_open(emit, "completeness", '{');
	emit_bool(emit, "exact", session->exact);
	emit_open(emit, "lost", '{');
	put_number(emit, "records", session->lost_records);
	put_number(emit, "map_full", session->lost_map_full);
	put_number(emit, "missed_runs", session->lost_missed_runs);
	emit_close(emit, '}');
	emit_open(emit, "gaps", '[');
	err = report_gaps(output->report, write_gap, output);
	emit_close(emit, ']');
	put_list(emit, "unseen", session->unseen);
	emit_close(emit, '}');
	return err;
}

static void write_executable(struct emit *emit, const struct report_image *image)
{
	if (!image->executable.bytes)
		return;
	emit_open(emit, "exe", '{');
	put_text(emit, "path", image->executable);
	put_text(emit, "path_raw", image->executable_raw);
	put_text(emit, "dev", image->device);
	put_raw(emit, "ino", image->inode);
	put_text(emit, "sha256", image->sha256);
	emit_close(emit, '}');
}

static void write_arguments(struct emit *emit, const struct report_image *image)
{
	put_raw(emit, "argv", image->args);
	put_raw(emit, "argv_raw", image->args_raw);
	if (image->args_truncated)
		emit_bool(emit, "argv_truncated", true);
}

static int write_image(void *context, const struct report_image *image)
{
	struct emit *emit = &((struct output *)context)->emit;

	emit_open(emit, NULL, '{');
	put_text(emit, "time", image->time);
	write_executable(emit, image);
	write_arguments(emit, image);
	emit_close(emit, '}');
	return 0;
}

static void write_how(struct emit *emit, unsigned how)
{
	unsigned i;

	emit_open(emit, "how", '[');
	for (i = 0; i < HOW_COUNT; i++)
		if (how & 1u << i)
			put_constant(emit, NULL, report_how_names[i]);
	emit_close(emit, ']');
}

static void write_givers(struct emit *emit, const struct report_file *file)
{
	unsigned i;

	if (file->from_count) {
		emit_open(emit, "from", '[');
		for (i = 0; i < file->from_count; i++)
			emit_number(emit, NULL, file->from[i]);
		emit_close(emit, ']');
	}
	if (file->from_more)
		emit_bool(emit, "from_more", true);
	if (!file->events)
		return;
	emit_open(emit, "events", '[');
	for (i = 0; i < REPORT_EVENTS; i++)
		if (file->events & 1u << i)
			put_constant(emit, NULL, report_event_names[i]);
	emit_close(emit, ']');
}

static void write_object(struct emit *emit, const struct report_file *file)
{
	put_text(emit, "dev", file->device);
	put_raw(emit, "ino", file->inode);
	put_text(emit, "type", file->type);
	emit_bool(emit, "deleted", file->deleted);
	if (file->unreachable)
		emit_bool(emit, "unreachable", true);
	if (file->lower_inode.bytes) {
		emit_open(emit, "lower", '{');
		put_text(emit, "dev", file->lower_device);
		put_raw(emit, "ino", file->lower_inode);
		put_text(emit, "layer", file->lower_layer);
		put_text(emit, "path", file->lower_path);
		put_text(emit, "path_raw", file->lower_path_raw);
		emit_close(emit, '}');
	}
}

static void write_counters(struct emit *emit, const struct report_file *file)
{
	emit_number(emit, "opens", file->opens);
	emit_number(emit, "reads", file->reads);
	emit_number(emit, "read_bytes", file->read_bytes);
	emit_number(emit, "writes", file->writes);
	emit_number(emit, "write_bytes", file->write_bytes);
	emit_number(emit, "maps", file->maps);
	emit_number(emit, "mapped_bytes", file->mapped_bytes);
	if (file->faults) { /* not known on kernels that tell of no faults */
		emit_number(emit, "faults", file->faults);
		emit_number(emit, "faulted_bytes", file->faulted_bytes);
	}
	emit_number(emit, "lists", file->lists);
	emit_number(emit, "stats", file->stats);
	emit_number(emit, "failed", file->failed);
}

/* Metadata asked for by name, of no known object: a list of its own, so that an object stands once in `files`. */
static bool only_looked(const struct report_file *file)
{
	return !file->object && file->stats && !file->failed;
}

static int write_look(struct emit *emit, const struct report_file *file)
{
	emit_open(emit, NULL, '{');
	put_text(emit, "path", file->path);
	put_text(emit, "path_raw", file->path_raw);
	put_text(emit, "path_from", file->path_from);
	put_text(emit, "class", file->class);
	emit_bool(emit, "truncated", file->truncated);
	emit_number(emit, "stats", file->stats);
	put_text(emit, "errno", file->error);
	put_text(emit, "first", file->first);
	put_text(emit, "last", file->last);
	emit_close(emit, '}');
	return ferror(emit->out) ? -EIO : 0;
}

static int write_file(void *context, const struct report_file *file)
{
	struct output *output = context;
	struct emit *emit = &output->emit;

	if (only_looked(file)) { /* they come last */
		if (!output->looked) {
			emit_close(emit, ']');
			emit_open(emit, "looked_at", '[');
			output->looked = true;
		}
		return write_look(emit, file);
	}
	emit_open(emit, NULL, '{');
	put_text(emit, "path", file->path);
	put_text(emit, "path_raw", file->path_raw);
	put_text(emit, "path_from", file->path_from);
	put_text(emit, "view", file->view);
	put_text(emit, "view_raw", file->view_raw);
	if (file->object)
		write_object(emit, file);
	put_text(emit, "class", file->class);
	emit_bool(emit, "truncated", file->truncated);
	write_how(emit, file->how);
	write_givers(emit, file);
	write_counters(emit, file);
	put_text(emit, "errno", file->error);
	put_text(emit, "first", file->first);
	put_text(emit, "last", file->last);
	emit_close(emit, '}');
	return ferror(emit->out) ? -EIO : 0;
}

static bool text_is(struct text text, const char *value)
{
	return text.bytes && text.len == strlen(value) && !memcmp(text.bytes, value, text.len);
}

static void put_place(struct emit *emit, const struct where_place *place)
{
	if (place->country[0])
		put_constant(emit, "country", place->country);
	if (place->asn)
		emit_number(emit, "asn", place->asn);
	if (place->owner[0])
		put_constant(emit, "owner", place->owner);
}

static int write_owner(void *context, const struct report_owner *owner)
{
	struct emit *emit = context;

	emit_open(emit, NULL, '{');
	if (owner->country)
		put_constant(emit, "country", owner->country);
	if (owner->asn)
		emit_number(emit, "asn", owner->asn);
	if (owner->owner)
		put_constant(emit, "owner", owner->owner);
	emit_number(emit, "addresses", owner->addresses);
	emit_number(emit, "sent_bytes", owner->sent_bytes);
	emit_number(emit, "received_bytes", owner->received_bytes);
	emit_close(emit, '}');
	return 0;
}

/* Which database says where an address is, and what it says of all. */
static int write_location(struct output *output)
{
	const struct where_database *d = where_database();
	struct emit *emit = &output->emit;
	int err;

	if (!d)
		return 0;
	emit_open(emit, "according_to", '{');
	put_constant(emit, "database", d->name);
	if (d->date[0])
		put_constant(emit, "date", d->date);
	put_constant(emit, "sha256", d->sha256);
	emit_close(emit, '}');
	emit_open(emit, "owners", '[');
	err = report_owners(output->report, write_owner, emit);
	emit_close(emit, ']');
	return err;
}

static int write_flow(void *context, const struct report_flow *flow)
{
	struct emit *emit = &((struct output *)context)->emit;

	emit_open(emit, NULL, '{');
	put_text(emit, "id", flow->id);
	put_text(emit, "family", flow->family);
	put_text(emit, "protocol", flow->transport);
	if (text_is(flow->direction, "egress"))
		put_constant(emit, "direction", "out");
	else if (text_is(flow->direction, "ingress"))
		put_constant(emit, "direction", "in");
	put_text(emit, "local", flow->local);
	put_text(emit, "remote", flow->remote);
	put_text(emit, "remote_name", flow->remote_name);
	put_text(emit, "name_source", flow->name_source);
	if (flow->proxied)
		put_constant(emit, "name_through", "proxy");
	put_place(emit, &flow->place);
	put_number(emit, "peer_pid", flow->peer_pid);
	put_text(emit, "peer_executable", flow->peer_executable);
	emit_number(emit, "sends", flow->sends);
	emit_number(emit, "sent_bytes", flow->sent_bytes);
	emit_number(emit, "receives", flow->receives);
	emit_number(emit, "received_bytes", flow->received_bytes);
	emit_number(emit, "failed", flow->failed);
	put_text(emit, "errno", flow->error);
	put_text(emit, "first", flow->first);
	put_text(emit, "last", flow->last);
	emit_close(emit, '}');
	return 0;
}

static void write_transfer_end(struct emit *emit, const char *key, const struct report_transfer_end *end, struct text remote)
{
	emit_open(emit, key, '{');
	put_text(emit, "path", end->path);
	put_text(emit, "path_raw", end->path_raw);
	put_text(emit, "type", end->type);
	put_text(emit, "dev", end->device);
	put_raw(emit, "ino", end->inode);
	put_text(emit, "flow", end->flow);
	if (end->flow.bytes)
		put_text(emit, "remote", remote);
	emit_close(emit, '}');
}

static int write_transfer(void *context, const struct report_transfer *transfer)
{
	struct emit *emit = &((struct output *)context)->emit;

	emit_open(emit, NULL, '{');
	write_transfer_end(emit, "from", &transfer->from, transfer->remote);
	write_transfer_end(emit, "to", &transfer->to, transfer->remote);
	emit_number(emit, "calls", transfer->calls);
	emit_number(emit, "bytes", transfer->bytes);
	if (transfer->descriptors)
		emit_number(emit, "descriptors", transfer->descriptors);
	put_text(emit, "first", transfer->first);
	put_text(emit, "last", transfer->last);
	emit_close(emit, '}');
	return ferror(emit->out) ? -EIO : 0;
}

static int write_action(void *context, const struct report_action *action)
{
	struct emit *emit = &((struct output *)context)->emit;

	emit_open(emit, NULL, '{');
	put_text(emit, "time", action->time);
	put_text(emit, "kind", action->kind);
	put_text(emit, "path", action->path);
	put_text(emit, "path_raw", action->path_raw);
	put_text(emit, "to", action->to);
	put_text(emit, "to_raw", action->to_raw);
	put_raw(emit, "detail", action->detail);
	put_text(emit, "path_from", action->path_from);
	put_text(emit, "outcome", action->outcome);
	put_text(emit, "errno", action->error);
	emit_close(emit, '}');
	return 0;
}

static void write_life(struct emit *emit, const struct report_process *process)
{
	put_text(emit, "started", process->started);
	put_text(emit, "ended", process->ended);
	if (process->exit_signal > 0) {
		emit_number(emit, "exit_status", 128 + process->exit_signal);
		emit_number(emit, "exit_signal", process->exit_signal);
	} else {
		put_number(emit, "exit_status", process->exit_code);
	}
	put_text(emit, "flagged_by", process->flagged_by);
}

static void write_identity(struct emit *emit, const struct report_process *process)
{
	put_text(emit, "id", process->entity);
	put_text(emit, "parent", process->parent);
	put_number(emit, "pid", process->pid);
	put_number(emit, "ppid", process->ppid);
	put_number(emit, "uid", process->uid);
	put_number(emit, "gid", process->gid);
	put_text(emit, "comm", process->comm);
	write_executable(emit, &process->image);
	write_arguments(emit, &process->image);
	put_text(emit, "cwd", process->image.cwd);
	put_text(emit, "cwd_raw", process->image.cwd_raw);
	put_text(emit, "cgroup", process->cgroup);
	put_text(emit, "container", process->container);
}

static int write_process(void *context, const struct report_process *process)
{
	struct output *output = context;
	struct emit *emit = &output->emit;
	int err = 0;

	emit_open(emit, NULL, '{');
	write_identity(emit, process);
	write_life(emit, process);
	if (process->images > 1) {
		emit_open(emit, "images", '[');
		err = report_images(output->report, process->id, write_image, output);
		emit_close(emit, ']');
	}
	emit_open(emit, "files", '[');
	output->looked = false;
	if (!err)
		err = report_files(output->report, process->id, write_file, output);
	emit_close(emit, ']');
	emit_open(emit, "flows", '[');
	if (!err)
		err = report_flows(output->report, process->id, write_flow, output);
	emit_close(emit, ']');
	emit_open(emit, "transfers", '[');
	if (!err)
		err = report_transfers(output->report, process->id, write_transfer, output);
	emit_close(emit, ']');
	emit_open(emit, "actions", '[');
	if (!err)
		err = report_actions(output->report, process->id, write_action, output);
	emit_close(emit, ']');
	emit_close(emit, '}');
	return err;
}

int report_json(struct report *report, FILE *out)
{
	struct output output = {.emit = {.out = out}, .report = report};
	struct report_session session;
	int err = report_session(report, &session);

	if (err)
		return err;
	emit_open(&output.emit, NULL, '{');
	write_head(&output.emit, &session);
	err = write_session(&output, &session);
	if (!err)
		err = write_completeness(&output, &session);
	if (!err)
		err = write_location(&output);
	emit_open(&output.emit, "processes", '[');
	if (!err)
		err = report_processes(report, write_process, &output);
	emit_close(&output.emit, ']');
	if (!err)
		err = exposures_json(report, &output.emit);
	emit_close(&output.emit, '}');
	return err;
}
