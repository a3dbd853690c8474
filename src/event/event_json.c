/* See event_json.h.  What stands where is a plan made once from the table of fields, one for each category:
 * a list of steps, an object begun and ended around its members. A step is skipped when its field, or all
 * fields below its object, are unknown; an object that stayed empty is taken back. So the order of keys is
 * always the same and no key comes twice.
 *
 * This is the path of every journal line and every `tail`: it writes through a bare pointer, and keys are
 * ready with their quotes. It leaves out reading. */

#include "event/event_json.h"

#include <pthread.h>
#include <sys/sysmacros.h>

#include "event/json_plan.h"

/* auid and ses when nobody logged in (include/uapi/linux/audit.h, AUDIT_UID_UNSET). */
#define ID_UNSET UINT32_MAX

struct event_writer {
	struct json json;
	const struct event *event;
	const struct context *context;
	const struct event_json_options *options;
	uint64_t known[FIELD_WORDS]; /* of event and context */
	uint64_t escaped[FIELD_WORDS];
	struct buffer escaped_above; /* of the parent and ancestors, as in recorder.escaped */
};

/* Made once, never changed afterwards. */
static struct json_plan plans[N_CATEGORIES];
static pthread_once_t plans_once = PTHREAD_ONCE_INIT;

static inline void put_key(struct event_writer *w, const struct json_step *step)
{
	if (!json_room(&w->json, JSON_KEY_MAX))
		return;
	memcpy(w->json.p, step->key, JSON_KEY_MAX);
	w->json.p += step->key_size;
}

static void put_time(struct event_writer *w, uint64_t time_ns)
{
	JSON_PUT(&w->json, "\"");
	buffer_append_time(json_end(&w->json), time_ns);
	json_begin(&w->json, w->json.buffer);
	JSON_PUT(&w->json, "\"");
}

/* Writers of members, by type. */

static inline const struct values *values_of(const struct event_writer *w, unsigned field)
{
	return field < N_CONTEXT_FIELDS ? &w->context->values : &w->event->values;
}

static inline uint64_t number_of(const struct event_writer *w, const struct json_step *step)
{
	return values_number(values_of(w, step->field), step->field);
}

static inline struct span text_of(const struct event_writer *w, unsigned field)
{
	return values_text(values_of(w, field), field);
}

static void set_escaped(struct event_writer *w, unsigned field)
{
	w->escaped[field / 64] |= UINT64_C(1) << (field % 64);
}

static inline bool is_known(const struct event_writer *w, unsigned field)
{
	return w->known[field / 64] >> (field % 64) & 1;
}

static void write_unsigned(struct event_writer *w, const struct json_step *step)
{
	put_key(w, step);
	json_put_number(&w->json, number_of(w, step));
	JSON_PUT(&w->json, ",");
}

