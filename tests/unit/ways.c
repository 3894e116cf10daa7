/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of ways: that it names every program of the kernel side and no other, and which sentences a session gets. */
#include "unit.h"

#include "record/ways.h"

#include <bpf/libbpf.h>

extern const char quis_bpf_object[], quis_bpf_object_end[];

static struct sensor sensor;

static int open_object(void **state)
{
	(void)state;
	sensor.hooks = HOOKS_TRACEPOINT;
	sensor.object = bpf_object__open_mem(quis_bpf_object, quis_bpf_object_end - quis_bpf_object, NULL);
	return sensor.object ? 0 : -1;
}

static int close_object(void **state)
{
	(void)state;
	bpf_object__close(sensor.object);
	return 0;
}

static bool in_table(const char *program)
{
	struct missing_hook missing = {.why = "test"};
	bool found = false;
	size_t i;

	snprintf(missing.program, sizeof(missing.program), "%s", program);
	sensor.missing[0] = missing;
	sensor.missing_count = 1;
	for (i = 0; i < way_count && !found; i++)
		found = way_state(&sensor, &ways[i]).missing;
	sensor.missing_count = 0;
	return found;
}

static void test_every_program_is_in_the_table(void **state)
{
	struct bpf_program *program;

	(void)state;
	bpf_object__for_each_program(program, sensor.object) {
		const char *name = bpf_program__name(program);

		if (!strncmp(name, "uring_submit", 12) || !strcmp(name, "sys_exit"))
			continue; /* uring_complete speaks for them; what all calls hang on cannot be missing */
		if (!in_table(name))
			fail_msg("%s is in no row of ways[]: doctor would not tell of it", name);
	}
}

