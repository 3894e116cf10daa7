/* The truth as JSON text. Names are bytes: those that are no UTF-8 go out as `path_raw`, in base64. */
#ifndef QUIS_TRUTH_H
#define QUIS_TRUTH_H

static const char *const truth_counters[COUNTERS] = {
	"opens", "reads", "read_bytes", "writes", "write_bytes", "maps", "mapped_bytes", "faults", "faulted_bytes",
	"lists", "stats", "failed"};

/* Length of the UTF-8 sequence at `s`, 0 if it is none. */
static inline int truth_sequence(const unsigned char *s)
{
	int length = *s < 0x80		       ? 1
		     : *s >= 0xc2 && *s < 0xe0 ? 2
		     : (*s & 0xf0) == 0xe0     ? 3
		     : *s >= 0xf0 && *s < 0xf5 ? 4
					       : 0;
	int i;

	for (i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
		(*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

static inline bool truth_is_utf8(const char *name)
{
	const unsigned char *s = (const unsigned char *)name;

	while (*s) {
		int n = truth_sequence(s);

		if (!n)
			return false;
		s += n;
	}
	return true;
}

static inline void truth_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\u%04x", *s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

static inline void truth_base64(FILE *out, const char *name)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t length = strlen(name), i;

	fputc('"', out);
	for (i = 0; i < length; i += 3) {
		size_t left = length - i;
		unsigned v = (unsigned)(unsigned char)name[i] << 16;

		v |= left > 1 ? (unsigned)(unsigned char)name[i + 1] << 8 : 0;
		v |= left > 2 ? (unsigned char)name[i + 2] : 0;
		fputc(digits[v >> 18], out);
		fputc(digits[v >> 12 & 63], out);
		fputc(left > 1 ? digits[v >> 6 & 63] : '=', out);
		fputc(left > 2 ? digits[v & 63] : '=', out);
	}
	fputc('"', out);
}

/* `"key":` with one string, or an array of those that will do. */
static inline void truth_strings(FILE *out, const char *key, const char *const *list, bool array)
{
	size_t i;

	if (!list[0])
		return;
	if (!truth_is_utf8(list[0])) {
		fprintf(out, "\"%s_raw\":", key);
		truth_base64(out, list[0]);
		fputc(',', out);
		return;
	}
	array = array || list[1];
	fprintf(out, "\"%s\":%s", key, array ? "[" : "");
	for (i = 0; i < ALIASES && list[i]; i++) {
		fputs(i ? "," : "", out);
		truth_string(out, list[i]);
	}
	fputs(array ? "]," : ",", out);
}

static inline void truth_text(FILE *out, const char *key, const char *value)
{
	const char *const list[ALIASES] = {value};

	truth_strings(out, key, list, false);
}

static inline void truth_from(FILE *out, const pid_t *from)
{
	size_t i;

	for (i = 0; i < ALIASES && from[i]; i++)
		fprintf(out, "%s%d", i ? "," : "\"from\":[", from[i]);
	fputs(i ? "]," : "", out);
}

static inline void truth_object(FILE *out, const struct object *o)
{
	int i;

	fputc('{', out);
	truth_strings(out, "path", o->path, false);
	truth_strings(out, "how", o->how, true);
	truth_strings(out, "events", o->events, true);
	truth_from(out, o->from);
	if (o->from_more)
		fputs("\"from_more\":true,", out);
	if (o->noted)
		fprintf(out, "\"noted\":%d,", o->noted);
	truth_text(out, "type", o->type);
	truth_text(out, "view", o->view);
	if (o->lower_layer) {
		fprintf(out, "\"lower\":{\"ino\":%" PRIu64 ",", o->lower_ino);
		truth_text(out, "layer", o->lower_layer);
		fprintf(out, "\"ends\":");
		truth_string(out, o->lower_path);
		fprintf(out, "},");
	}
	if (o->ino)
		fprintf(out, "\"ino\":%" PRIu64 ",", o->ino);
	if (o->deleted != DELETED_UNSAID)
		fprintf(out, "\"deleted\":%s,", o->deleted == DELETED_YES ? "true" : "false");
	if (o->optional)
		fprintf(out, "\"optional\":true,");
	if (o->error && !o->count[OPENS])
		fprintf(out, "\"errno\":\"%s\",\"path_from\":\"argument\",", strerrorname_np(o->error));
	for (i = 0; i < COUNTERS; i++)
		if (!(o->unsaid & 1U << i) && ((i != FAULTS && i != FAULTED_BYTES) || o->count[i]))
			fprintf(out, "\"%s\":%" PRIu64 ",", truth_counters[i], o->count[i]);
	fprintf(out, "\"stated\":true}");
}

static inline void truth_flow(FILE *out, const struct flow *f)
{
	fputc('{', out);
	truth_text(out, "family", f->family);
	truth_text(out, "protocol", f->protocol);
	truth_text(out, "direction", f->direction);
	truth_text(out, "remote", f->remote);
	truth_text(out, "local", f->local);
	if (f->peer)
		fprintf(out, "\"peer_pid\":%d,", f->peer);
	if (f->name)
		truth_text(out, "remote_name", f->name);
	if (f->source)
		truth_text(out, "name_source", f->source);
	fprintf(out, "\"sent_bytes\":%" PRIu64 ",\"received_bytes\":%" PRIu64 "}", f->sent, f->received);
}

static inline void truth_end(FILE *out, const struct object *o, const struct flow *f)
{
	fputc('{', out);
	if (o) {
		truth_strings(out, "path", o->path, false);
		truth_text(out, "type", o->type);
		if (o->ino)
			fprintf(out, "\"ino\":%" PRIu64 ",", o->ino);
	} else {
		truth_text(out, "remote", f->remote);
	}
	fprintf(out, "\"socket\":%s}", o ? "false" : "true");
}

static inline void truth_transfer(FILE *out, const struct transfer *t)
{
	fputs("{\"from\":", out);
	truth_end(out, t->from, t->from_flow);
	fputs(",\"to\":", out);
	truth_end(out, t->to, t->to_flow);
	fprintf(out, ",\"calls\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"descriptors\":%" PRIu64 "}", t->calls, t->bytes, t->descriptors);
}

static inline void truth_action(FILE *out, const struct action *a)
{
	fputc('{', out);
	truth_strings(out, "path", a->path, false);
	truth_strings(out, "to", a->to, false);
	if (a->detail)
		fprintf(out, "\"detail\":%s,", a->detail);
	if (a->kernel_path)
		fprintf(out, "\"path_from\":\"kernel\",");
	if (a->failed)
		fprintf(out, "\"outcome\":\"failure\",");
	if (a->failed && a->error)
		fprintf(out, "\"errno\":\"%s\",", strerrorname_np(a->error));
	if (a->times)
		fprintf(out, "\"times\":%" PRIu64 ",", a->times);
	if (a->bytes)
		fprintf(out, "\"bytes\":%" PRIu64 ",", a->bytes);
	truth_strings(out, "kind", a->kind, true);
	fprintf(out, "\"stated\":true}");
}

#define truth_array(out, key, list, type, print)                                                                       \
	do {                                                                                                           \
		const struct type *at;                                                                                 \
                                                                                                                       \
		fprintf(out, "\"" key "\":[");                                                                         \
		for (at = (list); at; at = at->next) {                                                                 \
			print(out, at);                                                                                \
			fputs(at->next ? ",\n" : "", out);                                                             \
		}                                                                                                      \
		fputc(']', out);                                                                                       \
	} while (0)

static inline void truth_process(FILE *out, const struct process *p)
{
	fprintf(out, "{\"pid\":%d,\"ppid\":%d,", p->pid, p->ppid);
	truth_array(out, "files", p->objects, object, truth_object);
	fputc(',', out);
	truth_array(out, "flows", p->flows, flow, truth_flow);
	fputc(',', out);
	truth_array(out, "transfers", p->transfers, transfer, truth_transfer);
	fputc(',', out);
	truth_array(out, "actions", p->actions, action, truth_action);
	fputc('}', out);
}

/* In the order in which they began: that tells two processes with one pid apart. */
static inline struct process *truth_reversed(struct process *list)
{
	struct process *reversed = NULL;

	while (list) {
		struct process *next = list->next;

		list->next = reversed;
		reversed = list;
		list = next;
	}
	return reversed;
}

static inline void truth_print(struct area *a)
{
	a->processes = truth_reversed(a->processes);
	fprintf(stdout, "{\"act\":\"%s\",", this_act->name);
	if (a->scale)
		fprintf(stdout, "\"scale\":%d,\"seconds\":%.3f,", a->scale, a->seconds);
	truth_array(stdout, "processes", a->processes, process, truth_process);
	fprintf(stdout, "}\n");
	if (fflush(stdout))
		fail("stdout");
}

#endif
