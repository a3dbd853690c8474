#pragma once
/* What the tests of the whole core share: text in, events out, as JSON. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "event/event_json.h"
#include "pipeline/pipeline.h"

#define BOOT "b0a1c2d3-0000-4000-8000-123456789abc"

struct fixture {
	struct pipeline *pipeline;
	struct buffer out;		/* events as JSON lines */
	unsigned n_events;
	const char *answer;		/* of /proc, NULL: no such process */
	unsigned n_asked;
};

static inline int collect(void *user, struct event *event)
{
	static const struct event_json_options options = { .boot_id = SPAN(BOOT) };
	struct fixture *f = user;

	f->n_events++;
	event_json(&f->out, event, &options);
	buffer_append_byte(&f->out, '\n');
	event_free(event);
	return 0;
}

static inline int ask(void *user, uint32_t pid, struct buffer *text)
{
	struct fixture *f = user;

	f->n_asked++;
	if (!f->answer)
		return -ESRCH;
	buffer_append_text(text, f->answer);
	return 0;
}

static inline struct pipeline_options defaults(struct fixture *f, bool live)
{
	return (struct pipeline_options){
		.assembler = ASSEMBLER_DEFAULTS,
		.decoder = { .own_key = "recorder" },
		.tracker = { .boot_id = SPAN(BOOT), .boot_time_ns = UINT64_C(1795340000000000000),
			     .ticks_per_second = 100 },
		.lookup = live ? ask : NULL,
		.lookup_user = f,
	};
}

static inline void lines(struct fixture *f, const char *text)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		assert_int_equal(pipeline_push(f->pipeline, &(struct record){ .text = { p, n } }), 0);
		p += n + (p[n] != 0);
	}
}

static inline void set_up(struct fixture *f, bool live)
{
	struct pipeline_options options = defaults(f, live);

	assert_int_equal(pipeline_new(&f->pipeline, &options, collect, f), 0);
}

static inline void tear_down(struct fixture *f)
{
	pipeline_free(f->pipeline);
	buffer_release(&f->out);
}

#define HEAD(type, serial) "type=" type " msg=audit(1795343338.123:" serial "): "
#define IDS "auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts1 ses=3 "
#define BEFORE_END \
	HEAD("SYSCALL", "7") "arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=2 ppid=10 pid=11 " \
	IDS "comm=\"ls\" exe=\"/usr/bin/ls\" key=\"recorder\"\n" \
	HEAD("EXECVE", "7") "argc=2 a0=\"ls\" a1=\"/etc\"\n" \
	HEAD("CWD", "7") "cwd=\"/root\"\n" \
	HEAD("PATH", "7") "item=0 name=\"/usr/bin/ls\" inode=7 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\n" \
	HEAD("PATH", "7") "item=1 name=\"/lib64/ld-linux-x86-64.so.2\" inode=8 dev=fe:00 mode=0100755 ouid=0 ogid=0 " \
	"rdev=00:00 nametype=NORMAL\n"
#define END HEAD("EOE", "7") "\n"
#define EXEC_LINES BEFORE_END END
#define MOUNT(seconds, serial) "audit(" seconds ".123:" serial "): arch=c000003e syscall=165 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 " \
	"items=0 ppid=10 pid=11 " IDS "comm=\"mount\" exe=\"/bin/mount\""
