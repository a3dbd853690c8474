/* See resource_monitor.h.  The mean is taken since a mark; marks are an eighth of that time apart. */

#include "daemon/resource_monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

#define HEAD "suspensions 1"		/* of the text, and its version */
#define MAX_DIGITS 20

void resource_monitor_init(struct resource_monitor *monitor, const struct resource_wish *wish)
{
	*monitor = (struct resource_monitor){ .wish = *wish };
}

void resource_monitor_set(struct resource_monitor *monitor, const struct resource_wish *wish)
{
	monitor->wish = *wish;
}

uint64_t resource_monitor_since_ns(const struct resource_monitor *monitor)
{
	return monitor->state == RESOURCE_OK ? 0 : monitor->suspended_ns[monitor->n - 1];
}

uint64_t resource_monitor_until_ns(const struct resource_monitor *monitor)
{
	return monitor->state == RESOURCE_SUSPENDED ? resource_monitor_since_ns(monitor) + monitor->wish.backoff_ns : 0;
}

static void forget_marks(struct resource_monitor *monitor)
{
	monitor->n_marks = monitor->next_mark = 0;
}

bool resource_monitor_resume(struct resource_monitor *monitor)
{
	bool was_suspended = monitor->state != RESOURCE_OK;

	monitor->state = RESOURCE_OK;
	monitor->n = 0;
	forget_marks(monitor);
	return was_suspended;
}

/* Those that are older than the window count no more.  A time that is to come is of a clock that was wrong then, or is now: it is taken
 * for now, so that nothing lasts longer for it. */
static void forget_old(struct resource_monitor *monitor, uint64_t now_ns)
{
	unsigned keep = 0;

	for (unsigned i = 0; i < monitor->n; i++) {
		uint64_t at_ns = MIN(monitor->suspended_ns[i], now_ns);
		bool stands = monitor->state != RESOURCE_OK && i == monitor->n - 1;

		if (stands || now_ns - at_ns < monitor->wish.window_ns)
			monitor->suspended_ns[keep++] = at_ns;
	}
	monitor->n = keep;
}

/* The newest that is as old as what is sustained; NULL: it has not passed yet. */
static const struct resource_mark *find_mark(const struct resource_monitor *monitor, uint64_t steady_ns)
{
	const struct resource_mark *found = NULL;

	for (unsigned i = 0; i < monitor->n_marks; i++) {
		const struct resource_mark *mark = &monitor->marks[i];

		if (steady_ns - mark->steady_ns >= monitor->wish.sustained_ns && (!found || mark->steady_ns > found->steady_ns))
			found = mark;
	}
	return found;
}

static void set_mark(struct resource_monitor *monitor, const struct resource_sample *sample)
{
	unsigned newest = (monitor->next_mark + RESOURCE_MARKS - 1) % RESOURCE_MARKS;

	if (monitor->n_marks > 0 && sample->steady_ns - monitor->marks[newest].steady_ns < monitor->wish.sustained_ns / RESOURCE_PIECES)
		return;
	monitor->marks[monitor->next_mark] = (struct resource_mark){ sample->steady_ns, sample->cpu_ns };
	monitor->next_mark = (monitor->next_mark + 1) % RESOURCE_MARKS;
	monitor->n_marks = MIN(monitor->n_marks + 1, RESOURCE_MARKS);
}

/* The mean over the time that is sustained; < 0: it has not passed yet. */
static double mean_percent(struct resource_monitor *monitor, const struct resource_sample *sample)
{
	const struct resource_mark *mark = find_mark(monitor, sample->steady_ns);
	double percent = mark ? 100 * (double)(sample->cpu_ns - mark->cpu_ns) / (double)(sample->steady_ns - mark->steady_ns) /
				MAX(sample->n_processors, 1u) : -1;

	set_mark(monitor, sample);
	return percent;
}

static void suspend(struct resource_monitor *monitor, uint64_t now_ns, double percent)
{
	if (monitor->n == RESOURCE_SUSPENSIONS)
		memmove(monitor->suspended_ns, monitor->suspended_ns + 1, --monitor->n * sizeof(*monitor->suspended_ns));
	monitor->suspended_ns[monitor->n++] = now_ns;
	monitor->state = monitor->n > monitor->wish.attempts ? RESOURCE_STICKY : RESOURCE_SUSPENDED;
	monitor->percent = percent;
	forget_marks(monitor);
}

bool resource_monitor_look(struct resource_monitor *monitor, const struct resource_sample *sample)
{
	enum resource_state before = monitor->state;
	double percent;

	if (monitor->wish.disabled)
		return resource_monitor_resume(monitor);
	forget_old(monitor, sample->now_ns);
	if (monitor->state == RESOURCE_SUSPENDED && sample->now_ns >= resource_monitor_until_ns(monitor)) {
		monitor->state = RESOURCE_OK;
		forget_marks(monitor);
	}
	if (monitor->state == RESOURCE_OK && (percent = mean_percent(monitor, sample)) >= monitor->wish.percent)
		suspend(monitor, sample->now_ns, percent);
	return monitor->state != before;
}

/* Text: the head, the state, the times. */

void resource_monitor_write(const struct resource_monitor *monitor, struct buffer *text)
{
	buffer_printf(text, HEAD " %u", (unsigned)monitor->state);
	for (unsigned i = 0; i < monitor->n; i++)
		buffer_printf(text, " %llu", (unsigned long long)monitor->suspended_ns[i]);
	buffer_append_byte(text, '\n');
}

/* The next number, behind one space. */
static bool take_number(struct span *rest, uint64_t *ret)
{
	uint64_t value = 0;
	size_t n = 1;

	if (rest->size < 2 || rest->data[0] != ' ')
		return false;
	for (; n < rest->size && rest->data[n] >= '0' && rest->data[n] <= '9' && n < MAX_DIGITS; n++)
		value = value * 10 + (uint64_t)(rest->data[n] - '0');
	if (n == 1)
		return false;
	*rest = (struct span){ rest->data + n, rest->size - n };
	*ret = value;
	return true;
}

int resource_monitor_read(struct resource_monitor *monitor, struct span text)
{
	struct resource_monitor read = { .wish = monitor->wish };
	struct span rest = text;
	uint64_t number;

	if (!span_starts(text, SPAN(HEAD)))
		return -EINVAL;
	rest = (struct span){ text.data + strlen(HEAD), text.size - strlen(HEAD) };
	if (!take_number(&rest, &number) || number > RESOURCE_STICKY)
		return -EINVAL;
	read.state = (enum resource_state)number;
	while (read.n < RESOURCE_SUSPENSIONS && take_number(&rest, &number))
		read.suspended_ns[read.n++] = number;
	if (!span_eq(rest, SPAN("\n")) || (read.state != RESOURCE_OK && read.n == 0))
		return -EINVAL;
	*monitor = read;
	return 0;
}
