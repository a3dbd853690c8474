/* Calls on sockets, seen by the kernel's programs -> network, dns and http events.  Both ends are the kernel's; a connect that was
 * refused has the other end as the program named it. */

#include "decode/probe.h"

#include <sys/socket.h>

#include "base/path.h"
#include "decode/audit_value.h"
#include "decode/dns.h"
#include "decode/http_text.h"

#define TCP 6
#define UDP 17
#define DNS_HEADER_BYTES 12u
#define LENGTH_BYTES 2u

static bool is_any(const uint8_t *ip, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (ip[i])
			return false;
	return true;
}

/* ::ffff:1.2.3.4 is an address of version 4. */
static bool is_mapped(const uint8_t ip[16])
{
	return is_any(ip, 10) && ip[10] == 0xff && ip[11] == 0xff;
}

/* 0.0.0.0 and ::, also as ::ffff:0.0.0.0. */
static bool is_unspecified(const uint8_t ip[16])
{
	return is_any(ip, 16) || (is_mapped(ip) && is_any(ip + 12, 4));
}

static void set_ip(struct event *event, const uint8_t ip[16], uint16_t family, bool is_source)
{
	size_t size = family == AF_INET ? 4 : 16;

	if (family == AF_INET6 && is_mapped(ip)) {
		ip += 12;
		size = 4;
	}
	values_set_text(&event->values, is_source ? FIELD_source_ip : FIELD_destination_ip,
			(struct span){ (const char *)ip, size });
}

static void set_port(struct event *event, uint16_t port, bool is_source)
{
	values_set_number(&event->values, is_source ? FIELD_source_port : FIELD_destination_port, port);
}

static bool is_internet(uint16_t family)
{
	return family == AF_INET || family == AF_INET6;
}

static void set_kind_of_socket(struct event *event, const struct probe_socket *socket)
{
	/* A socket of version 6 takes an address of version 4 in either form. */
	bool is_4 = socket->family == AF_INET6 && (socket->remote_family == AF_INET || is_mapped(socket->remote) ||
						   is_mapped(socket->local));
	char family[16];

	text_set(&event->values, FIELD_network_type, is_4 ? "ipv4" : socket_family_name(socket->family, family));
	if (socket->family != AF_INET && socket->family != AF_INET6)
		return;
	if (socket->protocol == TCP)
		text_set(&event->values, FIELD_transport, "tcp");
	else if (socket->protocol == UDP)
		text_set(&event->values, FIELD_transport, "udp");
}

/* Not bound to anything yet: nothing is known of this end, or its port alone. */
static void set_local(struct event *event, const struct probe_socket *socket, bool is_source, bool waits)
{
	if (!is_unspecified(socket->local) || (waits && socket->local_port > 0))
		set_ip(event, socket->local, socket->family, is_source);
	if (socket->local_port > 0)
		set_port(event, socket->local_port, is_source);
}

/* local_is_source: the connection goes out from here.  waits: for others, at any address perhaps. */
static void set_ends(struct event *event, const struct probe_socket *socket, bool local_is_source, bool waits)
{
	if (is_internet(socket->family))
		set_local(event, socket, local_is_source, waits);
	if (is_internet(socket->remote_family)) {
		set_ip(event, socket->remote, socket->remote_family, !local_is_source);
		set_port(event, socket->remote_port, !local_is_source);
	}
}

