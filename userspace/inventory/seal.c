/* SPDX-License-Identifier: BSD-2-Clause */
#include "inventory/seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "case/case.h"
#include "inventory/host.h"

struct sealing {
	struct case_writer *writer;
	struct fact *fact;
	uint64_t now;
	int err;
};

static void begin(struct sealing *s, const char *kind)
{
	fact_begin(s->fact, kind, s->now);
}

static void append(struct sealing *s)
{
	if (!s->err)
		s->err = case_append(s->writer, s->fact);
}

static void put(struct sealing *s, const char *key, const char *raw_key, const char *text)
{
	if (text && *text)
		fact_bytes(s->fact, key, raw_key, text, strlen(text));
}

static void seal_start(struct sealing *s, struct inventory *inventory)
{
	struct host host;

	host_read(inventory, &host);
	s->now = host.now;
	begin(s, "inventory-start");
	fact_number(s->fact, "quis.format", CASE_FORMAT);
	fact_text(s->fact, "quis.case.id", case_id(s->writer));
	fact_text(s->fact, "quis.tool.version", QUIS_VERSION);
	put(s, "host.name", "quis.host.name_raw", host.name);
	put(s, "host.id", "quis.host.id_raw", host.machine_id);
	put(s, "host.os.kernel", "quis.host.kernel_raw", host.kernel);
	put(s, "host.os.full", "quis.host.system_raw", host.system);
	put(s, "quis.inventory.root", "quis.inventory.root_raw", inventory->root);
	fact_true(s->fact, "quis.inventory.privileged", inventory->privileged);
	append(s);
}

static void seal_item(struct sealing *s, const struct finding *finding, const struct item *item)
{
	begin(s, "inventory-item");
	fact_text(s->fact, "quis.inventory.product", finding->product->id);
	fact_text(s->fact, "quis.inventory.state", finding_state_name(finding->state));
	fact_text(s->fact, "quis.inventory.confidence", finding_confidence(finding));
	fact_text(s->fact, "quis.inventory.kind", item_kind_name(item->kind));
	put(s, "quis.inventory.what", "quis.inventory.what_raw", item->what);
	put(s, "quis.inventory.detail", "quis.inventory.detail_raw", item->detail);
	if (item->fact) {
		fact_text(s->fact, "quis.inventory.level", catalog_level_name(catalog_level(item->fact)));
		fact_text(s->fact, "quis.inventory.source", item->fact->sources[0].text);
	}
	fact_true(s->fact, "quis.inventory.decides", item_decides(item));
	put(s, "package.name", "quis.package.name_raw", item->owner);
	fact_count(s->fact, "process.pid", item->pid);
	put(s, "file.hash.sha256", "quis.file.sha256_raw", item->sha256);
	append(s);
}

static void seal_watcher(struct sealing *s, const struct watcher *watcher)
{
	size_t i;

	begin(s, "inventory-watcher");
	put(s, "quis.inventory.what", "quis.inventory.what_raw", watcher->what);
	if (watcher->product)
		fact_text(s->fact, "quis.inventory.product", watcher->product->id);
	fact_true(s->fact, "quis.inventory.unknown", watcher_is_unknown(watcher));
	fact_true(s->fact, "quis.inventory.permission", watcher->permission);
	if (watcher->process) {
		fact_number(s->fact, "process.pid", watcher->process->pid);
		put(s, "process.name", "quis.process.name_raw", watcher->process->comm);
		put(s, "process.executable", "quis.process.executable_raw", watcher->process->exe);
	}
	append(s);
	for (i = 0; i < watcher->mark_count && i < MARKS_MAX; i++) {
		begin(s, "inventory-mark");
		fact_number(s->fact, "process.pid", watcher->process->pid);
		put(s, "quis.inventory.what", "quis.inventory.what_raw", watcher->marks[i]);
		append(s);
	}
}

static void seal_end(struct sealing *s, const struct inventory *inventory, const char *since, bool gone)
{
	size_t i;

	for (i = 0; i < inventory->unseen_count; i++) {
		begin(s, "inventory-unseen");
		put(s, "quis.inventory.what", "quis.inventory.what_raw", inventory->unseen[i]);
		append(s);
	}
	begin(s, "inventory-end");
	fact_number(s->fact, "quis.inventory.products", inventory->finding_count);
	fact_number(s->fact, "quis.inventory.items", inventory->item_count);
	put(s, "quis.inventory.since", "quis.inventory.since_raw", since);
	fact_true(s->fact, "quis.inventory.nothing_left", since && gone);
	append(s);
	begin(s, "capture-end"); /* of any case: nothing was cut off behind it */
	fact_text(s->fact, "quis.end.reason", "inventory");
	append(s);
}

int inventory_seal(struct inventory *inventory, const char *path, const char *since, bool gone)
{
	struct sealing s = {.fact = malloc(sizeof(*s.fact))};
	size_t i, k;

	if (!s.fact)
		return -ENOMEM;
	s.err = sodium_init() < 0 ? -ENOSYS : case_create(&s.writer, path, NULL);
	if (s.err) {
		free(s.fact);
		return s.err;
	}
	seal_start(&s, inventory);
	for (i = 0; i < inventory->finding_count; i++)
		for (k = 0; k < inventory->findings[i].count; k++)
			seal_item(&s, &inventory->findings[i], inventory->findings[i].items[k]);
	for (i = 0; i < inventory->watcher_count; i++)
		seal_watcher(&s, &inventory->watchers[i]);
	seal_end(&s, inventory, since, gone);
	if (!s.err)
		s.err = case_finish(s.writer);
	case_close(s.writer);
	free(s.fact);
	return s.err;
}
