/* tests/unit/test_store_receivers.c: receivers in a store: what several workers report is one, outlives them,
 * and costs a commit only when it must; pauses by hand; damage, export and import. */
#include "spool/dump/dump.h"
#include "spool/store/lmdb/receiver_io.h"
#include "tests/unit/care_fixture.h"

#include <poll.h>
#include <string.h>

#define S INT64_C(1000000)

static const struct breaker_policy policy = {.window_us = 60 * S,
	.least_calls = 10,
	.failed_percent = 50,
	.open_us = 10 * S,
	.open_max_us = 60 * S,
	.probe_us = 30 * S,
	.in_flight = 8};

static struct receiver_report worker(void)
{
	return (struct receiver_report){.name = "shop", .policy = &policy};
}

static enum status exchange_n(struct fixture *f, struct receiver_report *reports, size_t n)
{
	struct claim_ask ask = {.owner = "host:7", .lease_ms = 60000, .reports = reports, .reports_n = n};
	size_t none;
	return f->ops->exchange(f->store, f->now, NULL, 0, &ask, NULL, &none, &f->next_due_us, NULL);
}

static void exchange(struct fixture *f, struct receiver_report *w)
{
	assert_int_equal(exchange_n(f, w, 1), ST_OK);
}

static void calls(struct fixture *f, struct receiver_report *w, uint32_t ok, uint32_t failed)
{
	w->ok += ok;
	w->failed += failed;
	exchange(f, w);
}

/* How the store has it; name "" : it does not. */
static struct receiver_state stored(struct fixture *f, const char *name)
{
	struct receiver_state all[8], none = {0};
	size_t n;
	assert_int_equal(f->ops->receivers(f->store, all, 8, &n, NULL), ST_OK);
	for (size_t i = 0; i < n && i < 8; i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i];
	return none;
}

static struct event last_event(struct fixture *f)
{
	struct event events[1];
	struct event_filter filter = {.after_seq = stats_of(f).last_seq - 1};
	size_t n;
	uint64_t seen;
	assert_int_equal(f->ops->events(f->store, &filter, 1, events, &n, &seen, NULL), ST_OK);
	assert_int_equal(n, 1);
	return events[0];
}

static void assert_last_event(
	struct fixture *f, enum event_kind kind, const char *name, const char *actor, const char *reason)
{
	struct event e = last_event(f);
	assert_int_equal(e.kind, kind);
	assert_true(slice_is(e.name, name));
	if (!slice_is(e.actor, actor))
		fail_msg("by %.*s", SLICE_ARG(e.actor));
	if (!slice_is(e.reason, reason))
		fail_msg("because \"%.*s\"", SLICE_ARG(e.reason));
	event_release(&e);
}

static void open_it(struct fixture *f, struct receiver_report *w)
{
	calls(f, w, 0, 10);
	assert_int_equal(stored(f, "shop").breaker, BREAKER_OPEN);
}

static bool is_rung(struct fixture *f)
{
	struct pollfd fd = {.fd = f->ops->wake_fd(f->store), .events = POLLIN};
	bool rung = poll(&fd, 1, 0) == 1;
	f->ops->wake_drain(f->store);
	return rung;
}

/* --- reports --- */

/* Counts are written with the commit that an outcome makes. */
static void settle_with(struct fixture *f, struct receiver_report *w)
{
	struct claim_ask ask = {.owner = "host:7", .lease_ms = 60000, .reports = w, .reports_n = 1};
	struct settlement s = {.id = {{1}}, .token = 1, .kind = SETTLE_COMPLETE};
	size_t none;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, &s, 1, &ask, NULL, &none, &f->next_due_us, NULL), ST_OK);
}

static void reports__of_two_workers_open_one_breaker(void **state)
{
	struct fixture *f = *state;
	struct receiver_report a = worker(), b = worker();
	a.failed = 6;
	settle_with(f, &a);
	assert_true(a.failed == 0 && a.may_run == UINT32_MAX);
	b.ok = 4;
	b.failed = 5;
	settle_with(f, &b);
	assert_true(b.failed == 0 && b.may_run == 0 && b.state.breaker == BREAKER_OPEN);
	assert_last_event(f, EVENT_BREAKER, "shop", "worker:host:7",
		"opened: 11 of 15 calls failed; a probe follows after 10 s");
	assert_int_equal(f->next_due_us, f->now.wall_us + 10 * S);
	store_reopen(f);
	exchange(f, &a);
	assert_int_equal(a.may_run, 0);
	struct receiver_state s = stored(f, "shop");
	assert_int_equal(s.breaker, BREAKER_OPEN);
	assert_int_equal(s.open_until_us, f->now.wall_us + 10 * S);
	assert_int_equal(s.calls_total, 15);
	assert_int_equal(s.failed_total, 11);
}