static void test_every_hook_in_the_table_is_a_program(void **state)
{
	char hooks[1024], name[80], *word, *rest;
	size_t i;

	(void)state;
	for (i = 0; i < way_count; i++) {
		snprintf(hooks, sizeof(hooks), "%s", ways[i].hooks);
		for (word = strtok_r(hooks, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
			snprintf(name, sizeof(name), "x64_%s", word);
			if (!strchr(word, '*') && !bpf_object__find_program_by_name(sensor.object, word) &&
				!bpf_object__find_program_by_name(sensor.object, name))
				fail_msg("%s: no such program (%s)", word, ways[i].what);
		}
	}
}

/* What is seen exactly needs no words; of all else they are owed, and none may offer what is there already. */
static void check_words(const struct way *way, enum hooks hooks, enum seen seen, const char *why, const char *mend)
{
	bool nothing = mend && !strncmp(mend, "nothing", 7);

	if (seen == SEEN_EXACTLY ? why || mend : !why || !mend || strlen(mend) < 10)
		fail_msg("%s, %s: why or mend", way->family, way->what);
	if (mend && hooks == HOOKS_TRAMPOLINE && strstr(mend, "kind trampoline"))
		fail_msg("%s, %s: trampolines would not mend it with trampolines", way->family, way->what);
	if (nothing && !strpbrk(mend, ":;"))
		fail_msg("%s, %s: nothing, and why?", way->family, way->what);
}

static void test_why_and_mend(void **state)
{
	static const enum hooks modes[] = {HOOKS_TRAMPOLINE, HOOKS_TRACEPOINT};
	size_t i, m;

	(void)state;
	for (m = 0; m < 2; m++) {
		sensor.hooks = modes[m];
		for (i = 0; i < way_count; i++) {
			struct way_state way = way_state(&sensor, &ways[i]);

			check_words(&ways[i], modes[m], way.seen, way.why, way.mend);
		}
	}
}

/* ... also where it is a hook that is not there: then what is missing is the reason. */
static void test_a_missing_hook_has_a_mend(void **state)
{
	struct bpf_program *program;
	struct way_state way;
	size_t i;

	(void)state;
	sensor.hooks = HOOKS_TRAMPOLINE;
	bpf_object__for_each_program(program, sensor.object) {
		sensor.missing[0] = (struct missing_hook){.why = "test"};
		snprintf(sensor.missing[0].program, sizeof(sensor.missing[0].program), "%s", bpf_program__name(program));
		sensor.missing_count = 1;
		for (i = 0; i < way_count; i++) {
			way = way_state(&sensor, &ways[i]);
			if (way.missing)
				check_words(&ways[i], sensor.hooks, way.seen, "missing", way.mend);
		}
	}
	sensor.missing_count = 0;
	sensor.hooks = HOOKS_TRACEPOINT;
}

static bool told(const struct uses *uses, const char *part)
{
	struct sentences s;
	bool found = false;
	size_t i;

	ways_unseen(&sensor, uses, &s);
	for (i = 0; i < s.count; i++)
		found |= strstr(s.list[i], part) != NULL;
	sentences_done(&s);
	return found;
}

static void test_only_what_was_used(void **state)
{
	static struct uses none, module, ring;

	(void)state;
	assert_true(told(NULL, "kernel module"));
	assert_true(told(NULL, "mapped file"));
	assert_false(told(&none, "kernel module"));
	assert_false(told(&none, "mapped file"));
	ring.seen[USE_MAP].count = 1;
	assert_true(told(&ring, "mapped file"));
	assert_false(told(&ring, "kernel module"));
	module.seen[USE_MODULE] = (struct use_seen){.count = 2, .tgid = 42, .comm = "scanner", .what = "finit_module"};
	assert_true(told(&module, "scanner[42] loaded a kernel module (finit_module), and so it was 2 times in all: "));
}

static void test_a_missing_hook(void **state)
{
	static struct uses none, ring;
	struct way_state way;
	size_t i;

	(void)state;
	sensor.missing[0] = (struct missing_hook){.program = "uring_complete", .why = "this kernel has no such hook"};
	sensor.missing_count = 1;
	assert_false(told(&none, "io_uring is not seen"));
	ring.seen[USE_URING].count = 1;
	assert_true(told(&ring, "io_uring is not seen"));
	sensor.missing[0].refused = true;
	assert_true(told(&none, "io_uring is not seen"));
	for (i = 0; i < way_count; i++) {
		way = way_state(&sensor, &ways[i]);
		assert_int_equal(way.missing != NULL, !strcmp(ways[i].hooks, "uring_complete"));
		if (way.missing)
			assert_int_equal(way.seen, SEEN_NOT);
	}
	sensor.missing[0] = (struct missing_hook){.program = "x64_pread64", .why = "test", .refused = true};
	assert_true(told(&none, "What the system call pread64 does is not seen (test)."));
	sensor.missing_count = 0;
}

#define DEVICE(major, minor) ((major) << 20 | (minor))
#define PROC 0x9fa0

static void test_a_file_that_was_received(void **state)
{
	static struct recorder r;
	struct file_burst b = {.sum.reads = 1};

	(void)state;
	uses_file(&r, &b);
	assert_false(told(&r.uses, "Who sent a file"));
	b.sum.how = HOW_RECEIVED;
	uses_file(&r, &b);
	assert_true(told(&r.uses, "Who sent a file"));
	sensor.hooks = HOOKS_TRAMPOLINE;
	assert_false(told(&r.uses, "Who sent a file"));
	sensor.hooks = HOOKS_TRACEPOINT;
}

static void test_files_that_tell(void **state)
{
	static struct recorder r;
	static const struct {
		const char *path;
		uint32_t mode, rdev, magic;
		enum use use;
	} files[] = {
		{"/dev/sda", S_IFBLK, DEVICE(8, 0), 0, USE_DISK}, {"/tmp/node", S_IFBLK, DEVICE(8, 0), 0, USE_DISK},
		{"/dev/sg0", S_IFCHR, DEVICE(21, 0), 0, USE_DISK}, {"/dev/nvme0", S_IFCHR, DEVICE(240, 0), 0, USE_DISK},
		{"/dev/mem", S_IFCHR, DEVICE(1, 1), 0, USE_KERNEL_MEMORY}, {"/tmp/x", S_IFCHR, DEVICE(1, 4), 0, USE_KERNEL_MEMORY},
		{"/dev/null", S_IFCHR, DEVICE(1, 3), 0, USE_ALWAYS}, {"/dev/mem", S_IFREG, 0, 0, USE_ALWAYS},
		{"/proc/kcore", S_IFREG, 0, PROC, USE_KERNEL_MEMORY}, {"/tmp/p/kcore", S_IFREG, 0, PROC, USE_KERNEL_MEMORY},
		{"/proc/12/mem", S_IFREG, 0, PROC, USE_MEMORY}, {"/tmp/p/12/task/12/mem", S_IFREG, 0, PROC, USE_MEMORY},
		{"/proc/meminfo", S_IFREG, 0, PROC, USE_ALWAYS}, {"/tmp/kcore", S_IFREG, 0, 0, USE_ALWAYS},
	};
	size_t i, use;

	(void)state;
	assert_int_equal(table_init(&r.processes, offsetof(struct process, key), sizeof(struct process_key)), 0);
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct file_burst b = {.mode = files[i].mode, .rdev = files[i].rdev, .magic = files[i].magic, .sum.opens = 1,
			.path = {(char *)files[i].path, strlen(files[i].path), 0}};

		memset(&r.uses, 0, sizeof(r.uses));
		uses_file(&r, &b);
		for (use = 1; use < USE_COUNT; use++)
			if (r.uses.seen[use].count != (use == files[i].use))
				fail_msg("%s: use %zu", files[i].path, use);
		b.sum.opens = 0; /* named, and never used */
		memset(&r.uses, 0, sizeof(r.uses));
		uses_file(&r, &b);
		assert_int_equal(r.uses.seen[files[i].use].count, 0);
	}
	table_done(&r.processes);
}

