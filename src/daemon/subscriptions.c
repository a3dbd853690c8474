/* See subscriptions.h. */

#include "daemon/subscriptions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define MAX_BYTES (1u << 20)

/* A whole file, if it is an ordinary one of sensible size.  -errno, logged. */
static int read_file(const char *path, struct buffer *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return log_errno(errno, "Failed to open the subscription %s", path);
	if (fstat(fd, &st) < 0)
		r = log_errno(errno, "Failed to look at the subscription %s", path);
	else if (!S_ISREG(st.st_mode))
		r = log_errno(EINVAL, "The subscription %s is not an ordinary file", path);
	while (r == 0) {
		char *room = buffer_reserve(text, 65536);
		ssize_t n = room ? read(fd, room, 65536) : -1;

		if (!room)
			r = log_errno(ENOMEM, "Failed to read the subscription %s", path);
		else if (n < 0)
			r = log_errno(errno, "Failed to read the subscription %s", path);
		else if (n == 0)
			break;
		else
			text->size += (size_t)n;
		if (r == 0 && text->size > MAX_BYTES)
			r = log_errno(EFBIG, "The subscription %s is larger than 1 MiB", path);
	}
	close(fd);
	return r;
}

static int load(struct subscription **ret, const char *path)
{
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct filter_error error = { 0 };
	int r = read_file(path, &text);

	if (r < 0)
		return r;
	r = subscription_parse(ret, buffer_span(&text), &error);
	if (r == -EINVAL)
		log_error("%s: %s", path, error.message);
	else if (r < 0)
		log_errno(r, "Failed to load the subscription %s", path);
	return r;
}

/* Takes the subscription; one of the same name goes. */
static int add(struct subscriptions *subscriptions, struct subscription *subscription)
{
	struct filter_error error = { 0 };
	struct subscription **list;

	for (size_t i = 0; i < subscriptions->n; i++) {
		const struct subscription *other = subscriptions->list[i];

		if (strcmp(subscription_name(other), subscription_name(subscription)) == 0 ||
		    subscription_check_beside(subscription, other, &error) == 0)
			continue;
		log_error("The subscription '%s': %s", subscription_name(subscription), error.message);
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

static int is_document(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && span_ends(span_of(entry->d_name), SPAN(".json"));
}

static int load_dir(struct subscriptions *subscriptions, const char *dir)
{
	struct dirent **entries = NULL;
	int n = scandir(dir, &entries, is_document, alphasort), r = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : log_errno(errno, "Failed to read the folder %s", dir);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *path = NULL;
		struct subscription *subscription = NULL;

		if (r == 0 && asprintf(&path, "%s/%s", dir, entries[i]->d_name) < 0)
			r = -ENOMEM;
		free(entries[i]);
		if (r < 0)
			continue;
		if (load(&subscription, path) < 0) {
			subscriptions->n_refused++;
			continue;
		}
		r = add(subscriptions, subscription);
		if (r == -EINVAL) {
			subscriptions->n_refused++;
			r = 0;
		}
	}
	free(entries);
	return r;
}

int subscriptions_load(struct subscriptions *subscriptions, const char *dir, const char *extra_path)
{
	struct subscriptions loaded = { 0 };
	struct subscription *extra = NULL;
	int r = load_dir(&loaded, dir);

	if (r >= 0 && extra_path) {
		r = load(&extra, extra_path);
		r = r < 0 ? -EINVAL : add(&loaded, extra);
	}
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
	*subscriptions = (struct subscriptions){ 0 };
}
