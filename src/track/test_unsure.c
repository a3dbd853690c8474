/* Paths that a program gave and the kernel walked without a word of where: asked after the fact. */

#include "track/test_world.h"

static void begin_asking(struct world *world)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS, .resolve_path = resolve_path };

	*world = (struct world){ 0 };
	begin_with(world, &options);
}

/* As decode makes it of a record of the kernel's programs. */
static struct event *named_at(struct world *world, uint64_t time_ns, const char *path, enum unsure unsure,
			      const char *target, enum unsure unsure_target)
{
	struct event *event = event_new(target ? KIND_ID(file, rename) : KIND_ID(file, delete), time_ns);

	assert_non_null(event);
	say(&event->values, FIELD_source, "ebpf");
	say(&event->values, FIELD_path, path);
	if (target)
		say(&event->values, FIELD_target_path, target);
	if (unsure || unsure_target)
		say(&event->values, FIELD_path_confidence, "joined");
	event->unsure[0] = unsure;
	event->unsure[1] = unsure_target;
	actor(world, 100);
	values_set_number(&world->actor->values, FIELD_start, NS_PER_SEC);
	assert_int_equal(tracker_event(world->tracker, event, world->actor), 0);
	return event;
}

static void expect_path(struct world *world, const char *path, enum unsure unsure, const char *expected, const char *confidence)
{
	struct event *event = named_at(world, AT(10), path, unsure, NULL, UNSURE_NOT);

	assert_event_text(event, FIELD_path, expected);
	assert_event_text(event, FIELD_path_confidence, confidence);
	event_free(event);
}

/* What the kernel walked is not asked for. */
static void test_sure(void **state)
{
	struct world world;

	begin_asking(&world);
	expect_path(&world, "/tmp/link/x", UNSURE_NOT, "/tmp/link/x", NULL);
	expect_path(&world, "/tmp/../x", UNSURE_NOT, "/tmp/../x", NULL);
	assert_int_equal(world.n_paths_asked, 0);
	end(&world);
}

static void test_folder_by_a_link(void **state)
{
	struct world world;

	begin_asking(&world);
	leads(&world, "/tmp/link", "/srv/real");
	leads(&world, "/tmp/plain", "/tmp/plain");
	leads(&world, "/tmp/up", "/");
	expect_path(&world, "/tmp/link/x", UNSURE_FOLDER, "/srv/real/x", "joined");
	expect_path(&world, "/tmp/plain/x", UNSURE_FOLDER, "/tmp/plain/x", "joined");
	expect_path(&world, "/tmp/up/x", UNSURE_FOLDER, "/x", "joined");
	assert_int_equal(world.n_paths_asked, 3);	/* the folder alone */
	/* nothing is known of the root that it would not say itself */
	expect_path(&world, "/x", UNSURE_FOLDER, "/x", "joined");
	assert_int_equal(world.n_paths_asked, 3);
	end(&world);
}

/* Hidden files are files like others. */
static void test_hidden(void **state)
{
	struct world world;

	begin_asking(&world);
	leads(&world, "/home/u/.config", "/home/u/.config");
	leads(&world, "/home/u", "/home/u");
	leads(&world, "/tmp/link", "/home/u/.cache/..x");
	leads(&world, "/home/u/.link", "/etc/.x");
	expect_path(&world, "/home/u/.config/file", UNSURE_FOLDER, "/home/u/.config/file", "joined");
	expect_path(&world, "/home/u/.bashrc", UNSURE_FOLDER, "/home/u/.bashrc", "joined");
	expect_path(&world, "/tmp/link/.y", UNSURE_FOLDER, "/home/u/.cache/..x/.y", "joined");
	expect_path(&world, "/home/u/.link", UNSURE_FILE, "/etc/.x", "joined");
	end(&world);
}

static void test_gone(void **state)
{
	struct world world;

	begin_asking(&world);
	expect_path(&world, "/tmp/gone/x", UNSURE_FOLDER, "/tmp/gone/x", "guessed");
	expect_path(&world, "/tmp/gone/../x", UNSURE_FOLDER, "/tmp/x", "guessed");
	expect_path(&world, "/tmp/gone/.././x", UNSURE_FOLDER, "/tmp/x", "guessed");
	assert_int_equal(world.n_paths_asked, 3);
	end(&world);
}

