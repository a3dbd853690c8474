/* File events: kinds, paths, what comes from which PATH record. */

#include "decode/test_draft.h"

#define CALL(number, args)                                                   \
	"SYSCALL arch=c000003e syscall=" #number " success=yes exit=0 " args \
	" items=9 ppid=1 pid=2 uid=0 comm=\"x\" exe=\"/x\" key=\"recorder\"\n"
#define CWD "CWD cwd=\"/home/u\"\n"
#define ITEM(n, name, type)                                                                       \
	"PATH item=" #n " name=" name " inode=1" #n " dev=08:0" #n " mode=010064" #n " ouid=2" #n \
	" ogid=3" #n " rdev=00:00 nametype=" type " cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n"
#define DIR(n, name, type)                                         \
	"PATH item=" #n " name=" name " inode=1" #n " dev=08:0" #n \
	" mode=040755 ouid=0 ogid=0 rdev=00:00 nametype=" type "\n"

struct file_case {
	const char *records;
	uint16_t kind;
	const char *path, *target, *confidence, *inode;
};

static void check(const struct file_case *cases, size_t n)
{
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < n; i++) {
		decode(&d, cases[i].records);
		if (d.n != 1 || d.events[0]->kind != cases[i].kind)
			print_error("case %zu: %s\n", i, cases[i].records);
		assert_int_equal(d.n, 1);
		expect_kind_at(&d, 0, cases[i].kind, __FILE__, (int)i);
		expect_at(&d, 0, "path", cases[i].path, "case", (int)i);
		expect_at(&d, 0, "target_path", cases[i].target, "case", (int)i);
		expect_at(&d, 0, "path_confidence", cases[i].confidence, "case", (int)i);
		expect_at(&d, 0, "inode", cases[i].inode, "case", (int)i);
		expect(&d, 0, "outcome", "success");
	}
	decoded_stop(&d);
}

static void test_opens(void **state)
{
	static const struct file_case cases[] = {
		/* open, openat, creat, openat2 with and without its record */
		{ CALL(2, "a0=5 a1=0 a2=0") CWD ITEM(0, "\"/etc/x\"", "NORMAL"), KIND_ID(file, read),
		  "/etc/x", NULL, NULL, "10" },
		{ CALL(2, "a0=5 a1=1 a2=0") CWD ITEM(0, "\"/etc/x\"", "NORMAL"), KIND_ID(file, write),
		  "/etc/x", NULL, NULL, "10" },
		{ CALL(2, "a0=5 a1=200 a2=0") CWD ITEM(0, "\"/etc/x\"", "NORMAL"), KIND_ID(file, write),
		  "/etc/x", NULL, NULL, "10" },
		{ CALL(257, "a0=ffffff9c a1=5 a2=241 a3=1b6") CWD DIR(0, "\"/home/u\"", "PARENT")
			  ITEM(1, "\"f\"", "CREATE"),
		  KIND_ID(file, create), "/home/u/f", NULL, "joined", "11" },
		{ CALL(257, "a0=ffffffffffffff9c a1=5 a2=0") CWD ITEM(0, "\"../v//./w\"", "NORMAL"),
		  KIND_ID(file, read), "/home/v/w", NULL, "joined", "10" },
		{ CALL(257, "a0=ffffff9c a1=5 a2=241") CWD DIR(0, "\"/home/u\"", "PARENT")
			  ITEM(1, "\"f\"", "NORMAL"),
		  KIND_ID(file, write), "/home/u/f", NULL, "joined", "11" },
		{ CALL(85, "a0=5 a1=1b6") CWD ITEM(0, "\"/a/../b/\"", "NORMAL"), KIND_ID(file, write), "/b",
		  NULL, NULL, "10" },
		{ CALL(437, "a0=ffffff9c a1=5 a2=7 a3=18")
			  CWD ITEM(0, "\"/x\"", "NORMAL") "OPENAT2 oflag=0100000 mode=00 resolve=0x0\n",
		  KIND_ID(file, read), "/x", NULL, NULL, "10" },
		{ CALL(437, "a0=ffffff9c a1=5 a2=7 a3=18") CWD ITEM(0, "\"/x\"", "NORMAL"),
		  KIND_ID(file, write), "/x", NULL, NULL, "10" },
		/* hex names, no CWD, old kernels without nametype */
		{ CALL(257, "a0=ffffff9c a1=5 a2=0") ITEM(0, "2F612062", "NORMAL"), KIND_ID(file, read),
		  "/a b", NULL, NULL, "10" },
		{ CALL(257, "a0=ffffff9c a1=5 a2=0") CWD ITEM(0, "C3A9FF", "NORMAL"), KIND_ID(file, read),
		  "/home/u/\xc3\xa9\xff", NULL, "joined", "10" },
		{ CALL(2, "a0=5 a1=0") CWD
		  "PATH item=0 name=\"maildrop\" inode=10 dev=03:07 mode=040730 ouid=1 ogid=1",
		  KIND_ID(file, read), "/home/u/maildrop", NULL, "joined", "10" },
		{ CALL(2, "a0=5 a1=0") CWD ITEM(0, "\"/..\"", "NORMAL"), KIND_ID(file, read), "/", NULL, NULL,
		  "10" },
		{ CALL(2, "a0=5 a1=0") "CWD cwd=\"/\"\n" ITEM(0, "\"etc\"", "NORMAL"), KIND_ID(file, read),
		  "/etc", NULL, "joined", "10" },
		{ CALL(2, "a0=5 a1=0") CWD ITEM(0, "\".\"", "NORMAL"), KIND_ID(file, read), "/home/u", NULL,
		  "joined", "10" },
	};

	check(cases, ARRAY_SIZE(cases));
}

