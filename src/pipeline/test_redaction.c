/* Secrets go before anybody keeps them, and equal ones are equal. */

#include <stdio.h>

#include "pipeline/test_pipeline.h"

#include "pipeline/redaction.h"
#include "pipeline/setup.h"

static const unsigned char key[REDACTION_KEY_BYTES] = "0123456789abcdef0123456789abcde";

static struct redaction *make_with(const char *patterns)
{
	struct redaction_error error = { "" };
	struct redaction *redaction = NULL;

	assert_int_equal(redaction_new(&redaction, key, span_of(patterns), &error), 0);
	return redaction;
}

static struct context *process_of(struct span args)
{
	struct context *context = context_new();

	values_set_text(&context->values, FIELD_args, args);
	values_set_number(&context->values, FIELD_args_count, 3);
	values_set_number(&context->values, FIELD_pid, 10);
	context_set_command_line(context);
	return context;
}

#define ARGS(text) ((struct span){ text, sizeof(text) })

static const char *text_of(const struct values *values, enum field field)
{
	static char text[4][512];
	static unsigned n;
	struct span s = values_text(values, field);
	char *p = text[n++ % 4];

	for (size_t i = 0; i < s.size; i++)
		p[i] = s.data[i] ? s.data[i] : '|';
	p[s.size] = 0;
	return p;
}

static void test_mark(void **state)
{
	char mark[SECRET_MARK_BYTES + 1], other[SECRET_MARK_BYTES + 1];
	unsigned char other_key[REDACTION_KEY_BYTES] = "x";

	redaction_mark(key, SPAN("hunter2"), mark);
	/* printf %s hunter2 | openssl dgst -sha256 -mac HMAC -macopt hexkey:30313233343536373839616263646566303132333435363738396162636465 00 */
	assert_string_equal(mark, "<redacted:925b186d0c7a4331>");
	assert_true(secret_is_mark(span_of(mark)));
	redaction_mark(key, SPAN("hunter3"), other);
	assert_string_not_equal(mark, other);
	redaction_mark(other_key, SPAN("hunter2"), other);
	assert_string_not_equal(mark, other);
}

static void test_actor(void **state)
{
	struct redaction *redaction = make_with("");
	struct context *with = process_of(ARGS("mysql\0-psecret1\0--token=secret1")), *without = process_of(ARGS("ssh\0-p\022"));
	struct event *event = event_new(KIND_ID(process, exec), 1);
	const struct context *actor = redaction_actor(redaction, event, with);
	char mark[SECRET_MARK_BYTES + 1], wanted[256];

	redaction_mark(key, SPAN("secret1"), mark);
	assert_ptr_not_equal(actor, with);
	snprintf(wanted, sizeof(wanted), "mysql|-p%s|--token=%s|", mark, mark);
	assert_string_equal(text_of(&actor->values, FIELD_args), wanted);
	snprintf(wanted, sizeof(wanted), "mysql -p%s --token=%s", mark, mark);
	assert_string_equal(text_of(&actor->values, FIELD_command_line), wanted);
	assert_int_equal(actor->args_count, 3);
	assert_int_equal(actor->pid, 10);
	assert_string_equal(text_of(&event->values, FIELD_redacted), "process.args|process.command_line|");
	assert_int_equal(redaction_stats(redaction).secrets, 2);
	assert_string_equal(text_of(&with->values, FIELD_args), "mysql|-psecret1|--token=secret1|");	/* not ours to change */

	assert_ptr_equal(redaction_actor(redaction, event, without), without);
	assert_int_equal(redaction_stats(redaction).secrets, 2);

	/* What was replaced is not replaced again. */
	redaction_context(redaction, with);
	snprintf(wanted, sizeof(wanted), "%s", text_of(&with->values, FIELD_args));
	redaction_context(redaction, with);
	assert_string_equal(text_of(&with->values, FIELD_args), wanted);
	event_free(event);
	context_unref(with);
	context_unref(without);
	redaction_free(redaction);
}

static void test_inferred_stays(void **state)
{
	struct redaction *redaction = make_with("");
	struct context *context = process_of(ARGS("mysql\0-psecret1"));

	values_set_inferred(&context->values, FIELD_args);
	redaction_context(redaction, context);
	assert_true(values_is_inferred(&context->values, FIELD_args));
	assert_true(values_is_inferred(&context->values, FIELD_command_line));
	context_unref(context);
	redaction_free(redaction);
}

