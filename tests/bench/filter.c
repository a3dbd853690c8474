/* What the filter costs an event: CPU of the thread, for subscriptions of growing size, with events of known processes, of new
 * processes, and of both.  Prints a line of JSON a case; the last is the subscription of the file that is named. */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "filter/filter.h"

#define N_PROCESSES 64
#define N_EVENTS 4096

/* Subscriptions */

static void begin(struct buffer *to)
{
	buffer_append_text(to, "{\"name\":\"bench\",\"streams\":[");
}

static void end(struct buffer *to)
{
	buffer_append_text(to, "]}");
}

/* What people write: three terms each, exclusions that repeat. */
static void ordinary(struct buffer *to, unsigned n)
{
	static const char *const filters[] = {
		"\"process\",\"process.name is not 'kthreadd'\",\"process.cmd not contains 'healthcheck'\"",
		"\"file\",\"file.operation is not 'read'\",\"file.path not starts with '/proc/','/sys/','/dev/','/run/'\"",
		"\"file\",\"file.path starts with '/etc/'\",\"process.user_name is not 'root'\"",
		"\"file\",\"file.any_path ends with '/authorized_keys'\",\"process.name is not 'sshd'\"",
		"\"file\",\"file.path contains '/.ssh/'\",\"file.operation is not 'read'\"",
		"\"file.delete\",\"file.path starts with '/var/log/'\",\"process.path not ends with '/logrotate'\"",
		"\"network\",\"network.addr not in '127.0.0.0/8','::1'\",\"network.port less than 1024\"",
		"\"network.connect\",\"network.port in 22,3389,445\",\"process.user_name is not 'root'\"",
		"\"network.accept\",\"network.addr not in '10.0.0.0/8'\",\"process.path ends with '/sshd'\"",
		"\"dns\",\"dns.query ends with '.example','.test'\",\"process.name is not 'systemd-resolve'\"",
		"\"process.exec\",\"process.path starts with '/tmp/','/dev/shm/','/var/tmp/'\",\"process.user_name is not 'root'\"",
		"\"process.exec\",\"process.ancestry_path ends with '/nginx','/apache2'\",\"process.path ends with '/sh','/bash'\"",
		"\"process.exec\",\"process.cmd matches '(?i)base64\\\\s+(-d|--decode)'\",\"process.user_name is not 'root'\"",
		"\"process.exec\",\"process.parent_path ends with '/cron'\",\"process.path not starts with '/usr/'\"",
		"\"image\",\"image.path not starts with '/usr/','/lib/','/lib64/'\",\"process.user_name is 'root'\"",
		"\"driver\"", "\"security\",\"security_event.id in 'USER_LOGIN','USER_AUTH'\"", "\"security.sudo\"",
		"\"file.chmod\",\"file.path starts with '/usr/bin/'\",\"process.name is not 'dpkg'\"",
		"\"file.rename\",\"file.target_path ends with '.locked'\",\"process.user_name is not 'root'\"",
	};

	begin(to);
	buffer_append_text(to, "{\"type\":\"database\",\"event_filters\":[");
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++)
		buffer_printf(to, "%s{\"terms\":[%s]}", i ? "," : "", filters[i]);
	buffer_append_text(to, "]}");
	end(to);
}

