/* See audit_interpret.h.  What a key means is a table; a key that is not there is taken as it stands. Names
 * of users are not looked up: that is the host's matter, and the record may be another's. */

#include "decode/audit_interpret.h"

#include <arpa/inet.h>
#include <libaudit.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "decode/audit_value.h"
#include "decode/decoder.h"

struct interpret {
	struct decoder *decoder;
	uint32_t type;
	audit_field_fn fn;
	void *user;
	const struct arch *arch;
	bool failed; /* success=no was seen */
	struct buffer *out;
	struct span key;
};

typedef int (*interpret_fn)(struct interpret *in, struct audit_value value);

static int give(struct interpret *in, struct span value)
{
	return in->fn(in->user, in->key, value);
}

static int give_text(struct interpret *in, const char *text)
{
	return give(in, span_of(text));
}

static int give_out(struct interpret *in)
{
	if (buffer_error(in->out) < 0)
		return -ENOMEM;
	return give(in, buffer_span(in->out));
}

static int read_text(struct interpret *in, struct audit_value value)
{
	return give(in, decoder_text(in->decoder, value));
}

static int read_id(struct interpret *in, struct audit_value value)
{
	uint32_t id;

	if (audit_u32(value, &id) && id == UINT32_MAX)
		return give_text(in, "unset");
	return give(in, audit_raw(value));
}

static int read_arch(struct interpret *in, struct audit_value value)
{
	in->arch = arch_lookup(in->decoder->archs, audit_raw(value));
	return in->arch ? give_text(in, in->arch->name) : give(in, audit_raw(value));
}

static int read_syscall(struct interpret *in, struct audit_value value)
{
	const struct call_info *info;
	const char *name = arch_call(in->arch, audit_raw(value), &info);

	return name ? give_text(in, name) : give(in, audit_raw(value));
}

static int read_success(struct interpret *in, struct audit_value value)
{
	in->failed = value.size == 2;
	return give(in, audit_raw(value));
}

static int read_exit(struct interpret *in, struct audit_value value)
{
	char number[24];
	int64_t error;

	if (!in->failed || !exit_parse(value, &error) || error >= 0)
		return give(in, audit_raw(value));
	return give_text(in, error_name(error, number));
}

static int read_hex(struct interpret *in, struct audit_value value)
{
	uint64_t number;

	if (in->type != 1300 || !audit_hex(value, &number))
		return read_text(in, value); /* a0= of EXECVE is a text */
	buffer_clear(in->out);
	buffer_append_text(in->out, "0x");
	buffer_append_hex(in->out, number, 0);
	return give_out(in);
}

static int read_mode(struct interpret *in, struct audit_value value)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} bits[] = { { S_ISUID, "suid," }, { S_ISGID, "sgid," }, { S_ISVTX, "sticky," } };
	static const struct {
		const char *ours, *ausearch;
	} types[] = { { "symlink", "link" }, { "char", "character" } };
	uint32_t mode;
	const char *type;

	if (!mode_parse(value, &mode))
		return give(in, audit_raw(value));
	type = mode_type(mode);
	for (size_t i = 0; type && i < ARRAY_SIZE(types); i++)
		if (strcmp(type, types[i].ours) == 0)
			type = types[i].ausearch;
	buffer_clear(in->out);
	if (type) {
		buffer_append_text(in->out, type);
		buffer_append_byte(in->out, ',');
	}
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (mode & bits[i].bit)
			buffer_append_text(in->out, bits[i].name);
	buffer_printf(in->out, "%03o", mode & 0777);
	return give_out(in);
}

