/* What all records of the kernel's programs have in common, and bytes that are none. */

#include "decode/test_probe.h"

#include <errno.h>

#include "event/event_json.h"

static struct made made;

static void test_head(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	decode_made(&d, &made);
	expect_event(&d, process, fork, "FORK");
	expect_members(&d, 0, "code");
	expect_actor(&d, 0, "");
	assert_int_equal(decoder_stats(d.decoder)->drafts, 1);
	assert_int_equal(decoder_stats(d.decoder)->events, 1);
	assert_int_equal(decoder_stats(d.decoder)->errors, 0);
	assert_int_equal(decoder_stats(d.decoder)->partial, 0);

	/* nobody logged in; a name that fills its place; the first process has no parent */
	made.record->head.auid = made.record->head.ses = UINT32_MAX;
	made.record->head.ppid = 0;
	made.record->head.uid = 0;
	memset(made.record->head.name, 'x', PROBE_NAME_BYTES);
	decode_made(&d, &made);
	expect(&d, 0, "auid", "4294967295");
	expect(&d, 0, "ses", "4294967295");
	expect(&d, 0, "uid", "0");
	expect(&d, 0, "ppid", NULL);
	expect(&d, 0, "name", "xxxxxxxxxxxxxxxx");
	memset(made.record->head.name, 0, PROBE_NAME_BYTES);
	decode_made(&d, &made);
	expect(&d, 0, "name", NULL);
	decoded_stop(&d);
}

/* event.id: the processor, and how many it had at that moment before. */
static void test_origin(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	made.record->head.cpu = UINT16_MAX;
	decode_made(&d, &made);
	assert_int_equal(d.events[0]->origin, UINT16_MAX);
	make(&made, PROBE_NAME, PROBE_CALL_renameat2);	/* two events */
	made.record->body.call.value[4] = 2;
	add_path(&made, NAME_FOLDER, "/");
	add_text(&made, NAME_GIVEN, SPAN("a"));
	add_path(&made, NAME_FOLDER2, "/");
	add_text(&made, NAME_GIVEN2, SPAN("b"));
	decode_made(&d, &made);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.events[0]->origin, MADE_CPU);
	assert_int_equal(d.events[1]->origin, 1 << 16 | MADE_CPU);
	decode_made(&d, &made);
	assert_int_equal(d.events[0]->origin, 2 << 16 | MADE_CPU); /* another record of that moment */
	made.record->head.cpu--;
	decode_made(&d, &made);
	assert_int_equal(d.events[1]->origin, 1 << 16 | (MADE_CPU - 1));
	assert_int_equal(d.events[1]->time_ns, MADE_REAL_NS);
	decoded_stop(&d);
}

/* Of somebody whose connection ended while another ran. */
static void test_soft_interrupt(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_SOCKET, PROBE_CALL_NONE);
	made.record->head.flags = PROBE_SOFTIRQ;
	made.record->body.socket.fd = -1;
	decode_made(&d, &made);
	expect_event(&d, network, disconnect, "SOCKET");
	expect(&d, 0, "pid", "1234");
	expect(&d, 0, "ppid", "1000");
	expect(&d, 0, "start", "4321000000005");
	for (unsigned field = 0; field < N_CONTEXT_FIELDS; field++)
		assert_true(values_has(&d.actors[0]->values, field) ==
			    (field == FIELD_pid || field == FIELD_ppid || field == FIELD_start));
	decoded_stop(&d);
}

static int refuse(void *user, struct event *event, const struct context *actor)
{
	event_free(event);
	return *(int *)user;
}

static void test_stops(void **state)
{
	struct decoded d;
	int r = -ECANCELED;

	decoded_start(&d, NULL);
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	assert_int_equal(decode_probe(d.decoder, MADE_REAL_NS, made_bytes(&made), refuse, &r), -ECANCELED);
	r = 1;	/* no error */
	assert_int_equal(decode_probe(d.decoder, MADE_REAL_NS, made_bytes(&made), refuse, &r), 0);
	decoded_stop(&d);
}

