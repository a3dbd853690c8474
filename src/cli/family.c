/* See family.h.  The history tells of each process behind its parent, and each names its ancestors, so one pass finds all: whoever has
 * an ancestor that is found is found, also where the line of ancestors is too long to be told whole. */

#include <errno.h>

#include "cli/family.h"
#include "cli/place.h"

struct family {
	uint64_t *slots;		/* entity ids, open addressing; 0: free */
	size_t n_slots, n;
	bool has_zero;
};

int family_new(struct family **ret)
{
	struct family *family = calloc(1, sizeof(*family));

	if (!family)
		return -ENOMEM;
	*ret = family;
	return 0;
}

struct family *family_free(struct family *family)
{
	if (!family)
		return NULL;
	free(family->slots);
	free(family);
	return NULL;
}

static uint64_t *find_slot(uint64_t *slots, size_t n_slots, uint64_t entity_id)
{
	size_t i = (size_t)(entity_id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (n_slots - 1);

	while (slots[i] && slots[i] != entity_id)
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static int grow(struct family *family)
{
	size_t n_slots = family->n_slots ? family->n_slots * 2 : 64;
	uint64_t *slots;

	if (family->n_slots > 0 && family->n < family->n_slots / 2)
		return 0;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < family->n_slots; i++)
		if (family->slots[i])
			*find_slot(slots, n_slots, family->slots[i]) = family->slots[i];
	free(family->slots);
	family->slots = slots;
	family->n_slots = n_slots;
	return 0;
}

static bool has_id(const struct family *family, uint64_t entity_id)
{
	if (entity_id == 0)
		return family->has_zero;
	return family->n_slots > 0 && *find_slot(family->slots, family->n_slots, entity_id) == entity_id;
}

int family_add_id(struct family *family, uint64_t entity_id)
{
	if (has_id(family, entity_id))
		return 0;
	if (entity_id == 0) {
		family->has_zero = true;
	} else {
		if (grow(family) < 0)
			return -ENOMEM;
		*find_slot(family->slots, family->n_slots, entity_id) = entity_id;
	}
	family->n++;
	return 0;
}

bool family_has(const struct family *family, const struct context *context)
{
	for (const struct context *c = context; c; c = c->parent)
		if (values_has(&c->values, FIELD_entity_id) && has_id(family, c->entity_id))
			return true;
	return false;
}

int family_add(struct family *family, const struct context *context)
{
	if (!values_has(&context->values, FIELD_entity_id) || !family_has(family, context))
		return 0;
	return family_add_id(family, context->entity_id);
}

size_t family_size(const struct family *family)
{
	return family->n;
}

/* Who is meant */

struct search {
	const struct process_name *name;
	uint64_t at_ns;
	struct family_member *members;	/* the latest of them */
	size_t n, n_max, n_all;
	struct family met, ended;	/* all that were counted, also when there was no room for them; and those that had ended by then */
};

static bool ran_at(const struct family_member *member, uint64_t at_ns)
{
	return at_ns == 0 || ((member->start_ns == 0 || member->start_ns <= at_ns) &&
			      (member->end_ns == 0 || member->end_ns > at_ns));
}

static struct family_member *find_member(struct search *search, uint64_t entity_id)
{
	for (size_t i = 0; i < search->n; i++)
		if (search->members[i].entity_id == entity_id)
			return &search->members[i];
	return NULL;
}

static struct family_member *add_member(struct search *search, const struct context *context)
{
	const struct family_member member = {
		.entity_id = context->entity_id,
		.start_ns = values_has(&context->values, FIELD_start) ? context->start : 0,
	};

	if (!ran_at(&member, search->at_ns))
		return NULL;
	if (search->n == search->n_max)
		memmove(search->members, search->members + 1, --search->n * sizeof(member));
	search->n_all++;
	search->members[search->n] = member;
	return &search->members[search->n++];
}

static void remove_member(struct search *search, const struct family_member *member)
{
	size_t i = (size_t)(member - search->members);

	memmove(search->members + i, search->members + i + 1, (--search->n - i) * sizeof(*member));
}

/* Its end is known. */
static int end_member(struct search *search, const struct context *context, uint64_t end_ns)
{
	struct family_member *member = find_member(search, context->entity_id);

	if (has_id(&search->ended, context->entity_id))
		return 0;
	if (ran_at(&(struct family_member){ .end_ns = end_ns }, search->at_ns)) {
		if (member)
			member->end_ns = end_ns;
		return 0;
	}
	if (member)
		remove_member(search, member);
	search->n_all--;
	return family_add_id(&search->ended, context->entity_id);
}

/* Of some ancestors the history has nothing but that they were. One that had ended by then comes again with each child, without its
 * end, as does one that there was no room for. */
static int on_head(void *user, const struct history_process *process)
{
	struct search *search = user;
	int r = 0;

	for (const struct context *c = process->context; c && r == 0; c = c->parent) {
		if (!values_has(&c->values, FIELD_entity_id) || !process_name_is(search->name, c))
			continue;
		if (!has_id(&search->met, c->entity_id)) {
			if (!add_member(search, c))
				continue;
			r = family_add_id(&search->met, c->entity_id);
		}
		if (r == 0 && c == process->context && !process->replaced)
			r = end_member(search, c, process->end_ns);
	}
	return r;
}

int family_heads(struct history *history, const struct process_name *name, uint64_t at_ns, struct family_heads *ret)
{
	struct search search = { .name = name, .at_ns = at_ns, .members = ret->members, .n_max = ARRAY_SIZE(ret->members) };
	struct history_lineage lineage = process_name_lineage(name);
	int r = history_processes(history, &lineage, on_head, &search);

	free(search.met.slots);
	free(search.ended.slots);
	ret->n = search.n;
	ret->n_all = search.n_all;
	return r;
}

static int on_process(void *user, const struct history_process *process)
{
	return family_add(user, process->context);
}

int family_find(struct family *family, struct history *history, uint64_t entity_id)
{
	const struct history_lineage lineage = { FIELD_entity_id, entity_id };
	int r = family_add_id(family, entity_id);

	return r < 0 ? r : history_processes(history, &lineage, on_process, family);
}

/* For commands */

static int fail_many(const struct family_wish *wish, const struct family_heads *heads)
{
	_cleanup_(buffer_release) struct buffer list = { 0 };

	for (size_t i = 0; i < heads->n; i++) {
		buffer_append_text(&list, i > 0 ? ", " : heads->n < heads->n_all ? "..., " : "");
		buffer_append_hex(&list, heads->members[i].entity_id, 16);
		if (!heads->members[i].start_ns)
			continue;
		buffer_append_text(&list, " began ");
		screen_append_time(wish->screen, &list, heads->members[i].start_ns);
	}
	return cli_fail(CLI_FAILED, "%s: pid %s was that of %zu processes (name one by its entity id, or a time with --at): %s",
			wish->command, wish->who, heads->n_all, buffer_text(&list));
}

int family_of(struct family **ret, struct family_member *ret_head, struct history *history, const struct family_wish *wish)
{
	_cleanup_(family_freep) struct family *family = NULL;
	struct family_heads heads = { .n = 0 };
	int r = family_heads(history, &wish->name, wish->at_ns, &heads);

	if (r >= 0 && heads.n == 0)
		return cli_fail(CLI_FAILED, "%s: no process %s in the history%s", wish->command, wish->who,
				wish->at_ns ? " at this time" : "");
	if (r >= 0 && heads.n > 1)
		return fail_many(wish, &heads);
	if (r >= 0)
		r = family_new(&family);
	if (r >= 0)
		r = family_find(family, history, heads.members[0].entity_id);
	if (r < 0)
		return place_fail_reading(wish->command, history, r);
	*ret = TAKE(family);
	*ret_head = heads.members[0];
	return CLI_DONE;
}
