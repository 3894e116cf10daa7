/* SPDX-License-Identifier: BSD-2-Clause */
/* Package databases and the catalogue: the first byte says which reader gets the rest. What is read is judged and written, too. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "inventory/inventory.h"

static struct catalog catalog;
static FILE *null;

static void write_all(struct inventory *inventory)
{
	struct item *item = item_add(inventory, ITEM_DATA, &catalog.products[0], &catalog.products[0].facts[0], "/etc/hosts");

	if (item)
		item->counted = true;
	must(!inventory_judge(inventory));
	inventory_text(inventory, null);
	inventory_json(inventory, null);
}

static void read_packages(char kind, const char *text, size_t size)
{
	struct inventory inventory;

	must(!inventory_init(&inventory, &catalog, "/"));
	item_add(&inventory, ITEM_DATA, &catalog.products[0], &catalog.products[0].facts[0], "/etc/clamav");
	if (kind == 'd')
		dpkg_text(&inventory, text, false);
	else
		rpm_row(&inventory, text, size, false);
	if (kind == 'r')
		rpm_row(&inventory, text, size, true);
	write_all(&inventory);
	inventory_done(&inventory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char what[CATALOG_WHAT], *text;
	struct catalog other;

	if (!null) {
		null = fopen("/dev/null", "w");
		must(null && !catalog_load(&catalog));
	}
	if (!size)
		return 0;
	text = malloc(size); /* exactly so long, and ended */
	must(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (*data == 'c' && !catalog_parse(&other, text, size - 1, what))
		catalog_done(&other);
	else if (*data != 'c')
		read_packages(*data, text, size - 1);
	free(text);
	return 0;
}
