/* Subscriptions come and go while it runs: by the socket, and by files that are put into the folder, changed and removed.  Both
 * ways end in a file, so that a subscription survives a restart, and both are told as events. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/log.h"
#include "base/suggest.h"
#include "daemon/daemon.h"
#include "event/json_text.h"

#define AGAIN_MS 1000			/* what could not be done */
#define QUIET_MS 100			/* after a change in the folder: who writes a file writes it in pieces */

/* By the socket */

/* "streams[0].type: unknown ..." -> where and message */
static void refuse(struct reply *reply, int r, const struct filter_error *error)
{
	const char *colon = strstr(error->message, ": ");
	size_t n = colon ? (size_t)(colon - error->message) : 0;
	bool has_place = colon && (memchr(error->message, ' ', n) == NULL || strncmp(error->message, "line ", 5) == 0);
	char where[128] = "";

	if (r == -ENOMEM && error->message[0] == 0) {
		reply_error(reply, "out_of_memory", "", "no memory for the subscription");
		return;
	}
	if (r == -EINVAL && has_place)
		snprintf(where, sizeof(where), "%.*s", (int)n, error->message);
	reply_error(reply, r == -EINVAL ? "bad_subscription" : r == -EBUSY ? "busy" : "failed", where, "%s",
		    r == -EINVAL && has_place ? colon + 2 : error->message);
}

/* The document as text, or as an object in the request. */
static int get_document(const json_t *request, struct buffer *text, struct reply *reply)
{
	const json_t *document = json_object_get(request, "document"), *object = json_object_get(request, "subscription");
	char *dumped;

	if (json_is_string(document) && !object) {
		buffer_append_span(text, (struct span){ json_string_value(document), json_string_length(document) });
	} else if (json_is_object(object) && !document) {
		dumped = json_dumps(object, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		if (dumped)
			buffer_append_text(text, dumped);
		else
			text->failed = true;
		free(dumped);
	} else {
		reply_error(reply, "bad_request", document ? "document" : "subscription",
			    "either the subscription's text as 'document' is needed, or 'subscription', an object");
		return -EINVAL;
	}
	if (buffer_error(text) < 0) {
		reply_error(reply, "out_of_memory", "", "no memory for the subscription");
		return -ENOMEM;
	}
	return 0;
}

static int save(struct daemon *d, void *user, struct file_error *error)
{
	const struct subscription_entry *entry = user;
	bool sealed = subscription_file_should_seal(subscription_has_signals(entry->subscription), &d->conf.settings);

	return folder_save(&d->folder, entry, sealed, error);
}

/* Of what it wants, categories that nothing shows here. */
static void append_warnings(const struct daemon *d, const struct subscription_entry *entry, struct buffer *result)
{
	bool wanted[N_KINDS], told[N_CATEGORIES] = { false };
	const struct subscription *list[] = { entry->subscription };
	_cleanup_(filter_freep) struct filter *filter = NULL;
	const char *between = "";

	buffer_append_text(result, ",\"warnings\":[");
	if (filter_new(&filter, list, 1) >= 0) {
		filter_wanted(filter, wanted);
		for (unsigned i = 0; i < N_KINDS; i++) {
			bool is_only_bpf = kinds[i].category == CATEGORY_dns || kinds[i].category == CATEGORY_image ||
					   kinds[i].category == CATEGORY_http;

			if (!wanted[i] || d->by_bpf[i] || !is_only_bpf || told[kinds[i].category])
				continue;
			told[kinds[i].category] = true;
			buffer_printf(result, "%s\"%s events are not seen here: they need eBPF\"", between,
				      categories[kinds[i].category].name);
			between = ",";
		}
	}
	buffer_append_byte(result, ']');
}

void daemon_on_register(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;
	_cleanup_(subscription_entry_unrefp) struct subscription_entry *entry = NULL;
	_cleanup_(subscriptions_release) struct subscriptions next = { 0 };
	_cleanup_(buffer_release) struct buffer text = { 0 };
	struct filter_error error = { "" };
	const char *name;
	bool replaces;
	int r;

	if (get_document(request, &text, reply) < 0)
		return;
	r = subscription_entry_new(&entry, buffer_span(&text), true, &error);
	if (r >= 0)
		r = subscriptions_copy(&next, &d->subscriptions);
	if (r >= 0)
		r = subscriptions_put(&next, entry, &error);
	if (r >= 0) {
		name = subscription_entry_name(entry);
		replaces = subscriptions_find(&d->subscriptions, span_of(name)) != NULL;
		r = daemon_change(d, &next, save, entry, &error);
	}
	if (r < 0) {
		refuse(reply, r, &error);
		return;
	}
	log_info("The subscription '%s' is %s", name, replaces ? "replaced" : "registered");
	notes_say(&d->notes, "config", "subscription '%s' %s", name, replaces ? "replaced" : "registered");
	buffer_append_text(&reply->result, "{\"name\":");
	json_append_string(&reply->result, span_of(name));
	buffer_printf(&reply->result, ",\"replaced\":%s,\"protected\":%s", replaces ? "true" : "false",
		      folder_is_sealed(&d->folder, name) ? "true" : "false");
	append_warnings(d, entry, &reply->result);
	buffer_append_byte(&reply->result, '}');
}

/* The one that the request names; NULL, answered: there is none. */
static struct subscription_entry *get_named(const struct daemon *d, const json_t *request, struct reply *reply)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	struct subscription_entry *entry = name ? subscriptions_find(&d->subscriptions, span_of(name)) : NULL;
	struct suggestion suggestion = suggestion_for(span_of(name ? name : ""));
	struct span best;

	if (entry)
		return entry;
	if (!name) {
		reply_error(reply, "bad_request", "name", "the name of the subscription is needed");
		return NULL;
	}
	for (size_t i = 0; i < d->subscriptions.n; i++)
		suggest_offer(&suggestion, span_of(subscription_entry_name(d->subscriptions.list[i])));
	best = suggest_best(&suggestion);
	if (best.size > 0)
		reply_error(reply, "not_found", "name", "there is no subscription '%.80s', did you mean '%.*s'?", name,
			    (int)best.size, best.data);
	else
		reply_error(reply, "not_found", "name", "there is no subscription '%.80s'", name);
	return NULL;
}

