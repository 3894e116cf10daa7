/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/layout.h"
#include "record/sensor_private.h"
#include "record/confine.h"
#include "record/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <cap-ng.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

extern const char quis_bpf_object[], quis_bpf_object_end[];

#define SCRATCH_SLOTS_MAX 64
#define RECENT_SLOTS_MAX 256
#define LOAD_TRIES 12
#define KERNEL_TYPES "/sys/kernel/btf/vmlinux"
#define LOG_BYTES 65536 /* a line for each function that is proved apart, and the statistics */
#define LOG_STATISTICS 4 /* BPF_LOG_STATS, include/linux/bpf_verifier.h */

static char failed_program[64];
static char last_words[512];

/* libbpf says which program failed only in words: kept for the one line that we say ourselves */
static int on_libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[512];
	char *at, *end;
	va_list again;

	if (level == LIBBPF_DEBUG)
		return 0;
	va_copy(again, args);
	if (say_verbose)
		vfprintf(stderr, format, again);
	va_end(again);
	vsnprintf(line, sizeof(line), format, args);
	at = strstr(line, "prog '");
	end = at ? strchr(at + 6, '\'') : NULL;
	if (end && strstr(line, "failed to load"))
		snprintf(failed_program, sizeof(failed_program), "%.*s", (int)(end - at - 6), at + 6);
	if (level == LIBBPF_WARN && !strstr(line, "BEGIN PROG") && !strstr(line, "failed to load object") &&
		!strstr(line, "try raising") && !strstr(line, "failed to load: "))
		snprintf(last_words, sizeof(last_words), "%.*s", (int)strcspn(line, "\n"), line);
	return 0;
}

const char *sensor_last_words(void)
{
	return last_words;
}

static bool privileged(void)
{
	return capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) && capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON) &&
	       capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_PTRACE);
}

/* Marks are kept by the kernel's own process ids. The number is PROC_PID_INIT_INO, include/linux/proc_ns.h. */
static bool initial_pids(void)
{
	char link[64];
	ssize_t length = readlink("/proc/self/ns/pid", link, sizeof(link) - 1);

	if (length < 0)
		return true;
	link[length] = '\0';
	return !strcmp(link, "pid:[4026531836]");
}

/* The kernel symbol that a program hangs on, as BTF names it. */
static void target_of(const struct bpf_program *program, char *name, size_t size)
{
	const char *section = bpf_program__section_name(program);
	const char *slash = strchr(section, '/');
	const char *target = slash ? slash + 1 : section;

	if (!strncmp(section, "tp_btf/", 7))
		snprintf(name, size, "btf_trace_%s", target);
	else if (!strncmp(section, "iter/", 5))
		snprintf(name, size, "bpf_iter_%s", target);
	else
		snprintf(name, size, "%s", target);
}

/* For tests: as if the kernel had no such symbol. */
static bool hidden(const struct bpf_program *program, const char *hide)
{
	char name[128];

	target_of(program, name, sizeof(name));
	return hide && (!strcmp(name, hide) || (!strncmp(name, "btf_trace_", 10) && !strcmp(name + 10, hide)));
}

static bool target_exists(const struct btf *btf, const struct bpf_program *program, const char *hide)
{
	char name[128];
	int kind = !strncmp(bpf_program__section_name(program), "tp_btf/", 7) ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC;

	if (hidden(program, hide))
		return false;
	target_of(program, name, sizeof(name));
	return btf__find_by_name_kind(btf, name, kind) > 0;
}

static bool is_trampoline(const struct bpf_program *program)
{
	return !strncmp(bpf_program__section_name(program), "fentry/", 7) || !strncmp(bpf_program__section_name(program), "fexit/", 6);
}

static bool is_call(const struct bpf_program *program)
{
	return !strncmp(bpf_program__section_name(program), "fexit/__", 8);
}

/* Programs without which there is nothing to record. */
static bool is_needed(const struct bpf_program *program)
{
	static const char *const needed[] = {"sys_exit", "process_exec", "process_fork", "process_exit"};
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!strcmp(bpf_program__name(program), needed[i]))
			return true;
	return false;
}