#define NODE(name, mode, rdev) \
	"PATH item=0 name=" name " inode=7 dev=00:05 mode=" mode " ouid=0 ogid=6 rdev=" rdev " nametype=NORMAL\n"
#define OPEN(flags) CALL(257, "a0=ffffff9c a1=5 a2=" flags)

/* An open that is another event besides: the second. */
static void test_gains(void **state)
{
	static const struct {
		const char *records;
		uint16_t kind;
		const char *pid, *changes, *path, *device, *flags;
	} cases[] = {
		{ OPEN("2") CWD NODE("\"/proc/500/mem\"", "0100600", "00:00"), KIND_ID(process, ptrace), "500",
		  "read memory|write memory|", NULL, NULL, NULL },
		{ OPEN("0") CWD NODE("\"/proc/500/task/501/mem\"", "0100600", "00:00"), KIND_ID(process, ptrace), "500",
		  "read memory|", NULL, NULL, NULL },
		{ OPEN("1") "CWD cwd=\"/proc/500\"\n" NODE("\"mem\"", "0100600", "00:00"), KIND_ID(process, ptrace), "500",
		  "write memory|", NULL, NULL, NULL },
		{ CALL(437, "a0=ffffff9c a1=5 a2=7 a3=18") CWD NODE("\"/proc/500/mem\"", "0100600", "00:00"),
		  KIND_ID(process, ptrace), "500", NULL, NULL, NULL, NULL },
		{ OPEN("0") CWD NODE("\"/dev/sda\"", "060660", "08:00"), KIND_ID(security, raw_access), NULL, NULL, "/dev/sda",
		  "8:0", "O_RDONLY" },
		{ OPEN("2") "CWD cwd=\"/dev\"\n" NODE("\"mem\"", "020640", "01:01"), KIND_ID(security, raw_access), NULL,
		  NULL, "/dev/mem", "1:1", "O_RDWR" },
		/* by whatever name */
		{ OPEN("2") CWD NODE("\"/srv/x\"", "020640", "01:04"), KIND_ID(security, raw_access), NULL, NULL, "/srv/x", "1:4",
		  "O_RDWR" },
		{ CALL(257, "a0=5 a1=5 a2=0") CWD NODE("\"sda\"", "060660", "fd:0a"), KIND_ID(security, raw_access), NULL, NULL,
		  "/home/u/sda", "253:10", "O_RDONLY" },
		{ OPEN("0") CWD NODE("\"/proc/kcore\"", "0100400", "00:00"), KIND_ID(security, raw_access), NULL, NULL,
		  "/proc/kcore", NULL, "O_RDONLY" },
	};
	static const char *const mere[] = {
		OPEN("2") CWD NODE("\"/proc/self/mem\"", "0100600", "00:00"),
		OPEN("2") CWD NODE("\"/proc/2/mem\"", "0100600", "00:00"), /* it is 2 */
		OPEN("0") CWD NODE("\"/proc/500/maps\"", "0100444", "00:00"),
		/* below a folder that the record does not name */
		CALL(257, "a0=5 a1=5 a2=2") "CWD cwd=\"/proc/500\"\n" NODE("\"mem\"", "0100600", "00:00"),
		OPEN("2") CWD NODE("\"/dev/null\"", "020666", "01:03"),
		OPEN("0") CWD NODE("\"/srv/kcore\"", "0100400", "00:00"),
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		decode(&d, cases[i].records);
		if (d.n != 2)
			fail_msg("case %zu: %u events", i, d.n);
		assert_int_equal(event_category(d.events[0]), CATEGORY_file);
		expect_kind_at(&d, 1, cases[i].kind, "gain", (int)i);
		expect_at(&d, 1, "target_pid", cases[i].pid, "gain", (int)i);
		expect_at(&d, 1, "changes", cases[i].changes, "gain", (int)i);
		expect_at(&d, 1, "path", cases[i].path, "gain", (int)i);
		expect_at(&d, 1, "device_number", cases[i].device, "gain", (int)i);
		expect_at(&d, 1, "flags", cases[i].flags, "gain", (int)i);
		expect(&d, 1, "outcome", "success");
		assert_true(d.events[0]->origin != d.events[1]->origin);
	}
	for (size_t i = 0; i < ARRAY_SIZE(mere); i++) {
		decode(&d, mere[i]);
		if (d.n != 1)
			fail_msg("open %zu: %u events", i, d.n);
		assert_int_equal(event_category(d.events[0]), CATEGORY_file);
	}
	decoded_stop(&d);
}

