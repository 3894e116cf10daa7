/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sensor in userspace. Data goes one way: sensor (kernel side) -> drain -> process, files, flows (merge into bursts) -> facts.
 * Times are nanoseconds of CLOCK_BOOTTIME until facts.c writes them as UTC. Errors are negative errno; main.c says them.
 */
#ifndef QUIS_RECORD_H
#define QUIS_RECORD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/quis.h"
#include "case/case.h"
#include "record/config.h"
#include "record/confine.h"
#include "record/ring.h"
#include "record/table.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_NOT_ALLOWED 77 /* the kernel or the privileges do not allow it */

#define SECOND 1000000000ULL
#define NAME_PRINT(x) (int)(x).length, (x).text

/* "quis: " and one line on stderr; no newline in the format */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
extern bool say_verbose;
extern char say_where[256]; /* stands before what is said: "FILE:LINE: " */
void say_more(const char *format, ...) __attribute__((format(printf, 1, 2))); /* with -v only */
void *xcalloc(size_t count, size_t size);				       /* ends the program with one line when memory is out */
char *xstrndup(const char *text, size_t length);

/* Descriptors that the caller left open belong to the command: noted at the start, closed here when the command has them. */
void inherited_note(void);
void inherited_close(void);

uint64_t clock_boot(void);
uint64_t clock_real(void);

/* ---- flags.c: what is to be followed ---- */

enum flag_kind { FLAG_KIND_PATH, FLAG_KIND_PID, FLAG_KIND_UNIT, FLAG_KIND_CGROUP, FLAG_KIND_PACKAGE, FLAG_KIND_PRODUCT };

struct flag_path {
	char *given, *path; /* as listed; canonical */
};

struct flag {
	enum flag_kind kind;
	char *given; /* as on the command line */
	char *text;  /* "path:/usr/sbin/clamd": what facts say */
	char *path;  /* kind path: canonical; kind cgroup: absolute directory in the cgroup2 mount */
	struct flag_path *paths; /* kind package, product: of its programs, or directories of them */
	size_t path_count;
	int pid;
	bool gone; /* by a new configuration */
};

struct flags {
	struct flag *list;
	size_t count;
};

struct sensor;
struct follow_options;

/* Checks one flag and adds it. Returns 0 or an exit status after having said what is wrong. */
int flags_add(struct flags *flags, enum flag_kind kind, const char *value);
/* Tells the kernel side, before it is attached. */
int flags_arm(const struct flags *flags, struct sensor *sensor);
void flags_forget(struct sensor *sensor); /* those of a dead sensor; what it followed goes on being followed */
/* Marks what runs already, until nothing new is found. `why` is called once for each process that a flag names. */
typedef void (*flags_found)(int tgid, uint32_t flag, void *context);
int flags_mark_running(const struct flags *flags, struct sensor *sensor, flags_found found, void *context);
void flags_done(struct flags *flags);
/* Takes one flag over, which is left empty, and arms it; takes one back. What is followed already goes on being followed. */
int flags_take(struct flags *flags, struct flag *flag, struct sensor *sensor);
int flags_disarm(const struct flags *flags, struct sensor *sensor, size_t index);
bool flag_runs_path(int pid, const char *path); /* needs to see /proc/PID/exe: the reader's */
char *flag_canonical(const char *given); /* the real path of what exists of it, then the rest as given; NULL: not absolute */
/* targets.c: from flag->given to flag->paths and flag->text; an exit status after having said what is wrong. */
int flag_set_package(struct flag *flag);
int flag_set_product(struct flag *flag);
/* FNV-1a as bpf/path.h has it. */
uint64_t flag_hash(const char *text, size_t length);
uint64_t flag_hash_from(uint64_t start, const char *text, size_t length);
/* follow.c: the programs that --follow-ipc never flags. */
int follow_arm(const struct follow_options *options, struct sensor *sensor);

/* ---- sensor.c: the kernel side: load, attach, flip, count ---- */

enum hooks { HOOKS_BEST, HOOKS_TRAMPOLINE, HOOKS_TRACEPOINT };