static void set_constant(struct bpf_object *object, const char *name, const void *value, size_t size)
{
	const struct btf *btf = bpf_object__btf(object);
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section = btf__type_by_id(btf, id);
	const struct btf_var_secinfo *var = btf_var_secinfos(section);
	struct bpf_map *map;
	size_t length;
	char *bytes;
	int i;

	bpf_object__for_each_map(map, object)
		if (strstr(bpf_map__name(map), ".rodata") && !strstr(bpf_map__name(map), ".rodata."))
			break;
	bytes = map ? (char *)bpf_map__initial_value(map, &length) : NULL;
	for (i = 0; bytes && i < btf_vlen(section); i++) {
		const struct btf_type *type = btf__type_by_id(btf, var[i].type);

		if (!strcmp(btf__name_by_offset(btf, type->name_off), name) && var[i].offset + size <= length)
			memcpy(bytes + var[i].offset, value, size);
	}
}

static uint32_t power_of_two(uint32_t value)
{
	uint32_t power = 1;

	while (power < value)
		power *= 2;
	return power;
}

static bool has_typed_loads(const struct btf *btf, const struct sensor_options *options)
{
	return !(options->hide && !strcmp(options->hide, "bpf_rdonly_cast")) && layout_typed_loads(btf);
}

static void size_maps(struct sensor *sensor, const struct sensor_options *options, const struct btf *btf)
{
	struct bpf_map *files_ring = bpf_object__find_map_by_name(sensor->object, "files_ring");
	uint32_t slots = power_of_two(libbpf_num_possible_cpus() * 2);
	uint64_t files_wake, life_wake;
	uint8_t cqe = layout_uring(btf) == URING_ENTRY;
	uint8_t request_at = layout_uring_request(btf);
	uint8_t attribute_at = layout_xattr_dentry(btf);
	uint32_t shots_mask = layout_request_flag(btf, "REQ_F_APOLL_MULTISHOT_BIT") | layout_request_flag(btf, "REQ_F_MULTISHOT_BIT");
	uint8_t faults = btf__find_by_name_kind(btf, "btf_trace_mm_filemap_fault", BTF_KIND_TYPEDEF) > 0;
	uint8_t depth = options->follow.on ? options->follow.depth : 0;
	uint8_t typed = has_typed_loads(btf, options);

	if (slots > SCRATCH_SLOTS_MAX)
		slots = SCRATCH_SLOTS_MAX;
	if (slots < 4)
		slots = 4;
	bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "scratch"), slots);
	sensor->recent_slots = sensor->pin ? 0 : power_of_two(libbpf_num_possible_cpus());
	if (sensor->recent_slots > RECENT_SLOTS_MAX)
		sensor->recent_slots = RECENT_SLOTS_MAX;
	bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "recent_files"), sensor->recent_slots ? sensor->recent_slots : 1);
	if (options->ring_bytes)
		bpf_map__set_max_entries(files_ring, options->ring_bytes);
	/* an inner hash need not be as large as its template: bpf_map_meta_equal(), kernel/bpf/map_in_map.c */
	if (options->file_entries)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "file_rows"), options->file_entries);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "followed"), depth ? options->follow.count : 1);
	if (!depth)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "ends"), 1);
	files_wake = sensor_ring_wake(sensor, "files_ring");
	life_wake = sensor_ring_wake(sensor, "life_ring");
	set_constant(sensor->object, "typed_loads", &typed, sizeof(typed));
	set_constant(sensor->object, "faults_told", &faults, sizeof(faults));
	if (!faults) {
		bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "mapped"), 1);
		bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "faulting"), 1);
	}
	set_constant(sensor->object, "follow_depth", &depth, sizeof(depth));
	set_constant(sensor->object, "uring_cqe", &cqe, sizeof(cqe));
	set_constant(sensor->object, "uring_request_at", &request_at, sizeof(request_at));
	set_constant(sensor->object, "xattr_dentry_at", &attribute_at, sizeof(attribute_at));
	set_constant(sensor->object, "uring_shots_mask", &shots_mask, sizeof(shots_mask));
	set_constant(sensor->object, "scratch_slots", &slots, sizeof(slots));
	set_constant(sensor->object, "recent_slots", &sensor->recent_slots, sizeof(sensor->recent_slots));
	set_constant(sensor->object, "files_wake", &files_wake, sizeof(files_wake));
	set_constant(sensor->object, "life_wake", &life_wake, sizeof(life_wake));
}

