/* Jobs with a real server, in the loop of the test. */

#pragma GCC diagnostic ignored "-Wunused-function" /* the fixture has more than is needed here */
#pragma GCC diagnostic ignored "-Wunused-const-variable"

#include "control/test_fixture.h"

#include "daemon/jobs.h"

/* One job a test, and what became of it. */
static struct world {
	struct fixture *f;
	struct jobs jobs;
	uint64_t patience_ms;
	unsigned n_lines;		/* that the job says */
	unsigned n_begun, n_freed;
	int said;			/* what the last job_say answered */
	bool waits;			/* until nobody wants it */
} world;

static char line[1000];

static void work(struct job *job, void *user)
{
	int r = 0;

	__atomic_add_fetch(&world.n_begun, 1, __ATOMIC_RELAXED);
	while (world.waits && job_pause(job, NS_PER_MS))
		job_mention(job, SPAN("{\"waiting\":true}\n"));
	for (unsigned i = 0; i < world.n_lines && (r = job_say(job, (struct span){ line, sizeof(line) })) == 0; i++)
		;
	__atomic_store_n(&world.said, r, __ATOMIC_RELAXED);
	if (r < 0)
		job_fail(job, "failed", "", "not said");
	else
		job_result(job, SPAN("{\"done\":1}"));
}

static void over(void *user)
{
	world.n_freed++;
}

static void on_start(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	const struct job_work job = { .run = work, .free = over, .patience_ms = world.patience_ms };

	if (job_start(&world.jobs, client, &job) < 0)
		reply_error(reply, "busy", "", "too many");
	else
		reply->streaming = true;
}

static void on_gone(void *user, struct client *client)
{
	jobs_client_gone(&world.jobs, client);
}

static void on_drained(void *user, struct client *client)
{
	jobs_client_drained(&world.jobs, client);
}

static const struct command job_commands[] = { { "start", NULL, on_start } };

static int begin(void **state)
{
	struct server_options options = { .commands = job_commands, .n_commands = 1, .gone = on_gone, .drained = on_drained,
					  .max_unsent_bytes = 512u << 10, .timeout_ms = 100 };

	if (set_up(state) < 0)
		return -1;
	world = (struct world){ .f = *state, .patience_ms = 5000, .n_lines = 3 };
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	jobs_init(&world.jobs, &world.f->loop);
	options.loop = &world.f->loop;
	options.path = world.f->path;
	return server_new(&world.f->server, &options);
}

static int end(void **state)
{
	world.f->server = server_free(world.f->server);
	uv_close((uv_handle_t *)&world.jobs.said, NULL);
	uv_run(&world.f->loop, UV_RUN_DEFAULT);
	assert_int_equal(world.jobs.n, 0);
	return tear_down(state);
}

static int start(void)
{
	int fd = dial(world.f->path);

	assert_true(say_text(world.f, fd, "{\"command\":\"start\"}\n"));
	assert_string_equal(hear(world.f, fd), STREAMS);
	return fd;
}

static void turn_until(unsigned *n, unsigned wanted)
{
	uint64_t end_ms = now_ms() + 5000;

	while (__atomic_load_n(n, __ATOMIC_RELAXED) < wanted && now_ms() < end_ms)
		turn(world.f);
	assert_int_equal(__atomic_load_n(n, __ATOMIC_RELAXED), wanted);
}

static void lines_and_the_last(void **state)
{
	int fd = start();

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(strlen(hear(world.f, fd)), sizeof(line) - 1);
	assert_string_equal(hear(world.f, fd), "{\"ok\":true,\"result\":{\"done\":1}}");
	assert_string_equal(hear(world.f, fd), "EOF");
	turn_until(&world.n_freed, 1);
	close(fd);
}

/* Far more than it may have unsent: it gets all, as fast as it reads. */
static void slow_reader(void **state)
{
	int fd;

	world.n_lines = 10000;
	fd = start();
	turn_for(world.f, 50);
	assert_int_equal(world.n_freed, 0);
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(strlen(hear(world.f, fd)), sizeof(line) - 1);
	assert_string_equal(hear(world.f, fd), "{\"ok\":true,\"result\":{\"done\":1}}");
	turn_until(&world.n_freed, 1);
	close(fd);
}

static void one_that_does_not_read(void **state)
{
	int fd;

	world.n_lines = 10000;
	world.patience_ms = 50;
	fd = start();
	turn_until(&world.n_freed, 1);
	assert_int_equal(world.said, -ETIMEDOUT);
	close(fd);
}

static void one_that_vanishes(void **state)
{
	int fd;

	world.waits = true;
	fd = start();
	assert_string_equal(hear(world.f, fd), "{\"waiting\":true}");
	close(fd);
	turn_until(&world.n_freed, 1);
	assert_int_equal(world.said, -ECANCELED);

	world.waits = false;
	world.n_lines = 10000;
	fd = start();
	turn_until(&world.n_begun, 2);
	close(fd);
	turn_until(&world.n_freed, 2);
	assert_int_equal(world.said, -ECANCELED);
}

static void too_many(void **state)
{
	int fds[JOBS_MAX], one_more = dial(world.f->path);

	world.waits = true;
	for (unsigned i = 0; i < JOBS_MAX; i++)
		fds[i] = start();
	assert_true(say_text(world.f, one_more, "{\"command\":\"start\"}\n"));
	expect_error(world.f, one_more, "busy");
	assert_int_equal(world.n_freed, 1);
	close(fds[0]);
	turn_until(&world.n_freed, 2);
	assert_true(say_text(world.f, one_more, "{\"command\":\"start\"}\n"));
	assert_string_equal(hear(world.f, one_more), STREAMS);
	close(one_more);
	for (unsigned i = 1; i < JOBS_MAX; i++)
		close(fds[i]);
	turn_until(&world.n_freed, 2 + JOBS_MAX);
}

static void the_server_ends_before_them(void **state)
{
	int fd;

	world.waits = true;
	fd = start();
	turn_until(&world.n_begun, 1);
	world.f->server = server_free(world.f->server);
	turn_until(&world.n_freed, 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(lines_and_the_last),
		TEST(slow_reader),
		TEST(one_that_does_not_read),
		TEST(one_that_vanishes),
		TEST(too_many),
		TEST(the_server_ends_before_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
