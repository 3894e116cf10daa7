/* SPDX-License-Identifier: BSD-2-Clause */
/* What this kernel lets the sensor hook, and what it sees so of each way to reach data: found by loading and attaching, not by version. */
#include "record/ways.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/utsname.h>

static const char *const seen_names[] = {"exactly", "lower bound", "not seen"};

/* One way to attach, tried: open while it is told. */
struct attempt {
	enum hooks hooks;
	const char *name;
	struct sensor sensor;
	bool available;
	const char *why, *mend;
};

static const char *mend_of(int error)
{
	switch (error) {
	case -EPERM:
		return "root with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, in the machine's own pid namespace; a kernel whose lockdown and "
		       "security policy let root attach BPF programs to functions";
	case -ENOENT:
		return "a kernel with CONFIG_DEBUG_INFO_BTF, or the file of its types with --btf";
	case -E2BIG:
	case -EINVAL:
		return "Linux 5.10 or later";
	}
	return "a kernel with CONFIG_BPF_SYSCALL, CONFIG_FTRACE_SYSCALLS and CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS";
}

static void try_way(struct attempt *a, const struct sensor_options *given)
{
	struct sensor_options options = *given;
	int error;

	options.hooks = a->hooks;
	error = sensor_open(&a->sensor, &options, &a->why);
	a->available = !error;
	if (error) {
		a->why = strdup(a->why);
		a->mend = mend_of(error);
	}
}

/* ---- text ---- */

static void text_hooks(const struct way_state *state)
{
	size_t i;

	printf("    %-12s by", "");
	for (i = 0; i < state->hook_count; i++)
		printf("%s%s", i ? ", " : " ", state->hooks[i]);
	printf("\n");
}

static void text_way(const struct sensor *sensor, const struct way *way)
{
	struct way_state state = way_state(sensor, way);
	char *lost = state.missing ? missing_sentence(state.missing) : NULL;

	printf("    %-12s %s\n", seen_names[state.seen], way->what);
	if (state.hook_count)
		text_hooks(&state);
	if (lost)
		printf("    %-12s missing: %s\n", "", lost);
	if (state.why)
		printf("    %-12s why: %s\n", "", state.why);
	if (state.seen != SEEN_EXACTLY && state.mend)
		printf("    %-12s would mend it: %s\n", "", state.mend);
	free(lost);
}

static void text_table(const struct attempt *a)
{
	const char *family = "";
	size_t i;

	printf("\nwith %s hooks\n", a->name);
	for (i = 0; i < way_count; i++) {
		if (strcmp(family, ways[i].family))
			printf("  %s\n", ways[i].family);
		family = ways[i].family;
		text_way(&a->sensor, &ways[i]);
	}
}

static void text_attempt(const struct attempt *a)
{
	size_t i;

	if (!a->available) {
		printf("%-11s no: %s\n%-11s would mend it: %s\n", a->name, a->why, "", a->mend);
		return;
	}
	printf("%-11s yes, %zu hooks\n", a->name, a->sensor.link_count);
	for (i = 0; i < a->sensor.missing_count; i++) {
		char *lost = missing_sentence(&a->sensor.missing[i]);

		printf("%-11s missing: %s\n", "", lost ? lost : a->sensor.missing[i].program);
		free(lost);
	}
}

/* ---- JSON: one document ---- */

static void put_string(const char *text)
{
	size_t length = strlen(text), size = text_json(NULL, 0, text, length) + 1;
	char *escaped = xcalloc(1, size);

	text_json(escaped, size, text, length);
	printf("\"%s\"", escaped);
	free(escaped);
}

/* `before` is what parts it from the one before. */
static void put_field(const char *before, const char *key, const char *value)
{
	if (!value)
		return;
	printf("%s\"%s\": ", before, key);
	put_string(value);
}

