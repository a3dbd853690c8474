#pragma once
/* Files of audit rules (audit.rules(7)) as text: what in them concerns everybody who audits.  Nothing here touches a file. */

#include "base/buffer.h"

enum rule_fact {
	RULE_LOCKS,			/* -e 2: the kernel takes no rule any more before the machine starts again */
	RULE_PANICS,			/* -f 2: the kernel panics when it loses a record */
	RULE_BLINDS,			/* -a task,never: what is born under it is never audited */
	N_RULE_FACTS
};

struct rule_fact_places {
	struct buffer text;		/* FILE:LINE, FILE:LINE and 3 more */
	unsigned n;
};

struct rule_facts {
	struct rule_fact_places places[N_RULE_FACTS];
	/* What was said last of -e and -f is in force. */
	struct {
		bool holds;
		unsigned line;
		struct buffer path;
	} last[RULE_BLINDS];
};

/* One file more of those that are loaded one after the other. */
void rule_facts_look(struct rule_facts *facts, const char *path, struct span text);
/* These were all of them. */
void rule_facts_end(struct rule_facts *facts);
/* `FILE:LINE, ...`, or "" */
const char *rule_facts_places(struct rule_facts *facts, enum rule_fact fact);
int rule_facts_error(const struct rule_facts *facts);	/* 0 or -ENOMEM */
void rule_facts_release(struct rule_facts *facts);

/* The text without the lines that blind, appended; all else to the byte.  Returns how many lines those are. */
unsigned rule_text_sighted(struct buffer *ret, struct span text);
