/*
 * Compares a report with an act's truth. Only what the truth states is compared, and that exactly; besides, nothing
 * below the act's directory may appear that the truth does not list.
 *
 * Differences are put in four classes: `below` (a number too small), `absent` (not in the report at all), `above` (a
 * number too large) and `wrong` (another value, an object that the act did not touch). Below and absent can be a
 * flagged shortcoming; above only where the report says that it may count for another object, and what one object has
 * too much of another lacks: `surplus` is what all together have too much.
 */
#ifndef QUIS_COMPARE_H
#define QUIS_COMPARE_H

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_MAX 20

struct verdict {
	const char *dir;
	json_t *notes; /* array of strings, NOTES_MAX at most; `noted` is how many there were */
	size_t noted;
	unsigned below, absent, above, wrong;
	json_int_t surplus[16]; /* as compare_numbers */
	bool trampoline;
	json_t *unseen; /* the report's */
	int scale;	/* the truth's: by how much a storm is smaller than its full size, which took `seconds` */
	double seconds;
};

static const char *const compare_numbers[] = {"opens", "reads", "read_bytes", "writes", "write_bytes", "maps",
	"mapped_bytes", "faults", "faulted_bytes", "lists", "stats", "failed", "sent_bytes", "received_bytes", NULL};

static __attribute__((format(printf, 3, 4))) void differ(struct verdict *v, unsigned *class, const char *format, ...)
{
	char *line;
	va_list args;
	int n;

	(*class)++;
	if (v->noted++ >= NOTES_MAX)
		return;
	va_start(args, format);
	n = vasprintf(&line, format, args);
	va_end(args);
	if (n < 0)
		return;
	json_array_append_new(v->notes, json_string(line));
	free(line);
}

_Static_assert(sizeof(compare_numbers) / sizeof(compare_numbers[0]) <= 16, "surplus");

static bool equals_any(const json_t *expected, const json_t *got)
{
	size_t i;

	if (!json_is_array(expected))
		return json_equal(expected, got);
	for (i = 0; i < json_array_size(expected); i++)
		if (json_equal(json_array_get(expected, i), got))
			return true;
	return false;
}

/* All of `keys` that the truth states are as in the report. */
static bool agree(json_t *truth, json_t *report, const char *const *keys)
{
	for (; *keys; keys++) {
		json_t *expected = json_object_get(truth, *keys);

		if (expected && !equals_any(expected, json_object_get(report, *keys)))
			return false;
	}
	return true;
}

/* Text for a note; the caller frees. */
static char *shown(json_t *value)
{
	char *s = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_SORT_KEYS) : NULL;

	if (!s)
		s = strdup("nothing");
	if (s && strlen(s) > 300)
		strcpy(s + 296, "...");
	return s;
}

static const char *file_name(json_t *file)
{
	json_t *path = json_object_get(file, "path");

	if (json_is_array(path))
		path = json_array_get(path, 0);
	if (!path)
		path = json_object_get(file, "path_raw");
	if (!path)
		path = json_object_get(file, "type");
	return path ? json_string_value(path) : "?";
}

/* What the object has too much, or lacks. */
static void add_surplus(struct verdict *v, json_t *truth, json_t *got)
{
	size_t i;

	for (i = 0; compare_numbers[i]; i++) {
		json_t *expected = json_object_get(truth, compare_numbers[i]);

		if (expected)
			v->surplus[i] += json_integer_value(json_object_get(got, compare_numbers[i])) - json_integer_value(expected);
	}
}

static void compare_counters(struct verdict *v, json_t *truth, json_t *got, const char *who)
{
	const char *const *key;

	add_surplus(v, truth, got);
	for (key = compare_numbers; *key; key++) {
		json_t *expected = json_object_get(truth, *key);
		json_int_t want = json_integer_value(expected), have = json_integer_value(json_object_get(got, *key));

		if (!expected || want == have)
			continue;
		differ(v, have < want ? &v->below : &v->above, "%.200s: %s: expected %lld, got %lld", who, *key,
			(long long)want, (long long)have);
	}
}