static int read_address(struct interpret *in, struct audit_value value)
{
	struct socket_address address;
	char ip[INET6_ADDRSTRLEN];

	if (!audit_is_hex(value) || !socket_address_parse(value, &address))
		return give(in, audit_raw(value));
	buffer_clear(in->out);
	switch (address.family) {
	case AF_INET:
	case AF_INET6:
		inet_ntop(address.ip_size == 4 ? AF_INET : AF_INET6, address.ip, ip, sizeof(ip));
		buffer_printf(in->out, "{ saddr_fam=%s laddr=%s lport=%u }",
			      address.family == AF_INET ? "inet" : "inet6", ip, address.port);
		break;
	case AF_UNIX:
		buffer_append_text(in->out, "{ saddr_fam=local path=");
		buffer_append_span(in->out, (struct span){ address.path, address.path_size });
		buffer_append_text(in->out, " }");
		break;
	case AF_NETLINK:
		buffer_printf(in->out, "{ saddr_fam=netlink nlnk-fam=16 nlnk-pid=%u }", address.netlink_pid);
		break;
	default:
		buffer_printf(in->out, "unknown-family(%u)", address.family);
	}
	return give_out(in);
}

static int read_result(struct interpret *in, struct audit_value value)
{
	struct span text = audit_raw(value);

	if (span_eq(text, SPAN("1")))
		return give_text(in, "yes");
	return span_eq(text, SPAN("0")) ? give_text(in, "no") : give(in, text);
}

static int read_list(struct interpret *in, struct audit_value value)
{
	uint32_t list;
	const char *name = audit_u32(value, &list) && list < 16 ? audit_flag_to_name((int)list) : NULL;

	return name ? give_text(in, name) : give(in, audit_raw(value));
}

static int read_signal(struct interpret *in, struct audit_value value)
{
	uint64_t number;
	const char *name = audit_u64(value, &number) ? signal_name(number) : NULL;

	return name ? give_text(in, name) : give(in, audit_raw(value));
}

static int read_capabilities(struct interpret *in, struct audit_value value)
{
	uint64_t set;

	if (!audit_hex(value, &set))
		return give(in, audit_raw(value));
	if (set == 0)
		return give_text(in, "none");
	buffer_clear(in->out);
	for (unsigned i = 0; i < 64; i++) {
		const char *name = capability_name(i);

		if (!(set >> i & 1))
			continue;
		if (in->out->size > 0)
			buffer_append_byte(in->out, ',');
		if (name)
			buffer_append_text(in->out, name);
		else
			buffer_printf(in->out, "%u", i);
	}
	return give_out(in);
}

/* fp= of CRYPTO_KEY_USER is a fingerprint. */
static int read_file_capabilities(struct interpret *in, struct audit_value value)
{
	return in->type == 1321 ? read_capabilities(in, value) : give(in, audit_raw(value));
}

static int read_seccomp(struct interpret *in, struct audit_value value)
{
	static const struct {
		uint64_t code;
		const char *name;
	} codes[] = {
		{ 0, "kill" },		 { 0x80000000, "kill-process" }, { 0x00030000, "trap" },
		{ 0x00050000, "errno" }, { 0x7fc00000, "user-notify" },	 { 0x7ff00000, "trace" },
		{ 0x7ffc0000, "log" },	 { 0x7fff0000, "allow" },
	};
	uint64_t code;

	if (in->type == 1326 && audit_hex(value, &code))
		for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
			if (codes[i].code == (code & 0xffff0000u))
				return give_text(in, codes[i].name);
	return give(in, audit_raw(value));
}

static int read_family(struct interpret *in, struct audit_value value)
{
	uint32_t family;
	char name[16];

	if (in->type != 1325 || !audit_u32(value, &family))
		return give(in, audit_raw(value));
	return give_text(in, socket_family_name(family, name));
}

/* Arguments with NUL between them */
static int read_title(struct interpret *in, struct audit_value value)
{
	struct span text = decoder_text(in->decoder, value);

	while (text.size > 0 && text.data[text.size - 1] == 0)
		text.size--;
	buffer_clear(in->out);
	for (size_t i = 0; i < text.size; i++)
		buffer_append_byte(in->out, text.data[i] ? text.data[i] : ' ');
	return give_out(in);
}