static void reports__one_probe_over_all_and_over_a_crash(void **state)
{
	struct fixture *f = *state;
	struct receiver_report a = worker(), b = worker();
	open_it(f, &a);
	pass_ms(f, 10000);
	a.wants_probe = b.wants_probe = true;
	exchange(f, &a);
	assert_true(a.has_probe && a.may_run == 1);
	exchange(f, &b);
	assert_true(!b.has_probe && b.may_run == 0);
	assert_int_equal(f->next_due_us, f->now.wall_us + 30 * S);
	store_reopen(f); /* a and its probe are gone */
	struct receiver_report late = a;
	a = worker();
	a.wants_probe = true;
	exchange(f, &a);
	assert_false(a.has_probe);
	pass_ms(f, 30000);
	exchange(f, &b);
	assert_true(b.has_probe && b.probe == 2);
	exchange(f, &a);
	assert_false(a.has_probe);
	late.wants_probe = false;
	late.probe_result = PROBE_OK; /* it was not gone, but slow */
	settle_with(f, &late);
	assert_int_equal(stored(f, "shop").breaker, BREAKER_PROBING);
	b.probe_result = PROBE_OK;
	b.wants_probe = false;
	is_rung(f);
	exchange(f, &b);
	assert_int_equal(stored(f, "shop").breaker, BREAKER_RAMPING);
	assert_last_event(f, EVENT_BREAKER, "shop", "worker:host:7", "ramping: the probe went well");
	assert_true(is_rung(f));
}

static void reports__cost_no_commit_of_their_own(void **state)
{
	struct fixture *f = *state;
	struct receiver_report w = worker();
	accept_job(f, 3, "w", "u", "{}");
	for (int i = 0; i < 3; i++)
		calls(f, &w, 2, 1);
	assert_true(w.ok == 6 && w.failed == 3); /* said again each time */
	assert_int_equal(stored(f, "shop").calls_total, 0);
	assert_int_equal(stats_of(f).last_seq, 1);
	settle_with(f, &w);
	assert_true(w.ok == 0 && w.failed == 0);
	struct receiver_state s = stored(f, "shop");
	assert_int_equal(s.calls_total, 9);
	assert_int_equal(s.now.failed, 3);
	/* With a claim's commit, too. */
	struct claim_ask ask = {.owner = "host:7", .max = 1, .lease_ms = 1000, .reports = &w, .reports_n = 1};
	w.ok = 1;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, NULL, 0, &ask, f->held, &f->held_n, &f->next_due_us, NULL),
		ST_OK);
	assert_int_equal(f->held_n, 1);
	assert_int_equal(w.ok, 0);
	assert_int_equal(stored(f, "shop").calls_total, 10);
	/* What waited with the worker opens, and that is a commit. */
	calls(f, &w, 0, 2);
	assert_int_equal(w.failed, 2);
	calls(f, &w, 0, 3);
	assert_true(w.failed == 0 && w.may_run == 0);
}

/* What makes no event, but must not be forgotten either. */
static void reports__commit_a_probe_given_back_and_each_step(void **state)
{
	struct fixture *f = *state;
	struct receiver_report a = worker(), b = worker();
	open_it(f, &a);
	pass_ms(f, 10000);
	a.wants_probe = true;
	exchange(f, &a);
	a.wants_probe = false;
	a.probe_result = PROBE_UNUSED;
	uint64_t seq = stats_of(f).last_seq;
	is_rung(f);
	exchange(f, &a);
	assert_true(a.probe == 0 && is_rung(f));
	store_reopen(f);
	b.wants_probe = true;
	exchange(f, &b);
	assert_true(b.has_probe && b.probe == 2);
	assert_int_equal(stats_of(f).last_seq, seq);
	b.wants_probe = false;
	b.probe_result = PROBE_OK;
	exchange(f, &b);
	calls(f, &b, 1, 0);
	assert_true(b.ok == 0 && b.may_run == 2);
	store_reopen(f);
	exchange(f, &a);
	assert_int_equal(a.may_run, 2);
	calls(f, &b, 2, 0);
	calls(f, &a, 4, 0);
	assert_int_equal(a.may_run, UINT32_MAX);
	assert_last_event(f, EVENT_BREAKER, "shop", "worker:host:7", "closed");
}

