/* Our reading of other people's records against the expectations of other readers: go-libaudit, laurel,
 * auditd-parser. As test_expected_ausearch.c: skipped without RECORDER_TEST_DATA, every comparison counted.
 */

#include <dirent.h>
#include <jansson.h>

#include "decode/test_reading.h"

static char *root; /* RECORDER_TEST_DATA/audit */

/* go-libaudit: .golden */

static void test_golden(void **state)
{
	static const char *const names[] = { "audit-rhel6",    "audit-rhel7",	 "audit-ubuntu14",
					     "audit-ubuntu16", "audit-ubuntu17", "test2",
					     "test3" };
	struct reading *reading = calloc(1, sizeof(*reading));
	struct decoder *decoder;
	unsigned n_records = 0, n_equal = 0, n_raw = 0;

	assert_non_null(reading);
	assert_int_equal(decoder_new(&decoder, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path = format_path("%s/go-libaudit/auparse-testdata/%s.log.golden", root, names[i]);
		json_t *list = json_load_file(path, 0, NULL), *item;
		size_t at;

		assert_non_null(list);
		json_array_foreach(list, at, item)
		{
			json_t *data = json_object_get(item, "data"), *value;
			const char *raw = json_string_value(json_object_get(item, "raw_msg")), *key;
			char type[64];
			char *line;

			if (!raw)
				continue; /* `msg=?`, which is no record for them either */
			snprintf(type, sizeof(type), "%s",
				 json_string_value(json_object_get(item, "record_type")));
			for (char *p = type; *p; p++)
				*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
			line = format_path("type=%s msg=%s", type, raw);
			assert_true(read_line(decoder, span_of(line), reading));
			n_records++;
			assert_int_equal(reading->serial,
					 json_integer_value(json_object_get(item, "sequence")));
			json_object_foreach(data, key, value)
			{
				struct span ours, theirs = span_of(json_string_value(value));

				if (!find_value(reading, span_of(key), &ours))
					continue; /* result, subj_user, ...: names of their own */
				if (span_eq(ours, theirs)) {
					n_equal++;
					continue;
				}
				/* Numbers that they leave as they stand and we name: lists, modes, signals,
				 * ... */
				if (span_eq(raw_value(span_of(line), key), theirs)) {
					n_raw++;
					continue;
				}
				fail_msg("%s: %s: ours '%.*s', theirs '%s'", path, key, (int)ours.size,
					 ours.data, json_string_value(value));
			}
			free(line);
		}
		json_decref(list);
		free(path);
	}
	buffer_release(&reading->text);
	free(reading);
	decoder_free(decoder);
	print_message("go-libaudit: %u records, %u values equal, %u more before we name them\n", n_records,
		      n_equal, n_raw);
	assert_true(n_records >= 83);
	assert_true(n_equal >= 644);
}

/* go-libaudit: coalesced events */

static uint32_t context_number(const struct decoded *d, unsigned i, enum field field)
{
	return (uint32_t)values_number(&d->actors[i]->values, field);
}

static unsigned compare_event(struct decoded *d, const json_t *event, const char *name)
{
	static const struct {
		const char *object, *key;
		enum field field;
	} members[] = {
		{ "process", "pid", FIELD_pid },	{ "process", "ppid", FIELD_ppid },
		{ "process", "exe", FIELD_executable }, { "process", "name", FIELD_name },
		{ "process", "cwd", FIELD_cwd },
	};
	static const struct {
		const char *key;
		enum field field;
	} ids[] = {
		{ "auid", FIELD_auid }, { "uid", FIELD_uid },	{ "gid", FIELD_gid },
		{ "euid", FIELD_euid }, { "suid", FIELD_suid }, { "fsuid", FIELD_fsuid },
		{ "egid", FIELD_egid }, { "sgid", FIELD_sgid }, { "fsgid", FIELD_fsgid },
	};
	const json_t *user_ids = json_object_get(json_object_get(event, "user"), "ids");
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *theirs = json_string_value(
			json_object_get(json_object_get(event, members[i].object), members[i].key));
		struct span ours;
		char number[16];

		if (!theirs || !values_has(&d->actors[0]->values, members[i].field))
			continue;
		if (field_type_is_text(fields[members[i].field].type)) {
			ours = values_text(&d->actors[0]->values, members[i].field);
		} else {
			snprintf(number, sizeof(number), "%u", context_number(d, 0, members[i].field));
			ours = span_of(number);
		}
		/* That the file is gone is a field of its own with us. */
		if (!span_eq(ours, span_of(theirs)) &&
		    !(span_starts(span_of(theirs), ours) && span_ends(span_of(theirs), SPAN(" (deleted)"))))
			fail_msg("%s: %s: ours '%.*s', theirs '%s'", name, members[i].key, (int)ours.size,
				 ours.data, theirs);
		n++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const char *theirs = json_string_value(json_object_get(user_ids, ids[i].key));

		if (!theirs || !values_has(&d->actors[0]->values, ids[i].field))
			continue;
		if (strcmp(theirs, "unset") == 0)
			theirs = "4294967295";
		if (strtoul(theirs, NULL, 10) != context_number(d, 0, ids[i].field))
			fail_msg("%s: %s: ours %u, theirs %s", name, ids[i].key,
				 context_number(d, 0, ids[i].field), theirs);
		n++;
	}
	if (strcmp(json_string_value(json_object_get(event, "result")), "unknown") != 0 &&
	    values_has(&d->events[0]->values, FIELD_outcome)) {
		bool success = strcmp(json_string_value(json_object_get(event, "result")), "success") == 0;
		struct span outcome = values_text(&d->events[0]->values, FIELD_outcome);

		/* A denial is a failure, even of a call that went on. */
		if (d->events[0]->kind != KIND_ID(security, mac_denied) &&
		    span_eq(outcome, SPAN("success")) != success)
			fail_msg("%s: outcome '%.*s'", name, (int)outcome.size, outcome.data);
		n++;
	}
	return n;
}

