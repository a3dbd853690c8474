/* Numbers, times, devices, addresses and networks, as a term writes them. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/macro.h"
#include "filter/term_value.h"

static int parse_unsigned(struct span text, uint64_t *ret)
{
	return span_to_u64(text, ret);
}

static int parse_u32(struct span text, uint64_t *ret)
{
	uint64_t n;

	if (span_to_u64(text, &n) < 0 || n > UINT32_MAX)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int parse_i64(struct span text, uint64_t *ret)
{
	int64_t n;

	if (span_to_i64(text, &n) < 0)
		return -EINVAL;
	*ret = (uint64_t)n;
	return 0;
}

static int parse_i32(struct span text, uint64_t *ret)
{
	int64_t n;

	if (span_to_i64(text, &n) < 0 || n < INT32_MIN || n > INT32_MAX)
		return -EINVAL;
	*ret = (uint64_t)n;
	return 0;
}

static int parse_bool(struct span text, uint64_t *ret)
{
	static const struct {
		struct span text;
		bool value;
	} words[] = {
		{ { "true", 4 }, true },
		{ { "false", 5 }, false },
		{ { "1", 1 }, true },
		{ { "0", 1 }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!span_eq(text, words[i].text))
			continue;
		*ret = words[i].value;
		return 0;
	}
	return -EINVAL;
}

static int parse_id(struct span text, uint64_t *ret)
{
	uint64_t n;

	if (text.size != 16 || span_hex_to_u64(text, &n) < 0)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int parse_mode(struct span text, uint64_t *ret)
{
	uint64_t n = 0;

	if (text.size == 0 || text.size > 7)
		return -EINVAL;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '7')
			return -EINVAL;
		n = n * 8 + (uint64_t)(text.data[i] - '0');
	}
	*ret = n;
	return 0;
}

static int parse_device(struct span text, uint64_t *ret)
{
	const char *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
	uint64_t major_number, minor_number;
	size_t at;

	if (!colon)
		return -EINVAL;
	at = (size_t)(colon - text.data);
	if (parse_u32((struct span){ text.data, at }, &major_number) < 0 ||
	    parse_u32((struct span){ colon + 1, text.size - at - 1 }, &minor_number) < 0)
		return -EINVAL;
	*ret = makedev((unsigned)major_number, (unsigned)minor_number);
	return 0;
}

/* `n` digits at *at, which moves on. */
static int digits(struct span text, size_t *at, size_t n, int *ret)
{
	int value = 0;

	if (text.size - *at < n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		char c = text.data[*at + i];

		if (c < '0' || c > '9')
			return -EINVAL;
		value = value * 10 + (c - '0');
	}
	*at += n;
	*ret = value;
	return 0;
}

/* RFC 3339 in UTC, 2026-11-22T10:28:58.123456789Z, the fraction optional. Other forms are for the command
 * line, where a reader has a time zone; a subscription means the same everywhere. */
static int parse_time(struct span text, uint64_t *ret)
{
	static const char separators[] = "--T::";
	int part[6];
	uint64_t fraction = 0, scale = NS_PER_SEC;
	size_t at = 0;
	struct tm tm;
	time_t seconds;

	for (size_t i = 0; i < 6; i++) {
		if (i > 0 && (at >= text.size || text.data[at++] != separators[i - 1]))
			return -EINVAL;
		if (digits(text, &at, i == 0 ? 4 : 2, &part[i]) < 0)
			return -EINVAL;
	}
	if (at < text.size && text.data[at] == '.') {
		for (at++; at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && scale > 1;
		     at++) {
			scale /= 10;
			fraction += (uint64_t)(text.data[at] - '0') * scale;
		}
	}
	if (at + 1 != text.size || text.data[at] != 'Z')
		return -EINVAL;
	if (part[0] < 1970 || part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 || part[3] > 23 ||
	    part[4] > 59 || part[5] > 60)
		return -EINVAL;
	tm = (struct tm){ .tm_year = part[0] - 1900,
			  .tm_mon = part[1] - 1,
			  .tm_mday = part[2],
			  .tm_hour = part[3],
			  .tm_min = part[4],
			  .tm_sec = part[5] };
	seconds = timegm(&tm);
	if (seconds < 0 || (uint64_t)seconds > UINT64_MAX / NS_PER_SEC - 1)
		return -EINVAL;
	*ret = (uint64_t)seconds * NS_PER_SEC + fraction;
	return 0;
}

