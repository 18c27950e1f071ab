/* tests/power/log.h: what was done to a spool's file and when it was acknowledged, in one order over all
 * processes.
 *
 * The log is a file that all of them map. An operation and its entry are made with the log locked, so the
 * order of the entries is the order of the operations. Header only: the recorder is loaded into the daemons,
 * the test links it. */
#ifndef TESTS_POWER_LOG_H
#define TESTS_POWER_LOG_H
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define POWER_LOG_ENV "CLARIO_POWER_LOG"
enum { POWER_LOG_MAX = 1 << 30 };

enum power_kind {
	POWER_WRITE,     /* bytes at an offset of data.mdb: in the page cache */
	POWER_SYNC,      /* fdatasync or fsync came back: all writes before it are on disk */
	POWER_SYNC_LAST, /* the write before it was through a descriptor with O_DSYNC: that one is on disk */
	POWER_RENAME,    /* lmdb.new became lmdb */
	POWER_SYNC_FOLDER,  /* fsync of the spool's directory came back: the rename is on disk */
	POWER_ACKNOWLEDGED, /* a client has been answered 2xx for this job (16 bytes) */
	POWER_ENDED,        /* a client has been told that this job is completed */
};

struct power_entry {
	uint32_t kind, len;
	uint64_t offset;
	uint8_t bytes[]; /* padded to 8 */
};

struct power_log {
	atomic_int locked;
	_Atomic uint64_t end; /* bytes of entries */
	uint8_t entries[];
};

/* NULL: it cannot be opened. */
static inline struct power_log *power_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, POWER_LOG_MAX) != 0)
		return NULL;
	void *at = mmap(NULL, POWER_LOG_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

static inline void power_lock(struct power_log *log)
{
	while (atomic_exchange(&log->locked, 1))
		sched_yield();
}

static inline void power_unlock(struct power_log *log)
{
	atomic_store(&log->locked, 0);
}

static inline size_t power_entry_size(uint32_t len)
{
	return sizeof(struct power_entry) + ((len + 7u) & ~7u);
}

/* With the log locked. A full log ends the process: half a record of what happened would prove nothing. */
static inline void power_append(
	struct power_log *log, enum power_kind kind, uint64_t offset, const void *bytes, uint32_t len)
{
	uint64_t end = atomic_load(&log->end);
	if (end + power_entry_size(len) > POWER_LOG_MAX - sizeof *log)
		_exit(99);
	struct power_entry *e = (struct power_entry *)(log->entries + end);
	*e = (struct power_entry){kind, len, offset};
	if (len)
		memcpy(e->bytes, bytes, len);
	atomic_store(&log->end, end + power_entry_size(len));
}

static inline void power_mark(struct power_log *log, enum power_kind kind, const uint8_t id[16])
{
	power_lock(log);
	power_append(log, kind, 0, id, 16);
	power_unlock(log);
}

#endif
