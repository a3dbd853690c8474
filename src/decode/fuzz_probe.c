/* Bytes -> a record of the kernel's programs -> events: once as they are, once made to be a record as far as
 * probe_check() looks.  What must hold: no event of a kind that exists not, every text of an event within its memory, the
 * events can be written, and what is said of a record without decoding it is so. */

#include <stdlib.h>

#include "decode/audit.h"
#include "event/account.h"
#include "event/definition.h"
#include "event/event_json.h"
#include "event/probe_check.h"

#define MAX_SIZE (256u << 10)

static struct buffer json, path;
static uint16_t said;		/* kind of the event to come; N_KINDS: nobody knows */
static unsigned n_events;

static void look_at(const struct values *values, unsigned from, unsigned to)
{
	for (unsigned field = from; field < to; field++) {
		struct span text;

		if (!values_has(values, field) || !field_type_is_text(fields[field].type))
			continue;
		text = values_text(values, field);
		if (text.data < values->arena || text.data + text.size > values->arena + values->arena_size)
			abort();
		if (fields[field].type == TYPE_LIST && text.size > 0 && text.data[text.size - 1] != 0)
			abort();
		if (fields[field].type == TYPE_IP && text.size != 4 && text.size != 16)
			abort();
	}
}

/* It may be of a definition or of accounts. */
static bool touches(const struct values *values)
{
	static const enum field of_file[] = { FIELD_path, FIELD_target_path };
	enum account_file file;
	struct span name;

	for (size_t i = 0; i < ARRAY_SIZE(of_file); i++)
		if (values_has(values, of_file[i]) && (definition_of(values_text(values, of_file[i]), &name) != DEFINITION_NONE ||
						       account_file_of(values_text(values, of_file[i]), &file)))
			return true;
	return false;
}

static int take(void *user, struct event *event, const struct context *actor)
{
	static const struct event_json_options options = { .boot_id = SPAN("boot") };

	if (event->kind >= N_KINDS || !values_has(&actor->values, FIELD_pid))
		abort();
	n_events++;
	/* A connect that dissolves is the other of its class. */
	if (said < N_KINDS && (kinds[event->kind].shed != kinds[said].shed || kinds[event->kind].category != kinds[said].category))
		abort();
	if (said < N_KINDS && kinds[said].shed > 1 && touches(&event->values))
		abort();
	look_at(&event->values, N_CONTEXT_FIELDS, N_FIELDS);
	look_at(&actor->values, 0, N_CONTEXT_FIELDS);
	event->context = context_copy(actor);
	buffer_clear(&json);
	event_json(&json, event, &options);
	event_free(event);
	return 0;
}

/* Whatever the bytes say: a type, a call, texts that lie within them. */
static void make_fit(struct span bytes)
{
	struct probe_record *record = (struct probe_record *)(uintptr_t)bytes.data;
	size_t left = bytes.size - sizeof(*record);

	record->head.type = (uint8_t)(1 + record->head.type % (N_PROBE_TYPES - 1));
	record->call = (uint16_t)(record->call % N_PROBE_CALLS);
	for (unsigned i = 0; i < PROBE_TEXTS; i++) {
		if (record->text_bytes[i] > left)
			record->text_bytes[i] = (uint16_t)(record->text_bytes[i] % (left + 1));
		left -= record->text_bytes[i];
	}
	if (probe_check(bytes) < 0)
		abort();
}

static void decode(struct decoder *decoder, struct span bytes)
{
	said = probe_plain_kind(bytes, (struct span){ NULL, 0 }, &path);
	n_events = 0;
	decode_probe(decoder, UINT64_C(1795343338123456789), bytes, take, NULL);
	if (said < N_KINDS && n_events > 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct decoder *decoder;
	struct span bytes;
	char *copy;

	if (size > MAX_SIZE || (!decoder && decoder_new(&decoder, NULL) < 0))
		return 0;
	copy = malloc(size);	/* aligned, with nothing around it */
	if (!copy)
		return 0;
	if (size > 0)
		memcpy(copy, data, size);
	bytes = (struct span){ copy, size };
	decode(decoder, bytes);
	if (size >= sizeof(struct probe_record)) {
		make_fit(bytes);
		decode(decoder, bytes);
	}
	free(copy);
	return 0;
}
