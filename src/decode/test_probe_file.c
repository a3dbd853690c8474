/* Calls on files. */

#include "decode/test_probe.h"

#include "event/file_version.h"

#define OF_FILE "path inode device mode file_uid file_gid file_type"

static struct made made;

static void make_file(enum probe_type type, enum probe_call_number call, const char *path)
{
	make(&made, type, call);
	made.record->body.file = (struct probe_file){
		.inode = 4711, .size = 99, .device = 254u << 20 | 3, .mode = 0104755, .uid = 11, .gid = 12,
	};
	add_path(&made, FILE_PATH, path);
}

static void expect_file(struct decoded *d, const char *path)
{
	expect(d, 0, "outcome", "success");
	expect(d, 0, "path", path);
	expect(d, 0, "path_confidence", NULL);
	expect(d, 0, "inode", "4711");
	expect(d, 0, "device", "254:3");
	expect_actor(d, 0, "");
}

static void test_open(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_file(PROBE_OPEN, PROBE_CALL_openat, "/var/log/x");
	decode_made(&d, &made);
	expect_event(&d, file, read, "CALL");
	expect_members(&d, 0, "outcome code " OF_FILE " flags");
	expect_file(&d, "/var/log/x");
	expect(&d, 0, "mode", "4755");
	expect(&d, 0, "file_uid", "11");
	expect(&d, 0, "file_gid", "12");
	expect(&d, 0, "file_type", "file");
	expect(&d, 0, "flags", "O_RDONLY");

	make_file(PROBE_OPEN, PROBE_CALL_open, "/x");
	made.record->body.file.flags = 02000001;
	decode_made(&d, &made);
	expect_event(&d, file, write, "CALL");
	expect(&d, 0, "flags", "O_WRONLY|O_CLOEXEC");
	made.record->body.file.flags = 2;
	decode_made(&d, &made);
	expect_event(&d, file, write, "CALL");
	expect(&d, 0, "flags", "O_RDWR");
	/* it is emptied, though nobody writes */
	made.record->body.file.flags = 01000;
	decode_made(&d, &made);
	expect_event(&d, file, write, "CALL");
	expect(&d, 0, "flags", "O_RDONLY|O_TRUNC");
	/* it was there: O_CREAT alone makes nothing */
	made.record->body.file.flags = 0100;
	decode_made(&d, &made);
	expect_event(&d, file, read, "CALL");
	made.record->body.file.flags = 01101;
	decode_made(&d, &made);
	expect_event(&d, file, write, "CALL");
	made.record->body.file.origin = PROBE_CREATED;
	decode_made(&d, &made);
	expect_event(&d, file, create, "CALL");
	expect(&d, 0, "flags", "O_WRONLY|O_CREAT|O_TRUNC");
	made.record->body.file.flags = 0100;
	decode_made(&d, &made);
	expect_event(&d, file, create, "CALL");
	/* a device, a pipe, a type nobody knows */
	make_file(PROBE_OPEN, PROBE_CALL_open_by_handle_at, "/dev/null");
	made.record->body.file.mode = 0020666;
	decode_made(&d, &made);
	expect(&d, 0, "file_type", "char");
	expect(&d, 0, "mode", "0666");
	made.record->body.file.mode = 0170644;
	decode_made(&d, &made);
	expect(&d, 0, "file_type", NULL);
	decoded_stop(&d);
}

