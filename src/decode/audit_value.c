/* See audit_value.h.  Kernel facts: uapi/linux/socket.h, uapi/asm-generic/fcntl.h, uapi/linux/mount.h. */

#include "decode/audit_value.h"

#include <arpa/inet.h>
#include <libaudit.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void take_ip(struct socket_address *address, const unsigned char *ip, uint8_t size)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

	/* ::ffff:1.2.3.4 is an IPv4 peer of an IPv6 socket. */
	if (size == 16 && memcmp(ip, mapped, sizeof(mapped)) == 0) {
		ip += 12;
		size = 4;
	}
	memcpy(address->ip, ip, size);
	address->ip_size = size;
}

static void take_path(struct socket_address *address, const unsigned char *name, size_t size)
{
	bool abstract = size > 0 && name[0] == 0;

	if (abstract)
		/* Programs that pass the whole structure have a tail of NULs in the name; nobody means them.
		 */
		while (size > 1 && name[size - 1] == 0)
			size--;
	else
		size = strnlen((const char *)name, size);
	if (size == 0)
		return;
	size = MIN(size, sizeof(address->path));
	for (size_t i = 0; i < size; i++)
		address->path[i] = name[i] ? (char)name[i] : '@';
	address->path_size = (uint8_t)size;
	address->has_path = true;
}

/* As the kernel copied it from the program. */
static bool parse_raw(const unsigned char *raw, size_t size, struct socket_address *ret)
{
	struct socket_address address = { 0 };

	if (size < 2)
		return false;
	/* Byte order of the machine that wrote it; no family is above 255. */
	address.family = raw[1] == 0 ? raw[0] : (raw[0] == 0 ? raw[1] : raw[0] | (unsigned)raw[1] << 8);
	switch (address.family) {
	case AF_INET:
		if (size < 8)
			return false;
		take_ip(&address, raw + 4, 4);
		break;
	case AF_INET6:
		if (size < 24)
			return false;
		take_ip(&address, raw + 8, 16);
		break;
	case AF_UNIX:
		take_path(&address, raw + 2, size - 2);
		break;
	case AF_NETLINK:
		if (size >= 8)
			memcpy(&address.netlink_pid, raw + 4, 4);
		break;
	}
	if (address.ip_size > 0) {
		address.port = (uint16_t)(raw[2] << 8 | raw[3]);
		address.has_port = true;
	}
	*ret = address;
	return true;
}

static bool parse_words(struct span rest, struct socket_address *ret)
{
	static const struct {
		struct span name;
		unsigned family;
	} families[] = {
		{ { "inet", 4 }, AF_INET },
		{ { "inet6", 5 }, AF_INET6 },
		{ { "local", 5 }, AF_UNIX },
		{ { "netlink", 7 }, AF_NETLINK },
	};
	struct socket_address address = { 0 };
	struct audit_pair pair;
	bool found = false;

	while (audit_next(&rest, &pair)) {
		struct span value = audit_raw(pair.value);

		if (span_ends(pair.key, SPAN("fam")) && !span_starts(pair.key, SPAN("nlnk"))) {
			for (size_t i = 0; i < ARRAY_SIZE(families); i++)
				if (span_eq(families[i].name, value)) {
					address.family = families[i].family;
					found = true;
				}
		} else if (span_eq(pair.key, SPAN("laddr"))) {
			uint8_t ip[16], size = ip_parse(value, ip);

			if (size > 0)
				take_ip(&address, ip, size);
		} else if (span_eq(pair.key, SPAN("lport"))) {
			uint64_t port;

			if (audit_u64(pair.value, &port) && port <= UINT16_MAX) {
				address.port = (uint16_t)port;
				address.has_port = true;
			}
		} else if (span_eq(pair.key, SPAN("path")) && value.size > 0) {
			take_path(&address, (const unsigned char *)value.data, value.size);
		}
	}
	if (found)
		*ret = address;
	return found;
}

bool socket_address_parse(struct audit_value value, struct socket_address *ret)
{
	char raw[256]; /* struct sockaddr_storage has 128 */

	if (!value.data)
		return false;
	if (!audit_is_hex(value))
		return parse_words(audit_raw(value), ret);
	value.size = MIN(value.size, 2 * (uint32_t)sizeof(raw));
	audit_unhex(raw, value);
	return parse_raw((const unsigned char *)raw, value.size / 2, ret);
}

