/* SPDX-License-Identifier: BSD-2-Clause */
/* What an event says in words: the message, and the kind of time that it is at. */
#include "timeline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "line.h"

#define MESSAGE_MAX 24576 /* a Timesketch value has less than 32,766 bytes */

static struct {
	char text[MESSAGE_MAX + 8];
	size_t len;
	char what[64];
} words;

static void __attribute__((format(printf, 1, 2))) add(const char *format, ...)
{
	size_t room = MESSAGE_MAX - words.len;
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(words.text + words.len, room, format, arguments);
	va_end(arguments);
	words.len += (size_t)len < room ? (size_t)len : room - 1;
}

static void add_word(const char *word)
{
	size_t len = strlen(word);

	if (len >= MESSAGE_MAX - words.len)
		return;
	memcpy(words.text + words.len, word, len + 1);
	words.len += len;
}

static void add_number(int64_t number)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;
	uint64_t left = number < 0 ? 0 : number;

	digits[at] = '\0';
	do {
		digits[--at] = '0' + left % 10;
		left /= 10;
	} while (left);
	add_word(digits + at);
}

/* Cut where a character ends. */
static void add_text(struct text text)
{
	size_t room = MESSAGE_MAX - words.len, need;

	if (!text.bytes || room < 64)
		return;
	need = text_plain(words.text + words.len, room, text.bytes, text.len);
	if (need < room) {
		words.len += need;
		return;
	}
	words.len = strlen(words.text);
	while (words.len && (words.text[words.len - 1] & 0xc0) == 0x80)
		words.len--;
	if (words.len && (words.text[words.len - 1] & 0x80))
		words.len--;
	strcpy(words.text + words.len, "...");
	words.len += 3;
}

static struct text text_of(const char *bytes)
{
	return (struct text){bytes, bytes ? strlen(bytes) : 0};
}

bool text_equals(struct text text, const char *value)
{
	return text.bytes && text.len == strlen(value) && !memcmp(text.bytes, value, text.len);
}

/* Words of a command line, with a space between; one that has spaces itself, or is empty, stands in apostrophes. */
struct text command_line(struct text args)
{
	static char list[FACT_LINE_MAX + 1], line[FACT_LINE_MAX + 1];
	char *at = list;
	const char *word;
	size_t len, used = 0;

	if (!args.bytes || args.len >= sizeof(list))
		return args;
	memcpy(list, args.bytes, args.len);
	list[args.len] = '\0';
	while (line_list_next(&at, &word, &len) && used + len + 4 < sizeof(line)) {
		bool quoted = !len || memchr(word, ' ', len);

		used += sprintf(line + used, "%s%s", used ? " " : "", quoted ? "'" : "");
		memcpy(line + used, word, len);
		used += len;
		if (quoted)
			line[used++] = '\'';
	}
	return (struct text){line, used};
}

static void add_actor(const struct event *event)
{
	struct text comm = event_text(event, PART_COMM);

	if (!comm.bytes && event->actor)
		comm = text_of(event->actor->comm);
	if (comm.bytes)
		add_text(comm);
	else
		add("process");
	if (event->actor && event->actor->pid >= 0) {
		add_word("[");
		add_number(event->actor->pid);
		add_word("]");
	}
}

static void add_count(const char **separator, int64_t count, const char *one, const char *many)
{
	if (count <= 0)
		return;
	add_word(*separator);
	add_number(count);
	add_word(" ");
	add_word(count == 1 ? one : many);
	*separator = ", ";
}

static bool was_executed(const struct event *event)
{
	struct text how = event_text(event, PART_HOW);

	return how.bytes && strstr(how.bytes, "executed");
}

