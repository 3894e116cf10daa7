/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Actions: what was done once. Like ones of one process are merged into a burst with a count, as accesses are, so that a storm of
 * probes is a few lines and none is dropped. A place, the kernel's own path, is joined to the action of the same thread that follows.
 */
#include "record/record.h"

#include <stdlib.h>
#include <string.h>

#define NR_OPENAT 257
#define NR_STATX 332
#define PLACE_KEPT (10 * SECOND) /* for an action that never came */

const struct action_kind action_kinds[] = {
	{30, "shmat", 0, {{"id", 0, ARG_INT}, {"flags", 2, ARG_HEX}}},
	{41, "socket", 0, {{"family", 0, ARG_FAMILY}, {"type", 1, ARG_HEX}, {"protocol", 2, ARG_INT}}},
	{62, "kill", 62, {{"pid", 0, ARG_INT}, {"signal", 1, ARG_INT}}},
	{68, "msgget", 0, {{"key", 0, ARG_HEX}, {"flags", 1, ARG_HEX}}},
	{76, "truncate", 76, {{"length", 1, ARG_INT}}},
	{77, "truncate", 76, {{"length", 1, ARG_INT}}},
	{82, "rename", 82, {{NULL}}},
	{83, "mkdir", 83, {{"mode", 1, ARG_OCTAL}}},
	{84, "rmdir", 84, {{NULL}}},
	{86, "link", 86, {{NULL}}},
	{87, "unlink", 87, {{NULL}}},
	{88, "symlink", 88, {{NULL}}},
	{90, "chmod", 90, {{"mode", 1, ARG_OCTAL}}},
	{91, "chmod", 90, {{"mode", 1, ARG_OCTAL}}},
	{92, "chown", 92, {{"uid", 1, ARG_INT}, {"gid", 2, ARG_INT}}},
	{93, "chown", 92, {{"uid", 1, ARG_INT}, {"gid", 2, ARG_INT}}},
	{94, "chown", 92, {{"uid", 1, ARG_INT}, {"gid", 2, ARG_INT}}},
	{101, "ptrace", 101, {{"request", 0, ARG_HEX}, {"pid", 1, ARG_INT}}},
	{132, "utimensat", 280, {{NULL}}},
	{133, "mknod", 133, {{"mode", 1, ARG_OCTAL}, {"dev", 2, ARG_HEX}}},
	{155, "pivot_root", 0, {{NULL}}},
	{161, "chroot", 0, {{NULL}}},
	{165, "mount", 0, {{"flags", 3, ARG_HEX}}},
	{166, "umount", 0, {{"flags", 1, ARG_HEX}}},
	{175, "init_module", 0, {{"length", 1, ARG_INT}}},
	{176, "delete_module", 0, {{NULL}}},
	{188, "setxattr", 188, {{"size", 3, ARG_INT}}},
	{189, "setxattr", 188, {{"size", 3, ARG_INT}}},
	{190, "setxattr", 0, {{"size", 3, ARG_INT}}},
	{197, "removexattr", 197, {{NULL}}},
	{198, "removexattr", 197, {{NULL}}},
	{199, "removexattr", 0, {{NULL}}},
	{200, "kill", 62, {{"tid", 0, ARG_INT}, {"signal", 1, ARG_INT}}},
	{234, "kill", 62, {{"pid", 0, ARG_INT}, {"tid", 1, ARG_INT}, {"signal", 2, ARG_INT}}},
	{235, "utimensat", 280, {{NULL}}},
	{240, "mq_open", 0, {{"flags", 1, ARG_HEX}}},
	{246, "kexec_load", 0, {{"segments", 1, ARG_INT}, {"flags", 3, ARG_HEX}}},
	{250, "keyctl", 0, {{"operation", 0, ARG_INT}}},
	{253, "inotify_init", 0, {{NULL}}},
	{254, "inotify_add_watch", 0, {{"mask", 2, ARG_HEX}}},
	{258, "mkdir", 83, {{"mode", 2, ARG_OCTAL}}},
	{259, "mknod", 133, {{"mode", 2, ARG_OCTAL}, {"dev", 3, ARG_HEX}}},
	{260, "chown", 92, {{"uid", 2, ARG_INT}, {"gid", 3, ARG_INT}}},
	{261, "utimensat", 280, {{NULL}}},
	{263, "unlink", 87, {{NULL}}},
	{264, "rename", 82, {{NULL}}},
	{265, "link", 86, {{NULL}}},
	{266, "symlink", 88, {{NULL}}},
	{268, "chmod", 90, {{"mode", 2, ARG_OCTAL}}},
	{272, "unshare", 0, {{"flags", 0, ARG_HEX}}},
	{280, "utimensat", 280, {{NULL}}},
	{285, "fallocate", 0, {{"mode", 1, ARG_HEX}, {"offset", 2, ARG_INT}, {"length", 3, ARG_INT}}},
	{294, "inotify_init", 0, {{"flags", 0, ARG_HEX}}},
	{298, "perf_event_open", 0, {{"pid", 1, ARG_INT}, {"cpu", 2, ARG_INT}}},
	{300, "fanotify_init", 0, {{"flags", 0, ARG_HEX}, {"event_flags", 1, ARG_HEX}}},
	{301, "fanotify_mark", 0, {{"flags", 1, ARG_HEX}, {"mask", 2, ARG_HEX64}}},
	{308, "setns", 0, {{"type", 1, ARG_HEX}}},
	{310, "process_vm_readv", 0, {{"pid", 0, ARG_INT}, {"bytes", 0, ARG_BYTES}}},
	{311, "process_vm_writev", 0, {{"pid", 0, ARG_INT}, {"bytes", 0, ARG_BYTES}}},
	{313, "init_module", 0, {{"flags", 2, ARG_HEX}}},
	{316, "rename", 82, {{"flags", 4, ARG_HEX}}},
	{317, "seccomp", 0, {{"operation", 0, ARG_INT}, {"flags", 1, ARG_HEX}}},
	{320, "kexec_file_load", 0, {{"flags", 4, ARG_HEX}}},
	{321, "bpf", 0, {{"command", 0, ARG_INT}, {"program_type", ACTION_PROGRAM_TYPE, ARG_PROGRAM}, {"attach_type", ACTION_ATTACH_TYPE, ARG_ATTACH}}},
	{323, "userfaultfd", 0, {{"flags", 0, ARG_HEX}}},
	{424, "kill", 62, {{"signal", 1, ARG_INT}}},
	{428, "open_tree", 0, {{"flags", 2, ARG_HEX}}},
	{429, "move_mount", 0, {{"flags", 4, ARG_HEX}}},
	{430, "fsopen", 0, {{NULL}}},
	{432, "fsmount", 0, {{"attributes", 2, ARG_HEX}}},
	{438, "pidfd_getfd", 0, {{"fd", 1, ARG_INT}}},
	{442, "mount_setattr", 0, {{"flags", 2, ARG_HEX}}},
	{444, "landlock_create_ruleset", 0, {{NULL}}},
	{446, "landlock_restrict_self", 0, {{"flags", 1, ARG_HEX}}},
	{452, "chmod", 90, {{"mode", 2, ARG_OCTAL}}},
	{463, "setxattr", 188, {{NULL}}},
	{466, "removexattr", 197, {{NULL}}},
};
const size_t action_kind_count = sizeof(action_kinds) / sizeof(*action_kinds);