/* --follow-ipc */
#define FOLLOW_DEPTH 2
#define FOLLOW_COUNT 16
#define FOLLOW_COUNT_MAX 4096
#define FOLLOW_NOT_MAX 256

struct follow_options {
	bool on;
	uint32_t depth; /* hand-overs from a flagged process, up to MARK_DEPTH_MAX */
	uint32_t count; /* processes flagged so in one recording */
	const char *not[FOLLOW_NOT_MAX]; /* programs that are never flagged so, besides the known ones */
	size_t not_count;
};

struct sensor_options {
	enum hooks hooks;
	const char *btf;       /* file, NULL: the running kernel's */
	uint32_t ring_bytes;   /* 0: as in the object */
	uint32_t file_entries; /* 0: as in the object */
	struct follow_options follow;
	const char *hide;      /* for tests: a kernel symbol to treat as absent */
	bool cost;	       /* keep what the verifier says of its work */
	const char *pin;       /* directory on a BPF file system */
	bool fresh;	       /* what lies there is not taken up */
	bool alone;	       /* no command will be started, which would inherit a filter */
};

/* A program that should be attached and is not. */
struct missing_hook {
	char program[64];
	const char *why;
	bool refused; /* the kernel has the place, and did not let us */
};

#define MISSING_MAX 256

/* What is counted in maps that are flipped. */
enum counted { COUNTED_FILES, COUNTED_FLOWS, COUNTED_TRANSFERS, COUNTED };

struct bpf_program;

struct sensor {
	struct bpf_object *object;
	struct bpf_link *task_iterator; /* kept: none can be made after confinement */
	struct bpf_link **links;
	const char **link_names; /* of their programs */
	size_t link_count;
	const char *pin; /* directory, NULL: nothing is pinned */
	int pin_dir;
	bool taken_up;	 /* it was a dead sensor's ... */
	int predecessor; /* ... with this pid */
	int *programs;	 /* then: those that run */
	size_t program_count;
	enum hooks hooks; /* in effect */
	struct sensor_state *state;
	u8 *marks;
	struct recent *recent; /* of each slot; NULL: pinned, where all that is counted must be in the maps */
	uint32_t recent_slots; /* 0: none */
	struct {
		int now;     /* the map of maps, with the one that counts */
		int maps[2];
	} counters[COUNTED];
	uint32_t file_entries;
	int counting; /* which of the two counts now */
	uint64_t flipped; /* all that happened before is in what was drained */
	char *logs; /* of the verifier, LOG_BYTES a program; with options.cost only */
	struct missing_hook missing[MISSING_MAX];
	size_t missing_count;
	uint64_t missed_base; /* unused runs of other users are not ours */
};

/* 0; -EPERM, -ENOENT (no BTF), -ENOTSUP...: `ret_why` holds one line then. */
int sensor_open(struct sensor *sensor, const struct sensor_options *options, const char **ret_why);

void sensor_close(struct sensor *sensor);
void sensor_unpin(struct sensor *sensor);
void sensor_unmap(struct sensor *sensor);	 /* lets go of the memory that is shared with the kernel side */
void sensor_detach_behind(struct sensor *sensor); /* the last thing before the program ends */
int sensor_map(const struct sensor *sensor, const char *name);
uint32_t sensor_ring_size(const struct sensor *sensor, const char *name); /* bytes */
uint32_t sensor_ring_wake(const struct sensor *sensor, const char *name); /* bytes: with more in it, the programs wake quis-record */
/* How many instructions the verifier walked through for each program that was loaded. */
typedef void (*cost_fn)(const char *program, unsigned long instructions, void *context);
void sensor_costs(const struct sensor *sensor, cost_fn fn, void *context);
bool sensor_dirty(const struct sensor *sensor);
bool sensor_filling(const struct sensor *sensor); /* half of the rows are in use */
/* Swaps the counting maps; afterwards nothing writes to the old ones. */
int sensor_flip(struct sensor *sensor);
/* With pins: rows stay in the map until they are in the case. Returns how many were there. */
uint64_t sensor_clear(struct sensor *sensor);
bool sensor_attached(const struct sensor *sensor, const struct bpf_program *program);
typedef void (*file_row_fn)(const struct file_key *key, const struct file_row *row, void *context);
typedef void (*flow_row_fn)(const struct flow_key *key, const struct flow_row *row, void *context);
typedef void (*transfer_row_fn)(const struct transfer_key *key, const struct transfer_row *row, void *context);
/* What was opened last; after a flip, and before the rings are emptied, where the names of these rows are. */
void sensor_drain_recent(struct sensor *sensor, file_row_fn fn, void *context);
int sensor_drain_files(struct sensor *sensor, file_row_fn fn, void *context);
int sensor_drain_flows(struct sensor *sensor, flow_row_fn fn, void *context);
int sensor_drain_transfers(struct sensor *sensor, transfer_row_fn fn, void *context);
uint64_t sensor_missed(const struct sensor *sensor); /* runs that the kernel left out (recursion_misses) */
/* Runs an iterator program in small steps; `between` empties the rings. -ENOENT: not on this kernel. */
void sensor_keep_iterator(struct sensor *sensor); /* of tasks: it can be run after confinement too */
int sensor_iterate(struct sensor *sensor, const char *program, void (*between)(void *), void *context);
struct bpf_program *sensor_program(const struct sensor *sensor, const char *name);

