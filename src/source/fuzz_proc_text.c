/* Any bytes as what /proc says of a process, whose name is the process's own to choose, and as files of configuration: what is found lies
 * within them; a value that was set is the one that is there. */

#include <stdlib.h>

#include "source/cgroup.h"
#include "source/conf_text.h"
#include "source/process_stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lies_in(struct span part, struct span all)
{
	if (part.size > 0 && (part.data < all.data || part.data + part.size > all.data + all.size))
		abort();
}

static void configure(struct span text)
{
	static const char *const values[] = { "5", NULL };

	lies_in(conf_text_get(text, "q_depth"), text);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_(buffer_release) struct buffer changed = { 0 };

		conf_text_set(&changed, text, "q_depth", values[i]);
		if (!span_eq(conf_text_get(buffer_span(&changed), "q_depth"), span_of(values[i] ? values[i] : "")))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct span no_text = { "", 0 };
	struct span text = size > 0 ? (struct span){ (const char *)data, size } : no_text;
	struct process_stat stat;
	struct cgroup cgroup;

	if (process_stat_parse(text, &stat) == 0)
		lies_in(stat.comm, text);
	cgroup_parse(text, &cgroup);
	lies_in(cgroup.container, text);
	lies_in(cgroup.unit, text);
	configure(text);
	return 0;
}
