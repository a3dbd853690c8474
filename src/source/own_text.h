#pragma once
/* Writes the text of our own records (event/record.h) into a buffer on the stack that is large enough by the
 * caller's count: no check, no format string; a fork costs some 50 ns here and 500 with snprintf. */

#include "base/macro.h"
#include "base/span.h"

#define OWN_TEXT_MAX 320	/* longest text any of our sources writes this way, with room */

static inline char *put_span(char *p, struct span s)
{
	memcpy(p, s.data, s.size);
	return p + s.size;
}

static inline char *put_number(char *p, uint64_t number)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	memcpy(p, digits + n, sizeof(digits) - n);
	return p + sizeof(digits) - n;
}

/* ` key=` (blank and equals sign included in the literal), then the number */
#define put_field(p, literal, number) put_number(put_span(p, SPAN(literal)), number)

/* recorder(SECONDS.NANOSECONDS:SERIAL): */
static inline char *put_head(char *p, uint64_t time_ns, uint64_t serial)
{
	uint64_t fraction = time_ns % NS_PER_SEC;

	p = put_span(p, SPAN("recorder("));
	p = put_number(p, time_ns / NS_PER_SEC);
	*p++ = '.';
	for (int i = 8; i >= 0; i--) {
		p[i] = (char)('0' + fraction % 10);
		fraction /= 10;
	}
	p = put_field(p + 9, ":", serial);
	return put_span(p, SPAN("):"));
}
