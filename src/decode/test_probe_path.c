/* Paths: what the kernel walked, and names as programs gave them. */

#include "decode/test_probe.h"

static struct made made;

/* An open of what the kernel calls by these names, each with its NUL. */
static void open_names(struct decoded *d, struct span names)
{
	make(&made, PROBE_OPEN, PROBE_CALL_openat);
	made.record->body.file.mode = 0100644;
	add_text(&made, FILE_PATH, names);
	decode_made(d, &made);
	expect_kind(d, 0, file, read);
	assert_int_equal(d->events[0]->unsure[0], UNSURE_NOT);
}

static void test_walked(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	open_names(&d, SPAN("passwd\0etc\0"));
	expect(&d, 0, "path", "/etc/passwd");
	expect(&d, 0, "path_confidence", NULL);
	open_names(&d, SPAN("c\0b\0a\0"));
	expect(&d, 0, "path", "/a/b/c");
	open_names(&d, SPAN("x\0"));
	expect(&d, 0, "path", "/x");
	open_names(&d, SPAN("/\0"));	/* a root calls itself so */
	expect(&d, 0, "path", "/");
	open_names(&d, SPAN("memfd:some\0"));
	expect(&d, 0, "path", "/memfd:some");
	open_names(&d, SPAN("..x\0.hidden\0 \n\0"));
	expect(&d, 0, "path", "/ \n/.hidden/..x");
	/* the last NUL is missing */
	open_names(&d, SPAN("b\0a"));
	expect(&d, 0, "path", "/a/b");
	open_names(&d, SPAN("a"));
	expect(&d, 0, "path", "/a");
	open_names(&d, SPAN(""));
	expect(&d, 0, "path", "/");
	decoded_stop(&d);
}

static void open_below(struct decoded *d, struct span names, struct span root)
{
	make(&made, PROBE_OPEN, PROBE_CALL_openat);
	made.record->body.file.mode = 0100644;
	add_text(&made, FILE_PATH, names);
	add_text(&made, FILE_ROOT, root);
	decode_made(d, &made);
}

/* Of a process that has a folder for its root: with how much of it the path begins. */
static void test_root_of_opened(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	open_below(&d, SPAN("x\0etc\0jail\0srv\0"), SPAN("jail\0srv\0"));
	expect(&d, 0, "path", "/srv/jail/etc/x");
	assert_int_equal(d.events[0]->root_bytes[0], strlen("/srv/jail"));
	open_below(&d, SPAN("jail\0srv\0"), SPAN("jail\0srv\0"));
	assert_int_equal(d.events[0]->root_bytes[0], strlen("/srv/jail"));
	/* what it has from elsewhere */
	open_below(&d, SPAN("x\0jailed\0srv\0"), SPAN("jail\0srv\0"));
	assert_int_equal(d.events[0]->root_bytes[0], 0);
	open_below(&d, SPAN("x\0"), SPAN("jail\0srv\0"));
	assert_int_equal(d.events[0]->root_bytes[0], 0);
	open_below(&d, SPAN("x\0"), SPAN("/\0"));
	assert_int_equal(d.events[0]->root_bytes[0], 0);
	cut_text(&made, FILE_ROOT);
	decode_made(&d, &made);
	assert_int_equal(d.events[0]->root_bytes[0], 0);
	decoded_stop(&d);
}

/* Whose mounts a path is of. */
static void test_mounts_of_opened(void **state)
{
	static const struct {
		uint32_t origin, mounts;
	} cases[] = {
		{ 0, MOUNTS_OF_PROCESS }, { PROBE_CREATED, MOUNTS_OF_PROCESS }, { PROBE_MOUNTS_OF_HOST | PROBE_CREATED, MOUNTS_OF_HOST },
		{ PROBE_MOUNTS_OF_NONE, MOUNTS_OF_NONE }, { PROBE_MOUNTS(4026532201u) | PROBE_CREATED, 4026532201u },
		{ PROBE_MOUNTS(0xf0000000u), 0xf0000000u }, { PROBE_MOUNTS(0xffffffffu), 0xffffffffu },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make(&made, PROBE_OPEN, PROBE_CALL_openat);
		made.record->body.file.mode = 0100644;
		made.record->body.file.origin = cases[i].origin;
		add_path(&made, FILE_PATH, "/x");
		decode_made(&d, &made);
		assert_int_equal(d.events[0]->mounts, cases[i].mounts);
		assert_int_equal(d.events[0]->kind, cases[i].origin & PROBE_CREATED ? KIND_ID(file, create) : KIND_ID(file, read));
	}
	decoded_stop(&d);
}

