/* SPDX-License-Identifier: BSD-2-Clause */
/* Destinations by owner and country, which a database on this machine tells. */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case/case.h"
#include "html.h"
#include "report_text.h"

/* Addresses are counted, not connections: the ports of who came to us are chance. */
static const char owners_sql[] = "SELECT country_of(remote), asn_of(remote), owner_of(remote), count(DISTINCT "
				 "rtrim(rtrim(remote, '0123456789'), ':')), capped_sum(sent),"
				 " capped_sum(received) FROM (SELECT remote, capped_sum(sent_bytes) AS sent, "
				 "capped_sum(received_bytes) AS received FROM flow"
				 " WHERE family IN ('inet', 'inet6') AND remote IS NOT NULL AND (?1 = 0 OR process IN "
				 "(SELECT id FROM process WHERE pid = ?1)) GROUP BY remote)"
				 " GROUP BY 1, 2, 3 ORDER BY 1 IS NULL AND 2 IS NULL, 5 DESC, 6 DESC, 1, 2";

int report_owners(struct report *report, report_owner_fn *fn, void *context)
{
	struct report_owner owner;
	sqlite3_stmt *row;
	int err = 0;

	if (sqlite3_prepare_v2(report->db, owners_sql, -1, &row, NULL) != SQLITE_OK)
		return -EIO;
	sqlite3_bind_int64(row, 1, report->options.pid);
	while (!err && sqlite3_step(row) == SQLITE_ROW) {
		owner = (struct report_owner){
			.country = (const char *)sqlite3_column_text(row, 0),
			.asn = (uint32_t)sqlite3_column_int64(row, 1),
			.owner = (const char *)sqlite3_column_text(row, 2),
			.addresses = (uint64_t)sqlite3_column_int64(row, 3),
			.sent_bytes = (uint64_t)sqlite3_column_int64(row, 4),
			.received_bytes = (uint64_t)sqlite3_column_int64(row, 5),
		};
		err = fn(context, &owner);
	}
	if (sqlite3_finalize(row) != SQLITE_OK && !err)
		err = -EIO;
	return err;
}

/* ---- text ---- */

static const char *plural_of(uint64_t count)
{
	return count == 1 ? "" : "es";
}

static int text_owner(void *context, const struct report_owner *owner)
{
	struct page *page = context;
	char size[SIZE_TEXT];

	fputs("    ", page->out);
	if (owner->asn)
		fprintf(page->out, "AS%u %s%s%s", owner->asn, owner->owner ? owner->owner : "",
			owner->owner && owner->country ? ", " : "", owner->country ? owner->country : "");
	else
		fputs(owner->country ? owner->country : "not in it: private, of this machine, or not known", page->out);
	fprintf(page->out, ": %llu address%s, sent %s", (unsigned long long)owner->addresses,
		plural_of(owner->addresses), text_size(size, owner->sent_bytes));
	fprintf(page->out, ", received %s\n", text_size(size, owner->received_bytes));
	return 0;
}

int text_owners(struct page *page)
{
	const struct where_database *d = where_database();

	if (!d) {
		fputs("  owner and country of an address: no database here (Debian's libloc-database; --location "
		      "FILE)\n",
			page->out);
		return 0;
	}
	fprintf(page->out, "  by owner and country, according to %s of %s (SHA-256 %s):\n", d->name,
		d->date[0] ? d->date : "an unknown date", d->sha256);
	return report_owners(page->report, text_owner, page);
}

/* ---- HTML ---- */

static int html_owner(void *context, const struct report_owner *owner)
{
	FILE *out = context;

	fputs("<tr><td>", out);
	if (owner->asn)
		fprintf(out, "AS%u ", owner->asn);
	html_string(out, owner->owner	  ? owner->owner
			 : owner->asn	  ? ""
			 : owner->country ? "owner not known"
					  : "private, of this machine, or not known");
	fputs("</td><td>", out);
	html_string(out, owner->country ? owner->country : "");
	fprintf(out, "</td><td class=\"n\">%llu</td><td class=\"n\">", (unsigned long long)owner->addresses);
	html_size(out, owner->sent_bytes);
	fputs("</td><td class=\"n\">", out);
	html_size(out, owner->received_bytes);
	fputs("</td></tr>\n", out);
	return 0;
}

int html_owners(struct report *report, FILE *out)
{
	const struct where_database *d = where_database();
	int err;

	if (!d) {
		fputs("<p>Owner and country of an address: there was no database where this report was made.</p>\n",
			out);
		return 0;
	}
	fputs("<p>By owner and country, according to ", out);
	html_string(out, d->name);
	fprintf(out, " of %s (SHA-256 <code>%s</code>):</p>\n", d->date[0] ? d->date : "an unknown date", d->sha256);
	fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Owners\"><table>\n<thead><tr><th "
	      "scope=\"col\">Owner</th><th scope=\"col\">Country</th>"
	      "<th scope=\"col\" class=\"n\">Addresses</th><th scope=\"col\" class=\"n\">Sent</th><th scope=\"col\" "
	      "class=\"n\">Received</th></tr></thead>\n<tbody>\n",
		out);
	err = report_owners(report, html_owner, out);
	fputs("</tbody></table></div>\n", out);
	return err;
}
