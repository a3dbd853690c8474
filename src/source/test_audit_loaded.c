/* Rules in a kernel that is a thread of ours: a user's stay behind the recorder's, and are there in every moment. */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/audit_control.h"
#include "source/audit_loaded.h"

#define MAX_RULES 512

struct kernel {
	int fd;
	pthread_t thread;
	struct audit_rule_data *rules[MAX_RULES];	/* as it lists them */
	size_t n;
	uint32_t enabled;
	unsigned refuse_add, refuse_delete;	/* the n-th from now on; 0: none */
	unsigned n_added;
	const struct user_rules *watched;	/* NULL: not yet */
	unsigned n_holes;		/* changes after which a call could end otherwise than by these rules */
};

/* Where it is first, in whatever words: MAX_RULES: nowhere. */
static size_t first_of(const struct kernel *kernel, const struct user_rule *rule)
{
	for (size_t i = 0; i < kernel->n; i++)
		if (user_rule_is(rule, kernel->rules[i]))
			return i;
	return MAX_RULES;
}

static unsigned times_of(const struct kernel *kernel, const struct user_rule *rule)
{
	unsigned n = 0;

	for (size_t i = 0; i < kernel->n; i++)
		n += user_rule_is(rule, kernel->rules[i]);
	return n;
}

/* Of the list exit the first that holds decides. */
static bool has_hole(const struct kernel *kernel)
{
	const struct user_rules *user = kernel->watched;
	size_t last = 0;

	for (size_t i = 0; user && i < user->n; i++) {
		size_t first = first_of(kernel, &user->rules[i]);

		if (first == MAX_RULES)
			return true;
		if (user->rules[i].data->flags != AUDIT_FILTER_EXIT)
			continue;
		if (first < last)
			return true;
		last = first;
	}
	return false;
}

static size_t find(const struct kernel *kernel, const struct audit_rule_data *data)
{
	for (size_t i = 0; i < kernel->n; i++)
		if (audit_rule_data_equal(kernel->rules[i], data))
			return i;
	return MAX_RULES;
}

static bool is_refused(unsigned *n)
{
	return *n > 0 && --*n == 0;
}

static int add(struct kernel *kernel, const struct audit_rule_data *data)
{
	struct audit_rule_data *copy;

	if (find(kernel, data) != MAX_RULES)
		return -EEXIST;
	copy = is_refused(&kernel->refuse_add) || kernel->n == MAX_RULES ? NULL : malloc(sizeof(*data) + data->buflen);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, sizeof(*data) + data->buflen);
	kernel->rules[kernel->n++] = copy;
	kernel->n_added++;
	return 0;
}

static int delete(struct kernel *kernel, const struct audit_rule_data *data)
{
	size_t at = find(kernel, data);

	if (at == MAX_RULES)
		return -ENOENT;
	if (is_refused(&kernel->refuse_delete))
		return -EPERM;
	free(kernel->rules[at]);
	kernel->n--;
	memmove(kernel->rules + at, kernel->rules + at + 1, (kernel->n - at) * sizeof(struct audit_rule_data *));
	return 0;
}

static void answer(const struct kernel *kernel, uint32_t seq, uint16_t type, const void *payload, size_t size)
{
	union {
		struct nlmsghdr header;
		char bytes[NLMSG_HDRLEN + 4096];
	} message = { .header = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(size), .nlmsg_type = type, .nlmsg_seq = seq } };

	if (size > 0)
		memcpy(message.bytes + NLMSG_HDRLEN, payload, size);
	(void)!send(kernel->fd, message.bytes, NLMSG_LENGTH(size), MSG_NOSIGNAL);
}

static int change(struct kernel *kernel, uint16_t type, const void *payload)
{
	int r = kernel->enabled == 2 ? -EPERM : type == AUDIT_ADD_RULE ? add(kernel, payload) : delete(kernel, payload);

	kernel->n_holes += r == 0 && has_hole(kernel);
	return r;
}

static void handle(struct kernel *kernel, const struct nlmsghdr *header, const void *payload)
{
	const struct audit_status status = { .enabled = kernel->enabled, .failure = 1, .backlog_limit = 64 };
	uint32_t seq = header->nlmsg_seq;
	int error = 0;

	if (header->nlmsg_type == AUDIT_ADD_RULE || header->nlmsg_type == AUDIT_DEL_RULE)
		error = change(kernel, header->nlmsg_type, payload);
	answer(kernel, seq, NLMSG_ERROR, &error, sizeof(error));
	if (header->nlmsg_type == AUDIT_GET)
		answer(kernel, seq, AUDIT_GET, &status, sizeof(status));
	if (header->nlmsg_type != AUDIT_LIST_RULES)
		return;
	for (size_t i = 0; i < kernel->n; i++)
		answer(kernel, seq, AUDIT_LIST_RULES, kernel->rules[i], sizeof(*kernel->rules[i]) + kernel->rules[i]->buflen);
	answer(kernel, seq, NLMSG_DONE, NULL, 0);
}