static void test_no_record(void **state)
{
	struct decoded d;
	uint64_t errors;

	decoded_start(&d, NULL);
	make(&made, PROBE_OPEN, PROBE_CALL_open);
	add_path(&made, FILE_PATH, "/etc/passwd");
	made.size--;
	decode_made(&d, &made);
	made.size = 1;
	decode_made(&d, &made);
	made.size = 0;
	decode_made(&d, &made);
	make(&made, PROBE_MORE, PROBE_CALL_NONE);	/* was to be put together before */
	decode_made(&d, &made);
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	made.record->head.type = N_PROBE_TYPES;
	decode_made(&d, &made);
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->drafts, 5);
	assert_int_equal(decoder_stats(d.decoder)->errors, 5);
	assert_int_equal(decoder_stats(d.decoder)->events, 0);
	/* No alignment: it would be read where it lies. */
	make(&made, PROBE_FORK, PROBE_CALL_NONE);
	memmove(made.bytes + 1, made.bytes, made.size);
	errors = decoder_stats(d.decoder)->errors;
	assert_int_equal(decode_probe(d.decoder, 1, (struct span){ made.bytes + 1, made.size }, keep, &d), 0);
	assert_int_equal(decoder_stats(d.decoder)->errors, errors + 1);
	assert_int_equal(d.n, 0);
	decoded_stop(&d);
}

static bool makes_kind(enum probe_type type, uint16_t kind)
{
	enum category category = kinds[kind].category;

	switch (type) {
	case PROBE_FORK: return kind == KIND_ID(process, fork);
	case PROBE_EXEC: return kind == KIND_ID(process, exec) || kind == KIND_ID(security, memory_exec);
	case PROBE_EXIT: return kind == KIND_ID(process, exit);
	case PROBE_OPEN: return kind == KIND_ID(file, create) || kind == KIND_ID(file, write) || kind == KIND_ID(file, read);
	case PROBE_WRITTEN: return kind == KIND_ID(file, write);
	case PROBE_NAME: return (category == CATEGORY_file && kind != KIND_ID(file, write)) || kind == KIND_ID(driver, unload);
	case PROBE_FILE: return (category == CATEGORY_file && kind != KIND_ID(file, write)) || kind == KIND_ID(driver, load);
	case PROBE_SOCKET: return category == CATEGORY_network;
	case PROBE_MAP: return kind == KIND_ID(image, load);
	case PROBE_CALL:
		return (category == CATEGORY_process && kind >= KIND_ID(process, setuid)) ||
		       kind == KIND_ID(driver, load) || category == CATEGORY_security;
	case PROBE_PROGRAM: return kind == KIND_ID(driver, load);
	case PROBE_SIGNAL: return kind == KIND_ID(process, signal);
	case PROBE_MODULE: return category == CATEGORY_driver;
	case PROBE_DNS: return category == CATEGORY_dns;
	case PROBE_ACCESS: return kind == KIND_ID(process, ptrace);
	case PROBE_RAW: return kind == KIND_ID(security, raw_access);
	default: return false;
	}
}

/* Each type with each call, whatever its numbers: no event of a kind that the type does not stand for.  What fits nothing is
 * counted. */
static void test_every_type_and_call(void **state)
{
	static const struct event_json_options options = { .boot_id = SPAN("boot") };
	struct buffer json = { 0 };
	struct decoded d;
	uint64_t drafts = 0, without = 0;

	decoded_start(&d, NULL);
	for (unsigned type = 1; type < N_PROBE_TYPES; type++)
		for (unsigned call = 0; call < N_PROBE_CALLS; call++)
			for (unsigned fill = 0; fill < 4; fill++) {
				make(&made, type, call);
				memset(&made.record->body, fill == 0 ? 0 : fill == 1 ? 0xff : fill == 2 ? 0x80 : 0x01,
				       sizeof(made.record->body));
				if (fill == 3)
					for (unsigned n = 0; n < PROBE_TEXTS; n++)
						add_text(&made, n, SPAN("some\0bytes/../x\0"));
				made.record->cut = fill == 1 ? UINT16_MAX : 0;
				decode_made(&d, &made);
				drafts++;
				without += d.n == 0;
				assert_true(d.n <= 2);
				for (unsigned i = 0; i < d.n; i++) {
					if (!makes_kind(type, d.events[i]->kind))
						fail_msg("type %u, call %u: %s/%s", type, call,
							 categories[event_category(d.events[i])].name,
							 kinds[d.events[i]->kind].action);
					buffer_clear(&json);
					event_json(&json, d.events[i], &options);
					assert_int_equal(buffer_error(&json), 0);
				}
			}
	assert_int_equal(decoder_stats(d.decoder)->drafts, drafts);
	assert_true(decoder_stats(d.decoder)->errors > 0);
	assert_true(decoder_stats(d.decoder)->errors + decoder_stats(d.decoder)->no_event >= without);
	buffer_release(&json);
	decoded_stop(&d);
}

