/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QUIS_INDEX_TRUST_H
#define QUIS_INDEX_TRUST_H

#include "index.h"

/* Sets trust and trust_what. */
void index_verify(struct index_problems *problems, const char *case_path);
/* Of a database that was loaded: a format that is not known is not trusted, whatever its seal says. */
void index_check_format(struct index_problems *problems, sqlite3 *db);

#endif
