#include <errno.h>
#include <libaudit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "source/audit_plan.h"

/* Wanted kinds by "category" or "category.action", separated by blanks. */
static void want(bool wanted[N_KINDS], const char *names)
{
	memset(wanted, 0, N_KINDS * sizeof(*wanted));
	for (size_t i = 0; i < N_KINDS; i++) {
		const char *category = categories[kinds[i].category].name;
		char whole[64];

		snprintf(whole, sizeof(whole), " %s.%s ", category, kinds[i].action);
		wanted[i] = strstr(names, whole) != NULL;
		snprintf(whole, sizeof(whole), " %s ", category);
		wanted[i] |= strstr(names, whole) != NULL;
	}
}

static struct audit_plan *plan_of(const char *names, bool alone, bool have_connector)
{
	struct audit_plan *plan = test_malloc(sizeof(*plan));
	bool wanted[N_KINDS];

	want(wanted, names);
	assert_int_equal(audit_plan_make(plan, &(struct audit_rules_options){
		.wanted = wanted,
		.own_pid = 4711,
		.alone = alone,
		.have_connector = have_connector,
	}), 0);
	return plan;
}

static char *text_of(const struct audit_plan *plan)
{
	static char text[65536];
	struct buffer buffer = { 0 };

	for (size_t i = 0; i < plan->n_rules; i++) {
		audit_rule_text(&buffer, &plan->rules[i]);
		buffer_append_byte(&buffer, '\n');
	}
	assert_int_equal(buffer_error(&buffer), 0);
	assert_true(buffer.size < sizeof(text));
	memcpy(text, buffer_text(&buffer), buffer.size + 1);
	buffer_release(&buffer);
	return text;
}

static void expect_rules(const char *names, bool alone, bool have_connector, const char *expected)
{
	struct audit_plan *plan = plan_of(names, alone, have_connector);

	if (expected)
		assert_string_equal(text_of(plan), expected);
	else
		assert_null(strstr(text_of(plan), "msgtype>="));
	test_free(plan);
}

#define KEY " -F key=recorder\n"

static void test_small(void **state)
{
	if (audit_detect_machine() != MACH_86_64)
		skip();
	expect_rules("", true, true, "");
	expect_rules(" recorder ", true, true, "");
	/* Logins need no rule, only that audit is on. */
	expect_rules(" security.login ", false, true, "");
	expect_rules(" security.login ", true, true,
		     "-a always,exclude -F msgtype=PROCTITLE -F pid!=1919247215\n"
		     "-a always,exclude -F pid=4711 -F pid!=1919247215\n"
		     "-a always,exclude -F msgtype>=NETFILTER_CFG -F msgtype<=SECCOMP -F pid!=1919247215\n"
		     "-a always,exclude -F msgtype>=TIME_INJOFFSET -F msgtype<=TIME_ADJNTPVAL -F pid!=1919247215\n"
		     "-a always,exclude -F msgtype>=SERVICE_START -F msgtype<=SERVICE_STOP -F pid!=1919247215\n");
	/* What is wanted of a range, be it half of it, is made. */
	expect_rules(" security system.service_stop ", true, true, NULL);
	expect_rules(" process.exec ", false, true,
		     "-a always,exit -F arch=b64 -S execve,execveat -F success=1" KEY
		     "-a always,exit -F arch=b32 -S execve,execveat -F success=1" KEY);
	expect_rules(" process.exec process.exit process.fork ", false, false,
		     "-a always,exit -F arch=b64 -S clone,fork,vfork,execve,execveat,clone3 -F success=1" KEY
		     "-a always,exit -F arch=b32 -S fork,execve,clone,vfork,execveat,clone3 -F success=1" KEY
		     "-a always,exit -F arch=b64 -S exit_group" KEY
		     "-a always,exit -F arch=b32 -S exit_group" KEY);
	expect_rules(" network.connect ", false, true,
		     "-a always,exit -F arch=b64 -S connect" KEY
		     "-a always,exit -F arch=b32 -S connect" KEY
		     "-a always,exit -F arch=b32 -S socketcall -F a0>=0x2 -F a0<=0x5" KEY
		     "-a always,io_uring -S 16" KEY);
}

