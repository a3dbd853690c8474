/* See session.h. */

#include "track/session.h"

#include <errno.h>
#include <stdlib.h>

#define NONE UINT32_MAX			/* what the kernel calls a session that there is none of */
#define SERVICE_BYTES 32

struct session {
	uint32_t node, ses;
	bool is_known;			/* there is one here */
	bool begin_is_sure, ip_is_sure;	/* by audit, not by /proc */
	uint64_t begin_ns;		/* 0: unknown */
	uint64_t leader;		/* its entity id, if it has one */
	bool has_leader;
	unsigned char ip[16];
	uint8_t ip_size;
	uint8_t service_size;
	char service[SERVICE_BYTES];
};

struct sessions {
	struct session slots[SESSIONS_MAX];	/* by the low bits of ses: the kernel counts up */
	uint32_t generation;
};

int sessions_new(struct sessions **ret)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return -ENOMEM;
	*ret = sessions;
	return 0;
}

struct sessions *sessions_free(struct sessions *sessions)
{
	free(sessions);
	return NULL;
}

void sessions_clear(struct sessions *sessions)
{
	memset(sessions->slots, 0, sizeof(sessions->slots));
}

void sessions_clear_node(struct sessions *sessions, uint32_t node)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (sessions->slots[i].node == node)
			sessions->slots[i].is_known = false;
}

uint32_t sessions_generation(const struct sessions *sessions)
{
	return sessions->generation;
}

static struct session *slot_of(const struct sessions *sessions, uint32_t ses)
{
	struct sessions *s = (struct sessions *)(uintptr_t)sessions;

	return &s->slots[ses % SESSIONS_MAX];
}

static bool is_of(const struct session *session, uint32_t node, uint32_t ses)
{
	return session->is_known && session->node == node && session->ses == ses;
}

/* What is known of the session of a context; NULL: nothing, or it has none. */
static const struct session *known_of(const struct sessions *sessions, uint32_t node, const struct context *context)
{
	const struct session *session;

	if (!values_has(&context->values, FIELD_ses) || context->ses == NONE)
		return NULL;
	session = slot_of(sessions, context->ses);
	return is_of(session, node, context->ses) ? session : NULL;
}

void sessions_begin(struct sessions *sessions, uint32_t node, uint32_t ses)
{
	if (ses != NONE)
		*slot_of(sessions, ses) = (struct session){ .node = node, .ses = ses, .is_known = true };
}

/* Makes it known. */
static struct session *need(struct sessions *sessions, uint32_t node, uint32_t ses)
{
	if (!is_of(slot_of(sessions, ses), node, ses))
		sessions_begin(sessions, node, ses);
	return slot_of(sessions, ses);
}

/* The name of its program, without the folder; of what programs have split off as the program that people know. */
static void set_service(struct session *session, const struct context *leader)
{
	static const struct {
		struct span part, of;
	} parts[] = { { { "sshd-session", 12 }, { "sshd", 4 } }, { { "sshd-auth", 9 }, { "sshd", 4 } } };
	struct span name = values_text(&leader->values, FIELD_executable);
	const char *slash = name.size ? memrchr(name.data, '/', name.size) : NULL;

	if (slash)
		name = (struct span){ slash + 1, name.size - (size_t)(slash + 1 - name.data) };
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (span_eq(name, parts[i].part))
			name = parts[i].of;
	session->service_size = (uint8_t)MIN(name.size, (size_t)SERVICE_BYTES);
	if (name.size > 0)
		memcpy(session->service, name.data, session->service_size);
}

static void set_leader(struct session *session, const struct context *leader, uint64_t begin_ns, bool is_sure)
{
	session->begin_ns = begin_ns;
	session->begin_is_sure = is_sure;
	session->has_leader = values_has(&leader->values, FIELD_entity_id);
	session->leader = leader->entity_id;
	set_service(session, leader);
}

static bool set_ip(struct session *session, struct span ip, bool is_sure)
{
	if (ip.size == 0 || ip.size > sizeof(session->ip) || (session->ip_size > 0 && session->ip_is_sure > is_sure) ||
	    (session->ip_is_sure == is_sure && span_eq(ip, (struct span){ (const char *)session->ip, session->ip_size })))
		return false;
	memcpy(session->ip, ip.data, ip.size);
	session->ip_size = (uint8_t)ip.size;
	session->ip_is_sure = is_sure;
	return true;
}

void sessions_open(struct sessions *sessions, uint32_t node, uint32_t ses, const struct context *leader, uint64_t time_ns, bool is_sure)
{
	struct session *session;

	if (ses == NONE)
		return;
	session = need(sessions, node, ses);
	if (session->begin_ns > 0 && session->begin_is_sure >= is_sure)
		return;
	set_leader(session, leader, time_ns, is_sure);
	sessions->generation++;
}

