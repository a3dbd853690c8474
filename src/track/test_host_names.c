/* Files of processes whose mounts are their own are told by the names of the host, with what the process calls them beside. */

#include "track/test_world.h"

#define DEVICE 0x801

struct mounted {
	const char *inside, *host;
	int r;
};

static const struct mounted *mounted;
static unsigned n_mounted, n_asked;
static struct path_place asked;

static int host_path(void *user, const struct path_place *from, const char *path, uint64_t time_ns, char *ret, size_t size)
{
	n_asked++;
	asked = *from;
	for (unsigned i = 0; i < n_mounted; i++)
		if (strcmp(mounted[i].inside, path) == 0) {
			snprintf(ret, size, "%s", mounted[i].host ? mounted[i].host : "");
			return mounted[i].r;
		}
	return -ESRCH;
}

static void begin_mounted(struct world *world, const struct mounted *of, unsigned n)
{
	struct tracker_options options = { .boot_time_ns = BOOT_NS, .host_path = host_path, .resolve_fd = resolve_fd };

	*world = (struct world){ 0 };
	begin_with(world, &options);
	mounted = of;
	n_mounted = n;
	n_asked = 0;
}

static struct event *act(struct world *world, uint32_t pid, const char *namespaces, struct event *event)
{
	struct values *values = caller(world, pid, 1, 0, "/bin/x");

	if (namespaces)
		say(values, FIELD_namespaces, namespaces);
	assert_int_equal(tracker_event(world->tracker, event, world->actor), 0);
	return event;
}

static struct event *of_kind(unsigned kind, const char *source, const char *path, const char *target)
{
	struct event *event = event_new((uint16_t)kind, AT(10));

	assert_non_null(event);
	say(&event->values, FIELD_source, source);
	if (path)
		say(&event->values, FIELD_path, path);
	if (target)
		say(&event->values, FIELD_target_path, target);
	return event;
}

static void expect(struct event *event, const char *path, const char *inside, const char *confidence)
{
	assert_event_text(event, FIELD_path, path);
	assert_event_text(event, FIELD_path_inside, inside);
	assert_event_text(event, FIELD_path_confidence, confidence);
	event_free(event);
}

static void test_names(void **state)
{
	static const struct mounted of[] = {
		{ "/etc/passwd", "/srv/c/etc/passwd", 0 }, { "/tmp/x", "/srv/c/tmp/x", 1 }, { "/dev/x", NULL, -ENOENT },
		{ "/usr/x", "/usr/x", 0 }, { "/far", NULL, -ENAMETOOLONG }, { "/later", "/later", 1 },
	};
	static const struct {
		const char *given, *path, *inside, *confidence;
	} cases[] = {
		{ "/etc/passwd", "/srv/c/etc/passwd", "/etc/passwd", NULL }, { "/tmp/x", "/srv/c/tmp/x", "/tmp/x", "joined" },
		{ "/dev/x", "/dev/x", "/dev/x", NULL }, { "/usr/x", "/usr/x", NULL, NULL }, { "/far", "/far", "/far", "guessed" },
		{ "/nobody", "/nobody", "/nobody", "guessed" }, { "relative", "relative", NULL, NULL }, { "/later", "/later", NULL, "joined" },
	};
	struct world world;

	begin_mounted(&world, of, ARRAY_SIZE(of));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(act(&world, 200, "mnt:77 pid:8", of_kind(KIND_ID(file, create), "ebpf", cases[i].given, NULL)), cases[i].path,
		       cases[i].inside, cases[i].confidence);
	assert_int_equal(asked.mount_namespace, 77);
	assert_int_equal(asked.pids[0], 200);
	end(&world);
}