struct refusals {
	char names[LOAD_TRIES][64];
	size_t count;
};

static bool refused(const struct refusals *refusals, const char *name)
{
	size_t i;

	for (i = 0; i < refusals->count; i++)
		if (!strcmp(refusals->names[i], name))
			return true;
	return false;
}

static void hook_missing(struct sensor *sensor, const struct bpf_program *program, const char *why, bool refused)
{
	struct missing_hook *m = &sensor->missing[sensor->missing_count];

	if ((!strncmp(bpf_program__name(program), "uring_submit", 12) || !strcmp(bpf_program__name(program), "uring_overflow")) && !refused)
		return; /* one of two names of one hook; what both missing means, uring_complete says */
	if ((!strcmp(bpf_program__name(program), "page_fault_around") || !strcmp(bpf_program__name(program), "sender_attached")) && !refused)
		return; /* the kernel has both or none: page_fault says it; before 6.10 sender_copied is told all */
	if (sensor->missing_count == MISSING_MAX)
		return;
	snprintf(m->program, sizeof(m->program), "%s", bpf_program__name(program));
	m->why = why;
	m->refused = refused;
	sensor->missing_count++;
}

/* A call that this kernel does not have cannot be made either: nothing of it stays unseen. */
static bool call_exists(const struct bpf_program *program)
{
	const char *wanted = strchr(bpf_program__section_name(program), '/') + 1;
	char line[256], name[128];
	bool found = false;
	FILE *symbols = fopen("/proc/kallsyms", "re");

	if (!symbols)
		return true;
	while (!found && fgets(line, sizeof(line), symbols))
		found = sscanf(line, "%*s %*s %127s", name) == 1 && !strcmp(name, wanted);
	fclose(symbols);
	return found;
}

static void choose_programs(struct sensor *sensor, const struct btf *btf, const struct sensor_options *options,
	const struct refusals *refusals)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, sensor->object) {
		bool wanted = is_trampoline(program) ? sensor->hooks == HOOKS_TRAMPOLINE :
			      !strcmp(bpf_program__name(program), "sys_exit") ? sensor->hooks == HOOKS_TRACEPOINT :
									   true;
		bool exists = target_exists(btf, program, options->hide) &&
			      (strncmp(bpf_program__name(program), "uring_", 6) || layout_uring(btf) != URING_NO_REQUEST);
		bool bad = refused(refusals, bpf_program__name(program));

		/* 6.1 has that function too, and most that find no room do not come through it: not before those of multishots have one */
		if (!strcmp(bpf_program__name(program), "uring_overflowed"))
			exists &= btf__find_by_name_kind(btf, "io_req_post_cqe", BTF_KIND_FUNC) > 0;
		if (wanted && !exists && (!is_call(program) || hidden(program, options->hide) || call_exists(program)))
			hook_missing(sensor, program, "this kernel has no such hook", hidden(program, options->hide));
		else if (wanted && bad)
			hook_missing(sensor, program, "this kernel refused the program", true);
		bpf_program__set_autoload(program, wanted && exists && !bad);
	}
}

/* bpf_prog_info tells verified_insns from 5.16 on only; the log has told since 5.2. */
static void keep_logs(struct sensor *sensor)
{
	struct bpf_program *program;
	size_t count = 0;

	bpf_object__for_each_program(program, sensor->object)
		count++;
	free(sensor->logs);
	sensor->logs = xcalloc(count, LOG_BYTES);
	count = 0;
	bpf_object__for_each_program(program, sensor->object) {
		bpf_program__set_log_buf(program, sensor->logs + LOG_BYTES * count++, LOG_BYTES);
		bpf_program__set_log_level(program, LOG_STATISTICS);
	}
}