void daemon_on_get(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	const struct daemon *d = user;
	const struct subscription_entry *entry = get_named(d, request, reply);
	bool sealed;

	if (!entry)
		return;
	buffer_append_text(&reply->result, "{\"name\":");
	json_append_string(&reply->result, span_of(subscription_entry_name(entry)));
	buffer_append_text(&reply->result, ",\"document\":");
	json_append_string(&reply->result, buffer_span(&entry->document));
	sealed = folder_is_sealed(&d->folder, subscription_entry_name(entry));
	buffer_printf(&reply->result, ",\"protected\":%s,\"saved\":%s}", sealed ? "true" : "false",
		      entry->is_saved ? "true" : "false");
}

static void append_entry(struct buffer *result, const struct subscription_entry *entry, bool sealed)
{
	const struct stream *streams;
	size_t n = subscription_streams(entry->subscription, &streams), n_signals = 0;

	for (size_t i = 0; i < n; i++)
		n_signals += streams[i].type == STREAM_SIGNAL;
	buffer_append_text(result, "{\"name\":");
	json_append_string(result, span_of(subscription_entry_name(entry)));
	buffer_printf(result, ",\"streams\":%zu,\"filters\":%zu,\"signals\":%zu,\"protected\":%s,\"saved\":%s}", n - n_signals,
		      subscription_count_filters(entry->subscription), n_signals, sealed ? "true" : "false",
		      entry->is_saved ? "true" : "false");
}