/* Rules of a user need audit, though nothing of ours does. */
static void test_for_user(void **state)
{
	static const bool wanted[N_KINDS];
	struct audit_rules_options options = { .wanted = wanted };

	assert_false(audit_plan_any(&options));
	options.for_user = true;
	assert_true(audit_plan_any(&options));
}

/* A call under weaker conditions makes the same call under stronger ones superfluous. */
static void test_implied(void **state)
{
	if (audit_detect_machine() != MACH_86_64)
		skip();
	expect_rules(
		" file.create ", false, true,
		"-a always,exit -F arch=b64 -S open -F success=1 -F a1&0x40" KEY
		"-a always,exit -F arch=b32 -S open -F success=1 -F a1&0x40" KEY
		"-a always,exit -F arch=b64 -S openat -F success=1 -F a2&0x40" KEY
		"-a always,exit -F arch=b32 -S openat -F success=1 -F a2&0x40" KEY
		"-a always,exit -F arch=b64 -S mkdir,creat,mknod,mkdirat,mknodat,memfd_create,openat2,memfd_secret -F success=1" KEY
		"-a always,exit -F arch=b32 -S creat,mknod,mkdir,mkdirat,mknodat,memfd_create,openat2,memfd_secret -F success=1" KEY
		"-a always,io_uring -S 18,28,37 -F success=1" KEY);
	expect_rules(
		" file.create file.write ", false, true,
		"-a always,exit -F arch=b64 -S mkdir,creat,mknod,mkdirat,mknodat,memfd_create,openat2,memfd_secret -F success=1" KEY
		"-a always,exit -F arch=b32 -S creat,mknod,mkdir,mkdirat,mknodat,memfd_create,openat2,memfd_secret -F success=1" KEY
		"-a always,exit -F arch=b64 -S open -F success=1 -F a1&0x243" KEY
		"-a always,exit -F arch=b32 -S open -F success=1 -F a1&0x243" KEY
		"-a always,exit -F arch=b64 -S openat,open_by_handle_at -F success=1 -F a2&0x243" KEY
		"-a always,exit -F arch=b32 -S openat,open_by_handle_at -F success=1 -F a2&0x243" KEY
		"-a always,io_uring -S 18,28,37 -F success=1" KEY);
	expect_rules(
		" file.create file.write file.read ", false, true,
		"-a always,exit -F arch=b64 -S open,mkdir,creat,mknod,openat,mkdirat,mknodat,"
		"open_by_handle_at,memfd_create,openat2,memfd_secret -F success=1" KEY
		"-a always,exit -F arch=b32 -S open,creat,mknod,mkdir,openat,mkdirat,mknodat,"
		"open_by_handle_at,memfd_create,openat2,memfd_secret -F success=1" KEY
		"-a always,io_uring -S 18,28,37 -F success=1" KEY);
	/* Audit cannot name the file of a mapping: nothing is asked for. */
	expect_rules(" image.load ", false, true, "");
	expect_rules(" security.memory_exec ", false, true,
		     "-a always,exit -F arch=b64 -S mprotect,pkey_mprotect -F success=1 -F a2&0x4" KEY
		     "-a always,exit -F arch=b32 -S mprotect,pkey_mprotect -F success=1 -F a2&0x4" KEY
		     "-a always,exit -F arch=b64 -S mmap -F success=1 -F a2&0x4 -F a3&0x20" KEY
		     "-a always,exit -F arch=b32 -S mmap,mmap2 -F success=1 -F a2&0x4 -F a3&0x20" KEY);
}

