/* Terms: grammar, every operator on every type of field, what is refused and in which words. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "filter/field_name.h"
#include "filter/names_doc.h"
#include "filter/term.h"

static struct context *new_context(const char *executable, const char *command_line, const char *user)
{
	struct context *context = context_new();

	assert_non_null(context);
	values_set_text(&context->values, FIELD_executable, span_of(executable));
	values_set_text(&context->values, FIELD_command_line, span_of(command_line));
	values_set_text(&context->values, FIELD_user_name, span_of(user));
	values_set_number(&context->values, FIELD_pid, 812);
	return context;
}

/* systemd > sshd > bash > `ls -la /etc`, which is the process of the event. */
static struct event *new_event(uint16_t kind)
{
	static const char args[] = "ls\0-la\0/etc";
	struct event *event = event_new(kind, 1);
	struct context *systemd = new_context("/usr/lib/systemd/systemd", "/sbin/init", "root");
	struct context *sshd = new_context("/usr/sbin/sshd", "sshd: alice", "root");
	struct context *bash = new_context("/usr/bin/bash", "-bash", "alice");

	assert_non_null(event);
	event->context = new_context("/usr/bin/ls", "ls -la /etc", "alice");
	values_set_text(&event->context->values, FIELD_args, (struct span){ args, sizeof(args) });
	values_set_text(&event->context->values, FIELD_cwd, SPAN("/home/alice"));
	values_set_text(&event->context->values, FIELD_hash_sha256, SPAN("00ffaa"));
	context_set_parent(sshd, systemd);
	context_set_parent(bash, sshd);
	context_set_parent(event->context, bash);
	context_unref(systemd);
	context_unref(sshd);
	context_unref(bash);
	return event;
}

static bool matches(const struct event *event, const char *text)
{
	struct filter_error error = { "" };
	struct term *term = NULL;
	int r = term_parse(&term, span_of(text), &error);
	bool matched;

	if (r < 0)
		fail_msg("%s: %s", text, error.message);
	matched = term_match(term, event);
	assert_true(!matched || kind_set_has(term_kinds(term), event->kind));
	term_free(term);
	return matched;
}

static void refused(const char *text, const char *message)
{
	struct filter_error error = { "" };
	struct term *term = NULL;

	if (term_parse(&term, span_of(text), &error) != -EINVAL)
		fail_msg("%s is not refused", text);
	assert_null(term);
	assert_string_equal(error.message, message);
}

static void test_types(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(process, exec));

	assert_true(matches(event, "process"));
	assert_true(matches(event, "  process "));
	assert_true(matches(event, "process.exec"));
	assert_false(matches(event, "process.exit"));
	assert_false(matches(event, "file"));
	assert_true(matches(event, "not file"));
	assert_false(matches(event, "not process.exec"));
	assert_true(matches(event, "event.action is 'exec'"));
	assert_false(matches(event, "event.action is not 'exec'"));
	assert_true(matches(event, "event.action in 'exec', 'exit'"));
	assert_true(matches(event, "event.type is 'start'"));
	assert_true(matches(event, "event.action matches '^ex'"));
	assert_true(matches(event, "event.category is 'process'"));
	/* Not a file event: its operation is unknown, and unknown is not 'read'. */
	assert_false(matches(event, "file.operation is 'read'"));
	assert_true(matches(event, "file.operation is not 'read'"));
}

