/* See dispatcher.h.
 *
 * Binary records are written as long as the longest can be, whatever lay in memory behind them, by all of audit 2 and by audit 3.0
 * (audisp/audispd.c, write_to_plugin; seen with 3.0.9: 8986 bytes each), and by later ones as long as they are.  The version is not
 * told, so it is learned once: whether behind a record comes a head. */

#include "source/dispatcher.h"

#include <errno.h>
#include <libaudit.h>

#include "base/macro.h"

#define HEAD_BYTES sizeof(struct audit_dispatcher_header)
#define SIGN_BYTES 6u			/* that what a head promises begins with */

static bool begins_line(struct span text)
{
	return span_starts(text, SPAN("type=")) || span_starts(text, SPAN("node="));
}

/* Of at least HEAD_BYTES + SIGN_BYTES. */
static bool is_head(struct span bytes, struct audit_dispatcher_header *ret)
{
	struct span sign = { bytes.data + HEAD_BYTES, SIGN_BYTES };

	memcpy(ret, bytes.data, HEAD_BYTES);
	if (ret->hlen != HEAD_BYTES || ret->type == 0 || ret->type >= RECORD_OWN_FIRST || ret->size < SIGN_BYTES ||
	    ret->size > DISPATCHER_TEXT_MAX)
		return false;
	return ret->ver == AUDISP_PROTOCOL_VER ? span_eq(sign, SPAN("audit(")) : ret->ver == AUDISP_PROTOCOL_VER2 && begins_line(sign);
}

/* Programs that send records may put newlines into them; auditd writes blanks too. */
static struct span tidy(char *text, size_t size)
{
	while (size > 0 && (text[size - 1] == '\0' || text[size - 1] == '\n' || text[size - 1] == '\r'))
		size--;
	for (char *p = text; (p = memchr(p, '\n', size - (size_t)(p - text))); )
		*p = ' ';
	return (struct span){ text, size };
}

static void damage(struct dispatcher *d)
{
	d->n_damaged += !d->in_damage;
	d->in_damage = true;
}

/* What stands in the middle of a line is nobody's record, whatever it looks like. */
static ssize_t pass_line(struct dispatcher *d, const char *data, size_t size)
{
	const char *newline = memchr(data, '\n', size);

	d->in_long_line = !newline;
	return newline ? newline - data + 1 : (ssize_t)size;
}

/* How many bytes were used, 0: more must come first, -errno of emit. */
static ssize_t take_line(struct dispatcher *d, char *data, size_t size, record_fn emit, void *user)
{
	const char *newline = memchr(data, '\n', MIN(size, (size_t)DISPATCHER_LINE_MAX));
	size_t n = newline ? (size_t)(newline - data) : 0;
	int r;

	if (!newline) {
		if (size < DISPATCHER_LINE_MAX)
			return 0;
		damage(d);
		d->in_long_line = true;
		return DISPATCHER_LINE_MAX;
	}
	d->in_damage = false;
	r = emit(user, &(struct record){ .text = tidy(data, n) });
	return r < 0 ? r : (ssize_t)n + 1;
}

static ssize_t take_binary(struct dispatcher *d, char *data, size_t size, const struct audit_dispatcher_header *head, record_fn emit,
			   void *user)
{
	struct span text;
	int r;

	if (size < HEAD_BYTES + head->size)
		return 0;
	text = tidy(data + HEAD_BYTES, head->size);
	d->in_damage = false;
	d->padding = DISPATCHER_TEXT_MAX - head->size;
	r = emit(user, &(struct record){ .type = head->ver == AUDISP_PROTOCOL_VER ? head->type : 0, .text = text });
	return r < 0 ? r : (ssize_t)(HEAD_BYTES + head->size);
}

static ssize_t take(struct dispatcher *d, char *data, size_t size, record_fn emit, void *user)
{
	struct span bytes = { data, size };
	struct audit_dispatcher_header head;

	if (d->padding > 0 && d->framing == FRAMING_PADDED) {
		size_t n = MIN(size, d->padding);

		d->padding -= n;
		return (ssize_t)n;
	}
	if (d->in_long_line)
		return pass_line(d, data, size);
	if (size < HEAD_BYTES + SIGN_BYTES)
		return 0;
	if (is_head(bytes, &head)) {
		if (d->padding > 0)
			d->framing = FRAMING_EXACT;
		return take_binary(d, data, size, &head, emit, user);
	}
	if (d->padding > 0 && d->framing == FRAMING_UNKNOWN) {
		d->framing = FRAMING_PADDED;
		return take(d, data, size, emit, user);
	}
	if (begins_line(bytes))
		return take_line(d, data, size, emit, user);
	damage(d);
	return 1;
}

int dispatcher_push(struct dispatcher *d, struct span bytes, record_fn emit, void *user)
{
	size_t at = 0;
	ssize_t n;
	int r;

	buffer_append_span(&d->left, bytes);
	r = buffer_error(&d->left);
	if (r < 0)
		return r;
	while (at < d->left.size && (n = take(d, d->left.data + at, d->left.size - at, emit, user)) != 0) {
		if (n < 0)
			return (int)n;
		at += (size_t)n;
	}
	if (at > 0)
		memmove(d->left.data, d->left.data + at, d->left.size - at);
	d->left.size -= at;
	return 0;
}

void dispatcher_release(struct dispatcher *d)
{
	buffer_release(&d->left);
}
