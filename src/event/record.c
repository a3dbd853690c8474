/* Names of our own record types, as they stand in a capture, and the head of their text. */

#include "event/record.h"

static const char *const own_names[RECORD_OWN_END - RECORD_OWN_FIRST] = {
	[RECORD_FORK - RECORD_OWN_FIRST] = "RECORDER_FORK",
	[RECORD_EXIT - RECORD_OWN_FIRST] = "RECORDER_EXIT",
	[RECORD_PROCESS - RECORD_OWN_FIRST] = "RECORDER_PROCESS",
	[RECORD_NO_PROCESS - RECORD_OWN_FIRST] = "RECORDER_NO_PROCESS",
	[RECORD_FD - RECORD_OWN_FIRST] = "RECORDER_FD",
	[RECORD_PATH - RECORD_OWN_FIRST] = "RECORDER_PATH",
	[RECORD_NAME - RECORD_OWN_FIRST] = "RECORDER_NAME",
	[RECORD_SETUP - RECORD_OWN_FIRST] = "RECORDER_SETUP",
	[RECORD_CLOCK - RECORD_OWN_FIRST] = "RECORDER_CLOCK",
	[RECORD_GAP - RECORD_OWN_FIRST] = "RECORDER_GAP",
	[RECORD_PROBE - RECORD_OWN_FIRST] = "RECORDER_PROBE",
	[RECORD_NOTE - RECORD_OWN_FIRST] = "RECORDER_NOTE",
	[RECORD_DIGEST - RECORD_OWN_FIRST] = "RECORDER_DIGEST",
	[RECORD_DEFINITION - RECORD_OWN_FIRST] = "RECORDER_DEFINITION",
	[RECORD_REMEMBERED - RECORD_OWN_FIRST] = "RECORDER_REMEMBERED",
	[RECORD_ALL_TOLD - RECORD_OWN_FIRST] = "RECORDER_ALL_TOLD",
	[RECORD_SOCKET - RECORD_OWN_FIRST] = "RECORDER_SOCKET",
	[RECORD_ACCOUNT - RECORD_OWN_FIRST] = "RECORDER_ACCOUNT",
	[RECORD_HOST_PATH - RECORD_OWN_FIRST] = "RECORDER_HOST_PATH",
	[RECORD_THROTTLE - RECORD_OWN_FIRST] = "RECORDER_THROTTLE",
	[RECORD_TAMPER - RECORD_OWN_FIRST] = "RECORDER_TAMPER",
};

const char *record_own_name(uint32_t type)
{
	if (type < RECORD_OWN_FIRST || type >= RECORD_OWN_END)
		return NULL;
	return own_names[type - RECORD_OWN_FIRST];
}

uint32_t record_own_type(struct span name)
{
	for (uint32_t type = RECORD_OWN_FIRST; type < RECORD_OWN_END; type++)
		if (span_eq(span_of(own_names[type - RECORD_OWN_FIRST]), name))
			return type;
	return 0;
}

void record_put_hex(struct buffer *text, struct span bytes)
{
	static const char digits[] = "0123456789ABCDEF";
	char *p = buffer_reserve(text, bytes.size * 2);

	if (!p)
		return;
	for (size_t i = 0; i < bytes.size; i++) {
		unsigned char c = (unsigned char)bytes.data[i];

		*p++ = digits[c >> 4];
		*p++ = digits[c & 15];
	}
	text->size += bytes.size * 2;
}

void record_put_text(struct buffer *text, struct span value)
{
	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if (c == '"' || c < 0x21 || c > 0x7e) {
			record_put_hex(text, value);
			return;
		}
	}
	buffer_append_byte(text, '"');
	buffer_append_span(text, value);
	buffer_append_byte(text, '"');
}

void record_put_head(struct buffer *text, uint64_t time_ns, uint64_t serial)
{
	uint64_t fraction = time_ns % NS_PER_SEC;
	char digits[9];

	for (int i = 8; i >= 0; i--) {
		digits[i] = (char)('0' + fraction % 10);
		fraction /= 10;
	}
	buffer_append_text(text, "recorder(");
	buffer_append_u64(text, time_ns / NS_PER_SEC);
	buffer_append_byte(text, '.');
	buffer_append(text, digits, sizeof(digits));
	buffer_append_byte(text, ':');
	buffer_append_u64(text, serial);
	buffer_append_text(text, "):");
}
