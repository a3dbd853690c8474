/* Text -> rules: each fits the kernel's layout and carries our mark, in either words, whatever was asked for; what is refused is told when all is. */

#include "source/audit_plan.h"
#include "source/user_rules.h"

static void count(void *user, const struct user_rules_error *error)
{
	++*(size_t *)user;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct user_rules *rules = NULL, *checked = NULL;
	struct user_rules_error error;
	char why[USER_RULES_WHY_MAX];
	size_t n_wrong = 0;
	int r = user_rules_parse(&rules, (struct span){ (const char *)data, size }, &error);

	user_rules_check(&checked, (struct span){ (const char *)data, size }, count, &n_wrong);
	if ((n_wrong > 0) != !checked)
		__builtin_trap();
	user_rules_free(checked);
	if (r < 0) {
		if (!*error.message || n_wrong == 0)
			__builtin_trap();
		user_rules_error_text(&error, why);
		return 0;
	}
	for (size_t i = 0; i < rules->n; i++) {
		const struct audit_rule_data *rule = rules->rules[i].data, *again = rules->rules[i].again;

		if (!audit_rule_data_is_own(rule, sizeof(*rule) + rule->buflen) || !audit_rule_data_is_own(again, sizeof(*again) + again->buflen))
			__builtin_trap();
		if (audit_rule_data_equal(rule, again) || again->field_count > AUDIT_MAX_FIELDS)
			__builtin_trap();
	}
	user_rules_check_paths(rules, &error);
	user_rules_free(rules);
	return 0;
}
