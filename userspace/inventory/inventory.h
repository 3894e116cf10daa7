/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which security products are on a host, and on what evidence. Everything is read; nothing is run, changed or asked of another machine.
 * Files are opened below a root that links cannot leave (a mounted image may be hostile), names are bytes of anybody's.
 *
 * What was found is a list of items. An item stands on a fact of the catalogue and on something seen here; inventory_judge() makes
 * findings of them. When memory is out, inventory->error says so, and nothing more is added.
 */
#ifndef QUIS_INVENTORY_H
#define QUIS_INVENTORY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "analyse/progress.h"
#include "catalog/catalog.h"

#define ITEMS_MAX 20000
#define PROCESSES_MAX 200000
#define WATCHERS_MAX 4096
#define MARKS_MAX 64 /* shown of one fanotify group; the rest is counted */
#define PACKAGES_MAX 200000
#define TREE_ENTRIES_MAX 1000000 /* looked at below one directory */

enum item_kind {
	ITEM_PACKAGE,
	ITEM_DIRECTORY,
	ITEM_EXECUTABLE,
	ITEM_SCRIPT,
	ITEM_PROCESS,
	ITEM_FANOTIFY,
	ITEM_AUDIT,
	ITEM_BPF,
	ITEM_LISTENER,
	ITEM_UNIT,
	ITEM_INIT,
	ITEM_CRON,
	ITEM_MODULE,
	ITEM_MODULE_FILE,
	ITEM_USER,
	ITEM_DATA,
	ITEM_RUNTIME,
	ITEM_SHARED,
	ITEM_TRUST_ANCHOR,
	ITEM_REPOSITORY,
	ITEM_KEY,
	ITEM_KIND_COUNT,
};

struct item {
	enum item_kind kind;
	char *what;		    /* hostile bytes: a path, a name */
	char *detail;		    /* NULL: nothing more to say */
	char *owner;		    /* the package that the path belongs to; NULL: none */
	const struct catalog_product *product;
	const struct catalog_fact *fact; /* NULL: follows from another item (a listener of a process) */
	bool by_name;		    /* of a process: nothing but its name or command line */
	bool removed;		    /* of a package: only its configuration is left */
	bool part;		    /* of a package: a library or the like */
	bool foreign;		    /* the path belongs to a package of something else */
	int pid;		    /* 0: none */
	uint64_t files, bytes;	    /* below a directory */
	uint64_t owned;		    /* of the files: belong to packages */
	uint64_t programs;	    /* of them */
	bool counted;
	char sha256[65]; /* "": not hashed */
};

struct process {
	int pid, parent;
	unsigned uid;
	char comm[64];
	char *exe;    /* NULL: a kernel thread, or not to be seen */
	char *script; /* NULL: none */
	char *command; /* its first argument */
	dev_t dev;
	ino_t ino;
	const struct catalog_product *product;
	const struct catalog_fact *fact;
	bool by_name;
	bool is_quis;
};

enum watch_kind { WATCH_FANOTIFY, WATCH_AUDIT, WATCH_BPF };

struct watcher {
	enum watch_kind kind;
	const struct process *process; /* NULL: nobody that could be seen */
	const struct catalog_product *product; /* NULL: unknown */
	char *what;	  /* in words */
	bool permission;  /* it may refuse */
	char *marks[MARKS_MAX];
	size_t mark_count; /* may be more */
	uint32_t program;  /* id of a BPF program; 0: none */
	uint64_t socket;   /* inode of an audit socket; 0: none */
};

struct package {
	const char *manager;
	char *name, *version;
	char *needs, *provides; /* as the database has it (dpkg), or names between commas (rpm); NULL: nothing */
	bool removed;
	const struct catalog_product *product;
	const struct catalog_fact *fact;
};

/* Something that was looked at. */
struct looked {
	const char *what;
	const char *state; /* "read", "not there", "not readable" ... */
	uint64_t count;
};

#define LOOKED_MAX 48

enum finding_state { FOUND_HINT, FOUND_LEFT, FOUND_INSTALLED, FOUND_RUNNING };

struct finding {
	const struct catalog_product *product;
	enum finding_state state;
	enum catalog_level level; /* of the best evidence that decides; no meaning for a hint */
	struct item **items;
	size_t count;
};

struct inventory {
	const struct catalog *catalog;
	const char *root; /* as given; "/" */
	int root_fd;
	bool live; /* the running system */
	bool privileged;
	bool hash;
	uint64_t io_limit; /* bytes a second; 0: none */
	uint64_t io_done, io_begun;
	uint64_t denied; /* places that could not be opened for want of permission */
	int error;
	struct progress progress;
	uint64_t step; /* of it */