static void compare_value(struct verdict *v, json_t *truth, json_t *got, const char *key, const char *who)
{
	json_t *expected = json_object_get(truth, key);
	char *want, *have;

	if (!expected || equals_any(expected, json_object_get(got, key)))
		return;
	want = shown(expected);
	have = shown(json_object_get(got, key));
	differ(v, &v->wrong, "%.200s: %s: expected %s, got %s", who, key, want, have);
	free(want);
	free(have);
}

static bool contains(json_t *array, json_t *value)
{
	size_t i;

	for (i = 0; i < json_array_size(array); i++)
		if (json_equal(json_array_get(array, i), value))
			return true;
	return false;
}

/* A way counts as said also with its source after it, as in "received:pid 12". */
static void compare_how(struct verdict *v, json_t *truth, json_t *got, const char *who)
{
	json_t *expected = json_object_get(truth, "how"), *have = json_object_get(got, "how");
	size_t i;

	for (i = 0; i < json_array_size(expected); i++) {
		char *s;

		if (contains(have, json_array_get(expected, i)))
			continue;
		s = shown(have);
		differ(v, &v->below, "%.200s: how: expected %s, got %s", who,
			json_string_value(json_array_get(expected, i)), s);
		free(s);
	}
}

/* What the first list has and the second has not. */
static void compare_lists(struct verdict *v, unsigned *class, json_t *list, json_t *other, const char *who, const char *what)
{
	json_t *value;
	size_t i;

	json_array_foreach (list, i, value) {
		char *s;

		if (contains(other, value))
			continue;
		s = shown(value);
		differ(v, class, "%.200s: %s %s", who, what, s);
		free(s);
	}
}

/* Whom it came from; without trampolines also whom the kernel noted at the socket, in whose place another may have sent. */
static json_t *from_allowed(const struct verdict *v, json_t *truth)
{
	json_t *allowed = json_array(), *noted = json_object_get(truth, "noted");

	json_array_extend(allowed, json_object_get(truth, "from"));
	if (noted && !v->trampoline)
		json_array_append(allowed, noted);
	return allowed;
}

/* Whom it came from is told whole, and of nobody else; where the truth lets it, that there were more will do. */
static void compare_from(struct verdict *v, json_t *truth, json_t *got, const char *who)
{
	json_t *expected = json_object_get(truth, "from"), *have = json_object_get(got, "from"), *allowed = from_allowed(v, truth);
	bool more = json_is_true(json_object_get(got, "from_more")), may = json_is_true(json_object_get(truth, "from_more"));

	compare_lists(v, &v->wrong, have, allowed, who, "from: expected no");
	json_decref(allowed);
	if (!more || !may)
		compare_lists(v, &v->below, expected, have, who, "from: missing");
	if (more ? !may : may && !expected)
		differ(v, &v->below, "%.200s: from: others are %s", who, more ? "told of" : "not told of");
}

static void compare_events(struct verdict *v, json_t *truth, json_t *got, const char *who)
{
	json_t *expected = json_object_get(truth, "events"), *have = json_object_get(got, "events");

	compare_lists(v, &v->wrong, have, expected, who, "events: expected no");
	compare_lists(v, &v->below, expected, have, who, "events: missing");
}

/* ---- files ---- */

/* Path -> array of the report's entries, so that 10,000 files do not cost 10,000 searches each. */
static json_t *file_index(json_t *files)
{
	json_t *index = json_object(), *file;
	size_t i;

	json_array_foreach (files, i, file) {
		json_t *raw = json_object_get(file, "path_raw");
		const char *key = json_string_value(raw ? raw : json_object_get(file, "path"));
		json_t *same;

		if (!key)
			continue;
		same = json_object_get(index, key);
		if (!same) {
			same = json_array();
			json_object_set_new(index, key, same);
		}
		json_array_append(same, file);
	}
	return index;
}