static void test_text_operators(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(process, exec));

	assert_true(matches(event, "process.path is '/usr/bin/ls'"));
	assert_true(matches(event, "process.executable is '/usr/bin/ls'"));
	assert_false(matches(event, "process.path is '/usr/bin/l'"));
	assert_false(matches(event, "process.path is ''"));
	assert_true(matches(event, "process.path is not ''"));
	assert_true(matches(event, "process.path contains 'bin'"));
	assert_true(matches(event, "process.path contains '/usr/bin/ls'"));
	assert_false(matches(event, "process.path contains '/usr/bin/ls '"));
	assert_true(matches(event, "process.path starts with '/usr'"));
	assert_false(matches(event, "process.path starts with '/usr/bin/lsx'"));
	assert_true(matches(event, "process.path ends with '/ls'"));
	assert_true(matches(event, "process.path in '/a', '/usr/bin/ls'"));
	assert_true(matches(event, "process.path in ('/a','/usr/bin/ls')"));
	assert_false(matches(event, "process.path not in ('/a','/usr/bin/ls')"));
	assert_true(matches(
		event, "process.path in '1','2','3','4','5','6','7','8','9','/usr/bin/ls','/usr/bin/lt'"));
	assert_false(matches(
		event, "process.path in '1','2','3','4','5','6','7','8','9','/usr/bin/l','/usr/bin/lt'"));
	assert_true(matches(event, "process.path starts with '/opt', '/usr'"));
	assert_false(matches(event, "process.path not starts with '/opt', '/usr'"));
	assert_true(matches(event, "process.path matches '^/usr/(s?bin)/l.$'"));
	assert_false(matches(event, "process.path matches '^/USR/'"));
	/* Negation at either place, as the guide writes it and as people do. */
	assert_false(matches(event, "process.path contains not 'bin'"));
	assert_false(matches(event, "process.path not contains 'bin'"));
	assert_false(matches(event, "process.path is not '/usr/bin/ls'"));
	assert_false(matches(event, "process.path starts with not '/usr'"));
	assert_false(matches(event, "process.path not starts with '/usr'"));
	/* Case */
	assert_true(matches(event, "process.path is '/USR/bin/LS' case insensitive"));
	assert_true(matches(event, "process.path contains 'BIN' case insensitive"));
	assert_true(matches(event, "process.path ends with '/LS' case insensitive"));
	assert_true(matches(event, "process.path starts with '/Usr' case insensitive"));
	assert_true(matches(event, "process.path matches '^/USR/' case insensitive"));
	assert_true(matches(event, "process.path in '/x', '/USR/BIN/LS' case insensitive"));
	assert_true(matches(event, "process.path matches '(?i)^/USR/'"));
	assert_true(matches(event, "process.path matches '(?i)^/USR/', '(?i)x'"));
	assert_false(matches(event, "process.path matches '(?i)^/USX/', '^/USR/'"));
	assert_true(matches(event, "process.path matches '(?i)'"));
	assert_false(matches(event, "process.path contains 'BIN' case sensitive"));
	assert_true(matches(event, "process.hash is '00FFAA'"));
	values_set_text(&event->context->values, FIELD_script_sha256, SPAN("00ffab"));
	assert_true(matches(event, "process.script.hash is '00FFAB'"));
	assert_false(matches(event, "process.hash is '00FFAB'"));
}

static void test_quotes(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(process, exec));

	values_set_text(&event->context->values, FIELD_executable, SPAN("C:\\it's\\'"));
	assert_true(matches(event, "process.path is 'C:\\it''s\\'''"));
	assert_true(matches(event, "process.path contains '''s'"));
	assert_true(matches(event, "process.path ends with '\\'''"));
	values_set_text(&event->context->values, FIELD_executable, SPAN("/a\nnot 'b' \xff"));
	assert_true(matches(event, "process.path is '/a\nnot ''b'' \xff'"));
	assert_true(matches(event, "process.path matches 'a.not.*\xc3\xa4?'"));
	/* A newline carries nothing past a pattern. */
	assert_true(matches(event, "process.path matches '^/a.not'"));
	assert_false(matches(event, "process.path matches '^/a$'"));
}

static void test_places(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(file, create));

	assert_true(matches(event, "process.parent_path is '/usr/bin/bash'"));
	assert_true(matches(event, "process.parent.executable is '/usr/bin/bash'"));
	assert_true(matches(event, "process.parent.user.name is 'alice'"));
	assert_true(matches(event, "process.parent_cmd is '-bash'"));
	assert_false(matches(event, "process.parent_path is '/usr/bin/ls'"));
	assert_true(matches(event, "process.ancestry_path ends with '/sshd'"));
	assert_true(matches(event, "process.ancestry_cmd is '/sbin/init'"));
	assert_true(matches(event, "process.ancestry.user.name is 'root'"));
	assert_true(matches(event, "process.ancestry_user_name is 'root'"));
	assert_false(matches(event, "process.ancestry_path is '/usr/bin/ls'"));
	assert_true(matches(event, "process.ancestry_path not ends with '/ls'"));
	assert_false(matches(event, "process.ancestry_path not ends with '/sshd'"));
	assert_true(matches(event, "process.args is '-la'"));
	assert_false(matches(event, "process.args is '-l'"));
	assert_true(matches(event, "process.args matches '^-l'"));
	assert_true(matches(event, "process.cwd is '/home/alice'"));
	values_set_text(&event->values, FIELD_event_cwd, SPAN("/tmp"));
	assert_true(matches(event, "process.cwd is '/tmp'"));
	assert_false(matches(event, "process.cwd is '/home/alice'"));
	values_set_text(&event->values, FIELD_path, SPAN("/tmp/x"));
	values_set_text(&event->values, FIELD_target_path, SPAN("/etc/passwd"));
	assert_true(matches(event, "file.any_path starts with '/etc'"));
	assert_false(matches(event, "file.path starts with '/etc'"));
	assert_true(matches(event, "file.operation is 'create'"));
}