/* Who was refused has gained nothing; who asks for what failed is told of the try. */
static void test_refused_gain(void **state)
{
	static const char records[] = "SYSCALL arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=5 a2=2 items=1 ppid=1 "
				      "pid=2 uid=5 key=\"x\"\n" CWD NODE("\"/proc/500/mem\"", "0100600", "00:00");
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, records);
	assert_int_equal(d.n, 0);
	decoded_stop(&d);
	decoded_start(&d, &(struct decoder_options){ .failed_calls = true });
	decode(&d, records);
	assert_int_equal(d.n, 2);
	expect_kind(&d, 1, process, ptrace);
	expect(&d, 1, "outcome", "failure");
	expect(&d, 1, "error_code", "EACCES");
	decoded_stop(&d);
}

static void test_memfd(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, "SYSCALL arch=c000003e syscall=319 success=yes exit=5 a0=7ffd a1=3 a2=0 items=0 ppid=1 pid=2 key=\"recorder\"\n");
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, file, create);
	expect(&d, 0, "file_type", "memfd");
	expect(&d, 0, "flags", "MFD_CLOEXEC|MFD_ALLOW_SEALING");
	expect(&d, 0, "path", NULL);
	expect(&d, 0, "given_path", "");
	expect(&d, 0, "dirfd", "5");
	expect(&d, 0, "path_confidence", "guessed");
	expect(&d, 0, "completeness", "partial");
	expect(&d, 0, "missing", "path|");
	decode(&d, "SYSCALL arch=c000003e syscall=447 success=yes exit=6 a0=0 items=0 ppid=1 pid=2 key=\"recorder\"\n");
	expect_kind(&d, 0, file, create);
	expect(&d, 0, "file_type", "memfd");
	expect(&d, 0, "dirfd", "6");
	expect(&d, 0, "flags", NULL);
	/* no descriptor that anybody could look at */
	decode(&d, "SYSCALL arch=c000003e syscall=319 success=yes a0=7ffd a1=0 items=0 ppid=1 pid=2 key=\"recorder\"\n");
	expect(&d, 0, "dirfd", NULL);
	expect(&d, 0, "missing", "path|");
	decoded_stop(&d);
}

