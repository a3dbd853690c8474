/* `recorder.coverage`: of each class of events whether, by what, and of each process that runs whether its acts can be told, and why
 * not. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/daemon.h"
#include "daemon/status.h"
#include "event/event_json.h"
#include "event/json_text.h"
#include "source/audit_blind.h"
#include "source/process_list.h"

#define LISTED_MAX 4096

/* Looking */

/* What processes do is told by audit alone. */
static bool audit_shows(const struct daemon *d)
{
	return d->audit && d->source && d->rules_loaded && source_live_bpf(d->source) < 0;
}

void daemon_begin_coverage(struct daemon *d, bool was_on)
{
	coverage_end(&d->coverage);
	d->coverage.was_on = was_on;
	daemon_look_at_coverage(d);
}

void daemon_look_at_coverage(struct daemon *d)
{
	int n = audit_shows(d) ? audit_blind_count(d->audit) : -ENODATA;

	if (n >= 0)
		coverage_look(&d->coverage, clock_ns(CLOCK_BOOTTIME), n > 0);
	else
		coverage_end(&d->coverage);
}

/* Classes */

static void classes(const struct daemon *d, struct buffer *out)
{
	int bpf = d->source ? source_live_bpf(d->source) : -ENODATA;
	const struct status status = {
		.have_connector = d->source && source_live_connector(d->source) >= 0,
		.by_bpf = d->by_bpf,
		.bpf_why = bpf >= 0 ? NULL : bpf == -ENODATA ? "not asked for" : bpf_why(bpf),
		.audit_works = d->source && source_live_has_audit(d->source) && d->audit_state.enabled != 0,
		.withheld = d->withheld.kinds,
		.withheld_why = hindrances[d->withheld.by].why,
		.wanted = d->wanted,
	};

	buffer_append_text(out, "{\"classes\":");
	status_classes_json(out, &status);
}

/* Processes */

enum reason { R_COVERED, R_ALWAYS_ON, R_BLIND, R_MAYBE_BLIND, R_BLIND_BEFORE, R_ON_BEFORE, R_OFF_BEFORE, R_OWN, N_REASONS };

static const struct {
	const char *covered;		/* yes, no, unknown */
	const char *why;		/* NULL: not worth a word */
} reasons[N_REASONS] = {
	[R_COVERED] = { "yes", NULL },
	[R_ALWAYS_ON] = { "yes", NULL },
	[R_BLIND] = { "no", "born while a rule `-a task,never` was loaded: what it does is never audited (start it again)" },
	[R_MAYBE_BLIND] = { "unknown", "born when a rule `-a task,never` came or went" },
	[R_BLIND_BEFORE] = { "unknown", "born before the recorder began, which found a rule `-a task,never`: it is not audited if that was there already" },
	[R_ON_BEFORE] = { "unknown", "born before the recorder began: it is audited if audit was on by then, as it was when the recorder came" },
	[R_OFF_BEFORE] = { "unknown", "born before the recorder switched audit on: it is audited only if audit had been on before, since boot" },
	[R_OWN] = { "no", "the recorder leaves out itself" },
};

struct listing {
	const struct daemon *d;
	bool by_audit, always_on;
	int64_t real_minus_boot_ns;
	unsigned n[N_REASONS], n_kernel, n_listed, n_left_out;
	struct buffer *out;
};

static enum reason reason_of(const struct listing *listing, const struct listed_process *process)
{
	const struct coverage *coverage = &listing->d->coverage;

	if (process->pid == (uint32_t)getpid())
		return R_OWN;
	if (!listing->by_audit)
		return R_COVERED;
	switch (coverage_of(coverage, process->start_ns, PROCESS_TICK_NS)) {
	case COVERED:
		return R_COVERED;
	case COVERED_NOT:
		return R_BLIND;
	case COVERED_UNSURE:
		return R_MAYBE_BLIND;
	case COVERED_BEFORE:
		break;
	}
	return coverage->blind_before ? R_BLIND_BEFORE :
	       listing->always_on     ? R_ALWAYS_ON :
	       coverage->was_on	      ? R_ON_BEFORE :
					R_OFF_BEFORE;
}

static void take_process(void *user, const struct listed_process *process)
{
	struct listing *listing = user;
	enum reason reason;

	if (process->is_kernel) {
		listing->n_kernel++;
		return;
	}
	reason = reason_of(listing, process);
	listing->n[reason]++;
	if (!reasons[reason].why)
		return;
	if (listing->n_listed == LISTED_MAX) {
		listing->n_left_out++;
		return;
	}
	buffer_printf(listing->out, "%s\n{\"pid\":%u,\"name\":", listing->n_listed++ > 0 ? "," : "", process->pid);
	json_append_string(listing->out, span_of(process->name));
	buffer_append_text(listing->out, ",\"start\":\"");
	buffer_append_time(listing->out, process->start_ns + (uint64_t)listing->real_minus_boot_ns);
	buffer_printf(listing->out, "\",\"covered\":\"%s\",\"why\":", reasons[reason].covered);
	json_append_string(listing->out, span_of(reasons[reason].why));
	buffer_append_byte(listing->out, '}');
}

/* `audit=1` on the kernel's command line: on before the first process was born. */
static bool always_on(void)
{
	char text[4096], *rest = text, *word;
	FILE *file = fopen("/proc/cmdline", "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	bool on = false;

	if (file)
		fclose(file);
	text[n] = '\0';
	while ((word = strsep(&rest, " \n")))	/* the last one counts */
		if (strncmp(word, "audit=", 6) == 0)
			on = strcmp(word + 6, "1") == 0 || strcmp(word + 6, "on") == 0;
	return on;
}

static void processes(const struct daemon *d, struct buffer *out)
{
	struct listing listing = {
		.d = d, .out = out, .by_audit = audit_shows(d), .always_on = always_on(),
		.real_minus_boot_ns = (int64_t)(clock_now_ns() - clock_ns(CLOCK_BOOTTIME)),
	};
	const char *nothing = !d->source ? "nothing is recorded" :
			      listing.by_audit || source_live_bpf(d->source) >= 0 ? NULL :
			      withheld_any(&d->withheld) ? hindrances[d->withheld.by].why : "what processes do is not asked for";
	unsigned sums[3] = { 0 };

	buffer_append_text(out, ",\"processes\":{\"source\":");
	json_append_string(out, span_of(nothing ? "none" : listing.by_audit ? "audit" : "ebpf"));
	if (nothing) {
		buffer_append_text(out, ",\"why\":");
		json_append_string(out, span_of(nothing));
		buffer_append_text(out, "}}");
		return;
	}
	buffer_append_text(out, ",\"listed\":[");
	process_list_each(take_process, &listing);
	for (unsigned i = 0; i < N_REASONS; i++)
		sums[strcmp(reasons[i].covered, "yes") == 0 ? 0 : strcmp(reasons[i].covered, "no") == 0 ? 1 : 2] += listing.n[i];
	buffer_printf(out, "],\"covered\":%u,\"inferred\":%u,\"not_covered\":%u,\"unknown\":%u,\"kernel_threads\":%u,\"left_out\":%u}}", sums[0],
		      listing.n[R_ALWAYS_ON], sums[1], sums[2], listing.n_kernel, listing.n_left_out);
}

void daemon_on_coverage(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;

	daemon_look_at_coverage(d);
	classes(d, &reply->result);
	processes(d, &reply->result);
}
