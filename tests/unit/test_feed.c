/* tests/unit/test_feed.c: from a spool's events to streams: places, gaps, whose turn it is. The spool is an
 * array here. */
#include "tests/support/unit.h"

#include "fcgi/events/feed.h"
#include "spool/spool.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SEQS = 4000, STREAMS = 4 };

/* --- a spool: events 1..last, but for those that are gone --- */

static struct {
	uint64_t last, synced;
	bool is_gone[SEQS];
	unsigned reads;
	uint64_t from[64]; /* where the first ones began */
	bool fails;
} fake;

enum status __wrap_spool_stats(struct spool *sp, struct stats *out, struct why *why);
enum status __wrap_spool_sync(struct spool *sp, struct why *why);
enum status __wrap_spool_events(struct spool *sp, const struct event_filter *filter, size_t max,
	struct event *events, size_t *n, uint64_t *last_seen, struct why *why);

enum status __wrap_spool_stats(struct spool *sp, struct stats *out, struct why *why)
{
	(void)sp;
	*out = (struct stats){.last_seq = fake.last};
	return fake.fails ? why_set(why, ST_IO, "broken") : ST_OK;
}

enum status __wrap_spool_sync(struct spool *sp, struct why *why)
{
	(void)sp;
	(void)why;
	fake.synced = fake.last;
	return ST_OK;
}

enum status __wrap_spool_events(struct spool *sp, const struct event_filter *filter, size_t max,
	struct event *events, size_t *n, uint64_t *last_seen, struct why *why)
{
	(void)sp;
	(void)why;
	*n = 0;
	*last_seen = filter->after_seq;
	if (fake.reads < 64)
		fake.from[fake.reads] = filter->after_seq;
	fake.reads++;
	for (uint64_t seq = filter->after_seq + 1; seq <= fake.last && *n < max; seq++) {
		if (fake.is_gone[seq])
			continue;
		events[(*n)++] = (struct event){.seq = seq,
			.kind = EVENT_PROGRESS,
			.name = slice_text("p"),
			.data = slice_text("{}"),
			.user_id = slice_text(seq % 2 ? "odd" : "even")};
		*last_seen = seq;
	}
	return ST_OK;
}

/* --- streams with somebody who reads them --- */

static size_t kept;
static struct feed feed;
static struct stream streams[STREAMS];
static struct stream *list[STREAMS];
static int peers[STREAMS];

static void open_stream(int i, const char *user, bool has_place, uint64_t after)
{
	static const struct caller everybody = {.scopes = SCOPE_ALL, .phases = CALLER_ALL_PHASES};
	const struct interest interest = {.user_id = slice_text(user)};
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	peers[i] = pair[1];
	streams[i] = (struct stream){.state = STREAM_OPEN, .audience = audience_new(&everybody, &interest)};
	outlet_init(&streams[i].outlet, pair[0], &kept);
	feed_begin(&feed, &streams[i], has_place, after);
}

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof fake);
	memset(streams, 0, sizeof streams);
	kept = 0;
	feed = (struct feed){.kept_by_all = &kept};
	for (int i = 0; i < STREAMS; i++) {
		list[i] = &streams[i];
		peers[i] = -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < STREAMS; i++) {
		if (peers[i] < 0)
			continue;
		close(peers[i]);
		close(streams[i].outlet.fd);
		outlet_release(&streams[i].outlet);
		free(streams[i].audience);
	}
	return kept != 0;
}

static void look(uint64_t last)
{
	enum status st;
	fake.last = last;
	assert_true(feed_look(&feed, &st, NULL));
	assert_int_equal(st, ST_OK);
	assert_int_equal(fake.synced, last);
}

static unsigned give_all(void)
{
	enum status st;
	unsigned pages = 0;
	while (feed_give(&feed, list, STREAMS, &st, NULL))
		assert_true(++pages < 1000);
	assert_int_equal(st, ST_OK);
	return pages;
}