const char *access_verb(const struct event *event, const char **ret_title)
{
	static const struct {
		enum part part;
		const char *verb, *title;
	} verbs[] = {
		{PART_LISTS, "listed", "Directory Listing"},
		{PART_MAPS, "mapped", "File Mapping"},
		{PART_OPENS, "opened", "File Open"},
		{PART_STATS, "looked at", "File Metadata Read"},
	};
	bool writes = event_number(event, PART_WRITES) > 0, reads = event_number(event, PART_READS) > 0;
	size_t i;

	if (event_number(event, PART_FAILED) > 0) {
		*ret_title = "Open Refused";
		return "was refused";
	}
	if (writes || reads) {
		*ret_title = writes && reads ? "File Read and Write" : writes ? "File Write" : "File Read";
		return writes && reads ? "read and wrote" : writes ? "wrote" : "read";
	}
	if (was_executed(event)) {
		*ret_title = "File Execution";
		return "executed";
	}
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (event_number(event, verbs[i].part) > 0) {
			*ret_title = verbs[i].title;
			return verbs[i].verb;
		}
	*ret_title = "File Held";
	return "held";
}

static const char *say_access(const struct event *event)
{
	const char *title, *separator = ": ", *verb = access_verb(event, &title);
	int64_t writes = event_number(event, PART_WRITES), reads = event_number(event, PART_READS);
	struct text path = event_text(event, PART_PATH);

	add_actor(event);
	add_word(" ");
	add_word(verb);
	add_word(" ");
	if (path.bytes)
		add_text(path);
	else
		add("something without a name");
	add_count(&separator, event_number(event, PART_OPENS), "open", "opens");
	add_count(&separator, reads, "read", "reads");
	if (reads > 0) {
		add_word(", ");
		add_number(event_number(event, PART_READ_BYTES));
		add_word(writes > 0 ? " bytes read" : " bytes");
	}
	add_count(&separator, writes, "write", "writes");
	if (writes > 0)
		add(", %" PRId64 " bytes%s", event_number(event, PART_WRITE_BYTES), reads > 0 ? " written" : "");
	add_count(&separator, event_number(event, PART_MAPS), "mapping", "mappings");
	if (event_number(event, PART_MAPS) > 0)
		add(", %" PRId64 " bytes mapped", event_number(event, PART_MAPPED_BYTES));
	add_count(&separator, event_number(event, PART_LISTS), "listing", "listings");
	add_count(&separator, event_number(event, PART_STATS), "look", "looks");
	add_count(&separator, event_number(event, PART_FAILED), "time", "times");
	if (event_text(event, PART_ERRNO).bytes) {
		add(" ");
		add_text(event_text(event, PART_ERRNO));
	}
	return title;
}

static const char *say_start(const struct event *event)
{
	struct text what = event_text(event, PART_EVENT), executable = event_text(event, PART_EXECUTABLE),
		    args = event_text(event, PART_ARGS);

	add_actor(event);
	if (text_equals(what, "fork")) {
		add(" forked off");
		if (event_number(event, PART_PPID) >= 0)
			add(" from process %" PRId64, event_number(event, PART_PPID));
		return "Process Fork";
	}
	add(text_equals(what, "snapshot") ? " was running " : " executed ");
	if (executable.bytes)
		add_text(executable);
	else
		add("something without a name");
	if (args.bytes) {
		add(": ");
		add_text(command_line(args));
	}
	return text_equals(what, "snapshot") ? "Process Seen Running" : "Process Start";
}

static const char *say_end(const struct event *event)
{
	add_actor(event);
	add(" ended");
	if (event_number(event, PART_EXIT_SIGNAL) > 0)
		add(", killed by signal %" PRId64, event_number(event, PART_EXIT_SIGNAL));
	else if (event_number(event, PART_EXIT_CODE) >= 0)
		add(" with status %" PRId64, event_number(event, PART_EXIT_CODE));
	return "Process End";
}