/* ---- uses.c: which ways a session used, for `unseen` ---- */

enum use {
	USE_ALWAYS, /* not known, or no matter */
	USE_THREADS,
	USE_URING,
	USE_AIO,
	USE_32,
	USE_MAP,
	USE_ARGUMENT, /* an action whose path is the argument given */
	USE_RUNNING,  /* processes that ran before the recording */
	USE_CGROUP,
	USE_MEMORY,
	USE_DISK,
	USE_KERNEL_MEMORY,
	USE_MODULE,
	USE_BPF_PROGRAM,
	USE_KEXEC,
	USE_SENSOR,
	USE_NETWORK, /* a flow with an address */
	USE_IPC,     /* shared memory or message queues, of System V or POSIX */
	USE_DATAGRAM, /* a unix datagram socket that is no pair */
	USE_RECEIVED, /* an open file that came over a unix socket */
	USE_COUNT,
};

struct use_seen {
	uint64_t count;
	uint32_t tgid; /* of the first, with what it is called and what it used */
	char comm[COMM_SIZE];
	char what[256];
};

struct uses {
	struct use_seen seen[USE_COUNT];
};

struct recorder;
struct action_kind;
struct file_burst;

void uses_action(struct recorder *r, const struct record_action *record, const struct action_kind *kind, bool argument_path);
void uses_file(struct recorder *r, const struct file_burst *b);
void uses_note(struct recorder *r, enum use use, uint64_t start, uint32_t tgid, const char *what, size_t length);
void uses_finish(struct recorder *r); /* before the last facts */
bool use_of(const struct uses *uses, enum use use);

/* a string within a record; {NULL, 0} when it is not known or would lie outside */
struct text_view {
	const char *text;
	size_t length;
};

/* ---- self.c: attempts against quis itself ---- */

enum self_part { SELF_NONE, SELF_PROCESS, SELF_CASE, SELF_LINK, SELF_MAP, SELF_PROGRAM };

struct self {
	int pid, group;
	int predecessor; /* that died, and what killed it comes out of the ring now; 0: none */
	char *case_path; /* canonical */
	size_t case_length;
	char memory[32]; /* /proc/PID/mem */
	struct {
		enum self_part part;
		uint32_t id;
	} *ids; /* of our BPF objects */
	size_t id_count;
};

void self_init(struct self *self, const struct sensor *sensor, const char *case_path);
void self_done(struct self *self);
/* What of quis an action is aimed at. */
enum self_part self_of_action(const struct self *self, const struct record_action *record, struct text_view path, struct text_view to);
void self_file(struct recorder *r, const struct file_burst *b);
const char *self_name(enum self_part part);

/* ---- process.c ---- */

struct process_key {
	uint64_t start;
	uint64_t tgid;
};

