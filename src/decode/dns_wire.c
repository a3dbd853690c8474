/* See dns_wire.h: RFC 1035, 2782 (SRV), 3403 (NAPTR), 3596 (AAAA), 8659 (CAA), 9460 (SVCB).
 *
 * Every byte is read through a reader that knows where it has to stop.  What a message costs is bounded by its size: a
 * record that is not kept is gone past without following its name, a name that is followed costs at most 255 bytes and 127
 * jumps.  Signatures and keys are told in hex, they say little to a reader. */

#include "decode/dns_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "base/macro.h"

#define HEADER_SIZE   12
#define QUESTION_MIN  5			/* the root, type, class */
#define RECORD_MIN    11		/* the root, type, class, time to live, size */
#define MESSAGE_MAX   65535
#define NAME_SIZE_MAX 255		/* with the sizes of its labels and the root */
#define LABEL_MAX     63
#define MAX_JUMPS     127		/* a name has no more labels than that */

/* The bit above is no part of the class in multicast DNS (RFC 6762, 10.2). */
#define CLASS_MASK 0x7fffu
#define CLASS_IN   1

/* Layout, a letter a part: 1 2 4 numbers of so many bytes, n a name, a A addresses, s a string,
 * S strings up to the end, g a string that is a word, r the rest as a string, p parameters of SVCB, and
 * in those k the name of a key, i the id of a protocol, b the rest in base64.  NULL: all in hex. */
static const struct type_info {
	uint16_t number;
	const char *name;
	const char *layout;
} types[] = {
	{ DNS_TYPE_A, "A", "a" },       { 2, "NS", "n" },          { 3, "MD", NULL },
	{ 4, "MF", NULL },              { 5, "CNAME", "n" },       { 6, "SOA", "nn44444" },
	{ 7, "MB", NULL },              { 8, "MG", NULL },         { 9, "MR", NULL },
	{ 10, "NULL", NULL },           { 11, "WKS", NULL },       { 12, "PTR", "n" },
	{ 13, "HINFO", "ss" },          { 14, "MINFO", NULL },     { 15, "MX", "2n" },
	{ 16, "TXT", "S" },             { 17, "RP", NULL },        { 18, "AFSDB", NULL },
	{ 19, "X25", NULL },            { 20, "ISDN", NULL },      { 21, "RT", NULL },
	{ 22, "NSAP", NULL },           { 23, "NSAP-PTR", NULL },  { 24, "SIG", NULL },
	{ 25, "KEY", NULL },            { 26, "PX", NULL },        { 27, "GPOS", NULL },
	{ DNS_TYPE_AAAA, "AAAA", "A" }, { 29, "LOC", NULL },       { 30, "NXT", NULL },
	{ 33, "SRV", "222n" },          { 35, "NAPTR", "22sssn" }, { 36, "KX", NULL },
	{ 37, "CERT", NULL },           { 39, "DNAME", "n" },      { DNS_TYPE_OPT, "OPT", NULL },
	{ 42, "APL", NULL },            { 43, "DS", NULL },        { 44, "SSHFP", NULL },
	{ 45, "IPSECKEY", NULL },       { 46, "RRSIG", NULL },     { 47, "NSEC", NULL },
	{ 48, "DNSKEY", NULL },         { 49, "DHCID", NULL },     { 50, "NSEC3", NULL },
	{ 51, "NSEC3PARAM", NULL },     { 52, "TLSA", NULL },      { 53, "SMIMEA", NULL },
	{ 55, "HIP", NULL },            { 59, "CDS", NULL },       { 60, "CDNSKEY", NULL },
	{ 61, "OPENPGPKEY", NULL },     { 62, "CSYNC", NULL },     { 63, "ZONEMD", NULL },
	{ 64, "SVCB", "2np" },          { 65, "HTTPS", "2np" },    { 99, "SPF", "S" },
	{ 108, "EUI48", NULL },         { 109, "EUI64", NULL },    { 249, "TKEY", NULL },
	{ 250, "TSIG", NULL },          { 251, "IXFR", NULL },     { 252, "AXFR", NULL },
	{ 253, "MAILB", NULL },         { 254, "MAILA", NULL },    { 255, "ANY", NULL },
	{ 256, "URI", "22r" },          { 257, "CAA", "1gr" },
};

