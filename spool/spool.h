/* spool/spool.h: the durable spool: open, submit, exchange (settle and claim), steer, read.
 *
 * What is promised is numbered in README ("Promises") and in design terms there; the functions name which
 * they keep. A struct spool is one process's handle. One per process and path; open after fork, never across
 * it. Threads: every function may be called from any thread at any time unless it says otherwise. Blocking:
 * verbs that write block for at most the commits ahead of them and their own; reads never block writers. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H
#include "spool/base/clock.h"
#include "spool/model/account.h"
#include "spool/model/await.h"
#include "spool/model/figures.h"
#include "spool/model/forget.h"
#include "spool/model/item.h"
#include "spool/model/settle.h"
#include "spool/model/steer.h"
#include "spool/model/token.h"
#include "spool/model/trigger.h"

struct spool;

struct spool_conf {
	const char *store;            /* engine's name: "lmdb" */
	const char *path;             /* the spool directory; with read_only also a copy's file */
	int64_t map_size;             /* bytes; must be what init was given */
	int64_t full_at_percent;      /* refuse intake at this share of the map */
	int64_t disk_full_at_percent; /* refuse intake at this share of the file system; 0: never */
	int64_t max_depth;            /* refuse intake at this many jobs that have not ended; 0: no bound */
	bool ordering;                /* queue.ordering = workflow */
	int64_t dedupe_window_us;     /* how long a completed job blocks its natural key */
	int64_t crowd_at; /* jobs of one user, lately, beyond which its further ones take turns; 0: never */
	int64_t keep_reserved_us; /* jobs with a reserved key (rules.h) are not removed before this age */
	/* By phase: how soon it should come in a workflow whose phase before it has completed
	 * (model/await.h); 0: nobody awaits it. */
	int64_t await_us[AWAIT_LAST + 1];
	bool audits;    /* for tests: counters are recounted at each commit; the process ends if one is off */
	bool read_only; /* tools that only look: verbs that write give ST_DENIED */
	/* Of an engine on a database server. The directory is each host's own then: it has no jobs. */
	const char *database;      /* how to connect to it */
	const char *host;          /* whose leases end with its boot, as owners name it; NULL: this one */
	bool require_sync_standby; /* write only while commits wait for a standby */
};

/* Create an empty spool (temporary directory, fsync, rename, fsync of the parent): all or nothing.
 * ST_EXISTS if there is one already; VERSION: unsuitable file system; DENIED, IO, FULL. Single-threaded. */
NODISCARD enum status spool_init(const struct spool_conf *conf, struct why *why);

/* Open an existing spool. NOTFOUND: none there (say how to create it), VERSION: foreign format or other map
 * size, CORRUPT, DENIED, IO. *out is NULL unless ST_OK. */
NODISCARD enum status spool_open(const struct spool_conf *conf, struct spool **out, struct why *why);
void spool_close(struct spool *sp); /* accepts NULL; no other call may be running */

/* Whether this process's handle is beyond help (LMDB's MDB_PANIC) and the process should exit(75) to be
 * restarted. */
bool spool_is_broken(const struct spool *sp);

/* A submit under way: n triggers as one unit of one commit; receipts[i] answers triggers[i] (promises 1, 4,
 * 6). Submits of all threads that are under way at the same time share one commit (group commit).
 *
 * The caller fills in the first part and leaves all of it in place until done() is called, once. Then:
 * ST_OK: each receipt has its own verdict, and every accepted one is on disk.
 * FULL, NOSPACE, IO, NOMEM, CORRUPT: nothing of this submit was stored and each receipt is SUBMIT_REFUSED
 * with that status. ST_IO leaves open whether a commit reached the disk: the caller must try again with the
 * same key.
 */
struct submit {
	const struct trigger *triggers;
	size_t n; /* at least 1 */
	struct receipt *receipts;
	struct moment now;
	/* The verdict is there. Called by the thread that leads; the submit is the caller's again. Must not
	 * block. */
	void (*done)(struct submit *submit);
	/* This submit has come to the head of the line and nobody commits: some thread must call spool_lead()
	 * soon. Called from spool_submit_begin() or by a thread that led; may call spool_lead() only in the
	 * first case. */
	void (*lead)(struct submit *submit);

	enum status status;
	struct why why;

	struct submit *next; /* from here on the spool's own */
	size_t bytes;
};

/* Get in line; blocks for no commit. */
void spool_submit_begin(struct spool *sp, struct submit *submit);