static bool used(json_t *entry)
{
	return json_object_get(entry, " used") != NULL;
}

static void use(json_t *entry)
{
	json_object_set_new(entry, " used", json_true());
}

static bool only_failed(json_t *file)
{
	return json_integer_value(json_object_get(file, "opens")) == 0 &&
	       json_integer_value(json_object_get(file, "failed")) > 0;
}

/* The first entry under one path that nothing else took: by inode where the truth states it; a refused open may stand
 * beside a successful one. */
static json_t *file_under(json_t *index, json_t *path, json_t *truth, bool strict)
{
	json_t *same = json_object_get(index, json_string_value(path)), *ino = json_object_get(truth, "ino");
	json_t *entry, *any = NULL;
	size_t i;

	json_array_foreach (same, i, entry) {
		if (used(entry))
			continue;
		if (ino ? json_equal(ino, json_object_get(entry, "ino")) : only_failed(entry) == only_failed(truth))
			return entry;
		any = entry;
	}
	return strict ? NULL : any;
}

static json_t *file_by_inode(json_t *files, json_t *truth)
{
	static const char *const keys[] = {"ino", "type", NULL};
	json_t *entry;
	size_t i;

	json_array_foreach (files, i, entry)
		if (!used(entry) && agree(truth, entry, keys))
			return entry;
	return NULL;
}

static json_t *file_by_paths(json_t *index, json_t *paths, json_t *truth, bool strict)
{
	json_t *found = NULL;
	size_t i;

	if (!json_is_array(paths))
		return file_under(index, paths, truth, strict);
	for (i = 0; i < json_array_size(paths) && !found; i++)
		found = file_under(index, json_array_get(paths, i), truth, strict);
	return found;
}

static json_t *file_find(json_t *files, json_t *index, json_t *truth)
{
	json_t *paths = json_object_get(truth, "path_raw"), *found;

	if (!paths)
		paths = json_object_get(truth, "path");
	if (!paths)
		return file_by_inode(files, truth);
	found = file_by_paths(index, paths, truth, true);
	return found ? found : file_by_paths(index, paths, truth, false);
}

static void compare_lower(struct verdict *v, json_t *truth, json_t *got, const char *who)
{
	const char *ends = json_string_value(json_object_get(truth, "ends")), *path = json_string_value(json_object_get(got, "path"));

	compare_value(v, truth, got, "ino", who);
	compare_value(v, truth, got, "layer", who);
	if (ends && (!path || strlen(path) < strlen(ends) || strcmp(path + strlen(path) - strlen(ends), ends)))
		differ(v, &v->wrong, "%.200s: lower: expected a path that ends in %s, got %s", who, ends, path ? path : "none");
}

/* Why it was refused, and that the name is what the process gave. */
static void compare_refusal(struct verdict *v, json_t *truth, json_t *got, const char *who)
{
	compare_value(v, truth, got, "errno", who);
	compare_value(v, truth, got, "path_from", who);
}

static void compare_file(struct verdict *v, json_t *truth, json_t *got)
{
	const char *who = file_name(truth);

	if (!got) {
		if (!json_is_true(json_object_get(truth, "optional")))
			differ(v, &v->absent, "%.200s: not in the report", who);
		add_surplus(v, truth, got);
		return;
	}
	use(got);
	compare_counters(v, truth, got, who);
	compare_how(v, truth, got, who);
	if (!json_is_true(json_object_get(truth, "optional"))) {
		compare_from(v, truth, got, who);
		compare_events(v, truth, got, who);
	}
	compare_value(v, truth, got, "type", who);
	compare_value(v, truth, got, "deleted", who);
	compare_value(v, truth, got, "ino", who);
	compare_value(v, truth, got, "view", who);
	if (!json_object_get(truth, "view") && json_object_get(got, "view"))
		differ(v, &v->wrong, "%.200s: a view of its own, %s", who, json_string_value(json_object_get(got, "view")));
	compare_lower(v, json_object_get(truth, "lower"), json_object_get(got, "lower"), who);
	compare_refusal(v, truth, got, who);
}