static void test_coalesced(void **state)
{
	static const struct decoder_options all = { .failed_calls = true };
	char *folder = format_path("%s/go-libaudit/aucoalesce-testdata", root);
	DIR *directory = opendir(folder);
	unsigned n_tests = 0, n_equal = 0, n_none = 0;
	struct dirent *entry;
	struct decoded d;

	assert_non_null(directory);
	decoded_start(&d, &all);
	while ((entry = readdir(directory))) {
		char *yaml_path, *golden_path;
		struct text_file yaml;
		json_t *list;

		if (!span_ends(span_of(entry->d_name), SPAN(".yaml")))
			continue;
		yaml_path = format_path("%s/%s", folder, entry->d_name);
		golden_path = format_path("%s/%.*s.json.golden", folder, (int)(strlen(entry->d_name) - 5),
					  entry->d_name);
		read_file(&yaml, yaml_path);
		list = json_load_file(golden_path, 0, NULL);
		assert_non_null(list);
		for (size_t i = 0; i < yaml.n_lines; i++) {
			struct span line = yaml.lines[i];
			struct draft_record records[32];
			struct draft draft = { .records = records };
			const json_t *item, *found = NULL;
			size_t at;
			struct span name;

			/* "  name: >" and then its records, one a line */
			if (!span_starts(line, SPAN("  ")) || line.size < 6 || line.data[2] == ' ' ||
			    line.data[2] == '#' ||
			    (line.data[line.size - 1] != '>' && line.data[line.size - 1] != '|' &&
			     line.data[line.size - 1] != '-'))
				continue;
			name = (struct span){ line.data + 2,
					      (size_t)((const char *)memrchr(line.data, ':', line.size) -
						       line.data - 2) };
			for (i++;
			     i < yaml.n_lines && (yaml.lines[i].size == 0 || yaml.lines[i].data[3] == ' ');
			     i++) {
				struct record record;
				struct record_head head;

				if (yaml.lines[i].size == 0 || audit_line(yaml.lines[i], &record) < 0 ||
				    audit_head(&record, &head) < 0)
					continue;
				assert_true(draft.n_records < ARRAY_SIZE(records));
				records[draft.n_records++] =
					(struct draft_record){ head.type, head.body.data,
							       (uint32_t)head.body.size };
				draft.time_ns = head.time_ns;
				draft.serial = head.serial;
			}
			i--;
			if (draft.n_records == 0)
				continue;
			json_array_foreach(
				list, at,
				item) if (span_eq(span_of(json_string_value(json_object_get(item,
											    "test_name"))),
						  name)) found = item;
			if (!found)
				continue;
			decoded_forget(&d);
			assert_int_equal(decode_draft(d.decoder, &draft, keep, &d), 0);
			n_tests++;
			if (d.n == 0)
				n_none++;
			else
				n_equal += compare_event(&d, json_object_get(found, "event"), entry->d_name);
		}
		json_decref(list);
		release_file(&yaml);
		free(yaml_path);
		free(golden_path);
	}
	closedir(directory);
	free(folder);
	decoded_stop(&d);
	print_message("go-libaudit, coalesced: %u events, %u values equal, %u without an event of ours\n",
		      n_tests, n_equal, n_none);
	assert_true(n_tests >= 48);
	assert_true(n_equal >= 442);
}

