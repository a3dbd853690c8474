#pragma once
/* The beginning of a message of HTTP/1 (RFC 9112) as a call moved it -> the http.* fields.
 *
 * http.version and http.headers; of a request also http.method and http.url, of a response http.response.status_code.  Bytes are as
 * they came, whatever they are; only a header that has a NUL ends there, since that ends the item of a list.  Lines that are
 * folded are one.  The values of headers that let somebody in (cookies, credentials) are not kept. */

#include "base/span.h"
#include "event/event.h"

#define HTTP_TEXT_MAX 2048		/* bytes looked at */

/* 0, or -EINVAL: no request and no response, nothing set.  `cut`: only the first bytes were kept.
 *
 * recorder.truncated names http.headers where their end is not among the bytes, and http.url where its own is not: that is
 * believed to be one only of what was cut, since what a program sends in pieces may be anything.  As ever, values.failed says
 * that there was no memory. */
int http_text_decode(struct event *event, struct span bytes, bool cut);
