/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of the rings and rows of the counters, as a broken kernel side might make them: whatever they hold, each is merged or counted as
 * bad, and every fact of it is one valid line. The input is a list of [kind of thing, length, bytes].
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <unistd.h>
#include <sys/resource.h>

#include "analyse/line.h"
#include "record/record.h"

static struct recorder recorder;
static struct sensor_state state;
static struct record_options options;

/* Executables are looked for at paths that records name: here none can be opened. */
static void allow_files(bool allowed)
{
	static struct rlimit normal;
	struct rlimit none;

	if (!normal.rlim_cur)
		getrlimit(RLIMIT_NOFILE, &normal);
	none = normal;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, allowed ? &normal : &none);
}

static void init(void)
{
	char path[] = "/tmp/quis-fuzz-XXXXXX";
	struct recorder *r = &recorder;

	must(mkdtemp(path));
	must(!case_create(&r->writer, path, NULL));
	r->fact = xcalloc(1, sizeof(*r->fact));
	r->options = &options;
	r->sensor.state = &state;
	r->open = true; /* facts stay in memory */
	must(!recorder_tables(r));
	remove_tree(path); /* its writer is not needed on the disk */
}

static void row(uint8_t thing, const uint8_t *bytes, size_t size)
{
	struct {
		struct file_key key;
		struct file_row row;
	} file = {.row = {.first = 1}};
	struct {
		struct flow_key key;
		struct flow_row row;
	} flow = {.row = {.first = 1}};
	struct {
		struct transfer_key key;
		struct transfer_row row;
	} transfer = {.row = {.first = 1}};

	if (thing == 1) {
		memcpy(&file, bytes, size < sizeof(file) ? size : sizeof(file));
		files_row(&file.key, &file.row, &recorder);
	} else if (thing == 3) {
		memcpy(&transfer, bytes, size < sizeof(transfer) ? size : sizeof(transfer));
		transfers_row(&transfer.key, &transfer.row, &recorder);
	} else {
		memcpy(&flow, bytes, size < sizeof(flow) ? size : sizeof(flow));
		flows_row(&flow.key, &flow.row, &recorder);
	}
}

/* Rings hold records at multiples of eight. */
static void record(const uint8_t *bytes, size_t size)
{
	static uint64_t aligned[8192];

	if (size > sizeof(aligned))
		return;
	memcpy(aligned, bytes, size);
	((struct record_head *)aligned)->time &= INT64_MAX; /* names of the last moment of all would wait for ever */
	recorder_take(&recorder, aligned, size);
}

static void check_lines(const char *text, size_t length)
{
	static struct line line;
	const char *end;

	for (; length && (end = memchr(text, '\n', length)); length -= end + 1 - text, text = end + 1) {
		must((size_t)(end - text) < FACT_LINE_MAX);
		must(line_parse(&line, text, end - text) >= 0);
	}
	must(!length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length, opened;
	const char *text;

	if (!recorder.fact)
		init();
	case_open_begin(recorder.writer);
	allow_files(false);
	while (size >= 3) {
		length = data[1] | data[2] << 8;
		if (length > size - 3)
			length = size - 3;
		if (data[0] % 4)
			row(data[0] % 4, data + 3, length);
		else
			record(data + 3, length);
		data += 3 + length;
		size -= 3 + length;
	}
	recorder.now = recorder.sensor.flipped = UINT64_MAX;
	files_close(&recorder, true);
	flows_close(&recorder, true);
	transfers_close(&recorder, true);
	actions_close(&recorder, true);
	process_end_all(&recorder);
	recorder_forget(&recorder);
	allow_files(true);
	text = case_open_text(recorder.writer, &opened);
	check_lines(text, opened);
	must(!recorder.files.count && !recorder.flows.count && !recorder.transfers.count && !recorder.actions.count && !recorder.refused.count);
	return 0;
}
