#pragma once
/* An event as bytes that follow from all it says: from its fields, where it stands, and the process and the ancestors behind it. The
 * same for the event that is stored and for the one that is read back; for the database's chain (chain.h).
 *
 *	record	= sequence time origin: u64, kind: u16, context: CONTEXT_DIGEST_BYTES (zeros: none), values
 *	values	= number of fields: u16, then each in the order of their ids: id: u32, inferred: u8, value
 *	value	= u64 for what is a number; else size: u32 and the bytes
 *	id	= the first four bytes of the SHA-256 of the field's name
 *	context	= the first CONTEXT_DIGEST_BYTES of the SHA-256 of: parent's digest (zeros: none), ancestry cut: u8, values
 *
 * Numbers are little-endian. */

#include "base/buffer.h"
#include "event/event.h"

/* What is used again and again; zeros at first. */
struct chain_scratch {
	struct buffer bytes;
	void *digest;
};
void chain_scratch_release(struct chain_scratch *scratch);

/* Appends it.  0 or -ENOMEM. */
int chain_record(struct buffer *bytes, const struct event *event, struct chain_scratch *scratch);