/* Commit one batch from the head of the line, then call lead() of the first that was left behind, then done()
 * of each of the batch. Blocks for that commit. Only as an answer to a lead(). */
void spool_lead(struct spool *sp);

/* The same, waited for. n may be 0. */
NODISCARD enum status spool_submit(struct spool *sp, struct moment now, const struct trigger *triggers,
	size_t n, struct receipt *receipts, struct why *why);

/* Settle n held jobs and lease up to ask->max due ones, in one commit (promises 2, 3, 5, 7).
 * Expired leases are taken back first. settlements[i].verdict answers each. jobs[0..*jobs_n) are the caller's
 * to job_release(). They come by priority, then by due time, but for three things that keep any from waiting
 * for ever: each eighth claim takes the job that has been due longest, whatever its priority; jobs of users
 * who submit far more than others (spool_conf.crowd_at) take every fourth, and in that those users take
 * turns; ask->limits leave out what they have no room for. *next_due_us: when something becomes claimable by
 * time alone (INT64_MAX: nothing). ask NULL: settle only. ST_OK with *jobs_n == 0: nothing is due. Any other
 * status: nothing was settled and nothing leased; the same call may be repeated. INVALID: too many limits.
 * ask->reports become part of what is known of their receivers, in the same commit, and are answered
 * (model/receiver.h); they alone cause a commit only when a breaker changes, and until then their counts stay
 * with the caller. */
NODISCARD enum status spool_exchange(struct spool *sp, struct moment now, struct settlement *settlements,
	size_t n, const struct claim_ask *ask, struct job *jobs, size_t *jobs_n, int64_t *next_due_us,
	struct why *why);

/* A hint that there may be something new to claim: a descriptor to poll for reading (-1: this engine has
 * none), and the call that empties it. Only a hint: poll at least once a second beside it. */
int spool_wake_fd(struct spool *sp);
void spool_wake_drain(struct spool *sp);

/* Steer jobs as an operator; each in results[i]. actor: "operator:NAME". One commit. */
NODISCARD enum status spool_steer(struct spool *sp, struct moment now, enum steer_verb verb,
	const struct job_id *ids, size_t n, struct slice actor, struct slice reason,
	struct steer_result *results, struct why *why);
/* The same as part of an operation that can be undone, or undoing it, and only to jobs that are as they were.
 */
NODISCARD enum status spool_steer_many(struct spool *sp, struct moment now, const struct steer_ask *ask,
	struct steer_result *results, struct why *why);

/* Pause or resume phases (bits of phase_slot()): paused ones are not claimed; what is active ends normally.
 */
NODISCARD enum status spool_pause(struct spool *sp, struct moment now, uint32_t phases, bool pause,
	struct slice actor, struct why *why);

/* All receivers that are known, by name: those that calls were reported of, or that were paused by hand. *n:
 * how many there are, which may be more than cap; out has the first cap. */
NODISCARD enum status spool_receivers(
	struct spool *sp, struct receiver_state *out, size_t cap, size_t *n, struct why *why);

/* Callers whose jobs count (trigger.max_jobs, max_bytes) and that have some which have not ended, a page at a
 * time, in no order that means anything. *after: 0 at first, then as the call before left it. *n < cap: there
 * are no more. */
NODISCARD enum status spool_accounts(
	struct spool *sp, uint64_t *after, struct account *out, size_t cap, size_t *n, struct why *why);

/* Pause or resume a receiver by hand; until_us 0: until resumed, else a time to come. Calls to it are no
 * longer allowed; those under way end normally. An unknown name is made known (it may never have been called
 * yet). Resuming also ends an opening of its breaker, which ramps up. actor and reason stand in the event.
 * INVALID: no receiver's name (receiver_name_is_valid()), or until_us has passed or is centuries away. */
NODISCARD enum status spool_receiver_pause(struct spool *sp, struct moment now, const char *name, bool pause,
	int64_t until_us, struct slice actor, struct slice reason, struct why *why);

/* All tokens that can be read, by name, those that are over too. *n: how many there are, which may be more
 * than cap; out has the first cap. */
NODISCARD enum status spool_tokens(
	struct spool *sp, struct token *out, size_t cap, size_t *n, struct why *why);