static void test_dots_behind_a_link(void **state)
{
	struct world world;

	begin_asking(&world);
	leads(&world, "/tmp/link/..", "/srv");
	leads(&world, "/tmp/plain/..", "/tmp");
	leads(&world, "/tmp/link", "/srv/real");
	leads(&world, "/tmp/plain", "/tmp/plain");
	expect_path(&world, "/tmp/link/../x", UNSURE_FOLDER, "/srv/x", "joined");
	expect_path(&world, "/tmp/plain/../x", UNSURE_FOLDER, "/tmp/x", "joined");
	/* it ends in one */
	expect_path(&world, "/tmp/link/..", UNSURE_FOLDER, "/srv", "joined");
	expect_path(&world, "/tmp/plain/..", UNSURE_FOLDER, "/tmp", "joined");
	expect_path(&world, "/tmp/link/..", UNSURE_FILE, "/srv", "joined");
	end(&world);
}

/* The call was about what a link at the end leads to. */
static void test_file_by_a_link(void **state)
{
	struct world world;

	begin_asking(&world);
	leads(&world, "/tmp/link", "/etc/passwd");
	leads(&world, "/tmp/file", "/tmp/file");
	leads(&world, "/tmp/folder", "/srv/real");
	leads(&world, "/tmp/folder/link", "/etc/group");
	leads(&world, "/tmp/folder/../y", "/srv/y");
	leads(&world, "/tmp", "/tmp");
	expect_path(&world, "/tmp/link", UNSURE_FILE, "/etc/passwd", "joined");
	expect_path(&world, "/tmp/file", UNSURE_FILE, "/tmp/file", "joined");
	expect_path(&world, "/tmp/folder/link", UNSURE_FILE, "/etc/group", "joined");
	expect_path(&world, "/tmp/folder/../y", UNSURE_FILE, "/srv/y", "joined");
	/* it is gone: its folder is better than nothing, the link may have led anywhere */
	expect_path(&world, "/tmp/gone", UNSURE_FILE, "/tmp/gone", "guessed");
	expect_path(&world, "/tmp/folder/gone", UNSURE_FILE, "/srv/real/gone", "guessed");
	expect_path(&world, "/tmp/away/gone", UNSURE_FILE, "/tmp/away/gone", "guessed");
	/* in the root there is nothing more to ask, but the same is true */
	expect_path(&world, "/gone", UNSURE_FILE, "/gone", "guessed");
	end(&world);
}

static void test_nobody_to_ask(void **state)
{
	static const int errors[] = { -EOPNOTSUPP, -ENODATA };
	struct world world;

	begin(&world);
	expect_path(&world, "/tmp/a/x", UNSURE_FOLDER, "/tmp/a/x", "guessed");
	expect_path(&world, "/tmp/a/../x", UNSURE_FOLDER, "/tmp/x", "guessed");
	expect_path(&world, "/../../x", UNSURE_FOLDER, "/x", "guessed");
	expect_path(&world, "/tmp/.a/..", UNSURE_FILE, "/tmp", "guessed");
	expect_path(&world, "/tmp/x", UNSURE_FILE, "/tmp/x", "guessed");
	expect_path(&world, "/x", UNSURE_NOT, "/x", NULL);
	end(&world);

	/* an old kernel; a capture that lacks the answer: joined by text is what it is, if that was all there was to do */
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		begin_asking(&world);
		world.led[world.n_led++] = (struct led){ "/tmp/a", NULL, errors[i] };
		world.led[world.n_led++] = (struct led){ "/tmp/a/..", NULL, errors[i] };
		world.led[world.n_led++] = (struct led){ "/tmp/a/x", NULL, errors[i] };
		expect_path(&world, "/tmp/a/x", UNSURE_FOLDER, "/tmp/a/x", "joined");
		expect_path(&world, "/tmp/a/x", UNSURE_FILE, "/tmp/a/x", "joined");
		expect_path(&world, "/tmp/a/../x", UNSURE_FOLDER, "/tmp/x", "guessed");
		end(&world);
	}
}