/* Its name is that of no file system: the kernel calls it so itself. */
static void test_memfd(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_file(PROBE_OPEN, PROBE_CALL_memfd_create, "/memfd:a name");
	made.record->body.file.origin = PROBE_CREATED;
	made.record->body.file.flags = 3;
	decode_made(&d, &made);
	expect_event(&d, file, create, "CALL");
	expect_members(&d, 0, "outcome code " OF_FILE " flags");
	expect_file(&d, "/memfd:a name");
	expect(&d, 0, "file_type", "memfd");
	expect(&d, 0, "flags", "MFD_CLOEXEC|MFD_ALLOW_SEALING");
	/* Its flags are not those of an open, whatever they are. */
	made.record->body.file.flags = 020200000;
	decode_made(&d, &made);
	expect_event(&d, file, create, "CALL");
	expect(&d, 0, "path", "/memfd:a name");
	expect(&d, 0, "flags", "0x410000");
	made.record->body.file.flags = 0;
	decode_made(&d, &made);
	expect(&d, 0, "flags", NULL);
	make_file(PROBE_OPEN, PROBE_CALL_memfd_secret, "/secretmem");
	made.record->body.file.origin = PROBE_CREATED;
	made.record->body.file.flags = 02000000;
	decode_made(&d, &made);
	expect_event(&d, file, create, "CALL");
	expect(&d, 0, "file_type", "memfd");
	expect(&d, 0, "flags", "O_CLOEXEC");
	decoded_stop(&d);
}

static void test_raw(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_file(PROBE_RAW, PROBE_CALL_openat, "/dev/sda1");
	made.record->body.file.mode = 0060660;
	made.record->body.file.flags = 2;
	made.record->body.file.value[0] = 8u << 20 | 1;
	decode_made(&d, &made);
	expect_event(&d, security, raw_access, "CALL");
	expect_members(&d, 0, "outcome code " OF_FILE " flags device_number");
	expect_file(&d, "/dev/sda1");
	expect(&d, 0, "file_type", "block");
	expect(&d, 0, "device_number", "8:1");
	expect(&d, 0, "flags", "O_RDWR");
	make_file(PROBE_RAW, PROBE_CALL_openat2, "/proc/kcore");
	decode_made(&d, &made);
	expect_event(&d, security, raw_access, "CALL");
	expect(&d, 0, "path", "/proc/kcore");
	expect(&d, 0, "device_number", NULL);
	expect(&d, 0, "flags", "O_RDONLY");
	/* Of a path that was cut the event says so. */
	cut_text(&made, FILE_PATH);
	decode_made(&d, &made);
	expect(&d, 0, "truncated", "file.path|");
	decoded_stop(&d);
}

/* A file that has no name: what was named is its folder. */
static void test_temporary(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_file(PROBE_OPEN, PROBE_CALL_openat, "/var/tmp/#4711");
	made.record->body.file.flags = 020200002;
	made.record->body.file.origin = PROBE_CREATED;	/* as Linux 6.1 says */
	decode_made(&d, &made);
	expect_event(&d, file, write, "CALL");
	expect_file(&d, "/var/tmp");
#if defined(__x86_64__)
	expect(&d, 0, "flags", "O_RDWR|O_TMPFILE");
#endif
	make_file(PROBE_OPEN, PROBE_CALL_openat2, "/#4711");
	made.record->body.file.flags = 020200001;
	decode_made(&d, &made);
	expect_event(&d, file, write, "CALL");
	expect_file(&d, "/");
	make_file(PROBE_OPEN, PROBE_CALL_openat2, "/");
	made.record->body.file.flags = 020200001;
	decode_made(&d, &made);
	expect_file(&d, "/");
	decoded_stop(&d);
}

