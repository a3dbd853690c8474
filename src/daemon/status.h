#pragma once
/* What the daemon says of itself: `recorder status` (SPEC section 8). */

#include "base/buffer.h"
#include "daemon/core.h"
#include "daemon/health.h"
#include "daemon/memory.h"
#include "daemon/throttle.h"
#include "daemon/writer.h"
#include "sink/history.h"
#include "source/bpf.h"
#include "source/audit_rules.h"
#include "source/source.h"

struct status {
	const char *state;		/* idle, recording, degraded, suspended */
	const char *source_mode;	/* "audit unicast + proc connector" and the like */
	bool have_connector;
	const bool *by_bpf;		/* N_KINDS: what the programs in the kernel show; NULL: nothing */
	const char *bpf_why;		/* why there are none; NULL: there are */
	struct probe_counters probes;
	uint64_t closed_unseen;
	struct hasher_stats hashes;
	bool audit_works;
	const bool *withheld;		/* N_KINDS flags, may be NULL: what audit is not asked for though it is wanted of it */
	const char *withheld_why;
	unsigned n_subscriptions, n_refused, n_unprotected;
	uint64_t started_ns, now_ns;
	const bool *wanted;		/* N_KINDS */
	struct core_stats core;
	struct writer_stats writer;
	const struct source_stats *source;
	uint64_t shed[N_CATEGORIES];	/* events and records let go of; */
	uint64_t shed_unread;		/* of them records that nothing was made of */
	uint64_t thinned[N_CATEGORIES];
	const struct throttle *throttle;
	uint64_t suspended_since_ns, suspended_until_ns;	/* 0: it is not; it does not end by itself */
	uint64_t lost_kernel, lost_ring;
	uint32_t queue_events;
	size_t ring_used, ring_capacity;
	const char *database_path;
	uint64_t database_bytes, database_events, database_oldest_ns, database_newest_ns;
	const struct history_category *categories;	/* N_CATEGORIES, no older than DatabaseStatsUpdateSecs; NULL: not known */
	struct audit_state audit;	/* as the kernel says now */
	unsigned rules_missing;
	uint64_t refused_calls;		/* system calls that a thread was refused (confine.h) */
	const char *rules_look_at;	/* which files audit's rules ask for; NULL: there are none */
	bool has_user_rules;		/* registered... */
	unsigned user_rules_loaded;	/* ...and in the kernel */
	bool restart_needed;		/* of the machine, for the rules of a locked kernel */
	const struct health *health;
	const struct canary_report *canary;
	const struct memory *memory;
	uint64_t cpu_ns;		/* used since the start */
};

/* An array of {"class", "source", "covered": "yes"|"partly"|"no", "why"}: of each class whether it is recorded. */
void status_classes_json(struct buffer *buffer, const struct status *status);
/* A JSON array of {"domain":"recorder","name":NAME,"value":VALUE}. */
void status_json(struct buffer *buffer, const struct status *status);