/* laurel: X.txt and X.json */

static bool same_json(const json_t *theirs, struct span ours)
{
	if (json_is_string(theirs)) {
		struct span text = { json_string_value(theirs), json_string_length(theirs) };
		uint64_t a, b;

		if (span_eq(text, ours))
			return true;
		/* 0xc000003e, 0o100755, 0x0 */
		if (span_starts(text, SPAN("0x")) &&
		    span_hex_to_u64((struct span){ text.data + 2, text.size - 2 }, &a) == 0 &&
		    span_hex_to_u64(ours, &b) == 0)
			return a == b;
		return span_starts(text, SPAN("0o")) && ours.size > 1 &&
		       span_eq((struct span){ text.data + 2, text.size - 2 },
			       (struct span){ ours.data + 1, ours.size - 1 });
	}
	if (json_is_integer(theirs)) {
		char number[32];

		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(theirs));
		return span_eq(span_of(number), ours);
	}
	return json_is_null(theirs) && span_eq(ours, SPAN("(null)"));
}

static unsigned compare_laurel(const struct reading *reading, struct span line, const json_t *object,
			       const char *path)
{
	const char *key;
	json_t *theirs;
	unsigned n = 0;

	json_object_foreach((json_t *)(uintptr_t)object, key, theirs)
	{
		struct span ours;

		if (!find_value(reading, span_of(key), &ours))
			continue; /* ARGV, and the names of the tail */
		if (!same_json(theirs, ours) && !same_json(theirs, raw_value(line, key)))
			fail_msg("%s: %s: ours '%.*s', theirs %s", path, key, (int)ours.size, ours.data,
				 json_dumps(theirs, JSON_ENCODE_ANY));
		n++;
	}
	return n;
}

static unsigned compare_argv(struct decoded *d, const json_t *argv, const char *path)
{
	struct span args = values_text(&d->actors[0]->values, FIELD_args), arg;
	const json_t *theirs;
	unsigned n = 0;
	size_t at;

	json_array_foreach((json_t *)(uintptr_t)argv, at, theirs)
	{
		assert_true(list_next(&args, &arg));
		/* laurel cuts the middle out of long ones. */
		if (json_is_string(theirs)) {
			if (!span_eq(arg, span_of(json_string_value(theirs))))
				fail_msg("%s: argument %zu", path, at);
			n++;
		}
	}
	return n;
}

static void test_laurel(void **state)
{
	static const char *const names[] = { "record-adjntpval",  "record-avc-apparmor", "record-execve-long",
					     "record-execve",	  "record-login",	 "record-ptrace",
					     "record-syscall-key" };
	struct reading *reading = calloc(1, sizeof(*reading));
	unsigned n_equal = 0, n_args = 0;
	struct decoded d;

	assert_non_null(reading);
	decoded_start(&d, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *json_path = format_path("%s/laurel/%s.json", root, names[i]);
		char *path = format_path("%s/laurel/%s.txt", root, names[i]);
		unsigned n_of_type[3000] = { 0 };
		struct text_file file, json_file;
		struct draft_record records[64];
		struct draft draft = { .records = records };
		json_t *event;

		read_file(&file, path);
		read_file(&json_file, json_path);
		assert_true(json_file.n_lines > 0);
		event = json_loadb(json_file.lines[0].data, json_file.lines[0].size, 0, NULL);
		assert_non_null(event);
		for (size_t k = 0; k < file.n_lines; k++) {
			struct record record;
			struct record_head head;
			const json_t *object;
			char buffer[24];

			if (!read_line(d.decoder, file.lines[k], reading))
				continue;
			assert_int_equal(audit_line(file.lines[k], &record), 0);
			assert_int_equal(audit_head(&record, &head), 0);
			if (draft.n_records > 0 && head.serial != draft.serial)
				break; /* the first event of the file */
			draft.serial = head.serial;
			draft.time_ns = head.time_ns;
			records[draft.n_records++] =
				(struct draft_record){ head.type, head.body.data, (uint32_t)head.body.size };
			assert_true(head.type < ARRAY_SIZE(n_of_type));
			object = json_object_get(event, audit_type_name(head.type, buffer));
			if (json_is_array(object))
				object = json_array_get(object, n_of_type[head.type]++);
			if (object)
				n_equal += compare_laurel(reading, file.lines[k], object, path);
		}
		decoded_forget(&d);
		assert_int_equal(decode_draft(d.decoder, &draft, keep, &d), 0);
		if (json_object_get(event, "EXECVE") && d.n > 0 &&
		    d.events[0]->kind == KIND_ID(process, exec))
			n_args += compare_argv(&d, json_object_get(json_object_get(event, "EXECVE"), "ARGV"),
					       path);
		json_decref(event);
		release_file(&file);
		release_file(&json_file);
		free(path);
		free(json_path);
	}
	buffer_release(&reading->text);
	free(reading);
	decoded_stop(&d);
	print_message("laurel: %u values equal, %u arguments equal\n", n_equal, n_args);
	assert_true(n_equal >= 228);
	assert_true(n_args >= 3);
}