static const struct {
	int (*parse)(struct span text, uint64_t *ret);
	const char *description;
	bool is_signed;
} numbers[] = {
	[TYPE_U32] = { parse_u32, "a number from 0 to 4294967295" },
	[TYPE_U64] = { parse_unsigned, "a number from 0 to 18446744073709551615" },
	[TYPE_I32] = { parse_i32, "a number from -2147483648 to 2147483647", true },
	[TYPE_I64] = { parse_i64, "a number", true },
	[TYPE_BOOL] = { parse_bool, "'true' or 'false'" },
	[TYPE_TIME] = { parse_time, "a time in UTC such as '2026-11-22T10:28:58Z'" },
	[TYPE_ID] = { parse_id, "an id of 16 hexadecimal digits" },
	[TYPE_MODE] = { parse_mode, "an octal mode such as '0644'" },
	[TYPE_DEVICE] = { parse_device, "a device as 'MAJOR:MINOR'" },
};

int value_parse_number(enum field_type type, struct span text, uint64_t *ret)
{
	return numbers[type].parse(text, ret);
}

const char *value_describe(enum field_type type)
{
	return type == TYPE_IP		  ? "an address"
	       : field_type_is_text(type) ? "a text"
					  : numbers[type].description;
}

bool value_is_signed(enum field_type type)
{
	return !field_type_is_text(type) && numbers[type].is_signed;
}

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (0xff << (8 - rest) & 0xff)) == 0;
}

void address_cut(uint8_t *bytes, unsigned size, unsigned bits)
{
	unsigned whole = bits / 8;

	if (whole < size)
		bytes[whole] &= (uint8_t)(0xff00u >> (bits % 8));
	for (unsigned i = whole + 1; i < size; i++)
		bytes[i] = 0;
}

int network_parse(struct span text, struct network *ret)
{
	const char *slash = text.size ? memchr(text.data, '/', text.size) : NULL;
	size_t size = slash ? (size_t)(slash - text.data) : text.size;
	struct network network = { 0 }, cleared;
	char address[INET6_ADDRSTRLEN];
	uint64_t bits;

	if (size == 0 || size >= sizeof(address) || memchr(text.data, '\0', size))
		return -EINVAL;
	memcpy(address, text.data, size);
	address[size] = '\0';
	if (inet_pton(AF_INET, address, network.bytes) == 1)
		network.size = 4;
	else if (inet_pton(AF_INET6, address, network.bytes) == 1)
		network.size = 16;
	else
		return -EINVAL;
	bits = network.size * 8u;
	if (slash && (span_to_u64((struct span){ slash + 1, text.size - size - 1 }, &bits) < 0 ||
		      bits > network.size * 8u))
		return -EINVAL;
	network.bits = (uint8_t)bits;
	if (network.size == 16 && network.bits >= 96 && memcmp(network.bytes, mapped_prefix, 12) == 0) {
		memmove(network.bytes, network.bytes + 12, 4);
		network.size = 4;
		network.bits = (uint8_t)(network.bits - 96);
	}
	cleared = network;
	address_cut(cleared.bytes, cleared.size, cleared.bits);
	*ret = network;
	return memcmp(cleared.bytes, network.bytes, network.size) != 0;
}

struct span address_unmapped(struct span address)
{
	if (address.size == 16 && memcmp(address.data, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return (struct span){ address.data + 12, 4 };
	return address;
}

bool network_contains(const struct network *network, struct span address)
{
	if (network->size == 4)
		address = address_unmapped(address);
	return address.size == network->size &&
	       bits_equal(network->bytes, (const uint8_t *)address.data, network->bits);
}

void network_text(const struct network *network, char ret[static NETWORK_TEXT_MAX])
{
	struct network cleared = *network;
	char address[INET6_ADDRSTRLEN] = "";

	address_cut(cleared.bytes, cleared.size, cleared.bits);
	inet_ntop(network->size == 4 ? AF_INET : AF_INET6, cleared.bytes, address, sizeof(address));
	snprintf(ret, NETWORK_TEXT_MAX, "%s/%u", address, network->bits);
}