static int set_socket_path(const struct probe *probe, struct event *event)
{
	struct span path = probe_text(probe->bytes, SOCKET_PATH), cwd = probe_text(probe->bytes, SOCKET_CWD);
	struct buffer *text = &probe->decoder->text, *folder = &probe->decoder->name;

	if (path.size == 0)
		return 0;
	buffer_clear(text);
	if (path.data[0] == 0) {	/* abstract */
		buffer_append_byte(text, '@');
		buffer_append(text, path.data + 1, path.size - 1);
	} else {
		const char *end = memchr(path.data, 0, path.size);

		if (end)
			path.size = (size_t)(end - path.data);
		buffer_clear(folder);
		if (cwd.size > 0 && !probe_is_cut(probe, SOCKET_CWD))
			probe_join_names(folder, cwd);
		if (path_join(text, buffer_span(folder), path) == -EINVAL)
			buffer_append_span(text, path);
	}
	if (buffer_error(text) < 0)
		return -ENOMEM;
	values_set_text(&event->values, FIELD_socket_path, buffer_span(text));
	return 0;
}

/* Interrupted, a connection by TCP comes about or fails all the same (connect(2)). */
static void set_outcome(struct event *event, const struct probe_socket *socket, int64_t result)
{
	bool goes_on = result == -EINPROGRESS || (result == -EINTR && socket->protocol == TCP);
	char number[24];

	if (result >= 0) {
		text_set(&event->values, FIELD_outcome, "success");
		return;
	}
	text_set(&event->values, FIELD_error_code, error_name(result, number));
	text_set(&event->values, FIELD_outcome, goes_on ? "in_progress" : "failure");
}

int probe_socket(struct probe *probe)
{
	const struct probe_socket *socket = &probe->record->body.socket;
	uint16_t kind = probe->record->call ? probe_call_kind(probe) : KIND_ID(network, disconnect);
	struct event *event;
	int r;

	/* connect(2): dissolves the association, of TCP without a record of its own */
	if (kind == KIND_ID(network, connect) && socket->result == 0 && socket->remote_family == AF_UNSPEC &&
	    (socket->family == AF_INET || socket->family == AF_INET6))
		kind = KIND_ID(network, disconnect);
	event = probe_event(probe, kind, probe->record->call ? "CALL" : "SOCKET");
	if (!event)
		return -ENOMEM;
	set_outcome(event, socket, kind == KIND_ID(network, connect) ? socket->result : 0);
	set_kind_of_socket(event, socket);
	if (kind == KIND_ID(network, accept))
		text_set(&event->values, FIELD_direction, "ingress");
	else if (kind == KIND_ID(network, connect) || kind == KIND_ID(network, send))
		text_set(&event->values, FIELD_direction, "egress");
	set_ends(event, socket, kind != KIND_ID(network, accept), kind == KIND_ID(network, bind) || kind == KIND_ID(network, listen));
	if (socket->fd >= 0)
		values_set_number(&event->values, FIELD_socket_fd, (uint32_t)socket->fd);
	if (!probe->record->call && !(probe->record->head.flags & PROBE_UNCOUNTED)) {
		values_set_number(&event->values, FIELD_bytes_in, socket->bytes_in);
		values_set_number(&event->values, FIELD_bytes_out, socket->bytes_out);
	}
	r = socket->family == AF_UNIX ? set_socket_path(probe, event) : 0;
	if (r < 0) {
		event_free(event);
		return r;
	}
	return probe_emit(probe, event);
}

/* TCP puts the length of a message before it (RFC 1035, 4.2.2). */
static size_t length_at(struct span payload, size_t at)
{
	return (size_t)(uint8_t)payload.data[at] << 8 | (uint8_t)payload.data[at + 1];
}

/* Can it be the head of a message?  Nobody asks two questions at once, and the messages of a transfer of a zone may have none. */
static bool is_head(struct span payload, size_t at)
{
	static const uint8_t must_be_zero = 0x40;
	size_t n_questions;

	if (payload.size < at + DNS_HEADER_BYTES || (uint8_t)payload.data[at + 3] & must_be_zero)
		return false;
	n_questions = length_at(payload, at + 4);
	return n_questions == 1 || (n_questions == 0 && length_at(payload, at + 6) > 0);
}

/* A call may move a message, or several, with the lengths, or one without, its length moved before it: if these are lengths,
 * they lead to the end of what was moved, or the last message goes on in another call. */
