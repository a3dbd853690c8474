/* An exec that comes in pieces; what is kept of its environment. */

#include "source/bpf_exec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "event/test_made.h"

#define FIRST 4096u			/* of arguments and environment, in the record of the exec itself */
#define PIECE 16384u

static struct made made;

/* The exec with as much of both as its record has. */
static void make_exec(struct span env, struct span args)
{
	make(&made, PROBE_EXEC, PROBE_CALL_NONE);
	made.record->body.exec.argc = 3;
	made.record->body.exec.env_bytes = (uint32_t)env.size;
	made.record->body.exec.args_bytes = (uint32_t)args.size;
	add_path(&made, EXEC_PATH, "/usr/bin/x");
	add_path(&made, EXEC_CWD, "/root");
	add_text(&made, EXEC_TTY, SPAN("pts0"));
	add_text(&made, EXEC_SCRIPT, SPAN("./x"));
	add_text(&made, EXEC_ENV, (struct span){ env.data, MIN(env.size, FIRST) });
	if (env.size > FIRST)
		cut_text(&made, EXEC_ENV);
	add_text(&made, EXEC_ARGS, (struct span){ args.data, MIN(args.size, FIRST) });
	if (args.size > FIRST)
		cut_text(&made, EXEC_ARGS);
}

static int begin_exec(struct bpf_exec *exec, struct span *ret)
{
	struct span copy = made_copy(&made);
	int r;

	assert_int_equal(probe_check(copy), 0);
	r = bpf_exec_begin(exec, copy, ret);
	free((void *)(uintptr_t)copy.data);	/* the ring is written over */
	return r;
}

static int send_piece(struct bpf_exec *exec, bool is_env, struct span bytes, struct span *ret)
{
	struct span copy;
	int r;

	make(&made, PROBE_MORE, PROBE_CALL_NONE);
	made.record->body.more.is_env = is_env;
	add_text(&made, 0, bytes);
	copy = made_copy(&made);
	assert_int_equal(probe_check(copy), 0);
	r = bpf_exec_piece(exec, copy, ret);
	free((void *)(uintptr_t)copy.data);
	return r;
}

/* What the record of the exec lacks, as the kernel sends it; how many pieces, -1: not whole after the last. */
static int send_rest(struct bpf_exec *exec, bool is_env, struct span all, struct span *ret)
{
	int n = 0, r = 0;

	for (size_t at = FIRST; at < all.size; at += PIECE) {
		assert_int_equal(r, 0);
		r = send_piece(exec, is_env, (struct span){ all.data + at, MIN(all.size - at, PIECE) }, ret);
		n++;
	}
	assert_true(r >= 0);
	return r > 0 ? n : -1;
}

static void expect_text(struct span whole, unsigned n, struct span expected)
{
	struct span text = probe_text(whole, n);

	assert_int_equal(text.size, expected.size);
	assert_memory_equal(text.data, expected.data, expected.size);
}

static void expect_whole(struct span whole, struct span env, struct span args, unsigned cut)
{
	const struct probe_record *record = (const struct probe_record *)(const void *)whole.data;

	assert_int_equal(probe_check(whole), 0);
	assert_int_equal(record->head.type, PROBE_EXEC);
	assert_int_equal(record->head.number, MADE_NUMBER);
	assert_int_equal(record->body.exec.argc, 3);
	expect_text(whole, EXEC_PATH, SPAN("x\0bin\0usr\0"));
	expect_text(whole, EXEC_CWD, SPAN("root\0"));
	expect_text(whole, EXEC_TTY, SPAN("pts0"));
	expect_text(whole, EXEC_SCRIPT, SPAN("./x"));
	expect_text(whole, EXEC_ENV, env);
	expect_text(whole, EXEC_ARGS, args);
	assert_int_equal(record->cut, cut);
}

#define CUT_ARGS (1u << EXEC_ARGS)
#define CUT_ENV (1u << EXEC_ENV)

static void test_whole(void **state)
{
	struct bpf_exec exec = { 0 };
	struct span whole;

	make_exec(SPAN("HOME=/root\0LD_PRELOAD=/x.so\0"), SPAN("x\0-l\0\0"));
	assert_int_equal(begin_exec(&exec, &whole), 1);
	expect_whole(whole, SPAN("LD_PRELOAD=/x.so\0"), SPAN("x\0-l\0\0"), 0);
	assert_int_equal(bpf_exec_end(&exec, &whole), 0);
	/* the next one has nothing of it */
	make_exec(SPAN("HOME=/root\0"), SPAN("y\0"));
	assert_int_equal(begin_exec(&exec, &whole), 1);
	expect_whole(whole, SPAN(""), SPAN("y\0"), 0);
	make_exec(SPAN(""), SPAN(""));
	assert_int_equal(begin_exec(&exec, &whole), 1);
	expect_whole(whole, SPAN(""), SPAN(""), 0);
	/* other texts that were cut still are */
	make_exec(SPAN(""), SPAN("y\0"));
	cut_text(&made, EXEC_PATH);
	cut_text(&made, EXEC_SCRIPT);
	assert_int_equal(begin_exec(&exec, &whole), 1);
	expect_whole(whole, SPAN(""), SPAN("y\0"), 1u << EXEC_PATH | 1u << EXEC_SCRIPT);
	bpf_exec_release(&exec);
	bpf_exec_release(&exec);
}