static const struct action_kind *kind_of(uint32_t nr)
{
	size_t low = 0, high = action_kind_count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (action_kinds[middle].nr < nr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < action_kind_count && action_kinds[low].nr == nr ? &action_kinds[low] : NULL;
}

/* unlinkat(AT_REMOVEDIR) is an rmdir. */
static const struct action_kind *kind_of_record(const struct record_action *record)
{
	return kind_of(record->nr == 263 && (record->args[2] & 0x200) ? 84 : record->nr);
}

static void name_set(struct name *name, struct text_view view, uint32_t flags)
{
	free(name->text);
	name->text = view.text ? xstrndup(view.text, view.length) : NULL;
	name->length = view.length;
	name->flags = flags;
}

/*
 * A relative name behind the real path of its directory: leading "." and ".." are resolved, which is right because what is before them is
 * no symlink. Later ones are left: what they follow may be one. `text` takes the result: the ring is read-only.
 */
struct text_view joined(const struct record_head *head, struct text_ref ref, uint32_t given, char text[SCRATCH_BYTES])
{
	struct text_view view = record_text(head, ref);
	size_t base = view.length - given, rest = base;

	if (!view.text || !given || given >= view.length || view.length > SCRATCH_BYTES)
		return view;
	memcpy(text, view.text, view.length);
	view.text = text;
	/* text[base - 1] is the slash between */
	for (base--; rest < view.length;) {
		if (text[rest] == '/') {
			rest++;
		} else if (text[rest] == '.' && (rest + 1 == view.length || text[rest + 1] == '/')) {
			rest++;
		} else if (view.length - rest >= 2 && !memcmp(text + rest, "..", 2) &&
			   (rest + 2 == view.length || text[rest + 2] == '/')) {
			rest += 2;
			while (base && text[--base] != '/')
				;
		} else {
			break;
		}
	}
	if (rest < view.length || !base)
		text[base++] = '/';
	memmove(text + base, text + rest, view.length - rest);
	view.length = base + view.length - rest;
	return view;
}

/* ---- places ---- */

static struct place *place_find(struct recorder *r, uint64_t id)
{
	return (struct place *)table_find(&r->places, &id);
}

static void place_free(struct recorder *r, struct place *place)
{
	table_remove(&r->places, &place->node);
	free(place->path.text);
	free(place->to.text);
	free(place);
}

void actions_place(struct recorder *r, const struct record_place *record)
{
	struct place *place = place_find(r, record->id);
	static char bytes[SCRATCH_BYTES];

	if (!place) {
		place = xcalloc(1, sizeof(*place));
		place->id = record->id;
		table_add(&r->places, &place->node);
	}
	place->nr = record->nr;
	place->time = record->head.time;
	name_set(&place->path, joined(&record->head, record->path, record->path_given, bytes), record->path_flags);
	name_set(&place->to, joined(&record->head, record->to, record->to_given, bytes), record->path_flags);
}

/* ---- bursts ---- */

static uint64_t detail_hash(const struct action_kind *kind, const struct record_action *record)
{
	uint64_t hash = record->nr;
	size_t i;

	for (i = 0; i < ACTION_DETAILS && kind->details[i].name; i++)
		if (kind->details[i].form != ARG_BYTES)
			hash = (hash ^ record->args[kind->details[i].argument]) * 0x100000001b3ULL;
	return hash;
}

static uint64_t names_hash(struct text_view path, struct text_view to)
{
	return flag_hash(path.text ? path.text : "", path.length) * 31 + flag_hash(to.text ? to.text : "", to.length);
}

void actions_record(struct recorder *r, const struct record_action *record)
{
	const struct record_head *head = &record->head;
	const struct action_kind *kind = kind_of_record(record);
	static char path_bytes[SCRATCH_BYTES], to_bytes[SCRATCH_BYTES];
	struct text_view path = joined(head, record->path, record->path_given, path_bytes);
	struct text_view to = joined(head, record->to, record->to_given, to_bytes);
	bool request = record->from & ACTION_BY_REQUEST;
	uint64_t id = request ? record->args[5] : (uint64_t)head->tgid << 32 | head->tid;
	struct place *place = place_find(r, id);
	bool kernel = record->from & ACTION_PATH_KERNEL;
	enum self_part part;
	struct action_key key;
	struct action_burst *b;

	if (request && place) {
		if (!kernel)
			path = (struct text_view){place->path.text, place->path.length};
		to = (struct text_view){place->to.text, place->to.length};
	}
	if (request && (record->nr == NR_OPENAT || record->nr == NR_STATX)) {
		if (record->nr == NR_OPENAT)
			files_refused(r, head, record->result, path);
		else
			files_looked(r, head, record->result, path);
		if (place)
			place_free(r, place);
		return;
	}
	if (!kind) {
		r->bad_records++;
		return;
	}
	/* the place of another kind is that of an open that created, say: no action of ours */
	if (place && !request && kind->place && place->nr == kind->place && !kernel) {
		path = (struct text_view){place->path.text, place->path.length};
		if (place->to.text)
			to = (struct text_view){place->to.text, place->to.length};
		kernel = true;
	}
	uses_action(r, record, kind, path.text && !kernel);
	part = self_of_action(&r->self, record, path, to);
	if (part && record->result >= 0)
		uses_note(r, USE_SENSOR, head->start, head->tgid, kind->name, strlen(kind->name));
	memset(&key, 0, sizeof(key));
	key.start = head->start;
	key.tgid = head->tgid;
	key.names = names_hash(path, to);
	key.detail = detail_hash(kind, record) ^ part;
	key.error = record->result < 0 && record->result > -4096 ? -record->result : 0;
	b = (struct action_burst *)table_find(&r->actions, &key);
	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->key = key;
		b->kind = kind;
		b->kernel = kernel;
		b->part = part;
		memcpy(b->args, record->args, sizeof(b->args));
		name_set(&b->path, path, record->path_flags);
		name_set(&b->to, to, 0);
		b->first = head->time;
		table_add(&r->actions, &b->node);
	}
	b->count++;
	if (record->result > 0)
		b->bytes += record->result;
	b->last = head->time;
	if (place)
		place_free(r, place);
}

struct close_context {
	struct recorder *r;
	bool all;
};

static void close_action(struct node *node, void *context)
{
	struct action_burst *b = (struct action_burst *)node;
	const struct close_context *c = context;

	/* a second's worth is a burst */
	facts_action(c->r, b);
	table_remove(&c->r->actions, node);
	free(b->path.text);
	free(b->to.text);
	free(b);
}

static void close_place(struct node *node, void *context)
{
	const struct close_context *c = context;
	struct place *place = (struct place *)node;

	if (c->all || place->time + PLACE_KEPT < c->r->now)
		place_free(c->r, place);
}

void actions_close(struct recorder *r, bool all)
{
	struct close_context context = {.r = r, .all = all};

	table_each(&r->actions, close_action, &context);
	table_each(&r->places, close_place, &context);
}