/* Add, rotate or revoke a token (model/token.h), in one commit with one event, in which actor and reason
 * stand. *out: as it is afterwards; when ST_OK comes of what was so already, there is no event, and
 * out->revoked_at_us is not now. EXISTS, NOTFOUND, CONFLICT, INVALID, CORRUPT as token_apply() says. */
NODISCARD enum status spool_token_change(struct spool *sp, struct moment now,
	const struct token_change *change, struct slice actor, struct slice reason, struct token *out,
	struct why *why);

/* Remove up to max jobs of one state (not active: ST_INVALID) that entered it before before_us, with their
 * events and keys; one `removed` event tells how many. Those that spool_conf.keep_reserved_us keeps stay.
 * *removed < max: there are no more, but for those that could not be read: up to that many were set aside,
 * and the next call goes on behind them. Small transaction: call again. */
NODISCARD enum status spool_remove(struct spool *sp, struct moment now, enum job_state state,
	int64_t before_us, size_t max, struct slice actor, size_t *removed, struct why *why);

/* Remove events that belong to no job (any more) and are older than before_us: a bounded number is looked at,
 * ascending from *seen (0: from the first), which is moved on. *has_more: call again; otherwise the next one
 * is younger, or there is none. */
NODISCARD enum status spool_remove_events(struct spool *sp, struct moment now, int64_t before_us,
	uint64_t *seen, bool *has_more, struct why *why);

/* Draw what an act's names are made of. ask->user_id, actor and reason are the caller's to set. IO. */
NODISCARD enum status spool_forget_begin(struct forget_ask *ask, struct why *why);

/* Forget a person: all jobs of that user that have ended lose their payloads, their outcomes and their ids,
 * their events lose their words and data, and so do events of jobs that are gone and records that were set
 * aside, as far as they name the user. States, times and counts stay. A bounded number in each call, and a
 * `forgotten` event in each transaction that changed anything: call again until forget->is_done, with the
 * same ask. Cut short it does no harm: another act finishes it, under other names. Jobs that have not ended
 * are counted (forget->live) and left alone. What was there before stays in free pages of the file until
 * these are used again or CARE_COMPACT leaves them out. */
NODISCARD enum status spool_forget(struct spool *sp, struct moment now, const struct forget_ask *ask,
	struct forget *forget, struct why *why);

/* One job, whole. NOTFOUND, CORRUPT. The caller releases *out. */
NODISCARD enum status spool_get(struct spool *sp, struct job_id id, struct job *out, struct why *why);

/* A page of at most max jobs. *next: where the following page starts, "" at the end. A page may be short,
 * even empty, with *next set: the work per call is bounded. INVALID: not a cursor of this filter.
 * with_payload false leaves job.payload empty. The caller releases jobs[0..*n). */
NODISCARD enum status spool_list(struct spool *sp, const struct job_filter *filter, const struct cursor *from,
	size_t max, bool with_payload, struct job *jobs, size_t *n, struct cursor *next, struct why *why);

/* A page of events, ascending by seq; *last_seen: after_seq for the next call, even when a filter left *n at
 * 0. With a job or a workflow the whole history is found through the jobs, however old. */
NODISCARD enum status spool_events(struct spool *sp, const struct event_filter *filter, size_t max,
	struct event *events, size_t *n, uint64_t *last_seen, struct why *why);

NODISCARD enum status spool_stats(struct spool *sp, struct stats *out, struct why *why);

/* What was read before is lasting now. A read may see a commit whose last step to the disk is still under
 * way (its writer answers nobody before that): a power cut may yet undo it, and the numbers of its events are
 * then given to others. Whoever tells what it read to somebody who remembers by number calls this in between.
 * Costs a sync when there is something to sync. IO: the spool is broken (spool_is_broken()). */
NODISCARD enum status spool_sync(struct spool *sp, struct why *why);

/* The same and more, for monitors that ask every few seconds: the cost does not grow with what is stored. */
NODISCARD enum status spool_figures(struct spool *sp, struct figures *out, struct why *why);

/* One thing that verify found wrong. Texts may be empty, never NULL; job: its id. */
struct spool_finding {
	const char *tree, *job, *what, *advice;
};
/* Who is told of a long act. Either function may be NULL. */
struct spool_watch {
	void (*found)(void *arg, const struct spool_finding *finding);
	void (*progress)(void *arg, uint64_t done, uint64_t total); /* total 0: not known */
	void *arg;
	int64_t stall_ms; /* after so long without progress the act is given up; 0: a minute */
};

