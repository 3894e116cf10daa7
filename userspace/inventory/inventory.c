/* SPDX-License-Identifier: BSD-2-Clause */
#include "inventory/inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the order of enum item_kind. `state` is what an item that decides says of the product. */
static const struct {
	const char *name;
	enum finding_state state;
} kinds[ITEM_KIND_COUNT] = {
	[ITEM_PACKAGE] = {"package", FOUND_INSTALLED},
	[ITEM_DIRECTORY] = {"directory", FOUND_INSTALLED},
	[ITEM_EXECUTABLE] = {"executable", FOUND_INSTALLED},
	[ITEM_SCRIPT] = {"script", FOUND_INSTALLED},
	[ITEM_PROCESS] = {"process", FOUND_RUNNING},
	[ITEM_FANOTIFY] = {"fanotify", FOUND_RUNNING},
	[ITEM_AUDIT] = {"audit", FOUND_RUNNING},
	[ITEM_BPF] = {"bpf", FOUND_RUNNING},
	[ITEM_LISTENER] = {"listener", FOUND_RUNNING},
	[ITEM_UNIT] = {"unit", FOUND_LEFT},
	[ITEM_INIT] = {"init", FOUND_LEFT},
	[ITEM_CRON] = {"cron", FOUND_LEFT},
	[ITEM_MODULE] = {"module", FOUND_RUNNING},
	[ITEM_MODULE_FILE] = {"module-file", FOUND_LEFT},
	[ITEM_USER] = {"user", FOUND_LEFT},
	[ITEM_DATA] = {"data", FOUND_LEFT},
	[ITEM_RUNTIME] = {"runtime", FOUND_HINT},
	[ITEM_SHARED] = {"shared", FOUND_HINT},
	[ITEM_TRUST_ANCHOR] = {"trust-anchor", FOUND_HINT},
	[ITEM_REPOSITORY] = {"repository", FOUND_HINT},
	[ITEM_KEY] = {"key", FOUND_HINT},
};

const char *item_kind_name(enum item_kind kind)
{
	return kinds[kind].name;
}

const char *finding_state_name(enum finding_state state)
{
	static const char *const names[] = {"hint", "left-over", "installed", "running"};

	return names[state];
}

/* ---- memory ---- */

void *inventory_grow(struct inventory *inventory, void *list, size_t *count, size_t size, size_t most)
{
	void **at = list;
	char *more = *at;

	if (inventory->error || *count >= most)
		return NULL;
	if (!(*count & (*count - 1))) { /* full at each power of two */
		more = realloc(*at, (*count ? *count * 2 : 1) * size);
		if (!more) {
			inventory->error = -ENOMEM;
			return NULL;
		}
		*at = more;
	}
	memset(more + *count * size, 0, size);
	return more + (*count)++ * size;
}

char *inventory_copy(struct inventory *inventory, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		inventory->error = -ENOMEM;
	return copy;
}

char *inventory_format(struct inventory *inventory, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0) {
		inventory->error = -ENOMEM;
		text = NULL;
	}
	va_end(arguments);
	return text;
}

static struct item *add(struct inventory *inventory, enum item_kind kind, const struct catalog_product *product,
	const struct catalog_fact *fact, const char *what, int pid)
{
	struct item *item;
	size_t i;

	/* two facts may name one path: the better one is kept */
	for (i = 0; i < inventory->item_count; i++) {
		item = &inventory->items[i];
		if (item->kind != kind || item->product != product || item->pid != pid || strcmp(item->what, what))
			continue;
		if (fact && item->fact && catalog_level(fact) < catalog_level(item->fact))
			item->fact = fact;
		return NULL;
	}
	item = inventory_grow(inventory, &inventory->items, &inventory->item_count, sizeof(*item), ITEMS_MAX);
	if (!item)
		return NULL;
	item->kind = kind;
	item->product = product;
	item->fact = fact;
	item->pid = pid;
	item->what = inventory_copy(inventory, what);
	if (!item->what)
		inventory->item_count--;
	return item->what ? item : NULL;
}

