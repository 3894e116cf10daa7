/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make-case CASE FACTS [FILES]: a case of FACTS facts about FILES distinct files (a fifth of the facts), in the mix and
 * order that a busy scanner makes: nine of ten are file accesses. The same arguments give the same case.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case/case.h"

#define SECOND 1000000000ull
#define START (1795455600 * SECOND) /* 2026-11-23T17:40:00Z */
#define EACH_PROCESS 500	    /* facts */
#define STEP 100000		    /* 10,000 facts a second */

static struct fact fact;
static struct case_writer *writer;
static uint64_t seed = 88172645463325252ull, now = START, written;

static uint64_t chance(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static void append(void)
{
	int err = case_append(writer, &fact);

	if (!err && ++written % 4096 == 0)
		err = case_flush(writer);
	if (!err && case_turn_due(writer)) {
		err = case_turn(writer, &fact, now);
		written++; /* the fact that names the next key */
	}
	if (err) {
		fprintf(stderr, "make-case: %s\n", strerror(-err));
		exit(1);
	}
}

static void kind(const char *category, const char *type)
{
	fact_text(&fact, "event.kind", "event");
	fact_list(&fact, "event.category", &category, 1);
	fact_list(&fact, "event.type", &type, 1);
}

static void who(uint64_t process)
{
	char entity[48];

	snprintf(entity, sizeof(entity), "%" PRIu64 "-%" PRIx64, 1000 + process, 77000000 + process * 991);
	fact_text(&fact, "process.entity_id", entity);
	fact_number(&fact, "process.pid", 1000 + process);
	fact_text(&fact, "process.name", "scanner");
}

static void span(void)
{
	uint64_t last = now - chance(2 * SECOND), first = last - (chance(3) ? chance(1 + chance(30) * SECOND) : 0);

	fact_time(&fact, "event.start", first);
	fact_time(&fact, "event.end", last);
}

static void start(void)
{
	static const char *const unseen[] = {"which pages of a mapped file were touched"}, *const flags[] = {
												   "path:/opt/scanner"};

	fact_begin(&fact, "capture-start", now);
	fact_number(&fact, "quis.format", CASE_FORMAT);
	fact_text(&fact, "quis.case.id", "00112233445566778899aabbccddeeff");
	fact_text(&fact, "quis.tool.version", QUIS_VERSION);
	fact_text(&fact, "host.name", "srv01");
	fact_text(&fact, "host.id", "0123456789abcdef0123456789abcdef");
	fact_text(&fact, "quis.hooks", "trampoline");
	fact_list(&fact, "quis.flags", flags, 1);
	fact_list(&fact, "quis.unseen", unseen, 1);
	fact_number(&fact, "quis.clock.boottime_ns", now - START + 77000000);
	fact_number(&fact, "quis.clock.realtime_ns", now);
	append();
}

static void process_start(uint64_t process)
{
	static const char args[] = "scanner\0--deep\0/srv";

	fact_begin(&fact, "process-start", now);
	kind("process", "start");
	who(process);
	fact_text(&fact, "quis.process.event", process ? "fork" : "exec");
	fact_time(&fact, "process.start", now);
	fact_number(&fact, "process.parent.pid", 1000);
	fact_text(&fact, "quis.process.flagged_by", process ? "parent" : "path:/opt/scanner");
	fact_text(&fact, "process.executable", "/opt/scanner/bin/scanner");
	fact_text(&fact, "quis.process.executable_device", "254:0");
	fact_number(&fact, "quis.process.executable_inode", 4711);
	fact_text(&fact, "process.user.id", "0");
	fact_strings(&fact, "process.args", "quis.process.args_raw", args, sizeof(args));
	append();
}

static void access_file(uint64_t process, uint64_t files)
{
	static const char *const how[] = {"opened"};
	static const char *const places[] = {
		"home/user/Documents/letter", "usr/share/doc/package", "srv/www/site/page", "var/mail/message"};
	uint64_t file = chance(files);
	char path[128], inode[24];

	fact_begin(&fact, "file-access", now);
	kind("file", "access");
	who(process);
	span();
	snprintf(path, sizeof(path), "/%s-%" PRIu64 "/part-%" PRIu64 ".txt", places[file % 4], file / 64, file % 64);
	fact_bytes(&fact, "file.path", "quis.file.path_raw", path, strlen(path));
	fact_text(&fact, "quis.file.path_from", "kernel");
	fact_text(&fact, "quis.file.device", "254:0");
	snprintf(inode, sizeof(inode), "%" PRIu64, 100000 + file);
	fact_text(&fact, "file.inode", inode);
	fact_number(&fact, "quis.file.generation", 1);
	fact_text(&fact, "file.type", "file");
	fact_list(&fact, "quis.file.how", how, 1);
	fact_count(&fact, "quis.opens", 1);
	fact_count(&fact, "quis.reads", 1 + chance(4));
	fact_count(&fact, "quis.read_bytes", chance(100000));
	append();
}

static void flow(uint64_t process)
{
	uint64_t port = 30000 + chance(30000);
	char local[48], id[24];

	fact_begin(&fact, "flow", now);
	kind("network", "connection");
	who(process);
	span();
	snprintf(id, sizeof(id), "%" PRIx64, written);
	fact_text(&fact, "quis.flow.id", id);
	fact_text(&fact, "quis.flow.family", "inet");
	fact_text(&fact, "network.transport", "tcp");
	fact_text(&fact, "network.type", "ipv4");
	fact_text(&fact, "network.direction", "egress");
	snprintf(local, sizeof(local), "192.0.2.10:%" PRIu64, port);
	fact_text(&fact, "quis.flow.local", local);
	fact_text(&fact, "quis.flow.remote", "203.0.113.7:443");
	fact_text(&fact, "source.ip", "192.0.2.10");
	fact_number(&fact, "source.port", port);
	fact_text(&fact, "destination.ip", "203.0.113.7");
	fact_number(&fact, "destination.port", 443);
	fact_count(&fact, "quis.flow.sends", 2);
	fact_count(&fact, "quis.flow.sent_bytes", 1 + chance(5000));
	append();
}

static void action(uint64_t process)
{
	fact_begin(&fact, "action", now);
	kind("file", "change");
	who(process);
	fact_text(&fact, "event.action", "unlink");
	fact_text(&fact, "file.path", "/tmp/scanner-temporary");
	fact_text(&fact, "quis.path_from", "kernel");
	append();
}

static void process_end(uint64_t process)
{
	fact_begin(&fact, "process-end", now);
	kind("process", "end");
	who(process);
	fact_time(&fact, "process.end", now);
	fact_number(&fact, "process.exit_code", 0);
	append();
}

static void end(void)
{
	fact_begin(&fact, "stats", now);
	fact_number(&fact, "quis.lost.records", 0);
	fact_number(&fact, "quis.lost.map_full", 0);
	fact_number(&fact, "quis.lost.missed_runs", 0);
	append();
	fact_begin(&fact, "capture-end", now);
	fact_text(&fact, "quis.end.reason", "signal");
	append();
}

int main(int argc, char **argv)
{
	uint64_t facts = argc > 2 ? strtoull(argv[2], NULL, 10) : 0,
		 files = argc > 3 ? strtoull(argv[3], NULL, 10) : facts / 5;
	int err;

	if (facts < 10 || !files || argc > 4) {
		fputs("usage: make-case CASE FACTS [FILES]; FACTS from 10 on\n", stderr);
		return 2;
	}
	err = case_create(&writer, argv[1], NULL);
	if (err) {
		fprintf(stderr, "make-case: %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	start();
	while (written < facts - 3) {
		uint64_t process = written / EACH_PROCESS, what = chance(100);

		now += STEP;
		if (written == 1 || written % EACH_PROCESS == 0)
			process_start(process);
		else if (written % EACH_PROCESS == EACH_PROCESS - 1)
			process_end(process);
		else if (what < 5)
			flow(process);
		else if (what < 9)
			action(process);
		else
			access_file(process, files);
	}
	process_end(written / EACH_PROCESS);
	end();
	err = case_finish(writer);
	case_close(writer);
	if (err)
		fprintf(stderr, "make-case: %s\n", strerror(-err));
	return !!err;
}
