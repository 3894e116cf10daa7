/* SPDX-License-Identifier: BSD-2-Clause */
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analyse.h"
#include "terminal.h"

enum { OPTION_KEY = 256, OPTION_SINCE, OPTION_PROOF, OPTION_TIMESTAMP, OPTION_REPLY, OPTION_CA };

static const struct option options[] = {
	{"key", required_argument, NULL, OPTION_KEY},
	{"since", required_argument, NULL, OPTION_SINCE},
	{"proof", required_argument, NULL, OPTION_PROOF},
	{"timestamp", required_argument, NULL, OPTION_TIMESTAMP},
	{"timestamp-reply", required_argument, NULL, OPTION_REPLY},
	{"ca", required_argument, NULL, OPTION_CA},
	{"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{NULL},
};

static int parse_option(const struct command *command, void *context, int option)
{
	struct verify *verify = context;

	(void)command;
	switch (option) {
	case OPTION_KEY:
		verify->key_path = optarg;
		return GO_ON;
	case OPTION_SINCE:
		verify->since_path = optarg;
		return GO_ON;
	case OPTION_PROOF:
		verify->proof_line = optarg;
		return GO_ON;
	case OPTION_TIMESTAMP:
		verify->query_path = optarg;
		return GO_ON;
	case OPTION_REPLY:
		verify->reply_path = optarg;
		return GO_ON;
	case OPTION_CA:
		verify->ca_path = optarg;
		return GO_ON;
	default:
		verify->output = optarg;
		return GO_ON;
	}
}

static int parse_arguments(const struct command *command, int argc, char **argv, struct verify *verify)
{
	int status = parse_options(command, argc, argv, options, parse_option, verify);

	if (status == GO_ON)
		status = parse_case(command, argc, argv, &verify->case_path);
	if (status != GO_ON)
		return status;
	if (verify->output && !verify->proof_line)
		return misused(command, "-o is where --proof writes to");
	if (verify->reply_path && !verify->ca_path)
		return misused(command,
			"--timestamp-reply needs --ca FILE: the certificates that are trusted to give the time");
	return GO_ON;
}

static ssize_t read_small(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t len;

	if (!file) {
		complain("%s: %s", path, strerror(errno));
		return -1;
	}
	len = fread(text, 1, size - 1, file);
	fclose(file);
	text[len] = '\0';
	return len;
}

static int read_inputs(struct verify *verify)
{
	char text[NOTE_SIZE];
	ssize_t len;

	if (verify->key_path) {
		len = read_small(verify->key_path, text, sizeof(text));
		if (len < 0)
			return EXIT_UNKNOWN;
		if (note_key_parse(&verify->key, text, len)) {
			complain("%s: no key such as quis.pub is one (NAME+HEX+BASE64)", verify->key_path);
			return EXIT_UNKNOWN;
		}
		verify->options.key = &verify->key;
	}
	if (verify->since_path) {
		len = read_small(verify->since_path, text, sizeof(text));
		if (len < 0)
			return EXIT_UNKNOWN;
		if (checkpoint_parse(&verify->since, text, len)) {
			complain("%s: no checkpoint", verify->since_path);
			return EXIT_UNKNOWN;
		}
		verify->options.since = &verify->since;
	}
	return 0;
}

/* ---- --proof ---- */

static bool number(const char *text, char **end, uint64_t *ret_number)
{
	if (*text < '1' || *text > '9')
		return false;
	errno = 0;
	*ret_number = strtoull(text, end, 10);
	return !errno;
}

/* LINE is a line of the whole case (its event.sequence), or SEGMENT:LINE, where the segment may be its number or its
 * file. */
static int find_line(struct verify *verify, uint64_t *ret_index)
{
	const char *text = verify->proof_line, *name = "facts-";
	struct checkpoint before = {.size = 0};
	char path[4096], note[NOTE_SIZE], *end;
	uint64_t first, line;
	ssize_t len;

	if (!strncmp(text, name, strlen(name)))
		text += strlen(name) + strspn(text + strlen(name), "0");
	if (!number(text, &end, &first))
		return -EINVAL;
	if (!*end) {
		*ret_index = first - 1;
		return 0;
	}
	end += strcspn(end, ":");
	if (*end != ':' || !number(end + 1, &end, &line) || *end || first > UINT32_MAX)
		return -EINVAL;
	if (first > 1) {
		snprintf(path, sizeof(path), "%s/checkpoints/%06" PRIu64, verify->case_path, first - 1);
		len = file_read(AT_FDCWD, path, note, sizeof(note));
		if (len < 0 || checkpoint_parse(&before, note, len)) {
			complain("%s: there is no such segment, or its checkpoint cannot be read", path);
			return -ENOENT;
		}
	}
	*ret_index = before.size + line - 1;
	return 0;
}

static int write_proof(struct verify *verify)
{
	unsigned char hashes[PROOF_MAX][HASH_SIZE];
	char text[4 * ((HASH_SIZE + 2) / 3) + 1];
	size_t count = proof_end(&verify->proof, hashes), i;
	FILE *out;
	int status = open_output(verify->output, &out);

	if (status)
		return status;
	fprintf(out, "c2sp.org/tlog-proof@v1\nindex %" PRIu64 "\n", verify->proof.index);
	for (i = 0; i < count; i++) {
		text_base64(text, hashes[i], HASH_SIZE);
		fprintf(out, "%s\n", text);
	}
	fprintf(out, "\n%s", verify->result.newest.note);
	return close_output(verify->output, out);
}

static int begin_proof(struct verify *verify)
{
	uint64_t index;
	int err = find_line(verify, &index);

	if (err == -EINVAL) {
		complain("--proof takes the number of a line in the whole case, or SEGMENT:LINE, not '%s'",
			verify->proof_line);
		return EXIT_USAGE;
	}
	if (err)
		return EXIT_UNKNOWN;
	proof_begin(&verify->proof, index, UINT64_MAX);
	verify->options.proof = &verify->proof;
	return 0;
}

/* ---- progress ---- */

static void show_progress(void *context, uint64_t done, uint64_t total)
{
	struct verify *verify = context;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec == verify->progress_at || !total)
		return;
	verify->progress_at = now.tv_sec;
	fprintf(stderr, "\r%3d %% of %" PRIu64 " MiB", (int)(100 * done / total), total >> 20);
	verify->progress_shown = true;
}

