/* See context.h.  One allocation for the object and, as a rule, all its text. */

#include "event/context.h"

#include <stdlib.h>

#define INLINE_ARENA 192

/* Threads take many at a time, so that giving one costs nothing. */
static uint64_t next_serial(void)
{
	enum { BLOCK = 1 << 16 };
	static atomic_uint_fast64_t next_block = 1;
	static _Thread_local uint64_t next, end;

	if (next == end) {
		next = (uint64_t)atomic_fetch_add_explicit(&next_block, BLOCK, memory_order_relaxed);
		end = next + BLOCK;
	}
	return next++;
}

struct context *context_new(void)
{
	struct context *context = malloc(sizeof(*context) + INLINE_ARENA);

	if (!context)
		return NULL;
	memset(&context->values, 0, sizeof(context->values));
	context->values.arena = (char *)(context + 1);
	context->values.arena_capacity = INLINE_ARENA;
	context->parent = NULL;
	context->depth = 0;
	context->ancestry_cut = false;
	atomic_init(&context->n_refs, 1);
	context->row = 0;
	context->has_digest = false;
	context->serial = next_serial();
	return context;
}

struct context *context_ref(struct context *context)
{
	if (context)
		atomic_fetch_add_explicit(&context->n_refs, 1, memory_order_relaxed);
	return context;
}

struct context *context_unref(struct context *context)
{
	/* A loop, not recursion: the last reference to a chain frees all of it. */
	while (context && atomic_fetch_sub_explicit(&context->n_refs, 1, memory_order_acq_rel) == 1) {
		struct context *parent = context->parent;

		if (context->values.arena_is_own)
			free(context->values.arena);
		free(context);
		context = parent;
	}
	return NULL;
}

void context_reset(struct context *context)
{
	struct values *values = &context->values;

	context->parent = context_unref(context->parent);
	context->depth = 0;
	context->ancestry_cut = false;
	memset(values->known, 0, sizeof(values->known));
	memset(values->inferred, 0, sizeof(values->inferred));
	values->arena_size = 0;
	values->failed = false;
	context->has_digest = false;
	context->serial = next_serial();
}

/* The chain above `from`, at most as long as is kept. */
static void set_parent(struct context *context, struct context *parent)
{
	context_unref(context->parent);
	context->parent = parent;
	context->depth = parent ? (uint16_t)(parent->depth + 1) : 0;
	context->ancestry_cut = parent && parent->ancestry_cut;
}

void context_set_parent(struct context *context, struct context *parent)
{
	if (parent && parent->depth + 1 > CONTEXT_MAX_DEPTH) {
		/* A chain that grows for ever (each process starts the next and ends) would hold all of its
		 * contexts for ever. The parent stays, its own ancestors go. */
		struct context *cut = context_copy(parent);

		if (cut) {
			cut->parent = context_unref(cut->parent);
			cut->depth = 0;
			cut->ancestry_cut = true;
		}
		set_parent(context, cut);
		if (!cut)
			context->ancestry_cut = true;
		return;
	}
	set_parent(context, context_ref(parent));
}

size_t context_bytes(const struct context *context)
{
	return sizeof(*context) + INLINE_ARENA + (context->values.arena_is_own ? context->values.arena_capacity : 0);
}

struct context *context_copy(const struct context *from)
{
	struct context *context = context_new();

	if (!context)
		return NULL;
	for (unsigned i = 0; i < N_CONTEXT_FIELDS; i++)
		if (values_has(&from->values, i))
			values_copy(&context->values, &from->values, i);
	if (context->values.failed)
		return context_unref(context);
	context->parent = context_ref(from->parent);
	context->depth = from->depth;
	context->ancestry_cut = from->ancestry_cut;
	return context;
}

uint64_t context_entity_id(struct span boot_id, uint64_t start_ticks, uint32_t pid)
{
	unsigned char raw[12];

	for (unsigned i = 0; i < 8; i++)
		raw[i] = (unsigned char)(start_ticks >> (8 * i));
	for (unsigned i = 0; i < 4; i++)
		raw[8 + i] = (unsigned char)(pid >> (8 * i));
	return span_hash((struct span){ (const char *)raw, sizeof(raw) }, span_hash(boot_id, 0));
}

void context_set_command_line(struct context *context)
{
	struct span args = values_text(&context->values, FIELD_args);
	char *p;

	if (!values_has(&context->values, FIELD_args))
		return;
	p = values_new_text(&context->values, FIELD_command_line, args.size ? args.size - 1 : 0);
	if (!p || args.size < 2)
		return;
	args = values_text(&context->values, FIELD_args);	/* the arena may have moved */
	for (size_t i = 0; i < args.size - 1; i++)
		p[i] = args.data[i] ? args.data[i] : ' ';
	if (values_is_inferred(&context->values, FIELD_args))
		values_set_inferred(&context->values, FIELD_command_line);
}