/* Files by what they are, whatever call opens them: not where all openings are asked for anyway. */
static void test_files(void **state)
{
	const char proc[] = "-a always,exit -S all -F dir=/proc -F perm=w -F success=1" KEY;
	const char disks[] = "-a always,exit -S all -F filetype=block -F perm=rw -F success=1" KEY
			     "-a always,exit -S all -F path=/dev/mem -F perm=rw -F success=1" KEY
			     "-a always,exit -S all -F path=/dev/kmem -F perm=rw -F success=1" KEY
			     "-a always,exit -S all -F path=/dev/port -F perm=rw -F success=1" KEY
			     "-a always,exit -S all -F path=/proc/kcore -F perm=rw -F success=1" KEY;
	struct audit_plan *plan;

	plan = plan_of(" process.ptrace ", false, true);
	assert_non_null(strstr(text_of(plan), proc));
	assert_non_null(strstr(text_of(plan), "-a always,io_uring -S 18,28 -F success=1 -F dir=/proc" KEY));
	test_free(plan);
	plan = plan_of(" process.ptrace file.write ", false, true);
	assert_null(strstr(text_of(plan), "/proc"));
	test_free(plan);
	plan = plan_of(" security.raw_access file.write ", false, true);
	assert_non_null(strstr(text_of(plan), disks));
	test_free(plan);
	plan = plan_of(" security.raw_access ", false, true);
	assert_non_null(strstr(text_of(plan), "-a always,io_uring -S 18,28 -F success=1 -F filetype=block" KEY));
	test_free(plan);
	plan = plan_of(" security.raw_access process.ptrace file.read ", false, true);
	assert_null(strstr(text_of(plan), "block"));
	assert_null(strstr(text_of(plan), "/proc"));
	test_free(plan);
}

union space {
	struct audit_rule_data data;
	char bytes[AUDIT_RULE_DATA_MAX + 64];
};

static void expect_scoped(const char *names, const struct audit_scope *scope, const char *expected)
{
	struct audit_plan *plan = test_malloc(sizeof(*plan));
	bool wanted[N_KINDS];

	want(wanted, names);
	assert_int_equal(audit_plan_make(plan, &(struct audit_rules_options){ .wanted = wanted, .scope = scope, .have_connector = true }), 0);
	assert_string_equal(text_of(plan), expected);
	test_free(plan);
}

