#pragma once
/* Which values the events of a block have, in two bytes for each that differs: a search for a value passes by the blocks
 * that do not have it.
 *
 * A Bloom filter of keys, one a field and value (Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", 1970): it
 * may say that a value is there that is not, in about one of 1,700 blocks, never that one is not there that is. Keys are stored,
 * so they are the same for every program that reads the file: names of fields, not their places in the table. */

#include "base/buffer.h"
#include "event/event.h"

struct sieve;

int sieve_new(struct sieve **ret);	/* 0 or -ENOMEM */
struct sieve *sieve_free(struct sieve *sieve);
void sieve_clear(struct sieve *sieve);
/* The fields of the event and of its context that can be searched for.  What there is no memory for makes the sieve useless, and
 * it says so. */
void sieve_add(struct sieve *sieve, const struct event *event);
/* Something that was added is not known any more: until it is cleared it makes no filter. */
void sieve_spoil(struct sieve *sieve);
/* Appends the filter.  false: nothing was appended, it would not hold everything. */
bool sieve_append(const struct sieve *sieve, struct buffer *bytes);

/* Ancestors of processes are in it too, each once, by FIELD_entity_id and FIELD_pid.  Where a line of ancestors is longer than is
 * known, the key that says so. */
uint64_t sieve_key_ancestor(enum field field, uint64_t number);
uint64_t sieve_key_cut(void);
/* Fields that are in it.  A key of any other is not to be asked for. */
bool sieve_has_field(enum field field);
bool sieve_folds_case(enum field field);	/* texts of any case have one key */
uint64_t sieve_key_text(enum field field, struct span text);	/* IP: 4 or 16 bytes */
uint64_t sieve_key_number(enum field field, uint64_t number);
/* Whether an event of the block may have the value; true for bytes that are no filter. */
bool sieve_may_have(struct span bytes, uint64_t key);
bool sieve_may_have_event(struct span bytes, const struct event *event);	/* each value of it */
/* The same of a key of ancestors: what older versions made knows none. */
bool sieve_may_have_ancestor(struct span bytes, uint64_t key);
