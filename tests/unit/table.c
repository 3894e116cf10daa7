/* SPDX-License-Identifier: BSD-2-Clause */
/* The sensor's own small parts: its hash table, and the strings in records from the kernel. */
#include "unit.h"

#include "record/record.h"

#define NODES 5000

struct thing {
	struct node node;
	uint64_t key;
	unsigned seen;
};

static struct thing things[NODES + 1];
static struct table table;

static int fill(void **state)
{
	(void)state;
	if (table_init(&table, offsetof(struct thing, key), sizeof(uint64_t)))
		return -1;
	for (uint64_t i = 0; i < NODES; i++) {
		things[i] = (struct thing){.key = i * 4096};
		table_add(&table, &things[i].node);
	}
	return 0;
}

static int empty(void **state)
{
	(void)state;
	table_done(&table);
	return 0;
}

static void test_find(void **state)
{
	uint64_t key;

	(void)state;
	assert_int_equal(table.count, NODES);
	assert_true(table.size >= NODES / 2); /* it grew */
	for (uint64_t i = 0; i < NODES; i++) {
		key = i * 4096;
		assert_ptr_equal(table_find(&table, &key), &things[i].node);
	}
	key = 1;
	assert_null(table_find(&table, &key));
}

static void see(struct node *node, void *context)
{
	struct thing *thing = (struct thing *)node;

	thing->seen++;
	if (thing->key / 4096 % 2)
		table_remove(context, node);
}

static void test_visit_removes(void **state)
{
	uint64_t key;

	(void)state;
	table_each(&table, see, &table);
	for (uint64_t i = 0; i < NODES; i++) {
		key = i * 4096;
		assert_int_equal(things[i].seen, 1);
		assert_int_equal(!!table_find(&table, &key), i % 2 == 0);
	}
	assert_int_equal(table.count, NODES / 2);
}

/* The rings are drained while bursts are written: nodes come while the table is walked, and none is lost or told twice. */
static void add_one(struct node *node, void *context)
{
	((struct thing *)node)->seen++;
	if (node != &things[0].node)
		return;
	things[NODES] = (struct thing){.key = 1};
	table_add(context, &things[NODES].node);
}

static void test_visit_adds(void **state)
{
	uint64_t key = 1;

	(void)state;
	table_each(&table, add_one, &table);
	for (uint64_t i = 0; i < NODES; i++)
		assert_int_equal(things[i].seen, 1);
	assert_ptr_equal(table_find(&table, &key), &things[NODES].node);
}

static void test_record_text(void **state)
{
	struct {
		struct record_head head;
		char bytes[8];
	} record = {.head = {.size = sizeof(record)}, .bytes = "abcdefg"};
	uint32_t at = offsetof(__typeof__(record), bytes);

	(void)state;
	assert_int_equal(record_text(&record.head, (struct text_ref){at, 3}).length, 3);
	assert_memory_equal(record_text(&record.head, (struct text_ref){at, 3}).text, "abc", 3);
	assert_null(record_text(&record.head, (struct text_ref){at, 0}).text);
	assert_null(record_text(&record.head, (struct text_ref){at, 9}).text);
	assert_null(record_text(&record.head, (struct text_ref){sizeof(record) + 1, 1}).text);
	assert_null(record_text(&record.head, (struct text_ref){UINT32_MAX, UINT32_MAX}).text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, fill, empty),
		cmocka_unit_test_setup_teardown(test_visit_removes, fill, empty),
		cmocka_unit_test_setup_teardown(test_visit_adds, fill, empty),
		cmocka_unit_test(test_record_text),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
