#pragma once
/* For tests: records of the kernel's programs -> events. */

#include "decode/test_draft.h"
#include "event/test_made.h"

/* Beginning and end of what a test says of its record. */
static inline void decode_made(struct decoded *decoded, const struct made *made)
{
	struct span copy = made_copy(made);

	decoded_forget(decoded);
	assert_int_equal(decode_probe(decoded->decoder, MADE_REAL_NS, copy, keep, decoded), 0);
	free((void *)(uintptr_t)copy.data);
}

static inline bool has_word(const char *words, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += size)
		if ((at == words || at[-1] == ' ') && (at[size] == 0 || at[size] == ' '))
			return true;
	return false;
}

/* The event has these members, besides the one that all have (source), and no other. */
static inline void expect_members_at(struct decoded *decoded, unsigned i, const char *members, const char *file, int line)
{
	unsigned n_words = members[0] != 0, n = 0;

	if (i >= decoded->n) {
		print_error("%s:%d: only %u events\n", file, line, decoded->n);
		fail();
	}
	for (const char *p = members; *p; p++)
		n_words += *p == ' ';
	for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++) {
		if (field == FIELD_source || !values_has(&decoded->events[i]->values, field))
			continue;
		if (!has_word(members, fields[field].member)) {
			print_error("%s:%d: has %s too\n", file, line, fields[field].member);
			fail();
		}
		n++;
	}
	if (n == n_words)
		return;
	for (unsigned field = N_CONTEXT_FIELDS; field < N_FIELDS; field++)
		if (has_word(members, fields[field].member) && !values_has(&decoded->events[i]->values, field))
			print_error("%s:%d: has no %s\n", file, line, fields[field].member);
	print_error("%s:%d: %u members, not %u\n", file, line, n, n_words);
	fail();
}
#define expect_members(decoded, i, members) expect_members_at(decoded, i, members, __FILE__, __LINE__)

/* What make() wrote into the head. `more`: members of the actor that come from the body. */
static inline void expect_actor_at(struct decoded *decoded, unsigned i, const char *more, const char *file, int line)
{
	static const struct {
		const char *member, *value;
	} all[] = {
		{ "pid", "1234" }, { "ppid", "1000" }, { "start", "4321000000005" }, { "name", "worker" },
		{ "uid", "1" }, { "euid", "2" }, { "suid", "3" }, { "fsuid", "4" },
		{ "gid", "5" }, { "egid", "6" }, { "sgid", "7" }, { "fsgid", "8" },
		{ "auid", "1001" }, { "ses", "9" },
	};
	unsigned n = 0, n_more = more[0] != 0;

	for (size_t k = 0; k < ARRAY_SIZE(all); k++)
		expect_at(decoded, i, all[k].member, all[k].value, file, line);
	for (const char *p = more; *p; p++)
		n_more += *p == ' ';
	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++)
		n += values_has(&decoded->actors[i]->values, field);
	if (n == ARRAY_SIZE(all) + n_more)
		return;
	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++)
		if (values_has(&decoded->actors[i]->values, field))
			print_error("%s:%d: the actor has %s\n", file, line, fields[field].member);
	fail();
}
#define expect_actor(decoded, i, more) expect_actor_at(decoded, i, more, __FILE__, __LINE__)

static inline void expect_event_at(struct decoded *decoded, uint16_t kind, const char *code, const char *file, int line)
{
	const struct event *event;

	expect_kind_at(decoded, 0, kind, file, line);
	event = decoded->events[0];
	expect_at(decoded, 0, "source", "ebpf", file, line);
	expect_at(decoded, 0, "code", code, file, line);
	if (event->time_ns != MADE_REAL_NS || event->origin % (1 << 16) != MADE_CPU) {
		print_error("%s:%d: its time or origin is another\n", file, line);
		fail();
	}
}
/* The first event: its kind, code, source, time and origin. */
#define expect_event(decoded, category, action, code) \
	expect_event_at(decoded, KIND_ID(category, action), code, __FILE__, __LINE__)