static bool below_dir(const struct verdict *v, json_t *file)
{
	const char *path = json_string_value(json_object_get(file, "path"));
	size_t length = strlen(v->dir);

	return path && !strncmp(path, v->dir, length) && (!path[length] || path[length] == '/');
}

/* Nothing was done but to look at it, as the acts' own helpers do. */
static bool only_looked(json_t *file)
{
	static const char *const others[] = {"opens", "reads", "writes", "maps", "lists", "failed"};
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (json_integer_value(json_object_get(file, others[i])))
			return false;
	return json_integer_value(json_object_get(file, "stats")) && !json_array_size(json_object_get(file, "how"));
}

/* Nothing below the act's directory but what the act touched. */
static void compare_strangers(struct verdict *v, json_t *files)
{
	json_t *entry;
	size_t i;

	json_array_foreach (files, i, entry) {
		char *s;

		if (used(entry) || !below_dir(v, entry) || only_looked(entry))
			continue;
		s = shown(entry);
		differ(v, &v->wrong, "not the act's doing: %s", s);
		free(s);
	}
}

/* A truth of type "sum" speaks of all files below DIR together; its `ino` is how many. */
static void compare_sum(struct verdict *v, json_t *truth, json_t *files)
{
	json_int_t sums[sizeof(compare_numbers) / sizeof(compare_numbers[0])] = {0}, n = 0;
	json_t *sum = json_object(), *entry;
	size_t i, k;

	json_array_foreach (files, i, entry) {
		if (!below_dir(v, entry) || only_looked(entry))
			continue;
		for (k = 0; compare_numbers[k]; k++)
			sums[k] += json_integer_value(json_object_get(entry, compare_numbers[k]));
		use(entry);
		n++;
	}
	for (k = 0; compare_numbers[k]; k++)
		json_object_set_new(sum, compare_numbers[k], json_integer(sums[k]));
	compare_counters(v, truth, sum, "sum of all files");
	if (n != json_integer_value(json_object_get(truth, "ino")))
		differ(v, n < json_integer_value(json_object_get(truth, "ino")) ? &v->below : &v->wrong,
			"sum of all files: %lld files", (long long)n);
	json_decref(sum);
}

static bool is_sum(json_t *truth)
{
	const char *type = json_string_value(json_object_get(truth, "type"));

	return type && !strcmp(type, "sum");
}

/* The files, and what was only looked at by name. */
static json_t *looked_too(json_t *process)
{
	json_t *files = json_object_get(process, "files");

	json_array_extend(files, json_object_get(process, "looked_at"));
	json_object_del(process, "looked_at");
	return files;
}

static void compare_files(struct verdict *v, json_t *truth, json_t *process)
{
	json_t *files = looked_too(process), *index = file_index(files), *file;
	size_t i;

	json_array_foreach (json_object_get(truth, "files"), i, file) {
		if (is_sum(file))
			compare_sum(v, file, files);
		else
			compare_file(v, file, file_find(files, index, file));
	}
	compare_strangers(v, files);
	json_decref(index);
}

/* ---- flows ---- */

static bool flow_numbers(json_t *truth, json_t *got)
{
	static const char *const keys[] = {"sent_bytes", "received_bytes", NULL}, *const peer[] = {"peer_pid", NULL};

	return agree(truth, got, keys) && (!json_object_get(got, "peer_pid") || agree(truth, got, peer));
}

/* Where the truth states it; "" is none. */
static bool flow_text(json_t *truth, json_t *got, const char *key)
{
	const char *text = json_string_value(json_object_get(truth, key)),
		   *has = json_string_value(json_object_get(got, key));

	return !text || !strcmp(text, has ? has : "");
}

/* Several flows may share the ends that tell them apart (socket pairs, connections to one server): the one with the
 * right numbers and the right near end is preferred, then one with the right numbers. `undirected`: one that says neither way. */