static void test_names(void **state)
{
	static const struct file_case cases[] = {
		{ CALL(82, "a0=1 a1=2") CWD DIR(0, "\"/a\"", "PARENT") DIR(1, "\"/b\"", "PARENT") ITEM(
			  2, "\"/a/x\"", "DELETE") "PATH item=3 name=\"/b/y\" inode=12 nametype=CREATE\n",
		  KIND_ID(file, rename), "/a/x", "/b/y", NULL, "12" },
		/* what was at the new name is gone too: in whatever order */
		{ CALL(82, "a0=1 a1=2") CWD DIR(0, "\"d/\"", "PARENT") DIR(1, "\"d/\"", "PARENT") ITEM(
			  2, "\"d/y\"", "DELETE")
			  ITEM(3, "\"d/x\"", "DELETE") "PATH item=4 name=\"d/y\" inode=13 nametype=CREATE\n",
		  KIND_ID(file, rename), "/home/u/d/x", "/home/u/d/y", "joined", "13" },
		/* records in any order */
		{ "PATH item=3 name=\"cc\" inode=12 nametype=CREATE\n" ITEM(2, "\"bb\"", "DELETE")
			  DIR(1, "\"/home/u\"", "PARENT") DIR(0, "\"/home/u\"", "PARENT")
				  CWD CALL(316, "a0=ffffff9c a1=1 a2=ffffff9c a3=2"),
		  KIND_ID(file, rename), "/home/u/bb", "/home/u/cc", "joined", "12" },
		{ CALL(87, "a0=1") CWD DIR(0, "\"/t\"", "PARENT") ITEM(1, "\"/t/f\"", "DELETE"),
		  KIND_ID(file, delete), "/t/f", NULL, NULL, "11" },
		{ CALL(263, "a0=ffffff9c a1=1 a2=0") CWD DIR(0, "\"/t\"", "PARENT")
			  ITEM(1, "\"/t/f\"", "DELETE"),
		  KIND_ID(file, delete), "/t/f", NULL, NULL, "11" },
		{ CALL(83, "a0=1 a1=1ff") CWD DIR(0, "\"/home/u\"", "PARENT") DIR(1, "\"n\"", "CREATE"),
		  KIND_ID(file, create), "/home/u/n", NULL, "joined", "11" },
		{ CALL(133, "a0=1 a1=11a4") CWD DIR(0, "\"/t\"", "PARENT") ITEM(1, "\"/t/p\"", "CREATE"),
		  KIND_ID(file, create), "/t/p", NULL, NULL, "11" },
		{ CALL(86, "a0=1 a1=2") CWD ITEM(0, "\"/a\"", "NORMAL") DIR(1, "\"/\"", "PARENT")
			  ITEM(2, "\"/b\"", "CREATE"),
		  KIND_ID(file, link), "/a", "/b", NULL, "10" },
		{ CALL(88, "a0=1 a1=2")
			  CWD DIR(0, "\"/t\"", "PARENT") "PATH item=1 name=\"../y\" nametype=UNKNOWN\n" ITEM(
				  2, "\"/t/l\"", "CREATE"),
		  KIND_ID(file, symlink), "/t/l", "../y", NULL, "12" },
		{ CALL(90, "a0=1 a1=1ed") CWD ITEM(0, "\"f\"", "NORMAL"), KIND_ID(file, chmod), "/home/u/f",
		  NULL, "joined", "10" },
		{ CALL(76, "a0=1 a1=5") CWD ITEM(0, "\"/f\"", "NORMAL"), KIND_ID(file, truncate), "/f", NULL,
		  NULL, "10" },
		{ CALL(188, "a0=1") CWD ITEM(0, "\"/f\"", "NORMAL"), KIND_ID(file, xattr), "/f", NULL, NULL,
		  "10" },
		{ CALL(165, "a0=1 a1=2 a2=3 a3=1001") CWD DIR(0, "\"/mnt\"", "NORMAL")
			  ITEM(1, "\"/dev/sda\"", "NORMAL"),
		  KIND_ID(file, mount), "/mnt", "/dev/sda", NULL, "10" },
		{ CALL(166, "a0=1 a1=2") CWD DIR(0, "\"/mnt\"", "NORMAL"), KIND_ID(file, unmount), "/mnt",
		  NULL, NULL, "10" },
	};

	check(cases, ARRAY_SIZE(cases));
}

