#pragma once
/* What the recorder before left behind in a database: how it ended, and when. */

#include "sink/sink.h"
#include "sink/sql.h"

/* Before anything is written to it.  Sets existed, clean_stop, last_alive_ns, whole_ns, last_event_ns, newest_event_ns, stopped_ns,
 * created_ns and boot_id, as far as they are there.  0 or -errno. */
int past_read(sqlite3 *db, struct sink_report *report);