static void *serve(void *user)
{
	struct kernel *kernel = user;
	union {
		struct nlmsghdr header;
		char bytes[16384];
	} request;

	while (recv(kernel->fd, request.bytes, sizeof(request.bytes), 0) >= (ssize_t)NLMSG_HDRLEN)
		handle(kernel, &request.header, request.bytes + NLMSG_HDRLEN);
	return NULL;
}

/* It keeps the borders of messages, and does not mind that they are sent to the address of a kernel. */
static struct audit_control *boot(struct kernel *kernel)
{
	struct audit_control *control = calloc(1, sizeof(*control));
	int fds[2];

	*kernel = (struct kernel){ .enabled = 1 };
	assert_non_null(control);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	control->fd = fds[0];
	kernel->fd = fds[1];
	assert_int_equal(pthread_create(&kernel->thread, NULL, serve, kernel), 0);
	return control;
}

static void halt(struct kernel *kernel, struct audit_control *control)
{
	audit_control_free(control);
	pthread_join(kernel->thread, NULL);
	close(kernel->fd);
	for (size_t i = 0; i < kernel->n; i++)
		free(kernel->rules[i]);
}

/* One of another kind each time, so that rules of ours come behind all that are there. */
static void load(struct audit_control *control, unsigned round)
{
	static const enum kind_id others[] = { KIND_ID(file, chmod), KIND_ID(file, delete), KIND_ID(network, bind), KIND_ID(process, setuid) };
	bool wanted[N_KINDS] = { [KIND_ID(process, exec)] = true };
	const struct audit_rules_options options = {
		.wanted = wanted, .own_pid = 4711, .alone = round % 3 != 0, .have_connector = true, .backlog_limit = 8192, .for_user = true,
	};
	const char *why;

	wanted[others[round % ARRAY_SIZE(others)]] = true;
	assert_int_equal(audit_rules_load(control, &options, NULL, &why), 1);
}

static int follow(struct audit_control *control, struct user_rules *user)
{
	const char *why;
	unsigned line;

	return audit_rules_follow(control, user, &line, &why);
}

static unsigned missing(struct audit_control *control)
{
	struct audit_missing missing;

	assert_int_equal(audit_rules_missing(control, true, 0, &missing), 0);
	assert_int_equal(missing.gone, 0);
	return missing.removed;
}

static struct user_rules *parse(const char *text)
{
	struct user_rules *rules = NULL;
	struct user_rules_error error;

	if (user_rules_parse(&rules, span_of(text), &error) < 0)
		fail_msg("%s\n%u:%u: %s", text, error.line, error.column, error.message);
	return rules;
}

static const char some[] = "-a always,exit -F path=/etc/shadow -F perm=r -k shadow\n"
			   "-a never,exit -S getpid -F uid=0\n"
			   "-a always,exit -S getpid,getppid -k ids -k more\n"
			   "-a always,io_uring -S 18 -k ring\n"
			   "-a always,exclude -F msgtype=CWD\n"
			   "-a always,exclude -F msgtype=PROCTITLE\n"	/* as ours are, where we are alone */
			   "-a never,user -F auid=0\n"
			   "-a never,filesystem -F fstype=debugfs\n";

/* Each once; the last of the list, where it matters. */
static void expect_behind(const struct kernel *kernel, const struct user_rules *user)
{
	static const uint32_t lists[] = { AUDIT_FILTER_USER, AUDIT_FILTER_EXIT, AUDIT_FILTER_URING_EXIT };

	for (size_t i = 0; i < user->n; i++)
		assert_int_equal(times_of(kernel, &user->rules[i]), 1);
	for (size_t list = 0; list < ARRAY_SIZE(lists); list++) {
		size_t at = kernel->n;

		for (size_t i = user->n; i > 0; i--) {
			if (user->rules[i - 1].data->flags != lists[list])
				continue;
			while (at > 0 && kernel->rules[at - 1]->flags != lists[list])
				at--;
			assert_true(at > 0);
			assert_true(user_rule_is(&user->rules[i - 1], kernel->rules[--at]));
		}
	}
}

static void test_moved(void **state)
{
	struct kernel kernel;
	struct audit_control *control = boot(&kernel);
	struct user_rules *user = parse(some);
	unsigned n_again = 0, n_before;

	load(control, 0);
	assert_int_equal(follow(control, user), 0);
	kernel.watched = user;
	for (unsigned round = 1; round < 13; round++) {
		n_before = kernel.n_added;
		load(control, round);
		assert_int_equal(missing(control), 0);
		assert_int_equal(follow(control, user), 0);
		assert_true(kernel.n_added > n_before);
		assert_int_equal(missing(control), 0);
		expect_behind(&kernel, user);
		n_again += find(&kernel, user->rules[0].again) != MAX_RULES;
	}
	assert_int_equal(n_again, 6);
	/* Nothing has changed, and nothing is touched. */
	n_before = kernel.n_added;
	assert_int_equal(follow(control, user), 0);
	assert_int_equal(kernel.n_added, n_before);
	assert_int_equal(kernel.n_holes, 0);
	kernel.watched = NULL;
	assert_int_equal(follow(control, NULL), 0);
	for (size_t i = 0; i < user->n; i++)
		assert_true(times_of(&kernel, &user->rules[i]) == 0 || user->rules[i].data->flags == AUDIT_FILTER_EXCLUDE);
	assert_true(audit_rules_unload(control, NULL) >= 0);
	assert_int_equal(kernel.n, 0);
	halt(&kernel, control);
	user_rules_free(user);
}