/* Unknown matches nothing; so a negated term on it is true. */
static void test_unknown(void **state)
{
	_cleanup_(event_freep) struct event *event = event_new(KIND_ID(file, create), 1);

	assert_false(matches(event, "file.path starts with '/etc'"));
	assert_true(matches(event, "file.path not starts with '/etc'"));
	assert_false(matches(event, "process.path is '/x'"));
	assert_true(matches(event, "process.path is not '/x'"));
	assert_true(matches(event, "process.ancestry_path not contains 'x'"));
	assert_true(matches(event, "process.parent_path not contains 'x'"));
	assert_false(matches(event, "network.port less than '1024'"));
	assert_true(matches(event, "network.port not less than '1024'"));
	assert_false(matches(event, "process.pid is '0'"));
	assert_false(matches(event, "process.cwd matches '.*'"));
	event->context = context_new();
	assert_false(matches(event, "process.path is ''"));
	assert_true(matches(event, "process.parent_path not contains 'x'"));
}

static void test_numbers(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(process, exit));
	_cleanup_(event_freep) struct event *file = new_event(KIND_ID(file, chmod));

	assert_true(matches(event, "process.pid is '812'"));
	assert_true(matches(event, "process.pid is 812"));
	assert_true(matches(event, "process.pid in 1, 812"));
	assert_false(matches(event, "process.pid in '1', '81'"));
	assert_true(matches(event, "process.pid less than '813'"));
	assert_false(matches(event, "process.pid less than '812'"));
	assert_true(matches(event, "process.pid greater than 811"));
	assert_true(matches(event, "process.pid not greater than 812"));
	values_set_number(&event->values, FIELD_exit_code, (uint64_t)-3);
	assert_true(matches(event, "process.exit_code is -3"));
	assert_true(matches(event, "process.exit_code less than '0'"));
	assert_true(matches(event, "process.exit_code greater than '-4'"));
	values_set_number(&event->context->values, FIELD_start, UINT64_C(1795343338123456789));
	assert_true(matches(event, "process.start is '2026-11-22T09:08:58Z'") ||
		    matches(event, "process.start greater than '2026-11-01T00:00:00Z'"));
	assert_false(matches(event, "process.start greater than '2026-12-01T00:00:00.5Z'"));
	values_set_number(&event->context->values, FIELD_entity_id, UINT64_C(0xabcdef0123456789));
	assert_true(matches(event, "process.entity_id is 'abcdef0123456789'"));
	values_set_number(&file->values, FIELD_mode, 0104755);
	assert_true(matches(file, "file.mode is '104755'"));
	values_set_number(&file->values, FIELD_device, makedev(8, 1));
	assert_true(matches(file, "file.device is '8:1'"));
	values_set_number(&event->values, FIELD_exe_is_setuid, 1);
	assert_true(matches(event, "process.executable_file.is_setuid is 'true'"));
	refused("process.pid is 'x'",
		"'x' is not a number from 0 to 4294967295, which field 'process.pid' holds");
	refused("process.pid is '4294967296'",
		"'4294967296' is not a number from 0 to 4294967295, which field 'process.pid' holds");
	refused("process.pid is '-1'",
		"'-1' is not a number from 0 to 4294967295, which field 'process.pid' holds");
	refused("process.pid starts with '8'",
		"operator 'starts with' does not apply to 'process.pid', which holds a number");
	refused("process.pid less than 1, 2", "operator 'less than' takes one value");
	refused("process.start greater than '10m'",
		"'10m' is not a time in UTC such as '2026-11-22T10:28:58Z', which field 'process.start' "
		"holds");
	refused("process.pid is 1 case insensitive",
		"case is of no account in 'process.pid', which holds no text");
}

