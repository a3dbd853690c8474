/* Acts by a descriptor, of which audit tells the inode alone: joined with what the file was called a while ago. */

#include <fcntl.h>

#include "track/test_world.h"

#define DEVICE 0x801

static void begin_without_proc(struct world *world)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS, .resolve_fd = resolve_fd, .path_ns = 10 * NS_PER_SEC };

	*world = (struct world){ 0 };
	begin_with(world, &options);
}

static struct event *of_file(unsigned kind, uint64_t time_ns, uint64_t inode)
{
	struct event *event = event_new((uint16_t)kind, time_ns);

	assert_non_null(event);
	values_set_text(&event->values, FIELD_source, SPAN("audit"));
	values_set_number(&event->values, FIELD_device, DEVICE);
	values_set_number(&event->values, FIELD_inode, inode);
	return event;
}

static void in_folders(struct event *event, uint64_t a, uint64_t b)
{
	event->folders[0] = (struct file_id){ .device = DEVICE, .inode = a, .known = true };
	event->folders[1] = (struct file_id){ .device = DEVICE, .inode = b, .known = b != 0 };
	event->path_in_folder = true;
	event->target_in_folder = b != 0;
}

static struct event *by(struct world *world, uint32_t pid, struct event *event)
{
	caller(world, pid, 0, 0, "/bin/x");
	assert_int_equal(tracker_event(world->tracker, event, world->actor), 0);
	return event;
}

static void named(struct world *world, uint32_t pid, unsigned kind, uint64_t time_ns, uint64_t inode, const char *path)
{
	struct event *event = of_file(kind, time_ns, inode);

	values_set_text(&event->values, FIELD_path, span_of(path));
	event_free(by(world, pid, event));
}

static struct event *given(struct event *event, const char *name)
{
	values_set_text(&event->values, FIELD_path_confidence, SPAN("guessed"));
	values_set_number(&event->values, FIELD_dirfd, 5);
	values_set_text(&event->values, FIELD_given_path, span_of(name));
	return event;
}

static void expect_path(struct world *world, uint32_t pid, struct event *event, const char *path)
{
	by(world, pid, event);
	assert_event_text(event, FIELD_path, path);
	assert_event_text(event, FIELD_path_confidence, path ? "joined" : "guessed");
	if (path)
		assert_true(values_is_inferred(&event->values, FIELD_path));
	event_free(event);
}

static struct event *changed(uint64_t time_ns, uint64_t inode)
{
	return given(of_file(KIND_ID(file, chmod), time_ns, inode), "");
}

static void test_the_file_itself(void **state)
{
	struct world world;

	begin_without_proc(&world);
	expect_path(&world, 100, changed(AT(0), 7), NULL);
	named(&world, 100, KIND_ID(file, create), AT(10), 7, "/tmp/a");
	expect_path(&world, 100, changed(AT(20), 7), "/tmp/a");
	expect_path(&world, 100, changed(AT(20), 8), NULL);
	/* a descriptor that was handed on */
	expect_path(&world, 200, changed(AT(20), 7), "/tmp/a");
	/* PathReassemblyTimeoutSecs after it was last named, by a name that is known for sure or by a handle */
	expect_path(&world, 100, changed(AT(10020), 7), "/tmp/a");
	expect_path(&world, 100, changed(AT(20021), 7), NULL);
	tracker_set_path_time(world.tracker, 30 * NS_PER_SEC);
	expect_path(&world, 100, changed(AT(20021), 7), "/tmp/a");
	end(&world);
}

/* /proc is asked late: the descriptor may be another file's by then.  What the process itself said before is better; of a file that
 * another named it may have another name open. */
static void test_proc_says_otherwise(void **state)
{
	struct world world;

	begin_without_proc(&world);
	named(&world, 100, KIND_ID(file, create), AT(10), 7, "/tmp/a");
	snprintf(world.folder, sizeof(world.folder), "/tmp/other");
	expect_path(&world, 100, changed(AT(20), 7), "/tmp/a");
	expect_path(&world, 200, changed(AT(20), 7), "/tmp/other");
	end(&world);
}

static void test_moved_and_gone(void **state)
{
	struct event *event;
	struct world world;

	begin_without_proc(&world);
	named(&world, 100, KIND_ID(file, create), AT(10), 7, "/tmp/a");
	event = of_file(KIND_ID(file, rename), AT(20), 7);
	values_set_text(&event->values, FIELD_path, SPAN("/tmp/a"));
	values_set_text(&event->values, FIELD_target_path, SPAN("/tmp/b"));
	event_free(by(&world, 100, event));
	expect_path(&world, 100, changed(AT(30), 7), "/tmp/b");
	/* who was refused has changed nothing */
	event = of_file(KIND_ID(file, delete), AT(40), 7);
	values_set_text(&event->values, FIELD_path, SPAN("/tmp/b"));
	values_set_text(&event->values, FIELD_outcome, SPAN("failure"));
	event_free(by(&world, 100, event));
	expect_path(&world, 100, changed(AT(50), 7), "/tmp/b");
	named(&world, 100, KIND_ID(file, delete), AT(60), 7, "/tmp/b");
	expect_path(&world, 100, changed(AT(70), 7), NULL);
	end(&world);
}

