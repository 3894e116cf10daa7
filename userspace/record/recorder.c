/* SPDX-License-Identifier: BSD-2-Clause */
/* One recording, from attach to the last fact: the loop that drains rings and flips epochs. */
#include "record/record.h"
#include "record/command.h"
#include "record/reader.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#define MISSED_EVERY (10 * SECOND)
#define SENSOR_NICE -10
#define LINGER (2 * SECOND) /* what a command that was told to end has to do so */

void recorder_take(void *context, const void *data, size_t size)
{
	struct recorder *r = context;
	const struct record_head *head = data;
	static const uint16_t least[] = {
		[RECORD_exec] = sizeof(struct record_exec),
		[RECORD_fork] = sizeof(struct record_fork),
		[RECORD_exit] = sizeof(struct record_exit),
		[RECORD_file] = sizeof(struct record_file),
		[RECORD_flow] = sizeof(struct record_flow),
		[RECORD_refused] = sizeof(struct record_refused),
		[RECORD_process] = sizeof(struct record_exec),
		[RECORD_action] = sizeof(struct record_action),
		[RECORD_place] = sizeof(struct record_place),
		[RECORD_transfer] = sizeof(struct record_transfer),
		[RECORD_payload] = sizeof(struct record_payload),
		[RECORD_row] = sizeof(struct record_row),
	};

	if (size < sizeof(*head) || head->size > size || head->kind >= sizeof(least) / sizeof(*least) ||
		!least[head->kind] || head->size < least[head->kind]) {
		r->bad_records++;
		return;
	}
	if (r->names_only && head->kind != RECORD_file && head->kind != RECORD_flow && head->kind != RECORD_place)
		return;
	switch (head->kind) {
	case RECORD_exec:
	case RECORD_process:
		process_record_exec(r, data);
		break;
	case RECORD_fork:
		process_record_fork(r, data);
		break;
	case RECORD_exit:
		process_record_exit(r, data);
		break;
	case RECORD_file:
		files_record(r, data);
		break;
	case RECORD_row:
		files_row(&((const struct record_row *)data)->file.key, &((const struct record_row *)data)->file.row, r);
		break;
	case RECORD_flow:
		flows_record(r, data);
		break;
	case RECORD_refused:
		files_refused(r, head, ((const struct record_refused *)data)->error,
			record_text(head, ((const struct record_refused *)data)->path));
		break;
	case RECORD_action:
		actions_record(r, data);
		break;
	case RECORD_place:
		actions_place(r, data);
		break;
	case RECORD_transfer:
		transfers_record(r, data);
		break;
	case RECORD_payload:
		names_record(r, data);
		break;
	}
}

void recorder_drain(void *recorder)
{
	struct recorder *r = recorder;

	ring_read(&r->life_ring, RING_ALL, recorder_take, r);
	ring_read(&r->files_ring, RING_ALL, recorder_take, r);
	commit_drained(r);
	/*
	 * Not before: while the rings are still full a record would wake us again, and if they are empty when we go to sleep, poll() takes that
	 * back (ringbuf_map_poll_kern(), kernel/bpf/ringbuf.c) and nothing wakes us until the epoch ends.
	 */
	__atomic_store_n(&r->sensor.state->wake_sent, 0, __ATOMIC_RELEASE);
}

#define NAMES_TRIES 1000 /* a second */

/*
 * The rows of what was opened last are taken with calls that are newer than the flip. Their names are in the ring, but may lie behind a
 * record whose program was preempted while it wrote (7.x): without its name a row would be told with no path.
 */
static void drain_names(struct recorder *r)
{
	uint64_t end = ring_end(&r->files_ring);
	int tries;

	recorder_drain(r);
	for (tries = 0; r->files_ring.at < end && tries < NAMES_TRIES; tries++) {
		usleep(1000);
		recorder_drain(r);
	}
}

struct loss {
	const char *what;
	uint64_t now, *told;
};

/* Every loss becomes a gap with the span in which it happened: for skipped runs that is since they were last asked for. */
static void tell_losses(struct recorder *r, uint64_t from, uint64_t missed_from, uint64_t to)
{
	const struct sensor_state *s = r->sensor.state;
	struct loss losses[] = {
		{"records of processes, actions, refused opens or names did not fit into a ring",
			s->lost_life + s->lost_refused + s->lost_actions + r->bad_records + r->unresolved,
			&r->told.records},
		{"calls found no room in the counters nor in the ring, or their object was gone", s->lost_calls, &r->told.map_full},
		{"copies of what was sent or received were lost: names of addresses may be missing", s->lost_payload, &r->told.payload},
		{"the kernel skipped runs of the programs", r->sensor.missed_base, &r->told.missed_runs},
		{"facts could not be written to the case", case_dropped(r->writer), &r->dropped_told},
	};
	size_t i;

	for (i = 0; i < sizeof(losses) / sizeof(*losses); i++) {
		if (losses[i].now == *losses[i].told)
			continue;
		facts_gap(r, losses[i].told == &r->told.missed_runs ? missed_from : from, to, losses[i].what,
			losses[i].now - *losses[i].told);
		*losses[i].told = losses[i].now;
	}
}

