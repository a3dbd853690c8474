/* Drafts as a whole: what is partial, keys, machines, and hostile input. */

#include "decode/test_draft.h"

#include <errno.h>

static void test_orphans(void **state)
{
	static const struct {
		const char *records;
		uint16_t kind;
		const char *code, *path;
	} cases[] = {
		{ "PATH item=0 name=\"/a\" inode=1 nametype=NORMAL", KIND_ID(security, audit_rule), "PATH",
		  NULL },
		{ "CWD cwd=\"/a\"", KIND_ID(security, audit_rule), "CWD", NULL },
		{ "SOCKADDR saddr=0100", KIND_ID(security, audit_rule), "SOCKADDR", NULL },
		{ "PROCTITLE proctitle=\"x\"\nEOE ", KIND_ID(security, audit_rule), "PROCTITLE", NULL },
		{ "CWD cwd=\"/w\"\nPATH item=0 name=\"/w\" nametype=PARENT\nPATH item=1 name=\"f\" inode=1 nametype=CREATE",
		  KIND_ID(file, create), "PATH", "/w/f" },
		{ "CWD cwd=\"/w\"\nPATH item=1 name=\"f\" inode=1 nametype=DELETE", KIND_ID(file, delete),
		  "PATH", "/w/f" },
		{ "KERN_MODULE name=\"m\"", KIND_ID(security, audit_rule), "KERN_MODULE", NULL },
		{ "OBJ_PID opid=1", KIND_ID(security, audit_rule), "OBJ_PID", NULL },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		decode(&d, cases[i].records);
		assert_int_equal(d.n, 1);
		expect_kind_at(&d, 0, cases[i].kind, "case", (int)i);
		expect(&d, 0, "completeness", "partial");
		expect(&d, 0, "missing", "syscall|");
		expect(&d, 0, "code", cases[i].code);
		if (cases[i].path)
			expect(&d, 0, "path", cases[i].path);
	}
	assert_int_equal(decoder_stats(d.decoder)->partial, ARRAY_SIZE(cases));
	decode(&d, "EOE ");
	assert_int_equal(d.n, 0);
	assert_int_equal(decoder_stats(d.decoder)->no_event, 1);
	decoded_stop(&d);
}

#define SYSCALL(number, key)                                              \
	"SYSCALL arch=c000003e syscall=" #number                          \
	" success=yes exit=7 a0=1 a1=ffffffffffffffff a2=3 a3=4 items=0 " \
	"ppid=1 pid=2 comm=\"x\" exe=\"/x\" key=" key "\n"

static void test_keys(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	/* a call no kind stands for, by whose rule? */
	decode(&d, SYSCALL(16, "\"mine\""));
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, security, audit_rule);
	expect(&d, 0, "auditd_key", "mine|");
	expect(&d, 0, "auditd_syscall", "ioctl");
	expect(&d, 0, "auditd_message", "a0=1 a1=ffffffffffffffff a2=3 a3=4 exit=7");
	decode(&d, SYSCALL(16, "\"recorder\""));
	assert_int_equal(d.n, 0);
	decode(&d, SYSCALL(16, "(null)"));
	assert_int_equal(d.n, 0);
	/* several keys, ours left out: "recorder\1a\1b c" */
	decode(&d, SYSCALL(50, "7265636F726465720161016220 63"));
	expect(&d, 0, "auditd_key", "a|b |");
	decode(&d, SYSCALL(50, "\"recorder\""));
	expect_kind(&d, 0, network, listen);
	expect(&d, 0, "auditd_key", NULL);
	decode(&d, SYSCALL(50, "6578656301363462697 4"));
	expect_kind(&d, 0, network, listen);
	/* unknown number */
	decode(&d, SYSCALL(9999, "\"mine\""));
	expect(&d, 0, "auditd_syscall", "9999");
	decode(&d, SYSCALL(16, "\"mine\"") "CWD cwd=\"/\"\nPATH item=0 name=\"/dev/tty\" nametype=NORMAL\n");
	expect(&d, 0, "auditd_message", "a0=1 a1=ffffffffffffffff a2=3 a3=4 exit=7 path=/dev/tty");
	decoded_stop(&d);
}

