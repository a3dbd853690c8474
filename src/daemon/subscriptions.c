/* See subscriptions.h. */

#include "daemon/subscriptions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static int load(struct subscription **ret, const char *path, const char *key_path, struct filter_error *why)
{
	_cleanup_(subscription_file_release) struct subscription_file file = { 0 };
	struct file_error error;
	int r = subscription_file_read(&file, path, key_path, &error);

	if (r < 0) {
		snprintf(why->message, sizeof(why->message), "%s", error.message);
		return r;
	}
	r = subscription_parse(ret, buffer_span(&file.text), why);
	if (r == -ENOMEM)
		snprintf(why->message, sizeof(why->message), "no memory to load it");
	if (r < 0 || !subscription_has_signals(*ret))
		return r;
	snprintf(why->message, sizeof(why->message), "streams of type 'signal' are not recorded in this release");
	*ret = subscription_free(*ret);
	return -EINVAL;
}

/* Takes the subscription; one of the same name goes. */
static int add(struct subscriptions *subscriptions, struct subscription *subscription, struct filter_error *why)
{
	struct subscription **list;

	for (size_t i = 0; i < subscriptions->n; i++) {
		const struct subscription *other = subscriptions->list[i];

		if (strcmp(subscription_name(other), subscription_name(subscription)) == 0 ||
		    subscription_check_beside(subscription, other, why) == 0)
			continue;
		subscription_free(subscription);
		return -EINVAL;
	}
	for (size_t i = 0; i < subscriptions->n; i++)
		if (strcmp(subscription_name(subscriptions->list[i]), subscription_name(subscription)) == 0) {
			subscription_free(subscriptions->list[i]);
			subscriptions->list[i] = subscription;
			return 0;
		}
	list = realloc(subscriptions->list, (subscriptions->n + 1) * sizeof(struct subscription *));
	if (!list) {
		subscription_free(subscription);
		return -ENOMEM;
	}
	subscriptions->list = list;
	subscriptions->list[subscriptions->n++] = subscription;
	return 0;
}

static int load_dir(struct subscriptions *subscriptions, const struct subscription_folder *folder)
{
	struct dirent **entries = NULL;
	int n = subscription_files_list(&entries, folder->path), r = 0;

	if (n < 0)
		return log_errno(n, "Failed to read the folder %s", folder->path);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) struct dirent *entry = entries[i];
		_cleanup_(freep) char *path = NULL;
		struct subscription *subscription = NULL;
		struct filter_error why = { "" };

		if (r < 0)
			continue;
		if (asprintf(&path, "%s/%s", folder->path, entry->d_name) < 0) {
			r = -ENOMEM;
			continue;
		}
		r = load(&subscription, path, folder->key_path, &why);
		if (r >= 0)
			r = add(subscriptions, subscription, &why);
		if (r < 0 && why.message[0] != '\0') {
			log_error("%s: %s", path, why.message);
			r = refusal_add(&subscriptions->refused, &subscriptions->n_refused, entry->d_name, why.message);
		}
	}
	free(entries);
	return r;
}

/* By way of links, if the person means that; the name it was sealed under is that of the file itself. */
static int load_extra(struct subscriptions *subscriptions, const char *path, const char *key_path)
{
	_cleanup_(freep) char *real = realpath(path, NULL);
	struct subscription *subscription = NULL;
	struct filter_error why = { "" };
	int r = load(&subscription, real ? real : path, key_path, &why);

	if (r >= 0)
		r = add(subscriptions, subscription, &why);
	if (r >= 0)
		return 0;
	log_error("%s: %s", path, why.message[0] != '\0' ? why.message : "no memory to load it");
	return -EINVAL;
}

int subscriptions_load(struct subscriptions *subscriptions, const struct subscription_folder *folder, const char *extra_path)
{
	struct subscriptions loaded = { 0 };
	int r = load_dir(&loaded, folder);

	if (r >= 0 && extra_path)
		r = load_extra(&loaded, extra_path, folder->key_path);
	if (r >= 0) {
		r = filter_new(&loaded.filter, (const struct subscription *const *)loaded.list, loaded.n);
		if (r < 0)
			log_errno(r, "Failed to compile the subscriptions");
	}
	if (r < 0) {
		subscriptions_release(&loaded);
		return r;
	}
	*subscriptions = loaded;
	return 0;
}

void subscriptions_release(struct subscriptions *subscriptions)
{
	filter_free(subscriptions->filter);
	for (size_t i = 0; i < subscriptions->n; i++)
		subscription_free(subscriptions->list[i]);
	free(subscriptions->list);
	refusals_release(&subscriptions->refused, &subscriptions->n_refused);
	*subscriptions = (struct subscriptions){ 0 };
}
