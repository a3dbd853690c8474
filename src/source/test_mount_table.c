/* Where a path of a container, of a service with its own /tmp, of stacked and hidden mounts leads on the host. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macro.h"
#include "source/mount_table.h"

static struct mount_table *table_of(const char *text)
{
	struct buffer buffer = { 0 };
	struct mount_table *table;

	buffer_append_text(&buffer, text);
	assert_int_equal(mount_table_new(&table, &buffer), 0);
	buffer_release(&buffer);
	return table;
}

static const char host_text[] = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
				"22 21 0:20 / /proc rw - proc proc rw\n"
				"23 21 0:21 / /tmp rw - tmpfs tmpfs rw\n"
				"24 21 8:2 / /home rw - ext4 /dev/sda2 rw\n"
				"25 21 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n"
				"26 21 8:1 /srv/data /mnt/data rw - ext4 /dev/sda1 rw\n"
				"27 21 0:60 / /with\\040blank\\134 rw - tmpfs tmpfs rw\n"
				/* Another file system over a folder, and one over what was mounted there. */
				"28 21 8:3 / /over rw - ext4 /dev/sda3 rw\n"
				"29 28 8:4 / /over rw - ext4 /dev/sda4 rw\n"
				"30 21 8:5 / /gone/below rw - ext4 /dev/sda5 rw\n"
				"31 21 8:6 / /gone rw - ext4 /dev/sda6 rw\n";

static const char container_text[] = "90 80 0:50 / / rw - overlay overlay rw\n"
				     "91 90 0:70 / /proc rw - proc proc rw\n"
				     "92 90 0:71 / /dev rw - tmpfs tmpfs rw\n"
				     "93 90 8:1 /var/lib/docker/volumes/v /data rw - ext4 /dev/sda1 rw\n"
				     "94 90 8:1 /etc/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw\n"
				     "95 93 8:2 /alice /data/home rw - ext4 /dev/sda2 rw\n"
				     "96 90 0:60 / /blank\\040too rw - tmpfs tmpfs rw\n"
				     "97 90 8:3 / /hidden rw - ext4 /dev/sda3 rw\n"
				     "98 90 8:4 / /seen rw - ext4 /dev/sda4 rw\n"
				     "99 90 8:5 / /hidden2 rw - ext4 /dev/sda5 rw\n"
				     "100 90 8:1 /old//deleted /old rw - ext4 /dev/sda1 rw\n";

static const char service_text[] = "40 1 8:1 / / ro - ext4 /dev/sda1 rw\n"
				   "41 40 0:21 / /tmp rw - tmpfs tmpfs rw\n"
				   "42 41 0:21 /systemd-private-1/tmp /tmp rw - tmpfs tmpfs rw\n"
				   "43 40 8:1 /etc /etc rw - ext4 /dev/sda1 rw\n"
				   "44 40 0:80 / /root rw - tmpfs tmpfs rw\n";

static void expect(const struct mount_table *from, const struct mount_table *to, const char *path, const char *expected)
{
	struct buffer found = { 0 };
	int r = mount_table_translate(from, to, span_of(path), &found);

	assert_int_equal(r, expected ? 0 : -ENOENT);
	assert_true(span_eq(buffer_span(&found), span_of(expected ? expected : "")));
	buffer_release(&found);
}

static void container(void **state)
{
	static const struct {
		const char *inside, *host;
	} cases[] = {
		{ "/", "/var/lib/docker/overlay2/x/merged" },
		{ "/etc/passwd", "/var/lib/docker/overlay2/x/merged/etc/passwd" },
		{ "/etc/resolv.conf", "/etc/resolv.conf" },
		{ "/data", "/var/lib/docker/volumes/v" },
		{ "/data/a/b", "/var/lib/docker/volumes/v/a/b" },
		{ "/database", "/var/lib/docker/overlay2/x/merged/database" },
		{ "/data/home/x", "/home/alice/x" },
		{ "/blank too/x", "/with blank\\/x" },
		{ "/seen/x", "/over/x" },
		{ "/hidden/x", NULL }, { "/hidden2/x", NULL },
		{ "/dev/shm", NULL }, { "/proc/1", NULL }, { "/old/x", NULL },
	};
	struct mount_table *host = table_of(host_text), *inside = table_of(container_text);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(inside, host, cases[i].inside, cases[i].host);
	mount_table_free(host);
	mount_table_free(inside);
}