static void test_written(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_file(PROBE_WRITTEN, PROBE_CALL_NONE, "/var/log/x");
	made.record->body.file.value[0] = UINT64_C(5000000000);
	made.record->body.file.value[1] = 3;
	made.record->body.file.first_ns = MADE_BOOT_NS - 2000000001;
	made.record->body.file.last_ns = MADE_BOOT_NS - 1;
	decode_made(&d, &made);
	expect_event(&d, file, write, "CALL");
	expect_members(&d, 0, "outcome code " OF_FILE " size write_count write_first write_last write_bytes");
	expect_file(&d, "/var/log/x");
	expect(&d, 0, "size", "99");
	expect(&d, 0, "write_bytes", "5000000000");
	expect(&d, 0, "write_count", "3");
	assert_int_equal(d.events[0]->write_first, MADE_REAL_NS - 2000000001);
	assert_int_equal(d.events[0]->write_last, MADE_REAL_NS - 1);
	/* What is lost of it began with the first write. */
	assert_int_equal(event_begin_ns(d.events[0]), MADE_REAL_NS - 2000000001);
	assert_int_equal(decode_probe_begin_ns(MADE_REAL_NS, made_bytes(&made)), MADE_REAL_NS - 2000000001);
	made.record->body.file.value[1] = UINT64_MAX;
	decode_made(&d, &made);
	expect(&d, 0, "write_count", "4294967295");
	decoded_stop(&d);
}

static void test_calls_on_open_files(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_file(PROBE_FILE, PROBE_CALL_fchmod, "/a/b");
	made.record->body.file.value[0] = 0100600;
	decode_made(&d, &made);
	expect_event(&d, file, chmod, "CALL");
	expect_members(&d, 0, "outcome code " OF_FILE);
	expect_file(&d, "/a/b");
	expect(&d, 0, "mode", "0600");

	make_file(PROBE_FILE, PROBE_CALL_fchown, "/a/b");
	made.record->body.file.value[0] = 33;
	made.record->body.file.value[1] = 34;
	decode_made(&d, &made);
	expect_event(&d, file, chown, "CALL");
	expect(&d, 0, "file_uid", "33");
	expect(&d, 0, "file_gid", "34");
	/* -1 leaves it: the file says what it is */
	made.record->body.file.value[0] = UINT64_MAX;
	decode_made(&d, &made);
	expect(&d, 0, "file_uid", "11");
	expect(&d, 0, "file_gid", "34");
	made.record->body.file.value[0] = 0;
	made.record->body.file.value[1] = UINT32_MAX;	/* of a 32-bit program */
	decode_made(&d, &made);
	expect(&d, 0, "file_uid", "0");
	expect(&d, 0, "file_gid", "12");
	make_file(PROBE_FILE, PROBE_CALL_fchown32, "/a/b");
	made.record->body.file.value[0] = 35;
	decode_made(&d, &made);
	expect_event(&d, file, chown, "CALL");
	expect(&d, 0, "file_uid", "35");
	expect(&d, 0, "file_gid", "0");

	make_file(PROBE_FILE, PROBE_CALL_ftruncate, "/a/b");
	made.record->body.file.value[0] = UINT64_C(0x123456789a);
	made.record->body.file.value[1] = 77;		/* is no argument of it */
	decode_made(&d, &made);
	expect_event(&d, file, truncate, "CALL");
	expect_members(&d, 0, "outcome code " OF_FILE " size");
	expect_file(&d, "/a/b");
	expect(&d, 0, "size", "78187493530");

	make_file(PROBE_FILE, PROBE_CALL_fsetxattr, "/a/b");
	add_text(&made, FILE_EXTRA, SPAN("security.capability"));
	decode_made(&d, &made);
	expect_event(&d, file, xattr, "CALL");
	expect_members(&d, 0, "outcome code " OF_FILE " xattr auditd_syscall");
	expect_file(&d, "/a/b");
	expect(&d, 0, "xattr", "security.capability");
	expect(&d, 0, "auditd_syscall", "fsetxattr");
	make_file(PROBE_FILE, PROBE_CALL_fremovexattr, "/a/b");
	add_text(&made, FILE_EXTRA, SPAN("user.x"));
	decode_made(&d, &made);
	expect_event(&d, file, xattr, "CALL");
	expect(&d, 0, "auditd_syscall", "fremovexattr");
	/* the name could not be read */
	make_file(PROBE_FILE, PROBE_CALL_fremovexattr, "/a/b");
	cut_text(&made, FILE_EXTRA);
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code " OF_FILE " auditd_syscall completeness missing");
	expect(&d, 0, "missing", "file.xattr|");
	decoded_stop(&d);
}

