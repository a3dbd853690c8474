#pragma once
/* The status for people who scrape: the text exposition format of Prometheus, 0.0.4. */

#include <jansson.h>

#include "base/buffer.h"

/* items: what recorder.status answers.  Appends a metric a group; -ENOMEM. */
int prometheus_write(struct buffer *out, const json_t *items);
/* Whether the table has a line for that item of the status, be it only to leave it out. */
bool prometheus_knows(const char *item);
