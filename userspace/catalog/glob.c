/* SPDX-License-Identifier: BSD-2-Clause */
#include "glob.h"

#include <string.h>

/* [abc], [a-z], [!a-z]; NULL: no set begins here, the bracket is itself. */
static const char *set_end(const char *set)
{
	const char *end = set + 1 + (set[1] == '!');

	end = *end ? strchr(end + 1, ']') : NULL;
	return end;
}

static bool set_has(const char *set, const char *end, char byte)
{
	bool negated = set[1] == '!', found = false;
	const char *at;

	for (at = set + 1 + negated; at < end; at++) {
		if (at[1] == '-' && at + 2 < end) {
			found |= (unsigned char)byte >= (unsigned char)at[0] && (unsigned char)byte <= (unsigned char)at[2];
			at += 2;
		} else {
			found |= byte == *at;
		}
	}
	return found != negated && byte != '/';
}

/* Does one element of the glob (no star) take the byte? ret_next is behind it. */
static bool takes(const char *glob, char byte, const char **ret_next)
{
	const char *end;

	*ret_next = glob + 1;
	if (*glob == '?')
		return byte != '/';
	end = *glob == '[' ? set_end(glob) : NULL;
	if (!end)
		return *glob && *glob == byte;
	*ret_next = end + 1;
	return set_has(glob, end, byte);
}

/* Behind the last star of each kind one may come back to; an earlier one need not be tried again. */
struct retry {
	const char *glob; /* behind the star; NULL: there was none */
	size_t at;
};

bool glob_fits(const char *glob, const char *path, size_t len)
{
	struct retry star = {NULL}, stars = {NULL};
	size_t at = 0;

	for (;;) {
		const char *next;

		if (*glob == '*') {
			bool two = glob[1] == '*';

			glob += 1 + two;
			star = two ? (struct retry){NULL} : (struct retry){glob, at};
			if (two)
				stars = (struct retry){glob, at};
			continue;
		}
		if (at == len) {
			if (!*glob || !strcmp(glob, "/**"))
				return true;
		} else if (takes(glob, path[at], &next)) {
			glob = next;
			at++;
			continue;
		}
		if (star.glob && star.at < len && path[star.at] != '/') {
			glob = star.glob;
			at = ++star.at;
		} else if (stars.glob && stars.at < len) {
			glob = stars.glob;
			at = ++stars.at;
			star.glob = NULL;
		} else {
			return false;
		}
	}
}
