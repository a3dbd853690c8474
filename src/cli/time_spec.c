/* RFC 3339 (2026-11-22T10:28:58.123Z, +01:00), the same in local time with a blank and without what is
 * obvious (2026-11-22 14:00, 2026-11-22, 14:00), how long ago (10m, 2h30m, 1d), and now, today, yesterday.
 * An hour that summer time skips is read as the one after it, one that comes twice as mktime(3) chooses. */

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cli/time_spec.h"

const char time_spec_forms[] =
	"10m, 2h, 3d, now, today, yesterday, 14:00, 2026-11-22, 2026-11-22 14:00, or RFC 3339";

static int from_seconds(int64_t seconds, uint64_t ns, uint64_t *ret)
{
	if (seconds < 0 || (uint64_t)seconds >= UINT64_MAX / NS_PER_SEC)
		return -EINVAL;
	*ret = (uint64_t)seconds * NS_PER_SEC + ns;
	return 0;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* `n` digits. */
static bool take_number(const char **text, unsigned n, int *ret)
{
	int value = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!digit((*text)[i]))
			return false;
		value = value * 10 + ((*text)[i] - '0');
	}
	*text += n;
	*ret = value;
	return true;
}

static bool take(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

/* 2h30m, and what is behind it. */
static int take_duration(const char **text, uint64_t *ret_ns)
{
	static const struct {
		char unit;
		uint64_t ns;
	} units[] = {
		{ 's', NS_PER_SEC },	      { 'm', 60 * NS_PER_SEC },	      { 'h', 3600 * NS_PER_SEC },
		{ 'd', 86400 * NS_PER_SEC }, { 'w', 7 * 86400 * NS_PER_SEC },
	};
	const char *p = *text;
	uint64_t sum = 0;

	if (!digit(*p))
		return -EINVAL;
	while (digit(*p)) {
		uint64_t n = 0, ns = 0;

		for (; digit(*p); p++)
			if (__builtin_mul_overflow(n, 10u, &n) ||
			    __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
				return -EINVAL;
		for (size_t i = 0; i < ARRAY_SIZE(units); i++)
			if (*p == units[i].unit)
				ns = units[i].ns;
		if (ns == 0 || __builtin_mul_overflow(n, ns, &n) || __builtin_add_overflow(sum, n, &sum))
			return -EINVAL;
		p++;
	}
	*text = p;
	*ret_ns = sum;
	return 0;
}

int duration_spec_parse(const char *text, uint64_t *ret_ns)
{
	uint64_t ns;

	if (take_duration(&text, &ns) < 0 || *text)
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

/* 2h30m ago */
static int parse_ago(const char *text, uint64_t now_ns, uint64_t *ret)
{
	uint64_t ago;

	if (*text == '-')
		text++;
	if (take_duration(&text, &ago) < 0 || (strcmp(text, "") != 0 && strcmp(text, " ago") != 0))
		return -EINVAL;
	*ret = ago < now_ns ? now_ns - ago : 0;
	return 0;
}

static bool take_date(const char **text, struct tm *tm)
{
	const char *p = *text;
	int year, month, day;

	if (!take_number(&p, 4, &year) || !take(&p, '-') || !take_number(&p, 2, &month) || !take(&p, '-') ||
	    !take_number(&p, 2, &day) || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	*text = p;
	return true;
}

/* 14:00, 14:00:05, 14:00:05.123456789 */
static bool take_clock(const char **text, struct tm *tm, uint64_t *ret_ns)
{
	const char *p = *text;
	uint64_t ns = 0, scale = NS_PER_SEC;
	int hour, minute, second = 0;

	if (!take_number(&p, 2, &hour) || !take(&p, ':') || !take_number(&p, 2, &minute))
		return false;
	if (take(&p, ':') && !take_number(&p, 2, &second))
		return false;
	if (take(&p, '.')) {
		if (!digit(*p))
			return false;
		for (; digit(*p); p++) {
			scale /= 10;
			ns += (uint64_t)(*p - '0') * scale;
		}
	}
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	tm->tm_hour = hour;
	tm->tm_min = minute;
	tm->tm_sec = second;
	*text = p;
	*ret_ns = ns;
	return true;
}

/* Z, +01:00: seconds east of Greenwich. */
static bool take_zone(const char **text, int *ret)
{
	const char *p = *text;
	int hours, minutes, sign = *p == '-' ? -1 : 1;

	if (take(&p, 'Z') || take(&p, 'z')) {
		*ret = 0;
	} else {
		if (!(take(&p, '+') || take(&p, '-')) || !take_number(&p, 2, &hours) || !take(&p, ':') ||
		    !take_number(&p, 2, &minutes) || hours > 23 || minutes > 59)
			return false;
		*ret = sign * (hours * 3600 + minutes * 60);
	}
	*text = p;
	return true;
}

static int parse_calendar(const char *text, uint64_t now_ns, uint64_t *ret)
{
	time_t now = (time_t)(now_ns / NS_PER_SEC);
	struct tm tm;
	uint64_t ns = 0;
	bool has_date, has_separator = false, has_clock = false;
	int zone, day;

	if (!localtime_r(&now, &tm))
		return -EINVAL;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	has_date = take_date(&text, &tm);
	day = tm.tm_mday;
	if (has_date)
		has_separator = take(&text, 'T') || take(&text, 't') || take(&text, ' ');
	if (!has_date || has_separator)
		has_clock = take_clock(&text, &tm, &ns);
	if (!has_clock && (!has_date || has_separator))
		return -EINVAL;
	if (has_clock && *text && take_zone(&text, &zone)) {
		time_t seconds;

		if (*text)
			return -EINVAL;
		seconds = timegm(&tm);
		return tm.tm_mday != day ? -EINVAL : from_seconds((int64_t)seconds - zone, ns, ret);
	}
	if (*text)
		return -EINVAL;
	now = mktime(&tm);
	/* 2026-02-30 would become the 2nd of March. */
	return tm.tm_mday != day ? -EINVAL : from_seconds(now, ns, ret);
}

static int parse_word(const char *text, uint64_t now_ns, uint64_t *ret)
{
	static const struct {
		const char *word;
		int days_back;
	} words[] = { { "today", 0 }, { "yesterday", 1 }, { "tomorrow", -1 } };
	time_t now = (time_t)(now_ns / NS_PER_SEC);
	struct tm tm;

	if (strcmp(text, "now") == 0) {
		*ret = now_ns;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(text, words[i].word) != 0 || !localtime_r(&now, &tm))
			continue;
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		tm.tm_mday -= words[i].days_back;
		tm.tm_isdst = -1;
		return from_seconds(mktime(&tm), 0, ret);
	}
	return -EINVAL;
}

int time_spec_parse(const char *text, uint64_t now_ns, uint64_t *ret)
{
	uint64_t time_ns;

	if (parse_word(text, now_ns, &time_ns) < 0 && parse_calendar(text, now_ns, &time_ns) < 0 &&
	    parse_ago(text, now_ns, &time_ns) < 0)
		return -EINVAL;
	*ret = time_ns;
	return 0;
}
