/* DNS messages -> events; what the bytes are dns_wire.c knows (RFC 1035, 6891 for EDNS).
 *
 * Names and answers are written into a line on the stack and copied from there into the event.  At most
 * MAX_ANSWERS records are kept.  The names that answers belong to are checked but not told: the field has
 * no place for them. */

#include "decode/dns.h"

#include <arpa/inet.h>
#include <errno.h>

#include "decode/dns_wire.h"

#define MAX_ANSWERS 64

#define FLAG_RESPONSE  0x8000u
#define FLAG_TRUNCATED 0x0200u
#define OPCODE(flags)  ((flags) >> 11 & 0xf)
#define CODE(flags)    ((flags) & 0xf)

/* IANA, DNS RCODEs.  16 is BADSIG too, but that is said in the data of TSIG. */
static const char *const codes[] = {
	"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",   "REFUSED",
	"YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",  "DSOTYPENI",
	NULL,	    NULL,      NULL,	   NULL,       "BADVERS",  "BADKEY",
	"BADTIME",  "BADMODE", "BADNAME",  "BADALG",   "BADTRUNC", "BADCOOKIE",
};

struct decoding {
	struct values *values;
	struct dns_reader reader;
	struct dns_header header;
	struct dns_line line;
	bool cut;			/* only the first bytes were kept */
	bool is_truncated;		/* answers were cut off by that, or are too many or too long */
	bool is_missing;		/* answers did not come, or cannot be read */
	unsigned n_addresses;
	struct {
		const uint8_t *data;
		int family;
	} addresses[MAX_ANSWERS];
};

static void name_truncated(struct decoding *d, struct span item)
{
	values_append_list(d->values, FIELD_truncated, item);
}

static void set_answer(struct decoding *d, const struct dns_resource *resource)
{
	const uint8_t *message = d->reader.message;
	int r;

	dns_line_clear(&d->line);
	r = dns_put_answer(&d->line, message, resource);
	if (r > 0) {
		d->addresses[d->n_addresses].data = message + resource->at;
		d->addresses[d->n_addresses++].family = resource->type == DNS_TYPE_A ? AF_INET : AF_INET6;
	}
	if (r < 0)
		d->is_missing = true;
	if (d->line.full)
		d->is_truncated = true;
	values_append_list(d->values, FIELD_dns_answers, dns_line_span(&d->line));
}

/* The other questions, then the answers. */
static int set_answers(struct decoding *d)
{
	int r;

	for (uint32_t i = 1, number; i < d->header.n_questions; i++)
		if ((r = dns_read_name(&d->reader, NULL)) < 0 ||
		    (r = dns_read_number(&d->reader, 4, &number)) < 0)
			return r;
	for (uint32_t i = 0; i < d->header.n_answers; i++) {
		bool keep = i < MAX_ANSWERS;
		struct dns_resource resource;

		dns_line_clear(&d->line);
		r = dns_read_resource(&d->reader, keep ? &d->line : NULL, &resource);
		if (r < 0)
			return r;
		if (keep)
			set_answer(d, &resource);
		else
			d->is_truncated = true;
	}
	return 0;
}

/* After the answers, so that each of the two lists grows in place. */
static void set_addresses(struct decoding *d)
{
	for (unsigned i = 0; i < d->n_addresses; i++) {
		dns_line_clear(&d->line);
		dns_put_address(&d->line, d->addresses[i].data, d->addresses[i].family);
		values_append_list(d->values, FIELD_dns_resolved_ip, dns_line_span(&d->line));
	}
}

/* RFC 6891, 6.1.3: where other records have the time to live OPT has the upper bits of the code. */
static int find_code(struct dns_reader *reader, const struct dns_header *header, uint32_t *ret)
{
	for (uint32_t i = 0; i < header->n_authority + header->n_additional; i++) {
		struct dns_resource resource;
		int r = dns_read_resource(reader, NULL, &resource);

		if (r < 0)
			return r;
		if (i < header->n_authority || resource.type != DNS_TYPE_OPT)
			continue;
		*ret |= resource.ttl >> 24 << 4;
		break;
	}
	return 0;
}