/* Of the host, of nobody knows where, of other namespaces only. */
static void test_not_asked(void **state)
{
	static const char *const namespaces[] = { "host", NULL, "net:7", "mnt:", "mnt:x", "mnt:99999999999" };
	struct world world;

	begin_mounted(&world, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		expect(act(&world, 300 + (uint32_t)i, namespaces[i], of_kind(KIND_ID(file, create), "ebpf", "/etc/x", NULL)), "/etc/x", NULL, NULL);
	assert_int_equal(n_asked, 0);
	end(&world);
}

/* Both names of a rename; the text of a link is nobody's path. */
static void test_targets(void **state)
{
	static const struct mounted of[] = { { "/a", "/srv/a", 0 }, { "/b", "/srv/b", 0 }, { "/c", NULL, -ENOENT } };
	struct world world;
	struct event *event;

	begin_mounted(&world, of, ARRAY_SIZE(of));
	event = act(&world, 200, "mnt:77", of_kind(KIND_ID(file, rename), "ebpf", "/a", "/b"));
	assert_event_text(event, FIELD_target_path, "/srv/b");
	expect(event, "/srv/a", "/a", NULL);
	event = act(&world, 200, "mnt:77", of_kind(KIND_ID(file, link), "ebpf", "/c", "/b"));
	assert_event_text(event, FIELD_target_path, "/srv/b");
	expect(event, "/c", "/c", NULL);
	event = act(&world, 200, "mnt:77", of_kind(KIND_ID(file, symlink), "ebpf", "/a", "/b"));
	assert_event_text(event, FIELD_target_path, "/b");
	expect(event, "/srv/a", "/a", NULL);
	end(&world);
}

/* With a root of its own in there: what it sees begins behind that. */
static void test_chroot(void **state)
{
	static const struct mounted of[] = { { "/jail/x", "/srv/jail/x", 0 }, { "/jail", "/srv/jail", 0 } };
	struct world world;

	begin_mounted(&world, of, ARRAY_SIZE(of));
	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		struct event *event = of_kind(KIND_ID(file, create), "ebpf", of[i].inside, NULL);

		event->root_bytes[0] = 5;
		expect(act(&world, 200, "mnt:77", event), of[i].host, i == 0 ? "/x" : "/", NULL);
	}
	end(&world);
}

/* The file may have come from elsewhere than its process is, or from nowhere. */
static void test_mounts_of_the_file(void **state)
{
	static const struct mounted of[] = { { "/x", "/srv/x", 0 } };
	static const struct {
		uint32_t mounts;
		const char *namespaces, *path, *inside;
		bool is_of_host;
		uint32_t asked;
	} cases[] = {
		{ MOUNTS_OF_HOST, "mnt:77", "/x", NULL, true, 0 }, { MOUNTS_OF_NONE, "mnt:77", "/x", NULL, false, 0 },
		{ 78, "mnt:77", "/srv/x", "/x", true, 78 },	   { 78, "host", "/srv/x", "/x", true, 78 },
		{ MOUNTS_OF_NONE, "host", "/x", NULL, false, 0 },  { MOUNTS_OF_PROCESS, "mnt:77", "/srv/x", "/x", true, 77 },
	};
	struct world world;

	begin_mounted(&world, of, ARRAY_SIZE(of));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event *event = of_kind(KIND_ID(file, create), "ebpf", "/x", NULL);

		asked.mount_namespace = 0;
		event->mounts = cases[i].mounts;
		values_set_number(&event->values, FIELD_inode, 5);
		act(&world, 200 + (uint32_t)i, cases[i].namespaces, event);
		assert_int_equal(event->is_of_host, cases[i].is_of_host);
		assert_int_equal(asked.mount_namespace, cases[i].asked);
		expect(event, cases[i].path, cases[i].inside, cases[i].mounts == MOUNTS_OF_NONE ? "guessed" : NULL);
	}
	/* what is mounted for nobody has a name, and no path */
	{
		struct event *event = of_kind(KIND_ID(file, create), "ebpf", "/memfd:x", NULL);

		event->mounts = MOUNTS_OF_NONE;
		expect(act(&world, 199, "mnt:77", event), "/memfd:x", NULL, NULL);
	}
	/* by a name in such a folder */
	{
		struct event *event = of_kind(KIND_ID(file, delete), "ebpf", "/x", NULL);

		event->mounts = MOUNTS_OF_NONE;
		expect(act(&world, 200, "host", event), "/x", NULL, "guessed");
	}
	end(&world);
}

