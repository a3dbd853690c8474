/* Text -> facts: what is left of a file blinds nobody, and is what was there but for those lines. */

#include "source/rule_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct rule_facts before = { 0 }, after = { 0 };
	struct buffer rest = { 0 };
	unsigned n = rule_text_sighted(&rest, text);

	rule_facts_look(&before, "f", text);
	rule_facts_look(&after, "f", buffer_span(&rest));
	if (before.places[RULE_BLINDS].n != n || after.places[RULE_BLINDS].n != 0 || (n == 0) != (rest.size == size))
		__builtin_trap();
	rule_facts_end(&before);
	(void)rule_facts_places(&before, RULE_LOCKS);
	rule_facts_release(&before);
	rule_facts_release(&after);
	buffer_release(&rest);
	return 0;
}