/* No file system has such names; a capture may. */
static void test_hostile_names(void **state)
{
	struct decoded d;
	char many[60000];
	struct span path;

	decoded_start(&d, NULL);
	open_names(&d, SPAN("\0\0"));
	open_names(&d, SPAN("b\0\0a\0"));
	expect(&d, 0, "path", "/a//b");
	open_names(&d, SPAN("\0b\0"));
	expect(&d, 0, "path", "/b/");
	open_names(&d, SPAN("b\0\0"));
	expect(&d, 0, "path", "//b");
	open_names(&d, SPAN("x/y\0..\0"));
	expect(&d, 0, "path", "/../x/y");
	memset(many, 0, sizeof(many));
	open_names(&d, (struct span){ many, sizeof(many) });
	memset(many, 'x', sizeof(many));
	open_names(&d, (struct span){ many, sizeof(many) });
	path = values_text(&d.events[0]->values, FIELD_path);
	assert_int_equal(path.size, sizeof(many) + 1);
	assert_int_equal(path.data[0], '/');
	for (size_t i = 1; i < sizeof(many); i += 2)
		many[i] = 0;
	open_names(&d, (struct span){ many, sizeof(many) });
	path = values_text(&d.events[0]->values, FIELD_path);
	assert_int_equal(path.size, sizeof(many));
	for (size_t i = 0; i < path.size; i++)
		assert_int_equal(path.data[i], i % 2 ? 'x' : '/');
	decoded_stop(&d);
}

/* Deeper than is walked: its beginning is not known. */
static void test_cut_walk(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_OPEN, PROBE_CALL_openat);
	add_path(&made, FILE_PATH, "/c/d");
	cut_text(&made, FILE_PATH);
	decode_made(&d, &made);
	expect(&d, 0, "path", "/c/d");
	expect(&d, 0, "path_confidence", "guessed");
	expect(&d, 0, "truncated", "file.path|");
	make(&made, PROBE_MAP, PROBE_CALL_mmap);
	add_path(&made, FILE_PATH, "/c/d");
	cut_text(&made, FILE_PATH);
	decode_made(&d, &made);
	expect(&d, 0, "dll_path", "/c/d");
	expect(&d, 0, "truncated", "dll.path|");
	expect(&d, 0, "path_confidence", NULL);
	/* another text is cut */
	make(&made, PROBE_OPEN, PROBE_CALL_openat);
	add_path(&made, FILE_PATH, "/c/d");
	cut_text(&made, FILE_EXTRA);
	decode_made(&d, &made);
	expect(&d, 0, "truncated", NULL);
	decoded_stop(&d);
}

/* What has no name anywhere: a pipe opened as /dev/stderr, a socket. */
static void test_nameless(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_OPEN, PROBE_CALL_openat);
	made.record->body.file.mode = 0010600;
	made.record->body.file.inode = 4711;
	made.record->body.file.flags = 1;
	add_text(&made, FILE_PATH, SPAN("\0"));
	decode_made(&d, &made);
	expect_kind(&d, 0, file, write);
	expect(&d, 0, "path", "pipe:[4711]");
	expect(&d, 0, "file_type", "fifo");
	/* one that has a name */
	make(&made, PROBE_OPEN, PROBE_CALL_openat);
	made.record->body.file.mode = 0010600;
	made.record->body.file.inode = 4711;
	add_path(&made, FILE_PATH, "/tmp/fifo");
	decode_made(&d, &made);
	expect(&d, 0, "path", "/tmp/fifo");
	make(&made, PROBE_FILE, PROBE_CALL_fchown);
	made.record->body.file.mode = 0140777;
	made.record->body.file.inode = 4712;
	add_text(&made, FILE_PATH, SPAN("TCP\0"));	/* sockets are called by their protocol */
	decode_made(&d, &made);
	expect(&d, 0, "path", "socket:[4712]");
	make(&made, PROBE_FILE, PROBE_CALL_fchmod);
	made.record->body.file.inode = 4713;
	add_text(&made, FILE_PATH, SPAN("\0"));
	decode_made(&d, &made);
	expect(&d, 0, "path", "inode:[4713]");
	make(&made, PROBE_FILE, PROBE_CALL_fchmod);
	made.record->body.file.mode = 0040755;
	add_text(&made, FILE_PATH, SPAN("/\0"));
	decode_made(&d, &made);
	expect(&d, 0, "path", "/");
	decoded_stop(&d);
}