static void test_addresses(void **state)
{
	static const char mapped[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff', 10, 1, 2, 3 };
	static const char link_local[16] = { '\xfe', '\x80', [15] = 1 };
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(network, connect));

	values_set_text(&event->values, FIELD_direction, SPAN("egress"));
	values_set_text(&event->values, FIELD_source_ip, (struct span){ "\x7f\0\0\1", 4 });
	values_set_text(&event->values, FIELD_destination_ip, (struct span){ "\x0a\1\2\3", 4 });
	values_set_number(&event->values, FIELD_source_port, 40000);
	values_set_number(&event->values, FIELD_destination_port, 443);
	assert_true(matches(event, "network.addr is '10.1.2.3'"));
	assert_true(matches(event, "network.addr is '::ffff:10.1.2.3'"));
	assert_true(matches(event, "network.addr in '10.0.0.0/8'"));
	assert_true(matches(event, "network.addr in '10.1.2.0/23'"));
	assert_true(matches(event, "network.addr in '192.168.0.0/16', '::ffff:10.0.0.0/104'"));
	assert_true(matches(event, "network.addr in '0.0.0.0/0'"));
	assert_false(matches(event, "network.addr in '::/0'"));
	assert_false(matches(event, "network.addr in '127.0.0.0/8'"));
	assert_true(matches(event, "network.addr not in '127.0.0.0/8'"));
	assert_true(matches(event, "network.local_addr in '127.0.0.0/8'"));
	assert_true(matches(event, "network.port is 443"));
	assert_true(matches(event, "network.local_port is '40000'"));
	assert_true(matches(event, "destination.ip is '10.1.2.3'"));
	/* Taken: the other side is the source. */
	values_set_text(&event->values, FIELD_direction, SPAN("ingress"));
	assert_true(matches(event, "network.addr is '127.0.0.1'"));
	assert_true(matches(event, "network.port is 40000"));
	assert_true(matches(event, "network.local_port is 443"));
	values_set_text(&event->values, FIELD_source_ip, (struct span){ mapped, 16 });
	assert_true(matches(event, "network.addr in '10.0.0.0/8'"));
	values_set_text(&event->values, FIELD_source_ip, (struct span){ link_local, 16 });
	assert_true(matches(event, "network.addr in 'fe80::/10'"));
	assert_false(matches(event, "network.addr in '10.0.0.0/8'"));
	values_set_text(&event->values, FIELD_source_ip, (struct span){ "abc", 3 });
	assert_false(matches(event, "network.addr in '0.0.0.0/0', '::/0'"));
	refused("network.addr in '10.1.2.3/8'",
		"'10.1.2.3/8' has bits set beyond its prefix, did you mean '10.0.0.0/8'?");
	refused("network.addr in '10.0.0.0/33'",
		"'10.0.0.0/33' is neither an address nor a network such as '10.0.0.0/8'");
	refused("network.addr is '10.0.0.0/8'", "'10.0.0.0/8' is a network: use operator 'in'");
	refused("network.addr is 'localhost'",
		"'localhost' is neither an address nor a network such as '10.0.0.0/8'");
	refused("network.addr starts with '10.'", "operator 'starts with' does not apply to 'network.addr', "
						  "which holds an address: use 'is' or 'in'");
}

/* A signal has what its event has. */
static void test_signal(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(signal, match));

	values_set_text(&event->values, FIELD_path, SPAN("/etc/shadow"));
	values_set_text(&event->values, FIELD_target_path, SPAN("/tmp/x"));
	values_set_number(&event->values, FIELD_exit_code, 3);
	values_set_text(&event->values, FIELD_direction, SPAN("ingress"));
	values_set_text(&event->values, FIELD_source_ip, SPAN("\x0a\0\0\1"));
	values_set_text(&event->values, FIELD_code, SPAN("USER_LOGIN"));
	values_set_text(&event->values, FIELD_rule_id, SPAN("nc"));
	values_set_number(&event->values, FIELD_severity, 4);
	assert_true(matches(event, "signal"));
	assert_true(matches(event, "event.action is 'match'"));
	assert_true(matches(event, "rule.id is 'nc'"));
	assert_true(matches(event, "event.severity greater than 3"));
	assert_true(matches(event, "file.path starts with '/etc/'"));
	assert_true(matches(event, "file.target_path is '/tmp/x'"));
	assert_true(matches(event, "process.exit_code is 3"));
	assert_true(matches(event, "network.addr in '10.0.0.0/8'"));
	assert_true(matches(event, "security_event.id is '1112'"));
	assert_false(matches(event, "file"));
}

