/* SPDX-License-Identifier: BSD-2-Clause */
#include "names/names.h"

#include <string.h>

static char plain(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c + ('a' - 'A');
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ? c : '\0';
}

bool name_take(char ret_name[NAME_SIZE], const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	char name[NAME_SIZE];
	size_t i;

	if (size && at[size - 1] == '.')
		size--;
	if (!size || size >= NAME_SIZE)
		return false;
	for (i = 0; i < size; i++) {
		name[i] = plain(at[i]);
		if (!name[i] || (name[i] == '.' && (!i || name[i - 1] == '.')))
			return false;
	}
	name[size] = '\0';
	memcpy(ret_name, name, size + 1);
	return true;
}