struct item *item_add(struct inventory *inventory, enum item_kind kind, const struct catalog_product *product, const struct catalog_fact *fact,
	const char *what)
{
	return add(inventory, kind, product, fact, what, 0);
}

struct item *item_add_process(struct inventory *inventory, enum item_kind kind, const struct process *process, const char *what)
{
	struct item *item = add(inventory, kind, process->product, process->fact, what, process->pid);

	if (item)
		item->by_name = process->by_name;
	return item;
}

void looked_at(struct inventory *inventory, const char *what, const char *state, uint64_t count)
{
	if (inventory->looked_count < LOOKED_MAX)
		inventory->looked[inventory->looked_count++] = (struct looked){what, state, count};
}

void not_seen(struct inventory *inventory, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		inventory->error = -ENOMEM;
	else if (inventory->unseen_count < LOOKED_MAX)
		inventory->unseen[inventory->unseen_count++] = text;
	else
		free(text);
	va_end(arguments);
}

/* ---- judging ---- */

bool item_decides(const struct item *item)
{
	if (kinds[item->kind].state == FOUND_HINT || item->by_name || item->foreign || item->product->ordinary)
		return false;
	return item->fact && catalog_level(item->fact) != LEVEL_COMMUNITY_LIST;
}

bool watcher_is_unknown(const struct watcher *watcher)
{
	return !watcher->product && !(watcher->process && watcher->process->is_quis);
}

/* What one item says of the product. */
static enum finding_state says(const struct item *item)
{
	if (!item_decides(item))
		return FOUND_HINT;
	/* a package of which the configuration is left; a library; a directory without a program in it */
	if (item->removed || item->part || (item->kind == ITEM_DIRECTORY && item->counted && !item->programs))
		return FOUND_LEFT;
	return kinds[item->kind].state;
}

const char *finding_confidence(const struct finding *finding)
{
	if (finding->state == FOUND_HINT)
		return "hint";
	return finding->level == LEVEL_THIRD_PARTY ? "likely" : "certain";
}

static int compare_items(const void *a, const void *b)
{
	const struct item *one = *(struct item *const *)a, *two = *(struct item *const *)b;
	int order;

	if (one->product != two->product)
		return one->product < two->product ? -1 : 1;
	if (one->kind != two->kind)
		return one->kind < two->kind ? -1 : 1;
	order = one->pid - two->pid;
	return order ? order : strcmp(one->what, two->what);
}

static void judge(struct finding *finding)
{
	size_t i;

	finding->level = LEVEL_COMMUNITY_LIST;
	for (i = 0; i < finding->count; i++) {
		const struct item *item = finding->items[i];
		enum finding_state state = says(item);

		if (state > finding->state)
			finding->state = state;
		if (item_decides(item) && catalog_level(item->fact) < finding->level)
			finding->level = catalog_level(item->fact);
	}
}

static int compare_findings(const void *a, const void *b)
{
	const struct finding *one = a, *two = b;

	if (one->state != two->state)
		return two->state - one->state;
	return strcmp(one->product->id, two->product->id);
}

int inventory_judge(struct inventory *inventory)
{
	struct item **sorted = calloc(inventory->item_count + 1, sizeof(*sorted));
	struct finding *finding = NULL;
	size_t i;

	if (!sorted)
		return -ENOMEM;
	for (i = 0; i < inventory->item_count; i++)
		sorted[i] = &inventory->items[i];
	qsort(sorted, inventory->item_count, sizeof(*sorted), compare_items);
	for (i = 0; i < inventory->item_count && !inventory->error; i++) {
		if (!finding || finding->product != sorted[i]->product) {
			finding = inventory_grow(inventory, &inventory->findings, &inventory->finding_count, sizeof(*finding), ITEMS_MAX);
			if (!finding)
				break;
			finding->product = sorted[i]->product;
			finding->items = sorted + i;
		}
		finding->count++;
	}
	for (i = 0; i < inventory->finding_count; i++)
		judge(&inventory->findings[i]);
	if (!inventory->finding_count) {
		free(sorted);
		return inventory->error;
	}
	/* the lowest list is the whole array: inventory_done() frees it */
	qsort(inventory->findings, inventory->finding_count, sizeof(*finding), compare_findings);
	return inventory->error;
}