/* What is mounted somewhere is not where. */
static void test_mount_points(void **state)
{
	static const struct mounted of[] = { { "/a", "/srv/a", 0 }, { "/", "/srv", 0 }, { "/a/b", "/dev", 0 }, { "/c", "/", 0 } };
	struct world world;

	begin_mounted(&world, of, ARRAY_SIZE(of));
	expect(act(&world, 200, "mnt:77", of_kind(KIND_ID(file, mount), "ebpf", "/a/b", NULL)), "/srv/a/b", "/a/b", NULL);
	expect(act(&world, 200, "mnt:77", of_kind(KIND_ID(file, unmount), "ebpf", "/b", NULL)), "/srv/b", "/b", NULL);
	expect(act(&world, 200, "mnt:77", of_kind(KIND_ID(file, mount), "ebpf", "/c/b", NULL)), "/b", "/c/b", NULL);
	expect(act(&world, 200, "mnt:77", of_kind(KIND_ID(file, mount), "ebpf", "/", NULL)), "/srv", "/", NULL);
	/* nor is what is mounted there a name that was walked */
	{
		struct event *event = act(&world, 200, "mnt:77", of_kind(KIND_ID(file, mount), "ebpf", "/a/b", "/a"));

		assert_event_text(event, FIELD_target_path, "/a");
		event_free(event);
	}
	end(&world);
}

static struct event *of_file(unsigned kind, uint64_t inode, const char *path)
{
	struct event *event = of_kind(kind, "audit", path, NULL);

	values_set_number(&event->values, FIELD_device, DEVICE);
	values_set_number(&event->values, FIELD_inode, inode);
	return event;
}

static struct event *by_descriptor(uint64_t inode, const char *name)
{
	struct event *event = of_file(KIND_ID(file, chmod), inode, NULL);

	say(&event->values, FIELD_path_confidence, "guessed");
	values_set_number(&event->values, FIELD_dirfd, 5);
	say(&event->values, FIELD_given_path, name);
	return event;
}

/* What one was told by an event before is the host's name already, whoever told it; what the host does not see nobody else is told. */
static void test_known_names(void **state)
{
	static const struct mounted of[] = { { "/a", "/srv/a", 0 }, { "/srv/a", "/srv/srv/a", 0 }, { "/hidden", NULL, -ENOENT }, { "/run/b", "/srv/run/b", 0 } };
	struct world world;

	begin_mounted(&world, of, ARRAY_SIZE(of));
	expect(act(&world, 200, "mnt:77", of_file(KIND_ID(file, create), 5, "/a")), "/srv/a", "/a", NULL);
	expect(act(&world, 200, "mnt:77", by_descriptor(5, "")), "/srv/a", NULL, "joined");
	expect(act(&world, 300, "host", by_descriptor(5, "")), "/srv/a", NULL, "joined");
	expect(act(&world, 200, "mnt:77", of_file(KIND_ID(file, create), 6, "/hidden")), "/hidden", "/hidden", NULL);
	expect(act(&world, 300, "host", by_descriptor(6, "")), NULL, NULL, "guessed");
	/* What its descriptor names is what it sees. */
	snprintf(world.folder, sizeof(world.folder), "/run");
	expect(act(&world, 200, "mnt:77", by_descriptor(7, "b")), "/srv/run/b", "/run/b", "joined");
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_names), cmocka_unit_test(test_not_asked), cmocka_unit_test(test_targets),
					    cmocka_unit_test(test_chroot), cmocka_unit_test(test_mounts_of_the_file), cmocka_unit_test(test_mount_points),
					    cmocka_unit_test(test_known_names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
