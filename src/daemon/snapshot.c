/* recorder.snapshot, and what it shares with the command line. */

#include "daemon/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/leisure.h"
#include "daemon/daemon.h"

int snapshot_make(const struct snapshot_task *task, const struct settings *settings, uint64_t *ret_bytes,
		  struct sink_error *error)
{
	const struct snapshot_options options = {
		.database = task->database,
		.destination = task->destination,
		.replace = task->replace,
		.step_bytes = (uint64_t)settings->value[SETTING_SnapshotWriteSizeMB] << 20,
		.spare_bytes = (uint64_t)settings->value[SETTING_SnapshotExtraSizeRequiredMB] << 20,
	};
	uint64_t pause_ns = (uint64_t)settings->value[SETTING_SnapshotWriteIntervalMs] * NS_PER_MS, done, total;
	_cleanup_(snapshot_freep) struct snapshot *snapshot = NULL;
	int r = snapshot_open(&snapshot, &options, error);

	while (r >= 0 && (r = snapshot_step(snapshot, error)) > 0) {
		snapshot_progress(snapshot, &done, &total);
		if (!task->pause(task->user, done, total, pause_ns))
			r = -ECANCELED;
	}
	if (r < 0)
		return r;
	snapshot_progress(snapshot, &done, ret_bytes);
	return 0;
}

/* By the socket */

struct request_of {
	struct settings settings;
	char *database, *destination;
	bool replace;
};

static void request_free(void *user)
{
	struct request_of *request = user;

	free(request->database);
	free(request->destination);
	free(request);
}

struct copying {
	struct job *job;
	uint64_t cpu_ns;		/* see leisure_owed_ns() */
};

static bool on_pause(void *user, uint64_t done, uint64_t total, uint64_t ns)
{
	_cleanup_(buffer_release) struct buffer line = { 0 };
	struct copying *copying = user;

	buffer_printf(&line, "{\"done\":%llu,\"total\":%llu}\n", (unsigned long long)done, (unsigned long long)total);
	job_mention(copying->job, buffer_span(&line));
	return job_pause(copying->job, MAX(ns, leisure_owed_ns(&copying->cpu_ns)));
}

static const char *code_of(int error)
{
	static const struct {
		int error;
		const char *code;
	} codes[] = {
		{ EEXIST, "exists" }, { ENOSPC, "no_space" }, { EACCES, "permission" }, { EPERM, "permission" },
		{ EROFS, "permission" }, { ENOMEM, "out_of_memory" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].error == -error)
			return codes[i].code;
	return "failed";
}

static void run(struct job *job, void *user)
{
	struct request_of *request = user;
	struct copying copying = { .job = job };
	const struct snapshot_task task = { .database = request->database, .destination = request->destination,
					    .replace = request->replace, .pause = on_pause, .user = &copying };
	_cleanup_(buffer_release) struct buffer result = { 0 };
	struct sink_error error;
	uint64_t bytes = 0;
	int r = snapshot_make(&task, &request->settings, &bytes, &error);

	if (r < 0) {
		job_fail(job, code_of(r), "dest", error.message);
		return;
	}
	buffer_printf(&result, "{\"bytes\":%llu}", (unsigned long long)bytes);
	job_result(job, buffer_span(&result));
}

void daemon_answer_snapshot(struct daemon *d, struct client *client, const json_t *json, struct reply *reply)
{
	const char *path = json_string_value(json_object_get(json, "dest"));
	const json_t *force = json_object_get(json, "force");
	struct request_of *request;

	if (!path || path[0] != '/') {
		reply_error(reply, "bad_request", "dest", "must be the absolute path of the copy");
		return;
	}
	if (force && !json_is_boolean(force)) {
		reply_error(reply, "bad_request", "force", "must be true or false");
		return;
	}
	request = calloc(1, sizeof(*request));
	if (request) {
		conf_in_force(&d->conf, &request->settings);
		request->replace = json_is_true(force);
		request->database = strdup(d->places.database);
		request->destination = strdup(path);
	}
	if (!request || !request->database || !request->destination) {
		if (request)
			request_free(request);
		reply_error(reply, "out_of_memory", "", "no memory for the snapshot");
		return;
	}
	daemon_start_job(d, client, &(struct job_work){ .run = run, .free = request_free, .user = request,
							 .patience_ms = daemon_request_ms(d) }, reply);
}