static void test_two_paths(void **state)
{
	struct world world;
	struct event *event;

	begin_asking(&world);
	leads(&world, "/tmp/link", "/srv/real");
	leads(&world, "/tmp/plain", "/tmp/plain");
	event = named_at(&world, AT(10), "/tmp/link/x", UNSURE_FOLDER, "/tmp/plain/y", UNSURE_FOLDER);
	assert_event_text(event, FIELD_path, "/srv/real/x");
	assert_event_text(event, FIELD_target_path, "/tmp/plain/y");
	assert_event_text(event, FIELD_path_confidence, "joined");
	event_free(event);
	event = named_at(&world, AT(10), "/tmp/z/x", UNSURE_NOT, "/tmp/link/y", UNSURE_FOLDER);
	assert_event_text(event, FIELD_path, "/tmp/z/x");
	assert_event_text(event, FIELD_target_path, "/srv/real/y");
	assert_event_text(event, FIELD_path_confidence, "joined");
	event_free(event);
	event = named_at(&world, AT(10), "/tmp/link/x", UNSURE_FOLDER, "/tmp/gone/../y", UNSURE_FOLDER);
	assert_event_text(event, FIELD_path, "/srv/real/x");
	assert_event_text(event, FIELD_target_path, "/tmp/y");
	assert_event_text(event, FIELD_path_confidence, "guessed");
	event_free(event);
	event = named_at(&world, AT(10), "/tmp/gone/x", UNSURE_FOLDER, "/tmp/link/y", UNSURE_FOLDER);
	assert_event_text(event, FIELD_target_path, "/srv/real/y");
	assert_event_text(event, FIELD_path_confidence, "guessed");
	event_free(event);
	/* what a symbolic link says is no path to be looked up */
	event = named_at(&world, AT(10), "/tmp/link/x", UNSURE_FOLDER, "../a/./b", UNSURE_NOT);
	assert_event_text(event, FIELD_target_path, "../a/./b");
	assert_event_text(event, FIELD_path_confidence, "joined");
	event_free(event);
	end(&world);
}

/* One answer for the events of a moment. */
static void test_asked_once_a_second(void **state)
{
	struct world world;

	begin_asking(&world);
	leads(&world, "/tmp/link", "/srv/real");
	for (unsigned ms = 0; ms <= 1000; ms += 10)
		event_free(named_at(&world, AT(ms), "/tmp/link/x", UNSURE_FOLDER, NULL, UNSURE_NOT));
	assert_int_equal(world.n_paths_asked, 1);
	world.led[0].real = "/srv/other";
	expect_path(&world, "/tmp/link/x", UNSURE_FOLDER, "/srv/real/x", "joined");
	event_free(named_at(&world, AT(1001), "/tmp/link/x", UNSURE_FOLDER, NULL, UNSURE_NOT));
	assert_int_equal(world.n_paths_asked, 2);
	end(&world);
}

/* Names as a hostile program gives them. */
static void test_odd_paths(void **state)
{
	char path[6000], deep[6000];
	struct world world;
	struct event *event;

	begin_asking(&world);
	expect_path(&world, "/", UNSURE_FOLDER, "/", "joined");
	expect_path(&world, "/", UNSURE_FILE, "/", "guessed");
	expect_path(&world, "/..", UNSURE_FOLDER, "/", "guessed");
	expect_path(&world, "//", UNSURE_FOLDER, "/", "guessed");
	memset(path, 'x', sizeof(path));
	for (size_t i = 0; i < sizeof(path); i += 100)
		path[i] = '/';
	path[sizeof(path) - 1] = 0;
	expect_path(&world, path, UNSURE_FOLDER, path, "joined");	/* longer than can be asked for */
	for (size_t i = 0; i + 3 < sizeof(deep); i += 3)
		memcpy(deep + i, "/..", 3);
	deep[sizeof(deep) - 3] = 0;
	expect_path(&world, deep, UNSURE_FOLDER, "/", "guessed");
	event = named_at(&world, AT(10), deep, UNSURE_FOLDER, NULL, UNSURE_NOT);
	assert_event_text(event, FIELD_given_path, deep);
	event_free(event);
	/* a NUL, which only a capture can have */
	event = event_new(KIND_ID(file, delete), AT(10));
	values_set_text(&event->values, FIELD_path, SPAN("/tmp\0/x/../y"));
	event->unsure[0] = UNSURE_FOLDER;
	actor(&world, 100);
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	assert_event_text(event, FIELD_path_confidence, "guessed");
	event_free(event);
	/* no path at all */
	event = event_new(KIND_ID(file, delete), AT(10));
	event->unsure[0] = UNSURE_FILE;
	event->unsure[1] = UNSURE_FOLDER;
	actor(&world, 100);
	assert_int_equal(tracker_event(world.tracker, event, world.actor), 0);
	event_free(event);
	end(&world);
}