/* What a scope says of a kind holds for its calls that the kernel can tell so, and for no others. */
static void test_scope(void **state)
{
	struct audit_scope scope = { .folders = { "/etc/.", "/srv/." }, .n_folders = 2 };

	if (audit_detect_machine() != MACH_86_64)
		skip();
	scope.by_folder[KIND_ID(file, truncate)] = true;
	/* Not of a descriptor: nothing is named. */
	expect_scoped(" file.truncate ", &scope,
		      "-a always,exit -F arch=b64 -S truncate -F success=1 -F dir=/etc/." KEY
		      "-a always,exit -F arch=b32 -S truncate,truncate64 -F success=1 -F dir=/etc/." KEY
		      "-a always,exit -F arch=b64 -S truncate -F success=1 -F dir=/srv/." KEY
		      "-a always,exit -F arch=b32 -S truncate,truncate64 -F success=1 -F dir=/srv/." KEY
		      "-a always,exit -F arch=b64 -S ftruncate,fallocate -F success=1" KEY
		      "-a always,exit -F arch=b32 -S ftruncate,ftruncate64,fallocate -F success=1" KEY
		      "-a always,io_uring -S 55 -F success=1" KEY);
	/* Another kind is asked for everywhere: the same calls in a folder add nothing, others do. */
	scope.n_folders = 1;
	scope.by_folder[KIND_ID(file, create)] = true;
	expect_scoped(" file.create file.delete file.write ", &scope,
		      "-a always,exit -F arch=b64 -S mkdir,mknod,mkdirat,mknodat -F success=1 -F dir=/etc/." KEY
		      "-a always,exit -F arch=b32 -S mknod,mkdir,mkdirat,mknodat -F success=1 -F dir=/etc/." KEY
		      "-a always,exit -F arch=b64 -S rmdir,creat,unlink,unlinkat,memfd_create,openat2,memfd_secret -F success=1" KEY
		      "-a always,exit -F arch=b32 -S creat,unlink,rmdir,unlinkat,memfd_create,openat2,memfd_secret -F success=1" KEY
		      "-a always,exit -F arch=b64 -S open -F success=1 -F a1&0x243" KEY
		      "-a always,exit -F arch=b32 -S open -F success=1 -F a1&0x243" KEY
		      "-a always,exit -F arch=b64 -S openat,open_by_handle_at -F success=1 -F a2&0x243" KEY
		      "-a always,exit -F arch=b32 -S openat,open_by_handle_at -F success=1 -F a2&0x243" KEY
		      "-a always,io_uring -S 37 -F success=1 -F dir=/etc/." KEY
		      "-a always,io_uring -S 18,28,36 -F success=1" KEY);
	/* What is made in `/` itself; by two users. */
	scope = (struct audit_scope){ .folders = { "/etc/." }, .n_folders = 1, .root = 2, .user_field = AUDIT_UID, .users = { 7, 8 }, .n_users = 2 };
	scope.by_folder[KIND_ID(file, delete)] = scope.by_user[KIND_ID(network, bind)] = true;
	expect_scoped(" file.delete network.bind ", &scope,
		      "-a always,exit -F arch=b64 -S rmdir,unlink,unlinkat -F success=1 -F dir=/etc/." KEY
		      "-a always,exit -F arch=b32 -S unlink,rmdir,unlinkat -F success=1 -F dir=/etc/." KEY
		      "-a always,exit -F arch=b64 -S rmdir,unlink,unlinkat -F success=1 -F inode=2" KEY
		      "-a always,exit -F arch=b32 -S unlink,rmdir,unlinkat -F success=1 -F inode=2" KEY
		      "-a always,exit -F arch=b64 -S bind -F success=1 -F uid=7" KEY
		      "-a always,exit -F arch=b32 -S bind -F success=1 -F uid=7" KEY
		      "-a always,exit -F arch=b64 -S bind -F success=1 -F uid=8" KEY
		      "-a always,exit -F arch=b32 -S bind -F success=1 -F uid=8" KEY
		      "-a always,exit -F arch=b32 -S socketcall -F a0>=0x2 -F a0<=0x5 -F uid=7" KEY
		      "-a always,exit -F arch=b32 -S socketcall -F a0>=0x2 -F a0<=0x5 -F uid=8" KEY
		      "-a always,io_uring -S 36 -F success=1 -F dir=/etc/." KEY
		      "-a always,io_uring -S 36 -F success=1 -F inode=2" KEY
		      "-a always,io_uring -S 56 -F success=1 -F uid=7" KEY
		      "-a always,io_uring -S 56 -F success=1 -F uid=8" KEY);
	/* Nobody logged in. What a process is hangs on its exec: whole. */
	scope = (struct audit_scope){ .user_field = AUDIT_LOGINUID, .users = { UINT32_MAX }, .n_users = 1 };
	scope.by_user[KIND_ID(process, exec)] = scope.by_user[KIND_ID(process, capset)] = true;
	expect_scoped(" process.exec process.capset ", &scope,
		      "-a always,exit -F arch=b64 -S execve,execveat -F success=1" KEY
		      "-a always,exit -F arch=b32 -S execve,execveat -F success=1" KEY
		      "-a always,exit -F arch=b64 -S capset -F success=1 -F auid=4294967295" KEY
		      "-a always,exit -F arch=b32 -S capset -F success=1 -F auid=4294967295" KEY);
	/* Of a connect alone failures are told. */
	scope = (struct audit_scope){ 0 };
	scope.outcome[KIND_ID(network, connect)] = scope.outcome[KIND_ID(network, listen)] = AUDIT_OUTCOME_FAILURE;
	expect_scoped(" network.connect network.listen ", &scope,
		      "-a always,exit -F arch=b64 -S connect -F success=0" KEY
		      "-a always,exit -F arch=b32 -S connect -F success=0" KEY
		      "-a always,exit -F arch=b32 -S socketcall -F a0>=0x2 -F a0<=0x5 -F success=0" KEY
		      "-a always,io_uring -S 16 -F success=0" KEY);
}