const char *socket_family_name(unsigned family, char ret[static 16])
{
	static const char *const names[] = {
		[AF_UNSPEC] = "unspec",
		[AF_UNIX] = "unix",
		[AF_INET] = "ipv4",
		[AF_INET6] = "ipv6",
		[AF_NETLINK] = "netlink",
		[AF_PACKET] = "packet",
		[AF_BLUETOOTH] = "bluetooth",
		[AF_CAN] = "can",
		[AF_ALG] = "alg",
		[AF_VSOCK] = "vsock",
		[AF_TIPC] = "tipc",
		[AF_IUCV] = "iucv",
		[AF_AX25] = "ax25",
		[AF_IPX] = "ipx",
		[AF_APPLETALK] = "appletalk",
		[AF_X25] = "x25",
		[AF_KEY] = "key",
		[AF_RDS] = "rds",
		[AF_PPPOX] = "pppox",
		[AF_NFC] = "nfc",
		[AF_XDP] = "xdp",
		[AF_SMC] = "smc",
		[AF_QIPCRTR] = "qipcrtr",
		[AF_KCM] = "kcm",
		[AF_PHONET] = "phonet",
	};

	if (family < ARRAY_SIZE(names) && names[family])
		return names[family];
	snprintf(ret, 16, "family-%u", family & 0xffff);
	return ret;
}

static const struct {
	uint32_t mode;
	const char *ours, *ausearch;
} file_types[] = {
	{ S_IFREG, "file", "file" },	  { S_IFDIR, "dir", "dir" },	 { S_IFLNK, "symlink", "link" },
	{ S_IFCHR, "char", "character" }, { S_IFBLK, "block", "block" }, { S_IFIFO, "fifo", "fifo" },
	{ S_IFSOCK, "socket", "socket" },
};

const char *mode_type(uint32_t mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_types); i++)
		if (file_types[i].mode == (mode & S_IFMT))
			return file_types[i].ours;
	return NULL;
}

static uint32_t mode_word(struct span word)
{
	for (size_t i = 0; i < ARRAY_SIZE(file_types); i++)
		if (span_eq(span_of(file_types[i].ausearch), word))
			return file_types[i].mode;
	if (span_eq(word, SPAN("suid")))
		return S_ISUID;
	if (span_eq(word, SPAN("sgid")))
		return S_ISGID;
	if (span_eq(word, SPAN("sticky")))
		return S_ISVTX;
	return 0;
}

bool mode_parse(struct audit_value value, uint32_t *ret)
{
	uint64_t number;
	uint32_t mode = 0;

	if (!value.data)
		return false;
	if (audit_octal(value, &number)) {
		if (number > 0177777)
			return false;
		*ret = (uint32_t)number;
		return true;
	}
	while (value.size > 0) {
		const char *comma = memchr(value.data, ',', value.size);
		uint32_t size = comma ? (uint32_t)(comma - value.data) : value.size;
		struct audit_value word = { value.data, size, false };
		uint32_t bits = mode_word(audit_raw(word));

		if (bits == 0) {
			if (!audit_octal(word, &number) || number > 0777)
				return false;
			bits = (uint32_t)number;
		}
		mode |= bits;
		if (!comma)
			break;
		value.size -= size + 1;
		value.data = comma + 1;
	}
	*ret = mode;
	return mode != 0;
}

bool exit_parse(struct audit_value value, int64_t *ret)
{
	const char *bracket;
	char name[32];
	int error;

	if (!value.data)
		return false;
	if (audit_i64(value, ret))
		return true;
	bracket = memchr(value.data, '(', value.size);
	if (bracket)
		value.size = (uint32_t)(bracket - value.data);
	if (value.size > 0 && value.data[0] == '-') {
		value.data++;
		value.size--;
	}
	if (value.size == 0 || value.size >= sizeof(name) || value.data[0] != 'E')
		return false;
	memcpy(name, value.data, value.size);
	name[value.size] = 0;
	error = audit_name_to_errno(name);
	if (error == 0)
		return false;
	*ret = error < 0 ? error : -error;
	return true;
}

