/* Bytes -> lines of a capture, the first byte of each says what it is: answers and setups that anybody may have written. */

#include <errno.h>

#include "event/record.h"
#include "pipeline/answers.h"
#include "pipeline/setup.h"

static const struct {
	uint32_t type;
	int32_t fd;
} kinds_of_line[] = {
	{ RECORD_PROCESS, ANSWERS_PROCESS }, { RECORD_NO_PROCESS, ANSWERS_PROCESS }, { RECORD_FD, 3 },
	{ RECORD_PATH, ANSWERS_PATH }, { RECORD_NAME, ANSWERS_USER }, { RECORD_NAME, ANSWERS_GROUP }, { RECORD_HOST_PATH, ANSWERS_HOST_PATH }, { RECORD_NOTE, 0 },
};

static void one(struct answers *answers, struct span line)
{
	size_t kind = (uint8_t)line.data[0] % (ARRAY_SIZE(kinds_of_line) + 1);
	struct span body = { line.data + 1, line.size - 1 };
	struct buffer text = { 0 };
	struct setup setup;
	int r;

	if (kind == ARRAY_SIZE(kinds_of_line)) {
		if (setup_read(&setup, body) >= 0 && (setup.boot_id.size == 0 || setup.boot_id.size > body.size))
			__builtin_trap();
		return;
	}
	r = answers_read(answers, kinds_of_line[kind].type, body, line);
	if (r < 0 ? r != -EINVAL : r > (kinds_of_line[kind].type != RECORD_NOTE))
		__builtin_trap();
	answers_take(answers, 1, kinds_of_line[kind].fd, &text);
	if ((uint8_t)line.data[0] >= 0xc0)
		answers_clear(answers);
	if ((uint8_t)line.data[0] >= 0xc0 && answers_take(answers, 1, kinds_of_line[kind].fd, &text) != -ENODATA)
		__builtin_trap();
	buffer_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answers *answers;

	if (answers_new(&answers) < 0)
		return 0;
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end ? (size_t)(end - data) : size;

		if (n > 0)
			one(answers, (struct span){ (const char *)data, n });
		n += end ? 1 : 0;
		data += n;
		size -= n;
	}
	answers_free(answers);
	return 0;
}