static bool has_lengths(const struct probe *probe, struct span payload)
{
	const struct probe_socket *socket = &probe->record->body.socket;
	size_t at = 0;

	if (socket->protocol != TCP)
		return false;
	if (!is_head(payload, 0) && is_head(payload, LENGTH_BYTES))
		return true;
	while (at + LENGTH_BYTES <= payload.size)
		at += LENGTH_BYTES + length_at(payload, at);
	/* wire_bytes tells no more than it can hold. */
	return at == socket->wire_bytes ||
	       (probe_is_cut(probe, DNS_PAYLOAD) && (at < socket->wire_bytes || socket->wire_bytes == UINT16_MAX));
}

/* Which of the two it is the sender of a message says; where it went, the call. */
static bool is_received(const struct probe *probe, bool is_response)
{
	switch (probe_call_act(probe)) {
	case PROBE_ACT_RECEIVE:
	case PROBE_ACT_READ:
		return true;
	case PROBE_ACT_SEND:
	case PROBE_ACT_WRITE:
		return false;
	default:
		return is_response;
	}
}

static int emit_message(struct probe *probe, struct span message, bool is_cut)
{
	const struct probe_socket *socket = &probe->record->body.socket;
	bool is_response;
	struct event *event;

	if (message.size < DNS_HEADER_BYTES)
		return 0;
	is_response = message.data[2] & 0x80;
	event = probe_event(probe, is_response ? KIND_ID(dns, response) : KIND_ID(dns, query), "DNS");
	if (!event)
		return -ENOMEM;
	if (dns_decode(event, message, is_cut, &is_response) < 0) {
		probe->decoder->stats.errors++;
		event_free(event);
		return 0;
	}
	set_kind_of_socket(event, socket);
	text_set(&event->values, FIELD_direction, is_received(probe, is_response) ? "ingress" : "egress");
	/* The server is the destination of both, as in ECS. */
	set_ends(event, socket, true, false);
	return probe_emit(probe, event);
}

int probe_dns(struct probe *probe)
{
	struct span payload = probe_text(probe->bytes, DNS_PAYLOAD);
	bool is_cut = probe_is_cut(probe, DNS_PAYLOAD);
	int r = 0;

	if (!has_lengths(probe, payload)) {
		/* The rest of a message that another call began. */
		if (probe->record->body.socket.protocol == TCP && !is_cut && payload.size >= DNS_HEADER_BYTES && !is_head(payload, 0)) {
			probe->decoder->stats.errors++;
			return 0;
		}
		return emit_message(probe, payload, is_cut);
	}
	while (r >= 0 && payload.size > LENGTH_BYTES && probe->n_events < PROBE_MAX_EVENTS) {
		size_t size = length_at(payload, 0);
		struct span message = { payload.data + LENGTH_BYTES, MIN(size, payload.size - LENGTH_BYTES) };

		r = emit_message(probe, message, message.size < size);
		payload.data += LENGTH_BYTES + message.size;
		payload.size -= LENGTH_BYTES + message.size;
	}
	return r;
}

/* Who sends is the source, of both. */
int probe_http(struct probe *probe)
{
	const struct probe_socket *socket = &probe->record->body.socket;
	struct event *event = probe_event(probe, KIND_ID(http, headers), "HTTP");
	bool comes_in = is_received(probe, false);

	if (!event)
		return -ENOMEM;
	/* Anything may begin like it. */
	if (http_text_decode(event, probe_text(probe->bytes, HTTP_HEAD), probe_is_cut(probe, HTTP_HEAD)) < 0) {
		event_free(event);
		return 0;
	}
	set_kind_of_socket(event, socket);
	text_set(&event->values, FIELD_direction, comes_in ? "ingress" : "egress");
	set_ends(event, socket, !comes_in, false);
	values_set_number(&event->values, FIELD_http_connection, socket->inode);
	return probe_emit(probe, event);
}
