/* SPDX-License-Identifier: BSD-2-Clause */
/* What this kernel lets the sensor hook: found by loading and attaching, not by version. */
#include "record/record.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static int try_way(enum hooks hooks, const char *name, bool *ret_any)
{
	struct sensor_options options = {.hooks = hooks};
	struct sensor sensor = {.object = NULL};
	const char *why = NULL;
	size_t i;
	int error = sensor_open(&sensor, &options, &why);

	if (error) {
		printf("%-11s no: %s\n", name, why);
		return error;
	}
	*ret_any = true;
	printf("%-11s yes, %zu hooks\n", name, sensor.link_count);
	for (i = 0; i < sensor.unseen_count; i++)
		printf("            %s\n", sensor.unseen[i]);
	sensor_close(&sensor);
	return 0;
}

int doctor_main(int argc, char **argv)
{
	struct utsname u;
	bool any = false;
	int error;

	if (argc > 1) {
		say("doctor: unexpected word %s; see quis-record --help", argv[1]);
		return EXIT_USAGE;
	}
	if (!uname(&u))
		printf("kernel      %s %s\n", u.release, u.machine);
	try_way(HOOKS_TRAMPOLINE, "trampoline", &any);
	error = try_way(HOOKS_TRACEPOINT, "tracepoint", &any);
	(void)error;
	return any ? 0 : EXIT_NOT_ALLOWED;
}