static void reports__are_left_alone_by_a_failure(void **state)
{
	struct fixture *f = *state;
	struct receiver_report two[] = {worker(), worker()};
	open_it(f, &two[0]);
	pass_ms(f, 10000);
	two[0].wants_probe = true;
	exchange(f, &two[0]);
	two[0].probe_result = PROBE_OK;
	two[0].ok = 3;
	two[1].name = "not a name";
	is_rung(f);
	assert_int_equal(exchange_n(f, two, 2), ST_INVALID);
	assert_true(two[0].ok == 3 && two[0].probe == 1 && two[0].probe_result == PROBE_OK);
	assert_int_equal(stored(f, "shop").breaker, BREAKER_PROBING);
	assert_false(is_rung(f));
	assert_int_equal(exchange_n(f, two, 1), ST_OK);
	assert_int_equal(stored(f, "shop").breaker, BREAKER_RAMPING);
}

static void reports__of_several_receivers_are_apart(void **state)
{
	struct fixture *f = *state;
	struct receiver_report three[] = {worker(), worker(), worker()};
	three[0].name = "b";
	three[1].name = "a";
	three[2].name = "12345678901234567890123456789012";
	for (int i = 0; i < 3; i++)
		three[i].failed = i == 1 ? 2 : 10;
	assert_int_equal(exchange_n(f, three, 3), ST_OK);
	assert_int_equal(three[1].failed, 0); /* the others' commit takes it along */
	assert_int_equal(three[1].may_run, UINT32_MAX);
	struct receiver_state out[2];
	size_t n;
	assert_int_equal(f->ops->receivers(f->store, out, 2, &n, NULL), ST_OK);
	assert_int_equal(n, 3);
	assert_string_equal(out[0].name, three[2].name);
	assert_string_equal(out[1].name, "a");
	assert_int_equal(out[1].breaker, BREAKER_CLOSED);
	assert_int_equal(stored(f, "b").breaker, BREAKER_OPEN);
}

/* --- by hand --- */

static enum status pause_for(struct fixture *f, const char *name, bool pause, int64_t us)
{
	return f->ops->receiver_pause(f->store, f->now, name, pause, us ? f->now.wall_us + us : 0,
		slice_text("operator:ann"), slice_text("it is mended"), NULL);
}

static void pause__keeps_calls_away_until_resumed(void **state)
{
	struct fixture *f = *state;
	struct receiver_report w = worker();
	assert_int_equal(pause_for(f, "shop", true, 0), ST_OK); /* not known before */
	assert_last_event(f, EVENT_PAUSED, "shop", "operator:ann", "it is mended");
	assert_false(is_rung(f));
	uint64_t seq = stats_of(f).last_seq;
	assert_int_equal(pause_for(f, "shop", true, 0), ST_OK);
	assert_int_equal(stats_of(f).last_seq, seq); /* it was so already */
	store_reopen(f);
	exchange(f, &w);
	assert_true(w.may_run == 0 && w.state.is_paused);
	assert_string_equal(stored(f, "shop").paused_by, "operator:ann");
	open_it(f, &w);
	is_rung(f);
	assert_int_equal(pause_for(f, "shop", false, 0), ST_OK);
	assert_true(is_rung(f));
	assert_last_event(f, EVENT_BREAKER, "shop", "operator:ann", "ramping: resumed by hand");
	exchange(f, &w);
	assert_int_equal(w.may_run, 1);
	seq = stats_of(f).last_seq;
	assert_int_equal(pause_for(f, "shop", false, 0), ST_OK);
	assert_int_equal(stats_of(f).last_seq, seq);
}

static void pause__ends_by_itself(void **state)
{
	struct fixture *f = *state;
	struct receiver_report w = worker();
	assert_int_equal(pause_for(f, "shop", true, 60 * S), ST_OK);
	struct event e = last_event(f);
	assert_true(slice_is(e.data, "{\"until\":\"2026-09-21T14:14:20.000Z\"}"));
	event_release(&e);
	exchange(f, &w);
	assert_int_equal(w.may_run, 0);
	assert_int_equal(f->next_due_us, f->now.wall_us + 60 * S);
	pass_ms(f, 60000);
	is_rung(f);
	exchange(f, &w);
	assert_int_equal(w.may_run, UINT32_MAX);
	assert_true(is_rung(f));
	assert_last_event(f, EVENT_RESUMED, "shop", "system", "the pause is over");
	assert_false(stored(f, "shop").is_paused);
}

static void pause__of_a_misspelt_name_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(pause_for(f, "shpo", true, 0), ST_OK);
	assert_string_equal(stored(f, "shpo").name, "shpo");
	assert_int_equal(pause_for(f, "shpo", false, 0), ST_OK);
	assert_string_equal(stored(f, "shpo").name, "");
	assert_int_equal(pause_for(f, "shop", false, 0), ST_OK); /* nothing to end */
	assert_string_equal(stored(f, "shop").name, "");
}