static void write_signed(struct event_writer *w, const struct json_step *step)
{
	int64_t value = (int64_t)number_of(w, step);

	put_key(w, step);
	if (value < 0)
		JSON_PUT(&w->json, "-");
	json_put_number(&w->json, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
	JSON_PUT(&w->json, ",");
}

static void write_bool(struct event_writer *w, const struct json_step *step)
{
	put_key(w, step);
	if (number_of(w, step))
		JSON_PUT(&w->json, "true,");
	else
		JSON_PUT(&w->json, "false,");
}

static void write_time(struct event_writer *w, const struct json_step *step)
{
	put_key(w, step);
	put_time(w, number_of(w, step));
	JSON_PUT(&w->json, ",");
}

static void write_id(struct event_writer *w, const struct json_step *step)
{
	put_key(w, step);
	json_put_hex16(&w->json, number_of(w, step));
	JSON_PUT(&w->json, ",");
}

static void write_mode(struct event_writer *w, const struct json_step *step)
{
	uint32_t mode = (uint32_t)number_of(w, step);
	char octal[16], *p = octal + sizeof(octal);

	for (unsigned i = 0; i < 4 || mode; i++, mode >>= 3)
		*--p = (char)('0' + (mode & 7));
	put_key(w, step);
	JSON_PUT(&w->json, "\"");
	json_put(&w->json, p, (size_t)(octal + sizeof(octal) - p));
	JSON_PUT(&w->json, "\",");
}

static void write_device(struct event_writer *w, const struct json_step *step)
{
	uint64_t device = number_of(w, step);

	put_key(w, step);
	JSON_PUT(&w->json, "\"");
	json_put_number(&w->json, major(device));
	JSON_PUT(&w->json, ":");
	json_put_number(&w->json, minor(device));
	JSON_PUT(&w->json, "\",");
}

static void write_text(struct event_writer *w, const struct json_step *step)
{
	put_key(w, step);
	if (json_put_string(&w->json, text_of(w, step->field)))
		set_escaped(w, step->field);
	JSON_PUT(&w->json, ",");
}

static void write_list(struct event_writer *w, const struct json_step *step)
{
	put_key(w, step);
	if (json_put_list(&w->json, text_of(w, step->field)))
		set_escaped(w, step->field);
	JSON_PUT(&w->json, ",");
}

static void write_ip(struct event_writer *w, const struct json_step *step)
{
	char text[IP_TEXT_MAX];
	size_t size = ip_text(text_of(w, step->field), text);

	if (size == 0)
		return;
	put_key(w, step);
	JSON_PUT(&w->json, "\"");
	json_put(&w->json, text, size);
	JSON_PUT(&w->json, "\",");
}

static void (*const writers[])(struct event_writer *, const struct json_step *) = {
	[TYPE_U32] = write_unsigned, [TYPE_U64] = write_unsigned, [TYPE_I32] = write_signed,
	[TYPE_I64] = write_signed,   [TYPE_BOOL] = write_bool,	  [TYPE_TIME] = write_time,
	[TYPE_ID] = write_id,	     [TYPE_MODE] = write_mode,	  [TYPE_DEVICE] = write_device,
	[TYPE_TEXT] = write_text,    [TYPE_STRING] = write_text,  [TYPE_PATH] = write_text,
	[TYPE_LIST] = write_list,    [TYPE_IP] = write_ip,
};

/* Members that are no plain field. */

static void write_plain(struct event_writer *w, const struct json_step *step, struct span text)
{
	if (text.size == 0)
		return;
	put_key(w, step);
	json_put_string(&w->json, text);
	JSON_PUT(&w->json, ",");
}

static void write_timestamp(struct event_writer *w, const struct json_step *step)
{
	put_key(w, step);
	put_time(w, w->event->time_ns);
	JSON_PUT(&w->json, ",");
}

static void write_event_id(struct event_writer *w, const struct json_step *step)
{
	char id[EVENT_ID_MAX];

	write_plain(w, step, (struct span){ id, event_id(w->event, id) });
}

static void write_sequence(struct event_writer *w, const struct json_step *step)
{
	if (w->event->sequence == 0)
		return;
	put_key(w, step);
	json_put_number(&w->json, w->event->sequence);
	JSON_PUT(&w->json, ",");
}

static void write_event_kind(struct event_writer *w, const struct json_step *step)
{
	/* ECS: a failure of the means of observation is no event of what is observed, nor is what a rule says of one. */
	write_plain(w, step,
		    w->event->kind == KIND_ID(recorder, gap) ? SPAN("pipeline_error") :
		    event_category(w->event) == CATEGORY_signal ? SPAN("alert") : SPAN("event"));
}

static void write_array_of_one(struct event_writer *w, const struct json_step *step, const char *text)
{
	put_key(w, step);
	JSON_PUT(&w->json, "[");
	json_put_string(&w->json, span_of(text));
	JSON_PUT(&w->json, "],");
}

static void write_category(struct event_writer *w, const struct json_step *step)
{
	write_array_of_one(w, step, kinds[w->event->kind].ecs_category);
}

static void write_type(struct event_writer *w, const struct json_step *step)
{
	write_array_of_one(w, step, kinds[w->event->kind].ecs_type);
}

static void write_action(struct event_writer *w, const struct json_step *step)
{
	write_plain(w, step, span_of(kinds[w->event->kind].action));
}

static void write_provider(struct event_writer *w, const struct json_step *step)
{
	write_plain(w, step, text_of(w, FIELD_source));
}

static void write_host_id(struct event_writer *w, const struct json_step *step)
{
	write_plain(w, step, w->options->host_id);
}

static void write_host_name(struct event_writer *w, const struct json_step *step)
{
	if (is_known(w, step->field))
		write_text(w, step);
	else
		write_plain(w, step, w->options->host_name);
}

static void write_boot_id(struct event_writer *w, const struct json_step *step)
{
	write_plain(w, step, w->options->boot_id);
}

static void write_id_unless_unset(struct event_writer *w, const struct json_step *step)
{
	if (number_of(w, step) != ID_UNSET)
		write_unsigned(w, step);
}

static bool login_is_unset(const struct context *context)
{
	return values_has(&context->values, FIELD_auid) && context->auid == ID_UNSET;
}

static void write_login_name(struct event_writer *w, const struct json_step *step)
{
	if (login_is_unset(w->context))
		write_plain(w, step, SPAN("unset"));
	else if (is_known(w, step->field))
		write_text(w, step);
}

static void write_completeness(struct event_writer *w, const struct json_step *step)
{
	if (is_known(w, step->field))
		write_text(w, step);
	else
		write_plain(w, step, SPAN("full"));
}

static void write_truncated(struct event_writer *w, const struct json_step *step)
{
	if (!w->context->ancestry_cut) {
		if (is_known(w, step->field))
			write_list(w, step);
		return;
	}
	put_key(w, step);
	if (json_put_list(&w->json, text_of(w, step->field)))
		set_escaped(w, step->field);
	w->json.p--; /* the `]`: our own item is last */
	if (w->json.p[-1] != '[')
		JSON_PUT(&w->json, ",");
	JSON_PUT(&w->json, "\"process.ancestry\"],");
}

/* The parent and its ancestors: a few fields each. */

struct person_field {
	uint16_t field;
	uint8_t key_size;
	char key[16]; /* copied whole */
};

static const struct person_field person[] = {
	{ FIELD_entity_id, 12, "\"entity_id\":" },
	{ FIELD_pid, 6, "\"pid\":" },
	{ FIELD_name, 7, "\"name\":" },
	{ FIELD_executable, 13, "\"executable\":" },
	{ FIELD_command_line, 15, "\"command_line\":" },
};

static void note_escaped(struct event_writer *w, const char *place, unsigned index, const char *name)
{
	buffer_printf(&w->escaped_above, "\"process.%s", place);
	if (*place == 'a')
		buffer_printf(&w->escaped_above, "[%u]", index);
	buffer_printf(&w->escaped_above, ".%s\",", name);
}

/* {"id":0,"name":"root"} of two fields; false if neither is known, and then nothing is written. */
static bool put_id_name(struct event_writer *w, const struct context *context, unsigned id, unsigned name,
			bool *ret_escaped)
{
	const struct values *values = &context->values;

	if (!values_has(values, id) && !values_has(values, name))
		return false;
	JSON_PUT(&w->json, "{");
	if (values_has(values, id)) {
		JSON_PUT(&w->json, "\"id\":");
		json_put_number(&w->json, values_number(values, id));
		JSON_PUT(&w->json, ",");
	}
	if (values_has(values, name)) {
		JSON_PUT(&w->json, "\"name\":");
		*ret_escaped = json_put_string(&w->json, values_text(values, name));
		JSON_PUT(&w->json, ",");
	}
	w->json.p[-1] = '}';
	return true;
}

static void put_person(struct event_writer *w, const struct context *context, const char *place,
		       unsigned index)
{
	const struct values *values = &context->values;
	bool escaped = false;
	char *before;

	JSON_PUT(&w->json, "{");
	for (unsigned i = 0; i < ARRAY_SIZE(person); i++) {
		unsigned field = person[i].field;

		/* The command lines of the ancestors are in their own events; here they would be most of
		 * the line. */
		if (!values_has(values, field) || (field == FIELD_command_line && *place == 'a'))
			continue;
		if (!json_room(&w->json, sizeof(person[i].key)))
			return;
		memcpy(w->json.p, person[i].key, sizeof(person[i].key));
		w->json.p += person[i].key_size;
		if (fields[field].type == TYPE_ID)
			json_put_hex16(&w->json, values_number(values, field));
		else if (fields[field].type == TYPE_U32)
			json_put_number(&w->json, values_number(values, field));
		else if (json_put_string(&w->json, values_text(values, field)))
			note_escaped(w, place, index, strrchr(fields[field].name, '.') + 1);
		JSON_PUT(&w->json, ",");
	}
	if (values_has(values, FIELD_uid) || values_has(values, FIELD_user_name)) {
		JSON_PUT(&w->json, "\"user\":");
		put_id_name(w, context, FIELD_uid, FIELD_user_name, &escaped);
		if (escaped)
			note_escaped(w, place, index, "user.name");
		JSON_PUT(&w->json, ",");
	}
	before = w->json.p - 1;
	if (*before == ',')
		w->json.p = before;
	JSON_PUT(&w->json, "}");
}

static void write_parent(struct event_writer *w, const struct json_step *step)
{
	const struct values *values = &w->context->values;

	if (w->context->parent) {
		put_key(w, step);
		put_person(w, w->context->parent, "parent", 0);
		JSON_PUT(&w->json, ",");
	} else if (values_has(values, FIELD_ppid)) {
		put_key(w, step);
		JSON_PUT(&w->json, "{\"pid\":");
		json_put_number(&w->json, w->context->ppid);
		JSON_PUT(&w->json, "},");
	}
}

static void write_ancestry(struct event_writer *w, const struct json_step *step)
{
	unsigned n = 0;

	if (!w->context->parent)
		return;
	put_key(w, step);
	JSON_PUT(&w->json, "[");
	for (const struct context *c = w->context->parent; c; c = c->parent) {
		put_person(w, c, "ancestry", n++);
		JSON_PUT(&w->json, ",");
	}
	if (w->json.p[-1] == ',')
		w->json.p[-1] = ']';
	JSON_PUT(&w->json, ",");
}

static void write_id_name(struct event_writer *w, const struct json_step *step, unsigned id, unsigned name)
{
	bool escaped = false;

	if (!is_known(w, id) && !is_known(w, name))
		return;
	put_key(w, step);
	put_id_name(w, w->context, id, name, &escaped);
	JSON_PUT(&w->json, ",");
}

static void write_process_user(struct event_writer *w, const struct json_step *step)
{
	write_id_name(w, step, FIELD_uid, FIELD_user_name);
}

static void write_process_group(struct event_writer *w, const struct json_step *step)
{
	write_id_name(w, step, FIELD_gid, FIELD_group_name);
}

/* What the recorder says of the event. */

static void write_subscription(struct event_writer *w, const struct json_step *step)
{
	const char *const *names = w->options->subscription_names;
	const char *last = NULL;

	if (!names || !w->event->streams || event_category(w->event) == CATEGORY_signal)
		return; /* a signal's is rule.ruleset */
	put_key(w, step);
	JSON_PUT(&w->json, "[");
	for (uint64_t bits = w->event->streams; bits; bits &= bits - 1) {
		const char *name = names[__builtin_ctzll(bits)];

		/* Several streams of one subscription stand side by side. */
		if (!name || (last && strcmp(name, last) == 0))
			continue;
		json_put_string(&w->json, span_of(name));
		JSON_PUT(&w->json, ",");
		last = name;
	}
	if (w->json.p[-1] == ',')
		w->json.p--;
	JSON_PUT(&w->json, "],");
}

static void put_field_names(struct event_writer *w, const uint64_t set[FIELD_WORDS])
{
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		for (uint64_t bits = set[i]; bits; bits &= bits - 1) {
			json_put_string(&w->json,
					span_of(fields[i * 64 + (unsigned)__builtin_ctzll(bits)].name));
			JSON_PUT(&w->json, ",");
		}
}

static void write_inferred(struct event_writer *w, const struct json_step *step)
{
	uint64_t inferred[FIELD_WORDS], any = 0;

	for (unsigned i = 0; i < FIELD_WORDS; i++)
		any |= inferred[i] = (w->event->values.inferred[i] | w->context->values.inferred[i]) &
				     w->known[i];
	if (!any)
		return;
	put_key(w, step);
	JSON_PUT(&w->json, "[");
	put_field_names(w, inferred);
	w->json.p--;
	JSON_PUT(&w->json, "],");
}

static void write_escaped(struct event_writer *w, const struct json_step *step)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < FIELD_WORDS; i++)
		any |= w->escaped[i];
	if (!any && w->escaped_above.size == 0)
		return;
	put_key(w, step);
	JSON_PUT(&w->json, "[");
	put_field_names(w, w->escaped);
	json_put(&w->json, w->escaped_above.data, w->escaped_above.size);
	w->json.p--;
	JSON_PUT(&w->json, "],");
}

