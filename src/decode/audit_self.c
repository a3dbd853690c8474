/* Records that are events of their own: what programs report (logins, accounts, services), denials, changes
 * of the configuration, anomalies.  audit_type.def says which kind, audit_key.def which key fills what. */

#include "decode/decoder.h"

#include "decode/audit_value.h"

#define UNSET UINT32_MAX

enum scope {
	OUTER = 1,
	INNER = 2,
	ANY = OUTER | INNER,
};

struct self {
	struct decoder *decoder;
	struct event *event;
	const struct draft_record *record;
	const struct audit_type *type; /* NULL: nobody knows it */
	struct span rest;	       /* behind the pair in hand */
	bool inner;
	bool has_message;  /* the message field is set already */
	bool enforced_not; /* permissive or not enforcing */
	bool has_group;
	const struct arch *arch;
	struct audit_value account;
	struct span message; /* of msg='', if there is one */
};

struct self_key {
	struct span name;
	uint8_t scope;
	void (*take)(struct self *self, const struct audit_pair *pair, enum field field);
	enum field field;
};

static bool fits(const struct self *self, enum field field)
{
	return fields[field].categories & 1u << event_category(self->event);
}

static void take_text(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (fits(self, field) && !values_has(&self->event->values, field) && pair->value.size > 0)
		value_set(&self->event->values, field, pair->value);
}

static void take_over_text(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (fits(self, field) && pair->value.size > 0)
		value_set(&self->event->values, field, pair->value);
}

static void take_number(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (fits(self, field))
		value_set_u32(&self->event->values, field, pair->value);
}

static void take_actor_number(struct self *self, const struct audit_pair *pair, enum field field)
{
	struct context *actor = self->decoder->actor;

	if (!values_has(&actor->values, field))
		actor_user(actor, field, field == FIELD_uid ? FIELD_user_name : FIELD_NONE, pair->value);
}

static void take_actor_text(struct self *self, const struct audit_pair *pair, enum field field)
{
	struct values *values = &self->decoder->actor->values;

	if (!values_has(values, field) && pair->value.size > 0)
		value_set(values, field, pair->value);
}

/* `old auid=0 new auid=1` before Linux 3.14 */
static void take_auid(struct self *self, const struct audit_pair *pair, enum field field)
{
	struct context *actor = self->decoder->actor;

	if (span_eq(pair->word, SPAN("old"))) {
		take_number(self, pair, FIELD_session_old_auid);
		return;
	}
	if (!self->inner && !values_has(&actor->values, field))
		actor_user(actor, field, FIELD_auid_name, pair->value);
}

static void take_ses(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (span_eq(pair->word, SPAN("old")))
		take_number(self, pair, FIELD_session_old_ses);
	else if (!self->inner)
		take_actor_number(self, pair, field);
}

static void take_executable(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (!values_has(&self->decoder->actor->values, field) && pair->value.size > 0)
		actor_executable(self->decoder->actor, pair->value, NULL, NULL);
}

static void take_subject(struct self *self, const struct audit_pair *pair, enum field field)
{
	take_actor_text(self, pair, field);
}

static void take_account(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (!self->account.data && !audit_is_nothing(pair->value) && pair->value.size > 0)
		self->account = pair->value;
}

static bool is_group_kind(uint16_t kind)
{
	return kind == KIND_ID(security, group_add) || kind == KIND_ID(security, group_delete) ||
	       kind == KIND_ID(security, group_modify);
}

static void take_id(struct self *self, const struct audit_pair *pair, enum field field)
{
	take_number(self, pair, is_group_kind(self->event->kind) ? FIELD_group_target_id : field);
}

static void take_ip(struct self *self, const struct audit_pair *pair, enum field field)
{
	uint8_t ip[16], size;

	if (!fits(self, field) || values_has(&self->event->values, field))
		return;
	size = ip_parse(audit_raw(pair->value), ip);
	if (size > 0)
		values_set_text(&self->event->values, field, (struct span){ (const char *)ip, size });
}

