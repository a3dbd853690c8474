/* Why there is no eBPF, in words. */

#include "source/bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_why(void **state)
{
	static const struct {
		int error;
		const char *open, *locked;	/* said by a kernel that is not locked down, and by one that is */
	} rows[] = {
		{ -EPERM, "CAP_BPF", "lockdown" },	{ -EACCES, "verifier", "lockdown" }, { -EINVAL, "too old", "lockdown" },
		{ -ENODATA, "BTF", "BTF" },		{ -ENOMEM, "memory", "memory" },     { -ENOTSUP, "too old", "too old" },
		{ -ENOPKG, "built without", "built without" }, { -EIO, "could not be loaded", "could not be loaded" },
	};
	char path[] = "/tmp/recorder-lockdown-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	for (unsigned locked = 0; locked < 2; locked++) {
		const char *words = locked ? "none integrity [confidentiality]\n" : "none [integrity] confidentiality\n";

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, words, strlen(words), 0), strlen(words));
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (!strstr(bpf_why_with(rows[i].error, path), locked ? rows[i].locked : rows[i].open))
				fail_msg("%d: %s", rows[i].error, bpf_why_with(rows[i].error, path));
	}
	close(fd);
	unlink(path);
	assert_non_null(strstr(bpf_why_with(-EPERM, path), "CAP_BPF"));	/* a kernel without it */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_why) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