/* The plan. */

/* Before the fields. NULL: the field of that name. */
static const struct json_member head[] = {
	{ "@timestamp", FIELD_NONE, true, write_timestamp },
	{ "event.id", FIELD_NONE, true, write_event_id },
	{ "event.sequence", FIELD_NONE, true, write_sequence },
	{ "event.kind", FIELD_NONE, true, write_event_kind },
	{ "event.category", FIELD_NONE, true, write_category },
	{ "event.type", FIELD_NONE, true, write_type },
	{ "event.action", FIELD_NONE, true, write_action },
	{ "event.outcome", FIELD_outcome, false, write_text },
	{ "event.code", FIELD_code, false, write_text },
	{ "event.provider", FIELD_NONE, true, write_provider },
	{ "host.id", FIELD_NONE, true, write_host_id },
	{ "host.name", FIELD_node, true, write_host_name },
	{ "host.boot.id", FIELD_NONE, true, write_boot_id },
	/* Fields that are not written as their type is. */
	{ NULL, FIELD_auid, false, write_id_unless_unset },
	{ NULL, FIELD_auid_name, true, write_login_name },
	{ NULL, FIELD_ses, false, write_id_unless_unset },
	{ NULL, FIELD_completeness, true, write_completeness },
	{ NULL, FIELD_truncated, true, write_truncated },
};

