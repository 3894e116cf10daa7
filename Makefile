# quis: make help
VERSION := 0.1.0
PREFIX  ?= /usr/local
CC      ?= gcc
CLANG   ?= clang
B       := build
ifeq ($(SAN),1)
B       := build/san
endif

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' $(1) $(2);
endif

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wformat=2 -Wno-missing-field-initializers
ifeq ($(CI),true)
WARN    += -Werror
endif
CFLAGS  ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -DQUIS_VERSION='"$(VERSION)"' -DQUIS_PREFIX='"$(PREFIX)"' -Iuserspace -I.
ALL_CFLAGS = -std=gnu11 $(WARN) -fstack-protector-strong -D_FORTIFY_SOURCE=2 $(CFLAGS) $(SANFLAGS) -MMD -MP
ifeq ($(SAN),1)
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0
endif

ifeq ($(FUZZ),1)
CC       := $(CLANG)
SANFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=0
endif

RECORD_LIBS  := -lbpf -lelf -lz -lsodium -lzstd -lcap-ng -lseccomp -lnettle
ANALYSE_LIBS := -lsqlite3 -ljansson -lsodium -lzstd -lmaxminddb -lm
# what a static link of the same needs besides
RECORD_STATIC_LIBS  := $(RECORD_LIBS) -lpthread
ANALYSE_STATIC_LIBS := $(ANALYSE_LIBS) -lz -lpthread -ldl

