#pragma once
/* An older database -> one of today's schema. */

#include "base/buffer.h"
#include "sink/layout.h"

/* SQL that makes tables of SCHEMA_VERSION out of those of `version`, to be run in one transaction; the views are not there
 * afterwards.  -EBADMSG: no such version is known. */
int migrate_sql(struct buffer *sql, const struct layout *layout, int64_t version);