/* A text of so many bytes that no two places look alike; `of` 0: no NUL in it. */
static struct span long_text(size_t size, unsigned of)
{
	char *text = malloc(size);

	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = of && i % of == of - 1 ? 0 : (char)('A' + (i * 7 + i / 1000) % 50);
	text[size - 1] = 0;
	return (struct span){ text, size };
}

static void free_text(struct span text)
{
	free((void *)(uintptr_t)text.data);
}

static void test_args_in_pieces(void **state)
{
	static const size_t sizes[] = { FIRST - 1, FIRST, FIRST + 1, FIRST + PIECE, FIRST + PIECE + 1, 3u << 20 };
	static const int pieces[] = { 0, 0, 1, 1, 2, 192 };
	struct bpf_exec exec = { 0 };
	struct span whole;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct span args = long_text(sizes[i], 100);

		make_exec(SPAN("SUDO_USER=u\0"), args);
		if (pieces[i] == 0) {
			assert_int_equal(begin_exec(&exec, &whole), 1);
		} else {
			assert_int_equal(begin_exec(&exec, &whole), 0);
			assert_int_equal(send_rest(&exec, false, args, &whole), pieces[i]);
		}
		expect_whole(whole, SPAN("SUDO_USER=u\0"), args, 0);
		assert_int_equal(bpf_exec_end(&exec, &whole), 0);
		free_text(args);
	}
	bpf_exec_release(&exec);
}

/* Variables that lie across the borders of the record and of pieces. */
static void test_env_in_pieces(void **state)
{
	static const struct span variable = SPAN("LD_PRELOAD=/tmp/evil.so\0"), tail = SPAN("SUDO_USER=root\0");
	struct bpf_exec exec = { 0 };
	struct span whole;

	for (size_t border = FIRST; border <= FIRST + PIECE; border += PIECE)
		for (size_t before = 0; before <= variable.size; before++) {
			struct buffer env = { 0 };
			struct span padding = long_text(border - before, 50), span;

			buffer_append_span(&env, padding);
			buffer_append_span(&env, variable);
			buffer_append_span(&env, tail);
			span = buffer_span(&env);
			make_exec(span, SPAN("x\0"));
			assert_int_equal(begin_exec(&exec, &whole), 0);
			assert_true(send_rest(&exec, true, span, &whole) > 0);
			expect_whole(whole, SPAN("LD_PRELOAD=/tmp/evil.so\0SUDO_USER=root\0"), SPAN("x\0"), 0);
			free_text(padding);
			buffer_release(&env);
		}
	bpf_exec_release(&exec);
}

static void test_both_in_pieces(void **state)
{
	struct span env = long_text(50000, 77), args = long_text(60000, 0), whole;
	struct bpf_exec exec = { 0 };

	make_exec(env, args);
	assert_int_equal(begin_exec(&exec, &whole), 0);
	assert_int_equal(send_rest(&exec, true, env, &whole), -1);
	assert_int_equal(send_rest(&exec, false, args, &whole), 4);
	expect_whole(whole, SPAN(""), args, 0);
	bpf_exec_release(&exec);
	free_text(env);
	free_text(args);
}