static void pause__refuses_what_makes_no_sense(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"", "a b", "123456789012345678901234567890123", "a\t"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(pause_for(f, names[i], true, 0), ST_INVALID);
	assert_int_equal(pause_for(f, "shop", true, -1), ST_INVALID);
	assert_int_equal(pause_for(f, "shop", true, INT64_C(1) << 53), ST_INVALID);
	assert_int_equal(stats_of(f).last_seq, 0);
}

/* --- damage, repair, export, import: of this engine --- */

static struct receiver_state full_state(void)
{
	struct receiver_state r = {.name = "shop",
		.breaker = BREAKER_RAMPING,
		.is_paused = true,
		.paused_until_us = 1,
		.paused_by = "operator:ann",
		.opened_at_us = 2,
		.open_until_us = 3,
		.opened_times = UINT32_MAX,
		.window_at_us = INT64_C(1790000000000000),
		.window_us = 5,
		.now = {6, 7},
		.before = {8, UINT32_MAX},
		.ramp = 9,
		.step = {10, 11},
		.probe = 12,
		.probe_until_us = 13,
		.calls_total = 14,
		.failed_total = 15};
	return r;
}

/* As an export tells it: that has every member. */
static char *told_of(const struct receiver_state *r)
{
	char *text;
	size_t len;
	struct item item = {.kind = ITEM_RECEIVER, .receiver = *r};
	struct dump_writer writer = {.to = open_memstream(&text, &len)};
	assert_int_equal(dump_write(&writer, &item, NULL), ST_OK);
	dump_writer_release(&writer);
	fclose(writer.to);
	return text;
}

static void assert_same(const struct receiver_state *a, const struct receiver_state *b)
{
	char *x = told_of(a), *y = told_of(b);
	assert_string_equal(x, y);
	free(x);
	free(y);
}

static void record__reads_back_and_notices_damage(void **state)
{
	(void)state;
	struct receiver_state r = full_state(), back;
	struct buf out = BUF_INIT(1024);
	receiver_encode(&r, &out);
	assert_int_equal(receiver_decode(slice_text("shop"), buf_slice(&out), &back), ST_OK);
	assert_same(&back, &r);
	for (size_t i = 0; i < out.len * 8; i++) {
		out.p[i / 8] = (char)(out.p[i / 8] ^ 1 << i % 8);
		assert_int_not_equal(receiver_decode(slice_text("shop"), buf_slice(&out), &back), ST_OK);
		assert_true(receiver_is_blank(&back));
		out.p[i / 8] = (char)(out.p[i / 8] ^ 1 << i % 8);
	}
	for (size_t len = 0; len < out.len; len++)
		assert_int_equal(
			receiver_decode(slice_text("shop"), slice_of(out.p, len), &back), ST_CORRUPT);
	/* A checksum that fits does not make a state out of nonsense. */
	r.breaker = BREAKER_N;
	receiver_encode(&r, &out);
	assert_int_equal(receiver_decode(slice_text("shop"), buf_slice(&out), &back), ST_CORRUPT);
	r = full_state();
	r.open_until_us = INT64_MIN;
	receiver_encode(&r, &out);
	assert_int_equal(receiver_decode(slice_text("shop"), buf_slice(&out), &back), ST_CORRUPT);
	buf_release(&out);
}

static void damage__is_found_and_counts_as_closed(void **state)
{
	struct fixture *f = *state;
	struct told told;
	struct receiver_report w = worker();
	open_it(f, &w);
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	spoil_meta(f, "receiver.shop");
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_string_equal(told.all, "meta||receiver.shop is damaged: it counts as closed and not paused\n");
	assert_string_equal(stored(f, "shop").name, "");
	w.ok = 1;
	exchange(f, &w);
	assert_true(w.ok == 0 && w.may_run == UINT32_MAX);
	assert_last_event(f, EVENT_BREAKER, "shop", "system", "closed: its record could not be read");
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	spoil_meta(f, "receiver.shop");
	assert_int_equal(pause_for(f, "shop", false, 0), ST_OK);
	assert_last_event(f, EVENT_BREAKER, "shop", "system", "closed: its record could not be read");
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
}

static void care(struct fixture *f, struct care_ask *ask)
{
	struct care_result result;
	struct why why = WHY_INIT;
	f->ops->close(f->store);
	f->store = NULL;
	if (f->ops->care(&f->conf, ask, NULL, &result, &why) != ST_OK)
		fail_msg("%s", why.text);
	assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
}

