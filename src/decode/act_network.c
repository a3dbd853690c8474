/* System calls on sockets -> network events.
 *
 * audit has the address that the program passed or got, not the other end's: what is not in SOCKADDR stays
 * unknown. A connect that failed was still tried, and one of a non-blocking socket always "fails" with
 * EINPROGRESS. */

#include "decode/decoder.h"

#include <sys/socket.h>

#include "decode/audit_value.h"

static bool read_address(struct decoder *decoder, struct socket_address *ret)
{
	static const struct audit_key keys[] = { AUDIT_KEY(0, "saddr") };
	static const struct audit_layout layout = { keys, 1, 1, 0 };
	struct audit_value value;
	struct audit_pair pair;
	struct span rest;

	if (!decoder->parts[PART_SOCKADDR])
		return false;
	rest = record_text(decoder->parts[PART_SOCKADDR]);
	audit_scan(rest, &layout, &value);
	if (value.size > 0 && value.data[0] == '{' && audit_next(&rest, &pair))
		value = pair.value; /* of ausearch -i: all between the braces */
	if (socket_address_parse(value, ret))
		return true;
	decoder->stats.errors++;
	return false;
}

static void set_address(struct decoder *decoder, struct event *event, const struct socket_address *address,
			bool is_source)
{
	struct values *values = &event->values;
	char family[16];

	text_set(values, FIELD_network_type,
		 address->family == AF_INET6 && address->ip_size == 4
			 ? "ipv4"
			 : socket_family_name(address->family, family));
	if (address->ip_size > 0)
		values_set_text(values, is_source ? FIELD_source_ip : FIELD_destination_ip,
				(struct span){ (const char *)address->ip, address->ip_size });
	if (address->has_port)
		values_set_number(values, is_source ? FIELD_source_port : FIELD_destination_port,
				  address->port);
	if (address->has_path) {
		struct span path = { address->path, address->path_size };

		if (path.data[0] == '@' || !path_set_joined(decoder, values, FIELD_socket_path, path))
			values_set_text(values, FIELD_socket_path, path);
	}
}

static struct event *network_event(struct decoder *decoder, uint16_t kind, const char *direction)
{
	struct event *event = call_event(decoder, kind);
	uint64_t fd;

	if (!event)
		return NULL;
	if (direction)
		text_set(&event->values, FIELD_direction, direction);
	if (call_arg(&decoder->call, 0, &fd))
		values_set_number(&event->values, FIELD_socket_fd, (uint32_t)fd);
	return event;
}

/* The connection comes about or fails without the program, also if a signal interrupted it (connect(2)); others than internet ones do not. */
static bool goes_on(const struct call *call, const struct socket_address *address)
{
	if (!call->failed || !call->has_exit)
		return false;
	return call->exit == -EINPROGRESS || (call->exit == -EINTR && address && (address->family == AF_INET || address->family == AF_INET6));
}

int act_connect(struct decoder *decoder)
{
	struct call *call = &decoder->call;
	struct socket_address address;
	bool has_address = read_address(decoder, &address);
	uint16_t kind = KIND_ID(network, connect);
	struct event *event;

	if (has_address && address.family == AF_UNSPEC && !call->failed)
		kind = KIND_ID(network, disconnect); /* connect(2): dissolves the association */
	event = network_event(decoder, kind, kind == KIND_ID(network, connect) ? "egress" : NULL);
	if (!event)
		return -ENOMEM;
	if (goes_on(call, has_address ? &address : NULL))
		text_set(&event->values, FIELD_outcome, "in_progress");
	if (has_address)
		set_address(decoder, event, &address, false);
	else if (!call->failed || (call->has_exit && call->exit == -EINPROGRESS))
		decoder->missing |= MISSING_SOCKADDR;
	return decoder_emit(decoder, event);
}

int act_accept(struct decoder *decoder)
{
	struct call *call = &decoder->call;
	struct event *event = network_event(decoder, KIND_ID(network, accept), "ingress");
	struct socket_address address;
	uint64_t pointer;

	if (!event)
		return -ENOMEM;
	/* The descriptor of the connection, not of the listening socket. */
	if (!call->failed && call->has_exit && call->exit >= 0 && call->exit <= INT32_MAX)
		values_set_number(&event->values, FIELD_socket_fd, (uint64_t)call->exit);
	if (read_address(decoder, &address))
		set_address(decoder, event, &address, true);
	else if (!call->failed && call_arg(call, 1, &pointer) && pointer != 0)
		decoder->missing |= MISSING_SOCKADDR;
	return decoder_emit(decoder, event);
}

int act_bind(struct decoder *decoder)
{
	struct event *event = network_event(decoder, KIND_ID(network, bind), NULL);
	struct socket_address address;

	if (!event)
		return -ENOMEM;
	if (read_address(decoder, &address))
		set_address(decoder, event, &address, true);
	else if (!decoder->call.failed)
		decoder->missing |= MISSING_SOCKADDR;
	return decoder_emit(decoder, event);
}

int act_listen(struct decoder *decoder)
{
	struct event *event = network_event(decoder, KIND_ID(network, listen), NULL);

	if (!event)
		return -ENOMEM;
	return decoder_emit(decoder, event);
}

/* Only datagrams have an address at the call. */
int act_send(struct decoder *decoder)
{
	struct event *event;
	struct socket_address address;

	if (!read_address(decoder, &address))
		return ACT_PASS;
	event = network_event(decoder, KIND_ID(network, send), "egress");
	if (!event)
		return -ENOMEM;
	set_address(decoder, event, &address, false);
	return decoder_emit(decoder, event);
}

/* i386 and s390 have one call for all (linux/net.h); its arguments are in a record of their own. */
int act_socketcall(struct decoder *decoder)
{
	static int (*const calls[])(struct decoder *) = {
		[2] = act_bind,	 [3] = act_connect, [4] = act_listen,  [5] = act_accept,
		[11] = act_send, [16] = act_send,   [18] = act_accept, [20] = act_send,
	};
	static const struct audit_key keys[] = {
		AUDIT_KEY(0, "a0"),
		AUDIT_KEY(1, "a1"),
		AUDIT_KEY(2, "a2"),
		AUDIT_KEY(3, "a3"),
	};
	static const struct audit_layout layout = { keys, 4, 4, 3 };
	struct call *call = &decoder->call;
	uint64_t number;

	if (!call_arg(call, 0, &number) || number >= ARRAY_SIZE(calls) || !calls[number])
		return ACT_PASS;
	memset(&call->slots[CALL_a0], 0, 4 * sizeof(call->slots[0]));
	if (decoder->parts[PART_SOCKETCALL])
		audit_scan(record_text(decoder->parts[PART_SOCKETCALL]), &layout, &call->slots[CALL_a0]);
	return calls[number](decoder);
}