static const struct type_info *type_lookup(unsigned number)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].number == number)
			return &types[i];
	return NULL;
}

/* A line */

static void put(struct dns_line *line, const char *data, size_t size)
{
	if (line->full || size > sizeof(line->data) - line->size) {
		line->full = true;
		return;
	}
	memcpy(line->data + line->size, data, size);
	line->size += size;
}

void dns_put_text(struct dns_line *line, const char *text)
{
	put(line, text, strlen(text));
}

void dns_put_number(struct dns_line *line, uint32_t number)
{
	char digits[12];

	put(line, digits, (size_t)snprintf(digits, sizeof(digits), "%u", (unsigned)number));
}

/* A byte outside of first..0x7e as \DDD, one of `special` with a \ before it. */
static void put_escaped(struct dns_line *line, uint8_t byte, char first, const char *special)
{
	char text[5];

	if (byte < (uint8_t)first || byte > 0x7e) {
		put(line, text, (size_t)snprintf(text, sizeof(text), "\\%03u", (unsigned)byte));
	} else if (strchr(special, byte)) {
		put(line, (const char[]){ '\\', (char)byte }, 2);
	} else {
		put(line, (const char[]){ (char)byte }, 1);
	}
}

/* Escaped is what means something in a master file, as dig does it. */
static void put_label(struct dns_line *line, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		put_escaped(line, data[i], '!', ".\\\"();@$");
}

static void put_string(struct dns_line *line, const uint8_t *data, size_t size)
{
	dns_put_text(line, "\"");
	for (size_t i = 0; i < size; i++)
		put_escaped(line, data[i], ' ', "\\\"");
	dns_put_text(line, "\"");
}

static void put_hex(struct dns_line *line, const uint8_t *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++)
		put(line, (const char[]){ digits[data[i] >> 4], digits[data[i] & 0xf] }, 2);
}

static void put_base64(struct dns_line *line, const uint8_t *data, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		size_t n = MIN(size - i, (size_t)3);
		unsigned bits = (unsigned)data[i] << 16 | (n > 1 ? (unsigned)data[i + 1] << 8 : 0) |
				(n > 2 ? data[i + 2] : 0);

		put(line,
		    (const char[]){ digits[bits >> 18], digits[bits >> 12 & 63],
				    n > 1 ? digits[bits >> 6 & 63] : '=',
				    n > 2 ? digits[bits & 63] : '=' },
		    4);
	}
}

void dns_put_address(struct dns_line *line, const uint8_t *data, int family)
{
	char text[INET6_ADDRSTRLEN];

	dns_put_text(line, inet_ntop(family, data, text, sizeof(text)));
}

/* The bytes */

static size_t bytes_left(const struct dns_reader *reader)
{
	return reader->end - reader->at;
}

int dns_read_number(struct dns_reader *reader, size_t size, uint32_t *ret)
{
	uint32_t number = 0;

	if (size > bytes_left(reader))
		return -ENODATA;
	for (size_t i = 0; i < size; i++)
		number = number << 8 | reader->message[reader->at++];
	*ret = number;
	return 0;
}

static int read_bytes(struct dns_reader *reader, size_t size, const uint8_t **ret)
{
	if (size > bytes_left(reader))
		return -ENODATA;
	*ret = reader->message + reader->at;
	reader->at += size;
	return 0;
}

/* The size in a byte, then the bytes. */
static int read_string(struct dns_reader *reader, const uint8_t **ret, size_t *ret_size)
{
	uint32_t size;
	int r = dns_read_number(reader, 1, &size);

	if (r < 0)
		return r;
	*ret_size = size;
	return read_bytes(reader, size, ret);
}

/* A pointer leads to a name that begins and ends before the labels which the pointer ends: each jump
 * leaves fewer bytes to jump to, so there is no loop. */
