/* See notes.h.  Text is written as audit writes what users may influence: in hex. */

#include "daemon/notes.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "daemon/reader.h"

static void push(struct notes *notes, uint32_t type, uint64_t now_ns, struct buffer *text)
{
	ring_push_record(notes->ring, &(struct record){ .type = type, .time_ns = now_ns, .text = buffer_span(text) });
	ring_commit(notes->ring);
	ring_alert(notes->wake);
}

static void say(struct notes *notes, uint64_t time_ns, const char *action, const char *message)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };

	record_put_head(&text, time_ns, 0);
	buffer_printf(&text, " action=%s message=", action);
	for (const char *p = message; *p; p++)
		buffer_printf(&text, "%02X", (unsigned)(unsigned char)*p);
	push(notes, RECORD_NOTE, time_ns, &text);
}

void notes_say(struct notes *notes, const char *action, const char *format, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	say(notes, clock_now_ns(), action, message);
}

void notes_stopped(struct notes *notes, uint64_t since_ns)
{
	say(notes, since_ns, "stop", "stopped");
}

void notes_tamper(struct notes *notes, const char *operation, const char *object, const char *message)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	uint64_t now_ns = clock_now_ns();

	record_put_head(&text, now_ns, 0);
	buffer_printf(&text, " operation=%s object=", operation);
	record_put_text(&text, span_of(object));
	buffer_append_text(&text, " message=");
	record_put_text(&text, span_of(message));
	push(notes, RECORD_TAMPER, now_ns, &text);
}

void notes_gap(struct notes *notes, const struct gap *gap)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	uint64_t now_ns = clock_now_ns();

	record_put_head(&text, now_ns, 0);
	buffer_printf(&text, " begin=%llu end=%llu class=%s", (unsigned long long)gap->begin_ns,
		      (unsigned long long)gap->end_ns, gap->class_name);
	if (gap->unit)
		buffer_printf(&text, " count=%llu unit=%s exact=%d", (unsigned long long)gap->count, gap->unit, gap->exact);
	buffer_printf(&text, " cause=%s", gap->cause);
	push(notes, RECORD_GAP, now_ns, &text);
}
