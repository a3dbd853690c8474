/* Growing bytes.  Doubles, so that appending is linear; the numbers are printed by hand because they are on the
 * path of every JSON line. */

#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

char *buffer_reserve(struct buffer *buffer, size_t n)
{
	if (unlikely(buffer->failed))
		return NULL;
	if (unlikely(n > buffer->capacity - buffer->size)) {
		size_t capacity = buffer->capacity ? buffer->capacity : 256;
		char *data;

		if (n > SIZE_MAX / 4 - buffer->size) {
			buffer->failed = true;
			return NULL;
		}
		while (capacity < buffer->size + n)
			capacity *= 2;
		data = realloc(buffer->data, capacity);
		if (!data) {
			buffer->failed = true;
			return NULL;
		}
		buffer->data = data;
		buffer->capacity = capacity;
	}
	return buffer->data + buffer->size;
}

void buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	char *p;

	if (size == 0)
		return;
	p = buffer_reserve(buffer, size);
	if (!p)
		return;
	memcpy(p, data, size);
	buffer->size += size;
}

void buffer_append_span(struct buffer *buffer, struct span s)
{
	buffer_append(buffer, s.data, s.size);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_append_byte(struct buffer *buffer, char byte)
{
	char *p = buffer_reserve(buffer, 1);

	if (!p)
		return;
	*p = byte;
	buffer->size++;
}

void buffer_append_u64(struct buffer *buffer, uint64_t value)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + value % 10);
	while (value /= 10);
	buffer_append(buffer, p, (size_t)(digits + sizeof(digits) - p));
}

void buffer_append_i64(struct buffer *buffer, int64_t value)
{
	if (value < 0) {
		buffer_append_byte(buffer, '-');
		buffer_append_u64(buffer, 0 - (uint64_t)value);
	} else {
		buffer_append_u64(buffer, (uint64_t)value);
	}
}

void buffer_append_hex(struct buffer *buffer, uint64_t value, unsigned digits)
{
	char text[16], *p = text + sizeof(text);
	unsigned n = 0;

	do {
		*--p = "0123456789abcdef"[value & 15];
		n++;
	} while ((value >>= 4) && n < sizeof(text));
	while (n < MIN(digits, sizeof(text))) {
		*--p = '0';
		n++;
	}
	buffer_append(buffer, p, n);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list ap;
	char *p = buffer_reserve(buffer, 128);
	int n;

	if (!p)
		return;
	va_start(ap, format);
	n = vsnprintf(p, buffer->capacity - buffer->size, format, ap);
	va_end(ap);
	if (n < 0) {
		buffer->failed = true;
		return;
	}
	if ((size_t)n >= buffer->capacity - buffer->size) {
		p = buffer_reserve(buffer, (size_t)n + 1);
		if (!p)
			return;
		va_start(ap, format);
		n = vsnprintf(p, (size_t)n + 1, format, ap);
		va_end(ap);
	}
	buffer->size += (size_t)n;
}

static void put_digits(char *p, unsigned n, uint64_t value)
{
	while (n > 0) {
		p[--n] = (char)('0' + value % 10);
		value /= 10;
	}
}

void buffer_append_time(struct buffer *buffer, uint64_t time_ns)
{
	char *p = buffer_reserve(buffer, 30);
	uint64_t seconds = time_ns / NS_PER_SEC;
	/* Days to a date, proleptic Gregorian calendar with the year beginning in March (Howard Hinnant,
	 * "chrono-Compatible Low-Level Date Algorithms", civil_from_days): no time zone, no lock, no table. */
	uint64_t days = seconds / 86400 + 719468, in_day = seconds % 86400;
	uint64_t era = days / 146097, day_of_era = days % 146097;
	uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t month = (5 * day_of_year + 2) / 153;

	if (!p)
		return;
	memcpy(p, "0000-00-00T00:00:00.000000000Z", 30);
	put_digits(p + 8, 2, day_of_year - (153 * month + 2) / 5 + 1);
	month = month < 10 ? month + 3 : month - 9;
	put_digits(p, 4, era * 400 + year_of_era + (month <= 2));
	put_digits(p + 5, 2, month);
	put_digits(p + 11, 2, in_day / 3600);
	put_digits(p + 14, 2, in_day / 60 % 60);
	put_digits(p + 17, 2, in_day % 60);
	put_digits(p + 20, 9, time_ns % NS_PER_SEC);
	buffer->size += 30;
}

int buffer_error(const struct buffer *buffer)
{
	return buffer->failed ? -ENOMEM : 0;
}

const char *buffer_text(struct buffer *buffer)
{
	char *p = buffer_reserve(buffer, 1);

	if (!p)
		return "";
	*p = 0;
	return buffer->data;
}

void buffer_release(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}
