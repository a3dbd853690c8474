/* One way to write each type of field; the same in every command. */

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "cli/value_text.h"
#include "event/json_text.h"

typedef void (*append_fn)(struct buffer *out, const struct screen *screen, const struct values *values,
			  enum field field);

static void append_unsigned(struct buffer *out, const struct screen *screen, const struct values *values,
			    enum field field)
{
	buffer_append_u64(out, values_number(values, field));
}

/* auid and ses of a process nobody logged in for. */
static void append_u32(struct buffer *out, const struct screen *screen, const struct values *values,
		       enum field field)
{
	uint64_t number = values_number(values, field);

	if (number == UINT32_MAX)
		buffer_append_text(out, "unset");
	else
		buffer_append_u64(out, number);
}

static void append_signed(struct buffer *out, const struct screen *screen, const struct values *values,
			  enum field field)
{
	buffer_append_i64(out, (int64_t)values_number(values, field));
}

static void append_bool(struct buffer *out, const struct screen *screen, const struct values *values,
			enum field field)
{
	buffer_append_text(out, values_number(values, field) ? "yes" : "no");
}

static void append_time(struct buffer *out, const struct screen *screen, const struct values *values,
			enum field field)
{
	screen_append_time(screen, out, values_number(values, field));
}

static void append_id(struct buffer *out, const struct screen *screen, const struct values *values,
		      enum field field)
{
	buffer_append_hex(out, values_number(values, field), 16);
}

static void append_mode(struct buffer *out, const struct screen *screen, const struct values *values,
			enum field field)
{
	buffer_printf(out, "%04" PRIo64, values_number(values, field));
}

static void append_device(struct buffer *out, const struct screen *screen, const struct values *values,
			  enum field field)
{
	uint64_t device = values_number(values, field);

	buffer_printf(out, "%u:%u", major(device), minor(device));
}

static void append_text(struct buffer *out, const struct screen *screen, const struct values *values,
			enum field field)
{
	buffer_append_span(out, values_text(values, field));
}

static void append_list(struct buffer *out, const struct screen *screen, const struct values *values,
			enum field field)
{
	struct span item, rest = values_text(values, field);
	bool first = true;

	for (; list_next(&rest, &item); first = false) {
		if (!first)
			buffer_append_text(out, ", ");
		buffer_append_span(out, item);
	}
}

static void append_address(struct buffer *out, const struct screen *screen, const struct values *values,
			   enum field field)
{
	address_append(out, values_text(values, field), false);
}

static const append_fn field_writers[] = {
	[TYPE_U32] = append_u32,    [TYPE_U64] = append_unsigned, [TYPE_I32] = append_signed,
	[TYPE_I64] = append_signed, [TYPE_BOOL] = append_bool,	  [TYPE_TIME] = append_time,
	[TYPE_ID] = append_id,	    [TYPE_MODE] = append_mode,	  [TYPE_DEVICE] = append_device,
	[TYPE_TEXT] = append_text,  [TYPE_STRING] = append_text,  [TYPE_PATH] = append_text,
	[TYPE_LIST] = append_list,  [TYPE_IP] = append_address,
};

void value_append(struct buffer *out, const struct screen *screen, const struct values *values,
		  enum field field)
{
	field_writers[fields[field].type](out, screen, values, field);
}

static void append_exact_bool(struct buffer *out, const struct screen *screen, const struct values *values,
			      enum field field)
{
	buffer_append_text(out, values_number(values, field) ? "true" : "false");
}

static void append_exact_time(struct buffer *out, const struct screen *screen, const struct values *values,
			      enum field field)
{
	buffer_append_time(out, values_number(values, field));
}

void value_append_exact(struct buffer *out, const struct values *values, enum field field)
{
	static const append_fn exact[ARRAY_SIZE(field_writers)] = {
		[TYPE_U32] = append_unsigned, [TYPE_BOOL] = append_exact_bool, [TYPE_TIME] = append_exact_time
	};
	enum field_type type = fields[field].type;

	(exact[type] ? exact[type] : field_writers[type])(out, NULL, values, field);
}

void address_append(struct buffer *out, struct span address, bool brackets)
{
	char text[IP_TEXT_MAX];
	size_t size = ip_text(address, text);

	brackets = brackets && address.size == 16;
	if (brackets)
		buffer_append_byte(out, '[');
	buffer_append(out, text, size);
	if (brackets)
		buffer_append_byte(out, ']');
}

void signal_append(struct buffer *out, uint32_t number)
{
	const char *name = number < NSIG ? sigabbrev_np((int)number) : NULL;

	if (name)
		buffer_printf(out, "SIG%s", name);
	else
		buffer_printf(out, "signal %u", number);
}