static const char *say_flow(const struct event *event)
{
	struct text transport = event_text(event, PART_TRANSPORT), direction = event_text(event, PART_DIRECTION);
	const char *separator = ": ";

	add_actor(event);
	add(" ");
	add_text(transport.bytes ? transport : event_text(event, PART_FAMILY));
	add(" ");
	add_text(event_text(event, PART_LOCAL).bytes ? event_text(event, PART_LOCAL) : text_of("-"));
	add(text_equals(direction, "egress") ? " -> " : text_equals(direction, "ingress") ? " <- " : " -- ");
	add_text(event_text(event, PART_REMOTE).bytes ? event_text(event, PART_REMOTE) : text_of("-"));
	if (event_number(event, PART_SENDS) > 0 || event_number(event, PART_SENT_BYTES) > 0) {
		add("%s%" PRId64 " bytes sent", separator, event_number(event, PART_SENT_BYTES));
		separator = ", ";
	}
	if (event_number(event, PART_RECEIVES) > 0 || event_number(event, PART_RECEIVED_BYTES) > 0) {
		add("%s%" PRId64 " bytes received", separator, event_number(event, PART_RECEIVED_BYTES));
		separator = ", ";
	}
	if (event_number(event, PART_FAILED) <= 0)
		return "Network Traffic";
	add("%srefused %" PRId64 " times ", separator, event_number(event, PART_FAILED));
	add_text(event_text(event, PART_ERRNO));
	return "Connection Refused";
}

static void add_transfer_end(const struct event *event, enum part path, enum part flow)
{
	struct text text = event_text(event, path);

	if (event_text(event, flow).bytes)
		text = event_text(event, PART_REMOTE).bytes ? event_text(event, PART_REMOTE) : text_of("a socket");
	add_text(text.bytes ? text : text_of("something without a name"));
}

static const char *say_transfer(const struct event *event)
{
	const char *separator = ": ";

	add_actor(event);
	if (event_number(event, PART_CALLS) <= 0)
		add(" handed over, open, ");
	else
		add(event_text(event, PART_FROM_FLOW).bytes ? " let the kernel move data from " : " let the kernel move ");
	add_transfer_end(event, PART_PATH, PART_FROM_FLOW);
	add(" to ");
	add_transfer_end(event, PART_TO_PATH, PART_TO_FLOW);
	add_count(&separator, event_number(event, PART_CALLS), "call", "calls");
	add_count(&separator, event_number(event, PART_BYTES), "byte", "bytes");
	add_count(&separator, event_number(event, PART_DESCRIPTORS), "descriptor", "descriptors");
	if (event_number(event, PART_CALLS) <= 0)
		return "Open File Handed Over";
	return event_text(event, PART_TO_FLOW).bytes ? "Data Sent by the Kernel" : "Data Moved by the Kernel";
}

static const char *say_action(const struct event *event)
{
	struct text path = event_text(event, PART_PATH), target = event_text(event, PART_TARGET),
		    detail = event_text(event, PART_DETAIL);

	add_actor(event);
	add(" did ");
	add_text(event_text(event, PART_KIND));
	if (path.bytes) {
		add(" ");
		add_text(path);
	}
	if (target.bytes) {
		add(" -> ");
		add_text(target);
	}
	if (detail.bytes) {
		add(" ");
		add_text(detail);
	}
	if (event_text(event, PART_ERRNO).bytes) {
		add(", refused: ");
		add_text(event_text(event, PART_ERRNO));
	}
	return "Action";
}

static const char *say_name(const struct event *event)
{
	add_text(event_text(event, PART_ADDRESS).bytes ? event_text(event, PART_ADDRESS) : text_of("an address"));
	add(" is ");
	add_text(event_text(event, PART_NAME));
	add(", by ");
	add_text(event_text(event, PART_SOURCE));
	if (event->actor) {
		add(" to ");
		add_actor(event);
	}
	return "Name";
}

static const char *say_stats(const struct event *event)
{
	add("the sensor lost %" PRId64 " records, %" PRId64 " for full tables, %" PRId64 " by skipped runs",
		event_number(event, PART_LOST_RECORDS), event_number(event, PART_LOST_MAP_FULL),
		event_number(event, PART_LOST_MISSED_RUNS));
	return "Sensor Counts";
}