static void take_outcome(struct self *self, const struct audit_pair *pair, enum field field)
{
	static const struct {
		struct span word;
		const char *outcome;
	} words[] = {
		{ { "success", 7 }, "success" }, { { "yes", 3 }, "success" },	  { { "1", 1 }, "success" },
		{ { "failed", 6 }, "failure" },	 { { "no", 2 }, "failure" },	  { { "0", 1 }, "failure" },
		{ { "fail", 4 }, "failure" },	 { { "failure", 7 }, "failure" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (span_eq(audit_raw(pair->value), words[i].word))
			text_set(&self->event->values, field, words[i].outcome);
}

static bool is_auth_kind(uint16_t kind)
{
	return kind == KIND_ID(security, login) || kind == KIND_ID(security, logoff) ||
	       kind == KIND_ID(security, session_start) || kind == KIND_ID(security, session_end) ||
	       kind == KIND_ID(security, authentication) || kind == KIND_ID(security, password_change) ||
	       kind == KIND_ID(security, sudo);
}

/* `op=adding user id=4`: shadow writes sentences. */
static void take_operation(struct self *self, const struct audit_pair *pair, enum field field)
{
	struct span text = audit_sentence(pair, self->rest);

	if (is_auth_kind(self->event->kind))
		field = FIELD_auth_method;
	if (text.size == 0 || !fits(self, field) || audit_is_nothing(pair->value))
		return;
	if (text.size == pair->value.size)
		value_set(&self->event->values, field, pair->value);
	else
		values_set_text(&self->event->values, field, text);
}

static void take_arch(struct self *self, const struct audit_pair *pair, enum field field)
{
	self->arch = arch_lookup(self->decoder->archs, audit_raw(pair->value));
}

static void take_syscall(struct self *self, const struct audit_pair *pair, enum field field)
{
	const struct call_info *info;
	const char *name = arch_call(self->arch, audit_raw(pair->value), &info);

	if (!fits(self, field))
		return;
	if (name)
		text_set(&self->event->values, field, name);
	else
		value_set(&self->event->values, field, pair->value);
}

/* uapi/linux/seccomp.h, SECCOMP_RET_* */
static void take_seccomp_code(struct self *self, const struct audit_pair *pair, enum field field)
{
	static const struct {
		uint32_t action;
		const char *name, *outcome;
	} actions[] = {
		{ 0x80000000u, "kill_process", "failure" }, { 0, "kill_thread", "failure" },
		{ 0x00030000u, "trap", "failure" },	    { 0x00050000u, "errno", "failure" },
		{ 0x7fc00000u, "user_notif", "success" },   { 0x7ff00000u, "trace", "success" },
		{ 0x7ffc0000u, "log", "success" },	    { 0x7fff0000u, "allow", "success" },
	};
	uint64_t code;

	if (self->event->kind != KIND_ID(security, seccomp) || !audit_hex(pair->value, &code))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (actions[i].action == (code & 0xffff0000u)) {
			text_set(&self->event->values, field, actions[i].name);
			text_set(&self->event->values, FIELD_outcome, actions[i].outcome);
		}
}

static void take_permissive(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (span_eq(audit_raw(pair->value), SPAN("1")))
		self->enforced_not = true;
}

/* Of IPE; SELinux's enforcing= is a setting. */
static void take_enforcing(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (self->event->kind != KIND_ID(security, mac_denied)) {
		buffer_clear(&self->decoder->text);
		buffer_append_text(&self->decoder->text, "enforcing=");
		buffer_append_span(&self->decoder->text, audit_raw(pair->value));
		if (fits(self, FIELD_security_object))
			values_set_text(&self->event->values, FIELD_security_object,
					buffer_span(&self->decoder->text));
		return;
	}
	self->enforced_not = !span_eq(audit_raw(pair->value), SPAN("1"));
	text_set(&self->event->values, FIELD_outcome, "failure");
}

/* apparmor="DENIED"; a policy loaded is a change of the configuration. */
static void take_apparmor(struct self *self, const struct audit_pair *pair, enum field field)
{
	struct span word = audit_raw(pair->value);

	if (!fits(self, FIELD_security_subsystem))
		return;
	text_set(&self->event->values, FIELD_security_subsystem, "apparmor");
	if (span_eq(word, SPAN("STATUS")) || span_eq(word, SPAN("HINT")))
		self->event->kind = KIND_ID(security, audit_config);
	text_set(&self->event->values, field,
		 span_eq(word, SPAN("DENIED")) || span_eq(word, SPAN("KILLED")) ||
				 span_eq(word, SPAN("ERROR"))
			 ? "failure"
			 : "success");
}

/* Of Smack, which calls it so; elsewhere the word may mean anything. */
static void take_action(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (self->event->kind == KIND_ID(security, mac_denied))
		text_set(&self->event->values, field,
			 span_eq(audit_raw(pair->value), SPAN("denied")) ? "failure" : "success");
}

/* The device of a denial is where its object lies, of other records it is the object. */
static void take_device(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (self->event->kind != KIND_ID(security, mac_denied))
		take_text(self, pair, field);
}

static void take_setting(struct self *self, const struct audit_pair *pair, enum field field)
{
	struct buffer *text = &self->decoder->text;

	if (!fits(self, field))
		return;
	buffer_clear(text);
	buffer_append_span(text, pair->key);
	buffer_append_byte(text, '=');
	buffer_append_span(text, audit_raw(pair->value));
	values_set_text(&self->event->values, field, buffer_span(text));
}

/* What was typed at a terminal (TTY, USER_TTY) */
static void take_data(struct self *self, const struct audit_pair *pair, enum field field)
{
	if (!self->type || (self->type->number != 1319 && self->type->number != 1124))
		return;
	value_set(&self->event->values, field, pair->value);
	self->has_message = values_has(&self->event->values, field);
}

static const struct self_key self_keys[] = {
#define KEY(name_, scope_, how_, field_) { { name_, sizeof(name_) - 1 }, scope_, take_##how_, field_ },
#include "decode/audit_key.def"
};
_Static_assert(ARRAY_SIZE(self_keys) < UINT8_MAX, "decoder.keys holds places in a byte");

static size_t hash_of(struct span key)
{
	const unsigned char *p = (const unsigned char *)key.data;

	return (key.size * 53 + p[0] * 7u + p[key.size - 1] * 31u + p[key.size / 2] * 3u) %
	       ARRAY_SIZE(((struct decoder *)NULL)->keys);
}

int decoder_make_keys(struct decoder *decoder)
{
	for (size_t i = 0; i < ARRAY_SIZE(self_keys); i++) {
		size_t at = hash_of(self_keys[i].name);

		while (decoder->keys[at])
			at = (at + 1) % ARRAY_SIZE(decoder->keys);
		decoder->keys[at] = (uint8_t)(i + 1);
	}
	return 0;
}

static const struct self_key *find_key(const struct decoder *decoder, struct span name, enum scope scope)
{
	for (size_t at = hash_of(name); decoder->keys[at]; at = (at + 1) % ARRAY_SIZE(decoder->keys)) {
		const struct self_key *key = &self_keys[decoder->keys[at] - 1];

		if (key->scope & scope && span_eq(key->name, name))
			return key;
	}
	return NULL;
}

static bool is_granted(const char *p, const char *end)
{
	static const struct span granted = { "granted", 7 };

	while ((p = memchr(p, 'g', (size_t)(end - p)))) {
		if (span_starts((struct span){ p, (size_t)(end - p) }, granted))
			return true;
		p++;
	}
	return false;
}

/* `avc:  denied  { read write } for  pid=1 ...` */
static void read_avc(struct self *self, struct span text)
{
	const char *open = memchr(text.data, '{', text.size), *close;
	const char *end = text.data + text.size;
	struct values *values = &self->event->values;

	if (!open || !fits(self, FIELD_security_permission))
		return;
	close = memchr(open, '}', (size_t)(end - open));
	if (!close)
		return;
	text_set(values, FIELD_outcome, is_granted(text.data, open) ? "success" : "failure");
	for (open++; open < close && *open == ' '; open++)
		;
	while (close > open && close[-1] == ' ')
		close--;
	values_set_text(values, FIELD_security_permission, (struct span){ open, (size_t)(close - open) });
}

/* `PAM: session open acct=root : exe=...`: the operation of old PAM is a sentence. */
static void read_pam(struct self *self, struct span text)
{
	const char *p = text.data + 4, *end = text.data + text.size, *equals;

	equals = memchr(p, '=', (size_t)(end - p));
	if (!equals || !is_auth_kind(self->event->kind))
		return;
	while (equals > p && equals[-1] != ' ')
		equals--;
	while (equals > p && equals[-1] == ' ')
		equals--;
	while (p < equals && *p == ' ')
		p++;
	buffer_clear(&self->decoder->text);
	buffer_append_text(&self->decoder->text, "PAM:");
	buffer_append_span(&self->decoder->text, (struct span){ p, (size_t)(equals - p) });
	values_set_text(&self->event->values, FIELD_auth_method, buffer_span(&self->decoder->text));
}

static void walk(struct self *self, struct span text, bool inner)
{
	struct audit_pair pair;

	if (span_starts(text, SPAN("avc:")))
		read_avc(self, text);
	else if (inner && span_starts(text, SPAN("PAM:")))
		read_pam(self, text);
	self->rest = text;
	self->inner = inner;
	while (audit_next(&self->rest, &pair)) {
		const struct self_key *key;

		if (pair.nested && !inner) {
			struct span after = self->rest;

			self->message = audit_raw(pair.value);
			walk(self, self->message, true);
			self->rest = after;
			self->inner = false;
			continue;
		}
		key = find_key(self->decoder, pair.key, inner ? INNER : OUTER);
		if (key)
			key->take(self, &pair, key->field);
	}
}

static void set_account(struct self *self)
{
	struct values *values = &self->event->values;
	enum field field = FIELD_user_target_name;

	if (!self->account.data)
		return;
	/* groupadd names the group so, unless it names both. */
	if (is_group_kind(self->event->kind) && !values_has(values, FIELD_group_target_name))
		field = FIELD_group_target_name;
	if (fits(self, field))
		value_set(values, field, self->account);
}

/* ID="bob" of the ENRICHED tail */
static void set_tail(struct self *self, struct span names)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "ID") };
	static const struct audit_layout layout = { keys, 1, 1, 0 };
	enum field field = is_group_kind(self->event->kind) ? FIELD_group_target_name
							    : FIELD_user_target_name;
	struct audit_value name;

	actor_names(self->decoder->actor, names);
	if (names.size == 0 || !fits(self, field) || values_has(&self->event->values, field))
		return;
	audit_scan(names, &layout, &name);
	if (!audit_is_nothing(name) && !span_starts(audit_raw(name), SPAN("unknown(")))
		values_set_text(&self->event->values, field, audit_raw(name));
}