struct process {
	struct node node;
	struct process_key key;
	struct process_key parent;
	bool parent_flagged;
	bool started_written;
	bool ended;
	uint64_t end_time;
	int code;
	bool live; /* the command's end waits for it */
	uint32_t flag;
	uint32_t by;   /* with FLAG_IPC: who handed data to it */
	bool stranger; /* flagged by --follow-ipc, or below such a one: it is not `live` */
	uint32_t uid, gid;
	bool ids_known;
	char comm[COMM_SIZE];
	char *exe; /* for children that only fork */
	size_t exe_length;
	uint32_t exe_dev;
	uint64_t exe_ino;
	char *cwd, *args;
	size_t cwd_length, args_length;
	char *cgroup;
	char hash[65];
};

/* ---- files.c, flows.c, transfers.c: bursts ---- */

struct name {
	char *text;
	uint32_t length;
	uint32_t flags; /* enum path_flags */
};

#define SHORT_PATH 88 /* nine of ten are shorter */

#define GIVERS_KEPT 16

struct givers {
	uint32_t tgid[GIVERS_KEPT]; /* in the order in which they came up */
	uint16_t count;
	bool more; /* there were others, or such as are not known */
};

/* What most files have nothing of: a hundred thousand bursts may be open at once. */
struct file_more {
	struct givers givers;
	struct name view, lower;
	uint64_t lower_ino;
	uint32_t lower_dev;
	uint32_t lower_layer;
};

struct file_burst {
	struct node node;
	struct file_key key;
	struct file_row sum;
	struct name path; /* its text may be short_path */
	char short_path[SHORT_PATH];
	struct file_more *more; /* NULL: nothing of it */
	uint64_t name_time;
	uint32_t mode, rdev, magic;
};

struct flow_burst {
	struct node node;
	struct flow_key key;
	struct flow_row sum;
	struct record_flow ends; /* text refs unused */
	char *local_path, *remote_path;
	char *peer_executable; /* of ends.peer, when it was first met */
	uint64_t name_time;
	bool ends_known;
};

struct transfer_end {
	struct name path;
	uint32_t mode; /* 0: not known */
};

struct transfer_burst {
	struct node node;
	struct transfer_key key;
	struct transfer_row sum;
	struct transfer_end from, to; /* of files */
	char *remote_path;	      /* of a unix socket */
	bool abstract;
};

struct refused_key {
	uint64_t start;
	uint64_t tgid;
	uint64_t path_hash;
	uint64_t error;
};

struct refused_burst {
	struct node node;
	struct refused_key key;
	struct name path;
	uint64_t count, first, last;
};

/* ---- actions.c ---- */

#define ACTION_DETAILS 4

enum argument_form { ARG_INT, ARG_OCTAL, ARG_HEX, ARG_HEX64, ARG_FAMILY, ARG_BYTES, ARG_PROGRAM, ARG_ATTACH };

struct action_kind {
	uint32_t nr; /* x86-64; the table is sorted by it */
	const char *name;
	uint32_t place; /* nr that places of this kind have; 0: none */
	struct {
		const char *name;
		uint8_t argument;
		uint8_t form;
	} details[ACTION_DETAILS];
};

struct action_key {
	uint64_t start;
	uint64_t names, detail;
	uint32_t tgid;
	uint32_t error;
};

struct action_burst {
	struct node node;
	struct action_key key;
	const struct action_kind *kind;
	uint64_t args[6];
	uint64_t count, bytes, first, last;
	struct name path, to;
	bool kernel;
	enum self_part part; /* of quis itself, that it is aimed at */
};

struct place {
	struct node node;
	uint64_t id;
	uint64_t time;
	uint32_t nr;
	struct name path, to;
};

/* ---- clock.c ---- */

struct clock_state {
	uint64_t boot;		/* when it was taken */
	int64_t real, suspended; /* CLOCK_REALTIME and CLOCK_BOOTTIME less CLOCK_MONOTONIC, both less boot time or since boot */
	bool synchronised;
};

#define CLOCK_NOTE 256

void clock_take(struct clock_state *now);
/* What has happened to the clocks since `before`, in words, 0 when nothing has. Small steps add up: `before` stays until one is told. */
bool clock_changed(const struct clock_state *before, const struct clock_state *now, char note[CLOCK_NOTE]);