static void clear_progress(struct verify *verify)
{
	if (verify->progress_shown)
		fputs("\r\x1b[K", stderr);
}

int command_verify(const struct command *command, int argc, char **argv)
{
	static struct verify verify;
	int status = parse_arguments(command, argc, argv, &verify), err;

	if (status != GO_ON)
		return status;
	status = read_inputs(&verify);
	if (!status && verify.proof_line)
		status = begin_proof(&verify);
	if (status)
		return status;
	time_find(&verify);
	if (isatty(STDERR_FILENO)) {
		verify.options.progress = show_progress;
		verify.options.context = &verify;
	}
	err = case_verify(verify.case_path, &verify.options, &verify.result);
	clear_progress(&verify);
	if (err) {
		complain("%s: cannot tell: %s", verify.case_path, strerror(-err));
		return EXIT_UNKNOWN;
	}
	if (verify.result.verdict == VERDICT_INTACT && verify.proof_line &&
		(verify.proof.index >= verify.result.newest.size || verify.proof.index < verify.result.removed)) {
		complain("%s: line %" PRIu64 " of the case is not sealed, or not there any more", verify.case_path,
			verify.proof.index + 1);
		return EXIT_UNKNOWN;
	}
	if (verify.result.verdict == VERDICT_INTACT) {
		status = verify.query_path ? time_query(&verify) : 0;
		if (!status && verify.reply_path)
			status = time_reply(&verify);
		else if (!status && verify.anchor.size)
			status = time_check(&verify);
		if (status)
			return status;
	}
	status = verify_report(&verify, verify.proof_line && !verify.output ? stderr : stdout);
	if (verify.result.verdict != VERDICT_INTACT || status)
		return status;
	return verify.proof_line ? write_proof(&verify) : status;
}