static const char *say_gap(const struct event *event)
{
	add("NOT RECORDED: ");
	add_text(event_text(event, PART_WHAT));
	if (event_number(event, PART_COUNT) > 0)
		add(" (%" PRId64 ")", event_number(event, PART_COUNT));
	return "Gap";
}

static const char *say_clock(const struct event *event)
{
	int64_t real = event_number(event, PART_REALTIME_NS), boot = event_number(event, PART_BOOTTIME_NS);
	char text[TIME_TEXT];

	add("THE CLOCK CHANGED");
	if (real >= 0 && boot >= 0) {
		text_time(text, real);
		add(": it says %s when the machine has run for %" PRId64 ".%09" PRId64 " s", text, boot / 1000000000,
			boot % 1000000000);
	}
	if (event_text(event, PART_NOTE).bytes) {
		add(": ");
		add_text(event_text(event, PART_NOTE));
	}
	return "Clock Change";
}

static const char *say_notice(const struct event *event)
{
	if (!strcmp(event->kind->fact, "clock-change"))
		return say_clock(event);
	add("sensor: %s", event->kind->fact);
	if (event_text(event, PART_NOTE).bytes) {
		add(": ");
		add_text(event_text(event, PART_NOTE));
	}
	return !strcmp(event->kind->fact, "heartbeat") ? "Sensor Heartbeat" : "Sensor Notice";
}

static const char *say_capture(const struct event *event)
{
	add("recording begins on ");
	add_text(event_text(event, PART_HOST).bytes ? event_text(event, PART_HOST) : text_of("a host without a name"));
	add(", quis ");
	add_text(event_text(event, PART_TOOL_VERSION));
	add(", kernel ");
	add_text(event_text(event, PART_KERNEL));
	add(", hooks ");
	add_text(event_text(event, PART_HOOKS));
	return "Recording Start";
}

static const char *say_finish(const struct event *event)
{
	add("recording ends");
	if (event_text(event, PART_REASON).bytes) {
		add(": ");
		add_text(event_text(event, PART_REASON));
	}
	return "Recording End";
}

static const char *say_stamp(const struct event *event)
{
	static const struct {
		char letter;
		const char *word, *title;
	} times[] = {{'m', "modified", "Content Modification Time"}, {'a', "accessed", "Last Access Time"},
		{'c', "changed (inode)", "Metadata Modification Time"}, {'b', "created", "Creation Time"}};
	const struct stamp *stamp = event->stamp;
	const char *separator = "", *title = NULL;
	size_t i;

	add("file system: ");
	for (i = 0; i < 4; i++)
		if (strchr(stamp->letters, times[i].letter)) {
			add("%s%s", separator, times[i].word);
			separator = ", ";
			title = title ? "File System Times" : times[i].title;
		}
	add(" ");
	add_text(stamp->name);
	add(" (inode ");
	add_text(stamp->inode);
	add(stamp->same_path ? ")" : ", by its number alone)");
	return title ? title : "File System Times";
}

static const struct {
	const char *table;
	const char *(*say)(const struct event *event);
} sayings[] = {
	{"access", say_access},
	{"image", say_start},
	{"ending", say_end},
	{"flow", say_flow},
	{"transfer", say_transfer},
	{"action", say_action},
	{"name", say_name},
	{"stats", say_stats},
	{"gap", say_gap},
	{"notice", say_notice},
	{"capture", say_capture},
	{"finish", say_finish},
};

void event_words(struct timeline *timeline, struct event *event)
{
	static const char *const suffixes[] = {"", " (first)", " (last)"};
	const char *title = "Note";
	size_t i;

	(void)timeline;
	words.len = 0;
	words.text[0] = '\0';
	if (event->stamp)
		title = say_stamp(event);
	for (i = 0; event->kind && i < sizeof(sayings) / sizeof(sayings[0]); i++)
		if (!strcmp(sayings[i].table, event->kind->table)) {
			title = sayings[i].say(event);
			break;
		}
	strcpy(stpcpy(words.what, title), suffixes[event->which]);
	event->message = words.text;
	event->what = words.what;
}