static void watch_clock(struct recorder *r)
{
	struct clock_state now;
	char note[CLOCK_NOTE];

	clock_take(&now);
	if (!clock_changed(&r->clock, &now, note))
		return;
	r->boot_to_real = now.real;
	facts_clock_change(r, r->clock.boot, now.boot, note);
	r->clock = now;
}

static void tell_checkpoint(struct recorder *r)
{
	static uint64_t told;
	uint64_t size;
	const char *note = case_checkpoint(r->writer, &size);

	if (size != told)
		witness_tell(note);
	told = size;
}

/* The sensor's own facts of this epoch, then the checkpoint over all; the last ones of a recording come after it. */
/* Whether all facts are on the disk. */
static bool seal(struct recorder *r, bool last)
{
	bool beat = r->now - r->heartbeat_at >= r->options->heartbeat;
	int error = 0;

	watch_clock(r);
	if (beat && !last)
		facts_heartbeat(r, r->heartbeat_at, r->now);
	if (beat)
		r->heartbeat_at = r->now;
	if (last)
		return false; /* the end is sealed apart: finish() */
	if (case_sequence(r->writer) != r->stats_sequence) {
		facts_stats(r);
		r->stats_sequence = case_sequence(r->writer);
	}
	if (case_turn_due(r->writer) && !case_turn(r->writer, r->fact, clock_real()))
		beat = true;
	else
		error = case_flush(r->writer);
	if (beat) {
		case_retain(r->writer, r->fact, clock_real()); /* what cannot be removed now is so later */
		tell_checkpoint(r);
	}
	return !error;
}

static void epoch(struct recorder *r, bool last)
{
	static uint64_t missed_at;
	uint64_t from = r->epoch_start ? r->epoch_start : clock_boot(), missed_from = missed_at ? missed_at : from;
	bool written, busy = false;
	int error = 0;

	r->now = clock_boot();
	commit_begin(r, PHASE_MERGING);
	recorder_drain(r);
	/* from here on a name may be one of a row that is not swapped out: it must be there if we die after this epoch */
	ring_mark(&r->life_ring);
	ring_mark(&r->files_ring);
	if (r->resume || sensor_dirty(&r->sensor)) {
		busy = true;
		error = r->resume ? 0 : sensor_flip(&r->sensor);
		r->resume = false;
		sensor_drain_recent(&r->sensor, files_row, r);
		drain_names(r);
		if (!error)
			error = sensor_drain_files(&r->sensor, files_row, r);
		if (!error)
			error = sensor_drain_flows(&r->sensor, flows_row, r);
		if (!error)
			error = sensor_drain_transfers(&r->sensor, transfers_row, r);
		if (error)
			facts_gap(r, from, r->now, strerror(-error), 0);
	} else {
		/* no row was made before `now`, so none is missing for what ended before it */
		r->sensor.flipped = r->now;
	}
	commit_begin(r, PHASE_WRITING);
	files_close(r, last);
	flows_close(r, last);
	transfers_close(r, last);
	actions_close(r, last);
	process_end_all(r);
	if (last || r->now - missed_at > (busy ? SECOND / 2 : MISSED_EVERY)) {
		missed_at = clock_boot();
		r->sensor.missed_base = sensor_missed(&r->sensor);
	}
	tell_losses(r, from, missed_from, clock_boot()); /* what the kernel side lost until now, not until `r->now` */
	if (reader_lost())
		facts_gap(r, from, r->now, "the process that reads for quis-record is gone: hashes of executables and control groups may be missing", 0);
	written = seal(r, last);
	/* after the flush: a burst that has just been written for good is known by its first time if we die in between */
	case_open_begin(r->writer);
	r->open = true;
	files_open(r);
	flows_open(r);
	transfers_open(r);
	r->open = false;
	if (case_open_end(r->writer))
		written = false;
	commit(r, written);
	r->epoch_start = r->now;
	notify_alive(r->now);
}