static json_t *flow_find(json_t *flows, json_t *truth, bool undirected)
{
	static const char *const keys[] = {"family", "protocol", "remote", NULL}, *const direction[] = {"direction", NULL};
	json_t *entry, *any = NULL, *alike = NULL;
	size_t i;

	json_array_foreach (flows, i, entry) {
		if (used(entry) || !agree(truth, entry, keys))
			continue;
		if (undirected ? !!json_object_get(entry, "direction") : !agree(truth, entry, direction))
			continue;
		if (flow_numbers(truth, entry) && flow_text(truth, entry, "local"))
			return entry;
		if (flow_numbers(truth, entry))
			alike = alike ? alike : entry;
		any = any ? any : entry;
	}
	return alike ? alike : any;
}

static void compare_text(struct verdict *v, json_t *truth, json_t *got, const char *key, const char *who)
{
	const char *has = json_string_value(json_object_get(got, key));

	if (!flow_text(truth, got, key))
		differ(v, &v->wrong, "flow %s: %s: got %s", who, key, has ? has : "nothing");
}

/* No pid at all is less than the truth; another one is a false claim. */
static void compare_peer(struct verdict *v, json_t *truth, json_t *got, const char *who)
{
	if (json_object_get(truth, "peer_pid") && !json_object_get(got, "peer_pid"))
		differ(v, &v->below, "flow %s: no peer_pid", who);
	else
		compare_value(v, truth, got, "peer_pid", who);
}

/* `alike`: only if one with the same numbers is told. */
static void compare_flow(struct verdict *v, json_t *truth, json_t *flows, bool alike)
{
	json_t *got = flow_find(flows, truth, false);
	char *who, *all;

	if (alike && !(got && flow_numbers(truth, got)))
		return;
	who = shown(truth);
	use(truth);
	if (!got) {
		got = flow_find(flows, truth, true);
		if (got)
			differ(v, &v->below, "flow %s: it is not told which way", who);
	}
	if (got) {
		use(got);
		compare_counters(v, truth, got, who);
		compare_peer(v, truth, got, who);
		compare_text(v, truth, got, "local", who);
		compare_text(v, truth, got, "remote_name", who);
		compare_value(v, truth, got, "name_source", who);
	} else {
		all = shown(flows);
		differ(v, &v->absent, "flow %s: not in the report, which has %s", who, all);
		free(all);
	}
	free(who);
}

/* Bytes on a flow that the act does not know were counted twice or for another. */
static void compare_flows(struct verdict *v, json_t *truth, json_t *process)
{
	json_t *expected = json_object_get(truth, "flows"), *flows = json_object_get(process, "flows"), *entry;
	size_t i;

	/* an end that was not seen must not take the place of the other one */
	json_array_foreach (expected, i, entry)
		compare_flow(v, entry, flows, true);
	json_array_foreach (expected, i, entry)
		if (!used(entry))
			compare_flow(v, entry, flows, false);
	json_array_foreach (flows, i, entry) {
		char *s;

		if (used(entry) || !(json_integer_value(json_object_get(entry, "sent_bytes")) +
					   json_integer_value(json_object_get(entry, "received_bytes"))))
			continue;
		s = shown(entry);
		differ(v, &v->wrong, "not the act's doing: flow %s", s);
		free(s);
	}
}

/* ---- transfers ---- */

static bool end_agrees(json_t *truth, json_t *got)
{
	static const char *const keys[] = {"path", "path_raw", "type", "ino", "remote", NULL};

	return json_is_true(json_object_get(truth, "socket")) == !!json_object_get(got, "flow") && agree(truth, got, keys);
}

static bool transfer_agrees(json_t *truth, json_t *got)
{
	static const char *const ends[] = {"from", "to"};
	size_t i;

	for (i = 0; i < 2; i++)
		if (!end_agrees(json_object_get(truth, ends[i]), json_object_get(got, ends[i])))
			return false;
	return true;
}