void sensor_costs(const struct sensor *sensor, cost_fn fn, void *context)
{
	struct bpf_program *program;
	const char *log = sensor->logs, *at;

	bpf_object__for_each_program(program, sensor->object) {
		at = strstr(log, "processed ");
		if (bpf_program__autoload(program) && at)
			fn(bpf_program__name(program), strtoul(at + strlen("processed "), NULL, 10), context);
		log += LOG_BYTES;
	}
}

/*
 * The file of types is named even if it is the kernel's own: else libbpf looks in modules for types that this kernel lacks, which takes
 * CAP_SYS_ADMIN (bpf_core_find_cands() in libbpf.c), and the service has not.
 */
static struct bpf_object_open_opts open_options_for(const struct sensor_options *options)
{
	return (struct bpf_object_open_opts){
		.sz = sizeof(struct bpf_object_open_opts), .btf_custom_path = options->btf ? options->btf : KERNEL_TYPES, .object_name = "quis"};
}

/* The first hook that is not there and cannot be done without. */
static const char *needed_missing(const struct sensor *sensor)
{
	size_t i;

	for (i = 0; i < sensor->missing_count; i++) {
		const struct bpf_program *program = bpf_object__find_program_by_name(sensor->object, sensor->missing[i].program);

		if (program && is_needed(program))
			return bpf_program__section_name(program);
	}
	return NULL;
}

static bool is_loaded(const struct sensor *sensor, const char *program)
{
	return bpf_program__autoload(bpf_object__find_program_by_name(sensor->object, program));
}

/* What the handlers do by themselves where a program does not do it for them; then its map takes no room. */
static void tell_handlers(struct sensor *sensor)
{
	uint8_t objects = is_loaded(sensor, "look"), aio = is_loaded(sensor, "aio_complete"), files = is_loaded(sensor, "file_held");
	uint8_t shots = is_loaded(sensor, "uring_posted"), overflows = is_loaded(sensor, "uring_overflowed");
	uint8_t skips = is_loaded(sensor, "uring_flush") && is_loaded(sensor, "uring_freed");
	uint8_t senders = is_loaded(sensor, "sender_copied") && is_loaded(sensor, "sender_told");

	set_constant(sensor->object, "aio_told", &aio, sizeof(aio));
	set_constant(sensor->object, "uring_shots_told", &shots, sizeof(shots));
	set_constant(sensor->object, "uring_overflows_told", &overflows, sizeof(overflows));
	set_constant(sensor->object, "uring_skips_told", &skips, sizeof(skips));
	set_constant(sensor->object, "object_stats", &objects, sizeof(objects));
	set_constant(sensor->object, "held_told", &files, sizeof(files));
	set_constant(sensor->object, "senders_told", &senders, sizeof(senders));
	if (!skips)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "uring_untolds"), 1);
	if (!aio)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "aio_owners"), 1);
	if (!files)
		bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "held"), 1);
	if (senders)
		return;
	bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "rights_sent"), 1);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(sensor->object, "rights_got"), 1);
}

/* One program that the kernel refuses takes down itself alone: it is left out and the rest is tried again. */
static int load(struct sensor *sensor, const struct btf *btf, const struct sensor_options *options)
{
	struct bpf_object_open_opts open_options = open_options_for(options);
	struct refusals refusals = {.count = 0};
	struct bpf_program *program;
	const char *needed;
	int error, i;

	for (i = 0; i < LOAD_TRIES; i++) {
		sensor->object =
			bpf_object__open_mem(quis_bpf_object, quis_bpf_object_end - quis_bpf_object, &open_options);
		if (!sensor->object)
			return -errno;
		sensor->missing_count = 0;
		size_maps(sensor, options, btf);
		choose_programs(sensor, btf, options, &refusals);
		needed = needed_missing(sensor);
		if (needed) {
			snprintf(last_words, sizeof(last_words), "it has no hook %s, without which there is nothing to record", needed);
			error = -ENOTSUP;
			break;
		}
		tell_handlers(sensor);
		if (options->cost)
			keep_logs(sensor);
		failed_program[0] = '\0';
		error = bpf_object__load(sensor->object);
		if (!error)
			return 0;
		program = bpf_object__find_program_by_name(sensor->object, failed_program);
		if (!program || is_needed(program) || error == -EPERM || refusals.count == LOAD_TRIES)
			break;
		snprintf(refusals.names[refusals.count++], sizeof(refusals.names[0]), "%s", failed_program);
		bpf_object__close(sensor->object);
		sensor->object = NULL;
	}
	if (sensor->object)
		bpf_object__close(sensor->object);
	sensor->object = NULL;
	return error;
}