/* What a folder holds is called otherwise with it. */
static void test_a_folder_is_moved(void **state)
{
	struct event *event;
	struct world world;

	begin_without_proc(&world);
	named(&world, 100, KIND_ID(file, create), AT(10), 8, "/srv/a/x");
	named(&world, 100, KIND_ID(file, create), AT(10), 9, "/srv/ab");
	event = of_file(KIND_ID(file, rename), AT(20), 50);
	values_set_text(&event->values, FIELD_path, SPAN("/srv/a"));
	values_set_text(&event->values, FIELD_target_path, SPAN("/srv/b"));
	values_set_text(&event->values, FIELD_file_type, SPAN("dir"));
	event_free(by(&world, 100, event));
	expect_path(&world, 100, changed(AT(30), 8), NULL);
	expect_path(&world, 100, changed(AT(30), 9), "/srv/ab");
	event = given(of_file(KIND_ID(file, create), AT(30), 10), "y");
	event->folders[0] = (struct file_id){ .device = DEVICE, .inode = 50, .known = true };
	event->path_in_folder = true;
	expect_path(&world, 100, event, "/srv/b/y");
	end(&world);
}

/* What is guessed is no name to be joined with, and the end of one. */
static void test_guessed(void **state)
{
	struct event *event;
	struct world world;

	begin_without_proc(&world);
	named(&world, 100, KIND_ID(file, create), AT(5), 7, "/tmp/gone");
	event = given(of_file(KIND_ID(file, create), AT(8), 7), "b");	/* of a file that has its inode now */
	values_set_text(&event->values, FIELD_path, SPAN("/cwd/b"));
	event_free(by(&world, 100, event));
	expect_path(&world, 100, changed(AT(9), 7), NULL);
	event = given(of_file(KIND_ID(file, write), AT(10), 7), "a");
	values_set_text(&event->values, FIELD_path, SPAN("/cwd/a"));
	event_free(by(&world, 100, event));
	expect_path(&world, 100, changed(AT(20), 7), NULL);
	end(&world);
}

static struct event *below(unsigned kind, uint64_t time_ns, uint64_t inode, uint64_t folder, const char *name)
{
	struct event *event = given(of_file(kind, time_ns, inode), name);

	in_folders(event, folder, 0);
	return event;
}

/* The kernel's inode of the folder decides, whatever the descriptor and the name before the last slash. */
static void test_folders(void **state)
{
	struct event *event;
	struct world world;

	begin_without_proc(&world);
	event = of_file(KIND_ID(file, create), AT(10), 7);
	values_set_text(&event->values, FIELD_path, SPAN("/srv/www/index"));
	in_folders(event, 50, 0);
	event_free(by(&world, 100, event));
	expect_path(&world, 200, below(KIND_ID(file, create), AT(20), 8, 50, "page"), "/srv/www/page");
	expect_path(&world, 200, below(KIND_ID(file, create), AT(20), 9, 50, "../www/sub"), "/srv/www/sub");
	expect_path(&world, 200, below(KIND_ID(file, create), AT(20), 10, 51, "page"), NULL);
	expect_path(&world, 200, below(KIND_ID(file, create), AT(20), 10, 50, "page/.."), NULL);
	/* a file that was there, by its name */
	expect_path(&world, 200, given(of_file(KIND_ID(file, write), AT(20), 8), "page"), "/srv/www/page");
	expect_path(&world, 200, given(of_file(KIND_ID(file, write), AT(20), 8), "link"), NULL);
	/* a rename within the folder; one out of it has two, in no order that tells which is which */
	event = below(KIND_ID(file, rename), AT(30), 8, 50, "page");
	in_folders(event, 50, 50);
	values_set_number(&event->values, FIELD_target_dirfd, 6);
	values_set_text(&event->values, FIELD_given_target_path, SPAN("home"));
	by(&world, 200, event);
	assert_event_text(event, FIELD_path, "/srv/www/page");
	assert_event_text(event, FIELD_target_path, "/srv/www/home");
	assert_event_text(event, FIELD_path_confidence, "joined");
	event_free(event);
	event = below(KIND_ID(file, rename), AT(40), 8, 50, "home");
	in_folders(event, 50, 60);
	expect_path(&world, 300, event, "/srv/www/home");	/* by the file itself */
	event = below(KIND_ID(file, rename), AT(50), 99, 50, "other");
	in_folders(event, 50, 60);
	expect_path(&world, 300, event, NULL);
	expect_path(&world, 300, below(KIND_ID(file, rename), AT(50), 99, 50, "other"), NULL);	/* the record of one is lost */
	end(&world);
}