CASE_SRC    := $(wildcard userspace/case/*.c)
RECORD_SRC  := $(wildcard userspace/record/*.c) $(wildcard userspace/names/*.c)
CATALOG_SRC := userspace/catalog/catalog.c userspace/catalog/match.c
ANALYSE_SRC := $(wildcard userspace/analyse/*.c) $(wildcard userspace/inventory/*.c) $(filter-out $(CATALOG_SRC),$(wildcard userspace/catalog/*.c))
BPF_SRC     := $(wildcard bpf/*.bpf.c)
ACTS        := $(patsubst tests/acts/%.c,%,$(filter-out tests/acts/run.c,$(wildcard tests/acts/*.c)))
FUZZ_NAMES  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
UNITS       := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*.c))

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
CASE_OBJ    := $(call obj,$(CASE_SRC))
CATALOG_OBJ := $(call obj,$(CATALOG_SRC)) $(B)/obj/userspace/catalog/embed.o
RECORD_OBJ  := $(call obj,$(RECORD_SRC)) $(B)/obj/bpf/embed.o $(B)/obj/userspace/catalog/relays.o
ANALYSE_OBJ := $(call obj,$(ANALYSE_SRC)) $(B)/obj/userspace/catalog/classes.o $(B)/obj/userspace/analyse/page.o
STATIC_OBJ  := $(call obj,userspace/static.c)
LIB_OBJ     := $(CASE_OBJ) $(CATALOG_OBJ) $(filter-out %/main.o,$(ANALYSE_OBJ) $(RECORD_OBJ))

.PHONY: all bpf static tests fuzz fuzz-programs check check-inventory check-plaso install uninstall clean help bench format
all: $(B)/quis $(B)/quis-record ## both programs and the BPF object, into build/

bpf: $(B)/quis.bpf.o ## the BPF object alone

# The BPF side declares the kernel types that it uses (bpf/kernel.h): no BTF and no kernel headers of any version are needed.
BPF_CFLAGS := -target bpf -mcpu=v2 -O2 -g -Wall -Wextra -Wno-unused-parameter -Wno-compare-distinct-pointer-types -D__TARGET_ARCH_x86 -I.
$(B)/quis.bpf.o: $(BPF_SRC) $(wildcard bpf/*.h) Makefile
	@mkdir -p $(@D)
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c bpf/quis.bpf.c -o $@
$(B)/obj/bpf/embed.o: bpf/embed.S $(B)/quis.bpf.o
	@mkdir -p $(@D)
	$(Q)$(CC) -DOBJECT='"$(B)/quis.bpf.o"' -c $< -o $@

# What is known of security products, one file each, inside both programs.
PRODUCTS := $(wildcard userspace/catalog/products/*.product)
$(B)/catalog: $(PRODUCTS) Makefile
	@mkdir -p $(@D)
	$(Q)cat $(PRODUCTS) >$@
$(B)/obj/userspace/catalog/embed.o: userspace/catalog/embed.S $(B)/catalog
	@mkdir -p $(@D)
	$(Q)$(CC) -DCATALOG='"$(B)/catalog"' -c $< -o $@

$(B)/obj/userspace/analyse/page.o: $(addprefix userspace/analyse/page.,S css js)
	@mkdir -p $(@D)
	$(Q)$(CC) -c $< -o $@
$(B)/obj/userspace/catalog/relays.o: userspace/catalog/relays.S userspace/catalog/relays.txt
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(Q)$(CC) -c $< -o $@
$(B)/obj/userspace/catalog/classes.o: userspace/catalog/classes.S userspace/catalog/classes.ini
	@mkdir -p $(@D)
	$(Q)$(CC) -c $< -o $@

$(B)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@

$(B)/quis-record: $(RECORD_OBJ) $(CASE_OBJ) $(CATALOG_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(RECORD_LIBS)
$(B)/quis: $(ANALYSE_OBJ) $(CASE_OBJ) $(CATALOG_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) -o $@ $^ $(ANALYSE_LIBS)

# glibc warns of name services and dlopen() in a static program: libcap-ng and SQLite hold such calls, neither program makes them.
# Not -Wl,--no-warnings: that links even what has undefined symbols.
static-link = $(Q)$(CC) -static $(LDFLAGS) -o $@ $^ $(1) 2>$@.log || { cat $@.log; rm -f $@.log; exit 1; }; \
	grep -v -e 'in statically linked applications requires at runtime' -e ': in function ' $@.log; rm -f $@.log
static: $(B)/static/quis-record $(B)/static/quis ## static programs: any kernel from 5.10 on, no library needed
$(B)/static/quis-record: $(RECORD_OBJ) $(CASE_OBJ) $(CATALOG_OBJ) $(STATIC_OBJ)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(call static-link,$(RECORD_STATIC_LIBS))
$(B)/static/quis: $(ANALYSE_OBJ) $(CASE_OBJ) $(CATALOG_OBJ) $(STATIC_OBJ)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(call static-link,$(ANALYSE_STATIC_LIBS))

# Acts reach data each in one way and print the truth; static, so that the same file runs in a VM's initramfs.
tests: $(addprefix $(B)/acts/,$(ACTS)) $(B)/acts/run $(addprefix $(B)/unit/,$(UNITS)) $(addprefix $(B)/replay/,$(FUZZ_NAMES)) $(B)/bench/make-case ## the test programs
$(B)/acts/run: tests/acts/run.c $(wildcard tests/acts/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) -O2 -g -static -o $@ $< -ljansson -lpthread -lm
$(B)/acts/%: tests/acts/%.c $(wildcard tests/acts/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) -O2 -g -static -o $@ $< -lpthread
$(B)/unit/%: tests/unit/%.c $(wildcard tests/unit/*.h tests/acts/*.h) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) $(CFLAGS) $(SANFLAGS) -o $@ $< $(LIB_OBJ) -lcmocka $(RECORD_LIBS) $(ANALYSE_LIBS)

# A fuzz target is also an ordinary test, which runs its corpus once.
$(B)/replay/%: tests/fuzz/%.c tests/fuzz/replay/replay.c tests/fuzz/fuzz.h $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) $(CFLAGS) $(SANFLAGS) -o $@ $< tests/fuzz/replay/replay.c $(LIB_OBJ) $(RECORD_LIBS) $(ANALYSE_LIBS)
fuzz: ## the fuzz targets, with libFuzzer, into build/fuzz/; scripts/fuzz runs them
	$(Q)$(MAKE) --no-print-directory B=build/fuzz FUZZ=1 fuzz-programs
fuzz-programs: $(addprefix $(B)/,$(FUZZ_NAMES))
ifeq ($(FUZZ),1)
$(addprefix $(B)/,$(FUZZ_NAMES)): $(B)/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) $(CFLAGS) $(SANFLAGS) -fsanitize=fuzzer -o $@ $< $(LIB_OBJ) $(RECORD_LIBS) $(ANALYSE_LIBS)
endif

$(B)/bench/make-case: tests/bench/make-case.c $(CASE_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) $(CFLAGS) $(SANFLAGS) -o $@ $< $(CASE_OBJ) $(RECORD_LIBS) $(ANALYSE_LIBS)

check-inventory: all ## Debian's security products installed, found, purged, and what is left named (root, debootstrap; ten minutes and more)
	$(Q)B=$(B) scripts/check-inventory

check-plaso: all ## plaso reads two of the timelines (root, debootstrap; some minutes the first time)
	$(Q)B=$(B) scripts/check-plaso

$(B)/bench/seal: tests/bench/seal.c $(CASE_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) $(CFLAGS) $(SANFLAGS) -o $@ $< $(CASE_OBJ) -lsodium -lzstd

$(B)/bench/merge: tests/bench/merge.c $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(WARN) $(CFLAGS) $(SANFLAGS) -o $@ $< $(LIB_OBJ) $(RECORD_LIBS) $(ANALYSE_LIBS)

check: all tests ## every test that this machine can run (root for those that record)
	$(Q)B=$(B) tests/run

install: all ## into DESTDIR and PREFIX
	install -D -m 755 $(B)/quis $(DESTDIR)$(PREFIX)/bin/quis
	install -D -m 755 $(B)/quis-record $(DESTDIR)$(PREFIX)/sbin/quis-record
	install -D -m 644 userspace/analyse/quis.1 $(DESTDIR)$(PREFIX)/share/man/man1/quis.1
	install -D -m 644 userspace/record/quis-record.8 $(DESTDIR)$(PREFIX)/share/man/man8/quis-record.8
	install -D -m 644 userspace/record/quis-record.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/quis-record.conf.5
	install -D -m 644 userspace/record/quis-record.conf $(DESTDIR)$(PREFIX)/share/quis/quis-record.conf
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' userspace/record/quis-record.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/quis-record.service
	install -D -m 644 userspace/analyse/report.schema.json $(DESTDIR)$(PREFIX)/share/quis/report.schema.json
	install -D -m 644 userspace/inventory/inventory.schema.json $(DESTDIR)$(PREFIX)/share/quis/inventory.schema.json
	install -d $(DESTDIR)$(PREFIX)/share/quis/catalog
	install -m 644 userspace/catalog/README.md $(PRODUCTS) $(DESTDIR)$(PREFIX)/share/quis/catalog

uninstall: ## takes away what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/quis $(DESTDIR)$(PREFIX)/sbin/quis-record $(DESTDIR)$(PREFIX)/share/man/man1/quis.1 \
		$(DESTDIR)$(PREFIX)/share/man/man8/quis-record.8 $(DESTDIR)$(PREFIX)/share/quis/report.schema.json \
		$(DESTDIR)$(PREFIX)/share/quis/inventory.schema.json \
		$(addprefix $(DESTDIR)$(PREFIX)/share/quis/catalog/,README.md $(notdir $(PRODUCTS))) \
		$(DESTDIR)$(PREFIX)/share/man/man5/quis-record.conf.5 $(DESTDIR)$(PREFIX)/share/quis/quis-record.conf $(DESTDIR)$(PREFIX)/lib/systemd/system/quis-record.service

bench: all tests ## what recording costs, beside the bare workload, in one alternating run; how fast a case is read
	$(Q)B=$(B) scripts/bench
	$(Q)B=$(B) scripts/bench-analyse

format: ## the pinned style, in place
	clang-format -i $$(git ls-files '*.[ch]')

clean: ## removes build/
	rm -rf build

help: ## this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n",$$1,$$2}' $(MAKEFILE_LIST)
	@echo '  V=1 shows the commands; SAN=1 builds with sanitizers into build/san; DESTDIR and PREFIX as usual.'

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