static void test_values(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, CALL(257, "a0=ffffff9c a1=5 a2=80241") CWD DIR(0, "\"/t\"", "PARENT")
			   ITEM(1, "\"/t/f\"", "CREATE"));
	expect(&d, 0, "flags", "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC");
	expect(&d, 0, "inode", "11");
	expect(&d, 0, "device", "8:1");
	expect(&d, 0, "mode", "0641");
	expect(&d, 0, "file_type", "file");
	expect(&d, 0, "file_uid", "21");
	expect(&d, 0, "file_gid", "31");
	expect(&d, 0, "cwd", "/home/u");
	expect(&d, 0, "missing", "path|"); /* items=9 */
	/* chmod: the new mode; chown: the new owner, or the old where it stays */
	decode(&d, CALL(90, "a0=1 a1=9ed") CWD ITEM(0, "\"/f\"", "NORMAL"));
	expect(&d, 0, "mode", "4755");
	expect(&d, 0, "file_type", "file");
	decode(&d, CALL(92, "a0=1 a1=3e8 a2=ffffffff") CWD ITEM(0, "\"/f\"", "NORMAL"));
	expect_kind(&d, 0, file, chown);
	expect(&d, 0, "file_uid", "1000");
	expect(&d, 0, "file_gid", "30");
	decode(&d, CALL(260, "a0=ffffff9c a1=1 a2=ffffffff a3=7") CWD ITEM(0, "\"/f\"", "NORMAL"));
	expect(&d, 0, "file_uid", "20");
	expect(&d, 0, "file_gid", "7");
	decode(&d, CALL(263, "a0=ffffff9c a1=1 a2=200") CWD DIR(0, "\"/t\"", "PARENT")
			   DIR(1, "\"/t/d\"", "DELETE"));
	expect(&d, 0, "file_type", "dir");
	decode(&d, CALL(76, "a0=1 a1=1000") CWD ITEM(0, "\"/f\"", "NORMAL"));
	expect(&d, 0, "size", "4096");
	decode(&d, CALL(165, "a0=1 a1=2 a2=3 a3=1001") CWD DIR(0, "\"/mnt\"", "NORMAL"));
	expect(&d, 0, "flags", "MS_RDONLY|MS_BIND");
	expect(&d, 0, "target_path", NULL);
	decode(&d, CALL(166, "a0=1 a1=2") CWD DIR(0, "\"/mnt\"", "NORMAL"));
	expect(&d, 0, "flags", "MNT_DETACH");
	decode(&d,
	       "SYSCALL arch=c00000b7 syscall=56 success=yes exit=3 a0=ffffffffffffff9c a1=1 a2=4000 a3=0 items=1 "
	       "pid=2 key=(null)\n" CWD DIR(0, "\"/etc\"", "NORMAL"));
	expect(&d, 0, "flags", "O_RDONLY|O_DIRECTORY");
	expect(&d, 0, "missing", NULL);
	decoded_stop(&d);
}

/* A folder descriptor: the join is a guess, and whoever can resolve the descriptor is told all it takes. */
static void test_descriptors(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d,
	       CALL(257, "a0=6 a1=5 a2=41") CWD DIR(0, "\"/home/u\"", "PARENT") ITEM(1, "\"s/f\"", "CREATE"));
	expect(&d, 0, "path", "/home/u/s/f");
	expect(&d, 0, "path_confidence", "guessed");
	expect(&d, 0, "dirfd", "6");
	expect(&d, 0, "given_path", "s/f");
	/* an absolute name needs none */
	decode(&d, CALL(257, "a0=6 a1=5 a2=41") CWD DIR(0, "\"/\"", "PARENT") ITEM(1, "\"/f\"", "CREATE"));
	expect(&d, 0, "path", "/f");
	expect(&d, 0, "path_confidence", NULL);
	expect(&d, 0, "dirfd", NULL);
	/* both names of a rename */
	decode(&d,
	       CALL(264, "a0=7 a1=5 a2=8 a3=6") CWD ITEM(2, "\"a\"", "DELETE") ITEM(3, "\"b\"", "CREATE"));
	expect(&d, 0, "path", "/home/u/a");
	expect(&d, 0, "dirfd", "7");
	expect(&d, 0, "given_path", "a");
	expect(&d, 0, "target_path", "/home/u/b");
	expect(&d, 0, "target_dirfd", "8");
	expect(&d, 0, "given_target_path", "b");
	expect(&d, 0, "path_confidence", "guessed");
	/* one of them guessed */
	decode(&d, CALL(264, "a0=ffffff9c a1=5 a2=8 a3=6") CWD ITEM(2, "\"a\"", "DELETE")
			   ITEM(3, "\"b\"", "CREATE"));
	expect(&d, 0, "dirfd", NULL);
	expect(&d, 0, "target_dirfd", "8");
	expect(&d, 0, "path_confidence", "guessed");
	/* fchmod: the file is the descriptor */
	decode(&d, CALL(91, "a0=5 a1=1a4") CWD ITEM(0, "(null)", "NORMAL"));
	expect(&d, 0, "path", NULL);
	expect(&d, 0, "dirfd", "5");
	expect(&d, 0, "given_path", "");
	expect(&d, 0, "path_confidence", "guessed");
	expect(&d, 0, "mode", "0644");
	expect(&d, 0, "inode", "10");
	/* no working directory: not even a guess, but for the folder a PARENT names */
	decode(&d, CALL(87, "a0=1") ITEM(0, "\"x/f\"", "DELETE"));
	expect(&d, 0, "path", NULL);
	expect(&d, 0, "given_path", "x/f");
	expect(&d, 0, "dirfd", NULL);
	expect(&d, 0, "missing", "path|cwd|");
	decode(&d, CALL(87, "a0=1") DIR(0, "\"/w\"", "PARENT") ITEM(1, "\"f\"", "DELETE"));
	expect(&d, 0, "path", "/w/f");
	expect(&d, 0, "path_confidence", "joined");
	decode(&d, CALL(87, "a0=1") "CWD cwd=28756E726561636861626C65292F78\n" ITEM(1, "\"f\"", "DELETE"));
	expect(&d, 0, "cwd", NULL);
	expect(&d, 0, "path", NULL);
	decoded_stop(&d);
}