static void set_code(struct decoding *d, uint32_t code, bool certain)
{
	dns_line_clear(&d->line);
	if (code < ARRAY_SIZE(codes) && codes[code]) {
		dns_put_text(&d->line, codes[code]);
	} else {
		dns_put_text(&d->line, "RCODE");
		dns_put_number(&d->line, code);
	}
	values_set_text(d->values, FIELD_dns_response_code, dns_line_span(&d->line));
	if (!certain)
		values_set_inferred(d->values, FIELD_dns_response_code);
}

/* r: 0: the reader stands behind the first question; -ENODATA: that was cut. */
static void set_response(struct decoding *d, int r)
{
	const struct dns_header *header = &d->header;
	uint32_t code = CODE(header->flags);

	if (r == 0)
		r = set_answers(d);
	set_addresses(d);
	if (r < 0 && header->n_answers > 0) {
		if (d->cut && r == -ENODATA)
			d->is_truncated = true;
		else
			d->is_missing = true;
	}
	if (header->flags & FLAG_TRUNCATED)
		d->is_missing = true;
	if (r == 0 && header->n_additional > 0)
		r = find_code(&d->reader, header, &code);
	set_code(d, code, r == 0 || header->n_additional == 0);
	if (d->is_truncated)
		name_truncated(d, SPAN("dns.answers"));
	if (d->is_missing) {
		values_append_list(d->values, FIELD_missing, SPAN("dns.answers"));
		values_set_text(d->values, FIELD_completeness, SPAN("partial"));
	}
}

/* The first question.  -EINVAL: there is none where one must be; 0, or -ENODATA: it was cut. */
static int set_question(struct decoding *d)
{
	bool is_response = d->header.flags & FLAG_RESPONSE, has_name = false, has_type = false;
	uint32_t type, class;
	int r;

	/* Responses without one: multicast DNS (RFC 6762, 6), the later messages of a zone transfer
	 * (RFC 5936, 2.2.1), the answer to what was not understood. */
	if (d->header.n_questions == 0 && !is_response)
		return -EINVAL;
	if (d->header.n_questions > 0) {
		dns_line_clear(&d->line);
		r = dns_read_name(&d->reader, &d->line);
		has_name = r == 0;
		if (r == 0)
			r = dns_read_number(&d->reader, 2, &type);
		has_type = has_name && r == 0;
		if (r == 0)
			r = dns_read_number(&d->reader, 2, &class);
		if (r < 0 && !(d->cut && r == -ENODATA))
			return -EINVAL;
	} else {
		r = 0;
	}
	values_set_number(d->values, FIELD_dns_id, d->header.id);
	if (has_name)
		values_set_text(d->values, FIELD_dns_question_name, dns_line_span(&d->line));
	else if (r < 0)
		name_truncated(d, SPAN("dns.question.name"));
	if (has_type) {
		dns_line_clear(&d->line);
		dns_put_type(&d->line, type);
		values_set_text(d->values, FIELD_dns_question_type, dns_line_span(&d->line));
	} else if (r < 0) {
		name_truncated(d, SPAN("dns.question.type"));
	}
	return r;
}

int dns_decode(struct event *event, struct span message, bool cut, bool *ret_is_response)
{
	struct decoding d;
	bool is_response;
	int r;

	d.values = &event->values;
	d.reader = (struct dns_reader){ (const uint8_t *)message.data, 0, message.size };
	d.cut = cut;
	d.is_truncated = d.is_missing = false;
	d.n_addresses = 0;
	if (dns_read_header(&d.reader, &d.header) < 0 || OPCODE(d.header.flags) != 0)
		return -EINVAL;
	is_response = d.header.flags & FLAG_RESPONSE;
	r = set_question(&d);
	if (r == -EINVAL)
		return r;
	if (is_response)
		set_response(&d, r);
	*ret_is_response = is_response;
	return 0;
}