static void test_lost_pieces(void **state)
{
	struct span env = long_text(50000, 77), args = long_text(60000, 10), whole;
	struct bpf_exec exec = { 0 };

	/* all of the arguments' */
	make_exec(SPAN("LD_X=1\0"), args);
	assert_int_equal(begin_exec(&exec, &whole), 0);
	assert_int_equal(bpf_exec_end(&exec, &whole), 1);
	expect_whole(whole, SPAN("LD_X=1\0"), (struct span){ args.data, FIRST }, CUT_ARGS);
	assert_int_equal(bpf_exec_end(&exec, &whole), 0);
	/* the last */
	make_exec(SPAN(""), args);
	assert_int_equal(begin_exec(&exec, &whole), 0);
	assert_int_equal(send_piece(&exec, false, (struct span){ args.data + FIRST, PIECE }, &whole), 0);
	assert_int_equal(bpf_exec_end(&exec, &whole), 1);
	expect_whole(whole, SPAN(""), (struct span){ args.data, FIRST + PIECE }, CUT_ARGS);
	/* of the environment; those of the arguments come last, so nothing is waited for then */
	make_exec(env, args);
	assert_int_equal(begin_exec(&exec, &whole), 0);
	assert_int_equal(send_rest(&exec, false, args, &whole), 4);
	expect_whole(whole, SPAN(""), args, CUT_ENV);
	assert_int_equal(bpf_exec_end(&exec, &whole), 0);
	make_exec(env, SPAN("x\0"));
	assert_int_equal(begin_exec(&exec, &whole), 0);
	assert_int_equal(bpf_exec_end(&exec, &whole), 1);
	expect_whole(whole, SPAN(""), SPAN("x\0"), CUT_ENV);
	/* the next exec is whole again */
	make_exec(SPAN(""), SPAN("y\0"));
	assert_int_equal(begin_exec(&exec, &whole), 1);
	expect_whole(whole, SPAN(""), SPAN("y\0"), 0);
	bpf_exec_release(&exec);
	free_text(env);
	free_text(args);
}

/* The exec itself was lost, its pieces were not; they are none of the exec before. */
static void test_pieces_of_another(void **state)
{
	struct span args = long_text(60000, 10), whole;
	struct bpf_exec exec = { 0 };

	assert_int_equal(send_piece(&exec, false, SPAN("x\0"), &whole), 0);
	assert_int_equal(bpf_exec_end(&exec, &whole), 0);
	for (unsigned i = 0; i < 3; i++) {
		make_exec(SPAN(""), args);
		made.record->head.number -= i == 0;
		made.record->head.time_ns -= i == 1;
		made.record->head.pid -= i == 2;
		assert_int_equal(begin_exec(&exec, &whole), 0);
		assert_int_equal(send_piece(&exec, false, (struct span){ args.data + FIRST, PIECE }, &whole), 0);
		assert_int_equal(bpf_exec_end(&exec, &whole), 1);
		expect_text(whole, EXEC_ARGS, (struct span){ args.data, FIRST });
		assert_int_equal(send_piece(&exec, false, SPAN("x\0"), &whole), 0);
	}
	bpf_exec_release(&exec);
	free_text(args);
}

/* More than was told, nothing at all, an empty piece. */
static void test_odd_pieces(void **state)
{
	struct span args = long_text(FIRST + 10, 0), whole;
	struct bpf_exec exec = { 0 };

	make_exec(SPAN(""), args);
	assert_int_equal(begin_exec(&exec, &whole), 0);
	assert_int_equal(send_piece(&exec, false, SPAN(""), &whole), 0);
	assert_int_equal(send_piece(&exec, true, SPAN("LD_PRELOAD=x\0"), &whole), 0);	/* there was no more of that */
	assert_int_equal(send_piece(&exec, false, (struct span){ args.data, 1000 }, &whole), 1);
	assert_int_equal(probe_text(whole, EXEC_ARGS).size, args.size);
	assert_int_equal(probe_text(whole, EXEC_ENV).size, 0);
	/* a record that has more than it says */
	make_exec(SPAN(""), SPAN("x\0more"));
	made.record->body.exec.args_bytes = 2;
	assert_int_equal(begin_exec(&exec, &whole), 1);
	expect_whole(whole, SPAN(""), SPAN("x\0"), 0);
	bpf_exec_release(&exec);
	free_text(args);
}

/* What could not be read in the kernel: neither is waited for. */
static void test_unreadable(void **state)
{
	struct span args = long_text(60000, 10), whole;
	struct bpf_exec exec = { 0 };

	make_exec(SPAN(""), SPAN(""));
	made.record->body.exec.args_bytes = 60000;
	cut_text(&made, EXEC_ARGS);
	assert_int_equal(begin_exec(&exec, &whole), 1);
	expect_whole(whole, SPAN(""), SPAN(""), CUT_ARGS);
	make_exec(SPAN(""), SPAN("x\0"));
	made.record->body.exec.env_bytes = 100;
	cut_text(&made, EXEC_ENV);
	assert_int_equal(begin_exec(&exec, &whole), 1);
	expect_whole(whole, SPAN(""), SPAN("x\0"), CUT_ENV);
	/* the beginning of the environment, not its end; arguments in pieces all the same */
	make_exec(SPAN(""), args);
	made.record->body.exec.env_bytes = FIRST + 100;
	cut_text(&made, EXEC_ENV);
	assert_int_equal(begin_exec(&exec, &whole), 0);
	assert_int_equal(send_piece(&exec, true, SPAN("LD_PRELOAD=x\0"), &whole), 0);
	assert_int_equal(send_rest(&exec, false, args, &whole), 4);
	expect_whole(whole, SPAN(""), args, CUT_ENV);
	bpf_exec_release(&exec);
	free_text(args);
}