const char *error_name(int64_t error, char ret[static 24])
{
	/* Never leave the kernel as such, yet audit sees them (include/linux/errno.h). */
	static const struct {
		uint64_t error;
		const char *name;
	} internal[] = {
		{ 512, "ERESTARTSYS" }, { 513, "ERESTARTNOINTR" },	  { 514, "ERESTARTNOHAND" },
		{ 515, "ENOIOCTLCMD" }, { 516, "ERESTART_RESTARTBLOCK" }, { 517, "EPROBE_DEFER" },
		{ 529, "EIOCBQUEUED" },
	};
	uint64_t number = error < 0 ? -(uint64_t)error : (uint64_t)error;
	const char *name = NULL;

	if (number < 512)
		name = audit_errno_to_name((int)number);
	for (size_t i = 0; !name && i < ARRAY_SIZE(internal); i++)
		if (internal[i].error == number)
			name = internal[i].name;
	if (name)
		return name;
	snprintf(ret, 24, "%llu", (unsigned long long)number);
	return ret;
}

struct flag_name {
	uint64_t flag;
	const char *name;
};

static void append_flags(struct buffer *buffer, uint64_t flags, const struct flag_name *names, size_t n,
			 bool first)
{
	for (size_t i = 0; i < n; i++) {
		if (names[i].flag == 0 || (flags & names[i].flag) != names[i].flag)
			continue;
		flags &= ~names[i].flag;
		if (!first)
			buffer_append_byte(buffer, '|');
		first = false;
		buffer_append_text(buffer, names[i].name);
	}
	if (flags != 0) {
		if (!first)
			buffer_append_byte(buffer, '|');
		buffer_append_text(buffer, "0x");
		buffer_append_hex(buffer, flags, 0);
	}
}

void open_flags_text(struct buffer *buffer, uint64_t flags, bool x86_flags)
{
	static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
	static const struct flag_name x86[] = {
		{ 0100, "O_CREAT" },	    { 0200, "O_EXCL" },	       { 0400, "O_NOCTTY" },
		{ 01000, "O_TRUNC" },	    { 02000, "O_APPEND" },     { 04000, "O_NONBLOCK" },
		{ 04010000, "O_SYNC" },	    { 010000, "O_DSYNC" },     { 020000, "O_ASYNC" },
		{ 020200000, "O_TMPFILE" }, { 040000, "O_DIRECT" },    { 0100000, "O_LARGEFILE" },
		{ 0200000, "O_DIRECTORY" }, { 0400000, "O_NOFOLLOW" }, { 01000000, "O_NOATIME" },
		{ 02000000, "O_CLOEXEC" },  { 010000000, "O_PATH" },
	};
	static const struct flag_name arm[] = {
		{ 0100, "O_CREAT" },	    { 0200, "O_EXCL" },		{ 0400, "O_NOCTTY" },
		{ 01000, "O_TRUNC" },	    { 02000, "O_APPEND" },	{ 04000, "O_NONBLOCK" },
		{ 04010000, "O_SYNC" },	    { 010000, "O_DSYNC" },	{ 020000, "O_ASYNC" },
		{ 020040000, "O_TMPFILE" }, { 040000, "O_DIRECTORY" },	{ 0100000, "O_NOFOLLOW" },
		{ 0200000, "O_DIRECT" },    { 0400000, "O_LARGEFILE" }, { 01000000, "O_NOATIME" },
		{ 02000000, "O_CLOEXEC" },  { 010000000, "O_PATH" },
	};

	buffer_append_text(buffer, access[flags & 3]);
	flags &= ~UINT64_C(3);
	if (x86_flags)
		append_flags(buffer, flags, x86, ARRAY_SIZE(x86), false);
	else
		append_flags(buffer, flags, arm, ARRAY_SIZE(arm), false);
}