static void test_event_fields(void **state)
{
	static const struct {
		enum field field;
		const char *text;
		size_t size;
	} given[] = {
		{ FIELD_content, SPAN("#!/bin/sh\nexport TOKEN=SECRET\n").data, 30 },
		{ FIELD_http_url, "http://h/?token=SECRET&x=1", 26 },
		{ FIELD_http_headers, "Host: h\0X-Api-Key: SECRET", 26 },
		{ FIELD_security_command, "mysql -pSECRET", 14 },
		{ FIELD_auditd_message, "cmd password=SECRET", 19 },
		{ FIELD_registry_data, "Pwd=SECRET", 10 },
		{ FIELD_env, "LD_TOKEN=SECRET", 16 },
	};
	struct redaction *redaction = make_with("");
	char mark[SECRET_MARK_BYTES + 1];

	redaction_mark(key, SPAN("SECRET"), mark);
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		struct event *event = event_new(KIND_ID(process, exec), 1);

		values_set_text(&event->values, given[i].field, (struct span){ given[i].text, given[i].size });
		redaction_event(redaction, event);
		assert_non_null(strstr(text_of(&event->values, given[i].field), mark));
		assert_null(strstr(text_of(&event->values, given[i].field), "SECRET"));
		assert_int_equal(values_text(&event->values, FIELD_redacted).size, strlen(fields[given[i].field].name) + 1);
		event_free(event);
	}
	redaction_free(redaction);
}

/* `$NAME` stands for a secret where a shell reads it, and is one elsewhere. */
static void test_shells(void **state)
{
	static const struct {
		enum field field;
		const char *text;
		bool stays;
	} given[] = {
		{ FIELD_content, "usermod -p $HASH joe", true },
		{ FIELD_content, "usermod -p $6$salt$hash joe", false },
		{ FIELD_security_command, "usermod -p $HASH joe", false },
		{ FIELD_auditd_message, "usermod -p $HASH joe", false },
		{ FIELD_http_url, "http://h/?password=$HASH", false },
	};
	struct redaction *redaction = make_with("");

	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		struct event *event = event_new(KIND_ID(process, exec), 1);

		values_set_text(&event->values, given[i].field, span_of(given[i].text));
		redaction_event(redaction, event);
		assert_int_equal(strcmp(text_of(&event->values, given[i].field), given[i].text) == 0, given[i].stays);
		event_free(event);
	}
	redaction_free(redaction);
}

static void test_patterns(void **state)
{
	struct redaction *redaction = make_with("# ours\n\nmagic (\\S+)\r\n(?i)zz\\d+\n");
	struct context *context = process_of(ARGS("tool\0magic\0abc\0Zz77x\0magic --password=def"));
	char mark[4][SECRET_MARK_BYTES + 1], wanted[512];

	redaction_mark(key, SPAN("abc"), mark[0]);
	redaction_mark(key, SPAN("Zz77"), mark[1]);
	redaction_mark(key, SPAN("def"), mark[2]);
	redaction_context(redaction, context);
	/* The first group is the option, in which there is a secret of the table already: that one stays as it is. */
	snprintf(wanted, sizeof(wanted), "tool|magic|%s|%sx|magic --password=%s|", mark[0], mark[1], mark[2]);
	if (strcmp(text_of(&context->values, FIELD_args), wanted) != 0)	/* else all of the group is one secret */
		assert_null(strstr(text_of(&context->values, FIELD_args), "def"));
	assert_null(strstr(text_of(&context->values, FIELD_args), "abc"));
	assert_null(strstr(text_of(&context->values, FIELD_args), "Zz77"));
	context_unref(context);
	redaction_free(redaction);
}

/* A match over several arguments leaves as many. */
static void test_arguments_stay(void **state)
{
	struct redaction *redaction = make_with("begin(.*)end");
	struct context *context = process_of(ARGS("begin\0a b\0\0c\0end"));
	struct span rest, item;
	unsigned n = 0;

	redaction_context(redaction, context);
	rest = values_text(&context->values, FIELD_args);
	while (list_next(&rest, &item))
		n++;
	assert_int_equal(n, 5);
	assert_null(strstr(text_of(&context->values, FIELD_args), "a b"));
	context_unref(context);
	redaction_free(redaction);
}

static void test_bad_patterns(void **state)
{
	struct redaction_error error = { "" };
	struct redaction *redaction;

	assert_int_equal(redaction_new(&redaction, key, SPAN("good\n# x\nbad("), &error), -EINVAL);
	assert_non_null(strstr(error.message, "line 3: "));
	assert_non_null(strstr(error.message, "bad("));
}

/* A pattern that takes for ever is given up, and counted. */
static void test_hostile(void **state)
{
	struct redaction *redaction = make_with("(x+x+)+y");
	struct buffer args = { 0 };
	struct context *context;

	while (args.size < (1u << 20))
		buffer_append_text(&args, "xxxxxxxxxxxxxxxx");
	buffer_append_byte(&args, 0);
	context = process_of(buffer_span(&args));
	redaction_context(redaction, context);
	assert_int_equal(values_text(&context->values, FIELD_args).size, args.size);
	context_unref(context);
	buffer_release(&args);
	redaction_free(redaction);
}

/* Through the whole core. */

#define SECRET_EXEC                                                                                                               \
	"type=SYSCALL msg=audit(1795343338.123:7): arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 a2=0 a3=0 items=0 ppid=10 " \
	"pid=11 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"mysql\" "                   \
	"exe=\"/usr/bin/mysql\" key=\"recorder\"\n"                                                                                 \
	"type=EXECVE msg=audit(1795343338.123:7): argc=2 a0=\"mysql\" a1=\"-phunter2\"\n"                                           \
	"type=EOE msg=audit(1795343338.123:7): \n"

