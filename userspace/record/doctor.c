/* SPDX-License-Identifier: BSD-2-Clause */
/* What this kernel lets the sensor hook: found by loading and attaching, not by version. */
#include "record/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static void text_way(const char *name, const struct sensor *sensor, const char *why)
{
	size_t i;

	if (why) {
		printf("%-11s no: %s\n", name, why);
		return;
	}
	printf("%-11s yes, %zu hooks; not seen:\n", name, sensor->link_count);
	for (i = 0; i < sensor->unseen_count; i++)
		printf("            - %s\n", sensor->unseen[i]);
}

/* The fact writer makes the line: one module escapes for every output. */
static void json_way(const char *name, const struct sensor *sensor, const char *why)
{
	struct fact *f = xcalloc(1, sizeof(*f));
	struct utsname u;

	fact_begin(f, "doctor", clock_real());
	if (!uname(&u))
		fact_text(f, "host.os.kernel", u.release);
	fact_text(f, "quis.hooks", name);
	fact_text(f, "quis.available", why ? "no" : "yes");
	if (why)
		fact_bytes(f, "quis.why", NULL, why, strlen(why));
	else
		fact_number(f, "quis.hook_count", sensor->link_count);
	if (!why)
		fact_list(f, "quis.unseen", sensor->unseen, sensor->unseen_count);
	fact_end(f);
	fwrite(f->line, 1, f->len, stdout);
	free(f);
}

static bool try_way(enum hooks hooks, const char *name, bool json)
{
	struct sensor_options options = {.hooks = hooks};
	struct sensor sensor = {.object = NULL};
	const char *why = NULL;
	int error = sensor_open(&sensor, &options, &why);

	(json ? json_way : text_way)(name, &sensor, error ? why : NULL);
	if (!error)
		sensor_close(&sensor);
	return !error;
}

static int parse_format(int argc, char **argv, bool *ret_json)
{
	const char *format;

	if (argc == 1)
		return 0;
	if (argc == 3 && !strcmp(argv[1], "--format"))
		format = argv[2];
	else if (argc == 2 && !strncmp(argv[1], "--format=", 9))
		format = argv[1] + 9;
	else
		format = NULL;
	if (!format || (strcmp(format, "text") && strcmp(format, "json"))) {
		say("doctor: it takes --format text or json and nothing else; see quis-record --help");
		return EXIT_USAGE;
	}
	*ret_json = !strcmp(format, "json");
	return 0;
}

int doctor_main(int argc, char **argv)
{
	bool json = false, any;
	struct utsname u;
	int status = parse_format(argc, argv, &json);

	if (status)
		return status;
	if (!json && !uname(&u))
		printf("kernel      %s %s\n", u.release, u.machine);
	any = try_way(HOOKS_TRAMPOLINE, "trampoline", json);
	any |= try_way(HOOKS_TRACEPOINT, "tracepoint", json);
	return any ? 0 : EXIT_NOT_ALLOWED;
}
