/* SPDX-License-Identifier: BSD-2-Clause */
#include "class.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "glob.h"
#include "ini.h"

#define CLASSES_MAX 64
#define RULES_MAX 4096
#define SLOTS 8192 /* of the table of anchors, a power of two over RULES_MAX */
#define FILE_MAX (1 << 20)

struct class {
	char *name;
	char *title;
	bool ordinary;
};

/*
 * A rule is tried only on paths that have its anchor: a part of it without wildcards (PART), the whole last part (LAST), or its ending
 * (ENDING). Few rules have none. So a path costs some look-ups, however many rules there are.
 */
enum anchor { ANCHOR_NONE, ANCHOR_PART, ANCHOR_LAST, ANCHOR_ENDING };

struct rule {
	char *glob;
	char *why;
	const char *anchor; /* within glob */
	uint16_t anchor_len;
	uint16_t next; /* with the same slot, or of those without an anchor: later ones; 0: none */
	uint8_t class;
	uint8_t kind; /* enum anchor */
	bool name;    /* of the last part alone, in lower case */
};

static struct {
	bool loaded;
	struct class classes[CLASSES_MAX];
	size_t class_count;
	struct rule rules[RULES_MAX]; /* from 1 on; the lower decides */
	size_t rule_count;
	uint16_t slots[SLOTS], slot_ends[SLOTS];
	uint64_t version;
	char problem[PATH_MAX + 64];
} state;

extern const char catalog_classes[], catalog_classes_end[];

static uint64_t hash(uint64_t seed, const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		seed = (seed ^ (unsigned char)bytes[i]) * 0x100000001b3;
	return seed;
}

static size_t slot_of(enum anchor kind, const char *text, size_t len)
{
	uint64_t value = hash(0xcbf29ce484222325 + kind, text, len);

	return kind == ANCHOR_NONE ? 0 : 1 + (value ^ value >> 29) % (SLOTS - 1);
}

static void set_anchor(struct rule *rule, enum anchor kind, const char *at, size_t len)
{
	rule->kind = kind;
	rule->anchor = at;
	rule->anchor_len = len;
}

/* The last part of the path that is plain text: the first ones are those of many paths. */
static void anchor_path(struct rule *rule)
{
	const char *at = rule->glob;

	while (*at) {
		size_t len = strcspn(at, "/");

		if (len && strcspn(at, "*?[") >= len)
			set_anchor(rule, ANCHOR_PART, at, len);
		at += len;
		at += *at == '/';
	}
}

static void anchor_name(struct rule *rule)
{
	const char *dot = strrchr(rule->glob, '.');
	size_t i;

	for (i = 0; rule->glob[i]; i++)
		rule->glob[i] = tolower((unsigned char)rule->glob[i]);
	if (!strpbrk(rule->glob, "*?["))
		set_anchor(rule, ANCHOR_LAST, rule->glob, i);
	else if (dot && !strpbrk(dot, "*?["))
		set_anchor(rule, ANCHOR_ENDING, dot, strlen(dot));
}

static int find_class(const char *name)
{
	size_t i;

	for (i = 0; i < state.class_count; i++)
		if (!strcmp(state.classes[i].name, name))
			return i;
	return -1;
}