int dns_read_name(struct dns_reader *reader, struct dns_line *line)
{
	size_t at = reader->at, begin = at, end = reader->end, size = 1, next = 0;
	unsigned jumps = 0;
	bool first = true;

	for (;;) {
		size_t length;

		if (at == end)
			return jumps > 0 ? -EBADMSG : -ENODATA;
		length = reader->message[at++];
		if (length == 0)
			break;
		if (length >= 0xc0) {
			if (at == end)
				return jumps > 0 ? -EBADMSG : -ENODATA;
			length = (length & 0x3f) << 8 | reader->message[at++];
			if (jumps == 0)
				next = at;
			if (length < HEADER_SIZE || length >= begin || jumps++ == MAX_JUMPS)
				return -EBADMSG;
			if (!line)
				break;
			end = begin;
			begin = at = length;
			continue;
		}
		size += 1 + length;
		if (length > LABEL_MAX || size > NAME_SIZE_MAX)
			return -EBADMSG;
		if (length > end - at)
			return jumps > 0 ? -EBADMSG : -ENODATA;
		if (line) {
			if (!first)
				dns_put_text(line, ".");
			put_label(line, reader->message + at, length);
		}
		first = false;
		at += length;
	}
	if (line && first)
		dns_put_text(line, ".");
	reader->at = jumps > 0 ? next : at;
	return 0;
}

int dns_read_header(struct dns_reader *reader, struct dns_header *ret)
{
	uint32_t *const words[] = {
		&ret->id,	 &ret->flags,	    &ret->n_questions,
		&ret->n_answers, &ret->n_authority, &ret->n_additional,
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		int r = dns_read_number(reader, 2, words[i]);

		if (r < 0)
			return r;
	}
	if (HEADER_SIZE + QUESTION_MIN * ret->n_questions +
		    RECORD_MIN * (ret->n_answers + ret->n_authority + ret->n_additional) >
	    MESSAGE_MAX)
		return -EBADMSG;
	return 0;
}

int dns_read_resource(struct dns_reader *reader, struct dns_line *name, struct dns_resource *ret)
{
	const uint8_t *data;
	int r = dns_read_name(reader, name);

	if (r < 0 || (r = dns_read_number(reader, 2, &ret->type)) < 0 ||
	    (r = dns_read_number(reader, 2, &ret->class)) < 0 ||
	    (r = dns_read_number(reader, 4, &ret->ttl)) < 0 ||
	    (r = dns_read_number(reader, 2, &ret->size)) < 0)
		return r;
	ret->at = reader->at;
	return read_bytes(reader, ret->size, &data);
}

/* Data of answers.  0, or < 0: it is not as its type asks for */

/* Of SVCB, by key: RFC 9460, 14.3.2; RFC 9461; RFC 9540. */
static const struct {
	const char *name;
	char part;			/* as in a layout; 0: it has no value */
	bool is_list;
} parameters[] = {
	{ "mandatory", 'k', true }, { "alpn", 'i', true },     { "no-default-alpn", 0, false },
	{ "port", '2', false },	    { "ipv4hint", 'a', true }, { "ech", 'b', false },
	{ "ipv6hint", 'A', true },  { "dohpath", 'r', false }, { "ohttp", 0, false },
};

static int put_part(struct dns_line *line, char part, struct dns_reader *reader);

static void put_parameter_name(struct dns_line *line, uint32_t key)
{
	if (key < ARRAY_SIZE(parameters)) {
		dns_put_text(line, parameters[key].name);
	} else {
		dns_put_text(line, "key");
		dns_put_number(line, key);
	}
}

static int put_parameter(struct dns_line *line, uint32_t key, struct dns_reader *value)
{
	bool known = key < ARRAY_SIZE(parameters);
	char part = known ? parameters[key].part : 'r';
	int r;

	put_parameter_name(line, key);
	if (part == 0)
		return bytes_left(value) > 0 ? -EBADMSG : 0;
	if (part == 'r' && bytes_left(value) == 0)
		return 0;
	dns_put_text(line, "=");
	if (part == 'r')
		return put_part(line, part, value);
	dns_put_text(line, "\"");
	r = put_part(line, part, value);
	while (r == 0 && bytes_left(value) > 0) {
		dns_put_text(line, ",");
		r = parameters[key].is_list ? put_part(line, part, value) : -EBADMSG;
	}
	dns_put_text(line, "\"");
	return r;
}