bool program_iterates(const struct bpf_program *program)
{
	return !strncmp(bpf_program__section_name(program), "iter/", 5);
}

void sensor_missing(struct sensor *sensor, const struct bpf_program *program, const char *why)
{
	hook_missing(sensor, program, why, true);
}

bool sensor_attached(const struct sensor *sensor, const struct bpf_program *program)
{
	size_t i;

	for (i = 0; i < sensor->link_count; i++)
		if (!strcmp(sensor->link_names[i], bpf_program__name(program)))
			return true;
	return program_iterates(program) && bpf_program__autoload(program);
}

int sensor_read_object(struct sensor *sensor, const struct btf *btf, const struct sensor_options *options)
{
	struct bpf_object_open_opts open_options = open_options_for(options);
	struct refusals none = {.count = 0};

	sensor->object = bpf_object__open_mem(quis_bpf_object, quis_bpf_object_end - quis_bpf_object, &open_options);
	if (!sensor->object)
		return -errno;
	choose_programs(sensor, btf, options, &none);
	return 0;
}

static int attach_one(struct sensor *sensor, struct bpf_program *program)
{
	struct bpf_link *link;

	if (!bpf_program__autoload(program) || program_iterates(program))
		return 0;
	link = bpf_program__attach(program);
	if (!link)
		return -errno;
	sensor->link_names[sensor->link_count] = bpf_program__name(program);
	sensor->links[sensor->link_count++] = link;
	return 0;
}

static void detach(struct sensor *sensor)
{
	size_t i;

	for (i = 0; i < sensor->link_count; i++)
		bpf_link__destroy(sensor->links[i]);
	sensor->link_count = 0;
}

static int attach_all(struct sensor *sensor)
{
	struct bpf_program *program;
	size_t count = 0, calls = 0;
	int error;

	bpf_object__for_each_program(program, sensor->object)
		count++;
	sensor->links = xcalloc(count, sizeof(*sensor->links));
	sensor->link_names = xcalloc(count, sizeof(*sensor->link_names));
	bpf_object__for_each_program(program, sensor->object) {
		error = attach_one(sensor, program);
		if (error && (is_needed(program) || (is_call(program) && !calls)))
			return error;
		if (error)
			hook_missing(sensor, program, strerror(-error), true);
		else if (is_call(program))
			calls++;
	}
	return 0;
}

