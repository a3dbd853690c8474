#pragma once
/* What the checks of health look at: facts, without a judgement. */

#include "daemon/audit_rules.h"
#include "daemon/canary.h"
#include "daemon/hindrance.h"
#include "daemon/loss_window.h"
#include "pipeline/balance.h"
#include "pipeline/shed.h"
#include "daemon/resource_monitor.h"
#include "daemon/throttle.h"
#include "source/rule_files.h"
#include "source/selinux.h"

struct vitals {
	bool idle;			/* nobody subscribed: nothing is asked of the kernel */
	uint64_t now_ns;

	struct {
		const char *mode;	/* "ebpf, audit multicast" and the like */
		const char *bpf_why;	/* wanted, and why it is not there; NULL: it is, or is not wanted */
		bool by_bpf, has_audit, has_connector, multicast_wanted, is_unicast;
		const char *audit_why;	/* why there is no audit; NULL: there is, or it is not wanted */
		const char *closed_why;	/* nothing is recorded though somebody subscribed; NULL: it is */
		int plugin;		/* source_live_plugin() */
		const char *plugin_why;	/* auditd could not be told of it; empty: it was */
		int error;		/* of the reader */
		uint32_t holder;	/* pid that has the unicast slot, if it is not ours; 0: nobody, or we */
	} source;

	struct {
		bool loaded, audit_off;
		unsigned missing;
		uint64_t removed_ns;	/* when somebody last removed some; 0: never */
		bool task_never, withheld;
		enum hindrance hindrance;	/* why, if some are */
		const char *user_problem;	/* why those of a user are not in force any more; NULL: nothing is wrong */
		unsigned n_hiding;	/* of a user, loaded, which take records away... */
		char hiding[HIDING_LINES_MAX];	/* ...and their lines: 3, 7 */
	} rules;

	struct {
		bool are_joined;	/* augenrules is there, and so is what it reads */
		bool own_is_there;	/* and in it the recorder's rules */
		bool own_needed;	/* there are any that could be */
		bool restart_needed;	/* the kernel is locked and will have them when the machine has started again */
		bool panic_allowed;	/* AuditdDisableKernelPanicProtection */
		const char *problem;	/* why the recorder's could not be written; empty: nothing */
		const char *places[N_RULE_FACTS];	/* FILE:LINE, ... of what the files say; "": they do not */
	} files;

	struct loss_rise losses;
	char flaw[BALANCE_WHY_MAX];	/* why the counters do not reconcile; empty: they do */

	struct {
		enum shed_step step;
		char source[256];	/* that is summarised; empty: none */
	} shedding;

	struct {
		const char *folder;
		int error;		/* -errno of looking at it */
		uint64_t free_bytes, size_bytes;
		bool no_inodes;
	} disk;

	struct {
		const char *path;
		int error;		/* of the writer, standing */
		const char *damaged_path;	/* set aside; NULL or empty: it was not */
		unsigned removed;
	} database;

	struct {
		int error;		/* of the writer, standing; 0: none of them fails */
		char path[512];
	} journal;

	unsigned n_subscriptions, n_refused, n_unprotected;
	const char *refused_file, *refused_why;	/* one of them */
	const char *subscriptions_dir;
	const char *settings_refused;	/* NULL or empty: they are in force */

	struct {
		const char *path;
		int error;
		bool is_socket;
		unsigned mode, owner;	/* permission bits */
		unsigned wanted_owner;
		unsigned folder_mode;	/* of what it lies in */
		const char *folder;
	} socket;

	struct {
		double use_percent, target_percent;
		enum throttle_step step;
		enum resource_state suspended;
		uint64_t until_ns;	/* when it ends by itself; 0: it does not, or is over */
	} cpu;

	int64_t clock_step_ns;		/* 0: none lately */
	long n_processors;
	bool single_processor_refused;	/* EnableSingleCpuRequirement */

	struct {
		bool enabled;
		unsigned n_others;	/* who reads the multicast stream beside us */
		char other[32];		/* name of one of them */
		bool has_listener;	/* somebody holds the unicast slot */
	} consumers;

	struct {
		bool is_there, raw_logging;
		const char *problem;	/* what of its configuration could not be changed; empty: nothing */
		const char *left;	/* what is otherwise than wanted and may not be changed; empty: nothing */
	} auditd;

	struct {
		const char *refused;	/* a system call that a thread was refused; empty: none */
		const char *unproved;	/* why the program's signature could not be checked; empty: nothing is to be said */
		const char *doubt;	/* who may be able to replace its files; empty: nobody */
		bool doubt_is_foreign;	/* another user, not a group */
		uint64_t tampered_ns;	/* when somebody last touched what is the recorder's; 0: never */
		const char *tampered;	/* and what */
	} trust;

	struct selinux selinux;
	int rival;			/* pid; 0: none */
	struct canary_report canary;
};