static void compare_transfer(struct verdict *v, json_t *truth, json_t *transfers)
{
	static const char *const numbers[] = {"calls", "bytes", "descriptors"};
	char *who = shown(truth), *all;
	json_t *entry, *got = NULL;
	size_t i;

	json_array_foreach (transfers, i, entry)
		if (!got && !used(entry) && transfer_agrees(truth, entry))
			got = entry;
	if (got) {
		use(got);
	} else {
		all = shown(transfers);
		differ(v, &v->absent, "transfer %s: not in the report, which has %s", who, all);
		free(all);
	}
	for (i = 0; got && i < 3; i++) {
		json_int_t want = json_integer_value(json_object_get(truth, numbers[i]));
		json_int_t have = json_integer_value(json_object_get(got, numbers[i]));

		if (want != have)
			differ(v, have < want ? &v->below : &v->wrong, "transfer %s: %s: expected %lld, got %lld", who,
				numbers[i], (long long)want, (long long)have);
	}
	free(who);
}

/* A pair that the act does not know is a false claim, when an end of it is the act's own. */
static void compare_transfers(struct verdict *v, json_t *truth, json_t *process)
{
	json_t *expected = json_object_get(truth, "transfers"), *transfers = json_object_get(process, "transfers"), *entry;
	size_t i;

	json_array_foreach (expected, i, entry)
		if (json_integer_value(json_object_get(entry, "calls")) || json_integer_value(json_object_get(entry, "descriptors")))
			compare_transfer(v, entry, transfers);
	json_array_foreach (transfers, i, entry) {
		char *s;

		if (used(entry) || !(below_dir(v, json_object_get(entry, "from")) || below_dir(v, json_object_get(entry, "to"))))
			continue;
		s = shown(entry);
		differ(v, &v->wrong, "not the act's doing: transfer %s", s);
		free(s);
	}
}

/* ---- actions ---- */

static bool detail_agrees(json_t *truth, json_t *got)
{
	json_t *detail = json_object_get(got, "detail"), *value;
	const char *key;

	json_object_foreach (json_object_get(truth, "detail"), key, value)
		if (!equals_any(value, json_object_get(detail, key)))
			return false;
	return true;
}

static bool failed(json_t *action)
{
	const char *outcome = json_string_value(json_object_get(action, "outcome"));

	return outcome && !strcmp(outcome, "failure");
}

/* The report says of this kind of action that its path is the argument. */
static bool path_excused(const struct verdict *v, json_t *got)
{
	const char *kind = json_string_value(json_object_get(got, "kind"));
	json_t *sentence;
	size_t i;

	json_array_foreach (v->unseen, i, sentence)
		if (kind && strstr(json_string_value(sentence), kind) && strstr(json_string_value(sentence), "argument"))
			return true;
	return false;
}

static bool action_agrees(struct verdict *v, json_t *truth, json_t *got)
{
	static const char *const keys[] = {"kind", "path", "path_raw", "to", "to_raw", "errno", NULL};
	static const char *const from[] = {"path_from", NULL};

	if (!agree(truth, got, keys) || !detail_agrees(truth, got))
		return false;
	if (failed(truth) != failed(got))
		return false;
	return !v->trampoline || agree(truth, got, from) || path_excused(v, got);
}

/* A burst of like actions may stand as one, with its count. */
static json_int_t action_times(json_t *got)
{
	json_t *count = json_object_get(json_object_get(got, "detail"), "count");

	if (!count)
		count = json_object_get(got, "count");
	return count ? json_integer_value(count) : 1;
}