/* A rule that a user gave us: "mine\1recorder" */
#define ASKED(number, outcome, exit)                                                                                        \
	"SYSCALL arch=c000003e syscall=" #number " success=" outcome " exit=" #exit " a0=ffffffffffffff9c a1=1 a2=0 a3=0 items=1 " \
	"ppid=1 pid=2 comm=\"x\" exe=\"/x\" key=6D696E65017265636F72646572\nCWD cwd=\"/\"\n"                             \
	"PATH item=0 name=\"/a\" inode=1 dev=08:01 mode=0100644 nametype=NORMAL\n"

static void test_asked(void **state)
{
	static const bool shown[N_KINDS] = { [KIND_ID(file, chmod)] = true, [KIND_ID(file, read)] = true };
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, ASKED(257, "yes", 3));
	expect_kind(&d, 0, file, read);
	expect(&d, 0, "auditd_key", "mine|");
	assert_true(d.events[0]->asked);
	/* What failed: somebody else's rule, ours */
	decode(&d, ASKED(257, "no", -13));
	expect_kind(&d, 0, file, read);
	expect(&d, 0, "outcome", "failure");
	expect(&d, 0, "error_code", "EACCES");
	decode(&d, ASKED(90, "no", -1));
	expect_kind(&d, 0, security, audit_rule);
	expect(&d, 0, "outcome", "failure");
	expect(&d, 0, "auditd_syscall", "chmod");
	decode(&d, ASKED(16, "no", -1));
	expect_kind(&d, 0, security, audit_rule);
	/* What another source shows */
	decode(&d, ASKED(90, "yes", 0));
	expect_kind(&d, 0, file, chmod);
	decoder_set_shown(d.decoder, shown);
	decode(&d, ASKED(90, "yes", 0));
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, security, audit_rule);
	expect(&d, 0, "auditd_key", "mine|");
	assert_true(d.events[0]->asked);
	decode(&d, ASKED(257, "yes", 3));
	expect_kind(&d, 0, file, read);
	/* The same rule in its other words: "mine\1\1recorder" */
	decode(&d, SYSCALL(16, "6D696E6501017265636F72646572"));
	expect_kind(&d, 0, security, audit_rule);
	expect(&d, 0, "auditd_key", "mine|");
	assert_true(d.events[0]->asked);
	/* Ours alone, and somebody else's */
	decode(&d, SYSCALL(90, "\"recorder\""));
	assert_false(d.events[0]->asked);
	decode(&d, SYSCALL(90, "\"mine\""));
	assert_false(d.events[0]->asked);
	decoded_stop(&d);
}

static void test_machines(void **state)
{
	static const struct {
		const char *head;
		const char *syscall;
	} cases[] = {
		{ "arch=c000003e syscall=54", "setsockopt" },
		{ "arch=40000003 syscall=54", "ioctl" },
		{ "arch=c00000b7 syscall=29", "ioctl" },
		{ "arch=40000028 syscall=54", "ioctl" },
		{ "arch=c0000015 syscall=54", "ioctl" },
		{ "arch=80000016 syscall=54", "ioctl" },
		{ "arch=c00000f3 syscall=29", "ioctl" },
		{ "arch=c000003e syscall=1073742338", "ioctl" },
		{ "arch=x86_64 syscall=ioctl", "ioctl" },
		{ "arch=c000003e syscall=462", "mseal" },
		{ "arch=deadbeef syscall=54", "54" },
		{ "arch=c000003e syscall=4294967295", "4294967295" },
	};
	struct decoded d;
	char text[256];

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "SYSCALL %s success=yes exit=0 a0=1 items=0 pid=2 key=\"k\"",
			 cases[i].head);
		decode(&d, text);
		assert_int_equal(d.n, 1);
		expect_at(&d, 0, "auditd_syscall", cases[i].syscall, cases[i].head, 0);
	}
	/* x32's own execve, aarch64's openat, i386's old names */
	decode(&d,
	       "SYSCALL arch=c000003e syscall=1073742344 success=yes exit=0 items=0 pid=2 exe=\"/x\" key=(null)");
	expect_kind(&d, 0, process, exec);
	decode(&d,
	       "SYSCALL arch=c00000b7 syscall=221 success=yes exit=0 items=0 pid=2 exe=\"/x\" key=(null)");
	expect_kind(&d, 0, process, exec);
	decode(&d,
	       "SYSCALL arch=40000003 syscall=212 success=yes exit=0 a0=1 a1=5 a2=6 items=1 pid=2 key=(null)\n"
	       "PATH item=0 name=\"/f\" inode=1 nametype=NORMAL");
	expect_kind(&d, 0, file, chown);
	/* a line that ausearch -i wrote */
	decode(&d,
	       "SYSCALL arch=x86_64 syscall=execve success=yes exit=0 a0=0x1fd05c0 a1=0x1 items=0 ppid=2563 pid=2614 "
	       "auid=vagrant uid=root gid=unknown(1001) euid=unset tty=pts0 ses=2 comm=top exe=/usr/bin/top key=(null)");
	expect_kind(&d, 0, process, exec);
	expect(&d, 0, "auid_name", "vagrant");
	expect(&d, 0, "auid", NULL);
	expect(&d, 0, "user_name", "root");
	expect(&d, 0, "gid", "1001");
	expect(&d, 0, "euid", "4294967295");
	expect(&d, 0, "executable", "/usr/bin/top");
	decoded_stop(&d);
}

