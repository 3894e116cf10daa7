/* SPDX-License-Identifier: BSD-2-Clause */
#include "inventory/inventory.h"

#include <string.h>

#include "analyse/emit.h"
#include "case/case.h"
#include "inventory/host.h"

static void put(struct emit *emit, const char *key, const char *text)
{
	if (text && *text)
		emit_text(emit, key, text, strlen(text));
}

static void put_fact(struct emit *emit, const char *key, const struct catalog_fact *fact)
{
	if (!fact)
		return;
	emit_open(emit, key, '{');
	put(emit, "value", fact->value);
	put(emit, "level", catalog_level_name(catalog_level(fact)));
	put(emit, "source", fact->sources[0].text);
	emit_close(emit, '}');
}

static void put_item(struct emit *emit, const struct item *item)
{
	emit_open(emit, NULL, '{');
	put(emit, "kind", item_kind_name(item->kind));
	put(emit, "what", item->what);
	put(emit, "detail", item->detail);
	if (item->fact) {
		put(emit, "known_as", item->fact->value);
		put(emit, "level", catalog_level_name(catalog_level(item->fact)));
		put(emit, "source", item->fact->sources[0].text);
		put(emit, "note", item->fact->note);
	}
	emit_bool(emit, "decides", item_decides(item));
	put(emit, "package", item->owner);
	if (item->pid)
		emit_number(emit, "pid", item->pid);
	if (item->counted || item->files) {
		emit_number(emit, "files", item->files);
		emit_number(emit, "bytes", item->bytes);
	}
	put(emit, "sha256", item->sha256);
	emit_close(emit, '}');
}

static void put_finding(struct emit *emit, const struct finding *finding)
{
	size_t i;

	emit_open(emit, NULL, '{');
	put(emit, "product", finding->product->id);
	put(emit, "name", finding->product->name);
	put_fact(emit, "vendor", catalog_fact(finding->product, CATALOG_VENDOR));
	put_fact(emit, "country", catalog_fact(finding->product, CATALOG_COUNTRY));
	put(emit, "state", finding_state_name(finding->state));
	put(emit, "confidence", finding_confidence(finding));
	if (finding->state != FOUND_HINT)
		put(emit, "level", catalog_level_name(finding->level));
	emit_open(emit, "evidence", '[');
	for (i = 0; i < finding->count; i++)
		put_item(emit, finding->items[i]);
	emit_close(emit, ']');
	emit_close(emit, '}');
}

static void put_findings(struct emit *emit, const char *key, const struct inventory *inventory, bool hints)
{
	size_t i;

	emit_open(emit, key, '[');
	for (i = 0; i < inventory->finding_count; i++)
		if ((inventory->findings[i].state == FOUND_HINT) == hints)
			put_finding(emit, &inventory->findings[i]);
	emit_close(emit, ']');
}

static void put_watcher(struct emit *emit, const struct watcher *watcher)
{
	static const char *const names[] = {[WATCH_FANOTIFY] = "fanotify", [WATCH_AUDIT] = "audit", [WATCH_BPF] = "bpf"};
	size_t i;

	emit_open(emit, NULL, '{');
	put(emit, "kind", names[watcher->kind]);
	put(emit, "what", watcher->what);
	if (watcher->product)
		put(emit, "product", watcher->product->id);
	emit_bool(emit, "permission", watcher->permission);
	if (watcher->process) {
		emit_number(emit, "pid", watcher->process->pid);
		emit_number(emit, "uid", watcher->process->uid);
		put(emit, "comm", watcher->process->comm);
		put(emit, "exe", watcher->process->exe);
		put(emit, "script", watcher->process->script);
	}
	if (watcher->kind == WATCH_FANOTIFY) {
		emit_number(emit, "mark_count", watcher->mark_count);
		emit_open(emit, "marks", '[');
		for (i = 0; i < watcher->mark_count && i < MARKS_MAX; i++)
			put(emit, NULL, watcher->marks[i]);
		emit_close(emit, ']');
	}
	emit_close(emit, '}');
}

static void put_watchers(struct emit *emit, const char *key, const struct inventory *inventory, bool unknown)
{
	size_t i;

	emit_open(emit, key, '[');
	for (i = 0; i < inventory->watcher_count; i++)
		if (watcher_is_unknown(&inventory->watchers[i]) == unknown)
			put_watcher(emit, &inventory->watchers[i]);
	emit_close(emit, ']');
}

void json_head(struct emit *emit, const struct inventory *inventory)
{
	struct host host;
	char when[TIME_TEXT];

	host_read((struct inventory *)inventory, &host);
	text_time(when, host.now);
	emit_number(emit, "format", 1);
	emit_open(emit, "tool", '{');
	put(emit, "name", "quis");
	put(emit, "version", QUIS_VERSION);
	emit_close(emit, '}');
	emit_open(emit, "host", '{');
	put(emit, "name", host.name);
	put(emit, "machine_id", host.machine_id);
	put(emit, "kernel", host.kernel);
	put(emit, "system", host.system);
	emit_close(emit, '}');
	put(emit, "taken", when);
	put(emit, "root", inventory->root);
	emit_bool(emit, "privileged", inventory->privileged);
}

void json_unseen(struct emit *emit, const struct inventory *inventory)
{
	size_t i;

	emit_open(emit, "not_seen", '[');
	for (i = 0; i < inventory->unseen_count; i++)
		put(emit, NULL, inventory->unseen[i]);
	emit_close(emit, ']');
}

int inventory_json(const struct inventory *inventory, FILE *out)
{
	struct emit emit = {.out = out};
	size_t i;

	emit_open(&emit, NULL, '{');
	json_head(&emit, inventory);
	put_findings(&emit, "products", inventory, false);
	put_findings(&emit, "hints", inventory, true);
	put_watchers(&emit, "unknown", inventory, true);
	put_watchers(&emit, "watchers", inventory, false);
	emit_open(&emit, "looked_at", '[');
	for (i = 0; i < inventory->looked_count; i++) {
		emit_open(&emit, NULL, '{');
		put(&emit, "what", inventory->looked[i].what);
		put(&emit, "state", inventory->looked[i].state);
		emit_number(&emit, "count", inventory->looked[i].count);
		emit_close(&emit, '}');
	}
	emit_close(&emit, ']');
	json_unseen(&emit, inventory);
	emit_close(&emit, '}');
	return 0;
}
