/*
 * Records every act and compares the report with the act's truth, exactly. Prints TAP; with --json also one line of
 * JSON an act, from which tests/COVERAGE.md is made.
 */
#include "command.h"
#include "judge.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/utsname.h>

#define TIME_LIMIT 300
#define BATCH_LIMIT 3600
#define ARGS_MAX 64
#define ACTS_MAX 1000
#define SKIP 77

struct options {
	const char *hooks, *quis, *work, *only, *json, *extra, *perform, *group;
	bool keep, batch;
};

struct row {
	char *program, *binary, *name, *may, *way, *options;
};

/* Ways that the sensor neither sees nor names yet: shown as TODO, which counts neither as passed nor as failed. Whoever
 * brings a way takes it off this list. */
static const char *const not_yet[] = {NULL};

static struct options options;
static struct row rows[ACTS_MAX];
static size_t rows_n;
static FILE *results;
static unsigned failures;
static char kernel[65];
static char hooks_seen[16]; /* in effect, as a report said */

/* ---- finding the acts ---- */

static char *next_field(char **line)
{
	char *field = strsep(line, "\t");

	return strdup(field ? field : "");
}

static void add_rows(char *table, const char *program)
{
	const char *binary = strrchr(program, '/') + 1;
	char *line;

	while ((line = strsep(&table, "\n"))) {
		struct row *r = &rows[rows_n];

		if (!*line || rows_n == ACTS_MAX)
			continue;
		r->program = strdup(program);
		r->binary = strdup(binary);
		r->name = next_field(&line);
		r->may = next_field(&line);
		r->way = next_field(&line);
		r->options = next_field(&line);
		rows_n++;
	}
}

static int not_self(const struct dirent *entry)
{
	return strcmp(entry->d_name, "run") && !strchr(entry->d_name, '.');
}

static void find_acts(void)
{
	struct dirent **entries;
	char self[PATH_MAX];
	int n, i;

	if (!realpath("/proc/self/exe", self))
		die("/proc/self/exe");
	*strrchr(self, '/') = 0;
	n = scandir(self, &entries, not_self, alphasort);
	if (n < 0)
		die(self);
	for (i = 0; i < n; i++) {
		char *program = format("%s/%s", self, entries[i]->d_name);
		char *argv[] = {program, (char *)"--table", NULL};
		struct outcome o;

		run(&o, argv, "/dev/null", TIME_LIMIT);
		if (!o.status && o.out)
			add_rows(o.out, program);
		outcome_done(&o);
		free(program);
		free(entries[i]);
	}
	free(entries);
}

/* ---- work files ---- */

static char *make_work(void)
{
	const char *parent = getenv("TMPDIR");
	char resolved[PATH_MAX], *made;

	if (options.work) {
		if (mkdir(options.work, 0755) && errno != EEXIST)
			die(options.work);
		made = strdup(options.work);
	} else {
		made = format("%s/quis-acts.XXXXXX", parent && *parent ? parent : "/tmp");
		if (!mkdtemp(made))
			die(made);
	}
	if (!realpath(made, resolved))
		die(made);
	free(made);
	return strdup(resolved);
}

/* ---- telling ---- */

