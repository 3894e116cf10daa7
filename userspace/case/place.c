/* SPDX-License-Identifier: BSD-2-Clause */
#include "case/place.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "case/writer.h"

#define ENOUGH 3 /* lines that must fit again behind a change, where so many are left */

void place_begin(struct place *place, int dir, uint32_t segment)
{
	char name[SEGMENT_NAME];
	int fd;

	memset(place, 0, sizeof(*place));
	segment_name(name, segment, "leaves");
	fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	place->hints = fd < 0 ? NULL : fdopen(fd, "r");
	if (fd >= 0 && !place->hints)
		close(fd);
}

void place_end(struct place *place)
{
	if (place->hints)
		fclose(place->hints);
	place->hints = NULL;
}

/* ,"event.sequence":17} at the end of the line */
static bool has_sequence(const char *text, size_t len, uint64_t sequence)
{
	char end[48];
	size_t size = snprintf(end, sizeof(end), ",\"event.sequence\":%" PRIu64 "}", sequence);

	return len > size && !memcmp(text + len - size, end, size);
}

void place_add(struct place *place, const char *text, size_t len, const unsigned char *leaf, uint64_t sequence)
{
	uint32_t hint, seen;

	place->line++;
	if (!place->odd && !has_sequence(text, len, sequence))
		place->odd = place->line;
	if (!place->hints || place->hints_end)
		return;
	memcpy(&seen, leaf, sizeof(seen));
	if (place->differs) {
		if (place->have < PLACE_WINDOW)
			place->seen[place->have++] = seen;
		return;
	}
	if (fread(&hint, sizeof(hint), 1, place->hints) != 1) {
		place->hints_end = true;
		return;
	}
	if (hint == seen)
		return;
	place->differs = place->line;
	place->seen[place->have++] = seen;
	place->hint[place->want++] = hint;
	place->want += fread(place->hint + 1, sizeof(hint), PLACE_WINDOW - 1, place->hints);
}

/* Whether what was seen from `a` on is what the hints say from `b` on, for some lines or to the end of both. */
static bool fits(const struct place *place, size_t a, size_t b)
{
	size_t i;

	for (i = 0; i < ENOUGH && a + i < place->have && b + i < place->want; i++)
		if (place->seen[a + i] != place->hint[b + i])
			return false;
	return i || (a == place->have && b == place->want);
}

static bool swapped(const struct place *place, size_t by)
{
	size_t i;

	if (by >= place->have || by >= place->want || place->seen[0] != place->hint[by] ||
		place->seen[by] != place->hint[0])
		return false;
	for (i = 1; i < by; i++)
		if (place->seen[i] != place->hint[i])
			return false;
	return true;
}

static void tell_difference(const struct place *place, char *what, size_t size)
{
	uint64_t line = place->differs;
	size_t i;

	for (i = 1; i < PLACE_WINDOW; i++)
		if (swapped(place, i)) {
			snprintf(what, size, "lines %" PRIu64 " and %" PRIu64 " have changed places", line, line + i);
			return;
		}
	if (fits(place, 1, 1)) {
		snprintf(what, size, "line %" PRIu64 " was changed", line);
		return;
	}
	for (i = 1; i < PLACE_WINDOW; i++) {
		if (i <= place->want && fits(place, 0, i)) {
			snprintf(what, size, "%zu line%s missing before line %" PRIu64, i, i > 1 ? "s are" : " is",
				line);
			return;
		}
		if (i <= place->have && fits(place, i, 0)) {
			snprintf(what, size,
				i > 1 ? "lines %" PRIu64 " to %" PRIu64 " were added" : "line %" PRIu64 " was added",
				line, line + i - 1);
			return;
		}
	}
	snprintf(what, size, "line %" PRIu64 " and what follows it was changed, taken out or added", line);
}

uint64_t place_tell(struct place *place, uint64_t count, char *what, size_t size)
{
	if (place->differs) {
		tell_difference(place, what, size);
		return place->differs;
	}
	if (place->odd) {
		snprintf(what, size,
			"line %" PRIu64 " does not have the number that it should have: it was changed, or a line "
					"before it taken out or added",
			place->odd);
		return place->odd;
	}
	if (count && place->line < count) {
		snprintf(what, size, "%" PRIu64 " lines are missing at its end, from line %" PRIu64 " on",
			count - place->line, place->line + 1);
		return place->line + 1;
	}
	return 0;
}
