/* The head of a record: `audit(1170021493.977:293): `, and what stands before it in a log file.
 *
 * Heads are read by hand, not by sscanf: this runs for every record of a storm. Milliseconds are a fraction
 * (three digits in audit, nine in our own records), so `.5` of a foreign writer is 500 ms. */

#include <errno.h>

#include "base/macro.h"
#include "decode/audit.h"
#include "decode/audit_type.h"
#include "event/record.h"

/* Digits up to anything else; false: none, or more than 64 bits hold. */
static bool take_number(const char **p, const char *end, uint64_t *ret)
{
	const char *q = *p;
	uint64_t value = 0;

	for (; q < end; q++) {
		unsigned digit = (unsigned)(unsigned char)*q - '0';

		if (digit > 9)
			break;
		value = value * 10 + digit;
	}
	if (q == *p || q - *p > 19)
		return false;
	*p = q;
	*ret = value;
	return true;
}

static inline unsigned digit_of(char c)
{
	return (unsigned)(unsigned char)c - '0';
}

/* Eight digits at once; false: not all are digits. */
static inline bool eight_digits(const char *p, uint64_t *ret)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	word ^= UINT64_C(0x3030303030303030);
	if ((word + UINT64_C(0x7676767676767676)) & UINT64_C(0x8080808080808080) ||
	    word & UINT64_C(0xf0f0f0f0f0f0f0f0))
		return false;
	word = word * 10 + (word >> 8); /* pairs, in every other byte */
	*ret = (((word & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
		 (word >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
		32) &
	       UINT32_MAX;
	return true;
}

/* 1170021493.977: as the kernel writes every head of this century after 2001; false: read it slowly. */
static inline bool take_usual_time(const char **p, const char *end, uint64_t *ret_seconds, uint64_t *ret_ns)
{
	const char *q = *p;
	unsigned d8, d9, d11, d12, d13;

	if (end - q < 15 || q[10] != '.' || q[14] != ':' || !eight_digits(q, ret_seconds))
		return false;
	d8 = digit_of(q[8]);
	d9 = digit_of(q[9]);
	d11 = digit_of(q[11]);
	d12 = digit_of(q[12]);
	d13 = digit_of(q[13]);
	if (d8 > 9 || d9 > 9 || d11 > 9 || d12 > 9 || d13 > 9)
		return false;
	*ret_seconds = *ret_seconds * 100 + d8 * 10 + d9;
	*ret_ns = (d11 * 100u + d12 * 10 + d13) * NS_PER_MS;
	*p = q + 14;
	return true;
}

static bool take_fraction(const char **p, const char *end, uint64_t *ret_ns)
{
	uint64_t value = 0;
	unsigned n = 0;

	for (; *p < end; (*p)++, n++) {
		unsigned digit = (unsigned)(unsigned char)**p - '0';

		if (digit > 9)
			break;
		if (n < 9)
			value = value * 10 + digit;
	}
	if (n == 0)
		return false;
	for (; n < 9; n++)
		value *= 10;
	*ret_ns = value;
	return true;
}

static const char *match(const char *p, const char *end, struct span word)
{
	if ((size_t)(end - p) < word.size || memcmp(p, word.data, word.size) != 0)
		return NULL;
	return p + word.size;
}

/* Of audit: PROCTITLE and what user space says come last or alone. Types nobody knows are taken for lone
 * ones: if they are not, the end record or the time decides. */
static void set_end(struct record_head *head)
{
	const struct audit_type *type = audit_type_by_number(head->type);

	if (!type) {
		head->may_end_event = true;
		return;
	}
	head->ends_event = type->part == PART_EOE;
	if (type->number >= 1300 && type->number < 2000) {
		head->may_end_event = type->part == PART_PROCTITLE;
		return;
	}
	/* What kauditd sends on behalf of programs has its own serial; it may share it with the SYSCALL of
	 * the sender when a rule asked for that, so it is not `single`. */
	head->may_end_event = type->number >= 1100;
}

int audit_head(const struct record *record, struct record_head *ret)
{
	const char *p = record->text.data, *end = p + record->text.size;
	const char *q;
	uint64_t seconds, fraction = 0, serial;
	bool is_own = false;

	if (record->text.size == 0)
		return -EINVAL;
	q = match(p, end, SPAN("audit("));
	if (!q) {
		q = match(p, end, SPAN("recorder("));
		is_own = true;
	}
	if (!q)
		return -EINVAL;
	p = q;
	if (!take_usual_time(&p, end, &seconds, &fraction)) {
		if (!take_number(&p, end, &seconds) || p == end)
			return -EINVAL;
		if (*p == '.') {
			p++;
			if (!take_fraction(&p, end, &fraction) || p == end)
				return -EINVAL;
		}
	}
	if (*p++ != ':' || !take_number(&p, end, &serial))
		return -EINVAL;
	if (p == end || *p++ != ')')
		return -EINVAL;
	/* To 2262: SQLite's integers have a sign, and what is later would come before everything else. */
	if (seconds > INT64_MAX / NS_PER_SEC - 1)
		return -EINVAL;
	/* Some records have no colon (DAEMON_CONFIG of old auditd), some more than one blank. */
	if (p < end && *p == ':')
		p++;
	while (p < end && *p == ' ')
		p++;
	while (end > p && (end[-1] == '\n' || end[-1] == '\0' || end[-1] == '\r'))
		end--;
	ret->type = record->type;
	ret->time_ns = seconds * NS_PER_SEC + fraction;
	ret->serial = serial;
	ret->body = (struct span){ p, (size_t)(end - p) };
	ret->ends_event = ret->may_end_event = false;
	ret->is_single = is_own;
	if (!is_own)
		set_end(ret);
	return 0;
}

static struct span take_word(const char **p, const char *end)
{
	const char *space = memchr(*p, ' ', (size_t)(end - *p));
	struct span word = { *p, (size_t)((space ? space : end) - *p) };

	*p = space ? space + 1 : end;
	return word;
}

int audit_line(struct span line, struct record *ret)
{
	const char *p = line.data, *end = p + line.size, *q;
	struct record record = { 0 };

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	if (p == end)
		return -EINVAL;
	q = match(p, end, SPAN("node="));
	if (q) {
		p = q;
		record.node = take_word(&p, end);
	}
	q = match(p, end, SPAN("type="));
	if (q) {
		p = q;
		record.type = audit_type_number(take_word(&p, end));
		if (record.type == 0)
			return -EINVAL;
	}
	q = match(p, end, SPAN("msg="));
	if (!q || record.type == 0)
		return -EINVAL;
	record.text = (struct span){ q, (size_t)(end - q) };
	if (!match(q, end, SPAN("audit(")) && !match(q, end, SPAN("recorder(")))
		return -EINVAL;
	*ret = record;
	return 0;
}
