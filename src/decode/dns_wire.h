#pragma once
/* The bytes of a DNS message -> numbers, and lines of printable ASCII: names as in a master file (RFC 1035, 5.1), data of
 * records as dig writes it. */

#include "base/span.h"

#define DNS_LINE_BYTES 4096		/* a name takes up to 1003: 250 times \DDD, three dots */

#define DNS_TYPE_A    1
#define DNS_TYPE_AAAA 28
#define DNS_TYPE_OPT  41

/* A piece is put in whole or not at all, and behind one that was not, nothing is. */
struct dns_line {
	size_t size;
	bool full;
	char data[DNS_LINE_BYTES];
};

struct dns_reader {
	const uint8_t *message;
	size_t at;
	size_t end;
};

struct dns_header {
	uint32_t id, flags;
	uint32_t n_questions, n_answers, n_authority, n_additional;
};

struct dns_resource {
	uint32_t type, class, ttl, size;
	size_t at;			/* its data */
};

static inline void dns_line_clear(struct dns_line *line)
{
	line->size = 0;
	line->full = false;
}

static inline struct span dns_line_span(const struct dns_line *line)
{
	return (struct span){ line->data, line->size };
}

void dns_put_text(struct dns_line *line, const char *text);
void dns_put_number(struct dns_line *line, uint32_t number);
void dns_put_address(struct dns_line *line, const uint8_t *data, int family);
void dns_put_type(struct dns_line *line, uint32_t number);
/* `TYPE DATA`, or where the data is not taken apart `TYPE \# SIZE HEX` (RFC 3597).  1: it is an address; < 0: the data is not
 * what its type asks for. */
int dns_put_answer(struct dns_line *line, const uint8_t *message, const struct dns_resource *resource);

/* 0; -ENODATA: the bytes end too early; -EBADMSG: they are wrong. */
int dns_read_number(struct dns_reader *reader, size_t size, uint32_t *ret);
int dns_read_header(struct dns_reader *reader, struct dns_header *ret);
int dns_read_name(struct dns_reader *reader, struct dns_line *line);	/* NULL: gone past, not followed */
int dns_read_resource(struct dns_reader *reader, struct dns_line *name, struct dns_resource *ret);	/* NULL: likewise */