static void test_exchange(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	decode(&d, CALL(316, "a0=ffffff9c a1=1 a2=ffffff9c a3=2") CWD DIR(0, "\"/\"", "PARENT") DIR(
			   1, "\"/\"", "PARENT") ITEM(2, "\"/a\"", "DELETE")
			   ITEM(3, "\"/b\"", "DELETE") "PATH item=4 name=\"/b\" inode=12 nametype=CREATE\n"
						       "PATH item=5 name=\"/a\" inode=13 nametype=CREATE\n");
	assert_int_equal(d.n, 2);
	expect(&d, 0, "path", "/a");
	expect(&d, 0, "target_path", "/b");
	expect(&d, 1, "path", "/b");
	expect(&d, 1, "target_path", "/a");
	assert_int_equal(d.events[0]->origin, 293 << 8);
	assert_int_equal(d.events[1]->origin, 293 << 8 | 1);
	decoded_stop(&d);
}

/* What is no event of a file: a path descriptor, a call that failed, one that only a denial brought. */
static void test_none(void **state)
{
	static const char *const cases[] = {
		CALL(257, "a0=ffffff9c a1=5 a2=200000") CWD ITEM(0, "\"/x\"", "NORMAL"),
		"SYSCALL arch=c000003e syscall=2 success=no exit=-13 a0=5 a1=1 items=1 pid=2 key=\"recorder\"\n" CWD
			ITEM(0, "\"/x\"", "NORMAL"),
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		decode(&d, cases[i]);
		assert_int_equal(d.n, 0);
	}
	decode(&d,
	       "AVC avc:  denied  { read } for  pid=2 comm=\"x\" name=\"f\" scontext=a tcontext=b tclass=file\n"
	       "SYSCALL arch=40000003 syscall=5 success=yes exit=3 a0=1 a1=0 items=0 pid=2 key=(null)\n");
	assert_int_equal(d.n, 1);
	expect_kind(&d, 0, security, mac_denied);
	decoded_stop(&d);
}

/* More names than are kept, and names as long as may be. */
static void test_many(void **state)
{
	struct buffer text = { 0 };
	struct decoded d;

	decoded_start(&d, NULL);
	buffer_append_text(&text, CALL(87, "a0=1") CWD);
	for (unsigned i = 0; i < 300; i++)
		buffer_printf(&text, "PATH item=%u name=\"/n%u\" inode=%u nametype=NORMAL\n", 299 - i, i, i);
	decode_span(&d, buffer_span(&text));
	assert_int_equal(d.n, 1);
	expect(&d, 0, "missing", "records|");
	buffer_clear(&text);
	buffer_append_text(&text, CALL(87, "a0=1") CWD "PATH item=0 name=\"");
	for (unsigned i = 0; i < 100000; i++)
		buffer_append_text(&text, "a/../");
	buffer_append_text(&text, "f\" inode=1 nametype=DELETE\n");
	decode_span(&d, buffer_span(&text));
	expect(&d, 0, "path", "/home/u/f");
	buffer_release(&text);
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens),	 cmocka_unit_test(test_names),
		cmocka_unit_test(test_values),	 cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_exchange), cmocka_unit_test(test_none),
		cmocka_unit_test(test_many),	 cmocka_unit_test(test_gains),
		cmocka_unit_test(test_memfd),	 cmocka_unit_test(test_refused_gain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