/* ---- all of it ---- */

void inventory_phase(struct inventory *inventory, const char *what, uint64_t steps)
{
	progress_end(&inventory->progress);
	progress_begin(&inventory->progress, what, steps);
	inventory->step = 0;
}

void inventory_step(struct inventory *inventory)
{
	progress_show(&inventory->progress, inventory->step++);
}

int inventory_init(struct inventory *inventory, const struct catalog *catalog, const char *root)
{
	int probe;

	memset(inventory, 0, sizeof(*inventory));
	inventory->catalog = catalog;
	inventory->root = root;
	inventory->live = !strcmp(root, "/");
	inventory->privileged = !geteuid();
	inventory->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (inventory->root_fd < 0)
		return -errno;
	/* a kernel without openat2(2) would let us see nothing, and nothing seen must not look like nothing there */
	probe = root_open(inventory, "/", O_PATH);
	if (probe < 0) {
		close(inventory->root_fd);
		return probe;
	}
	close(probe);
	return 0;
}

static void hash_programs(struct inventory *inventory)
{
	size_t i;

	inventory_phase(inventory, "hashing programs", inventory->item_count);
	for (i = 0; i < inventory->item_count; i++) {
		struct item *item = &inventory->items[i];

		inventory_step(inventory);
		if ((item->kind == ITEM_EXECUTABLE || item->kind == ITEM_SCRIPT) && !root_hash(inventory, item->what, item->sha256))
			item->sha256[0] = '\0';
	}
}

int inventory_collect(struct inventory *inventory)
{
	packages_read(inventory);
	places_read(inventory);
	starts_read(inventory);
	packages_owners(inventory);
	if (inventory->live) {
		processes_read(inventory);
		watchers_read(inventory);
		listeners_read(inventory);
	}
	traces_read(inventory);
	if (inventory->hash)
		hash_programs(inventory);
	if (inventory->denied)
		not_seen(inventory, "%llu places that may not be looked into: not permitted", (unsigned long long)inventory->denied);
	if (inventory->item_count == ITEMS_MAX)
		not_seen(inventory, "more than %d pieces of evidence: the rest is left out", ITEMS_MAX);
	progress_end(&inventory->progress);
	return inventory->error ? inventory->error : inventory_judge(inventory);
}

static void free_lists(struct inventory *inventory)
{
	size_t i, k;

	for (i = 0; i < inventory->item_count; i++) {
		free(inventory->items[i].what);
		free(inventory->items[i].detail);
		free(inventory->items[i].owner);
	}
	for (i = 0; i < inventory->process_count; i++) {
		free(inventory->processes[i].exe);
		free(inventory->processes[i].script);
		free(inventory->processes[i].command);
	}
	for (i = 0; i < inventory->watcher_count; i++) {
		free(inventory->watchers[i].what);
		for (k = 0; k < MARKS_MAX; k++)
			free(inventory->watchers[i].marks[k]);
	}
	for (i = 0; i < inventory->package_count; i++) {
		free(inventory->packages[i].name);
		free(inventory->packages[i].version);
		free(inventory->packages[i].needs);
		free(inventory->packages[i].provides);
	}
	for (i = 0; i < inventory->unseen_count; i++)
		free(inventory->unseen[i]);
}

void inventory_done(struct inventory *inventory)
{
	struct item **sorted = inventory->finding_count ? inventory->findings[0].items : NULL;
	size_t i;

	for (i = 1; i < inventory->finding_count; i++)
		if (inventory->findings[i].items < sorted)
			sorted = inventory->findings[i].items;
	free(sorted);
	free_lists(inventory);
	free(inventory->items);
	free(inventory->processes);
	free(inventory->watchers);
	free(inventory->packages);
	free(inventory->findings);
	if (inventory->root_fd >= 0)
		close(inventory->root_fd);
	memset(inventory, 0, sizeof(*inventory));
	inventory->root_fd = -1;
}
