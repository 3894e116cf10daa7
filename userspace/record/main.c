/* SPDX-License-Identifier: BSD-2-Clause */
#include "record/record.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>


static const char usage[] =
	"usage: quis-record run [-o CASE] [OPTIONS] -- COMMAND [ARG...]\n"
	"       quis-record record -o CASE FLAG... [OPTIONS]\n"
	"       quis-record --config FILE | --check-config [FILE]\n"
	"       quis-record doctor [--format text|json] [--hooks WAY] [--btf FILE]\n"
	"       quis-record make-key FILE [NAME]\n"
	"\n"
	"run      follows COMMAND from its first instruction, and everything it starts\n"
	"record   follows what FLAG names, running or still to come\n"
	"doctor   says what this kernel lets the sensor hook, what it sees so of each way to\n"
	"         reach data, why not all, and what would mend it, if anything\n"
	"make-key makes a signing key for --key: FILE, which is secret, and FILE.pub, which\n"
	"         quis verify --key takes\n"
	"\n"
	"FLAG is any of, repeated at will:\n"
	"  --path FILE_OR_DIR     executables by path, or all below a directory; #! scripts too\n"
	"  --pid PID              a running process, its threads and children\n"
	"  --unit NAME.service    a systemd unit, running or not\n"
	"  --cgroup PATH          a control group (version 2) and those below it\n"
	"  --package NAME         the programs of an installed package (dpkg, rpm)\n"
	"  --product NAME         those of a security product of the catalogue, present or to come\n"
	"  --follow-ipc           also who receives data or files from these by a unix socket or\n"
	"                         a pipe, while it lasts; not message buses, logs and the like\n"
	"  --follow-ipc-depth N   ... and from these in turn, up to N hand-overs away (2)\n"
	"  --follow-ipc-count N   ... no more than N processes in one recording (16)\n"
	"  --follow-ipc-not PATH  ... never this program, or those below this directory\n"
	"\n"
	"OPTIONS\n"
	"  -o, --output CASE      directory to make (run: quis-HOST-TIME when not given)\n"
	"  --duration TIME        end after 90s, 10m, 2h, 1d\n"
	"  --hooks WAY            trampoline or tracepoint; else the best that attaches\n"
	"  --btf FILE             kernel types, for kernels that do not tell them\n"
	"  --case-number TEXT, --examiner TEXT, --note TEXT\n"
	"                         written into the case\n"
	"  --key FILE             sign with this key first, not with one made for the case\n"
	"  --segment-size SIZE    seal a segment and replace the key at this size (64M) ...\n"
	"  --segment-age TIME     ... or age (1h), whichever comes first\n"
	"  --compress             compress sealed segments (zstd)\n"
	"  --keep-size SIZE       remove the oldest sealed segments when all are larger than this ...\n"
	"  --keep-age TIME        ... or were sealed longer ago; the case says so\n"
	"  --checkpoint-to WAY    also to journal, syslog or stderr; repeatable\n"
	"  --heartbeat TIME       say in the case that the sensor runs, so often (60s)\n"
	"  --pin DIR              keep counting if quis-record dies, and go on with the case\n"
	"                         then; DIR on a BPF file system: /sys/fs/bpf/quis (record)\n"
	"  --config FILE          take these options from a file too; SIGHUP reads it again\n"
	"  --check-config [FILE]  say whether it is right (" CONFIG_DEFAULT "), and end\n"
	"  -v, --verbose          say what is done\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 done; 1 failed; 2 wrong usage; 77 the kernel or the privileges do not allow it.\n"
	"run: the command's own, 128+N for signal N, 126 it cannot be run, 127 there is none.\n";

enum option_id {
	OPTION_PATH = 256,
	OPTION_PID,
	OPTION_UNIT,
	OPTION_CGROUP,
	OPTION_PACKAGE,
	OPTION_PRODUCT,
	OPTION_DURATION,
	OPTION_HOOKS,
	OPTION_BTF,
	OPTION_NUMBER,
	OPTION_EXAMINER,
	OPTION_NOTE,
	OPTION_KEY,
	OPTION_SEGMENT_SIZE,
	OPTION_SEGMENT_AGE,
	OPTION_COMPRESS,
	OPTION_CHECKPOINT_TO,
	OPTION_KEEP_SIZE,
	OPTION_KEEP_AGE,
	OPTION_HEARTBEAT,
	OPTION_EPOCH,
	OPTION_RING,
	OPTION_ENTRIES,
	OPTION_HIDE,
	OPTION_TRY,
	OPTION_CONFIG,
	OPTION_PIN,
	OPTION_CHECK,
	OPTION_FOLLOW,
	OPTION_FOLLOW_DEPTH,
	OPTION_FOLLOW_COUNT,
	OPTION_FOLLOW_NOT,
};