/* 32-bit programs hand a size in two arguments. */
static void test_large_sizes_of_32_bits(void **state)
{
#if defined(__x86_64__)
	struct decoded d;

	decoded_start(&d, NULL);
	make_file(PROBE_FILE, PROBE_CALL_ftruncate64, "/a/b");
	made.record->body.file.value[0] = 7;
	made.record->body.file.value[1] = 2;
	decode_made(&d, &made);
	expect_event(&d, file, truncate, "CALL");
	expect(&d, 0, "size", "8589934599");
	make(&made, PROBE_NAME, PROBE_CALL_truncate64);
	made.record->body.call.value[1] = 7;
	made.record->body.call.value[2] = 2;
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("x"));
	decode_made(&d, &made);
	expect_event(&d, file, truncate, "CALL");
	expect(&d, 0, "size", "8589934599");
	decoded_stop(&d);
#endif
}

static void make_name(enum probe_call_number call, const char *folder, const char *name)
{
	make(&made, PROBE_NAME, call);
	for (unsigned i = 0; i < 6; i++)
		made.record->body.call.value[i] = 0x7fffffff00000000 | (5 + i);	/* descriptors, of which 32 bits count */
	add_path(&made, NAME_FOLDER, folder);
	add_text(&made, NAME_GIVEN, span_of(name));
}

static void add_second(const char *folder, const char *name)
{
	if (folder)
		add_path(&made, NAME_FOLDER2, folder);
	add_text(&made, NAME_GIVEN2, span_of(name));
}

static void set_argument(unsigned n, uint64_t value)
{
	made.record->body.call.value[n] = value;
}

#define FDCWD ((uint64_t)(int64_t)-100)

static void test_create(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_name(PROBE_CALL_mkdir, "/tmp", "new");
	set_argument(1, 0777);
	decode_made(&d, &made);
	expect_event(&d, file, create, "CALL");
	expect_members(&d, 0, "outcome code path file_type");
	expect_actor(&d, 0, "cwd");
	expect(&d, 0, "outcome", "success");
	expect(&d, 0, "path", "/tmp/new");
	expect(&d, 0, "file_type", "dir");
	expect(&d, 0, "cwd", "/tmp");
	set_argument(1, 0140777);	/* the kernel takes the permissions alone */
	decode_made(&d, &made);
	expect(&d, 0, "file_type", "dir");
	make_name(PROBE_CALL_mkdirat, "/srv", "new");
	set_argument(2, 0700);
	decode_made(&d, &made);
	expect_event(&d, file, create, "CALL");
	expect(&d, 0, "file_type", "dir");
	expect_actor(&d, 0, "");	/* of a descriptor */

	make_name(PROBE_CALL_mknod, "/tmp", "node");
	set_argument(1, 0010644);
	decode_made(&d, &made);
	expect_event(&d, file, create, "CALL");
	expect(&d, 0, "file_type", "fifo");
	set_argument(1, 0644);		/* mknod(2): the same as S_IFREG */
	decode_made(&d, &made);
	expect(&d, 0, "file_type", "file");
	make_name(PROBE_CALL_mknodat, "/tmp", "node");
	set_argument(2, 0060644);
	decode_made(&d, &made);
	expect(&d, 0, "file_type", "block");
	set_argument(2, 0170644);
	decode_made(&d, &made);
	expect(&d, 0, "file_type", NULL);
	decoded_stop(&d);
}