/* A call that no record of the type is made for: a process that was never made, say. */
static void test_call_of_another_type(void **state)
{
	static const struct {
		enum probe_type type;
		enum probe_call_number call;
	} bad[] = {
		{ PROBE_CALL, PROBE_CALL_NONE }, { PROBE_NAME, PROBE_CALL_NONE }, { PROBE_FILE, PROBE_CALL_NONE },
		{ PROBE_CALL, PROBE_CALL_open }, { PROBE_NAME, PROBE_CALL_setuid }, { PROBE_FILE, PROBE_CALL_unlink },
		{ PROBE_SOCKET, PROBE_CALL_write }, { PROBE_SOCKET, PROBE_CALL_mkdir }, { PROBE_NAME, PROBE_CALL_fchmod },
		{ PROBE_ACCESS, PROBE_CALL_ptrace }, { PROBE_ACCESS, PROBE_CALL_NONE }, { PROBE_RAW, PROBE_CALL_mmap },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		make(&made, bad[i].type, bad[i].call);
		decode_made(&d, &made);
		assert_int_equal(d.n, 0);
		assert_int_equal(decoder_stats(d.decoder)->errors, i + 1);
	}
	decoded_stop(&d);
}

/* Nothing of one record gets into the next. */
static void test_one_after_the_other(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	add_path(&made, EXEC_PATH, "/bin/sh");
	add_path(&made, EXEC_CWD, "/root");
	add_text(&made, EXEC_TTY, SPAN("pts0"));
	add_text(&made, EXEC_ARGS, SPAN("sh\0"));
	decode_made(&d, &made);
	expect_actor(&d, 0, "hash_id executable cwd tty args args_count command_line");
	make(&made, PROBE_EXIT, PROBE_CALL_NONE);
	decode_made(&d, &made);
	expect_actor(&d, 0, "");
	decoded_stop(&d);
}

/* What kind it says before is what becomes of it. */
static void test_kinds_before(void **state)
{
	static const struct {
		enum probe_type type;
		enum probe_call_number call;
		uint32_t flags, origin;
		uint16_t kind;
	} all[] = {
		{ PROBE_OPEN, PROBE_CALL_openat, 0, 0, KIND_ID(file, read) },
		{ PROBE_OPEN, PROBE_CALL_openat, 1, 0, KIND_ID(file, write) },
		{ PROBE_OPEN, PROBE_CALL_openat, 01000, 0, KIND_ID(file, write) },
		{ PROBE_OPEN, PROBE_CALL_openat, 2, PROBE_CREATED, KIND_ID(file, create) },
		{ PROBE_OPEN, PROBE_CALL_memfd_create, 0, PROBE_CREATED, KIND_ID(file, create) },
		{ PROBE_WRITTEN, PROBE_CALL_NONE, 0, 0, KIND_ID(file, write) },
		{ PROBE_MAP, PROBE_CALL_NONE, 0, 0, KIND_ID(image, load) },
		{ PROBE_FORK, PROBE_CALL_NONE, 0, 0, KIND_ID(process, fork) },
		{ PROBE_NAME, PROBE_CALL_unlink, 0, 0, KIND_ID(file, delete) },
		{ PROBE_NAME, PROBE_CALL_rename, 0, 0, KIND_ID(file, rename) },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		make(&made, all[i].type, all[i].call);
		if (all[i].type != PROBE_NAME && all[i].type != PROBE_FORK) {
			made.record->body.file.flags = all[i].flags;
			made.record->body.file.origin = all[i].origin;
			add_path(&made, FILE_PATH, "/tmp/a");
		} else if (all[i].type == PROBE_NAME) {
			add_path(&made, NAME_FOLDER, "/tmp");
			add_text(&made, NAME_GIVEN, SPAN("a"));
			add_path(&made, NAME_FOLDER2, "/tmp");
			add_text(&made, NAME_GIVEN2, SPAN("b"));
		}
		assert_int_equal(decode_probe_kind(made_bytes(&made)), all[i].kind);
		decode_made(&d, &made);
		assert_int_equal(d.events[0]->kind, all[i].kind);
	}
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	assert_int_equal(decode_probe_kind(made_bytes(&made)), N_KINDS);
	assert_int_equal(decode_probe_kind(SPAN("x")), N_KINDS);
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_soft_interrupt),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_no_record),
		cmocka_unit_test(test_every_type_and_call),
		cmocka_unit_test(test_call_of_another_type),
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_kinds_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
