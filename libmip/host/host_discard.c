/*
 * What the machine discards, said in the log with its contents (-vv): a look at the machine's counters before
 * and after it gets a message tells whether and why it was discarded, without a word of the machine's own in
 * each of the many places where it drops one.
 */
#include "host_private.h"

#include <stdlib.h>
#include <string.h>
#include "text.h"

enum {
	LINE = 1600,
	OCTETS_MOST = 700,   /* shown of each; what is longer is cut */
	LINES_A_SECOND = 50, /* a flood from a link must not fill the journal */
};

static const char drop[] = "drop_";

void mip_host_discards_clear(struct mip_host *host)
{
	free(host->discards);
	host->discards = NULL;
	host->discard_count = 0;
}

/* Room for the counters as they were. False: they are not asked for, or cannot be had. */
static bool prepare(struct mip_host *host, const struct mip_counter_table *table)
{
	uint64_t *values;

	if (host->discard_count == table->count)
		return true;
	values = reallocarray(host->discards, table->count, sizeof(*values));
	if (values == NULL)
		return false;
	host->discards = values;
	host->discard_count = table->count;
	return true;
}

bool mip_host_discards_begin(struct mip_host *host)
{
	struct mip_counter_table table;

	if (!host->daemon->shows_discarded || host->machine.counters == NULL)
		return false;
	table = host->machine.counters(host->machine.core);
	if (!prepare(host, &table))
		return false;
	memcpy(host->discards, table.values, table.count * sizeof(*table.values));
	return true;
}

static void say(struct mip_host *host, const char *why, const uint8_t *octets, size_t length)
{
	char line[LINE];
	struct mip_text text = mip_text_of(line, sizeof(line));

	host->discard_limit.interval = MIP_SECOND;
	host->discard_limit.burst = LINES_A_SECOND;
	if (!mip_log_allowed(&host->discard_limit, mip_clock_now().boot, NULL))
		return;
	mip_text_add_hex_octets(&text, octets, length < OCTETS_MOST ? length : OCTETS_MOST);
	mip_log(host->log, MIP_LOG_DEBUG, "discarded (%s), %zu octets: %s", why, length, line);
}

/* rfc5944-1.7-1: SHOULD provide the capability of logging the error, including the contents of the discarded
 * datagram. */
void mip_host_discards_end(struct mip_host *host, const uint8_t *octets, size_t length)
{
	struct mip_counter_table table = host->machine.counters(host->machine.core);

	for (size_t i = 0; i < table.count && i < host->discard_count; i++) {
		if (table.values[i] == host->discards[i] ||
			strncmp(table.names[i].name, drop, sizeof(drop) - 1) != 0)
			continue;
		say(host, table.names[i].name, octets, length);
		return;
	}
}