/* What the peer has been sent: the ids of events (not of beginnings and beats), and how many were gaps. */
struct seen {
	uint64_t ids[SEQS];
	size_t n, gaps;
	uint64_t gap_after, gap_before;
};

static void read_peer(int i, struct seen *seen)
{
	static char text[4 << 20];
	size_t len = 0;
	ssize_t n;
	memset(seen, 0, sizeof *seen);
	while ((n = recv(peers[i], text + len, sizeof text - len - 1, 0)) > 0) {
		len += (size_t)n;
		outlet_flush(&streams[i].outlet);
	}
	for (size_t k = 0; k < len; k++) /* headers of records hold NULs */
		if (text[k] == '\0')
			text[k] = '\n';
	text[len] = '\0';
	for (char *at = text; (at = strstr(at, "id: ")); at++) {
		unsigned long long id;
		char name[8];
		if (sscanf(at, "id: %llu\nevent: %7[a-z]", &id, name) != 2)
			continue;
		if (strcmp(name, "gap") != 0) {
			seen->ids[seen->n++] = id;
			continue;
		}
		unsigned long long after, before;
		char *data = strstr(at, "data: ");
		assert_int_equal(sscanf(data, "data: {\"after\":%llu,\"before\":%llu}", &after, &before), 2);
		seen->gap_after = after;
		seen->gap_before = before;
		seen->gaps++;
	}
}

