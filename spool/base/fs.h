/* spool/base/fs.h: the few file-system acts whose order makes durability: sync a directory, refuse network
 * file systems. */
#ifndef SPOOL_BASE_FS_H
#define SPOOL_BASE_FS_H
#include "spool/base/status.h"

NODISCARD enum status fs_sync_dir(const char *path, struct why *why);
NODISCARD enum status fs_sync_file(const char *path, struct why *why);
NODISCARD enum status fs_make_dirs(const char *path, unsigned mode, struct why *why); /* like mkdir -p */
/* A file that is written and synced under another name gets its own, on disk too. EXISTS: it is taken. */
NODISCARD enum status fs_publish(const char *part, const char *path, struct why *why);
/* ST_VERSION when path lies on a file system whose locks or mappings LMDB cannot rely on (NFS, CIFS, FUSE,
 * 9p). */
NODISCARD enum status fs_check_local(const char *path, struct why *why);

#endif