/* Whose root is not known. */
static void rootless_at(struct decoded *d, const char *folder, const char *name, enum probe_call_number call)
{
	make(&made, PROBE_NAME, call);
	made.record->body.call.root.init = 0;
	add_path(&made, NAME_FOLDER, folder);
	add_text(&made, NAME_GIVEN, span_of(name));
	decode_made(d, &made);
	assert_int_equal(d->n, 1);
}

static void given_at(struct decoded *d, const char *folder, const char *name, enum probe_call_number call)
{
	make(&made, PROBE_NAME, call);
	made.record->body.call.value[0] = (uint32_t)-100;	/* AT_FDCWD of the *at calls */
	if (folder)
		add_path(&made, NAME_FOLDER, folder);
	add_text(&made, NAME_GIVEN, span_of(name));
	decode_made(d, &made);
	assert_int_equal(d->n, 1);
}

static void expect_given(struct decoded *d, const char *path, const char *confidence, enum unsure unsure)
{
	expect(d, 0, "path", path);
	expect(d, 0, "path_confidence", confidence);
	expect(d, 0, "truncated", NULL);
	expect(d, 0, "missing", NULL);
	expect(d, 0, "completeness", NULL);
	assert_int_equal(d->events[0]->unsure[0], unsure);
	assert_int_equal(d->events[0]->unsure[1], UNSURE_NOT);
}