static void test_rename(void **state)
{
	static const enum probe_call_number calls[] = { PROBE_CALL_rename, PROBE_CALL_renameat, PROBE_CALL_renameat2 };
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		make_name(calls[i], "/tmp", "old");
		set_argument(4, 1);	/* RENAME_NOREPLACE */
		add_second("/srv", "new");
		decode_made(&d, &made);
		assert_int_equal(d.n, 1);
		expect_event(&d, file, rename, "CALL");
		expect_members(&d, 0, "outcome code path target_path");
		expect(&d, 0, "outcome", "success");
		expect(&d, 0, "path", "/tmp/old");
		expect(&d, 0, "target_path", "/srv/new");
		expect_actor(&d, 0, i == 0 ? "cwd" : "");
		assert_int_equal(d.events[0]->unsure[0], UNSURE_NOT);
		assert_int_equal(d.events[0]->unsure[1], UNSURE_NOT);
	}
	make_name(PROBE_CALL_rename, "/tmp", "old");
	add_second("/tmp", "a/new");
	decode_made(&d, &made);
	expect(&d, 0, "path_confidence", "joined");
	assert_int_equal(d.events[0]->unsure[0], UNSURE_NOT);
	assert_int_equal(d.events[0]->unsure[1], UNSURE_FOLDER);
	make_name(PROBE_CALL_rename, "/tmp", "a/old");
	add_second("/", "/new");
	decode_made(&d, &made);
	expect(&d, 0, "path_confidence", "joined");
	expect(&d, 0, "target_path", "/new");
	assert_int_equal(d.events[0]->unsure[0], UNSURE_FOLDER);
	assert_int_equal(d.events[0]->unsure[1], UNSURE_NOT);
	decoded_stop(&d);
}

static void test_exchange(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_name(PROBE_CALL_renameat2, "/tmp", "one");
	set_argument(0, FDCWD);
	set_argument(4, 2);
	add_second("/srv", "a/two");
	decode_made(&d, &made);
	assert_int_equal(d.n, 2);
	expect_event(&d, file, rename, "CALL");
	expect(&d, 0, "path", "/tmp/one");
	expect(&d, 0, "target_path", "/srv/a/two");
	assert_int_equal(d.events[0]->unsure[1], UNSURE_FOLDER);
	expect_kind(&d, 1, file, rename);
	expect_members(&d, 1, "outcome code path target_path path_confidence");
	expect(&d, 1, "outcome", "success");
	expect(&d, 1, "source", "ebpf");
	expect(&d, 1, "path", "/srv/a/two");
	expect(&d, 1, "target_path", "/tmp/one");
	expect(&d, 1, "path_confidence", "joined");
	assert_int_equal(d.events[1]->unsure[0], UNSURE_FOLDER);
	assert_int_equal(d.events[1]->unsure[1], UNSURE_NOT);
	expect_actor(&d, 0, "cwd");
	expect_actor(&d, 1, "cwd");
	decoded_stop(&d);
}

static void test_delete(void **state)
{
	static const enum probe_call_number calls[] = { PROBE_CALL_unlink, PROBE_CALL_unlinkat, PROBE_CALL_rmdir };
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		make_name(calls[i], "/tmp", "x");
		decode_made(&d, &made);
		expect_event(&d, file, delete, "CALL");
		expect_members(&d, 0, "outcome code path");
		expect(&d, 0, "path", "/tmp/x");
		expect_actor(&d, 0, i == 1 ? "" : "cwd");
	}
	decoded_stop(&d);
}

