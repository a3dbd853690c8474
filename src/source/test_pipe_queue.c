#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source/pipe_queue.h"

#include "base/macro.h"

#define TEXT SPAN("audit(1.0:1): a=b")
#define FRAME_BYTES (sizeof(struct pipe_frame) + 17)

/* The frames that are sent now, at most that many bytes; how many they are, and of what types. */
static size_t send_all(struct pipe_queue *queue, uint32_t *ret_types, struct pipe_loss *ret_loss)
{
	struct span unsent = pipe_queue_unsent(queue);
	struct pipe_frame frame;
	size_t n = 0;

	for (size_t at = 0; at < unsent.size; at += sizeof(frame) + frame.size) {
		memcpy(&frame, unsent.data + at, sizeof(frame));
		assert_true(unsent.size - at >= sizeof(frame) + frame.size);
		if (frame.type == PIPE_LOST)
			memcpy(ret_loss, unsent.data + at + sizeof(frame), sizeof(*ret_loss));
		else
			assert_true(span_eq((struct span){ unsent.data + at + sizeof(frame), frame.size }, TEXT));
		ret_types[n++] = frame.type;
	}
	pipe_queue_sent(queue, unsent.size);
	return n;
}

static void test_in_order(void **state)
{
	struct pipe_queue queue = { .limit_bytes = 1 << 20 };
	uint32_t types[16];

	assert_int_equal(pipe_queue_unsent(&queue).size, 0);
	for (uint32_t i = 1; i <= 5; i++)
		pipe_queue_push(&queue, i, TEXT, i);
	assert_int_equal(send_all(&queue, types, NULL), 5);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(types[i], i + 1);
	assert_int_equal(pipe_queue_unsent(&queue).size, 0);
	pipe_queue_release(&queue);
}

/* What one recorder did not take, and what was sent in part, the next one gets. */
static void test_another_recorder(void **state)
{
	struct pipe_queue queue = { .limit_bytes = 1 << 20 };
	uint32_t types[16];

	for (uint32_t i = 1; i <= 5; i++)
		pipe_queue_push(&queue, i, TEXT, i);
	pipe_queue_sent(&queue, 3 * FRAME_BYTES + 5);
	pipe_queue_taken(&queue, 2);
	pipe_queue_taken(&queue, 2);	/* said twice */
	pipe_queue_begin(&queue);
	assert_int_equal(send_all(&queue, types, NULL), 3);
	assert_int_equal(types[0], 3);
	pipe_queue_taken(&queue, 1);	/* it counts anew */
	pipe_queue_begin(&queue);
	assert_int_equal(send_all(&queue, types, NULL), 2);
	assert_int_equal(types[0], 4);
	pipe_queue_release(&queue);
}

/* An answer for more than was sent is not believed. */
static void test_too_much_taken(void **state)
{
	struct pipe_queue queue = { .limit_bytes = 1 << 20 };
	uint32_t types[16];

	for (uint32_t i = 1; i <= 3; i++)
		pipe_queue_push(&queue, i, TEXT, i);
	pipe_queue_sent(&queue, FRAME_BYTES + 5);
	pipe_queue_taken(&queue, UINT64_MAX);
	pipe_queue_begin(&queue);
	assert_int_equal(send_all(&queue, types, NULL), 2);
	assert_int_equal(types[0], 2);
	pipe_queue_release(&queue);
}

static void test_full(void **state)
{
	struct pipe_queue queue = { .limit_bytes = 4 * FRAME_BYTES };
	struct pipe_loss loss = { 0 };
	uint32_t types[16];

	for (uint32_t i = 1; i <= 9; i++)
		pipe_queue_push(&queue, i, TEXT, 100 + i);
	assert_int_equal(queue.n_lost, 5);
	assert_int_equal(send_all(&queue, types, NULL), 4);
	pipe_queue_taken(&queue, 1);	/* room, but not for what tells of the loss, so for nothing */
	pipe_queue_push(&queue, 10, TEXT, 110);
	assert_int_equal(queue.n_lost, 6);
	assert_int_equal(pipe_queue_unsent(&queue).size, 0);
	pipe_queue_taken(&queue, 4);
	pipe_queue_push(&queue, 11, TEXT, 111);
	assert_int_equal(send_all(&queue, types, &loss), 2);
	assert_true(types[0] == PIPE_LOST && types[1] == 11);
	assert_true(loss.begin_ns == 105 && loss.end_ns == 110 && loss.count == 6);
	pipe_queue_release(&queue);
}

/* Also when nothing comes any more. */
static void test_loss_alone(void **state)
{
	struct pipe_queue queue = { .limit_bytes = 1 << 20 };
	struct pipe_loss loss = { 0 };
	uint32_t types[16];

	pipe_queue_lose(&queue, 0, 5);
	assert_int_equal(pipe_queue_unsent(&queue).size, 0);
	pipe_queue_lose(&queue, 2, 7);
	pipe_queue_lose(&queue, 1, 6);	/* the clock was set back */
	assert_int_equal(send_all(&queue, types, &loss), 1);
	assert_true(loss.begin_ns == 7 && loss.end_ns == 7 && loss.count == 3);
	assert_int_equal(pipe_queue_unsent(&queue).size, 0);
	pipe_queue_release(&queue);
}

/* As much memory as the bound says, and little when it is empty. */
static void test_memory(void **state)
{
	struct pipe_queue queue = { .limit_bytes = 4 << 20 };
	static char text[PIPE_TEXT_MAX + 1];
	uint64_t n = 0;

	pipe_queue_push(&queue, 1, (struct span){ text, sizeof(text) }, 1);
	assert_int_equal(queue.n_lost, 1);
	pipe_queue_sent(&queue, pipe_queue_unsent(&queue).size);
	for (unsigned i = 0; i < 10000; i++) {
		pipe_queue_push(&queue, 1, (struct span){ text, PIPE_TEXT_MAX }, 1);
		pipe_queue_sent(&queue, pipe_queue_unsent(&queue).size);
		if (i > 100)
			pipe_queue_taken(&queue, ++n);
		assert_true(queue.frames.size <= 2 * queue.limit_bytes);
	}
	assert_int_equal(queue.n_lost, 1);
	pipe_queue_taken(&queue, UINT64_MAX);
	assert_int_equal(queue.frames.capacity, 0);
	pipe_queue_release(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order), cmocka_unit_test(test_another_recorder), cmocka_unit_test(test_too_much_taken),
		cmocka_unit_test(test_full), cmocka_unit_test(test_loss_alone), cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