void daemon_on_list(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	const struct daemon *d = user;
	struct buffer *result = &reply->result;
	const char *between = "";

	buffer_append_text(result, "{\"subscriptions\":[");
	for (size_t i = 0; i < d->subscriptions.n; i++) {
		buffer_append_text(result, i > 0 ? "," : "");
		append_entry(result, d->subscriptions.list[i],
			     folder_is_sealed(&d->folder, subscription_entry_name(d->subscriptions.list[i])));
	}
	buffer_append_text(result, "],\"refused\":[");
	for (size_t i = 0; i < d->folder.n; i++) {
		if (!d->folder.files[i].why)
			continue;
		buffer_printf(result, "%s{\"file\":", between);
		json_append_string(result, span_of(d->folder.files[i].name));
		buffer_append_text(result, ",\"why\":");
		json_append_string(result, span_of(d->folder.files[i].why));
		buffer_append_byte(result, '}');
		between = ",";
	}
	buffer_append_text(result, "]}");
}

/* Those that have no file any more. */
static void save_again(struct daemon *d)
{
	for (size_t i = 0; i < d->subscriptions.n; i++) {
		struct subscription_entry *entry = d->subscriptions.list[i];
		_cleanup_(freep) char *path = NULL;
		struct file_error error;

		if (!entry->is_saved ||
		    asprintf(&path, "%s/%s.json", d->folder.place.path, subscription_entry_name(entry)) < 0 ||
		    faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (save(d, entry, &error) < 0)
			log_error("The subscription '%s' %s", subscription_entry_name(entry), error.message);
	}
}

static int remove_one(struct daemon *d, void *user, struct file_error *error)
{
	return folder_remove(&d->folder, subscription_entry_name(user), error);
}

static int remove_all(struct daemon *d, void *user, struct file_error *error)
{
	int r = 0;

	for (size_t i = 0; i < d->subscriptions.n && r >= 0; i++)
		r = folder_remove(&d->folder, subscription_entry_name(d->subscriptions.list[i]), error);
	if (r < 0)
		save_again(d);
	return r;
}

void daemon_on_unregister(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;
	struct subscription_entry *entry = get_named(d, request, reply);
	_cleanup_(subscriptions_release) struct subscriptions next = { 0 };
	struct filter_error error = { "" };
	char name[256];
	int r;

	if (!entry)
		return;
	snprintf(name, sizeof(name), "%s", subscription_entry_name(entry));
	r = subscriptions_copy(&next, &d->subscriptions);
	if (r >= 0) {
		subscriptions_remove(&next, span_of(name));
		r = daemon_change(d, &next, remove_one, entry, &error);
	}
	if (r < 0) {
		refuse(reply, r, &error);
		return;
	}
	log_info("The subscription '%s' is removed", name);
	notes_say(&d->notes, "config", "subscription '%s' removed", name);
	buffer_append_text(&reply->result, "{\"name\":");
	json_append_string(&reply->result, span_of(name));
	buffer_append_byte(&reply->result, '}');
}

void daemon_on_clear(void *user, struct client *client, const json_t *request, struct reply *reply)
{
	struct daemon *d = user;
	_cleanup_(subscriptions_release) struct subscriptions next = { 0 };
	struct filter_error error = { "" };
	size_t n = d->subscriptions.n;
	int r = n > 0 ? daemon_change(d, &next, remove_all, NULL, &error) : 0;

	if (r < 0) {
		refuse(reply, r, &error);
		return;
	}
	if (n > 0) {
		log_info("All %zu subscriptions are removed; nothing is recorded", n);
		notes_say(&d->notes, "config", "all %zu subscriptions removed", n);
	}
	buffer_printf(&reply->result, "{\"removed\":%zu}", n);
}

/* By the folder */

/* The one of the command line replaces a saved one of its name. */
static int add_extra(struct daemon *d, const char *path)
{
	_cleanup_(subscription_entry_unrefp) struct subscription_entry *entry = NULL;
	struct filter_error error = { "" };
	int r = folder_read_other(&entry, &d->folder, path, &error);

	if (r >= 0)
		r = subscriptions_put(&d->subscriptions, entry, &error);
	if (r < 0)
		log_error("%s: %s", path, r == -EINVAL ? error.message : strerror(-r));
	return r;
}

int daemon_load_subscriptions(struct daemon *d)
{
	struct filter_error error = { "" };
	int r;

	d->folder.place = (struct subscription_folder){ d->places.subscriptions_dir, d->places.subscriptions_key };
	r = folder_look(&d->folder, &d->subscriptions);
	if (r >= 0 && d->options->subscription_path)
		r = add_extra(d, d->options->subscription_path);
	if (r < 0)
		return r;
	r = subscriptions_compile(&d->subscriptions, &error);
	if (r < 0) {
		log_error("%s", r == -EINVAL ? error.message : strerror(-r));
		return r;
	}
	return daemon_protect_subscriptions(d);
}

/* A folder made anew often has the number of the one before. */
static bool find_folder(const struct daemon *d, struct folder_identity *ret)
{
	struct statx st;

	if (statx(AT_FDCWD, d->folder.place.path, 0, STATX_INO | STATX_BTIME, &st) < 0)
		return false;
	*ret = (struct folder_identity){ .device = makedev(st.stx_dev_major, st.stx_dev_minor), .inode = st.stx_ino,
					 .born_s = (uint64_t)st.stx_btime.tv_sec, .born_ns = st.stx_btime.tv_nsec };
	return true;
}

static bool is_watched(struct daemon *d)
{
	struct folder_identity now;

	if (find_folder(d, &now) && memcmp(&now, &d->watched_folder, sizeof(now)) == 0)
		return true;
	d->watched_folder = (struct folder_identity){ 0 };
	return false;
}

static void on_quiet(uv_timer_t *timer);

static void look_at_folder(struct daemon *d)
{
	_cleanup_(subscriptions_release) struct subscriptions next = { 0 };
	_cleanup_(folder_release) struct folder folder = { 0 };
	struct filter_error error = { "" };
	int r = subscriptions_copy(&next, &d->subscriptions);

	if (r >= 0)
		r = folder_copy(&folder, &d->folder);
	if (r >= 0)
		r = folder_look(&folder, &next);
	if (r > 0) {
		r = daemon_change(d, &next, NULL, NULL, &error);
		r = r < 0 ? r : 1;
	}
	if (r == -EINVAL) {
		folder_refuse(&folder, error.message);
		r = 0;
	}
	if (r < 0) {
		log_warning("The folder of subscriptions has changed, and that cannot be put in force now: %s (it is tried again)",
			    error.message[0] ? error.message : strerror(-r));
		uv_timer_start(&d->folder_timer, on_quiet, AGAIN_MS, 0);
		return;
	}
	folder_release(&d->folder);
	d->folder = folder;
	folder = (struct folder){ 0 };
	if (r == 0)
		return;
	daemon_protect_subscriptions(d);
	log_info("The folder of subscriptions has changed: %zu in force", d->subscriptions.n);
	notes_say(&d->notes, "config", "subscriptions changed by their folder: %zu in force", d->subscriptions.n);
}

static void on_quiet(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	if (is_watched(d))	/* else somebody removed it: daemon_check_folder() */
		look_at_folder(d);
}

static void on_folder_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct daemon *d = event->data;

	if (!uv_is_active((uv_handle_t *)&d->folder_timer))
		uv_timer_start(&d->folder_timer, on_quiet, QUIET_MS, 0);
}

int daemon_watch_folder(struct daemon *d)
{
	int r;

	if (!d->folder_event.data) {
		uv_fs_event_init(&d->loop, &d->folder_event);
		uv_timer_init(&d->loop, &d->folder_timer);
		d->folder_event.data = d->folder_timer.data = d;
	}
	uv_fs_event_stop(&d->folder_event);
	r = uv_fs_event_start(&d->folder_event, on_folder_event, d->folder.place.path, 0);
	if (r >= 0)
		r = find_folder(d, &d->watched_folder) ? 0 : -errno;
	return r < 0 ? log_errno(r, "Failed to watch the folder %s", d->folder.place.path) : 0;
}

/* Somebody may have removed it: it is made anew, and what is in force is saved again where no file is. */
void daemon_check_folder(struct daemon *d)
{
	if (is_watched(d) || places_make(&d->places) < 0 || daemon_watch_folder(d) < 0)
		return;
	save_again(d);
	look_at_folder(d);
}