	struct item *items;
	size_t item_count;
	struct process *processes;
	size_t process_count;
	struct watcher *watchers;
	size_t watcher_count;
	struct package *packages;
	size_t package_count;
	struct looked looked[LOOKED_MAX];
	size_t looked_count;
	char *unseen[LOOKED_MAX];
	size_t unseen_count;
	struct finding *findings;
	size_t finding_count;
};

/* ---- inventory.c ---- */

int inventory_init(struct inventory *inventory, const struct catalog *catalog, const char *root); /* -errno of the root */
void inventory_done(struct inventory *inventory);
void inventory_phase(struct inventory *inventory, const char *what, uint64_t steps); /* for the progress bar */
void inventory_step(struct inventory *inventory);
int inventory_collect(struct inventory *inventory);
/* NULL when memory is out or the list is full. Valid until the next one is added. */
struct item *item_add(struct inventory *inventory, enum item_kind kind, const struct catalog_product *product, const struct catalog_fact *fact,
	const char *what);
/* Of a process, by what makes it the product's. */
struct item *item_add_process(struct inventory *inventory, enum item_kind kind, const struct process *process, const char *what);
char *inventory_copy(struct inventory *inventory, const char *text);
__attribute__((format(printf, 2, 3))) char *inventory_format(struct inventory *inventory, const char *format, ...);
/* One more element of a list, zeroed; NULL when memory is out or it is full. */
void *inventory_grow(struct inventory *inventory, void *list, size_t *count, size_t size, size_t most);
void looked_at(struct inventory *inventory, const char *what, const char *state, uint64_t count);
__attribute__((format(printf, 2, 3))) void not_seen(struct inventory *inventory, const char *format, ...);
const char *item_kind_name(enum item_kind kind);
bool item_decides(const struct item *item);
const char *finding_state_name(enum finding_state state);
const char *finding_confidence(const struct finding *finding); /* "certain", "likely", "hint" */
bool watcher_is_unknown(const struct watcher *watcher); /* neither in the catalogue nor quis itself */
int inventory_judge(struct inventory *inventory);

/* ---- root.c: files below the root ---- */

int root_open(struct inventory *inventory, const char *path, int flags); /* descriptor or -errno */
int root_stat(struct inventory *inventory, const char *path, bool follow, struct stat *ret_st);
/* A regular file, NUL-terminated; longer ones are cut. NULL: cannot be read. */
char *root_read(struct inventory *inventory, const char *path, size_t most, size_t *ret_len);
typedef void (*root_fn)(struct inventory *inventory, const char *path, void *context);
int root_each(struct inventory *inventory, const char *directory, root_fn fn, void *context); /* entries, not . and .. */
void root_glob(struct inventory *inventory, const char *pattern, root_fn fn, void *context);
struct tree {
	uint64_t files, bytes, programs, seen;
	bool cut;
};
void root_tree(struct inventory *inventory, const char *path, struct tree *ret_tree);
bool root_hash(struct inventory *inventory, const char *path, char ret_hex[65]);
void root_paced(struct inventory *inventory, uint64_t bytes); /* keeps to the limit */

/* ---- what is looked at ---- */

void packages_read(struct inventory *inventory);
struct package *package_add(struct inventory *inventory, const char *manager, const char *name, const char *version);
void packages_owners(struct inventory *inventory); /* of the items' paths */
/* owners: for the items' paths only; else the packages. */
void rpm_read(struct inventory *inventory, bool owners);
void rpm_row(struct inventory *inventory, const void *blob, size_t size, bool owners); /* one package's header, hostile */
/* A status file, or (always) a file of packages without a status. */
void dpkg_text(struct inventory *inventory, const char *text, bool always);
void owner_found(struct inventory *inventory, const char *path, const char *package); /* if an item is there */
void file_below(struct inventory *inventory, const char *path); /* of a package: counts for the directories above */
void places_read(struct inventory *inventory);
void starts_read(struct inventory *inventory);
void traces_read(struct inventory *inventory);
void processes_read(struct inventory *inventory);
void watchers_read(struct inventory *inventory);
void listeners_read(struct inventory *inventory);

/* ---- output ---- */

void text_hostile(FILE *out, const char *text);
void item_text(const struct item *item, FILE *out);
int inventory_text(const struct inventory *inventory, FILE *out);
struct emit;
void json_head(struct emit *emit, const struct inventory *inventory);
void json_unseen(struct emit *emit, const struct inventory *inventory);
int inventory_json(const struct inventory *inventory, FILE *out);

#endif