void recorder_found(int tgid, uint32_t flag, void *recorder)
{
	struct recorder *r = recorder;
	void *why = realloc(r->why, (r->why_count + 1) * sizeof(*r->why));

	if (!why)
		return;
	r->why = why;
	r->why[r->why_count].tgid = tgid;
	r->why[r->why_count++].flag = flag;
}

static int snapshot(struct recorder *r)
{
	static const char *const programs[] = {"snapshot_task", "snapshot_file", "snapshot_mapping"};
	int error = flags_mark_running(&r->flags, &r->sensor, recorder_found, r);
	size_t i;

	if (r->sensor.taken_up) {
		recorder_drain(r); /* sensor_open() has looked at all that are followed; what they hold, they held before */
		return error;
	}
	if (error)
		return error;
	for (i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		if (!r->why_count && strcmp(programs[i], "snapshot_file") != 0)
			continue; /* nobody is followed yet; that one finds who holds the ends of others as well */
		error = sensor_iterate(&r->sensor, programs[i], recorder_drain, r);
		if (error && error != -ENOENT)
			say("%s: %s", programs[i], strerror(-error));
	}
	recorder_drain(r);
	return 0;
}

/* ---- confinement ---- */

/* In the reader: it shares nothing with the kernel side, or what was counted could be changed from there. */
static void leave_reader(void *recorder)
{
	struct recorder *r = recorder;

	ring_close(&r->files_ring);
	ring_close(&r->life_ring);
	sensor_unmap(&r->sensor);
}

static void tell_try(const char *what, int error, bool should_work, void *context)
{
	(void)context;
	say("tried: %s: %s (%s)", what, error ? strerrorname_np(error) : "done", should_work ? "should work" : "should be refused");
}

/* Everything is attached, what runs has been looked at, the command's process waits: nothing hostile has been read yet. */
static void confine(struct recorder *r)
{
	struct confine_wants wants = {
		.case_dir = case_directory(r->writer),
		.pin_dir = r->sensor.pin ? r->sensor.pin_dir : -1,
		.map = r->sensor.counters[COUNTED_FILES].now,
		.command = r->command_pid,
		.forks = r->sensor.hooks == HOOKS_TRAMPOLINE,
	};
	size_t i;

	inherited_close();
	if (r->options->config)
		sensor_keep_iterator(&r->sensor);
	wants.reader = reader_start(leave_reader, r);
	confine_recorder(&wants, &r->confinement);
	for (i = 0; i < PROTECTIONS; i++)
		say_more("quis: confinement: %s: %s: %s\n", protection_names[i], r->confinement.list[i].on ? "yes" : "no",
			r->confinement.list[i].what);
	if (r->options->try_confinement)
		confine_try_recorder(wants.case_dir, tell_try, NULL);
}

/* ---- the loop ---- */

struct loop {
	struct recorder *r;
	int epoll, signals;
	uint64_t end;	  /* duration */
	uint64_t give_up; /* a command that was told to end */
	const char *reason;
};

static int loop_init(struct loop *l, struct recorder *r)
{
	struct epoll_event event = {.events = EPOLLIN};
	sigset_t set;
	int fds[3], i;

	memset(l, 0, sizeof(*l));
	l->r = r;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	fds[0] = l->signals;
	fds[1] = sensor_map(&r->sensor, "files_ring");
	fds[2] = sensor_map(&r->sensor, "life_ring");
	for (i = 0; i < 3; i++) {
		/* what was read may stay in a ring: only what wakes us is an event */
		event.events = i ? EPOLLIN | EPOLLET : EPOLLIN;
		if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fds[i], &event))
			return -errno;
	}
	return 0;
}

static void on_signal(struct loop *l, const struct signalfd_siginfo *info)
{
	struct recorder *r = l->r;

	if (info->ssi_signo == SIGCHLD) {
		command_reap(r);
		return;
	}
	if (info->ssi_signo == SIGHUP && r->options->config) {
		reload(r);
		return;
	}
	if (l->reason)
		return;
	l->reason = "signal";
	/* from a terminal the command got it too; from a process only we did */
	if (r->command_pid && !r->command_ended) {
		if (info->ssi_code <= 0)
			kill(r->command_pid, info->ssi_signo);
		l->give_up = clock_boot() + LINGER;
	}
}

static void read_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info))
		on_signal(l, &info);
}

static bool any_marked(const struct recorder *r)
{
	return memchr(r->sensor.marks, MARK_FLAGGED, PID_LIMIT) != NULL;
}