static struct event *named_in(struct world *world, uint32_t pid, const char *path, uint32_t root_bytes)
{
	struct event *event = event_new(KIND_ID(file, delete), AT(50));

	assert_non_null(event);
	say(&event->values, FIELD_source, "ebpf");
	say(&event->values, FIELD_path, path);
	say(&event->values, FIELD_path_confidence, "joined");
	event->unsure[0] = UNSURE_FOLDER;
	event->root = (struct path_root){ .inode = 5, .mount = 30, .init = 77 };
	event->root_bytes[0] = root_bytes;
	actor(world, pid);
	assert_int_equal(tracker_event(world->tracker, event, world->actor), 0);
	return event;
}

/* It is asked through who may have the root of the process: itself, its init, those above that still run. */
static void test_asked_from(void **state)
{
	static const uint32_t pids[] = { 103, 77, 101, 100 };
	struct world world;

	begin_asking(&world);
	leads(&world, "/jail/link", "/jail/real");
	event_free(fork_at(&world, AT(1), 1, 100));
	event_free(fork_at(&world, AT(2), 100, 101));
	event_free(fork_at(&world, AT(3), 101, 102));
	event_free(fork_at(&world, AT(4), 102, 103));
	event_free(exit_at(&world, AT(5), 102, 0));
	event_free(named_in(&world, 103, "/jail/link/x", 5));
	assert_int_equal(world.asked_from.root.inode, 5);
	assert_int_equal(world.asked_from.root.mount, 30);
	assert_true(world.asked_from.n_pids >= ARRAY_SIZE(pids));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(world.asked_from.pids[i], pids[i]);
	/* of whom the root is not known: as we see it */
	expect_path(&world, "/jail/link/x", UNSURE_FOLDER, "/jail/real/x", "joined");
	assert_int_equal(world.asked_from.n_pids, 0);
	end(&world);
}

/* Where nobody answers the text still does not lead out of the root. */
static void test_gone_root(void **state)
{
	static const struct {
		const char *path;
		uint32_t root_bytes;
		const char *expected, *inside;
	} cases[] = {
		{ "/srv/jail/../../x", 9, "/srv/jail/x", "/x" }, { "/srv/jail/a/../..", 9, "/srv/jail", "/" },
		{ "/srv/jail/./x", 9, "/srv/jail/x", "/x" },	 { "/srv/jail/../x", 0, "/srv/x", NULL },
		{ "/../x", 3, "/x", NULL },			 /* no root begins so */
	};
	struct world world;

	begin_asking(&world);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event *event = named_in(&world, 100, cases[i].path, cases[i].root_bytes);

		assert_event_text(event, FIELD_path, cases[i].expected);
		assert_event_text(event, FIELD_path_confidence, "guessed");
		assert_event_text(event, FIELD_path_inside, cases[i].inside);
		event_free(event);
	}
	/* by a link too, as long as that stays in there */
	leads(&world, "/srv/jail/link", "/srv/jail/real");
	leads(&world, "/srv/jail/out", "/srv/jailed");
	event_free(fork_at(&world, AT(1), 1, 100));
	for (size_t i = 0; i < 2; i++) {
		struct event *event = named_in(&world, 100, i == 0 ? "/srv/jail/link/x" : "/srv/jail/out/x", 9);

		assert_event_text(event, FIELD_path, i == 0 ? "/srv/jail/real/x" : "/srv/jailed/x");
		assert_event_text(event, FIELD_path_inside, i == 0 ? "/real/x" : NULL);
		event_free(event);
	}
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sure),
		cmocka_unit_test(test_folder_by_a_link),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_dots_behind_a_link),
		cmocka_unit_test(test_file_by_a_link),
		cmocka_unit_test(test_nobody_to_ask),
		cmocka_unit_test(test_two_paths),
		cmocka_unit_test(test_asked_once_a_second),
		cmocka_unit_test(test_odd_paths),
		cmocka_unit_test(test_asked_from),
		cmocka_unit_test(test_gone_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
