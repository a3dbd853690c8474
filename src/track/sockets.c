/* Both ends of a socket, where the records of audit tell but one, or none: connect(2) shows the address that is asked for, accept(2) only
 * what the program wants to know, listen(2) nothing, and a bind to port 0 not which one it became.  The socket is asked after the fact,
 * so what it says is inferred, and left alone where it is another by now.
 *
 * Of processes of root alone: who asks holds the file of the descriptor for a moment, and what anybody may have put in its place (a file of
 * a FUSE server that does not answer) could keep the recorder waiting. */

#include "track/tracker.h"

#include <errno.h>

static const struct side {
	enum field ip, port;
} source = { FIELD_source_ip, FIELD_source_port }, destination = { FIELD_destination_ip, FIELD_destination_port };

static bool knows(const struct values *values, const struct side *side)
{
	return values_has(values, side->ip) && values_has(values, side->port) && values_number(values, side->port) != 0;
}

/* What the event says of that end is not otherwise. */
static bool is_it(const struct values *values, const struct side *side, const struct socket_end *end)
{
	struct span ip = { (const char *)end->ip, end->ip_size };

	if (values_has(values, side->port) && values_number(values, side->port) != 0 && values_number(values, side->port) != end->port)
		return false;
	return !values_has(values, side->ip) || span_eq(values_text(values, side->ip), ip);
}

/* Bound to no address, which is one to wait at, but none to come from. */
static bool is_any(const struct socket_end *end)
{
	for (size_t i = 0; i < end->ip_size; i++)
		if (end->ip[i])
			return false;
	return true;
}

static void fill(struct values *values, const struct side *side, const struct socket_end *end, bool waits)
{
	if (!values_has(values, side->ip) && end->ip_size > 0 && (waits || !is_any(end))) {
		values_set_text(values, side->ip, (struct span){ (const char *)end->ip, end->ip_size });
		values_set_inferred(values, side->ip);
	}
	if (end->port > 0 && (!values_has(values, side->port) || values_number(values, side->port) == 0)) {
		values_set_number(values, side->port, end->port);
		values_set_inferred(values, side->port);
	}
}

static bool is_roots(const struct context *context)
{
	return values_has(&context->values, FIELD_uid) && context->uid == 0 && values_has(&context->values, FIELD_euid) && context->euid == 0;
}

void sockets_settle(struct tracker *tracker, struct event *event, uint32_t pid)
{
	struct values *values = &event->values;
	bool comes = event->kind == KIND_ID(network, accept);
	bool waits = event->kind == KIND_ID(network, bind) || event->kind == KIND_ID(network, listen);
	const struct side *local = comes ? &destination : &source, *remote = comes ? &source : &destination;
	struct socket_ends ends;

	if (!tracker->options.resolve_socket || !is_roots(event->context) || !values_has(values, FIELD_socket_fd) || values_has(values, FIELD_socket_path) ||
	    !(comes || waits || event->kind == KIND_ID(network, connect)) ||
	    !span_eq(values_text(values, FIELD_source), SPAN("audit")) || span_eq(values_text(values, FIELD_outcome), SPAN("failure")))
		return;
	if (knows(values, local) && (waits || knows(values, remote)))
		return;
	if (tracker->options.resolve_socket(tracker->options.user, pid, (int32_t)values_number(values, FIELD_socket_fd), &ends) < 0)
		return;
	if (!is_it(values, local, &ends.local) || (!waits && !is_it(values, remote, &ends.remote)))
		return;
	fill(values, local, &ends.local, waits);
	if (!waits)
		fill(values, remote, &ends.remote, false);
	if (!values_has(values, FIELD_network_type)) {
		values_set_text(values, FIELD_network_type, ends.local.ip_size == 4 ? SPAN("ipv4") : SPAN("ipv6"));
		values_set_inferred(values, FIELD_network_type);
	}
}