/* Behind them. */
static const struct json_member tail[] = {
	{ "process.user", FIELD_NONE, true, write_process_user },
	{ "process.group", FIELD_NONE, true, write_process_group },
	{ "process.parent", FIELD_NONE, true, write_parent },
	{ "process.ancestry", FIELD_NONE, true, write_ancestry },
	{ "subscription", FIELD_NONE, true, write_subscription },
};

/* The object that comes last of all, behind its fields. */
static const char last_object[] = "recorder.";
static const struct json_member last[] = {
	{ "recorder.inferred", FIELD_NONE, true, write_inferred },
	{ "recorder.escaped", FIELD_NONE, true, write_escaped },
};

static void plan_make(struct json_plan *plan, enum category category)
{
	struct json_member members[JSON_MAX_STEPS];
	json_write_fn own[N_FIELDS] = { NULL };
	bool always[N_FIELDS] = { false };
	size_t n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(head); i++) {
		if (head[i].name)
			members[n++] = head[i];
		if (head[i].field != FIELD_NONE) {
			own[head[i].field] = head[i].write;
			always[head[i].field] = head[i].always;
		}
	}
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint16_t i = 0; i < N_FIELDS; i++) {
			bool is_last = strncmp(fields[i].name, last_object, strlen(last_object)) == 0;

			if (is_last != (pass == 1) || !(fields[i].categories >> category & 1))
				continue;
			members[n++] = (struct json_member){ fields[i].name, i, always[i],
							     own[i] ? own[i] : writers[fields[i].type] };
		}
		for (unsigned i = 0; i < (pass == 0 ? ARRAY_SIZE(tail) : ARRAY_SIZE(last)); i++)
			members[n++] = pass == 0 ? tail[i] : last[i];
	}
	json_plan_make(plan, members, n);
}

