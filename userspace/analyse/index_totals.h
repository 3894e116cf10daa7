/* SPDX-License-Identifier: BSD-2-Clause */
/* Table total: what each process did to each file, summed up from the bursts in table access. */
#ifndef QUIS_INDEX_TOTALS_H
#define QUIS_INDEX_TOTALS_H

#include <sqlite3.h>

int index_totals(sqlite3 *db); /* -EIO, -ENOMEM, -ENOSPC */

#endif
