/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a vendor leaves in places that are not its own: certificates added to the trust stores, package repositories, their keys. They are
 * known by the vendor's name in them, which proves no product: hints.
 */
#include "inventory/inventory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1u << 20)
#define WORD_LEAST 4

struct trace {
	enum item_kind kind;
	bool (*names)(const char *path, const char *text, size_t len, const char *vendor, char *detail, size_t size);
};

static bool has_word(const char *text, size_t len, const char *word)
{
	size_t length = strlen(word), i, k;

	for (i = 0; i + length <= len; i++) {
		for (k = 0; k < length && tolower((unsigned char)text[i + k]) == tolower((unsigned char)word[k]); k++)
			;
		if (k == length)
			return true;
	}
	return false;
}

/* ---- certificates ---- */

static int sextet(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The bytes of PEM blocks, one after the other, in place of the text; what is no PEM stays as it is (DER). */
static size_t unpack_pem(char *text, size_t len)
{
	size_t out = 0, i;
	unsigned bits = 0, held = 0;
	bool inside = false;
	int value;

	if (len < 11 || !memmem(text, len, "-----BEGIN ", 11))
		return len;
	for (i = 0; i < len; i++) {
		if (len - i >= 5 && !memcmp(text + i, "-----", 5)) {
			const char *end = memchr(text + i, '\n', len - i);

			inside = len - i >= 11 && !memcmp(text + i, "-----BEGIN ", 11);
			held = bits = 0;
			if (!end)
				break;
			i = end - text;
			continue;
		}
		value = inside ? sextet(text[i]) : -1;
		if (value < 0)
			continue;
		bits = bits << 6 | value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			text[out++] = bits >> held;
		}
	}
	return out;
}

/* The last common name (2.5.4.3) of a certificate is its subject's: the issuer's comes first. */
static void common_name(const char *bytes, size_t len, char *out, size_t size)
{
	static const char oid[] = {6, 3, 0x55, 4, 3};
	size_t i, length;

	for (i = 0; i + 7 < len; i++) {
		if (memcmp(bytes + i, oid, sizeof(oid)))
			continue;
		length = (unsigned char)bytes[i + 6];
		if (length < 128 && length < size && i + 7 + length <= len) {
			memcpy(out, bytes + i + 7, length);
			out[length] = '\0';
		}
	}
}

static bool names_certificate(const char *path, const char *text, size_t len, const char *vendor, char *detail, size_t size)
{
	(void)path;
	if (!has_word(text, len, vendor))
		return false;
	common_name(text, len, detail, size);
	return true;
}

static bool names_repository(const char *path, const char *text, size_t len, const char *vendor, char *detail, size_t size)
{
	(void)path;
	if (!has_word(text, len, vendor))
		return false;
	snprintf(detail, size, "names %s", vendor);
	return true;
}

static bool names_key(const char *path, const char *text, size_t len, const char *vendor, char *detail, size_t size)
{
	const char *name = strrchr(path, '/') + 1;

	if (!has_word(name, strlen(name), vendor) && !has_word(text, len, vendor))
		return false;
	snprintf(detail, size, "names %s", vendor);
	return true;
}

/* ---- whose ---- */

static bool is_found(const struct inventory *inventory, const struct catalog_product *product)
{
	size_t i;

	for (i = 0; i < inventory->item_count; i++)
		if (inventory->items[i].product == product && item_decides(&inventory->items[i]))
			return true;
	return false;
}

/* A trace of a vendor is one of its products that are here; if there are none, a hint of the first. */
static void tell_trace(struct inventory *inventory, enum item_kind kind, const char *vendor, const char *path, const char *detail)
{
	const struct catalog_product *first = NULL;
	struct item *item;
	bool told = false;
	size_t i;

	for (i = 0; i <= inventory->catalog->count; i++) {
		const struct catalog_product *product = i < inventory->catalog->count ? &inventory->catalog->products[i] : first;
		const struct catalog_fact *fact = product ? catalog_fact(product, CATALOG_VENDOR) : NULL;

		if (!fact || strcmp(fact->value, vendor))
			continue;
		first = first ? first : product;
		if (i < inventory->catalog->count ? !is_found(inventory, product) : told)
			continue;
		item = item_add(inventory, kind, product, fact, path);
		if (item && *detail)
			item->detail = inventory_copy(inventory, detail);
		told = true;
	}
}

static void look_into(struct inventory *inventory, const char *path, void *context)
{
	const struct trace *trace = context;
	const char *vendors[256];
	size_t len, i, k, count = 0;
	char *text = root_read(inventory, path, FILE_MAX, &len), detail[160];

	if (!text)
		return;
	if (trace->kind == ITEM_TRUST_ANCHOR)
		len = unpack_pem(text, len);
	for (i = 0; i < inventory->catalog->count; i++) {
		const struct catalog_fact *fact = catalog_fact(&inventory->catalog->products[i], CATALOG_VENDOR);

		if (!fact || strlen(fact->value) < WORD_LEAST || count == sizeof(vendors) / sizeof(*vendors))
			continue;
		for (k = 0; k < count && strcmp(vendors[k], fact->value); k++)
			;
		if (k < count)
			continue;
		vendors[count++] = fact->value;
		detail[0] = '\0';
		if (trace->names(path, text, len, fact->value, detail, sizeof(detail)))
			tell_trace(inventory, trace->kind, fact->value, path, detail);
	}
	free(text);
}

void traces_read(struct inventory *inventory)
{
	static const struct {
		const char *pattern;
		struct trace trace;
	} places[] = {
		/* only where an administrator or a program adds to them: what the distribution trusts is its own matter */
		{"/usr/local/share/ca-certificates/*", {ITEM_TRUST_ANCHOR, names_certificate}},
		{"/usr/local/share/ca-certificates/*/*", {ITEM_TRUST_ANCHOR, names_certificate}},
		{"/etc/pki/ca-trust/source/anchors/*", {ITEM_TRUST_ANCHOR, names_certificate}},
		{"/etc/ca-certificates/trust-source/anchors/*", {ITEM_TRUST_ANCHOR, names_certificate}},
		{"/etc/pki/trust/anchors/*", {ITEM_TRUST_ANCHOR, names_certificate}},
		{"/etc/apt/sources.list", {ITEM_REPOSITORY, names_repository}},
		{"/etc/apt/sources.list.d/*", {ITEM_REPOSITORY, names_repository}},
		{"/etc/yum.repos.d/*", {ITEM_REPOSITORY, names_repository}},
		{"/etc/zypp/repos.d/*", {ITEM_REPOSITORY, names_repository}},
		{"/etc/apt/trusted.gpg.d/*", {ITEM_KEY, names_key}},
		{"/etc/apt/keyrings/*", {ITEM_KEY, names_key}},
		{"/usr/share/keyrings/*", {ITEM_KEY, names_key}},
		{"/etc/pki/rpm-gpg/*", {ITEM_KEY, names_key}},
	};
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct trace trace = places[i].trace;

		root_glob(inventory, places[i].pattern, look_into, &trace);
	}
	looked_at(inventory, "trust stores, repositories, keys", "read", sizeof(places) / sizeof(*places));
}