/* A name, from the folder that the kernel walked. */
static void test_single_names(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	given_at(&d, "/tmp/work", "file", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/work/file", NULL, UNSURE_NOT);
	given_at(&d, "/", "file", PROBE_CALL_unlink);
	expect_given(&d, "/file", NULL, UNSURE_NOT);
	given_at(&d, "/", "/file", PROBE_CALL_unlink);
	expect_given(&d, "/file", NULL, UNSURE_NOT);
	given_at(&d, "/", "///file", PROBE_CALL_unlink);
	expect_given(&d, "/file", NULL, UNSURE_NOT);
	given_at(&d, "/tmp", ".hidden", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/.hidden", NULL, UNSURE_NOT);
	given_at(&d, "/tmp", "..x", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/..x", NULL, UNSURE_NOT);
	given_at(&d, "/tmp", "...", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/...", NULL, UNSURE_NOT);
	given_at(&d, "/tmp", "folder/", PROBE_CALL_rmdir);
	expect_given(&d, "/tmp/folder", NULL, UNSURE_NOT);
	given_at(&d, "/tmp", "folder///", PROBE_CALL_mkdir);
	expect_given(&d, "/tmp/folder", NULL, UNSURE_NOT);
	given_at(&d, "/", "/folder/", PROBE_CALL_mkdir);
	expect_given(&d, "/folder", NULL, UNSURE_NOT);
	given_at(&d, "/tmp", "\xff\xfe \n", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/\xff\xfe \n", NULL, UNSURE_NOT);
	/* the descriptor itself, or the root */
	given_at(&d, "/tmp/open", "", PROBE_CALL_fchownat);
	expect_given(&d, "/tmp/open", NULL, UNSURE_NOT);
	given_at(&d, "/", "/", PROBE_CALL_chmod);
	expect_given(&d, "/", NULL, UNSURE_NOT);
	given_at(&d, "/", "//", PROBE_CALL_chmod);
	expect_given(&d, "/", NULL, UNSURE_NOT);
	decoded_stop(&d);
}

/* Folders of the name may be links. */
static void test_names_with_folders(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	given_at(&d, "/tmp", "a/b", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/a/b", "joined", UNSURE_FOLDER);
	given_at(&d, "/", "/a/b/c", PROBE_CALL_unlink);
	expect_given(&d, "/a/b/c", "joined", UNSURE_FOLDER);
	given_at(&d, "/", "//a//./b/c/", PROBE_CALL_mkdir);
	expect_given(&d, "/a/b/c", "joined", UNSURE_FOLDER);
	given_at(&d, "/tmp", "./b", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/b", "joined", UNSURE_FOLDER);
	given_at(&d, "/tmp", ".", PROBE_CALL_chmod);
	expect_given(&d, "/tmp", "joined", UNSURE_FILE);
	/* a `..` stays: behind a link it is not what it seems */
	given_at(&d, "/tmp", "a/../b", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/a/../b", "joined", UNSURE_FOLDER);
	given_at(&d, "/tmp", "../b", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/../b", "joined", UNSURE_FOLDER);
	given_at(&d, "/tmp", "a/..", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/a/..", "joined", UNSURE_FOLDER);
	given_at(&d, "/tmp", "..", PROBE_CALL_chmod);
	expect_given(&d, "/tmp/..", "joined", UNSURE_FILE);
	given_at(&d, "/", "/a/../b", PROBE_CALL_unlink);
	expect_given(&d, "/a/../b", "joined", UNSURE_FOLDER);
	given_at(&d, "/", "../b", PROBE_CALL_unlink);
	expect_given(&d, "/../b", "joined", UNSURE_FOLDER);
	decoded_stop(&d);
}

/* A call that acts on what a link leads to; such a file is unsure however short its name. */
static void test_followed(void **state)
{
	static const struct {
		enum probe_call_number call;
		unsigned argument;	/* that with the flags */
		uint64_t flags;
		bool follows;
	} cases[] = {
		{ PROBE_CALL_truncate, 5, 0, true }, { PROBE_CALL_truncate64, 5, 0, true },
		{ PROBE_CALL_chmod, 5, 0, true }, { PROBE_CALL_fchmodat, 5, 0, true },
		{ PROBE_CALL_fchmodat2, 3, 0, true }, { PROBE_CALL_fchmodat2, 3, 0x100, false },
		{ PROBE_CALL_chown, 5, 0, true }, { PROBE_CALL_chown32, 5, 0, true },
		{ PROBE_CALL_lchown, 5, 0, false }, { PROBE_CALL_lchown32, 5, 0, false },
		{ PROBE_CALL_fchownat, 4, 0, true }, { PROBE_CALL_fchownat, 4, 0x100, false },
		{ PROBE_CALL_fchownat, 4, 0x1100, false },
		{ PROBE_CALL_setxattr, 5, 0, true }, { PROBE_CALL_lsetxattr, 5, 0, false },
		{ PROBE_CALL_setxattrat, 2, 0, true }, { PROBE_CALL_setxattrat, 2, 0x100, false },
		{ PROBE_CALL_removexattr, 5, 0, true }, { PROBE_CALL_lremovexattr, 5, 0, false },
		{ PROBE_CALL_removexattrat, 2, 0, true }, { PROBE_CALL_removexattrat, 2, 0x100, false },
		{ PROBE_CALL_mount, 5, 0, true }, { PROBE_CALL_umount, 5, 0, true },
		{ PROBE_CALL_umount2, 1, 2, true }, { PROBE_CALL_umount2, 1, 8, false },
		{ PROBE_CALL_move_mount, 4, 0, false }, { PROBE_CALL_move_mount, 4, 0x10, true },
		{ PROBE_CALL_unlink, 5, 0, false }, { PROBE_CALL_unlinkat, 2, 0x200, false },
		{ PROBE_CALL_rmdir, 5, 0, false }, { PROBE_CALL_mkdir, 5, 0, false }, { PROBE_CALL_mknod, 5, 0, false },
		{ PROBE_CALL_rename, 5, 0, false }, { PROBE_CALL_link, 5, 0, false }, { PROBE_CALL_symlink, 5, 0, false },
		{ PROBE_CALL_linkat, 4, 0, false }, { PROBE_CALL_linkat, 4, 0x400, true },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make(&made, PROBE_NAME, cases[i].call);
		made.record->body.call.value[cases[i].argument] = cases[i].flags;
		add_path(&made, NAME_FOLDER, "/tmp");
		add_text(&made, NAME_GIVEN, SPAN("name"));
		if (cases[i].call == PROBE_CALL_linkat || cases[i].call == PROBE_CALL_rename ||
		    cases[i].call == PROBE_CALL_link)
			add_path(&made, NAME_FOLDER2, "/tmp");
		add_text(&made, NAME_GIVEN2, SPAN("other"));
		decode_made(&d, &made);
		expect(&d, 0, "path", "/tmp/name");
		if (d.events[0]->unsure[0] != (cases[i].follows ? UNSURE_FILE : UNSURE_NOT))
			fail_msg("case %zu: unsure %d", i, d.events[0]->unsure[0]);
		expect(&d, 0, "path_confidence", cases[i].follows ? "joined" : NULL);
		assert_int_equal(d.events[0]->unsure[1], UNSURE_NOT);
	}
	/* A slash at the end asks for a folder, so the link is followed whatever the call (path_resolution(7)). */
	given_at(&d, "/tmp", "link/", PROBE_CALL_lchown);
	expect_given(&d, "/tmp/link", "joined", UNSURE_FILE);
	given_at(&d, "/tmp", "link/", PROBE_CALL_lsetxattr);
	expect(&d, 0, "path", "/tmp/link");
	assert_int_equal(d.events[0]->unsure[0], UNSURE_FILE);
	decoded_stop(&d);
}

/* An absolute name begins at the root of the process; what of links and `..` leads out of a name leads to that root. */
static void test_changed_root(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	rootless_at(&d, "/srv/jail", "/x", PROBE_CALL_unlink);
	expect_given(&d, "/srv/jail/x", NULL, UNSURE_NOT);
	rootless_at(&d, "/srv/jail", "/", PROBE_CALL_chmod);
	expect_given(&d, "/srv/jail", NULL, UNSURE_NOT);
	/* nobody can be asked for these */
	rootless_at(&d, "/srv/jail", "/etc/x", PROBE_CALL_unlink);
	expect_given(&d, "/srv/jail/etc/x", "guessed", UNSURE_NOT);
	rootless_at(&d, "/srv/jail", "/x", PROBE_CALL_chmod);
	expect_given(&d, "/srv/jail/x", "guessed", UNSURE_NOT);
	rootless_at(&d, "/srv/jail", "/../../etc/shadow", PROBE_CALL_unlink);
	expect_given(&d, "/srv/jail/etc/shadow", "guessed", UNSURE_NOT);
	rootless_at(&d, "/srv/jail", "/a/../../x", PROBE_CALL_unlink);
	expect_given(&d, "/srv/jail/x", "guessed", UNSURE_NOT);
	rootless_at(&d, "/srv/jail", "/..", PROBE_CALL_chmod);
	expect_given(&d, "/srv/jail", "guessed", UNSURE_NOT);
	/* a relative one is from where the process is */
	rootless_at(&d, "/srv/jail/home", "x", PROBE_CALL_unlink);
	expect_given(&d, "/srv/jail/home/x", NULL, UNSURE_NOT);
	rootless_at(&d, "/srv/jail/home", "a/x", PROBE_CALL_unlink);
	expect_given(&d, "/srv/jail/home/a/x", "guessed", UNSURE_NOT);
	rootless_at(&d, "/tmp", "link", PROBE_CALL_chmod);
	expect_given(&d, "/tmp/link", "guessed", UNSURE_NOT);
	rootless_at(&d, "/tmp", "a/../x", PROBE_CALL_unlink);
	expect_given(&d, "/tmp/x", "guessed", UNSURE_NOT);
	decoded_stop(&d);
}

static void given_in(struct decoded *d, const char *folder, const char *name, probe_u8 flags)
{
	make(&made, PROBE_NAME, PROBE_CALL_unlink);
	made.record->head.flags = flags;
	made.record->body.call.root.inode = 99;
	made.record->body.call.root.mount = 30;
	made.record->body.call.root.init = 1;
	add_path(&made, NAME_FOLDER, folder);
	add_text(&made, NAME_GIVEN, span_of(name));
	decode_made(d, &made);
	assert_int_equal(d->n, 1);
}

static void expect_root(struct decoded *d, uint32_t bytes)
{
	const struct event *event = d->events[0];

	assert_int_equal(event->root.inode, 99);
	assert_int_equal(event->root.mount, 30);
	assert_int_equal(event->root.init, 1);
	assert_int_equal(event->root_bytes[0], bytes);
}

/* Whose root is known, somebody who has it too can be asked. */
static void test_known_root(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	given_in(&d, "/srv/jail", "/x", 0);
	expect_given(&d, "/srv/jail/x", NULL, UNSURE_NOT);
	given_in(&d, "/srv/jail", "/etc/x", 0);
	expect_given(&d, "/srv/jail/etc/x", "joined", UNSURE_FOLDER);
	expect_root(&d, 9);
	given_in(&d, "/srv/jail", "/../etc/x", 0);
	expect_given(&d, "/srv/jail/../etc/x", "joined", UNSURE_FOLDER);
	expect_root(&d, 9);
	given_in(&d, "/srv/jail/home", "../../x", 0);
	expect_given(&d, "/srv/jail/home/../../x", "joined", UNSURE_FOLDER);
	expect_root(&d, 0);
	given_in(&d, "/", "/etc/x", 0);
	expect_given(&d, "/etc/x", "joined", UNSURE_FOLDER);
	expect_root(&d, 0);
	/* a folder that the root does not lead to */
	given_in(&d, "/elsewhere", "x", PROBE_ELSEWHERE);
	expect_given(&d, "/elsewhere/x", NULL, UNSURE_NOT);
	given_in(&d, "/elsewhere", "a/../x", PROBE_ELSEWHERE);
	expect_given(&d, "/elsewhere/x", "guessed", UNSURE_NOT);
	given_in(&d, "/srv/jail", "/../x", PROBE_ELSEWHERE);
	expect_given(&d, "/srv/jail/x", "guessed", UNSURE_NOT);
	decoded_stop(&d);
}

/* One of two paths that is guessed is not made better by the other. */
static void test_confidence_of_two(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_NAME, PROBE_CALL_rename);
	made.record->body.call.root.init = 0;
	add_path(&made, NAME_FOLDER, "/srv/jail");
	add_text(&made, NAME_GIVEN, SPAN("/a/b"));
	add_path(&made, NAME_FOLDER2, "/srv/jail");
	add_text(&made, NAME_GIVEN2, SPAN("a/c"));
	decode_made(&d, &made);
	expect(&d, 0, "path_confidence", "guessed");
	decoded_stop(&d);
}

/* A folder that both names are of is told once. */
static void test_same_folder(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_NAME, PROBE_CALL_rename);
	made.record->head.flags |= PROBE_SAME_FOLDER;
	add_path(&made, NAME_FOLDER, "/srv/data");
	add_text(&made, NAME_GIVEN, SPAN("a"));
	add_text(&made, NAME_GIVEN2, SPAN("sub/b"));
	decode_made(&d, &made);
	expect(&d, 0, "path", "/srv/data/a");
	expect(&d, 0, "target_path", "/srv/data/sub/b");
	decoded_stop(&d);
}

/* Told before it happened, and nobody tells what came of it. */
static void test_unknown_outcome(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_NAME, PROBE_CALL_renameat2);
	made.record->body.call.result = PROBE_UNKNOWN;
	made.record->body.call.value[4] = 2;	/* RENAME_EXCHANGE */
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("a"));
	add_path(&made, NAME_FOLDER2, "/tmp");
	add_text(&made, NAME_GIVEN2, SPAN("b"));
	decode_made(&d, &made);
	assert_int_equal(d.n, 2);
	for (unsigned i = 0; i < 2; i++) {
		expect(&d, i, "path", i == 0 ? "/tmp/a" : "/tmp/b");
		expect(&d, i, "outcome", NULL);
		expect(&d, i, "completeness", "partial");
		expect(&d, i, "missing", "event.outcome|");
	}
	decoded_stop(&d);
}

/* The program's memory was not there any more, or a name is longer than is kept. */
static void test_unreadable_and_cut(void **state)
{
	struct decoded d;

	decoded_start(&d, NULL);
	make(&made, PROBE_NAME, PROBE_CALL_unlink);
	add_path(&made, NAME_FOLDER, "/tmp");
	cut_text(&made, NAME_GIVEN);
	decode_made(&d, &made);
	expect_event(&d, file, delete, "CALL");
	expect_members(&d, 0, "outcome code completeness missing");
	expect(&d, 0, "completeness", "partial");
	expect(&d, 0, "missing", "path|");
	expect_actor(&d, 0, "");
	assert_int_equal(d.events[0]->unsure[0], UNSURE_NOT);
	assert_int_equal(decoder_stats(d.decoder)->partial, 1);
	/* both of two; one of them */
	make(&made, PROBE_NAME, PROBE_CALL_rename);
	add_path(&made, NAME_FOLDER, "/tmp");
	cut_text(&made, NAME_GIVEN);
	cut_text(&made, NAME_GIVEN2);
	decode_made(&d, &made);
	expect(&d, 0, "missing", "path|");
	make(&made, PROBE_NAME, PROBE_CALL_rename);
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("old"));
	cut_text(&made, NAME_GIVEN2);
	decode_made(&d, &made);
	expect(&d, 0, "path", "/tmp/old");
	expect(&d, 0, "target_path", NULL);
	expect(&d, 0, "missing", "path|");

	make(&made, PROBE_NAME, PROBE_CALL_unlink);
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("long/name"));
	cut_text(&made, NAME_GIVEN);
	decode_made(&d, &made);
	expect(&d, 0, "path", "/tmp/long/name");
	expect(&d, 0, "truncated", "file.path|");
	expect(&d, 0, "path_confidence", "guessed");
	assert_int_equal(d.events[0]->unsure[0], UNSURE_NOT);	/* nobody is to be asked for half a name */
	expect(&d, 0, "cwd", "/tmp");
	/* the folder's descriptor was closed meanwhile */
	make(&made, PROBE_NAME, PROBE_CALL_unlinkat);
	made.record->body.call.value[0] = 5;
	cut_text(&made, NAME_FOLDER);
	add_text(&made, NAME_GIVEN, SPAN("name"));
	decode_made(&d, &made);
	expect(&d, 0, "path", "/name");
	expect(&d, 0, "truncated", "file.path|");
	expect(&d, 0, "path_confidence", "guessed");
	expect(&d, 0, "cwd", NULL);
	/* the same of the second name */
	make(&made, PROBE_NAME, PROBE_CALL_rename);
	add_path(&made, NAME_FOLDER, "/tmp");
	add_text(&made, NAME_GIVEN, SPAN("old"));
	add_path(&made, NAME_FOLDER2, "/b");
	cut_text(&made, NAME_FOLDER2);
	add_text(&made, NAME_GIVEN2, SPAN("new"));
	decode_made(&d, &made);
	expect(&d, 0, "path", "/tmp/old");
	expect(&d, 0, "target_path", "/b/new");
	expect(&d, 0, "truncated", "file.target_path|");
	expect(&d, 0, "path_confidence", "guessed");
	decoded_stop(&d);
}

/* A `..` behind a bad name, NULs, what is no name at all: bytes of a capture. */
static void test_hostile_given(void **state)
{
	static const struct span names[] = {
		{ "\0", 1 }, { "a\0b", 3 }, { "\0/..", 4 }, { "/\0", 2 }, { "../../../../../..", 17 }, { "..", 2 },
		{ "./././", 6 }, { "/////", 5 }, { ".", 1 }, { "a/", 2 }, { "../", 3 }, { "/../", 4 },
	};
	struct decoded d;

	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (unsigned n_texts = 0; n_texts < 3; n_texts++)
			for (unsigned cut = 0; cut < 4; cut++) {
				make(&made, PROBE_NAME, cut & 1 ? PROBE_CALL_chmod : PROBE_CALL_unlink);
				if (n_texts > 0)
					add_text(&made, NAME_FOLDER, n_texts == 1 ? SPAN("x\0y") : SPAN("\0\0"));
				add_text(&made, NAME_GIVEN, names[i]);
				made.record->cut = (probe_u16)cut;
				decode_made(&d, &made);
				assert_int_equal(d.n, 1);
				assert_int_equal(values_text(&d.events[0]->values, FIELD_path).data[0], '/');
			}
	decoded_stop(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walked),
		cmocka_unit_test(test_root_of_opened),
		cmocka_unit_test(test_mounts_of_opened),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_cut_walk),
		cmocka_unit_test(test_nameless),
		cmocka_unit_test(test_single_names),
		cmocka_unit_test(test_names_with_folders),
		cmocka_unit_test(test_followed),
		cmocka_unit_test(test_changed_root),
		cmocka_unit_test(test_known_root),
		cmocka_unit_test(test_confidence_of_two),
		cmocka_unit_test(test_same_folder),
		cmocka_unit_test(test_unknown_outcome),
		cmocka_unit_test(test_unreadable_and_cut),
		cmocka_unit_test(test_hostile_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
