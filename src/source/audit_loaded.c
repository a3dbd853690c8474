/* See audit_loaded.h. */

#include "source/audit_loaded.h"

#include <errno.h>

void loaded_release(struct loaded *loaded)
{
	for (size_t i = 0; i < loaded->n_rules; i++)
		free(loaded->rules[i]);
	free(loaded->rules);
}

static void take_rule(void *user, uint16_t type, const void *payload, size_t size)
{
	struct loaded *loaded = user;
	const struct audit_rule_data *data = payload;
	struct audit_rule_data **rules, *copy;

	if (type != AUDIT_LIST_RULES || size < sizeof(*data))
		return;
	if (!audit_rule_data_is_own(data, size))
		return;
	copy = malloc(size);
	rules = reallocarray(loaded->rules, loaded->n_rules + 1, sizeof(struct audit_rule_data *));
	if (rules)
		loaded->rules = rules;
	if (!rules || !copy) {
		free(copy);
		loaded->failed = true;
		return;
	}
	memcpy(copy, data, size);
	loaded->rules[loaded->n_rules++] = copy;
}

int loaded_read(struct audit_control *control, struct loaded *ret)
{
	int r;

	r = audit_control_query(control, AUDIT_LIST_RULES, take_rule, ret);
	return r < 0 ? r : ret->failed ? -ENOMEM : 0;
}

bool loaded_has(const struct loaded *loaded, const struct audit_rule_data *data, size_t *hint)
{
	for (size_t n = 0; n < loaded->n_rules; n++) {
		size_t i = (*hint + n) % loaded->n_rules;

		if (audit_rule_data_equal(loaded->rules[i], data)) {
			*hint = i + 1;
			return true;
		}
	}
	return false;
}

/* Most follow each other as those loaded do, so that most are found at once. */
static size_t find_user_rule(const struct user_rules *user, const struct audit_rule_data *data, size_t *hint)
{
	for (size_t n = 0; n < user->n; n++) {
		size_t i = (*hint + n) % user->n;

		if (user_rule_is(&user->rules[i], data)) {
			*hint = i + 1;
			return i;
		}
	}
	return LOADED_NONE;
}

int loaded_match(struct loaded_match *ret, const struct loaded *loaded, const struct user_rules *user)
{
	size_t n_user = user ? user->n : 0, hint = 0;

	ret->of = calloc(loaded->n_rules + 1, sizeof(*ret->of));
	ret->at = calloc(n_user + 1, sizeof(*ret->at));
	if (!ret->of || !ret->at)
		return -ENOMEM;
	for (size_t i = 0; i < n_user; i++)
		ret->at[i] = LOADED_NONE;
	for (size_t i = 0; i < loaded->n_rules; i++) {
		size_t of = n_user == 0 || audit_rule_data_is_planned(loaded->rules[i]) ? LOADED_NONE :
				find_user_rule(user, loaded->rules[i], &hint);

		ret->of[i] = of;
		if (of != LOADED_NONE)
			ret->at[of] = i;
	}
	return 0;
}

void loaded_match_release(struct loaded_match *match)
{
	free(match->of);
	free(match->at);
}

int loaded_add(struct audit_control *control, const struct audit_rule_data *data)
{
	return audit_control_request(control, AUDIT_ADD_RULE, data, sizeof(*data) + data->buflen, NULL, NULL);
}

int loaded_delete(struct audit_control *control, const struct audit_rule_data *data)
{
	int r;

	r = audit_control_request(control, AUDIT_DEL_RULE, data, sizeof(*data) + data->buflen, NULL, NULL);
	return r == -ENOENT ? 0 : r;
}