static void expect_kept(struct span block, struct span expected, bool is_whole)
{
	struct buffer kept = { 0 };
	char *copy = malloc(block.size);

	assert_non_null(copy);
	memcpy(copy, block.data, block.size);
	assert_int_equal(bpf_exec_keep_env(&kept, (struct span){ copy, block.size }), is_whole);
	assert_int_equal(kept.size, expected.size);
	if (expected.size > 0)
		assert_memory_equal(kept.data, expected.data, expected.size);
	free(copy);
	buffer_release(&kept);
}

static void test_what_is_kept(void **state)
{
	expect_kept(SPAN("A=1\0LD_PRELOAD=/x\0LD_LIBRARY_PATH=\0LD_\0GCONV_PATH=/g\0SSH_CONNECTION=1 2 3 4\0SUDO_USER=u\0"),
		    SPAN("LD_PRELOAD=/x\0LD_LIBRARY_PATH=\0LD_\0GCONV_PATH=/g\0SSH_CONNECTION=1 2 3 4\0SUDO_USER=u\0"), true);
	/* secrets, names that only look alike */
	expect_kept(SPAN("AWS_SECRET_ACCESS_KEY=k\0PASSWORD=LD_PRELOAD=x\0LDX=1\0ld_preload=/x\0 LD_PRELOAD=/x\0=LD_X\0"
			 "GCONV_PATHS=1\0GCONV_PATH\0SSH_CONNECTIONS=1\0SUDO_USERS=1\0SUDO_UID=0\0XLD_A=1\0LD\0L\0"),
		    SPAN(""), true);
	/* twice; empty ones; no NUL at the end */
	expect_kept(SPAN("LD_A=1\0\0\0LD_A=2\0\0LD_B=3"), SPAN("LD_A=1\0LD_A=2\0LD_B=3\0"), true);
	expect_kept(SPAN("\0"), SPAN(""), true);
	expect_kept(SPAN(""), SPAN(""), true);
	expect_kept(SPAN("LD_\xff=\n\x80\0"), SPAN("LD_\xff=\n\x80\0"), true);
}

static void test_huge_values(void **state)
{
	struct buffer env = { 0 }, expected = { 0 };
	struct bpf_exec exec = { 0 };
	struct span whole, text;

	buffer_append_text(&env, "LD_PRELOAD=");
	for (size_t i = 0; i < 100000; i++)
		buffer_append_byte(&env, 'x');
	buffer_append_byte(&env, 0);
	buffer_append(&expected, env.data, 4096);
	buffer_append_byte(&expected, 0);
	buffer_append(&env, "SUDO_USER=u", 12);
	buffer_append(&expected, "SUDO_USER=u", 12);
	expect_kept(buffer_span(&env), buffer_span(&expected), false);
	make_exec(buffer_span(&env), SPAN("x\0"));
	assert_int_equal(begin_exec(&exec, &whole), 0);
	assert_true(send_rest(&exec, true, buffer_span(&env), &whole) > 0);
	expect_whole(whole, buffer_span(&expected), SPAN("x\0"), CUT_ENV);

	/* as long as it may be */
	buffer_clear(&env);
	buffer_append_text(&env, "LD_X=");
	while (env.size < 4096)
		buffer_append_byte(&env, 'y');
	buffer_append_byte(&env, 0);
	expect_kept(buffer_span(&env), buffer_span(&env), true);

	/* and very many of them: more than the 16 bits of a text can say */
	buffer_clear(&env);
	for (unsigned i = 0; i < 20000; i++) {
		buffer_printf(&env, "LD_%05u=", i);
		buffer_append_byte(&env, 0);
	}
	make_exec(buffer_span(&env), SPAN("x\0"));
	assert_int_equal(begin_exec(&exec, &whole), 0);
	assert_true(send_rest(&exec, true, buffer_span(&env), &whole) > 0);
	text = probe_text(whole, EXEC_ENV);
	assert_int_equal(text.size, UINT16_MAX);
	assert_memory_equal(text.data, env.data, text.size);
	expect_whole(whole, text, SPAN("x\0"), CUT_ENV);
	bpf_exec_release(&exec);
	buffer_release(&env);
	buffer_release(&expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_args_in_pieces),
		cmocka_unit_test(test_env_in_pieces),
		cmocka_unit_test(test_both_in_pieces),
		cmocka_unit_test(test_lost_pieces),
		cmocka_unit_test(test_pieces_of_another),
		cmocka_unit_test(test_odd_pieces),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_what_is_kept),
		cmocka_unit_test(test_huge_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