/* ---- witness.c: checkpoints that leave the case ---- */

enum checkpoint_way { CHECKPOINT_JOURNAL, CHECKPOINT_SYSLOG, CHECKPOINT_STDERR, CHECKPOINT_WAYS };

bool witness_way(const char *name, unsigned *ways);
/* Opens the sockets, before the sensor may not any more. 0 or negative; `ret_way` names what is not there. */
int witness_open(unsigned ways, const char **ret_way);
void witness_tell(const char *note);
void witness_close(void);

/* ---- recorder.c: one recording ---- */

struct record_options {
	const char *case_path;
	const char *case_number, *examiner, *note;
	uint64_t duration; /* ns, 0: none */
	uint64_t heartbeat; /* ns */
	struct case_options sealing;
	unsigned checkpoint_to; /* 1 << enum checkpoint_way */
	uint32_t epoch_ms;
	bool verbose;
	bool try_confinement; /* for tests */
	const char *config_path; /* NULL: none */
	struct config *config;
	/* From a configuration, as from the command line; says what is wrong. 0 or an exit status. */
	int (*take_config)(const struct config *config, struct record_options *options, struct flags *flags);
	struct sensor_options sensor;
	char **command; /* run: NULL-terminated */
	bool any_flag;
};

struct recorder {
	struct sensor sensor;
	struct flags flags;
	struct record_options *options;
	struct case_writer *writer;
	struct ring files_ring, life_ring;
	bool names_only; /* of records that another sensor has told */
	bool resume; /* the first epoch is a dead sensor's: its counters are swapped out already */
	struct table processes, files, flows, transfers, refused, actions, places;
	struct node *spare_files; /* bursts to use again */
	size_t spare_files_count;
	struct uses uses;
	struct self self;
	struct {
		int tgid;
		uint32_t flag;
	} *why; /* running processes that a flag names */
	size_t why_count;
	uint64_t boot_to_real; /* add to boot time */
	uint64_t now;	       /* of this epoch */
	size_t live;
	uint64_t process_changes; /* of what is known of any */
	uint64_t rows, unresolved, bad_records, write_errors;
	struct names *names;
	uint64_t names_bad; /* messages that should hold a name and hold none that can be shown */
	struct {
		uint64_t records, map_full, missed_runs, payload;
	} told; /* losses that a gap fact holds already */
	uint64_t epoch_start;
	uint64_t dropped_told;
	int nice; /* as we were started, for the command */
	int command_pid, command_status;
	bool command_ended;
	struct fact *fact; /* 32 KiB: one for all */
	bool open; /* facts go to open.ndjson */
	char case_path[4200];
	uint64_t stats_sequence; /* of the last stats fact */
	uint64_t heartbeat_at;
	struct clock_state clock;
	struct confinement confinement;
};

struct process *process_get(struct recorder *r, uint64_t start, uint32_t tgid);
void process_record_exec(struct recorder *r, const struct record_exec *record);
void process_record_fork(struct recorder *r, const struct record_fork *record);
void process_record_exit(struct recorder *r, const struct record_exit *record);
void process_look_for_all(struct recorder *r); /* what has vanished does not count as live */
void process_end_all(struct recorder *r); /* those whose last counters were merged: writes the end, forgets them */
void process_free(struct process *p);

void files_record(struct recorder *r, const struct record_file *record);
void files_refused(struct recorder *r, const struct record_head *head, int error, struct text_view path);
/* `result`: 0 or a negative errno */
void files_looked(struct recorder *r, const struct record_head *head, int64_t result, struct text_view path);
void files_row(const struct file_key *key, const struct file_row *row, void *recorder);
void files_close(struct recorder *r, bool all); /* writes the bursts that have ended */
void files_open(struct recorder *r);		  /* ... and here those that have not, with recorder.open set */
void files_done(struct recorder *r);
void flows_record(struct recorder *r, const struct record_flow *record);
void flows_row(const struct flow_key *key, const struct flow_row *row, void *recorder);
void flows_close(struct recorder *r, bool all);
void flows_open(struct recorder *r);
void transfers_record(struct recorder *r, const struct record_transfer *record);
void transfers_row(const struct transfer_key *key, const struct transfer_row *row, void *recorder); /* after those of files and flows: they name it */
void transfers_close(struct recorder *r, bool all);
void transfers_open(struct recorder *r);