static void test_record_types(void **state)
{
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(security, login));
	_cleanup_(event_freep) struct event *file = new_event(KIND_ID(file, create));

	values_set_text(&event->values, FIELD_code, SPAN("USER_LOGIN"));
	values_set_text(&file->values, FIELD_code, SPAN("USER_LOGIN"));
	assert_true(matches(event, "security_event.id is '1112'"));
	assert_true(matches(event, "security_event.id is 1112"));
	assert_true(matches(event, "security_event.id is 'USER_LOGIN'"));
	assert_true(matches(event, "security_event.id is 'user_login'"));
	assert_true(matches(event, "security_event.id in '4624', '1112'"));
	assert_false(matches(event, "security_event.id is '1113'"));
	assert_false(matches(file, "security_event.id is '1112'"));
	assert_true(matches(file, "event.code is '1112'"));
	values_set_text(&event->values, FIELD_code, SPAN("4624"));
	assert_true(matches(event, "security_event.id in '4624', '1112'"));
	values_set_text(&event->values, FIELD_code, SPAN("OPENAT2"));
	assert_true(matches(event, "security_event.id is 1337"));
	assert_true(matches(event, "security_event.id is not 'UNKNOWN[1999]'"));
	assert_true(matches(event, "security_event.id starts with 'OPEN'"));
	refused("security_event.id is 'USER_LOGN'", "'USER_LOGN' is no type of record, did you mean 'USER_LOGIN'?");
	refused("security_event.id in '1112', 'whatever'", "'whatever' is no type of record");
	/* Other sources have other codes. */
	assert_false(matches(event, "event.code is 'whatever'"));
}

static void test_refused(void **state)
{
	refused("", "the term is empty");
	refused("   ", "the term is empty");
	refused("'x'", "a term begins with an event type or a field");
	refused("proces", "unknown event type 'proces', did you mean 'process'?");
	refused("zzzzzz", "unknown event type 'zzzzzz'");
	refused("process.path",
		"'process.path' is a field: it takes an operator and a value, as in process.path is '...'");
	refused("process is 'x'", "'process' is an event type, not a field; a type is a term of its own");
	refused("proces.path is 'x'", "unknown field 'proces.path', did you mean 'process.path'?");
	refused("network.adr in '10.0.0.0/8'", "unknown field 'network.adr', did you mean 'network.addr'?");
	refused("process.path = '/x'", "unknown operator '=', did you mean 'is'?");
	refused("process.path != '/x'", "unknown operator '!=', did you mean 'is not'?");
	refused("process.path start with '/x'", "unknown operator 'start with', did you mean 'starts with'?");
	refused("process.path contians '/x'", "unknown operator 'contians', did you mean 'contains'?");
	refused("process.path is not not '/x'", "the term is negated twice");
	refused("process.path not is not '/x'", "the term is negated twice");
	refused("not process.path is '/x'",
		"'not' stands before a type or beside the operator: process.path is not '...'");
	refused("process.path is", "a value in single quotes is missing at the end");
	refused("process.path is not", "a value in single quotes is missing at the end");
	refused("process.path is /bin/ls", "value '/bin/ls' must stand in single quotes");
	refused("process.path starts with /bin", "value '/bin' must stand in single quotes");
	refused("process.path is \"/bin/ls\"", "values stand in single quotes, not double ones");
	refused("process.path is '/bin/ls", "the value that begins with '/bin/ls' lacks its closing quote");
	refused("process.path in '/a', ", "a value in single quotes is missing at the end");
	refused("process.path in ('/a'", "the list lacks its closing bracket");
	refused("process.path is '/a' '/b'", "unexpected ''/b'' after the value");
	refused("process.path is '/a' case", "'case' is followed by 'insensitive' or 'sensitive'");
	refused("process.path is '/a' and file",
		"'and' joins no terms: terms of one filter stand beside each other and all "
		"must hold, filters beside each other are alternatives");
	refused("process.path '/a'",
		"an operator is missing after 'process.path' (is, contains, starts with, ends with, "
		"matches, in, less than, greater than)");
	refused("process.path contains ''", "the value is empty: every text would match");
	refused("file.operation is 'wirte'",
		"no event has a 'file.operation' 'wirte', did you mean 'write'?");
	refused("file.operation is 'exec'", "no event has a 'file.operation' 'exec'");
	refused("process.path matches '('",
		"bad regular expression '(': missing closing parenthesis at character 2");
	refused("process.path matches ''", "the regular expression is empty");
	/* Nothing a terminal obeys comes back. */
	refused("process.path \x1b[31m 'x'", "unknown operator '?[31m'");
}