static void repair__keeps_what_can_be_read(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	struct care_ask ask = {.verb = CARE_REPAIR};
	struct receiver_report w = worker();
	open_it(f, &w);
	pause_for(f, "bank", true, 0);
	pause_for(f, "post", true, 0);
	f->ops->bookmark_set(f->store, "reader", 17, NULL);
	spoil_meta(f, "receiver.post");
	struct receiver_state shop = stored(f, "shop"), bank = stored(f, "bank"), is;
	care(f, &ask);
	is = stored(f, "shop");
	assert_same(&is, &shop);
	is = stored(f, "bank");
	assert_same(&is, &bank);
	assert_string_equal(stored(f, "post").name, "");
	uint64_t bookmark;
	f->ops->bookmark_get(f->store, "reader", &bookmark, NULL);
	assert_int_equal(bookmark, 17);
}

static char *export(struct fixture *f)
{
	static const struct spool_watch nobody;
	char *text;
	size_t len;
	struct dump_writer writer = {.to = open_memstream(&text, &len)};
	assert_int_equal(f->ops->export(f->store, f->now, dump_write, &writer, &nobody, NULL), ST_OK);
	assert_int_equal(dump_finish(&writer, NULL), ST_OK);
	fclose(writer.to);
	return text;
}

static void export__and_import_carry_all_of_it(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	struct tx tx;
	struct receiver_state full = full_state(), is;
	assert_int_equal(tx_begin(&tx, f->store, TX_WRITE, f->now, NULL), ST_OK);
	receiver_put(&tx, &full);
	assert_int_equal(tx_commit(&tx, NULL), ST_OK);
	pause_for(f, "bank", true, 0);
	char *text = export(f);
	struct dump_reader reader = {.from = fmemopen(text, strlen(text), "r")};
	struct care_ask ask = {.verb = CARE_IMPORT,
		.path = "tests",
		.replaces = true,
		.source = dump_read,
		.source_arg = &reader};
	care(f, &ask);
	is = stored(f, "shop");
	assert_same(&is, &full);
	assert_string_equal(stored(f, "bank").paused_by, "operator:ann");
	dump_reader_release(&reader);
	fclose(reader.from);
	free(text);
}

static void import__refuses_what_is_no_receiver(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *lines, *words;
		int items;
	} rows[] = {
		{"{\"receiver\":{\"name\":\"a b\",\"breaker\":\"open\"}}\n", "receiver.name is none", 2},
		{"{\"receiver\":{\"name\":\"a\",\"breaker\":\"open\"}}\n"
		 "{\"receiver\":{\"name\":\"a\",\"breaker\":\"closed\"}}\n",
			"the same receiver stands there twice", 3},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[400];
		struct care_result result;
		struct why why = WHY_INIT;
		snprintf(text, sizeof text,
			"{\"spool\":{\"format\":1,\"next_seq\":1}}\n%s{\"end\":{\"items\":%d}}\n",
			rows[i].lines, rows[i].items);
		struct dump_reader reader = {.from = fmemopen(text, strlen(text), "r")};
		struct care_ask ask = {.verb = CARE_IMPORT,
			.path = "tests",
			.replaces = true,
			.source = dump_read,
			.source_arg = &reader};
		f->ops->close(f->store);
		f->store = NULL;
		assert_int_equal(f->ops->care(&f->conf, &ask, NULL, &result, &why), ST_INVALID);
		if (!strstr(why.text, rows[i].words))
			fail_msg("%s", why.text);
		assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
		dump_reader_release(&reader);
		fclose(reader.from);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	jx_init();
	const struct CMUnitTest tests[] = {
		CASE(reports__of_two_workers_open_one_breaker),
		CASE(reports__one_probe_over_all_and_over_a_crash),
		CASE(reports__cost_no_commit_of_their_own),
		CASE(reports__commit_a_probe_given_back_and_each_step),
		CASE(reports__are_left_alone_by_a_failure),
		CASE(reports__of_several_receivers_are_apart),
		CASE(pause__keeps_calls_away_until_resumed),
		CASE(pause__ends_by_itself),
		CASE(pause__of_a_misspelt_name_leaves_nothing),
		CASE(pause__refuses_what_makes_no_sense),
		cmocka_unit_test(record__reads_back_and_notices_damage),
		CASE(damage__is_found_and_counts_as_closed),
		CASE(repair__keeps_what_can_be_read),
		CASE(export__and_import_carry_all_of_it),
		CASE(import__refuses_what_is_no_receiver),
	};
	return cmocka_run_group_tests_name("store receivers", tests, NULL, NULL);
}
