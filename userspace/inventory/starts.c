/* SPDX-License-Identifier: BSD-2-Clause */
/* Who starts a product's programs under another name: lines of crontabs, commands of units. */
#include "inventory/inventory.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20)
#define LINE_SHOWN 160

struct start {
	enum item_kind kind;
	bool unit; /* only its Exec...= lines are commands */
};

static void tell_start(struct inventory *inventory, const struct start *start, const char *path, const char *line, const char *program)
{
	struct item *item;
	size_t i;

	for (i = 0; i < inventory->catalog->count; i++) {
		const struct catalog_product *product = &inventory->catalog->products[i];
		const struct catalog_fact *fact = product->ordinary ? NULL : catalog_owns_program(product, program);

		if (!fact)
			continue;
		item = item_add(inventory, start->kind, product, fact, path);
		if (item)
			item->detail = inventory_format(inventory, "runs %.*s", LINE_SHOWN, line);
	}
}

/* Every absolute path among the words: a command may stand behind a shell's words, nice(1), or a test. */
static void take_line(struct inventory *inventory, const struct start *start, const char *path, const char *line)
{
	static const char between[] = " \t\"'=;|&()<>@-+!:";
	char word[PATH_MAX];
	size_t length;
	const char *at;

	for (at = line; *at; at += length) {
		at += strspn(at, between);
		length = strcspn(at, " \t\"'=;|&()<>");
		if (*at == '/' && length < sizeof(word)) {
			memcpy(word, at, length);
			word[length] = '\0';
			tell_start(inventory, start, path, line, word);
		}
	}
}

static void read_starts(struct inventory *inventory, const char *path, void *context)
{
	const struct start *start = context;
	const char *dot = strrchr(path, '.');
	char *text, *line, *end;

	if (start->unit && (!dot || strcmp(dot, ".service")))
		return;
	text = root_read(inventory, path, FILE_MAX, NULL);
	for (line = text; line && *line; line = end) {
		end = strchrnul(line, '\n');
		if (*end)
			*end++ = '\0';
		line += strspn(line, " \t");
		if (*line != '#' && (!start->unit || !strncmp(line, "Exec", 4)))
			take_line(inventory, start, path, line);
	}
	free(text);
}

void starts_read(struct inventory *inventory)
{
	static const struct {
		const char *pattern;
		struct start start;
	} places[] = {
		{"/etc/crontab", {ITEM_CRON}},
		{"/etc/anacrontab", {ITEM_CRON}},
		{"/etc/cron.d/*", {ITEM_CRON}},
		{"/var/spool/cron/*", {ITEM_CRON}},
		{"/var/spool/cron/crontabs/*", {ITEM_CRON}},
		{"/etc/systemd/system/*", {ITEM_UNIT, true}},
		{"/run/systemd/system/*", {ITEM_UNIT, true}},
		{"/usr/local/lib/systemd/system/*", {ITEM_UNIT, true}},
		{"/usr/lib/systemd/system/*", {ITEM_UNIT, true}},
	};
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct start start = places[i].start;

		root_glob(inventory, places[i].pattern, read_starts, &start);
	}
	looked_at(inventory, "crontabs and the commands of units", "read", sizeof(places) / sizeof(*places));
}