static void compare_action(struct verdict *v, json_t *truth, json_t *actions)
{
	json_int_t times = json_integer_value(json_object_get(truth, "times")), found = 0;
	json_int_t bytes = json_integer_value(json_object_get(truth, "bytes")), moved = 0;
	char *who, *all;
	json_t *entry;
	size_t i;

	json_array_foreach (actions, i, entry) {
		if (!action_agrees(v, truth, entry))
			continue;
		found += action_times(entry);
		moved += json_integer_value(json_object_get(json_object_get(entry, "detail"), "bytes"));
		use(entry);
	}
	if (found && (!times || times == found) && (!bytes || bytes == moved))
		return;
	who = shown(truth);
	all = shown(actions);
	if (!found)
		differ(v, &v->absent, "action %s: not in the report, which has %s", who, all);
	else
		differ(v, found < times || moved < bytes ? &v->below : &v->wrong,
			"action %s: expected %lld times and %lld bytes, got %lld and %lld", who, (long long)times,
			(long long)bytes, (long long)found, (long long)moved);
	free(who);
	free(all);
}

static bool kind_stated(json_t *expected, json_t *got)
{
	static const char *const keys[] = {"kind", NULL};
	json_t *truth;
	size_t i;

	json_array_foreach (expected, i, truth)
		if (agree(truth, got, keys))
			return true;
	return false;
}

/* Of the kinds that the act states it states all: another one below its directory is a false claim. */
static void compare_actions(struct verdict *v, json_t *truth, json_t *process)
{
	json_t *expected = json_object_get(truth, "actions"), *actions = json_object_get(process, "actions"), *entry;
	size_t i;

	json_array_foreach (expected, i, entry)
		compare_action(v, entry, actions);
	json_array_foreach (actions, i, entry) {
		char *s;

		if (used(entry) || failed(entry) || !below_dir(v, entry) || !kind_stated(expected, entry))
			continue;
		s = shown(entry);
		differ(v, &v->wrong, "not the act's doing: action %s", s);
		free(s);
	}
}

/* ---- processes ---- */

/* A pid can come again within one act: then each is taken once, in the order of the report. */
static json_t *process_find(json_t *report, json_t *pid)
{
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(report, "processes"), i, entry)
		if (!used(entry) && json_equal(json_object_get(entry, "pid"), pid))
			return entry;
	return NULL;
}

static json_t *process_taken(json_t *report, json_t *pid)
{
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(report, "processes"), i, entry)
		if (used(entry) && json_equal(json_object_get(entry, "pid"), pid))
			return entry;
	return NULL;
}

static void compare_process(struct verdict *v, json_t *truth, json_t *got)
{
	char *who = shown(json_object_get(truth, "pid"));

	if (!got) {
		differ(v, &v->absent, "process %s: not in the report", who);
	} else {
		use(got);
		compare_value(v, truth, got, "ppid", who);
		compare_files(v, truth, got);
		compare_flows(v, truth, got);
		compare_transfers(v, truth, got);
		compare_actions(v, truth, got);
	}
	free(who);
}

static void compare_parent(struct verdict *v, json_t *truth, json_t *report)
{
	json_t *got = process_taken(report, json_object_get(truth, "pid"));
	json_t *parent = process_taken(report, json_object_get(truth, "ppid"));

	if (got && parent && !json_equal(json_object_get(got, "parent"), json_object_get(parent, "id")))
		differ(v, &v->wrong, "process %lld: parent: expected %s, got %s",
			(long long)json_integer_value(json_object_get(truth, "pid")),
			json_string_value(json_object_get(parent, "id")),
			json_string_value(json_object_get(got, "parent")));
}

static void compare(struct verdict *v, json_t *truth, json_t *report)
{
	json_t *processes = json_object_get(truth, "processes"), *process;
	const char *hooks = json_string_value(json_object_get(json_object_get(report, "session"), "hooks"));
	size_t i;

	v->scale = (int)json_integer_value(json_object_get(truth, "scale"));
	v->seconds = json_real_value(json_object_get(truth, "seconds"));
	v->trampoline = hooks && !strcmp(hooks, "trampoline");
	v->unseen = json_object_get(json_object_get(report, "completeness"), "unseen");
	json_array_foreach (processes, i, process)
		compare_process(v, process, process_find(report, json_object_get(process, "pid")));
	json_array_foreach (processes, i, process)
		compare_parent(v, process, report);
}

#endif