/* Whether the recording is over; sets the reason. */
static bool over(struct loop *l)
{
	struct recorder *r = l->r;
	uint64_t now = clock_boot();

	if (l->end && now >= l->end) {
		l->reason = "duration";
		return true;
	}
	if (l->reason)
		return !l->give_up || r->command_ended || now >= l->give_up;
	if (!r->command_pid || !r->command_ended || r->live)
		return false;
	/* a lost record may have been a child's birth: the marks know */
	if (r->sensor.state->lost_life && any_marked(r))
		return false;
	l->reason = "last process ended";
	return true;
}

static void run_loop(struct loop *l)
{
	struct recorder *r = l->r;
	uint64_t step = r->options->epoch_ms * (SECOND / 1000), next = clock_boot() + step, now;
	struct epoll_event event;
	int wait;

	if (r->sensor.taken_up)
		epoch(r, false); /* what was there is in the case before anything else can happen to us */
	while (!over(l)) {
		now = clock_boot();
		wait = now >= next ? 0 : (next - now + 999999) / 1000000;
		if (r->command_ended && wait > 20)
			wait = 20; /* children that outlive the command: their end is not announced */
		if (l->end && l->end > now && wait > (int)((l->end - now) / 1000000) + 1)
			wait = (l->end - now) / 1000000 + 1;
		epoll_wait(l->epoll, &event, 1, wait);
		read_signals(l);
		recorder_drain(r);
		if (clock_boot() < next && !sensor_filling(&r->sensor) && r->files.count <= r->sensor.file_entries / 2)
			continue;
		epoch(r, false);
		if (r->command_ended && r->live)
			process_look_for_all(r);
		next = clock_boot() + step;
	}
}

static int open_rings(struct recorder *r)
{
	const struct sensor *s = &r->sensor;
	int error = ring_open(&r->files_ring, sensor_map(s, "files_ring"), sensor_ring_size(s, "files_ring"), sensor_ring_wake(s, "files_ring"));

	return error ? error : ring_open(&r->life_ring, sensor_map(s, "life_ring"), sensor_ring_size(s, "life_ring"), sensor_ring_wake(s, "life_ring"));
}

int recorder_tables(struct recorder *r)
{
	int error = table_init(&r->processes, offsetof(struct process, key), sizeof(struct process_key));

	if (!error)
		error = table_init(&r->files, offsetof(struct file_burst, key), sizeof(struct file_key));
	if (!error)
		error = table_init(&r->flows, offsetof(struct flow_burst, key), sizeof(struct flow_key));
	if (!error)
		error = table_init(&r->transfers, offsetof(struct transfer_burst, key), sizeof(struct transfer_key));
	if (!error)
		error = table_init(&r->actions, offsetof(struct action_burst, key), sizeof(struct action_key));
	if (!error)
		error = table_init(&r->places, offsetof(struct place, id), sizeof(uint64_t));
	if (!error)
		error = table_init(&r->refused, offsetof(struct refused_burst, key), sizeof(struct refused_key));
	return error;
}

static void free_process(struct node *node, void *table)
{
	table_remove(table, node);
	process_free((struct process *)node);
}

void recorder_forget(struct recorder *r)
{
	if (r->processes.slots)
		table_each(&r->processes, free_process, &r->processes);
}

static void recorder_done(struct recorder *r)
{
	reader_stop();
	ring_close(&r->files_ring);
	ring_close(&r->life_ring);
	if (r->sensor.object) {
		if (!r->sensor.taken_up) /* else it is still what the next one may take up, unless the end was reached */
			sensor_unpin(&r->sensor);
		sensor_detach_behind(&r->sensor);
		sensor_close(&r->sensor);
	}
	recorder_forget(r);
	table_done(&r->processes);
	files_done(r);
	table_done(&r->flows);
	table_done(&r->transfers);
	table_done(&r->refused);
	table_done(&r->actions);
	table_done(&r->places);
	names_done(r);
	case_close(r->writer);
	witness_close();
	notify_close();
	flags_done(&r->flags);
	self_done(&r->self);
	free(r->why);
	free(r->fact);
}

static int failed(const char *what, int error)
{
	say("%s: %s", what, strerror(-error));
	return EXIT_FAILED;
}

