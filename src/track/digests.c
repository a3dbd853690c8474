/* See digests.h. */

#include "track/digests.h"

#include <errno.h>
#include <stdlib.h>

#define WAYS 4				/* places that a version may have */
#define SETS (DIGESTS_MAX / WAYS)	/* a power of two */
#define AGAIN_NS (60 * NS_PER_SEC)	/* what could not be hashed, or was not answered, is tried again */

enum { STATE, MD5, SHA1, SHA256, N_TEXTS };

struct version {
	uint64_t id;			/* with text NULL and is_pending false: free */
	uint64_t asked_ns;
	uint32_t met;			/* when it was last met, see `meetings` */
	bool is_pending;
	bool text_asked;		/* of a script: what stands in it */
	bool lacks_text;		/* of a script: it could not be told */
	char *text;			/* all texts one after the other; NULL: not known */
	uint8_t sizes[N_TEXTS];
};

struct digests {
	struct version versions[SETS][WAYS];
	uint32_t generation, meetings;
	bool is_used;			/* else none of this memory has been touched */
};

const struct digest_fields digest_of_program = { FIELD_hash_id, FIELD_hash_state, FIELD_hash_md5, FIELD_hash_sha1, FIELD_hash_sha256 };
const struct digest_fields digest_of_library = { FIELD_dll_hash_id, FIELD_dll_hash_state, FIELD_dll_md5, FIELD_dll_sha1,
						 FIELD_dll_sha256 };
const struct digest_fields digest_of_script = { FIELD_script_hash_id, FIELD_script_hash_state, FIELD_script_md5, FIELD_script_sha1,
						FIELD_script_sha256 };
const struct digest_fields digest_of_driver = { FIELD_driver_hash_id, FIELD_driver_hash_state, FIELD_driver_md5, FIELD_driver_sha1,
						FIELD_driver_sha256 };

int digests_new(struct digests **ret)
{
	struct digests *digests = calloc(1, sizeof(*digests));

	if (!digests)
		return -ENOMEM;
	*ret = digests;
	return 0;
}

void digests_clear(struct digests *digests)
{
	if (!digests->is_used)
		return;
	for (size_t i = 0; i < SETS; i++)
		for (size_t k = 0; k < WAYS; k++)
			free(digests->versions[i][k].text);
	memset(digests->versions, 0, sizeof(digests->versions));
}

struct digests *digests_free(struct digests *digests)
{
	if (!digests)
		return NULL;
	digests_clear(digests);
	free(digests);
	return NULL;
}

uint32_t digests_generation(const struct digests *digests)
{
	return digests->generation;
}

static bool is_free(const struct version *version)
{
	return !version->is_pending && !version->text;
}

static struct version *find(const struct digests *digests, uint64_t id)
{
	struct digests *d = (struct digests *)(uintptr_t)digests;

	for (size_t i = 0; i < WAYS; i++) {
		struct version *version = &d->versions[id % SETS][i];

		if (!is_free(version) && version->id == id)
			return version;
	}
	return NULL;
}

/* In the place of the one of its set that was met least lately. */
static struct version *take_place(struct digests *digests, uint64_t id)
{
	struct version *place = &digests->versions[id % SETS][0];

	for (size_t i = 0; i < WAYS && !is_free(place); i++) {
		struct version *version = &digests->versions[id % SETS][i];

		if (is_free(version) || digests->meetings - version->met > digests->meetings - place->met)
			place = version;
	}
	digests->is_used = true;
	free(place->text);
	*place = (struct version){ .id = id, .met = ++digests->meetings };
	return place;
}

/* What is known of it will not change; of the others it may yet be found out. */
static bool is_final(const struct version *version)
{
	struct span state = { version->text, version->sizes[STATE] };

	if (version->lacks_text)
		return false;
	return span_eq(state, SPAN("ok")) || span_eq(state, SPAN("too_big"));
}

bool digests_want(struct digests *digests, uint64_t id, bool is_script, uint64_t now_ns)
{
	struct version *version = find(digests, id);
	bool wants_text = is_script && !(version && version->text_asked);

	if (version) {
		version->met = ++digests->meetings;
		if (!wants_text && (now_ns < version->asked_ns + AGAIN_NS || (!version->is_pending && is_final(version))))
			return false;
	} else {
		version = take_place(digests, id);
		version->is_pending = true;
	}
	version->asked_ns = now_ns;
	version->text_asked |= is_script;
	return true;
}

int digests_learn(struct digests *digests, const struct event *event)
{
	static const enum field told[N_TEXTS] = { FIELD_file_hash_state, FIELD_file_md5, FIELD_file_sha1, FIELD_file_sha256 };
	struct version *version;
	size_t size = 0;
	char *text;

	if (!values_has(&event->values, FIELD_file_hash_id))
		return 0;
	for (size_t i = 0; i < N_TEXTS; i++)
		size += MIN(values_text(&event->values, told[i]).size, (size_t)UINT8_MAX);
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	version = find(digests, event->file_hash_id);
	if (!version)
		version = take_place(digests, event->file_hash_id);
	free(version->text);
	version->asked_ns = event->time_ns;
	version->text = text;
	version->is_pending = false;
	version->lacks_text = values_has(&event->values, FIELD_missing);
	for (size_t i = 0; i < N_TEXTS; i++) {
		struct span told_text = values_text(&event->values, told[i]);

		version->sizes[i] = (uint8_t)MIN(told_text.size, (size_t)UINT8_MAX);
		if (version->sizes[i] > 0)
			memcpy(text, told_text.data, version->sizes[i]);
		text += version->sizes[i];
	}
	digests->generation++;
	return 0;
}

static struct span text_of(const struct version *version, unsigned n)
{
	size_t at = 0;

	if (version->is_pending)
		return n == STATE ? SPAN("pending") : (struct span){ NULL, 0 };
	for (unsigned i = 0; i < n; i++)
		at += version->sizes[i];
	return (struct span){ version->text + at, version->sizes[n] };
}

static const struct version *version_of(const struct digests *digests, const struct values *values, const struct digest_fields *of)
{
	return values_has(values, of->id) ? find(digests, values_number(values, of->id)) : NULL;
}

bool digests_know_more(const struct digests *digests, const struct values *values, const struct digest_fields *of)
{
	const struct version *version = version_of(digests, values, of);

	return version && !span_eq(values_text(values, of->state), text_of(version, STATE));
}

bool digests_know_more_of_context(const struct digests *digests, const struct values *context)
{
	return digests_know_more(digests, context, &digest_of_program) || digests_know_more(digests, context, &digest_of_script);
}

void digests_fill(const struct digests *digests, struct values *values, const struct digest_fields *of)
{
	const enum field to[N_TEXTS] = { of->state, of->md5, of->sha1, of->sha256 };
	const struct version *version = version_of(digests, values, of);

	for (unsigned i = 0; version && i < N_TEXTS; i++) {
		struct span text = text_of(version, i);

		values_unset(values, to[i]);
		if (text.size == 0)
			continue;
		values_set_text(values, to[i], text);
		if (values_is_inferred(values, of->id))
			values_set_inferred(values, to[i]);
	}
}

void digests_fill_context(const struct digests *digests, struct values *context)
{
	digests_fill(digests, context, &digest_of_program);
	digests_fill(digests, context, &digest_of_script);
}
