/* Bytes as serials and times: whatever comes, the tracker ends in a state that makes sense. */

#include "source/serial.h"

static int note(void *user, const struct gap *gap)
{
	if (gap->count_known && (gap->count == 0 || gap->begin_ns > gap->end_ns))
		__builtin_trap();
	*(uint64_t *)user += gap->count;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct serial_tracker tracker;
	uint32_t serial = UINT32_MAX - 100;
	uint64_t time_ns = 1000 * NS_PER_SEC, reported = 0;

	memset(&tracker, 0, sizeof(tracker));
	for (; size >= 4; data += 4, size -= 4) {
		int16_t step;
		int64_t jump;

		memcpy(&step, data, sizeof(step));
		jump = step % 64;
		if (data[2] & 0x80)
			jump = (int64_t)step * 5003;
		serial += (uint32_t)jump;
		time_ns += (uint64_t)(data[2] & 0x7f) * NS_PER_MS - (data[3] == 0xff ? NS_PER_SEC : 0);
		if (data[3] & 1)
			serial_tick(&tracker, time_ns + data[3] * 100 * NS_PER_MS, note, &reported);
		serial_push(&tracker, serial, time_ns, note, &reported);
		if (tracker.next - tracker.base > SERIAL_WINDOW || reported > tracker.lost)
			__builtin_trap();
	}
	return 0;
}
