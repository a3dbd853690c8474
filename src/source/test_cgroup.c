#include "source/cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/macro.h"

#define HEX64	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER64 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static void assert_span(const char *file, const char *what, struct span s, const char *expected)
{
	if (s.size != strlen(expected) || memcmp(s.data ? s.data : "", expected, s.size) != 0)
		fail_msg("%s: %s is '%.*s', not '%s'", file, what, (int)s.size, s.data, expected);
}

static void test_forms(void **state)
{
	static const struct {
		const char *file, *container, *runtime, *unit;
	} cases[] = {
		{ "", "", "", "" },
		{ "0::/\n", "", "", "" },
		{ "0::/init.scope\n", "", "", "init.scope" },
		{ "0::/system.slice/ssh.service\n", "", "", "ssh.service" },
		{ "0::/system.slice/ssh.service (deleted)\n", "", "", "ssh.service" },
		{ "0::/user.slice/user-1000.slice/session-3.scope", "", "", "session-3.scope" },
		{ "0::/user.slice/user-1000.slice/user@1000.service/app.slice/foo@a\\x2db.service\n", "", "",
		  "foo@a\\x2db.service" },
		{ "0::/user.slice/user-1000.slice/user@1000.service/app.slice\n", "", "",
		  "user@1000.service" },
		/* version 1 beside 2: the line of systemd says it */
		{ "12:pids:/system.slice/cron.service\n1:name=systemd:/system.slice/cron.service\n0::/\n", "",
		  "", "cron.service" },
		{ "12:memory:/elsewhere/x.service\n0::/system.slice/y.service\n", "", "", "y.service" },
		{ "9:memory:/docker/" HEX64 "\n1:name=systemd:/docker/" HEX64 "\n", HEX64, "docker", "" },
		{ "0::/docker/" HEX64 "\n", HEX64, "docker", "" },
		{ "0::/system.slice/docker-" HEX64 ".scope\n", HEX64, "docker", "docker-" HEX64 ".scope" },
		{ "0::/docker/" HEX64 "/docker/" OTHER64 "\n", OTHER64, "docker", "" },
		{ "0::/machine.slice/libpod-" HEX64 ".scope/container\n", HEX64, "podman",
		  "libpod-" HEX64 ".scope" },
		{ "0::/machine.slice/libpod-conmon-" HEX64 ".scope\n", "", "",
		  "libpod-conmon-" HEX64 ".scope" },
		{ "0::/libpod_parent/libpod-" HEX64 "\n", HEX64, "podman", "" },
		{ "0::/user.slice/user-0.slice/libpod-payload-" HEX64 "\n", HEX64, "podman", "" },
		{ "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" HEX64
		  ".scope\n",
		  HEX64, "containerd", "cri-containerd-" HEX64 ".scope" },
		{ "0::/kubepods/burstable/pod2f3a/" HEX64 "\n", HEX64, "", "" },
		{ "0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" HEX64 "\n", HEX64,
		  "containerd", "containerd.service" },
		{ "0::/kubepods.slice/crio-" HEX64 ".scope\n", HEX64, "cri-o", "crio-" HEX64 ".scope" },
		{ "0::/kubepods.slice/crio-conmon-" HEX64 ".scope\n", "", "", "crio-conmon-" HEX64 ".scope" },
		{ "0::/lxc/web1/system.slice/nginx.service\n", "web1", "lxc", "nginx.service" },
		{ "0::/lxc.payload.web-1/init.scope\n", "web-1", "lxc", "init.scope" },
		{ "0::/lxc.monitor.web1\n", "", "", "" },
		{ "0::/machine.slice/systemd-nspawn@deb.service/payload/init.scope\n", "deb",
		  "systemd-nspawn", "init.scope" },
		{ "0::/machine.slice/machine-deb.scope\n", "deb", "systemd-nspawn", "machine-deb.scope" },
		{ "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator\n", "", "",
		  "machine-qemu\\x2d1\\x2dvm.scope" },
		/* nothing malformed */
		{ "0::/docker/short\n", "", "", "" },
		{ "0::/docker/" HEX64 "0\n", "", "", "" },
		{ "0::/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n", "", "",
		  "" },
		{ "0::/docker-.scope\n", "", "", "docker-.scope" },
		{ "0::/docker-" HEX64 "\n", "", "", "" },
		{ "0::/lxc/a b\n", "", "", "" },
		{ "0::/lxc/..\n", "", "", "" },
		{ "0::/a\"b.service\n", "", "", "" },
		{ "0::/.service\n", "", "", "" },
		{ "0::/" HEX64 "\n", "", "", "" },
		{ "no colons\n:\n::\n0:\n\n0::/x.service\n", "", "", "x.service" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cgroup cgroup;

		cgroup_parse(span_of(cases[i].file), &cgroup);
		assert_span(cases[i].file, "container", cgroup.container, cases[i].container);
		assert_span(cases[i].file, "runtime", cgroup.runtime, cases[i].runtime);
		assert_span(cases[i].file, "unit", cgroup.unit, cases[i].unit);
	}
}

/* Each beginning of a file, in memory of exactly its size. */
static void test_cut(void **state)
{
	static const char file[] = "1:name=systemd:/system.slice/a.service\n"
				   "0::/s.slice:cri-containerd:" HEX64 "/docker-" HEX64 ".scope (deleted)\n";

	for (size_t n = 0; n < sizeof(file); n++) {
		char *copy = malloc(MAX(n, 1));
		struct cgroup cgroup;

		assert_non_null(copy);
		memcpy(copy, file, n);
		cgroup_parse((struct span){ copy, n }, &cgroup);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
