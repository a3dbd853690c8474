#pragma once
/* Values of fields as people read them. */

#include "cli/screen.h"
#include "event/event.h"

/* Appends the value of a known field, raw bytes for texts: for text_append_safe(). */
void value_append(struct buffer *out, const struct screen *screen, const struct values *values,
		  enum field field);
/* So too, as it stands in the JSON, without its quotes; of a list all of it. */
void value_append_exact(struct buffer *out, const struct values *values, enum field field);
/* 10.1.2.3, [fe80::1] when a port follows */
void address_append(struct buffer *out, struct span address, bool brackets);
/* SIGKILL */
void signal_append(struct buffer *out, uint32_t number);