static const struct option options_known[] = {
	{"output", required_argument, NULL, 'o'},
	{"path", required_argument, NULL, OPTION_PATH},
	{"pid", required_argument, NULL, OPTION_PID},
	{"unit", required_argument, NULL, OPTION_UNIT},
	{"cgroup", required_argument, NULL, OPTION_CGROUP},
	{"package", required_argument, NULL, OPTION_PACKAGE},
	{"product", required_argument, NULL, OPTION_PRODUCT},
	{"follow-ipc", no_argument, NULL, OPTION_FOLLOW},
	{"follow-ipc-depth", required_argument, NULL, OPTION_FOLLOW_DEPTH},
	{"follow-ipc-count", required_argument, NULL, OPTION_FOLLOW_COUNT},
	{"follow-ipc-not", required_argument, NULL, OPTION_FOLLOW_NOT},
	{"duration", required_argument, NULL, OPTION_DURATION},
	{"hooks", required_argument, NULL, OPTION_HOOKS},
	{"btf", required_argument, NULL, OPTION_BTF},
	{"case-number", required_argument, NULL, OPTION_NUMBER},
	{"examiner", required_argument, NULL, OPTION_EXAMINER},
	{"note", required_argument, NULL, OPTION_NOTE},
	{"key", required_argument, NULL, OPTION_KEY},
	{"segment-size", required_argument, NULL, OPTION_SEGMENT_SIZE},
	{"segment-age", required_argument, NULL, OPTION_SEGMENT_AGE},
	{"compress", no_argument, NULL, OPTION_COMPRESS},
	{"keep-size", required_argument, NULL, OPTION_KEEP_SIZE},
	{"keep-age", required_argument, NULL, OPTION_KEEP_AGE},
	{"checkpoint-to", required_argument, NULL, OPTION_CHECKPOINT_TO},
	{"heartbeat", required_argument, NULL, OPTION_HEARTBEAT},
	{"pin", required_argument, NULL, OPTION_PIN},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"check-config", no_argument, NULL, OPTION_CHECK},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	/* for tests: not in the usage */
	{"epoch-ms", required_argument, NULL, OPTION_EPOCH},
	{"ring-bytes", required_argument, NULL, OPTION_RING},
	{"map-entries", required_argument, NULL, OPTION_ENTRIES},
	{"hide", required_argument, NULL, OPTION_HIDE},
	{"try-confinement", no_argument, NULL, OPTION_TRY},
	{NULL, 0, NULL, 0},
};

/* One line; `value` stands between the two parts. */
static int wrong(const char *before, const char *value, const char *after)
{
	say("%s%s%s; see %s", before, value, after, *say_where ? "quis-record.conf(5)" : "quis-record --help");
	return EXIT_USAGE;
}

static bool number(const char *text, uint32_t least, uint32_t most, uint32_t *ret_value)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char)*text) || value < least || value > most)
		return false;
	*ret_value = value;
	return true;
}

static bool duration(const char *text, uint64_t *ret_ns)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;
	unsigned long value;
	size_t i;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || !isdigit((unsigned char)*text) || !value || value > 1000000)
		return false;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (*end && (*end != units[i].unit || end[1]))
			continue;
		*ret_ns = value * units[i].seconds * SECOND; /* no unit: seconds, the first row */
		return true;
	}
	return false;
}

/* Bytes, or with K, M or G behind. */
static bool size(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || !isdigit((unsigned char)*text) || !value || value > 1000000000000)
		return false;
	unit = *end ? strchr(units, *end) : units - 1;
	if (!unit || (*end && end[1]))
		return false;
	*ret_bytes = (uint64_t)value << 10 * (unit - units + 1);
	return true;
}