/* What a dead sensor left is taken up if its case can be gone on with; else it is given up, and all is begun anew. */
static int open_sensor(struct recorder *r)
{
	const char *why = NULL;
	int error;

	r->options->sensor.alone = !r->options->command;
	error = sensor_open(&r->sensor, &r->options->sensor, &why);

	if (!error && r->sensor.taken_up) {
		error = continue_case(r);
		if (error == -EBUSY) {
			say("%s: another quis-record writes it", r->options->case_path);
			return EXIT_FAILED;
		}
		if (!error)
			return 0;
		sensor_unpin(&r->sensor);
		sensor_close(&r->sensor);
		memset(&r->sensor, 0, sizeof(r->sensor));
		r->options->sensor.fresh = true;
		error = sensor_open(&r->sensor, &r->options->sensor, &why);
	}
	if (!error)
		return 0;
	say("%s", why);
	return EXIT_NOT_ALLOWED;
}

static int open_case(struct recorder *r)
{
	int error = r->sensor.taken_up ? 0 : create_case(r);

	if (error == -EKEYREJECTED) {
		say("%s: no signing key (quis-record make-key makes one)", r->options->sealing.key);
		return EXIT_FAILED;
	}
	if (error == -EEXIST) {
		say("%s: not empty; a case needs a directory of its own", r->options->case_path);
		return EXIT_FAILED;
	}
	return error ? failed(r->options->case_path, error) : 0;
}

static int open_all(struct recorder *r)
{
	const char *why = NULL;
	int error, status;

	r->fact = xcalloc(1, sizeof(*r->fact));
	clock_take(&r->clock);
	r->boot_to_real = r->clock.real;
	r->heartbeat_at = r->clock.boot;
	status = open_sensor(r);
	if (status)
		return status;
	error = recorder_tables(r);
	if (!error)
		error = open_rings(r);
	if (r->sensor.taken_up)
		flags_forget(&r->sensor);
	if (!error)
		error = flags_arm(&r->flags, &r->sensor);
	if (!error)
		error = follow_arm(&r->options->sensor.follow, &r->sensor);
	if (error)
		return failed("cannot start", error);
	error = witness_open(r->options->checkpoint_to, &why);
	if (error)
		return failed(why, error);
	status = open_case(r);
	if (!status)
		self_init(&r->self, &r->sensor, r->options->case_path);
	return status;
}

static void finish(struct recorder *r, struct loop *l)
{
	uint64_t size;
	int error;

	notify_say("STOPPING=1");
	epoch(r, false);
	/* stop counting, then take what the last moment left */
	epoch(r, true);
	facts_stats(r);
	facts_capture_end(r, l->reason, r->command_status);
	error = case_finish(r->writer);
	sensor_unpin(&r->sensor);
	tell_checkpoint(r);
	if (case_dropped(r->writer) || r->write_errors)
		say("%s: %llu facts could not be written%s", r->options->case_path, (unsigned long long)case_dropped(r->writer),
			error ? ", and its end is not sealed" : "");
	else if (error)
		say("%s: its end is not sealed: %s", r->options->case_path, strerror(-error));
	say_more("quis: %s: %llu facts\n", r->options->case_path, (unsigned long long)case_sequence(r->writer));
	say_more("quis: %s: the newest checkpoint:\n%s", r->options->case_path, case_checkpoint(r->writer, &size));
}

int record_run(struct recorder *r, struct record_options *options)
{
	struct loop loop = {.epoll = -1, .signals = -1};
	int status, error;

	r->options = options;
	r->nice = getpriority(PRIO_PROCESS, 0);
	status = open_all(r);
	if (status)
		goto out;
	error = loop_init(&loop, r);
	if (error) {
		status = failed("cannot start", error);
		goto out;
	}
	/* a ring that fills while we wait for a processor loses names; the command gets its old priority back */
	setpriority(PRIO_PROCESS, 0, SENSOR_NICE);
	if (r->sensor.taken_up)
		continue_counts(r);
	else
		facts_capture_start(r);
	error = snapshot(r);
	if (error) {
		status = failed("cannot look at running processes", error);
		goto out;
	}
	if (!r->sensor.taken_up && !case_flush(r->writer))
		commit_start(r);
	if (options->duration)
		loop.end = clock_boot() + options->duration;
	if (options->command) {
		status = command_start(r, confine);
		if (status) {
			loop.reason = "the command could not be run";
			r->command_status = status;
			finish(r, &loop);
			goto out;
		}
	} else {
		notify_open();
		confine(r);
		notify_say("READY=1");
	}
	run_loop(&loop);
	finish(r, &loop);
	status = options->command ? r->command_status : 0;
	if (options->command && !r->command_ended)
		status = 128 + SIGTERM;
out:
	if (loop.epoll >= 0)
		close(loop.epoll);
	if (loop.signals >= 0)
		close(loop.signals);
	recorder_done(r);
	return status;
}