static void test_links(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_name(PROBE_CALL_link, "/tmp", "old");
	add_second("/srv", "new");
	decode_made(&d, &made);
	expect_event(&d, file, link, "CALL");
	expect_members(&d, 0, "outcome code path target_path");
	expect(&d, 0, "path", "/tmp/old");
	expect(&d, 0, "target_path", "/srv/new");
	make_name(PROBE_CALL_linkat, "/tmp", "old");
	set_argument(4, 0x400);
	add_second("/srv", "new");
	decode_made(&d, &made);
	expect_event(&d, file, link, "CALL");
	expect(&d, 0, "path_confidence", "joined");
	assert_int_equal(d.events[0]->unsure[0], UNSURE_FILE);
	assert_int_equal(d.events[0]->unsure[1], UNSURE_NOT);
	/* an open file without a name is given one */
	make_name(PROBE_CALL_linkat, "/tmp/#77", "");
	set_argument(4, 0x1000);
	add_second("/srv", "new");
	decode_made(&d, &made);
	expect(&d, 0, "path", "/tmp/#77");
	expect(&d, 0, "target_path", "/srv/new");
	expect(&d, 0, "path_confidence", NULL);

	/* a symbolic link says what it likes */
	make_name(PROBE_CALL_symlink, "/tmp", "link");
	add_second(NULL, "../some//where/./else");
	decode_made(&d, &made);
	expect_event(&d, file, symlink, "CALL");
	expect_members(&d, 0, "outcome code path target_path file_type");
	expect(&d, 0, "path", "/tmp/link");
	expect(&d, 0, "target_path", "../some//where/./else");
	expect(&d, 0, "file_type", "symlink");
	expect(&d, 0, "path_confidence", NULL);
	expect_actor(&d, 0, "cwd");
	make_name(PROBE_CALL_symlinkat, "/tmp", "link");
	add_second(NULL, "x");
	decode_made(&d, &made);
	expect_event(&d, file, symlink, "CALL");
	expect_actor(&d, 0, "");	/* argument 1 is a descriptor */
	set_argument(1, FDCWD);
	decode_made(&d, &made);
	expect_actor(&d, 0, "cwd");
	/* the text is longer than is kept, or gone */
	make_name(PROBE_CALL_symlink, "/tmp", "link");
	add_second(NULL, "x");
	cut_text(&made, NAME_GIVEN2);
	decode_made(&d, &made);
	expect(&d, 0, "target_path", "x");
	expect(&d, 0, "truncated", "file.target_path|");
	expect(&d, 0, "path_confidence", NULL);
	make_name(PROBE_CALL_symlink, "/tmp", "link");
	cut_text(&made, NAME_GIVEN2);
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code path file_type completeness missing");
	expect(&d, 0, "missing", "file.target_path|");
	decoded_stop(&d);
}

static void test_modes_and_owners(void **state)
{
	static const struct {
		enum probe_call_number call;
		unsigned mode_argument;
	} modes[] = {
		{ PROBE_CALL_chmod, 1 }, { PROBE_CALL_fchmodat, 2 }, { PROBE_CALL_fchmodat2, 2 },
	};
	static const struct {
		enum probe_call_number call;
		unsigned uid_argument;
	} owners[] = {
		{ PROBE_CALL_chown, 1 }, { PROBE_CALL_lchown, 1 }, { PROBE_CALL_chown32, 1 }, { PROBE_CALL_lchown32, 1 },
		{ PROBE_CALL_fchownat, 2 },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		make_name(modes[i].call, "/tmp", "x");
		set_argument(3, 0x100);
		set_argument(modes[i].mode_argument, 0106755);
		decode_made(&d, &made);
		expect_event(&d, file, chmod, "CALL");
		expect(&d, 0, "path", "/tmp/x");
		expect(&d, 0, "mode", "6755");
		expect(&d, 0, "path_confidence", i == 2 ? NULL : "joined");
	}
	expect_members(&d, 0, "outcome code path mode");
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		make_name(owners[i].call, "/tmp", "x");
		set_argument(4, 0x100);
		set_argument(owners[i].uid_argument, 33);
		set_argument(owners[i].uid_argument + 1, 0);
		decode_made(&d, &made);
		expect_event(&d, file, chown, "CALL");
		expect(&d, 0, "file_uid", "33");
		expect(&d, 0, "file_gid", "0");
		set_argument(owners[i].uid_argument, UINT64_MAX);
		decode_made(&d, &made);
		expect(&d, 0, "file_uid", NULL);
		expect(&d, 0, "file_gid", "0");
		set_argument(owners[i].uid_argument, 33);
		set_argument(owners[i].uid_argument + 1, UINT32_MAX);
		decode_made(&d, &made);
		expect(&d, 0, "file_uid", "33");
		expect(&d, 0, "file_gid", NULL);
	}
	expect_members(&d, 0, "outcome code path file_uid");
	make_name(PROBE_CALL_truncate, "/tmp", "x");
	set_argument(1, UINT64_C(0x123456789a));
	set_argument(2, 3);
	decode_made(&d, &made);
	expect_event(&d, file, truncate, "CALL");
	expect_members(&d, 0, "outcome code path path_confidence size");
	expect(&d, 0, "size", "78187493530");
	decoded_stop(&d);
}