static bool hooks(const char *text, enum hooks *ret_hooks)
{
	if (!strcmp(text, "trampoline"))
		*ret_hooks = HOOKS_TRAMPOLINE;
	else if (!strcmp(text, "tracepoint"))
		*ret_hooks = HOOKS_TRACEPOINT;
	else
		return false;
	return true;
}

struct parsed {
	struct record_options options;
	struct flags flags;
	char case_path[320];
	struct config config;
	bool check;
	bool over; /* --help, --version: nothing more to do */
};

static int take_sealing(struct record_options *o, int id, const char *value)
{
	uint64_t age;

	switch (id) {
	case OPTION_KEY:
		o->sealing.key = value;
		return 0;
	case OPTION_SEGMENT_SIZE:
		return size(value, &o->sealing.segment_bytes) ? 0 : wrong("--segment-size ", value, ": not a size such as 512K, 64M, 1G");
	case OPTION_SEGMENT_AGE:
		if (!duration(value, &age))
			return wrong("--segment-age ", value, ": not a time such as 90s, 10m, 2h");
		o->sealing.segment_seconds = age / SECOND;
		return 0;
	case OPTION_KEEP_SIZE:
		return size(value, &o->sealing.keep_bytes) ? 0 : wrong("--keep-size ", value, ": not a size such as 512K, 64M, 1G");
	case OPTION_KEEP_AGE:
		if (!duration(value, &age))
			return wrong("--keep-age ", value, ": not a time such as 90s, 10m, 2h");
		o->sealing.keep_seconds = age / SECOND;
		return 0;
	case OPTION_COMPRESS:
		o->sealing.compress = true;
		return 0;
	case OPTION_CHECKPOINT_TO:
		return witness_way(value, &o->checkpoint_to) ? 0 : wrong("--checkpoint-to ", value, ": not journal, syslog or stderr");
	case OPTION_HEARTBEAT:
		return duration(value, &o->heartbeat) ? 0 : wrong("--heartbeat ", value, ": not a time such as 90s, 10m, 2h");
	}
	return EXIT_USAGE;
}

static int take_follow(struct follow_options *f, int id, const char *value)
{
	switch (id) {
	case OPTION_FOLLOW_DEPTH:
		return number(value, 1, MARK_DEPTH_MAX, &f->depth) ? 0 : wrong("--follow-ipc-depth ", value, ": 1 to 15");
	case OPTION_FOLLOW_COUNT:
		return number(value, 1, FOLLOW_COUNT_MAX, &f->count) ? 0 : wrong("--follow-ipc-count ", value, ": 1 to 4096");
	case OPTION_FOLLOW_NOT:
		if (*value != '/')
			return wrong("--follow-ipc-not ", value, ": not an absolute path");
		if (f->not_count == FOLLOW_NOT_MAX)
			return wrong("--follow-ipc-not ", value, ": one too many");
		f->not[f->not_count++] = value;
		return 0;
	}
	f->on = true;
	return 0;
}