void sessions_come_from(struct sessions *sessions, uint32_t node, uint32_t ses, struct span ip)
{
	if (ses != NONE && ip.size > 0)
		sessions->generation += set_ip(need(sessions, node, ses), ip, true);
}

void sessions_meet(struct sessions *sessions, uint32_t node, const struct context *context)
{
	uint64_t start_ns = values_has(&context->values, FIELD_start) ? context->start : 0;
	struct session *session;

	if (!values_has(&context->values, FIELD_ses) || context->ses == NONE)
		return;
	session = need(sessions, node, context->ses);
	if (!session->begin_is_sure && (session->begin_ns == 0 || start_ns < session->begin_ns)) {
		set_leader(session, context, start_ns, false);
		sessions->generation++;
	}
	if (session->ip_size == 0)
		sessions->generation += set_ip(session, values_text(&context->values, FIELD_login_ip), false);
}

static bool is_sure_of(const struct context *context, enum field field)
{
	return values_has(&context->values, field) && !values_is_inferred(&context->values, field);
}

void sessions_remember(struct sessions *sessions, uint32_t node, const struct context *context)
{
	struct span service = values_text(&context->values, FIELD_login_service);
	struct session *session;

	if (!is_sure_of(context, FIELD_ses) || context->ses == NONE)
		return;
	session = need(sessions, node, context->ses);
	if (!session->begin_is_sure && is_sure_of(context, FIELD_login_time)) {
		session->begin_ns = context->login_time;
		session->begin_is_sure = true;
		session->has_leader = is_sure_of(context, FIELD_login_leader);
		session->leader = context->login_leader;
		session->service_size = (uint8_t)MIN(service.size, (size_t)SERVICE_BYTES);
		if (service.size > 0)
			memcpy(session->service, service.data, session->service_size);
		sessions->generation++;
	}
	if (is_sure_of(context, FIELD_login_ip))
		sessions->generation += set_ip(session, values_text(&context->values, FIELD_login_ip), true);
}

/* Filling in */

enum { TIME, LEADER, IP, SERVICE, N_PARTS };

static const enum field field_of[N_PARTS] = { FIELD_login_time, FIELD_login_leader, FIELD_login_ip, FIELD_login_service };

static bool part_is_sure(const struct session *session, unsigned part)
{
	return part == IP ? session->ip_is_sure : session->begin_is_sure;
}

static bool has_part(const struct session *session, unsigned part)
{
	switch (part) {
	case TIME:
		return session->begin_ns > 0;
	case LEADER:
		return session->has_leader;
	case IP:
		return session->ip_size > 0;
	default:
		return session->service_size > 0;
	}
}

/* Nothing was known, or what a later word of audit says otherwise. */
static bool is_news(const struct session *session, const struct values *values, unsigned part)
{
	enum field field = field_of[part];

	if (!has_part(session, part))
		return false;
	if (!values_has(values, field))
		return true;
	if (!part_is_sure(session, part) || values_is_inferred(values, FIELD_ses))
		return false;
	return values_is_inferred(values, field) ||
	       (part == IP && !span_eq(values_text(values, field), (struct span){ (const char *)session->ip, session->ip_size }));
}

bool sessions_know_more(const struct sessions *sessions, uint32_t node, const struct context *context)
{
	const struct session *session = known_of(sessions, node, context);

	for (unsigned part = 0; session && part < N_PARTS; part++)
		if (is_news(session, &context->values, part))
			return true;
	return false;
}

static void fill_part(const struct session *session, struct values *values, unsigned part)
{
	enum field field = field_of[part];

	switch (part) {
	case TIME:
		values_set_number(values, field, session->begin_ns);
		break;
	case LEADER:
		values_set_number(values, field, session->leader);
		break;
	case IP:
		values_set_text(values, field, (struct span){ (const char *)session->ip, session->ip_size });
		break;
	default:
		values_set_text(values, field, (struct span){ session->service, session->service_size });
	}
	values->inferred[field / 64] &= ~(UINT64_C(1) << (field % 64));
	if (!part_is_sure(session, part) || values_is_inferred(values, FIELD_ses))
		values_set_inferred(values, field);
}

void sessions_fill(const struct sessions *sessions, uint32_t node, struct context *context)
{
	const struct session *session = known_of(sessions, node, context);

	for (unsigned part = 0; session && part < N_PARTS; part++)
		if (is_news(session, &context->values, part))
			fill_part(session, &context->values, part);
}