static void test_attributes(void **state)
{
	static const struct {
		enum probe_call_number call;
		const char *name;
	} calls[] = {
		{ PROBE_CALL_setxattr, "setxattr" }, { PROBE_CALL_lsetxattr, "lsetxattr" },
		{ PROBE_CALL_setxattrat, "setxattrat" }, { PROBE_CALL_removexattr, "removexattr" },
		{ PROBE_CALL_lremovexattr, "lremovexattr" }, { PROBE_CALL_removexattrat, "removexattrat" },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		make_name(calls[i].call, "/tmp", "x");
		set_argument(2, 0x100);
		add_second(NULL, "user.some");
		decode_made(&d, &made);
		expect_event(&d, file, xattr, "CALL");
		expect(&d, 0, "path", "/tmp/x");
		expect(&d, 0, "xattr", "user.some");
		expect(&d, 0, "auditd_syscall", calls[i].name);
	}
	expect_members(&d, 0, "outcome code path xattr auditd_syscall");
	make_name(PROBE_CALL_lsetxattr, "/tmp", "x");
	cut_text(&made, NAME_GIVEN2);
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code path auditd_syscall completeness missing");
	expect(&d, 0, "missing", "file.xattr|");
	decoded_stop(&d);
}

static void test_mounts(void **state)
{
	static const struct {
		uint64_t flags;
		const char *text;
	} mounts[] = {
		{ 0, NULL }, { 1, "MS_RDONLY" }, { 0x1000, "MS_BIND" }, { 0x5000, "MS_BIND|MS_REC" },
		{ 0xc0ed0002, "MS_NOSUID" }, { UINT64_C(0x100000000), NULL },
	}, unmounts[] = {
		{ 0, NULL }, { 1, "MNT_FORCE" }, { 2, "MNT_DETACH" }, { 10, "MNT_DETACH|UMOUNT_NOFOLLOW" },
		{ 4, "MNT_EXPIRE" }, { UINT64_C(0xfffffff0), NULL },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		make_name(PROBE_CALL_mount, "/", "/mnt");
		set_argument(3, mounts[i].flags);
		add_second(NULL, "/dev/sda1");
		decode_made(&d, &made);
		expect_event(&d, file, mount, "CALL");
		expect(&d, 0, "path", "/mnt");
		expect(&d, 0, "path_confidence", "joined");
		expect(&d, 0, "target_path", "/dev/sda1");
		expect(&d, 0, "flags", mounts[i].text);
	}
	expect_members(&d, 0, "outcome code path path_confidence target_path");
	/* a source that is no file */
	make_name(PROBE_CALL_mount, "/", "/proc");
	set_argument(3, 0);
	add_second(NULL, "proc");
	decode_made(&d, &made);
	expect(&d, 0, "target_path", NULL);
	make_name(PROBE_CALL_mount, "/", "/mnt");	/* NULL: a remount */
	set_argument(3, 0x21);
	cut_text(&made, NAME_GIVEN2);
	decode_made(&d, &made);
	expect_members(&d, 0, "outcome code path path_confidence flags");
	expect(&d, 0, "flags", "MS_RDONLY|MS_REMOUNT");
	/* what was made with fsmount(2) or open_tree(2) */
	make_name(PROBE_CALL_move_mount, "/", "/mnt");
	set_argument(4, 4);
	add_second("/", "");
	decode_made(&d, &made);
	expect_event(&d, file, mount, "CALL");
	expect_members(&d, 0, "outcome code path");
	expect(&d, 0, "path", "/mnt");
	make_name(PROBE_CALL_move_mount, "/tmp", "mnt");
	set_argument(2, FDCWD);
	decode_made(&d, &made);
	expect_actor(&d, 0, "cwd");
	set_argument(2, 3);
	decode_made(&d, &made);
	expect_actor(&d, 0, "");

	for (size_t i = 0; i < ARRAY_SIZE(unmounts); i++) {
		make_name(PROBE_CALL_umount2, "/", "/mnt");
		set_argument(1, unmounts[i].flags);
		decode_made(&d, &made);
		expect_event(&d, file, unmount, "CALL");
		expect(&d, 0, "path", "/mnt");
		expect(&d, 0, "target_path", NULL);
		expect(&d, 0, "flags", unmounts[i].text);
	}
	make_name(PROBE_CALL_umount, "/", "/mnt");	/* has no flags */
	set_argument(1, 2);
	decode_made(&d, &made);
	expect_event(&d, file, unmount, "CALL");
	expect_members(&d, 0, "outcome code path path_confidence");
	decoded_stop(&d);
}