static int take_value(struct parsed *p, int id, const char *value)
{
	struct record_options *o = &p->options;

	switch (id) {
	case 'o':
		o->case_path = value;
		return *value ? 0 : wrong("-o needs a directory", "", "");
	case OPTION_PATH:
		return flags_add(&p->flags, FLAG_KIND_PATH, value);
	case OPTION_PID:
		return flags_add(&p->flags, FLAG_KIND_PID, value);
	case OPTION_UNIT:
		return flags_add(&p->flags, FLAG_KIND_UNIT, value);
	case OPTION_CGROUP:
		return flags_add(&p->flags, FLAG_KIND_CGROUP, value);
	case OPTION_PACKAGE:
		return flags_add(&p->flags, FLAG_KIND_PACKAGE, value);
	case OPTION_PRODUCT:
		return flags_add(&p->flags, FLAG_KIND_PRODUCT, value);
	case OPTION_DURATION:
		return duration(value, &o->duration) ? 0 : wrong("--duration ", value, ": not a time such as 90s, 10m, 2h");
	case OPTION_HOOKS:
		return hooks(value, &o->sensor.hooks) ? 0 : wrong("--hooks ", value, ": neither trampoline nor tracepoint");
	case OPTION_BTF:
		o->sensor.btf = value;
		return 0;
	case OPTION_NUMBER:
		o->case_number = value;
		return 0;
	case OPTION_EXAMINER:
		o->examiner = value;
		return 0;
	case OPTION_NOTE:
		o->note = value;
		return 0;
	case OPTION_EPOCH:
		return number(value, 10, 60000, &o->epoch_ms) ? 0 : wrong("--epoch-ms ", value, ": 10 to 60000");
	case OPTION_RING:
		return number(value, 4096, 1u << 30, &o->sensor.ring_bytes) ? 0 : wrong("--ring-bytes ", value, ": a power of two from 4096");
	case OPTION_ENTRIES:
		return number(value, 1, 1u << 22, &o->sensor.file_entries) ? 0 : wrong("--map-entries ", value, ": 1 to 4194304");
	case OPTION_CONFIG:
	case OPTION_CHECK:
		return 0; /* find_config() */
	case OPTION_TRY:
		o->try_confinement = true;
		return 0;
	case OPTION_PIN:
		o->sensor.pin = value;
		return *value ? 0 : wrong("--pin needs a directory", "", "");
	case OPTION_HIDE:
		o->sensor.hide = value;
		return 0;
	case OPTION_FOLLOW:
	case OPTION_FOLLOW_DEPTH:
	case OPTION_FOLLOW_COUNT:
	case OPTION_FOLLOW_NOT:
		return take_follow(&o->sensor.follow, id, value);
	}
	return take_sealing(o, id, value);
}

/* ---- a configuration: each key is an option ---- */

static int take_entry(struct parsed *p, const struct config_entry *entry)
{
	const struct option *o;

	for (o = options_known; o->name && strcmp(o->name, entry->key); o++)
		;
	if (o->name && o->has_arg == required_argument)
		return take_value(p, o->val, entry->value);
	if (!strcmp(entry->value, "yes"))
		return take_value(p, o->val, NULL);
	return strcmp(entry->value, "no") ? wrong("", entry->value, ": neither yes nor no") : 0;
}

static void defaults(struct record_options *o)
{
	o->epoch_ms = 1000;
	o->sensor.follow = (struct follow_options){.depth = FOLLOW_DEPTH, .count = FOLLOW_COUNT};
	o->heartbeat = 60 * SECOND;
}

static int take_entries(struct parsed *p, const struct config *config, const char *path)
{
	int status = 0;
	size_t i;

	for (i = 0; i < config->count && !status; i++) {
		snprintf(say_where, sizeof(say_where), "%s:%u: ", path, config->entries[i].line);
		status = take_entry(p, &config->entries[i]);
	}
	say_where[0] = '\0';
	return status;
}

static int take_again(const struct config *config, struct record_options *options, struct flags *flags)
{
	struct parsed p = {.options = *options};
	int status;

	defaults(&p.options);
	status = take_entries(&p, config, options->config_path);
	*options = p.options;
	*flags = p.flags;
	return status;
}

static int take_config(struct parsed *p, const char *path)
{
	struct config_error where = {.line = 0};
	int error = config_read(&p->config, path, &where);

	if (error && !where.what[0]) {
		say("%s: %s", path, strerror(-error));
		return EXIT_FAILED;
	}
	if (error) {
		if (where.line)
			snprintf(say_where, sizeof(say_where), "%s:%u: ", path, where.line);
		else
			snprintf(say_where, sizeof(say_where), "%s: ", path);
		say("%s", where.what);
		say_where[0] = '\0';
		return EXIT_USAGE;
	}
	p->options.config_path = path;
	p->options.config = &p->config;
	p->options.take_config = take_again;
	return take_entries(p, &p->config, path);
}

/* First of all, so that the command line can say otherwise. */
static int find_config(struct parsed *p, int argc, char **argv)
{
	const char *path = NULL;
	int id;

	while ((id = getopt_long(argc, argv, "+:o:vhV", options_known, NULL)) != -1) {
		if (id == OPTION_CONFIG)
			path = optarg;
		p->check |= id == OPTION_CHECK;
	}
	if (p->check && !path)
		path = optind < argc ? argv[optind] : CONFIG_DEFAULT;
	optind = 0; /* from the beginning: getopt(3) */
	return path ? take_config(p, path) : 0;
}

