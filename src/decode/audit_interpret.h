#pragma once
/* A record's keys with their values as a person reads them: texts decoded, numbers named. For looking at a
 * single record (a bug report, a raw record) and for comparing our reading with that of others; the events are
 * made by decode_draft(). */

#include "decode/audit.h"

/* Both borrowed until it returns; < 0 stops and is passed on.  Keys of a nested message come as those of the
 * record; key= with several keys comes several times. */
typedef int (*audit_field_fn)(void *user, struct span key, struct span value);

/* 0, what fn returned, or -ENOMEM.  `type` is the type of the record, `body` its text after the head. */
int audit_interpret(struct decoder *decoder, uint32_t type, struct span body, audit_field_fn fn, void *user);