/* io_uring: the same acts by another way, arguments unseen. */
static void test_uring(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d,
	       "URINGOP uring_op=36 success=yes exit=0 items=2 ppid=1 pid=2 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 "
	       "sgid=0 fsgid=0 subj=s key=\"recorder\"\nCWD cwd=\"/w\"\n"
	       "PATH item=0 name=\"/w\" inode=1 nametype=PARENT\nPATH item=1 name=\"f\" inode=2 nametype=DELETE");
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, file, delete);
	expect(&d, 0, "code", "URINGOP");
	expect(&d, 0, "path", "/w/f");
	expect(&d, 0, "path_confidence", "guessed");
	expect(&d, 0, "dirfd", NULL);
	expect(&d, 0, "pid", "2");
	decode(&d, "URINGOP uring_op=18 success=yes exit=0 items=1 pid=2 key=(null)\n"
		   "PATH item=0 name=\"/f\" inode=2 nametype=CREATE");
	expect_kind(&d, 0, file, create);
	expect(&d, 0, "flags", NULL);
	decode(&d, "URINGOP uring_op=999 success=yes exit=0 items=0 pid=2 key=(null)");
	assert_int_equal(d.n, 0);
	decoded_stop(&d);
}

static int refuse(void *user, struct event *event, const struct context *actor)
{
	event_free(event);
	++*(unsigned *)user;
	return -ECANCELED;
}

static void test_stop(void **state)
{
	static const char text[] =
		"arch=c000003e syscall=50 success=yes exit=0 a0=3 items=0 pid=2 key=(null)";
	struct draft_record records[] = {
		{ 1400, "avc:  denied  { x } for  pid=1", 30 },
		{ 1300, text, sizeof(text) - 1 },
	};
	struct draft draft = { .time_ns = 5, .serial = 7, .records = records, .n_records = 2 };
	struct decoder *decoder;
	unsigned n = 0;

	assert_int_equal(decoder_new(&decoder, NULL), 0);
	assert_int_equal(decode_draft(decoder, &draft, refuse, &n), -ECANCELED);
	assert_int_equal(n, 1);
	draft.n_records = 0;
	assert_int_equal(decode_draft(decoder, &draft, refuse, &n), 0);
	assert_int_equal(n, 1);
	decoder_free(decoder);
	assert_null(decoder_free(NULL));
}

static void test_node_and_dropped(void **state)
{
	struct draft_record record = { 1305, "op=set audit_enabled=1 res=1", 28 };
	struct draft draft = {
		.time_ns = 5,
		.serial = 7,
		.records = &record,
		.n_records = 1,
		.node = SPAN("h.example"),
		.n_dropped = 3,
		.end = DRAFT_FORCED,
	};
	struct decoded d;

	decoded_start(&d, NULL);
	assert_int_equal(decode_draft(d.decoder, &draft, keep, &d), 0);
	expect(&d, 0, "node", "h.example");
	expect(&d, 0, "missing", "records|");
	/* A draft that only timed out misses nothing. */
	draft.n_dropped = 0;
	draft.end = DRAFT_TIMED_OUT;
	decoded_forget(&d);
	assert_int_equal(decode_draft(d.decoder, &draft, keep, &d), 0);
	expect(&d, 0, "completeness", NULL);
	decoded_stop(&d);
}