/* A .bss map, shared with the kernel side. libbpf before 1.5 maps it so only for skeletons. */
void *sensor_share(int map, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void sensor_unshare(const void *memory, size_t size)
{
	munmap((void *)memory, size);
}

/* libbpf keeps a private copy of the first values, here 4 MiB of zeros. */
static void forget_copy(struct bpf_map *map)
{
	size_t size;
	void *copy = (void *)bpf_map__initial_value(map, &size);

	if (copy)
		madvise(copy, size, MADV_REMOVE);
}

/* A second map like the first, its types included: on 6.1 a map without them is not the equal of one with them (map_in_map.c). */
static int spare(struct bpf_object *object, const struct bpf_map *map)
{
	struct bpf_map_create_opts options = {
		.sz = sizeof(options),
		.btf_fd = bpf_object__btf_fd(object),
		.btf_key_type_id = bpf_map__btf_key_type_id(map),
		.btf_value_type_id = bpf_map__btf_value_type_id(map),
	};

	return bpf_map_create(BPF_MAP_TYPE_HASH, bpf_map__name(map), bpf_map__key_size(map), bpf_map__value_size(map),
		bpf_map__max_entries(map), &options);
}

const struct counted_names counted_names[COUNTED] = {
	[COUNTED_FILES] = {"file_rows", "files_now", "spare_files"},
	[COUNTED_FLOWS] = {"flow_rows", "flows_now", "spare_flows"},
	[COUNTED_TRANSFERS] = {"transfer_rows", "transfers_now", "spare_transfers"},
};

int sensor_find_maps(struct sensor *sensor, const int spares[COUNTED])
{
	struct bpf_map *state = bpf_object__find_map_by_name(sensor->object, ".bss.state");
	struct bpf_map *marks = bpf_object__find_map_by_name(sensor->object, ".bss.marks");
	int i;

	if (!state || !marks)
		return -ENOENT;
	sensor->state = sensor_share(bpf_map__fd(state), sizeof(*sensor->state));
	sensor->marks = sensor_share(bpf_map__fd(marks), PID_LIMIT);
	if (sensor->recent_slots)
		sensor->recent = sensor_share(sensor_map(sensor, "recent_files"), sensor->recent_slots * sizeof(*sensor->recent));
	if (!sensor->state || !sensor->marks || (sensor->recent_slots && !sensor->recent))
		return -errno;
	forget_copy(marks);
	for (i = 0; i < COUNTED; i++) {
		struct bpf_map *rows = bpf_object__find_map_by_name(sensor->object, counted_names[i].rows);

		if (!rows)
			return -ENOENT;
		sensor->counters[i].now = sensor_map(sensor, counted_names[i].now);
		sensor->counters[i].maps[0] = bpf_map__fd(rows);
		sensor->counters[i].maps[1] = spares && spares[i] >= 0 ? spares[i] : spare(sensor->object, rows);
		if (sensor->counters[i].maps[1] < 0)
			return -errno;
		if (i == COUNTED_FILES)
			sensor->file_entries = bpf_map__max_entries(rows);
	}
	return 0;
}

static int try_hooks(struct sensor *sensor, const struct btf *btf, const struct sensor_options *options, enum hooks hooks)
{
	int error;

	sensor->hooks = hooks;
	error = load(sensor, btf, options);
	if (error)
		return error;
	error = sensor_find_maps(sensor, NULL);
	if (error)
		sensor_close(sensor);
	return error;
}

static void nothing(void *context)
{
	(void)context;
}

/* The first look at the tasks finds our own root: see struct sensor_state. No process is marked yet, so it tells of none. */
static void find_root(struct sensor *sensor)
{
	sensor->state->own_tgid = getpid();
	sensor_iterate(sensor, "snapshot_task", nothing, NULL);
}

int sensor_open(struct sensor *sensor, const struct sensor_options *options, const char **ret_why)
{
	static char why[640];
	struct btf *btf;
	int error = -ENOTSUP;

	libbpf_set_print(on_libbpf_print);
	*ret_why = why;
	if (!initial_pids()) {
		snprintf(why, sizeof(why), "recording needs the initial pid namespace: here process ids are not the kernel's; run it on the host");
		return -EPERM;
	}
	if (!privileged()) {
		snprintf(why, sizeof(why), "recording needs root with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; try sudo");
		return -EPERM;
	}
	btf = options->btf ? btf__parse(options->btf, NULL) : btf__load_vmlinux_btf();
	if (!btf || libbpf_get_error(btf)) {
		snprintf(why, sizeof(why), options->btf ? access(options->btf, R_OK) ? "%s cannot be read, so it gives no BTF" : "%s holds no BTF" : "this kernel tells no types (no " KERNEL_TYPES "); give a file with --btf",
			options->btf);
		return -ENOENT;
	}
	if (options->alone && !has_typed_loads(btf, options) && !capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))
		confine_modules();
	sensor->pin_dir = -1;
	error = options->pin ? pins_open(sensor, options->pin) : 0;
	if (error) {
		snprintf(why, sizeof(why), error == -ENOTSUP ? "--pin %s: not on a BPF file system (mount -t bpf)" : "--pin %s: %s", options->pin, strerror(-error));
		btf__free(btf);
		return error;
	}
	error = options->pin && !options->fresh ? pins_take_up(sensor, btf, options) : -ENOENT;
	if (!error || error == -EBUSY) {
		btf__free(btf);
		if (error)
			snprintf(why, sizeof(why), "--pin %s: another quis-record records there", options->pin);
		else
			find_root(sensor);
		return error;
	}
	if (options->hooks != HOOKS_TRACEPOINT)
		error = try_hooks(sensor, btf, options, HOOKS_TRAMPOLINE);
	if (!error) {
		/* some machines load trampolines and refuse to attach them */
		error = attach_all(sensor);
		if (error) {
			detach(sensor);
			sensor_close(sensor);
		}
	}
	if (error && options->hooks != HOOKS_TRAMPOLINE) {
		error = try_hooks(sensor, btf, options, HOOKS_TRACEPOINT);
		if (!error)
			error = attach_all(sensor);
	}
	btf__free(btf);
	malloc_trim(0); /* the kernel's types took 17 MiB */
	if (!error && sensor->pin) {
		error = pins_make(sensor);
		if (error)
			snprintf(last_words, sizeof(last_words), "--pin %s", sensor->pin);
	}
	if (!error)
		find_root(sensor);
	else
		snprintf(why, sizeof(why), "this kernel refuses the %s hooks: %s (%s)",
			options->hooks == HOOKS_TRAMPOLINE ? "trampoline" : "tracepoint", strerror(-error), last_words);
	return error;
}