/* Where the process is, as far as a name tells. */
static void test_working_directory(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make_name(PROBE_CALL_unlink, "/", "/x");
	decode_made(&d, &made);
	expect_actor(&d, 0, "");	/* an absolute name says nothing of that */
	make_name(PROBE_CALL_unlinkat, "/some/where", "a/../x");
	set_argument(0, FDCWD);
	decode_made(&d, &made);
	expect_actor(&d, 0, "cwd");
	expect(&d, 0, "cwd", "/some/where");
	make_name(PROBE_CALL_unlinkat, "/some/where", "x");
	set_argument(0, (uint32_t)-100);	/* of a 32-bit program */
	decode_made(&d, &made);
	expect_actor(&d, 0, "cwd");
	make_name(PROBE_CALL_fchownat, "/some/where", "");
	set_argument(0, FDCWD);
	decode_made(&d, &made);
	expect_actor(&d, 0, "");
	make_name(PROBE_CALL_unlink, "/cut", "x");
	cut_text(&made, NAME_FOLDER);
	decode_made(&d, &made);
	expect_actor(&d, 0, "");
	decoded_stop(&d);
}

static void test_map(void **state)
{
	struct file_version version;
	struct decoded d;

	decoded_start(&d, NULL);
	make_file(PROBE_MAP, PROBE_CALL_mmap, "/usr/lib/libc.so.6");
	made.record->body.file.changed_ns = UINT64_C(1700000000123456789);
	decode_made(&d, &made);
	expect_event(&d, image, load, "CALL");
	expect_members(&d, 0, "outcome code dll_path dll_inode dll_device dll_changed dll_hash_id");
	expect(&d, 0, "dll_path", "/usr/lib/libc.so.6");
	expect(&d, 0, "dll_inode", "4711");
	expect(&d, 0, "dll_changed", "1700000000123456789");
	version = (struct file_version){ d.events[0]->dll_device, 4711, UINT64_C(1700000000123456789) };
	assert_int_equal(d.events[0]->dll_hash_id, file_version_id(&version));
	expect_actor(&d, 0, "");
	make_file(PROBE_MAP, PROBE_CALL_mmap2, "/memfd:x");
	decode_made(&d, &made);
	expect_event(&d, image, load, "CALL");
	expect(&d, 0, "dll_path", "/memfd:x");
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_temporary), cmocka_unit_test(test_memfd), cmocka_unit_test(test_raw),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_calls_on_open_files),
		cmocka_unit_test(test_large_sizes_of_32_bits),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_rename),
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_modes_and_owners),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_working_directory),
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