static int drop(void *user, struct event *event, const struct context *actor)
{
	/* Every text that is known lies in its arena. */
	for (enum field f = 0; f < N_FIELDS; f++) {
		const struct values *values = f < N_CONTEXT_FIELDS ? &actor->values : &event->values;

		if (values_has(values, f) && field_type_is_text(fields[f].type)) {
			struct span s = values_text(values, f);

			assert_true(s.size <= values->arena_size);
			if (s.size > 0)
				*(volatile unsigned *)user +=
					(unsigned char)s.data[0] + (unsigned char)s.data[s.size - 1];
		}
	}
	event_free(event);
	return 0;
}

/* One event of each sort, to be damaged. */
static const char *const victims[] = {
	"SYSCALL arch=c000003e syscall=59 success=yes exit=0 a0=5 a1=6 a2=7 a3=8 items=2 ppid=11 pid=12 auid=1000 uid=1 "
	"gid=2 tty=pts2 ses=9 comm=\"x\" exe=2F6D656D66643A6576696C202864656C6574656429 subj=u key=61016201\x1d"
	"AUID=\"a\" UID=\"b\"",
	"EXECVE argc=3 a0=\"/bin/sh\" a1_len=8 a1[0]=6162 a1[1]=\"cd\" a2=\"./s\"",
	"CWD cwd=\"/home/u\"",
	"PATH item=0 name=\"./s\" inode=77 dev=fe:01 mode=0104755 ouid=3 ogid=4 rdev=00:00 nametype=NORMAL cap_fp=0",
	"PATH item=1 name=2F62696E2F7368 inode=78 dev=fe:01 mode=file,755 ouid=0 ogid=0 nametype=CREATE",
	"PATH item=2 name=\"/a/../b\" inode=79 dev=fe:01 mode=0100644 nametype=DELETE",
	"BPRM_FCAPS fver=0 fp=0 pp=1 pi=2 pe=3 pa=4",
	"PROCTITLE proctitle=2F62696E2F7368002D6C",
	"SYSCALL arch=c000003e syscall=316 success=yes exit=0 a0=5 a1=6 a2=7 a3=8 items=2 pid=12 key=\"k\"",
	"SYSCALL arch=c000003e syscall=42 success=no exit=-115 a0=5 items=0 pid=12 key=\"k\"",
	"SYSCALL arch=40000003 syscall=102 success=yes exit=5 a0=3 items=0 pid=12 key=\"k\"",
	"SOCKETCALL nargs=3 a0=7 a1=bf990000 a2=10",
	"SOCKADDR saddr=0A0000160000000000000000000000000000000000000001",
	"SOCKADDR saddr={ saddr_fam=inet laddr=1.2.3.4 lport=80 }",
	"AVC avc:  denied  { read write } for  pid=5 comm=\"p\" path=\"/x\" scontext=a tcontext=b tclass=c permissive=1",
	"AVC_PATH  path=\"/x/a\"",
	"USER_LOGIN pid=1 uid=0 auid=5 ses=1 msg='op=login acct=28696E exe=\"/s\" hostname=? addr=::1 terminal=t res=failed'",
	"USER_ACCT user pid=1 msg='PAM: accounting acct=root : exe=\"/c\" (hostname=?, addr=?, terminal=cron res=success)'",
	"ADD_USER pid=1 msg='op=adding user id=4 exe=\"/s\" res=success'",
	"SECCOMP pid=5 comm=\"c\" sig=31 arch=40000003 syscall=132 compat=0 code=0x80000000",
	"LOGIN login pid=6513 uid=0 old auid=5 new auid=7",
	"CONFIG_CHANGE op=set audit_enabled=1 old=0 auid=1 ses=2 res=1",
	"OBJ_PID opid=5 ocomm=\"a\"",
	"BPF prog-id=5 op=LOAD",
	"OPENAT2 oflag=0100000 mode=00 resolve=0x0",
	"MMAP fd=3 flags=0x2",
	"KERN_MODULE name=\"m\"",
	"CAPSET pid=1 cap_pi=0 cap_pp=1 cap_pe=2",
	"URINGOP uring_op=18 success=yes exit=0 items=1 pid=2 key=(null)",
	"UNKNOWN[1420] subj_apparmor=unconfined",
	"RECORDER_PROCESS pid=9 ppid=1 start_ticks=500 comm=\"a\" exe=2F61 argc=1 args=610062 cwd=\"/\" unit=\"u\"",
	"RECORDER_GAP begin=1 end=2 class=\"all\" count=3 unit=\"u\" exact=1 cause=\"c\"",
	"RECORDER_NOTE action=start message=\"m\"",
};