static void run(struct fixture *f, const struct pipeline_options *options, const char *text)
{
	assert_int_equal(pipeline_new(&f->pipeline, options, collect, f), 0);
	lines(f, text);
	assert_int_equal(pipeline_drain(f->pipeline), 0);
}

static void test_pipeline(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);
	struct pipeline_stats stats;
	struct buffer remembered = { 0 };
	char mark[SECRET_MARK_BYTES + 1];

	redaction_mark(key, SPAN("hunter2"), mark);
	options.redaction_key = key;
	run(&f, &options, SECRET_EXEC);
	assert_null(strstr(buffer_text(&f.out), "hunter2"));
	assert_non_null(strstr(buffer_text(&f.out), mark));
	assert_non_null(strstr(buffer_text(&f.out), "\"redacted\":[\"process.args\",\"process.command_line\"]"));
	pipeline_stats(f.pipeline, &stats);
	assert_int_equal(stats.redacted, 1);
	assert_int_equal(pipeline_put_processes(f.pipeline, 1, &remembered), 0);	/* proc.bin */
	assert_non_null(strstr(buffer_text(&remembered), "mysql"));
	assert_null(strstr(buffer_text(&remembered), "hunter2"));
	buffer_release(&remembered);
	tear_down(&f);
}

static void test_off(void **state)
{
	struct fixture f = { 0 };
	struct pipeline_options options = defaults(&f, false);

	run(&f, &options, SECRET_EXEC);
	assert_non_null(strstr(buffer_text(&f.out), "hunter2"));
	assert_null(strstr(buffer_text(&f.out), "redacted"));
	tear_down(&f);
}

/* What was remembered before there was redaction, and what /proc answers. */
static void test_other_ways_in(void **state)
{
	struct fixture f = { .answer = "recorder(1795343338.200000000:0): lookup=1 pid=10 ppid=1 start_ticks=5000 uid=0 euid=0 suid=0 "
				       "fsuid=0 gid=0 egid=0 sgid=0 fsgid=0 auid=1000 ses=3 comm=\"mysql\" exe=\"/bin/mysql\" argc=2 "
				       "args=6D7973716C002D7068756E74657232 cwd=\"/root\"" };
	struct pipeline_options options = defaults(&f, true);

	options.redaction_key = key;
	run(&f, &options, "type=RECORDER_REMEMBERED msg=recorder(1795343330.0:0): id=1 parent=0 ticks=4000 process.pid=10 "
			  "process.name=\"mysql\" process.executable=\"/bin/mysql\" process.args=6D7973716C002D7068756E7465723200\n"
			  SECRET_EXEC);
	assert_non_null(strstr(buffer_text(&f.out), "\"parent\""));
	assert_null(strstr(buffer_text(&f.out), "hunter2"));
	tear_down(&f);
}

/* A capture replays as its run was told to, but that what is replaced here is replaced whatever it says. */
static void test_setup(void **state)
{
	static const struct {
		const char *words;
		bool is_off, redacts, has_pattern;
	} cases[] = {
		{ " redact=0", true, false, false },  { " redact=0", false, true, false },		  { " redact=1", true, true, false },
		{ " redact=1", false, true, false },  { " redact=1 patterns=6D7973", false, true, true }, { "", false, true, false },
		{ "", true, false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = { 0 };
		struct pipeline_options options = defaults(&f, false);
		char text[2048];

		options.redaction_key = key;
		options.no_redaction = cases[i].is_off;
		snprintf(text, sizeof(text), "type=RECORDER_SETUP msg=recorder(1795343330.0:0): boot_id=" BOOT " boot_time=1795340000000000000 "
			 "pid=9 timeout=10000000000%s not_audit=\n%s", cases[i].words, SECRET_EXEC);
		run(&f, &options, text);
		assert_int_equal(strstr(buffer_text(&f.out), "hunter2") == NULL, cases[i].redacts);
		assert_int_equal(strstr(buffer_text(&f.out), "\"args\":[\"mysql\"") == NULL, cases[i].has_pattern);
		/* The next file is not of that run. */
		buffer_clear(&f.out);
		assert_int_equal(pipeline_begin_file(f.pipeline), 0);
		lines(&f, SECRET_EXEC);
		assert_int_equal(pipeline_drain(f.pipeline), 0);
		assert_int_equal(strstr(buffer_text(&f.out), "hunter2") == NULL, !cases[i].is_off);
		assert_non_null(strstr(buffer_text(&f.out), "\"args\":[\"mysql\""));
		tear_down(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mark),	     cmocka_unit_test(test_actor),	   cmocka_unit_test(test_inferred_stays),
		cmocka_unit_test(test_event_fields), cmocka_unit_test(test_patterns),	   cmocka_unit_test(test_arguments_stay),
		cmocka_unit_test(test_bad_patterns), cmocka_unit_test(test_hostile),	   cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_off),	     cmocka_unit_test(test_other_ways_in), cmocka_unit_test(test_setup),
		cmocka_unit_test(test_shells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