/* The shapes of rules of detection, each with texts of its own. */
static void signals(struct buffer *to, unsigned n)
{
	begin(to);
	for (unsigned i = 0; i < n; i++) {
		buffer_printf(to, "%s{\"type\":\"signal\",\"id\":\"s%u\",\"event_filters\":[{\"terms\":[", i ? "," : "", i);
		switch (i % 8) {
		case 0:
			buffer_printf(to, "\"process.path ends with '/tool%u'\",\"process.cmd contains '--flag%u'\","
				      "\"process.ancestry_path contains 'sshd'\"", i, i);
			break;
		case 1:
			buffer_printf(to, "\"process.exec\",\"process.cmd contains 'secret%u'\",\"process.user_name is not 'root'\"", i);
			break;
		case 2:
			buffer_printf(to, "\"file.path starts with '/opt/app%u/'\",\"file.operation is not 'read'\","
				      "\"process.path not starts with '/usr/'\"", i);
			break;
		case 3:
			buffer_printf(to, "\"file.path contains '/.cache%u/'\",\"process.user_name is 'alice'\","
				      "\"process.path starts with '/usr/bin/'\"", i);
			break;
		case 4:
			buffer_printf(to, "\"network.addr in '203.%u.%u.0/24'\",\"network.port is %u\",\"process.user_name is not 'root'\"",
				      i / 256, i % 256, 1024 + i);
			break;
		case 5:
			buffer_printf(to, "\"dns.query ends with '.c2-%u.example'\",\"process.path not ends with '/resolved'\","
				      "\"process.user_name is not 'systemd'\"", i);
			break;
		case 6:
			buffer_printf(to, "\"process.ancestry_cmd contains 'stager%u'\",\"process.path ends with '/sh'\","
				      "\"process.user_name is 'alice'\"", i);
			break;
		default:
			buffer_printf(to, "\"process.hash is '%064x'\",\"process.exec\",\"process.user_name is not 'nobody'\"", i);
		}
		buffer_append_text(to, "]}]}");
	}
	end(to);
}

/* What no search can shorten. */
static void patterns(struct buffer *to, unsigned n)
{
	begin(to);
	for (unsigned i = 0; i < n; i++)
		buffer_printf(to,
			      "%s{\"type\":\"signal\",\"id\":\"s%u\",\"event_filters\":[{\"terms\":[\"process.user_name is not 'root'\","
			      "\"process.cmd matches '--flag%u[=\\\\s]\\\\S+'\",\"process.path not starts with '/opt/'\"]}]}",
			      i ? "," : "", i, i);
	end(to);
}

/* Events */

static struct context *new_process(struct context *parent, unsigned number)
{
	static const char *const programs[] = { "/usr/bin/python3.11", "/usr/bin/make", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
						"/usr/bin/bash", "/usr/sbin/nginx", "/usr/bin/git" };
	struct context *context = context_new();
	char text[256];
	int n;

	if (!context)
		abort();
	values_set_text(&context->values, FIELD_executable, span_of(programs[number % ARRAY_SIZE(programs)]));
	values_set_text(&context->values, FIELD_name, SPAN("program"));
	n = snprintf(text, sizeof(text), "%s --option=value -O2 -Wall -o build/object%u.o src/folder/source%u.c",
		     programs[number % ARRAY_SIZE(programs)], number, number);
	values_set_text(&context->values, FIELD_command_line, (struct span){ text, (size_t)n });
	values_set_text(&context->values, FIELD_user_name, number % 3 ? SPAN("alice") : SPAN("root"));
	n = snprintf(text, sizeof(text), "%064x", number + 1000000);
	values_set_text(&context->values, FIELD_hash_sha256, (struct span){ text, (size_t)n });
	values_set_number(&context->values, FIELD_pid, number + 2);
	context_set_parent(context, parent);
	return context;
}

static struct event *new_event(unsigned number, struct context *context)
{
	static const uint16_t kinds_of[] = { KIND_ID(file, write), KIND_ID(file, create), KIND_ID(process, exec), KIND_ID(file, delete),
					     KIND_ID(network, connect), KIND_ID(file, write), KIND_ID(dns, query), KIND_ID(process, exit) };
	struct event *event = event_new(kinds_of[number % ARRAY_SIZE(kinds_of)], 1);
	unsigned char address[4] = { 198, 51, (unsigned char)(number >> 8), (unsigned char)number };
	char text[256];
	int n;