static void service(void **state)
{
	struct mount_table *host = table_of(host_text), *inside = table_of(service_text);

	expect(inside, host, "/usr/bin/x", "/usr/bin/x");
	expect(inside, host, "/etc/passwd", "/etc/passwd");
	expect(inside, host, "/srv/data/x", "/srv/data/x");	/* by the mount that shows most */
	expect(inside, host, "/tmp/x", "/tmp/systemd-private-1/tmp/x");
	expect(inside, host, "/tmp", "/tmp/systemd-private-1/tmp");
	expect(inside, host, "/root/x", NULL);
	expect(host, host, "/", "/");
	expect(host, host, "/mnt/data/x", "/srv/data/x");
	mount_table_free(host);
	mount_table_free(inside);
}

static void no_path(void **state)
{
	struct mount_table *host = table_of(host_text);
	struct buffer found = { 0 };

	assert_int_equal(mount_table_translate(host, host, SPAN(""), &found), -EINVAL);
	assert_int_equal(mount_table_translate(host, host, SPAN("tmp"), &found), -EINVAL);
	mount_table_free(host);
}

/* What is none, no root, mounts that stand on each other. */
static void odd_tables(void **state)
{
	static const char *const texts[] = {
		"", "\n\n", "1", "1 2 3:4 / \n", "1 0 8:1 / relative rw - x y z\n", "x y 8:1 / / rw - x y z\n", "1 0 8 / / rw\n",
		"4294967296 0 8:1 / / rw\n", "5 6 8:1 / /a rw\n6 5 8:1 / /a rw\n", "5 6 8:1 / / rw\n6 5 8:1 / / rw\n", "1 0 8:1 / /\\04 rw\n",
	};
	struct mount_table *host = table_of(host_text);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct mount_table *odd = table_of(texts[i]);

		expect(odd, host, "/a/x", NULL);
		expect(odd, odd, "/a/x", NULL);
		expect(host, odd, "/proc/x", NULL);
		mount_table_free(odd);
	}
	mount_table_free(host);
}

/* As many as one may have, each below the other: a path through all of them is found, and soon. */
static void deep(void **state)
{
	struct buffer text = { 0 }, path = { 0 }, found = { 0 };
	struct mount_table *table;
	struct buffer more = { 0 };

	buffer_append_text(&text, "1 0 8:1 / / rw - x y z\n");
	for (unsigned i = 2; i < 2000; i++) {
		buffer_append_text(&path, "/a");
		buffer_printf(&text, "%u %u 8:%u / %s rw - x y z\n", i, i - 1, i, buffer_text(&path));
		for (unsigned k = 0; k < 20; k++)
			buffer_printf(&more, "%u 1 9:%u / /b%u rw - x y z\n", 100000 + 20 * i + k, 20 * i + k, 20 * i + k);
	}
	buffer_append_span(&text, buffer_span(&more));
	assert_int_equal(mount_table_new(&table, &text), 0);
	for (unsigned i = 0; i < 100; i++) {
		buffer_clear(&found);
		assert_int_equal(mount_table_translate(table, table, buffer_span(&path), &found), 0);
	}
	assert_true(span_eq(buffer_span(&found), buffer_span(&path)));
	mount_table_free(table);
	buffer_release(&path);
	buffer_release(&found);
	buffer_release(&more);
}

/* As many on one point, each on the other: the last is what the path ends in, and it is found soon.  Each costs a look through all of
 * them otherwise: minutes. */
static void stacked(void **state)
{
	struct buffer text = { 0 }, found = { 0 };
	struct mount_table *table, *host;

	buffer_append_text(&text, "1 0 8:1 / / rw - x y z\n");
	for (unsigned i = 2; i < 20000; i++)
		buffer_printf(&text, "%u %u 8:%u / /a rw - x y z\n", i, i - 1, i);
	assert_int_equal(mount_table_new(&table, &text), 0);
	buffer_append_text(&text, "1 0 8:1 / / rw - x y z\n9 1 8:19999 / /last rw - x y z\n8 1 8:19998 / /before rw - x y z\n");
	assert_int_equal(mount_table_new(&host, &text), 0);
	for (unsigned i = 0; i < 100000; i++) {
		buffer_clear(&found);
		assert_int_equal(mount_table_translate(table, host, SPAN("/a/b"), &found), 0);
	}
	assert_true(span_eq(buffer_span(&found), SPAN("/last/b")));
	buffer_clear(&found);
	/* what is covered has no name */
	assert_int_equal(mount_table_translate(host, table, SPAN("/before/b"), &found), -ENOENT);
	assert_int_equal(mount_table_translate(host, table, SPAN("/last/b"), &found), 0);
	assert_true(span_eq(buffer_span(&found), SPAN("/a/b")));
	mount_table_free(table);
	mount_table_free(host);
	buffer_release(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(container), cmocka_unit_test(service), cmocka_unit_test(no_path),
					    cmocka_unit_test(odd_tables), cmocka_unit_test(deep), cmocka_unit_test(stacked) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