static int add_class(const char *name)
{
	int found = find_class(name);

	if (found >= 0)
		return found;
	if (state.class_count == CLASSES_MAX || !*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return -EBADMSG;
	state.classes[state.class_count] = (struct class){.name = strdup(name)};
	return state.classes[state.class_count].name ? (int)state.class_count++ : -ENOMEM;
}

static int add_rule(int class, const struct ini_line *line)
{
	struct rule *rule = &state.rules[state.rule_count + 1];
	uint16_t *slot, *end;

	if (state.rule_count + 1 == RULES_MAX)
		return -EBADMSG;
	*rule = (struct rule){.glob = strdup(line->key), .why = strdup(line->value), .class = class, .name = !strcmp(line->word, "name")};
	if (!rule->glob || !rule->why) {
		free(rule->glob);
		free(rule->why);
		return -ENOMEM;
	}
	if (rule->name)
		anchor_name(rule);
	else
		anchor_path(rule);
	state.rule_count++;
	slot = &state.slots[slot_of(rule->kind, rule->anchor, rule->anchor_len)];
	end = &state.slot_ends[slot - state.slots];
	if (*slot)
		state.rules[*end].next = state.rule_count;
	else
		*slot = state.rule_count;
	*end = state.rule_count;
	return 0;
}

static int take_line(void *context, const struct ini_line *line)
{
	int class = add_class(line->section);

	(void)context;
	if (class < 0)
		return class;
	if (!strcmp(line->word, "path") || !strcmp(line->word, "name"))
		return add_rule(class, line);
	if (*line->word)
		return -EBADMSG;
	if (!strcmp(line->key, "title")) {
		/* A user's file comes first, and its word counts. */
		if (!state.classes[class].title)
			state.classes[class].title = strdup(line->value);
		return 0;
	}
	if (strcmp(line->key, "ordinary"))
		return -EBADMSG;
	state.classes[class].ordinary = !strcmp(line->value, "yes");
	return 0;
}

static void take_text(const char *from, const char *text, size_t len)
{
	size_t number = 0;
	int err = ini_read(text, len, take_line, NULL, &number);

	state.version = hash(state.version, text, len);
	if (err && !*state.problem)
		snprintf(state.problem, sizeof(state.problem), "%s: line %zu %s", from, number,
			err == -EBADMSG ? "is no rule of a class (or there are too many)" : strerror(-err));
}

/* Nothing there is no problem; a fifo would hang, and a file of anybody's size would fill the memory. */
static void take_file(const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	char *text;

	if (!file)
		return;
	if (!fstat(fileno(file), &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
		text = malloc(FILE_MAX);
		if (text)
			take_text(path, text, fread(text, 1, FILE_MAX, file));
		free(text);
	} else if (!*state.problem) {
		snprintf(state.problem, sizeof(state.problem), "%s: no file of at most 1 MiB", path);
	}
	fclose(file);
}

static void take_user_file(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char path[PATH_MAX];
	int len = -1;

	if (config && *config == '/')
		len = snprintf(path, sizeof(path), "%s/quis/classes.ini", config);
	else if (home && *home == '/')
		len = snprintf(path, sizeof(path), "%s/.config/quis/classes.ini", home);
	if (len > 0 && len < PATH_MAX)
		take_file(path);
}

static void load(void)
{
	if (state.loaded)
		return;
	state.loaded = true;
	state.version = 0xcbf29ce484222325;
	take_user_file();
	take_file("/etc/quis/classes.ini");
	take_text("classes.ini", catalog_classes, catalog_classes_end - catalog_classes);
}

struct subject {
	const char *path;
	size_t len;
	char name[NAME_MAX + 1]; /* its last part, in lower case */
	size_t name_len;
};

static bool rule_fits(const struct rule *rule, const struct subject *subject)
{
	if (rule->name)
		return subject->name_len && glob_fits(rule->glob, subject->name, subject->name_len);
	return glob_fits(rule->glob, subject->path, subject->len);
}

/* The lowest rule that fits and is below best. */
static size_t try_slot(enum anchor kind, const char *text, size_t len, const struct subject *subject, size_t best)
{
	size_t at;

	for (at = state.slots[slot_of(kind, text, len)]; at && at < best; at = state.rules[at].next) {
		const struct rule *rule = &state.rules[at];

		if (rule->kind == kind && rule->anchor_len == len && (!len || !memcmp(rule->anchor, text, len)) && rule_fits(rule, subject))
			return at;
	}
	return best;
}

static void set_name(struct subject *subject)
{
	const char *slash = subject->len ? memrchr(subject->path, '/', subject->len) : NULL, *name = slash ? slash + 1 : subject->path;
	size_t i;

	subject->name_len = subject->path + subject->len - name;
	if (subject->name_len > NAME_MAX)
		subject->name_len = 0;
	for (i = 0; i < subject->name_len; i++)
		subject->name[i] = tolower((unsigned char)name[i]);
}

/* 0: none. */
static size_t find_rule(const char *path, size_t len)
{
	struct subject subject = {.path = path, .len = len};
	size_t best = RULES_MAX, at, size, dot;

	load();
	set_name(&subject);
	for (at = 0; at < len; at += size + 1) {
		const char *slash = memchr(path + at, '/', len - at);

		size = slash ? (size_t)(slash - path - at) : len - at;
		if (size)
			best = try_slot(ANCHOR_PART, path + at, size, &subject, best);
	}
	for (dot = subject.name_len; dot && subject.name[dot - 1] != '.'; dot--)
		;
	if (dot)
		best = try_slot(ANCHOR_ENDING, subject.name + dot - 1, subject.name_len - dot + 1, &subject, best);
	if (subject.name_len)
		best = try_slot(ANCHOR_LAST, subject.name, subject.name_len, &subject, best);
	best = try_slot(ANCHOR_NONE, NULL, 0, &subject, best);
	return best == RULES_MAX ? 0 : best;
}

const char *class_of(const char *path, size_t len)
{
	size_t rule = find_rule(path, len);

	return rule ? state.classes[state.rules[rule].class].name : "other";
}

const char *class_of_seen(const char *path, size_t len, const char *view, size_t view_len)
{
	size_t rule = find_rule(path, len);
	const char *seen = !rule && view ? class_of(view, view_len) : "other";

	return rule ? state.classes[state.rules[rule].class].name : class_ordinary(seen) ? "other" : seen;
}

const char *class_why(const char *path, size_t len)
{
	size_t rule = find_rule(path, len);

	return rule ? state.rules[rule].why : NULL;
}

const char *class_name(size_t index)
{
	load();
	return index < state.class_count ? state.classes[index].name : NULL;
}

const char *class_title(const char *name)
{
	int class;

	load();
	class = find_class(name);
	return class < 0 || !state.classes[class].title ? name : state.classes[class].title;
}

bool class_known(const char *name)
{
	load();
	return find_class(name) >= 0;
}

bool class_ordinary(const char *name)
{
	int class;

	load();
	class = find_class(name);
	return class >= 0 && state.classes[class].ordinary;
}

uint64_t class_version(void)
{
	load();
	return state.version;
}

const char *class_problem(void)
{
	load();
	return *state.problem ? state.problem : NULL;
}