/* RFC 9460, 2.2: keys in rising order, or the record is malformed. */
static int put_parameters(struct dns_line *line, struct dns_reader *reader)
{
	uint32_t key, size, next_key = 0;

	while (bytes_left(reader) > 0) {
		struct dns_reader value;
		const uint8_t *data;
		int r;

		if ((r = dns_read_number(reader, 2, &key)) < 0 ||
		    (r = dns_read_number(reader, 2, &size)) < 0)
			return r;
		value = (struct dns_reader){ reader->message, reader->at, reader->at + size };
		r = read_bytes(reader, size, &data);
		if (r == 0 && key < next_key)
			r = -EBADMSG;
		dns_put_text(line, " ");
		if (r == 0)
			r = put_parameter(line, key, &value);
		if (r < 0)
			return r;
		next_key = key + 1;
	}
	return 0;
}

/* A comma in an id is told from one between two (RFC 9460, appendix A.1), then all is escaped. */
static void put_protocol(struct dns_line *line, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == ',' || data[i] == '\\')
			dns_put_text(line, "\\\\");
		put_escaped(line, data[i], ' ', "\\\"");
	}
}

static int put_part(struct dns_line *line, char part, struct dns_reader *reader)
{
	const uint8_t *data = reader->message + reader->at;
	size_t size = bytes_left(reader);
	uint32_t number;
	int r;

	switch (part) {
	case '1':
	case '2':
	case '4':
		r = dns_read_number(reader, (size_t)(part - '0'), &number);
		if (r == 0)
			dns_put_number(line, number);
		return r;
	case 'k':
		r = dns_read_number(reader, 2, &number);
		if (r == 0)
			put_parameter_name(line, number);
		return r;
	case 'n':
		return dns_read_name(reader, line);
	case 'a':
		r = read_bytes(reader, 4, &data);
		if (r == 0)
			dns_put_address(line, data, AF_INET);
		return r;
	case 'A':
		r = read_bytes(reader, 16, &data);
		if (r == 0)
			dns_put_address(line, data, AF_INET6);
		return r;
	case 's':
		r = read_string(reader, &data, &size);
		if (r == 0)
			put_string(line, data, size);
		return r;
	case 'S':
		r = put_part(line, 's', reader);
		while (r == 0 && bytes_left(reader) > 0) {
			dns_put_text(line, " ");
			r = put_part(line, 's', reader);
		}
		return r;
	case 'g':
	case 'i':
		r = read_string(reader, &data, &size);
		if (r < 0 || size == 0)
			return -EBADMSG;
		if (part == 'g')
			put_label(line, data, size);
		else
			put_protocol(line, data, size);
		return 0;
	case 'p':
		return put_parameters(line, reader);
	case 'b':
		put_base64(line, data, size);
		break;
	default: /* r */
		put_string(line, data, size);
	}
	reader->at = reader->end;
	return 0;
}

static int put_data(struct dns_line *line, const char *layout, struct dns_reader *reader)
{
	for (; *layout; layout++) {
		int r;

		if (*layout != 'p') /* there may be none */
			dns_put_text(line, " ");
		r = put_part(line, *layout, reader);
		if (r < 0)
			return r;
	}
	return bytes_left(reader) > 0 ? -EBADMSG : 0;
}

void dns_put_type(struct dns_line *line, uint32_t number)
{
	const struct type_info *type = type_lookup(number);

	if (type) {
		dns_put_text(line, type->name);
	} else {
		dns_put_text(line, "TYPE");
		dns_put_number(line, number);
	}
}

int dns_put_answer(struct dns_line *line, const uint8_t *message, const struct dns_resource *resource)
{
	const struct type_info *type = type_lookup(resource->type);
	struct dns_reader data = { message, resource->at, resource->at + resource->size };
	bool is_address = resource->type == DNS_TYPE_A || resource->type == DNS_TYPE_AAAA, known;
	size_t begin;
	int r = 0;

	dns_put_type(line, resource->type);
	begin = line->size;
	/* Addresses of other networks look otherwise. */
	known = type && type->layout && !(is_address && (resource->class & CLASS_MASK) != CLASS_IN);
	if (known)
		r = put_data(line, type->layout, &data);
	if (!known || r < 0) {
		line->size = begin;
		line->full = false;
		dns_put_text(line, " \\# ");
		dns_put_number(line, resource->size);
		if (resource->size > 0)
			dns_put_text(line, " ");
		put_hex(line, message + resource->at, resource->size);
	}
	return r < 0 ? r : known && is_address;
}