static void assert_ids(const struct seen *seen, uint64_t first, uint64_t step, size_t n)
{
	assert_int_equal(seen->n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(seen->ids[i], first + i * step);
}

static struct seen seen;

static void stream__begins_where_it_is_told(void **state)
{
	(void)state;
	look(200);
	open_stream(0, "", false, 0);
	open_stream(1, "", true, 150);
	open_stream(2, "odd", true, 0);
	open_stream(3, "", true, 200);
	give_all();
	read_peer(0, &seen);
	assert_ids(&seen, 0, 1, 0);
	read_peer(1, &seen);
	assert_ids(&seen, 151, 1, 50);
	read_peer(2, &seen);
	assert_ids(&seen, 1, 2, 100);
	assert_int_equal(seen.gaps, 0);
	read_peer(3, &seen);
	assert_ids(&seen, 0, 1, 0);
	look(203);
	give_all();
	read_peer(0, &seen);
	assert_ids(&seen, 201, 1, 3);
	read_peer(2, &seen);
	assert_ids(&seen, 201, 2, 2);
	assert_int_equal(streams[2].at, 203);
}

/* Who listens together is read for together. */
static void page__is_read_once_for_all(void **state)
{
	(void)state;
	look(10);
	for (int i = 0; i < STREAMS; i++)
		open_stream(i, "", true, i < 2 ? 0 : 5);
	assert_int_equal(give_all(), 1);
	assert_int_equal(fake.reads, 1);
	for (int i = 0; i < STREAMS; i++) {
		read_peer(i, &seen);
		assert_ids(&seen, i < 2 ? 1 : 6, 1, i < 2 ? 10 : 5);
	}
	enum status st;
	assert_false(feed_give(&feed, list, STREAMS, &st, NULL));
	assert_int_equal(fake.reads, 1); /* and not at all when there is nothing */
}

/* Nothing that is not known to be lasting, though it can be read. */
static void page__ends_at_what_is_lasting(void **state)
{
	(void)state;
	look(10);
	open_stream(0, "", true, 0);
	fake.last = 12;
	give_all();
	read_peer(0, &seen);
	assert_ids(&seen, 1, 1, 10);
	assert_int_equal(streams[0].at, 10);
	look(12);
	give_all();
	read_peer(0, &seen);
	assert_ids(&seen, 11, 1, 2);
}

static void gap__is_told_once_where_it_begins(void **state)
{
	(void)state;
	for (uint64_t seq = 1; seq <= 40; seq++)
		fake.is_gone[seq] = true;
	fake.is_gone[45] = fake.is_gone[60] = true;
	look(60);
	open_stream(0, "", true, 20);
	open_stream(1, "", true, 45);
	open_stream(2, "", true, 59);
	give_all();
	read_peer(0, &seen);
	assert_int_equal(seen.n, 18); /* 41..59 without 45 */
	assert_int_equal(seen.gaps, 1);
	assert_true(seen.gap_after == 20 && seen.gap_before == 41);
	read_peer(1, &seen); /* the last one is gone: nothing comes after it that would tell */
	assert_int_equal(seen.n, 14);
	assert_true(seen.gaps == 1 && seen.gap_after == 59 && seen.gap_before == 61);
	read_peer(2, &seen);
	assert_true(seen.n == 0 && seen.gaps == 1);
	assert_int_equal(streams[2].at, 60);
	fake.is_gone[61] = true;
	look(62); /* up to date again: the next one is told again */
	give_all();
	read_peer(0, &seen);
	assert_true(seen.n == 1 && seen.ids[0] == 62 && seen.gaps == 1);
}

static void gap__a_spool_that_is_older_than_its_reader(void **state)
{
	(void)state;
	look(30);
	open_stream(0, "", true, 500);
	give_all();
	read_peer(0, &seen);
	assert_true(seen.n == 0 && seen.gaps == 1 && seen.gap_before == 31);
	assert_int_equal(streams[0].at, 30);
}

/* One who reads a long history does not delay the news of others. */
static void turns__history_delays_nobody(void **state)
{
	(void)state;
	enum status st;
	look(3000);
	open_stream(0, "", true, 0);
	open_stream(1, "", false, 0);
	open_stream(2, "", true, 2990);
	look(3005);
	assert_true(feed_give(&feed, list, STREAMS, &st, NULL));
	assert_true(feed_give(&feed, list, STREAMS, &st, NULL));
	assert_int_equal(streams[1].at, 3005);
	assert_int_equal(streams[2].at, 3005);
	assert_true(streams[0].at > 0 && streams[0].at < 3000);
	read_peer(1, &seen);
	assert_ids(&seen, 3001, 1, 5);
}

/* One who takes nothing keeps one text at most, stays where it is, and is given the rest when it reads on. */
static void slow__goes_on_where_it_stopped(void **state)
{
	(void)state;
	int size = 4096;
	look(3000);
	open_stream(0, "", true, 0);
	open_stream(1, "", true, 0);
	setsockopt(streams[0].outlet.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	give_all();
	uint64_t stuck = streams[0].at;
	assert_true(stuck < 1000);
	assert_true(kept < 2048);
	struct seen *whole = calloc(1, sizeof *whole);
	size_t rounds = 0;
	while (streams[0].at < 3000) {
		read_peer(0, &seen);
		memcpy(whole->ids + whole->n, seen.ids, seen.n * sizeof *seen.ids);
		whole->n += seen.n;
		give_all();
		assert_true(++rounds < 3000);
	}
	read_peer(0, &seen);
	memcpy(whole->ids + whole->n, seen.ids, seen.n * sizeof *seen.ids);
	whole->n += seen.n;
	assert_ids(whole, 1, 1, 3000);
	free(whole);
}

static void look__failing_changes_nothing(void **state)
{
	(void)state;
	enum status st;
	look(5);
	fake.last = 9;
	fake.fails = true;
	assert_false(feed_look(&feed, &st, NULL));
	assert_int_equal(st, ST_IO);
	assert_int_equal(feed.known, 5);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(stream__begins_where_it_is_told),
		CASE(page__is_read_once_for_all),
		CASE(page__ends_at_what_is_lasting),
		CASE(gap__is_told_once_where_it_begins),
		CASE(gap__a_spool_that_is_older_than_its_reader),
		CASE(turns__history_delays_nobody),
		CASE(slow__goes_on_where_it_stopped),
		CASE(look__failing_changes_nothing),
	};
	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