/* What both sets have stays in whatever words it is. */
static void test_replaced(void **state)
{
	struct kernel kernel;
	struct audit_control *control = boot(&kernel);
	struct user_rules *user = parse(some), *kept = parse("-a always,exit -F path=/etc/shadow -F perm=r -k shadow\n");
	struct user_rules *next = parse("-a never,exit -S getpid -F uid=0\n-a always,exit -S chdir\n"
					"-a always,exit -F path=/etc/shadow -F perm=r -k shadow\n");

	load(control, 0);
	assert_int_equal(follow(control, user), 0);
	load(control, 1);
	assert_int_equal(follow(control, user), 0);
	assert_true(find(&kernel, user->rules[0].again) != MAX_RULES);
	kernel.watched = kept;
	assert_int_equal(follow(control, next), 0);
	expect_behind(&kernel, next);
	assert_int_equal(times_of(&kernel, &user->rules[2]), 0);
	/* Of another run, or of this one. */
	kernel.watched = NULL;
	assert_true(audit_rules_clean(control, NULL) > 0);
	assert_int_equal(kernel.n, 0);
	assert_true(missing(control) > 0);
	assert_int_equal(kernel.n_holes, 0);
	halt(&kernel, control);
	user_rules_free(user);
	user_rules_free(kept);
	user_rules_free(next);
}

/* Whatever of it fails: none is missing by that, and the next time all is as it should be. */
static void test_refused(void **state)
{
	struct kernel kernel;
	struct audit_control *control = boot(&kernel);
	struct user_rules *user = parse(some);
	unsigned round = 0;

	load(control, round);
	assert_int_equal(follow(control, user), 0);
	kernel.watched = user;
	for (unsigned is_delete = 0; is_delete < 2; is_delete++) {
		unsigned n_failed = 0;

		for (int r = -1; r < 0; n_failed++) {
			load(control, ++round);
			*(is_delete ? &kernel.refuse_delete : &kernel.refuse_add) = n_failed + 1;
			r = follow(control, user);
			assert_int_equal(missing(control), 0);
			kernel.refuse_add = kernel.refuse_delete = 0;
			if (r < 0)
				load(control, ++round);
			assert_int_equal(follow(control, user), 0);
			expect_behind(&kernel, user);
		}
		assert_true(n_failed > 3);	/* the rules of the list exit */
	}
	assert_int_equal(kernel.n_holes, 0);
	halt(&kernel, control);
	user_rules_free(user);
}

/* A kernel that takes nothing has them in either words, or not. */
static void test_locked(void **state)
{
	struct kernel kernel;
	struct audit_control *control = boot(&kernel);
	struct user_rules *user = parse(some), *more = parse("-a always,exit -S chdir\n-a never,exit -S getpid -F uid=0\n");

	for (unsigned round = 0; round < 2; round++) {
		load(control, round);
		assert_int_equal(follow(control, user), 0);
	}
	assert_true(find(&kernel, user->rules[0].again) != MAX_RULES);
	kernel.enabled = 2;
	load(control, 1);
	assert_int_equal(follow(control, user), 0);
	assert_int_equal(missing(control), 0);
	assert_int_equal(follow(control, more), -EROFS);
	halt(&kernel, control);
	user_rules_free(user);
	user_rules_free(more);
}

/* A rule that is not there any more: whose folder has gone, and what somebody removed. */
static void test_gone(void **state)
{
	char folder[] = "/tmp/test_audit_loaded.XXXXXX", text[256];
	struct kernel kernel;
	struct audit_control *control = boot(&kernel);
	struct audit_missing missing;
	struct user_rules *user;

	assert_non_null(mkdtemp(folder));
	snprintf(text, sizeof(text), "-a always,exit -F dir=%s -F perm=r -k folder\n-a always,exit -F path=/etc/passwd -F perm=w\n", folder);
	user = parse(text);
	usleep(20000);	/* the clock of file systems goes by ticks */
	load(control, 0);
	assert_int_equal(follow(control, user), 0);
	assert_int_equal(delete(&kernel, user->rules[0].data), 0);
	assert_int_equal(audit_rules_missing(control, true, 0, &missing), 0);
	assert_true(missing.removed == 1 && missing.gone == 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(audit_rules_missing(control, true, 0, &missing), 0);
	assert_true(missing.removed == 0 && missing.gone == 1);
	assert_int_equal(delete(&kernel, user->rules[1].data), 0);
	assert_int_equal(audit_rules_missing(control, true, 0, &missing), 0);
	assert_true(missing.removed == 1 && missing.gone == 1);
	halt(&kernel, control);
	user_rules_free(user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moved), cmocka_unit_test(test_replaced), cmocka_unit_test(test_refused), cmocka_unit_test(test_locked),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