/* Openings of disks hang on whether all openings are asked for: not in one folder. */
static void test_scope_of_reads(void **state)
{
	struct audit_plan *plan = test_malloc(sizeof(*plan));
	struct audit_scope scope = { .folders = { "/etc/." }, .n_folders = 1 };
	struct audit_rules_options options = { .scope = &scope };
	bool wanted[N_KINDS];

	want(wanted, " security.raw_access process.ptrace file.read file.write ");
	options.wanted = wanted;
	assert_int_equal(audit_plan_make(plan, &options), 0);
	assert_null(strstr(text_of(plan), "filetype=block"));
	scope.by_folder[KIND_ID(file, read)] = true;
	assert_int_equal(audit_plan_make(plan, &options), 0);
	assert_non_null(strstr(text_of(plan), "filetype=block"));
	assert_null(strstr(text_of(plan), "dir=/proc -F perm=w"));	/* all openings for writing are asked for still */
	scope.by_folder[KIND_ID(file, write)] = true;
	assert_int_equal(audit_plan_make(plan, &options), 0);
	assert_non_null(strstr(text_of(plan), "dir=/proc -F perm=w"));
	scope.folders[0] = "/more-than-there-is-room-for-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	assert_int_equal(audit_plan_make(plan, &options), -ENAMETOOLONG);
	test_free(plan);
}

/* The most folders, and all kinds of files. */
static void test_scope_fits(void **state)
{
	static char names[AUDIT_SCOPE_FOLDERS][AUDIT_FOLDER_MAX + 8];
	struct audit_plan *plan = test_malloc(sizeof(*plan));
	struct audit_scope scope = { .n_folders = AUDIT_SCOPE_FOLDERS, .root = 2 };
	union space space;
	bool wanted[N_KINDS];

	want(wanted, " process file network dns image driver security system registry http ");
	for (size_t i = 0; i < AUDIT_SCOPE_FOLDERS; i++) {
		snprintf(names[i], sizeof(names[i]), "/%0*zu/./.", AUDIT_FOLDER_MAX - 2, i);
		scope.folders[i] = names[i];
	}
	for (size_t i = 0; i < N_KINDS; i++)
		scope.by_folder[i] = true;
	wanted[KIND_ID(file, read)] = false;
	assert_int_equal(audit_plan_make(plan, &(struct audit_rules_options){ .wanted = wanted, .scope = &scope }), 0);
	for (size_t i = 0; i < plan->n_rules; i++)
		assert_true(audit_rule_data_make(&space.data, &plan->rules[i]) <= AUDIT_RULE_DATA_MAX);
	test_free(plan);
}

static void test_everything(void **state)
{
	struct audit_plan *plan =
		plan_of(" process file network dns image driver security system registry http ", true, false);
	size_t n_exit = 0;
	char *text;

	for (size_t i = 0; i < plan->n_rules; i++) {
		uint32_t any = 0;

		for (size_t word = 0; word < AUDIT_BITMASK_SIZE; word++)
			any |= plan->rules[i].calls[word];
		assert_true(any);
		n_exit += plan->rules[i].list == AUDIT_FILTER_EXIT;
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(&plan->rules[i], &plan->rules[j], sizeof(plan->rules[i]));
	}
	/* Each one costs every system call of the host: more than this wants a reason. */
	assert_true(n_exit <= 30);
	text = text_of(plan);
	assert_null(strstr(text, "?"));
	if (audit_detect_machine() == MACH_86_64) {
		/* setxattrat, which auditctl may have no name for yet */
		assert_true(strstr(text, ",463") || strstr(text, "setxattrat"));
		assert_non_null(strstr(text, " -S sendto,sendmsg,sendmmsg -F success=1 -F saddr_fam=2" KEY));
	}
	test_free(plan);
}