/* auditd-parser: one record a line */

static bool nested_json(const json_t *expected, const char *key, const json_t **ret)
{
	const json_t *value = json_object_get(expected, key);

	if (!value)
		value = json_object_get(json_object_get(expected, "msg"), key);
	*ret = value;
	return value != NULL;
}

static void test_snapshots(void **state)
{
	char *path = format_path("%s/expected/auditd-parser-snapshots.jsonl", root);
	struct reading *reading = calloc(1, sizeof(*reading));
	struct decoder *decoder;
	struct text_file file;
	unsigned n_records = 0, n_equal = 0, n_other = 0;

	assert_non_null(reading);
	assert_int_equal(decoder_new(&decoder, NULL), 0);
	read_file(&file, path);
	for (size_t i = 0; i < file.n_lines; i++) {
		json_t *line = json_loadb(file.lines[i].data, file.lines[i].size, 0, NULL);
		const json_t *expected = json_object_get(line, "expected");
		const json_t *fields_json = json_object_get(expected, "fields");
		struct span text = span_of(json_string_value(json_object_get(line, "line")));

		assert_non_null(line);
		assert_true(read_line(decoder, text, reading));
		n_records++;
		assert_int_equal(reading->serial, json_integer_value(json_object_get(expected, "id")));
		for (size_t k = 0; k < reading->n; k++) {
			struct span key = key_of(reading, k), ours = value_at(reading, k);
			const json_t *theirs;
			char name[64];

			snprintf(name, sizeof(name), "%.*s", (int)key.size, key.data);
			if (!nested_json(fields_json, name, &theirs) || json_is_object(theirs) ||
			    json_is_array(theirs)) {
				n_other++; /* modes and labels taken apart, capabilities as lists */
				continue;
			}
			if (same_json(theirs, ours) || same_json(theirs, raw_value(text, name))) {
				n_equal++;
				continue;
			}
			/* Nothing said, in their words and ours; yes and no; names of users of their own. */
			if (json_is_null(theirs) || json_is_boolean(theirs) || is_id_key(key) ||
			    (span_eq(key, SPAN("res")) && json_is_string(theirs))) {
				n_other++;
				continue;
			}
			n_other++;
			if (span_eq(key, SPAN("comm")) || span_eq(key, SPAN("exe")) ||
			    span_eq(key, SPAN("cwd")) || span_eq(key, SPAN("name")) ||
			    span_eq(key, SPAN("acct")) || span_eq(key, SPAN("cmd")) ||
			    span_eq(key, SPAN("pid")) || span_eq(key, SPAN("ppid")) ||
			    span_eq(key, SPAN("inode")))
				fail_msg("%s: ours '%.*s', theirs %s: %.*s", name, (int)ours.size, ours.data,
					 json_dumps(theirs, JSON_ENCODE_ANY), (int)text.size, text.data);
		}
		json_decref(line);
	}
	release_file(&file);
	free(path);
	buffer_release(&reading->text);
	free(reading);
	decoder_free(decoder);
	print_message("auditd-parser: %u records, %u values equal, %u in a form of their own\n", n_records,
		      n_equal, n_other);
	assert_true(n_records >= 131);
	assert_true(n_equal >= 1583);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_coalesced),
		cmocka_unit_test(test_laurel),
		cmocka_unit_test(test_snapshots),
	};
	int r;

	root = test_data_root();
	if (!root)
		return SKIPPED;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	free(root);
	return r;
}