/*
 * Taking a trampoline down waits for a grace period of all tasks (synchronize_rcu_tasks() in ftrace_shutdown()), one after the other: 150
 * ms each was seen. A child that holds the links does it, so that the command's status need not wait.
 */
void sensor_detach_behind(struct sensor *sensor)
{
	pid_t child;

	if (sensor->hooks != HOOKS_TRAMPOLINE)
		return;
	child = fork();
	if (child < 0)
		return;
	if (!child) {
		setsid();
		/* whoever waits for the end of our output must not wait for this */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		sleep(1); /* the parent's own references go first */
		_exit(0);
	}
	/* the parent ends without taking anything down: the child's references are the last */
	sensor->link_count = 0;
}

void sensor_unpin(struct sensor *sensor)
{
	if (sensor->pin)
		pins_remove(sensor);
}

void sensor_unmap(struct sensor *sensor)
{
	if (sensor->state)
		munmap(sensor->state, sizeof(*sensor->state));
	if (sensor->marks)
		munmap(sensor->marks, PID_LIMIT);
	if (sensor->recent)
		munmap(sensor->recent, sensor->recent_slots * sizeof(*sensor->recent));
	sensor->state = NULL;
	sensor->marks = NULL;
	sensor->recent = NULL;
}

void sensor_close(struct sensor *sensor)
{
	int i;

	detach(sensor);
	free(sensor->links);
	free(sensor->link_names);
	sensor->links = NULL;
	sensor->link_names = NULL;
	while (sensor->program_count)
		close(sensor->programs[--sensor->program_count]);
	free(sensor->programs);
	sensor->programs = NULL;
	for (i = 0; i < COUNTED; i++) {
		if (sensor->counters[i].maps[1] > 0)
			close(sensor->counters[i].maps[1]);
		sensor->counters[i].maps[1] = 0;
	}
	bpf_link__destroy(sensor->task_iterator);
	sensor->task_iterator = NULL;
	sensor_unmap(sensor);
	if (sensor->pin && sensor->pin_dir >= 0) {
		close(sensor->pin_dir);
		sensor->pin_dir = -1;
	}
	bpf_object__close(sensor->object);
	sensor->object = NULL;
	free(sensor->logs);
	sensor->logs = NULL;
}

int sensor_map(const struct sensor *sensor, const char *name)
{
	return bpf_object__find_map_fd_by_name(sensor->object, name);
}

uint32_t sensor_ring_size(const struct sensor *sensor, const char *name)
{
	return bpf_map__max_entries(bpf_object__find_map_by_name(sensor->object, name));
}

/* A flood of files is read 16 times a second or so; the rest of that ring is for when we are kept from it. */
uint32_t sensor_ring_wake(const struct sensor *sensor, const char *name)
{
	return sensor_ring_size(sensor, name) / (strcmp(name, "files_ring") ? 2 : 4);
}

struct bpf_program *sensor_program(const struct sensor *sensor, const char *name)
{
	return bpf_object__find_program_by_name(sensor->object, name);
}