/* The way that the process went leads elsewhere by now, or nowhere: where it led the folder's inode says, if that was named lately. */
static void test_the_way_is_gone(void **state)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS, .resolve_path = resolve_path, .path_ns = 10 * NS_PER_SEC };
	const char *told[] = { "/srv/www/index", "/srv/www/page", "/way/page", "/srv/www/moved" };
	struct world world = { 0 };

	begin_with(&world, &options);
	leads(&world, "/srv/www", "/srv/www");
	for (unsigned i = 0; i < 4; i++) {
		struct event *event = of_file(i < 3 ? KIND_ID(file, create) : KIND_ID(file, rename), AT(10 + i), 7 + i);

		values_set_text(&event->values, FIELD_path, i == 0 ? SPAN("/srv/www/index") : SPAN("/way/page"));
		event->folders[0] = (struct file_id){ .device = 7, .inode = i == 2 ? 99 : 1, .known = true };
		event->path_in_folder = true;
		if (i == 3) {
			values_set_text(&event->values, FIELD_target_path, SPAN("/way/moved"));
			event->folders[1] = event->folders[0];
			event->target_in_folder = true;
		}
		by(&world, 100, event);
		assert_event_text(event, i == 3 ? FIELD_target_path : FIELD_path, told[i]);
		assert_event_text(event, FIELD_path_confidence, (const char *[]){ NULL, "joined", "guessed", "joined" }[i]);
		assert_int_equal(values_is_inferred(&event->values, FIELD_path), i % 2);
		event_free(event);
	}
	end(&world);
}

/* Which of the two folders is that of the new name follows from where the file was. */
static void test_from_folder_to_folder(void **state)
{
	struct world world;

	begin_without_proc(&world);
	for (unsigned i = 0; i < 2; i++) {
		const char *paths[] = { "/srv/one/a", "/srv/two/b" };
		struct event *event = of_file(KIND_ID(file, create), AT(10), 7 + i);

		values_set_text(&event->values, FIELD_path, span_of(paths[i]));
		in_folders(event, 50 + i, 0);
		event_free(by(&world, 100, event));
	}
	for (unsigned i = 0; i < 2; i++) {
		struct event *event = below(KIND_ID(file, rename), AT(20 + i), 7, 0, i == 0 ? "a" : "c");

		in_folders(event, 50 + i, 51 - i);
		values_set_number(&event->values, FIELD_target_dirfd, 6);
		values_set_text(&event->values, FIELD_given_target_path, i == 0 ? SPAN("c") : SPAN("d"));
		by(&world, 200, event);
		assert_event_text(event, FIELD_path, i == 0 ? "/srv/one/a" : "/srv/two/c");
		assert_event_text(event, FIELD_target_path, i == 0 ? "/srv/two/c" : "/srv/one/d");
		assert_event_text(event, FIELD_path_confidence, "joined");
		event_free(event);
	}
	end(&world);
}

/* Of some acts audit has no inode at all. */
static void test_the_descriptor(void **state)
{
	struct event *event;
	struct world world;

	begin_without_proc(&world);
	event = of_file(KIND_ID(file, create), AT(10), 7);
	values_set_text(&event->values, FIELD_path, SPAN("/tmp/a"));
	event->has_opened = true;
	event->opened = 5;
	event_free(by(&world, 100, event));
	for (unsigned i = 0; i < 2; i++) {
		event = given(event_new(KIND_ID(file, truncate), AT(20)), "");
		values_set_text(&event->values, FIELD_source, SPAN("audit"));
		expect_path(&world, i == 0 ? 100 : 200, event, i == 0 ? "/tmp/a" : NULL);
	}
	/* a memfd that got the descriptor */
	event = given(event_new(KIND_ID(file, create), AT(25)), "");
	values_set_text(&event->values, FIELD_source, SPAN("audit"));
	event->has_opened = true;
	event->opened = 5;
	expect_path(&world, 100, event, NULL);
	event = given(event_new(KIND_ID(file, truncate), AT(26)), "");
	values_set_text(&event->values, FIELD_source, SPAN("audit"));
	expect_path(&world, 100, event, NULL);
	/* it is another file's now, nobody knows which */
	event = given(of_file(KIND_ID(file, write), AT(30), 9), "b");
	values_set_text(&event->values, FIELD_path, SPAN("/cwd/b"));
	event->has_opened = true;
	event->opened = 5;
	event_free(by(&world, 100, event));
	event = given(event_new(KIND_ID(file, truncate), AT(40)), "");
	values_set_text(&event->values, FIELD_source, SPAN("audit"));
	expect_path(&world, 100, event, NULL);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_file_itself), cmocka_unit_test(test_proc_says_otherwise),
		cmocka_unit_test(test_moved_and_gone),	cmocka_unit_test(test_guessed),
		cmocka_unit_test(test_a_folder_is_moved),
		cmocka_unit_test(test_folders),		cmocka_unit_test(test_from_folder_to_folder),
		cmocka_unit_test(test_the_descriptor),	cmocka_unit_test(test_the_way_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