static void put_array(const char *key, const char *const *values, size_t count)
{
	size_t i;

	printf(", \"%s\": [", key);
	for (i = 0; i < count; i++) {
		fputs(i ? ", " : "", stdout);
		put_string(values[i]);
	}
	fputs("]", stdout);
}

static void json_way(const struct sensor *sensor, const struct way *way)
{
	struct way_state state = way_state(sensor, way);
	char *lost = state.missing ? missing_sentence(state.missing) : NULL;

	put_field("     {", "family", way->family);
	put_field(", ", "way", way->what);
	put_field(", ", "seen", seen_names[state.seen]);
	put_array("hooks", state.hooks, state.hook_count);
	put_field(", ", "missing", lost);
	put_field(", ", "why", state.why);
	if (state.seen != SEEN_EXACTLY)
		put_field(", ", "mend", state.mend);
	fputs("}", stdout);
	free(lost);
}

static void json_missing(const struct sensor *sensor)
{
	size_t i;

	fputs(",\n    \"missing\": [", stdout);
	for (i = 0; i < sensor->missing_count; i++) {
		char *lost = missing_sentence(&sensor->missing[i]);

		put_field(i ? ", {" : "{", "program", sensor->missing[i].program);
		put_field(", ", "why", sensor->missing[i].why);
		put_field(", ", "lost", lost);
		fputs("}", stdout);
		free(lost);
	}
	fputs("]", stdout);
}

static void json_attempt(const struct attempt *a)
{
	struct sentences unseen;
	size_t i;

	put_field("  {", "hooks", a->name);
	printf(", \"available\": %s", a->available ? "true" : "false");
	if (!a->available) {
		put_field(", ", "why", a->why);
		put_field(", ", "mend", a->mend);
		fputs("}", stdout);
		return;
	}
	printf(", \"hook_count\": %zu", a->sensor.link_count);
	json_missing(&a->sensor);
	fputs(",\n    \"ways\": [\n", stdout);
	for (i = 0; i < way_count; i++) {
		fputs(i ? ",\n" : "", stdout);
		json_way(&a->sensor, &ways[i]);
	}
	fputs("]", stdout);
	ways_unseen(&a->sensor, NULL, &unseen);
	put_array("unseen", (const char *const *)unseen.list, unseen.count);
	sentences_done(&unseen);
	fputs("}", stdout);
}

/* ---- the command ---- */

struct asked {
	struct sensor_options sensor;
	bool json;
};

static const struct option options_known[] = {
	{"format", required_argument, NULL, 'f'},
	{"btf", required_argument, NULL, 'b'},
	{"hooks", required_argument, NULL, 'w'},
	/* for tests: not in the usage */
	{"hide", required_argument, NULL, 'i'},
	{"verifier-cost", no_argument, NULL, 'c'},
	{NULL, 0, NULL, 0},
};

static int wrong(void)
{
	say("doctor: it takes --format text or json, --hooks trampoline or tracepoint, --btf FILE and nothing else; see quis-record --help");
	return EXIT_USAGE;
}

static int parse(struct asked *asked, int argc, char **argv)
{
	int id;

	opterr = 0;
	optind = 1;
	while ((id = getopt_long(argc, argv, "+:", options_known, NULL)) != -1) {
		if (id == 'f' && (!strcmp(optarg, "text") || !strcmp(optarg, "json")))
			asked->json = !strcmp(optarg, "json");
		else if (id == 'w' && !strcmp(optarg, "trampoline"))
			asked->sensor.hooks = HOOKS_TRAMPOLINE;
		else if (id == 'w' && !strcmp(optarg, "tracepoint"))
			asked->sensor.hooks = HOOKS_TRACEPOINT;
		else if (id == 'b')
			asked->sensor.btf = optarg;
		else if (id == 'i')
			asked->sensor.hide = optarg;
		else if (id == 'c')
			asked->sensor.cost = true;
		else
			return wrong();
	}
	return optind < argc ? wrong() : 0;
}