static void print_lines(const char *text)
{
	while (text && *text) {
		size_t n = strcspn(text, "\n");

		printf("#   %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static const char *permitted_at_worst(const struct row *r);

/* What a result says beside itself. */
struct told {
	const char *directive, *detail, *reason;
	bool missed;
	int scale; /* of storms only */
	double seconds;
};

/* What tests/COVERAGE.md is made of. `reason` is the same in every run, where `detail` has pids and numbers. */
static void tell_json(const struct row *r, const char *result, struct told t)
{
	json_t *line;

	if (!results)
		return;
	line = json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "act", json_sprintf("%s/%s", r->binary, r->name),
		"result", result, "detail", t.detail ? t.detail : "", "hooks",
		*hooks_seen	? hooks_seen
		: options.hooks ? options.hooks
				: "best",
		"kernel", kernel, "reason", t.reason ? t.reason : "", "missed_runs", t.missed, "vm", getenv("QUIS_VM") != NULL);
	if (line && permitted_at_worst(r))
		json_object_set_new(line, "may", json_string(permitted_at_worst(r)));
	if (line && t.scale) {
		json_object_set_new(line, "scale", json_integer(t.scale));
		json_object_set_new(line, "seconds", json_real(t.seconds));
	}
	if (line)
		json_dumpf(line, results, JSON_COMPACT | JSON_REAL_PRECISION(6));
	fputc('\n', results);
	fflush(results);
	json_decref(line);
}

static bool matches(const struct row *r, const char *pattern)
{
	char *name = format("%s/%s", r->binary, r->name);
	bool is = !fnmatch(pattern, name, 0);

	free(name);
	return is;
}

/* --only takes several patterns, with commas between. */
static bool wanted(const struct row *r)
{
	char *list = strdup(options.only ? options.only : "*"), *at = list, *pattern;
	bool is = false;

	while ((pattern = strsep(&at, ",")))
		is = is || matches(r, pattern);
	free(list);
	return is;
}

static bool is_todo(const struct row *r)
{
	size_t i;

	for (i = 0; not_yet[i]; i++)
		if (matches(r, not_yet[i]))
			return true;
	return false;
}

static void tell(size_t number, const struct row *r, bool ok, const char *result, struct told t)
{
	bool todo = !ok && is_todo(r);

	if (todo)
		t.directive = "TODO not seen yet: ";
	printf("%sok %zu - %s/%s%s%s%.200s\n", ok ? "" : "not ", number, r->binary, r->name, *t.directive ? " # " : "",
		t.directive, *t.directive && t.detail ? t.detail : "");
	fflush(stdout);
	failures += !ok && !todo;
	if (t.scale)
		printf("#   %s, in %.1f s\n", t.scale == 1 ? "of full size" : format("a %dth of its full size", t.scale), t.seconds);
	tell_json(r, result, t);
}

/* ---- judging ---- */

/* 6.1 is the begin of 6.1.176, not of 6.12 */
static bool of_version(const char *begin)
{
	size_t length = strlen(begin);

	return !strncmp(begin, kernel, length) && !strchr("0123456789", kernel[length] ? kernel[length] : '.');
}

/* `may` is a list of WHERE:WHAT, WHERE being a way to attach, the begin of a kernel's version, or "any". */
static bool permitted(const struct row *r, const char *result, const char *hooks)
{
	char *list = strdup(r->may), *at = list, *word;
	bool found = false;

	while ((word = strsep(&at, " "))) {
		char *what = strchr(word, ':');

		if (!what)
			continue;
		*what++ = 0;
		if (!strcmp(what, result) && (!strcmp(word, "any") || (hooks && !strcmp(word, hooks)) ||
						     of_version(word)))
			found = true;
	}
	free(list);
	return found;
}

static const char *permitted_at_worst(const struct row *r)
{
	static const char *const worst_first[] = {"skip", "misattributed", "unseen", "lower"};
	size_t i;

	for (i = 0; i < sizeof(worst_first) / sizeof(worst_first[0]); i++)
		if (permitted(r, worst_first[i], *hooks_seen ? hooks_seen : options.hooks))
			return worst_first[i];
	return NULL;
}

static bool acceptable(const struct row *r, const struct verdict *v, json_t *report)
{
	const char *hooks = json_string_value(json_object_get(json_object_get(report, "session"), "hooks"));
	const char *result = judge(v, report, r->way);

	if (!strcmp(result, "lower") && runs_missed(report))
		return true;
	return !strcmp(result, "exact") || permitted(r, result, hooks);
}

static void tell_verdict(size_t number, const struct row *r, struct verdict *v, json_t *report)
{
	json_t *completeness = json_object_get(report, "completeness"), *note;
	const char *result = judge(v, report, r->way), *first = json_string_value(json_array_get(v->notes, 0));
	const char *hooks = json_string_value(json_object_get(json_object_get(report, "session"), "hooks"));
	bool exact = !strcmp(result, "exact"), ok = acceptable(r, v, report);
	size_t i;

	if (!first && !exact)
		first = during ? "all numbers are right, but something was lost in its time" : "all numbers are right, but exact is false";
	snprintf(hooks_seen, sizeof(hooks_seen), "%s", hooks ? hooks : "");
	tell(number, r, ok, result,
		(struct told){exact || !ok ? "" : !strcmp(result, "lower") ? "lower bound: " : format("%s: ", result), first,
			exact ? NULL : reason_of(completeness, r->way), runs_missed(report), v->scale, v->seconds});
	if (ok)
		return;
	printf("# result: %s (%u below, %u absent, %u above, %u wrong)\n", result, v->below, v->absent, v->above,
		v->wrong);
	json_array_foreach (v->notes, i, note)
		printf("#   %s\n", json_string_value(note));
	if (v->noted > NOTES_MAX)
		printf("#   ... and %zu more\n", v->noted - NOTES_MAX);
	if (!json_is_true(json_object_get(completeness, "exact"))) {
		char *s = shown(completeness);

		printf("#   completeness: %s\n", s);
		free(s);
	}
}

static void tell_command(size_t number, const struct row *r, const char *what, const struct outcome *o)
{
	char *detail = interrupted ? format("%s: interrupted", what)
		       : o->late   ? format("%s: not over after %d s", what, TIME_LIMIT)
				   : format("%s: exit status %d", what, o->status);

	tell(number, r, false, "failed", (struct told){"", detail, NULL});
	printf("#   %s\n", detail);
	print_lines(o->errors);
	free(detail);
}

/* True if the act itself said that this kernel does not let it. Quis uses the same status: hence the word. */
static bool tell_skip(size_t number, const struct row *r, const struct outcome *o)
{
	char *reason = o->status == SKIP ? strstr(o->errors, "skip: ") : NULL;

	if (!reason || (reason != o->errors && reason[-1] != '\n'))
		return false;
	reason[strcspn(reason, "\n")] = 0;
	reason += strlen("skip: ");
	tell(number, r, true, "skip", (struct told){"SKIP ", reason, reason});
	return true;
}

/* ---- one act ---- */

struct place {
	char *root, *dir, *record_case, *errors, *truth;
};

static struct place place_of(const char *work, const char *binary, const char *name)
{
	char *root = format("%s/%s-%s", work, binary, name);

	return (struct place){root, format("%s/dir", root), format("%s/case", root), format("%s/stderr", root),
		format("%s/truth.json", root)};
}

static void place_make(const struct place *p)
{
	remove_tree(AT_FDCWD, p->root);
	if (mkdir(p->root, 0755) || mkdir(p->dir, 0755))
		die(p->dir);
}

static void place_done(struct place *p)
{
	if (!options.keep)
		remove_tree(AT_FDCWD, p->root);
	free(p->root);
	free(p->dir);
	free(p->record_case);
	free(p->errors);
	free(p->truth);
}

static void split_into(char **argv, size_t *n, const char *words)
{
	char *copy = strdup(words), *word;

	while ((word = strsep(&copy, " ")))
		if (*word && *n < ARGS_MAX - 8)
			argv[(*n)++] = word;
}

static bool prepare(struct outcome *o, char *program, char *name, const struct place *p)
{
	char *argv[] = {program, (char *)"--prepare", name, p->dir, NULL};

	run(o, argv, p->errors, TIME_LIMIT);
	return !o->status && !o->late;
}

/* The begin of a `quis run`, to which the command is added. */
static size_t record_arguments(char **argv, char *record_case, const char *more)
{
	size_t n = 0;

	argv[n++] = (char *)options.quis;
	argv[n++] = (char *)"run";
	argv[n++] = (char *)"-o";
	argv[n++] = record_case;
	if (options.hooks) {
		argv[n++] = (char *)"--hooks";
		argv[n++] = (char *)options.hooks;
	}
	split_into(argv, &n, more);
	split_into(argv, &n, options.extra ? options.extra : "");
	argv[n++] = (char *)"--";
	return n;
}

static json_t *record(size_t number, const struct row *r, const struct place *p)
{
	char *argv[ARGS_MAX] = {NULL};
	size_t n = record_arguments(argv, p->record_case, r->options);
	json_t *truth = NULL;
	struct outcome o;

	argv[n++] = r->program;
	argv[n++] = r->name;
	argv[n++] = p->dir;
	run(&o, argv, p->errors, TIME_LIMIT);
	if (!o.status && !o.late)
		truth = json_loadb(o.out, o.size, 0, NULL);
	if (!truth && !tell_skip(number, r, &o))
		tell_command(number, r, o.status || o.late ? "quis run" : "quis run: no truth on stdout", &o);
	outcome_done(&o);
	return truth;
}

/* The report of a case; `o` says why there is none. */
static json_t *report(struct outcome *o, const struct place *p, int seconds)
{
	char *argv[] = {
		(char *)options.quis, (char *)"report", p->record_case, (char *)"--format", (char *)"json", NULL};
	json_error_t error;
	json_t *read;

	run(o, argv, p->errors, seconds);
	if (o->status || o->late)
		return NULL;
	read = json_loadb(o->out, o->size, JSON_REJECT_DUPLICATES, &error);
	if (!read)
		printf("# the report is not JSON: line %d: %s\n", error.line, error.text);
	return read;
}

static void report_and_compare(size_t number, const struct row *r, const struct place *p, json_t *truth)
{
	struct verdict v = {.dir = p->dir, .notes = json_array()};
	struct outcome o;
	json_t *got = report(&o, p, TIME_LIMIT);

	if (got) {
		compare(&v, truth, got);
		tell_verdict(number, r, &v, got);
	} else {
		tell_command(number, r, "quis report", &o);
	}
	if (options.keep)
		json_dump_file(truth, p->truth, JSON_INDENT(1));
	json_decref(v.notes);
	json_decref(got);
	outcome_done(&o);
}

static void run_act(size_t number, const struct row *r, const char *work)
{
	struct place p = place_of(work, r->binary, r->name);
	json_t *truth = NULL;
	struct outcome o;

	place_make(&p);
	if (prepare(&o, r->program, r->name, &p))
		truth = record(number, r, &p);
	else if (!tell_skip(number, r, &o))
		tell_command(number, r, "prepare", &o);
	outcome_done(&o);
	if (truth)
		report_and_compare(number, r, &p, truth);
	json_decref(truth);
	place_done(&p);
}

/* ---- many acts in one recording ---- */

/*
 * Where it takes long to load the sensor (an emulated machine), --batch records one process that makes many acts after
 * each other: all that want the same options of the sensor. A process's account does not depend on the others, so a result
 * is as good as one alone where nothing was lost in the act's own time; whatever is not exact is tried again alone, and that
 * counts. What may fall short comes last, after a pause: its losses must not fall into the time of others.
 */
#define PAUSE (getenv("QUIS_VM") ? 12 : 3) /* seconds: more than it takes the sensor to tell what was lost; an emulated one is slower */

static const char *const alone[] = {"process/followed"}; /* its preparation must not be recorded */

struct batch {
	const struct row *first;
	struct place place;
	json_t *got;
};

static struct batch batches[ACTS_MAX];
static size_t batches_n;

static bool is_alone(const struct row *r)
{
	size_t i;

	for (i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
		if (matches(r, alone[i]))
			return true;
	return false;
}

static struct batch *batch_of(const struct row *r)
{
	size_t i;

	for (i = 0; i < batches_n; i++)
		if (!strcmp(batches[i].first->options, r->options) && !is_alone(r))
			return &batches[i];
	return NULL;
}

static void find_batches(const char *work)
{
	size_t i;

	for (i = 0; i < rows_n; i++) {
		if (!wanted(&rows[i]) || is_alone(&rows[i]) || batch_of(&rows[i]))
			continue;
		batches[batches_n] = (struct batch){&rows[i], place_of(work, "batch", format("%zu", batches_n)), NULL};
		batches_n++;
	}
}

static void write_file(const char *path, const char *bytes, size_t size)
{
	FILE *f = fopen(path, "w");

	if (!f || (size && fwrite(bytes, size, 1, f) != 1) || fclose(f))
		die(path);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Done within the recording: what the act says goes to files, for the runner to judge when the recording is over. */
static void perform(const struct row *r, const char *work)
{
	struct place p = place_of(work, r->binary, r->name);
	char *argv[] = {r->program, r->name, p.dir, NULL}, status[64];
	struct span span = {.from = now()};
	struct outcome o, made;

	memset(&made, 0, sizeof(made));
	if (prepare(&o, r->program, r->name, &p))
		run(&made, argv, p.errors, TIME_LIMIT);
	else
		made.status = o.status;
	span.to = now();
	snprintf(status, sizeof(status), "%d %" PRId64 " %" PRId64 "\n", made.late ? 2 : made.status, span.from, span.to);
	write_file(p.truth, made.out ? made.out : "", made.size);
	write_file(format("%s/status", p.root), status, strlen(status));
	outcome_done(&o);
	outcome_done(&made);
}

static size_t perform_those(const char *work, const struct batch *b, bool fall_short)
{
	size_t i, n = 0;

	for (i = 0; i < rows_n && !interrupted; i++) {
		if (!wanted(&rows[i]) || batch_of(&rows[i]) != b || !permitted_at_worst(&rows[i]) == fall_short)
			continue;
		perform(&rows[i], work);
		n++;
	}
	return n;
}

static void perform_all(const char *work, const struct batch *b)
{
	if (perform_those(work, b, false))
		sleep(PAUSE);
	perform_those(work, b, true);
}

/* An act finds the case beside its directory, also when it shares it with others. */
static void make_places(const struct batch *b, const char *work)
{
	size_t i;

	place_make(&b->place);
	for (i = 0; i < rows_n; i++) {
		struct place act = place_of(work, rows[i].binary, rows[i].name);

		if (!wanted(&rows[i]) || batch_of(&rows[i]) != b)
			continue;
		place_make(&act);
		if (symlink(b->place.record_case, act.record_case))
			die(act.record_case);
	}
}

static void tell_incomplete(const struct batch *b)
{
	json_t *completeness = json_object_get(b->got, "completeness");
	char *s;

	if (!b->got || json_is_true(json_object_get(completeness, "exact")))
		return;
	s = shown(completeness);
	printf("# batch of %s/%s: %s\n", b->first->binary, b->first->name, s);
	free(s);
}

static void record_batch(struct batch *b, const char *work)
{
	char *argv[ARGS_MAX] = {NULL}, self[PATH_MAX];
	size_t n = record_arguments(argv, b->place.record_case, b->first->options);
	struct outcome o;

	if (!realpath("/proc/self/exe", self))
		die("/proc/self/exe");
	make_places(b, work);
	argv[n++] = self;
	argv[n++] = (char *)"--perform";
	argv[n++] = (char *)work;
	argv[n++] = (char *)"--group";
	argv[n++] = format("%zu", (size_t)(b - batches));
	argv[n++] = (char *)"--only";
	argv[n++] = (char *)(options.only ? options.only : "*");
	run(&o, argv, b->place.errors, BATCH_LIMIT);
	if (o.status || o.late) {
		printf("# batch of %s/%s: exit status %d; every act of it is recorded alone\n", b->first->binary,
			b->first->name, o.status);
		print_lines(o.errors);
	} else {
		outcome_done(&o);
		b->got = report(&o, &b->place, BATCH_LIMIT);
		tell_incomplete(b);
	}
	outcome_done(&o);
}

/* True if the batch settled it. */
static bool judge_batched(size_t number, const struct row *r, json_t *got, const char *work)
{
	struct place p = place_of(work, r->binary, r->name);
	char *status_path = format("%s/status", p.root), *status = slurp_end(status_path, 64);
	struct span span = {0, INT64_MAX};
	struct verdict v = {.dir = p.dir, .notes = json_array()};
	json_t *truth = json_load_file(p.truth, 0, NULL);
	struct outcome o = {.status = *status ? atoi(status) : 2, .errors = slurp_end(p.errors, 2000)};
	bool told = sscanf(status, "%*d %" SCNd64 " %" SCNd64, &span.from, &span.to) == 2, settled = o.status && tell_skip(number, r, &o);

	if (!o.status && truth) {
		compare(&v, truth, got);
		during = told ? &span : NULL;
		settled = acceptable(r, &v, got) || is_todo(r);
		if (settled)
			tell_verdict(number, r, &v, got);
		during = NULL;
		if (!settled)
			printf("# %s/%s: not exact in the batch, so once more alone\n", r->binary, r->name);
	}
	json_decref(v.notes);
	json_decref(truth);
	outcome_done(&o);
	free(status);
	free(status_path);
	if (settled)
		place_done(&p);
	return settled;
}

/* ---- options ---- */

static const struct {
	const char *name;
	const char **value;
	const char *help;
} choices[] = {
	{"--hooks", &options.hooks, "trampoline or tracepoint; else the best that attaches"},
	{"--quis", &options.quis, "the program to test; else quis beside the acts' directory"},
	{"--work", &options.work, "where to put work files"},
	{"--only", &options.only, "patterns such as 'file/p*,net/*'"},
	{"--json", &options.json, "a file for one line of JSON an act"},
	{"--options", &options.extra, "more options for quis run"},
	{"--perform", &options.perform, "for the runner itself: makes the acts of a batch"},
	{"--group", &options.group, "... of this one"},
};

static void usage(void)
{
	size_t i;

	fprintf(stderr, "usage: run [OPTION VALUE]... [--keep] [--batch]\n");
	for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
		fprintf(stderr, "  %-10s %s\n", choices[i].name, choices[i].help);
	fprintf(stderr, "  --keep     leave the work files\n");
	fprintf(stderr, "  --batch    many acts in one recording: for slow machines\n");
	exit(2);
}

static bool take_option(int argc, char **argv, int *i)
{
	size_t c;

	if (!strcmp(argv[*i], "--keep"))
		return options.keep = true;
	if (!strcmp(argv[*i], "--batch"))
		return options.batch = true;
	for (c = 0; c < sizeof(choices) / sizeof(choices[0]); c++) {
		if (strcmp(argv[*i], choices[c].name) || *i + 1 >= argc)
			continue;
		*choices[c].value = argv[++*i];
		return true;
	}
	return false;
}

/* build/acts/run -> build/quis; the full path, as an act's children may be elsewhere. */
static char *default_quis(void)
{
	char self[PATH_MAX];
	int i;

	if (!realpath("/proc/self/exe", self))
		die("/proc/self/exe");
	for (i = 0; i < 2; i++)
		*strrchr(self, '/') = 0;
	return format("%s/quis", self);
}

/* The acts of a batch, or those that are in none. */
static void run_each(struct batch *b, size_t *number, const char *work)
{
	const struct row *r;

	for (r = rows; r < rows + rows_n && !interrupted; r++) {
		if (!wanted(r) || batch_of(r) != b)
			continue;
		++*number;
		if (!b || !b->got || !judge_batched(*number, r, b->got, work))
			run_act(*number, r, work);
	}
}

static void run_all(const char *work)
{
	size_t i, number = 0;

	if (options.batch)
		find_batches(work);
	for (i = 0; i < batches_n && !interrupted; i++) {
		record_batch(&batches[i], work);
		run_each(&batches[i], &number, work);
		json_decref(batches[i].got);
		place_done(&batches[i].place);
	}
	run_each(NULL, &number, work);
	if (interrupted)
		printf("Bail out! signal %d\n", interrupted);
	else
		printf("1..%zu\n", number);
	failures += interrupted || !number;
}

static int perform_batch(const char *work, size_t group)
{
	find_batches(work);
	if (group >= batches_n)
		return 2;
	perform_all(work, &batches[group]);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = interrupt};
	struct utsname system;
	char *work;
	int arg;

	for (arg = 1; arg < argc; arg++)
		if (!take_option(argc, argv, &arg))
			usage();
	if (!options.quis)
		options.quis = default_quis();
	if (options.json && !(results = fopen(options.json, "a")))
		die(options.json);
	uname(&system);
	snprintf(kernel, sizeof(kernel), "%s", system.release);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	find_acts();
	if (options.perform)
		return perform_batch(options.perform, options.group ? strtoul(options.group, NULL, 10) : 0);
	work = make_work();
	run_all(work);
	if (!options.keep)
		rmdir(work);
	return failures != 0;
}
