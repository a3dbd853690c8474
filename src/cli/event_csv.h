#pragma once
/* An event as a line of CSV (RFC 4180), the columns of the view `events`. */

#include "cli/screen.h"
#include "event/event.h"

/* A value, in the safe form of a terminal, in quotes if it needs them. */
void csv_append(struct buffer *out, struct span value);
void event_csv_head(struct buffer *out);
void event_csv(struct buffer *out, const struct screen *screen, const struct event *event);