/* ---- what the verifier had to do: for scripts/verifier-cost ---- */

static void put_cost(const char *program, unsigned long instructions, void *name)
{
	printf("%s\t%s\t%lu\n", (const char *)name, program, instructions);
}

static void tell_costs(const struct attempt *attempts, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (attempts[i].available)
			sensor_costs(&attempts[i].sensor, put_cost, (void *)attempts[i].name);
}

static void tell(struct attempt *attempts, size_t count, bool json)
{
	struct utsname u = {.release = ""};
	size_t i;

	uname(&u);
	if (json) {
		printf("{\"format\": 1");
		put_field(", ", "kernel", u.release);
		put_field(", ", "architecture", u.machine);
		fputs(", \"modes\": [\n", stdout);
	} else {
		printf("kernel      %s %s\n", u.release, u.machine);
	}
	for (i = 0; i < count; i++) {
		fputs(json && i ? ",\n" : "", stdout);
		(json ? json_attempt : text_attempt)(&attempts[i]);
	}
	for (i = 0; i < count && !json; i++)
		if (attempts[i].available)
			text_table(&attempts[i]);
	fputs(json ? "]" : "", stdout);
}

/* ---- the sensor itself ---- */

static void tell_protection(bool json, bool first, const char *name, bool on, const char *what)
{
	if (!json) {
		printf("  %-17s %s: %s\n", name, on ? "yes" : "no", what);
		return;
	}
	put_field(first ? "{" : ",\n  {", "protection", name);
	printf(", \"in_effect\": %s", on ? "true" : "false");
	put_field(", ", "what", what);
	fputs("}", stdout);
}

/* How quis-record closes itself in here, by doing so and then trying to get out. */
static void tell_protections(bool json)
{
	struct confinement c;
	char wrong[512], summary[640];
	unsigned tried = 0;
	int count, i;

	fflush(stdout);
	count = confine_measure(&c, wrong, sizeof(wrong), &tried);
	if (count < 0) {
		tell_protection(json, true, "confinement", false, geteuid() ? "only root can try it" : "it could not be tried");
		return;
	}
	for (i = 0; i < PROTECTIONS; i++)
		tell_protection(json, !i, protection_names[i], c.list[i].on, c.list[i].what);
	if (count)
		snprintf(summary, sizeof(summary), "of %u things, %d did not end as they should: %s", tried, count, wrong);
	else
		snprintf(summary, sizeof(summary), "%u things, all ended as they should", tried);
	tell_protection(json, false, "tried", !count, summary);
}

static void protections(bool json)
{
	fputs(json ? ", \"confinement\": [\n  " : "\nquis-record itself, while it records\n", stdout);
	tell_protections(json);
	fputs(json ? "]}\n" : "", stdout);
}

int doctor_main(int argc, char **argv)
{
	static struct attempt attempts[] = {
		{.hooks = HOOKS_TRAMPOLINE, .name = "trampoline"},
		{.hooks = HOOKS_TRACEPOINT, .name = "tracepoint"},
	};
	struct asked asked = {.json = false};
	size_t first = 0, last = 2, i;
	int status = parse(&asked, argc, argv);
	bool any = false;

	if (status)
		return status;
	if (asked.sensor.hooks != HOOKS_BEST) {
		first = asked.sensor.hooks == HOOKS_TRACEPOINT;
		last = first + 1;
	}
	for (i = first; i < last; i++)
		try_way(&attempts[i], &asked.sensor);
	if (asked.sensor.cost)
		tell_costs(attempts + first, last - first);
	else
		tell(attempts + first, last - first, asked.json);
	for (i = first; i < last; i++) {
		any |= attempts[i].available;
		if (attempts[i].available)
			sensor_close(&attempts[i].sensor);
	}
	if (!asked.sensor.cost)
		protections(asked.json);
	return any ? 0 : EXIT_NOT_ALLOWED;
}