/* In memory of its own, so that the sanitizer sees what is read beyond it. */
static struct draft_record damaged(const char *victim, size_t cut, unsigned flip, unsigned char with)
{
	const char *blank = strchr(victim, ' ');
	size_t size = strlen(blank + 1);
	struct draft_record record = {
		.type = audit_type_number((struct span){ victim, (size_t)(blank - victim) }),
	};
	char *copy;

	size = MIN(size, cut);
	copy = malloc(size ? size : 1);
	assert_non_null(copy);
	memcpy(copy, blank + 1, size);
	if (flip < size)
		copy[flip] = (char)(copy[flip] ^ with);
	record.data = copy;
	record.size = (uint32_t)size;
	return record;
}

static void test_damage(void **state)
{
	struct draft_record records[ARRAY_SIZE(victims)];
	struct draft draft = { .time_ns = 5, .serial = 7, .records = records };
	static const struct decoder_options all = { .failed_calls = true };
	struct decoder *decoder;
	volatile unsigned sum = 0;
	uint64_t random = 1;

	assert_int_equal(decoder_new(&decoder, &all), 0);
	/* every record alone, cut at every byte, and with every byte broken in several ways */
	for (size_t v = 0; v < ARRAY_SIZE(victims); v++) {
		for (size_t at = 0; at <= strlen(victims[v]); at++) {
			static const unsigned char flips[] = { 0, 1, 2, 0x10, 0x20, 0x80, 0xff };

			for (size_t f = 0; f < ARRAY_SIZE(flips); f++) {
				records[0] =
					damaged(victims[v], flips[f] ? SIZE_MAX : at, (unsigned)at, flips[f]);
				draft.n_records = 1;
				assert_int_equal(decode_draft(decoder, &draft, drop, (void *)(uintptr_t)&sum),
						 0);
				free((void *)(uintptr_t)records[0].data);
			}
		}
	}
	/* any of them together */
	for (unsigned round = 0; round < 20000; round++) {
		draft.n_records = 0;
		random = random * 6364136223846793005u + 1442695040888963407u;
		for (unsigned i = 0; i < 1 + (random >> 40) % 8; i++) {
			uint64_t r = (random >> 33) * 2654435761u + i * 40503u;

			records[draft.n_records++] = damaged(victims[(r >> 7) % ARRAY_SIZE(victims)],
							     SIZE_MAX, (unsigned)(r >> 20) % 400,
							     (unsigned char)(r >> 12));
		}
		assert_int_equal(decode_draft(decoder, &draft, drop, (void *)(uintptr_t)&sum), 0);
		for (unsigned i = 0; i < draft.n_records; i++)
			free((void *)(uintptr_t)records[i].data);
	}
	assert_int_equal(decoder_stats(decoder)->drafts > 20000, true);
	decoder_free(decoder);
}

/* The counters add up: every draft gave events or is counted among those that did not. */
static void test_counters(void **state)
{
	const struct decoder_stats *stats;
	struct decoded d;

	decoded_start(&d, NULL);
	stats = decoder_stats(d.decoder);
	decode(&d, SYSCALL(50, "(null)"));
	decode(&d, SYSCALL(16, "(null)"));
	decode(&d, "SYSCALL arch=c000003e syscall=50 success=no exit=-13 a0=1 items=0 pid=2 key=(null)");
	decode(&d, "EOE ");
	decode(&d, "UNKNOWN[1999] x");
	decode(&d, "PATH item=0 name=\"/a\"");
	assert_int_equal(stats->drafts, 6);
	assert_int_equal(stats->events, 3);
	assert_int_equal(stats->partial, 1);
	assert_int_equal(stats->failed_calls, 1);
	assert_int_equal(stats->no_event, 2);
	assert_int_equal(stats->unknown_types, 1);
	assert_int_equal(stats->errors, 0);
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orphans),	 cmocka_unit_test(test_keys), cmocka_unit_test(test_asked),
		cmocka_unit_test(test_machines), cmocka_unit_test(test_uring),
		cmocka_unit_test(test_stop),	 cmocka_unit_test(test_node_and_dropped),
		cmocka_unit_test(test_damage),	 cmocka_unit_test(test_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