static void test_data(void **state)
{
	/* Rules with a path among them, since nobody asks for all openings. */
	struct audit_plan *plan = plan_of(" process file.create network driver security ", true, true);
	union space a, b;
	bool has_path = false;

	for (size_t i = 0; i < plan->n_rules; i++) {
		size_t size = audit_rule_data_make(&a.data, &plan->rules[i]);

		assert_true(size <= AUDIT_RULE_DATA_MAX);
		assert_true(a.data.field_count <= AUDIT_MAX_FIELDS);
		assert_true(audit_rule_data_is_own(&a.data, size));
		has_path |= a.data.buflen > sizeof(AUDIT_OWN_KEY) - 1;
		for (size_t j = 0; j < plan->n_rules; j++) {
			audit_rule_data_make(&b.data, &plan->rules[j]);
			assert_int_equal(audit_rule_data_equal(&a.data, &b.data), i == j);
		}
	}
	assert_true(has_path);
	test_free(plan);
}

/* Texts lie one behind the other, in the order of their fields. */
static void test_texts(void **state)
{
	struct audit_plan *plan = plan_of(" security.raw_access ", false, true);
	static const char texts[] = "/proc/kcorerecorder";
	unsigned n = 0;
	union space a;

	for (size_t i = 0; i < plan->n_rules; i++) {
		audit_rule_data_make(&a.data, &plan->rules[i]);
		if (a.data.buflen != sizeof(texts) - 1 || memcmp(a.data.buf, texts, sizeof(texts) - 1) != 0)
			continue;
		n++;
		assert_int_equal(a.data.field_count, 4);
		assert_int_equal(a.data.fields[0], AUDIT_WATCH);
		assert_int_equal(a.data.values[0], strlen("/proc/kcore"));
		assert_int_equal(a.data.fields[3], AUDIT_FILTERKEY);
		assert_int_equal(a.data.values[3], strlen("recorder"));
		assert_int_equal(a.data.mask[0], UINT32_MAX);
	}
	assert_int_equal(n, 1);
	test_free(plan);
}

/* A rule of somebody else with these fields and this text. */
static size_t foreign(union space *ret, size_t n, const uint32_t (*conditions)[2], const char *text)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < n; i++) {
		ret->data.fields[i] = conditions[i][0];
		ret->data.values[i] = conditions[i][1];
		ret->data.fieldflags[i] = AUDIT_EQUAL;
	}
	ret->data.field_count = (uint32_t)n;
	ret->data.buflen = (uint32_t)strlen(text);
	memcpy(ret->bytes + sizeof(ret->data), text, strlen(text));
	return sizeof(ret->data) + strlen(text);
}

static bool lacks(const struct audit_plan *plan, enum kind_id kind)
{
	static const bool nothing[N_KINDS];
	int r = audit_plan_lacks(plan, &(struct audit_rules_options){ .wanted = nothing, .have_connector = true, .alone = true, .own_pid = 5 }, kind);

	assert_in_range(r, 0, 1);
	return r;
}

/* What of the rules of a locked kernel does for which kinds. */
static void test_lacking(void **state)
{
	struct audit_plan *plan = plan_of(" process file.rename file.read security.login ", true, true);

	/* None is there: logins need none, nor do forks beside the connector. */
	assert_true(lacks(NULL, KIND_ID(process, exec)));
	assert_false(lacks(NULL, KIND_ID(security, login)));
	assert_false(lacks(NULL, KIND_ID(process, fork)));
	assert_true(lacks(NULL, KIND_ID(security, time_change)));
	/* All openings do for those for writing too, whoever asked for them. */
	assert_false(lacks(plan, KIND_ID(process, exec)));
	assert_false(lacks(plan, KIND_ID(file, read)));
	assert_true(lacks(plan, KIND_ID(file, delete)));
	assert_true(lacks(plan, KIND_ID(network, connect)));
	for (size_t i = 0; i < plan->n_rules; i++)
		plan->rules[i].absent = true;
	assert_true(lacks(plan, KIND_ID(process, exec)));
	assert_false(lacks(plan, KIND_ID(security, login)));
	test_free(plan);
}