static int parse(struct parsed *p, int argc, char **argv)
{
	int id, status;

	opterr = 0;
	optind = 1;
	defaults(&p->options);
	status = find_config(p, argc, argv);
	while (!status && (id = getopt_long(argc, argv, "+:o:vhV", options_known, NULL)) != -1) {
		if (id == 'h' || id == 'V') {
			fputs(id == 'h' ? usage : "quis-record " QUIS_VERSION "\n", stdout);
			p->over = true;
			return 0;
		}
		if (id == 'v')
			say_verbose = p->options.verbose = true;
		else if (id == '?' && optopt)
			status = wrong("unknown option -", (char[]){optopt, '\0'}, "");
		else if (id == '?')
			status = wrong("unknown option ", argv[optind - 1], "");
		else if (id == ':')
			status = wrong("", argv[optind - 1], " needs a value");
		else
			status = take_value(p, id, optarg);
	}
	return status;
}

static bool directory_in_use(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool used = false;

	if (!directory)
		return errno != ENOENT;
	while ((entry = readdir(directory)))
		used |= strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(directory);
	return used;
}

static void default_case(struct parsed *p)
{
	char host[65] = "host", when[32];
	time_t now = time(NULL);
	struct tm utc;

	gethostname(host, sizeof(host) - 1);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	snprintf(p->case_path, sizeof(p->case_path), "quis-%s-%s", host, when);
	p->options.case_path = p->case_path;
	say("the case is %s", p->case_path);
}

static int record(struct parsed *p)
{
	static struct recorder recorder;

	if (!p->options.sensor.pin && directory_in_use(p->options.case_path)) {
		if (errno == ENOTDIR || access(p->options.case_path, R_OK | X_OK))
			say("%s: %s", p->options.case_path, strerror(errno));
		else
			say("%s: not empty; a case needs a directory of its own", p->options.case_path);
		flags_done(&p->flags);
		return EXIT_FAILED;
	}
	recorder.flags = p->flags;
	return record_run(&recorder, &p->options);
}

static int main_run(int argc, char **argv)
{
	static struct parsed p;
	int status = parse(&p, argc, argv);

	if (status || p.over)
		return status;
	if (optind >= argc)
		return wrong("run needs a COMMAND after --", "", "");
	if (p.options.sensor.pin)
		return wrong("--pin is for record: a command of run ends with its recording", "", "");
	p.options.command = argv + optind;
	if (!p.options.case_path)
		default_case(&p);
	return record(&p);
}

static int check_over(struct parsed *p)
{
	printf("%s: right; %zu keys, %zu to follow, the case is %s\n", p->options.config_path, p->config.count, p->flags.count, p->options.case_path);
	flags_done(&p->flags);
	config_done(&p->config);
	return 0;
}

static int main_record(int argc, char **argv)
{
	static struct parsed p;
	int status = parse(&p, argc, argv);

	if (status || p.over)
		return status;
	if (optind < argc && !p.check)
		return wrong("unexpected word ", argv[optind], "");
	if (!p.options.case_path)
		return wrong("record needs -o CASE", "", "");
	if (!p.flags.count)
		return wrong("record needs a FLAG (--path, --pid, --unit, --cgroup, --package, --product)", "", "");
	if (p.check)
		return check_over(&p);
	return record(&p);
}

static int main_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs(usage, stdout);
	return 0;
}

static int main_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("quis-record " QUIS_VERSION);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"run", main_run},	 {"record", main_record},   {"doctor", doctor_main}, {"make-key", make_key_main}, {"help", main_help},
	{"--help", main_help},	 {"-h", main_help},	    {"version", main_version}, {"--version", main_version},
};

/*
 * What is loaded at the start (types, the BPF object) goes back to the kernel when it is freed, and nothing of it is used again: after the
 * reader is forked each such page would be copied at the first write, with an interrupt to the other processors.
 */
static void keep_memory_apart(void)
{
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

int main(int argc, char **argv)
{
	size_t i;

	inherited_note();
	keep_memory_apart();
	if (sodium_init() < 0) {
		say("libsodium does not start");
		return EXIT_FAILED;
	}
	if (argc < 2)
		return wrong("what to do?", "", "");
	if (!strncmp(argv[1], "--config", 8) || !strcmp(argv[1], "--check-config"))
		return main_record(argc, argv);
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return wrong("unknown command ", argv[1], "");
}