/* Calls that deserve a sentence, and such as look alike and do not; `argument` is the one that the call takes it from. */
static const struct {
	const char *call;
	uint32_t nr;
	int64_t result;
	uint64_t argument[2];
	enum use use;
	const char *sentence;
} deeds[] = {
	{"init_module", 175, 0, {0}, USE_MODULE, "scanner[42] loaded a kernel module (init_module): what that does"},
	{"finit_module", 313, 0, {3}, USE_MODULE, "scanner[42] loaded a kernel module (finit_module): what that does"},
	{"finit_module", 313, -1, {3}, USE_ALWAYS, NULL},
	{"delete_module", 176, 0, {0}, USE_ALWAYS, NULL},
	{"kexec_load", 246, 0, {0}, USE_KEXEC, "scanner[42] loaded another kernel (kexec_load): what is done once that runs"},
	{"kexec_file_load", 320, 0, {0}, USE_KEXEC, "scanner[42] loaded another kernel (kexec_file_load): what is done once that runs"},
	{"kexec_file_load", 320, -22, {0}, USE_ALWAYS, NULL},
	{"bpf", 321, 7, {5}, USE_BPF_PROGRAM, "scanner[42] loaded a BPF program (bpf): what that sees"},
	{"bpf", 321, -1, {5}, USE_ALWAYS, NULL},
	{"bpf", 321, 7, {0}, USE_ALWAYS, NULL}, /* a map */
	{"ptrace", 101, 0, {16, 77}, USE_MEMORY, "scanner[42] reached into the memory of another process (ptrace, process 77): which"},
	{"ptrace", 101, -1, {16, 77}, USE_ALWAYS, NULL},
	{"ptrace", 101, 0, {0, 0}, USE_ALWAYS, NULL},	/* PTRACE_TRACEME */
	{"ptrace", 101, 0, {17, 77}, USE_ALWAYS, NULL}, /* PTRACE_DETACH */
	{"process_vm_readv", 310, 8, {77}, USE_MEMORY, "scanner[42] reached into the memory of another process (process_vm_readv, process 77): "},
	{"process_vm_writev", 311, 8, {77}, USE_MEMORY, "scanner[42] reached into the memory of another process (process_vm_writev, process 77): "},
	{"process_vm_readv", 310, -3, {77}, USE_ALWAYS, NULL},
	{"shmat", 30, 0x7000, {1}, USE_IPC, "What went over System V shared memory"},
	{"shmat", 30, -22, {1}, USE_ALWAYS, NULL},
	{"kill", 62, 0, {77}, USE_ALWAYS, NULL},
};

static void add_scanner(struct recorder *r)
{
	static struct process scanner = {.key = {.start = 9, .tgid = 42}, .comm = "scanner"};

	assert_int_equal(table_init(&r->processes, offsetof(struct process, key), sizeof(struct process_key)), 0);
	table_add(&r->processes, &scanner.node);
}

static void test_actions_that_tell(void **state)
{
	static struct recorder r;
	size_t i, use;

	(void)state;
	add_scanner(&r);
	for (i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		struct record_action record = {.head = {.start = 9, .tgid = 42}, .nr = deeds[i].nr, .result = deeds[i].result,
			.args = {deeds[i].argument[0], deeds[i].argument[1]}};
		struct action_kind kind = {.nr = deeds[i].nr, .name = deeds[i].call};

		memset(&r.uses, 0, sizeof(r.uses));
		uses_action(&r, &record, &kind, false);
		for (use = 1; use < USE_COUNT; use++)
			if (r.uses.seen[use].count != (use == deeds[i].use))
				fail_msg("%s, row %zu: use %zu", deeds[i].call, i, use);
		if (deeds[i].sentence && !told(&r.uses, deeds[i].sentence))
			fail_msg("%s: not said: %s", deeds[i].call, deeds[i].sentence);
	}
	table_done(&r.processes);
}

/* Whoever did it stands in the sentence, in place of the one that says only that it may be. */
static void test_stronger_sentences(void **state)
{
	size_t i, strong = 0;

	(void)state;
	for (i = 0; i < way_count; i++) {
		static struct uses uses;
		char sentence[400];

		if (!ways[i].did)
			continue;
		memset(&uses, 0, sizeof(uses));
		uses.seen[ways[i].use] = (struct use_seen){.count = 1, .tgid = 42, .comm = "scanner", .what = "so"};
		snprintf(sentence, sizeof(sentence), "scanner[42] %s (so): %s.", ways[i].did, ways[i].effect);
		if (!told(&uses, sentence) || told(&uses, ways[i].in[1].why))
			fail_msg("%s: not in place of \"%s\"", sentence, ways[i].in[1].why);
		strong++;
	}
	assert_int_equal(strong, 7); /* memory, disks, the machine's memory, modules, BPF, kexec, the sensor */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_program_is_in_the_table),
		cmocka_unit_test(test_every_hook_in_the_table_is_a_program),
		cmocka_unit_test(test_why_and_mend),
		cmocka_unit_test(test_a_missing_hook_has_a_mend),
		cmocka_unit_test(test_only_what_was_used),
		cmocka_unit_test(test_a_missing_hook),
		cmocka_unit_test(test_a_file_that_was_received),
		cmocka_unit_test(test_files_that_tell),
		cmocka_unit_test(test_actions_that_tell),
		cmocka_unit_test(test_stronger_sentences),
	};

	return cmocka_run_group_tests(tests, open_object, close_object);
}