static void test_foreign(void **state)
{
	union space rule;
	size_t size;

	size = foreign(&rule, 1, (const uint32_t[][2]){ { AUDIT_FILTERKEY, 9 } }, "recorders");
	assert_false(audit_rule_data_is_own(&rule.data, size));
	size = foreign(&rule, 1, (const uint32_t[][2]){ { AUDIT_FILTERKEY, 8 } }, "recorder");
	assert_true(audit_rule_data_is_own(&rule.data, size));
	/* Behind the key of a user, but not before or within it */
	size = foreign(&rule, 1, (const uint32_t[][2]){ { AUDIT_FILTERKEY, 13 } }, "mine\x01recorder");
	assert_true(audit_rule_data_is_own(&rule.data, size));
	size = foreign(&rule, 1, (const uint32_t[][2]){ { AUDIT_FILTERKEY, 13 } }, "recorder\x01mine");
	assert_false(audit_rule_data_is_own(&rule.data, size));
	size = foreign(&rule, 1, (const uint32_t[][2]){ { AUDIT_FILTERKEY, 12 } }, "my-recorders");
	assert_false(audit_rule_data_is_own(&rule.data, size));
	/* A watched path of our name, before another key */
	size = foreign(&rule, 2, (const uint32_t[][2]){ { AUDIT_WATCH, 8 }, { AUDIT_FILTERKEY, 3 } },
		       "recorderabc");
	assert_false(audit_rule_data_is_own(&rule.data, size));
	size = foreign(&rule, 2, (const uint32_t[][2]){ { AUDIT_WATCH, 4 }, { AUDIT_FILTERKEY, 8 } },
		       "/etcrecorder");
	assert_true(audit_rule_data_is_own(&rule.data, size));
	size = foreign(&rule, 1, (const uint32_t[][2]){ { AUDIT_PID, 4711 } }, "");
	assert_false(audit_rule_data_is_own(&rule.data, size));
	/* Lengths that lie */
	size = foreign(&rule, 1, (const uint32_t[][2]){ { AUDIT_FILTERKEY, 4000000000u } }, "recorder");
	assert_false(audit_rule_data_is_own(&rule.data, size));
	size = foreign(&rule, 2, (const uint32_t[][2]){ { AUDIT_DIR, UINT32_MAX }, { AUDIT_FILTERKEY, 8 } },
		       "recorder");
	assert_false(audit_rule_data_is_own(&rule.data, size));
	size = foreign(&rule, 1, (const uint32_t[][2]){ { AUDIT_FILTERKEY, 8 } }, "recorder");
	assert_false(audit_rule_data_is_own(&rule.data, size - 1));
	assert_false(audit_rule_data_is_own(&rule.data, 5));
	rule.data.field_count = 1000;
	assert_false(audit_rule_data_is_own(&rule.data, size));
}

static void test_why(void **state)
{
	assert_non_null(strstr(audit_control_why(-EPERM), "CAP_AUDIT_CONTROL"));
	assert_non_null(strstr(audit_control_why(ECONNREFUSED), "audit=0"));
	assert_non_null(strstr(audit_control_why(-EPROTONOSUPPORT), "CONFIG_AUDIT"));
	assert_string_equal(audit_control_why(-ENOSPC), strerror(ENOSPC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),	   cmocka_unit_test(test_implied),
		cmocka_unit_test(test_for_user),   cmocka_unit_test(test_files),
		cmocka_unit_test(test_texts),	   cmocka_unit_test(test_scope),
		cmocka_unit_test(test_scope_fits), cmocka_unit_test(test_scope_of_reads),
		cmocka_unit_test(test_everything), cmocka_unit_test(test_data),
		cmocka_unit_test(test_lacking),	   cmocka_unit_test(test_foreign),	   cmocka_unit_test(test_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
