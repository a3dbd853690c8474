/* See verify_self.h. */

#include "cli/verify_self.h"

#include <jansson.h>
#include <stdio.h>

#include "daemon/self.h"

static void print_json(const struct self_report *report)
{
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:b}", "kind", "self", "program", report->program, "outcome",
				   self_outcome_names[report->outcome], "why", report->why, "signed", report->outcome == SELF_SIGNED);

	if (object && *report->key_id)
		json_object_set_new(object, "key", json_string(report->key_id));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

int verify_self(const struct place_options *places, const char *keys, bool json)
{
	_cleanup_(freep) char *path = place_signing_keys(places);
	struct self_report report;
	bool is_signed;

	if (!path)
		return cli_fail(CLI_FAILED, "out of memory");
	self_verify(path, keys, &report);
	is_signed = report.outcome == SELF_SIGNED;
	if (json)
		print_json(&report);
	else
		printf("%s: %s: %s\n", report.program, is_signed ? "genuine" : "NOT verified", report.why);
	return is_signed ? CLI_DONE : CLI_FAILED;
}