static double seconds_since(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

/* Patterns that explode, in compiling and in matching. */
static void test_hostile_patterns(void **state)
{
	static const char *const runaway[] = {
		"^(a+)+$",
		"^(a|aa)+$",
		"^(a|a?)+$",
		"(.*)*(.*)*(.*)*x",
		"^(([a-z])+.)+[A-Z]([a-z])+$",
		"(?:(?:a*)*)*b",
		"^(?:a?){30}a{30}b$",
	};
	_cleanup_(event_freep) struct event *event = new_event(KIND_ID(process, exec));
	_cleanup_(freep) char *long_text = malloc(100001);
	_cleanup_(buffer_release) struct buffer nested = { 0 };
	struct filter_error error = { "" };
	struct term *term = NULL;
	struct timespec begin;

	assert_non_null(long_text);
	memset(long_text, 'a', 100000);
	long_text[100000] = '!';
	values_set_text(&event->context->values, FIELD_command_line, (struct span){ long_text, 100001 });
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (size_t i = 0; i < ARRAY_SIZE(runaway); i++) {
		char text[128];

		snprintf(text, sizeof(text), "process.cmd matches '%s'", runaway[i]);
		assert_false(matches(event, text));
		snprintf(text, sizeof(text), "process.cmd not matches '%s'", runaway[i]);
		assert_true(matches(event, text));
	}
	assert_true(seconds_since(&begin) < 2.0);
	refused("process.cmd matches '((a{1,1000}){1,1000}){1,1000}'",
		"bad regular expression '((a{1,1000}){1,1000}){1,1000}': regular expression is too large at "
		"character 30");
	refused("process.cmd matches '\\C'",
		"bad regular expression '\\C': using \\C is disabled by the application at "
		"character 3");
	buffer_append_text(&nested, "process.cmd matches '");
	for (unsigned i = 0; i < 60; i++)
		buffer_append_byte(&nested, '(');
	for (unsigned i = 0; i < 60; i++)
		buffer_append_byte(&nested, ')');
	buffer_append_byte(&nested, '\'');
	assert_int_equal(term_parse(&term, buffer_span(&nested), &error), -EINVAL);
	assert_non_null(strstr(error.message, "too deep"));
	buffer_clear(&nested);
	buffer_append_text(&nested, "process.cmd contains '");
	for (unsigned i = 0; i < TERM_VALUE_MAX + 1; i++)
		buffer_append_byte(&nested, 'x');
	buffer_append_byte(&nested, '\'');
	assert_int_equal(term_parse(&term, buffer_span(&nested), &error), -EINVAL);
	assert_non_null(strstr(error.message, "is longer than 4096 bytes"));
}

/* Every field of the schema can be used under its name. */
static void test_every_field(void **state)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		struct field_name name;

		assert_true(field_name_lookup(span_of(fields[i].name), &name));
		assert_int_equal(name.n_fields, 1);
		assert_true(name.categories != 0);
	}
}

/* The manual has the list that the tables make. */
static void test_manual(void **state)
{
	const char *root = getenv("RECORDER_SOURCE_DIR");
	_cleanup_(buffer_release) struct buffer names = { 0 }, page = { 0 };
	const struct field_name *name;
	char path[4096], part[4096];
	size_t n;
	FILE *file;

	names_doc(&names);
	assert_int_equal(buffer_error(&names), 0);
	for (size_t i = 0; (name = field_name_own(i)) != NULL; i++) {
		snprintf(part, sizeof(part), "*%s* (", name->name);
		if (!strstr(buffer_text(&names), part))
			fail_msg("%s is in no group", name->name);
	}
	if (!root) {
		print_message("RECORDER_SOURCE_DIR is not set\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/docs/man/recorder-subscription.5.scd", root);
	file = fopen(path, "re");
	assert_non_null(file);
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		buffer_append(&page, part, n);
	fclose(file);
	if (!strstr(buffer_text(&page), buffer_text(&names)))
		fail_msg("%s is stale: put there what build/recorder help --filter-fields prints", path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),	      cmocka_unit_test(test_text_operators),
		cmocka_unit_test(test_quotes),	      cmocka_unit_test(test_places),
		cmocka_unit_test(test_unknown),	      cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_addresses),     cmocka_unit_test(test_record_types),
		cmocka_unit_test(test_refused),	      cmocka_unit_test(test_hostile_patterns),
		cmocka_unit_test(test_every_field),   cmocka_unit_test(test_manual),
		cmocka_unit_test(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
