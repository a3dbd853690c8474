#pragma once
/* For tests: the file system of SQLite, in front of the real one, with faults. The calls of a kind are counted, and from
 * the n-th on so many of them fail, or the process is killed in its place. No sync reaches the disk: no power is lost in a test. */

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/macro.h"

enum fault_calls {
	FAULT_OPEN = 1,
	FAULT_READ = 2,
	FAULT_WRITE = 4,
	FAULT_TRUNCATE = 8,
	FAULT_SYNC = 16,
	FAULT_REST = 32,			/* size, lock, delete, access, shared memory */
	FAULT_ANY = 63
};

struct faults {
	unsigned calls;			/* that are counted and fail: set of enum fault_calls */
	unsigned first;			/* the first-th of them is the first to fail; 0: none */
	unsigned n;			/* so many in a row; UINT_MAX: it never ends, as after a death */
	bool full;			/* of writes: no room, else an I/O error */
	bool torn;			/* of writes: half of the bytes are written all the same */
	bool kills;			/* the process is killed instead */
};

static struct {
	struct faults now;
	unsigned n_calls, n_failed;
	sqlite3_vfs vfs, *real;
	sqlite3_io_methods methods;
} faults;

struct faulty_file {
	sqlite3_file base;
	sqlite3_file *real;		/* lies behind this */
};

static inline void faults_begin(struct faults what)
{
	faults.now = what;
	faults.n_calls = faults.n_failed = 0;
}

/* How many there were. */
static inline unsigned faults_end(void)
{
	faults.now.first = 0;
	return faults.n_failed;
}

static inline bool fault(unsigned call)
{
	const struct faults *now = &faults.now;

	if (now->first == 0 || !(now->calls & call) || ++faults.n_calls < now->first || faults.n_calls - now->first >= now->n)
		return false;
	if (now->kills)
		kill(getpid(), SIGKILL);
	faults.n_failed++;
	return true;
}

static inline sqlite3_file *faulty_real(sqlite3_file *file)
{
	return ((struct faulty_file *)file)->real;
}

#define FAULTY(call, error, what) (fault(call) ? (error) : (what))

static inline int faulty_close(sqlite3_file *file)
{
	return faulty_real(file)->pMethods->xClose(faulty_real(file));
}

static inline int faulty_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
	return FAULTY(FAULT_READ, SQLITE_IOERR_READ, faulty_real(file)->pMethods->xRead(faulty_real(file), data, size, offset));
}

static inline int faulty_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
	sqlite3_file *real = faulty_real(file);

	if (!fault(FAULT_WRITE))
		return real->pMethods->xWrite(real, data, size, offset);
	if (faults.now.torn)
		real->pMethods->xWrite(real, data, size / 2, offset);
	return faults.now.full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static inline int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return FAULTY(FAULT_TRUNCATE, SQLITE_IOERR_TRUNCATE, faulty_real(file)->pMethods->xTruncate(faulty_real(file), size));
}

static inline int faulty_sync(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return FAULTY(FAULT_SYNC, SQLITE_IOERR_FSYNC, SQLITE_OK);
}

static inline int faulty_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return FAULTY(FAULT_REST, SQLITE_IOERR_FSTAT, faulty_real(file)->pMethods->xFileSize(faulty_real(file), ret));
}

static inline int faulty_lock(sqlite3_file *file, int level)
{
	return FAULTY(FAULT_REST, SQLITE_IOERR_LOCK, faulty_real(file)->pMethods->xLock(faulty_real(file), level));
}

static inline int faulty_unlock(sqlite3_file *file, int level)
{
	return faulty_real(file)->pMethods->xUnlock(faulty_real(file), level);
}

static inline int faulty_check_reserved(sqlite3_file *file, int *ret)
{
	return faulty_real(file)->pMethods->xCheckReservedLock(faulty_real(file), ret);
}

static inline int faulty_control(sqlite3_file *file, int what, void *argument)
{
	return faulty_real(file)->pMethods->xFileControl(faulty_real(file), what, argument);
}

static inline int faulty_sector_size(sqlite3_file *file)
{
	return faulty_real(file)->pMethods->xSectorSize(faulty_real(file));
}

static inline int faulty_characteristics(sqlite3_file *file)
{
	return faulty_real(file)->pMethods->xDeviceCharacteristics(faulty_real(file));
}

static inline int faulty_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	*ret = NULL;
	return FAULTY(FAULT_REST, SQLITE_IOERR_SHMMAP,
		      faulty_real(file)->pMethods->xShmMap(faulty_real(file), page, size, extend, ret));
}

static inline int faulty_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return faulty_real(file)->pMethods->xShmLock(faulty_real(file), offset, n, flags);
}

static inline void faulty_shm_barrier(sqlite3_file *file)
{
	faulty_real(file)->pMethods->xShmBarrier(faulty_real(file));
}

static inline int faulty_shm_unmap(sqlite3_file *file, int delete)
{
	/* The dead delete nothing. */
	return faulty_real(file)->pMethods->xShmUnmap(faulty_real(file), delete && !fault(FAULT_REST));
}

static inline int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct faulty_file *faulty = (struct faulty_file *)file;
	int r;

	(void)vfs;
	file->pMethods = NULL;
	if (fault(FAULT_OPEN))
		return SQLITE_CANTOPEN;
	faulty->real = (sqlite3_file *)(faulty + 1);
	r = faults.real->xOpen(faults.real, name, faulty->real, flags, ret_flags);
	if (faulty->real->pMethods)
		file->pMethods = &faults.methods;
	return r;
}

static inline int faulty_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	(void)vfs;
	(void)sync_folder;
	return FAULTY(FAULT_REST, SQLITE_IOERR_DELETE, faults.real->xDelete(faults.real, name, 0));
}

static inline int faulty_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	(void)vfs;
	return FAULTY(FAULT_REST, SQLITE_IOERR_ACCESS, faults.real->xAccess(faults.real, name, flags, ret));
}

/* From here on whoever opens a database opens it through this. */
static inline void faults_register(void)
{
	faults.methods = (sqlite3_io_methods){
		.iVersion = 2,		/* with shared memory, without mapped files */
		.xClose = faulty_close,
		.xRead = faulty_read,
		.xWrite = faulty_write,
		.xTruncate = faulty_truncate,
		.xSync = faulty_sync,
		.xFileSize = faulty_size,
		.xLock = faulty_lock,
		.xUnlock = faulty_unlock,
		.xCheckReservedLock = faulty_check_reserved,
		.xFileControl = faulty_control,
		.xSectorSize = faulty_sector_size,
		.xDeviceCharacteristics = faulty_characteristics,
		.xShmMap = faulty_shm_map,
		.xShmLock = faulty_shm_lock,
		.xShmBarrier = faulty_shm_barrier,
		.xShmUnmap = faulty_shm_unmap,
	};
	faults.real = sqlite3_vfs_find(NULL);
	faults.vfs = *faults.real;
	faults.vfs.zName = "faults";
	faults.vfs.szOsFile += (int)sizeof(struct faulty_file);
	faults.vfs.xOpen = faulty_open;
	faults.vfs.xDelete = faulty_delete;
	faults.vfs.xAccess = faulty_access;
	sqlite3_vfs_register(&faults.vfs, 1);
}