/* Walk a spool's every page, record, index entry and counter and compare: in a process of its own, which a
 * damaged file may crash or stall without harm, and then that is a finding. conf->path: a spool's directory,
 * in use or not, or a copy of its data (a directory or a file). Changes nothing. ST_OK: sound; CORRUPT: *why
 * names the first finding, watch->found is called for each. The caller has no other threads. */
NODISCARD enum status spool_verify(
	const struct spool_conf *conf, const struct spool_watch *watch, struct why *why);

/* Acts on a spool as a whole. All but backup want it for themselves: BUSY while anybody has it open, and
 * nobody can open it meanwhile. What is written is synced and verified before it takes its place in one
 * rename. */
enum care_verb {
	CARE_BACKUP,  /* a copy of one state, while it is in use, into the file `path`, or a new one in that
			 directory */
	CARE_RESTORE, /* such a copy becomes the spool; EXISTS when that is not empty, unless `replaces` */
	CARE_COMPACT, /* without its free pages */
	CARE_REPAIR,  /* indexes and counters anew from the records; what is unreadable is set aside */
	CARE_IMPORT,  /* what an export gave becomes the spool; EXISTS as with restore */
};
struct care_ask {
	enum care_verb verb;
	const char *path; /* backup: to; restore and import: from */
	bool replaces, skips_verify;
	item_source source; /* import: called in a child process. Not ST_OK ends the act with that */
	void *source_arg;
};
struct care_result {
	char path[512]; /* what was written, or where the spool as it was before now lies; "": nowhere */
	uint64_t bytes_before, bytes_after;
	/* Of repair and import: what the new spool has, and what it could not have. */
	uint64_t jobs, events, set_aside, lost, mended, sifted_pages;
	char aside_path[512]; /* the file with unreadable records; "": none */
};
/* BUSY, EXISTS, NOTFOUND, CORRUPT (the copy, or what was read, is damaged), FULL, IO. Not ST_OK: the spool is
 * as it was. The caller has no other threads and no spool open. */
NODISCARD enum status spool_care(const struct spool_conf *conf, const struct care_ask *ask,
	const struct spool_watch *watch, struct care_result *result, struct why *why);

/* One state of the spool, item by item, in one read transaction: while it lasts no page that is freed is used
 * again, so a slow sink lets the file grow. watch may be NULL: it is told how far this is, and of each record
 * that cannot be read. Those of a job are given as set aside. CORRUPT when there were any, or what is no
 * part of a job is left; the sink's own failure; ST_OK. The end (ITEM_END) is the caller's to write. */
NODISCARD enum status spool_export(
	struct spool *sp, item_sink sink, void *arg, const struct spool_watch *watch, struct why *why);

/* Verify on an open spool, in this process: for tests. Walk everything and compare: every index entry has
 * its job and the reverse, counters agree, checksums hold. ST_OK: sound. CORRUPT: *why names the first
 * finding, report (may be NULL) is called for each. */
typedef void (*spool_check_fn)(void *arg, const char *finding);
NODISCARD enum status spool_check(struct spool *sp, spool_check_fn report, void *arg, struct why *why);

/* Housekeeping: a `stalled` event for each workflow whose awaited phase has not come in time (no sooner than
 * 2 s), a bounded number at a time, once for each job that completed. What completed before the first call
 * ever is history. *told: how many. *has_more: call again at once. One thread per struct spool. */
NODISCARD enum status spool_await_tell(
	struct spool *sp, struct moment now, size_t *told, bool *has_more, struct why *why);

/* Workflows that were told of and await their phase still, a page at a time, in order of the jobs that
 * completed. *at: zeroed at first, then as the call before left it. *n < cap: there are no more. */
NODISCARD enum status spool_stalled(
	struct spool *sp, struct job_id *at, struct stalled *out, size_t cap, size_t *n, struct why *why);

/* A durable number under a name ("notify-relay"): how far a reader of the events has come ("backup": when the
 * last one was made, in microseconds since 1970). 0 when never set.
 * Setting is one commit. name: at most 32 bytes. */
NODISCARD enum status spool_bookmark_get(
	struct spool *sp, const char *name, uint64_t *value, struct why *why);
NODISCARD enum status spool_bookmark_set(struct spool *sp, const char *name, uint64_t value, struct why *why);

/* Housekeeping that some process should do every 30 s: frees readers that died (lmdb.h, Caveats). */
void spool_tend(struct spool *sp);

#endif