/* names.c: an address has got a name */
struct name_found {
	const char *name, *source;
	const char *address; /* NULL: the flow's remote end */
	const char *alias;   /* the name at the end of the CNAMEs, where it is another; or NULL */
	const char *alpn;    /* or NULL */
	bool ech;	     /* the name may be the outer one only */
	bool proxied;	     /* the remote end is a proxy, and the name is of who is behind it */
};

void names_record(struct recorder *r, const struct record_payload *record);
void names_done(struct recorder *r);

/* A name of which `given` bytes are the argument, what is before them the path that it is relative to; `text` takes it. */
struct text_view joined(const struct record_head *head, struct text_ref ref, uint32_t given, char text[SCRATCH_BYTES]);
void actions_record(struct recorder *r, const struct record_action *record);
void actions_place(struct recorder *r, const struct record_place *record);
void actions_close(struct recorder *r, bool all);
const char *program_type_name(uint64_t type); /* programs.c: as the kernel has it; NULL: not known */
const char *attach_type_name(uint64_t type);

/* facts.c */
void facts_action(struct recorder *r, const struct action_burst *b);
void facts_capture_start(struct recorder *r);
void facts_capture_end(struct recorder *r, const char *reason, int status);
void facts_process_start(struct recorder *r, const struct process *p, const char *event, uint64_t time, const struct record_exec *record);
void facts_process_end(struct recorder *r, const struct process *p);
void facts_file(struct recorder *r, const struct file_burst *b);
void facts_looked(struct recorder *r, const struct file_burst *b); /* of a name */
void facts_refused(struct recorder *r, const struct refused_burst *b);
void facts_flow(struct recorder *r, const struct flow_burst *b);
void facts_transfer(struct recorder *r, const struct transfer_burst *b);
void facts_name(struct recorder *r, const struct record_payload *record, const struct name_found *found);
void facts_stats(struct recorder *r);
void facts_continued(struct recorder *r, const char *note);
void facts_config_change(struct recorder *r, const char *note);
void facts_heartbeat(struct recorder *r, uint64_t from, uint64_t to);
void facts_clock_change(struct recorder *r, uint64_t from, uint64_t to, const char *note);
void facts_gap(struct recorder *r, uint64_t from, uint64_t to, const char *what, uint64_t count);

/* notify.c: the service manager, if there is one */
void notify_open(void);
void notify_say(const char *state);
void notify_alive(uint64_t now);
void notify_close(void);

/* hash.c: SHA-256 of an executable, in hex, if the file still is the one that the kernel named. Cached. */
bool hash_executable(int tgid, const char *path, size_t length, uint32_t dev, uint64_t ino, char ret_hex[65]);
/* SHA-256 of bytes in memory. */
void hash_bytes(const void *bytes, size_t length, char ret_hex[65]);
bool hash_self(char ret_hex[65]);

void recorder_drain(void *recorder); /* empties the rings */
/* continued.c: what outlives the sensor, when it is pinned */
void commit_start(struct recorder *r);
void commit_begin(struct recorder *r, uint32_t phase);
void commit_drained(struct recorder *r); /* the rings were read */
void commit(struct recorder *r, bool written); /* the epoch is in the case */
int create_case(struct recorder *r);
int continue_case(struct recorder *r); /* with programs that were taken up. -ESTALE: there is no going on with this case */
void continue_counts(struct recorder *r);
void recorder_take(void *recorder, const void *record, size_t size); /* a record of a ring: hostile input */
int recorder_tables(struct recorder *r);
void recorder_forget(struct recorder *r); /* all processes */
void recorder_found(int tgid, uint32_t flag, void *recorder);
void reload(struct recorder *r); /* reload.c: SIGHUP */
int record_run(struct recorder *r, struct record_options *options); /* returns the exit status */
int doctor_main(int argc, char **argv);
int make_key_main(int argc, char **argv);

struct text_view record_text(const struct record_head *head, struct text_ref ref);

#endif