static void plans_make(void)
{
	for (unsigned i = 0; i < N_CATEGORIES; i++)
		plan_make(&plans[i], (enum category)i);
}

static bool any_known(const struct event_writer *w, const uint64_t set[FIELD_WORDS])
{
	uint64_t any = 0;

	for (unsigned i = 0; i < FIELD_WORDS; i++)
		any |= set[i] & w->known[i];
	return any;
}

static void plan_run(struct event_writer *w, const struct json_plan *plan)
{
	for (unsigned i = 0; i < plan->n_steps && !w->json.buffer->failed;) {
		const struct json_step *step = &plan->steps[i++];

		if (step->kind == STEP_MEMBER) {
			if (step->always || is_known(w, step->field))
				step->write(w, step);
		} else if (step->kind == STEP_END) {
			if (w->json.p[-1] == '{') {
				w->json.p -= step->key_size;
			} else {
				w->json.p[-1] = '}';
				JSON_PUT(&w->json, ",");
			}
		} else if (!step->always && !any_known(w, step->below)) {
			i = step->after;
		} else {
			put_key(w, step);
		}
	}
}

void event_json(struct buffer *buffer, const struct event *event, const struct event_json_options *options)
{
	static const struct context nobody;
	struct event_writer w = { .event = event, .options = options };
	size_t begin = buffer->size;

	pthread_once(&plans_once, plans_make);
	if (!buffer_reserve(buffer, 2048))
		return;
	json_begin(&w.json, buffer);
	w.context = event->context ? event->context : &nobody;
	for (unsigned i = 0; i < FIELD_WORDS; i++)
		w.known[i] = event->values.known[i] | w.context->values.known[i];
	JSON_PUT(&w.json, "{");
	plan_run(&w, &plans[event_category(event)]);
	w.json.p[-1] = '}';
	if (w.escaped_above.failed)
		buffer->failed = true;
	buffer_release(&w.escaped_above);
	json_end(&w.json);
	if (buffer->failed)
		buffer->size = begin;
}