static int read_keys(struct interpret *in, struct audit_value value)
{
	struct span rest;
	int r = 0;

	if (!value.quoted && value.size > 0 && value.data[value.size - 1] == '"')
		value.size--;
	rest = decoder_text(in->decoder, value);
	for (;;) {
		const char *end = memchr(rest.data, 1, rest.size);
		struct span key = { rest.data, end ? (size_t)(end - rest.data) : rest.size };

		r = give(in, key);
		if (r < 0 || !end)
			return r;
		rest.size -= key.size + 1;
		rest.data = end + 1;
	}
}

static const struct {
	struct span key;
	interpret_fn read;
} readers[] = {
#define READ(key, how) { { key, sizeof(key) - 1 }, read_##how }
	READ("arch", arch), READ("syscall", syscall), READ("success", success), READ("exit", exit),
	READ("a0", hex), READ("a1", hex), READ("a2", hex), READ("a3", hex), READ("mode", mode),
	READ("saddr", address), READ("res", result), READ("result", result), READ("list", list),
	READ("sig", signal), READ("cap_pi", capabilities), READ("cap_pe", capabilities),
	READ("cap_pp", capabilities), READ("cap_pa", capabilities), READ("cap_fp", capabilities),
	READ("cap_fi", capabilities), READ("fp", file_capabilities), READ("fi", file_capabilities),
	READ("old_pp", capabilities), READ("old_pi", capabilities), READ("old_pe", capabilities),
	READ("old_pa", capabilities), READ("new_pp", capabilities), READ("new_pi", capabilities),
	READ("new_pe", capabilities), READ("new_pa", capabilities), READ("pp", capabilities),
	READ("pi", capabilities), READ("pe", capabilities), READ("pa", capabilities),
	READ("code", seccomp), READ("family", family), READ("proctitle", title), READ("key", keys),
	READ("comm", text), READ("exe", text), READ("cwd", text), READ("name", text),
	READ("path", text), READ("cmd", text), READ("acct", text), READ("data", text),
	READ("ocomm", text), READ("vm", text), READ("sw", text), READ("dir", text), READ("file", text),
	READ("profile", text), READ("grp", text), READ("device", text), READ("cgroup", text),
	READ("auid", id), READ("uid", id), READ("gid", id), READ("euid", id), READ("suid", id),
	READ("fsuid", id), READ("egid", id), READ("sgid", id), READ("fsgid", id), READ("ouid", id),
	READ("ogid", id), READ("oauid", id), READ("old-auid", id), READ("ses", id), READ("id", id),
	READ("sauid", id), READ("inode_uid", id),
#undef READ
};

/* a4=, a1[0]=, a17_len= */
static bool is_argument(struct span key)
{
	return key.size > 1 && key.data[0] == 'a' && key.data[1] >= '0' && key.data[1] <= '9' &&
	       !span_ends(key, SPAN("_len"));
}

static int walk(struct interpret *in, struct span rest)
{
	struct audit_pair pair;
	int r;

	while (audit_next(&rest, &pair)) {
		interpret_fn read = in->type == 1309 && is_argument(pair.key) ? read_text : NULL;

		in->key = pair.key;
		if (pair.nested) {
			r = walk(in, audit_raw(pair.value));
			if (r < 0)
				return r;
			continue;
		}
		for (size_t i = 0; !read && i < ARRAY_SIZE(readers); i++)
			if (span_eq(readers[i].key, pair.key))
				read = readers[i].read;
		if (read && pair.value.size > 0 && !audit_is_nothing(pair.value))
			r = read(in, pair.value);
		else if (span_eq(pair.key, SPAN("op")))
			r = give(in, audit_sentence(&pair, rest));
		else
			r = give(in, audit_raw(pair.value));
		if (r < 0)
			return r;
	}
	return 0;
}

int audit_interpret(struct decoder *decoder, uint32_t type, struct span body, audit_field_fn fn, void *user)
{
	_cleanup_(buffer_release) struct buffer out = { 0 };
	struct span text, names;
	struct interpret in = {
		.decoder = decoder,
		.type = type,
		.fn = fn,
		.user = user,
		.out = &out,
	};

	audit_split(body, &text, &names);
	return walk(&in, text);
}
