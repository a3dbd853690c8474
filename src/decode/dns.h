#pragma once
/* A DNS message as it was on the wire (over TCP: without the length before it) -> the dns.* fields.
 *
 * dns.id, dns.question.name and .type (of the first question); of a response also dns.response_code,
 * dns.answers and dns.resolved_ip.  Texts are printable ASCII whatever the bytes were: names as in a
 * master file (RFC 1035, 5.1) but without the dot at the end, the root as `.`, their case as it came; an
 * answer is `TYPE DATA` as dig writes it, and `TYPE \# SIZE HEX` (RFC 3597) where the data is not taken
 * apart, or not what its type asks for. */

#include "base/span.h"
#include "event/event.h"

/* 0, or -EINVAL: no DNS message (shorter than a header, another opcode than QUERY, no question where
 * one must be, counts that no message can hold), nothing set.  `cut`: only the first bytes were kept.
 *
 * What could not be read is named, as `dns.answers`, `dns.question.name`, `dns.question.type`:
 *	recorder.truncated	it was there, but was not kept: `cut`, or too many or too long answers
 *	recorder.missing	the sender cut it (TC), or it is malformed; completeness is `partial`
 * The upper bits of the response code are in the last section: where that was not reached the code is
 * inferred.  As ever, values.failed says that there was no memory. */
int dns_decode(struct event *event, struct span message, bool cut, bool *ret_is_response);