static bool keeps_message(uint16_t kind)
{
	return kind == KIND_ID(security, audit_config) || kind == KIND_ID(security, audit_rule) ||
	       kind == KIND_ID(security, anomaly) || kind == KIND_ID(security, crypto) ||
	       kind == KIND_ID(security, time_change);
}

/* AVC_PATH of Linux before 2.6.2x has the path of the denial before it. */
static void set_avc_path(struct self *self)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "path") };
	static const struct audit_layout layout = { keys, 1, 1, 0 };
	const struct draft *draft = self->decoder->draft;
	const struct draft_record *path = NULL;
	struct audit_value value;

	if (!self->decoder->parts[PART_AVC_PATH])
		return;
	for (uint32_t i = (uint32_t)(self->record - draft->records) + 1; i < draft->n_records && !path; i++)
		if (audit_part_of(&draft->records[i]) == PART_AVC_PATH)
			path = &draft->records[i];
	if (!path)
		path = self->decoder->parts[PART_AVC_PATH];
	audit_scan(record_text(path), &layout, &value);
	value_set(&self->event->values, FIELD_security_object, value);
}

static void finish(struct self *self)
{
	struct event *event = self->event;
	struct values *values = &event->values;
	struct context *actor = self->decoder->actor;
	uint16_t kind = event->kind;

	set_account(self);
	if (kind == KIND_ID(security, login) && span_eq(values_text(values, FIELD_outcome), SPAN("failure")))
		event->kind = KIND_ID(security, login_failed);
	if (kind == KIND_ID(security, mac_denied)) {
		set_avc_path(self);
		if (self->enforced_not)
			text_set(values, FIELD_outcome, "success");
	} else if (self->decoder->call.known && self->decoder->call.slots[CALL_success].data &&
		   !values_has(values, FIELD_outcome))
		text_set(values, FIELD_outcome, self->decoder->call.failed ? "failure" : "success");
	/* LOGIN: the process gets the login identity. */
	if (self->type && self->type->number == 1006 && values_has(&actor->values, FIELD_auid) &&
	    !values_has(values, FIELD_user_target_id))
		values_set_number(values, FIELD_user_target_id, actor->auid);
	if (values_has(&actor->values, FIELD_auid) && actor->auid == UNSET &&
	    !values_has(&actor->values, FIELD_auid_name))
		text_set(&actor->values, FIELD_auid_name, "unset");
}

int decode_self(struct decoder *decoder, const struct draft_record *record, const struct audit_type *type)
{
	struct span text, names;
	uint16_t kind = type ? type->kind : KIND_ID(security, audit_rule);
	char number[24];
	struct self self = {
		.decoder = decoder,
		.record = record,
		.type = type,
		.event = decoder_event(decoder, kind, audit_type_name(record->type, number)),
	};
	struct values *values;

	if (!self.event)
		return -ENOMEM;
	values = &self.event->values;
	audit_split((struct span){ record->data, record->size }, &text, &names);
	if (type && type->subsystem && fits(&self, FIELD_security_subsystem))
		text_set(values, FIELD_security_subsystem, type->subsystem);
	walk(&self, text, false);
	set_tail(&self, names);
	finish(&self);
	if (keeps_message(self.event->kind) && !self.has_message)
		values_set_text(values, FIELD_auditd_message, self.message.size > 0 ? self.message : text);
	return decoder_emit(decoder, self.event);
}
