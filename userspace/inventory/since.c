/* SPDX-License-Identifier: BSD-2-Clause */
#include "inventory/since.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/emit.h"
#include "case/case.h"
#include "inventory/host.h"

#define REASONS_MAX 4

struct since {
	json_t *old;
	char *path;
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is_inventory(const json_t *old)
{
	return json_integer_value(json_object_get(old, "format")) == 1 && json_is_array(json_object_get(old, "products")) &&
	       json_is_array(json_object_get(old, "hints")) && json_is_string(json_object_get(old, "taken"));
}

int since_open(struct since **ret_since, const char *path, char *ret_what)
{
	FILE *file = fopen(path, "re");
	struct since *since;
	json_error_t error;
	json_t *old;

	if (!file)
		return -errno;
	old = json_loadf(file, 0, &error);
	fclose(file);
	if (!old || !is_inventory(old)) {
		snprintf(ret_what, SINCE_WHAT, "%.*s", SINCE_WHAT - 1, old ? "no inventory of quis" : error.text);
		json_decref(old);
		return -EBADMSG;
	}
	since = calloc(1, sizeof(*since));
	if (since)
		since->path = strdup(path);
	if (!since || !since->path) {
		json_decref(old);
		free(since);
		return -ENOMEM;
	}
	since->old = old;
	*ret_since = since;
	return 0;
}

void since_free(struct since *since)
{
	if (!since)
		return;
	json_decref(since->old);
	free(since->path);
	free(since);
}

const char *since_taken(const struct since *since)
{
	return text_of(since->old, "taken");
}

/* ---- whether the two can be compared ---- */

static size_t reasons(const struct since *since, struct inventory *inventory, const char **list)
{
	const char *machine = text_of(json_object_get(since->old, "host"), "machine_id"), *root = text_of(since->old, "root");
	struct host host;
	size_t count = 0;

	host_read(inventory, &host);
	if (strcmp(machine, host.machine_id))
		list[count++] = "they are of different machines";
	if (!strcmp(root, "/") != inventory->live)
		list[count++] = "one is of a running system, the other of files only";
	if (inventory->live && !inventory->privileged)
		list[count++] = "this one was not taken as root, and does not see all";
	if (inventory->denied)
		list[count++] = "there are places that may not be looked into";
	return count;
}

/* ---- products ---- */

static const struct finding *finding_of(const struct inventory *inventory, const char *id)
{
	size_t i;

	for (i = 0; i < inventory->finding_count; i++)
		if (!strcmp(inventory->findings[i].product->id, id))
			return &inventory->findings[i];
	return NULL;
}

/* As the older one has names: escaped where they are no UTF-8. */
static bool same(const struct item *item, const json_t *old)
{
	char printable[4 * PATH_MAX];

	if (strcmp(item_kind_name(item->kind), text_of(old, "kind")))
		return false;
	text_printable(printable, sizeof(printable), item->what, strlen(item->what));
	return !strcmp(printable, text_of(old, "what"));
}

static const struct item *item_of(const struct finding *finding, const json_t *old)
{
	size_t i;

	for (i = 0; finding && i < finding->count; i++)
		if (same(finding->items[i], old))
			return finding->items[i];
	return NULL;
}

static bool was_there(const json_t *evidence, const struct item *item)
{
	const json_t *old;
	size_t i;

	json_array_foreach(evidence, i, old)
		if (same(item, old))
			return true;
	return false;
}

/* What others use too, or own, is no part of the product. */
static bool counts(const struct item *item)
{
	return item->kind != ITEM_SHARED && !item->foreign;
}

struct change {
	const json_t *product;
	const json_t *evidence;
	const struct finding *finding; /* NULL: nothing of it any more */
	size_t left;		       /* that count */
};

static void compare(const struct inventory *inventory, const json_t *product, struct change *change)
{
	size_t i;

	*change = (struct change){product, json_object_get(product, "evidence"), finding_of(inventory, text_of(product, "product")), 0};
	for (i = 0; change->finding && i < change->finding->count; i++)
		change->left += counts(change->finding->items[i]);
}

typedef void (*change_fn)(const struct change *change, void *context);

/* Products, and hints when they are asked for by name. */
static size_t each_change(const struct since *since, const struct inventory *inventory, const char *only, change_fn fn, void *context, size_t *ret_left)
{
	static const char *const lists[] = {"products", "hints"};
	const json_t *product;
	struct change change;
	size_t list, i, count = 0;

	for (list = 0; list < (only ? 2 : 1); list++)
		json_array_foreach(json_object_get(since->old, lists[list]), i, product) {
			if (only && strcmp(text_of(product, "product"), only))
				continue;
			compare(inventory, product, &change);
			*ret_left += change.left;
			count++;
			if (fn)
				fn(&change, context);
		}
	return count;
}

/* ---- text ---- */

static void text_change(const struct change *change, void *context)
{
	FILE *out = context;
	const json_t *old;
	size_t i;

	fputc('\n', out);
	text_hostile(out, text_of(change->product, "name"));
	fprintf(out, " (%s), which was ", text_of(change->product, "product"));
	text_hostile(out, text_of(change->product, "state"));
	fprintf(out, ": %s\n", !change->left ? "nothing is left" : "not all of it is gone");
	for (i = 0; change->finding && i < change->finding->count; i++) {
		const struct item *item = change->finding->items[i];

		fputs(!counts(item) ? "not its own" : was_there(change->evidence, item) ? "left       " : "new        ", out);
		item_text(item, out);
	}
	json_array_foreach(change->evidence, i, old) {
		if (item_of(change->finding, old))
			continue;
		fprintf(out, "gone         %-12s ", text_of(old, "kind"));
		text_hostile(out, text_of(old, "what"));
		fputc('\n', out);
	}
}

/* Products that were not there then. */
static void text_new(const struct since *since, const struct inventory *inventory, FILE *out)
{
	const json_t *product;
	size_t i, k;
	bool known;

	for (i = 0; i < inventory->finding_count; i++) {
		const struct finding *finding = &inventory->findings[i];

		known = finding->state == FOUND_HINT;
		json_array_foreach(json_object_get(since->old, "products"), k, product)
			known |= !strcmp(text_of(product, "product"), finding->product->id);
		if (known)
			continue;
		fprintf(out, "\n%s (%s) has come: %s\n", finding->product->name, finding->product->id, finding_state_name(finding->state));
		for (k = 0; k < finding->count; k++)
			item_text(finding->items[k], out);
	}
}

int since_text(const struct since *since, const struct inventory *inventory, const char *only, FILE *out, bool *ret_gone)
{
	const char *why[REASONS_MAX];
	size_t reason_count = reasons(since, (struct inventory *)inventory, why), left = 0, count, i;

	fputs("Compared with the inventory of ", out);
	text_hostile(out, text_of(since->old, "taken"));
	fputs(", in ", out);
	text_hostile(out, since->path);
	fputc('\n', out);
	count = each_change(since, inventory, only, text_change, out, &left);
	if (!only)
		text_new(since, inventory, out);
	if (!count)
		fprintf(out, "\nThere was %s in it.\n", only ? "nothing of this product" : "no product");
	fputc('\n', out);
	for (i = 0; i < reason_count; i++)
		fprintf(out, "This proves nothing: %s.\n", why[i]);
	for (i = 0; i < inventory->unseen_count; i++) {
		fputs("Not seen: ", out);
		text_hostile(out, inventory->unseen[i]);
		fputs(".\n", out);
	}
	*ret_gone = !reason_count && !left;
	fprintf(out, "%s\n", *ret_gone ? "Nothing of it is left, as far as this host was looked at." :
			  left	     ? "Something is left." :
				       "Nothing was found, and that proves nothing.");
	return 0;
}

/* ---- JSON ---- */

static void put(struct emit *emit, const char *key, const char *text)
{
	emit_text(emit, key, text, strlen(text));
}

static void put_one(struct emit *emit, const char *kind, const char *what)
{
	emit_open(emit, NULL, '{');
	put(emit, "kind", kind);
	put(emit, "what", what);
	emit_close(emit, '}');
}

enum group { GROUP_LEFT, GROUP_NEW, GROUP_OTHERS };

static void put_group(struct emit *emit, const char *key, const struct change *change, enum group wanted)
{
	size_t i;

	emit_open(emit, key, '[');
	for (i = 0; change->finding && i < change->finding->count; i++) {
		const struct item *item = change->finding->items[i];
		enum group group = !counts(item) ? GROUP_OTHERS : was_there(change->evidence, item) ? GROUP_LEFT : GROUP_NEW;

		if (group == wanted)
			put_one(emit, item_kind_name(item->kind), item->what);
	}
	emit_close(emit, ']');
}

static void json_change(const struct change *change, void *context)
{
	struct emit *emit = context;
	const json_t *old;
	size_t i;

	emit_open(emit, NULL, '{');
	put(emit, "product", text_of(change->product, "product"));
	put(emit, "name", text_of(change->product, "name"));
	put(emit, "was", text_of(change->product, "state"));
	put(emit, "is", change->finding ? finding_state_name(change->finding->state) : "gone");
	emit_bool(emit, "nothing_left", !change->left);
	emit_open(emit, "gone", '[');
	json_array_foreach(change->evidence, i, old)
		if (!item_of(change->finding, old))
			put_one(emit, text_of(old, "kind"), text_of(old, "what"));
	emit_close(emit, ']');
	put_group(emit, "left", change, GROUP_LEFT);
	put_group(emit, "new", change, GROUP_NEW);
	put_group(emit, "not_its_own", change, GROUP_OTHERS);
	emit_close(emit, '}');
}

int since_json(const struct since *since, const struct inventory *inventory, const char *only, FILE *out, bool *ret_gone)
{
	struct emit emit = {.out = out};
	const char *why[REASONS_MAX];
	size_t reason_count = reasons(since, (struct inventory *)inventory, why), left = 0, i;

	emit_open(&emit, NULL, '{');
	json_head(&emit, inventory);
	put(&emit, "since", text_of(since->old, "taken"));
	emit_open(&emit, "changes", '[');
	each_change(since, inventory, only, json_change, &emit, &left);
	emit_close(&emit, ']');
	emit_open(&emit, "proves_nothing", '[');
	for (i = 0; i < reason_count; i++)
		put(&emit, NULL, why[i]);
	emit_close(&emit, ']');
	json_unseen(&emit, inventory);
	*ret_gone = !reason_count && !left;
	emit_bool(&emit, "nothing_left", *ret_gone);
	emit_close(&emit, '}');
	return 0;
}
