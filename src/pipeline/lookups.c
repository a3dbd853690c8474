/* See lookups.h.  /proc is read by the decoder that reads records. */

#include "pipeline/lookups.h"

#include <errno.h>
#include <stdlib.h>

#include "pipeline/answers.h"
#include "pipeline/redactor.h"

struct lookups {
	const struct pipeline_options *options;
	struct redactor *redactor;
	struct answers *answers;
	struct decoder *decoder;	/* its own: a lookup comes while the other is in the middle of a draft */
	struct buffer text;
};

int lookups_new(struct lookups **ret, const struct pipeline_options *options, struct redactor *redactor)
{
	_cleanup_(lookups_freep) struct lookups *lookups = calloc(1, sizeof(*lookups));
	int r;

	if (!lookups)
		return -ENOMEM;
	lookups->options = options;
	lookups->redactor = redactor;
	r = decoder_new(&lookups->decoder, &options->decoder);
	if (r >= 0)
		r = answers_new(&lookups->answers);
	if (r < 0)
		return r;
	*ret = TAKE(lookups);
	return 0;
}

struct lookups *lookups_free(struct lookups *lookups)
{
	if (!lookups)
		return NULL;
	answers_free(lookups->answers);
	decoder_free(lookups->decoder);
	buffer_release(&lookups->text);
	free(lookups);
	return NULL;
}

struct answers *lookups_answers(struct lookups *lookups)
{
	return lookups->answers;
}

/* The event that a lookup's record gives is only a vehicle for the context. */
static int keep_actor(void *user, struct event *event, const struct context *actor)
{
	struct context *ret = user;

	for (unsigned i = 0; i < N_CONTEXT_FIELDS; i++)
		values_copy(&ret->values, &actor->values, (enum field)i);
	event_free(event);
	return 0;
}

static int lookup(void *user, uint32_t pid, struct context *ret)
{
	struct lookups *lookups = user;
	struct buffer *text = &lookups->text;
	struct record record = { .type = RECORD_PROCESS };
	struct draft_record draft_record;
	struct record_head head;
	struct draft draft;
	int r;

	buffer_clear(text);
	r = lookups->options->lookup ? lookups->options->lookup(lookups->options->lookup_user, pid, text) :
				       answers_take(lookups->answers, pid, ANSWERS_PROCESS, text);
	if (r < 0)
		return r;
	record.text = buffer_span(text);
	r = audit_head(&record, &head);
	if (r < 0)
		return r;
	draft_record = (struct draft_record){ RECORD_PROCESS, head.body.data, (uint32_t)head.body.size };
	draft = (struct draft){ .time_ns = head.time_ns, .records = &draft_record, .n_records = 1 };
	context_reset(ret);
	r = decode_draft(lookups->decoder, &draft, keep_actor, ret);
	return r >= 0 && redactor_context(lookups->redactor, ret) < 0 ? -ENOMEM : r;
}

static int resolve_fd(void *user, uint32_t pid, int32_t fd, char *ret, size_t size)
{
	struct lookups *lookups = user;
	struct buffer *path = &lookups->text;
	int r;

	if (lookups->options->resolve_fd)
		return lookups->options->resolve_fd(lookups->options->lookup_user, pid, fd, ret, size);
	buffer_clear(path);
	r = answers_take(lookups->answers, pid, fd, path);
	if (r < 0)
		return r;
	if (path->size == 0)
		return -ENODATA;	/* no descriptor has an empty path: the record was cut off */
	if (path->size >= size)
		return -ENAMETOOLONG;
	memcpy(ret, path->data, path->size);
	ret[path->size] = 0;
	return 0;
}

static int resolve_socket(void *user, uint32_t pid, int32_t fd, struct socket_ends *ret)
{
	struct lookups *lookups = user;
	struct buffer *answer = &lookups->text;
	int r;

	if (fd < 0)
		return -EBADF;
	if (lookups->options->resolve_socket)
		return lookups->options->resolve_socket(lookups->options->lookup_user, pid, fd, ret);
	buffer_clear(answer);
	r = answers_take(lookups->answers, pid, ANSWERS_SOCKET(fd), answer);
	if (r < 0)
		return r;
	if (answer->size != sizeof(*ret))
		return -ENODATA;
	memcpy(ret, answer->data, sizeof(*ret));
	return 0;
}

/* The answer of a capture: the id, then the path. */
static int resolve_path(void *user, const struct path_place *from, const char *path, struct file_id *ret_id, char *ret,
			size_t size)
{
	struct lookups *lookups = user;
	struct buffer *answer = &lookups->text;
	int r;

	if (lookups->options->resolve_path)
		return lookups->options->resolve_path(lookups->options->lookup_user, from, path, ret_id, ret, size);
	buffer_clear(answer);
	r = answers_take(lookups->answers, path_place_hash(from, span_of(path)), ANSWERS_PATH, answer);
	if (r < 0)
		return r;
	if (answer->size < sizeof(*ret_id) || answer->size - sizeof(*ret_id) >= size)
		return -ENODATA;
	memcpy(ret_id, answer->data, sizeof(*ret_id));
	memcpy(ret, answer->data + sizeof(*ret_id), answer->size - sizeof(*ret_id));
	ret[answer->size - sizeof(*ret_id)] = 0;
	return 0;
}

/* The answer of a capture: whether it was so for sure, then the path. */
static int host_path(void *user, const struct path_place *from, const char *path, uint64_t time_ns, char *ret, size_t size)
{
	struct lookups *lookups = user;
	struct buffer *answer = &lookups->text;
	int r;

	if (lookups->options->host_path)
		return lookups->options->host_path(lookups->options->lookup_user, from, path, time_ns, ret, size);
	buffer_clear(answer);
	r = answers_take(lookups->answers, path_place_host_hash(from, span_of(path)), ANSWERS_HOST_PATH, answer);
	if (r < 0)
		return r;
	if (answer->size < 2 || answer->size > size)
		return -ENODATA;
	memcpy(ret, answer->data + 1, answer->size - 1);
	ret[answer->size - 1] = 0;
	return answer->data[0];
}

static int resolve_name(void *user, uint32_t id, bool is_group, uint64_t now_ns, struct span *ret)
{
	struct lookups *lookups = user;
	struct buffer *name = &lookups->text;
	int r;

	if (lookups->options->resolve_name)
		return lookups->options->resolve_name(lookups->options->lookup_user, id, is_group, now_ns, ret);
	buffer_clear(name);
	r = answers_take(lookups->answers, id, is_group ? ANSWERS_GROUP : ANSWERS_USER, name);
	if (r >= 0)
		*ret = buffer_span(name);
	return r;
}

static void hash(void *user, const struct hash_wish *wish)
{
	struct lookups *lookups = user;

	lookups->options->hash(lookups->options->lookup_user, wish);
}

static void define(void *user, struct span path)
{
	struct lookups *lookups = user;

	lookups->options->define(lookups->options->lookup_user, path);
}

void lookups_serve(struct lookups *lookups, struct tracker_options *tracker)
{
	tracker->lookup = lookup;
	tracker->resolve_fd = resolve_fd;
	tracker->resolve_socket = resolve_socket;
	tracker->resolve_path = resolve_path;
	tracker->host_path = host_path;
	tracker->resolve_name = resolve_name;
	tracker->hash = lookups->options->hash ? hash : NULL;
	tracker->define = lookups->options->define ? define : NULL;
	tracker->user = lookups;
}