	if (!event)
		abort();
	event->context = context_ref(context);
	switch (event_category(event)) {
	case CATEGORY_file:
		n = snprintf(text, sizeof(text), "/home/alice/project/build/folder%u/object%u.c.o", number % 17, number);
		values_set_text(&event->values, FIELD_path, (struct span){ text, (size_t)n });
		break;
	case CATEGORY_network:
		values_set_text(&event->values, FIELD_direction, SPAN("egress"));
		values_set_text(&event->values, FIELD_destination_ip, (struct span){ (const char *)address, sizeof(address) });
		values_set_number(&event->values, FIELD_destination_port, 443);
		break;
	case CATEGORY_dns:
		n = snprintf(text, sizeof(text), "host%u.cdn.example.org", number);
		values_set_text(&event->values, FIELD_dns_question_name, (struct span){ text, (size_t)n });
		break;
	default:
		break;
	}
	return event;
}

static double cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* events_each: events of one process that come before the next process, which is new; 0: of 64 processes in turn. */
static double measure(struct filter *filter, unsigned events_each, unsigned rounds)
{
	struct context *init = new_process(NULL, 0), *shell = new_process(init, 3), *processes[N_PROCESSES];
	struct event *events[N_EVENTS];
	double ns = 0;

	for (unsigned i = 0; i < N_PROCESSES; i++)
		processes[i] = new_process(shell, i);
	for (unsigned i = 0; i < N_EVENTS; i++)
		events[i] = new_event(i, processes[i % N_PROCESSES]);
	for (unsigned round = 0; round < rounds; round++) {
		double begin_ns;

		for (unsigned i = 0; events_each > 0 && i < N_EVENTS; i++) {
			struct context *context = i % events_each ? context_ref(events[i - 1]->context) : new_process(shell, i);

			context_unref(events[i]->context);
			events[i]->context = context;
		}
		begin_ns = cpu_ns();
		for (unsigned i = 0; i < N_EVENTS; i++)
			filter_match(filter, events[i]);
		if (round > 0)
			ns += cpu_ns() - begin_ns;
	}
	for (unsigned i = 0; i < N_EVENTS; i++)
		event_free(events[i]);
	for (unsigned i = 0; i < N_PROCESSES; i++)
		context_unref(processes[i]);
	context_unref(shell);
	context_unref(init);
	return ns / (rounds - 1) / N_EVENTS;
}

static int run(const char *name, struct span text)
{
	_cleanup_(subscription_freep) struct subscription *subscription = NULL;
	_cleanup_(filter_freep) struct filter *filter = NULL;
	struct filter_error error = { "" };
	double before = cpu_ns(), compiled;

	if (subscription_parse(&subscription, text, &error) < 0 ||
	    filter_new(&filter, (const struct subscription *const[]){ subscription }, 1) < 0) {
		fprintf(stderr, "%s: %s\n", name, error.message);
		return EXIT_FAILURE;
	}
	compiled = cpu_ns();
	printf("{\"subscription\":\"%s\",\"compile_ms\":%.1f,\"known_ns\":%.0f,\"new_10_ns\":%.0f,\"new_1_ns\":%.0f}\n", name,
	       (compiled - before) / 1e6, measure(filter, 0, 20), measure(filter, 10, 20), measure(filter, 1, 20));
	return EXIT_SUCCESS;
}

/* The subscription that is installed. */
static int run_file(const char *path)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	FILE *file = fopen(path, "re");
	char part[4096];
	size_t n;

	if (!file) {
		perror(path);
		return EXIT_FAILURE;
	}
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		buffer_append(&text, part, n);
	fclose(file);
	return run("the default", buffer_span(&text));
}

int main(int argc, char *argv[])
{
	static const struct {
		const char *name;
		unsigned n_signals;	/* 0: the ordinary filters */
		void (*make)(struct buffer *to, unsigned n);
	} cases[] = { { "20 filters", 0, ordinary }, { "100 signals", 100, signals }, { "1,000 signals", 1000, signals },
		      { "4,000 signals", 4000, signals }, { "1,000 signals by pattern alone", 1000, patterns } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buffer_release) struct buffer text = { 0 };

		cases[i].make(&text, cases[i].n_signals);
		if (run(cases[i].name, buffer_span(&text)) != EXIT_SUCCESS)
			return EXIT_FAILURE;
	}
	return argc > 1 ? run_file(argv[1]) : EXIT_SUCCESS;
}