void mount_flags_text(struct buffer *buffer, uint64_t flags)
{
	static const struct flag_name names[] = {
		{ 1, "MS_RDONLY" },
		{ 2, "MS_NOSUID" },
		{ 4, "MS_NODEV" },
		{ 8, "MS_NOEXEC" },
		{ 0x10, "MS_SYNCHRONOUS" },
		{ 0x20, "MS_REMOUNT" },
		{ 0x40, "MS_MANDLOCK" },
		{ 0x80, "MS_DIRSYNC" },
		{ 0x100, "MS_NOSYMFOLLOW" },
		{ 0x400, "MS_NOATIME" },
		{ 0x800, "MS_NODIRATIME" },
		{ 0x1000, "MS_BIND" },
		{ 0x2000, "MS_MOVE" },
		{ 0x4000, "MS_REC" },
		{ 0x8000, "MS_SILENT" },
		{ 0x10000, "MS_POSIXACL" },
		{ 0x20000, "MS_UNBINDABLE" },
		{ 0x40000, "MS_PRIVATE" },
		{ 0x80000, "MS_SLAVE" },
		{ 0x100000, "MS_SHARED" },
		{ 0x200000, "MS_RELATIME" },
		{ 0x800000, "MS_I_VERSION" },
		{ 0x1000000, "MS_STRICTATIME" },
		{ 0x2000000, "MS_LAZYTIME" },
	};

	/* mount(2): the old magic number in the upper half says nothing. */
	if ((flags & 0xffff0000u) == 0xc0ed0000u)
		flags &= 0xffff;
	append_flags(buffer, flags, names, ARRAY_SIZE(names), true);
}

/* linux/memfd.h; memfd_secret(2) has the flag of open(2). */
void memfd_flags_text(struct buffer *buffer, uint64_t flags)
{
	static const struct flag_name names[] = {
		{ 1, "MFD_CLOEXEC" },	   { 2, "MFD_ALLOW_SEALING" }, { 4, "MFD_HUGETLB" },
		{ 8, "MFD_NOEXEC_SEAL" },  { 0x10, "MFD_EXEC" },       { 02000000, "O_CLOEXEC" },
	};

	append_flags(buffer, flags, names, ARRAY_SIZE(names), true);
}

void clone_flags_text(struct buffer *buffer, uint64_t flags, char separator)
{
	static const struct flag_name names[] = {
		{ 0x00020000, "mount namespace" },   { 0x02000000, "cgroup namespace" },
		{ 0x04000000, "uts namespace" },     { 0x08000000, "ipc namespace" },
		{ 0x10000000, "user namespace" },    { 0x20000000, "pid namespace" },
		{ 0x40000000, "network namespace" }, { 0x80, "time namespace" },
		{ 0x00000200, "filesystem" },	     { 0x00000400, "files" },
		{ 0x00040000, "semaphores" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(flags & names[i].flag))
			continue;
		buffer_append_text(buffer, names[i].name);
		buffer_append_byte(buffer, separator);
	}
}

const char *signal_name(uint64_t number)
{
	/* x86, ARM, Power, s390, RISC-V; MIPS, SPARC and Alpha differ. */
	static const char *const names[] = {
		NULL,	     "SIGHUP",	"SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
		"SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
		"SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
		"SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS",
	};

	return number < ARRAY_SIZE(names) ? names[number] : NULL;
}

const char *capability_name(unsigned number)
{
	static const char *const names[] = {
		"chown",
		"dac_override",
		"dac_read_search",
		"fowner",
		"fsetid",
		"kill",
		"setgid",
		"setuid",
		"setpcap",
		"linux_immutable",
		"net_bind_service",
		"net_broadcast",
		"net_admin",
		"net_raw",
		"ipc_lock",
		"ipc_owner",
		"sys_module",
		"sys_rawio",
		"sys_chroot",
		"sys_ptrace",
		"sys_pacct",
		"sys_admin",
		"sys_boot",
		"sys_nice",
		"sys_resource",
		"sys_time",
		"sys_tty_config",
		"mknod",
		"lease",
		"audit_write",
		"audit_control",
		"setfcap",
		"mac_override",
		"mac_admin",
		"syslog",
		"wake_alarm",
		"block_suspend",
		"audit_read",
		"perfmon",
		"bpf",
		"checkpoint_restore",
	};

	return number < ARRAY_SIZE(names) ? names[number] : NULL;
}

uint8_t ip_parse(struct span text, uint8_t ret[static 16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char name[INET6_ADDRSTRLEN];

	if (text.size == 0 || text.size >= sizeof(name))
		return 0;
	memcpy(name, text.data, text.size);
	name[text.size] = 0;
	if (inet_pton(AF_INET, name, ret) == 1)
		return 4;
	if (inet_pton(AF_INET6, name, ret) != 1)
		return 0;
	if (memcmp(ret, mapped, sizeof(mapped)) != 0)
		return 16;
	memmove(ret, ret + 12, 4);
	return 4;
}
